"""JupyterLab on a student's own copy of a handout: opened at START, with what was written there left alone."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..checks.report import GREEN, GREY, RED
from ..notebook_files import nbformat
from .place import Place

START = "START.ipynb"
LABEXTENSION = "@jupyter/nbgrader"
PANELS = ("assignment_list", "course_list", "formgrader", "validate_assignment")
"""nbgrader's extensions of a Jupyter server, below `nbgrader.server_extensions`."""

OF_STUDENTS = ("assignment_list", "validate_assignment")
PLUGINS = {"course_list": "course-list", "formgrader": "formgrader"}
"""nbgrader's panels that are no student's, and what their halves in the browser are called; `create-assignment` has no other half."""

LABEXTENSIONS = Path(__file__).with_name("labextensions")
"""Ours: one gives a figure the words that its output brings along, one folds the list of files in a narrow window."""

ON_DARK = {GREEN: "#56d364", RED: "#ff9a92", GREY: "#a8b3bf"}
"""The colours of reports, as they can be read on a dark page."""

DARK = '[data-jp-theme-light="false"]'
STYLE = f"""\
/* names are shown whole: in the list of files over two lines, in a tab as wide as they are; where there are more tabs than
   have room, all but the one in front get narrower, so that each can be reached */
.jp-DirListing-itemText {{ white-space: normal; overflow-wrap: anywhere; }}
.jp-DirListing-item {{ height: auto; }}
#jp-main-dock-panel .lm-TabBar-tab {{ flex: 0 1 auto; width: auto; max-width: none; min-width: 0; }}
#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current {{ flex-shrink: 0; }}
/* code within a sentence that is longer than a line has room goes on in the next */
.jp-RenderedMarkdown :not(pre) > code {{ overflow-wrap: anywhere; }}
/* figures are drawn on white: under a dark theme they are dark, each colour with the hue that it has */
{DARK} :is(.jp-RenderedImage img, .jp-RenderedSVG img, .jp-RenderedHTML svg) {{ filter: invert(.93) hue-rotate(180deg); }}
/* in a narrow window, what stands beside a bar of progress goes below it */
.widget-hbox:has(> .widget-hprogress) {{ flex-wrap: wrap; height: auto; }}
.widget-hbox > .widget-hprogress {{ min-width: 120px; }}
/* so are the shaded numbers of reports; their other colours, made for a light page, become light ones */
{DARK} .jp-RenderedHTML td[style*="font-family:monospace"] {{ filter: invert(.93) hue-rotate(180deg); }}
""" + "".join(
    f"""\
{DARK} .jp-RenderedHTML :is([style^="color:{colour}"], [style*=";color:{colour}"]) {{ color: {dark} !important; }}
{DARK} .jp-RenderedHTML div[style^="border-left"][style*="solid {colour}"] {{ border-color: {dark} !important; }}
"""
    for colour, dark in ON_DARK.items()
)


def working_copy(place: Place) -> list[Path]:
    """Copy what is not there yet, and what is new where the student has changed no cell. The files that were copied."""
    before = place.remembered("copied")
    copied = []
    for path in sorted(place.pristine.rglob("*.ipynb")):
        name = path.relative_to(place.pristine).as_posix()
        there = place.work / name
        new = digest_of_cells(path)
        untouched = not there.exists() or (new != before.get(name) and digest_of_cells(there) == before.get(name))
        if not untouched:
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        copy(path, there)
        copied.append(there)
        before[name] = new
    if copied:
        place.remember("copied", before)
    return copied


def copy(path: Path, there: Path) -> None:
    """A notebook, with the metadata that JupyterLab gives it: else it would be unsaved as soon as it is open."""
    from ipykernel.ipkernel import IPythonKernel  # here, because only this needs them, and they take a while
    from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager

    notebook, kernel = nbformat.read(path, as_version=4), KernelSpecManager().get_kernel_spec(NATIVE_KERNEL_NAME)
    notebook.metadata.kernelspec = {"display_name": kernel.display_name, "language": kernel.language, "name": NATIVE_KERNEL_NAME}
    notebook.metadata.language_info = IPythonKernel.language_info
    nbformat.write(notebook, there)


def digest_of_cells(path: Path) -> str:
    """Of what the cells of a notebook say, without their outputs; of the whole file where it is no notebook any more."""
    content = path.read_bytes()
    with suppress(ValueError, TypeError, KeyError):  # somebody wrote it by hand
        content = json.dumps([cell["source"] for cell in in_lines(json.loads(content))]).encode()
    return hashlib.sha256(content).hexdigest()


def in_lines(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells, each with its text as one: a file may have it as a text or as a list of lines."""
    return [{**cell, "source": "".join(cell["source"])} for cell in notebook["cells"]]


def settings(place: Place) -> dict[str, str]:
    """Environment variables with which JupyterLab is as the course wants it, by a configuration in the student's folder.

    No question about news, names shown whole, figures that say in words what they show, no list of files where the window
    is narrow, and of nbgrader what a student can use: its list of assignments and its validation where the handout names an
    exchange, and nothing otherwise.
    """
    folder = place.kept / "jupyter"
    exchange = place.course.exchange
    disabled = (
        {f"{LABEXTENSION}:{plugin}": True for plugin in (*PLUGINS.values(), "create-assignment")} if exchange else {LABEXTENSION: True}
    )
    server = {f"nbgrader.server_extensions.{panel}": bool(exchange) and panel in OF_STUDENTS for panel in PANELS}
    lab = {
        "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "news_url": None,
        "custom_css": True,
        "extra_labextensions_path": [str(LABEXTENSIONS)],
    }
    write(folder / "labconfig" / "page_config.json", {"disabledExtensions": disabled})
    write(
        folder / "labconfig" / "default_setting_overrides.json",
        {
            "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
            "@jupyterlab/filebrowser-extension:browser": {"showLastModifiedColumn": False},
        },
    )
    write(folder / "jupyter_server_config.json", {"ServerApp": {"jpserver_extensions": {"nbgrader": False, **server}}})
    write(folder / "jupyter_lab_config.json", {"LabApp": lab})
    facts = {"root": exchange, "assignment_dir": str(place.work)}  # else nbgrader fetches and submits beside what the student writes
    write(folder / "nbgrader_config.json", {"Exchange": facts, "CourseDirectory": {"course_id": place.course.course_id}})
    style = folder / "custom" / "custom.css"
    style.parent.mkdir(parents=True, exist_ok=True)
    style.write_text(STYLE, encoding="utf-8")
    return {"JUPYTER_CONFIG_DIR": str(folder)}


def write(path: Path, facts: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=1), encoding="utf-8")


def has_exchange() -> bool:
    """Whether nbgrader is there to speak to its exchange."""
    return importlib.util.find_spec("nbgrader") is not None


def command(place: Place, arguments: Sequence[str]) -> list[str]:
    """How JupyterLab is started: on the student's folder, at START; as root as well, which a container's user is."""
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    place_of = [f"--ServerApp.root_dir={place.work}", f"--LabApp.default_url=/lab/tree/{START}"]
    return [sys.executable, "-m", "jupyterlab", *place_of, *root, *arguments]


def start(place: Place, arguments: Sequence[str]) -> int:
    """JupyterLab until it is closed; its exit code."""
    copied = working_copy(place)
    print(f"Your notebooks are in {place.work}: {len(copied)} new, and what you have written stays as it is.", flush=True)
    with subprocess.Popen(command(place, arguments), env={**os.environ, **settings(place)}) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # Ctrl-C reaches JupyterLab as well, which asks or ends by itself
