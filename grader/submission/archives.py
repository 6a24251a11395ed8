"""Archives, folders and files, unpacked into numbered files of ours: no name in an archive becomes a place on this disk.

Archives within archives are unpacked as well. What is too large, too deep or broken is refused by name, and the rest goes on.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
import os
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

MiB = 2**20
CHUNK = MiB
JUNK = ("__MACOSX", ".DS_Store", ".ipynb_checkpoints", "__pycache__", "Thumbs.db")
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)
"""What reading a broken, encrypted or strange archive raises."""

FILES = (".npz", ".pt", ".pth", ".docx", ".xlsx", ".pptx", ".odt", ".whl")
"""What is a zip inside, and handed in as one file."""

NO_FILE = "a link or a device, which is not followed"
"""Why something is refused that has no content of its own."""

OTHERS = {b"Rar!\x1a\x07": "a RAR archive", b"7z\xbc\xaf\x27\x1c": "a 7z archive"}
PACKED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
"""First bytes -> how such a file is read."""


@dataclass(frozen=True)
class Limits:
    """What may come out of archives: of each as much as its size makes likely, so that nobody's flood costs the others theirs."""

    file: int = 100 * MiB  # bytes of one file
    free: int = 64 * MiB  # bytes that come out of any archive, however small it is
    ratio: int = 50  # bytes more for each byte of it; notebooks with figures shrink to a tenth at most
    all: int = 32 * 2**30  # bytes that come out of what was named, in all
    entries: int = 50_000  # files and folders in any archive, however small it is
    entry_bytes: int = 1000  # of it, for each of which there may be one more
    all_entries: int = 1_000_000  # in all
    depth: int = 4  # archives within archives
    name: int = 1000  # bytes of a path within an archive
    seconds: float = math.inf  # for all of it


@dataclass(frozen=True)
class Item:
    """A file that was found: where it stood, archives' names included, and where its content is now."""

    path: tuple[str, ...]
    file: Path
    size: int
    time: datetime | None = None  # of the file, as its archive or its folder says it


@dataclass
class Unpacked:
    items: list[Item] = field(default_factory=list)
    archives: set[tuple[str, ...]] = field(default_factory=set)  # where each archive stood
    refused: list[tuple[str, str]] = field(default_factory=list)  # where it stood, and why it was left out


class TooMuchError(ValueError):
    """There is more in all than the limits allow; the message says of what."""


class LargeFileError(ValueError):
    """A file is larger than a file may be."""


@dataclass
class Budget:
    """What may still come out of an archive, and of the archives in it."""

    bytes: int
    entries: int


class LargeArchiveError(ValueError):
    """More comes out of an archive than may; `budget` is its own."""

    def __init__(self, budget: Budget, why: str) -> None:
        super().__init__(why)
        self.budget = budget


@dataclass
class Unpacking:
    """One run: what was found so far. `budgets` are those of the archives that are open, the outermost first."""

    scratch: Path
    limits: Limits
    found: Unpacked = field(default_factory=Unpacked)
    budgets: list[Budget] = field(default_factory=list)
    files: int = 0
    named: Path | None = None  # the archive that all is about, if it is one
    began: float = 0.0

    def refuse(self, path: tuple[str, ...], why: str) -> None:
        self.found.refused.append(("/".join(path), why))

    def spend(self, size: int = 0, entries: int = 0) -> None:
        if time.monotonic() - self.began > self.limits.seconds:
            raise TooMuchError(f"unpacking it takes longer than {self.limits.seconds:g} seconds")
        for number, budget in enumerate(self.budgets):
            budget.bytes -= size
            budget.entries -= entries
            if budget.bytes < 0 or budget.entries < 0:
                what = "more bytes" if budget.bytes < 0 else "more files and folders"
                if number == 0:
                    raise TooMuchError(f"what was named unpacks to {what} than are taken in")
                raise LargeArchiveError(budget, f"it unpacks to {what} than anybody hands in")

    def give_back(self, size: int) -> None:
        """What is thrown away costs the archives around it nothing; all of it together has its bound still."""
        for budget in self.budgets[1:]:
            budget.bytes += size

    def keep(self, path: tuple[str, ...], content: IO[bytes], time: datetime | None) -> None:
        """Take a file in; where it is an archive, what is in it instead."""
        self.files += 1
        target = self.scratch / f"{self.files:07}"
        size = self.copy(content, target)
        if is_archive(path[-1], target):
            try:
                self.archive(path, target)
            finally:
                target.unlink()
            return
        self.found.items.append(Item(path, target, size, time))

    def copy(self, content: IO[bytes], target: Path) -> int:
        """The number of bytes. Nothing is left of what is too large."""
        size = 0
        try:
            with open(target, "xb") as kept:
                while chunk := content.read(CHUNK):
                    size += len(chunk)
                    if size > self.limits.file:
                        raise LargeFileError(f"it is larger than {self.limits.file // MiB} MiB")
                    self.spend(len(chunk))
                    kept.write(chunk)
        except BaseException:
            target.unlink()
            self.give_back(size)
            raise
        return size

    def archive(self, path: tuple[str, ...], file: Path) -> None:
        """Everything in an archive; why not, where it cannot be had."""
        if len(self.budgets) > self.limits.depth:
            self.refuse(path, f"archives within archives, more than {self.limits.depth} deep")
            return
        self.found.archives.add(path)
        own, before = self.budget(file), len(self.found.items)
        self.budgets.append(own)
        try:
            (self.zip if zipfile.is_zipfile(file) else self.tar)(path, file)
        except LargeArchiveError as error:
            if error.budget is not own:
                raise
            for item in self.found.items[before:]:  # half a flood is nobody's work
                item.file.unlink()
                self.give_back(item.size)
            del self.found.items[before:]
            self.refuse(path, str(error))
        except TooMuchError:
            raise
        except BROKEN as error:
            self.refuse(path, f"it cannot be unpacked to its end: {reason(error)}")
        finally:
            self.budgets.pop()

    def budget(self, file: Path) -> Budget:
        if file == self.named:
            return Budget(self.limits.all, self.limits.all_entries)  # a class; those in it are somebody's
        size = file.stat().st_size
        return Budget(self.limits.free + self.limits.ratio * size, self.limits.entries + size // self.limits.entry_bytes)

    def zip(self, path: tuple[str, ...], file: Path) -> None:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                name, kind = name_in_zip(entry), stat.S_IFMT(entry.external_attr >> 16)
                inside = self.place(path, name, entry.is_dir(), kind in (0, stat.S_IFREG, stat.S_IFDIR))
                if inside:
                    self.guarded(inside, lambda: archive.open(entry), time_in_zip(entry))  # noqa: B023 - called at once

    def tar(self, path: tuple[str, ...], file: Path) -> None:
        with opener(file)(file, "rb") as content:
            bounded = Bounded(content, self.budgets[-1], self.spend)
            with tarfile.open(fileobj=bounded, mode="r|", tarinfo=ShortHeader) as archive:  # type: ignore[call-overload]
                for entry in archive:
                    inside = self.place(path, decoded(entry.name), entry.isdir(), entry.isreg())
                    if inside:
                        time = datetime.fromtimestamp(min(max(entry.mtime, 0), 2**32), UTC)
                        self.guarded(inside, lambda: archive.extractfile(entry), time)  # type: ignore[arg-type, return-value] # noqa: B023

    def place(self, path: tuple[str, ...], name: str, is_folder: bool, is_file: bool) -> tuple[str, ...]:
        """Where an entry of an archive stands; nothing where it is not taken in."""
        self.spend(entries=1)
        if is_junk(name) or not parts(name) or is_folder:
            return ()
        if len(name.encode()) > self.limits.name:
            self.refuse((*path, f"{name[:40]}…"), f"its path is longer than {self.limits.name} bytes")
            return ()
        if not is_file:
            self.refuse((*path, *parts(name)), NO_FILE)
            return ()
        return (*path, *parts(name))

    def guarded(self, path: tuple[str, ...], opened: Callable[[], IO[bytes]], time: datetime | None) -> None:
        """Take a file in; where it alone cannot be had, the rest of its archive goes on."""
        try:
            with opened() as content:
                self.keep(path, content, time)
        except (LargeArchiveError, TooMuchError):
            raise
        except BROKEN as error:
            self.refuse(path, str(error) if isinstance(error, LargeFileError) else f"it cannot be read: {reason(error)}")

    def folder(self, path: tuple[str, ...], folder: Path) -> None:
        """Everything in a folder; no link in it is followed."""
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            inside = self.place(path, decoded(entry.name), False, not entry.is_symlink() and (entry.is_dir() or entry.is_file()))
            if inside and entry.is_dir():
                self.folder(inside, Path(entry.path))
            elif inside:
                self.file(inside, Path(entry.path))

    def file(self, path: tuple[str, ...], file: Path) -> None:
        if is_archive(path[-1], file):
            self.archive(path, file)
        else:
            self.guarded(path, lambda: file.open("rb"), datetime.fromtimestamp(file.stat().st_mtime, UTC))


def reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


MAX_HEADER = 16 * 1024  # bytes of what stands before an entry: its path and its attributes
LONG = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


class ShortHeader(tarfile.TarInfo):
    """An entry of a tar. What stands before it is read at once, and searched for words: a long one takes forever."""

    @classmethod
    def frombuf(cls, *arguments: Any, **keywords: Any) -> ShortHeader:
        found = super().frombuf(*arguments, **keywords)
        if found.type in LONG and found.size > MAX_HEADER:
            raise tarfile.ReadError(f"an entry has a header of {found.size} bytes, more than {MAX_HEADER}")
        return found


class Bounded:
    """A stream of which no more than a budget is read: a small packed file may hold any number of zeros."""

    def __init__(self, content: IO[bytes], budget: Budget, spend: Callable[[], None]) -> None:
        self.content, self.budget, self.spend = content, budget, spend
        self.left = budget.bytes + 64 * MiB  # headers and padding on top

    def read(self, size: int = -1) -> bytes:
        self.spend()  # time, of which a header that is read in small pieces takes any amount
        got = self.content.read(min(size, self.left + 1) if size >= 0 else CHUNK)
        self.left -= len(got)
        if self.left < 0:
            raise LargeArchiveError(self.budget, "it unpacks to more bytes than anybody hands in")
        return got


def unpack(path: Path, scratch: Path, limits: Limits | None = None) -> Unpacked:
    """A file or a folder with everything in it, as files in the empty folder `scratch`.

    FileNotFoundError where there is none; TooMuchError where there is more in all than the limits allow.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}")
    scratch.mkdir(parents=True, exist_ok=True)
    limits = limits or Limits()
    work = Unpacking(scratch, limits, budgets=[Budget(limits.all, limits.all_entries)], named=path, began=time.monotonic())
    top = (decoded(path.resolve().name),)
    if path.is_dir():
        work.folder(top, path)
    else:
        work.file(top, path)
    return work.found


def is_archive(name: str, path: Path) -> bool:
    """Whether we unpack it: known by its content, but for what is a zip inside and a file to everybody."""
    if name.lower().endswith(FILES):
        return False
    with open(path, "rb") as content:
        head = content.read(265)
    packed = any(head.startswith(magic) for magic in PACKED)
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06")) or packed or head[257:262] == b"ustar"


def other_archive(head: bytes) -> str:
    """What kind of archive this is that nobody unpacks here; empty where it is none."""
    return next((kind for magic, kind in OTHERS.items() if head.startswith(magic)), "")


def opener(path: Path) -> Any:
    """How the bytes of a tar are read, packed or not."""
    with open(path, "rb") as content:
        head = content.read(8)
    return next((opened for magic, opened in PACKED.items() if head.startswith(magic)), open)


def parts(name: str) -> tuple[str, ...]:
    """The names on a path in an archive: they say whose something is, and lead nowhere."""
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def is_junk(name: str) -> bool:
    """What systems and Jupyter leave beside everybody's files."""
    return any(part in JUNK or part.startswith("._") for part in parts(name))


def name_in_zip(entry: zipfile.ZipInfo) -> str:
    """Python reads a name that does not say what it is written in as cp437; most that say nothing are UTF-8 all the same."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return decoded(entry.filename.encode("cp437"))
    except UnicodeEncodeError:
        return entry.filename


def decoded(name: str | bytes) -> str:
    """A name as text: UTF-8, else what Windows wrote in Western Europe; control characters are shown as boxes."""
    content = os.fsencode(name) if isinstance(name, str) else name
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def time_in_zip(entry: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*entry.date_time, tzinfo=UTC)
    except ValueError:
        return None
