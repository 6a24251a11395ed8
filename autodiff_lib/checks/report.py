"""Verdicts to look at: HTML in a notebook and on the feedback page, plain text in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape

import numpy as np

from ..ipython import shows_html
from .compare import close
from .question import Failure, PartVerdict, Question, Verdict

MAX_SHOWN = 8  # rows and columns of a matrix that are printed; the rest is cut off
MAX_PRINTED = 400  # characters of what the student's code printed
NOT_RUN = "If you have written it: its cell has not run without an error yet."
TO_LOOK_AT = "When this is graded, a person will look at what follows; no points depend on it."
GREEN, RED, GREY = "#1a7f37", "#b42318", "#6e7781"
WARNING = "background:#ffe08a;color:#3d2a00;border:3px solid #b35900;padding:8px 12px;margin:4px 0;font-family:sans-serif;font-weight:700"


class Score(float):
    """A check's points: a number to nbgrader, a report to whoever looks at it."""

    verdict: Verdict
    question: Question
    note: str

    def __new__(cls, verdict: Verdict, question: Question, note: str = "") -> Score:
        score = super().__new__(cls, verdict.points)
        score.verdict, score.question, score.note = verdict, question, note
        if not shows_html():
            print("\n".join(filter(None, [f"⚠ {note}" if note else "", text(verdict, question, bool(note))])))
        return score

    def __repr__(self) -> str:
        return f"{float(self):g}"

    def _repr_html_(self) -> str:
        return warning_html([self.note] if self.note else []) + html(self.verdict, self.question, bool(self.note))


@dataclass(frozen=True)
class Overview:
    """All verdicts of a unit, a line and a bar for each; and what a person will look at when it is graded."""

    verdicts: list[Verdict]
    flags: tuple[str, ...] = ()
    extra: frozenset[str] = frozenset()  # questions whose points come on top
    notes: Mapping[str, str] = field(default_factory=dict)  # question -> why its verdict is about an old version

    def total(self) -> str:
        points = sum(verdict.points for verdict in self.verdicts)
        most = sum(verdict.max_points for verdict in self.verdicts if verdict.question not in self.extra)
        return f"{points:g} of {most:g} points"

    def __repr__(self) -> str:
        heads = [headline(verdict, verdict.question in self.notes) for verdict in self.verdicts]
        lines = [*(f"⚠ {note}" for note in self.notes.values()), *(f"{mark} {sentence}" for mark, _, sentence in heads)]
        return "\n".join([*lines, self.total(), *([TO_LOOK_AT] if self.flags else []), *(f"  {flag}" for flag in self.flags)])

    def _repr_html_(self) -> str:
        lines = [overview_row(verdict, verdict.question in self.notes) for verdict in self.verdicts]
        rows = f'<table style="font-family:sans-serif">{"".join(lines)}</table><div><b>{self.total()}</b></div>'
        flags = "".join(f"<li>{escape(flag)}</li>" for flag in self.flags)
        return warning_html(self.notes.values()) + rows + (f'<div style="opacity:.8">{TO_LOOK_AT}<ul>{flags}</ul></div>' if flags else "")


def warning_html(notes: Iterable[str]) -> str:
    return "".join(f'<div role="alert" style="{WARNING}">⚠ {escape(note)}</div>' for note in notes)


def overview_row(verdict: Verdict, old: bool = False) -> str:
    mark, colour, sentence = headline(verdict, old)
    full, filled = (round(24 * points) for points in (verdict.max_points, verdict.points))
    frame = f"width:{full}px;height:12px;border:1px solid {GREY}"
    bar = f'<div style="{frame}"><div style="width:{filled}px;height:12px;background:{colour}"></div></div>'
    shown = f'<td style="color:{colour};font-weight:600">{mark}</td><td style="text-align:left">{escape(sentence)}</td>'
    return f"<tr>{shown}<td>{bar}</td></tr>"


@dataclass(frozen=True)
class Picture:
    """An array as it is shown: a titled matrix, with the entries that differ from `other` marked."""

    title: str
    matrix: np.ndarray
    wrong: np.ndarray
    cut: bool
    digits: int = 4


def number(value: float, digits: int = 4) -> str:
    """Zeros without a sign, and what is nearly zero as it is."""
    return f"{value + 0.0:.{digits}g}"


def digits_to_tell(got: np.ndarray, expected: np.ndarray, wrong: np.ndarray) -> int:
    """How many digits must be shown for the wrong entries to look wrong."""
    pairs = list(zip(got[wrong], expected[wrong], strict=True))
    return next((digits for digits in (4, 7, 11) if any(number(a, digits) != number(b, digits) for a, b in pairs)), 16)


def pictures(failure: Failure) -> list[Picture]:
    """The inputs, then what came and what was expected: of higher ranks, the slice where they first differ."""
    shown = [picture(name, array) for name, array in failure.inputs.items()]
    if failure.got is None or failure.expected is None:
        return shown
    return [*shown, *pair("yours", failure.got, "expected", failure.expected)]


def pair(mine: str, got: np.ndarray, theirs: str, expected: np.ndarray) -> list[Picture]:
    """Two arrays with the entries marked in which they differ."""
    wrong = ~close(got, expected, "float64" if got.dtype == "float64" else "float32") if got.shape == expected.shape else None
    digits = digits_to_tell(got, expected, wrong) if wrong is not None else 4
    return [picture(mine, got, wrong, digits), picture(theirs, expected, wrong, digits)]


def pictures_beside(failure: Failure) -> list[Picture]:
    """The first value that differs, yours and the reference's; nothing where these are what is shown as the answer anyway."""
    beside = failure.beside
    if beside is None or beside.got is None or beside.expected is None:
        return []
    shown = [failure.got, failure.expected]
    if all(a is not None and np.array_equal(a, b, equal_nan=True) for a, b in zip(shown, (beside.got, beside.expected), strict=True)):
        return []
    return pair(f"yours: {beside.yours}", beside.got, f"the reference's {beside.reference}", beside.expected)


def picture(name: str, array: np.ndarray, wrong: np.ndarray | None = None, digits: int = 4) -> Picture:
    wrong = np.zeros(array.shape, bool) if wrong is None else wrong
    where = tuple(np.argwhere(wrong)[0]) if wrong.any() else (0,) * array.ndim
    index = tuple(int(i) for i in where[:-2]) if array.ndim > 2 and array.size else ()
    title = f"{name} {list(array.shape)}" + (f", slice {list(index)}" if index else "")
    matrix, marked = (np.atleast_2d(shown[index]) if shown.size else np.zeros((0, 0), shown.dtype) for shown in (array, wrong))
    cut = max(matrix.shape, default=0) > MAX_SHOWN
    return Picture(title, matrix[:MAX_SHOWN, :MAX_SHOWN], marked[:MAX_SHOWN, :MAX_SHOWN], cut, digits)


def headline(verdict: Verdict, old: bool = False) -> tuple[str, str, str]:
    """(mark, colour, sentence) for the whole question; where it is about an `old` version of the code, nothing is green.

    What is not graded, and so worth nothing, is right or not.
    """
    worth = f"{verdict.points:g} of {verdict.max_points:g} points" if verdict.max_points else ""
    right = worth or ("right" if verdict.reason == "passed" else "not right yet")
    if old:
        return "⚠", GREY, f"{verdict.question}, the old version: {right}"
    if verdict.reason == "passed":
        return "✓", GREEN, f"{verdict.question}: {right}"
    if verdict.reason == "unanswered":
        return "○", GREY, f"{verdict.question}: no verdict, and no zero; a person will look at it"
    if verdict.untouched:
        return "○", GREY, f"{verdict.question}: not done yet" + (f" (0 of {verdict.max_points:g} points)" if worth else "")
    if verdict.reason == "missing":
        return "○", GREY, ", ".join(filter(None, (f"{verdict.question}: not complete yet", worth)))
    return "✗", RED, f"{verdict.question}: {right}"


def part_line(part: PartVerdict, old: bool = False) -> tuple[str, str, str]:
    """(mark, colour, sentence) for one part."""
    worth = f", {part.points:g} of {part.max_points:g}" if part.max_points else ""
    if part.failure is None:
        return "✓", GREY if old else GREEN, f"{part.part}: all {part.cases} cases{worth}"
    if part.failure.reason == "missing":
        return "○", GREY, f"{part.part}: not done yet{worth}"
    if part.failure.reason == "unanswered":
        return "○", GREY, f"{part.part}: no verdict"
    return "✗", RED, f"{part.part}: {part.passed} of {part.cases} cases{worth}"


def look_at(question: Question, part: PartVerdict) -> str:
    return next(candidate.look_at for candidate in question.parts if candidate.name == part.part)


def explanations(verdict: Verdict, question: Question) -> list[tuple[PartVerdict, list[str]]]:
    """For each part: the sentences to show under it. A part that nobody wrote needs none; nothing is said twice."""
    explained: list[tuple[PartVerdict, list[str]]] = []
    said: dict[tuple[str, str], str] = {}  # case and message -> part
    hinted: set[str] = set()
    for part in verdict.parts:
        failure = part.failure
        if failure is None or failure.reason == "missing":
            explained.append((part, [*part.told]))
            continue
        if (first := said.setdefault((failure.case, failure.message), part.part)) != part.part:
            explained.append((part, [f"The same as in {first}."]))
            continue
        if failure.reason == "unanswered":
            explained.append((part, [failure.message]))
            continue
        printed = f"Your code printed: {failure.printed[:MAX_PRINTED].rstrip()}" if failure.printed else ""
        look = f"Look at: {look_at(question, part)}"
        look += "." * (not look.endswith("?"))
        hint = "" if failure.hint in hinted else failure.hint
        hinted.add(failure.hint)
        lines = [f"Smallest failing case: {failure.case}.", failure.message, hint, part.contrast, look, *part.told, printed]
        explained.append((part, [line for line in lines if line]))
    return explained


def text(verdict: Verdict, question: Question, old: bool = False) -> str:
    mark, _, sentence = headline(verdict, old)
    lines = [f"{mark} {sentence}"]
    if verdict.untouched:
        return f"{lines[0]}\n  {NOT_RUN}"
    for part, sentences in explanations(verdict, question):
        mark, _, sentence = part_line(part)
        lines.append(f"  {mark} {sentence}")
        lines += [f"      {line}" for line in sentences]
        if part.failure is not None and sentences:
            lines += pictures_text(pictures(part.failure))
            if part.failure.beside is not None:
                lines += [f"      {part.failure.beside.said}", *pictures_text(pictures_beside(part.failure))]
    return "\n".join(lines)


def pictures_text(shown: Iterable[Picture]) -> list[str]:
    lines = []
    for one in shown:
        lines.append(f"      {one.title}{' (cut)' if one.cut else ''}")
        lines += ["        " + " ".join(f"{number(value, one.digits):>11}" for value in row) for row in one.matrix]
    return lines


def html(verdict: Verdict, question: Question, old: bool = False) -> str:
    mark, colour, sentence = headline(verdict, old)
    if verdict.untouched:
        body = f'<div style="opacity:.8">{NOT_RUN}</div>'
    else:
        body = "".join(part_html(part, sentences, old) for part, sentences in explanations(verdict, question))
    return framed(f"{mark} {sentence}", colour, body)


def framed(head: str, colour: str, body: str) -> str:
    """A report: its head, a text, over its body, which is HTML."""
    style = f"border-left:6px solid {colour};padding:6px 12px;margin:4px 0;font-family:sans-serif;line-height:1.5"
    return f'<div style="{style}"><div style="font-weight:600;color:{colour}">{escape(head)}</div>{body}</div>'


def part_html(part: PartVerdict, sentences: list[str], old: bool = False) -> str:
    mark, colour, line = part_line(part, old)
    rows = [f'<div><span style="color:{colour};font-weight:600">{mark}</span> {escape(line)}</div>']
    inner = "".join(f"<div>{escape(sentence)}</div>" for sentence in sentences)
    if part.failure is not None and sentences:
        shown = pictures(part.failure)
        answers = shown[-2:] if part.failure.got is not None else []
        inputs = shown[: len(shown) - len(answers)]
        drawn = part.failure.picture() if part.failure.picture is not None else ""
        inner += drawn + pictures_html(answers, scale(answers)) + pictures_html(inputs)
        if part.failure.beside is not None:
            beside = pictures_beside(part.failure)
            inner += f"<div>{escape(part.failure.beside.said)}</div>{pictures_html(beside, scale(beside))}"
    if inner:
        rows.append(f'<div style="margin:2px 0 8px 20px">{inner}</div>')
    return "".join(rows)


def scale(shown: list[Picture]) -> tuple[float, float]:
    """The lowest and the highest number of all."""
    finite = [one.matrix[np.isfinite(one.matrix)] for one in shown]
    numbers = np.concatenate([np.ravel(part) for part in finite]) if finite else np.zeros(0)
    return (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 1.0)


def pictures_html(shown: list[Picture], shared: tuple[float, float] | None = None) -> str:
    """Matrices side by side, shaded on a shared scale, so that equal numbers have equal grey, or each on its own."""
    tables = "".join(matrix_html(one, *(shared or scale([one]))) for one in shown)
    return f'<div style="display:flex;flex-wrap:wrap;gap:18px;margin:6px 0">{tables}</div>' if shown else ""


def matrix_html(shown: Picture, low: float, high: float) -> str:
    rows = []
    for values, marks in zip(shown.matrix, shown.wrong, strict=True):
        pairs = zip(map(float, values), map(bool, marks), strict=True)
        cells = "".join(cell_html(number(value, shown.digits), value, wrong, low, high) for value, wrong in pairs)
        rows.append(f"<tr>{cells}</tr>")
    title = escape(shown.title) + (", cut" if shown.cut else "")
    caption = f'<div style="font-size:85%;opacity:.8">{title}</div>'
    table = f'<table style="border-collapse:separate;border-spacing:2px;margin:0">{"".join(rows)}</table>'
    return f'<div style="max-width:100%;overflow-x:auto">{caption}{table}</div>'


def cell_html(shown: str, value: float, wrong: bool, low: float, high: float) -> str:
    spread = high / 2 - low / 2  # halves: the distance of the two may be more than there are numbers for
    depth = (value / 2 - low / 2) / spread if spread > 0 and np.isfinite(value) else 0.0
    red, green, blue = (round(245 - depth * (245 - dark)) for dark in (108, 158, 201))  # light grey to steel blue
    frame = f"2px solid {RED};font-weight:700" if wrong else "2px solid transparent"
    style = f"background:rgb({red},{green},{blue});color:#111;border:{frame};padding:1px 6px;text-align:right;font-family:monospace"
    return f'<td style="{style}">{shown}</td>'
