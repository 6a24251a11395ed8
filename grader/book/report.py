"""A page on a class: who got what, which exercises are hard, which mistakes are common, what is ungraded.

It is one file, for a desk and for a telephone. Its one script sorts and filters tables; the page's policy allows that
script, by its digest, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from statistics import StatisticsError, correlation, median

from ..authors.catalogue import MISTAKES
from ..classes.records import QuestionRecord, Record
from .feedback import POLICY, TEMPLATES

STYLE = (TEMPLATES / "class_report.css").read_text(encoding="utf-8")
SCRIPT = (TEMPLATES / "class_report.js").read_text(encoding="utf-8")
DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
REPORT_POLICY = f"{POLICY}; script-src 'sha256-{DIGEST}'"
"""Content security policy of the report: its own script may run, and no other."""

SYNTAX = ("SyntaxError", "IndentationError", "TabError")
WORDS = {"passed": "solved", "missing": "not done", "unanswered": "ungraded"}
KINDS = ("solved", "wrong", "error", "timeout", "memory", "killed", "tampered", "syntax error", "cell fails", "not done", "ungraded")
BINS = 10  # of the distribution
SHOWN = 8  # names in a line


@dataclass(frozen=True)
class Standing:
    """What else is known of a student: the name, the points that count, with what a person typed, and where the page lies."""

    name: str = ""
    total: float | None = None
    link: str = ""  # relative to the report


@dataclass(frozen=True)
class Cell:
    """A cell of a table: HTML, what it is sorted by, and its class."""

    html: str
    value: float | str = ""
    kind: str = ""


def page(unit: str, records: Sequence[Record], standings: Mapping[str, Standing] | None = None) -> str:
    """The report as one HTML file."""
    standings = standings or {}
    judged = [record for record in records if not record.ungraded]
    body = [
        f"<h1>{escape(unit)}</h1>",
        made(records),
        summary(records, judged),
        *([distribution(judged), items(judged)] if judged else []),
        mistakes(records, standings),
        ungraded(records, standings),
        flagged(records, standings),
        repairs(records, standings),
        students(records, standings),
    ]
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{REPORT_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(unit)}: the class</title><style>{STYLE}</style>"
    )
    return f'<!DOCTYPE html><html lang="en"><head>{head}</head><body><main>{"".join(body)}</main><script>{SCRIPT}</script></body></html>'


def write(path: Path, unit: str, records: Sequence[Record], standings: Mapping[str, Standing] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(unit, records, standings), encoding="utf-8")


def made(records: Sequence[Record]) -> str:
    versions = ", ".join(sorted({record.version for record in records if record.version}))
    by = f" by version {escape(versions)}" if versions else ""
    return f'<p class="made">Graded{by}. This page was written on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</p>'


def summary(records: Sequence[Record], judged: Sequence[Record]) -> str:
    facts = {"submissions": str(len(records)), "ungraded": str(len(records) - len(judged))}
    if judged:
        points = [record.points for record in judged]
        most = judged[0].max_points
        facts |= {
            name: f"{value:g} ({share(value, most)})"
            for name, value in (("lowest", min(points)), ("median", median(points)), ("highest", max(points)))
        }
        facts["points"] = f"{most:g}"
    tiles = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    unjailed = sum(not record.jailed for record in records)
    return f"<dl>{tiles}</dl>" + (f'<p class="warning">{unjailed} were graded without a jail.</p>' if unjailed else "")


def share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


# --- tables


def text(value: str, long: bool = False) -> Cell:
    return Cell(escape(value), value, "long" if long else "")


def number(value: float, shown: str = "") -> Cell:
    return Cell(escape(shown or f"{value:g}"), value, "number")


def bar(part: float) -> Cell:
    return Cell(f'<span style="width:{100 * part:.1f}%"></span>', part, "bar")


EMPTY = Cell("–", "", "number")


def table(titles: Sequence[str], rows: Sequence[Sequence[Cell]], name: str = "") -> str:
    heads = "".join(f'<th scope="col"><button type="button">{escape(title)}</button></th>' for title in titles)
    lines = "".join(f"<tr>{''.join(map(td, row))}</tr>" for row in rows)
    named = f' id="{name}"' if name else ""
    return f'<div class="scroll"><table class="sortable"{named}><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>'


def td(cell: Cell) -> str:
    kind = f' class="{cell.kind}"' if cell.kind else ""
    return f'<td{kind} data-value="{escape(str(cell.value))}">{cell.html}</td>'


def who(names: Sequence[str], standings: Mapping[str, Standing]) -> Cell:
    shown = ", ".join(linked(name, standings) for name in names[:SHOWN])
    return Cell(shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""), ", ".join(names), "long")


def linked(student: str, standings: Mapping[str, Standing]) -> str:
    link = standings[student].link if student in standings else ""
    return f'<a href="{escape(link)}">{escape(student)}</a>' if link else escape(student)


# --- sections


def distribution(judged: Sequence[Record]) -> str:
    """How many students have how many points, in tenths."""
    most = judged[0].max_points
    counts = Counter(min(BINS - 1, int(BINS * record.points / most)) for record in judged)
    rows = []
    for number_of in range(BINS):
        low, high = 100 * number_of / BINS, 100 * (number_of + 1) / BINS
        label = f"{low:.0f} to below {high:.0f} %"
        if number_of == BINS - 1:
            label = f"{low:.0f} % and more" if any(record.points > most for record in judged) else f"{low:.0f} to {high:.0f} %"
        rows.append([Cell(label, low), number(counts[number_of]), bar(counts[number_of] / max(counts.values()))])
    return "<h2>Distribution</h2>" + table(("points", "students", ""), rows)


def items(judged: Sequence[Record]) -> str:
    """For each exercise, how hard it is, how well it tells students apart, and what became of it."""
    rows = []
    questions = {name: [record.questions[name] for record in judged] for name in judged[0].questions}
    kinds = [kind for kind in KINDS if any(kind_of(one) == kind for given in questions.values() for one in given)]
    for name, given in questions.items():
        most = given[0].max_points
        mean = sum(one.points for one in given) / len(given)
        counts = Counter(map(kind_of, given))
        told = discrimination(judged, name)
        rows.append(
            [
                text(name),
                number(most),
                number(mean / most, share(mean, most)),
                bar(mean / most),
                EMPTY if told is None else number(told, f"{told:.2f}"),
                *(number(counts[kind]) for kind in kinds),
            ]
        )
    note = (
        '<p class="note">Discrimination is the correlation of the points of an exercise with those of all others: near 0 or below, '
        "who is good at the rest is not better at it. The points are the judge's; what a person typed is under Students.</p>"
    )
    return "<h2>Exercises</h2>" + table(("exercise", "points", "mean", "", "discrimination", *kinds), rows) + note


def discrimination(judged: Sequence[Record], name: str) -> float | None:
    """None where all have the same points in it, or in the rest."""
    own = [record.questions[name].points for record in judged]
    rest = [record.points - points for record, points in zip(judged, own, strict=True)]
    try:
        return correlation(own, rest)
    except StatisticsError:
        return None


def kind_of(question: QuestionRecord) -> str:
    """What became of an exercise, in a word or two."""
    if question.reason == "missing" and question.broken:
        return "syntax error" if question.broken.startswith(SYNTAX) else "cell fails"
    return WORDS.get(question.reason, question.reason)


def mistakes(records: Sequence[Record], standings: Mapping[str, Standing]) -> str:
    """What went wrong, most common first, a line for each mistake: a known one by what it is, another by the case that showed it."""
    found: dict[tuple[str, str, str], list[str]] = {}
    said: dict[tuple[str, str, str], str] = {}
    for record in records:
        for name, question in record.questions.items():
            kind = kind_of(question)
            if kind in ("solved", "not done", "ungraded"):
                continue
            known = MISTAKES.get(question.mistake)
            if known is not None:
                key, what = (name, kind, known.id), known.what
            elif question.broken:
                key, what = (name, kind, question.broken.split(":")[0]), question.broken
            else:
                key, what = (name, kind, question.case), " ".join(filter(None, (f"{question.case}:", question.message, question.hint)))
            found.setdefault(key, []).append(record.student)
            said.setdefault(key, what)
    rows = [
        [
            number(len(names)),
            number(len(names) / len(records), share(len(names), len(records))),
            text(key[0]),
            text(key[1]),
            text(said[key], True),
            who(names, standings),
        ]
        for key, names in sorted(found.items(), key=lambda item: -len(item[1]))
    ]
    titles = ("students", "share", "exercise", "kind", "what is wrong", "who")
    return "<h2>Most common mistakes</h2>" + (table(titles, rows) if rows else "<p>None.</p>")


def grouped(title: str, pairs: Sequence[tuple[str, str]], standings: Mapping[str, Standing], head: str, none: str, before: str = "") -> str:
    """A line for each thing that is said of students, with all of whom it is said."""
    found: dict[str, list[str]] = {}
    for student, said in pairs:
        found.setdefault(said, []).append(student)
    rows = [
        [number(len(names)), text(said, True), who(names, standings)] for said, names in sorted(found.items(), key=lambda one: -len(one[1]))
    ]
    return f"<h2>{title}</h2>" + (before + table(("students", head, "who"), rows) if rows else f"<p>{none}</p>")


def ungraded(records: Sequence[Record], standings: Mapping[str, Standing]) -> str:
    pairs = [(record.student, record.waiting) for record in records if record.ungraded]
    pairs += [(record.student, f"an answer in words, for a person to read: {name}") for record in records for name in record.in_words]
    return grouped("Ungraded", pairs, standings, "why", "None: every question has a verdict.")


def flagged(records: Sequence[Record], standings: Mapping[str, Standing]) -> str:
    """What a person should look at: ways round an exercise that may be innocent. They cost no points."""
    pairs = [(record.student, flag) for record in records for flag in record.flags]
    before = "<p>Nothing of this has cost points: open the notebook, and decide.</p>"
    return grouped("To look at", pairs, standings, "what was seen", "Nothing unusual was seen.", before)


def repairs(records: Sequence[Record], standings: Mapping[str, Standing]) -> str:
    pairs = [(record.student, repair) for record in records for repair in record.repairs]
    return grouped("Repairs", pairs, standings, "what was repaired", "None was necessary.")


def students(records: Sequence[Record], standings: Mapping[str, Standing]) -> str:
    """Everybody, with the judge's points and those that count: with extra credit, less what is taken for being late."""
    rows = []
    for record in records:
        kinds = Counter(map(kind_of, record.questions.values()))
        known = standings.get(record.student, Standing())
        points = (
            [EMPTY, EMPTY]
            if record.ungraded
            else [number(record.points), number(record.points / record.max_points, share(record.points, record.max_points))]
        )
        counts = EMPTY if known.total is None else number(known.total)
        name = Cell(linked(record.student, standings), record.student)
        told = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind])
        rows.append([name, text(known.name), *points, counts, text(told, True)])
    find = '<label>Show those with <input id="filter" type="search" placeholder="a name, or: syntax error"></label>'
    titles = ("student", "name", "points", "share", "in the gradebook", "exercises")
    return "<h2>Students</h2>" + find + table(titles, rows, "students")
