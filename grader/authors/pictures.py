"""Pictures of the pages that instructors and students see, made of a small class that is really graded."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from autodiff_lib.units import UNITS

from ..book import report
from ..book.nbgrader_adapter import PANELS, opened
from ..book.nbgrader_course import CONFIG, ROOT, cell, database, nbgrader, release, submit
from ..classes.records import load_all
from ..exports.command import standings
from .demo import small_class

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
UNIT, IN_WORDS = "01_operators", "03_transformer_lm"
ANSWER = "The n-th word costs $n D^2$ for the products with weights, and $n^2 D$ for the scores.\n\nA cache keeps keys and values."
SIZE = (1000, 720)
MAX_BYTES = 200_000
COLOURS = (256, 128, 64, 32)
PATIENCE = 120  # seconds until a server of Jupyter's answers


def browser() -> str | None:
    """A chromium that is installed here."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def formgrader(course: Path) -> Iterator[str]:
    """nbgrader's formgrader on a course folder, with its configuration, on a port of its own: the address, without a slash at its end.

    TimeoutError, with the end of its log, where it does not come up.
    """
    if not (course / CONFIG).exists():
        shutil.copy(ROOT / CONFIG, course / CONFIG)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with TemporaryDirectory() as home, open(Path(home) / "log", "wb") as log:
        (Path(home) / "jupyter_server_config.json").write_text(
            json.dumps(
                {"ServerApp": {"jpserver_extensions": {f"nbgrader.server_extensions.{panel}": panel == "formgrader" for panel in PANELS}}}
            )
        )
        environment = {**os.environ, "JUPYTER_CONFIG_DIR": home, "PYTHONPATH": str(ROOT)}
        options = [
            f"--ServerApp.root_dir={course}",
            f"--ServerApp.port={port}",
            "--IdentityProvider.token=",
            "--allow-root",
            "--no-browser",
        ]
        command = [sys.executable, "-m", "jupyter_server", "--ServerApp.port_retries=0", *options]
        server = subprocess.Popen(command, cwd=course, env=environment, stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}"
        try:
            await_answer(f"{address}/formgrader/gradebook", server, Path(home) / "log")
            yield address
        finally:
            server.terminate()
            server.wait()


def await_answer(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE):
                return
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.3)
    raise TimeoutError(f"the formgrader does not answer: {log.read_text(errors='replace')[-2000:]}")


def submission_page(course: Path, unit: str, student: str) -> str:
    """The path of a student's page in the formgrader."""
    with opened(database(course)) as gradebook:
        return f"/formgrader/submissions/{gradebook.find_submission_notebook(UNITS[unit].stem, unit, student).id}/"


def small_course(course: Path) -> None:
    """A class in a course folder, graded, with its feedback."""
    shutil.copytree(ROOT / "source", course / "source", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for unit in (UNIT, IN_WORDS):
        nbgrader(course, "generate_assignment", unit, "--create", "--force")
        class_of = small_class(release(course, unit), unit)
        if unit == IN_WORDS:
            class_of = {"full-marks": class_of["full-marks"]}
            cell(class_of["full-marks"], "kv_cache_written").source = ANSWER
        for student, notebook in class_of.items():
            submit(course, student, unit, notebook)
        nbgrader(course, "autograde", unit, "--create", "--force")
        nbgrader(course, "generate_feedback", unit, "--force")
    report.write(course / "report.html", UNIT, load_all(course, UNIT), standings(course, UNIT, course))


def write(folder: Path) -> list[Path]:
    """Make the class and take the pictures. FileNotFoundError, with what to install, where there is no browser."""
    if browser() is None:
        raise FileNotFoundError("there is no chromium here to look at pages with: apt install chromium")
    with TemporaryDirectory() as scratch:
        course = Path(scratch) / "course"
        course.mkdir()
        small_course(course)
        return taken(course, folder)


def taken(course: Path, folder: Path) -> list[Path]:
    """Pictures of the pages of such a class."""
    from playwright.sync_api import sync_playwright  # of the tests' packages, which who grades need not have

    folder.mkdir(parents=True, exist_ok=True)
    page = course / "feedback" / "typical-mistakes" / UNIT / f"{UNITS[UNIT].stem}.html"
    written = []
    with formgrader(course) as address, sync_playwright() as playwright:
        pages = {
            "feedback": (page.as_uri(), "#top"),
            "report": ((course / "report.html").as_uri(), "h1"),
            "formgrader": (address + submission_page(course, IN_WORDS, "full-marks"), "#kv_cache_written_extra_credit"),
        }
        chrome = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        for name, (url, shown) in pages.items():
            view = chrome.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
            view.goto(url)
            view.wait_for_load_state("networkidle")
            view.evaluate("place => document.querySelector(place).scrollIntoView()", shown)
            view.evaluate("window.scrollBy(0, -120)")
            written.append(small(view.screenshot(), folder / f"{name}.png"))
            view.close()
        chrome.close()
    return written


def small(picture: bytes, path: Path) -> Path:
    """Write a PNG with as many colours as its size allows."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in COLOURS:
        image.quantize(colours).save(path, optimize=True)
        if path.stat().st_size < MAX_BYTES:
            return path
    raise ValueError(f"{path} has {path.stat().st_size} bytes, and may have {MAX_BYTES}")
