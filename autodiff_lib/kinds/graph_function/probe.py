"""Functions that build graphs, asked for what they build over variables.

The functions that one calls are sealed while it is asked: each stands in the graph as one node that the judge fills in,
so a mistake in one costs nothing in what stands around it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ...checks.probe import WrongKindError, missing_return, no_ready_made_model, stand_ins
from ...checks.question import Answer, Ask
from ...graph import Node, Op, Signature, Variable
from ...graph_data import to_data
from ...registry import table


def build(ask: Ask) -> Answer:
    """The graph that the student's function builds; its leaves are the variables in the order of the arguments."""
    function, sealed_functions = ask.settings["function"], ask.settings["sealed"]
    variables: list[Node] = []

    def variable(name: str) -> Node:
        variables.append(Variable(name))
        return variables[-1]

    arguments = [
        variable(given) if isinstance(given, str) else {name: variable(name) for name in given} for given in ask.settings["arguments"]
    ]
    stand_in = {name: sealed(name, operands, number) for name, (operands, number) in sealed_functions.items()}
    number = [] if ask.settings["number"] is None else [ask.settings["number"]]
    with stand_ins(function, stand_in), no_ready_made_model():
        built = table[function](*arguments, *number)
    if not isinstance(built, Node):
        raise WrongKindError(f"{function.split('.')[-1]} must return a Node, got {missing_return(built)}")
    return Answer(graph=to_data([built], variables))


def sealed(function: str, operands: Sequence[str], number: str) -> Callable[..., Node]:
    """What stands for a function inside another one: it makes a single node, for the judge to fill in."""
    numbers = [number] if number else []
    op = Op()
    op.signature = Signature(function, tuple(operands), dict.fromkeys(numbers))
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    call = inspect.Signature([inspect.Parameter(name, kind) for name in (*operands, *numbers)])

    def block(*args: Any, **kwargs: Any) -> Node:
        try:
            given = call.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise WrongKindError(f"{function}{call} was called with other arguments: {error}") from None
        return op(*(given[name] for name in operands), **{name: given[name] for name in numbers})

    return block
