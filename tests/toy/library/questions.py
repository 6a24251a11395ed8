"""The questions of the toy unit: a kind each."""

from dataclasses import replace

import numpy as np

from ...checks.question import Part, Question
from ...kinds.function.judge import ArrayCase, judge_call
from ...kinds.object.judge import PlayCase, judge_play
from ...kinds.operator.judge import ComputeCase, GradientCase, judge_compute, judge_gradient
from ...kinds.speed.judge import SpeedCase, judge_speed, share_of_cases
from .truth import Counter, slow_sum
from .unit import UNIT


def questions() -> list[Question]:
    shapes = ((2,), (2, 3))
    computed = tuple(ComputeCase("cube", (shape,)) for shape in shapes)
    graded = tuple(GradientCase("cube", (shape,)) for shape in shapes)
    products = tuple(ArrayCase(UNIT.entry("matmul"), np.matmul, ((2, 3), (3, 4)), dtype=kind) for kind in ("float64", "float16"))
    counter, shown = ("new", "c", ["#0"]), ("show", "d", "total")
    add = PlayCase("two arrays", UNIT.entry("add"), Counter, (counter, ("call", "d", "c", "add", ["#1"]), shown), ((3,), (3,)))
    twice = (counter, ("call", "d", "c", "doubled", []), ("show", "d", ""))
    doubled = PlayCase("an array", UNIT.entry("doubled"), Counter, twice, ((3,),))
    summed = ArrayCase(UNIT.entry("by_two_processes"), np.sum, ((8,),))
    totals = (ArrayCase(UNIT.entry("fast_sum"), np.sum, ((5,),)),)
    timed = SpeedCase(UNIT.entry("fast_sum"), slow_sum, ((100_000,),), 3, "the sum of 100000 numbers", dtype="float64")
    fast = tuple(replace(timed, at_least=least, name=f"{timed.name}, {least} times") for least in (3, 5))
    parts = {
        "cube": (Part("compute", 1, computed, judge_compute, "the product"), Part("gradient", 1, graded, judge_gradient, "the slope")),
        "matmul": (Part("values", 2, products, judge_call, "the rows and the columns"),),
        "add": (Part("values", 1, (add,), judge_play, "what is kept"),),
        "doubled": (Part("values", 1, (doubled,), judge_play, "what is returned"),),
        "fast_sum": (
            Part("values", 1, totals, judge_call, "what is added"),
            Part("speed", 1, fast, judge_speed, "how often Python is asked", share_of_cases),
        ),
        "by_two_processes": (Part("values", 2, (summed,), judge_call, "who adds what"),),
    }
    return [Question(UNIT.name, number, name, listed) for number, (name, listed) in enumerate(parts.items(), start=1)]
