"""Intake: whatever was submitted becomes cells to run, and a list of what had to be repaired.

It never raises for a submission. What cannot be repaired shows as exercises without an answer.
"""

from __future__ import annotations

import ast
import copy
import json
import re
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import PurePosixPath
from typing import Any

import nbformat

from autodiff_lib.checks.cells import exercises_in_cells, exercises_meant
from autodiff_lib.checks.names import descendants, parsed
from autodiff_lib.checks.ready_made import Look, look
from autodiff_lib.units import UNITS

from ..book.nbgrader_course import ROOT
from . import packed
from .submitted import MAX_FILE, MAX_FILES_TOTAL, TIMESTAMP, MiB, Submitted, is_notebook, shown

MAX_CELLS, MAX_SOURCE, MAX_CODE = 500, 2**17, 2**18  # code cells that are run, characters of each, and of all together
MAX_WORDS = 50_000  # characters of an answer in words
MAX_REPAIRS, MAX_REPAIR = 60, 300  # lines of repairs that are kept, and characters of each
MAX_FILES = 50  # that come along with the notebook
HERE = {*sys.stdlib_module_names, "autodiff_lib", "torch", "numpy", "matplotlib"}  # modules that a notebook finds nearly everywhere


@dataclass
class Cell:
    """A code cell to run, with the exercises that it puts into the table."""

    source: str
    exercises: tuple[str, ...] = ()
    id: str = ""


@dataclass
class Submission:
    """A submission, ready for the jail."""

    unit: str
    cells: list[Cell] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    in_words: dict[str, str] = field(default_factory=dict)  # answers for a person to read, by grade_id
    beyond: dict[str, str] = field(default_factory=dict)  # exercises that were not run, because there is too much, and what of
    look: Look = field(default_factory=Look)  # what was seen in the code of what is run
    problem: str = ""  # why there is nothing to grade


def read(submitted: Submitted, unit: str) -> Submission:
    """The submission, with its repairs told in bounded, printable text."""
    submission = Submission(unit, problem=submitted.problem)
    if not submission.problem:
        submission = read_as_it_is(submitted, unit)
    told = [repair.encode("utf-8", "replace").decode("utf-8") for repair in submission.repairs]
    submission.repairs = [repair if len(repair) <= MAX_REPAIR else repair[: MAX_REPAIR - 1] + "…" for repair in told[:MAX_REPAIRS]]
    submission.problem = submission.problem.encode("utf-8", "replace").decode("utf-8")
    return submission


def read_as_it_is(submitted: Submitted, unit: str) -> Submission:
    opened = packed.opened(submitted.files)
    unread = (*submitted.unread, *opened.unread)
    submission = Submission(unit, repairs=[*unread, *opened.told])
    notebooks = {path: content for path, content in opened.files.items() if is_notebook(path) and isinstance(content, bytes)}
    if not notebooks:
        there = ", ".join(PurePosixPath(path).name[:40] for path in list(opened.files)[:3])
        submission.problem = "; ".join(unread) or f"no notebook was submitted{f', only {there}' if there else ''}"
        return submission
    best: tuple[tuple[int, bool, str], str, list[dict[str, Any]], list[str]] = ((-1, False, ""), "", [], [])
    for path, content in notebooks.items():  # one after the other: together they may take more memory than there is
        cells, repairs = parse(content)
        worth = (work_in(cells, unit), packed.is_expected(path, opened.inside.get(path), UNITS[unit].notebook), PurePosixPath(path).name)
        if worth > best[0]:
            best = worth, path, cells, repairs
    (work, expected, _), path, cells, repairs = best
    if unread and not (work and expected):  # what was not read may be what counts
        submission.problem = "; ".join(unread)
        return submission
    if (inside := opened.inside.get(path)) is not None:
        submission.repairs.append(f"the notebook came packed, in {shown(packed.archive_of(path, inside))}, and was unpacked")
    if not expected:
        submission.repairs.append(f"the notebook was found as {shown(path)}, not as {UNITS[unit].notebook}")
    if len(notebooks) > 1:
        submission.repairs.append(f"of {len(notebooks)} notebooks the one with the most work was taken, {shown(path)}")
    submission.repairs += repairs
    if not cells:
        submission.problem = f"{shown(path)} holds no cell that can be read"
        return submission
    kept, submission.beyond = within_limits(cells, unit)
    submission.cells, mended = mend(kept, unit)
    submission.in_words = answers_in_words(cells, unit)
    submission.repairs += mended
    others = {path: content for path, content in opened.files.items() if not is_notebook(path)}
    submission.files = extra_files(others, PurePosixPath(path).parent, submission.repairs)
    submission.look = look_at(submission)
    return submission


def look_at(submission: Submission) -> Look:
    """What is ready-made or roundabout in the cells that are run, and in the modules beside the notebook."""
    cells = [cell.source for cell in submission.cells if squeezed(cell.source) not in experiments(submission.unit)]
    modules = {name.removesuffix(".py"): content for name, content in submission.files.items() if name.endswith(".py")}
    return look(cells, submission.unit, {name.replace("/", "."): text.decode(errors="replace") for name, text in modules.items()})


def extra_files(others: dict[str, bytes | int], home: PurePosixPath, repairs: list[str]) -> dict[str, bytes]:
    """The other files beside the notebook, as far as they are small. They lie in the student's home, where they shadow nothing."""
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    total = 0
    for path, content in others.items():
        place = PurePosixPath(path)
        if not place.is_relative_to(home) or place.name == TIMESTAMP:
            continue
        name = str(place.relative_to(home))
        size = content if isinstance(content, int) else len(content)
        if isinstance(content, int) or size > MAX_FILE or len(files) == MAX_FILES or total + size > MAX_FILES_TOTAL:
            left_out.append(name[:60])
            continue
        files[name] = content
        total += size
    if left_out:
        limits = f"{MAX_FILES} files, {MAX_FILE // MiB} MiB each, {MAX_FILES_TOTAL // MiB} MiB together"
        repairs.append(f"{len(left_out)} files were left out, {left_out[0]} among them: they are too large or too many (at most {limits})")
    return files


# --- reading notebooks, whole or not


def parse(data: bytes) -> tuple[list[dict[str, Any]], list[str]]:
    """The cells of a notebook file, as dictionaries with `cell_type`, `source`, `metadata`, `id`; and what was repaired."""
    repairs: list[str] = []
    text = decode(data, repairs)
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        saved = salvage(text)
        repairs.append(f"the file is not valid JSON; {len(saved)} cells could be saved from it")
        return [cell for cell in map(plain_cell, saved) if cell], repairs
    if not isinstance(notebook, dict):
        return [], ["the file is JSON, but no notebook"]
    cells: Any = notebook.get("cells")
    if not isinstance(cells, list):
        sheets = notebook.get("worksheets")
        sheets = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
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
    if data[1:2] == b"\0":
        repairs.append("the file is encoded as utf-16 and was decoded")
        return data.decode("utf-16-le", errors="replace")
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
    decoder, something, position = json.JSONDecoder(), re.compile(r"[^ \t\r\n,]"), start.end()
    cells: list[Any] = []
    for _ in range(2 * MAX_CELLS):
        following = something.search(text, position)
        position = following.start() if following is not None else len(text)
        try:
            cell, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            following = re.compile(r'\{\s*"(cell_type|attachments|execution_count|id|metadata)"').search(text, position + 1)
            if following is None:
                return cells
            position = following.start()
            continue
        cells.append(cell)
    return cells


def plain_cell(cell: Any) -> dict[str, Any] | None:
    """A cell reduced to what the grader looks at; None for what is none."""
    if not isinstance(cell, dict):
        return None
    text = cell.get("source", cell.get("input", ""))
    text = "".join(map(str, text)) if isinstance(text, list) else text
    if not isinstance(text, str):
        return None
    metadata: Any = cell.get("metadata")
    marked: Any = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    length, text = len(text), text[:MAX_SOURCE]
    text = text.encode("utf-8", "replace").decode("utf-8")  # halves of characters cannot be written down
    kept = {
        "cell_type": str(cell.get("cell_type")),
        "source": text,
        "nbgrader": marked if isinstance(marked, dict) else {},
        "id": str(cell.get("id", "")),
    }
    return {**kept, "too_long": length > MAX_SOURCE}


# --- what belongs to which exercise


@cache
def expected_cells(unit: str) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Of the release: stub of each exercise, exercise by cell id, cell id of each check by its grade_id."""
    notebook = nbformat.read(ROOT / "release" / unit / UNITS[unit].notebook, as_version=4)
    stubs, by_id = {}, {}
    for cell in notebook.cells:
        marked = cell.metadata.get("nbgrader", {})
        if marked.get("solution") and f"check_{marked.grade_id}" in notebook_checks(notebook):
            stubs[marked.grade_id] = cell.source
            by_id[cell.id] = marked.grade_id
    return stubs, by_id, notebook_checks(notebook)


def notebook_checks(notebook: nbformat.NotebookNode) -> dict[str, str]:
    return {
        cell.metadata.nbgrader.grade_id: cell.id
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")
    }


@cache
def questions_in_words(unit: str) -> dict[str, tuple[str, str]]:
    """Of the release: cells to be answered in words and graded by a person: grade_id -> cell id and text."""
    notebook = nbformat.read(ROOT / "release" / unit / UNITS[unit].notebook, as_version=4)
    marked = [cell for cell in notebook.cells if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("grade")]
    return {cell.metadata.nbgrader.grade_id: (cell.id, cell.source) for cell in marked}


def answers_in_words(cells: list[dict[str, Any]], unit: str) -> dict[str, str]:
    """What was written in the cells of `questions_in_words`, known by grade_id or by cell id; the untouched ones left out."""
    found: dict[str, str] = {}
    for name, (cell_id, released) in questions_in_words(unit).items():
        answers = [cell["source"] for cell in cells if cell["nbgrader"].get("grade_id") == name or cell["id"] == cell_id]
        written = [text for text in answers if text.strip() and text.split() != released.split()]
        if written:
            found[name] = "\n\n".join(dict.fromkeys(written))[:MAX_WORDS]
    return found


@cache
def experiments(unit: str) -> set[str]:
    """Those of the unit's own cells that are there to be looked at, squeezed. Nothing that is graded needs them."""
    notebook = nbformat.read(ROOT / "release" / unit / UNITS[unit].notebook, as_version=4)
    return {squeezed(cell.source) for cell in notebook.cells if "experiment" in cell.metadata.get("tags", [])}


def squeezed(text: str) -> str:
    return "".join(text.split())


def only_checks(text: str) -> bool:
    """Whether a cell does nothing but `check(...)`. Such cells are never run: the judge asks the questions itself."""
    found = parsed(text)
    if found is None or not found.tree.body:
        return False
    calls = (statement.value for statement in found.tree.body if isinstance(statement, ast.Expr))
    checks = [call for call in calls if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "check"]
    return len(checks) == len(found.tree.body)


def checked_in(text: str) -> list[str]:
    """The exercises that a cell names in a call of `check`."""
    found = parsed(text)
    calls = (node for node in descendants(found.tree) if isinstance(node, ast.Call)) if found is not None else ()
    return [
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "check" and call.args and isinstance(call.args[0], ast.Constant)
    ]


def is_stub(text: str, exercise: str, unit: str) -> bool:
    """Whether a cell is still as it was released, comments and docstrings aside."""
    return skeleton(text) == skeleton(expected_cells(unit)[0][exercise])


@lru_cache(maxsize=4096)  # stubs and solutions come again and again
def skeleton(text: str) -> str:
    found = parsed(text)
    if found is None:
        return squeezed(text)
    tree = copy.deepcopy(found.tree)  # to be changed
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def work_in(cells: list[dict[str, Any]], unit: str) -> int:
    """How many exercises somebody has worked on."""
    texts = tuple(cell["source"] for cell in cells)
    return len(filled(zip(texts, exercises_in(texts, unit), strict=True), unit))


def filled(cells: Iterable[tuple[str, tuple[str, ...]]], unit: str) -> set[str]:
    """The exercises that one of the cells, each with its exercises, answers with more than the stub."""
    return {exercise for text, there in cells for exercise in there if len(there) > 1 or not is_stub(text, exercise, unit)}


# --- repairs


@lru_cache(maxsize=1)  # whoever finds the notebook asks first, whoever mends it asks again
def exercises_in(texts: tuple[str, ...], unit: str) -> list[tuple[str, ...]]:
    """For each text the exercises that it puts into the table, or would, if it were Python: then only where it is shown depends on them."""
    found = exercises_in_cells(texts, unit)
    return [there or (exercises_meant(text, unit) if parsed(text) is None else ()) for text, there in zip(texts, found, strict=True)]


def within_limits(raw: list[dict[str, Any]], unit: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The cells that are run, and the exercises that are not run because there is too much, with what there is too much of."""
    kept: list[dict[str, Any]] = []
    left_out: list[tuple[dict[str, Any], str]] = []
    count = length = 0
    for cell in raw:
        text = cell["source"]
        if cell["cell_type"] == "code" and text.strip():
            count, length = count + 1, length + len(text)
            if cell["too_long"]:
                left_out.append((cell, f"its cell is longer than {MAX_SOURCE} characters"))
                continue
            if count > MAX_CELLS or length > MAX_CODE:
                what = f"more than {MAX_CELLS} code cells" if count > MAX_CELLS else f"more than {MAX_CODE} characters of code"
                left_out.append((cell, f"it stands after {what}"))
                continue
        kept.append(cell)
    beyond: dict[str, str] = {}
    stubs, by_id, _ = expected_cells(unit)
    for cell, why in left_out:
        marked = cell["nbgrader"].get("grade_id")
        names = [marked] if marked in stubs else [by_id[cell["id"]]] if cell["id"] in by_id else exercises_meant(cell["source"], unit)
        beyond |= dict.fromkeys(names, why)
    return kept, beyond


def mend(raw: list[dict[str, Any]], unit: str) -> tuple[list[Cell], list[str]]:
    """The code cells to run, in order, and the repairs that were made."""
    repairs: list[str] = []
    cells: list[Cell] = []
    checked: list[str] = []
    if any("\r" in cell["source"] for cell in raw):
        raw = [{**cell, "source": cell["source"].replace("\r\n", "\n").replace("\r", "\n")} for cell in raw]
        repairs.append("Windows line ends were replaced")
    there = exercises_in(tuple(cell["source"] for cell in raw), unit)
    filled_in_code = filled(((cell["source"], found) for cell, found in zip(raw, there, strict=True) if cell["cell_type"] == "code"), unit)
    for cell, found in zip(raw, there, strict=True):
        text, grade_id = cell["source"], str(cell["nbgrader"].get("grade_id", ""))
        if cell["cell_type"] != "code":
            lost = [exercise for exercise in found if exercise not in filled_in_code]
            if not lost or parsed(text) is None:
                continue
            repairs.append(f"the cell of {', '.join(lost)} was of type {cell['cell_type'][:20]} and was turned into code again")
        checked += checked_in(text)
        if not text.strip() or only_checks(text) or (not found and grade_id in expected_cells(unit)[2] and parsed(text) is None):
            continue
        if found and not cell["nbgrader"].get("solution"):
            note_once(repairs, "cells of exercises had lost their nbgrader metadata and were known by their text")
        elif found and grade_id not in found:
            repairs.append(f"the cell of {', '.join(found)} was renamed {grade_id[:40]} and was known by its text")
        cells.append(Cell(text, found, cell["id"]))
    cells = joined(without_spare_stubs(cells, unit, repairs), unit, repairs)
    present = {exercise for cell in cells for exercise in cell.exercises}
    repairs += [f"there is no cell for {exercise}" for exercise in expected_cells(unit)[0] if exercise not in present]
    for exercise in expected_cells(unit)[0]:
        times = checked.count(exercise)
        if times != 1:
            repairs.append(f"the check cell check_{exercise} was {'deleted' if times == 0 else f'duplicated: it is there {times} times'}")
    return cells, repairs


def note_once(repairs: list[str], sentence: str) -> None:
    if sentence not in repairs:
        repairs.append(sentence)


def without_spare_stubs(cells: list[Cell], unit: str, repairs: list[str]) -> list[Cell]:
    """Of several cells for one exercise, those that are still the stub are dropped where another is filled in."""
    answered = filled(((cell.source, cell.exercises) for cell in cells), unit)
    kept = []
    for cell in cells:
        if len(cell.exercises) == 1 and cell.exercises[0] in answered and is_stub(cell.source, cell.exercises[0], unit):
            repairs.append(f"{cell.exercises[0]} has another cell that is filled in; the empty one was left out")
            continue
        kept.append(cell)
    for exercise in sorted(answered):
        count = sum(exercise in cell.exercises for cell in kept)
        if count > 1:
            repairs.append(f"the cell of {exercise} was duplicated; the last of {count} counts")
    return kept


def joined(cells: list[Cell], unit: str, repairs: list[str]) -> list[Cell]:
    """A cell that begins with an indented line, and makes no sense by itself, is the rest of the one before."""
    result: list[Cell] = []
    for cell in cells:
        whole = result[-1].source.rstrip() + "\n\n" + cell.source if result else ""
        indented = cell.source.lstrip("\n")[:1] in (" ", "\t") and not cell.exercises
        belongs = bool(result) and (result[-1].exercises or parsed(textwrap.dedent(cell.source)) is None)
        if indented and belongs and parsed(whole) is not None:
            result[-1].source = whole
            (result[-1].exercises,) = exercises_in((whole,), unit)
            repairs.append(f"a cell that went on with the one before was joined to it ({', '.join(result[-1].exercises) or 'no exercise'})")
            continue
        result.append(cell)
    return result


def with_imports_that_may_fail(text: str) -> tuple[str, list[str]]:
    """A cell of which an import failed, with its imports on lines of their own allowed to, and the modules that may be missing.

    Editors put imports at the top of cells, of modules that another machine has not: they must not take the rest along.
    """
    found, lines = parsed(text), text.splitlines()
    if found is None or len(found.lines) != len(lines):  # where a magic takes the whole cell, there is no place for it
        return text, []
    kept: list[str] = []
    modules: dict[str, None] = {}
    done = 0  # lines that were looked at
    for statement in (one for one in found.tree.body if isinstance(one, ast.Import | ast.ImportFrom)):
        named = [statement.module or ""] if isinstance(statement, ast.ImportFrom) else [alias.name for alias in statement.names]
        start, end = statement.lineno - 1, statement.end_lineno or statement.lineno
        block = lines[start:end]
        if start >= done and block[0] == block[0].lstrip() and ";" not in block[0] and named != ["__future__"]:
            kept += [*lines[done:start], "try:", *(f"    {line}" for line in block), "except ImportError:", "    pass"]
            done = end
            modules.update(dict.fromkeys(named))
    foreign = [module for module in modules if module.split(".")[0] not in HERE]
    return "\n".join([*kept, *lines[done:]]), foreign or [*modules]
