"""What an author's notebooks must look like, so that a change to one reads as a change."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

from autodiff_lib.units import UNITS

from ..book.nbgrader_course import ROOT, nbgrader

KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_TIMEOUT = 300  # seconds
STEP = 4  # of 256, between the colours of a figure that is kept
WIDGET = "application/vnd.jupyter.widget-view+json"
"""A view of a widget: what it shows lives in the kernel that made it, under a name that is drawn anew each time."""

WORDS = ("t odo", "f ixme", "x xx", "t bd", "w ip", "h ack", "s tub", "b ug", "t emp", "t mp", "m ock", "d ummy", "o ops", "l ater")
APART = re.compile("|".join("(?<={})(?={})".format(*word.split()) for word in WORDS), re.IGNORECASE)
"""Where, in the letters of a figure, a word begins by chance that one searches for to find unfinished work."""

KEPT_TAGS = re.compile(r"export|experiment|nbval-.*|raises-exception")


def committed() -> list[Path]:
    """Every notebook that authors write: the units' sources and the lectures."""
    return [*sorted((ROOT / "source").glob("*/*.ipynb")), *lectures()]


def lectures() -> list[Path]:
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def normal_form(notebook: NotebookNode, keep_outputs: bool) -> str:
    """The one way to write a notebook down: no editor's metadata, ids on all cells, nbformat 4.5, one indent."""
    notebook = nbformat.from_dict(json.loads(json.dumps(notebook)))
    notebook.metadata = nbformat.from_dict(KERNEL)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for position, cell in enumerate(notebook.cells):
        cell.metadata = nbformat.from_dict(kept_metadata(cell.metadata))
        cell.setdefault("id", f"cell-{position}")
        if cell.cell_type == "code" and not keep_outputs:
            cell.outputs, cell.execution_count = [], None
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = nbformat.from_dict(kept_of_output(output.metadata))
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def kept_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        key: metadata[key] for key in ("nbgrader", "deletable", "editable") if key in metadata
    }  # the last two: nbgrader's locks
    tags = [tag for tag in metadata.get("tags", []) if KEPT_TAGS.fullmatch(tag)]
    return {**kept, "tags": tags} if tags else kept


def kept_of_output(metadata: dict[str, Any]) -> dict[str, Any]:
    """What a figure says to who does not see it, and nothing else."""
    return {kind: {"alt": said["alt"]} for kind, said in metadata.items() if isinstance(said, dict) and "alt" in said}


def complaints(path: Path) -> Iterator[str]:
    """What is wrong with a committed notebook, each with what mends it."""
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    lecture = path.parent.name == "notebooks"
    if text != normal_form(notebook, keep_outputs=lecture):
        yield "is not in normal form: run `make format`"
    if lecture:
        code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
        counts = [cell.execution_count for cell in code]
        if counts != list(range(1, 1 + len(code))):
            yield f"its cells were not run once, in order (counts {counts}): run `make notebooks`"
        for cell in code:
            expected = {"raises-exception", "nbval-raises-exception"} & set(cell.metadata.get("tags", []))
            if not expected and any(output.output_type == "error" for output in cell.outputs):
                yield f"cell {cell.id} ended in an error: mend it, then run `make notebooks`"


def mend(path: Path) -> bool:
    """Write a notebook in its normal form; whether that changed it."""
    before = path.read_text(encoding="utf-8")
    after = normal_form(nbformat.reads(before, as_version=4), keep_outputs=path.parent.name == "notebooks")
    if after != before:
        path.write_text(after, encoding="utf-8")
    return after != before


def execute(path: Path, on_cell: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Run a lecture in its own folder and keep its outputs. nbclient's CellExecutionError where a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    total = len(notebook.cells)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_complete=lambda cell, cell_index: on_cell(cell_index + 1, total),
    )
    client.execute(stderr=subprocess.DEVNULL)  # where the kernel says that nothing is encrypted on this machine, in the midst of a bar
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        if "image/png" in output.get("data", {}):
            output.data["image/png"] = smaller(output.data["image/png"])
    path.write_text(normal_form(notebook, keep_outputs=True), encoding="utf-8")


def smaller(png: str) -> str:
    """A figure, in base64, with each colour rounded by no more than the eye sees: no palette, which would make bands of a scale."""
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), dtype=np.int16)
    rounded = np.clip((pixels + STEP // 2) // STEP * STEP, 0, 255).astype(np.uint8)
    written = io.BytesIO()
    Image.fromarray(rounded).save(written, "PNG", optimize=True)
    return apart(base64.b64encode(written.getvalue()).decode()) + "\n"


def apart(letters: str) -> str:
    """The same figure, in base64 that spells no mark of unfinished work: a line ends within each, and base64 has no ends of lines."""
    return APART.sub("\n", letters)


def make_release(into: Path) -> None:
    """What nbgrader makes of every unit of `source/`, as folders in `into`. No gradebook is touched."""
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        shutil.copytree(ROOT / "source", course / "source", ignore=shutil.ignore_patterns(".*"))
        for unit in UNITS:
            nbgrader(course, "generate_assignment", unit, "--create")
            shutil.copytree(course / "release" / unit, into / unit, dirs_exist_ok=True)
            for path in (into / unit).glob("*.ipynb"):
                mend(path)
