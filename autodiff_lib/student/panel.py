"""What the notebooks of a handout show: a unit's button for handing in, and START's picture of how far one is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import ipywidgets
from IPython.display import display

from ..grading import graded
from .command import COMMAND, asked
from .handing_in import student_name, unsaved
from .picture import Progress
from .place import HandoutError, checked_id, find
from .standing import next_step

UNSAVED = (
    "The file has another version of {names} than the one that you ran last. "
    "Save with Ctrl+S (Cmd+S on a Mac), or run the cell again; then press the button once more.\n"
)


def hand_in(unit: str) -> None:
    """A button that hands in the unit whose notebook this is. Running the cell hands in nothing."""
    if graded():
        return
    try:
        place = find(Path.cwd())
        path = place.notebook(unit)
    except HandoutError as error:
        print(f"Nothing can be handed in from here: {error}")
        return
    whole = ipywidgets.Layout(width="auto", flex="0 0 auto")  # what is written there, however narrow the window is
    label = ipywidgets.Label("Your name in the course:", layout=whole)
    name = ipywidgets.Text(student_name(place), layout=ipywidgets.Layout(width="14em"))
    button = ipywidgets.Button(description=f"Hand in {unit}", button_style="primary", layout=whole)
    output = ipywidgets.Output()
    warned: list[str] = []

    def press(_: Any) -> None:
        output.outputs = ()
        button.disabled = True
        try:
            changed = unsaved(path, unit)
            if changed and changed != warned:
                warned[:] = changed
                output.append_stdout(UNSAVED.format(names=", ".join(changed)))
                return
            warned.clear()
            told([*COMMAND, "submit", unit, "--as", checked_id(name.value)], output)
        except (ValueError, OSError) as error:
            output.append_stdout(f"{error}\n")
        finally:
            button.disabled = False

    button.on_click(press)
    line = ipywidgets.HBox([label, name, button], layout=ipywidgets.Layout(flex_flow="row wrap"))
    display(ipywidgets.VBox([line, output]))


def told(words: list[str], output: ipywidgets.Output) -> None:
    """Run a command, and show its lines as they come."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True, encoding="utf-8") as process:
        assert process.stdout is not None  # it is a pipe
        for line in process.stdout:
            output.append_stdout(line)


def progress() -> Progress | None:
    """How far each unit is, and what to do next. What has changed since the last time is run once, which takes some seconds."""
    try:
        found = asked(find(Path.cwd()))
    except HandoutError as error:
        print(error)
        return None
    return Progress(found, next_step(found))
