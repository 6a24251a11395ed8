"""Watching a student's engine at work: what it computes, how often, and how long it keeps the results.

Work is counted, not timed, so a check says the same on every machine.
"""

from __future__ import annotations

import contextlib
import os
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import torch
from torch import Tensor

from ...graph import Node
from ...graph_data import inputs_first

STEPS_PER_NODE = 20  # reads of a node's inputs, comparisons and computations that an engine may take, for each node and edge
STATM = Path("/proc/self/statm")  # how large a process is, in pages
FRAMES = 600  # how deep its calls may be nested


class TooMuchWorkError(Exception):
    """An engine takes more steps than any sensible one would need; the message says how many."""


@dataclass
class Log:
    """What was computed: the nodes in order, and for each step how many earlier results were still alive."""

    computed: list[Node] = field(default_factory=list)
    alive: list[int] = field(default_factory=list)
    times: Counter[Node] = field(default_factory=Counter)  # how often each was computed
    results: dict[int, weakref.ref[Tensor]] = field(default_factory=dict)  # those still in memory

    def restart(self) -> None:
        """Forget what was seen, for another run; what still lives of the last one no longer counts."""
        self.computed, self.alive, self.times, self.results = [], [], Counter(), {}

    def most_often(self) -> int:
        """How often the node was computed that was computed most often."""
        return max(self.times.values(), default=0)


Factors = Mapping[Node, Sequence[float]]
"""Node -> by what its value is multiplied the first time that it is computed in a run, the second time, and so on."""


@contextmanager
def computations(nodes: Iterable[Node], budget: Budget | None = None, factors: Factors | None = None) -> Iterator[Log]:
    """Log every `compute` of the operators of `nodes` while the context is open.

    With `factors` the values themselves tell what was computed, and how often.
    """
    log = Log()
    operators = {id(node.op): node.op for node in nodes if node.inputs}.values()

    def logged(compute: Any) -> Any:
        def watched(node: Node, inputs: list[Tensor]) -> Tensor:
            if budget is not None:
                budget.spend()
            results = log.results
            log.computed.append(node)
            log.alive.append(len(results))
            log.times[node] += 1
            result = compute(node, inputs)
            if factors is not None:
                result = result * factors[node][min(log.times[node], len(factors[node])) - 1]
            if isinstance(result, Tensor):
                key = id(result)
                results[key] = weakref.ref(result, lambda _: results.pop(key, None))
            return result

        return watched

    for op in operators:
        vars(op)["compute"] = logged(op.compute)
    try:
        yield log
    finally:
        for op in operators:
            del op.compute


def live_values(evaluator: Any, input_values: dict[Node, Any]) -> list[int]:
    """Run an evaluator: before each of its computations, how many computed values were still in memory."""
    with computations(inputs_first(evaluator.eval_nodes)) as log:
        evaluator.run(input_values)
    return log.alive


@dataclass
class Budget:
    """Steps that an engine may still take on a graph of some size."""

    nodes: int
    left: int

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            self.exceeded()

    def exceeded(self) -> NoReturn:
        limit = 1000 + STEPS_PER_NODE * self.nodes
        raise TooMuchWorkError(f"still at work after {limit} steps, on a graph of {self.nodes} nodes and edges")


def budgeted(nodes: list[Node]) -> Budget:
    """Make the nodes count every look at their inputs, and every comparison with another node, against a budget."""
    size = sum(1 + len(node.inputs) for node in nodes)
    budget = Budget(size, 1000 + STEPS_PER_NODE * size)
    read_inputs = vars(Node)["inputs"].__get__

    class WatchedNode(Node):
        __slots__ = ()
        __hash__ = Node.__hash__

        @property
        def inputs(self) -> tuple[Node, ...]:  # type: ignore[override]  # it watches who reads, and nobody writes
            budget.spend()
            return read_inputs(self)

        def __eq__(self, other: object) -> bool:
            budget.spend()
            return self is other

    for node in nodes:
        node.__class__ = WatchedNode
    return budget


def unwatch(nodes: list[Node]) -> None:
    """Make the nodes plain ones again."""
    for node in nodes:
        node.__class__ = Node


def in_little_memory(action: Callable[[], str], room: int, block: int) -> str:
    """The text that an action makes while there are `room` bytes, in a process forked from this one: what this one has freed
    before is taken away first, in blocks of `block` bytes. MemoryError where nothing came of it. Beyond Linux nothing is limited."""
    if not STATM.exists():
        return action()
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            torch.set_num_threads(1)  # of this one's threads a forked process has one, and would wait for the others for ever
            held = limited(room, block)
            os.write(theirs, action().encode() if held else b"")
        finally:
            os._exit(0)  # nothing that the process from which this one was forked has prepared for its own end
    os.close(theirs)
    with open(ours, encoding="utf-8") as channel:
        said = channel.read()
    with contextlib.suppress(ChildProcessError):  # somebody wants to hear nothing of children
        os.waitpid(pid, 0)
    if not said:
        raise MemoryError(f"a run had {room // 2**20} MiB, which was not enough")
    return said


def limited(room: int, block: int) -> list[Any]:
    """Lower the limits of this process. What it returns must be held for as long as they are to be true."""
    import resource  # not on every system on which a notebook runs

    now = int(STATM.read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = now + room if hard == resource.RLIM_INFINITY else min(now + room, hard)
    resource.setrlimit(resource.RLIMIT_AS, (min(now, most), most))
    held: list[Any] = [None]
    with contextlib.suppress(RuntimeError):  # torch's word for no memory
        while True:
            held.append(torch.empty(block, dtype=torch.uint8))
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    return held


@contextmanager
def shallow_stack() -> Iterator[None]:
    """Nested calls end in RecursionError after `FRAMES`, whatever the notebook has set the limit to."""
    before, depth = sys.getrecursionlimit(), 0
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    sys.setrecursionlimit(depth + FRAMES)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
