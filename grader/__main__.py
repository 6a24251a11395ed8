"""`grader`: the instructor's command."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError
from traitlets import TraitError

from autodiff_lib.checks.known import FILE, file_of, to_text
from autodiff_lib.student import lab as student_lab
from autodiff_lib.student.place import Course as Settings
from autodiff_lib.student.place import find
from autodiff_lib.units import UNITS

from .authors import authoring, handout, trials
from .authors import doctor as checkup
from .authors.catalogue import MISTAKES
from .book import report as class_report
from .book import roster
from .book.gradebook import is_there
from .book.nbgrader_course import ROOT, NbgraderError, database
from .classes import batch
from .classes import regrade as regrading
from .classes.records import Record, load_all
from .collecting import collect as collecting
from .exports import command as exports
from .submission.jail import JailError
from .units import known

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Grading for the course, and the tools of its authors.")


Unit = Annotated[str, typer.Argument(help="The unit, as 01_operators.")]
Grade = Callable[[Path, str, list[str], batch.Options, Callable[[Record, bool], None]], list[Record]]
Course = Annotated[Path, typer.Option(help="Course folder, with source/ and submitted/.", exists=True, file_okay=False)]
NO_JAIL = "Run submissions without a jail, with your rights (root's are dropped). Every grade is marked as unjailed."


Students = Annotated[list[str] | None, typer.Option("--student", help="Grade these alone; may be repeated.")]
NoJail = Annotated[bool, typer.Option("--no-jail", help=NO_JAIL)]
Cold = Annotated[bool, typer.Option("--cold", help="A fresh jail for each submission.")]
Jobs = Annotated[int, typer.Option(help="Worker processes, each with a warm jail; as many as there are cores by default.", min=1)]
SCHEDULER = "Grade on a Dask cluster: its scheduler's address, as tls://10.0.0.1:8786; or `local` for one on this machine."
Scheduler = Annotated[str | None, typer.Option(help=SCHEDULER)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the records as JSON, and nothing else.")]
CORES = trials.jobs_here()
FAILURES = (JailError, OSError, ValueError, NbgraderError, SQLAlchemyError, SyntaxError, TraitError)
"""What is wrong with the host, the course folder or its settings; the message says what."""


@app.command()
def autograde(
    unit: Unit,
    course: Course = Path(),
    student: Students = None,
    no_jail: NoJail = False,
    cold: Cold = False,
    force: Annotated[bool, typer.Option("--force", help="Grade again what has not changed.")] = False,
    jobs: Jobs = CORES,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Grade a unit's submissions. Exit code 0: all graded; 1: some are ungraded; 2: could not run; 130: stopped by Ctrl-C."""
    options = batch.Options(not no_jail, cold, force, jobs, scheduler)
    goes_on = "without --force the same command leaves as it is what was not reached" if force else "the same command goes on from here"
    course = course.resolve()
    with told_in_red(goes_on):
        records = graded(course, unit, student, options, batch.autograde, quiet=as_json)
    misnamed = [] if student else batch.misnamed(course, unit)
    if as_json:
        print(json.dumps([asdict(record) for record in records], indent=1))
    else:
        Console().print(outcome_table(unit, records))
    console = Console(stderr=True)
    for sentence in misnamed:
        console.print(f"[red]{escape(sentence)}[/red]", soft_wrap=True)
    for record in records:
        if record.ungraded:
            console.print(f"[yellow]{escape(record.student)} is ungraded: {escape(record.waiting)}[/yellow]", soft_wrap=True)
    flagged = [record.student for record in records if record.flags]
    if flagged:
        listed = ", ".join(flagged[:8]) + (f" and {len(flagged) - 8} more" if len(flagged) > 8 else "")
        console.print(f"to look at, in `grader report {unit}` (no points depend on it): {escape(listed)}", soft_wrap=True)
    waiting = sum(bool(record.in_words) for record in records)
    if waiting:
        console.print(f"answers in words that wait for you in the formgrader: {waiting}", soft_wrap=True)
    raise typer.Exit(1 if misnamed or any(record.ungraded for record in records) else 0)


@app.command()
def regrade(
    unit: Unit,
    course: Course = Path(),
    student: Students = None,
    publish: Annotated[bool, typer.Option("--publish", help="Make what was staged count, and grade nothing.")] = False,
    no_jail: NoJail = False,
    jobs: Jobs = CORES,
    scheduler: Scheduler = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what would move as JSON, and nothing else.")] = False,
) -> None:
    """Grade again into a staging area and show what would move, and why. Only `--publish` writes to the gradebook."""
    course = course.resolve()
    with told_in_red():
        if publish:
            known(unit)
            published = [record.student for record in regrading.publish(course, unit, student or ())]
            print(json.dumps(published) if as_json else f"{unit}: {len(published)} submissions published")
            return
        graded(course, unit, student, batch.Options(not no_jail, jobs=jobs, scheduler=scheduler), regrading.stage, quiet=as_json)
        moves = list(regrading.moves(course, unit, student or ()))
    if as_json:
        print(json.dumps([asdict(move) for move in moves], indent=1))
        return
    Console().print(moves_table(unit, moves))
    place = "" if course == Path().resolve() else f" --course {shlex.quote(str(course))}"
    whom = "".join(f" --student {shlex.quote(name)}" for name in student or ())
    questions = "1 question" if len(moves) == 1 else f"{len(moves)} questions"
    count = f"{questions} would move. To make it count: grader regrade {unit}{place}{whom} --publish"
    print(count if moves else "Nothing would move.")


@contextmanager
def told_in_red(goes_on: str = "the same command goes on from here") -> Iterator[None]:
    """What cannot run says why, and ends with exit code 2; Ctrl-C with 130, and how one goes on."""
    console = Console(stderr=True)
    try:
        yield
    except FAILURES as error:
        console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        console.print(f"Stopped. What is graded is kept: {goes_on}.")
        raise typer.Exit(130) from None


def graded(course: Path, unit: str, students: list[str] | None, options: batch.Options, grade: Grade, quiet: bool) -> list[Record]:
    """Grade with a bar: how many, how fast, how long still."""
    known(unit)
    there = batch.students_of(course, unit)
    unknown = sorted(set(students or []) - set(there))
    if unknown or not there:
        listed = ", ".join(unknown) or "anybody"
        raise FileNotFoundError(f"no submission of {listed} in {course / 'submitted'}: it is looked for in <student>/{unit}/")
    chosen = [name for name in there if not students or name in students]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task(unit, total=len(chosen), rate="")
        start, fresh_ones = time.perf_counter(), 0

        def tell(record: Record, fresh: bool) -> None:
            nonlocal fresh_ones
            fresh_ones += fresh
            minutes = (time.perf_counter() - start) / 60
            progress.update(task, advance=1, rate=f"{fresh_ones / minutes:.0f} a minute" if fresh_ones else "")

        return grade(course, unit, chosen, options, tell)


def moves_table(unit: str, moves: list[regrading.Move]) -> Table:
    table = Table(title=f"{unit}: what would move", box=box.SIMPLE)
    for title in ("student", "question", "before", "after", "why"):
        table.add_column(title, justify="right" if title in ("before", "after") else "left")
    for move in moves:
        shown = ["-" if points is None else f"{points:g}" for points in (move.before, move.after)]
        table.add_row(escape(move.student), move.question, *shown, escape(move.why))
    return table


def outcome_table(unit: str, records: list[Record]) -> Table:
    """Points, reasons and repairs of each student."""
    table = Table(title=unit, box=box.SIMPLE)
    for title in ("student", "points", "not passed", "repairs"):
        table.add_column(title, justify="right" if title == "points" else "left")
    for record in records:
        reasons = Counter(question.reason for question in record.questions.values() if question.reason != "passed")
        said = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        marked = "" if record.jailed else " (no jail)"
        points = "ungraded" if record.ungraded else f"{record.points:g} / {record.max_points:g}"
        table.add_row(escape(record.student), f"{points}{marked}", said, escape("; ".join(record.repairs)))
    return table


@app.command()
def report(
    unit: Unit,
    course: Course = Path(),
    output: Annotated[Path | None, typer.Option(help="The page to write; report_UNIT.html in the course folder by default.")] = None,
) -> None:
    """Write an HTML page on a graded unit: points, how hard each exercise is, common mistakes, repairs, what is ungraded.

    It is one file, with a link to the feedback page of each student who has one: `nbgrader generate_feedback` comes first.
    """
    path = output or course / f"report_{unit}.html"
    with told_in_red():
        known(unit)
        records = load_all(course, unit)
        if not records:
            raise ValueError(f"nothing of {unit} is graded in {course.resolve()} yet: run `grader autograde {unit}` first")
        class_report.write(path, unit, records, exports.standings(course.resolve(), unit, path.resolve().parent))
    print(f"report written to {path}")


FORMS = (
    "csv: a table for spreadsheets. canvas: Canvas's gradebook. gradescope, autolab: a file for each student, from the last grading. "
    "gradescope-zip: an autograder that runs there with the same judge."
)


@app.command()
def export(
    unit: Unit,
    to: Annotated[exports.Form, typer.Option(help=FORMS)],
    output: Annotated[Path | None, typer.Option(help="The file, or the folder of students' files; in exports/ by default.")] = None,
    course: Course = Path(),
    student: Annotated[list[str] | None, typer.Option(help="Export these alone; may be repeated.")] = None,
) -> None:
    """Write a unit's grades for another system. csv and canvas have manual scores and late penalties from nbgrader's gradebook."""
    console = Console(stderr=True)
    with told_in_red():
        known(unit)
        path, notes = exports.export(course.resolve(), unit, to, output, student or [])
    for note in notes:
        console.print(f"[yellow]{escape(note)}[/yellow]", soft_wrap=True)
    print(f"{to.value} written to {path}")


@app.command("roster")
def take_roster(
    file: Annotated[
        Path, typer.Argument(help="A table of the class, as Canvas, Moodle, Gradescope or Autolab gives it out, in CSV.", exists=True)
    ],
    id_column: Annotated[str, typer.Option("--id", help="The column by which students are known; a login or an id by default.")] = "",
    course: Course = Path(),
) -> None:
    """Put the names of a class into the gradebook: the formgrader shows them, and `grader collect` knows students by them."""
    course = course.resolve()
    with told_in_red():
        people = roster.read(file, id_column)
        new, there = roster.write(database(course), people)
    Console().print(people_table(people))
    print(f"{len(people)} students: {new} new, {there} that the gradebook had already")


def people_table(people: list[roster.Person]) -> Table:
    table = Table(box=box.SIMPLE)
    for title in ("id", "last name", "first name", "email"):
        table.add_column(title)
    for one in people:
        table.add_row(*map(escape, (one.id, one.last_name, one.first_name, one.email)))
    return table


@app.command()
def collect(
    paths: Annotated[list[Path], typer.Argument(help="What the learning platform gave back: archives, folders, notebooks.")],
    unit: Annotated[str, typer.Option(help="The unit, where the files themselves do not tell it.")] = "",
    course: Course = Path(),
) -> None:
    """Sort submissions into submitted/, from Canvas, Moodle, Gradescope, Autolab or anywhere. Exit code 1: not all was understood."""
    course = course.resolve()
    with told_in_red("what was sorted in is kept, and the same command does it all again"):
        if unit:
            known(unit)
        db_url = database(course)
        there = roster.people(db_url) if is_there(db_url) else []
        found = collecting.collect(course, paths, roster.Names(there), unit)
    Console().print(arrivals_table(found.collected))
    console = Console(stderr=True)
    for where, why in found.not_understood:
        console.print(f"[yellow]not understood: {escape(where)}: {escape(why)}[/yellow]", soft_wrap=True)
    students = len({one.arrival.student for one in found.collected})
    print(f"{len(found.collected)} submissions of {students} students; not understood: {len(found.not_understood)}")
    raise typer.Exit(1 if found.not_understood else 0)


def arrivals_table(collected: list[collecting.Collected]) -> Table:
    """Who, when, which attempt, and what became of it."""
    table = Table(box=box.SIMPLE)
    for title in ("student", "unit", "when (UTC)", "attempt", "late", "named as by", "", "remarks"):
        table.add_column(title, justify="right" if title == "attempt" else "left")
    for one in sorted(collected, key=lambda one: (one.arrival.unit, one.arrival.student, one.arrival.sender.attempt)):
        arrival = one.arrival
        when = f"{arrival.time:%Y-%m-%d %H:%M}" if arrival.time else "not said"
        clock = " (their clock)" if arrival.by_student else ""
        attempt = str(arrival.sender.attempt or "")
        row = (
            arrival.student,
            arrival.unit,
            when + clock,
            attempt,
            one.late,
            arrival.sender.scheme,
            one.outcome,
            "; ".join(arrival.remarks),
        )
        table.add_row(*map(escape, row))
    return table


@app.command("mistakes")
def try_mistakes(
    unit: Annotated[str | None, typer.Option(help="This unit alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the trials and their totals as JSON, and nothing else.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the files by which the checks recognise mistakes.")] = False,
    jobs: Annotated[int, typer.Option(help="Processes; as many as there are cores by default.", min=1)] = CORES,
) -> None:
    """Try the judge on every known mistake and on every variant. Exit code 1 if a mistake passes or a right answer does not."""
    console = Console(stderr=True)
    with told_in_red():
        if unit is not None:
            known(unit)
    entries = trials.of_unit(unit)
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console, disable=as_json) as progress:
        task = progress.add_task("mistakes and variants", total=len(entries))
        found = trials.run(entries, jobs, lambda: progress.advance(task))
    sums = trials.totals(found)
    if write:
        for name, known_mistakes in trials.as_known(found).items():
            file_of(name).write_text(to_text(known_mistakes), encoding="utf-8")
        print(f"{sums['mistakes']} mistakes written into the units' {FILE}")
        return
    if as_json:
        print(json.dumps({**sums, "trials": [trial.plain() for trial in found]}, indent=1))
    else:
        Console().print(trial_table(found))
        print(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in sums.items()))
    raise typer.Exit(1 if sums["caught"] < sums["mistakes"] or sums["spilled"] or sums["variants_failed"] else 0)


def trial_table(found: list[trials.Trial]) -> Table:
    """Points kept, the case that caught it, the first hint; variants only where they lost something."""
    table = Table(box=box.SIMPLE)
    for title in ("mistake", "kept", "caught by", "first hint", ""):
        table.add_column(title, justify="right" if title == "kept" else "left")
    for trial in found:
        wrong = trial.id in MISTAKES
        if not wrong and not trial.caught and not trial.spilled:
            continue
        complaint = "[red]SURVIVES[/red]" if wrong and not trial.caught else "" if wrong else "[red]RIGHT, BUT REFUSED[/red]"
        if trial.spilled:
            complaint += f" [red]COSTS {', '.join(trial.spilled)} POINTS[/red]"
        elif wrong and trial.shown.mistake != trial.id:
            complaint = complaint or "hint of its own not shown"
        points = f"{trial.verdict.points:g} / {trial.verdict.max_points:g}"
        table.add_row(trial.id, points, escape(trial.shown.case), escape(trial.shown.hint), complaint)
    return table


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
def demo(
    units: Annotated[list[str] | None, typer.Argument(help="The units, as 01_operators; all by default.")] = None,
    folder: Annotated[Path, typer.Option(help="Scratch course folder; emptied first.")] = ROOT / "build" / "demo",
) -> None:
    """Release units, make a small class of submissions for each, grade it and write its feedback."""
    from .authors import demo as demonstration

    with told_in_red():
        for unit in units or ():
            known(unit)
        demonstration.demo(folder, units or tuple(UNITS))


@app.command("handout")
def make_handout(
    units: Annotated[list[str] | None, typer.Argument(help="The units, as 01_operators; all by default.")] = None,
    to: Annotated[Path, typer.Option(help="The archive to write.")] = Path("handout.zip"),
    term: Annotated[str, typer.Option(help="The name of the term, as 'Autumn 2026'; from course.toml by default.")] = "",
    course: Course = Path(),
) -> None:
    """Pack what students get: notebooks, lectures, the library, START, scripts that start it. No solution is in it."""
    console = Console(stderr=True)
    with told_in_red(), console.status("packing") as status:
        settings = handout.settings_of(course.resolve(), term)
        handout.make(units or [], to, settings, lambda part: status.update(f"packing {part}"))
    print(
        f"{to}: {to.stat().st_size / 2**20:.1f} MiB, for {settings.term}. Students unpack it and run start.sh, start.command or start.bat."
    )


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context, folder: Annotated[Path, typer.Option(help="The handout, unpacked.")] = ROOT / "build" / "lab") -> None:
    """JupyterLab as a student has it, on a handout of today's release, whose copies keep what was written. Options go to JupyterLab."""
    with told_in_red():
        handout.write(folder, list(UNITS), Settings(term="as authors see it"))
        code = student_lab.start(find(folder), context.args)
    raise typer.Exit(code)


@app.command()
def release(into: Annotated[Path, typer.Option(help="Where to write the units' folders.")] = ROOT / "release") -> None:
    """Make the students' release from source/, with nbgrader."""
    authoring.make_release(into)
    print(f"release written to {into}")


@app.command()
def pictures(folder: Annotated[Path, typer.Option(help="Where to write them.")] = ROOT / ".github") -> None:
    """Take the README's pictures again, in a browser: START, a check, feedback, the class report, the formgrader."""
    from .authors import pictures as camera  # needs playwright, which graders do not

    with told_in_red():
        for path in camera.write(folder):
            print(f"picture written to {path}", flush=True)


def progressed(progress: Progress, task: TaskID, done: int, total: int) -> None:
    progress.update(task, completed=done, total=total)


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
                authoring.execute(path, partial(progressed, progress, task))
                progress.update(task, completed=1, total=1)
    if fix:
        for path in authoring.committed():
            if authoring.mend(path):
                print(f"{path.relative_to(ROOT)}: written in normal form")
    found = [f"{path.relative_to(ROOT)}: {complaint}" for path in authoring.committed() for complaint in authoring.complaints(path)]
    print("\n".join(found) or f"{len(authoring.committed())} notebooks are in order")
    sys.exit(bool(found))


def main() -> None:
    app(prog_name="grader")


if __name__ == "__main__":
    main()
