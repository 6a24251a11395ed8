"""Unit 6: what its questions see, what they let pass, and that each exercise is asked by itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import autodiff_lib as ad
from autodiff_lib import checks, registry
from autodiff_lib.checks import probe
from autodiff_lib.checks.judge import judged
from autodiff_lib.checks.report import html, text
from autodiff_lib.checks.wire import pack_answer
from autodiff_lib.eager import Tensor, lazy, living
from autodiff_lib.kinds.tensor.watch import METHODS, engine, leaf, values_from
from autodiff_lib.units import UNITS
from autodiff_lib.units.eager_tensor import checking, training
from grader.units.eager_tensor.hidden import SHORTER
from tests import corpora
from tests.asking import questions_of

UNIT = "06_eager_tensor"
EXERCISES = UNITS[UNIT].exercises
SEEDS = ["public", *corpora.one_of_today(["some secret", "another"])]


@pytest.fixture
def written(solved):
    """What the notebook defines, with everything solved."""
    return {**solved[UNIT].__dict__}


def verdict_on(exercise, seed="public"):
    return checks.verdict(questions_of(UNIT, seed)[exercise])


def failing(verdict):
    return [part.part for part in verdict.parts if part.failure is not None]


def run(cell, scope):
    exec(compile(cell, "<cell>", "exec"), scope)


# --- the questions


@pytest.mark.parametrize("seed", SEEDS)
def test_the_solution_earns_all_40_points(seed, solved):
    verdicts = [verdict_on(exercise, seed) for exercise in EXERCISES]
    assert [(one.question, one.reason) for one in verdicts] == [(exercise, "passed") for exercise in EXERCISES]
    assert sum(one.points for one in verdicts) == 40
    assert [one.number for one in verdicts] == [*range(1, 23)]


def test_what_nobody_has_written_is_missing(fresh_table):
    for exercise in EXERCISES:
        verdict = verdict_on(exercise)
        assert (verdict.points, verdict.untouched) == (0, True), exercise


@pytest.mark.parametrize("exercise", EXERCISES)
def test_an_exercise_is_asked_whatever_the_others_come_to(exercise, written, monkeypatch):
    """All the others raise, by whatever name they are called."""

    def broken(*args, **kwargs):
        raise ZeroDivisionError("another exercise")

    for other in (one for one in EXERCISES if one != exercise):
        entry = UNITS[UNIT].entry(other)
        if other in UNITS[UNIT].functions:
            mine = registry.table[UNITS[UNIT].entry(exercise)]
            monkeypatch.setitem(getattr(mine, "__globals__", {}), other, broken)
            monkeypatch.setitem(registry.table, entry, broken)
            if other in METHODS:
                monkeypatch.setattr(Tensor, other, broken)
        else:
            for method in ("compute", "gradient"):
                monkeypatch.setattr(type(registry.table[other]), method, broken)
    if exercise in METHODS:
        setattr(Tensor, exercise, registry.table[UNITS[UNIT].entry(exercise)])
    verdict = verdict_on(exercise)
    assert verdict.reason == "passed", text(verdict, questions_of(UNIT)[exercise])


def test_tensors_have_their_own_methods_again_after_they_were_asked_about(solved):
    before = {name: vars(Tensor).get(name) for name in METHODS}
    for exercise in EXERCISES:
        probe.run(questions_of(UNIT)[exercise].parts[-1].cases[0].ask())
    assert {name: vars(Tensor).get(name) for name in METHODS} == before


def test_no_ask_carries_an_expected_value():
    """Of what is sent, nothing is what must come back, but where an operator changes nothing."""
    for question in questions_of(UNIT).values():
        for part in question.parts:
            for case in part.cases:
                wanted = [getattr(case, "expected", None), *getattr(case, "wanted", ())] if not hasattr(case, "graph") else []
                sent = [array for array in case.ask().arrays if array.size > 2 and array.std() > 0]
                same = any(np.array_equal(array, one) for array in sent for one in wanted if one is not None)
                nothing_to_do = ({"shape": sent[0].shape}, {"axes": (1, 1)}, {"scalar": 1}) if sent else ()
                assert not same or case.attrs in nothing_to_do or case.kinds == ("specks",), case.name


def test_a_probe_answers_the_same_ask_twice_alike(solved):
    for question in questions_of(UNIT).values():
        for part in question.parts:
            case = part.cases[0]
            first, second = (pack_answer(probe.run(case.ask()), 0) for _ in range(2))
            assert first == second, (question.name, case.name)


def test_hidden_chains_have_another_length(solved):
    chains = {
        getattr(case, "chain", 0)
        for question in questions_of(UNIT, "some secret").values()
        for part in question.parts
        for case in part.cases
    }
    assert chains == {0, SHORTER}


# --- what others' submissions got wrong, and what is seen of it

NEEDLE_SUM = """
@ad.operator("Summation(a, /, axes=None)")
class Summation(ad.Op):
    def compute(self, node, inputs):
        return inputs[0].sum(node.axes)

    def gradient(self, node, output_grad):
        shape = list(node.inputs[0].shape)
        for axis in AXES:
            shape[axis] = 1
        return [output_grad.reshape(shape).broadcast_to(node.inputs[0].shape)]
"""
KEPT = "shape = a.shape; kept = [1 if i in AXES else n for i, n in enumerate(shape)]"
EVERY_AXIS = "(range(len(shape)) if node.axes is None else node.axes if isinstance(node.axes, tuple) else (node.axes,))"

SORT = """
@exercise
def find_topo_sort(node_list):
    order, seen = [], set()
    def visit(node):
        if node not in seen:
            seen.add(node)
            for one in node.inputs:
                visit(one)
            order.append(node)
    for node in node_list:
        visit(node)
    return order
"""
KAHN = """
@exercise
def find_topo_sort(node_list):
    waiting, consumers, todo = {}, {}, list(node_list)
    while todo:
        node = todo.pop()
        if node not in waiting:
            waiting[node] = len(node.inputs)
            for one in node.inputs:
                consumers.setdefault(one, []).append(node)
                todo.append(one)
    order = [node for node, count in waiting.items() if not count]
    for node in order:
        for one in consumers.get(node, ()):
            waiting[one] -= 1
            if not waiting[one]:
                order.append(one)
    return tuple(order)
"""
GRADIENTS = """
@exercise
def compute_gradient_of_variables(output_tensor, out_grad, create_graph=False):
    grads = {output_tensor: out_grad}
    for node in reversed(find_topo_sort([output_tensor])):
        if not node.requires_grad or node not in grads:
            continue
        node.grad = grads[node] if create_graph else grads[node].detach()
        for one, grad in zip(node.inputs, node.op.gradient(node, grads[node]) if node.inputs else ()):
            if not create_graph:
                grad = grad.detach()
            SUM
"""
IN_PLACE = """
            if one in grads:
                grads[one].cached_data += grad.cached_data
            else:
                grads[one] = grad
""".strip()
ANEW = "grads[one] = grads[one] + grad if one in grads else grad"


def rule(name, line, more=""):
    """The cell of an operator with another gradient."""
    signature = next(one for one in UNITS[UNIT].operators if one.startswith(f"{name}("))
    return f"""
@ad.operator("{signature}")
class {name}(type(ad.{name})):
    def gradient(self, node, output_grad):
        a = node.inputs[0]
        {more}
        return {line}
"""


DEFECTS = {  # what is wrong -> exercise, cell, the parts that must fail, what must be said
    "a recursion": ("find_topo_sort", SORT, ["large graphs"], "RecursionError"),
    "the batches of a product are not summed": (
        "MatMul",
        rule("MatMul", "[output_grad @ ad.Transpose(b), ad.Transpose(a) @ output_grad]", "b = node.inputs[1]"),
        ["gradient"],
        "Stretched axes must be summed again",
    ),
    "an integer axis crashes": ("Summation", NEEDLE_SUM.replace("AXES", "node.axes or range(len(shape))"), ["gradient"], "TypeError"),
    "negative axes": (
        "Summation",
        rule("Summation", "[output_grad.reshape(kept).broadcast_to(a.shape)]", KEPT.replace("AXES", EVERY_AXIS)),
        ["gradient"],
        "",
    ),
    "a rank that grows where sizes coincide": (
        "BroadcastTo",
        rule(
            "BroadcastTo",
            "[output_grad.sum(tuple(i for i, n in enumerate(node.shape) if i >= a.ndim or a.shape[i] != n)).reshape(a.shape)]",
        ),
        ["gradient"],
        "",
    ),
    "a rule in another dtype": (
        "Exp",
        rule("Exp", "[output_grad * node * Tensor(np.ones(a.shape), requires_grad=False)]"),
        ["gradient"],
        "dtype float64 for float32",
    ),
    "output_grad to a power": ("PowerScalar", rule("PowerScalar", "[output_grad ** (node.scalar - 1) * node.scalar]"), ["gradient"], ""),
    "a mask of numbers": (
        "ReLU",
        rule("ReLU", "[output_grad * Tensor((a > 0).to(a.dtype), requires_grad=False)]"),
        ["gradient"],
        "it holds numbers that were read off",
    ),
    "into output_grad": (
        "ReLU",
        rule("ReLU", "[output_grad]", "output_grad.cached_data[a.cached_data <= 0] = 0"),
        ["gradient"],
        "gradient changed the numbers of output_grad",
    ),
    "relu(a) / a": ("ReLU", rule("ReLU", "[output_grad * (node / a)]"), ["gradient"], "nan"),
    "a guard against zero": (
        "EWiseDiv",
        rule(
            "EWiseDiv",
            "[ad.unbroadcast(output_grad / (b + 1e-10), a), ad.unbroadcast(-(output_grad * node / b), b)]",
            "b = node.inputs[1]",
        ),
        ["gradient"],
        "",
    ),
    "numbers for tensors": (
        "EWiseDiv",
        rule(
            "EWiseDiv",
            "[ad.unbroadcast(output_grad * Tensor(1 / b.numpy()), a), ad.unbroadcast(-(output_grad * node / b), b)]",
            "b = node.inputs[1]",
        ),
        ["gradient"],
        "its own derivative with respect to b is not",
    ),
    "contributions added in place": (
        "compute_gradient_of_variables",
        GRADIENTS.replace("SUM", IN_PLACE),
        ["gradients", "large graphs", "nothing left behind", "second derivatives"],
        "The numbers of",
    ),
    "gradients that keep their graphs": (
        "compute_gradient_of_variables",
        GRADIENTS.replace("SUM", ANEW).replace(" if create_graph else grads[node].detach()", "").replace("not create_graph", "False"),
        ["nothing left behind"],
        "nobody has asked for a graph",
    ),
    "ones that are kept": (
        "backward",
        "ONES = {}\n"
        "@method\ndef backward(self, out_grad=None, create_graph=False):\n"
        "    if not self.requires_grad:\n        raise ValueError('no gradient')\n"
        "    if out_grad is None:\n"
        "        out_grad = ONES.setdefault((self.shape, self.dtype), Tensor.make_const(torch.ones(self.shape, dtype=self.dtype)))\n"
        "    if out_grad.shape != self.shape:\n        raise ValueError('another shape')\n"
        "    compute_gradient_of_variables(self, out_grad, create_graph)\n",
        ["without out_grad"],
        "The gradients were overwritten with nan, and all was done once more",
    ),
    "a copy that was to be the same": (
        "detach",
        "@method\ndef detach(self):\n    return Tensor(self.realize_cached_data(), requires_grad=False)",
        ["numbers"],
        "when the array of the tensor is overwritten, its numbers stay",
    ),
    "a result in the array of the last one": (
        "Negate",
        """
@ad.operator("Negate(a, /)")
class Negate(type(ad.Negate)):
    kept = {}

    def compute(self, node, inputs):
        a = inputs[0]
        return torch.neg(a, out=self.kept.setdefault((a.shape, a.dtype), torch.empty_like(a)))
""",
        ["compute"],
        "both results lie in one array",
    ),
    "an exponent of 0": ("PowerScalar", rule("PowerScalar", "[output_grad * (node.scalar * a ** (node.scalar - 1))]"), ["gradient"], "nan"),
    "truth of a tensor": (
        "backward",
        "@method\ndef backward(self, out_grad=None, create_graph=False):\n"
        "    if not self.requires_grad:\n        raise ValueError('no gradient')\n"
        "    if out_grad is not None and out_grad.shape != self.shape:\n        raise ValueError('another shape')\n"
        "    out_grad = out_grad if out_grad is not None and (out_grad.shape or out_grad) else ad.ones_like(self.detach())\n"
        "    compute_gradient_of_variables(self, out_grad, create_graph)\n",
        ["with out_grad"],
        "",
    ),
}


@pytest.mark.parametrize("what", DEFECTS)
def test_what_has_shipped_elsewhere_is_seen_in_public_and_in_secret(what, written):
    exercise, cell, parts, said = DEFECTS[what]
    run(cell, written)
    for seed in SEEDS:
        verdict, _ = judged(questions_of(UNIT, seed)[exercise], probe.answers)  # what is said without the hint of a known mistake
        assert sorted(failing(verdict)) == sorted(parts)
        shown = text(verdict, questions_of(UNIT, seed)[exercise])
        assert said in shown
        assert html(verdict, questions_of(UNIT, seed)[exercise])


EPOCH = """
@exercise
def nn_epoch(X, y, W1, W2, lr=0.1, batch=100):
    given = W1, W2
    W1, W2 = Tensor(W1), Tensor(W2)
    for start in range(0, len(X), batch):
        x = Tensor(X[start:start + batch], dtype=W1.dtype, requires_grad=False)
        hot = torch.eye(W2.shape[1], dtype=W2.dtype)[torch.as_tensor(y[start:start + batch])]
        softmax_loss(ad.ReLU(x @ W1) @ W2, Tensor(hot, requires_grad=False)).backward()
        W1, W2 = (Tensor(W.data - lr * W.grad) for W in (W1, W2))
    return W1, W2
"""
EPOCHS = {  # what is wrong -> (text of the above, what stands there instead), the parts that fail
    "nothing": ("", "", []),
    "the last batch is left out": ("range(0, len(X), batch)", "range(0, len(X) - batch + 1, batch)", ["batches"]),
    "the last batch counts as a whole one": ("lr * W.grad", "lr * W.grad * (x.shape[0] / min(batch, len(X)))", ["batches"]),
    "classes from the labels at hand": ("torch.eye(W2.shape[1], ", "torch.eye(int(max(y)) + 1, ", ["batches"]),
    "weights that cannot be trained": ("return W1, W2", "return W1.detach(), W2.detach()", ["nothing spoiled"]),
    "the caller's weights": ("return W1, W2", "given[0].data, given[1].data = W1, W2\n    return W1, W2", ["nothing spoiled"]),
    "a graph that grows": ("Tensor(W.data - lr * W.grad)", "W - lr * W.grad", ["nothing spoiled"]),
    "up, and not down": ("W.data - lr", "W.data + lr", ["update"]),
}


@pytest.mark.parametrize("what", EPOCHS)
def test_an_epoch_loses_the_part_that_a_mistake_is_about(what, written):
    old, new, parts = EPOCHS[what]
    assert old in EPOCH
    run(EPOCH.replace(old, new), written)
    assert [failing(verdict_on("nn_epoch", seed)) for seed in SEEDS] == [parts] * len(SEEDS)


# --- right answers

LEGAL = {
    "an order by levels, as a tuple": ("find_topo_sort", KAHN),
    "a slope of 1 at the kink": ("ReLU", rule("ReLU", "(output_grad * (1 - ad.greater(ad.zeros_like(a), a)),)")),
    "a slope of a half at the kink": (
        "ReLU",
        rule("ReLU", "[output_grad * (ad.greater(a, -a) - ad.greater(-a, a) + 1) * 0.5]"),
    ),
    "shapes read off, axes made positive": (
        "Summation",
        NEEDLE_SUM.replace("AXES", EVERY_AXIS),
    ),
    "ones of the right shape and dtype": (
        "Exp",
        rule("Exp", "[output_grad * node * Tensor.make_const(ones)]", "ones = torch.ones(a.shape, dtype=a.dtype)"),
    ),
    "sums over what the shapes tell": (
        "MatMul",
        rule(
            "MatMul",
            "[fit(output_grad @ b.T, a.shape), fit(a.T @ output_grad, b.shape)]",
            "b = node.inputs[1]; fit = lambda t, s: t.sum(tuple(i for i in range(t.ndim) if i < t.ndim - len(s) "
            "or s[i - t.ndim + len(s)] != t.shape[i])).reshape(s) if t.shape != s else t",
        ),
    ),
    "contributions added as they come": ("compute_gradient_of_variables", GRADIENTS.replace("SUM", ANEW)),
    "a loss without constants": (
        "softmax_loss",
        """
@exercise
def softmax_loss(Z, y_one_hot):
    n, c = Z.shape
    largest = Tensor(Z.numpy().max(1, keepdims=True), dtype=Z.dtype, requires_grad=False).broadcast_to(n, c)
    sums = ad.Exp(Z - largest).sum(axes=1).reshape(n, 1)
    logarithms = (Z - largest) - ad.Log(sums).broadcast_to((n, c))
    return -(y_one_hot * logarithms).sum() / n
""",
    ),
}


@pytest.mark.parametrize("what", LEGAL)
def test_what_is_right_in_another_way_loses_nothing(what, written):
    exercise, cell = LEGAL[what]
    run(cell, written)
    for seed in SEEDS:
        verdict = verdict_on(exercise, seed)
        assert verdict.reason == "passed", text(verdict, questions_of(UNIT, seed)[exercise])


def test_needle_may_count_both_sides_of_a_step(written):
    """A check of gradients may move entries by more or less, and keep its own copies or put numbers back exactly."""
    run(
        '''
@exercise
def gradient_check(f, *args, tol=1e-6, backward=False):
    """Moves the caller's own numbers, and puts them back from a copy."""
    fresh = [Tensor(one) for one in args]
    out = f(*fresh)
    w = Tensor(np.random.default_rng(3).uniform(0.5, 1.5, out.shape), dtype="float64", requires_grad=False)
    if backward:
        out.backward(w)
        grads = [one.grad.numpy() for one in fresh]
    else:
        grads = [one.numpy() for one in out.op.gradient(out, w)]
    for one, grad in zip(args, grads):
        kept, flat = one.cached_data.clone(), np.zeros(grad.size)
        for place in range(grad.size):
            found = []
            for step in (3e-5, -3e-5):
                one.cached_data.view(-1)[place] += step
                found.append(float((f(*args).value() * w.value()).sum()))
                one.cached_data.copy_(kept)
            flat[place] = (found[0] - found[1]) / 6e-5
        worst = np.abs(flat.reshape(grad.shape) - grad).max()
        assert worst <= tol * max(1, np.abs(flat).max())
    return tuple(grads)
''',
        written,
    )
    verdict = verdict_on("gradient_check")
    assert verdict.reason == "passed", text(verdict, questions_of(UNIT)["gradient_check"])


# --- the probe's engine


def test_the_probes_engine_differentiates_as_torch_does_and_leaves_no_history(solved):
    with engine(f"{UNIT}.nn_epoch"):
        x, w = leaf(np.arange(6.0).reshape(2, 3)), leaf(np.ones((3, 2)))
        y = ad.ReLU(x @ w).sum(axes=0) * 2.0
        y.backward()
    assert torch.equal(w.grad.cached_data, 2 * torch.tensor([[3.0, 3.0], [5.0, 5.0], [7.0, 7.0]], dtype=torch.float64))
    assert w.grad.inputs == () == x.grad.inputs
    assert torch.equal(values_from([y])[y], y.cached_data)


def test_right_rules_are_right_and_wrong_ones_wrong():
    """What is planted for a check of gradients, beside torch."""
    question = checking.gradient_check_question(1)
    for part, right in zip(question.parts[:2], (True, False), strict=True):
        for case in part.cases:
            inputs = [torch.tensor(array) for array in case.arrays]
            above = torch.linspace(0.5, 1.5, checking_size(case)).reshape(checking_shape(case)).double()
            given = torch.ones_like(above) if case.wrong == "without out_grad" else above
            grads = checking.WRONG[case.wrong](checking.true_slopes(case.rule, inputs, given))
            true = checking.true_slopes(case.rule, inputs, above)
            error = max(float((a - b).abs().max()) / max(1.0, float(b.abs().max())) for a, b in zip(grads, true, strict=True))
            assert (error <= case.tol) == (right or not case.wrong), case.name


def checking_shape(case):
    from autodiff_lib.units.eager_tensor.probe import RULES

    return RULES[case.rule](*map(torch.tensor, case.arrays)).shape


def checking_size(case):
    return max(1, int(np.prod(checking_shape(case))))


def test_an_epoch_by_torch_is_what_plain_loops_do():
    case = training.epoch_question(1).parts[1].cases[1]
    x, y, w1, w2 = (torch.tensor(array) for array in case.arrays)
    for start in range(0, len(x), case.batch):
        rows = slice(start, start + case.batch)
        hidden = (x[rows] @ w1).clamp(min=0)
        share = torch.softmax(hidden @ w2, 1) - torch.eye(w2.shape[1], dtype=w2.dtype)[y[rows]]
        share /= len(x[rows])
        to_1, to_2 = x[rows].T @ (share @ w2.T * (hidden > 0)), hidden.T @ share
        w1, w2 = w1 - case.lr * to_1, w2 - case.lr * to_2
    assert np.allclose(case.wanted[0], w1, atol=1e-12)
    assert np.allclose(case.wanted[1], w2, atol=1e-12)


def test_a_case_with_other_numbers_is_another_case_of_the_same_kind():
    for part in (questions_of(UNIT)["ReLU"].parts[1], questions_of(UNIT)["EWisePow"].parts[1]):
        for case in part.cases:
            other = case.elsewhere
            assert (other.shapes, other.kinds, other.dtype) == (case.shapes, case.kinds, case.dtype)
            if not set(case.kinds) <= {"zeros", "ties"}:
                assert not any(np.array_equal(a, b) for a, b in zip(case.inputs.values(), other.inputs.values(), strict=True))


# --- one table of operators, three front ends


def programs():
    """Random programs of operators that fit together, as functions of three arguments."""
    unary = ["Negate", "Exp", "ReLU", "Transpose"]
    for seed in range(12):
        rng = np.random.default_rng(seed)
        words = [
            (str(rng.choice(unary)), str(rng.choice(["EWiseAdd", "EWiseMul", "MatMul", "EWiseDiv"])), int(rng.integers(3)))
            for _ in range(5)
        ]

        def program(x, y, z, words=words):
            known = [x, y, z]
            for one, two, place in words:
                a = ad.MulScalar(getattr(ad, one)(known[place]), scalar=0.3)
                b = ad.AddScalar(ad.EWiseMul(known[-1], known[-1]), scalar=1.5) if two == "EWiseDiv" else known[-1]
                known.append(ad.MulScalar(getattr(ad, two)(a, b), scalar=0.5))
            return ad.Summation(ad.PowerScalar(known[-1], scalar=2), axes=None)

        yield program


@pytest.mark.parametrize("number", range(12))
def test_the_same_program_declared_eager_and_lazy_comes_to_the_same(number, solved):
    program = [*programs()][number]
    arrays = [np.random.default_rng(number).standard_normal((3, 3)) for _ in range(3)]
    nodes = [ad.Variable(name) for name in "xyz"]
    value = program(*nodes)
    declared = ad.Evaluator([value, *ad.gradients(value, nodes)]).run(dict(zip(nodes, map(torch.tensor, arrays), strict=True)))

    def as_tensors():
        tensors = [Tensor(array) for array in arrays]
        found = program(*tensors)
        assert (found.cached_data is None) == waits
        found.backward()
        return [found.value(), *(tensor.grad.value() if tensor.grad is not None else torch.zeros(3, 3) for tensor in tensors)]

    for waits in (False, True):
        with lazy(waits):
            for got, want in zip(as_tensors(), declared, strict=True):
                assert torch.allclose(got.double(), want, rtol=1e-10, atol=1e-12)


def test_the_solution_leaves_no_tensors_behind_over_many_steps(solved):
    """No collector runs: references alone decide."""
    w, counts = Tensor(np.ones((3, 2))), []
    x = Tensor(np.ones((4, 3)), requires_grad=False)
    with living() as alive:
        for _ in range(5):
            loss = ad.Summation(ad.PowerScalar(ad.Exp(x @ w), scalar=2))
            loss.backward()
            w = Tensor(w.data - 1e-6 * w.grad)
            counts.append(len(alive))
    assert len(set(counts[1:])) == 1


def test_gradients_of_a_gradient_go_on(solved):
    x = Tensor(np.array([1.5, -0.5]))
    y = ad.Summation(ad.PowerScalar(x, scalar=4))
    for power, factor in ((3, 4), (2, 12), (1, 24)):
        y.backward(create_graph=True)
        assert np.allclose(x.grad.numpy(), factor * np.array([1.5, -0.5]) ** power)
        y = ad.Summation(x.grad)


def test_a_question_is_not_looked_at_again_where_the_answer_is_the_same(solved):
    question = questions_of(UNIT)["Negate"]
    part = replace(question.parts[1])
    checks.verdict(replace(question, parts=(part,)))
    assert len(part.passed) == len(part.cases)
