"""The judge compares answers with the reference. It never runs the code that gave them, and never raises for what they hold."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar, cast

from .forms import misformed
from .known import Known, Trace, mark, recognised
from .question import Answer, Beside, Case, Failure, Part, PartVerdict, Question, Reason, Verdict
from .wire import pack_answer

FINAL = ("missing", "timeout", "memory", "killed", "tampered")
HINTS = {  # kind of error -> what it is a sign of, whatever the code
    "RecursionError": "How many calls are open at once? What remains to be done can wait in a list of your own.",
    "TooMuchWorkError": "Is something walked through again for each node that needs it?",
}
MAX_REMEMBERED = 10_000  # right answers of a part
MAX_CONTRASTED = 3  # values of a feature that are worth listing
FAILED = "The check itself failed on this answer. You lose no points by it: a person will look. Tell your instructor which exercise it was."

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())  # whoever grades listens; a student's notebook shows no traceback of the library's

Answers = Callable[[Sequence[Case]], Iterable[Answer]]
"""Gets the answers to cases, in their order, from wherever the student's code runs. Not all of them may be taken."""

T = TypeVar("T")


def judge(question: Question, answers: Answers, known: Sequence[Known] = ()) -> Verdict:
    """The verdict on a question. Failures that are those of a known mistake get its hint."""
    verdict, traces = judged(question, answers)
    return recognised(verdict, traces, known) if any(traces.values()) else verdict


def judged(question: Question, answers: Answers) -> tuple[Verdict, dict[str, Trace]]:
    """The verdict, and for each part the trace of its failures."""
    parts: list[PartVerdict] = []
    traces: dict[str, Trace] = {}
    for part in question.parts:
        said = any(earlier.failure is not None and earlier.failure.beside is not None for earlier in parts)
        verdict, traces[part.name] = judge_part(part, answers, question.name, said)
        parts.append(verdict)
    return Verdict(question.name, question.number, tuple(parts)), traces


def judge_part(part: Part, answers: Answers, question: str, said: bool = False) -> tuple[PartVerdict, Trace]:
    """What the part's credit gives for the cases that passed. They are in ascending size: the first failure is the smallest.

    The failure that is shown tells how far its answer goes with the reference, unless that is `said` already: one mistake
    spoils several parts.

    A case on which the judge itself fails decides nothing where another one shows that the answer is wrong.
    """
    failures: list[Failure] = []
    passed: list[Case] = []
    failed: list[Case] = []
    told: list[str] = []
    for case, given in zip(part.cases, answers(part.cases), strict=True):
        failure = found_by(part, case, given, question)
        if failure is None or failure.reason == "wrong":
            told.append(case.form.told(case, given))
        if failure is None:
            passed.append(case)
            continue
        if failure.reason == "wrong" and not said and all(earlier.reason == "unanswered" for earlier in failures):
            failure = replace(failure, beside=beside_of(case, given, question))
        failed.append(case)
        failures.append(replace(failure, printed=given.printed, hidden=case.hidden))
        if failure.reason in FINAL:  # the other cases would say the same, or wait as long
            break
    trace = {} if part.timed else {case.name: mark(case.name, failure) for case, failure in zip(failed, failures, strict=True)}
    verdict = PartVerdict(
        part=part.name,
        points=part.points * part.credit(len(passed), len(part.cases)),
        max_points=part.points,
        passed=len(passed),
        cases=len(part.cases),
        failure=next((failure for failure in failures if failure.reason != "unanswered"), failures[0] if failures else None),
        contrast=contrast(passed, failed),
        told=tuple(filter(None, told)),
    )
    return verdict, trace


def found_by(part: Part, case: Case, answer: Answer, question: str) -> Failure | None:
    """What is wrong with an answer. Where the judge raises there is no verdict: a person has to look, and the log says at what.

    In a class most right answers are alike to the byte: one that was found right before is not looked at again.
    """

    def found() -> Failure | None:
        digest = digest_of(case, answer)
        if digest in part.passed:
            return None
        failure = failure_of(part, case, answer)
        if failure is None and len(part.passed) < MAX_REMEMBERED:
            part.passed.add(digest)
        return failure

    otherwise: Failure | None = Failure(case.name, "unanswered", FAILED)
    return surely(found, otherwise, f"no verdict on {question}, {part.name}, case {case.name}")


def beside_of(case: Case, answer: Answer, question: str) -> Beside | None:
    """How far a wrong answer goes with the reference, where anything is known of that. Of hidden cases nothing is shown."""
    if case.hidden or answer.problem is not None:
        return None
    return surely(lambda: case.form.beside(case, answer), None, f"nothing beside {question}, case {case.name}")


def surely(ask: Callable[[], T], otherwise: T, what: str) -> T:
    """What somebody who may fail says, and something else where he does: the log then says at what."""
    try:
        return ask()
    except Exception:
        logger.exception("%s: the judge itself failed", what)
        return otherwise


def digest_of(case: Case, answer: Answer) -> bytes:
    """Of everything on which a verdict depends, beside the part: what was asked, and what came back."""
    said = pack_answer(replace(answer, printed=""), 0)
    return hashlib.blake2b(f"{case.seed}\n{case.name}\n".encode() + said, digest_size=16).digest()


def failure_of(part: Part, case: Case, answer: Answer) -> Failure | None:
    """What is wrong with an answer, by the first who says so: the probe, the form that its answers have, the judge."""
    return problem_of(case, answer) or misformed(case, answer) or part.judge(case, answer)


def contrast(passed: list[Case], failed: list[Case]) -> str:
    """A sentence on what all failing cases have and no passing one has; empty where nothing is that plain."""
    if len(passed) < 2 or not failed:
        return ""
    for feature in failed[0].features():
        bad = {case.features().get(feature) for case in failed}
        good = {case.features().get(feature) for case in passed}
        if bad.isdisjoint(good):
            fails, passes = (" or ".join(sorted(map(str, values))) for values in (bad, good))
            if len(bad) <= MAX_CONTRASTED:
                return f"What fails has {feature} {fails}" + (f"; what passes has {passes}." if len(good) <= MAX_CONTRASTED else ".")
            if len(good) <= MAX_CONTRASTED:
                return f"Only what has {feature} {passes} passes."
    return ""


def problem_of(case: Case, answer: Answer) -> Failure | None:
    """The failure of an answer that did not come about."""
    problem = answer.problem
    if problem is None:
        return None
    if problem.kind == "NotImplementedError":
        return Failure(case.name, "missing", problem.message)
    if problem.kind in FINAL:
        return Failure(case.name, cast(Reason, problem.kind), f"There is no answer: {problem.message}.")
    if problem.kind == "MemoryError" or "can't allocate memory" in problem.message:
        return Failure(case.name, "memory", "Your code asked for more memory than there is.")
    if problem.kind in ("WrongKindError", "GraphError"):
        return Failure(case.name, "wrong", problem.message)
    where = f" ({problem.where})" if problem.where else ""
    hint = HINTS.get(problem.kind, "")
    return Failure(case.name, "error", f"your code raised {': '.join(filter(None, (problem.kind, problem.message)))}{where}", hint)
