"""Judges: whatever the wire lets through gets a verdict, never an exception, and garbage never a point."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autodiff_lib.checks import QUESTIONS, forms, wire
from autodiff_lib.checks.judge import failure_of, judge_part
from autodiff_lib.checks.question import Answer, Verdict
from autodiff_lib.checks.report import html, text
from autodiff_lib.graph import Op, table

EXAMPLES, FEW = 8, 2  # answers to each part of a question, and to one with graphs of many nodes, or that trains a model
QUESTIONS_OF = {seed: {question.name: question for make in QUESTIONS.values() for question in make(seed)} for seed in ("public", "hidden")}
PARTS = [(name, position) for name, question in QUESTIONS_OF["public"].items() for position in range(len(question.parts))]

# --- answers of any form: plain data that the wire accepts

NUMBERS = (0, 1, -1, 2, 3, -2, 0.5, 1e-300, 1e300, 10**30, 2**63, float("nan"), float("inf"), True, None, "", "x" * 150, "1e400")
ATTRS = (*NUMBERS, [], [0], [1], [-1], [0, 1], [2, 3], [3, 2], [-1, 0], [0, 0], [10**9] * 6, [2**62, 2], [None], ["a"], [0.5], [1] * 64)
OPERATORS = sorted(name for name, op in table.items() if isinstance(op, Op))
BLOCKS = ["causal_self_attention", "decoder_layer", "transformer_lm", "nothing", ""]
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
        return np.asarray(values).astype(dtype)


@st.composite
def nodes(draw, position, count, operators):
    """One node: mostly of the kind that can be evaluated, else with anything anywhere."""
    if draw(st.integers(0, 3)) == 0 or position == 0:
        return {"leaf": draw(st.sampled_from((0, 0, 1, 2, 3, 4, 8, 2**70)))}
    name = draw(st.sampled_from(operators))
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
RIGHT_FACTS = {
    "order": listed(PLACES) | st.permutations(range(5)),
    "computed": listed(PLACES),
    "alive": listed(COUNTS),
    "most_often": COUNTS,
    "kinds": listed(WORDS),
    "raised": listed(st.none() | st.tuples(WORDS, WORDS).map(list), 3),
    "batches": listed(listed(st.integers(-1, 8), 8), 8) | st.just([[0, 1, 2], [3, 4, 5]]),
    "tokens": listed(st.integers(-1, 12)),
}


@st.composite
def fact(draw, probe_name, name):
    if draw(st.integers(0, 8)) == 0:
        return draw(JSON)
    if name == "changed":
        return draw(listed(WORDS, 2) if probe_name == "operator_compute" else st.booleans())
    return draw(RIGHT_FACTS[name])


@st.composite
def answers(draw, case):
    """An answer to a case: the right parts, in any number and with anything in them."""
    name = case.ask().probe
    form = forms.FORMS[name]
    outputs, count = form.outputs(case), form.arrays(case)
    facts = {key: draw(fact(name, key)) for key in form.facts}
    if name == "evaluator_run" and draw(st.booleans()):  # claims that fit together
        facts["computed"] = [place for place, node in enumerate(case.graph["nodes"]) if "op" in node][:200]
        facts["alive"] = [draw(COUNTS)] * len(facts["computed"])
        facts["raised"] = [None] * case.settings["runs"]
    if name == "topological_order" and draw(st.booleans()):
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
    slow = QUESTIONS_OF["public"][name].parts[position].name == "large graphs"

    @settings(max_examples=FEW if slow else EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def ask(data):
        question = QUESTIONS_OF[data.draw(st.sampled_from(("public", "hidden")))][name]
        part = question.parts[position]
        case = data.draw(st.sampled_from(part.cases))
        answer = data.draw(answers(case))
        failure_of(part, case, answer)  # the judge itself does not raise: nothing is left for the boundary around it
        verdict, _ = judge_part(part, lambda cases: [answer] * len(cases), name)
        assert (verdict.points, verdict.reason == "unanswered") == (0, False)
        whole = Verdict(name, question.number, (verdict,))
        assert text(whole, question)
        assert html(whole, question)

    ask()
