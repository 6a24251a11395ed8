"""The course in a real browser, for tests and for pictures: a student's JupyterLab and what one does in it, and the formgrader."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Locator, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from autodiff_lib.student.lab import PANELS
from autodiff_lib.units import UNITS

from ..book.nbgrader_adapter import opened
from ..book.nbgrader_course import CONFIG, ROOT, database

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SECONDS = 240  # for a page to show what it must, on a machine that others use as well
SIZE = (1280, 800)  # of the window, in CSS pixels


SCREENSHOTS = ROOT / "build" / "screenshots"
"""Where pictures go of what was to be seen when something failed."""

OPEN: list[Browser] = []


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window; where the block fails, its pages are kept as pictures. OSError where no browser is installed."""
    if CHROMIUM is None:
        raise OSError("no browser here: install chromium (apt install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        OPEN.append(started)
        try:
            yield started
        except Exception:
            photograph()
            raise
        finally:
            OPEN.remove(started)
        started.close()


def photograph() -> list[Path]:
    """A picture of each page that is open, named after the test that runs now."""
    test = re.sub(r"\W+", "-", os.environ.get("PYTEST_CURRENT_TEST", "no test").removeprefix("tests/")).strip("-")
    pages = [page for one in OPEN for context in one.contexts for page in context.pages]
    paths = [SCREENSHOTS / f"{test[-200:]}-{number}.png" for number in range(1, len(pages) + 1)]
    for page, path in zip(pages, paths, strict=True):
        with suppress(PlaywrightError):  # what failed may be the browser
            page.screenshot(path=path, timeout=10_000)
    return [path for path in paths if path.exists()]


@contextmanager
def window(width: int = SIZE[0], height: int = SIZE[1]) -> Iterator[Page]:
    """An empty page of a browser. OSError where no browser is installed."""
    with browser() as started:
        page = started.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(SECONDS * 1000)
        yield page


@contextmanager
def serving(command: Sequence[str], address: str, folder: Path, log: Path, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """A server, until the block ends. OSError, with the end of its log, where the address does not answer."""
    with open(log, "wb") as told:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=told, stderr=told, start_new_session=True)
    try:
        deadline = time.monotonic() + SECONDS
        while not answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise OSError(f"{address.split('?')[0]} does not answer:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.5)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def jupyterlab(start: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """JupyterLab, started by a command of a handout in its folder: the address that opens it. It ends with the block."""
    port, token = free_port(), secrets.token_hex(16)
    options = ["--no-browser", f"--ServerApp.port={port}", f"--IdentityProvider.token={token}", "--ServerApp.ip=127.0.0.1"]
    address = f"http://127.0.0.1:{port}/?token={token}"
    with serving([*start, *options], address, folder, folder / "jupyterlab.log", environment):
        yield address


@contextmanager
def formgrader(course: Path) -> Iterator[str]:
    """nbgrader's formgrader on a course folder, with its configuration, on a port of its own: the address, without a slash at its end."""
    if not (course / CONFIG).exists():
        shutil.copy(ROOT / CONFIG, course / CONFIG)
    port = free_port()
    with TemporaryDirectory() as home:
        panels = {f"nbgrader.server_extensions.{panel}": panel == "formgrader" for panel in PANELS}
        settings = {"ServerApp": {"jpserver_extensions": panels}}
        (Path(home) / "jupyter_server_config.json").write_text(json.dumps(settings))
        environment = {**os.environ, "JUPYTER_CONFIG_DIR": home, "PYTHONPATH": str(ROOT)}
        options = [
            f"--ServerApp.root_dir={course}",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            "--allow-root",
            "--no-browser",
        ]
        address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "jupyter_server", *options]
        with serving(command, f"{address}/formgrader/gradebook", course, Path(home) / "log", environment):
            yield address


def submission_page(course: Path, unit: str, student: str) -> str:
    """The path of a student's page in the formgrader."""
    with opened(database(course)) as gradebook:
        return f"/formgrader/submissions/{gradebook.find_submission_notebook(UNITS[unit].stem, unit, student).id}/"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def notebook(page: Page) -> Locator:
    """The notebook that is in front, once its kernel is ready."""
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").first.wait_for()
    page.locator("#jp-main-statusbar", has_text="Python 3 (ipykernel) | Idle").wait_for()  # before that, cells are run by nobody
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook")


def cell(page: Page, text: str) -> Locator:
    """The first code cell whose text contains `text`."""
    return notebook(page).locator(".jp-CodeCell").filter(has=page.locator(".cm-content", has_text=re.compile(re.escape(text)))).first


def write(page: Page, place: Locator, text: str) -> None:
    """Put another text into a cell."""
    place.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def run(page: Page, place: Locator) -> Locator:
    """Run a cell, and wait until it has: its output."""
    place.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    place.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]")).wait_for()
    return place.locator(".jp-OutputArea").first


def wear(page: Page, theme: str) -> None:
    """Choose one of JupyterLab's themes, as `JupyterLab Dark`, in its menu."""
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    for name in ("Theme", theme):
        page.locator(".lm-Menu-item").filter(has=page.locator(".lm-Menu-itemLabel").get_by_text(name, exact=True)).click()
    page.locator(f'body[data-jp-theme-name="{theme}"]').wait_for(state="attached")
    page.locator("#jp-main-statusbar").wait_for()  # a splash hides everything until the theme is there


def save(page: Page) -> None:
    page.keyboard.press("Control+s")
    page.locator("#jp-main-dock-panel .lm-TabBar-tab.jp-mod-current:not(.jp-mod-dirty)").wait_for()
