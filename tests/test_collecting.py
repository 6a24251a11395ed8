"""What learning platforms give back becomes `submitted/<student>/<unit>/`, and nothing else is written anywhere."""

import bz2
import csv
import gzip
import io
import json
import stat
import tarfile
import zipfile
from datetime import UTC, datetime

import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from autodiff_lib.units import UNITS
from grader.__main__ import app
from grader.book import roster
from grader.book.nbgrader_course import ROOT
from grader.collecting import collect, late
from grader.collecting.schemes import METADATA, sender
from grader.submission import archives

OPS, EVALUATOR = "01_operators", "02_evaluator"
BOOK = {unit: (ROOT / "release" / unit / UNITS[unit].notebook).read_bytes() for unit in (OPS, EVALUATOR)}
NOTEBOOK = BOOK[OPS]
ADA = roster.Person("al1815", "Ada", "Lovelace", "ada@example.org", "4711")
JURGEN = roster.Person("jm12", "Jürgen", "Müller", "jm12@example.org", "4712")
CLASS = roster.Names([ADA, JURGEN])


def zipped(files, **facts):
    """An archive of (name, content); a content that is a dict is an archive inside."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, zipped(content) if isinstance(content, dict) else content)
    return written.getvalue()


def tarred(files, mode="w:gz"):
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def taken_in(tmp_path, name, content, names=CLASS, unit=""):
    """Collect one file: (student, unit) -> relative files; and what was not understood."""
    path = tmp_path / "given" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    found = collect.collect(tmp_path / "course", [path], names, unit)
    return submitted(tmp_path), found


def submitted(tmp_path):
    top = tmp_path / "course" / "submitted"
    files = sorted(path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file())
    return [file for file in files if not file.endswith("timestamp.txt")]


METADATA_TEXT = b"""---
submission_901:
  :submitters:
  - :name: Ada Lovelace
    :sid: al1815
    :email: ada@example.org
  :created_at: 2026-03-01 11:59:30.123000000 Z
  :history:
  - :id: 900
    :created_at: 2026-02-28 10:00:00.000000000 Z
submission_902:
  :submitters:
  - :name: Someone Else
    :sid: 77
    :email: else@example.org
  - :name: J\xc3\xbcrgen M\xc3\xbcller
    :sid: jm12
    :email: jm12@example.org
  :created_at: 2026-03-02 08:00:00.000000000 Z
"""

PLATFORMS = {
    "Canvas, notebooks": (
        "submissions.zip",
        zipped({"lovelaceada_4711_99_operators.ipynb": NOTEBOOK, "mullerjurgen_LATE_4712_98_operators-1.ipynb": NOTEBOOK}),
        ["al1815/01_operators/operators.ipynb", "jm12/01_operators/operators.ipynb"],
    ),
    "Canvas, our zips": (
        "submissions.zip",
        zipped({"lovelaceada_4711_99_01_operators_ada.zip": {"01_operators/operators.ipynb": NOTEBOOK, "01_operators/more.py": b"x = 1"}}),
        ["al1815/01_operators/more.py", "al1815/01_operators/operators.ipynb"],
    ),
    "Canvas, a module beside the notebook": (
        "submissions.zip",
        zipped({"lovelaceada_4711_99_operators.ipynb": NOTEBOOK, "lovelaceada_4711_98_helpers.py": b"x = 1"}),
        ["al1815/01_operators/helpers.py", "al1815/01_operators/operators.ipynb"],
    ),
    "Moodle, folders": (
        "Unit 1-12.zip",
        zipped(
            {
                "Ada Lovelace_1234567_assignsubmission_file_/operators.ipynb": NOTEBOOK,
                "Jürgen Müller_1234568_assignsubmission_file_/work/operators.ipynb": NOTEBOOK,
            }
        ),
        ["al1815/01_operators/operators.ipynb", "jm12/01_operators/work/operators.ipynb"],
    ),
    "Moodle, flat": (
        "Unit 1-12.zip",
        zipped({"Ada Lovelace_1234567_assignsubmission_file_operators.ipynb": NOTEBOOK}),
        ["al1815/01_operators/operators.ipynb"],
    ),
    "Moodle, blind": (
        "Unit 1-12.zip",
        zipped({"Participant_1234567_assignsubmission_file_/operators.ipynb": NOTEBOOK}),
        ["participant-1234567/01_operators/operators.ipynb"],
    ),
    "Gradescope, in groups": (
        "assignment_5_export.zip",
        zipped(
            {
                f"assignment_5_export/{METADATA}": METADATA_TEXT,
                "assignment_5_export/submission_901/operators.ipynb": NOTEBOOK,
                "assignment_5_export/submission_902/operators.ipynb": NOTEBOOK,
            }
        ),
        ["77/01_operators/operators.ipynb", "al1815/01_operators/operators.ipynb", "jm12/01_operators/operators.ipynb"],
    ),
    "Autolab, notebooks in a tar": (
        "handins.tar",
        tarred({"ada@example.org_3_operators.ipynb": NOTEBOOK, "new@example.org_1_handin.ipynb": NOTEBOOK}, "w:"),
        ["al1815/01_operators/operators.ipynb", "new@example.org/01_operators/handin.ipynb"],
    ),
    "folders with a handin.tar in each": (
        "class.zip",
        zipped(
            {
                "al1815/handin.tar": tarred({"operators.ipynb": NOTEBOOK}, "w:"),
                "jm12/handin.tar": tarred({"mine/operators.ipynb": NOTEBOOK}),
            }
        ),
        ["al1815/01_operators/operators.ipynb", "jm12/01_operators/mine/operators.ipynb"],
    ),
    "Autolab, tars in a zip": (
        "handins.zip",
        zipped({"ada@example.org_3_handin.tar.gz": tarred({"handin/operators.ipynb": NOTEBOOK})}),
        ["al1815/01_operators/handin/operators.ipynb"],
    ),
    "nbgrader's exchange": (
        "inbound.zip",
        zipped({"inbound/al1815+01_operators+2026-03-01 12:00:00 UTC+0/operators.ipynb": NOTEBOOK, "inbound/x+y+z/a.txt": b""}),
        ["al1815/01_operators/operators.ipynb"],
    ),
    "zips of zips of zips": (
        "all.zip",
        zipped({"class.zip": {"lovelaceada_4711_99_mine.zip": {"mine/01_operators.zip": {"operators.ipynb": NOTEBOOK}}}}),
        ["al1815/01_operators/mine/operators.ipynb"],
    ),
    "our own zip": ("01_operators_al1815.zip", zipped({"01_operators/operators.ipynb": NOTEBOOK}), ["al1815/01_operators/operators.ipynb"]),
    "our own zip, downloaded twice": (
        "01_operators_al1815 (1).zip",
        zipped({"01_operators/operators.ipynb": NOTEBOOK}),
        ["al1815/01_operators/operators.ipynb"],
    ),
    "our own zip of a student whose name ends in digits": (
        "01_operators_jm12.zip",
        zipped({"01_operators/operators.ipynb": NOTEBOOK}),
        ["jm12/01_operators/operators.ipynb"],
    ),
    "a plain notebook": ("al1815.ipynb", NOTEBOOK, ["al1815/01_operators/al1815.ipynb"]),
    "plain folders, two units": (
        "class.tar.bz2",
        tarred({"al1815/01_operators/operators.ipynb": NOTEBOOK, "al1815/02_evaluator/evaluator.ipynb": BOOK[EVALUATOR]}, "w:bz2"),
        ["al1815/01_operators/operators.ipynb", "al1815/02_evaluator/evaluator.ipynb"],
    ),
    "a notebook that nobody can read goes by its name": (
        "class.zip",
        zipped({"al1815/operators (2).ipynb": b"{ half of it", "b/x.txt": b""}),
        ["al1815/01_operators/operators.ipynb"],
    ),
    "what systems leave beside it": (
        "submissions.zip",
        zipped(
            {
                "lovelaceada_4711_99_mine.zip": {
                    "operators.ipynb": NOTEBOOK,
                    "__MACOSX/._operators.ipynb": b"x",
                    ".DS_Store": b"x",
                    ".ipynb_checkpoints/operators-checkpoint.ipynb": b"{}",
                    "model.npz": zipped({"w.npy": b"1"}),
                }
            }
        ),
        ["al1815/01_operators/model.npz", "al1815/01_operators/operators.ipynb"],
    ),
}


@pytest.mark.parametrize("case", PLATFORMS)
def test_each_platforms_archive_is_sorted_by_student_and_unit(tmp_path, case):
    name, content, expected = PLATFORMS[case]
    files, _ = taken_in(tmp_path, name, content)
    assert files == expected
    assert {path.name for path in (tmp_path / "course").iterdir()} <= {"submitted", ".grader"}


def test_attempt_time_lateness_and_group_are_told(tmp_path):
    _, found = taken_in(tmp_path, *PLATFORMS["Gradescope, in groups"][:2])
    lines = {one.arrival.student: one for one in found.collected}
    assert lines["al1815"].arrival.sender.attempt == 2
    assert lines["al1815"].arrival.time == datetime(2026, 3, 1, 11, 59, 30, 123000, UTC)
    assert lines["jm12"].arrival.remarks[-1] == "together with 77"
    assert "not in the roster" in lines["77"].arrival.remarks
    assert late.handed_in(tmp_path / "course" / "submitted" / "al1815" / OPS) == datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)
    _, found = taken_in(tmp_path / "canvas", *PLATFORMS["Canvas, notebooks"][:2])
    assert {one.arrival.student: (one.arrival.sender.attempt, one.late) for one in found.collected} == {
        "al1815": (0, ""),
        "jm12": (2, "as the platform says"),
    }


def test_the_last_attempt_counts_whatever_the_order_and_collecting_again_changes_nothing(tmp_path):
    other = NOTEBOOK.replace(b"Unit 1: operators", b"Unit 1: my operators")
    files = {"ada@example.org_10_operators.ipynb": other, "ada@example.org_9_operators.ipynb": NOTEBOOK}
    _, found = taken_in(tmp_path, "handins.zip", zipped(files))
    assert [(one.arrival.sender.attempt, one.outcome) for one in found.collected] == [(9, "an attempt before the last"), (10, "new")]
    there = tmp_path / "course" / "submitted" / "al1815" / OPS / "operators.ipynb"
    assert there.read_bytes() == other
    _, found = taken_in(tmp_path, "handins.zip", zipped(files))
    assert found.collected[-1].outcome == "as before"
    _, found = taken_in(tmp_path, "handins.zip", zipped({"ada@example.org_11_operators.ipynb": NOTEBOOK}))
    assert (found.collected[-1].outcome, there.read_bytes()) == ("replaced", NOTEBOOK)
    assert (tmp_path / "course" / ".grader" / collect.REPLACED / "al1815" / OPS / "operators.ipynb").read_bytes() == other


def test_what_is_there_and_newer_stays(tmp_path):
    name = "inbound/al1815+01_operators+2026-03-0{} 12:00:00 UTC/operators.ipynb"
    taken_in(tmp_path, "a.zip", zipped({name.format(2): NOTEBOOK, "inbound/b/c": b""}))
    _, found = taken_in(tmp_path, "b.zip", zipped({name.format(1): NOTEBOOK + b" ", "inbound/b/c": b""}))
    assert found.collected[0].outcome == "older than what is there"
    assert (tmp_path / "course" / "submitted" / "al1815" / OPS / "operators.ipynb").read_bytes() == NOTEBOOK


def entry(name, kind=0, content=b"", flags=0):
    info = zipfile.ZipInfo(name)
    info.external_attr = kind << 16
    info.flag_bits |= flags
    return info, content


def raw_zip(*entries):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, content in entries:
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def links():
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"al1815/link{kind.decode()}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("al1815/operators.ipynb")
        info.size = len(NOTEBOOK)
        archive.addfile(info, io.BytesIO(NOTEBOOK))
    return written.getvalue()


BEYOND = "b/nothing.txt"
HOSTILE = {  # what comes, or what makes it where it is large -> why not all of it is taken
    "a path that leads out": (
        zipped({"al1815/../../../../escaped.ipynb": NOTEBOOK, "/tmp/escaped.ipynb": NOTEBOOK, "al1815/operators.ipynb": NOTEBOOK}),
        None,
    ),
    "a path of Windows": (zipped({"al1815\\..\\..\\operators.ipynb": NOTEBOOK, BEYOND: b""}), None),
    "a student called ..": (
        zipped({"..+01_operators+2026-03-01 12:00:00 UTC/operators.ipynb": NOTEBOOK, BEYOND: b""}),
        "cannot be the name",
    ),
    "a student with a hidden name": (
        zipped({".grader/operators.ipynb": NOTEBOOK, BEYOND: b""}),
        "nobody in the roster is called '.grader'",
    ),
    "a link in a zip": (
        raw_zip(entry("al1815/operators.ipynb", stat.S_IFLNK | 0o777, b"/etc/passwd"), entry("b/c", content=b"x")),
        "a link or a device",
    ),
    "links and devices in a tar": (links(), "a link or a device"),
    "a packed flood": (
        lambda: zipped({"al1815/mine.zip": zipped({f"{i}.ipynb": bytes(90 * 2**20) for i in range(2)}), BEYOND: b""}),
        "unpacks to more bytes",
    ),
    "a packed tar": (
        lambda: zipped({"al1815/mine.tar.gz": tarred({f"{i}": bytes(90 * 2**20) for i in range(3)}), BEYOND: b""}),
        "unpacks to more bytes",
    ),
    "a file larger than any": (lambda: zipped({"al1815/operators.ipynb": bytes(101 * 2**20), BEYOND: b""}), "larger than 100 MiB"),
    "archives without an end": (
        zipped({"al1815/a.zip": {"b.zip": {"c.zip": {"d.zip": {"operators.ipynb": NOTEBOOK}}}}, BEYOND: b""}),
        "more than 4 deep",
    ),
    "half an archive": (zipped({"lovelaceada_4711_1_a.zip": zipped({"operators.ipynb": NOTEBOOK})[:-300], BEYOND: b""}), "cannot be"),
    "a RAR archive": (zipped({"al1815/mine.rar": b"Rar!\x1a\x07\x01\x00more", BEYOND: b""}), "a RAR archive"),
    "packed, and no tar": (zipped({"al1815/operators.ipynb.gz": gzip.compress(NOTEBOOK), BEYOND: b""}), "cannot be unpacked"),
    "packed, and cut off": (zipped({"al1815/a.tar.bz2": bz2.compress(b"x" * 9999)[:20], BEYOND: b""}), "cannot be unpacked"),
    "a name that is too long": (zipped({"al1815/" + "n" * 1200 + ".ipynb": NOTEBOOK, BEYOND: b""}), "longer than 1000 bytes"),
    "metadata that refer to themselves": (
        zipped({METADATA: b"&a [*a, *a]", "submission_1/operators.ipynb": NOTEBOOK, "submission_2/x": b""}),
        "does not name it",
    ),
    "metadata that are none": (zipped({METADATA: b"{{{", "submission_1/operators.ipynb": NOTEBOOK, "submission_2/x": b""}), "is not YAML"),
    "a notebook of nobody": (
        zipped({"operators.ipynb": NOTEBOOK, "other.ipynb.txt": b"", BEYOND: b""}),
        "nobody in the roster is called 'class'",
    ),
    "no notebook": (zipped({"lovelaceada_4711_1_essay.pdf": b"%PDF", BEYOND: b""}), "there is no notebook in it"),
    "text typed into Moodle": (
        zipped({"Ada Lovelace_1234567_assignsubmission_onlinetext_/onlinetext.html": b"<p>", BEYOND: b""}),
        "text typed into the platform",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_nothing_is_written_outside_of_submitted_and_what_is_refused_is_named(tmp_path, case):
    content, why = HOSTILE[case]
    content = content() if callable(content) else content
    files, found = taken_in(tmp_path, "class.zip" if content[:2] == b"PK" else "class.tar.gz", content)
    assert why is None or any(why in reason for _, reason in found.not_understood), found.not_understood
    everything = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert everything == {f"course/submitted/{file}" for file in files} | {f"given/{next((tmp_path / 'given').iterdir()).name}"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
    assert not (tmp_path.parent / "escaped.ipynb").exists()


def test_one_students_flood_costs_the_others_nothing(tmp_path):
    flood = zipped({f"{i}.ipynb": bytes(90 * 2**20) for i in range(2)})
    files, found = taken_in(tmp_path, "s.zip", zipped({"lovelaceada_4711_1_a.zip": flood, "mullerjurgen_4712_2_operators.ipynb": NOTEBOOK}))
    assert files == ["jm12/01_operators/operators.ipynb"]
    assert len(found.not_understood) == 1


@pytest.mark.parametrize("name", ["", ".", "..", ".grader", "-rf", "a/b", "a\\b", "a\0b", "a\nb", "x" * 101, " a", "a+b", "C:"])
def test_what_cannot_be_a_folder_is_no_student(name):
    assert not collect.is_safe(name)
    assert "/" not in collect.clean(name)
    assert not collect.clean(name).startswith(".")


def test_a_unit_without_a_name_is_told_to_say_whose_it_is(tmp_path):
    _, found = taken_in(tmp_path, "01_operators.zip", zipped({"01_operators/operators.ipynb": NOTEBOOK}), roster.Names([]))
    assert "name it UNIT_student.zip" in found.not_understood[0][1]


def test_what_is_more_in_all_than_the_limits_stops_with_a_sentence(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({f"{i}/a.ipynb": b"x" * 1000 for i in range(20)}))
    with pytest.raises(archives.TooMuchError, match="more bytes than are taken in"):
        archives.unpack(tmp_path / "a.zip", tmp_path / "scratch", archives.Limits(all=10_000))
    with pytest.raises(archives.TooMuchError, match="more files and folders than"):
        archives.unpack(tmp_path / "a.zip", tmp_path / "scratch2", archives.Limits(all_entries=10))


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("Jürgen".encode(), "Jürgen"),
        ("Jürgen".encode("cp1252"), "Jürgen"),
        (b"a\x07b", "a\N{REPLACEMENT CHARACTER}b"),
        (b"\xff\xfe", "ÿþ"),
    ],
)
def test_names_in_other_encodings_become_text(raw, meant):
    assert archives.decoded(raw) == meant


def test_a_zip_that_does_not_say_its_encoding_is_read_as_utf_8(tmp_path):
    name = "Jürgen Müller_12_assignsubmission_file_/operators.ipynb"
    content = raw_zip(entry("x" * len(name.encode()), content=NOTEBOOK), entry("Z_1_assignsubmission_file_/a", content=b""))
    files, _ = taken_in(tmp_path, "m.zip", content.replace(b"x" * len(name.encode()), name.encode()))
    assert files == ["jm12/01_operators/operators.ipynb"]


def test_what_a_student_named_inside_says_nothing_about_whose_it_is(tmp_path):
    inside = {
        "mullerjurgen_4712_98_operators.ipynb": NOTEBOOK,
        METADATA: METADATA_TEXT,
        "receipt.json": json.dumps({"student": "jm12", "unit": OPS}).encode(),
    }
    files, found = taken_in(tmp_path, "s.zip", zipped({"lovelaceada_4711_1_a.zip": inside, BEYOND: b""}))
    assert {file.split("/")[0] for file in files} == {"al1815"}
    assert "its receipt names 'jm12'" in found.collected[0].arrival.remarks
    files, _ = taken_in(tmp_path / "plain", "s.zip", zipped({"al1815/a.zip": inside, BEYOND: b""}))
    assert {file.split("/")[0] for file in files} == {"al1815"}


def test_two_students_of_one_name_are_not_guessed(tmp_path):
    names = roster.Names([ADA, roster.Person("al2", "Ada", "Lovelace")])
    _, found = taken_in(tmp_path, "m.zip", zipped({"Ada Lovelace_12_assignsubmission_file_/operators.ipynb": NOTEBOOK, BEYOND: b""}), names)
    assert ("2 students are called so: al1815, al2") in [why for _, why in found.not_understood]


@pytest.mark.parametrize("name", ["operators.ipynb", "ada", "notes_1.txt", "01_operators", "submission_x", "a_b_c_d.ipynb"])
def test_names_of_no_platform_follow_no_scheme(name):
    assert sender(name) is None


# --- the class list


ROSTERS = {
    "Canvas": ("Student,ID,SIS User ID,SIS Login ID\nPoints Possible,,,\n\"Lovelace, Ada\",4711,u1,al1815\n\"Student, Test\",9,,t\n", ADA),
    "Moodle": ("First name;Surname;ID number;Email address\nAda;Lovelace;al1815;ada@example.org\n", ADA),
    "Gradescope": ("First Name,Last Name,SID,Email,Sections\nAda,Lovelace,al1815,ada@example.org,\n", ADA),
    "nbgrader": ("id,first_name,last_name,email\nal1815,Ada,Lovelace,ada@example.org\n", ADA),
    "names in one column": ("Username\tFull name\nal1815\tAda Lovelace\n", ADA),
}  # fmt: skip


@pytest.mark.parametrize("platform", ROSTERS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_class_list_of_each_platform_is_read(tmp_path, platform, encoding):
    text, person = ROSTERS[platform]
    path = tmp_path / "class.csv"
    path.write_bytes(text.encode(encoding))
    (found,) = roster.read(path)
    assert (found.id, found.first_name, found.last_name) == (person.id, person.first_name, person.last_name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no column by which students are known; name it with --id: a, b"),
        ("id,name\nx,Ada\nx,Bob\n", "line 3: a second student has the id 'x'"),
        ("", "it is empty"),
        ("id,name\n,Ada\n", "names no student in its column 'id'"),
    ],
)
def test_a_table_that_is_no_class_list_is_refused_with_what_to_do(tmp_path, text, message):
    path = tmp_path / "class.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        roster.read(path)


# --- the commands


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})


def test_roster_and_collect_go_together(tmp_path):
    course = tmp_path / "course"
    course.mkdir()
    (course / "course.toml").write_text(
        "late_days = 1\n[deadlines]\n01_operators = 2026-03-01T13:00:00+01:00\n02_evaluator = 2026-03-05T13:00:00+01:00\n"
    )
    table = tmp_path / "class.csv"
    with open(table, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["Student", "ID", "SIS Login ID"], ["Lovelace, Ada", 4711, "al1815"]])
    assert run("roster", table, "--course", course).exit_code == 0
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        student = gradebook.find_student("al1815")
        assert (student.first_name, student.last_name, student.lms_user_id) == ("Ada", "Lovelace", "4711")
    inbound = {
        "i/al1815+01_operators+2026-03-01 12:00:01 UTC/operators.ipynb": NOTEBOOK,
        "i/al1815+02_evaluator+2026-03-06 12:00:01 UTC/evaluator.ipynb": BOOK[EVALUATOR],
    }
    (tmp_path / "i.zip").write_bytes(zipped(inbound))
    result = run("collect", tmp_path / "i.zip", "--course", course)
    assert result.exit_code == 0, result.output
    assert "1 day, 0 left" in result.stdout
    assert "2 days, 2 too many, 0 left" in result.stdout
    assert "2 submissions of 1 students; not understood: 0" in result.stdout
    refused = run("collect", tmp_path / "nothing.zip", "--course", course)
    assert refused.exit_code == 2
    assert "there is no" in refused.stderr
    (tmp_path / "what.zip").write_bytes(zipped({"operators.ipynb": NOTEBOOK}))
    nobody = run("collect", tmp_path / "what.zip", "--course", course)
    assert (nobody.exit_code, "nobody in the roster is called 'what'" in nobody.stderr) == (1, True)
    unknown = run("collect", tmp_path / "i.zip", "--unit", "99_x", "--course", course)
    assert (unknown.exit_code, "the units are 01_operators" in unknown.stderr) == (2, True)


def test_late_days_pay_for_lateness_in_the_order_of_the_deadlines(tmp_path):
    (tmp_path / "course.toml").write_text(
        "late_days = 3\n[deadlines]\n02_evaluator = 2026-03-09T12:00:00Z\n01_operators = 2026-03-01T12:00:00Z\n"
    )
    for unit, time in ((OPS, "2026-03-03 11:00:00 UTC"), (EVALUATOR, "2026-03-11 11:00:00 UTC")):
        folder = tmp_path / "submitted" / "ada" / unit
        folder.mkdir(parents=True)
        (folder / "timestamp.txt").write_text(time)
    assert late.lateness(tmp_path, "ada") == {OPS: late.Lateness(2, 2, 1), EVALUATOR: late.Lateness(2, 1, 0)}
    taken = late.forgiving(tmp_path, EVALUATOR, lambda student, score, seconds: seconds // 3600)
    assert taken("ada", 10, 47 * 3600) == 23
    assert late.forgiving(tmp_path, OPS, lambda student, score, seconds: 1)("ada", 10, 47 * 3600) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("late_days = -1", "must be a number of whole days"),
        ('late_days = "two"', "must be a number of whole days"),
        ("[deadlines]\n01_operators = 2026-03-01", "needs a date, a time and a zone"),
        ("[deadlines]\n01_operator = 2026-03-01T12:00:00Z", "there is no unit '01_operator'"),
        ("deadlines = [", "is not TOML"),
    ],
)
def test_a_course_toml_in_disorder_is_refused_with_what_to_write(tmp_path, text, message):
    (tmp_path / "course.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        late.rules(tmp_path)
