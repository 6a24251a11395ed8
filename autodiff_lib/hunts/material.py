"""What is hunted: a short program, the single mistakes that somebody may have made in it, and other right versions."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..ipython import remember


@dataclass(frozen=True)
class Mistake:
    """One line of the right version, written wrongly."""

    slug: str
    what: str  # what is wrong; it completes "the code in which ..."
    look: str  # a question that leads to an input which shows it
    right: str  # the line, without its indentation; it stands there once
    wrong: str  # what stands there instead


@dataclass(frozen=True)
class Material:
    """A program to hunt in. Its mistakes are subtle: the example in the notebook passes with each of them."""

    name: str  # of the function or class that the text defines; the student's test gets it
    right: str
    variants: tuple[str, ...]  # right as well, and written in another way: a test that fails for one of them asks too much
    mistakes: tuple[Mistake, ...]
    test: Callable[[Any], None]  # the course's own: raises AssertionError, with a message, for each of the mistakes
    advice: str  # kinds of inputs to think of, before anybody asks for more


def dedented(text: str) -> str:
    """A program as it is shown, without the indentation and the empty lines of where it was written down."""
    return textwrap.dedent(text).strip() + "\n"


def line_of(material: Material, mistake: Mistake) -> int:
    """The number of the line in which a mistake is made. ValueError where its right line is not there exactly once."""
    lines = [line.strip() for line in material.right.splitlines()]
    if lines.count(mistake.right) != 1:
        raise ValueError(f"{material.name}, mistake {mistake.slug}: its line is there {lines.count(mistake.right)} times: {mistake.right}")
    return lines.index(mistake.right) + 1


def with_mistake(material: Material, mistake: Mistake) -> str:
    """The program with one mistake."""
    return with_line(material.right, line_of(material, mistake), mistake.wrong)


def with_line(text: str, number: int, written: str) -> str:
    """A program with another line `number`, at the indentation of the one that it replaces; it may be several lines."""
    lines = text.splitlines()
    before = lines[number - 1]
    indentation = before[: len(before) - len(before.lstrip())]
    lines[number - 1] = textwrap.indent(textwrap.dedent(written).strip(), indentation)
    return "\n".join(lines) + "\n"


def defined_by(material: Material, text: str, version: str) -> Any:
    """What a version of the program defines, made anew: no two runs share anything.

    SyntaxError where it is no Python, NameError where it does not define what it should, and whatever it raises itself.
    """
    file = f"<{material.name}, {version}>"
    remember(file, text)
    scope: dict[str, Any] = {"__name__": material.name}
    exec(compile(text, file, "exec"), scope)
    if material.name not in scope:
        raise NameError(f"the code defines no {material.name}")
    return scope[material.name]
