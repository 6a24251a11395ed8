"""The questions of the toy unit: a kind each."""

import numpy as np

from ...checks.question import Part, Question
from ...kinds.function.judge import ArrayCase, judge_call
from ...kinds.object.judge import PlayCase, judge_play
from ...kinds.operator.judge import ComputeCase, GradientCase, judge_compute, judge_gradient
from .truth import Counter
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
    parts = {
        "cube": (Part("compute", 1, computed, judge_compute, "the product"), Part("gradient", 1, graded, judge_gradient, "the slope")),
        "matmul": (Part("values", 2, products, judge_call, "the rows and the columns"),),
        "add": (Part("values", 1, (add,), judge_play, "what is kept"),),
        "doubled": (Part("values", 1, (doubled,), judge_play, "what is returned"),),
        "by_two_processes": (Part("values", 2, (summed,), judge_call, "who adds what"),),
    }
    return [Question(UNIT.name, number, name, listed) for number, (name, listed) in enumerate(parts.items(), start=1)]
