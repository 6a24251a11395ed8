"""What is said of a test, a line and a mend, in the looks of a check's report."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from ..checks.report import GREEN, GREY, RED, framed


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    mark: str  # ✓, ✗, or ○ where there is nothing to look at yet
    sentence: str
    more: str = ""

    @property
    def good(self) -> bool:
        return self.mark == "✓"


def done(sentence: str, more: str = "") -> Line:
    return Line("✓", sentence, more)


def failing(sentence: str, more: str = "") -> Line:
    return Line("✗", sentence, more)


def waiting(sentence: str, more: str = "") -> Line:
    return Line("○", sentence, more)


def said(text: str) -> str:
    """A text as a sentence: with a full stop where it ends in none."""
    text = text.strip()
    return text if not text or text[-1] in ".!?:" else f"{text}."


COLOURS = {"✓": GREEN, "✗": RED, "○": GREY}


@dataclass(frozen=True)
class Report:
    """All that was looked at, in order; `besides` is what is good to know, and nothing depends on it."""

    name: str
    lines: tuple[Line, ...]
    besides: tuple[Line, ...] = ()

    @property
    def solved(self) -> bool:
        return len(self.lines) == 4 and all(line.good for line in self.lines)

    @property
    def headline(self) -> tuple[str, str, str]:
        """Mark, colour and sentence for the whole. Nothing is red before somebody has claimed something that is wrong."""
        if self.solved:
            return "✓", GREEN, f"{self.name}: found, named and mended"
        if len(self.lines) == 4:
            return "○", GREY, f"{self.name}: your test sees the mistake"
        return "○", GREY, f"{self.name}: the mistake is not found yet"

    def __repr__(self) -> str:
        mark, _, sentence = self.headline
        shown = [f"{mark} {sentence}"]
        for line in (*self.lines, *self.besides):
            shown += [f"  {line.mark} {line.sentence}", *([f"      {line.more}"] if line.more else [])]
        return "\n".join(shown)

    def _repr_html_(self) -> str:
        mark, colour, sentence = self.headline
        return framed(f"{mark} {sentence}", colour, "".join(map(line_html, (*self.lines, *self.besides))))


def line_html(line: Line) -> str:
    first = f'<div><span style="color:{COLOURS[line.mark]};font-weight:600">{line.mark}</span> {escape(line.sentence)}</div>'
    return first + (f'<div style="margin:2px 0 8px 20px">{escape(line.more)}</div>' if line.more else "")
