"""Judges: whatever the wire lets through gets a verdict, never an exception, and garbage never a point."""

import logging
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autodiff_lib as ad
from autodiff_lib.bfloat16 import rounded
from autodiff_lib.checks import probe, wire
from autodiff_lib.checks.judge import FAILED, failure_of, judge_part, judged
from autodiff_lib.checks.question import Answer, Failure, PartVerdict, Verdict
from autodiff_lib.checks.report import html, text
from autodiff_lib.graph import Op, operator
from autodiff_lib.graph_data import GraphError, validate
from autodiff_lib.kinds.evaluator.judge import FORMS
from autodiff_lib.kinds.operator.judge import COMPUTE
from autodiff_lib.kinds.tensor.probe import CONSTANT
from autodiff_lib.registry import table
from autodiff_lib.units import UNITS
from grader.book import gradebook, report
from grader.classes import records, regrade
from grader.exports import feedback
from grader.submission import engine
from tests import corpora
from tests.asking import questions_of

# Answers to each part of a question, and to one with graphs of many nodes, or that trains a model.
EXAMPLES, FEW = (200, 8) if corpora.everything() else (20, 3)
QUESTIONS_OF = {
    seed: {UNITS[unit].entry(name): question for unit in UNITS for name, question in questions_of(unit, seed).items()}
    for seed in ("public", "hidden")
}
PARTS = [
    (name, position)
    for name, question in QUESTIONS_OF["public"].items()
    for position in range(len(question.parts))
    if corpora.is_today(f"{name} {position}", 3)
]

# --- answers of any form: plain data that the wire accepts

NUMBERS = (0, 1, -1, 2, 3, -2, 0.5, 1e-300, 1e300, 10**30, 2**63, float("nan"), float("inf"), True, None, "", "x" * 150, "1e400")
ATTRS = (*NUMBERS, [], [0], [1], [-1], [0, 1], [2, 3], [3, 2], [-1, 0], [0, 0], [10**9] * 6, [2**62, 2], [None], ["a"], [0.5], [1] * 64)
OPERATORS = sorted(name for name, op in table.items() if isinstance(op, Op))
BLOCKS = [CONSTANT, "causal_self_attention", "decoder_layer", "transformer_lm", "nothing", ""]
FILLINGS = ("zeros", "ones", "normal", "nan", "infinite", "huge", "tiny", "extreme")
SHAPES = (
    (),
    (0,),
    (1,),
    (5,),
    (2, 3),
    (3, 2),
    (6,),
    (2, 3, 4),
    (0, 3),
    (2, 0, 3),
    (3, 2, 2, 1),
    (1,) * 8,
    (2,) * 8,
    (2, 3, 4, 5),
    (70_000,),
)


@st.composite
def arrays(draw, shapes=()):
    shape = draw(st.sampled_from((*shapes, *SHAPES)))
    dtype, filling = draw(st.sampled_from(("float64", *sorted(wire.DTYPES)))), draw(st.sampled_from(FILLINGS))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    values = {
        "zeros": lambda: np.zeros(shape),
        "ones": lambda: np.ones(shape),
        "normal": lambda: rng.standard_normal(shape),
        "nan": lambda: np.where(rng.random(shape) < 0.5, np.nan, 1.0),
        "infinite": lambda: rng.choice([np.inf, -np.inf, 0.0], shape),
        "huge": lambda: rng.choice([1.7e308, -1.7e308], shape),
        "tiny": lambda: np.full(shape, 5e-324),
        "extreme": lambda: rng.choice([2**62, -(2**62), 0, 255], shape),
    }[filling]()
    with np.errstate(all="ignore"):
        return rounded(np.asarray(values), dtype)


@st.composite
def nodes(draw, position, count, operators):
    """One node: mostly of the kind that can be evaluated, else with anything anywhere."""
    if draw(st.integers(0, 3)) == 0 or position == 0:
        return {"leaf": draw(st.sampled_from((0, 0, 1, 2, 3, 4, 8, 2**70)))}
    name = draw(st.sampled_from(operators))
    if name == CONSTANT:
        attrs = {
            "start": draw(st.sampled_from(ATTRS)),
            "shape": draw(st.sampled_from(ATTRS)),
            "dtype": draw(st.sampled_from(("float64", "float32", ""))),
        }
        return {"op": name, "inputs": [], "attrs": attrs}
    signature = table[name].signature if name in OPERATORS else None
    if signature is not None and draw(st.integers(0, 4)):
        inputs = [draw(st.integers(max(0, position - 3), position - 1)) for _ in signature.operands]
        attrs = {key: draw(st.sampled_from(ATTRS)) for key in signature.attrs}
    else:
        inputs = draw(st.lists(st.integers(0, count - 1), max_size=10))
        attrs = {
            key: draw(st.sampled_from(ATTRS)) for key in draw(st.lists(st.sampled_from(("dim", "c", "eps", "model_dim", "")), max_size=2))
        }
    return {"op": name, "inputs": inputs, "attrs": attrs}


@st.composite
def graphs(draw, outputs, operators=OPERATORS):
    count = draw(st.integers(1, 12))
    listed = [draw(nodes(position, count, operators)) for position in range(count)]
    wanted = outputs if draw(st.integers(0, 5)) else draw(st.integers(0, 4))
    return {"nodes": listed, "outputs": [draw(st.integers(max(0, count - 3), count - 1)) for _ in range(wanted)]}


def listed(entries, longest=12):
    return st.lists(entries, max_size=longest)


JSON = st.recursive(
    st.sampled_from(NUMBERS), lambda inner: listed(inner, 3) | st.dictionaries(st.sampled_from(("a", "b")), inner), max_leaves=5
)
PLACES, COUNTS, WORDS = (
    st.integers(0, 8),
    st.integers(-2, 30),
    st.sampled_from(("", "x", "Tensor", "ndarray", "ValueError", "omega", "y" * 5000)),
)
PLAIN = (0, 1, 4096, 10**9, 0.5, True, False, "", "x", [], [0], [0, 1], {})
RIGHT_FACTS = {
    "order": listed(PLACES) | st.permutations(range(5)),
    "computed": listed(PLACES),
    "alive": listed(COUNTS),
    "most_often": COUNTS,
    "kinds": listed(WORDS),
    "raised": listed(st.none() | st.tuples(WORDS, WORDS).map(list), 3),
    "batches": listed(listed(st.integers(-1, 8), 8), 8) | st.just([[0, 1, 2], [3, 4, 5]]),
    "tokens": listed(st.integers(-1, 12)),
    "spoiled": st.just([]) | listed(WORDS, 2),
    "refused": st.sampled_from(("", "AssertionError", "ValueError")) | listed(st.sampled_from(("", "ValueError")), 3),
    "history": listed(st.booleans(), 3),
    "trainable": listed(st.booleans(), 3),
    "kept": listed(st.booleans(), 3),
    "rounds": listed(listed(PLACES), 3),
    "inputs": st.just([0, 1]) | listed(PLACES, 3),
}


@st.composite
def fact(draw, form, name, case):
    if draw(st.integers(0, 8)) == 0:
        return draw(JSON)
    if name == "changed":
        return draw(listed(WORDS, 2) if form.probe == COMPUTE.probe else st.booleans())
    likely = [value for value in PLAIN if form.facts[name](value, case)]
    return draw(RIGHT_FACTS.get(name, st.sampled_from(likely) | JSON if likely else JSON))


@st.composite
def answers(draw, case):
    """An answer to a case: the right parts, in any number and with anything in them."""
    form = case.form
    name = form.probe
    outputs, count = form.outputs(case), form.arrays(case)
    facts = {key: draw(fact(form, key, case)) for key in form.facts}
    if name == FORMS["evaluator_run"].probe and draw(st.booleans()):  # claims that fit together
        facts["computed"] = [place for place, node in enumerate(case.graph["nodes"]) if "op" in node][:200]
        facts["alive"] = [draw(COUNTS)] * len(facts["computed"])
        facts["raised"] = [None] * case.settings["runs"]
    if name == FORMS["topological_order"].probe and draw(st.booleans()):
        facts["order"] = list(range(len(case.graph["nodes"])))
    if draw(st.integers(0, 9)) == 0:
        facts[draw(st.sampled_from(("points", "", "changed")))] = draw(JSON)
    shapes = tuple(array.shape for array in case.ask().arrays)[:4] + getattr(case, "shapes", ())
    many = count if draw(st.integers(0, 5)) else draw(st.integers(0, 5))
    graph = draw(graphs(outputs, OPERATORS + BLOCKS)) if bool(outputs) == bool(draw(st.integers(0, 9))) else None
    given = Answer(tuple(draw(arrays(shapes)) for _ in range(min(many, 40))), graph, facts)
    return wire.unpack_answer(wire.pack_answer(given, 1), 1)


@pytest.mark.parametrize(("name", "position"), PARTS)
def test_any_answer_gets_a_verdict_and_garbage_no_point(name, position):
    called = QUESTIONS_OF["public"][name].parts[position].name
    asked = [
        parts[called]
        for parts in ({part.name: part for part in QUESTIONS_OF[seed][name].parts} for seed in QUESTIONS_OF)
        if called in parts
    ]
    slow = called == "large graphs"

    @settings(max_examples=FEW if slow else EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def ask(data):
        part = data.draw(st.sampled_from(asked))
        case = data.draw(st.sampled_from(part.cases))
        answer = data.draw(answers(case))
        found = failure_of(part, case, answer)  # the judge itself does not raise: nothing is left for the boundary around it
        if found is not None and found.reason == "wrong" and not case.hidden:
            case.form.beside(case, answer)  # nor does what is said besides
        verdict, _ = judge_part(part, lambda cases: [answer] * len(cases), name)
        assert verdict.points == 0 or part.timed  # what is measured here is no student's claim
        assert verdict.reason != "unanswered" or answer.facts["unknown"]  # it says itself that it met what the simulator does not know
        question = QUESTIONS_OF["public"][name]
        whole = Verdict(name, question.number, (verdict,))
        assert text(whole, question)
        assert html(whole, question)

    ask()


# --- the boundary: a judge that fails all the same


def failing(case, answer):
    raise ZeroDivisionError("a judge's own mistake")


def with_failing_judge(question, part_name, seeds=("public", "hidden"), among=1):
    """The question with a judge that fails on some of a part's cases: on every one where `among` is 1."""
    parts = []
    for part in question.parts:
        broken = {case.name for case in part.cases[::among] if ("public" if case.seed == "public" else "hidden") in seeds}

        def judge_or_fail(case, answer, part=part, broken=broken):
            return failing(case, answer) if case.name in broken else part.judge(case, answer)

        parts.append(replace(part, judge=judge_or_fail) if part.name == part_name else part)
    return replace(question, parts=tuple(parts))


def test_a_judge_that_fails_gives_no_verdict_and_says_so_to_whoever_grades(solved, caplog, capsys, monkeypatch):
    question = with_failing_judge(QUESTIONS_OF["public"]["sqrt"], "gradient")
    verdict = judged(question, probe.answers)[0]
    assert verdict.reason == "unanswered"
    assert [(part.reason, part.points) for part in verdict.parts] == [("passed", 1), ("unanswered", 0)]
    (record, *_) = caplog.records
    assert "no verdict on sqrt, gradient, case " in record.getMessage()
    assert record.exc_info[0] is ZeroDivisionError
    for shown in (text(verdict, question), html(verdict, question)):
        assert "no verdict, and no zero" in shown
        assert "The check itself failed on this answer" in shown
        assert re.search(r"compute: all \d+ cases, 1 of 1", shown)
        assert "ZeroDivisionError" not in shown
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setattr(logging.getLogger("autodiff_lib"), "handlers", [])  # as in a notebook, where no grader is
    judged(question, probe.answers)
    assert capsys.readouterr().err == ""


def test_what_is_wrong_for_certain_needs_no_person(solved):
    """Nobody need look at an answer that fails another case: a part is all or nothing."""
    question = with_failing_judge(QUESTIONS_OF["public"]["sqrt"], "gradient", among=2)
    part = question.parts[1]
    wrong = Answer(graph={"nodes": [{"leaf": 1}], "outputs": [0]})
    verdict, _ = judge_part(part, lambda cases: [wrong] * len(cases), "sqrt")
    assert (verdict.reason, verdict.points) == ("wrong", 0)
    assert verdict.failure.case == part.cases[1].name


# --- answers that judges fell over, and what is said of them

NODE = {"op": "relu", "inputs": [0], "attrs": {}}
LONG_CHAIN = {
    "nodes": [{"leaf": 1}, *({"op": "mul_by_const", "inputs": [place], "attrs": {"c": 1.0}} for place in range(1000))],
    "outputs": [1000],
}
TOKENS_SUMMED = {
    "nodes": [{"leaf": 0}, {"op": "sum_op", "inputs": [0], "attrs": {"dim": 1, "keepdim": True}}],
    "outputs": [1],
}


@pytest.mark.parametrize(
    ("name", "part", "answer", "reason", "message"),
    [
        ("relu", "gradient", Answer(graph={"nodes": [], "outputs": []}), "tampered", "does not have the form"),
        ("matmul", "gradient", Answer(graph={"nodes": [{"leaf": 0}], "outputs": [0]}), "tampered", "does not have the form"),
        ("relu", "gradient", Answer(arrays=(np.ones(3),) * 2), "tampered", "does not have the form"),
        ("relu", "compute", Answer(arrays=(np.ones(3),) * 2, facts={"changed": [3]}), "tampered", "does not have the form"),
        ("relu", "compute", Answer(arrays=(np.ones(3, complex),) * 2, facts={"changed": []}), "tampered", "does not have the form"),
        ("relu", "compute", Answer(arrays=(np.ones((0, 3), int),) * 2, facts={"changed": []}), "wrong", "a wrong value"),
        (
            "gradients",
            "gradients",
            Answer(graph={"nodes": [], "outputs": []}, facts={"changed": False}),
            "wrong",
            "gradients returned 0 nodes, one for each of 2 was expected",
        ),
        (
            "causal_self_attention",
            "the mask",
            Answer(graph=TOKENS_SUMMED),
            "wrong",
            r"shape \[1, 1, 4\], expected \[1, 3, ...\]: one row",
        ),
        ("causal_self_attention", "the mask", Answer(graph={"nodes": [NODE], "outputs": [0]}), "wrong", "runs in a circle"),
        ("relu", "gradient", Answer(graph=LONG_CHAIN), "wrong", "has 1001 nodes; there may be 1000"),
    ],
)
def test_an_answer_of_another_number_or_kind_is_told_from_a_wrong_one(name, part, answer, reason, message):
    asked = next(one for one in QUESTIONS_OF["public"][name].parts if one.name == part)
    verdict, _ = judge_part(asked, lambda cases: [answer] * len(cases), name)
    assert verdict.reason == reason
    assert re.search(message, verdict.failure.message)


def test_claims_of_more_work_than_the_watch_lets_happen_are_not_even_looked_at():
    part = next(part for part in QUESTIONS_OF["public"]["FrugalEvaluator"].parts if part.name == "forgetting")
    case = part.cases[0]
    many = next(place for place, node in enumerate(case.sent["nodes"]) if "op" in node)
    facts = {"changed": False, "kinds": [], "most_often": 1, "raised": [None], "computed": [many] * 10**6, "alive": [0] * 10**6}
    answer = Answer(arrays=tuple(case.wanted[0]), facts=facts)
    assert failure_of(part, case, answer).reason == "tampered"


def test_a_list_that_tells_another_length_than_it_has_is_counted(fresh_table):
    class Liar(list):
        def __len__(self):
            return 2

    class Lying(Op):
        def gradient(self, node, output_grad):
            return Liar([output_grad])

    operator("div(a, b, /)")(Lying)
    problem = probe.run(QUESTIONS_OF["public"]["div"].parts[1].cases[0].ask()).problem
    assert problem.message == "gradient must return one node for each input, that is 2, got 1"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.ones(2, dtype=torch.complex128), "values of the dtype complex128, expected one of bfloat16, bool"),
        (torch.ones(2, dtype=torch.complex64), "values of the dtype complex64"),
        (torch.ones((1,) * 12), "an array with 12 axes"),
        (torch.ones(3_000_000, dtype=torch.float64), "48000000 bytes, expected up to"),
    ],
)
def test_a_notebook_takes_no_other_arrays_than_can_be_sent_to_whoever_grades(value, message, fresh_table):
    class Odd(Op):
        def compute(self, node, inputs):
            return value

    operator("relu(a, /)")(Odd)
    answer = probe.run(QUESTIONS_OF["public"]["relu"].parts[0].cases[0].ask())
    assert answer.problem.kind == "WrongKindError"
    assert f"your code returned {message}" in answer.problem.message


@pytest.mark.parametrize("value", [[[1]], [1] * 65, "x" * 201, 2**1025, {"a": 1}, [{}], [[[[[]]]]]])
def test_attributes_that_take_long_to_print_do_not_pass(value):
    graph = {"nodes": [{"leaf": 0}, {"op": "reshape", "inputs": [0], "attrs": {"shape": value}}], "outputs": [1]}
    with pytest.raises(GraphError, match="an attribute must be a plain number"):
        validate(graph)


# --- difference quotients in the place of gradients

ORDERS = {  # order -> multiples of the step, with their weights
    2: [(1, 1 / 2), (-1, -1 / 2)],
    4: [(1, 8 / 12), (-1, -8 / 12), (2, -1 / 12), (-2, 1 / 12)],
    6: [(1, 45 / 60), (-1, -45 / 60), (2, -9 / 60), (-2, 9 / 60), (3, 1 / 60), (-3, -1 / 60)],
    8: [(1, 4 / 5), (-1, -4 / 5), (2, -1 / 5), (-2, 1 / 5), (3, 4 / 105), (-3, -4 / 105), (4, -1 / 280), (-4, 1 / 280)],
}
STEPS = {2: 1e-6, 4: 1e-3, 6: 1e-2, 8: 2e-2}
ONLY_CLOSELY = [  # operator, order, direction: right on every other case, to the last digit that is looked at
    ("relu", 4, "output_grad"),
    ("sqrt", 4, "output_grad"),
    ("sqrt", 2, "ones"),
    ("sqrt", 6, "ones"),
    ("power", 4, "ones"),
    ("div", 4, "ones"),
    ("softmax", 4, "output_grad"),
    ("div_by_const", 6, "ones"),
]
QUOTIENTS = [
    (name, order, way)
    for name in ("div", "sqrt", "power", "relu", "softmax", "layernorm")
    for order in ORDERS
    for way in ("output_grad", "ones")
]


def difference_quotient(order, way):
    """A `gradient` that moves each operand along output_grad, or all of its entries at once, and applies the operator itself."""

    def gradient(self, node, output_grad):
        found = []
        for k, a in enumerate(node.inputs):
            step, factor = (output_grad, 1) if way == "output_grad" else (ad.ones_like(a), output_grad)
            moved = [
                self(*[b + step * (many * STEPS[order]) if i == k else b for i, b in enumerate(node.inputs)], **node.attrs) * weight
                for many, weight in ORDERS[order]
            ]
            found.append(ad.unbroadcast(sum(moved[1:], start=moved[0]) * (1 / STEPS[order]) * factor, a))
        return found

    return gradient


@pytest.mark.parametrize(("name", "order", "way"), dict.fromkeys([*QUOTIENTS, *ONLY_CLOSELY]))
def test_a_difference_quotient_is_no_gradient(name, order, way, solved, monkeypatch):
    part = next(part for part in QUESTIONS_OF["public"][name].parts if part.name == "gradient")
    monkeypatch.setattr(type(table[name]), "gradient", difference_quotient(order, way))
    verdict, _ = judge_part(part, probe.answers, name)
    assert verdict.points == 0
    if (name, order, way) in ONLY_CLOSELY:
        elsewhere = replace(part, cases=tuple(case for case in part.cases if "near zero" not in case.name and not case.on_paper))
        verdict, _ = judge_part(elsewhere, probe.answers, name)
        assert verdict.passed == verdict.cases - 1
        assert verdict.failure.message.startswith("The gradient is right, but ")


# --- what becomes of a question without a verdict


def test_a_right_answer_is_judged_once_and_any_other_by_itself(solved):
    judged_answers = []

    def judge(case, answer):
        judged_answers.append(answer)
        return part.judge(case, answer)

    part = QUESTIONS_OF["public"]["sqrt"].parts[0]
    case = part.cases[0]
    counted = replace(part, judge=judge, cases=(case,))
    right = probe.run(case.ask())
    moved = replace(right, arrays=tuple(array + 1 for array in right.arrays))
    shaped = replace(right, arrays=tuple(array[None] for array in right.arrays))
    points = [judge_part(counted, lambda cases, one=one: [one], "sqrt")[0].points for one in (right, right, moved, moved, shaped, right)]
    assert points == [part.points, part.points, 0, 0, 0, part.points]
    assert judged_answers == [right, moved, moved, shaped]
    assert judge_part(replace(counted, judge=lambda case, answer: 1 / 0), lambda cases: [right], "sqrt")[0].reason == "unanswered"


# --- credit


def right_but_for(wrong):
    """A part of which a share of the cases earns that share of the points, and its verdict where the last `wrong` answers are wrong."""
    part = QUESTIONS_OF["public"]["sqrt"].parts[0]
    given = [probe.run(case.ask()) for case in part.cases]
    right = len(given) - wrong
    given[right:] = [replace(answer, arrays=tuple(array + 1 for array in answer.arrays)) for answer in given[right:]]
    by_share = replace(part, credit=lambda passed, cases: passed / cases)
    return part, *(judge_part(one, lambda cases: given, "sqrt")[0] for one in (part, by_share))


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_a_part_is_all_or_nothing_unless_it_gives_credit(wrong, solved):
    part, plain, credited = right_but_for(wrong)
    assert plain.points == (0 if wrong else part.points)
    assert credited.points == pytest.approx(part.points * (1 - wrong / len(part.cases)))
    assert (plain.failure is None) == (credited.failure is None) == (wrong == 0)


def test_credit_is_the_less_of_public_and_hidden_cases(solved):
    part, _, full = right_but_for(0)
    _, nothing, some = right_but_for(1)
    question = QUESTIONS_OF["hidden"]["sqrt"]
    for public, asked in ((full, True), (some, True), (nothing, False)):
        verdict = Verdict("sqrt", 5, (public,))
        assert [one.name for one in engine.passed_parts(question, verdict).parts] == [part.name] * asked
    for public, secret in ((full, some), (some, full), (some, some)):
        (found,) = engine.both(Verdict("sqrt", 5, (public,)), Verdict("sqrt", 5, (secret,))).parts
        assert 0 < found.points == some.points < part.points
        assert (found.passed, found.cases) == (public.passed + secret.passed, 2 * len(part.cases))
        assert found.failure.case.endswith("(hidden)") == (public is full)


def test_where_the_judge_fails_on_hidden_cases_credit_waits_for_a_person(solved):
    _, _, some = right_but_for(1)
    unanswered = replace(some, points=0, failure=Failure("a case", "unanswered", FAILED))
    assert engine.both(Verdict("sqrt", 5, (some,)), Verdict("sqrt", 5, (unanswered,))).reason == "unanswered"


def record_with_one_unanswered(unit="01_operators", name="sqrt"):
    """Of a submission that passes everything, but for a part on which the judge failed."""
    failure = Failure("[2, 3], float64", "unanswered", FAILED)
    verdicts = {}
    for question in QUESTIONS_OF["public"].values():
        if question.unit == unit:
            parts = tuple(PartVerdict(part.name, part.points, part.points, 1, 1, None) for part in question.parts)
            if question.name == name:
                parts = (*parts[:-1], replace(parts[-1], points=0, failure=failure))
            verdicts[question.name] = Verdict(question.name, question.number, parts)
    return engine.Result(unit, verdicts, [], [], True)


def test_one_question_without_a_verdict_is_ungraded_everywhere_and_the_others_keep_theirs():
    result = record_with_one_unanswered()
    record = records.record_of("somebody", result, "digest")
    assert result.ungraded == record.ungraded == ["sqrt"]
    assert result.waiting == record.waiting == f"sqrt: {FAILED}".removesuffix(".")
    assert record.questions["relu"].points == 2
    assert gradebook.remark(record.questions["sqrt"], jailed=True) == f"Ungraded. {FAILED}"
    assert gradebook.remark(record.questions["relu"], jailed=True) is None
    for said in (feedback.of_result(result), feedback.of_record(record)):
        assert said.ungraded == ["sqrt"]
        assert f"UNGRADED: sqrt (sqrt: {FAILED.removesuffix('.')})" in said.notes[0]
        assert said.points == 30
        assert [item.text.splitlines()[-1] for item in said.items if item.points is None] == [FAILED]
    shown = report.ungraded([record], {})
    assert "somebody" in shown
    assert f"sqrt: {FAILED.removesuffix('.')}" in shown
    assert regrade.points(record.questions["sqrt"]) is None


def test_a_hidden_case_without_a_verdict_keeps_its_numbers_to_itself():
    public, hidden = record_with_one_unanswered(name="relu").verdicts["sqrt"], record_with_one_unanswered().verdicts["sqrt"]
    verdict = engine.both(public, hidden)
    assert verdict.reason == "unanswered"
    assert (verdict.parts[0].points, verdict.parts[1].points) == (1, 0)
    assert verdict.parts[1].failure.message == FAILED
    assert verdict.parts[1].failure.case.endswith("(hidden)")


def test_several_questions_without_a_verdict_are_told_by_their_reasons():
    assert engine.why_ungraded("", {}) == ""
    assert engine.why_ungraded("no notebook was submitted", {"a": "Nothing could be graded."}) == "no notebook was submitted"
    assert engine.why_ungraded("", {"a": "One.", "b": "Two.", "c": "One."}) == "a, c: One. b: Two"
