"""`grader`: the instructor's command."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

from autodiff_lib.course import UNITS

from . import authoring, batch
from . import demo as demonstration
from . import doctor as checkup
from . import lab as student_lab
from . import report as class_report
from .exports import command as exports
from .jail import JailError
from .nbgrader_course import ROOT, NbgraderError
from .records import Record, load_all

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Grading for the course, and the tools of its authors.")


Course = Annotated[Path, typer.Option(help="Course folder, with source/ and submitted/.", file_okay=False)]
NO_JAIL = "Run submissions without a jail, with your rights. Every grade is marked as unjailed."


@app.command()
def autograde(
    unit: Annotated[str, typer.Argument(help="The unit, as 01_operators.")],
    course: Course = Path(),
    student: Annotated[list[str] | None, typer.Option(help="Grade these alone; may be repeated.")] = None,
    no_jail: Annotated[bool, typer.Option("--no-jail", help=NO_JAIL)] = False,
    cold: Annotated[bool, typer.Option("--cold", help="A fresh jail for each submission.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Grade again what has not changed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the records as JSON, and nothing else.")] = False,
) -> None:
    """Grade a unit's submissions. Exit code 0: all graded; 1: some are ungraded; 2: could not run."""
    console = Console(stderr=True)
    course = course.resolve()
    try:
        known(unit)
        students = batch.students_of(course, unit)
        unknown = sorted(set(student or []) - set(students))
        if unknown or not students:
            listed = ", ".join(unknown) or "anybody"
            raise FileNotFoundError(f"no submission of {listed} in {course / 'submitted'}: it is looked for in <student>/{unit}/")
        chosen = [name for name in students if not student or name in student]
        options = batch.Options(jailed=not no_jail, cold=cold, force=force)
        with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console, disable=as_json) as progress:
            task = progress.add_task(unit, total=len(chosen))
            records = batch.autograde(course, unit, chosen, options, lambda record, fresh: progress.advance(task))
    except (JailError, FileNotFoundError, ValueError, NbgraderError) as error:
        console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
        raise typer.Exit(2) from None
    if as_json:
        print(json.dumps([asdict(record) for record in records], indent=1))
    else:
        Console().print(outcome_table(unit, records))
    raise typer.Exit(1 if any(record.ungraded for record in records) else 0)


def known(unit: str) -> None:
    if unit not in UNITS:
        raise ValueError(f"there is no unit '{unit}'; the units are {', '.join(UNITS)}")


def outcome_table(unit: str, records: list[Record]) -> Table:
    """Points, reasons and repairs of each student."""
    table = Table(title=unit, box=box.SIMPLE)
    for title in ("student", "points", "not passed", "repairs"):
        table.add_column(title, justify="right" if title == "points" else "left")
    for record in records:
        reasons = Counter(question.reason for question in record.questions.values() if question.reason != "passed")
        said = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        marked = "" if record.jailed else " (no jail)"
        table.add_row(escape(record.student), f"{record.points:g} / {record.max_points:g}{marked}", said, escape("; ".join(record.repairs)))
    return table


@app.command()
def report(
    unit: Annotated[str, typer.Argument(help="The unit, as 01_operators.")],
    course: Course = Path(),
    output: Annotated[Path | None, typer.Option(help="The page to write; report_UNIT.html in the course folder by default.")] = None,
) -> None:
    """Write an HTML page on a graded unit: scores, points lost, common mistakes, repairs, what is ungraded."""
    try:
        known(unit)
    except ValueError as error:
        Console(stderr=True).print(f"[red]{error}[/red]")
        raise typer.Exit(2) from None
    path = output or course / f"report_{unit}.html"
    class_report.write(path, unit, load_all(course, unit))
    print(f"report written to {path}")


FORMS = (
    "csv: a table for spreadsheets. canvas: Canvas's gradebook. gradescope, autolab: a file for each student, from the last grading. "
    "gradescope-zip: an autograder that runs there with the same judge."
)


@app.command()
def export(
    unit: Annotated[str, typer.Argument(help="The unit, as 01_operators.")],
    to: Annotated[exports.Form, typer.Option(help=FORMS)],
    output: Annotated[Path | None, typer.Option(help="The file, or the folder of students' files; in exports/ by default.")] = None,
    course: Course = Path(),
    student: Annotated[list[str] | None, typer.Option(help="Export these alone; may be repeated.")] = None,
) -> None:
    """Write a unit's grades for another system. csv and canvas have manual scores and late penalties from nbgrader's gradebook."""
    console = Console(stderr=True)
    try:
        known(unit)
        path, notes = exports.export(course.resolve(), unit, to, output, student or [])
    except ValueError as error:
        console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
        raise typer.Exit(2) from None
    for note in notes:
        console.print(f"[yellow]{escape(note)}[/yellow]", soft_wrap=True)
    print(f"{to.value} written to {path}")


@app.command()
def doctor() -> None:
    """Say what this host can do: jail, limits, packages. Exit code 1 where something is missing."""
    table = Table(box=box.SIMPLE, show_header=False)
    good = True
    for finding in checkup.examine():
        sign = {True: "[green]ok[/green]", False: "[red]no[/red]", None: "--"}[finding.good]
        table.add_row(sign, finding.what, escape(finding.detail))
        good &= finding.good is not False
    Console().print(table)
    raise typer.Exit(0 if good else 1)


@app.command()
def demo(folder: Annotated[Path, typer.Option(help="Scratch course folder; emptied first.")] = ROOT / "build" / "demo") -> None:
    """Release every unit, make a small class of submissions, grade it and write its feedback."""
    demonstration.demo(folder)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context, folder: Annotated[Path, typer.Option(help="The working copy.")] = ROOT / "build" / "student") -> None:
    """JupyterLab as a student has it, on a working copy of release/ and notebooks/. Further options go to JupyterLab."""
    student_lab.start(folder, context.args)


@app.command()
def release(into: Annotated[Path, typer.Option(help="Where to write the units' folders.")] = ROOT / "release") -> None:
    """Make the students' release from source/, with nbgrader."""
    authoring.make_release(into)
    print(f"release written to {into}")


@app.command()
def notebooks(
    fix: Annotated[bool, typer.Option("--fix", help="Write them in normal form.")] = False,
    run: Annotated[bool, typer.Option("--run", help="Run the lectures again and keep their outputs.")] = False,
) -> None:
    """Check the form of all notebooks in source/ and notebooks/; mend it, or run the lectures."""
    if run:
        with Progress(console=Console()) as progress:
            for path in authoring.lectures():
                task = progress.add_task(path.name, total=None)
                authoring.execute(path, lambda done, total, task=task: progress.update(task, completed=done, total=total))
                progress.update(task, completed=1, total=1)
    if fix:
        for path in authoring.committed():
            if authoring.mend(path):
                print(f"{path.relative_to(ROOT)}: written in normal form")
    found = [f"{path.relative_to(ROOT)}: {complaint}" for path in authoring.committed() for complaint in authoring.complaints(path)]
    print("\n".join(found) or f"{len(authoring.committed())} notebooks are in order")
    sys.exit(bool(found))


if __name__ == "__main__":
    app()
