"""How graphs of tensors are judged that a student orders and differentiates: in any legal order, for all numbers, again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...checks.compare import agree
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_flag, is_list_of
from ...checks.question import Answer, Ask, Failure, plain
from ...checks.values import generator
from ...graph_data import GraphError, evaluate, evaluate_untrusted, outputs_of
from .. import reference
from ..evaluator.judge import GraphCase, failure, node_names
from .judge import with_constants

MAX_LISTED = 20  # nodes up to which a wrong order is written out


def are_places(value: Any, case: OrderCase) -> bool:
    return is_list_of(int, value) and (not value or (min(value) >= 0 and max(value) < case.count))


ORDER = Form("kinds.tensor.probe:order", facts={"order": are_places, "changed": is_flag, "same": is_flag})


@dataclass(frozen=True)
class OrderCase(GraphCase):
    """A graph of tensors to put in order; or a chain, which the probe makes by itself because it is long."""

    form: ClassVar[Form] = ORDER  # type: ignore[assignment]

    probe: str = "topological_order"  # so no position in the graph that is sent says what comes before what
    chain: int = 0  # its length

    @property
    def count(self) -> int:
        """The nodes of the graph."""
        return self.chain + 1 if self.chain else len(self.graph["nodes"])

    def ask(self) -> Ask:
        if self.chain:
            return Ask(self.form.probe, {**self.settings, "chain": self.chain})
        arrays = tuple(self.values().values())
        return Ask(self.form.probe, {**self.settings, "graph": self.sent, "names": list(self.names)}, arrays)


def judge_order(case: OrderCase, answer: Answer) -> Failure | None:
    """All that the outputs depend on, each once, inputs first."""
    graph, names = case.graph, node_names(case)
    order = [case.positions[place] for place in answer.facts["order"]]
    listed = np.asarray(order, np.float64)
    if len(set(order)) < len(order):
        twice, times = Counter(order).most_common(1)[0]
        hint = "What keeps a node that is in the list already from being listed again?"
        return failure(case, f"The node {names[twice]} is listed {times} times.", hint, listed)
    if absent := sorted(set(range(case.count)) - set(order)):
        message = f"{len(absent)} of {case.count} nodes are not listed, {names[absent[0]]} among them."
        return failure(case, message, "Outputs and leaves belong to the order.", listed)
    place = {position: index for index, position in enumerate(order)}
    for position in order:
        for operand in graph["nodes"][position].get("inputs", ()):
            if place[operand] > place[position]:
                message = f"{names[position]} stands before its input {names[operand]}."
                if case.count <= MAX_LISTED:
                    message += f" Your order: {', '.join(names[one] for one in order)}."
                return failure(case, message, "A node may be listed once all of its inputs are.", listed)
    return None


def judge_left_alone(case: OrderCase, answer: Answer) -> Failure | None:
    """Whatever the order is: a second call finds it as well, and the caller's list is as it was."""
    order, function = answer.facts["order"], case.settings["function"].split(".")[-1]
    listed = np.asarray([*order, -5 - answer.facts["changed"]], np.float64)
    if 2 * len(set(order)) < case.count:
        return failure(case, f"Of {case.count} nodes only {len(set(order))} are listed.", "Look at the order first.", listed)
    if answer.facts["changed"]:
        hint = "The list belongs to the caller: walk through it, or through a copy, and leave it as it is."
        return failure(case, f"{function} changed the list that it was given.", hint, listed)
    if not answer.facts["same"]:
        message = f"{function} was called twice for the same graph, and the second list is another one."
        return failure(case, message, "Is something kept from one call to the next?", listed)
    return None


def judge_large_order(case: OrderCase, answer: Answer) -> Failure | None:
    """Nearly all nodes, each once; in which order, and whether both ends are there, is asked of small graphs."""
    length, distinct = len(answer.facts["order"]), len(set(answer.facts["order"]))
    counts = np.asarray([length, distinct], np.float64)
    hint = "Each node is listed once, however many ways lead to it, and however far it is."
    if distinct < length or length < case.count - 2:
        return Failure.wrong(case, f"Of {case.count} tensors {distinct} are listed, in a list of {length}.", hint, counts)
    return None


# --- gradients


def wanted_sources(case: GradientsCase) -> int:
    return 1 if case.chain else len(case.graph["outputs"]) - 1 + len(case.wrt)


def are_sources(value: Any, case: GradientsCase) -> bool:
    return is_list_of(int, value) and all(0 <= place < wanted_sources(case) for place in value)


GRADIENTS = Form(
    "kinds.tensor.probe:gradients",
    arrays=lambda case: wanted_sources(case) + case.again,  # the last one holds the constants of a graph
    outputs=lambda case: wanted_sources(case) * case.again,
    outputs_of=outputs_of,
    facts={
        "spoiled": lambda value, case: is_list_of(str, value),
        "written": lambda value, case: is_list_of(str, value),
        "history": lambda value, case: is_list_of(bool, value) and len(value) == wanted_sources(case),
        "in_values": lambda value, case: is_list_of(int, value),
        "kept": are_sources,
        "reused": are_sources,
    },
)


@dataclass(frozen=True)
class GradientsCase(GraphCase):
    """A graph of tensors, its output first among the nodes of interest; the gradients that it leaves on the others, and on leaves."""

    form: ClassVar[Form] = GRADIENTS  # type: ignore[assignment]

    wrt: tuple[int, ...] = ()  # leaves whose gradients are looked at, by their number
    again: bool = False  # whether the gradients are differentiated once more
    create_graph: bool = False  # whether they are asked for with a history
    seeded: bool = True  # whether a gradient of the output is handed over
    nothing: bool = False  # whether that is zero
    ones: bool = False  # whether it is ones, so that the gradients of a product are its factors
    times: int = 1  # how often the same is done, on the same graph
    chain: int = 0  # the length of a chain, which the probe makes by itself
    waiting: bool = False  # whether the tensors have no values yet, as in lazy mode
    guarded: bool = False  # whether torch's autograd raises: not where it stands in for a function that is called

    @cached_property
    def output_grad(self) -> np.ndarray:
        """What is handed over, or what it is to be taken for."""
        if self.chain or self.ones or not self.seeded:
            return np.ones(self.value_shape, self.dtype)
        rng = generator(self.seed, self.name, "output_grad")
        return (0 if self.nothing else 1) * rng.standard_normal(self.value_shape).astype(self.dtype)

    @cached_property
    def value_shape(self) -> tuple[int, ...]:
        return (2,) if self.chain else tuple(self.truth_nodes[1][0].shape)

    @cached_property
    def truth_nodes(self) -> tuple[list[Tensor], list[Tensor]]:
        """Leaves, and the output with what is looked at."""
        leaves = [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in self.values().values()]
        nodes = evaluate(self.graph, leaves, reference.forward())
        return leaves, [*nodes, *(leaves[number] for number in self.wrt)]

    def ask(self) -> Ask:
        asked = {name: getattr(self, name) for name in ("again", "seeded", "times", "chain", "waiting")}
        asked |= {"wrt": list(self.wrt), "keywords": {"create_graph": True} if self.create_graph else {}, "guarded": self.guarded}
        if self.chain:
            return Ask(self.form.probe, {**self.settings, **asked}, (self.output_grad,))
        graph = {"graph": self.sent, "names": list(self.names)}
        return Ask(self.form.probe, {**self.settings, **asked, **graph}, (*self.values().values(), self.output_grad))

    @cached_property
    def truth(self) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Leaves with the gradient of the output; the gradients that are looked at; the derivatives of all of them along directions."""
        leaves, (output, *sources) = self.truth_nodes
        output_grad = torch.tensor(self.output_grad, dtype=torch.float64, requires_grad=True)
        grads = reference.pull_back([output], sources, [output_grad])
        second = reference.pull_back(grads, [*leaves, output_grad], self.directions(grads)) if self.again else []
        return [*leaves, output_grad], grads, second

    def directions(self, grads: Sequence[Tensor]) -> list[Tensor]:
        rng = generator(self.seed, self.name, "directions")
        return [torch.tensor(rng.standard_normal(tuple(grad.shape))) for grad in grads]


def source_names(case: GradientsCase) -> list[str]:
    if case.chain:
        return ["the leaf"]
    names = node_names(case)
    return [*(names[position] for position in case.graph["outputs"][1:]), *(case.names[number] for number in case.wrt)]


def judge_gradients(case: GradientsCase, answer: Answer) -> Failure | None:
    """The numbers that are left on the tensors."""
    if case.chain:
        return judge_long(case, answer)
    _, grads, _ = case.truth
    names = source_names(case)
    for name, array, want in zip(names, answer.arrays, grads, strict=False):
        got, wanted = array.astype("float64"), want.detach().numpy()
        if not agree(got, wanted, case.dtype):
            return failure(case, f"The gradient of {name} is wrong.", gradient_hint(case, got, wanted), got, wanted)
        if array.dtype != case.dtype:
            return failure(
                case, f"The gradient of {name} has dtype {array.dtype} for {case.dtype} values.", "Which tensor came in with another dtype?"
            )
    if answer.facts["spoiled"]:
        spoiled = " and ".join(answer.facts["spoiled"][:4])
        hint = "A sum of contributions is a new tensor: whatever is added in place may be somebody else's as well."
        return failure(case, f"The numbers of {spoiled} have changed.", hint)
    return None


def gradient_hint(case: GradientsCase, got: np.ndarray, want: np.ndarray) -> str:
    if case.times > 1 and got.shape == want.shape and agree(got, case.times * want, case.dtype):
        return "It is added up from one call to the next: each call assigns its own."
    return diagnose(got, want, case.dtype)


def judge_long(case: GradientsCase, answer: Answer) -> Failure | None:
    got, want = answer.arrays[0].astype("float64"), case.output_grad
    if agree(got, want, "float64"):
        return None
    return Failure.wrong(
        case, f"The gradient at the beginning of a chain of {case.chain} tensors is wrong.", diagnose(got, want, "float64"), got, want
    )


def judge_history(case: GradientsCase, answer: Answer) -> Failure | None:
    """Right gradients have a history where it was asked for, and none where it was not."""
    if problem := judge_gradients(case, answer):
        return problem
    for name, history in zip(source_names(case), answer.facts["history"], strict=True):
        marks = np.asarray(answer.facts["history"], np.float64) + 1
        if history and not case.create_graph:
            message = f"The gradient of {name} has inputs, and nobody has asked for a graph."
            hint = "As long as somebody holds this gradient, what does it hold? What do a tensor and its grad do to each other?"
            return failure(case, message, hint, marks)
        if case.create_graph and not history:
            message = f"The gradient of {name} has no inputs, although create_graph=True asks for its history."
            return failure(case, message, "Who is to hear of create_graph?", marks)
    return judge_arrays(case, answer)


def judge_arrays(case: GradientsCase, answer: Answer) -> Failure | None:
    """Gradients that are right lie in arrays in which nothing of somebody else's lies, of the values' or of another call's."""
    facts, names = answer.facts, source_names(case)
    marks = np.asarray([float(len(facts[name])) for name in ("written", "in_values", "kept", "reused")])
    if facts["written"]:
        message = f"What the rule of {' and that of '.join(facts['written'][:3])} handed over has other numbers now."
        hint = "A sum of contributions is a new tensor: one that was handed over may be somebody else's as well."
        return failure(case, message, hint, marks)
    if facts["in_values"]:
        message = "Gradients and values of tensors lie in one array: when the gradients are overwritten, values change."
        return failure(case, message, "Of what is the array that you put into grad?", marks)
    if facts["kept"]:
        listed = " and ".join(names[place] for place in facts["kept"][:3])
        message = f"The gradients were overwritten with nan, and all was done once more: now the gradient of {listed} holds nan as well."
        return failure(case, message, "What of one call is still there in the next? Each makes its own numbers.", marks)
    if facts["reused"]:
        listed = " and ".join(names[place] for place in facts["reused"][:3])
        message = f"A second call wrote into the array in which the first had left the gradient of {listed}."
        return failure(case, message, "Somebody may hold the old gradient still: a call puts new tensors into grad.", marks)
    return None


def judge_again(case: GradientsCase, answer: Answer) -> Failure | None:
    """The gradients are tensors with graphs: evaluated, and differentiated once more, whatever numbers stand in the leaves."""
    leaves, _, second = case.truth
    try:
        grads = evaluate_untrusted(answer.graph, leaves, with_constants(answer))
    except GraphError as error:
        return failure(case, f"The graph of the gradients cannot be evaluated: {error}", "Which tensors are the gradients made of?")
    if problem := judge_gradients(case, answer):
        return problem
    for name, grad, array in zip(source_names(case), grads, answer.arrays, strict=False):
        if not agree(grad.detach().numpy(), array.astype("float64"), case.dtype):
            return failure(case, f"The gradient of {name} has other numbers than its own graph comes to.", "", array, plain(grad))
    found = reference.pull_back(grads, leaves, case.directions(grads))
    for name, got, want in zip([*case.names, "the output's gradient"], found, second, strict=True):
        if not agree(got.detach().numpy(), want.detach().numpy(), "float64"):
            message = f"The gradients are right, but their own derivative with respect to {name} is not."
            return failure(case, message, "Are they made of tensors, by operators, or of numbers?", plain(got), plain(want))
    return None


# --- what is refused


def are_kinds(value: Any, case: Any) -> bool:
    return is_list_of(str, value) and len(value) == 3


REFUSALS = Form("kinds.tensor.probe:refusals", arrays=lambda case: 1, facts={"refused": are_kinds})
ASKED = ("of a tensor that needs no gradient", "with an out_grad of another shape", "with an out_grad of the right shape")


@dataclass(frozen=True)
class RefusalCase:
    """Two calls that must end in a ValueError, and one that must not."""

    form: ClassVar[Form] = REFUSALS

    function: str
    seed: str = "public"
    hidden: bool = False

    name: str = "what cannot be differentiated"

    def features(self) -> dict[str, Any]:
        return {}

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """An out_grad of the right shape, and one of another."""
        rng = generator(self.seed, self.name)
        return rng.standard_normal((2, 3)), rng.standard_normal((3, 2))

    def ask(self) -> Ask:
        return Ask(self.form.probe, {"function": self.function}, self.arrays)


def judge_refusals(case: RefusalCase, answer: Answer) -> Failure | None:
    for what, wanted, kind in zip(ASKED, ("ValueError", "ValueError", ""), answer.facts["refused"], strict=True):
        if kind != wanted:
            did = f"raised {kind}" if kind else "raised nothing"
            due = "a ValueError was to be raised" if wanted else "nothing is wrong with it"
            flags = [1.0 + (one == "") + 2.0 * (one == "ValueError") for one in answer.facts["refused"]]
            hint = "What would the gradients be, and whose?" if wanted else "Look at the shapes of both: are they compared as they are?"
            return Failure.wrong(case, f"backward {what} {did}: {due}.", hint, np.asarray(flags))
    got, want = answer.arrays[0].astype("float64"), 2 * case.arrays[0]
    ignored = got.shape == want.shape and agree(got, np.full_like(want, 2), "float64")  # whose mistake is asked about elsewhere
    if not (ignored or agree(got, want, "float64")):
        return Failure.wrong(
            case,
            "backward with an out_grad of the right shape left another gradient than it should.",
            "What is done after the checks?",
            got,
            want,
        )
    return None
