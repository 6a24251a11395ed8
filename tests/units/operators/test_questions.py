"""Questions, probes, judge and reports: right answers pass, each known mistake is caught, and the report helps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import autodiff_lib as ad
from autodiff_lib import checks
from autodiff_lib.checks import diagnosis, probe, wire
from autodiff_lib.checks.compare import agree
from autodiff_lib.checks.question import Ask, Verdict
from autodiff_lib.checks.report import Overview, html, text
from autodiff_lib.checks.values import generator
from autodiff_lib.graph_data import evaluate, to_data
from autodiff_lib.kinds import reference
from autodiff_lib.kinds.operator.judge import GradientCase, judge_compute, judge_gradient
from autodiff_lib.registry import table
from autodiff_lib.units import UNITS
from autodiff_lib.units.operators.questions import POINTS, compute_cases, gradient_cases
from grader.authors.catalogue import MISTAKES
from tests.asking import questions_of

UNIT = "01_operators"


def run_cell(source: str, scope: dict[str, object]) -> None:
    exec(compile(source, "<cell>", "exec"), {**scope})


def verdict_on(exercise: str) -> Verdict:
    return checks.verdict(checks.questions(UNIT)[exercise])


def report_on(exercise: str) -> str:
    return text(verdict_on(exercise), checks.questions(UNIT)[exercise])


def with_methods(exercise: str, compute=None, gradient=None) -> None:
    """Register an exercise whose methods are the given functions."""
    methods = {"compute": compute, "gradient": gradient}
    body = {name: method for name, method in methods.items() if method is not None}
    ad.operator(operators_signature(exercise))(type("MineOp", (ad.Op,), body))


def operators_signature(exercise: str) -> str:
    return next(signature for signature in UNITS[UNIT].operators if signature.startswith(exercise + "("))


def test_the_solution_earns_all_points(solved):
    verdicts = [checks.verdict(question) for question in checks.questions(UNIT).values()]
    assert [(v.question, v.reason, v.points) for v in verdicts] == [(v.question, "passed", v.max_points) for v in verdicts]
    assert sum(v.points for v in verdicts) == 32


def test_half_of_the_points_are_on_the_three_hard_exercises():
    points = {name: sum(parts) for name, parts in POINTS.items()}
    assert points["matmul"] + points["softmax"] + points["layernorm"] == 16 == sum(points.values()) / 2


def test_an_untouched_exercise_is_missing_not_wrong():
    for name in POINTS:
        verdict = verdict_on(name)
        assert (verdict.points, verdict.reason) == (0, "missing")
        assert report_on(name).startswith(f"○ {name}: not done yet (0 of {verdict.max_points:g} points)")


def test_a_mistake_whose_solution_changed_says_so():
    with pytest.raises(ValueError, match="the solution of div has no text"):
        MISTAKES["div-sign"].cell("class DivOp: ...")


LEGAL_RELU_GRADIENTS = {
    "0 at the kink": lambda self, node, g: [g * ad.greater(node.inputs[0], ad.zeros_like(node.inputs[0]))],
    "1 at the kink": lambda self, node, g: [g * (1 - ad.greater(ad.zeros_like(node.inputs[0]), node.inputs[0]))],
    "read off the output": lambda self, node, g: [g * ad.greater(node, ad.zeros_like(node))],
}


@pytest.mark.parametrize("gradient", LEGAL_RELU_GRADIENTS.values(), ids=LEGAL_RELU_GRADIENTS)
def test_every_legal_subgradient_of_relu_passes(gradient, fresh_table):
    with_methods("relu", lambda self, node, inputs: torch.relu(inputs[0]), gradient)
    assert verdict_on("relu").reason == "passed"


def test_an_illegal_slope_at_the_kink_fails(fresh_table):
    def doubled_at_zero(self, node, g):
        (a,) = node.inputs
        zero = ad.zeros_like(a)
        return [g * (2 - 2 * ad.greater(zero, a) - ad.greater(a, zero))]

    with_methods("relu", lambda self, node, inputs: torch.relu(inputs[0]), doubled_at_zero)
    assert "The gradient with respect to a is wrong" in report_on("relu")


def test_a_mistake_in_one_operator_costs_no_points_in_another_that_uses_it(solved):
    with_methods("div", lambda self, node, inputs: inputs[0] * 0, lambda self, node, g: [g, g])
    with_methods("mean", lambda self, node, inputs: inputs[0] * 0, lambda self, node, g: [g])
    assert verdict_on("div").points == verdict_on("mean").points == 0
    assert verdict_on("sqrt").reason == verdict_on("layernorm").reason == "passed"


def odd(value):
    return lambda self, *arguments: value


CALLS = iter(range(1, 1000))

WRONG_KINDS = [
    (odd(None), odd(None), ["compute must return a torch.Tensor, got None (is there a return?)", "gradient must return a list"]),
    (odd(1.5), odd(ad.Variable("g")), ["compute must return a torch.Tensor, got float 1.5", "got Node <Node g>; put it in brackets"]),
    (odd(torch.ones(())), odd([]), ["shape [], expected [5]", "gradient must return one node for each input, that is 1, got 0"]),
    (odd("x"), odd([torch.ones(2)]), ["got str 'x'", "entry 0 of the answer must be a Node, got Tensor of shape (2,)"]),
    (lambda self, node, inputs: inputs[0] / next(CALLS) * 0 + next(CALLS), odd([ad.Variable("other")]), ["the variable 'other'"]),
]


@pytest.mark.parametrize(("compute", "gradient", "messages"), WRONG_KINDS)
def test_answers_of_the_wrong_kind_say_what_was_expected(compute, gradient, messages, fresh_table):
    with_methods("sqrt", compute, gradient)
    shown = report_on("sqrt")
    assert verdict_on("sqrt").points == 0
    for message in messages:
        assert message in shown


def test_an_exception_becomes_a_report_with_the_students_own_line(fresh_table, tmp_path):
    path = tmp_path / "cell.py"
    path.write_text("def compute(self, node, inputs):\n    return inputs[0] @ inputs[0].oops\n")
    namespace = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    with_methods("sqrt", namespace["compute"], odd([1]))
    shown = report_on("sqrt")
    assert "your code raised AttributeError: 'Tensor' object has no attribute 'oops' (line 2: return inputs[0] @ inputs[0].oops)" in shown
    assert verdict_on("sqrt").parts[0].reason == "error"


def test_exit_in_an_exercise_is_an_error_not_the_end(fresh_table):
    with_methods("sqrt", lambda self, node, inputs: exit(), lambda self, node, g: exit())
    assert verdict_on("sqrt").reason == "error"


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda self, node, inputs: inputs[0].sqrt_(), "compute changed its input a"),
        (lambda self, node, inputs: inputs[0].sqrt().float().to(inputs[0].dtype), "Right to about six digits only"),
        (lambda self, node, inputs: inputs[0].double().sqrt(), "compute returns float64 for float32 inputs"),
        (lambda self, node, inputs: inputs[0].sqrt() * (1 + 1e-12 * next(CALLS)), "another value when it is called again"),
    ],
)
def test_right_numbers_with_bad_manners_fail(compute, message, fresh_table):
    with_methods("sqrt", compute, odd([1]))
    assert message in report_on("sqrt")


def test_a_gradient_that_is_no_function_of_its_input_is_caught_by_second_order(fresh_table):
    """Where the numbers agree and the dependence does not: relu's gate, taken through a reshape to nowhere."""
    with_methods("power", lambda self, node, inputs: inputs[0] ** node.exponent, lambda self, node, g: [g * ad.ones_like(node)])
    assert verdict_on("power").parts[1].points == 0


X = np.array([[1.0, 2.0, -3.0], [0.5, 0.0, 4.0]])


@pytest.mark.parametrize(
    ("got", "fact"),
    [
        (-X, "wrong sign"),
        (2.5 * X, "yours is 2.5 times the expected one"),
        (X + 1, "off by the same amount, 1"),
        (0 * X, "zero everywhere"),
        (np.where(X == 0, 7.0, X), "Only 1 of 6 entries differ, the first at [1, 1]"),
        (np.where(X == 0, np.nan, X), "1 of 6 entries are nan"),
        (np.where(X == 0, np.inf, X), "1 of 6 entries are inf"),
        (X.T, "transposed: shape [3, 2], expected [2, 3]"),
        (X.reshape(6), "numbers are right, their shape is not"),
        (X.reshape(6)[::-1], "The answer has shape [6], expected [2, 3]"),
        (X.sum(0), "The answer has shape [3], expected [2, 3]"),
        (np.stack([X * 0.3, X * 0.7]), "Right before the last step: shape [2, 2, 3]"),
        (X.astype(np.float32).astype(float) + 1e-7, "about six digits only"),
        (X[::-1] * 1.7, ""),
    ],
)
def test_the_diagnosis_names_the_closest_structural_fact(got, fact):
    found = diagnosis.diagnose(got, X, "float64")
    assert fact in found
    assert bool(fact) == bool(found)


def test_a_diagnosis_is_never_given_for_random_answers():
    rng = np.random.default_rng(0)
    for _ in range(500):
        shape = tuple(rng.integers(2, 5, size=rng.integers(1, 4)))
        assert diagnosis.diagnose(rng.standard_normal(shape), rng.standard_normal(shape), "float64") == ""


STRANGE = np.array([1.0, np.inf, -np.inf, np.nan])


@pytest.mark.parametrize(
    ("got", "same"),
    [
        ([1.0, np.inf, -np.inf, np.nan], True),
        ([1.0, -np.inf, -np.inf, np.nan], False),
        ([1.0, 1e300, -np.inf, np.nan], False),
        ([1.0, np.inf, -np.inf, 0.0], False),
        ([1.1, np.inf, -np.inf, np.nan], False),
        ([np.inf, np.inf, -np.inf, np.nan], False),
    ],
)
def test_where_inf_or_nan_is_expected_that_very_thing_must_be_there(got, same):
    assert agree(np.array(got), STRANGE, "float64") is same


def test_a_guard_against_division_by_zero_is_named():
    assert "1 of 3 entries are numbers where inf or nan is expected" in diagnosis.diagnose(
        np.array([1.0, 0.0, 2.0]), np.array([1.0, np.inf, 2.0]), "float64"
    )


@pytest.mark.parametrize("size", [3, [3], (3,), torch.Size([3])])
def test_a_shape_is_a_tuple_for_the_engine_and_for_the_judge(size, solved):
    a = ad.Variable("a")
    node = ad.layernorm(a, size)
    assert node.normalized_shape == (3,)
    value = torch.tensor(X)
    (mine,) = ad.Evaluator([node]).run({a: value})
    (judged,) = evaluate(to_data([node], [a]), [value], reference.forward())
    torch.testing.assert_close(mine, judged)


@pytest.mark.parametrize("exercise", POINTS)
def test_sizes_coincide_in_some_cases_and_differ_in_most(exercise):
    for cases in (compute_cases(exercise), gradient_cases(exercise)):
        equal = [case for case in cases if case.features()["sizes"] == "equal"]
        assert 0 < len(equal) < len(cases) / 2


@pytest.mark.parametrize("exercise", [name for name in POINTS if len(table[name].signature.operands) == 2])
def test_every_binary_operator_meets_one_node_twice(exercise, solved):
    (case,) = (case for case in gradient_cases(exercise) if case.repeated)
    answer = probe.run(case.ask())
    assert [node for node in answer.graph["nodes"] if "leaf" in node] == [{"leaf": 1}, {"leaf": 2}]
    assert judge_gradient(case, answer) is None


def test_square_answers_with_exchanged_axes_are_recognised():
    square = np.arange(9.0).reshape(3, 3) ** 1.5
    assert "axes are in the wrong order; (1, 0) would be right" in diagnosis.diagnose(square.T, square, "float64")


def test_an_answer_that_stops_before_stretching_is_recognised():
    assert "not stretched to the full shape" in diagnosis.diagnose(X[:1], np.broadcast_to(X[:1], (4, 3)), "float64")


def test_cases_are_the_same_in_every_process_and_differ_between_seeds():
    case, again = (replace(compute_cases("matmul")[0], on_paper=()) for _ in range(2))
    hidden = replace(case, seed="hidden", hidden=True)
    np.testing.assert_array_equal(case.inputs["a"], again.inputs["a"])
    assert case.name == hidden.name
    assert not np.array_equal(case.inputs["a"], hidden.inputs["a"])
    assert float(case.inputs["a"][0, 0]) == pytest.approx(FIRST_NUMBER)


FIRST_NUMBER = float(generator("public", "matmul", compute_cases("matmul")[0].name).standard_normal())


@pytest.mark.parametrize("exercise", POINTS)
def test_every_question_has_cases_of_several_ranks_dtypes_and_values(exercise):
    computed, graded = compute_cases(exercise), gradient_cases(exercise)
    assert {case.dtype for case in computed} == {"float32", "float64"}
    assert len({len(case.shapes[0]) for case in graded}) >= 2
    assert [case.size for case in computed] == sorted(case.size for case in computed)
    names = [case.name for case in computed]
    assert len(names) == len(set(names)), "two cases of one name would draw the same numbers"


@pytest.mark.parametrize("exercise", POINTS)
def test_every_compute_meets_operands_that_are_stored_by_columns(exercise, fresh_table):
    met = []

    def compute(self, node, inputs):
        met.append([tensor.is_contiguous() for tensor in inputs])
        return inputs[0]

    with_methods(exercise, compute)
    (case,) = (case for case in compute_cases(exercise) if case.by_columns)
    ask = case.ask()
    _, arrays = wire.unpack(wire.pack({}, ask.arrays))
    probe.run(ask)
    probe.run(replace(ask, arrays=arrays))
    assert met == [[False] * len(case.shapes)] * 4, "called twice, here and on what came through the wire"
    assert "stored column by column" in case.name
    for array, other in zip(ask.arrays, arrays, strict=True):
        np.testing.assert_array_equal(array, other)


def test_a_gradient_of_zeros_needs_no_output_grad_and_others_do(solved):
    def apart(self, node, g):
        (a,) = node.inputs
        return [ad.zeros_like(a) if node.exponent in without else g * node.exponent * a ** (node.exponent - 1)]

    without = {0}
    with_methods("power", lambda self, node, inputs: inputs[0] ** node.exponent, apart)
    assert verdict_on("power").reason == "passed"
    without.add(1)
    assert "output_grad appears nowhere in the gradient" in report_on("power")


@pytest.mark.parametrize("name", ["softmax-mean-subtracted", "softmax-global-maximum"])
@pytest.mark.parametrize("seed", ["public", "a", "b", "c"])
def test_a_wrong_shift_of_softmax_fails_along_every_axis_whatever_the_seed(name, seed, solved, solution_cells):
    mistake = MISTAKES[name]
    run_cell(mistake.cell(solution_cells[UNIT]["softmax"]), solved[UNIT].__dict__)
    peaks = [replace(case, seed=seed) for case in compute_cases("softmax") if "peak" in case.kinds]
    assert {case.attrs["dim"] for case in peaks} == {0, 1, -1}
    for case in peaks:
        assert judge_compute(case, probe.run(case.ask())) is not None, case.name


def test_no_ask_carries_an_expected_value():
    for question in checks.questions(UNIT).values():
        for part in question.parts:
            for case in part.cases:
                ask = case.ask()
                assert isinstance(ask, Ask)
                assert set(ask.settings) == {"operator", "attrs", *(["repeated"] if case.repeated else [])}
                assert len(ask.arrays) in (0, len(case.shapes))


@pytest.mark.parametrize("exercise", POINTS)
def test_the_smallest_case_can_be_calculated_on_paper_and_no_other_nor_hidden_one_is_that_simple(exercise):
    for (first, *others), (unseen, *_) in zip(
        (part.cases for part in checks.questions(UNIT)[exercise].parts),
        (part.cases for part in questions_of(UNIT, "a secret")[exercise].parts),
        strict=True,
    ):
        assert all(case.size >= first.size for case in others)
        assert first.dtype == "float64"
        assert all(whole(array) and abs(array).max() <= 25 for array in first.inputs.values())
        assert not any(case.on_paper for case in others)
        assert unseen.name == first.name
        assert not any(whole(array) for array in unseen.inputs.values())
        if isinstance(first, GradientCase):
            output_grad, secret = (case.truth.leaves[-1].detach().numpy() for case in (first, unseen))
            assert whole(output_grad)
            assert (abs(output_grad) >= 2).all()
            assert output_grad.size == 1 or np.unique(output_grad).size > 1
            assert not whole(secret)


def whole(array):
    return bool((array == np.round(array)).all())


def test_upstream_gradients_are_never_all_equal():
    for exercise in POINTS:
        for case in gradient_cases(exercise):
            for tensor in (case.truth.leaves[-1], *case.truth.directions):
                assert tensor.numel() == 1 or tensor.std() > 0.05


def test_a_score_is_a_number_to_nbgrader_and_a_report_to_the_reader(solved, capsys):
    score = checks.of_unit(UNIT)("mean")
    assert repr(score) == "3"
    assert float(score) == 3
    assert "✓ mean: 3 of 3 points" in capsys.readouterr().out
    assert "✓ mean: 3 of 3 points" in score._repr_html_()


def test_a_check_without_a_name_shows_the_whole_unit(solved):
    overview = checks.of_unit(UNIT)()
    assert isinstance(overview, Overview)
    assert repr(overview).endswith("32 of 32 points")
    assert overview._repr_html_().count("<tr>") == 10


def test_a_failing_report_shows_both_matrices_and_marks_the_wrong_entries(solved):
    with_methods("sqrt", lambda self, node, inputs: inputs[0].sqrt().clamp(max=1.2), lambda self, node, g: [g / (2 * node)])
    question = checks.questions(UNIT)["sqrt"]
    page = html(checks.verdict(question), question)
    assert "yours [5]" in page
    assert "expected [5]" in page
    assert "font-weight:700" in page
    assert "Look at: the definition of the root." in page
    assert "✓</span> gradient" in page


def test_html_from_student_code_is_escaped(fresh_table):
    def script(self, node, inputs):
        raise ValueError("<script>alert(1)</script>")

    with_methods("sqrt", script, script)
    question = checks.questions(UNIT)["sqrt"]
    assert "<script>" not in html(checks.verdict(question), question)


@pytest.mark.parametrize("name", ["softmin", ""])
def test_an_unknown_exercise_lists_those_there_are(name):
    with pytest.raises(KeyError, match="unit 01_operators has no exercise.*it has div, div_by_const"):
        checks.of_unit(UNIT)(name)


def test_an_unknown_unit_lists_those_there_are():
    with pytest.raises(KeyError, match="there is no unit '99_nothing'; the units are 01_operators, 02_evaluator"):
        checks.of_unit("99_nothing")


def test_a_probe_never_lets_an_exception_through():
    assert probe.run(Ask("no.such:probe")).problem.kind == "ModuleNotFoundError"
