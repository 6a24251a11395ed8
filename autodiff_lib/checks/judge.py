"""The judge compares answers with the reference. It never runs the code that gave them."""

from __future__ import annotations

from collections.abc import Callable

from .question import Answer, Case, Failure, Part, PartVerdict, Question, Verdict


def judge(question: Question, answer: Callable[[Case], Answer]) -> Verdict:
    """The verdict on a question; `answer` gets a case's answer from wherever the student's code runs."""
    return Verdict(question.name, question.number, tuple(judge_part(part, answer) for part in question.parts))


def judge_part(part: Part, answer: Callable[[Case], Answer]) -> PartVerdict:
    """All or nothing over the cases, which are in ascending size: the first failure is the smallest."""
    failures: list[Failure] = []
    for case in part.cases:
        given = answer(case)
        failure = problem_of(case, given) or part.judge(case, given)
        if failure is not None:
            failures.append(failure)
            if failure.reason == "missing":  # nobody wrote it: the other cases say the same
                failures += [failure] * (len(part.cases) - 1)
                break
    return PartVerdict(
        part=part.name,
        points=0 if failures else part.points,
        max_points=part.points,
        passed=len(part.cases) - len(failures),
        cases=len(part.cases),
        failure=failures[0] if failures else None,
    )


def problem_of(case: Case, answer: Answer) -> Failure | None:
    """The failure of an answer that did not come about."""
    problem = answer.problem
    if problem is None:
        return None
    if problem.kind == "NotImplementedError":
        return Failure(case.name, "missing", problem.message)
    if problem.kind in ("WrongKindError", "GraphError"):
        return Failure(case.name, "wrong", problem.message)
    where = f" ({problem.where})" if problem.where else ""
    return Failure(case.name, "error", f"your code raised {problem.kind}: {problem.message}{where}")
