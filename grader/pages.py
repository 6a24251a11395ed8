"""The graded notebook: the source's text, the student's cells with what they printed, the judge's reports.

It is what nbgrader's formgrader shows, and what `generate_feedback` makes its page of. Of the questions
it holds the reports alone: public cases in full, hidden ones by name and hint.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from autodiff_lib.checks import questions as public_questions
from autodiff_lib.checks.report import html
from autodiff_lib.course import UNITS

from .engine import Outcome, Result
from .nbgrader_course import source
from .records import folder_of


def graded_notebook(result: Result) -> NotebookNode:
    """The notebook for one submission's result. Outputs are those of this run; nothing the student sent is believed."""
    notebook = source(result.unit)
    by_exercise = {exercise: outcome for outcome in result.outcomes for exercise in outcome.cell.exercises}
    by_id = {outcome.cell.id: outcome for outcome in result.outcomes if outcome.cell.id and not outcome.cell.exercises}
    questions = public_questions(result.unit)
    used: list[Outcome] = []
    count = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            if cell.metadata.get("nbgrader", {}).get("grade"):
                cell.source = harmless(result.in_words.get(cell.metadata.nbgrader.grade_id, "*Nothing was written here.*"))
            continue
        count += 1
        cell.execution_count = count
        marked = cell.metadata.get("nbgrader", {})
        outcome = by_exercise.get(marked.get("grade_id")) or by_id.get(cell.id)
        if marked.get("grade"):
            name = marked.grade_id.removeprefix("check_")
            verdict = result.verdicts[name]
            score = "no verdict" if verdict.reason == "unanswered" else f"{verdict.points:g}"
            data = {"text/plain": score, "text/html": html(verdict, questions[name])}
            cell.outputs = [new_output("execute_result", data, execution_count=count)]
        elif outcome is not None:
            used.append(outcome)
            show(cell, outcome)
        elif marked.get("solution"):
            cell.source = "# this cell was not in the submission"
    extra = [outcome for outcome in result.outcomes if outcome not in used]
    if extra:
        notebook.cells.append(new_markdown_cell("## Other cells of the submission"))
        for outcome in extra:
            cell = new_code_cell()
            show(cell, outcome)
            notebook.cells.append(cell)
    notebook.cells.insert(0, new_markdown_cell(preface(result), id="grading-notes"))
    nbformat.validate(notebook)
    return notebook


MACROS = re.compile(r"\\(href|url|require|unicode|style|class|cssId|html\w*|data|def|let|\w*newcommand|\w*newenvironment)\b")
"""Commands of MathJax that make links or further commands; they are shown as text."""


def page_of(course: Path, unit: str, student: str, staging: bool = False) -> Path:
    """Where the graded notebook of a submission lies."""
    top = folder_of(course, unit, staging) / "pages" if staging else course / "autograded"
    return top / student / unit / UNITS[unit]


def show(cell: NotebookNode, outcome: Outcome) -> None:
    cell.source = outcome.cell.source
    cell.outputs = [nbformat.from_dict(output) for output in outcome.outputs]
    for output in cell.outputs:
        if output.output_type == "execute_result":
            output.execution_count = cell.execution_count


def harmless(text: str) -> str:
    """A student's Markdown without HTML, links and pictures, and without formulas that make any: others will open the page."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), ("[", "&#91;"), ("]", "&#93;")):
        text = text.replace(sign, entity)
    return MACROS.sub(r"\1", text)


def preface(result: Result) -> str:
    """What happened to the submission before it was graded."""
    lines = []
    if result.problem:
        lines.append(f"**Nothing could be graded: {escaped(result.problem)}.** Please talk to your instructor.")
    if result.repairs:
        lines.append("The notebook was repaired before it was graded:\n")
        lines += [f"- {escaped(repair)}" for repair in result.repairs]
    if not result.jailed:
        lines.append("\nThis submission was graded without a jail.")
    return "\n".join(lines) or "The notebook was graded as it was submitted."


def escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|$" else sign for sign in text.replace("\n", " "))
