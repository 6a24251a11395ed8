"""A page on a class: who got what, where the points went, which mistakes are common, what is ungraded."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from statistics import median

import matplotlib

matplotlib.use("Agg")  # figures go into the page
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..authors.catalogue import MISTAKES
from ..classes.records import Record
from .feedback import POLICY

STYLE = """
body { font-family: sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; line-height: 1.5; color: #222 }
table { border-collapse: collapse; margin: .5em 0 1.5em }
td, th { border-bottom: 1px solid #ccc; padding: .2em .8em; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
img { max-width: 100% }
.warning { border-left: 6px solid #b42318; padding: .3em 1em }
"""
REASONS = ("passed", "wrong", "error", "timeout", "memory", "killed", "tampered", "missing")
MOST_COMMON = 15


def page(unit: str, records: Sequence[Record]) -> str:
    """The report as one HTML file, with its figures inside."""
    body = [f"<h1>{escape(unit)}</h1>", summary(records)]
    if judged := graded(records):
        body += [figure_html(distribution(judged), "how many students have how many points")]
        body += [figure_html(points_lost(judged), "share of the class's points lost, by question and reason")]
    body += [common_failures(records), ungraded(records), flagged(records), repairs(records), students(records)]
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    head = f"<meta charset='utf-8'>{policy}<title>{escape(unit)}</title><style>{STYLE}</style>"
    return f"<!DOCTYPE html><html><head>{head}</head><body>{''.join(body)}</body></html>"


def write(path: Path, unit: str, records: Sequence[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(unit, records), encoding="utf-8")


def summary(records: Sequence[Record]) -> str:
    points = [record.points for record in graded(records)]
    waiting = len(records) - len(points)
    line = f"<p>{len(records)} submissions" + (f", {waiting} of them ungraded: listed below, and never a zero.</p>" if waiting else ".</p>")
    if points:
        spread = f"Median {median(points):g} of {records[0].max_points:g} points, lowest {min(points):g}, highest {max(points):g}"
        line = f"{line}<p>{spread}. These are the judge's points: what a person has changed in the gradebook is not in them.</p>"
    unjailed = sum(not record.jailed for record in records)
    return line + (f"<p class='warning'>{unjailed} were graded without a jail.</p>" if unjailed else "")


def graded(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if not record.ungraded]


def distribution(records: Sequence[Record]) -> Figure:
    most = max(records[0].max_points, *(record.points for record in records))  # extra credit comes on top
    figure, axis = plt.subplots(figsize=(8, 3))
    axis.hist([record.points for record in records], bins=min(16, int(most)), range=(0, most), color="#1b4f8a", edgecolor="white")
    axis.set(xlabel="points", ylabel="students")
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def points_lost(records: Sequence[Record]) -> Figure:
    """Stacked bars, a shade and a hatch for each reason."""
    names = list(records[0].questions)
    figure, axis = plt.subplots(figsize=(8, 0.4 * len(names) + 1.4))
    left = [0.0] * len(names)
    hatches = ["", "//", "..", "xx", "\\\\", "oo", "--", "++"]
    for number, reason in enumerate(REASONS[1:]):
        lost = [
            sum(r.questions[name].max_points - r.questions[name].points for r in records if r.questions[name].reason == reason)
            / max(1e-9, sum(r.questions[name].max_points for r in records))
            for name in names
        ]
        if any(lost):
            shade = str(0.25 + 0.08 * number)
            axis.barh(names, lost, left=left, label=reason, color=shade, hatch=hatches[number], edgecolor="white")
            left = [a + b for a, b in zip(left, lost, strict=True)]
    axis.set(xlim=(0, min(1, 1.1 * max(left)) or 1), xlabel="share of points lost")
    axis.invert_yaxis()
    if any(left):
        axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def figure_html(figure: Figure, description: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", dpi=110)
    plt.close(figure)
    return f'<img alt="{escape(description)}" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    def cell(value: object) -> str:
        return f'<td class="number">{value:g}</td>' if isinstance(value, int | float) else f"<td>{escape(str(value))}</td>"

    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    return f"<table><tr>{titles}</tr>{''.join('<tr>' + ''.join(map(cell, row)) + '</tr>' for row in rows)}</table>"


def common_failures(records: Sequence[Record]) -> str:
    """What went wrong, most common first, with who: known mistakes by what they are, others in the words that were told."""
    who: dict[tuple[str, str, str], list[str]] = {}
    for record in records:
        for name, question in record.questions.items():
            if question.reason not in ("passed", "missing", "unanswered"):
                mistake = MISTAKES.get(question.mistake)
                what = mistake.what if mistake is not None else question.hint or question.message
                who.setdefault((name, what, question.mistake or "-"), []).append(record.student)
    ranked = sorted(who.items(), key=lambda item: -len(item[1]))[:MOST_COMMON]
    rows = [(f"{len(names)} of {len(records)}", name, what, mistake, shortened(names)) for (name, what, mistake), names in ranked]
    titles = ("how many", "question", "what is wrong", "known as", "who")
    return "<h2>Most common mistakes</h2>" + (table(titles, rows) if rows else "<p>None.</p>")


def shortened(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def ungraded(records: Sequence[Record]) -> str:
    rows = [(record.student, record.waiting) for record in records if record.ungraded]
    rows += [(record.student, f"an answer in words waits: {name}") for record in records for name in record.in_words]
    return "<h2>Ungraded</h2>" + (table(("student", "why"), rows) if rows else "<p>None: every question has a verdict.</p>")


def flagged(records: Sequence[Record]) -> str:
    """What a person should look at: ways round an exercise that may be innocent. They cost no points."""
    rows = [(record.student, flag) for record in records for flag in record.flags]
    said = "<p>Nothing of this has cost points: open the notebook, and decide.</p>"
    return "<h2>To look at</h2>" + (said + table(("student", "what was seen"), rows) if rows else "<p>Nothing unusual was seen.</p>")


def repairs(records: Sequence[Record]) -> str:
    rows = [(record.student, repair) for record in records for repair in record.repairs]
    return "<h2>Repairs</h2>" + (table(("student", "what was repaired"), rows) if rows else "<p>None was necessary.</p>")


def students(records: Sequence[Record]) -> str:
    rows = []
    for record in records:
        reasons = Counter(question.reason for question in record.questions.values())
        points = "ungraded" if record.ungraded else record.points
        rows.append((record.student, points, ", ".join(f"{reasons[reason]} {reason}" for reason in REASONS if reasons[reason])))
    return "<h2>Students</h2>" + table(("student", "points", "questions"), rows)
