"""What the notebooks of a handout show: a unit's button for handing in, and START's table of how far one is."""

from __future__ import annotations

import os
import subprocess
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets
from IPython.display import HTML, display

from ..grading import graded
from .handing_in import student_name, unsaved
from .picture import COMMAND, asked
from .place import HandoutError, Place, checked_id, find
from .standing import Standing, next_step

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
    label = ipywidgets.Label("Your name in the course:")
    name = ipywidgets.Text(student_name(place), layout=ipywidgets.Layout(width="14em"))
    button = ipywidgets.Button(description=f"Hand in {unit}", button_style="primary", layout=ipywidgets.Layout(width="auto"))
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
    display(ipywidgets.VBox([ipywidgets.HBox([label, name, button]), output]))


def told(words: list[str], output: ipywidgets.Output) -> None:
    """Run a command, and show its lines as they come."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True, encoding="utf-8") as process:
        assert process.stdout is not None  # it is a pipe
        for line in process.stdout:
            output.append_stdout(line)


def progress() -> None:
    """How far each unit is, and what to do next. What has changed since the last time is run once, which takes some seconds."""
    try:
        place = find(Path.cwd())
        found = asked(place)
    except HandoutError as error:
        print(error)
        return
    display(HTML(table(place, found)))


def table(place: Place, found: list[Standing]) -> str:
    """HTML for the units, in the colours of the theme."""
    rows = "".join(map(row, found))
    head = "".join(f'<th style="text-align:left">{title}</th>' for title in ("unit", "", "points", "exercises", "", "handed in"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p><b>{escape(next_step(found))}</b></p>"


def row(standing: Standing) -> str:
    filled = round(100 * standing.points / standing.max_points) if standing.max_points else 0
    frame = "width:120px;height:12px;border:1px solid currentColor"
    bar = f'<div style="{frame}"><div style="width:{filled}%;height:12px;background:currentColor;opacity:.6"></div></div>'
    handed_in = standing.handed_in + (", changed since" if standing.since_changed else "")
    worth = f"{standing.points:g} of {standing.max_points:g}"
    cells = (escape(standing.unit), bar, worth, f"{standing.done} of {standing.exercises}", escape(standing.state), escape(handed_in))
    return "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells) + "</tr>"
