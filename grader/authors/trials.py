"""The grader on trial: every known mistake must lose points of its own question alone, and no variant may lose any.

Mistakes and variants are ours, so they run in this process; never use this for what somebody submitted.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType

import torch

from autodiff_lib import course, registry
from autodiff_lib.checks import known, probe
from autodiff_lib.checks import questions as public_questions
from autodiff_lib.checks.judge import judged
from autodiff_lib.checks.question import Answer, Case, Failure, Problem, Question, Verdict
from autodiff_lib.checks.wire import pack_answer
from autodiff_lib.units import needed

from ..book.nbgrader_course import solutions, source
from ..units import Mistake, Variant
from .catalogue import MISTAKES, VARIANTS

LARGE = "large graphs"
"""A part that takes longer than all else of its unit. It is asked of other exercises only where the mistake fails it in its own."""


@dataclass(frozen=True)
class Trial:
    """What became of a mistake or a variant: the verdict on its own question, and what it did to the others."""

    id: str
    unit: str
    exercise: str
    verdict: Verdict
    spilled: tuple[str, ...]  # other questions that lost points
    traces: dict[str, known.Trace]
    answers: tuple[tuple[bytes, ...], ...]  # what was answered to its own question, for each part, as it would cross the wire

    @property
    def caught(self) -> bool:
        return self.verdict.points < self.verdict.max_points

    @property
    def shown(self) -> Failure:
        """The first failure, whose case is the smallest; an empty one where nothing failed."""
        return next((part.failure for part in self.verdict.parts if part.failure is not None), Failure("", "passed", ""))

    def plain(self) -> dict[str, object]:
        """What is worth printing of it."""
        points = {name: getattr(self.verdict, name) for name in ("points", "max_points", "reason")}
        shown = {"case": self.shown.case, "hint": self.shown.hint, "recognised": self.shown.mistake}
        return {
            "id": self.id,
            "unit": self.unit,
            "exercise": self.exercise,
            **points,
            **shown,
            "spilled": self.spilled,
            "traces": self.traces,
        }


@cache
def reference(unit: str) -> tuple[dict[str, object], dict[str, object]]:
    """The operator table and the namespace with the solutions of a unit, and of the units that it needs."""
    module = ModuleType(unit)
    with registry.restored() as table:
        for earlier in (*needed(unit), unit):
            module = ModuleType(earlier)
            for cell in course.cells_to_run(source(earlier)):
                problem = course.run(cell, module, earlier)
                if isinstance(problem, Problem):
                    raise RuntimeError(f"the solution of {earlier}, cell {course.cell_name(cell)}: {problem.kind}: {problem.message}")
        return dict(table), dict(module.__dict__)


@contextmanager
def written(unit: str, cells: Sequence[str]) -> Iterator[None]:
    """While open, `cells` have been run in a notebook of the unit in which everything else is solved."""
    solved, namespace = reference(unit)
    with registry.restored(solved):
        scope = {**namespace, "__name__": "__main__"}
        for text in cells:
            exec(compile(text, "<cell>", "exec"), scope)
        yield


def cells_of(entry: Mistake | Variant) -> Sequence[str]:
    return [entry.cell(solutions(entry.unit)[entry.exercise])] if isinstance(entry, Mistake) else entry.cells


def without(part: str, question: Question) -> Question:
    return replace(question, parts=tuple(one for one in question.parts if one.name != part))


def on_any_machine(question: Question) -> Question:
    """A question without the parts that depend on how fast the machine is."""
    return replace(question, parts=tuple(part for part in question.parts if not part.timed))


def try_out(entry: Mistake | Variant, alone: bool = False) -> Trial:
    """The public questions of the unit on one mistake, or on one variant; where `alone`, its own question alone."""
    given: list[list[bytes]] = []

    def recorded(cases: Iterable[Case]) -> Iterator[Answer]:
        given.append([])
        for answer in probe.answers(cases):
            given[-1].append(pack_answer(answer, 0))
            yield answer

    questions = {name: on_any_machine(question) for name, question in public_questions(entry.unit).items()}
    with written(entry.unit, cells_of(entry)):
        verdict, traces = judged(questions.pop(entry.exercise), recorded)
        others = [] if alone else [question if traces.get(LARGE) else without(LARGE, question) for question in questions.values()]
        spilled = tuple(question.name for question in others if judged(question, probe.answers)[0].reason != "passed")
    verdict = undrawn(known.recognised(verdict, traces, known.known_of(entry.unit, entry.exercise)))
    return Trial(entry.id, entry.unit, entry.exercise, verdict, spilled, traces, tuple(map(tuple, given)))


def undrawn(verdict: Verdict) -> Verdict:
    """Without what would draw its pictures: functions do not cross from process to process."""
    parts = (replace(part, failure=replace(part.failure, picture=None)) if part.failure else part for part in verdict.parts)
    return replace(verdict, parts=tuple(parts))


def of_unit(unit: str | None) -> list[Mistake | Variant]:
    """The mistakes of a unit, then its variants; of all units for None."""
    entries: list[Mistake | Variant] = [*MISTAKES.values(), *VARIANTS.values()]
    return [entry for entry in entries if unit in (None, entry.unit)]


def run(entries: Sequence[Mistake | Variant], jobs: int = 1, on_trial: Callable[[], None] = lambda: None) -> list[Trial]:
    """Try all of them, in `jobs` warm processes; the results in the order of `entries`."""
    if jobs == 1:
        trials = []
        for entry in entries:
            trials.append(try_out(entry))
            on_trial()
        return trials
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        pending = [pool.submit(try_out, entry) for entry in entries]
        for _ in as_completed(pending):
            on_trial()
        return [future.result() for future in pending]


def jobs_here() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def as_known(trials: Sequence[Trial]) -> dict[str, dict[str, list[known.Known]]]:
    """What the checks' file of known mistakes must hold: unit -> question -> mistakes."""
    found: dict[str, dict[str, list[known.Known]]] = {}
    for trial in trials:
        mistake = MISTAKES.get(trial.id)
        if mistake is not None:
            one = known.Known(mistake.id, mistake.what, mistake.hint, trial.traces)
            found.setdefault(trial.unit, {}).setdefault(trial.exercise, []).append(one)
    return found


def totals(trials: Sequence[Trial]) -> dict[str, int]:
    wrong = [trial for trial in trials if trial.id in MISTAKES]
    right = [trial for trial in trials if trial.id not in MISTAKES]
    return {
        "mistakes": len(wrong),
        "caught": sum(trial.caught for trial in wrong),
        "spilled": sum(bool(trial.spilled) for trial in trials),
        "variants": len(right),
        "variants_failed": sum(trial.caught for trial in right),
        "hints_right": sum(trial.shown.hint == MISTAKES[trial.id].hint for trial in wrong),
    }
