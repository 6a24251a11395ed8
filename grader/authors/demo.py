"""The main job on real files: release a unit, make a small class, grade it, show what came out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # figures go to files
import matplotlib.pyplot as plt
import numpy as np
from nbformat import NotebookNode
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from autodiff_lib.checks import questions
from autodiff_lib.units import UNITS

from ..book.nbgrader_adapter import begins
from ..book.nbgrader_course import ROOT, Row, database, filled_in, nbgrader, release, scores, solutions, submit
from ..submission.jail import bubblewrap
from ..units import part_of
from .catalogue import MISTAKES

MARKER = ".demo"  # lies in a folder that a demo has made, and may empty


def small_class(released: NotebookNode, unit: str) -> dict[str, NotebookNode]:
    """Student -> notebook: what an instructor meets in the first week."""
    right = solutions(unit)
    wrong = {MISTAKES[name].exercise: MISTAKES[name].cell(right[MISTAKES[name].exercise]) for name in part_of(unit, "mistakes").TYPICAL}
    half = dict(list(right.items())[: len(right) // 2])
    last = list(right)[-1]
    return {
        "full-marks": filled_in(released, right),
        "typical-mistakes": filled_in(released, {**right, **wrong}),
        "half-done": filled_in(released, half),
        "untouched": filled_in(released, {}),
        "syntax-error": filled_in(released, {**right, last: right[last].replace("):", ")", 1)}),
    }


def demo(course: Path, units: Sequence[str] = tuple(UNITS)) -> None:
    """Everything from source to feedback of these units, in the scratch course folder `course`, which is emptied first."""
    console = Console()
    if bubblewrap() is None:
        console.print(
            "[bold]No jail can be made here (`grader doctor` says why): these submissions of our own are graded without one.[/bold]"
        )
    ours = course / MARKER
    if course.exists() and any(course.iterdir()) and not ours.exists() and course != ROOT / "build" / "demo":
        raise ValueError(f"{course} is not empty, and no earlier demo made it: name another folder")
    if course.exists():
        shutil.rmtree(course)
    course.mkdir(parents=True)
    ours.touch()
    shutil.copytree(ROOT / "source", course / "source", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for unit in units:
        grade_unit(course, unit, console)
        rows = scores(database(course), unit)
        console.print(score_table(rows, unit))
        figure = course / f"scores_{unit}.png"
        draw_scores(rows, unit, figure)
        console.print(f"figure of the scores   {figure}", soft_wrap=True)
        for row in rows:
            page = course / "feedback" / row.student / unit / f"{UNITS[unit].stem}.html"
            console.print(f"feedback               {page}", soft_wrap=True)


def grade_unit(course: Path, unit: str, console: Console) -> None:
    """nbgrader's four steps, with a bar for each."""
    count = TextColumn("{task.completed}/{task.total}")
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), count, TimeElapsedColumn(), console=console) as progress:

        def step(description: str, total: int, *arguments: str) -> None:
            task = progress.add_task(f"{unit}: {description}", total=total)
            nbgrader(course, *arguments, on_line=on_notebook(lambda done: progress.update(task, completed=done)))
            progress.update(task, completed=total)

        step("release", 1, "generate_assignment", unit, "--create", "--force")
        students = small_class(release(course, unit), unit)
        for student, notebook in students.items():
            submit(course, student, unit, notebook)
        jail = [] if bubblewrap() else ["--JailedAutograde.jailed=False"]
        step("autograde", len(students), "autograde", unit, "--create", "--force", *jail)
        step("feedback", len(students), "generate_feedback", unit, "--force")


def on_notebook(update: Callable[[int], None]) -> Callable[[str], None]:
    """Counts submissions in nbgrader's log, by the lines that mention them first."""
    begun: list[str] = []

    def see(line: str) -> None:
        if begins(line) and line not in begun:
            begun.append(line)
            update(len(begun))

    return see


def worth(unit: str) -> dict[str, float]:
    """Exercise -> its points, also where they come on top."""
    return {name: question.points for name, question in questions(unit).items()}


def score_table(rows: list[Row], unit: str) -> Table:
    """Exercise x student, points; those that come on top have a plus."""
    table = Table(title=f"{unit}: points", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_footer=True)
    table.add_column("exercise", "total", no_wrap=True)
    table.add_column("of", f"{rows[0].max_total:g}", justify="right")
    for row in rows:
        table.add_column(row.student.replace("-", "\n"), f"{row.total:g}", justify="right")
    for name, most in worth(unit).items():
        of = f"{'+' if name in UNITS[unit].extra else ''}{most:g}"
        table.add_row(name, of, *(f"{row.points[f'check_{name}']:g}" for row in rows))
    return table


def draw_scores(rows: list[Row], unit: str, path: Path) -> None:
    """Totals as bars beside a map of the share of points for each exercise."""
    plt.style.use("autodiff_lib.course")
    most, full = worth(unit), rows[0].max_total
    points = np.array([[row.points[f"check_{name}"] for name in most] for row in rows])
    share = points / np.array([*most.values()])
    figure, (bars, grid) = plt.subplots(1, 2, figsize=(11, 0.6 * len(rows) + 2.4), sharey=True, width_ratios=(1, 2))
    bars.barh([row.student for row in rows], [row.total for row in rows])
    bars.set(xlim=(0, sum(most.values())), xlabel="points", title=unit)
    if UNITS[unit].extra:
        bars.axvline(full, color="0.2", linewidth=1.5)
        bars.text(full, 1, "all but extra ", transform=bars.get_xaxis_transform(), ha="right", va="bottom", fontsize=10)
        bars.set_title(unit, pad=20)
    bars.invert_yaxis()
    grid.imshow(share, vmin=0, vmax=1.6, aspect="auto", cmap="Greys")
    grid.set_xticks(range(len(most)), [f"{name} +" if name in UNITS[unit].extra else name for name in most], rotation=35, ha="right")
    grid.grid(False)
    grid.set_title("share of the points of each exercise (dark: all)")
    for (height, column), earned in np.ndenumerate(points):
        grid.text(column, height, f"{earned:g}", ha="center", va="center", color="black")
    figure.savefig(path)
    plt.close(figure)
