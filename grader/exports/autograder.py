"""The zip that Gradescope takes as an autograder: the grader itself, the course's sources, and two scripts.

Gradescope unpacks it into /autograder/source, runs setup.sh once, and run_autograder for each submission. It
shows the students neither. If `AUTODIFF_SECRET` is set here, it goes along, so that the hidden cases are the same.
"""

from __future__ import annotations

import os
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ..book.nbgrader_course import ROOT
from ..submission.hidden import SECRET
from ..submission.limits import FILE as LIMITS_FILE

FOLDERS = ("autodiff_lib", "grader", "source", "release")
FILES = ("constraints.txt", "pyproject.toml")
SCRIPTS = ("setup.sh", "run_autograder")
UNIT_FILE, SECRET_FILE, REQUIREMENTS_FILE = "unit", "secret", "requirements.txt"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same content is the same zip


def write(path: Path, unit: str, course: Path) -> None:
    """Write the zip for a unit, with the limits of the course folder. The secret may be in it: nobody else can read the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(0o600)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in entries(unit, course):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def entries(unit: str, course: Path) -> Iterator[tuple[str, bytes, int]]:
    """(name, content, mode) of every file in the zip."""
    for name in SCRIPTS:
        yield name, Path(__file__).with_name(name).read_bytes(), 0o755
    yield UNIT_FILE, f"{unit}\n".encode(), 0o644
    yield REQUIREMENTS_FILE, "".join(f"{requirement}\n" for requirement in requirements()).encode(), 0o644
    for name in FILES:
        yield name, (ROOT / name).read_bytes(), 0o644
    if (course / LIMITS_FILE).is_file():
        yield LIMITS_FILE, (course / LIMITS_FILE).read_bytes(), 0o644
    if os.environ.get(SECRET):
        yield SECRET_FILE, os.environ[SECRET].encode(), 0o600
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            inner = path.relative_to(ROOT)
            if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in inner.parts):
                yield inner.as_posix(), path.read_bytes(), 0o644


def requirements() -> list[str]:
    """What the library and the grader need; constraints.txt says in which versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["grader"]]
