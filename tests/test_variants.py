"""Right answers that look different from the solution pass the hidden cases as well, and nobody finds anything in them."""

import pytest

from autodiff_lib import checks, registry
from autodiff_lib.checks.ready_made import Look, look
from autodiff_lib.units import UNITS
from grader.authors.catalogue import VARIANTS
from grader.submission import hidden, intake

from .corpora import a_third


@pytest.mark.parametrize("name", a_third(VARIANTS))
def test_a_variant_passes_the_hidden_cases(name, solved):
    variant = VARIANTS[name]
    entry = UNITS[variant.unit].entry(variant.exercise)
    solution = registry.table[entry]
    scope = {**solved[variant.unit].__dict__}
    for cell in variant.cells:
        exec(compile(cell, f"<{name}>", "exec"), scope)
    assert registry.table[entry] is not solution
    verdict = checks.verdict(hidden.questions(variant.unit, "some secret")[variant.exercise])
    failures = [f"{part.failure.case}: {part.failure.message} {part.failure.hint}" for part in verdict.parts if part.failure]
    assert (verdict.points, failures) == (verdict.max_points, [])


@pytest.mark.parametrize("name", VARIANTS)
def test_nothing_is_found_in_a_variant_and_its_exercise_is_known(name):
    variant = VARIANTS[name]
    found = [exercise for there in intake.exercises_in(tuple(variant.cells), variant.unit) for exercise in there]
    assert found == [variant.exercise]
    assert look(variant.cells, variant.unit) == Look({}, (), (variant.exercise,))
