"""What is said of a wrong answer beside the reference: it is so, it is said of no right node, and nothing depends on it."""

import re
from dataclasses import replace
from functools import cache, partial
from html import unescape

import numpy as np
import pytest
import torch

from autodiff_lib import checks
from autodiff_lib.checks import probe
from autodiff_lib.checks.compare import agree
from autodiff_lib.checks.judge import judge, judged
from autodiff_lib.checks.question import Answer, Beside
from autodiff_lib.checks.report import html, text
from autodiff_lib.graph_data import evaluate
from autodiff_lib.kinds import reference
from autodiff_lib.kinds.beside import MAX_NUMBERS, Way, beside, needed
from autodiff_lib.kinds.evaluator.adjoints import adjoints
from autodiff_lib.kinds.evaluator.judge import beside_gradients, node_names, place_of_variable, told_apart
from autodiff_lib.kinds.function.judge import ArrayCase, judge_call
from autodiff_lib.kinds.graph_function.judge import BUILD, beside_the_steps, counted, settings, twin
from autodiff_lib.kinds.operator.judge import GradientCase
from autodiff_lib.kinds.steps import RESULT, Step, alike, ends_at_a_step, followed
from grader.authors import trials
from grader.authors.catalogue import MISTAKES, VARIANTS
from grader.book.nbgrader_course import solutions
from tests.asking import questions_of

GRAPHS = {
    (unit, name): question
    for unit in ("03_transformer_lm", "04_vision_transformer")
    for name, question in checks.questions(unit).items()
    if question.parts[0].cases[0].form is BUILD
}
"""The questions on functions that build graphs."""


def verdict_on(name, seed="public"):
    mistake = MISTAKES[name]
    with trials.written(mistake.unit, trials.cells_of(mistake)):
        return judged(questions_of(mistake.unit, seed)[mistake.exercise], probe.answers)[0]


@cache
def said_of(name):
    found = [part.failure.beside for part in verdict_on(name).parts if part.failure is not None and part.failure.beside is not None]
    assert len(found) <= 1  # it is said once
    return found[0] if found else None


def cells_of_right_answers(unit, exercise):
    yield [solutions(unit)[exercise]]
    yield from (variant.cells for variant in VARIANTS.values() if (variant.unit, variant.exercise) == (unit, exercise))


def answer_to(case, unit, cells):
    with trials.written(unit, cells):
        return probe.run(case.ask())


# --- the reference's steps


@pytest.mark.parametrize(("unit", "exercise"), GRAPHS)
def test_the_steps_of_a_function_end_where_its_twin_does(unit, exercise):
    for part in GRAPHS[unit, exercise].parts:
        for case in part.cases:
            steps = followed(case.described.steps(*case.values().values(), **settings(case)))
            assert [*steps][-1] == RESULT
            assert alike(steps[RESULT].value, twin(case, case.values()))
            assert all(set(step.made_of) < set(steps) for step in steps.values())


def test_the_steps_of_operators_end_in_their_values_and_gradients():
    for unit in ("01_operators", "05_fused_kernels"):
        for question in checks.questions(unit).values():
            for case in (case for part in question.parts for case in part.cases):
                if isinstance(case, GradientCase):
                    leaves = [leaf.detach() for leaf in case.truth.leaves]
                    made = [steps(*leaves, **case.attributes()) for steps in reference.gradient_steps().get(case.operator, ())]
                    ends = [*zip(made, case.truth.grads, strict=True)] if made else []
                elif (steps := reference.steps().get(getattr(case, "operator", ""))) is not None:
                    ends = [(steps(*(torch.tensor(array).double() for array in case.inputs.values()), **case.attributes()), case.expected)]
                elif getattr(case, "steps", None) is not None:
                    ends = [(case.steps(*(torch.tensor(array).double() for array in case.inputs), **case.keywords), case.wanted[0])]
                else:
                    ends = []
                for steps, end in ends:
                    if case.name.count("peak") or "some zero" in getattr(case, "kinds", ()):
                        continue
                    got = followed(steps)[RESULT].value.numpy()
                    assert agree(got, np.asarray(torch.as_tensor(end).detach()), "float64", 1e-8), (question.name, case.name)


# --- it is never said of what is right


@pytest.mark.parametrize(("unit", "exercise"), GRAPHS)
def test_of_right_answers_nothing_is_said(unit, exercise):
    cases = {case.name: case for part in GRAPHS[unit, exercise].parts for case in part.cases}
    for cells in cells_of_right_answers(unit, exercise):
        for case in list(cases.values())[::3]:
            assert beside_the_steps(case, answer_to(case, unit, cells)) is None


BACKWARD = checks.questions("02_evaluator")["gradients"].parts[0].cases


def sources_of(case):
    """(where it stands, the gradient that is right) for each node of which a gradient is asked."""
    leaves = [torch.tensor(array, requires_grad=True) for array in case.values().values()]
    everywhere = case.graph | {"outputs": [*range(len(case.graph["nodes"]))]}
    values = evaluate(everywhere, leaves, reference.forward())
    wanted = [*case.graph["outputs"][1:], *(place_of_variable(case.graph, number) for number in case.settings.get("wrt", ()))]
    output = values[case.graph["outputs"][0]]
    for source in dict.fromkeys(place for place in wanted if place is not None):
        yield source, reference.pull_back([output], [values[source]], [torch.ones_like(output)])[0]


@pytest.mark.parametrize("case", BACKWARD, ids=lambda case: case.name)
def test_the_steps_of_a_backward_pass_end_in_the_gradient_that_was_asked_for(case):
    leaves = [torch.tensor(array) for array in case.values().values()]
    for source, grad in sources_of(case):
        steps = followed(adjoints(case.graph, told_apart(node_names(case)), source, *leaves))
        assert steps == {} if source not in needed(case.graph["nodes"], case.graph["outputs"][0]) else alike(steps[RESULT].value, grad)


def test_of_right_gradients_nothing_is_said():
    for cells in cells_of_right_answers("02_evaluator", "gradients"):
        for case in BACKWARD[::2]:
            assert beside_gradients(case, answer_to(case, "02_evaluator", cells)) is None


def test_of_wrong_gradients_the_first_one_that_differs_is_named():
    said = said_of("gradients-overwrites").said
    assert said.startswith("Your graph has the reference's gradient of add(mul(x1, x2), x1). In the place of the gradient of x1 it has ")
    said = said_of("gradients-upstream-forgotten").said
    assert "and gradient of exp(x). In the place of the gradient of x it has" in said
    found = [name for name, mistake in MISTAKES.items() if mistake.exercise == "gradients" and said_of(name) is not None]
    assert len(found) >= 9


SPOILED = {"factor": ("mul_by_const", {"c": 1.5}), "cut": ("relu", {})}


def spoiled(graph, position, how):
    """A graph in which one more operator stands behind a node, and the position of that."""
    op, attrs = SPOILED[how]
    added = len(graph["nodes"])

    def behind(positions):
        return [added if one == position else one for one in positions]

    nodes = [node if "leaf" in node else node | {"inputs": behind(node["inputs"])} for node in graph["nodes"]]
    nodes.append({"op": op, "inputs": [position], "attrs": attrs})
    return {"nodes": nodes, "outputs": behind(graph["outputs"])}, added


@pytest.mark.parametrize("how", SPOILED)
@pytest.mark.parametrize(("unit", "exercise"), GRAPHS)
def test_no_right_node_is_blamed_for_what_comes_after_it(unit, exercise, how):
    """In right graphs of all kinds one node after the other is spoiled: what is named is that, or depends on it."""
    case = next(case for case in GRAPHS[unit, exercise].parts[-1].cases[1:] if case.name.endswith("all at once"))
    steps, leaves = partial(case.described.steps, **settings(case)), list(case.values().values())
    named = tried = 0
    for cells in cells_of_right_answers(unit, exercise):
        graph = answer_to(case, unit, cells).graph
        for position in (one for one, node in enumerate(graph["nodes"]) if "op" in node):
            wrong, where = spoiled(graph, position, how)
            found = Way(wrong, leaves, steps, counted(case.described)).first_that_differs()
            tried += 1
            if found is not None:
                named += 1
                assert where in needed(wrong["nodes"], found[1]), (cells, position)
    assert named > tried / 3 or how == "cut"  # which often changes nothing


# --- nothing depends on it


def test_of_hidden_cases_nothing_is_said():
    verdict = verdict_on("causal_self_attention-scale-forgotten", seed="a secret")
    assert verdict.points < verdict.max_points
    assert [part.failure.beside for part in verdict.parts if part.failure is not None] == [None]


def test_where_it_cannot_be_said_the_verdict_is_the_same(monkeypatch, caplog):
    mistake = MISTAKES["causal_self_attention-scale-forgotten"]
    question = GRAPHS[mistake.unit, mistake.exercise]

    def failing(case, answer):
        raise ZeroDivisionError("of ours")

    with trials.written(mistake.unit, trials.cells_of(mistake)):
        before, traces = judged(question, probe.answers)
        monkeypatch.setitem(BUILD.__dict__, "beside", failing)
        after, others = judged(question, probe.answers)
    assert [record.getMessage() for record in caplog.records if "nothing beside causal_self_attention" in record.getMessage()]
    assert traces == others

    def undressed(verdict):
        return [(part.points, part.failure and (part.failure.message, part.failure.hint, part.failure.case)) for part in verdict.parts]

    assert undressed(before) == undressed(after)


LINEAR = next(case for case in GRAPHS["04_vision_transformer", "linear"].parts[0].cases)
PRODUCT = {"op": "matmul", "inputs": [0, 1], "attrs": {}}
LEAVES = [{"leaf": 0}, {"leaf": 1}, {"leaf": 2}]
STRANGE = {
    "a leaf": ([*LEAVES], 0),
    "a circle": ([*LEAVES, {"op": "add", "inputs": [4, 2], "attrs": {}}, {"op": "add", "inputs": [3, 2], "attrs": {}}], 4),
    "an operator of its own": ([*LEAVES, {"op": "secret", "inputs": [0], "attrs": {}}], 3),
    "a leaf that is not there": ([*LEAVES, {"leaf": 7}, {"op": "relu", "inputs": [3], "attrs": {}}], 4),
    "attributes of its own": ([*LEAVES, PRODUCT | {"attrs": {"c": "x" * 200}}], 3),
    "too many nodes": ([*LEAVES, PRODUCT, *({"op": "relu", "inputs": [3], "attrs": {}} for _ in range(200))], 203),
    "too large a value": ([*LEAVES, {"op": "broadcast", "inputs": [0], "attrs": {"input_shape": [1], "target_shape": [10**6, 10**6]}}], 3),
}


@pytest.mark.parametrize("name", STRANGE)
def test_of_graphs_that_nobody_wrote_nothing_is_said(name):
    nodes, output = STRANGE[name]
    assert beside_the_steps(LINEAR, Answer(graph={"nodes": nodes, "outputs": [output]})) is None


def test_a_graph_with_large_values_is_not_looked_through_for_long():
    large = {"op": "broadcast", "inputs": [0], "attrs": {"input_shape": [1, 2, 2], "target_shape": [1000, 2, 2]}}
    nodes = [*LEAVES, PRODUCT, *[large] * 100, {"op": "sub", "inputs": [3, 2], "attrs": {}}]
    for position in range(4, 104):
        nodes.append({"op": "sum_op", "inputs": [position], "attrs": {"dim": [0, 1, 2], "keepdim": False}})
        nodes.append({"op": "mul", "inputs": [len(nodes) - 2, len(nodes) - 1], "attrs": {}})
    graph = {"nodes": nodes[:148], "outputs": [147]}
    way = Way(graph, list(LINEAR.values().values()), LINEAR.described.steps, counted(LINEAR.described))
    way.first_that_differs()
    assert -4000 <= way.left < MAX_NUMBERS


def test_long_names_of_forged_operators_are_cut():
    nodes = [*LEAVES, PRODUCT, {"op": "sub", "inputs": [3, 2], "attrs": {"é" * 150: "<b>" * 50}}]
    found = beside(
        {"nodes": nodes, "outputs": [4]}, ("X", "W", "b"), list(LINEAR.values().values()), LINEAR.described.steps, counted(LINEAR.described)
    )
    assert found is None or len(found.said) < 250


# --- values


def test_an_array_that_ends_at_a_step_is_told_which():
    steps = {
        "sum": Step("sum", torch.tensor([6.0, 9.0])),
        "half": Step("half", torch.tensor([3.0, 4.5]), ("sum",)),
        RESULT: Step(RESULT, torch.tensor([2.0, 3.0]), ("sum",)),
    }
    given = [np.array([3.0, 4.5])]
    assert "equals the sum, a step on the way" in ends_at_a_step(np.array([6.0, 9.0]), steps, [], "float64").said
    assert ends_at_a_step(np.array([6.0, 9.0 + 1e-6]), steps, [], "float64") is None
    assert ends_at_a_step(np.array([2.0, 3.0]), steps, [], "float64") is None
    assert ends_at_a_step(np.array([3.0, 4.5]), steps, given, "float64") is None  # it may be the argument
    twice = steps | {"again": Step("again", torch.tensor([6.0, 9.0]))}
    assert ends_at_a_step(np.array([6.0, 9.0]), twice, [], "float64") is None  # nobody knows which


@pytest.mark.parametrize(
    ("name", "step"), [("mean-sum", "the sum"), ("one_pass_attention-division-forgotten", "the undivided mixed values")]
)
def test_a_mistake_in_a_value_is_shown_at_the_step_where_it_ends(name, step):
    assert said_of(name) == Beside(f"What came back equals {step}, a step on the way to the result and not the result.")


def test_a_function_on_arrays_may_tell_its_steps():
    def doubled_sum_steps(a):
        total = yield Step("sum", a.sum())
        yield Step(RESULT, 2 * total, ("sum",))

    case = ArrayCase("f", lambda a: np.asarray(2 * a.sum()), ((3,),), steps=doubled_sum_steps)
    wrong = Answer(arrays=(np.asarray(case.arrays[0].sum()),), facts={"changed": []})
    assert judge_call(case, wrong).message == "The value is wrong."
    assert "equals the sum" in case.form.beside(case, wrong).said
    assert replace(case, steps=None).form.beside(replace(case, steps=None), wrong) is None


# --- reports


def test_the_report_shows_the_sentence_and_both_matrices_after_what_the_check_saw():
    mistake = MISTAKES["causal_self_attention-scale-forgotten"]
    question = GRAPHS[mistake.unit, mistake.exercise]
    with trials.written(mistake.unit, trials.cells_of(mistake)):
        verdict = judge(question, probe.answers)
    said = said_of(mistake.id).said
    for shown in (text(verdict, question), unescape(re.sub("<[^>]*>", "\n", html(verdict, question)))):
        assert shown.count(said) == 1
        first, then = (shown.index(title) for title in ("yours: matmul(queries", "the reference's scores ["))
        assert shown.index("expected [") < shown.index(said) < first < then


def test_a_picture_that_is_there_already_is_not_drawn_again():
    name = "04_vision_transformer.linear-bias-subtracted"
    mistake = MISTAKES[name]
    verdict, question = verdict_on(name), GRAPHS[mistake.unit, mistake.exercise]
    failing = next(part for part in verdict.parts if part.failure is not None)
    shown = replace(failing, failure=replace(failing.failure, got=said_of(name).got, expected=said_of(name).expected))
    assert "the reference's result [" in text(verdict, question)
    assert "the reference's result [" not in text(replace(verdict, parts=(shown,)), question)
