"""A hunt, as a notebook has it: the code with one mistake, and what can be said of a test, a line and a mend."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ..checks.time_limit import SECONDS
from ..units import UNITS, folder_of, part_of
from .material import Material, Mistake, defined_by, line_of, with_line, with_mistake
from .report import Line, Report, done, failing, said, waiting
from .trial import Outcome, tried

NOBODYS = 0
"""The mistake of whoever works outside of a handout."""

SMALLER = f"It was stopped after {SECONDS:g} seconds. Take a smaller input."
WHERE = "Take the input with which your test fails, and print what each line makes of it: which is the first wrong number?"
PROMISED = (
    "Only what the text in the code promises can be expected; and numbers that were rounded in another order differ in their "
    "last digits (torch.allclose and math.isclose know that)."
)


@dataclass
class Hunt:
    """A program with one of its mistakes."""

    unit: str
    material: Material
    number: int  # of the mistake, from 0
    seen_nothing: int = field(default=0, repr=False)  # how often a test did not see the mistake: then the hint comes

    @property
    def mistake(self) -> Mistake:
        return self.material.mistakes[self.number]

    @property
    def text(self) -> str:
        """The program with the mistake."""
        return with_mistake(self.material, self.mistake)

    @property
    def broken(self) -> Any:
        """What the program with the mistake defines, to try things with."""
        return defined_by(self.material, self.text, "with a mistake")

    def show(self) -> None:
        """Print the program, with the numbers of its lines."""
        count = len(self.material.mistakes)
        print(f"{self.material.name}, with one mistake: number {self.number} of {count}; seed=0 to {count - 1} chooses another one.\n")
        for number, line in enumerate(self.text.splitlines(), start=1):
            print(f"{number:3}  {line}".rstrip())

    def check(self, test: Callable[[Any], Any], line: int | None = None, mended: str = "") -> Report:
        """What a test is worth, and whether `line` is the one with the mistake and `mended` what should stand there instead.

        The test gets what the program defines, and raises AssertionError where that is wrong. Line and mend are looked at
        once it sees the mistake and lets right code pass. TypeError where the test cannot be called.
        """
        if not callable(test):
            raise TypeError(f"the test is {test!r}: give the function itself, as in hunt.check(test_{self.material.name})")
        fair = self.fairness(test)
        if not fair.good:
            return Report(self.material.name, (fair,))
        sees = self.sight(test)
        if not sees.good:
            return Report(self.material.name, (fair, sees))
        return Report(self.material.name, (fair, sees, *self.answer(test, line, mended)), (self.reach(test),))

    def run(self, test: Callable[[Any], Any], text: str, version: str, quiet: bool = True) -> Outcome:
        return tried(test, partial(defined_by, self.material, text, version), f"<{self.material.name}, {version}>", quiet)

    def fairness(self, test: Callable[[Any], Any]) -> Line:
        """Whether right code passes, however it is written."""
        versions = (self.material.right, *self.material.variants)
        for number, text in enumerate(versions):
            outcome = self.run(test, text, f"right version {number + 1}")
            if outcome.kind != "passed":
                return unfair(outcome, number)
        return done(f"Right code passes: {len(versions)} of {len(versions)} versions.")

    def sight(self, test: Callable[[Any], Any]) -> Line:
        """Whether the code with the mistake fails."""
        outcome = self.run(test, self.text, "with a mistake", quiet=False)
        if outcome.catches:
            return done("The code with the mistake fails.", shown(outcome))
        if outcome.kind == "timeout":
            return failing("On the code with the mistake, your test did not come to an end.", SMALLER)
        if outcome.kind == "error":
            return failing(
                "On the code with the mistake, your test ends in an error of its own; `assert` says what is wrong.", shown(outcome)
            )
        self.seen_nothing += 1
        hint = self.material.advice if self.seen_nothing == 1 else self.mistake.look
        return failing("Your test passes on the code with the mistake as well: on these inputs, the mistake does not show.", hint)

    def answer(self, test: Callable[[Any], Any], line: Any, mended: Any) -> tuple[Line, Line]:
        """What is said of the line and of the mend."""
        count = len(self.text.splitlines())
        if line is None:
            named = waiting("The line is not named yet.", f"hunt.check(test_{self.material.name}, line=...) names it.")
            return named, waiting("The line is not mended yet.")
        if isinstance(line, bool) or not isinstance(line, int) or not 1 <= line <= count:
            named = failing(f"line={line!r} is no line of this code.", f"Its lines are numbered from 1 to {count}.")
            return named, waiting("The line is not mended yet.")
        if not isinstance(mended, str):
            wrong = failing(f"mended={mended!r} is no text.", 'It is what should stand in that line, in quotes: mended="y = 2 * x".')
            return self.named(line, False), wrong
        if not mended.strip():
            more = 'mended="..." is what should stand there, without its indentation.'
            return self.named(line, False), waiting("The line is not mended yet.", more)
        text = with_line(self.text, line, mended)
        repaired = self.repaired(test, text)
        return self.named(line, repaired.good), repaired

    def named(self, line: int, right_now: bool) -> Line:
        """Whether the line is the one; where the code is right with another line there, it is another place to mend it."""
        where = line_of(self.material, self.mistake)
        if line == where:
            return done(f"Line {line} is the one.", f"In the code with the mistake, {self.mistake.what}.")
        if right_now:
            return done(f"The mistake was made in line {where}; with your line {line}, the code is right all the same.")
        return failing(f"Line {line} is not the one.", WHERE)

    def repaired(self, test: Callable[[Any], Any], text: str) -> Line:
        """Whether the code is right with the line that was written."""
        outcome = self.run(self.material.test, text, "mended")
        if outcome.kind == "failed":
            return failing("Mended so, the code is still wrong.", said(outcome.message))
        if outcome.kind == "timeout":
            return failing("Mended so, the code does not come to an end.")
        if outcome.kind != "passed":
            return failing("Mended so, the code does not run.", shown(outcome))
        if (own := self.run(test, text, "mended")).kind != "passed":
            return failing("Mended so, the code is right; but your test does not pass on it.", shown(own))
        return done("Mended: the code passes the course's own test, and yours.")

    def reach(self, test: Callable[[Any], Any]) -> Line:
        """How many of the other mistakes the test would see."""
        others = [mistake for mistake in self.material.mistakes if mistake is not self.mistake]
        caught = [self.run(test, with_mistake(self.material, other), "with another mistake").catches for other in others]
        sentence = f"Of {len(others)} other mistakes in this code, your test would catch {sum(caught)}."
        slips = next((other for other, seen in zip(others, caught, strict=True) if not seen), None)
        if slips is None:
            return done(sentence, "It does not depend on which one was made: that is a test to keep.")
        return waiting(sentence, f"One that it lets through is the code in which {slips.what}.")


def unfair(outcome: Outcome, number: int) -> Line:
    """Why right code does not pass: the first of the right versions is the one of which the mistake was made."""
    if outcome.kind == "timeout":
        return failing("Your test did not come to an end on right code.", SMALLER)
    if outcome.kind == "returned":
        return failing(f"Your test returns {outcome.message}, and nobody looks at that.", "Say by `assert` what must hold.")
    if outcome.kind == "error":
        return failing("Your test ends in an error of its own, whatever it is given.", shown(outcome))
    if outcome.kind == "crashed":
        return failing("With the input of your test, right code ends in an error: the input is not what this code is for.", shown(outcome))
    if number == 0:
        return failing("Your test fails on right code: what it expects is not true.", shown(outcome))
    return failing(
        "Your test asks too much: it fails on code that is right, and only written in another way.", f"{shown(outcome)} {PROMISED}"
    )


def shown(outcome: Outcome) -> str:
    """Where a run ended, and with what."""
    message = outcome.message.splitlines()[0] if outcome.message else ""
    return " ".join(filter(None, [said(outcome.line), said(message)]))


def of_unit(unit: str, seed: int | None = None) -> Hunt:
    """The hunt of a unit: in a handout with the student's own mistake, elsewhere with the first; `seed` chooses another one.

    ValueError where the unit has none, TypeError for a seed that is no whole number.
    """
    if unit not in units_with_hunts():
        raise ValueError(f"unit {unit} has no hunt; these have one: {', '.join(units_with_hunts())}")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise TypeError(f"seed={seed!r} is no whole number: it is the number of a mistake, as in hunts.of_unit('{unit}', seed=2)")
    material: Material = part_of(unit, "hunt").HUNT
    count = len(material.mistakes)
    return Hunt(unit, material, (own_number(unit, count) if seed is None else seed) % count)


def units_with_hunts() -> list[str]:
    return [unit for unit in UNITS if (folder_of(unit) / "hunt.py").is_file()]


def number_of(student: str, unit: str) -> int:
    """A number for a student, another one for each unit, and always the same."""
    return int.from_bytes(hashlib.sha256(f"{unit} {student}".encode()).digest()[:8], "big")


def own_number(unit: str, count: int) -> int:
    """Which of some mistakes is that of the student whose handout this is. It is kept: under another name, it stays the same one."""
    from ..student.handing_in import student_name
    from ..student.place import of_student

    place = of_student(Path.cwd())
    if place is None:
        return NOBODYS
    kept = place.remembered("hunts")
    if not isinstance(kept.get(unit), int):
        kept = {**kept, unit: number_of(student_name(place), unit) % count}
        with contextlib.suppress(OSError):
            place.remember("hunts", kept)
    return int(kept[unit])
