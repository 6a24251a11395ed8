"""What the notebook need not spell out: tensors that wait, computations that are counted, operators with another rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...eager import Tensor
from ...graph import Node, Op
from ...registry import table


def waiting(op: Op, *operands: Tensor, **attributes: Any) -> Tensor:
    """A tensor that knows its operator and its inputs, and has no value yet."""
    made = Tensor.__new__(Tensor)
    made._init(op, operands, attributes)
    return made


@contextmanager
def computes() -> Iterator[list[str]]:
    """While open, the names of the operators that compute are written down, in the order in which they do."""
    names: list[str] = []
    operators = {id(entry): entry for entry in table.values() if isinstance(entry, Op)}.values()

    def counted(op: Op, compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def counting(node: Node, inputs: Any) -> Any:
            names.append(op.name)
            return compute(node, inputs)

        return counting

    for op in operators:
        vars(op)["compute"] = counted(op, op.compute)
    try:
        yield names
    finally:
        for op in operators:
            del vars(op)["compute"]


def with_rule(op: Op, rule: Callable[[Node, Node], list[Node]]) -> Op:
    """An operator that computes what `op` does, with `rule(node, output_grad)` for its gradient. The table keeps the old one."""

    class WithRule(type(op)):  # type: ignore[misc]  # the class is known when the notebook runs
        def gradient(self, node: Node, output_grad: Node) -> list[Node]:
            return rule(node, output_grad)

    return WithRule()
