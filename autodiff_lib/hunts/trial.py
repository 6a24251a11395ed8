"""What a test says of a version of a program: it passes, it fails with an assertion, or something else happens."""

from __future__ import annotations

import contextlib
import io
import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import CodeType
from typing import Any, Literal

import numpy as np
import torch

from ..checks.probe import attempt, is_of_student
from ..checks.question import Problem
from ..checks.time_limit import SECONDS, TimeUpError, limited
from ..ipython import text_behind
from ..messages import describe_value
from .inputs import unspoilt

Kind = Literal["passed", "failed", "crashed", "error", "returned", "timeout"]
MAX_MESSAGE = 300  # characters


@dataclass(frozen=True)
class Outcome:
    """How a run of a test ended."""

    kind: Kind  # `failed`: with an assertion; `crashed`: the program raised something else; `error`: the test did, or there is no program
    message: str = ""
    line: str = ""  # the last line, of the test or of the program, that ran

    @property
    def catches(self) -> bool:
        """Whether the test says that the program is wrong."""
        return self.kind in ("failed", "crashed")


def tried(test: Callable[[Any], Any], made: Callable[[], Any], file: str, quiet: bool = True) -> Outcome:
    """Run a test on what `made` compiles from `file`, within the time that a check may take for a case.

    Every version meets the same random numbers, and the inputs that the notebook has. What is printed is shown unless `quiet`.
    """
    import_for(test)
    errors: list[BaseException] = []

    def noted(kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        errors.extend([] if error is None else [error])
        return False

    def run() -> Any:
        with ExitStack() as stack:
            stack.push(noted)
            return test(made())

    shown = contextlib.redirect_stdout(io.StringIO()) if quiet else contextlib.nullcontext()
    try:
        with shown, same_random_numbers(), unspoilt(test), limited(SECONDS):
            result = attempt(run)
    except TimeUpError:
        return Outcome("timeout")
    if not isinstance(result, Problem):
        return Outcome("passed") if result is None else Outcome("returned", describe_value(result))
    error = errors[-1]
    if isinstance(error, AssertionError):
        return Outcome("failed", result.message[:MAX_MESSAGE].strip(), result.where)
    kind: Kind = "crashed" if raised_by(error) == file else "error"
    return Outcome(kind, f"{result.kind}: {result.message}"[:MAX_MESSAGE].strip(), result.where)


def import_for(test: Callable[[Any], Any]) -> None:
    """Let torch import what its comparison needs. The first call imports hundreds of modules, which take seconds: were that
    interrupted, they would be half there for as long as the notebook runs.
    """
    code = getattr(test, "__code__", None)
    if isinstance(code, CodeType) and "assert_close" in text_behind(code):
        torch.testing.assert_close(torch.zeros(1), torch.zeros(1))


def raised_by(error: BaseException) -> str:
    """The file of the last line that is neither the library's nor a package's: the test's, or the program's."""
    frames = reversed(list(traceback.walk_tb(error.__traceback__)))
    return next((frame.f_code.co_filename for frame, line in frames if is_of_student(frame.f_code, line)), "")


@contextlib.contextmanager
def same_random_numbers() -> Iterator[None]:
    """While open, random numbers begin anew; afterwards they go on as if nothing had been drawn."""
    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
