"""A task: the judge trains a model in which a function's graph stands in the place of a part that the task needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ...checks.forms import Form
from ...checks.question import Answer, Ask, Failure, Question
from .judge import BUILD, Function, FunctionCase, Judge


@dataclass(frozen=True)
class TaskCase:
    """Something to learn that only this part of a model makes possible. The judge trains, with an engine and a seed of its own."""

    form: ClassVar[Form] = BUILD

    described: Function
    name: str
    number: float  # the last argument of the function
    seed: str = "public"
    hidden: bool = False

    @property
    def function(self) -> str:
        return self.described.name

    def features(self) -> dict[str, Any]:
        return {}

    def ask(self) -> Ask:
        return self.described.ask(self.number)


def with_task(question: Question, part: str, task: TaskCase, judge_task: Judge) -> Question:
    """A question, in whose part of this name the task is asked for as well."""
    parts = [
        replace(one, cases=(*one.cases, task), judge=or_task(one.judge, judge_task)) if one.name == part else one for one in question.parts
    ]
    return replace(question, parts=tuple(parts))


def or_task(judge: Judge, judge_task: Judge) -> Judge:
    """A judge who judges tasks as well."""

    def judged(case: FunctionCase | TaskCase, answer: Answer) -> Failure | None:
        return judge_task(case, answer) if isinstance(case, TaskCase) else judge(case, answer)

    return judged
