"""Honest submissions that are large, or lie among strange things: what came along costs nobody a point."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path

import nbformat

from autodiff_lib.units import UNITS

from .submissions import OPERATORS, SUBMISSIONS, Clumsy, Files, encoded, expectation, full, untouched

NAME = UNITS[OPERATORS].notebook


def among(
    what: str, *repairs: str, name: str = "", nothing: bool = False, path: str = NAME
) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """The full notebook, among what the function puts into its folder. `nothing`: a person has to look."""

    def register(make: Callable[[Path], None]) -> Callable[[Path], None]:
        points = None if nothing else expectation(OPERATORS, {})
        title = name or make.__name__.replace("_", "-")
        SUBMISSIONS.append(Clumsy(title, what, OPERATORS, points, lambda: {path: encoded(full())}, repairs, make))
        return make

    return register


def made(what: str, *repairs: str) -> Callable[[Callable[[], Files]], Callable[[], Files]]:
    """What the function returns, with full points."""

    def register(files: Callable[[], Files]) -> Callable[[], Files]:
        title = files.__name__.replace("_", "-")
        SUBMISSIONS.append(Clumsy(title, what, OPERATORS, expectation(OPERATORS, {}), files, repairs))
        return files

    return register


def hole(path: Path, size: int) -> None:
    """A file of that size which takes no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


@among("A virtual environment came along, with its links.", "550 files were left out")
def a_whole_environment(folder):
    for number in range(600):
        path = folder / ".venv" / "lib" / f"package{number % 20}" / f"module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("import softmax\n")
    (folder / ".venv" / "lib64").symlink_to("lib")
    (folder / ".venv" / "python").symlink_to("/usr/bin/python3")


@among("A data set of 300 MB lies beside the notebook.", "1 files were left out, mnist.npz")
def a_data_set(folder):
    hole(folder / "mnist.npz", 300 * 2**20)


@among("Somebody's other notebook is larger than anybody can look at.", "old/recordings.ipynb was not read")
def an_enormous_notebook_beside(folder):
    hole(folder / "old" / "recordings.ipynb", 200 * 2**20)


@among("The submission was unpacked into itself, again and again.", "was not looked at: its path is longer")
def unpacked_into_itself(folder):
    for _ in range(24):
        folder /= "Homework of week one, final version (copy)"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(encoded(untouched()))


@among("An editor's lock, a socket of git's and a pipe of a debugger were handed in.")
def locks_sockets_and_pipes(folder):
    (folder / f".#{NAME}").symlink_to("somebody@laptop.1234:1700000000")
    (folder / ".git").mkdir()
    with contextlib.chdir(folder / ".git"), socket.socket(socket.AF_UNIX) as one:
        one.bind("fsmonitor.ipc")
    os.mkfifo(folder / "debug.fifo")


@among("Files are called as another system's users call them.")
def names_of_another_system(folder):
    for name in (b"L\xf6sung.txt", b"\xff\xfe.csv", "ответы и вопросы.txt".encode(), b"a" * 255, b"con", b"what?*:|.txt", b"-rf"):
        (folder / os.fsdecode(name)).write_text("x")


@among("A link leads to its own folder, and another to a drive that is not there.")
def links_that_lead_nowhere(folder):
    (folder / "here").symlink_to(".")
    (folder / "drive").symlink_to("/mnt/usb/homework")
    (folder / "data.ipynb").symlink_to("drive/data.ipynb")


@among("Hundreds of small pictures lie in a folder.", "files were left out")
def a_folder_of_pictures(folder):
    (folder / "frames").mkdir()
    for number in range(300):
        (folder / "frames" / f"{number:04}.png").write_bytes(b"\x89PNG")


@among("The notebook was renamed, and one that is too large to be read has its name.", nothing=True, path="mine.ipynb")
def an_enormous_notebook_in_its_place(folder):
    hole(folder / NAME, 200 * 2**20)


@among("The student's name is as long as a name can be.", name="n" * 252)
def the_longest_name(folder):
    pass


@among("The student's name is long, and no letter of it is a byte.", name="ñ" * 120)
def a_long_name_in_another_alphabet(folder):
    pass


@made("Fourteen megabytes of pictures are stored below the cells.")
def pictures_in_outputs():
    notebook = full()
    picture = base64.b64encode(os.urandom(2**20)).decode()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code[:10]:
        cell.outputs = [nbformat.v4.new_output("display_data", {"image/png": picture})]
    return {NAME: encoded(notebook)}


@made("A loop printed twenty thousand lines, each of which was stored by itself.")
def twenty_thousand_printed_lines():
    notebook = full()
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.outputs = [nbformat.v4.new_output("stream", text=["epoch done, and the loss is still not what it should be\n"] * 20_000)]
    return {NAME: encoded(notebook)}


@made("A progress bar's widget left the state of thousands of models in the notebook.")
def a_widget_with_a_long_memory():
    notebook = full()
    state = {f"{number:032x}": {"model_name": "FloatProgressModel", "state": {"value": number}} for number in range(5000)}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    return {NAME: encoded(notebook)}


@made("A tool wrote the file with megabytes of blanks between its cells.")
def blanks_between_cells():
    return {NAME: json.dumps(json.loads(encoded(full())), separators=("," + " " * 5000, ":")).encode()}


def tar(*entries: tuple[str, bytes], link: str = "") -> bytes:
    """A tar of files, and perhaps a link."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        if link:
            entry = tarfile.TarInfo("link")
            entry.type, entry.linkname = tarfile.SYMTYPE, link
            archive.addfile(entry)
    return written.getvalue()


@made("Handed in as another course wants it: a tar, with a module that the notebook imports.", "came packed, in handin.tar")
def a_tar():
    notebook = full()
    notebook.cells[1].source += "\nimport mine"
    return {"handin.tar": tar((f"handin/{NAME}", encoded(notebook)), ("handin/mine.py", b"x = 1\n"))}


@made("A tar beside the notebook as it came, with a link out of it.", "came packed", "a link or a device", "of 2 notebooks")
def a_tar_beside_an_untouched_notebook():
    return {NAME: encoded(untouched()), "handin.tar.gz": tar((NAME, encoded(full())), link="/etc/passwd")}


@among("A tar that was cut off on its way.", "left out: it cannot", path="elsewhere/" + NAME, nothing=True)
def half_a_tar(folder):
    (folder / "handin.tar").write_bytes(tar((NAME, encoded(full())))[:5000])
