"""A unit that comes as an archive, as handin.tar, is unpacked within bounds, whatever is in it, and what was done is told."""

import bz2
import gzip
import io
import os
import tarfile
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import ROOT
from grader.submission import archives, intake, packed, scratch
from grader.submission.submitted import MiB, look

UNIT = "01_operators"
NAME = UNITS[UNIT].notebook
SOLVED = (ROOT / "source" / UNIT / NAME).read_bytes()
UNTOUCHED = (ROOT / "release" / UNIT / NAME).read_bytes()
CAME = "the notebook came packed, in {}, and was unpacked"
NO_LINK = "a link or a device, which is not followed"


def tar(*entries, mode="w:", **facts):
    """A tar of (name, content), or of entries that are made by hand."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode, **facts) as archive:
        for name, content in entries:
            entry = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            entry.size = len(content) if content is not None else 0
            archive.addfile(entry, None if content is None else io.BytesIO(content))
    return written.getvalue()


def zipped(**files):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return written.getvalue()


def special(name, kind, target="/etc/passwd"):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.devmajor, entry.devminor = kind, target, 1, 3
    return entry, None


def claims(name, size, **facts):
    """The header of an entry that says it is of some size, with nothing behind it."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    for fact, value in facts.items():
        setattr(entry, fact, value)
    return entry.tobuf(tarfile.PAX_FORMAT)


def read(folder, **files):
    """What intake makes of a submission with these files; two underscores stand for a dot."""
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content)
    return intake.read(look(folder), UNIT)


def holds(submission, notebook=SOLVED):
    """Whether the cells are those of a notebook."""
    wanted, _ = intake.mend(intake.parse(notebook)[0], UNIT)
    return [cell.source for cell in submission.cells] == [cell.source for cell in wanted]


FORMS = {
    "handin.tar": tar((NAME, SOLVED)),
    "handin.tar.gz": tar((NAME, SOLVED), mode="w:gz"),
    "handin.tgz": tar((f"handin/{NAME}", SOLVED), mode="w:gz"),
    "handin.tar.bz2": tar((NAME, SOLVED), mode="w:bz2"),
    "HANDIN.TAR.XZ": tar((f"./{UNIT}/{NAME}", SOLVED), mode="w:xz"),
    "handin.zip": zipped(operators__ipynb=SOLVED),
    "a tar with a long path.tar": tar(("/".join(["deep" * 20] * 6) + f"/{NAME}", SOLVED), format=tarfile.PAX_FORMAT),
    "a tar of GNU's with a long path.tar": tar(("/".join(["deep" * 20] * 6) + f"/{NAME}", SOLVED), format=tarfile.GNU_FORMAT),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_notebook_that_comes_packed_is_read_and_told_of(name, tmp_path):
    (tmp_path / name).write_bytes(FORMS[name])
    submission = intake.read(look(tmp_path), UNIT)
    assert submission.problem == ""
    assert holds(submission)
    assert submission.repairs == [CAME.format(name)]


def test_modules_beside_it_come_along_and_the_archive_does_not(tmp_path):
    made = tar((f"mine/{NAME}", SOLVED), ("mine/helpers.py", b"x = 1"), ("mine/data/a.txt", b"a"), ("elsewhere.py", b""), ("mine/.x", b""))
    submission = read(tmp_path, handin__tar=made)
    assert submission.files == {"helpers.py": b"x = 1", "data/a.txt": b"a", ".x": b""}


def test_a_notebook_as_it_is_needs_no_archive(tmp_path):
    submission = read(tmp_path, operators__ipynb=SOLVED)
    assert (submission.repairs, submission.problem, holds(submission)) == ([], "", True)


def test_the_notebook_with_the_most_work_counts_in_an_archive_or_beside_one(tmp_path):
    submission = read(tmp_path, operators__ipynb=UNTOUCHED, handin__tar=tar((NAME, SOLVED)))
    assert holds(submission)
    assert submission.repairs == [CAME.format("handin.tar"), f"of 2 notebooks the one with the most work was taken, handin.tar/{NAME}"]
    (tmp_path / "two").mkdir()
    submission = read(tmp_path / "two", operators__ipynb=SOLVED, handin__tar=tar((NAME, UNTOUCHED)))
    assert holds(submission)
    assert submission.repairs == [f"of 2 notebooks the one with the most work was taken, {NAME}"]


def test_of_several_notebooks_in_an_archive_the_one_with_the_most_work_counts(tmp_path):
    submission = read(tmp_path, handin__tar=tar((NAME, UNTOUCHED), ("old/operators-Copy1.ipynb", SOLVED), ("empty.ipynb", b"{}")))
    assert holds(submission)
    assert f"the notebook was found as handin.tar/old/operators-Copy1.ipynb, not as {NAME}" in submission.repairs


def test_of_two_files_of_one_name_the_last_counts_as_for_tar_itself(tmp_path):
    assert holds(read(tmp_path, handin__tar=tar((NAME, UNTOUCHED), (NAME, SOLVED))))


def test_an_archive_without_a_notebook_is_a_file_like_any_other(tmp_path):
    data = tar(("numbers.txt", b"1 2 3"))
    submission = read(tmp_path, operators__ipynb=SOLVED, data__tar=data)
    assert (submission.repairs, submission.files) == ([], {"data.tar": data})


def test_what_is_packed_and_called_otherwise_is_left_as_it_is(tmp_path):
    written = {"weights__npz": zipped(a=b"1"), "images__gz": gzip.compress(b"1"), "__hidden__tar": tar((NAME, UNTOUCHED))}
    submission = read(tmp_path, operators__ipynb=SOLVED, **written)
    assert (submission.repairs, len(submission.files)) == ([], 3)


def test_archives_in_an_archive_are_opened_too_and_not_without_end(tmp_path):
    inner = tar((f"mine/{NAME}", SOLVED))
    submission = read(tmp_path, handin__zip=zipped(inner__tar=inner))
    assert holds(submission)
    assert submission.repairs == [CAME.format("handin.zip/inner.tar")]
    for _ in range(4):
        inner = tar(("inner.tar", inner))
    (tmp_path / "deep").mkdir()
    submission = read(tmp_path / "deep", handin__tar=inner)
    assert (submission.cells, "archives within archives, more than 2 deep" in submission.problem) == ([], True)


# --- hostile ones

BESIDE = {  # beside a notebook that counts -> what is told of it
    "a link": ([special("passwd", tarfile.SYMTYPE)], f"handin.tar/passwd was left out: {NO_LINK}"),
    "a hard link": ([special("passwd.py", tarfile.LNKTYPE)], f"handin.tar/passwd.py was left out: {NO_LINK}"),
    "a link that is called a notebook": ([special("a.ipynb", tarfile.SYMTYPE)], f"handin.tar/a.ipynb was left out: {NO_LINK}"),
    "a device": ([special("null", tarfile.CHRTYPE)], f"handin.tar/null was left out: {NO_LINK}"),
    "a block device": ([special("disk", tarfile.BLKTYPE)], f"handin.tar/disk was left out: {NO_LINK}"),
    "a pipe": ([special("pipe", tarfile.FIFOTYPE)], f"handin.tar/pipe was left out: {NO_LINK}"),
    "a link to a folder, and a file through it": (
        [special("out", tarfile.SYMTYPE, "/tmp"), ("out/beyond.txt", b"x")],
        f"handin.tar/out was left out: {NO_LINK}",
    ),
    "a path that leads out": ([("../../beyond.txt", b"x")], "handin.tar/../../beyond.txt was left out: its path leads out of the archive"),
    "a path that leads out in the middle": ([("a/../../beyond.txt", b"x")], "its path leads out of the archive"),
    "a path as Windows writes it": ([("..\\..\\beyond.txt", b"x")], "its path leads out of the archive"),
    "an absolute path": ([("/beyond.txt", b"x")], ""),
    "a name that is no text": ([(os.fsdecode(b"caf\xe9\n\x1b[31m.txt"), b"x")], ""),
    "a path longer than any": ([("d/" * 2000 + "x", b"x")], "its path is longer than 1000 bytes"),
    "more links than are told": ([special(f"{n}", tarfile.SYMTYPE) for n in range(50)], "and 45 more"),
    "a file that is too large": ([("large.bin", bytes(101 * MiB))], "it is larger than 100 MiB"),
    "something of the mac's": ([(f"._{NAME}", b"x"), (".DS_Store", b"x"), ("__MACOSX/x", b"x")], ""),
}


@pytest.mark.parametrize("name", BESIDE)
def test_whatever_lies_beside_the_notebook_costs_it_nothing_and_leads_nowhere(name, tmp_path):
    entries, told = BESIDE[name]
    (tmp_path / "submission").mkdir()
    before = set(Path(tempfile.gettempdir()).glob(f"{scratch.PREFIX}unpacking-*"))
    submission = read(tmp_path / "submission", handin__tar=tar(*entries, (NAME, SOLVED), mode="w:gz", format=tarfile.GNU_FORMAT))
    assert submission.problem == ""
    assert holds(submission)
    assert CAME.format("handin.tar") in submission.repairs
    assert told in "\n".join(submission.repairs)
    assert all(".." not in path.split("/") and not path.startswith("/") and path.isprintable() for path in submission.files)
    assert all(repair.isprintable() for repair in submission.repairs)
    assert [path.name for path in tmp_path.rglob("*") if "beyond" in path.name] == []
    assert not Path("/beyond.txt").exists()
    assert set(Path(tempfile.gettempdir()).glob(f"{scratch.PREFIX}unpacking-*")) <= before, "nothing stays behind"


def record(key, value):
    """A line of a header, which begins with its own length."""
    line = f" {key}={value}\n"
    return next(f"{n}{line}" for n in range(200) if len(f"{n}{line}") == n).encode()


def extended(*records, **facts):
    """A header before an entry, with more about it."""
    said = b"".join(record(*one) for one in records)
    return claims("PaxHeaders/x", len(said), type=tarfile.XHDTYPE, **facts) + said.ljust(512, b"\0")


def sparse(size):
    """GNU's way to say that a file is mostly zeros: one byte at the end of many that are not there."""
    version = ("GNU.sparse.major", 0), ("GNU.sparse.minor", 1)
    header = extended(*version, ("GNU.sparse.size", size), ("GNU.sparse.map", f"{size - 1},1"))
    return header + claims(NAME, 1) + b"x".ljust(512, b"\0") + bytes(1024)


def many(count):
    return tar(*((f"{n}", b"") for n in range(count)))


LOST = {  # no notebook can be had of it, or of what this makes where it is large: a person looks
    "cut off": (tar((NAME, SOLVED))[:2000], "handin.tar/operators.ipynb was left out: it cannot be read: unexpected end of data"),
    "cut off, and packed": (tar((NAME, SOLVED), mode="w:gz")[:200], "it cannot be unpacked to its end"),
    "damaged at its beginning": (b"x" * 600 + tar((NAME, SOLVED))[600:], "neither a tar nor a zip that can be read"),
    "empty": (b"", "neither a tar nor a zip that can be read"),
    "a text": (b"I have no notebook, sorry.", "neither a tar nor a zip that can be read"),
    "packed, and no tar": (gzip.compress(SOLVED), "it cannot be unpacked to its end"),
    "packed, and nothing": (bz2.compress(b""), "it cannot be unpacked to its end"),
    "a header without an end": (claims("x", 10**9, type=tarfile.XHDTYPE) + b"9" * 20_000, "a header of 1000000000 bytes, more than 16384"),
    "a name without an end": (claims("x", 10**8, type=tarfile.GNUTYPE_LONGNAME) + b"9" * 20_000, "a header of 100000000 bytes"),
    "a terabyte of nothing": (sparse(2**40), "it is larger than 100 MiB"),
    "a bomb": (lambda: gzip.compress(claims("x", 4 * 2**30) + bytes(300 * MiB)), "unpacks to more bytes than"),
    "thousands of members": (lambda: many(20_001), "unpacks to more files and folders than"),
    "a notebook that is too large": (lambda: tar((NAME, bytes(101 * MiB)), mode="w:gz"), "it is larger than 100 MiB"),
}


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_unpacked_waits_for_a_person_with_its_reason(name, tmp_path):
    content, problem = LOST[name]
    submission = read(tmp_path, handin__tar=content() if callable(content) else content)
    assert submission.cells == []
    assert "handin.tar" in submission.problem
    assert problem in submission.problem


def test_a_damaged_archive_beside_a_notebook_that_counts_is_told_of_and_costs_nothing(tmp_path):
    submission = read(tmp_path, operators__ipynb=SOLVED, handin__tar=LOST["cut off"][0])
    assert (submission.problem, holds(submission)) == ("", True)
    assert "handin.tar/operators.ipynb was left out" in submission.repairs[0]


def test_a_damaged_archive_counts_as_far_as_it_goes_where_the_notebook_is_whole(tmp_path):
    whole = tar((NAME, SOLVED), ("later.bin", bytes(10_000)))
    submission = read(tmp_path, handin__tar=whole[: -len(bytes(10_000))])
    assert (submission.problem, holds(submission)) == ("", True)
    assert any("it cannot be unpacked to its end" in repair for repair in submission.repairs)


def test_nothing_in_an_archive_is_said_so(tmp_path):
    assert read(tmp_path, handin__tar=tar(("readme.txt", b"x"))).problem == "no notebook was submitted, only handin.tar"


def test_more_archives_than_anybody_hands_in_are_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(packed, "MAX_ARCHIVES", 2)
    submission = read(tmp_path, a__tar=tar((NAME, SOLVED)), b__tar=tar(("x", b"")), c__tar=tar(("x", b"")))
    assert submission.repairs[0] == "1 archives were not opened, c.tar among them: too many"


def test_unpacking_has_an_end_however_slow_it_is(tmp_path, monkeypatch):
    ticks = iter(range(10**6))
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    (tmp_path / "a.tar").write_bytes(many(50))
    with pytest.raises(archives.TooMuchError, match="unpacking it takes longer than 20 seconds"):
        archives.unpack(tmp_path / "a.tar", tmp_path / "scratch", archives.Limits(seconds=20))


def test_a_list_of_holes_without_an_end_ends_with_the_time_for_unpacking(tmp_path, monkeypatch):
    """It is read by tarfile itself, in small pieces."""
    monkeypatch.setattr(packed, "LIMITS", replace(packed.LIMITS, seconds=0.5))
    numbers = b"99999999\n" + b"0\n" * (8 * MiB)
    version = ("GNU.sparse.major", 1), ("GNU.sparse.minor", 0)
    made = extended(*version, ("GNU.sparse.realsize", 1000)) + claims(NAME, len(numbers)) + numbers
    submission = read(tmp_path, handin__tar=gzip.compress(made, 1))
    assert submission.problem == "handin.tar was not unpacked: unpacking it takes longer than 0.5 seconds"
