"""Grades on their way out: what CSV, Canvas, Gradescope and Autolab get of one small class with names as people have them."""

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from datetime import datetime

import jsonschema
import nbformat
import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from autodiff_lib.checks import questions
from autodiff_lib.checks.question import Failure, PartVerdict, Verdict
from grader.__main__ import app
from grader.authors.catalogue import MISTAKES
from grader.book.nbgrader_course import ROOT, database, filled_in, nbgrader, release, scores, solutions, submit
from grader.classes import records
from grader.exports import autolab, canvas, command, feedback, gradescope, lines, table
from grader.exports.autograder import SECRET_FILE, requirements
from grader.submission import engine, hidden, jail
from tests import corpora

UNIT, NOTEBOOK = "01_operators", "operators"
WRONG, GARBAGE, ABSENT = "middle", "unreadable", "absent"
PEOPLE = {  # id -> first name, last name, email, lms_user_id
    corpora.FIRST: ('Ann "Nan"', "O'Neil, Jr", "ann@example.org", "4711"),
    corpora.LAST: ("二\nlines", "Žižek", "z@example.org", "sis-7"),
    WRONG: ("=HYPERLINK(1)", "@cmd", "+1@example.org", None),
    GARBAGE: (None, None, None, None),
    ABSENT: ("Never", "Seen", None, "12"),
}
POINTS = {corpora.FIRST: 32, corpora.LAST: 32, WRONG: 30, GARBAGE: None}  # None: ungraded
JAILED = jail.bubblewrap() is not None


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A graded class: two who have it all right, one with a mistake, one whose file is no notebook, one who never submitted."""
    folder = corpora.make_course(tmp_path_factory.mktemp("exports") / "course", [UNIT])
    answers = {**solutions(UNIT), "layernorm": MISTAKES["layernorm-unbiased"].cell(solutions(UNIT)["layernorm"])}
    submit(folder, WRONG, UNIT, filled_in(release(folder, UNIT), answers))
    submit(folder, GARBAGE, UNIT, nbformat.v4.new_notebook()).write_bytes(b"\x00\xff not a notebook")
    corpora.autograde(folder, UNIT, jailed=JAILED)
    with Gradebook(database(folder)) as gradebook:
        for name, (first, last, email, lms) in PEOPLE.items():
            gradebook.update_or_create_student(name, first_name=first, last_name=last, email=email, lms_user_id=lms)
    return folder


@pytest.fixture
def own_course(course, tmp_path):
    """A copy whose gradebook may be written to."""
    return shutil.copytree(course, tmp_path / "course", ignore=shutil.ignore_patterns("exports"))


def run(*arguments):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def table_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def csv_of(course):
    assert run(UNIT, "--to", "csv", "--course", course).exit_code == 0
    return table_of(course / "exports" / f"{UNIT}.csv")


def canvas_of(course):
    """By login, with the row of the points possible under the empty one."""
    assert run(UNIT, "--to", "canvas", "--course", course).exit_code == 0
    return {row["SIS Login ID"]: row for row in table_of(course / "exports" / f"{UNIT}_canvas.csv").values()}


def grade(course, student, question):
    gradebook = Gradebook(database(course))
    return gradebook, gradebook.find_grade(f"check_{question}", NOTEBOOK, UNIT, student)


def set_manual_score(course, student, question, points):
    gradebook, found = grade(course, student, question)
    with gradebook:
        found.manual_score, found.needs_manual_grade = points, False
        gradebook.db.commit()


def set_penalty(course, student, points):
    with Gradebook(database(course)) as gradebook:
        gradebook.find_submission_notebook(NOTEBOOK, UNIT, student).late_submission_penalty = points
        gradebook.db.commit()


# --- CSV


def test_csv_has_a_row_for_everybody_with_names_as_they_are_and_no_formula(course):
    rows = csv_of(course)
    assert set(rows) == set(PEOPLE)
    first = rows[corpora.FIRST]
    assert (first["first_name"], first["last_name"], first["email"], first["lms_user_id"]) == PEOPLE[corpora.FIRST]
    assert rows[corpora.LAST]["first_name"] == "二\nlines"
    cells = [rows[WRONG][name] for name in ("first_name", "last_name", "email")]
    assert cells == ["'=HYPERLINK(1)", "'@cmd", "'+1@example.org"]


def test_csv_columns_stand_in_the_notebooks_order_whatever_the_gradebooks(course):
    head = list(next(iter(csv_of(course).values())))
    assert head == [*table.COLUMNS, *(f"{UNIT}/{name}" for name in solutions(UNIT))]


def test_csv_rows_stand_in_the_order_of_names(course):
    assert list(csv_of(course)) == [GARBAGE, WRONG, corpora.FIRST, ABSENT, corpora.LAST]


@pytest.mark.parametrize("student", [name for name, points in POINTS.items() if points is not None])
def test_csv_points_are_the_gradebooks(course, student):
    row = csv_of(course)[student]
    assert (row["status"], row["ungraded"], float(row["total"]), row["max_points"]) == ("graded", "", POINTS[student], "32")
    assert row["late_penalty"] == "0"
    (expected,) = (line.points for line in scores(database(course), UNIT) if line.student == student)
    assert {f"check_{name}": float(row[f"{UNIT}/{name}"]) for name in solutions(UNIT)} == expected


@pytest.mark.parametrize(("student", "status"), [(GARBAGE, "ungraded"), (ABSENT, "no submission")])
def test_csv_shows_what_has_no_verdict_as_empty_and_never_as_0(course, student, status):
    row = csv_of(course)[student]
    assert row["status"] == status
    assert {row["points"], row["total"], *(row[f"{UNIT}/{name}"] for name in solutions(UNIT))} == {""}
    assert row["ungraded"] == ("; ".join(solutions(UNIT)) if student == GARBAGE else "")


def test_one_ungraded_question_leaves_the_total_open_and_the_others_as_they_are(own_course):
    gradebook, found = grade(own_course, corpora.FIRST, "matmul")
    with gradebook:
        found.auto_score, found.needs_manual_grade = None, True
        gradebook.db.commit()
    row = csv_of(own_course)[corpora.FIRST]
    assert (row["status"], row["ungraded"], row["total"], row[f"{UNIT}/matmul"], row[f"{UNIT}/div"]) == ("ungraded", "matmul", "", "", "3")
    assert canvas_of(own_course)[corpora.FIRST][UNIT] == ""


def test_a_manual_score_wins_over_the_judges_and_grades_what_was_ungraded(own_course):
    set_manual_score(own_course, WRONG, "layernorm", 5.5)
    for question in solutions(UNIT):
        set_manual_score(own_course, GARBAGE, question, 1)
    rows, in_canvas = csv_of(own_course), canvas_of(own_course)
    assert (rows[WRONG][f"{UNIT}/layernorm"], rows[WRONG]["total"], in_canvas[WRONG][UNIT]) == ("5.5", "31.5", "31.5")
    assert (rows[GARBAGE]["status"], rows[GARBAGE]["total"], in_canvas[GARBAGE][UNIT]) == ("graded", "10", "10")


@pytest.mark.parametrize(("penalty", "total"), [(0.1, "31.9"), (32, "0"), (40, "0")])
def test_a_late_penalty_is_taken_from_the_total_and_never_below_0(own_course, penalty, total):
    set_penalty(own_course, corpora.FIRST, penalty)
    row = csv_of(own_course)[corpora.FIRST]
    assert (row["points"], row["late_penalty"], row["total"]) == ("32", f"{penalty:g}", total)
    assert canvas_of(own_course)[corpora.FIRST][UNIT] == total


def test_extra_credit_counts(own_course):
    gradebook, found = grade(own_course, corpora.FIRST, "matmul")
    with gradebook:
        found.extra_credit = 2
        gradebook.db.commit()
    assert csv_of(own_course)[corpora.FIRST]["total"] == "34"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("Ann", "Ann"), ("", ""), (None, ""), (0.0, "0"), (2.5, "2.5"), (1234567.0, "1234567"), (0.1 + 0.2, "0.3"), (-1.0, "-1"),
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), ("a=1", "a=1"),
    ],
)  # fmt: skip
def test_cells_are_numbers_in_full_and_text_that_no_spreadsheet_runs(value, cell):
    assert table.plain(value) == cell


def test_several_units_share_a_table_and_a_row_has_its_own_units_questions_alone():
    student = lines.Student("Last", "First", "one")
    submitted, points = datetime(2026, 3, 1, 23, 59, 58, 7), {"matmul": 1.0, "div": 2.0}
    units = [lines.Unit(name, 3, list(points), [lines.Line(student, name, True, points, 3, timestamp=submitted)]) for name in ("01", "02")]
    head, one, two = table.rows(units)
    assert one[head.index("submitted")] == "2026-03-01 23:59:58"
    assert head[-4:] == ["01/matmul", "01/div", "02/matmul", "02/div"]
    assert (one[-4:], two[-4:]) == ([1.0, 2.0, None, None], [None, None, 1.0, 2.0])


# --- Canvas


def test_canvas_gets_its_columns_the_points_possible_and_everybodys_total(course):
    rows = canvas_of(course)
    assert list(rows[""]) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", UNIT]
    assert rows[""]["Student"].strip() == "Points Possible"
    assert rows[""][UNIT] == "32"
    assert {name: row[UNIT] for name, row in rows.items() if name} == {
        **{name: "" if points is None else str(points) for name, points in POINTS.items()},
        ABSENT: "",
    }
    assert next(iter(rows)) == ""  # the second line of the file


@pytest.mark.parametrize(
    ("student", "login", "cells"),
    [
        (lines.Student("Doe", "Jo", "jo", "jo@x", "12"), "id", ("Doe, Jo", "12", "", "jo", "")),
        (lines.Student("Doe", "Jo", "jo", "jo@x", "12"), "email", ("Doe, Jo", "12", "", "jo@x", "")),
        (lines.Student("Doe", "", "jo", "", "u-12"), "id", ("Doe", "", "u-12", "jo", "")),
        (lines.Student("", "Jo", "jo", "", "١٢"), "id", ("Jo", "", "١٢", "jo", "")),
        (lines.Student("", "", "jo"), "email", ("jo", "", "", "", "")),
    ],
)
def test_canvas_knows_students_by_number_else_by_sis_id_else_by_login(student, login, cells):
    assert canvas.identity(student, login) == cells


def test_canvas_takes_titles_and_logins_from_the_courses_configuration(own_course):
    settings = f"c.CanvasExport.titles = {{'{UNIT}': 'Operators (99)'}}\nc.CanvasExport.login = 'email'\n"
    (own_course / "nbgrader_config.py").write_text(f"c = get_config()\n{settings}")
    rows = canvas_of(own_course)
    assert rows["ann@example.org"]["Operators (99)"] == "32"


# --- nbgrader's own command


def test_nbgrader_export_writes_this_table_by_default_and_respects_its_filters(course, tmp_path):
    nbgrader(course, "export", f"--to={tmp_path / 'all.csv'}")
    assert table_of(tmp_path / "all.csv") == csv_of(course)
    nbgrader(course, "export", f"--to={tmp_path / 'one.csv'}", f"--student={WRONG}", f"--assignment={UNIT}")
    assert table_of(tmp_path / "one.csv") == {WRONG: csv_of(course)[WRONG]}


@pytest.mark.parametrize(("exporter", "head"), [("CsvExport", "student_id,"), ("CanvasExport", "Student,ID,SIS User ID,")])
def test_nbgraders_executable_finds_the_exporters_from_the_repositorys_root(course, tmp_path, exporter, head):
    executable = shutil.which("nbgrader", path=os.path.dirname(sys.executable))
    path = tmp_path / "out.csv"
    words = [executable, "export", f"--exporter=grader.exports.{exporter}", f"--to={path}", f"--CourseDirectory.root={course}"]
    done = subprocess.run([*words, "--student=nobody", f"--student={WRONG}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"Using exporter: {exporter}" in done.stderr
    assert "The gradebook has no student 'nobody'; it has aaa-witness" in done.stderr
    seen = path.read_text(encoding="utf-8").splitlines()
    assert seen[0].startswith(head)
    assert seen[-1].startswith(WRONG if exporter == "CsvExport" else '"\'@cmd, =HYPERLINK(1)",,,middle,,30')


# --- Gradescope and Autolab, from the records

VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
RESULTS = {  # as https://gradescope-autograders.readthedocs.io/en/latest/specs/ has it
    "type": "object",
    "required": ["score", "tests", "output"],
    "additionalProperties": False,
    "properties": {
        "score": {"type": "number", "minimum": 0},
        "execution_time": {"type": "integer", "minimum": 0},
        "output": {"type": "string", "minLength": 1},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "tests": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "max_score", "output", "visibility"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "minLength": 1},
                    "number": {"type": "string"},
                    "score": {"type": "number", "minimum": 0},
                    "max_score": {"type": "number", "exclusiveMinimum": 0},
                    "status": {"enum": ["passed", "failed"]},
                    "output": {"type": "string", "minLength": 1},
                    "visibility": VISIBILITY,
                },
            },
        },
    },
}


def valid(path):
    """The results in a file, after Gradescope's rules: the score is the sum, and what is ungraded says so in two places."""
    results = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(results, RESULTS)
    assert results["score"] == sum(test.get("score", 0) for test in results["tests"])
    for test in results["tests"]:
        assert test.get("score", 0) <= test["max_score"]
        assert (test.get("status") == "passed") == (test.get("score") == test["max_score"])
        if "score" not in test:
            assert test["name"].endswith("(ungraded)")
            assert test["output"].startswith("UNGRADED")
            assert results["output"].startswith("UNGRADED")
            assert test["name"].removesuffix(" (ungraded)") in results["output"]
    return results


def test_gradescope_gets_a_valid_file_for_each_student_with_the_gradebooks_points(course):
    assert run(UNIT, "--to", "gradescope", "--course", course).exit_code == 0
    folder = course / "exports" / f"{UNIT}_gradescope"
    assert {path.stem for path in folder.iterdir()} == set(POINTS)
    for student, points in POINTS.items():
        results = valid(folder / f"{student}.json")
        assert results["score"] == (points or 0)
        assert all("score" not in test for test in results["tests"]) == (points is None)


def test_gradescope_shows_the_smallest_failing_case_its_hint_and_the_repairs(own_course):
    record = records.load(own_course, UNIT, WRONG)
    said = record.questions["layernorm"]
    record.repairs.append("the check cell check_div was deleted")
    records.save(own_course, record)
    run(UNIT, "--to", "gradescope", "--course", own_course, "--student", WRONG)
    results = valid(own_course / "exports" / f"{UNIT}_gradescope" / f"{WRONG}.json")
    (failed,) = (test for test in results["tests"] if test["status"] == "failed")
    assert (failed["name"], failed["score"], failed["max_score"]) == ("layernorm", 4, 6)
    for words in (said.case, said.message, said.hint):
        assert words
        assert words in failed["output"]
    assert "- the check cell check_div was deleted" in results["output"]


def test_autolab_finds_the_scores_in_the_last_line(course):
    assert run(UNIT, "--to", "autolab", "--course", course).exit_code == 0
    folder = course / "exports" / f"{UNIT}_autolab"
    for student, points in POINTS.items():
        *told, last = (folder / f"{student}.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
        found = json.loads(last)
        assert found.get("scoreboard") == (None if points is None else [points])
        assert sum(found["scores"].values()) == (points or 0)
        assert set(found["scores"]) == (set() if points is None else set(solutions(UNIT)))
        assert told[0].startswith("UNGRADED") == (points is None)


def test_autolab_leaves_out_the_question_that_is_ungraded_and_the_total_with_it():
    items = [feedback.Item(name, 1, points, 5, False, name) for name, points in (("matmul", 5.0), ("sqrt", None))]
    last = autolab.report(feedback.Feedback(tuple(items), (), 1)).splitlines()[-1]
    assert json.loads(last) == {"scores": {"matmul": 5.0}}


def failed(failure, repairs=()):
    """What Gradescope is told of a submission whose matmul fails."""
    question = questions(UNIT)["matmul"]
    parts = tuple(PartVerdict(part.name, 0, part.points, 0, 3, failure) for part in question.parts)
    result = engine.Result(UNIT, {"matmul": Verdict("matmul", question.number, parts)}, list(repairs), [], True)
    return gradescope.results(feedback.of_result(result))


def test_a_hidden_case_is_told_by_its_name_and_its_hint_alone():
    hint = "is an operand transposed?"
    (test,) = failed(engine.without_data(Failure("batched", "wrong", "got 0.4242, expected 0.7", hint, printed="0.4242")))["tests"]
    assert "batched (hidden)" in test["output"]
    assert hint in test["output"]
    assert "0.4242" not in test["output"]


def test_text_that_no_json_reader_takes_and_text_without_end_are_mended():
    found = failed(Failure("one", "error", "\ud800" + "x" * 50_000), repairs=["\udfff"])
    json.dumps(found, ensure_ascii=False).encode("utf-8")
    assert len(found["tests"][0]["output"]) < 25_000


# --- the command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("99_nothing", "--to", "csv"), "there is no unit '99_nothing'; the units are 01_operators"),
        (("02_evaluator", "--to", "csv"), "nothing of 02_evaluator is graded"),
        (("02_evaluator", "--to", "canvas"), "run `grader autograde 02_evaluator --course"),
        (("02_evaluator", "--to", "gradescope"), "run `grader autograde 02_evaluator --course"),
        ((UNIT, "--to", "csv", "--student", "nobody"), "has no student nobody; it has aaa-witness"),
        ((UNIT, "--to", "autolab", "--student", ABSENT), "has no student absent; it has aaa-witness, middle"),
        ((UNIT, "--to", "gradescope-zip", "--student", WRONG), "leave --student out"),
        ((UNIT, "--to", "csv", "--output", "/dev/null/grades.csv"), "another place is named with --output"),
        ((UNIT, "--to", "autolab", "--output", "/dev/null"), "another place is named with --output"),
    ],
)
def test_what_cannot_be_exported_exits_2_and_says_what_to_do(course, arguments, message):
    result = run(*arguments, "--course", course)
    assert result.exit_code == 2
    assert message in result.stderr.replace("\n", " ")


def test_a_course_that_was_never_graded_gets_no_gradebook_by_asking(tmp_path):
    result = run(UNIT, "--to", "csv", "--course", tmp_path)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "there is no gradebook" in result.stderr


def test_a_damaged_record_stops_the_export_and_is_named(own_course):
    records.path_of(own_course, UNIT, WRONG).write_text("{")
    result = run(UNIT, "--to", "gradescope", "--course", own_course)
    assert result.exit_code == 2
    assert f"the records of {WRONG} cannot be read: run `grader autograde {UNIT}" in result.stderr
    assert f"--force --student {WRONG}`" in result.stderr
    assert not (own_course / "exports").exists()


@pytest.mark.parametrize("form", [form.value for form in command.Form if form != "gradescope-zip"])
def test_the_command_names_the_students_that_are_ungraded(course, form):
    result = run(UNIT, "--to", form, "--course", course)
    assert "ungraded" in result.stderr
    assert f": {GARBAGE}" in result.stderr
    alone = run(UNIT, "--to", form, "--course", course, "--student", WRONG, "--output", course / "exports" / f"alone-{form}")
    assert (alone.exit_code, alone.stderr) == (0, "")


def test_output_names_the_file_or_the_folder_to_put_it_in(course, tmp_path):
    for given, written in ((tmp_path / "new" / "table.csv", tmp_path / "new" / "table.csv"), (tmp_path, tmp_path / f"{UNIT}.csv")):
        result = run(UNIT, "--to", "csv", "--course", course, "--output", given)
        assert f"csv written to {written}" in result.stdout.replace("\n", "")
        assert len(table_of(written)) == len(PEOPLE)


# --- the autograder for Gradescope


@pytest.fixture(scope="module")
def zipped(course, tmp_path_factory):
    path = tmp_path_factory.mktemp("zip") / "autograder.zip"
    assert run(UNIT, "--to", "gradescope-zip", "--course", course, "--output", path).exit_code == 0
    return path


@pytest.fixture(scope="module")
def autograder(zipped, tmp_path_factory):
    """A folder that plays /autograder, after Gradescope has unpacked the zip into it."""
    root = tmp_path_factory.mktemp("autograder")
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(root / "source")
    (root / "results").mkdir()
    shutil.copy(root / "source" / "run_autograder", root)
    return root


def run_autograder(root, submission, **variables):
    """What Gradescope does for each submission; the results, and what the scripts printed."""
    shutil.rmtree(root / "submission", ignore_errors=True)
    shutil.copytree(submission, root / "submission")
    (root / "results" / "results.json").unlink(missing_ok=True)
    environment = {**os.environ, "AUTOGRADER_ROOT": str(root), "AUTOGRADER_PYTHON": sys.executable, **variables}
    words = [shutil.which("bash"), str(root / "run_autograder")]
    done = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return valid(root / "results" / "results.json"), done.stdout


@pytest.fixture(scope="module")
def graded_there(course, autograder):
    """Student -> results.json."""
    return {student: run_autograder(autograder, course / "submitted" / student / UNIT)[0] for student in (corpora.FIRST, WRONG, GARBAGE)}


@pytest.mark.parametrize("student", [corpora.FIRST, WRONG, GARBAGE])
def test_the_autograder_gives_the_points_that_the_gradebook_has(course, graded_there, student):
    results = graded_there[student]
    assert results["score"] == (POINTS[student] or 0)
    given = {test["name"].removesuffix(" (ungraded)"): test.get("score") for test in results["tests"]}
    assert given == corpora.points(records.load(course, UNIT, student))
    assert ("without a jail" in results["output"]) == (not JAILED)


def test_the_autograder_shows_what_the_students_notebook_shows(graded_there):
    shown = {test["name"]: test["output"] for test in graded_there[WRONG]["tests"]}
    for words in ("Smallest failing case: ", "Look at: ", "yours [", "expected ["):
        assert words in shown["layernorm"]
        assert words not in shown["div"]


def test_the_autograder_says_so_where_there_can_be_no_jail(course, autograder, tmp_path):
    results, printed = run_autograder(autograder, course / "submitted" / corpora.FIRST / UNIT, PATH=str(tmp_path))
    assert results["score"] == 32
    assert "This submission was graded without a jail." in results["output"]
    assert "bubblewrap is not installed" in printed


def test_the_zip_holds_the_grader_whole_and_nothing_of_the_students(course, zipped):
    with zipfile.ZipFile(zipped) as archive:
        names = set(archive.namelist())
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    for folder in ("autodiff_lib", "grader", "source", "release"):
        tracked = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        assert {name for name in tracked if (ROOT / name).is_file()} <= names
    files = {"constraints.txt", "limits.toml", "pyproject.toml", "requirements.txt", "run_autograder", "setup.sh", "unit"}
    assert {name.split("/")[0] for name in names} == files | {"autodiff_lib", "grader", "source", "release"}
    assert not any("__pycache__" in name or name.endswith((".pyc", ".db")) for name in names)
    assert {name for name, mode in modes.items() if mode & 0o111} == {"setup.sh", "run_autograder"}


def test_the_zip_is_the_same_each_time(course, zipped, tmp_path):
    assert run(UNIT, "--to", "gradescope-zip", "--course", course, "--output", tmp_path / "again.zip").exit_code == 0
    assert (tmp_path / "again.zip").read_bytes() == zipped.read_bytes()


def test_the_secret_of_the_hidden_cases_goes_along_where_there_is_one(course, zipped, tmp_path, monkeypatch):
    monkeypatch.setenv(hidden.SECRET, "a term's own")
    assert run(UNIT, "--to", "gradescope-zip", "--course", course, "--output", tmp_path / "own.zip").exit_code == 0
    assert zipfile.ZipFile(tmp_path / "own.zip").read(SECRET_FILE) == b"a term's own"
    assert (tmp_path / "own.zip").stat().st_mode & 0o077 == 0  # nobody else reads it
    assert SECRET_FILE not in zipfile.ZipFile(zipped).namelist()


@pytest.mark.parametrize("script", ["setup.sh", "run_autograder"])
def test_the_scripts_are_bash(zipped, script):
    text = zipfile.ZipFile(zipped).read(script).decode()
    assert text.startswith("#!/usr/bin/env bash\n")
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_autograder_installs_what_the_project_declares_in_the_pinned_versions(zipped):
    archive = zipfile.ZipFile(zipped)
    wanted = archive.read("requirements.txt").decode().splitlines()
    assert wanted == requirements()
    assert {"torch==2.13.0", "nbgrader==0.9.6"} <= set(wanted)
    assert "--constraint" in archive.read("setup.sh").decode()
    assert archive.read("constraints.txt") == (ROOT / "constraints.txt").read_bytes()
