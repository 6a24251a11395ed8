"""How an operator's `compute` and `gradient` are asked and judged.

`compute` answers with arrays. `gradient` answers with a graph, which the judge evaluates with the
reference's operators: a mistake in one operator costs no points in another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...checks.compare import TOLERANCE, agree, vanishes
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_list_of
from ...checks.question import Answer, Ask, Beside, Failure, all_numbers, pictured
from ...checks.values import Shape, described, draw, generator
from ...graph_data import Forward, GraphError, evaluate_untrusted, outputs_of
from ...registry import table
from .. import reference
from ..beside import beside
from ..steps import ends_at_a_step, followed


def beside_compute(case: ComputeCase, answer: Answer) -> Beside | None:
    """The step at which a wrong value ends, where it has the value of one."""
    steps_of = reference.steps().get(case.operator)
    if steps_of is None or not answer.arrays:
        return None
    operands = [torch.tensor(array, dtype=torch.float64) for array in case.inputs.values()]
    steps = followed(steps_of(*operands, **case.attributes()))
    return ends_at_a_step(answer.arrays[0], steps, list(case.inputs.values()), case.dtype)


def beside_gradient(case: GradientCase, answer: Answer) -> Beside | None:
    """How far the first gradient that is wrong goes with the formula."""
    names = [*table[case.operator].signature.operands, "output_grad"]
    leaves = [leaf.detach() for leaf in case.truth.leaves]
    for steps_of, output in zip(reference.gradient_steps().get(case.operator, ()), answer.graph["outputs"], strict=False):
        steps = partial(steps_of, **case.attributes())
        found = beside(answer.graph | {"outputs": [output]}, names, leaves, steps, case.forward(answer))
        if found is not None and not case.repeated:
            return found
    return None


COMPUTE = Form(
    "kinds.operator.probe:compute",
    arrays=lambda case: 2,
    facts={"changed": lambda value, case: is_list_of(str, value)},
    beside=beside_compute,
)
GRADIENT = Form("kinds.operator.probe:gradient", outputs=lambda case: len(case.shapes), outputs_of=outputs_of, beside=beside_gradient)
FROM_ABOVE = "factors"  # what kind of whole numbers output_grad holds on paper: ones would hide that it is forgotten
MAX_NODES = 1000  # of the graph of a gradient; a rule takes some dozens
AGAIN = 1000  # units in the last place by which a value may differ when it is computed again: libraries add up in another order
SCALES = (1e-8, 1e8)  # sizes of output_grad: a gradient is linear in it, and a difference quotient with a fixed step is not
SHAKE = 1e-9  # relative errors that are put into the operators of a gradient, to see how large they get
OWN_SHAKE = 8 * SHAKE  # into the exercise's own operator, wherever it stands on something else than its operands
MOST_SHAKEN = 100 * SHAKE  # relative error that may come of it: formulas make about 20 of it, difference quotients thousands


@dataclass(frozen=True)
class OperatorCase:
    """An operator with attributes, on operands of given shapes and kinds of values."""

    operator: str
    shapes: tuple[Shape, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    dtype: str = "float64"
    seed: str = "public"
    hidden: bool = False
    by_columns: bool = False  # whether the operands lie in memory column by column, as a transpose leaves them
    repeated: bool = False  # whether all operands are one and the same node, as in x / x
    on_paper: tuple[str, ...] = ()  # kinds of small whole numbers to calculate with by hand, in the place of `kinds` where all may see them

    @cached_property
    def name(self) -> str:
        order = ", stored column by column" if self.by_columns else ""
        same = ", one operand twice" if self.repeated else ""
        return f"{described(self.shapes, self.attrs, self.kinds)}{order}{same}, {self.dtype}"

    @property
    def size(self) -> int:
        return sum(int(np.prod(shape)) for shape in self.shapes)

    @cached_property
    def inputs(self) -> dict[str, np.ndarray]:
        """The operands' values, by the operand's name; nobody may write to them."""
        rng = generator(self.seed, self.operator, self.name)
        kinds = self.kinds or ("normal",) * len(self.shapes)
        if self.on_paper and not self.hidden:
            kinds = self.on_paper
        arrays = [draw(kind, shape, rng).astype(self.dtype) for kind, shape in zip(kinds, self.shapes, strict=True)]
        if self.by_columns:  # npy files and torch.tensor keep this order, so it reaches the student's compute
            arrays = [np.asfortranarray(array) for array in arrays]
        if self.repeated:
            arrays = arrays[:1] * len(arrays)
        for array in arrays:
            array.flags.writeable = False
        return dict(zip(table[self.operator].signature.operands, arrays, strict=True))

    def attributes(self) -> dict[str, Any]:
        """All attributes, defaults included."""
        signature = table[self.operator].signature
        return {**signature.attrs, **self.attrs}

    def settings(self) -> dict[str, Any]:
        return {"operator": self.operator, "attrs": self.attrs, **({"repeated": True} if self.repeated else {})}

    def features(self) -> dict[str, Any]:
        ranks = " and ".join(str(len(shape)) for shape in self.shapes)
        attrs = self.attributes()
        if isinstance(dim := attrs.get("dim"), int):
            attrs["dim"] = dim - len(self.shapes[0]) if dim >= 0 else dim  # counted from the end, ranks compare
        storage = "column by column" if self.by_columns else "row by row"
        sizes = "equal" if len({size for shape in self.shapes for size in shape}) == 1 and max(map(len, self.shapes)) > 1 else "different"
        operands = "one node twice" if self.repeated else "nodes of their own"
        return {**attrs, "rank": ranks, "dtype": self.dtype, "storage": storage, "operands": operands, "sizes": sizes}


@dataclass(frozen=True)
class ComputeCase(OperatorCase):
    form: ClassVar[Form] = COMPUTE

    def ask(self) -> Ask:
        return Ask(self.form.probe, self.settings(), tuple(self.inputs.values()))

    @cached_property
    def expected(self) -> np.ndarray:
        operands = [torch.tensor(array, dtype=torch.float64) for array in self.inputs.values()]
        return reference.apply(self.operator, operands, self.attributes()).numpy()


@dataclass(frozen=True)
class GradientCase(OperatorCase):
    form: ClassVar[Form] = GRADIENT
    closely: bool = False  # whether it is looked at whether the gradient is a formula, and no difference quotient
    kinked: bool = False  # whether the operator has a kink where its operand is zero, with a slope from 0 to 1

    def ask(self) -> Ask:
        return Ask(self.form.probe, self.settings())

    def forward(self, answer: Answer) -> Forward:
        """The operators that the graph of an answer may be made of."""
        return reference.forward()

    @cached_property
    def truth(self) -> Truth:
        """The same for every submission, so found once."""
        operands = [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in self.inputs.values()]
        output = reference.apply(self.operator, operands, self.attributes())
        rng = generator(self.seed, self.operator, self.name, "cotangents")
        output_grad, *directions = (torch.tensor(rng.standard_normal(tensor.shape)) for tensor in (output, *operands))
        if self.on_paper and not self.hidden:
            output_grad = torch.tensor(draw(FROM_ABOVE, tuple(output.shape), rng))
        output_grad.requires_grad_()
        grads = reference.vjp(output, operands, output_grad)
        leaves = [*operands, output_grad]
        second = reference.pull_back(grads, leaves, directions)
        if self.repeated:  # the graph of the answer reads one leaf, the last of the operands, for all of them
            second = [*map(torch.zeros_like, operands[:-1]), torch.stack(second[:-1]).sum(0), second[-1]]
        return Truth(leaves, directions, grads, second)


@dataclass(frozen=True)
class Truth:
    """What the graph of a gradient must come to, and what its own derivatives must."""

    leaves: list[Tensor]  # the operands, then output_grad
    directions: list[Tensor]  # in which second derivatives are taken, one for each operand
    grads: list[Tensor]
    second: list[Tensor]  # derivatives of <grads, directions> with respect to the leaves


def judge_compute(case: ComputeCase, answer: Answer) -> Failure | None:
    expected, inputs = case.expected, case.inputs
    got, again = answer.arrays

    def failure(message: str, hint: str = "") -> Failure:
        return Failure(case.name, "wrong", message, hint, got, expected, inputs)

    if not agree(got, expected, case.dtype):
        return failure("compute returns a wrong value.", diagnose(got, expected, case.dtype))
    if got.dtype != case.dtype:
        return failure(f"compute returns {got.dtype} for {case.dtype} inputs.", "The result keeps the dtype of its input.")
    if answer.facts["changed"]:
        names = " and ".join(answer.facts["changed"])
        return failure(f"compute changed its input {names}.", "Values are shared between nodes: compute makes a new tensor.")
    if not agree(again, got, case.dtype, AGAIN * float(np.finfo(case.dtype).eps)):
        return failure("compute gives another value when it is called again.", "It may depend on its inputs alone.")
    return None


def judge_gradient(case: GradientCase, answer: Answer) -> Failure | None:
    inputs, truth, forward = case.inputs, case.truth, case.forward(answer)
    names, expected = list(inputs), truth.grads
    *operands, output_grad = truth.leaves

    def failure(message: str, hint: str = "", got: Tensor | np.ndarray | None = None, want: Tensor | None = None) -> Failure:
        shown = {**inputs, "output_grad": output_grad.detach().numpy()}
        return Failure(case.name, "wrong", message, hint, pictured(got), pictured(want), shown)

    count = len(answer.graph["nodes"])
    if count > MAX_NODES:
        return failure(f"The graph of the gradient has {count} nodes; there may be {MAX_NODES}.", "A rule takes some dozens.")
    leaves_used = {node.get("leaf") for node in answer.graph["nodes"]}  # output_grad is the one after the operands
    vanishing = all(vanishes(grad.detach().numpy(), "float64") for grad in expected)  # zeros are zeros whatever it is
    lacks_upstream = len(operands) not in leaves_used and not vanishing
    try:
        grads = evaluate_untrusted(answer.graph, truth.leaves, forward)
    except GraphError as error:
        grads = list(error.inputs)
        if not lacks_upstream:
            hint = "Write its shape beside each node of your gradient: which two do not fit?" if grads else ""
            return failure(f"The graph of the gradient cannot be evaluated: {error}", hint, all_numbers(grads))
    if lacks_upstream:
        return failure("output_grad appears nowhere in the gradient.", "The chain rule multiplies by it.", all_numbers(grads))
    as_given = [grad.detach() for grad in grads]

    if case.kinked:
        grads = [legal_subgradient(operands[0], output_grad, grads[0], expected[0])]
    for name, grad, want in zip(names, grads, expected, strict=True):
        if not agree(grad.detach().numpy(), want.detach().numpy(), "float64"):
            return failure(
                f"The gradient with respect to {name} is wrong.",
                gradient_hint(grad, want, expected, output_grad) or diagnose(grad.detach().numpy(), want.detach().numpy(), "float64"),
                grad,
                want,
            )

    second = reference.pull_back(grads, truth.leaves, truth.directions)
    for name, got, want in zip([*names, "output_grad"], second, truth.second, strict=True):
        if not agree(got.detach().numpy(), want.detach().numpy(), "float64"):
            return failure(
                f"The gradient is right, but its own derivative with respect to {name} is not.",
                "Build the gradient from the nodes it depends on, so that it can be differentiated again.",
                got,
                want,
            )
    if case.closely and (problem := no_formula(case, answer.graph, as_given, forward)):
        return failure(*problem)
    return None


def no_formula(case: GradientCase, graph: dict[str, Any], grads: Sequence[Tensor], forward: Forward) -> tuple[str, str] | None:
    """What tells a difference quotient, which may be right to many digits, from a formula; a message and a hint."""
    *operands, output_grad = (leaf.detach() for leaf in case.truth.leaves)
    for scale in SCALES:
        scaled = evaluate_untrusted(graph, [*operands, scale * output_grad], forward)
        if not all(agree((got / scale).numpy(), grad.numpy(), "float64") for got, grad in zip(scaled, grads, strict=True)):
            message = f"The gradient is right, but not {scale:g} times as large where output_grad is."
            return message, "Every term of a gradient has output_grad as a factor, once."
    disturbed = evaluate_untrusted(graph, [*operands, output_grad], shaken(case, operands, forward))
    for got, grad in zip(disturbed, grads, strict=True):
        if not float((got - grad).abs().max()) <= MOST_SHAKEN * float(grad.abs().max()):
            message = "The gradient is right, but it is made of differences of nearly equal values, divided by a small number."
            return message, "A difference quotient is good for checking a gradient. Here the formula is asked for."
    return None


def shaken(case: GradientCase, operands: Sequence[Tensor], forward: Forward) -> Forward:
    """Operators with small errors in what they return; the exercise's own is exact on its own operands."""
    random = torch.Generator().manual_seed(int(generator(case.seed, case.operator, case.name, "errors").integers(2**31)))

    def with_errors(name: str, exact: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def apply(*inputs: Tensor, **attrs: Any) -> Tensor:
            value = exact(*inputs, **attrs)
            own = name == case.operator
            if own and len(inputs) == len(operands) and all(given is operand for given, operand in zip(inputs, operands, strict=True)):
                return value
            size = OWN_SHAKE if own else SHAKE
            return value * (1 + size * (2 * torch.rand(value.shape, generator=random, dtype=torch.float64) - 1))

        return apply

    return {name: with_errors(name, exact) for name, exact in forward.items()}


def legal_subgradient(a: Tensor, output_grad: Tensor, got: Tensor, want: Tensor) -> Tensor:
    """At a kink every slope from 0 to 1 is right: such entries of `got` are taken as wanted."""
    if got.shape != want.shape:
        return got
    zero, slack = torch.zeros_like(output_grad), TOLERANCE["float64"] * output_grad.abs()
    legal = (a == 0) & (torch.minimum(output_grad, zero) - slack <= got) & (got <= torch.maximum(output_grad, zero) + slack)
    return torch.where(legal, want, got)


def gradient_hint(grad: Tensor, want: Tensor, expected: list[Tensor], output_grad: Tensor) -> str:
    """What only a gradient can get wrong: the operands' gradients swapped, or made without what comes from above."""
    if any(other is not want and agree(grad.detach().numpy(), other.detach().numpy(), "float64") for other in expected):
        return "This is the other operand's gradient: are they in the order of the inputs?"
    mine, right = (depends(value, output_grad) for value in (grad, want))
    if right and not mine and grad.any():
        return "It stays the same whatever numbers output_grad holds. What does the chain rule multiply a slope with?"
    return ""


def depends(value: Tensor, leaf: Tensor) -> bool:
    """Whether a change of `leaf` would change `value`."""
    uneven = 1 + torch.arange(value.numel(), dtype=value.dtype).reshape(value.shape) ** 2  # many a Jacobian sends ones to zero
    return bool(reference.pull_back([value], [leaf], [uneven])[0].any())
