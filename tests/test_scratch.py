"""Nothing stays in the temporary folder, whatever becomes of the process that used it."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from pathlib import Path

import pytest

from grader.submission import scratch


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def hold(channel: multiprocessing.connection.Connection) -> None:
    with scratch.folder("work") as folder:
        (folder / "deep" / "deeper").mkdir(parents=True)
        channel.send(folder)
        time.sleep(60)


def held() -> tuple[multiprocessing.Process, Path]:
    """A process that has a folder, and the folder."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=hold, args=(theirs,))
    process.start()
    return process, ours.recv()


def test_a_folder_goes_with_its_use_also_where_that_fails(place):
    def use() -> None:
        with scratch.folder("work") as folder:
            (folder / "file").touch()
            assert [folder] == list(place.iterdir())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use()
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_cleared_by_the_next_and_what_a_living_one_has_is_not(place):
    dead, left = held()
    alive, kept = held()
    dead.kill()
    dead.join()
    assert left.exists()
    (place / f"{scratch.PREFIX}file").touch()
    (place / f"{scratch.PREFIX}link").symlink_to(kept)
    (place / "other-folder").mkdir()
    with scratch.folder("work") as folder:
        assert {path.name for path in place.iterdir()} == {
            kept.name,
            folder.name,
            f"{scratch.PREFIX}file",
            f"{scratch.PREFIX}link",
            "other-folder",
        }
        assert (kept / "deep" / "deeper").exists()
    alive.kill()
    alive.join()
