"""What nbgrader, nbconvert and IPython do not promise, and this grader relies on: a test for each name.

One that fails says which name a new version has changed, and what it is needed for.
"""

import ast
import importlib.metadata
import importlib.util
import json
import linecache
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ipywidgets
import nbformat
import nbgrader
import pytest
from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel
from jupyter_server.services.sessions.sessionmanager import SessionManager
from nbconvert.exporters import ResourcesDict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader import api, dbutil, utils
from nbgrader.api import Gradebook
from nbgrader.apps import api as nbgrader_api
from nbgrader.apps import autogradeapp
from nbgrader.apps.nbgraderapp import NbGraderApp
from nbgrader.converters import GenerateAssignment, GenerateFeedback
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import GetGrades
from sqlalchemy import text
from traitlets.config import Config

from autodiff_lib import ipython, predictions
from autodiff_lib.student import lab
from grader.authors.stubs import NamedStubs
from grader.book import nbgrader_adapter as adapter
from grader.book.feedback import POLICY, FeedbackExporter
from grader.book.nbgrader_course import ROOT, settings
from grader.classes.writer import TIMESTAMP
from grader.submission.jail import INMATE

UNIT, NOTEBOOK, STUDENT = "01_unit", "unit", "ada"
FACTS = Path(__file__).with_name("shell_facts.py")


@dataclass(frozen=True)
class Contract:
    """A name, with its module, what it is needed for, and a function of an empty folder that raises where it is no longer so."""

    name: str
    needed: str
    check: Callable[[Path], None]

    @property
    def package(self) -> str:
        return self.name.split(".")[0]


CONTRACTS: list[Contract] = []


def contract(name: str, needed: str) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    def register(check: Callable[[Path], None]) -> Callable[[Path], None]:
        CONTRACTS.append(Contract(name, needed, check))
        return check

    return register


# --- nbgrader: the gradebook


def gradebook(folder: Path) -> Gradebook:
    """One with a unit: a cell to answer, its check, worth two points, and a student."""
    book = adapter.opened(f"sqlite:///{folder / 'gradebook.db'}")
    book.add_assignment(UNIT)
    book.add_notebook(NOTEBOOK, UNIT)
    book.add_solution_cell("f", NOTEBOOK, UNIT)
    book.add_grade_cell("check_f", NOTEBOOK, UNIT, max_score=2, cell_type="code")
    book.add_student(STUDENT)
    return book


@contract("nbgrader.api.get_alembic_version", "a new gradebook asks it for the version of its tables, and gets it without a process")
def _(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "get_alembic_version", lambda: "ours")
        with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
            assert book.db.execute(text("SELECT version_num FROM alembic_version")).scalar() == "ours"
    assert api.get_alembic_version is adapter.schema_version


@contract("nbgrader.dbutil.ALEMBIC_DIR", "the version of a new gradebook's tables is looked up there, and is the one that alembic says")
def _(folder):
    with dbutil._temp_alembic_ini("sqlite://") as ini:
        command = [Path(sys.executable).with_name("alembic"), "-c", ini, "heads"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split()[0] == adapter.schema_version()


@contract("nbgrader.api.Gradebook.db", "a result counts as a whole or not at all, so what was not committed can be taken back")
def _(folder):
    with gradebook(folder) as book:
        session = adapter.session(book)
        session.add(api.Student(id="lost"))
        session.flush()
        session.rollback()
        session.add(api.Student(id="kept"))
        session.commit()
    with adapter.opened(f"sqlite:///{folder / 'gradebook.db'}") as book:
        assert {student.id for student in book.students} == {STUDENT, "kept"}


@contract("nbgrader.api.Gradebook.update_or_create_submission", "it makes a grade and a comment for each cell, found after a flush")
def _(folder):
    moment = datetime(2030, 1, 2)
    with gradebook(folder) as book:
        submission = adapter.submitted(book, UNIT, STUDENT, moment)
        assert submission.timestamp == moment
        assert adapter.submitted(book, UNIT, STUDENT, None).id == submission.id
        there = book.find_submission_notebook(NOTEBOOK, UNIT, STUDENT)
        assert [grade.name for grade in there.grades] == ["check_f"]
        assert [comment.name for comment in there.comments] == ["f"]


@contract("nbgrader.api.Grade", "the grades of a class are fetched in one query over the gradebook's tables")
def _(folder):
    with gradebook(folder) as book:
        assert adapter.students_with(book, UNIT) == set()
        adapter.submitted(book, UNIT, STUDENT, None)
        (grade,) = book.find_submission_notebook(NOTEBOOK, UNIT, STUDENT).grades
        grade.auto_score, grade.manual_score, grade.extra_credit = 1, 1.5, 0.25
        adapter.session(book).commit()
        assert adapter.students_with(book, UNIT) == {STUDENT}
        assert adapter.scores(book, book.find_assignment(UNIT)) == [(STUDENT, grade.cell_id, False, 1.5, 1.75)]
        for auto, manual, asked, waits in (
            (1, None, False, False),
            (1, None, True, True),
            (None, None, True, True),
            (None, 0, False, False),
        ):
            grade.auto_score, grade.manual_score, grade.needs_manual_grade = auto, manual, asked
            adapter.session(book).commit()
            assert [row[2] for row in adapter.scores(book, book.find_assignment(UNIT))] == [waits]


@contract("nbgrader.preprocessors.AssignLatePenalties.init_plugin", "it makes the plugin for late penalties that the configuration names")
def _(folder):
    class Half(LateSubmissionPlugin):
        def late_submission_penalty(self, student_id, score, total_seconds_late):
            return score / 2

    assert adapter.late_penalty(Config({"AssignLatePenalties": {"plugin_class": Half}}))(STUDENT, 8, 60) == 4


@contract("nbgrader.utils.parse_utc", "it reads the time of a submission, and says by ValueError where there is none")
def _(folder):
    assert adapter.time_of("2030-01-02 08:00:00.5 UTC") == datetime(2030, 1, 2, 8, 0, 0, 500_000)
    assert adapter.time_of("soon") is None


@contract("nbgrader.coursedir.CourseDirectory.get_existing_timestamp", "the file that the exchange puts beside a submission has this name")
def _(folder):
    (folder / TIMESTAMP).write_text("2030-01-02 08:00:00 UTC")
    assert CourseDirectory().get_existing_timestamp(str(folder)) == datetime(2030, 1, 2, 8)


# --- nbgrader: commands


@contract("nbgrader.apps.nbgraderapp.NbGraderApp.launch_instance", "a command is run in a process that has imported everything")
def _(folder):
    said = []

    class Recorder(NbGraderApp):
        def initialize(self, argv=None):
            said.append(argv)

        def start(self):
            said.append("started")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapter, "NbGraderApp", Recorder)
        adapter.command(["autograde", UNIT])
    Recorder.clear_instance()
    assert said == [["autograde", UNIT], "started"]


class Recorder(adapter.WholeFolders):
    """Says whom it was asked to grade."""

    asked: list[Any] = []  # noqa: RUF012

    def grade(self, course, unit, students, db_url):
        self.asked.append((course, unit, students, db_url, Path.cwd()))
        if students == ["fails"]:
            raise adapter.Failed("it cannot be done")


def course_of(folder: Path, *students: str, **more: str) -> CourseDirectory:
    for student in students:
        (folder / "submitted" / student / UNIT).mkdir(parents=True)
    Recorder.asked.clear()
    return CourseDirectory(root=str(folder), assignment_id=UNIT, **more)


@contract("nbgrader.converters.base.BaseConverter._format_source", "it says where submissions lie, and a student's name is read from there")
def _(folder):
    course = course_of(folder, "grace", "ada", "left.out", student_id_exclude="left.out")
    Recorder(coursedir=course).start()
    assert [asked[1:3] for asked in Recorder.asked] == [(UNIT, ["ada", "grace"])]


@contract("nbgrader.converters.base.BaseConverter.start", "it goes to the course folder, asks for the submissions, then for grades")
def _(folder):
    Recorder(coursedir=course_of(folder, STUDENT)).start()
    assert Recorder.asked == [(folder, UNIT, [STUDENT], f"sqlite:///{folder / 'gradebook.db'}", folder)]
    assert Path.cwd() != folder


@contract("nbgrader.apps.autogradeapp.Autograde", "`nbgrader autograde` makes its converter by this name")
def _(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(autogradeapp, "Autograde", Recorder)
        autogradeapp.AutogradeApp(coursedir=course_of(folder, STUDENT)).start()
    assert [asked[2] for asked in Recorder.asked] == [[STUDENT]]


@contract("nbgrader.converters.base.NbGraderException", "`nbgrader autograde` ends with 1, and without a traceback, where it is raised")
def _(folder):
    assert issubclass(adapter.Failed, NbGraderException)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(autogradeapp, "Autograde", Recorder)
        with pytest.raises(SystemExit) as end:
            autogradeapp.AutogradeApp(coursedir=course_of(folder, "fails")).start()
    assert end.value.code == 1


@contract("nbgrader.apps.api.Autograde", "the formgrader's button makes its converter by this name")
def _(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbgrader_api, "Autograde", Recorder)
        said = nbgrader_api.NbGraderAPI(coursedir=course_of(folder, "grace", STUDENT)).autograde(UNIT, STUDENT)
    assert said["success"], said
    assert [asked[2] for asked in Recorder.asked] == [[STUDENT]]


@contract("nbgrader.converters.base.BaseConverter.convert_single_notebook", "its line in the log says that another submission is worked on")
def _(folder):
    lines: list[str] = []
    converter = SimpleNamespace(
        log=SimpleNamespace(info=lambda line, *words: lines.append(line % words)),
        init_single_notebook_resources=lambda path: {},
        exporter=SimpleNamespace(from_filename=lambda path, resources: ("", {})),
        write_single_notebook=lambda output, resources: None,
    )
    BaseConverter.convert_single_notebook(converter, f"source/./{UNIT}/{NOTEBOOK}.ipynb")
    assert [adapter.begins(line) for line in lines] == [True]


@contract("nbgrader.preprocessors.ClearSolutions.code_stub", "it is looked up for each cell, so that a stub names its exercise")
def _(folder):
    def cell(name):
        marked = {"grade_id": name, "solution": True, "grade": False, "locked": False, "task": False, "schema_version": 3}
        return new_code_cell("### BEGIN SOLUTION\nx\n### END SOLUTION", metadata={"nbgrader": marked})

    notebook, _ = NamedStubs().preprocess(new_notebook(cells=[cell("f"), cell("g")]), ResourcesDict())
    assert [f"exercise {name} is not done yet" in one.source for name, one in zip("fg", notebook.cells, strict=True)] == [True, True]


@contract(
    "nbgrader.converters.GenerateAssignment.preprocessors", "the release goes through the same steps as nbgrader's own, with other stubs"
)
def _(folder):
    theirs = [f"nbgrader.preprocessors.{step.__name__}" for step in GenerateAssignment.preprocessors.default()]
    ours = settings(ROOT).GenerateAssignment.preprocessors
    assert [step.replace("grader.authors.stubs.NamedStubs", "nbgrader.preprocessors.ClearSolutions") for step in ours] == [
        step for step in theirs if not step.endswith("InstantiateTests")
    ]


@contract("nbgrader.utils.is_grade", "what a cell is to nbgrader stands in these fields of its metadata")
def _(folder):
    marked = {"grade": True, "solution": False, "task": False}
    cell = new_code_cell(metadata={"nbgrader": marked})
    assert (utils.is_grade(cell), utils.is_solution(cell), utils.is_task(cell)) == (True, False, False)


@contract("nbgrader.server_extensions", "a student's JupyterLab leaves nbgrader's panels out by their names")
def _(folder):
    assert all(importlib.util.find_spec(f"nbgrader.server_extensions.{panel}") for panel in lab.PANELS)
    folders = [path for path in Path(nbgrader.server_extensions.__path__[0]).iterdir() if (path / "handlers.py").is_file()]
    assert {path.name for path in folders} == set(lab.PANELS)
    assert [point["module"] for point in nbgrader._jupyter_server_extension_points()] == ["nbgrader"]


@contract("nbgrader._jupyter_labextension_paths", "a student's JupyterLab leaves nbgrader's own extension out by its name")
def _(folder):
    assert [path["dest"] for path in nbgrader._jupyter_labextension_paths()] == [lab.LABEXTENSION]


# --- nbgrader and nbconvert: feedback


@contract("nbgrader.preprocessors.GetGrades", "the feedback page finds points, comments and the late penalty where this puts them")
def _(folder):
    with gradebook(folder) as book:
        adapter.submitted(book, UNIT, STUDENT, None)
        there = book.find_submission_notebook(NOTEBOOK, UNIT, STUDENT)
        there.grades[0].auto_score, there.comments[0].auto_comment, there.late_submission_penalty = 1.5, "look again", 0.5
        adapter.session(book).commit()
    marks = {"check_f": {"grade": True, "solution": False}, "f": {"grade": False, "solution": True}}
    cells = [new_code_cell(metadata={"nbgrader": {"grade_id": name, "task": False, **mark}}) for name, mark in marks.items()]
    resources = ResourcesDict(
        nbgrader={"student": STUDENT, "assignment": UNIT, "notebook": NOTEBOOK, "db_url": f"sqlite:///{folder / 'gradebook.db'}"}
    )
    notebook, resources = GetGrades().preprocess(new_notebook(cells=cells), resources)
    check, answer = (cell.metadata.nbgrader for cell in notebook.cells)
    assert (check.score, check.points, answer.comment) == (1.5, 2, "look again")
    assert {key: resources["nbgrader"][key] for key in ("score", "max_score", "late_penalty")} == {
        "score": 1, "max_score": 2, "late_penalty": 0.5,
    }  # fmt: skip


@contract("nbgrader.converters.GenerateFeedback.exporter_class", "feedback is written by the exporter and the template that are named")
def _(folder):
    converter = GenerateFeedback(coursedir=CourseDirectory(root=str(folder)), config=settings(ROOT))
    exporter = converter.exporter_class(parent=converter, config=converter.config)
    assert (type(exporter), exporter.template_name) == (FeedbackExporter, "feedback_page")


MARKED = {"score": 1, "max_score": 2, "late_penalty": 0, "notebook": NOTEBOOK}


def page(*cells: nbformat.NotebookNode) -> str:
    return FeedbackExporter().from_notebook_node(new_notebook(cells=list(cells)), ResourcesDict(nbgrader=dict(MARKED)))[0]


@contract("nbconvert.exporters.HTMLExporter._init_resources", "what the template is told besides comes through here")
def _(folder):
    assert f'content="{POLICY}"' in page()


@contract("nbconvert.exporters.HTMLExporter.markdown2html", "the page's Markdown goes through this filter, and is rendered by ours")
def _(folder):
    assert "<math" in page(new_markdown_cell("$x$"))


@contract("nbconvert.templates.display_priority.j2", "the page's template fills its blocks: one for each kind of output")
def _(folder):
    data = {"text/plain": "PLAIN", "text/html": "<i>HTML</i>", "image/png": "UE5H", "image/jpeg": "SlBH"}
    outputs = [new_output("display_data", {kind: content}) for kind, content in data.items()]
    outputs += [new_output("stream", name="stdout", text="OUT"), new_output("stream", name="stderr", text="ERR")]
    outputs += [new_output("error", ename="E", evalue="v", traceback=["TRACE"])]
    outputs += [new_output("execute_result", {"text/plain": "RESULT"}, execution_count=1)]
    shown = page(new_code_cell("SOURCE", outputs=outputs))
    for word in (
        "<pre>PLAIN</pre>", "<i>HTML</i>", "data:image/png;base64,UE5H", "data:image/jpeg;base64,SlBH",
        "<pre>OUT</pre>", '<pre class="stderr">ERR</pre>', "TRACE", "<pre>RESULT</pre>", "SOURCE",
    ):  # fmt: skip
        assert shown.count(word) == 1, word
    assert shown.count('<div class="output">') == len(outputs)


@contract("nbconvert.filters.markdown_mistune.IPythonRenderer", "formulas of each form come to the renderer, as LaTeX")
def _(folder):
    class Told(adapter.MathRenderer):
        def formula(self, tex, display):
            return f"[{display} {tex}]"

    written = "$a$ and $$b$$ and\n\n\\begin{align}c\\end{align}\n\n\\\\(d\\\\) and \\\\[e\\\\]"
    said = adapter.MarkdownWithMath(renderer=Told(escape=False, exclude_anchor_links=True)).render(written)
    for formula in ("[inline a]", "[block b]", "[block \\begin{align}c\\end{align}]", "[inline d]", "[block e]"):
        assert formula in said, formula


# --- IPython: the library


BECOMES = {"%time f(1)": ["time", "f(1)"], "%%time\nf(1)": ["time", "", "f(1)\n"], "%%writefile a.py\nx": ["writefile", "a.py", "x\n"]}


@contract(
    "IPython.core.inputtransformer2.TransformerManager.transform_cell", "a cell is Python once its magics, commands and help are calls"
)
def _(folder):
    for cell, magic in BECOMES.items():
        found = [ipython.magic(node) for node in ast.walk(ast.parse(ipython.as_python(cell)))]
        assert [one for one in found if one] == [magic]
    for cell in ("!ls", "x = !ls", "f?", "%matplotlib inline", "x = %time 1"):
        assert "get_ipython()." in ipython.as_python(cell), cell
        ast.parse(ipython.as_python(cell))


@contract("ipykernel.zmqshell.ZMQInteractiveShell.kernel", "a notebook's shell has it, and a terminal's has not: there a report is printed")
def _(folder):
    assert hasattr(ZMQInteractiveShell, "kernel")
    assert not hasattr(InteractiveShell, "kernel")
    assert fact("terminal") is False


@contract("IPython.core.interactiveshell.InteractiveShell.user_ns", "`In` holds the cells of the session, in their order")
def _(folder):
    assert [ipython.as_python(cell).strip() for cell in fact("run")] == [ipython.as_python(cell).strip() for cell in fact("cells").values()]


@contract("IPython.core.compilerop.CachingCompiler.cache", "linecache knows the text of a cell by the name that its code has")
def _(folder):
    assert fact("text") == fact("cells")["defined"]


@contract("IPython.core.compilerop.CachingCompiler.get_code_name", "a cell's name is told from a library's, so that its line is shown")
def _(folder):
    assert fact("line") == "line 2: return 1 / 0"


@contract("linecache.cache", "tracebacks show the lines of an earlier unit's cells, which are in no file")
def _(folder):
    name = "<a unit: cell f>"
    ipython.remember(name, "first\nsecond")
    linecache.checkcache(name)
    assert linecache.getline(name, 2).strip() == "second"
    assert ipython.text_behind(compile("1", name, "eval")).strip() == "first\nsecond"
    del linecache.cache[name]


# --- IPython: the jail


@cache
def facts() -> dict[str, Any]:
    """What a shell does in a process of its own: it is the only one there."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": home}
        done = subprocess.run([sys.executable, FACTS, INMATE], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def fact(name: str) -> Any:
    return facts()[name]


def outputs(name: str) -> list[dict[str, Any]]:
    return fact(name)["outputs"]


def texts(name: str) -> list[str]:
    return [output["data"]["text/plain"] for output in outputs(name) if output["output_type"] == "execute_result"]


@contract(
    "IPython.core.interactiveshell.InteractiveShell.run_cell", "it says whether a cell ended well, and raises nothing that the cell raised"
)
def _(folder):
    failing = {"raised", "syntax", "stopped"}
    assert {name for name in fact("cells") if not fact(name)["success"]} == failing


@contract("IPython.core.history.HistoryManager.enabled", "a jail's shell writes no history")
def _(folder):
    assert (fact("history")["enabled"], fact("history")["file"]) == (False, False)


@contract("IPython.core.interactiveshell.InteractiveShell.colors", "the tracebacks of a jail's shell have no colours")
def _(folder):
    assert not any("\x1b" in line for name in ("raised", "syntax") for output in outputs(name) for line in output["traceback"])


@contract("IPython.core.interactiveshell.InteractiveShell.enable_gui", "`%matplotlib inline` asks for it, and a plain shell has none")
def _(folder):
    assert (fact("inline")["success"], outputs("inline")) == (True, [])


@contract(
    "IPython.core.interactiveshell.InteractiveShell._showtraceback",
    "every error of a cell comes here: raised, no Python, a stop from outside",
)
def _(folder):
    said = {name: [(output["ename"], output["evalue"]) for output in outputs(name)] for name in ("raised", "stopped")}
    assert said == {"raised": [("ValueError", "why")], "stopped": [("Late", "now")]}
    assert [output["ename"] for output in outputs("syntax")] == ["SyntaxError"]
    assert "raise ValueError('why')" in "".join(outputs("raised")[0]["traceback"])


@contract("IPython.core.display_trap.DisplayTrap.hook", "what a cell ends in is handed to it")
def _(folder):
    assert texts("result") == ["'a result'"]


@contract("IPython.core.displayhook.CapturingDisplayHook", "it keeps the forms of what a cell ends in, and None is nothing")
def _(folder):
    assert outputs("nothing") == []
    assert [output["output_type"] for output in outputs("result")] == ["execute_result"]


@contract("IPython.utils.capture.capture_output", "it keeps what a cell prints, and what it displays")
def _(folder):
    assert [(output["name"], output["text"]) for output in outputs("printed")] == [("stdout", "out\n"), ("stderr", "err\n")]
    assert [output["data"]["text/html"] for output in outputs("displayed")] == ["<b>shown</b>"]


@contract("matplotlib_inline.backend_inline.flush_figures", "a cell's figures are displayed before the next one runs")
def _(folder):
    assert [sorted(output["data"]) for output in outputs("figure")] == [["image/png", "text/plain"]]


@contract(
    "jupyter_server.services.sessions.sessionmanager.SessionManager.get_kernel_env",
    "where it is set, a person sits before the notebook, and predictions are asked with a form",
)
def _(folder):
    environment = SessionManager.get_kernel_env(SimpleNamespace(), str(folder / "unit.ipynb"))
    assert environment[predictions.IN_JUPYTERLAB].endswith("unit.ipynb")


@contract("ipywidgets.Widget._repr_mimebundle_", "a form is shown with its question as text, for a file that is read without a kernel")
def _(folder):
    shown = ipywidgets.HTML("x")._repr_mimebundle_()
    assert {"text/plain", "application/vnd.jupyter.widget-view+json"} <= set(shown)


@contract("ipykernel.ipkernel.IPythonKernel.language_info", "a student's notebook has it before JupyterLab asks the kernel for it")
def _(folder):
    _, client = start_new_kernel()
    try:
        assert client.kernel_info(reply=True, timeout=60)["content"]["language_info"] == IPythonKernel.language_info
    finally:
        client.shutdown()
        client.stop_channels()


@contract("jsonschema._format", "it works without the grammar of `rfc3987_syntax`, which nobody here needs, and which takes long to build")
def _(folder):
    for program in ("grader.__main__", "autodiff_lib.student.__main__"):
        words = [sys.executable, "-c", IMPORTS, program]
        done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert done.returncode == 0, f"{program}: {done.stderr[-2000:]}"


IMPORTS = """
import importlib, os, sys, threading
path = os.environ["PATH"]
importlib.import_module(sys.argv[1])
assert "lark" not in sys.modules and "rfc3987_syntax" not in sys.modules, "it was imported"
assert None not in sys.modules.values(), "a module is still hidden"
assert os.environ["PATH"] == path
assert len(threading.enumerate()) == 1
import jsonschema, nbformat, rfc3987_syntax
nbformat.validate(nbformat.v4.new_notebook())
assert rfc3987_syntax.is_valid_syntax("iri", "http://a.example/")
"""


# --- the tests


@pytest.mark.parametrize("held", CONTRACTS, ids=[contract.name for contract in CONTRACTS])
def test_what_is_relied_on_is_there_and_does_what_it_is_relied_on_for(held, tmp_path):
    try:
        held.check(tmp_path)
    except Exception as error:  # noqa: BLE001 - whatever a new version does: the sentence says it
        pytest.fail(
            f"{version_of(held.package)} no longer has {held.name} as it is relied on here ({held.needed}). {type(error).__name__}: {error}"
        )


def version_of(package: str) -> str:
    return "this Python" if package in sys.stdlib_module_names else f"{package} {importlib.metadata.version(package.replace('_', '-'))}"


HOMES = {  # package -> the files that may import what it does not document
    "nbgrader": {"grader/book/nbgrader_adapter.py"},
    "nbconvert": {"grader/book/nbgrader_adapter.py"},
    "alembic": {"grader/book/nbgrader_adapter.py"},
    "IPython": {"autodiff_lib/ipython.py", "grader/submission/inmate.py"},
    "ipykernel": {"autodiff_lib/student/lab.py"},
    "matplotlib_inline": {"grader/submission/inmate.py"},
}
DOCUMENTED = {  # and what all others may
    "nbgrader.api": {"Assignment", "Gradebook", "InvalidEntry", "MissingEntry"},
    "nbgrader.plugins": {"ExportPlugin"},
    "nbgrader.preprocessors": {"ClearSolutions"},
    "nbconvert.exporters": {"ResourcesDict"},
    "IPython.display": {"HTML", "display"},
}
FILES = [ROOT / "nbgrader_config.py", *(path for name in ("autodiff_lib", "grader") for path in sorted((ROOT / name).rglob("*.py")))]


def imported(tree: ast.AST) -> list[tuple[str, str]]:
    """Module and name of each import."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found += [(node.module or "", alias.name) for alias in node.names]
    return found


def test_what_is_not_documented_has_one_home():
    strangers = [
        f"{path.relative_to(ROOT)}: {module}.{name}"
        for path in FILES
        for module, name in imported(ast.parse(path.read_text(encoding="utf-8")))
        if module.split(".")[0] in HOMES
        and str(path.relative_to(ROOT)) not in HOMES[module.split(".")[0]]
        and name not in DOCUMENTED.get(module, ())
    ]
    assert strangers == []


def test_each_name_has_one_contract():
    names = [held.name for held in CONTRACTS]
    assert len(set(names)) == len(names)
