"""All that this grader relies on of nbgrader and nbconvert, and that their documentation does not promise.

What is documented, the gradebook's finders and models, plugins and settings, is used where it is needed; the rest is
here. `tests/test_contracts.py` holds each name to what it is used for, and says which one a new version has changed.
"""

from __future__ import annotations

import glob
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbgrader import api, dbutil
from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    InvalidEntry,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.apps import api as nbgrader_api
from nbgrader.apps import autogradeapp, exportapp, generatefeedbackapp
from nbgrader.apps.nbgraderapp import NbGraderApp
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.server_extensions.formgrader import formgrader
from nbgrader.utils import parse_utc
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session, scoped_session
from traitlets.config import Config

TRIES = 3  # to open a gradebook whose tables somebody else is making
FORMGRADER = formgrader.handlers.template_path
"""Where the formgrader's templates lie."""

KEPT = "the feedback page stays as it is"
CONVERTING = "Converting notebook"
"""With what a line of nbgrader's log begins that says whose notebook is worked on now."""


# --- the gradebook


def schema_version() -> str:
    """The version of a new gradebook's tables. nbgrader asks `alembic` on the PATH, in a process of its own that takes seconds."""
    settings = AlembicConfig()
    settings.set_main_option("script_location", dbutil.ALEMBIC_DIR.replace("%", "%%"))
    return str(ScriptDirectory.from_config(settings).get_current_head())


api.get_alembic_version = schema_version


def opened(db_url: str, course_id: str = "default_course") -> Gradebook:
    """The gradebook, in which nbgrader writes down the course that it is opened for.

    Where another grader is making its tables or this row at the same moment, they are looked for again.
    """
    for _ in range(TRIES):
        try:
            return Gradebook(db_url, course_id)
        except (IntegrityError, InvalidEntry, ProgrammingError):
            time.sleep(1)
    return Gradebook(db_url, course_id)


def session(gradebook: Gradebook) -> scoped_session[Session]:
    """SQLAlchemy's session, in which everything happens that the gradebook is asked for."""
    return gradebook.db


def submitted(gradebook: Gradebook, unit: str, student: str, timestamp: datetime | None) -> SubmittedAssignment:
    """The submission's row, made or found, with what nbgrader makes for each of its cells."""
    details = {} if timestamp is None else {"timestamp": timestamp}
    with session(gradebook).no_autoflush:  # nbgrader links the new rows to each other before it adds them
        submission = gradebook.update_or_create_submission(unit, student, **details)
    session(gradebook).flush()
    return submission


def students_with(gradebook: Gradebook, unit: str) -> set[str]:
    """Whose submission of the unit the gradebook has."""
    query = session(gradebook).query(SubmittedAssignment.student_id)
    found = query.join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
    return {student for (student,) in found.filter(Assignment.name == unit)}


def scores(gradebook: Gradebook, assignment: Assignment) -> list[tuple[str, str, bool, float | None, float | None]]:
    """(student, cell, whether it waits for a person, manual score, score with extra credit) of every grade, in one query."""
    waits = Grade.manual_score.is_(None) & (Grade.auto_score.is_(None) | Grade.needs_manual_grade)
    query = session(gradebook).query(SubmittedAssignment.student_id, BaseCell.id, waits, Grade.manual_score, Grade.score)
    query = query.select_from(Grade).join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
    query = query.join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
    query = query.join(BaseCell, Grade.cell_id == BaseCell.id).join(Notebook, BaseCell.notebook_id == Notebook.id)
    return query.filter(Notebook.assignment_id == assignment.id).all()


def late_penalty(settings: Config) -> Callable[[str, float, float], float | None]:
    """Student, score, seconds late -> points to take off, as the plugin says it that the settings name."""
    late = AssignLatePenalties(config=settings)
    late.init_plugin()
    return late.plugin_inst.late_submission_penalty


def time_of(text: str) -> datetime | None:
    """What a timestamp of nbgrader's exchange means, in UTC; None where it is none."""
    try:
        return parse_utc(text)
    except (ValueError, OverflowError):
        return None


# --- commands


def command(arguments: list[str]) -> None:
    """Run an nbgrader command as its executable does. It exits."""
    NbGraderApp.launch_instance(arguments)


def begins(line: str) -> bool:
    """Whether a line of a command's log says that another submission is worked on."""
    return CONVERTING in line and "autograded" not in line.split(CONVERTING)[1]


class Failed(NbGraderException):
    """A command's end that is told in one sentence: nbgrader catches what its converters raise of this kind."""


class WholeFolders(Autograde):
    """nbgrader's command for grading, and its options, for an engine that takes a folder with whatever is in it.

    No page goes before there is another. What is graded, and how, says a subclass in `grade`.
    """

    def grade(self, course: Path, unit: str, students: list[str], db_url: str) -> None:
        """Grade these students' submissions of a unit. `Failed` where it cannot be done."""
        raise NotImplementedError

    def init_notebooks(self) -> None:
        """Every folder is a submission."""
        pattern = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        self.assignments: dict[str, list[str]] = {folder: [] for folder in glob.glob(pattern) if os.path.isdir(folder)}
        if not self.assignments:
            self.log.error("No submissions were matched by '%s'", pattern)
            raise Failed(f"No submissions were matched by '{pattern}'")

    def convert_notebooks(self) -> None:
        matcher = re.compile(self._format_source("(?P<unit>.*)", "(?P<student>.*)", escape=True))
        students = [found["student"] for folder in sorted(self.assignments) if (found := matcher.match(folder)) is not None]
        excluded = self.coursedir.student_id_exclude.split(",")
        chosen = [student for student in students if student not in excluded]
        self.grade(Path(self.coursedir.root), self.coursedir.assignment_id, chosen, self.coursedir.db_url)


def install(converter: type[WholeFolders], exporter: type[HTMLExporter], check: Callable[[str, str], None]) -> None:
    """Put the converter into nbgrader's `autograde` command, and into its API, which the formgrader uses; the exporter into the formgrader.

    `check` gets the gradebook's address and the unit, or no name, before `export` and `generate_feedback` begin: what
    it raises as `Failed` ends them before anything is written or removed.
    """
    autogradeapp.Autograde = converter
    nbgrader_api.Autograde = converter
    formgrader.HTMLExporter = exporter

    class CheckedFeedback(GenerateFeedback):
        """nbgrader's feedback, where there is a gradebook to make it of."""

        def init_notebooks(self) -> None:
            unit = self.coursedir.assignment_id
            there = glob.glob(self._format_source(unit, self.coursedir.student_id))
            with told_by(self):
                check(self.coursedir.db_url, "" if there else unit)
            super().init_notebooks()
            self.kept = [folder for folder in self.assignments if not self.ready(folder)]
            for folder in self.kept:
                del self.assignments[folder]

        def ready(self, folder: str) -> bool:
            """Whether a page can be made; what cannot be made anew keeps the page that it has."""
            found = re.match(self._format_source("(?P<unit>.*)", "(?P<student>.*)", escape=True), folder)
            student = found["student"] if found is not None else ""
            with opened(self.coursedir.db_url) as gradebook:
                graded = student in students_with(gradebook, self.coursedir.assignment_id)
            if not graded:
                self.log.error("The gradebook has no submission of %s: run `grader autograde` for this unit first; %s", student, KEPT)
                return False
            for path in self.assignments[folder]:
                try:
                    json.loads(Path(path).read_bytes())
                except (OSError, ValueError) as error:
                    self.log.error("%s cannot be read (%s): grade %s again, with --force; %s", path, error, student, KEPT)
                    return False
            return True

        def convert_notebooks(self) -> None:
            super().convert_notebooks()
            if self.kept:
                raise Failed(f"{len(self.kept)} pages were not written")

    generatefeedbackapp.GenerateFeedback = CheckedFeedback
    nbgrader_api.GenerateFeedback = CheckedFeedback

    class Checked(exportapp.Gradebook):
        """The gradebook that `export` reads: never one that it has just made."""

        def __init__(self, db_url: str, *more: Any) -> None:
            try:
                check(db_url, "")
            except Failed as error:
                sys.exit(str(error))
            super().__init__(db_url, *more)

    exportapp.Gradebook = Checked


@contextmanager
def told_by(converter: BaseConverter) -> Iterator[None]:
    """Whoever runs the converter sees in its log why it failed."""
    try:
        yield
    except Failed as error:
        converter.log.error(str(error))
        raise


# --- pages


class MathRenderer(IPythonRenderer):
    """Markdown whose formulas are what `formula` makes of them."""

    def formula(self, tex: str, display: str) -> str:
        """HTML for LaTeX, displayed as a `block` or `inline`."""
        raise NotImplementedError

    def block_math(self, body: str) -> str:
        return self.formula(body, "block")

    def inline_math(self, body: str) -> str:
        return self.formula(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return self.formula(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")


class MathExporter(HTMLExporter):
    """nbconvert's HTML with a renderer of Markdown that a subclass names."""

    page_renderer: type[IPythonRenderer]

    @pass_context
    def markdown2html(self, context: Context, source: str) -> str:
        return MarkdownWithMath(renderer=self.page_renderer(escape=False, exclude_anchor_links=True)).render(source)


class FormgraderExporter(MathExporter):
    """The formgrader's page, with templates of a subclass before nbgrader's own of the same names."""

    page_templates: Path  # a folder, with a folder for each template

    def __init__(self, config: Config | None = None, **settings: Any) -> None:
        config = Config(config or {})
        config[type(self).__name__].extra_template_basedirs = [str(self.page_templates), FORMGRADER]
        super().__init__(config=config, **settings)


class PageExporter(MathExporter):
    """nbconvert's HTML with what a subclass says: a template of its own, a renderer of Markdown, and more for the template to know."""

    page_template: tuple[Path, str]  # a folder of templates, and the name of one
    page_facts: Mapping[str, Any]

    def __init__(self, config: Config | None = None, **settings: Any) -> None:
        folder, name = self.page_template
        config = Config(config or {})
        # above what nbgrader has written for every HTMLExporter
        config[type(self).__name__].update({"template_name": name, "extra_template_basedirs": [str(folder)]})
        super().__init__(config=config, **settings)

    def prepare(self, notebook: NotebookNode, resources: Any) -> None:
        """Make the notebook ready for the template, once it has its grades."""

    def _preprocess(self, notebook: NotebookNode, resources: Any) -> Any:
        notebook, resources = super()._preprocess(notebook, resources)
        self.prepare(notebook, resources)
        return notebook, resources

    def _init_resources(self, resources: Any) -> Any:
        resources = super()._init_resources(resources)
        resources.update(self.page_facts)
        return resources
