"""A student's laptop: a handout, unpacked into a fresh virtual environment, without the repository.

What the course depends on is taken from the environment that runs the tests, by a path file; the course itself is
installed from the handout's wheel, and from nowhere else.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

from grader.book.nbgrader_course import ROOT

TERM = "Autumn 2026"


@dataclass(frozen=True)
class Laptop:
    """The folder that the handout was unpacked into."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / ".venv" / "bin" / "python"

    @property
    def work(self) -> Path:
        return self.folder / "my-work"

    @property
    def environment(self) -> dict[str, str]:
        """Without a way to the repository, and with a home of its own: what nbgrader keeps there is listed in a browser."""
        home = self.folder.parent / "home"
        home.mkdir(exist_ok=True)
        return {**clean(), "HOME": str(home)}

    def run(self, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """`autodiff-course` with these words, in the handout's folder."""
        command = [str(self.folder / ".venv" / "bin" / "autodiff-course"), *words]
        environment = {**self.environment, **more}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=600)


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "JUPYTER", "VIRTUAL_ENV"))}


def unpacked(archive: Path, into: Path) -> Path:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(into)
        (top,) = {name.split("/")[0] for name in packed.namelist()}
    return into / top


def laptop(archive: Path, into: Path) -> Laptop:
    """Unpack a handout and install its library, as its start script does where there is a network."""
    folder = unpacked(archive, into)
    place = folder / ".venv"
    venv.create(place, with_pip=False)
    packages = next(place.glob("lib/python*/site-packages"))
    (packages / "house.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (place / "share").mkdir(exist_ok=True)
    (place / "share" / "jupyter").symlink_to(Path(sys.prefix) / "share" / "jupyter")  # JupyterLab's own files
    (wheel,) = folder.glob("*.whl")
    command = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", str(wheel)]
    subprocess.run(command, check=True, env=clean(), cwd=folder)
    done = hashlib.sha256(wheel.read_bytes() + (folder / "constraints.txt").read_bytes()).hexdigest()
    (place / "installed.txt").write_text(done)
    return Laptop(folder)


def exchange_with(unit: str, root: Path) -> Path:
    """nbgrader's exchange, as an instructor's `nbgrader release_assignment` leaves it for the course cs1."""
    course = root / "cs1"
    (course / "outbound").mkdir(parents=True)
    (course / "inbound").mkdir()
    root.chmod(0o777)
    (course / "inbound").chmod(0o733)
    shutil.copytree(ROOT / "release" / unit, course / "outbound" / unit)
    return root
