"""The README's pictures, made from the real thing: a handout, unpacked and started, in a browser."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from autodiff_lib.student.place import Course
from autodiff_lib.units import UNITS

from ..book.nbgrader_course import ROOT, solutions
from . import handout, in_browser

INTO = ROOT / ".github"
COLOURS = 128


def of_students(into: Path = INTO, say: Callable[[str], None] = print) -> None:
    """START and a check that fails. OSError where no browser is installed."""
    unit = next(iter(UNITS))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "handout"
        handout.write(folder, list(UNITS), Course(term="Autumn 2026"))
        start = [sys.executable, "-m", "autodiff_lib.student", "start"]
        with in_browser.jupyterlab(start, folder) as address, in_browser.window(height=1000) as page:
            page.goto(address)
            in_browser.run(page, in_browser.cell(page, "progress()")).locator("table").wait_for()
            keep(page, into / "start.png", say)
            page.get_by_role("link", name=unit).first.click()
            page.get_by_role("heading", name="Unit 1").wait_for()
            in_browser.run(page, in_browser.cell(page, "import autodiff_lib as ad"))
            wrong = solutions(unit)["softmax"].replace("keepdim=True", "keepdim=False")
            place = in_browser.cell(page, "class SoftmaxOp")
            in_browser.write(page, place, wrong)
            in_browser.run(page, place)
            report = in_browser.run(page, in_browser.cell(page, 'check("softmax")'))
            report.scroll_into_view_if_needed()
            picture = into / "check.png"
            report.screenshot(path=picture)
            small(picture)
            say(str(picture))


def keep(page: Page, path: Path, say: Callable[[str], None]) -> None:
    page.mouse.move(0, 0)
    page.screenshot(path=path)
    small(path)
    say(str(path))


def small(path: Path) -> None:
    """With a palette: the eye sees the same, in a third of the size."""
    picture = Image.open(path).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    unfinished = path.with_suffix(".part")
    picture.save(unfinished, "PNG", optimize=True)
    shutil.move(unfinished, path)
