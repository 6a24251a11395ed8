"""Unit 7, the questions: each exercise is asked by itself, right answers of any form pass, and known defects are seen by their parts."""

import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autodiff_lib import checks, registry
from autodiff_lib.checks import probe
from autodiff_lib.checks.judge import failure_of, judged
from autodiff_lib.checks.ready_made import look
from autodiff_lib.checks.ungraded import further
from autodiff_lib.kinds.function.judge import ArrayCase
from autodiff_lib.units import UNITS
from autodiff_lib.units.tape import given
from autodiff_lib.units.tape import probe as tape_probe
from autodiff_lib.units.tape.layers import LayerCase
from autodiff_lib.units.tape.recording import TapeCase
from autodiff_lib.units.tape.truth import OPERATIONS
from grader.book.nbgrader_course import MARKER, source
from grader.submission import jail
from tests import corpora
from tests.asking import questions_of

UNIT = "07_tape"
POINTS = dict.fromkeys(("add_operation", "backward", "Identity", "Sigmoid", "ReLU", "Tanh", "SoftmaxCrossEntropy"), 5)
POINTS |= dict.fromkeys((name for name in OPERATIONS if name not in ("sum_backward", "max_backward")), 1) | {"Linear": 9}
FURTHER = ("sum_backward", "max_backward", "MSELoss", "TokenBuffer", "MLP")


def question(name, seed="public"):
    return {**questions_of(UNIT, seed), **further(UNIT)}[name]


def verdict_on(name, seed="public"):
    return judged(question(name, seed), probe.answers)[0]


def failing(verdict):
    """The parts that are not right, with what is said of each."""
    return {part.part: f"{part.failure.message} {part.failure.hint}" for part in verdict.parts if part.failure is not None}


@pytest.fixture
def scope(solved):
    """The namespace of the unit's solved notebook."""
    return dict(solved[UNIT].__dict__)


def write(scope, cell):
    exec(compile(textwrap.dedent(cell), "<cell>", "exec"), scope)


def edited(solution_cells, name, *edits):
    """The solution cell of an exercise, or of what is asked further, with some of its text replaced."""
    cell = solution_of(name, solution_cells)
    for old, new in edits:
        assert old in cell
        cell = cell.replace(old, new)
    return cell


# --- points, and what is asked


def test_the_solutions_earn_50_points_and_one_extra(solved):
    found = {name: verdict_on(name).points for name in UNITS[UNIT].exercises}
    assert found == pytest.approx(POINTS)
    assert sum(POINTS.values()) == 51
    assert sum(points for name, points in POINTS.items() if name not in UNITS[UNIT].extra) == 50


@pytest.mark.parametrize("seed", ["some secret", *map(str, range(60 if corpora.everything() else 6))])
def test_hidden_cases_are_other_numbers_on_which_the_solutions_pass_too(seed, solved):
    for name in UNITS[UNIT].exercises:
        assert failing(verdict_on(name, seed)) == {}
    for public, hidden in zip(question("Linear").parts, question("Linear", seed).parts, strict=True):
        for one, other in zip(public.cases, hidden.cases, strict=True):
            assert other.hidden
            assert not all(map(np.array_equal, one.ask().arrays, other.ask().arrays))


@pytest.mark.parametrize("name", FURTHER)
def test_what_is_asked_further_is_right_in_the_notebook_and_worth_nothing(name, solved):
    verdict = verdict_on(name)
    assert (verdict.reason, verdict.max_points) == ("passed", 0)


def test_every_question_is_in_one_group_or_is_a_network():
    grouped = [name for names in UNITS[UNIT].groups.values() for name in names]
    assert sorted([*grouped, "MLP"]) == sorted([*UNITS[UNIT].exercises, *FURTHER])


def test_the_smallest_case_of_each_backward_function_and_layer_has_whole_numbers():
    for name in POINTS:
        for part in question(name).parts:
            first = part.cases[0]
            if isinstance(first, ArrayCase | TapeCase | LayerCase) and part.name not in (
                "all else",
                "large numbers",
                "at zero",
                "large logits",
            ):
                arrays = first.ask().arrays
                assert all(np.array_equal(array, np.round(array)) for array in arrays), (name, part.name)


def test_no_batch_of_one_stands_alone():
    for name in ("Linear", "Identity", "Sigmoid", "ReLU", "Tanh", "SoftmaxCrossEntropy"):
        for part in question(name).parts:
            assert part.name == "large logits" or any(case.shape[0] > 1 for case in part.cases)


def test_nothing_that_answers_an_exercise_is_in_the_jail():
    seen = {path.name for path in jail.seen(jail.ROOT / "autodiff_lib") if path.parent.name == "tape"}
    assert {name for name in seen if name.endswith(".py")} == {"__init__.py", "unit.py", "given.py", "probe.py"}
    assert not any(hasattr(tape_probe, name) for name in UNITS[UNIT].exercises)
    as_it_came = dict[str, object]({"__name__": given.__name__, "__package__": given.__package__})
    exec(Path(given.__file__).read_text(), as_it_came)  # the notebook writes into the class of the module
    stubs = as_it_came["Autograd"]()
    for call in (lambda: stubs.add_operation([], np.ones(1), [], None), lambda: stubs.backward(1.0)):
        with pytest.raises(NotImplementedError, match="is not done yet"):
            call()


# --- each by itself


@pytest.mark.parametrize("name", [*UNITS[UNIT].exercises, *FURTHER])
def test_an_exercise_passes_where_every_other_one_is_nonsense(name, scope, solution_cells, monkeypatch):
    def nonsense(*args, **kwargs):
        raise ZeroDivisionError("of another exercise")

    for other in {*UNITS[UNIT].exercises, *FURTHER} - {name}:
        registry.table[UNITS[UNIT].entry(other)] = nonsense
        scope[other] = nonsense
    for method in ("add_operation", "backward"):
        monkeypatch.setattr(given.Autograd, method, nonsense)
    scope["add_backward"] = nonsense
    write(scope, solution_of(name, solution_cells))
    assert failing(verdict_on(name)) == {}


def solution_of(name, solution_cells):
    """The solution cell of an exercise, or of what is asked further."""
    found = (cell.source for cell in source(UNIT).cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)
    return solution_cells[UNIT].get(name) or MARKER.sub("", next(found))


# --- any right answer

RIGHT = {
    "a gradient in brackets, of one input": (
        "log_backward",
        """
        @exercise
        def log_backward(grad_output, a):
            return (grad_output / a,)
        """,
    ),
    "a list for a tuple, and sums over axes for unbroadcast": (
        "mul_backward",
        """
        def summed(gradient, like):
            while gradient.ndim > like.ndim:
                gradient = gradient.sum(axis=0)
            for axis, size in enumerate(like.shape):
                if size == 1:
                    gradient = gradient.sum(axis=axis, keepdims=True)
            return gradient

        @exercise
        def mul_backward(grad_output, a, b):
            return [summed(grad_output * b, a), summed(grad_output * a, b)]
        """,
    ),
    "spots for all inputs, and for the output": (
        "add_operation",
        """
        @ad.method(Autograd, "07_tape")
        def add_operation(self, inputs, output, gradients_to_update, backward_operation):
            for array in (*inputs, output):
                self.gradient_buffer.add_spot(array)
            self.operation_list.append(Operation(tuple(inputs), output, tuple(gradients_to_update), backward_operation))
        """,
    ),
    "entries are taken off the tape": (
        "backward",
        """
        @ad.method(Autograd, "07_tape")
        def backward(self, divergence):
            known = {id(self.operation_list[-1]): divergence}
            while self.operation_list:
                entry = self.operation_list.pop()
                self.gradient_buffer.add_spot(entry.outputs)
                up = known.get(id(entry), self.gradient_buffer.get_param(entry.outputs))
                given = entry.backward_operation(np.asarray(up), *entry.inputs)
                given = given if isinstance(given, (tuple, list)) else (given,)
                for array, mine, one in zip(entry.inputs, entry.gradients_to_update, given):
                    if mine is None:
                        self.gradient_buffer.update_param(array, one)
                    else:
                        np.add(mine, one, out=mine)
        """,
    ),
    "nothing recorded, x handed on": (
        "Identity",
        """
        @exercise
        class Identity(Layer):
            def forward(self, x):
                return x
        """,
    ),
    "made of small operations": (
        "Sigmoid",
        """
        @exercise
        class Sigmoid(Layer):
            def forward(self, x):
                record = self.autograd_engine.add_operation
                half = x / 2
                record([x], half, [None], lambda g, x: g / 2)
                bent = np.tanh(half)
                record([half], bent, [None], lambda g, half: g * (1 - bent * bent))
                y = (bent + 1) / 2
                record([bent], y, [None], lambda g, bent: g / 2)
                return y
        """,
    ),
    "dW and db are added to by the backward function itself": (
        "Linear",
        """
        @exercise
        class Linear(WeightedLayer):
            def forward(self, x):
                def back(g, x):
                    self.dW += g.T @ x
                    self.db += g.sum(axis=0, keepdims=True).T
                    return g @ self.W

                y = x @ self.W.T + self.b.T
                self.autograd_engine.add_operation([x], y, [None], back)
                return y
        """,
    ),
    "three operations, as drawn": (
        "Linear",
        """
        @exercise
        class Linear(WeightedLayer):
            def forward(self, x):
                y = x @ self.W.T
                self.autograd_engine.add_operation([x, self.W.T], y, [None, self.dW.T], matmul_backward)
                z = y + self.b.ravel()
                self.autograd_engine.add_operation([y, self.b.ravel()], z, [None, self.db.ravel()], add_backward)
                return z
        """,
    ),
    "the classes recorded too, and a NumPy number": (
        "SoftmaxCrossEntropy",
        """
        @exercise
        class SoftmaxCrossEntropy(Loss):
            def forward(self, y, y_hat):
                p = np.exp(y_hat - y_hat.max(axis=-1, keepdims=True))
                p = p / p.sum(axis=-1, keepdims=True)
                shifted = y_hat - y_hat.max(axis=-1, keepdims=True)
                loss = -np.mean(np.sum(y * (shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))), axis=-1))

                def back(up, y, y_hat):
                    return np.zeros_like(y), up * (p - y) / y.shape[0]

                self.autograd_engine.add_operation([y, y_hat], loss, [None, None], back)
                return loss
        """,
    ),
}


@pytest.mark.parametrize("what", RIGHT)
def test_a_right_answer_in_another_form_passes(what, scope):
    name, cell = RIGHT[what]
    write(scope, cell)
    assert failing(verdict_on(name)) == {}
    assert failing(verdict_on(name, "some secret")) == {}


def test_a_walk_that_counts_on_spots_for_outputs_is_right_where_the_students_tape_makes_them(scope, solution_cells):
    """Each of the two fits the other, whatever the other's question says of it."""
    write(scope, edited(solution_cells, "backward", (UNUSED, "")))
    assert set(failing(verdict_on("backward"))) == {"unused outputs"}
    write(scope, RIGHT["spots for all inputs, and for the output"][1])
    assert failing(verdict_on("backward")) == {}


# --- what has gone wrong elsewhere, and which parts see it

BARE = """        if not isinstance(gradients, tuple | list):
            gradients = [gradients]  # of a single input, without brackets
"""
UNUSED = """        if not buffer.is_in_memory(entry.outputs):
            continue  # nobody has used this output
"""
MAXIMUM = "y_hat - y_hat.max(axis=1, keepdims=True)"
MASK = "return np.where(x > 0, grad_output, 0)"
RECORDS = "self.operation_list.append("
ANEW = "self.gradient_buffer.memory[self.gradient_buffer.get_memory_loc(array)] = np.zeros_like(array)"

AS_IT_CAME = """if handed_in is None and not buffer.get_param(array).any():
                buffer.memory[buffer.get_memory_loc(array)] = gradient
            elif handed_in is None:"""
MORE_CALLS = """        for _ in entry.inputs[1:]:
            entry.backward_operation(grad_output, *entry.inputs)
        gradients = entry"""

SEEN = {  # what is wrong -> exercise, edits, and the parts that see it
    "row 0 of a bare gradient": ("backward", [(BARE, ""), ("gradients, strict=True", "gradients")], {"bare gradients"}),
    "gradients_to_update of another entry": (
        "backward",
        [("entry.gradients_to_update, gradients, strict", "self.operation_list[-1].gradients_to_update, gradients, strict")],
        {"buffer", "handed in"},
    ),
    "assignment for update, in the buffer": ("backward", [("buffer.update_param", "buffer.set_param")], {"buffer"}),
    "assignment for update, of what is handed in": ("backward", [("handed_in += gradient", "handed_in[...] = gradient")], {"handed in"}),
    "another array for what is handed in": ("backward", [("handed_in += gradient", "handed_in = handed_in + gradient")], {"handed in"}),
    "ones for the divergence": ("backward", [("(last, divergence)", "(last, np.ones_like(last))")], {"divergence"}),
    "the walk from the beginning": (
        "backward",
        [("reversed(self.operation_list)", "self.operation_list")],
        {"order", "buffer", "handed in", "unused outputs"},
    ),
    "an output that nobody used": ("backward", [(UNUSED, "")], {"unused outputs"}),
    "an end at an output that nobody used": (
        "backward",
        [("            continue  # nobody", "            break  # nobody")],
        {"unused outputs"},
    ),
    "the first gradient kept as it came": ("backward", [("if handed_in is None:", AS_IT_CAME)], {"buffer"}),
    "each function once for each input": ("backward", [("        gradients = entry", MORE_CALLS)], {"order"}),
    "spots for what is handed in alone": ("add_operation", [("if handed_in is None", "if handed_in is not None")], {"spots"}),
    "spots anew": ("add_operation", [("self.gradient_buffer.add_spot(array)", ANEW)], {"spots"}),
    "entries first": ("add_operation", [(RECORDS, "self.operation_list.insert(0, ")], {"tape"}),
    "the caller's lists on the tape": (
        "add_operation",
        [("list(inputs), output, list(gradients_to_update)", "inputs, output, gradients_to_update")],
        {"entry"},
    ),
    "copies on the tape": ("add_operation", [("list(inputs), output", "[array.copy() for array in inputs], output")], {"entry"}),
    "a stretched gradient not summed": ("mul_backward", [("unbroadcast(grad_output * b, a.shape)", "grad_output * b")], {"all else"}),
    "the wrong sign": ("div_backward", [("-of_a * a / b", "of_a * a / b")], {"gradient of b"}),
    "grad_output written into": (
        "exp_backward",
        [("return grad_output", "grad_output *= 1\n    grad_output[...] += 0.5\n    return (grad_output - 0.5)")],
        {"all else"},
    ),
    "float64 out of float32": ("log_backward", [("grad_output / a", "(grad_output / a).astype(float)")], {"all else"}),
    "a tape that is never emptied": ("MLP", [("        self.autograd_engine.zero_grad()\n", "")], {"steps", "momentum"}),
    "max writes into its input": (
        "max_backward",
        [("largest = a == a.max()", "largest = a == a.max()\n    a[...] = largest")],
        {"gradient"},
    ),
    "row 0 for the gradient of b": ("Linear", [("add_backward)", "lambda up, a, b: (up, up[:1]))")], {"db"}),
    "dW that is assigned": ("Linear", [("record([x, self.W.T]", "self.dW = self.dW.copy()\n        record([x, self.W.T]")], {"all else"}),
    "a recorded Identity that returns x": ("Identity", [("y = x.copy()", "y = x")], {"slope"}),
    "a gradient that ignores the divergence": ("SoftmaxCrossEntropy", [("grad_output * (np.exp", "(np.exp")], {"divergence"}),
    "the maximum of all rows subtracted": ("SoftmaxCrossEntropy", [(MAXIMUM, "y_hat - y_hat.max()")], {"large logits"}),
    "no maximum subtracted": ("SoftmaxCrossEntropy", [(MAXIMUM, "y_hat")], {"large logits"}),
    "a sum for a mean": ("SoftmaxCrossEntropy", [(".sum() / len(y))", ".sum())"), ("- y) / len(y)", "- y)")], {"value", "gradient"}),
    "an exp that overflows": ("Sigmoid", [("np.exp(-np.logaddexp(0, -x))", "np.exp(x) / (1 + np.exp(x))")], {"large numbers"}),
    "what the last call left": (
        "Tanh",
        [("y = np.tanh(x)", "y = self.y = np.tanh(x)"), ("(1 - y * y)", "(1 - self.y * self.y)")],
        {"all else"},
    ),
    "the mask written into grad_output": ("ReLU", [(MASK, "grad_output[x <= 0] = 0\n            return grad_output")], {"all else"}),
    "x written into": ("ReLU", [("y = np.maximum(x, 0)", "y = np.maximum(x, 0)\n        x[x < 0] -= 1")], {"all else"}),
    "a quotient at zero": ("ReLU", [(MASK, "return grad_output * y / x")], {"at zero"}),
}


@pytest.mark.parametrize("what", SEEN)
def test_a_defect_costs_the_parts_that_are_about_it_and_no_others(what, scope, solution_cells):
    name, edits, parts = SEEN[what]
    write(scope, edited(solution_cells, name, *edits))
    with np.errstate(all="ignore"):
        assert set(failing(verdict_on(name))) == parts


@pytest.mark.parametrize(
    ("what", "part", "said"),
    [
        ("row 0 of a bare gradient", "bare gradients", "The gradient of array 0, which goes into entry 0, is wrong in the buffer."),
        ("another array for what is handed in", "handed in", "It is as it was: what is added must go into the very array"),
        ("assignment for update, of what is handed in", "handed in", "What stood in it before is gone"),
        ("ones for the divergence", "divergence", "The first backward_operation was not given the divergence"),
        ("the walk from the beginning", "order", "in the order [0, 1], expected [1, 0]"),
        ("entries first", "tape", "are those of the calls 2, 1, in this order"),
        ("copies on the tape", "entry", "The entry's inputs are not what add_operation was given"),
        ("spots for what is handed in alone", "spots", "The buffer has no spot for array 0"),
        ("spots anew", "spots", "A gradient stood in the spot of array 1"),
        ("grad_output written into", "all else", "grad_output was changed."),
        ("float64 out of float32", "all else", "The gradient of a has dtype float64 for float32 inputs."),
        ("dW that is assigned", "all else", "dW is another array than before."),
        ("a gradient that ignores the divergence", "divergence", "It is as if ones had come in"),
        ("what the last call left", "all else", "What comes back to x of call 1 is not what each call alone gives."),
        ("x written into", "all else", "x, which forward was given, has changed."),
        ("the mask written into grad_output", "all else", "A backward function has changed its grad_output."),
    ],
)
def test_a_report_names_the_thing_and_what_to_look_at(what, part, said, scope, solution_cells):
    name, edits, _ = SEEN[what]
    write(scope, edited(solution_cells, name, *edits))
    assert said in failing(verdict_on(name))[part]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16"])
def test_judges_take_numbers_of_any_dtype(dtype, solved):
    """Where one of a student's arrays is held beside another one, as well: of two truth values there is no difference."""
    for name in (*UNITS[UNIT].exercises, *FURTHER):
        for part in question(name).parts:
            for case, answer in zip(part.cases, list(probe.answers(part.cases)), strict=True):
                with np.errstate(all="ignore"):
                    cast = replace(answer, arrays=tuple(array.astype(dtype) for array in answer.arrays))
                    ones = replace(answer, arrays=tuple(np.ones_like(array) for array in cast.arrays))
                    for given in (cast, ones):
                        failure_of(part, case, given)


NOTHING_RIGHT = {
    "ReLU": "class ReLU(Layer):\n    def forward(self, x):\n        return x",
    "Sigmoid": "class Sigmoid(Layer):\n    def forward(self, x):\n        return np.zeros_like(x)",
    "Tanh": "class Tanh(Layer):\n    def forward(self, x):\n        y = x * x\n"
    "        self.autograd_engine.add_operation([x], y, [None], lambda up, x: up * x)\n        return y",
    "Linear": "class Linear(WeightedLayer):\n    def forward(self, x):\n        y = np.ones((len(x), len(self.W)))\n"
    "        self.autograd_engine.add_operation([x], y, [None], lambda up, x: x)\n        return y",
    "SoftmaxCrossEntropy": "class SoftmaxCrossEntropy(Loss):\n    def forward(self, y, y_hat):\n        loss = np.asarray(np.sum(y_hat))\n"
    "        self.autograd_engine.add_operation([y_hat], loss, [None], lambda up, y_hat: up * y_hat)\n        return loss",
    "mul_backward": "def mul_backward(grad_output, a, b):\n    return a, b",
    "matmul_backward": "def matmul_backward(grad_output, a, b):\n    return np.zeros_like(a), np.zeros_like(b)",
    "exp_backward": "def exp_backward(grad_output, a):\n    return a",
}


@pytest.mark.parametrize("name", NOTHING_RIGHT)
def test_what_is_right_about_nothing_earns_nothing_by_being_consistent(name, scope):
    write(scope, f"@exercise\n{NOTHING_RIGHT[name]}")
    with np.errstate(all="ignore"):
        assert verdict_on(name).points == 0


def test_an_answer_of_another_number_of_gradients_is_told_so(scope):
    write(scope, "@exercise\ndef sub_backward(grad_output, a, b):\n    return grad_output")
    assert (
        "sub_backward must return 2 arrays: gradient of a and gradient of b; got 1." in failing(verdict_on("sub_backward"))["gradient of a"]
    )


def test_a_layer_that_records_nothing_is_told_so(scope):
    write(scope, "@exercise\nclass Tanh(Layer):\n    def forward(self, x):\n        return np.tanh(x)")
    found = failing(verdict_on("Tanh"))
    assert set(found) == {"slope", "what comes in", "large numbers", "all else"}
    assert "forward recorded nothing on its tape" in found["slope"]


# --- what is given may be used, and what is called like an exercise is none


def test_what_the_unit_gives_may_be_used_in_an_exercise_and_what_it_imports_may_not(solution_cells):
    used = "from autodiff_lib.units.tape.given import Layer, unbroadcast\nfrom autodiff_lib.units.tape import given\n"
    right = "@exercise\ndef sub_backward(g, a, b):\n    return unbroadcast(g, a.shape), given.unbroadcast(-g, b.shape)"
    assert look([used, right], UNIT).findings == {}
    assert look([used, right], UNIT).flags == ()
    for path in ("autodiff_lib.units.tape.truth", "autodiff_lib.units.tape.probe", "autodiff_lib.units.vision_transformer.given"):
        found = look([f"import {path} as x", "@exercise\ndef exp_backward(grad_output, a):\n    return x.thing(grad_output, a)"], UNIT)
        assert list(found.findings) == ["exp_backward"]


def test_a_function_inside_of_a_layer_that_is_called_backward_is_not_the_exercise(solution_cells):
    methods = "    def forward(self, x):\n        def backward(up, x):\n            return up\n        return x\n"
    methods += "    def add_operation(self):\n        pass"
    inner = f"@exercise\nclass Tanh(Layer):\n{methods}"
    cells = [*solution_cells[UNIT].values(), inner]
    assert checks.cells.exercises_in_cells([inner], UNIT) == [("Tanh",)]
    assert checks.cells.exercises_meant(inner + "\n(", UNIT) == ("Tanh",)
    assert set(look(cells, UNIT).defined) == set(UNITS[UNIT].exercises)
