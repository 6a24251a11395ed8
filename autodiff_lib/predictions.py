"""Predictions: written down before a notebook shows the answer, kept, and never graded.

`predict = predictions.of_notebook("02_evaluator")`, then `predict("calls")` in front of what tells, and
`predict.answer("calls", counted)` where the notebook knows it. In JupyterLab one answers with the mouse or
the keyboard, anywhere else with `predict("calls", 26)`. What is asked, and what each answer would mean, stands
in `predictions.toml` in a unit's folder, or in a lecture's file of `lectures/`: what is beside the question in
the notebook would be read before it.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from .grading import graded  # in a jail, the grader has its own in this place
from .units import UNITS, folder_of

LECTURES = Path(__file__).parent / "lectures"
FORMS = ("choice", "number", "shape")
SIZES = r"\s*([0-9]+(?:(?:\s*[,x×]\s*|\s+)[0-9]+)*)\s*,?\s*"
SHAPE = re.compile(rf"\s*(?:\[\s*\]|\(\s*\)|\[{SIZES}\]|\({SIZES}\)|{SIZES})\s*")
OTHER = "other"  # the entry for every answer that has none of its own
KEPT = "predictions"
IN_JUPYTERLAB = "JPY_SESSION_NAME"  # a variable that Jupyter's server gives to the kernels of its notebooks
STRICT = "AUTODIFF_STRICT"  # a variable: an answer that is not the right one is an error, as for who writes the course


@dataclass(frozen=True)
class Question:
    """What is asked, which answer is right, and what each answer would mean."""

    ask: str
    right: str
    meaning: Mapping[str, str]
    form: str = "choice"  # or a number or a shape, which are typed

    def known(self, said: str) -> str:
        """The entry of `meaning` that an answer belongs to; OTHER where there is none."""
        return next((answer for answer in self.meaning if answer != OTHER and self.same(answer, said)), OTHER)

    def same(self, one: str, other: str) -> bool:
        if self.form == "choice":
            return one.strip() == other.strip()
        left, right = self.read(one), self.read(other)
        return left is not None and right is not None and len(left) == len(right) and all(map(math.isclose, left, right))

    def read(self, said: str) -> tuple[float, ...] | None:
        """The numbers of an answer that is typed; None where it is no number, or no shape."""
        if self.form == "shape":
            return tuple(map(float, re.findall("[0-9]+", said))) if SHAPE.fullmatch(said) else None
        try:
            return (float(said.replace("−", "-").replace(" ", "")),)
        except ValueError:
            return None

    def checked(self, said: Any) -> str:
        """An answer as it is kept. ValueError, which says what would be one, for anything else."""
        text = str(list(said)) if isinstance(said, tuple | list) else f"{said:g}" if isinstance(said, float) else str(said).strip()
        if self.form == "choice" and text not in self.choices:
            raise ValueError(f"'{text}' is none of the answers, which are: {'; '.join(self.choices)}")
        if self.form != "choice" and self.read(text) is None:
            raise ValueError(f"'{text}' is no {self.form}; write one like {'[2, 3]' if self.form == 'shape' else '12 or 0.5'}")
        return text

    @property
    def choices(self) -> list[str]:
        return [answer for answer in self.meaning if answer != OTHER]

    @property
    def example(self) -> str:
        """What a call with an answer looks like where nothing can be clicked."""
        return {"choice": repr(self.choices[0]), "number": "12", "shape": "[2, 3]"}[self.form]


@cache
def questions(notebook: str) -> Mapping[str, Question]:
    """Those of a unit or a lecture, by name. ValueError, naming what is wrong, where its file is not as it should be."""
    path = folder_of(notebook) / "predictions.toml" if notebook in UNITS else LECTURES / f"{notebook}.toml"
    if not path.is_file():
        raise ValueError(f"there are no predictions for '{notebook}': no unit has this name, and no lecture")
    found = {name: Question(**said) for name, said in tomllib.loads(path.read_text(encoding="utf-8")).items()}
    for name, question in found.items():
        if question.form not in FORMS:
            raise ValueError(f"{path.name}: {name} has the form '{question.form}'; there are {', '.join(FORMS)}")
        if question.right not in question.meaning:
            raise ValueError(f"{path.name}: {name} says nothing about its right answer, '{question.right}'")
    return found


def of_notebook(notebook: str) -> Predictions:
    """The `predict` of a notebook: `predict("name")` asks, `predict.answer("name", value)` tells."""
    return Predictions(notebook)


class Predictions:
    """What one person predicts in one notebook."""

    def __init__(self, notebook: str) -> None:
        self.notebook = notebook
        self.written = {} if graded() else kept().get(notebook, {})
        self.told: set[str] = set()  # what was answered since the notebook was opened: too late for another prediction

    def __call__(self, name: str, said: Any = None) -> None:
        """Ask; or write `said` down, where it is given. KeyError for a name that the notebook has not, ValueError for no answer."""
        if graded():
            return
        question = self.question(name)
        if said is not None:
            print(self.write(name, said))
        elif IN_JUPYTERLAB in os.environ:
            show_form(self, name, question)
        else:
            show(in_words(question, name, self.said(name)))

    def question(self, name: str) -> Question:
        known = questions(self.notebook)
        if name not in known:
            raise KeyError(f"{self.notebook} has no prediction '{name}'; it has {', '.join(known)}")
        return known[name]

    def said(self, name: str) -> str | None:
        """What was written down. What was kept is none where the question has other answers by now."""
        try:
            return self.question(name).checked(self.written[name])
        except (KeyError, ValueError):
            return None

    def write(self, name: str, said: Any) -> str:
        """Keep an answer. What to say about it. ValueError where it is none."""
        answer = self.question(name).checked(said)
        if name in self.told:
            return f"The notebook has answered this one already; what you wrote before stays: {self.said(name) or 'nothing'}"
        self.written[name] = answer
        try:
            keep(self.notebook, name, answer)
        except OSError as error:
            return f"Written down: {answer}. It is not kept beyond this session, because it cannot be saved ({error}). Now run on."
        return f"Written down: {answer}. Now run on."

    def answer(self, name: str, value: Any) -> None:
        """Show what was predicted, what `value` says, and what the other answers would have meant."""
        if graded():
            return
        question = self.question(name)
        found = question.known(f"{value:g}" if isinstance(value, float) else str(value))
        if found != question.right and STRICT in os.environ:
            raise AssertionError(f"{self.notebook}: {name} should be '{question.right}', and the notebook says '{value}'")
        self.told.add(name)
        show(Told(question, str(value), found == question.right, self.said(name)))


@dataclass(frozen=True)
class Told:
    """An answer, beside the prediction."""

    question: Question
    value: str
    as_expected: bool  # whether the notebook found what it should
    said: str | None

    def lines(self) -> list[str]:
        """What was said, and what is so."""
        question = self.question
        if not self.as_expected:
            wrong = f"Here it comes out as {self.value}, and with the course's own solutions as {question.right}."
            return [wrong, "Run the checks of the exercises that it needs: where they pass, yours goes another way, and that is fine."]
        truth = f"{question.right}. {question.meaning[question.right]}".strip()
        if self.said is None:
            return [f"Answer: {truth}"]
        if question.same(self.said, question.right):
            return [f"✓ As you predicted: {truth}"]
        meant = question.meaning.get(question.known(self.said), "")
        return [f"✗ You said: {self.said}. {meant}".strip(), f"Answer: {truth}"]

    def others(self) -> dict[str, str]:
        """What the answers would mean that are neither right nor the one that was given."""
        given = None if self.said is None else self.question.known(self.said)
        left_out = {OTHER, given, self.question.right}
        return {answer: text for answer, text in self.question.meaning.items() if answer not in left_out and text}

    def __repr__(self) -> str:
        return "\n".join([*self.lines(), *(f"  {answer}: {meaning}" for answer, meaning in self.others().items())])

    def _repr_html_(self) -> str:
        lines = "".join(f"<div>{escape(line)}</div>" for line in self.lines()[:-1])
        lines += f"<div><b>{escape(self.lines()[-1])}</b></div>"
        items = "".join(f"<li><b>{escape(answer)}</b>: {escape(meaning)}</li>" for answer, meaning in self.others().items())
        rest = f"<details><summary>What other answers would mean</summary><ul>{items}</ul></details>" if items else ""
        return f'<div style="max-width:46em">{lines}{rest}</div>'


def in_words(question: Question, name: str, said: str | None) -> str:
    """The question, where nothing can be clicked."""
    choices = [f"  - {choice}" for choice in question.choices] if question.form == "choice" else []
    last = f'Write it down: predict("{name}", {question.example})' if said is None else f"You wrote down: {said}"
    return "\n".join([question.ask, *choices, last])


def show_form(predict: Predictions, name: str, question: Question) -> None:
    """The question with something to click, or a line to fill in."""
    from IPython.display import display

    # a file that is read without a kernel shows the words
    words = {"text/plain": in_words(question, name, predict.said(name))}
    display(form_of(predict, name, question)._repr_mimebundle_() | words, raw=True)


def form_of(predict: Predictions, name: str, question: Question) -> Any:
    """The form: the question, what is clicked or filled in, and what comes of it."""
    import ipywidgets  # here, because it takes a while, and nothing else needs it

    said = predict.said(name)
    outcome = ipywidgets.HTML(f"You wrote down: {escape(said)}" if said else "")
    wide = ipywidgets.Layout(width="auto")
    entry: Any
    if question.form == "choice":
        entry = ipywidgets.RadioButtons(options=question.choices, value=said, layout=wide)
        shown = [entry]
    else:
        entry = ipywidgets.Text(said or "", placeholder="[2, 3]" if question.form == "shape" else "a number", continuous_update=False)
        button = ipywidgets.Button(description="Write down", layout=wide)
        shown = [ipywidgets.HBox([entry, button])]

    def write(_: Any) -> None:
        if entry.value in (None, ""):
            return
        try:
            outcome.value = escape(predict.write(name, entry.value))
        except ValueError as error:
            outcome.value = escape(str(error))

    entry.observe(write, "value")
    if question.form != "choice":
        button.on_click(write)
    return ipywidgets.VBox([ipywidgets.HTML(f"<b>{escape(question.ask)}</b>"), *shown, outcome])


def show(thing: Any) -> None:
    from IPython.display import display

    print(thing) if isinstance(thing, str) else display(thing)


def kept() -> dict[str, dict[str, str]]:
    """Notebook -> name -> what was predicted, of who works in a handout's folder; nothing for anybody else."""
    place = here()
    found = place.remembered(KEPT) if place else {}
    return {notebook: texts(said) for notebook, said in found.items() if isinstance(said, dict)}


def texts(said: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, text in said.items() if isinstance(text, str)}


def keep(notebook: str, name: str, answer: str) -> None:
    """Keep one prediction beside those there, which another kernel of the notebook may have made. OSError where it cannot be."""
    if place := here():
        before = kept()
        place.remember(KEPT, {**before, notebook: {**before.get(notebook, {}), name: answer}})


def here() -> Any:
    """The handout that one works in, or None. Outside of one, a prediction lives as long as the kernel."""
    from .student.place import of_student  # here, because in a jail it is not there

    return of_student(Path.cwd())
