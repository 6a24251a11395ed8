"""The course in a real browser, for tests and for pictures: a student's JupyterLab, and what one does in it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SECONDS = 240  # for a page to show what it must, on a machine that others use as well
SIZE = (1280, 800)  # of the window, in CSS pixels


@contextmanager
def window(width: int = SIZE[0], height: int = SIZE[1]) -> Iterator[Page]:
    """An empty page of a browser. OSError where no browser is installed."""
    if CHROMIUM is None:
        raise OSError("no browser here: install chromium (apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(SECONDS * 1000)
        yield page
        browser.close()


@contextmanager
def jupyterlab(start: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """JupyterLab, started by a command of a handout in its folder: the address that opens it. It ends with the block."""
    port, token = free_port(), secrets.token_hex(16)
    options = ["--no-browser", f"--ServerApp.port={port}", f"--IdentityProvider.token={token}", "--ServerApp.ip=127.0.0.1"]
    address = f"http://127.0.0.1:{port}/?token={token}"
    log = folder / "jupyterlab.log"
    with open(log, "wb") as told:
        process = subprocess.Popen([*start, *options], cwd=folder, env=environment, stdout=told, stderr=told, start_new_session=True)
    try:
        deadline = time.monotonic() + SECONDS
        while not answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise OSError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.5)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


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


def save(page: Page) -> None:
    page.keyboard.press("Control+s")
    page.locator("#jp-main-dock-panel .lm-TabBar-tab.jp-mod-current:not(.jp-mod-dirty)").wait_for()
