"""A hunt: forward mode over a list of steps, in which each name carries its derivatives along."""

from __future__ import annotations

import math
from typing import Any

from ...hunts.material import Material, Mistake, dedented

RIGHT = dedented('''
    import math

    RULES = {  # operation -> its value, and its derivatives by the operands
        "add": (lambda a, b: a + b, lambda a, b: (1, 1)),
        "mul": (lambda a, b: a * b, lambda a, b: (b, a)),
        "div": (lambda a, b: a / b, lambda a, b: (1 / b, -a / b**2)),
        "exp": (lambda a: math.exp(a), lambda a: (math.exp(a),)),
    }


    def forward(steps, inputs):
        """The values of all names, and of each name its derivatives by all inputs.

        A step is (name, operation, operands), as ("y", "mul", ("a", "b")). A name may
        be given again: from then on it means the new value. inputs, {name: number},
        stays as it is, and derivatives are by what stands in it.
        """
        values = dict(inputs)
        slopes = {name: {x: float(x == name) for x in inputs} for name in inputs}
        for name, operation, operands in steps:
            value, factors = RULES[operation]
            numbers = [values[operand] for operand in operands]
            total = dict.fromkeys(inputs, 0.0)
            for operand, factor in zip(operands, factors(*numbers)):
                for x in inputs:
                    total[x] += factor * slopes[operand][x]
            values[name] = value(*numbers)
            slopes[name] = total
        return values, slopes
''')
TUPLES = dedented("""
    import math


    def forward(steps, inputs):
        names = list(inputs)
        known = {name: (inputs[name], tuple(float(name == x) for x in names)) for name in names}
        for name, operation, operands in steps:
            (a, da), (b, db) = (known[operands[0]], known[operands[-1]])
            if operation == "add":
                new = a + b, tuple(p + q for p, q in zip(da, db))
            elif operation == "mul":
                new = a * b, tuple(p * b + a * q for p, q in zip(da, db))
            elif operation == "div":
                new = a / b, tuple((p * b - a * q) / (b * b) for p, q in zip(da, db))
            else:
                new = math.exp(a), tuple(math.exp(a) * p for p in da)
            known[name] = new
        slopes = {name: dict(zip(names, found)) for name, (_, found) in known.items()}
        return {name: number for name, (number, _) in known.items()}, slopes
""")
ONE_BY_ONE = dedented("""
    import math


    def forward(steps, inputs):
        def along(x):
            pairs = {name: (number, 1.0 if name == x else 0.0) for name, number in inputs.items()}
            for name, operation, operands in steps:
                match operation, *(pairs[operand] for operand in operands):
                    case "add", (a, da), (b, db):
                        pairs[name] = a + b, da + db
                    case "mul", (a, da), (b, db):
                        pairs[name] = a * b, da * b + a * db
                    case "div", (a, da), (b, db):
                        pairs[name] = a / b, (da - db * a / b) / b
                    case "exp", (a, da):
                        pairs[name] = math.exp(a), da * math.exp(a)
            return pairs

        runs = {x: along(x) for x in inputs}
        values = {name: number for name, (number, _) in [*runs.values()][0].items()}
        return values, {name: {x: run[name][1] for x, run in runs.items()} for name in values}
""")

PROGRAMS: tuple[tuple[str, list[tuple[str, str, tuple[str, ...]]], dict[str, float], dict[str, float], dict[str, float]], ...] = (
    ("y = a * b", [("y", "mul", ("a", "b"))], {"a": 2.0, "b": 5.0}, {"y": 10.0}, {"a": 5.0, "b": 2.0}),
    ("y = a / b", [("y", "div", ("a", "b"))], {"a": 6.0, "b": 2.0}, {"y": 3.0}, {"a": 0.5, "b": -1.5}),
    ("y = x * x", [("y", "mul", ("x", "x"))], {"x": 3.0}, {"y": 9.0}, {"x": 6.0}),
    (
        "h = exp(x), y = h + x",
        [("h", "exp", ("x",)), ("y", "add", ("h", "x"))],
        {"x": 0.5},
        {"y": math.exp(0.5) + 0.5},
        {"x": math.exp(0.5) + 1},
    ),
    (
        "y = a * b, y = y * y",
        [("y", "mul", ("a", "b")), ("y", "mul", ("y", "y"))],
        {"a": 2.0, "b": 3.0},
        {"y": 36.0},
        {"a": 36.0, "b": 24.0},
    ),
)
"""What runs, on which inputs; the value of y, and its derivatives by the inputs."""


def test(forward: Any) -> None:
    """Small programs of which the derivatives are known from school."""
    for what, steps, inputs, value, slope in PROGRAMS:
        given = dict(inputs)
        values, slopes = forward(steps, given)
        where = f"{what} with {', '.join(f'{name} = {number:g}' for name, number in inputs.items())}"
        assert given == inputs, f"{where}: the inputs were changed"
        assert math.isclose(values["y"], value["y"]), f"{where}: y is {values['y']:g}, expected {value['y']:g}"
        for name, expected in slope.items():
            got = slopes["y"][name]
            assert math.isclose(got, expected), f"{where}: the derivative of y by {name} is {got:g}, expected {expected:g}"


HUNT = Material(
    name="forward",
    right=RIGHT,
    variants=(TUPLES, ONE_BY_ONE),
    mistakes=(
        Mistake(
            "same-operand",
            "an operand that stands in a step twice is counted once",
            "Is there a step in your program whose operands are one and the same name?",
            "for operand, factor in zip(operands, factors(*numbers)):",
            "for operand, factor in dict(zip(operands, factors(*numbers))).items():",
        ),
        Mistake(
            "overwritten",
            "the derivatives of a name that is given again are cleared before they are read",
            "What if a name is given again, by a step that reads its old value?",
            "total = dict.fromkeys(inputs, 0.0)",
            "total = slopes[name] = dict.fromkeys(inputs, 0.0)",
        ),
        Mistake(
            "not-added",
            "the contribution of an operand takes the place of the one before it",
            "What if a step has two operands, and both depend on the same input?",
            "total[x] += factor * slopes[operand][x]",
            "total[x] = factor * slopes[operand][x]",
        ),
        Mistake(
            "all-ones",
            "each input begins with the derivative 1 by every input",
            "How many inputs has your program? What is the derivative of one by another?",
            "slopes = {name: {x: float(x == name) for x in inputs} for name in inputs}",
            "slopes = {name: {x: 1.0 for x in inputs} for name in inputs}",
        ),
        Mistake(
            "inputs-changed",
            "the results are written into the inputs that were given",
            "What is in the inputs after the call?",
            "values = dict(inputs)",
            "values = inputs",
        ),
        Mistake(
            "square-forgotten",
            "the derivative of a quotient by its divisor is divided by the divisor once, and not twice",
            "Has every operation had its turn, with numbers that tell b from its square?",
            '"div": (lambda a, b: a / b, lambda a, b: (1 / b, -a / b**2)),',
            '"div": (lambda a, b: a / b, lambda a, b: (1 / b, -a / b)),',
        ),
    ),
    test=test,
    advice="Which programs has it not met yet? Several inputs, values that are used again, names that are given again, all operations.",
)
