"""Intake: whatever was submitted becomes cells to run, and a list of what had to be repaired.

It never raises for a submission. What cannot be repaired shows as exercises without an answer.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autodiff_lib import exercises
from autodiff_lib.course import UNITS

from .nbgrader_course import ROOT, solutions, source

MAX_NOTEBOOK = 100 * 2**20  # bytes; outputs are dropped at once
MAX_FILE, MAX_FILES, MAX_FILES_TOTAL = 2**20, 50, 8 * 2**20  # what comes along with the notebook
KNOWN_MODULES = {"autodiff_lib", "torch", "numpy", "matplotlib", "IPython", "ipywidgets", "tqdm"}


@dataclass
class Cell:
    """A code cell to run. `exercise` is the exercise that it is the answer to, where it is one."""

    source: str
    exercise: str | None = None
    id: str = ""


@dataclass
class Submission:
    """A submission, ready for the jail."""

    unit: str
    cells: list[Cell] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    problem: str = ""  # why there is nothing to grade
    digest: str = ""  # of everything that was submitted

    def answers(self) -> dict[str, str]:
        """Exercise -> what the student wrote, for those that have a cell."""
        return {cell.exercise: cell.source for cell in self.cells if cell.exercise}


def read(folder: Path, unit: str) -> Submission:
    """The submission in a folder."""
    submission = Submission(unit)
    paths = [path for path in sorted(folder.rglob("*")) if is_plain(path, folder)] if folder.is_dir() else []
    submission.digest = digest(paths, folder)
    notebooks = [
        path for path in paths if path.suffix.lower() == ".ipynb" and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    ]
    if not notebooks:
        submission.problem = "no notebook was submitted"
        return submission
    read_notebooks = [(path, *parse(path)) for path in notebooks]
    path, cells, repairs = max(read_notebooks, key=lambda item: (work_in(item[1], unit), item[0] == folder / UNITS[unit], item[0].name))
    if path != folder / UNITS[unit]:
        submission.repairs.append(f"the notebook was found as {path.relative_to(folder)}, not as {UNITS[unit]}")
    if len(notebooks) > 1:
        submission.repairs.append(f"of {len(notebooks)} notebooks the one with the most work was taken, {path.relative_to(folder)}")
    submission.repairs += repairs
    if not cells:
        submission.problem = f"{path.relative_to(folder)} holds no cell that can be read"
        return submission
    submission.cells, mended = mend(cells, unit)
    submission.repairs += mended
    submission.files = extra_files(paths, folder, submission.repairs)
    return submission


def is_plain(path: Path, folder: Path) -> bool:
    """A regular file, reached without a link."""
    return path.is_file() and not any(part.is_symlink() for part in (path, *path.parents) if part != folder and folder in part.parents)


def digest(paths: list[Path], folder: Path) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(str(path.relative_to(folder)).encode("utf-8", "surrogateescape") + b"\0")
        with path.open("rb") as file:
            while piece := file.read(2**20):
                total.update(piece)
    return total.hexdigest()


def extra_files(paths: list[Path], folder: Path, repairs: list[str]) -> dict[str, bytes]:
    """The other files, as far as they are small. They lie in the student's home, where they shadow nothing."""
    files: dict[str, bytes] = {}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        if path.suffix.lower() == ".ipynb" or name == "timestamp.txt":
            continue
        size = path.stat().st_size
        if size > MAX_FILE or len(files) == MAX_FILES or sum(map(len, files.values())) + size > MAX_FILES_TOTAL:
            repairs.append(f"the file {name[:80]} ({size} bytes) was left out: it is too large")
            continue
        files[name] = path.read_bytes()
    return files


# --- reading notebooks, whole or not


def parse(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The cells of a notebook file, as dictionaries with `cell_type`, `source`, `metadata`, `id`; and what was repaired."""
    repairs: list[str] = []
    if path.stat().st_size > MAX_NOTEBOOK:
        return [], [f"{path.name} is larger than {MAX_NOTEBOOK // 2**20} MiB and was not read"]
    text = decode(path.read_bytes(), repairs)
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        cells = salvage(text)
        repairs.append(f"the file is not valid JSON; {len(cells)} cells could be saved from it")
        return [cell for cell in map(plain_cell, cells) if cell], repairs
    if not isinstance(notebook, dict):
        return [], ["the file is JSON, but no notebook"]
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        sheets = notebook.get("worksheets")
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells", [])] if isinstance(sheets, list) else []
        if cells:
            repairs.append("the notebook is in the old format 3 and was converted")
    if isinstance(notebook.get("nbformat"), int) and (notebook["nbformat"] > 4 or notebook.get("nbformat_minor", 0) not in range(6)):
        repairs.append("the notebook is in a newer format than this grader knows and was read all the same")
    kernel = notebook.get("metadata", {}).get("kernelspec", {}) if isinstance(notebook.get("metadata"), dict) else {}
    if isinstance(kernel, dict) and kernel.get("name", "python3") not in ("python3", "python"):
        repairs.append(f"the notebook asks for the kernel {str(kernel.get('name'))[:40]} and was run with Python all the same")
    return [cell for cell in map(plain_cell, cells) if cell], repairs


def decode(data: bytes, repairs: list[str]) -> str:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            repairs.append(f"the file is encoded as {encoding} and was decoded")
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        repairs.append("the file holds bytes that are not UTF-8")
        return data.decode("utf-8", errors="replace")


def salvage(text: str) -> list[Any]:
    """The cells that stand whole in a broken file."""
    start = re.search(r'"cells"\s*:\s*\[', text)
    if start is None:
        return []
    decoder, cells, position = json.JSONDecoder(), [], start.end()
    while True:
        position = len(text) - len(text[position:].lstrip(" \t\r\n,"))
        try:
            cell, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            following = re.compile(r'\{\s*"(cell_type|attachments|execution_count|id|metadata)"').search(text, position + 1)
            if following is None:
                return cells
            position = following.start()
            continue
        cells.append(cell)


def plain_cell(cell: Any) -> dict[str, Any] | None:
    """A cell reduced to what the grader looks at; None for what is none."""
    if not isinstance(cell, dict):
        return None
    text = cell.get("source", cell.get("input", ""))
    text = "".join(map(str, text)) if isinstance(text, list) else text
    if not isinstance(text, str):
        return None
    metadata = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
    marked = metadata.get("nbgrader") if isinstance(metadata.get("nbgrader"), dict) else {}
    return {"cell_type": str(cell.get("cell_type")), "source": text, "nbgrader": marked, "id": str(cell.get("id", ""))}


# --- what belongs to which exercise


@cache
def expected_cells(unit: str) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Of the release: stub of each exercise, exercise by cell id, exercise or check by grade_id."""
    notebook = nbformat.read(ROOT / "release" / unit / UNITS[unit], as_version=4)
    stubs, by_id = {}, {}
    for cell in notebook.cells:
        marked = cell.metadata.get("nbgrader", {})
        if marked.get("solution"):
            stubs[marked.grade_id] = cell.source
            by_id[cell.id] = marked.grade_id
    checks = {cell.metadata.nbgrader.grade_id: cell.id for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")}
    return stubs, by_id, checks


@cache
def definition(exercise: str, unit: str) -> re.Pattern[str]:
    """Matches a cell that puts the exercise into the table."""
    if any(signature.startswith(exercise + "(") for signature in exercises.OPERATORS.get(unit, [])):
        return re.compile(rf"""@(ad|autodiff_lib)\.operator\(\s*["']{re.escape(exercise)}\(""")
    return re.compile(rf"^(def|class) {re.escape(exercise)}\b", re.MULTILINE)


def exercise_of(text: str, unit: str) -> str | None:
    return next((exercise for exercise in expected_cells(unit)[0] if definition(exercise, unit).search(text)), None)


def is_check(cell: dict[str, Any], unit: str) -> bool:
    """Check cells are never run: the judge asks the questions itself."""
    checks = expected_cells(unit)[2]
    if exercise_of(cell["source"], unit):
        return False
    return cell["nbgrader"].get("grade_id") in checks or re.fullmatch(r"\s*check\(.*?\)\s*;?\s*", cell["source"], re.DOTALL) is not None


def is_stub(text: str, exercise: str, unit: str) -> bool:
    return squeezed(text) == squeezed(expected_cells(unit)[0][exercise])


def squeezed(text: str) -> str:
    return "".join(text.split())


def work_in(cells: list[dict[str, Any]], unit: str) -> int:
    """How many exercises somebody has worked on."""
    found = {exercise for cell in cells if (exercise := exercise_of(cell["source"], unit)) and not is_stub(cell["source"], exercise, unit)}
    return len(found)


# --- repairs


def mend(raw: list[dict[str, Any]], unit: str) -> tuple[list[Cell], list[str]]:
    """The code cells to run, in order, and the repairs that were made."""
    repairs: list[str] = []
    cells: list[Cell] = []
    checks: dict[str, int] = {}
    for cell in raw:
        text = cell["source"]
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
            note_once(repairs, "Windows line ends were replaced")
        exercise = exercise_of(text, unit)
        if cell["cell_type"] != "code":
            if exercise is None or ("def compute" not in text and "def " not in text):
                continue
            repairs.append(f"the cell of {exercise} was of type {cell['cell_type'][:20]} and was turned into code again")
        if is_check(cell, unit):
            name = str(cell["nbgrader"].get("grade_id", ""))
            checks[name] = checks.get(name, 0) + 1
            continue
        if exercise and not cell["nbgrader"].get("solution"):
            note_once(repairs, "cells of exercises had lost their nbgrader metadata and were known by their text")
        elif exercise and cell["nbgrader"].get("grade_id") != exercise:
            repairs.append(f"the cell of {exercise} was renamed {str(cell['nbgrader'].get('grade_id'))[:40]} and was known by its text")
        cells.append(Cell(text, exercise, cell["id"]))
    cells = joined(without_spare_stubs(cells, unit, repairs), unit, repairs)
    for cell in cells:
        cell.source = without_failing_imports(cell.source, cells, repairs)
    present = {cell.exercise for cell in cells}
    repairs += [f"there is no cell for {exercise}" for exercise in expected_cells(unit)[0] if exercise not in present]
    repairs += [f"the check cell {name} was deleted" for name in expected_cells(unit)[2] if name not in checks]
    repairs += [f"the check cell {name[:40]} was duplicated {count} times" for name, count in checks.items() if count > 1 and name]
    return cells, repairs


def note_once(repairs: list[str], sentence: str) -> None:
    if sentence not in repairs:
        repairs.append(sentence)


def without_spare_stubs(cells: list[Cell], unit: str, repairs: list[str]) -> list[Cell]:
    """Of several cells for one exercise, those that are still the stub are dropped where another is filled in."""
    filled = {cell.exercise for cell in cells if cell.exercise and not is_stub(cell.source, cell.exercise, unit)}
    kept = []
    for cell in cells:
        if cell.exercise in filled and is_stub(cell.source, cell.exercise, unit):
            repairs.append(f"{cell.exercise} has another cell that is filled in; the empty one was left out")
            continue
        kept.append(cell)
    for exercise in filled:
        count = sum(cell.exercise == exercise for cell in kept)
        if count > 1:
            repairs.append(f"the cell of {exercise} was duplicated; the last of {count} counts")
    return kept


def joined(cells: list[Cell], unit: str, repairs: list[str]) -> list[Cell]:
    """A cell that begins with an indented line is the rest of the one before."""
    result: list[Cell] = []
    for cell in cells:
        first = next((line for line in cell.source.splitlines() if line.strip()), "")
        if result and first[:1] in (" ", "\t") and not parses(cell.source) and parses(result[-1].source.rstrip() + "\n\n" + cell.source):
            before = result[-1]
            before.source = before.source.rstrip() + "\n\n" + cell.source
            before.exercise = before.exercise or exercise_of(before.source, unit)
            repairs.append(f"a cell that went on with the one before was joined to it{f' ({before.exercise})' if before.exercise else ''}")
            continue
        result.append(cell)
    return result


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def without_failing_imports(text: str, cells: list[Cell], repairs: list[str]) -> str:
    """Imports of unknown modules whose names occur nowhere else were put there by an editor: they go."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    lines = text.splitlines(keepends=True)
    for statement in tree.body:
        if not isinstance(statement, ast.Import | ast.ImportFrom) or statement.lineno != statement.end_lineno:
            continue
        modules = [statement.module or ""] if isinstance(statement, ast.ImportFrom) else [alias.name for alias in statement.names]
        if all(module.split(".")[0] in KNOWN_MODULES for module in modules):
            continue
        names = [(alias.asname or alias.name).split(".")[0] for alias in statement.names]
        line = lines[statement.lineno - 1]
        others = "".join(cell.source for cell in cells).replace(line, "")
        if not any(re.search(rf"\b{re.escape(name)}\b", others) for name in names if name != "*") and names != ["*"]:
            lines[statement.lineno - 1] = line[: len(line) - len(line.lstrip())] + "pass  # " + line.lstrip()
            repairs.append(f"the unused line `{line.strip()[:60]}` was left out")
    return "".join(lines)


def graded_notebook(unit: str, submission: Submission) -> Iterator[tuple[NotebookNode, Cell | None]]:
    """The cells of the source notebook, each with the student's cell that stands in its place."""
    by_exercise = {cell.exercise: cell for cell in submission.cells if cell.exercise}
    by_id = {cell.id: cell for cell in submission.cells if not cell.exercise}
    for cell in source(unit).cells:
        marked = cell.metadata.get("nbgrader", {})
        if marked.get("solution"):
            yield cell, by_exercise.get(marked.grade_id)
        else:
            yield cell, by_id.get(cell.id)


__all__ = ["Cell", "Submission", "graded_notebook", "read", "solutions"]
