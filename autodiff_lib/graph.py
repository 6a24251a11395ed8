"""The graph: nodes, the operators that make them, and the one table that names the operators.

A node says *what* is to be computed (an operator, its inputs, its attributes) and holds no value.
Calling an operator on nodes makes a node; `Op.compute` turns input values into the output value;
`Op.gradient` turns the gradient of the output into gradients of the inputs, as nodes again.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypeVar

from torch import Tensor

from .messages import describe_value
from .registry import exercises, table, todo

T = TypeVar("T", bound=Callable[..., Any])  # a function or a class

MAX_NAME = 60  # characters of a node's automatic name; without a cap, doubling a node doubles its name
REQUIRED = object()
SIMPLE = frozenset({float, tuple, bool, str, type(None)})  # types of attributes that are taken as they are

VALUES_ONLY = {
    "shape": "; shapes are known when the graph is run, see ad.expand_as, ad.unbroadcast and ad.ones_like",
    "T": "; write ad.transpose(a, -2, -1)",
}
"""Attributes that tensors have and nodes do not, with what to do instead."""

NUMBERS = "; for a function of a plain number use math, and to compare with zero or one ad.zeros_like or ad.ones_like"


class Node:
    """One computation of a graph: `op` applied to `inputs`, with `attrs`.

    Attributes of the operator read as attributes of the node: `transpose(a, 0, 1).dim0` is 0.
    """

    __slots__ = ("_name", "attrs", "inputs", "op")
    __array_ufunc__ = None  # `numpy_array + node` must reach Node.__radd__, not loop over the array

    def __init__(self, inputs: Sequence[Node], op: Op, attrs: dict[str, Any] | None = None, name: str | None = None) -> None:
        self.inputs = tuple(inputs)
        self.op = op
        self.attrs = {} if attrs is None else attrs
        self._name = name

    @classmethod
    def make_from_op(cls, op: Op, inputs: tuple[Node, ...], attrs: dict[str, Any]) -> Node:
        """What an operator makes of its inputs: a node without a value. Tensors, which have one, make it otherwise."""
        return Node(inputs, op, attrs)

    @property
    def name(self) -> str:
        """The name given at construction, or the expression, abbreviated to `MAX_NAME` characters."""
        return describe(self) if self._name is None else self._name

    def __getattr__(self, key: str) -> Any:
        if key in Node.__slots__:  # only while copy or pickle build a node: its slots are still empty
            raise AttributeError(key)
        try:
            return self.attrs[key]
        except KeyError:
            known = ", ".join(self.attrs) or "none"
            advice = VALUES_ONLY.get(key, "")
            raise AttributeError(f"a {self.op.name} node has no attribute '{key}' (its attributes: {known}){advice}") from None

    def __repr__(self) -> str:
        return f"<Node {self.name}>"

    def __add__(self, other: Node | float) -> Node:
        return table["add"](self, other) if is_node(other, "+") else table["add_by_const"](self, other)

    def __sub__(self, other: Node | float) -> Node:
        return table["sub"](self, other) if is_node(other, "-") else table["add_by_const"](self, -other)

    def __mul__(self, other: Node | float) -> Node:
        return table["mul"](self, other) if is_node(other, "*") else table["mul_by_const"](self, other)

    def __truediv__(self, other: Node | float) -> Node:
        return table["div"](self, other) if is_node(other, "/") else table["div_by_const"](self, other)

    def __matmul__(self, other: Node) -> Node:
        return table["matmul"](self, other)

    def __pow__(self, exponent: float) -> Node:
        if is_node(exponent, "**"):
            raise TypeError("node ** node is not an operator here; write exp(b * log(a)) for a positive base a")
        return table["power"](self, exponent)

    def __neg__(self) -> Node:
        return table["mul_by_const"](self, -1)

    def __gt__(self, other: Any) -> Any:
        raise TypeError("nodes have no values to compare; ad.greater(a, b) makes a node that is 1 where a > b, else 0")

    __lt__ = __ge__ = __le__ = __gt__
    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: float) -> Node:
        is_node(other, "-")
        return -self + other

    def __rtruediv__(self, other: float) -> Node:
        is_node(other, "/")
        return table["power"](self, -1) * other

    def __rmatmul__(self, other: Any) -> Node:
        is_node(other, "@")
        raise TypeError(f"both sides of @ must be nodes, got {describe_value(other)} on the left")

    def __rpow__(self, base: float) -> Node:
        is_node(base, "**")
        if base <= 0:
            raise ValueError(f"number ** node needs a positive number, got {base}")
        return table["exp"](self * math.log(base))


@dataclass(frozen=True)
class Signature:
    """How an operator is called: `operands` are nodes, everything in `attrs` is a plain value.

    Written as Python writes it, the operands before the slash: `"mean(a, /, dim, keepdim=False)"`.
    """

    name: str
    operands: tuple[str, ...]
    attrs: dict[str, Any]  # attribute -> default, or REQUIRED

    @classmethod
    def parse(cls, text: str) -> Signature:
        try:
            (function,) = (node for node in ast.parse(f"def {text}: ...").body if isinstance(node, ast.FunctionDef))
            arguments = function.args
            defaults = [ast.literal_eval(default) for default in arguments.defaults]
        except (SyntaxError, ValueError, AttributeError):
            raise ValueError(f"cannot read the signature {text!r}; an example: 'mean(a, /, dim, keepdim=False)'") from None
        attrs = dict.fromkeys((argument.arg for argument in arguments.args), REQUIRED)
        attrs.update(zip(list(attrs)[len(attrs) - len(defaults) :], defaults, strict=True))
        return cls(function.name, tuple(argument.arg for argument in arguments.posonlyargs), attrs)

    def __str__(self) -> str:
        attrs = [key if value is REQUIRED else f"{key}={value!r}" for key, value in self.attrs.items()]
        return f"{self.name}({', '.join([*self.operands, '/', *attrs])})"

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Node, ...], dict[str, Any]]:
        """Split a call's arguments into (operands, attributes); TypeError names whatever does not fit."""
        count = len(self.operands)
        inputs, positional = args[:count], args[count:]
        if len(inputs) < count:
            raise TypeError(f"{self}: takes {count} node{'s' * (count != 1)}, got {len(inputs)}")
        for value in inputs:
            if not isinstance(value, Node):
                operand = next(name for name, given in zip(self.operands, inputs, strict=True) if given is value)
                advice = NUMBERS if isinstance(value, Real) else ""
                raise TypeError(f"{self}: operand {operand} must be a Node, got {describe_value(value)}{advice}")
        if not (self.attrs or positional or kwargs):
            return inputs, {}
        if len(positional) > len(self.attrs):
            raise TypeError(f"{self}: takes {count + len(self.attrs)} arguments, got {len(args)}")
        attrs = dict(zip(self.attrs, positional, strict=False))
        for key, value in kwargs.items():
            if key not in self.attrs:
                raise TypeError(f"{self}: there is no attribute '{key}' (attributes: {', '.join(self.attrs) or 'none'})")
            if key in attrs:
                raise TypeError(f"{self}: attribute '{key}' was given twice")
            attrs[key] = value
        if len(attrs) < len(self.attrs) or kwargs:
            attrs = {key: attrs.get(key, default) for key, default in self.attrs.items()}
        for key, value in attrs.items():
            if type(value) in SIMPLE:
                continue
            if value is REQUIRED:
                raise TypeError(f"{self}: attribute '{key}' is missing")
            if isinstance(value, Node):
                raise TypeError(f"{self}: attribute '{key}' must be a plain value, got the node {value.name}")
            if isinstance(value, list):
                attrs[key] = tuple(value)
            elif key.endswith("shape") and isinstance(value, Integral):
                attrs[key] = (value,)  # whatever reads a shape finds a tuple: an operator, and whoever judges its graph
        return inputs, attrs


class Op:
    """An operator. Subclasses write `compute` and `gradient`, and nothing else."""

    signature: Signature

    @property
    def name(self) -> str:
        return self.signature.name

    @property
    def __signature__(self) -> inspect.Signature:
        """The call as `help` and Shift+Tab show it."""
        kinds = inspect.Parameter
        operands = [kinds(operand, kinds.POSITIONAL_ONLY) for operand in self.signature.operands]
        defaults = {key: kinds.empty if value is REQUIRED else value for key, value in self.signature.attrs.items()}
        return inspect.Signature([*operands, *(kinds(key, kinds.POSITIONAL_OR_KEYWORD, default=value) for key, value in defaults.items())])

    def __call__(self, *args: Any, **kwargs: Any) -> Node:
        """A node that applies this operator, a tensor where an input is one. Raises TypeError where the call does not fit `signature`."""
        inputs, attrs = self.signature.bind(args, kwargs)
        kind = Node
        for operand in inputs:
            if type(operand) is not kind and isinstance(operand, kind):
                kind = type(operand)
        return Node(inputs, self, attrs) if kind is Node else kind.make_from_op(self, inputs, attrs)

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        """The value of `node`, from the values of its inputs (which must be left as they are)."""
        raise NotImplementedError(f"{type(self).__name__} has no method compute(self, node, inputs)")

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        """For every input of `node` one node: its gradient, of the input's shape.

        `output_grad` is the gradient with respect to `node`, and has the shape of `node`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method gradient(self, node, output_grad)")

    def __repr__(self) -> str:
        return f"<operator {self.signature}>"


class UnwrittenOp(Op):
    """Stands in the table for an operator that a student has yet to write: makes nodes, computes nothing."""

    def __init__(self, signature: Signature, todo: str) -> None:
        self.signature = signature
        self.todo = todo

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        raise NotImplementedError(self.todo)

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        raise NotImplementedError(self.todo)


def operator(signature: str) -> Callable[[type[Op]], type[Op]]:
    """Class decorator: put an operator into the table, callable as `ad.<name>` from then on.

    An exercise may be written again and again, but keeps its declared signature; a given operator
    may not be replaced. ValueError otherwise.
    """
    parsed = Signature.parse(signature)

    def register(cls: type[Op]) -> type[Op]:
        known = table.get(parsed.name)
        if known is not None and parsed.name not in exercises:
            raise ValueError(f"{parsed.name} is a given operator; choose another name for {cls.__name__}")
        if known is not None and known.signature != parsed:
            raise ValueError(f"the signature of {parsed.name} is {known.signature}, got {parsed}")
        cls.signature = parsed
        table[parsed.name] = cls()
        return cls

    return register


def declare_operator(signature: str, unit: str, number: int) -> None:
    """Announce an operator that students write: its call, and where to find the exercise."""
    parsed = Signature.parse(signature)
    exercises.add(parsed.name)
    table[parsed.name] = UnwrittenOp(parsed, todo(parsed.name, unit, number))


class PlaceholderOp(Op):
    """A node whose value is fed when the graph is run."""

    signature = Signature("placeholder", (), {})

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        raise ValueError(f"no value was fed for the variable {node.name}")

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return []


table["placeholder"] = PlaceholderOp()


def Variable(name: str) -> Node:  # noqa: N802 - reads as the thing it makes, as in the frameworks it imitates
    """A named leaf of the graph. Its value is fed at run time; the name only helps the reader."""
    return Node((), table["placeholder"], name=name)


def describe(node: Node) -> str:
    """`add(mul(x1, x2), x1)`, cut to `MAX_NAME` characters: descends only until they are full."""
    text = ""
    todo: list[Node | str] = [node]
    while todo and len(text) <= MAX_NAME:
        item = todo.pop()
        if isinstance(item, str):
            text += item
        elif item._name is not None:
            text += item._name
        else:
            arguments: list[Node | str] = [*item.inputs, *(f"{key}={value}" for key, value in item.attrs.items())]
            separated = [piece for argument in arguments for piece in (", ", argument)][1:]
            todo += [")", *reversed(separated), f"{item.op.name}("]
    return text if len(text) <= MAX_NAME else text[: MAX_NAME - 1] + "…"


def is_node(value: Any, symbol: str) -> bool:
    """True for a node, False for a number; TypeError for what can stand on neither side of `symbol`."""
    if isinstance(value, Node):
        return True
    if isinstance(value, Real):
        return False
    raise TypeError(
        f"'{symbol}' takes nodes and plain numbers, got {describe_value(value)}; "
        "a graph holds no values: make a Variable and feed the value when you run it"
    )
