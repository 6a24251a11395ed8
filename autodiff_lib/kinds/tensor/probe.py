"""What runs on tensors, asked on an engine of the probe's but for the one exercise that is asked.

An answer that is a graph has the numbers of its constants beside it: tensors that were made of numbers while it was built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch

from ...checks.probe import AUTOGRAD, Refused, WrongKindError, attempt, closed, missing_return
from ...checks.question import Answer, Ask, Problem
from ...eager import Tensor
from ...garbage import no_collector
from ...graph import Node
from ...graph_data import from_data, inputs_first, to_data
from ...messages import describe_value
from ...registry import table
from ..evaluator.probe import SORTS
from ..evaluator.watch import shallow_stack
from ..operator.probe import computed
from .sharing import changed, handed_over, holds, is_overwritten, numbers_of, overwritten, put, written_into
from .watch import PassingOp, budget_for, chain_of, engine, leaf, left_on_tensors, realized, values_from, waiting

CONSTANT = "a constant"  # what stands for the operator of a tensor that was made of numbers


def to_answer(outputs: Sequence[Any], leaves: Sequence[Tensor], facts: dict[str, Any]) -> Answer:
    """Graphs over leaves, and the numbers of all other tensors that they begin with, in a row. GraphError as for any graph."""
    known = set(leaves)
    constants = [node for node in begun_with([one for one in outputs if isinstance(one, Node)], known) if isinstance(node, Tensor)]
    graph = to_data(outputs, [*leaves, *constants])
    rows, start = [np.zeros(0)], 0
    for entry in graph["nodes"]:
        number = entry.get("leaf", 0) - len(leaves)
        if number >= 0:
            array = realized(constants[number]).detach().numpy()
            attrs = {"start": start, "shape": list(array.shape), "dtype": array.dtype.name}
            rows.append(array.astype("float64").ravel())
            start += array.size
            entry.clear()
            entry.update({"op": CONSTANT, "inputs": [], "attrs": attrs})
    return Answer((np.concatenate(rows),), graph, facts)


def begun_with(outputs: Sequence[Node], leaves: set[Tensor]) -> list[Node]:
    """The nodes without inputs, beside the leaves, that outputs depend on."""
    found: dict[Node, None] = {}
    seen: set[Node] = set(leaves)
    todo = [*outputs]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += node.inputs
            if not node.inputs:
                found[node] = None
    return [*found]


def spoiled(tensors: Mapping[str, Tensor], before: Sequence[np.ndarray]) -> list[str]:
    """The names of tensors that do not hold their numbers any more."""
    pairs = zip(tensors.items(), before, strict=True)
    return [name for (name, tensor), array in pairs if not np.array_equal(realized(tensor).detach().numpy(), array, equal_nan=True)]


def compute(ask: Ask) -> Answer:
    """`compute` on arrays, twice, and whether one result changes when the other is overwritten. Views of the inputs may."""
    answer, inputs, results = computed(ask)
    first, second = results
    with overwritten([first]):
        is_view = bool(changed(inputs, ask.arrays))
        kept = not is_view and not holds(second, answer.arrays[1])
    return replace(answer, facts={**answer.facts, "kept": kept})


def rule(ask: Ask) -> Answer:
    """The graphs that a `gradient` returns for tensors with numbers, or for some that wait for theirs; their leaves are the operands,
    then `output_grad`."""
    op = table[ask.settings["operator"]]
    *arrays, from_above = ask.arrays
    is_lazy = ask.settings.get("waiting", False)
    with engine(op.name, **({"make_from_op": classmethod(waiting)} if is_lazy else {})), Refused(AUTOGRAD):
        operands, output_grad = [*map(leaf, arrays)], leaf(from_above)
        if is_lazy:
            *operands, output_grad = (cast(Tensor, PassingOp()(one)) for one in (*operands, output_grad))
        if ask.settings.get("repeated"):
            operands = operands[:1] * len(operands)
        node = cast(Tensor, op(*operands, **ask.settings["attrs"]))
        value = numbers_of(values_from([node])[node])
        grads = op.gradient(node, output_grad)
    if not isinstance(grads, list | tuple):
        brackets = "; put it in brackets" if isinstance(grads, Node) else ""
        raise WrongKindError(f"gradient must return a list with one tensor for each input, got {missing_return(grads)}{brackets}")
    grads = [*grads]  # a class of the student's may tell another length than it has
    if len(grads) != len(operands):
        raise WrongKindError(f"gradient must return one tensor for each input, that is {len(operands)}, got {len(grads)}")
    names = dict(zip(op.signature.operands, operands, strict=True))
    touched = spoiled({**names, "output_grad": output_grad, "node": node}, [*arrays, from_above, value])
    return to_answer(grads, [*operands, output_grad], {"spoiled": touched})


# --- graphs of tensors


def tensors_of(ask: Ask, arrays: Sequence[np.ndarray]) -> tuple[list[Tensor], list[Any], list[Any]]:
    """The case's leaves, all its tensors by position, and those of interest. Leaves without a need of a gradient are named `const`."""
    settings = ask.settings
    leaves = [leaf(array, not name.startswith("const")) for name, array in zip(settings["names"], arrays, strict=True)]
    nodes: list[Any] = [*from_data(settings["graph"], leaves)]
    outputs = [nodes[position] for position in settings["graph"]["outputs"]]
    return leaves, nodes, outputs


def order(ask: Ask) -> Answer:
    """The order, as positions in the case's graph; of a chain, as distances from its beginning."""
    function = ask.settings["function"]
    with no_collector("chain" in ask.settings), engine(function):
        if "chain" in ask.settings:
            nodes = chain_of(leaf(np.ones(2)), ask.settings["chain"])
            outputs = nodes[-1:]
        else:
            leaves, nodes, outputs = tensors_of(ask, ask.arrays)
            nodes += [one for one in leaves if one not in nodes]
        place = dict(zip(map(id, nodes), range(len(nodes)), strict=True))
        orders = []
        for _ in range(ask.settings.get("calls", 1)):
            given = list(outputs)
            with shallow_stack(), closed(*SORTS), budget_for(nodes):
                orders.append(places_of(table[function](given), place))
    emptied = [id(node) for node in given] != [id(node) for node in outputs]
    return Answer(facts={"order": orders[0], "changed": emptied, "same": orders[0] == orders[-1]})


def places_of(found: Any, place: Mapping[int, int]) -> list[int]:
    """Where the nodes of an order stand in the graph."""
    if not isinstance(found, list | tuple):
        raise WrongKindError(f"find_topo_sort must return a list of tensors, got {missing_return(found)}")
    found = [*found]
    places = [*map(place.get, map(id, found))]
    if None in places:
        strange = describe_value(found[places.index(None)])
        raise WrongKindError(f"find_topo_sort returned something that is not in the graph: {strange}")
    return cast(list[int], places)


def gradients(ask: Ask) -> Answer:
    """The gradients that are left on tensors of a graph: their numbers, and where asked their graphs. And who shares with them."""
    settings, function = ask.settings, ask.settings["function"]
    *arrays, from_above = ask.arrays
    start, chain = leaf(np.ones_like(from_above)), []
    if settings["chain"]:
        with no_collector():
            chain = chain_of(start, settings["chain"])

    def sorted_chain(outputs: Sequence[Tensor]) -> list[Any]:
        return chain[:] if [*map(id, outputs)] == [id(chain[-1])] else inputs_first(outputs)

    begun_with_these: list[Any] = []

    def left(output_tensor: Tensor, out_grad: Tensor, create_graph: bool = False) -> None:
        begun_with_these.append(out_grad)
        left_on_tensors(output_tensor, out_grad, create_graph)

    others: dict[str, Any] = {"compute_gradient_of_variables": left} | ({"find_topo_sort": sorted_chain} if chain else {})
    others |= {"make_from_op": classmethod(waiting)} if settings["waiting"] else {}
    with no_collector(bool(chain)), engine(function, **others):
        if settings["chain"]:
            nodes, leaves, output, sources = chain, [start], chain[-1], [start]
        else:
            leaves, nodes, (output, *sources) = tensors_of(ask, arrays)
            sources += [leaves[number] for number in settings["wrt"]]
        output_grad = Tensor.make_const(torch.tensor(from_above))
        followed = [] if settings["chain"] or settings["waiting"] else [*dict.fromkeys([*nodes, *leaves])]
        values = [realized(node) for node in followed]
        before = [*map(numbers_of, values)]

        def call() -> None:
            with shallow_stack(), Refused(AUTOGRAD if settings["guarded"] else ()), budget_for([*nodes, *leaves]):
                table[function](output, *([output_grad] if settings["seeded"] else []), **settings["keywords"])

        with handed_over(followed) as handed:
            for _ in range(settings["times"]):
                call()
        grads = grads_of(sources, function)
        numbers = tuple(numbers_of(realized(grad)) for grad in grads)
        spoilt = [f"the {followed[place].op.name}" if followed[place].inputs else "a leaf" for place in changed(values, before)]
        spoilt += spoiled({"out_grad": output_grad}, [from_above])
        facts = {"spoiled": spoilt, "written": written_into(handed), "history": [bool(grad.inputs) for grad in grads]}
        answer = to_answer(grads, [*leaves, output_grad], {}) if settings["again"] else Answer()
        used = [realized(one) for one in (*(node.grad for node in followed), *begun_with_these) if isinstance(one, Tensor)]
        with overwritten(used):
            facts["in_values"] = changed(values, before)
            put(realized(output_grad), from_above)  # gradients may share with it
            facts |= called_again(call, sources, function) if followed else {"kept": [], "reused": []}
    return replace(answer, arrays=(*numbers, *answer.arrays), facts=facts)


def called_again(call: Callable[[], None], sources: Sequence[Tensor], function: str) -> dict[str, list[int]]:
    """Where a call leaves nan, whose last gradients were overwritten; and which of these it has written into. By their number."""
    earlier = [realized(grad) for grad in grads_of(sources, function)]
    gone = [*map(is_overwritten, earlier)]
    call()
    later = [realized(grad) for grad in grads_of(sources, function)]
    return {
        "kept": [place for place, grad in enumerate(later) if bool(grad.isnan().any())],
        "reused": [place for place, grad in enumerate(earlier) if gone[place] and not is_overwritten(grad)],
    }


def grads_of(sources: Sequence[Tensor], function: str) -> list[Tensor]:
    """What a call has left on tensors. WrongKindError where that is no tensor."""
    found: list[Tensor] = []
    for grad in (source.grad for source in sources):
        if not isinstance(grad, Tensor):
            name = function.split(".")[-1]
            raise WrongKindError(f"after {name} a tensor that requires it must have a Tensor as its grad, got {describe_value(grad)}")
        found.append(grad)
    return found


def refusals(ask: Ask) -> Answer:
    """What `backward` raises where nothing needs a gradient, and for a gradient of another shape; and what it leaves where it must not."""
    function = ask.settings["function"]
    values, other = ask.arrays

    def refused(start: Tensor, *given: Tensor) -> str:
        output = start * 2.0

        def ask_for() -> str:
            try:
                table[function](output, *given)
            except ValueError:
                return "ValueError"
            return ""

        raised = attempt(ask_for)
        return raised.kind if isinstance(raised, Problem) else raised

    with engine(function):
        right = leaf(values)
        found = [refused(leaf(values, False)), refused(leaf(values), leaf(other, False)), refused(right, leaf(values, False))]
    if "NotImplementedError" in found:
        raise NotImplementedError("exercise backward is not done yet")
    grad = np.zeros(()) if right.grad is None else realized(right.grad).detach().numpy().copy()
    return Answer((grad,), facts={"refused": found})
