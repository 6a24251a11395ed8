for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    table.querySelectorAll("thead th").forEach((head, column) => {
        head.querySelector("button").addEventListener("click", () => {
            const up = head.getAttribute("aria-sort") !== "ascending";
            const value = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
            const order = (a, b) => {
                const [x, y] = [value(a), value(b)];
                if ((x === "") !== (y === "")) return x === "" ? 1 : -1;  // what is not known stays below
                return (up ? 1 : -1) * x.localeCompare(y, undefined, {numeric: true});
            };
            table.querySelectorAll("thead th").forEach(other => other.removeAttribute("aria-sort"));
            head.setAttribute("aria-sort", up ? "ascending" : "descending");
            body.append(...[...body.rows].sort(order));
        });
    });
}
const words = document.querySelector("#filter");
words.addEventListener("input", () => {
    const wanted = words.value.toLowerCase().split(/\s+/);
    for (const row of document.querySelector("#students").tBodies[0].rows)
        row.hidden = !wanted.every(word => row.textContent.toLowerCase().includes(word));
});
