"""The README's pictures, made from the real thing: a handout in a student's JupyterLab, and the pages of a small class that is graded."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from autodiff_lib.student.place import Course
from autodiff_lib.units import UNITS

from ..book import report
from ..book.nbgrader_course import ROOT, cell, nbgrader, release, solutions, submit
from ..classes.records import load_all
from ..exports.command import standings
from . import handout, in_browser
from .demo import small_class

UNIT, IN_WORDS = "01_operators", "03_transformer_lm"
ANSWER = "The n-th word costs $n D^2$ for the products with weights, and $n^2 D$ for the scores.\n\nA cache keeps keys and values."
SIZE = (1000, 720)
BELOW = 60  # pixels of JupyterLab below a notebook's last line that is shown
MAX_BYTES = 200_000
COLOURS = (256, 128, 64, 32)


def write(into: Path) -> Iterator[Path]:
    """Take all pictures, one after the other. OSError, with what to install, where there is no browser."""
    into.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        yield from of_students(Path(scratch) / "handout", into)
        course = Path(scratch) / "course"
        course.mkdir()
        small_course(course)
        yield from of_instructors(course, into)


def of_students(folder: Path, into: Path) -> Iterator[Path]:
    """START, and a check that fails."""
    handout.write(folder, list(UNITS), Course(term="Autumn 2026"))
    start = [sys.executable, "-m", "autodiff_lib.student", "start"]
    with in_browser.jupyterlab(start, folder) as address, in_browser.window() as page:
        page.goto(address)
        progress = in_browser.run(page, in_browser.cell(page, "progress()"))
        progress.locator("ul").wait_for()
        page.mouse.move(0, 0)
        bottom = progress.evaluate("output => output.getBoundingClientRect().bottom")
        page.set_viewport_size({"width": in_browser.SIZE[0], "height": int(bottom) + BELOW})
        page.wait_for_function(f"innerHeight > {bottom}")
        yield small(page.screenshot(), into / "start.png")
        page.get_by_role("link", name=UNIT).first.click()
        page.get_by_role("heading", name="Unit 1").wait_for()
        in_browser.run(page, in_browser.cell(page, "import autodiff_lib as ad"))
        wrong = solutions(UNIT)["softmax"].replace("powers.sum(node.dim", "powers.sum(-1")
        place = in_browser.cell(page, "class SoftmaxOp")
        in_browser.write(page, place, wrong)
        in_browser.run(page, place)
        report = in_browser.run(page, in_browser.cell(page, 'check("softmax")'))
        report.scroll_into_view_if_needed()
        yield small(report.screenshot(), into / "check.png")


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


def of_instructors(course: Path, into: Path) -> Iterator[Path]:
    """The pages of such a class: a student's feedback, the report on the class, the formgrader."""
    page = course / "feedback" / "typical-mistakes" / UNIT / f"{UNITS[UNIT].stem}.html"
    with in_browser.formgrader(course) as address, in_browser.window(*SIZE) as view:
        pages = {
            "feedback": (page.as_uri(), "#top"),
            "report": ((course / "report.html").as_uri(), "h1"),
            "formgrader": (address + in_browser.submission_page(course, IN_WORDS, "full-marks"), "#kv_cache_written_extra_credit"),
        }
        for name, (url, shown) in pages.items():
            view.goto(url)
            view.wait_for_load_state("networkidle")
            view.evaluate("place => document.querySelector(place).scrollIntoView()", shown)
            view.evaluate("window.scrollBy(0, -120)")
            yield small(view.screenshot(), into / f"{name}.png")


def small(picture: bytes, path: Path) -> Path:
    """Write a PNG with as many colours as its size allows."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in COLOURS:
        image.quantize(colours).save(path, optimize=True)
        if path.stat().st_size < MAX_BYTES:
            return path
    raise ValueError(f"{path} has {path.stat().st_size} bytes, and may have {MAX_BYTES}")
