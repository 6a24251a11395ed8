"""Hostile submissions score at most what their real work deserves, reach nothing outside their jail, and leak nothing."""

import os
import re

import pytest

from autodiff_lib.kinds.speed.judge import TOO_BUSY
from grader.book.nbgrader_course import ROOT
from grader.classes import records
from grader.submission.jail import bubblewrap
from tests import corpora
from tests.redteam import floods, forgeries, kernel, pages  # noqa: F401 - they add to SUBMISSIONS
from tests.redteam.submissions import LEAK, MARKER, SUBMISSIONS, write

pytestmark = pytest.mark.skipif(bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")

corpora.of_units("redteam")
UNITS = tuple(sorted({hostile.unit for hostile in SUBMISSIONS}))
TODAY = corpora.of_today(SUBMISSIONS)
OURS = ("autodiff_lib", "source", "release", "grader")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = corpora.make_course(tmp_path_factory.mktemp("hostile") / "course", UNITS)
    return corpora.fill(folder, TODAY, write)


@pytest.fixture(scope="module")
def untouched(course):
    """Fingerprints from before anything hostile ran."""
    submitted = corpora.fingerprint(course / "submitted")
    return submitted, corpora.fingerprint(course / "source"), [corpora.fingerprint(ROOT / name, ("__pycache__",)) for name in OURS]


@pytest.fixture(scope="module")
def graded(course, untouched):
    return {unit: corpora.autograde(course, unit) for unit in UNITS}


@pytest.mark.parametrize("hostile", TODAY, ids=lambda hostile: hostile.name)
def test_a_hostile_submission_scores_at_most_what_its_work_deserves(hostile, graded):
    record = graded[hostile.unit][hostile.name]
    for name, question in record.questions.items():
        assert question.points <= deserved(hostile, record).get(name, 0), f"{name}: {question.reason}: {hostile.what}"


def deserved(hostile, record):
    """The points of its real work, and those of values that nobody can tell from somebody's own, if a person is told to look."""
    return {**hostile.honest, **(hostile.told if record.flags else {})}


@pytest.mark.parametrize("unit", UNITS)
def test_honest_students_before_and_after_have_full_marks(unit, graded):
    for student in (corpora.FIRST, corpora.LAST):
        record = graded[unit][student]
        assert ({question.reason for question in record.questions.values()}, record.repairs) == ({"passed"}, [])


def test_nothing_outside_the_jails_has_changed(course, graded, untouched):
    submitted, source, ours = untouched
    assert corpora.fingerprint(course / "submitted") == submitted
    assert corpora.fingerprint(course / "source") == source
    assert [corpora.fingerprint(ROOT / name, ("__pycache__",)) for name in OURS] == ours


def test_the_gradebook_holds_what_the_records_say_and_no_mark_of_an_attack(course, graded):
    for unit in UNITS:
        held = corpora.in_gradebook(course, unit)
        assert set(held) == set(graded[unit])
        for student, record in graded[unit].items():
            assert held[student] == {name: value or 0 for name, value in corpora.points(record).items()}
    text = (course / "gradebook.db").read_bytes()
    assert MARKER.encode() not in text


@pytest.mark.parametrize("hostile", [h for h in TODAY if h.name.startswith("leak")], ids=lambda hostile: hostile.name)
def test_no_hidden_number_reaches_the_page_that_feedback_is_made_of(hostile, course, graded):
    (page,) = (course / "autograded" / hostile.name / hostile.unit).glob("*.ipynb")
    outputs = re.sub(r'"source": (\[.*?\]|".*?"),?\n', "", page.read_text(), flags=re.DOTALL)  # their own code may name the mark
    assert not re.search(re.escape(LEAK) + r"[^\"]{0,20}-?\d\.\d", outputs)


RACES = {"killed", "timeout", "memory", "tampered"}
"""When exactly a process dies is chance, so such verdicts may differ; and so is whether a flood just fits into its reader."""


@corpora.patience()
def test_another_way_to_grade_gives_the_same_points(tmp_path, course, graded):
    """In cold jails, by nbgrader's command, as an ordinary user."""
    units, chosen, ways = corpora.of_today_elsewhere(TODAY, UNITS)
    differences = []
    for way, other in corpora.graded_elsewhere(course, tmp_path, units, chosen, ways, write).items():
        held = {unit: corpora.in_gradebook(other, unit) for unit in units}
        for hostile in chosen:
            others = records.load(other, hostile.unit, hostile.name).questions
            for name, question in graded[hostile.unit][hostile.name].questions.items():
                points = held[hostile.unit][hostile.name][name]
                reasons = {question.reason, others[name].reason}
                left_open = others[name].message == TOO_BUSY or ("unanswered" in reasons and hostile.name.startswith("flood_"))
                race = reasons & RACES or left_open
                if points > deserved(hostile, graded[hostile.unit][hostile.name]).get(name, 0) or (points != question.points and not race):
                    differences.append(f"{way}: {hostile.name}: {name} has {points:g}, not {question.points:g}")
    assert differences == []
