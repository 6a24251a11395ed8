"""Probes run the student's code on a case and return plain data: arrays, graphs as data, problems.

A probe knows no expected value. It runs in the student's process: the notebook's kernel while they
learn, a jail while they are graded.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import linecache
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NoReturn, TypeVar

from torch.overrides import TorchFunctionMode

from ..messages import describe_value
from ..registry import table
from .question import Answer, Ask, Case, Problem, Timed
from .wire import unsendable

T = TypeVar("T")

MAX_PRINTED = 10_000  # characters
CONTEST_SECONDS = 3  # for a case in which time is measured, while somebody waits for a check
LIBRARY = str(Path(__file__).parents[1])


class WrongKindError(Exception):
    """The student's code returned something that is no answer; the message says what and what was expected."""


def run(ask: Ask) -> Answer:
    """The answer of the student's code, or the problem that kept it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result = attempt(lambda: sendable(probe_named(ask.probe)(ask)))
    answer = Answer(problem=result) if isinstance(result, Problem) else result
    return replace(answer, printed=printed.getvalue()[:MAX_PRINTED])


def probe_named(name: str) -> Callable[[Ask], Answer]:
    """The function of this name, `folders.module:function` below this library."""
    module, _, function = name.partition(":")
    return getattr(import_module(f"autodiff_lib.{module}"), function)


def sendable(answer: Answer) -> Answer:
    """The answer, if it can be sent to whoever grades; so a notebook takes the same answers as they do."""
    if why := unsendable(answer.arrays):
        raise WrongKindError(f"your code returned {why}")
    return answer


def timed(ask: Ask) -> tuple[Answer, float]:
    """An answer, and the seconds that it took."""
    start = time.perf_counter()
    answer = run(ask)
    return answer, time.perf_counter() - start


def answers(cases: Iterable[Case], asked: Timed = timed) -> Iterator[Answer]:
    """The answers to cases, one by one, in this process; `asked` asks the student's code."""
    for case in cases:
        contest = case.form.contest
        yield asked(case.ask())[0] if contest is None else contest(case, asked, timed, CONTEST_SECONDS)


def attempt(action: Callable[[], T]) -> T | Problem:
    """The result of an action that runs a student's code; whatever it raises becomes a `Problem`, and only here."""
    try:
        return action()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the boundary where a submission's failure becomes a verdict
        return Problem(type(error).__name__, str(error), own_line(error))


def own_line(error: BaseException) -> str:
    """The last line of the student's code in the traceback, as `line 3: return a @ c`. Code without a text has no lines."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if is_of_student(frame.f_code, line):
            return f"line {line}: {linecache.getline(frame.f_code.co_filename, line).strip()}"
    return ""


def is_of_student(code: CodeType, line: int) -> bool:
    """Whether a line of some code is neither the library's nor that of a package or of Python, and has a text."""
    name = code.co_filename
    foreign = name.startswith(LIBRARY) or "site-packages" in name or "/lib/python" in name
    return not foreign and bool(linecache.getline(name, line).strip())


@contextlib.contextmanager
def stand_ins(exercise: str, trusted: Mapping[str, Any]) -> Iterator[None]:
    """While open, other functions stand under the names in `trusted`, for the code of an exercise and in the table.

    So a mistake in one exercise costs no points in another that calls it.
    """
    written = table[exercise]
    functions = vars(written).values() if isinstance(written, type) else [written]
    plain = map(inspect.unwrap, filter(callable, functions))  # a decorator's wrapper has the globals of another module
    own_scopes = [function.__globals__ for function in plain if isinstance(function, FunctionType)]
    scopes = [*own_scopes[:1], table]
    absent = object()
    before = [{name: scope.get(name, absent) for name in trusted if scope is not table or name in table} for scope in scopes]
    for scope, own in zip(scopes, before, strict=True):
        scope.update({name: trusted[name] for name in own})
    try:
        yield
    finally:
        for scope, own in zip(scopes, before, strict=True):
            scope.update(own)
            for name in [name for name, value in own.items() if value is absent]:
                del scope[name]


AUTOGRAD = {"requires_grad_", "backward", "grad", "_engine_run_backward", "retain_grad"}
LAYERS = {
    "linear", "embedding", "scaled_dot_product_attention", "multi_head_attention_forward", "cross_entropy", "nll_loss",
    "softmax", "log_softmax", "layer_norm", "native_layer_norm", "native_multi_head_attention", "_transformer_encoder_layer_fwd",
}  # fmt: skip


class Refused(TorchFunctionMode):
    """While open, some of torch's functions raise, however they are reached; and with them all of a module."""

    def __init__(self, names: Collection[str], modules: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.names, self.modules = names, modules

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, module = getattr(func, "__name__", ""), getattr(func, "__module__", "") or ""
        if name in self.names or module.startswith(self.modules):
            refuse(name)
        return func(*args, **(kwargs or {}))


def refuse(name: str) -> NoReturn:
    raise WrongKindError(f"torch's own {name} is not to be used here: the exercise asks you to write it yourself")


def no_ready_made_model(but: Collection[str] = ()) -> Refused:
    """While open, torch's layers raise, and its autograd."""
    return Refused((AUTOGRAD | LAYERS) - set(but), ("torch.nn", "torch.autograd"))


@contextlib.contextmanager
def closed(*functions: Any) -> Iterator[None]:
    """While open, these functions of a library raise, under whatever name somebody has got hold of them."""

    def refusing(*args: Any, **kwargs: Any) -> None:
        from autodiff_lib.checks.probe import WrongKindError  # the code runs with another module's names

        raise WrongKindError("a ready-made function was called: the exercise asks you to write it yourself")

    def refusing_generator(*args: Any, **kwargs: Any) -> Iterator[NoReturn]:  # a generator function may only become another one
        from autodiff_lib.checks.probe import WrongKindError

        raise WrongKindError("a ready-made function was called: the exercise asks you to write it yourself")
        yield

    before = [function.__code__ for function in functions]
    for function in functions:
        function.__code__ = (refusing_generator if inspect.isgeneratorfunction(function) else refusing).__code__
    try:
        yield
    finally:
        for function, code in zip(functions, before, strict=True):
            function.__code__ = code


def missing_return(result: Any) -> str:
    return "None (is there a return?)" if result is None else describe_value(result)
