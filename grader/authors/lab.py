"""JupyterLab as a student has it: a working copy of the release and the lectures, without the instructor's tools."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from ..book.nbgrader_adapter import LABEXTENSION, PANELS
from ..book.nbgrader_course import ROOT


def working_copy(folder: Path) -> list[Path]:
    """Copy what is not there yet; what a student has written stays. The files that were copied."""
    copied = []
    for origin in (ROOT / "release", ROOT / "notebooks"):
        for path in sorted(origin.rglob("*.ipynb")):
            place = folder / path.relative_to(ROOT / "release" if origin.name == "release" else ROOT)
            if ".ipynb_checkpoints" not in path.parts and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)
                copied.append(place)
    return copied


def student_settings(folder: Path) -> dict[str, str]:
    """Environment variables that leave nbgrader's panels and the news out of JupyterLab, by a configuration in `folder`."""
    settings = folder / "labconfig"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "page_config.json").write_text(json.dumps({"disabledExtensions": {LABEXTENSION: True}}))
    quiet = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    (settings / "default_setting_overrides.json").write_text(json.dumps(quiet))
    names = ["nbgrader", *(f"nbgrader.server_extensions.{panel}" for panel in PANELS)]
    server = {
        "ServerApp": {"jpserver_extensions": dict.fromkeys(names, False)},
        "LabApp": {"check_for_updates_class": "jupyterlab.NeverCheckForUpdate", "news_url": None},
    }
    (folder / "jupyter_server_config.json").write_text(json.dumps(server))
    (folder / "jupyter_lab_config.json").write_text(json.dumps({"LabApp": server["LabApp"]}))
    return {"JUPYTER_CONFIG_DIR": str(folder)}


def start(folder: Path, arguments: list[str]) -> None:
    """Replace this process by JupyterLab on the working copy."""
    copied = working_copy(folder)
    print(f"{folder}: {len(copied)} notebooks copied; what was there stays as it is")
    environment = {**os.environ, **student_settings(ROOT / "build" / "lab_config")}
    os.execve(sys.executable, [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", *arguments], environment)
