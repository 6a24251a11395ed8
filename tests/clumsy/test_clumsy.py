"""Honest but mangled submissions keep the points of everything they got right, and none stops the batch."""

import os

import pytest

from grader.submission.jail import bubblewrap
from tests import corpora
from tests.clumsy import every_unit, floods, unusual, words  # noqa: F401 - they add to the submissions
from tests.clumsy.submissions import SUBMISSIONS, write

pytestmark = pytest.mark.skipif(bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")

corpora.of_units("clumsy")
UNITS = tuple(sorted({clumsy.unit for clumsy in SUBMISSIONS}))
TODAY = corpora.of_today(SUBMISSIONS)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = corpora.make_course(tmp_path_factory.mktemp("clumsy") / "course", UNITS)
    return corpora.fill(folder, TODAY, write)


@pytest.fixture(scope="module")
def graded(course):
    return {unit: corpora.autograde(course, unit) for unit in UNITS}


@pytest.mark.parametrize("clumsy", TODAY, ids=lambda clumsy: clumsy.name)
def test_a_mangled_submission_keeps_what_it_got_right(clumsy, graded):
    record = graded[clumsy.unit][clumsy.name]
    if clumsy.expected is None:
        assert record.problem
        assert set(corpora.points(record).values()) == {None}
    else:
        assert corpora.points(record) == clumsy.expected
    listed = "\n".join(record.repairs).lower()
    assert [word for word in clumsy.repairs if word not in listed] == []


@pytest.mark.parametrize("unit", UNITS)
def test_those_graded_before_and_after_have_full_marks(unit, graded):
    for student in (corpora.FIRST, corpora.LAST):
        record = graded[unit][student]
        assert ({question.reason for question in record.questions.values()}, record.repairs) == ({"passed"}, [])


def test_the_gradebook_holds_what_the_records_say(course, graded):
    for unit in UNITS:
        held = corpora.in_gradebook(course, unit)
        for student, record in graded[unit].items():
            wanted = {name: value or 0 for name, value in corpora.points(record).items()}
            assert held[student] == wanted


def test_repairs_stand_on_the_page_that_feedback_is_made_of(course, graded):
    told = [clumsy for clumsy in TODAY if graded[clumsy.unit][clumsy.name].repairs]
    page = (course / "autograded" / told[0].name / told[0].unit).glob("*.ipynb")
    assert "was repaired before it was graded" in next(page).read_text()


def test_a_second_run_grades_nothing_again(course, graded):
    before = corpora.fingerprint(course / ".grader")
    corpora.autograde(course, "01_operators")
    assert corpora.fingerprint(course / ".grader") == before


@corpora.patience()
def test_another_way_to_grade_gives_the_same_points(tmp_path, course, graded):
    """In cold jails, by nbgrader's command, as an ordinary user."""
    units, chosen, ways = corpora.of_today_elsewhere(TODAY, UNITS)
    for way, other in corpora.graded_elsewhere(course, tmp_path, units, chosen, ways, write).items():
        held = {unit: corpora.in_gradebook(other, unit) for unit in units}
        for clumsy in chosen:
            wanted = {name: value or 0 for name, value in corpora.points(graded[clumsy.unit][clumsy.name]).items()}
            got, unknown = held[clumsy.unit][clumsy.name], corpora.unmeasured(other, clumsy.unit, clumsy.name)
            assert {name: got[name] for name in got.keys() - unknown} == {name: wanted[name] for name in wanted.keys() - unknown}, (
                f"{way}: {clumsy.name}"
            )
