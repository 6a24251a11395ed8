"""What holds for the cases of every unit, public and hidden."""

import pytest

from autodiff_lib.units import UNITS
from tests.asking import questions_of


@pytest.mark.parametrize("seed", ["public", "some secret"])
@pytest.mark.parametrize("unit", UNITS)
def test_no_two_cases_of_a_part_have_one_name(unit, seed):
    for question in questions_of(unit, seed).values():
        for part in question.parts:
            assert len({case.name for case in part.cases}) == len(part.cases), (question.name, part.name)


@pytest.mark.parametrize("unit", UNITS)
def test_a_case_is_hidden_in_secret_alone(unit):
    for seed, hidden in (("public", False), ("some secret", True)):
        for question in questions_of(unit, seed).values():
            assert {case.hidden for part in question.parts for case in part.cases} == {hidden}, question.name
