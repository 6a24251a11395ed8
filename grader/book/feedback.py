"""The feedback page: what `nbgrader generate_feedback` makes of the graded notebook and the gradebook.

It is one file that reads the same without a network. No script is in it, and its content security policy lets
none run and nothing load, whatever a notebook holds. Formulas become MathML, which browsers draw themselves.

At its top stand the exercises, those first that are not solved, each with its points; sections in which all is
solved are folded.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from latex2mathml import exceptions
from latex2mathml.converter import convert
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from .nbgrader_adapter import FormgraderExporter, MathRenderer, PageExporter, opened
from .pages import FOR_GRADERS

TEMPLATES = Path(__file__).with_name("templates")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Content security policy of the pages that this grader writes: they have no script, and nothing in them is from elsewhere."""
FAULTS: tuple[type[Exception], ...] = (
    ValueError, TypeError, LookupError, AttributeError, StopIteration,
    *(fault for fault in vars(exceptions).values() if isinstance(fault, type) and issubclass(fault, Exception)),
)  # fmt: skip
"""What latex2mathml raises for LaTeX that it does not understand: its exceptions have no class in common."""
CODE_CSS = (
    HtmlFormatter(style="default").get_style_defs(".highlight")
    + "@media (prefers-color-scheme: dark) {"
    + HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    + "}"
)
STATES = {  # state -> its sign and words, in the order of the page
    "failed": ("✗", "not solved yet"),
    "partly": ("✗", "solved in part"),
    "broken": ("✗", "its cell does not run"),
    "waiting": ("○", "not graded yet"),
    "missing": ("○", "not done yet"),
    "nothing": ("○", "no extra points"),
    "bonus": ("✓", "extra points"),
    "solved": ("✓", "solved"),
}
WAITS = "a person has to read it"
HEADING = re.compile(r"##? ")


class OfflineRenderer(MathRenderer):
    """Markdown whose formulas need no script, and whose links lead somewhere: beside a page lie no other notebooks."""

    def formula(self, tex: str, display: str) -> str:
        return formula(tex, display)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return super().link(text, url, title) if re.match(r"#|\w+:", url) else text


class GradersExporter(FormgraderExporter):
    """The formgrader's page, with formulas as MathML: it asks nobody for a script that sets them."""

    page_renderer = OfflineRenderer
    page_templates = TEMPLATES / "formgrader"


@dataclass(frozen=True)
class Mark:
    """What the page says of an exercise or an answer in words. `score` is None where there is none yet."""

    name: str
    anchor: str
    state: str
    score: float | None
    points: float
    why: str = ""

    @property
    def sign(self) -> str:
        return STATES[self.state][0]

    @property
    def words(self) -> str:
        return STATES[self.state][1] + (f": {self.why}" if self.why else "")

    @property
    def shown(self) -> str:
        """Its points; extra ones are out of none."""
        got = "–" if self.score is None else f"{round(self.score, 2):g}"
        return f"{got} / {self.points:g}" if self.points else f"+{got}" if self.score else got


class FeedbackExporter(PageExporter):
    """nbconvert's HTML with a template of our own, and formulas as MathML.

    Markdown is the source's text, and what a person comments; of a submission only what `pages` has made harmless.
    """

    page_template = (TEMPLATES, "feedback_page")
    page_renderer = OfflineRenderer
    page_facts = MappingProxyType({"content_security_policy": POLICY, "code_css": CODE_CSS})

    def prepare(self, notebook: NotebookNode, resources: Any) -> None:
        """Tell the template the marks, by cell, and where sections begin and end; leave out what is for graders."""
        notebook.cells = [cell for cell in notebook.cells if FOR_GRADERS not in cell.metadata.get("tags", [])]
        waiting, commented = from_people(**resources["nbgrader"])
        marks = {grade_id(cell): mark_of(cell, notebook, waiting) for cell in notebook.cells if is_graded(cell)}
        fold(notebook.cells, marks, commented)
        graded = [mark for mark in marks.values() if mark.score is not None]
        resources["page"] = {
            "unit": notebook.metadata.get("grading", {}).get("unit", resources["nbgrader"].get("notebook", "")),
            "version": notebook.metadata.get("grading", {}).get("version", ""),
            "graded": resources.get("metadata", {}).get("modified_date", ""),
            "written": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            "marks": marks,
            "order": sorted(marks.values(), key=lambda mark: list(STATES).index(mark.state)),
            "ungraded": len(marks) - len(graded),
            "commented": [grade_id(cell) for cell in notebook.cells if grade_id(cell) in commented],
            "nothing": bool(marks) and not graded,
        }


def grade_id(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def is_graded(cell: NotebookNode) -> bool:
    marked = cell.metadata.get("nbgrader", {})
    return bool(marked.get("grade") or marked.get("task"))


def from_people(db_url: str = "", assignment: str = "", notebook: str = "", student: str = "", **more: Any) -> tuple[set[str], set[str]]:
    """The cells of a submission whose points are not known before a person has looked at them, and those on which one has commented."""
    if not db_url:
        return set(), set()
    with opened(db_url) as gradebook:
        there = gradebook.find_submission_notebook(notebook, assignment, student)
        waiting = {one.name for one in there.grades if one.manual_score is None and (one.auto_score is None or one.needs_manual_grade)}
        return waiting, {one.name for one in there.comments if one.manual_comment}


def mark_of(cell: NotebookNode, notebook: NotebookNode, waiting: Collection[str]) -> Mark:
    """Of a cell that has its score from the gradebook."""
    anchor, said = grade_id(cell), notebook.metadata.get("grading", {})
    name = anchor.removeprefix("check_")
    points, score = float(cell.metadata.nbgrader.get("points") or 0), cell.metadata.nbgrader.get("score")
    reason, why = said.get("reasons", {}).get(name, ""), said.get("said", {}).get(name, "")
    if score is None or anchor in waiting:
        return Mark(name, anchor, "waiting", None, points, why if reason == "unanswered" else WAITS)
    if not points:
        return Mark(name, anchor, "bonus" if score else "nothing", score, points)
    if score >= points:
        return Mark(name, anchor, "solved", score, points)
    if score > 0:
        return Mark(name, anchor, "partly", score, points)
    if reason == "missing":
        return Mark(name, anchor, "broken" if why else "missing", score, points, why)
    return Mark(name, anchor, "failed", score, points)


def fold(cells: list[NotebookNode], marks: dict[str, Mark], commented: Collection[str]) -> None:
    """Note the title of its section at each cell; and where one begins and ends in which all is solved, so that it can be folded."""
    starts = [number for number, cell in enumerate(cells) if cell.cell_type == "markdown" and HEADING.match(cell.source)]
    for start, end in pairwise([*starts, len(cells)]):
        section = cells[start:end]
        title = section[0].source.splitlines()[0].lstrip("# ")
        for cell in section:
            cell.metadata["section"] = title
        own = [marks[grade_id(cell)] for cell in section if is_graded(cell)]
        if own and all(mark.state == "solved" for mark in own) and not any(grade_id(cell) in commented for cell in section):
            section[0].metadata["folded"] = {"title": title, "shown": ", ".join(mark.shown for mark in own)}
            section[-1].metadata["fold_ends"] = True


def formula(tex: str, display: str) -> str:
    """MathML; LaTeX that cannot be converted is shown as it is."""
    known = tex.replace("{aligned}", "{align*}")  # the same to us: no equation has a number
    try:
        return convert(known, display=display)
    except FAULTS:
        return f"<code>{escape(tex)}</code>"
