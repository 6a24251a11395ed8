"""What comes packed, as a handin.tar: what is in it takes the place of the archive, and lies below its name.

Whoever packed it may want a flood: this runs where a submission is read, within that process's limits, and with limits of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from . import archives, scratch
from .submitted import MAX_FILE, MAX_LUGGAGE, MAX_NOTEBOOK, MAX_NOTEBOOKS, MAX_PATH, Content, is_archive, is_notebook, shown

LIMITS = archives.Limits(file=MAX_NOTEBOOK, all=MAX_NOTEBOOKS + MAX_LUGGAGE, entries=10_000, all_entries=20_000, depth=2, seconds=10)
MAX_ARCHIVES = 5  # of a submission that are opened; the uppermost and smallest
MAX_TOLD = 5  # sentences on what was left out of an archive


@dataclass(frozen=True)
class Opened:
    """The files of a submission once its archives are opened."""

    files: dict[str, Content]
    inside: dict[str, str]  # path of a file that was in an archive -> its path in there
    told: tuple[str, ...] = ()  # a sentence for each thing in an archive that cannot be what counts, and was left out
    unread: tuple[str, ...] = ()  # a sentence for each that may be


def opened(files: dict[str, Content]) -> Opened:
    """Open the archives in which there is a notebook; the others are files like any other. Never raises for what is in them."""
    found, inside = dict(files), dict[str, str]()
    told: list[str] = []
    unread: list[str] = []
    packed = sorted((path for path in files if is_archive(path)), key=lambda path: (path.count("/"), path))
    if packed[MAX_ARCHIVES:]:
        told.append(f"{len(packed) - MAX_ARCHIVES} archives were not opened, {shown(packed[MAX_ARCHIVES])} among them: too many")
    for path in packed[:MAX_ARCHIVES]:
        content = files[path]
        if not isinstance(content, bytes):
            continue  # that it was not read is told already
        with scratch.folder("unpacking") as folder:
            (folder / "packed").write_bytes(content)
            own = read(path, folder)
        unread += own.unread
        if any(map(is_notebook, own.files)):
            del found[path]
            found |= own.files
            inside |= own.inside
            told += own.told
    return Opened(found, inside, tuple(told), tuple(unread))


def read(path: str, folder: Path) -> Opened:
    """What is in the archive `packed` of a folder, which stood at a path of the submission."""
    try:
        unpacked = archives.unpack(folder / "packed", folder / "unpacked", LIMITS)
    except archives.TooMuchError as error:
        return Opened({}, {}, unread=(f"{shown(path)} was not unpacked: {error}",))
    if not unpacked.archives:
        return Opened({}, {}, unread=(f"{shown(path)} is neither a tar nor a zip that can be read",))
    told, unread = sorted_out(path, unpacked)
    files: dict[str, Content] = {}
    inside: dict[str, str] = {}
    left = {True: MAX_NOTEBOOKS, False: MAX_LUGGAGE}
    for item in unpacked.items:
        place = "/".join((path, *item.path[1:]))
        if ".." in item.path or len(place.encode()) > MAX_PATH:
            told.append(f"{shown(place)} was left out: its path {'leads out of the archive' if '..' in item.path else 'is too long'}")
            continue
        notebook = is_notebook(place)
        if item.size > min(left[notebook], MAX_NOTEBOOK if notebook else MAX_FILE):
            files[place] = item.size
            if notebook:
                unread.append(
                    f"{shown(place)} was not read: with {item.size / 2**20:.0f} MiB it is too large, or there are too many others"
                )
            continue
        left[notebook] -= item.size
        files[place] = item.file.read_bytes()  # of two files of one name, the last counts, as for whoever unpacks them
        inside[place] = "/".join(item.path[depth_of(item.path, unpacked) :])
    return Opened(files, inside, tuple(cut(told)), tuple(cut(unread)))


def sorted_out(path: str, unpacked: archives.Unpacked) -> tuple[list[str], list[str]]:
    """What was refused: that of which nothing can count, as a link, and that which may be what counts."""
    told: list[str] = []
    unread: list[str] = []
    whole = {"/".join(place) for place in unpacked.archives}
    for place, why in unpacked.refused:
        name = "/".join((path, *place.split("/")[1:]))
        may_count = place in whole or ((is_notebook(name) or is_archive(name)) and why != archives.NO_FILE)
        (unread if may_count else told).append(f"{shown(name)} was left out: {why}")
    return told, unread


def depth_of(place: Sequence[str], unpacked: archives.Unpacked) -> int:
    """How many names of a path are those of archives, one in another, and of the folders around them."""
    return max(depth for depth in range(len(place)) if tuple(place[:depth]) in unpacked.archives)


def cut(sentences: Sequence[str]) -> Iterator[str]:
    yield from sentences[:MAX_TOLD]
    if sentences[MAX_TOLD:]:
        yield f"and {len(sentences) - MAX_TOLD} more"


def archive_of(path: str, inside: str) -> str:
    """The path of the archive that a file was in."""
    return path.removesuffix(f"/{inside}")


def is_expected(path: str, inside: str | None, notebook: str) -> bool:
    """Whether a notebook has the name that it should have: at the top of a submission, or anywhere in an archive of it."""
    return path == notebook if inside is None else PurePosixPath(inside).name == notebook
