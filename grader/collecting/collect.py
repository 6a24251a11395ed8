"""What a learning platform gives back, into `submitted/<student>/<unit>/`: whose it is, when, which attempt, and what nobody understood.

Nothing is written anywhere else, and only under names that were looked at.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import nbformat

from autodiff_lib.student.handing_in import RECEIPT
from autodiff_lib.units import UNITS

from ..book.roster import Names
from ..submission.archives import Item, Unpacked, other_archive, unpack
from ..submission.submitted import TIMESTAMP, is_notebook
from .late import Lateness, handed_in, lateness, rules
from .schemes import AGAIN, METADATA, Sender, of_gradescope, sender, time_of

MAX_NAME = 100  # letters of a student's folder
MAX_READ = 8 * 2**20  # bytes of a notebook that is read to see which unit's it is
SUFFIXES = (".zip", ".tar.gz", ".tgz", ".tar", ".tar.xz", ".tar.bz2", ".ipynb")
PLAIN = ("a folder", "a notebook")  # named by a person: of these, what the roster does not know may be no student
REPLACED = "replaced"  # in .grader: what lay in submitted/ before


@dataclass(frozen=True)
class Arrival:
    """Somebody's submission of a unit, as it was found."""

    student: str
    unit: str
    files: tuple[tuple[tuple[str, ...], Item], ...]  # path in the submission's folder, file
    sender: Sender
    source: str  # where it was found
    time: datetime | None = None
    by_student: bool = False  # whether the time is that of the student's own clock
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collected:
    """A line of the table: what became of an arrival."""

    arrival: Arrival
    outcome: str  # new, replaced, as before, older than what is there, or an attempt before the last
    late: str = ""


@dataclass
class Collection:
    collected: list[Collected] = field(default_factory=list)
    not_understood: list[tuple[str, str]] = field(default_factory=list)  # where it was found, and why not


def collect(course: Path, paths: Sequence[Path], names: Names, unit: str = "") -> Collection:
    """Take everything in that the paths hold, for one unit or for each file's own.

    FileNotFoundError for a path that is not there, archives.TooMuchError where there is more than anybody has.
    """
    result = Collection()
    arrivals: list[Arrival] = []
    scratch_home = course / ".grader"
    scratch_home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch_home, prefix="collecting-") as scratch:
        for number, path in enumerate(paths):
            unpacked = unpack(path, Path(scratch) / str(number))
            result.not_understood += unpacked.refused
            arrivals += arrived(unpacked, names, unit, result.not_understood)
        for latest, earlier in chosen(arrivals):
            result.collected += [Collected(one, "an attempt before the last") for one in earlier]
            try:
                result.collected.append(Collected(latest, put(course, latest)))
            except OSError as error:
                result.not_understood.append((latest.source, f"it cannot be written: {error.strerror}"))
    said = rules(course)
    result.collected = [with_lateness(one, lateness(course, one.arrival.student, said)) for one in result.collected]
    return result


def with_lateness(one: Collected, found: Mapping[str, Lateness]) -> Collected:
    late = str(found.get(one.arrival.unit, ""))
    return replace(one, late=late or ("as the platform says" if one.arrival.sender.late else ""))


# --- whose, and of which unit


def arrived(unpacked: Unpacked, names: Names, unit: str, not_understood: list[tuple[str, str]]) -> list[Arrival]:
    """The submissions among the files."""
    items = [item for item in unpacked.items if item.path[-1] != METADATA]
    metadata = gradescope(unpacked, not_understood)
    depth = level(items, unpacked)
    found: list[Arrival] = []
    loose: list[tuple[str, Sender, list[Item]]] = []
    for name, own in by_name(items, depth):
        source = "/".join(own[0].path[: depth + 1])
        whose = metadata.get(name) or sender(name) or plain_sender(name, own, depth)
        if whose is None:
            not_understood.append((source, why_nobody(own, depth)))
            continue
        if whose.original == "onlinetext.html" or "_assignsubmission_onlinetext" in name:
            not_understood.append((source, "text typed into the platform, and no notebook"))
            continue
        student, problem = student_of(whose, names)
        if problem:
            not_understood.append((source, problem))
            continue
        parted = by_unit(own, depth, unpacked, unit or whose.unit)
        if not any(parted):
            loose.append((student, whose, own))
        for which, files in parted.items():
            if which:
                found += made(student, which, files, whose, source, names)
    for student, whose, own in loose:
        mates = [one for one in found if one.student == student]
        if not mates:
            not_understood.append(("/".join(own[0].path[: depth + 1]), why_no_unit(own)))
        for mate in mates[-1:]:  # what was uploaded beside the notebook
            place = found.index(mate)
            extra = tuple(((clean(whose.original or own[0].path[-1]),), item) for item in own)
            found[place] = replace(mate, files=(*mate.files, *extra))
    return found


def level(items: list[Item], unpacked: Unpacked) -> int:
    """At which depth of the paths the names stand that say whose something is."""
    if not items:
        return 0
    depth = 0
    while True:
        here = {item.path[depth] for item in items if len(item.path) > depth}
        if len(here) != 1 or sender(next(iter(here))) is not None or any(len(item.path) == depth + 1 for item in items):
            return depth
        if depth and any(looks_like_work(item.path[depth + 1]) for item in items):
            return depth
        if not depth and any(looks_like_work(item.path[1]) for item in items):
            return 0
        depth += 1


def looks_like_work(name: str) -> bool:
    """Whether something of this name lies in one person's folder, and not among the folders of many."""
    return name in UNITS or name == RECEIPT or stem(name) in {unit.stem for unit in UNITS.values()}


def by_name(items: Iterable[Item], depth: int) -> Iterator[tuple[str, list[Item]]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        if len(item.path) > depth:
            found.setdefault(item.path[depth], []).append(item)
    yield from found.items()


def gradescope(unpacked: Unpacked, not_understood: list[tuple[str, str]]) -> dict[str, Sender]:
    """What Gradescope says of its folders; it counts only where it stands beside them, in what was named."""
    tables = [item for item in unpacked.items if item.path[-1] == METADATA]
    if not tables:
        return {}
    highest = min(tables, key=lambda item: len(item.path))
    try:
        return of_gradescope(highest.file.read_bytes())
    except ValueError as error:
        not_understood.append(("/".join(highest.path), str(error)))
        return {}


def plain_sender(name: str, own: list[Item], depth: int) -> Sender | None:
    """A folder, an archive or a notebook that has a student's name; where it has a unit's, the one whom a receipt inside names."""
    is_file = len(own) == 1 and len(own[0].path) == depth + 1
    if is_file and not is_notebook(name):
        return None
    bare = name
    for suffix in SUFFIXES:
        bare = bare.removesuffix(suffix)
    if bare and not looks_like_work(name) and not looks_like_work(bare):
        return Sender("a notebook" if is_file else "a folder", id=bare)
    student = receipt_in(own).get("student")
    return Sender("this course", id=str(student)) if student else None


def why_nobody(own: list[Item], depth: int) -> str:
    kind = other_archive(own[0].file.open("rb").read(8)) if own else ""
    if kind:
        return f"{kind}, which is not unpacked here: unpack it into a folder of the student's name"
    return "nothing says whose it is: put it into a folder of the student's name, or name it UNIT_student.zip"


def student_of(whose: Sender, names: Names) -> tuple[str, str]:
    """The student's id, or why there is none."""
    if whose.scheme == "Gradescope" and not (whose.id or whose.email or whose.name):
        return "", f"nothing says whose it is: {METADATA}, which Gradescope puts beside it, does not name it"
    found = names.find(id=whose.id, number=whose.number if whose.scheme in ("Canvas", "Moodle") else "", email=whose.email, name=whose.name)
    if len(found) > 1:
        return "", f"{len(found)} students are called so: {', '.join(one.id for one in found)}"
    if whose.scheme in PLAIN and names.roster and not found:
        return "", f"nobody in the roster is called '{whose.id}'"
    student = found[0].id if found else whose.id or whose.email or slug(whose.name) or f"participant-{whose.number}"
    return (student, "") if is_safe(student) else ("", f"{student!a} cannot be the name of a student's folder")


def is_safe(name: str) -> bool:
    """Whether a name can be a folder's, for us and for nbgrader."""
    fits = 0 < len(name) <= MAX_NAME and len(name.encode("utf-8", "replace")) <= 200
    return fits and name.isprintable() and not name.startswith((".", "-")) and not set(name) & set('/\\:*?"<>|+') and name == name.strip()


def slug(name: str) -> str:
    return ".".join(name.lower().split())


def by_unit(own: list[Item], depth: int, unpacked: Unpacked, unit: str) -> dict[str, list[tuple[tuple[str, ...], Item]]]:
    """Unit -> its files, each with its path in the submission's folder; nothing where no unit can be told."""
    found: dict[str, list[tuple[tuple[str, ...], Item]]] = {}
    rest: list[tuple[tuple[str, ...], Item]] = []
    for item in own:
        inside = tuple(name for place, name in enumerate(item.path) if place > depth and item.path[: place + 1] not in unpacked.archives)
        if not inside:
            whose = sender(item.path[depth])
            inside = (whose.original if whose is not None and whose.original else item.path[-1],)
        named = [place for place, name in enumerate(inside[:-1]) if name in UNITS]
        if named and (not unit or inside[named[-1]] == unit):
            found.setdefault(inside[named[-1]], []).append((inside[named[-1] + 1 :], item))
        elif not named:
            rest.append((inside, item))
    if rest:
        which = unit or unit_of(rest) or (next(iter(found)) if len(found) == 1 else "")
        if which:
            found.setdefault(which, []).extend(rest)
    return {which: files for which, files in found.items() if any(is_notebook("/".join(path)) for path, _ in files)}


def unit_of(files: list[tuple[tuple[str, ...], Item]]) -> str:
    """By what the notebooks hold, else by what they are called; the uppermost says it."""
    notebooks = sorted(((path, item) for path, item in files if is_notebook("/".join(path))), key=lambda pair: len(pair[0]))
    for told in (unit_inside, unit_called):
        for path, item in notebooks:
            if which := told(path, item):
                return which
    return ""


def unit_inside(path: tuple[str, ...], item: Item) -> str:
    """The unit whose exercises' cells a notebook has, by what nbgrader stores in them."""
    if item.size > MAX_READ:
        return ""
    try:
        notebook = nbformat.reads(item.file.read_text(encoding="utf-8", errors="replace"), as_version=4)
        there = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells}
    except (ValueError, TypeError, AttributeError, KeyError, nbformat.ValidationError, RecursionError):  # whatever nbformat trips over
        return ""
    best = max(UNITS.values(), key=lambda unit: len(there & {*unit.exercises}))
    return best.name if there & {*best.exercises} else ""


def unit_called(path: tuple[str, ...], item: Item) -> str:
    called = stem(path[-1])
    exact = [unit.name for unit in UNITS.values() if called in (unit.stem, unit.name)]
    return next(iter(exact), "") or next((unit.name for unit in UNITS.values() if unit.stem in called or unit.name in called), "")


def stem(name: str) -> str:
    """A notebook's name without what a second upload adds; of other files, the name."""
    again = AGAIN.match(name)
    bare = f"{again['stem']}{again['suffix']}" if again else name
    return PurePosixPath(bare).name.split(".ipynb")[0] if ".ipynb" in bare.lower() else bare


def why_no_unit(own: list[Item]) -> str:
    if not any(is_notebook(item.path[-1]) for item in own):
        kind = other_archive(own[0].file.open("rb").read(8))
        return f"{kind}, which is not unpacked here" if kind else "there is no notebook in it"
    return "its unit cannot be told, from its cells or from its name: say it with --unit"


def receipt_in(own: Iterable[Item]) -> dict[str, object]:
    for item in own:
        if item.path[-1] == RECEIPT and item.size <= 2**20:
            try:
                read = json.loads(item.file.read_bytes())
            except (ValueError, RecursionError):
                return {}
            return read if isinstance(read, dict) else {}
    return {}


def made(student: str, unit: str, files: list[tuple[tuple[str, ...], Item]], whose: Sender, source: str, names: Names) -> Iterator[Arrival]:
    """The submission, once for each of those who handed it in together."""
    receipt = receipt_in(item for _, item in files)
    told = time_of(str(receipt.get("time", "")))
    remarks = []
    digests = {hashlib.sha256(item.file.read_bytes()).hexdigest() for path, item in files if is_notebook(path[-1])}
    if receipt and receipt.get("digest") not in digests:
        remarks.append("its receipt is of another notebook")
    if receipt.get("student") and student not in (receipt["student"], *(one.id for one in names.find(id=str(receipt["student"])))):
        remarks.append(f"its receipt names {receipt['student']!a}")
    if names.roster and not names.find(id=student):
        remarks.append("not in the roster")
    kept = tuple(
        (tuple(clean(part) for part in again_removed(path, unit)), item)
        for path, item in files
        if path[-1] not in (RECEIPT, TIMESTAMP) and not any(part.startswith(".") for part in path)
    )
    one = Arrival(student, unit, kept, whose, source, whose.time or told, whose.time is None and told is not None, tuple(remarks))
    yield one
    for other in whose.others:
        found = names.find(id=other, email=other, name=other)
        mate = found[0].id if len(found) == 1 else other
        if is_safe(mate):
            yield replace(one, student=mate, remarks=(*remarks, f"together with {student}"))


def again_removed(path: tuple[str, ...], unit: str) -> tuple[str, ...]:
    """The unit's own name for a notebook that a platform or a browser has numbered."""
    notebook = UNITS[unit].notebook
    return (*path[:-1], notebook) if stem(path[-1]) == UNITS[unit].stem and is_notebook(path[-1]) else path


def clean(name: str) -> str:
    """A name that is one file or folder, and neither above nor hidden."""
    kept = "".join("_" if letter in '/\\:*?"<>|' or not letter.isprintable() else letter for letter in name).strip()
    kept = kept.lstrip(".") or "_"
    return kept.encode()[:200].decode(errors="ignore")


# --- into the course


def chosen(arrivals: Sequence[Arrival]) -> Iterator[tuple[Arrival, list[Arrival]]]:
    """Of each student and unit the last attempt, and those before it."""
    found: dict[tuple[str, str], list[Arrival]] = {}
    for arrival in arrivals:
        found.setdefault((arrival.student, arrival.unit), []).append(arrival)
    for group in found.values():
        ordered = sorted(group, key=lambda one: (one.sender.attempt, one.time or datetime.min.replace(tzinfo=UTC)))
        yield ordered[-1], ordered[:-1]


def put(course: Path, arrival: Arrival) -> str:
    """Write a submission where nbgrader looks for it; what became of it. What lay there before is kept in .grader/replaced."""
    folder = course / "submitted" / arrival.student / arrival.unit
    for part in (folder.parent.parent, folder.parent, folder):
        if part.is_symlink():
            raise OSError(0, f"{part} is a link")
    if folder.is_dir():
        there = handed_in(folder)
        if digests(arrival) == dict(digests_of(folder)):
            if arrival.time is not None and not arrival.by_student and there != arrival.time.replace(microsecond=0):
                (folder / TIMESTAMP).write_text(stamp(arrival.time), encoding="utf-8")
            return "as before"
        if there is not None and arrival.time is not None and arrival.time.replace(microsecond=0) < there:
            return "older than what is there"
    home = course / ".grader"
    fresh = Path(tempfile.mkdtemp(dir=home, prefix="putting-"))
    for path, item in arrival.files:
        target = fresh.joinpath(*path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():  # of two files of one name, the first counts
            shutil.copyfile(item.file, target)
    if arrival.time is not None:
        (fresh / TIMESTAMP).write_text(stamp(arrival.time), encoding="utf-8")
    fresh.chmod(0o755)
    outcome = "new"
    if folder.is_dir():
        old = home / REPLACED / arrival.student / arrival.unit
        shutil.rmtree(old, ignore_errors=True)
        old.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(old)
        outcome = "replaced"
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh.rename(folder)
    return outcome


def stamp(time: datetime) -> str:
    """As nbgrader's exchange writes it."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def digests(arrival: Arrival) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, item in arrival.files:
        found.setdefault("/".join(path), hashlib.sha256(item.file.read_bytes()).hexdigest())
    return found


def digests_of(folder: Path) -> Iterator[tuple[str, str]]:
    for place, _, files in os.walk(folder):
        for name in files:
            path = Path(place, name)
            if path != folder / TIMESTAMP:
                yield path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()
