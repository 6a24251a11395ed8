"""`python -m grader`: the instructor's command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from . import authoring
from . import demo as demonstration
from . import lab as student_lab
from .nbgrader_course import ROOT

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Grading for the course, and the tools of its authors.")


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
