"""The graded notebook: the source's text, the student's cells with what they printed, the judge's reports.

It is what nbgrader's formgrader shows, and what `generate_feedback` makes its page of. Of the questions
it holds the reports alone: public cases in full, hidden ones by name and hint. The formgrader's page runs scripts,
and sets formulas. So what a submission says is harmless here already: its outputs come so from `outputs`, and its
words stand in HTML of ours, every sign of theirs as a character reference.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from autodiff_lib.checks import questions as public_questions
from autodiff_lib.checks.report import html
from autodiff_lib.units import UNITS

from ..classes.records import folder_of
from ..submission.engine import Outcome, Result, told_of, version
from ..submission.outputs import apart, plain
from .nbgrader_course import source

FOR_GRADERS = "for-graders"
"""Tag of a cell of the graded notebook that the formgrader shows, and the student's page does not."""


def graded_notebook(result: Result) -> NotebookNode:
    """The notebook for one submission's result. Outputs are those of this run; nothing the student sent is believed."""
    notebook = source(result.unit)
    by_exercise = {exercise: outcome for outcome in result.outcomes for exercise in outcome.cell.exercises}
    by_id = {outcome.cell.id: outcome for outcome in result.outcomes if outcome.cell.id and not outcome.cell.exercises}
    questions = public_questions(result.unit)
    used: list[Outcome] = []
    rubrics: dict[str, NotebookNode] = {}  # by the cell that is graded by it
    count = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            if cell.metadata.get("nbgrader", {}).get("grade"):
                rubrics[cell.id] = new_markdown_cell(rubric(cell.source), metadata={"tags": [FOR_GRADERS]}, id=f"{cell.id[:50]}-rubric")
                cell.source = in_words(result.in_words.get(cell.metadata.nbgrader.grade_id, ""))
            continue
        count += 1
        cell.execution_count = count
        marked = cell.metadata.get("nbgrader", {})
        outcome = by_exercise.get(marked.get("grade_id")) or by_id.get(cell.id)
        if marked.get("grade"):
            name = marked.grade_id.removeprefix("check_")
            verdict = result.verdicts[name]
            score = "no verdict" if verdict.reason == "unanswered" else f"{verdict.points:g}"
            data = {"text/plain": score, "text/html": apart(html(verdict, questions[name]))}
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
    notebook.cells = [one for cell in notebook.cells for one in (cell, rubrics.get(cell.id)) if one is not None]
    notebook.cells.insert(0, new_markdown_cell(preface(result), id="grading-notes"))
    notebook.metadata["grading"] = {
        "unit": result.unit,
        "version": version(result.unit),
        "reasons": {name: verdict.reason for name, verdict in result.verdicts.items()},
        "said": {**result.broken, **{name: result.problem or told_of(result.verdicts[name]).message for name in result.ungraded}},
    }
    nbformat.validate(notebook)
    return notebook


def page_of(course: Path, unit: str, student: str, staging: bool = False) -> Path:
    """Where the graded notebook of a submission lies."""
    top = folder_of(course, unit, staging) / "pages" if staging else course / "autograded"
    return top / student / unit / UNITS[unit].notebook


def show(cell: NotebookNode, outcome: Outcome) -> None:
    cell.source = outcome.cell.source
    cell.outputs = [nbformat.from_dict(output) for output in outcome.outputs]
    for output in cell.outputs:
        if output.output_type == "execute_result":
            output.execution_count = cell.execution_count


def in_words(text: str) -> str:
    """An answer in words as the student typed it, Markdown and formulas too, in a block that shows whose it is."""
    if not text.strip():
        return "*Nothing was written here.*"
    written = f'<blockquote><pre style="white-space:pre-wrap">{verbatim(text)}</pre></blockquote>'
    return f"**What the student wrote:**\n\n{apart(written)}"


def rubric(text: str) -> str:
    """What whoever grades an answer in words goes by: the rubric that stands in the source's cell, and its full answer."""
    answer, _, scheme = text.partition("=== BEGIN MARK SCHEME ===")
    scheme = scheme.replace("=== END MARK SCHEME ===", "").strip()
    said = ["**Rubric, for whoever grades this. It is not on the student's page.**", scheme or "*The source has none.*"]
    if answer.strip():
        said += ['<details><summary style="display:list-item;cursor:pointer">A full answer</summary>', answer.strip(), "</details>"]
    return "\n\n".join(said)


def preface(result: Result) -> str:
    """What happened to the submission before it was graded."""
    said = []
    if result.problem:
        said.append(f"<p><b>Nothing could be graded: {verbatim(result.problem)}.</b> Please talk to your instructor.</p>")
    if result.repairs:
        items = "".join(f"<li>{verbatim(repair)}</li>" for repair in result.repairs)
        said.append(f"<p>The notebook was repaired before it was graded:</p><ul>{items}</ul>")
    if result.flags:
        items = "".join(f"<li>{verbatim(flag)}</li>" for flag in result.flags)
        said.append(f"<p>A person will look at this, and no points depend on it:</p><ul>{items}</ul>")
    if not result.jailed:
        said.append("<p>This submission was graded without a jail.</p>")
    return apart("".join(said)) if said else "The notebook was graded as it was submitted."


def verbatim(text: str) -> str:
    """Text for HTML inside Markdown: a character reference for each sign, so that neither of them, nor a formula, begins in it."""
    return re.sub(r"[^\w ]|_", lambda sign: f"&#{ord(sign[0])};", plain(text))
