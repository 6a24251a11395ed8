"""The checks' tools around a student's engine, and the reference engine itself on what the checks do not ask."""

import gc
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

import autodiff_lib as ad
from autodiff_lib import checks, graph_data
from autodiff_lib.checks import probe
from autodiff_lib.checks.judge import judge_part
from autodiff_lib.checks.report import html, text
from autodiff_lib.feeding import as_tensors
from autodiff_lib.kinds.evaluator.watch import TooMuchWorkError, budgeted, computations, shallow_stack, unwatch
from autodiff_lib.kinds.reference import forward
from grader.book.nbgrader_course import solutions
from grader.units.evaluator.hidden import DEEPER
from tests.asking import questions_of

UNIT = "02_evaluator"

x = ad.Variable("x")


@pytest.mark.parametrize(
    ("fed", "kind", "dtype"),
    [
        (torch.ones(2, dtype=torch.float32), torch.Tensor, torch.float32),
        (np.ones(2, dtype=np.float32), np.ndarray, np.float32),
        (np.ones(2), np.ndarray, np.float64),
        (2, torch.Tensor, torch.float64),
        (np.float64(2), torch.Tensor, torch.float64),
    ],
)
def test_values_come_out_as_they_were_fed(fed, kind, dtype):
    values, restore = as_tensors({x: fed})
    (result,) = restore([values[x] * 2])
    assert isinstance(result, kind)
    assert result.dtype == dtype


def test_a_value_that_is_none_of_these_is_refused_by_the_variables_name():
    with pytest.raises(TypeError, match="the value of x must be a torch.Tensor, a NumPy array or a number, got list"):
        as_tensors({x: [1.0]})


def test_a_chain_of_100000_nodes_runs_and_differentiates(solved):
    y = x
    for _ in range(100_000):
        y = y * 1.0
    (slope,) = ad.gradients(y, [x])
    for engine in (ad.Evaluator, ad.FrugalEvaluator):
        assert engine([slope]).run({x: torch.tensor(3.0)}) == [1.0]


def test_hidden_cases_hold_deeper_chains_and_the_solution_passes_them(solved):
    for question in questions_of(UNIT, "some secret").values():
        deep = any(str(DEEPER) in case.name for part in question.parts for case in part.cases)
        assert deep or question.name == "FrugalEvaluator", "whose hidden case is large in memory instead"
        assert checks.verdict(question).reason == "passed"


COMPUTED = "            if node not in values:\n"
KEEPING = f"            self.kept = [*getattr(self, 'kept', []), *({{}} for value in values.values())]\n{COMPUTED}"
IN_LITTLE_MEMORY = {  # what an evaluator does as well -> its first lines, the line before each computation, the verdict
    "nothing else": ("", COMPUTED, "passed"),
    "threads": ("import torch\ntorch.set_num_threads(4)\n(torch.ones(2000, 500) * 2).sum()\n", COMPUTED, "passed"),
    "no word of children": ("import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n", COMPUTED, "passed"),
    "a diary": ("import tempfile\n", f"            tempfile.TemporaryFile(buffering=0).write(b'a node')\n{COMPUTED}", "passed"),
    "copies are kept": ("", KEEPING.format("value.clone()"), "memory"),
    "arrays are kept": ("", KEEPING.format("value.numpy().copy()"), "memory"),
    "an error": ("", f"            assert values[self.order[0]].shape != (1000, 1)\n{COMPUTED}", "error"),
}


@pytest.mark.parametrize(("first", "before", "reason"), IN_LITTLE_MEMORY.values(), ids=IN_LITTLE_MEMORY)
def test_large_matrices_are_run_in_little_memory_whatever_else_a_notebook_does(first, before, reason, solved):
    handler, threads = signal.getsignal(signal.SIGCHLD), torch.get_num_threads()
    cell = first + solutions("02_evaluator")["FrugalEvaluator"].replace(COMPUTED, before)
    try:
        exec(compile(cell, "<cell>", "exec"), {**solved["02_evaluator"].__dict__})
        question = questions_of(UNIT, "some secret")["FrugalEvaluator"]
        part = question.parts[-1]
        verdict, _ = judge_part(replace(part, cases=part.cases[-1:]), probe.answers, question.name)
    finally:
        signal.signal(signal.SIGCHLD, handler)
        torch.set_num_threads(threads)
    assert verdict.reason == reason


def layernorm(a):
    """Spelled out: the third derivative of torch's own layer_norm is wrong in torch 2.13."""
    centred = a - a.mean(-1, keepdim=True)
    return centred / ((centred**2).mean(-1, keepdim=True) + 1e-5).sqrt()


def test_third_derivatives_of_every_smooth_operator_are_torchs(solved):
    value = torch.rand(2, 3, dtype=torch.float64) + 0.5
    for build, reference in [
        (lambda a: ad.softmax(a, dim=0), lambda a: torch.softmax(a, 0)),
        (lambda a: ad.layernorm(a, (3,)), layernorm),
        (lambda a: ad.sqrt(a) / (a + 1), lambda a: a.sqrt() / (a + 1)),
        (lambda a: a @ ad.transpose(a, 0, 1) @ a, lambda a: a @ a.T @ a),
        (lambda a: ad.mean(a**3, dim=1, keepdim=True) * a, lambda a: (a**3).mean(1, keepdim=True) * a),
    ]:
        ours, theirs = build(x) * x, value.clone().requires_grad_()
        wanted = reference(theirs) * theirs
        for _ in range(3):
            (ours,) = ad.gradients(ours * ours, [x])
            (wanted,) = torch.autograd.grad((wanted * wanted).sum(), theirs, create_graph=True)
        (got,) = ad.FrugalEvaluator([ours]).run({x: value})
        torch.testing.assert_close(got, wanted.detach(), rtol=1e-7, atol=1e-7 * float(wanted.abs().max()))


def test_computations_are_logged_and_operators_left_as_they_were():
    y = ad.exp(x) * ad.exp(x)
    with computations([y, *y.inputs]) as log:
        kept = [node.op.compute(node, [torch.ones(2)]) for node in y.inputs]
        y.op.compute(y, kept)
    assert log.computed == [*y.inputs, y]
    assert log.alive == [0, 1, 2]
    assert log.most_often() == 1
    assert "compute" not in vars(ad.exp)


def test_results_that_nobody_holds_are_not_alive():
    y = ad.exp(x)
    with computations([y]) as log:
        for _ in range(3):
            y.op.compute(y, [torch.ones(2)])
            gc.collect()
    assert log.alive == [0, 0, 0]


def test_a_log_starts_again_without_what_still_lives():
    y = ad.exp(x)
    with computations([y]) as log:
        kept = [y.op.compute(y, [torch.ones(2)])]
        first = log.computed
        log.restart()
        kept.append(y.op.compute(y, [torch.ones(2)]))
        gc.collect()
        kept.append(y.op.compute(y, [torch.ones(2)]))
    assert first == [y]
    assert (log.computed, log.alive) == ([y, y], [0, 1])


def test_work_is_counted_and_stopped_at_the_budget():
    nodes = [x + 1, x + 2]
    budgeted(nodes)
    try:
        with pytest.raises(TooMuchWorkError, match="after 1080 steps, on a graph of 4 nodes and edges"):
            _ = [nodes[0].inputs for _ in range(10_000)]
    finally:
        unwatch(nodes)
    assert type(nodes[0]) is ad.Node


def test_searches_through_lists_are_counted_too():
    nodes = [ad.Variable(str(number)) for number in range(400)]
    budgeted(nodes)
    try:
        with pytest.raises(TooMuchWorkError):
            _ = [node for node in nodes if node in nodes]
    finally:
        unwatch(nodes)


def test_recursion_is_bounded_whatever_the_limit():
    def down(n):
        return n if n == 0 else down(n - 1)

    with shallow_stack(), pytest.raises(RecursionError):
        down(5000)


def question(name):
    return checks.questions(UNIT)[name]


def shown(name):
    return text(checks.verdict(question(name)), question(name))


def write(solved, source):
    exec(compile(source, "<cell>", "exec"), {**solved[UNIT].__dict__})


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("topological_order", "return order", "return order[::-1]", "stands before its input"),
        ("topological_order", "return order", "return None", "must return a list of nodes, got NoneType"),
        ("topological_order", "return order", "return [1]", "something that is not in the graph: int 1"),
        ("topological_order", "return order", "return order + order", "is listed 2 times"),
        ("topological_order", "elif node not in seen:", "else:", "TooMuchWorkError: still at work after"),
        (
            "topological_order",
            "order, seen = [], set()",
            "order, seen = [], topological_order.__dict__.setdefault('seen', set())",
            "x * x, for the second time.\n      2 of 2 nodes are not listed, x among them.",
        ),
        ("Evaluator", "results = [", "results = [None for node in self.order] or [", "run must return values, got NoneType"),
        ("Evaluator", "ValueError(f", "KeyError(f", "run raised KeyError: 'no value was fed for kappa'"),
        ("Evaluator", "if missing:", "if False:", "run raised ValueError: no value was fed for the variable kappa"),
        (
            "Evaluator",
            "', '.join(missing)",
            "'kappa and omega'",
            "the same error, whether kappa was missing or omega: no value was fed for",
        ),
        (
            "Evaluator",
            "        missing =",
            "        self.fed = {**getattr(self, 'fed', {}), **values}\n        values = dict(self.fed)\n        missing =",
            "run returned values although none was fed for omega.",
        ),
        ("Evaluator", "return restore(results)", "return results", "run returned a Tensor where ndarrays were fed"),
        ("gradients", "return [", "return None and [", "gradients must return a list of nodes"),
        ("gradients", "for node in nodes]", "for node in (nodes.pop(0) for _ in nodes[:])]", "changed the list of nodes that it was given"),
        ("gradients", "contribution = bar[operand] + contribution", "pass", "gradient with respect to node 1 of 1"),
        ("FrugalEvaluator", "del values[operand]", "pass", "computed values were alive"),
    ],
)
def test_a_broken_engine_gets_a_report_that_says_what_is_wrong(name, old, new, sentence, solved):
    source = solutions(UNIT)[name]
    assert old in source
    write(solved, source.replace(old, new))
    assert sentence in shown(name)


EARLY = (
    "self.order = topological_order(self.eval_nodes)",
    "self.order = topological_order(self.eval_nodes)\n        self.compute = {node: node.op.compute for node in self.order}",
)
PAST_THE_WATCH = "type(node.op).compute(node.op, node,"


@pytest.mark.parametrize("name", ["Evaluator", "FrugalEvaluator"])
def test_work_counts_also_where_compute_was_looked_up_before_the_run(name, solved):
    write(solved, solutions(UNIT)[name].replace(*EARLY).replace("node.op.compute(node,", "self.compute[node](node,"))
    assert checks.verdict(question(name)).reason == "passed"


@pytest.mark.parametrize("name", ["Evaluator", "FrugalEvaluator"])
def test_work_past_the_watch_earns_nothing_and_says_why(name, solved):
    write(solved, solutions(UNIT)[name].replace("node.op.compute(node,", PAST_THE_WATCH))
    verdict = checks.verdict(question(name))
    assert verdict.points == 0
    assert "2 of 2 operators were not seen at work, mul(x1, x2) among them" in shown(name)
    assert "Call node.op.compute(node, inputs) for each of them, inside run" in shown(name)


LEGAL = {
    "others as well": "f'values for {missing} are missing, I have those for {[n.name for n in values]}'",
    "as nodes": "[node for node in self.order if not node.inputs and node not in values]",
    "what is needed and what is there": "f'need {[n.name for n in self.order if not n.inputs]}, got {[n.name for n in values]}'",
}


@pytest.mark.parametrize("message", LEGAL.values(), ids=LEGAL)
def test_an_error_may_say_more_than_the_missing_names(message, solved):
    source = solutions(UNIT)["Evaluator"]
    said = "f\"no value was fed for {', '.join(missing)}\""
    assert said in source
    write(solved, source.replace(said, message))
    assert checks.verdict(question("Evaluator")).reason == "passed"


def test_a_kind_of_valueerror_is_a_valueerror(solved):
    source = solutions(UNIT)["Evaluator"].replace("raise ValueError(", "raise MissingError(")
    write(solved, "class MissingError(ValueError):\n    pass\n\n\n" + source)
    assert checks.verdict(question("Evaluator")).reason == "passed"


@pytest.mark.parametrize("seed", ["public", "a", "b"])
def test_forgetting_is_asked_where_the_numbers_stay_tame(seed):
    part = questions_of(UNIT, seed)["FrugalEvaluator"].parts[1]
    for case in part.cases[:2]:
        leaves = [torch.tensor(array) for array in case.values().values()]
        (value,) = graph_data.evaluate(case.graph, leaves, forward())
        assert 1e-3 < float(value) < 1e3, case.name


def test_a_failing_graph_is_drawn_in_the_report(solved):
    write(solved, solutions(UNIT)["topological_order"].replace("return order", "return order[::-1]"))
    assert "<svg" in html(checks.verdict(question("topological_order")), question("topological_order"))


def test_a_broken_order_costs_no_points_in_what_uses_it(solved):
    solved[UNIT].__dict__["topological_order"] = None
    try:
        for name in ("Evaluator", "gradients", "FrugalEvaluator"):
            assert checks.verdict(question(name)).reason == "passed"
        assert solved[UNIT].topological_order is None, "the student's own is back in its place"
    finally:
        solved[UNIT].__dict__["topological_order"] = ad.topological_order


def test_unwritten_parts_of_the_engine_say_which_exercise_they_are():
    with pytest.raises(NotImplementedError, match="gradients is exercise 3 of unit 02_evaluator"):
        ad.gradients(x, [x])
    assert "not done yet" in shown("Evaluator")


def test_only_exercises_of_the_course_are_registered(fresh_table):
    def gradient():
        pass

    with pytest.raises(ValueError, match="gradient is no exercise of the course"):
        ad.exercise(gradient)


SETTINGS = {"graph", "names", "exercise", "runs", "wrt", "twice", "numpy", "missing", "interleaved", "calls", "in_place", "shared"}


def test_no_ask_of_unit_2_carries_an_expected_value():
    for asked in checks.questions(UNIT).values():
        for part in asked.parts:
            for case in part.cases:
                ask = case.ask()
                assert set(ask.settings) <= SETTINGS
                assert len(ask.arrays) == len(case.names) * case.settings.get("runs", 1)


def test_what_student_code_prints_is_kept_out_of_the_notebook_and_shown_with_the_failure(fresh_table, capsys):
    @ad.operator("sqrt(a, /)")
    class SqrtOp(ad.Op):
        def compute(self, node, inputs):
            print("my debug line", inputs[0].shape)
            return inputs[0]

        def gradient(self, node, output_grad):
            raise NotImplementedError

    asked = checks.questions("01_operators")["sqrt"]
    report = text(checks.verdict(asked), asked)
    assert "Your code printed: my debug line torch.Size([5])" in report
    assert report.count("my debug line") == 2, "the smallest failing case alone, which is computed twice"
    assert capsys.readouterr().out == ""
    assert "○ gradient: not done yet" in report


def test_half_of_an_exercise_shows_its_points_and_what_is_missing(fresh_table):
    @ad.operator("sqrt(a, /)")
    class SqrtOp(ad.Op):
        def compute(self, node, inputs):
            return inputs[0] ** 0.5

        def gradient(self, node, output_grad):
            raise NotImplementedError("exercise sqrt is not done yet")

    asked = checks.questions("01_operators")["sqrt"]
    verdict = checks.verdict(asked)
    assert (verdict.points, verdict.reason, verdict.untouched) == (1, "missing", False)
    assert text(verdict, asked).startswith("○ sqrt: not complete yet, 1 of 2 points\n  ✓ compute")


@pytest.mark.parametrize(
    ("exercise", "old", "new"),
    [
        ("softmax", "return powers / powers.sum(node.dim, keepdim=True)", "return torch.softmax(a, node.dim)"),
        ("softmax", "return powers / powers.sum(node.dim, keepdim=True)", "return torch.nn.functional.softmax(a, dim=node.dim)"),
        ("softmax", "return powers / powers.sum(node.dim, keepdim=True)", "return a.softmax(node.dim)"),
        ("softmax", "return powers / powers.sum(node.dim, keepdim=True)", "return torch.nn.Softmax(dim=node.dim)(a)"),
        ("softmax", "return powers / powers.sum(node.dim, keepdim=True)", "return a.log_softmax(node.dim).exp()"),
        ("layernorm", "return centred", "return torch.nn.functional.layer_norm(a, node.normalized_shape, eps=node.eps); centred"),
        ("layernorm", "return centred", "return torch.nn.LayerNorm(node.normalized_shape, eps=node.eps, dtype=a.dtype)(a); centred"),
    ],
)
def test_torchs_ready_made_version_of_an_exercise_is_refused(exercise, old, new, solved):
    source = solutions("01_operators")[exercise]
    assert old in source
    exec(source.replace(old, new), {**solved["01_operators"].__dict__})
    asked = checks.questions("01_operators")[exercise]
    assert "is not to be used here: the exercise asks you to write it yourself" in text(checks.verdict(asked), asked)


@pytest.mark.parametrize(
    ("exercise", "old", "new", "sentence"),
    [
        ("softmax", "powers.sum(node.dim", "powers.sum(-1", "What fails has dim -2"),
        ("matmul", "-2, -1", "0, 1", "Only what has rank 2 and 2 passes."),
        ("mean", "mean(node.dim, keepdim=node.keepdim)", "mean(node.dim)", "What fails has keepdim True; what passes has False."),
        ("layernorm", "variance + node.eps", "variance + 1e-5", "What fails has eps 0.1 or 0.5; what passes has 1e-05."),
    ],
)
def test_failing_and_passing_cases_are_contrasted(exercise, old, new, sentence, solved):
    exec(solutions("01_operators")[exercise].replace(old, new), {**solved["01_operators"].__dict__})
    asked = checks.questions("01_operators")[exercise]
    assert sentence in text(checks.verdict(asked), asked)


def test_a_probe_answers_the_same_ask_twice_alike(solved):
    for asked in checks.questions(UNIT).values():
        ask = asked.parts[0].cases[2].ask()
        first, second = probe.run(ask), probe.run(ask)
        assert (first.facts, first.graph) == (second.facts, second.graph)
