"""The unit's exercises on how tensors come about, on checking gradients and on training, asked on an engine of the probe's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor as Values

from ...checks.probe import WrongKindError, missing_return
from ...checks.question import Answer, Ask
from ...eager import Tensor, lazy, living
from ...garbage import no_collector
from ...graph import Node, Op, Signature
from ...kinds.evaluator.watch import computations, shallow_stack
from ...kinds.tensor.probe import spoiled, tensors_of, to_answer
from ...kinds.tensor.sharing import changed, is_overwritten, overwritten, tied
from ...kinds.tensor.watch import PassingOp, chain_of, engine, leaf, pulled, pulled_back, realized, waiting
from ...registry import table
from .unit import UNIT

# --- how tensors are made, get their values, and are cut off


class WeightedOp(Op):
    """factor * a + b, by the probe itself, who counts how often."""

    signature = Signature("weighted", ("a", "b"), {"factor": 1.0})

    def __init__(self) -> None:
        self.computed = 0

    def compute(self, node: Node, inputs: list[Values]) -> Values:
        self.computed += 1
        return node.factor * inputs[0] + inputs[1]


def make(ask: Ask) -> Answer:
    """A tensor that `make_from_op` makes of an operator of the probe's: how it looks, when its value is computed, and the value."""
    settings, op = ask.settings, WeightedOp()
    kind = type("Kind", (Tensor,), {"__slots__": ()}) if settings["subclass"] else Tensor
    with engine(UNIT.entry("make_from_op")):
        inputs = [leaf(array, flag) for array, flag in zip(ask.arrays, settings["requires"], strict=True)]
        arrays = [*map(realized, inputs)]
        if settings["subclass"]:
            for one in inputs:
                one.__class__ = kind
        with lazy(settings["lazy"]):
            found = op(*inputs, factor=settings["factor"])
            if not isinstance(found, Tensor):
                raise WrongKindError(f"make_from_op must return a tensor, got {missing_return(found)}")
            at_once, there = op.computed, found.cached_data is not None
            facts: dict[str, Any] = {
                "kind": type(found) is kind,
                "op": found.op is op,
                "inputs": [next((place for place, one in enumerate(inputs) if one is operand), -1) for operand in found.inputs],
                "attrs": dict(found.attrs) == {"factor": settings["factor"]},
                "requires": found.requires_grad is True,
                "there": there,
            }
            value = realized(found)
        facts["computed"] = [at_once, op.computed]
    answer = (as_array(value),)
    facts["spoiled"] = changed(arrays, ask.arrays)
    with overwritten([value]):
        facts["shared"] = changed(arrays, ask.arrays)
    return Answer(answer, facts=facts)


def realize(ask: Ask) -> Answer:
    """The values of tensors that have none yet, asked for one after the other, and which of them each computed."""
    settings, entry = ask.settings, UNIT.entry("realize_cached_data")
    if settings["chain"]:
        return realize_chain(ask.arrays[0], settings["chain"])
    with engine(entry, make_from_op=classmethod(waiting)):
        count = len(settings["names"])
        leaves, nodes, outputs = tensors_of(ask, ask.arrays[:count])
        place = {id(node): position for position, node in enumerate(nodes)}
        for position, value in zip(settings["known"], ask.arrays[count:], strict=True):
            nodes[position].cached_data = torch.tensor(value)
            leaves.append(nodes[position])
        given = [*map(realized, leaves)]
        values, rounds = [], []
        with computations(nodes) as log, shallow_stack():
            for output in outputs:
                values.append(output.realize_cached_data())
                rounds.append([place[id(node)] for node in log.computed])
                log.restart()
        kept = [output.cached_data is value for output, value in zip(outputs, values, strict=True)]
    answer = tuple(map(as_array, values))
    spoiled = [place[id(leaves[number])] for number in changed(given, ask.arrays)]
    there = [node for node in nodes if isinstance(node.cached_data, Values)]
    shared = [place[id(there[number])] for number in tied([node.cached_data for node in there])]
    return Answer(answer, facts={"rounds": rounds, "kept": kept, "spoiled": spoiled, "shared": shared})


def realize_chain(start: np.ndarray, length: int) -> Answer:
    """The value at the end of a chain that is long, and how often its operator was at work."""
    with no_collector(), engine(UNIT.entry("realize_cached_data")):
        nodes = chain_of(leaf(start), length, with_values=False)
        with shallow_stack():
            value = nodes[-1].realize_cached_data()
        op = nodes[-1].op
        assert isinstance(op, PassingOp)
        return Answer(
            (as_array(value),), facts={"rounds": [[op.computed]], "kept": [nodes[-1].cached_data is value], "spoiled": [], "shared": []}
        )


def detach(ask: Ask) -> Answer:
    """What `detach` returns for a tensor in the middle of a graph, with or without a value; and what became of that tensor."""
    with engine(UNIT.entry("detach"), **({"make_from_op": classmethod(waiting)} if ask.settings["waiting"] else {})):
        inputs = [leaf(array) for array in ask.arrays]
        node = cast(Tensor, WeightedOp()(*inputs, factor=ask.settings["factor"]))
        found: Any = node.detach()
        if not isinstance(found, Tensor):
            raise WrongKindError(f"detach must return a tensor, got {missing_return(found)}")
        facts = {
            "new": found is not node,
            "free": not found.inputs,
            "requires": found.requires_grad is True,
            "untouched": node.requires_grad is True and [*map(id, node.inputs)] == [*map(id, inputs)],
        }
        value = found.cached_data
    if not isinstance(value, Values):
        raise WrongKindError(f"the tensor that detach returns must have its numbers as cached_data, got {missing_return(value)}")
    answer = as_array(value)
    with overwritten([realized(node)]):
        return Answer((answer,), facts={**facts, "same": is_overwritten(value)})


def as_array(value: Any) -> np.ndarray:
    if not isinstance(value, Values):
        raise WrongKindError(f"the value of a tensor must be a torch tensor, got {missing_return(value)}")
    return value.detach().numpy().copy()


# --- a check of gradients

RULES: dict[str, Callable[..., Values]] = {
    "square": lambda a: a * a,
    "product": lambda a, b: a * b,
    "matrix product": lambda a, b: a @ b,
    "sums of exponentials": lambda a: a.exp().sum(0),
    "steep": lambda a: 1e6 * a,
}
"""Functions whose gradients are checked, by their names."""


def true_slopes(rule: str, inputs: Sequence[Values], from_above: Values) -> list[Values]:
    """The gradients of <value, from_above> with respect to the inputs."""
    again = [one.detach().clone().requires_grad_() for one in inputs]
    with torch.enable_grad():
        return [cast(Values, slope) for slope in pulled(RULES[rule](*again), again, from_above)]


def with_entries_off(*errors: float) -> Callable[[list[Values]], list[Values]]:
    """Errors in the last entries of the last gradient."""

    def spoilt(grads: list[Values]) -> list[Values]:
        *others, last = grads
        off = last.clone()
        off.view(-1)[-len(errors) :] += torch.tensor(errors, dtype=off.dtype)
        return [*others, off]

    return spoilt


WRONG: dict[str, Callable[[list[Values]], list[Values]]] = {
    "": lambda grads: grads,
    "twice as large": lambda grads: [2 * grad for grad in grads],
    "of the other sign": lambda grads: [-grad for grad in grads],
    "zero": lambda grads: [0 * grad for grad in grads],
    "wrong in one entry": with_entries_off(0.01),
    "too small in one entry": with_entries_off(-0.01),
    "right in its sum alone": with_entries_off(-0.01, 0.01),
    "off by a ten thousandth": lambda grads: [1.0001 * grad for grad in grads],
    "exchanged": lambda grads: grads[::-1],
    "without out_grad": lambda grads: grads,
}
"""How a rule may be wrong -> what it makes of the right gradients. The last one is right for an out_grad of ones."""


class FollowedFunction(torch.autograd.Function):
    """A planted operator for torch, with the planted rule as its derivative."""

    @staticmethod
    def forward(ctx: Any, op: PlantedOp, *inputs: Values) -> Values:
        ctx.op = op
        ctx.save_for_backward(*inputs)
        return op.function(*inputs)

    @staticmethod
    def backward(ctx: Any, from_above: Values) -> tuple[Any, ...]:  # type: ignore[override]
        return None, *ctx.op.slopes(ctx.saved_tensors, from_above)


class PlantedOp(Op):
    """An operator with a rule that is right, or wrong. Nothing in it says which: that is what a student's check has to find out."""

    def __init__(self, rule: str, wrong: str) -> None:
        self.function = RULES[rule]
        operands = ("a", "b")[: self.function.__code__.co_argcount]
        self.signature = Signature(f"the probe's {rule}", operands, {})
        self.from_above: np.ndarray | None = None  # what the rule was last handed

        def planted(inputs: Sequence[Values], from_above: Values) -> list[Values]:
            used = torch.ones_like(from_above) if wrong == "without out_grad" else from_above
            return WRONG[wrong](true_slopes(rule, inputs, used))

        self.planted = planted

    def compute(self, node: Node, inputs: list[Values]) -> Values:
        return FollowedFunction.apply(self, *inputs)

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        values = [realized(one) for one in node.inputs if isinstance(one, Tensor)]
        assert isinstance(output_grad, Tensor)
        return [Tensor.make_const(slope) for slope in self.slopes(values, realized(output_grad))]

    def slopes(self, inputs: Sequence[Values], from_above: Values) -> list[Values]:
        self.from_above = from_above.detach().numpy().copy()
        return self.planted(inputs, from_above)


def gradient_check(ask: Ask) -> Answer:
    """What `gradient_check` says of a function whose rule is right, or wrong in a way that the probe knows."""
    settings = ask.settings
    op = PlantedOp(settings["rule"], settings["wrong"])
    given = [leaf(array) for array in ask.arrays]
    grads_before = [leaf(np.zeros_like(array), False) for array in ask.arrays]
    for one, grad in zip(given, grads_before, strict=True):
        one.grad = grad
    tried: list[list[np.ndarray]] = []

    def f(*args: Any) -> Any:
        tried.append([as_array(realized(one)) for one in args])
        out = op(*args)
        return out * 2.0 + 1.0 if settings["inside"] else out

    with engine(UNIT.entry("gradient_check")):
        refused, returned = "", None
        try:
            returned = table[UNIT.entry("gradient_check")](f, *given, tol=settings["tol"], backward=settings["backward"])
        except AssertionError:
            refused = "AssertionError"
    touched = spoiled({f"argument {place}": one for place, one in enumerate(given)}, ask.arrays)
    kept = zip(given, grads_before, strict=True)
    touched += [f"the grad of argument {place}" for place, (one, grad) in enumerate(kept) if one.grad is not grad or realized(grad).any()]
    moves = [moved(place, array, tried) for place, array in enumerate(ask.arrays)]
    grads = [np.zeros(array.shape) for array in ask.arrays]
    if not refused:
        grads = listed_grads(returned, len(given))
    weight = np.zeros(()) if op.from_above is None else op.from_above
    return Answer((*grads, weight, *moves), facts={"refused": refused, "spoiled": touched})


def moved(place: int, array: np.ndarray, tried: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """By how much each entry of an argument was moved at most."""
    moves = [np.abs(given[place] - array) for given in tried if len(given) > place and given[place].shape == array.shape]
    return np.asarray(np.max(moves or [np.zeros(array.shape)], axis=0))


def listed_grads(returned: Any, count: int) -> list[np.ndarray]:
    if not isinstance(returned, list | tuple) or len(returned) != count:
        raise WrongKindError(f"gradient_check must return a list with one array for each argument, got {missing_return(returned)}")
    found = []
    for grad in returned:
        if not isinstance(grad, np.ndarray | np.generic):
            raise WrongKindError(f"gradient_check must return NumPy arrays, got {missing_return(grad)}")
        found.append(np.array(grad))
    return found


# --- training


def loss(ask: Ask) -> Answer:
    """The graphs that `softmax_loss` builds on logits as they are, and far away; the leaves are Z, y, and the other Z."""
    function, is_lazy = ask.settings["function"], ask.settings["waiting"]
    with engine(function, **({"make_from_op": classmethod(waiting)} if is_lazy else {})):
        logits, labels, far = leaf(ask.arrays[0]), leaf(ask.arrays[1], False), leaf(ask.arrays[2])
        if is_lazy:
            logits, far = (cast(Tensor, PassingOp()(one)) for one in (logits, far))
        built = []
        for given in (logits, far):
            built.append(table[function](given, labels))
            if not isinstance(built[-1], Tensor):
                raise WrongKindError(f"softmax_loss must return a Tensor, got {missing_return(built[-1])}")
    touched = spoiled({"Z": logits, "y_one_hot": labels, "the other Z": far}, ask.arrays)
    return to_answer(built, [logits, labels, far], {"spoiled": touched})


def epoch(ask: Ask) -> Answer:
    """The weights after an epoch, after a call for each of its batches by itself, and after the first of these; and what is left."""
    settings, function = ask.settings, ask.settings["function"]
    wrap: Callable[[np.ndarray], Any] = torch.tensor if settings["tensors"] else np.array
    given: dict[str, Any] = {"X": wrap(ask.arrays[0]), "y": wrap(ask.arrays[1])}
    weights = {"W1": leaf(ask.arrays[2]), "W2": leaf(ask.arrays[3])}
    arrays = {**{name: torch.as_tensor(one) for name, one in given.items()}, **{name: realized(one) for name, one in weights.items()}}
    alive: list[int] = []

    def called(X: Any, y: Any, now: Sequence[Tensor], batch: int) -> tuple[Tensor, Tensor]:
        returned = table[function](X, y, *now, lr=settings["lr"], batch=batch)
        if not isinstance(returned, tuple | list) or len(returned) != 2 or not all(isinstance(one, Tensor) for one in returned):
            raise WrongKindError(f"nn_epoch must return two tensors, W1 and W2, got {missing_return(returned)}")
        return returned[0], returned[1]

    with living() as made:

        def counted(self: Tensor, out_grad: Tensor | None = None, create_graph: bool = False) -> None:
            pulled_back(self, out_grad, create_graph)
            alive.append(len(made))

        with engine(function, backward=counted):
            whole = called(given["X"], given["y"], list(weights.values()), settings["batch"])
            steps = list(alive)
            facts = {"trainable": [one.requires_grad is True for one in whole], "history": [bool(one.inputs) for one in whole]}
            after_each = [tuple(ask.arrays[2:])]
            for rows in settings["batches"]:
                returned = called(wrap(ask.arrays[0][rows]), wrap(ask.arrays[1][rows]), [*map(leaf, after_each[-1])], len(rows))
                after_each.append(tuple(as_array(realized(one)) for one in returned))
    touched = [[*arrays][place] for place in changed(arrays.values(), ask.arrays)]
    touched += [name for name in spoiled(weights, ask.arrays[2:]) if name not in touched]
    values = (*(as_array(realized(one)) for one in whole), *after_each[-1], *after_each[1])
    with overwritten(arrays.values()):
        shared = changed([*map(realized, whole)], values[:2])
    return Answer(values, facts={**facts, "spoiled": touched, "shared": shared, "alive": steps})
