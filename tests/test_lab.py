"""The student's view: a working copy that keeps what was written, in a JupyterLab of their own."""

import json

from grader.authors.lab import student_settings, working_copy
from grader.book.nbgrader_course import ROOT


def test_a_working_copy_holds_units_and_lectures_and_never_overwrites(tmp_path):
    copied = working_copy(tmp_path)
    assert tmp_path / "01_operators" / "operators.ipynb" in copied
    assert tmp_path / "notebooks" / "00_derivatives.ipynb" in copied
    written = tmp_path / "01_operators" / "operators.ipynb"
    written.write_text("my work")
    assert working_copy(tmp_path) == []
    assert written.read_text() == "my work"


def test_the_working_copy_holds_no_solution(tmp_path):
    working_copy(tmp_path)
    release = (ROOT / "release" / "01_operators" / "operators.ipynb").read_text()
    assert (tmp_path / "01_operators" / "operators.ipynb").read_text() == release


def test_settings_turn_the_instructors_tools_off(tmp_path):
    assert student_settings(tmp_path) == {"JUPYTER_CONFIG_DIR": str(tmp_path)}
    page = json.loads((tmp_path / "labconfig" / "page_config.json").read_text())
    server = json.loads((tmp_path / "jupyter_server_config.json").read_text())
    assert page["disabledExtensions"]["@jupyter/nbgrader"] is True
    assert server["ServerApp"]["jpserver_extensions"]["nbgrader.server_extensions.formgrader"] is False
