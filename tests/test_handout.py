"""The handout and the student's command, on a laptop that has nothing but the handout."""

import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from typer.testing import CliRunner

from autodiff_lib.student import handing_in, lab, place, standing
from autodiff_lib.student.__main__ import main
from autodiff_lib.units import UNITS
from grader.__main__ import app
from grader.authors import authoring, handout
from grader.book.nbgrader_course import ROOT, cell, filled_in, solutions, source
from tests.laptop import TERM, exchange_with, laptop, unpacked

UNIT = "01_operators"
BEGIN = ROOT / "handout" / "begin.py"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("handout") / "handout.zip"
    result = CliRunner().invoke(app, ["handout", "--to", str(path), "--term", TERM])
    assert result.exit_code == 0, result.output
    return path


@dataclass(frozen=True)
class Desk:
    """A handout with the notebooks in place, and the student's command in this process."""

    folder: Path

    @property
    def work(self):
        return self.folder / "my-work"

    def run(self, *words):
        said, complained = io.StringIO(), io.StringIO()
        with chdir(self.folder), redirect_stdout(said), redirect_stderr(complained):
            code = main(words)
        return SimpleNamespace(returncode=code, stdout=said.getvalue(), stderr=complained.getvalue())


@pytest.fixture(scope="module")
def student(archive, tmp_path_factory):
    folder = unpacked(archive, tmp_path_factory.mktemp("desk"))
    lab.working_copy(place.find(folder))
    return Desk(folder)


def write(student, unit, answers):
    path = student.work / unit / UNITS[unit].notebook
    nbformat.write(filled_in(nbformat.read(path, as_version=4), answers), path)
    return path


# --- what is in it


def test_a_handout_holds_what_students_need_and_no_solution_no_hidden_case_and_no_grader(archive, tmp_path):
    folder = unpacked(archive, tmp_path)
    assert folder.name == "autodiff-autumn-2026"
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    notebooks = {f"course/{unit}/{declared.notebook}" for unit, declared in UNITS.items()}
    lectures = {f"course/notebooks/{path.name}" for path in authoring.lectures()}
    (wheel,) = folder.glob("*.whl")
    others = {*handout.PROGRAMS, handout.TEXT, "course.toml", "constraints.txt", "course/START.ipynb", wheel.name}
    assert there == notebooks | lectures | others
    for unit, declared in UNITS.items():
        assert (folder / "course" / unit / declared.notebook).read_bytes() == (ROOT / "release" / unit / declared.notebook).read_bytes()
    for name in lectures:
        assert not any(one.get("outputs") for one in nbformat.read(folder / name, as_version=4).cells)
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"autodiff_lib"}
        (scripts,) = [packed.read(name).decode() for name in names if name.endswith("entry_points.txt")]
    assert scripts.splitlines() == ["[console_scripts]", "autodiff-course = autodiff_lib.student.__main__:main"]
    texts = "".join(path.read_text() for path in folder.rglob("*") if path.suffix in (".ipynb", ".txt", ".toml", ".py", ".sh"))
    assert "BEGIN SOLUTION" not in texts
    assert "$" not in (folder / handout.TEXT).read_text()


def test_programs_may_be_run_and_those_of_windows_have_its_line_ends(archive, tmp_path):
    with zipfile.ZipFile(archive) as packed:
        modes = {info.filename.split("/")[-1]: info.external_attr >> 16 & 0o777 for info in packed.infolist()}
        (bat,) = [packed.read(name) for name in packed.namelist() if name.endswith("start.bat")]
    assert modes["start.sh"] & modes["start.command"] & 0o111 == 0o111
    assert bat.count(b"\r\n") == bat.count(b"\n") > 10
    for name in ("start.sh", "start.command"):
        assert subprocess.run(["sh", "-n", ROOT / "handout" / name]).returncode == 0


def test_the_same_release_makes_the_same_archive(archive, tmp_path):
    again = tmp_path / "again.zip"
    handout.make([], again, place.Course(term=TERM))
    assert again.read_bytes() == archive.read_bytes()


def test_start_says_what_there_is_in_which_order_and_how_long(archive, tmp_path):
    folder = unpacked(archive, tmp_path)
    plan = cell_of(folder / "course" / "START.ipynb", "plan")
    rows = [line.split("](")[1].split(")")[0] for line in plan.splitlines() if "](" in line]
    assert all((folder / "course" / row).is_file() for row in rows)
    assert {row for row in rows if not row.startswith("notebooks/")} == {f"{unit}/{one.notebook}" for unit, one in UNITS.items()}
    for unit, one in UNITS.items():
        for lecture in one.lectures:
            assert rows.index(f"notebooks/{lecture}.ipynb") < rows.index(f"{unit}/{one.notebook}")
        assert not one.hours[1] or f"{one.hours[0]} to {one.hours[1]} hours" in plan
        (row,) = [line for line in plan.splitlines() if f"[{unit}]" in line]
        assert f", {standing.not_started(unit).max_points:g} points" in row  # as its progress says
        assert ("extra" in row) == bool(one.extra)
    assert TERM in cell_of(folder / "course" / "START.ipynb", "title")


def cell_of(path, name):
    return next(one.source for one in nbformat.read(path, as_version=4).cells if one.id == name)


def test_each_unit_ends_in_its_button_which_grading_leaves_alone():
    for unit in UNITS:
        last = source(unit).cells[-1]
        assert last.source == f'from autodiff_lib.student import hand_in\n\nhand_in("{unit}")'
        assert last.metadata.tags == ["experiment"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["99_x", "--term", TERM], "there is no unit '99_x'; the units are 01_operators"),
        (["02_evaluator", "--term", TERM], "02_evaluator runs what students wrote in 01_operators: name these too"),
        ([], 'give --term "Autumn 2026"'),
    ],
)
def test_a_handout_that_cannot_be_made_says_why(tmp_path, arguments, message):
    result = CliRunner().invoke(app, ["handout", *arguments, "--to", str(tmp_path / "h.zip"), "--course", str(tmp_path)])
    assert result.exit_code == 2
    assert message in result.stderr.replace("\n", " ")
    assert not (tmp_path / "h.zip").exists()


def test_what_the_course_says_of_itself_comes_along(tmp_path):
    said = place.Course('A "course"\n\\', TERM, "Upload it.", "/srv/in", "", "cs1")
    (tmp_path / "course.toml").write_text(handout.as_toml(said), encoding="utf-8")
    assert place.read(tmp_path / "course.toml") == said
    (tmp_path / "course.toml").write_text("term = 5")
    with pytest.raises(place.HandoutError, match="term is 5, and must be a text"):
        place.read(tmp_path / "course.toml")


# --- the start script


def begin(folder, monkeypatch, commands, runs):
    """The start script's module in a folder, with the commands that it runs recorded; `runs` says which succeed."""
    shutil.copy(BEGIN, folder)
    spec = importlib.util.spec_from_file_location("begin", folder / "begin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "run", lambda *words: commands.append(" ".join(map(str, words[1:]))) or runs(commands[-1]))
    monkeypatch.setattr(module.os, "execv", lambda path, words: commands.append(" ".join(words[1:])))
    return module


@pytest.mark.parametrize("small_torch", [True, False])
def test_the_first_start_installs_asks_for_the_small_torch_and_the_second_does_not(tmp_path, monkeypatch, small_torch):
    (tmp_path / "autodiff_course-1-py3-none-any.whl").write_bytes(b"wheel")
    (tmp_path / "constraints.txt").write_text("torch==1")
    (tmp_path / ".venv").mkdir()
    commands = []
    module = begin(tmp_path, monkeypatch, commands, lambda command: small_torch or "uv" not in command)
    monkeypatch.setattr(module.sys, "argv", ["begin.py", "--no-browser"])
    monkeypatch.setattr(module.sys, "platform", "linux")
    module.main()
    asked = [command for command in commands if "--torch-backend cpu" in command]
    plain = [command for command in commands if command.startswith("-m pip install --constraint")]
    assert (len(asked), len(plain)) == ((1, 0) if small_torch else (0, 1))
    assert commands[-1] == "-m autodiff_lib.student start --no-browser"
    del commands[:]
    module.main()
    assert commands == ["-m autodiff_lib.student start --no-browser"]
    (tmp_path / "constraints.txt").write_text("torch==2")  # a newer handout
    module.main()
    assert len(commands) > 2


def test_a_broken_installation_is_not_taken_for_a_whole_one(tmp_path, monkeypatch):
    (tmp_path / "autodiff_course-1-py3-none-any.whl").write_bytes(b"wheel")
    (tmp_path / "constraints.txt").write_text("torch==1")
    module = begin(tmp_path, monkeypatch, [], lambda command: "pip install" not in command)
    with pytest.raises(SystemExit, match="start again: it goes on from here"):
        module.main()
    assert not (tmp_path / ".venv" / "installed.txt").exists()


# --- the working copy


def test_the_working_copy_never_overwrites_what_was_written_and_takes_what_is_new(archive, tmp_path):
    there = place.find(unpacked(archive, tmp_path))
    copied = lab.working_copy(there)
    assert {path.name for path in copied} >= {"START.ipynb", "operators.ipynb", "00_derivatives.ipynb"}
    assert lab.working_copy(there) == []
    mine = there.work / UNIT / "operators.ipynb"
    mine.write_text("my work")
    newer = there.pristine / UNIT / "operators.ipynb"
    newer.write_text(newer.read_text().replace("ten operators", "10 operators"))
    lecture = there.pristine / "notebooks" / "00_derivatives.ipynb"
    lecture.write_text(lecture.read_text().replace("Four ways", "Quatre façons"))
    assert lab.working_copy(there) == [there.work / "notebooks" / "00_derivatives.ipynb"]
    assert mine.read_text() == "my work"


def test_running_a_lecture_is_no_change_of_it(archive, tmp_path):
    there = place.find(unpacked(archive, tmp_path))
    lab.working_copy(there)
    path = there.work / "notebooks" / "00_derivatives.ipynb"
    notebook = nbformat.read(path, as_version=4)
    code = next(one for one in notebook.cells if one.cell_type == "code")
    code.outputs, code.execution_count = [nbformat.v4.new_output("stream", text="hello")], 1
    nbformat.write(notebook, path)
    pristine = there.pristine / "notebooks" / "00_derivatives.ipynb"
    pristine.write_text(pristine.read_text().replace("Four ways", "Quatre façons"))
    assert lab.working_copy(there) == [path]


@pytest.mark.parametrize("exchange", ["", "/srv/exchange"])
def test_nbgraders_panels_for_students_are_there_with_an_exchange_and_hidden_without(tmp_path, exchange):
    there = place.Place(tmp_path, place.Course(exchange=exchange, course_id="cs1"))
    folder = lab.settings(there)["JUPYTER_CONFIG_DIR"]
    server = json.loads((tmp_path / "my-work/.course/jupyter/jupyter_server_config.json").read_text())["ServerApp"]["jpserver_extensions"]
    page = json.loads((tmp_path / "my-work/.course/jupyter/labconfig/page_config.json").read_text())["disabledExtensions"]
    assert folder == str(tmp_path / "my-work/.course/jupyter")
    shown = {name.rsplit(".")[-1] for name, on in server.items() if on}
    assert shown == ({"assignment_list", "validate_assignment"} if exchange else set())
    assert set(page) == (
        {f"@jupyter/nbgrader:{name}" for name in ("course-list", "formgrader", "create-assignment")} if exchange else {"@jupyter/nbgrader"}
    )
    settings = json.loads((tmp_path / "my-work/.course/jupyter/nbgrader_config.json").read_text())
    assert settings == {"Exchange": {"root": exchange, "assignment_dir": str(there.work)}, "CourseDirectory": {"course_id": "cs1"}}


def test_what_the_course_adds_to_jupyterlab_comes_with_the_wheel_and_jupyterlab_is_told_of_it(archive, tmp_path):
    folder = unpacked(archive, tmp_path)
    lab.settings(place.find(folder))
    (told,) = json.loads((folder / "my-work/.course/jupyter/jupyter_lab_config.json").read_text())["LabApp"]["extra_labextensions_path"]
    assert Path(told) == lab.LABEXTENSIONS
    names = os.listdir(told)
    builds = {name: json.loads((lab.LABEXTENSIONS / name / "package.json").read_text())["jupyterlab"]["_build"] for name in names}
    assert {*builds} == {"autodiff-course", "autodiff-course-window"}
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        assert {f"autodiff_lib/student/labextensions/{name}/{build['load']}" for name, build in builds.items()} <= {*packed.namelist()}


def luminance(colour):
    levels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels]
    return sum(weight * level for weight, level in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", lab.ON_DARK.values())
def test_the_colours_of_reports_have_enough_contrast_on_all_dark_backgrounds_of_jupyterlab(colour):
    for background in ("#111111", "#212121", "#424242"):  # a page, a cell, every second row of a table under the mouse
        assert (luminance(colour) + 0.05) / (luminance(background) + 0.05) >= 4.5


def test_jupyterlab_opens_at_start_also_for_root(tmp_path, monkeypatch):
    there = place.Place(tmp_path, place.Course())
    monkeypatch.setattr(lab.os, "geteuid", lambda: 0)
    words = lab.command(there, ["--port=1"])
    assert {"--allow-root", "--LabApp.default_url=/lab/tree/START.ipynb", f"--ServerApp.root_dir={there.work}"} < set(words)
    assert words[-1] == "--port=1"
    monkeypatch.setattr(lab.os, "geteuid", lambda: 1000)
    assert "--allow-root" not in lab.command(there, [])


# --- status, check, submit


def test_the_command_of_a_laptop_is_that_of_the_handouts_wheel(archive, tmp_path):
    there = laptop(archive, tmp_path)
    lab.working_copy(place.find(there.folder))
    code = "import autodiff_lib, importlib.util; print(autodiff_lib.__file__, importlib.util.find_spec('grader'))"
    found = subprocess.run(
        [str(there.python), "-c", code], cwd=there.folder, env=there.environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == [str(next(there.folder.glob(".venv/lib/python*/site-packages/autodiff_lib/__init__.py"))), "None"]
    status = there.run("status")
    assert (status.returncode, status.stdout.count("not started")) == (0, len(UNITS))


def test_outside_of_a_handout_each_command_says_where_to_run_it(tmp_path):
    for words in (["status"], ["check", UNIT], ["submit", UNIT], ["start"]):
        done = Desk(tmp_path).run(*words)
        assert (done.returncode, "run this in the folder that you unpacked the handout into" in done.stderr) == (2, True)


def test_check_tells_by_its_exit_code_what_is_right(student, capfd):
    right = solutions(UNIT)
    write(student, UNIT, {**right, "sqrt": right["sqrt"].replace("2", "3"), "layernorm": "%time import torch as unused\nx = ("})
    good = student.run("check", UNIT, "div")
    assert (good.returncode, good.stdout.splitlines()[0]) == (0, "✓ div: 3 of 3 points")
    assert capfd.readouterr().err == "", "what a kernel says to its terminal is nothing for a student"
    wrong = student.run("check", UNIT, "sqrt")
    assert wrong.returncode == 1
    assert "Smallest failing case" in wrong.stdout
    all_of_it = student.run("check", UNIT)
    assert all_of_it.returncode == 1
    assert "cell layernorm ended in SyntaxError" in all_of_it.stdout
    further = student.run("check", UNIT, "logsumexp")
    assert (further.returncode, further.stdout.splitlines()[0]) == (1, "○ logsumexp: not done yet")
    for words, names in (([UNIT, "nothing"], "it has div, div_by_const"), (["99_x"], "the units are 01_operators")):
        unknown = student.run("check", *words)
        assert (unknown.returncode, names in unknown.stderr) == (2, True)


def test_submit_warns_packs_and_gives_a_receipt(student):
    right = solutions(UNIT)
    unfinished = cell(source_released(), "mean").source
    path = write(student, UNIT, {**right, "sqrt": right["sqrt"].replace("2", "3"), "mean": unfinished})
    (path.parent / "helpers.py").write_text("x = 1\n")
    (path.parent / "operators-Copy1.ipynb").write_text("{}")
    done = student.run("submit", UNIT, "--as", "ada")
    assert done.returncode == 0, done.stderr
    assert "Warning: not finished: mean." in done.stdout
    assert "Warning: not right yet: sqrt." in done.stdout
    assert "Left out: operators-Copy1.ipynb" in done.stdout
    assert "Not handed in before you upload it" in done.stdout
    with zipfile.ZipFile(student.work / "handed_in" / f"{UNIT}_ada.zip") as packed:
        assert sorted(packed.namelist()) == [f"{UNIT}/helpers.py", f"{UNIT}/operators.ipynb", "receipt.json"]
        assert packed.read(f"{UNIT}/operators.ipynb") == path.read_bytes()
        receipt = json.loads(packed.read("receipt.json"))
    assert (receipt["student"], receipt["exercises"]["div"], receipt["exercises"]["mean"]) == ("ada", [3, 3], [0, 3])
    assert 20 < receipt["points"] < receipt["max_points"] == 32
    assert receipt["digest"] in done.stdout
    status = student.run("status", "--json")
    unit = json.loads(status.stdout)[0]
    assert (unit["state"], unit["first_open"], unit["points"], unit["since_changed"]) == ("in work", "sqrt", receipt["points"], False)
    assert receipt["time"] in unit["handed_in"]
    write(student, UNIT, right)
    unit = json.loads(student.run("status", "--json").stdout)[0]
    assert (unit["state"], unit["points"], unit["since_changed"]) == ("done", 32, True)


def source_released():
    return nbformat.read(ROOT / "release" / UNIT / UNITS[UNIT].notebook, as_version=4)


def test_a_fresh_run_asks_nobody_and_runs_no_other_notebook_in_turn(student):
    """Else two notebooks that ask `check.progress()` would run each other without end."""
    write(student, UNIT, {"div": "import os\nopen('run-as', 'w').write(os.environ['NBGRADER_EXECUTION'] + str(check.progress()))"})
    student.run("check", UNIT, "div")
    assert (student.work / UNIT / "run-as").read_text() == "validateNone"


def test_a_kernel_that_dies_is_told_and_the_work_is_packed_all_the_same(student):
    write(student, UNIT, {"div": "import os\nos._exit(3)"})
    done = student.run("submit", UNIT)
    assert done.returncode == 0
    assert "Warning: the kernel of operators.ipynb ended before its checks had answered" in done.stdout
    checked = student.run("check", UNIT)
    assert checked.returncode == 2


def test_a_folder_that_the_handout_names_gets_the_file(student, tmp_path):
    there = place.Place(student.folder, place.Course(folder=str(tmp_path)))
    receipt = handing_in.Receipt(UNIT, "ada", "2026-03-01 12:00:00 UTC", "0", 1, 2, {})
    packed = tmp_path / "packed"
    packed.write_bytes(b"zip")
    (line,) = handing_in.delivered(there, receipt, packed)
    assert line == f"Handed in: {tmp_path / '01_operators_ada_20260301T120000Z.zip'}"
    assert (tmp_path / "01_operators_ada_20260301T120000Z.zip").read_bytes() == b"zip"
    gone = place.Place(student.folder, place.Course(folder=str(tmp_path / "gone")))
    with pytest.raises(place.HandoutError, match="cannot be written"):
        list(handing_in.delivered(gone, receipt, packed))


@pytest.mark.parametrize("name", ["", "../x", "a b", "-x", "a/b", "x" * 65])
def test_a_name_that_no_file_can_have_is_refused(name):
    with pytest.raises(place.HandoutError, match="cannot be your name here"):
        place.checked_id(name)


def test_what_to_do_next_follows_the_plan():
    fresh = standing.Standing(UNIT, "not started", 0, 32, 0, 10, "div")
    work = standing.Standing(UNIT, "in work", 3, 32, 1, 10, "relu")
    done = standing.Standing(UNIT, "done", 32, 32, 10, 10)
    handed = standing.Standing(UNIT, "done", 32, 32, 10, 10, "", "2026-03-01 12:00:00 UTC, 32 points")
    assert "its first exercise is div" in standing.next_step([fresh])
    assert "relu, in 01_operators/operators.ipynb" in standing.next_step([work, fresh])
    assert "hand in 01_operators" in standing.next_step([done, fresh])
    assert standing.next_step([handed]) == standing.FINISHED


# --- nbgrader's exchange


def test_with_an_exchange_a_unit_goes_into_it(student, tmp_path):
    exchange = exchange_with(UNIT, tmp_path / "exchange")
    there = place.Place(student.folder, place.Course(exchange=str(exchange), course_id="cs1"))
    said = handing_in.into_exchange(there, UNIT)
    assert said == f"Handed in: into nbgrader's exchange, {exchange}"
    (inbound,) = (exchange / "cs1" / "inbound").iterdir()
    assert f"+{UNIT}+" in inbound.name
    assert (inbound / "operators.ipynb").is_file()


# --- scripts of the package


def test_an_editable_install_has_both_scripts(tmp_path):
    """What conda's and make's environments are made with; the students' wheel has one of them."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel:editable", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        scripts = [name for name in packed.namelist() if name.endswith(".data/scripts/grader")]
        assert len(scripts) == 1
        assert packed.getinfo(scripts[0]).external_attr >> 16 & 0o111 == 0o111  # pip makes it no more executable than it is here
        text = packed.read(scripts[0]).decode()
    assert text.startswith("#!python\n")
    done = subprocess.run(
        [sys.executable, "-", "--help"], input=text, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert (done.returncode, "handout" in done.stdout) == (0, True)
