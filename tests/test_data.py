"""Images: what is found, what is fetched, what is refused, and what stands in for MNIST without a network."""

import gzip
import hashlib
import os
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from autodiff_lib import data
from grader.book.nbgrader_course import ROOT

COUNTS = {"train-images-idx3-ubyte.gz": (30, 28, 28), "train-labels-idx1-ubyte.gz": (30,)}
COUNTS |= {"t10k-images-idx3-ubyte.gz": (12, 28, 28), "t10k-labels-idx1-ubyte.gz": (12,)}


def idx(array: np.ndarray) -> bytes:
    return gzip.compress(struct.pack(f">BBBB{array.ndim}i", 0, 0, 8, array.ndim, *array.shape) + array.tobytes(), mtime=0)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Small files of the form of MNIST's."""
    rng = np.random.default_rng(0)
    return {name: idx(rng.integers(0, 256 if len(shape) == 3 else 10, shape).astype(np.uint8)) for name, shape in COUNTS.items()}


class Quiet(SimpleHTTPRequestHandler):
    """A server that prints nothing."""

    def log_message(self, *args):
        pass


class Breaking(Quiet):
    """A server that promises a file and hangs up after half of it."""

    def do_GET(self):
        content = (Path(self.directory) / self.path.lstrip("/")).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])


class Flooding(Quiet):
    """A server that sends more than any file has."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(bytes(2 * data.LARGEST))


@contextmanager
def served(folder: Path, handler=Quiet):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def here(tmp_path, files, monkeypatch):
    """No folder named, an empty cache, a source that nobody answers at, and the hashes of the small files."""
    monkeypatch.delenv(data.FOLDER, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "SOURCE", "http://127.0.0.1:9/")
    monkeypatch.setattr(data, "FILES", {name: hashlib.sha256(content).hexdigest() for name, content in files.items()})
    return tmp_path


def kept() -> set[str]:
    return {path.name for path in data.cache().iterdir()} if data.cache().is_dir() else set()


def test_files_in_the_named_folder_are_read_and_nothing_else_is_touched(here, files, monkeypatch):
    monkeypatch.setenv(data.FOLDER, str(put(here / "mine", files)))
    images = data.mnist()
    assert images.name == "MNIST"
    assert images.X_train.shape == (30, 28, 28)
    assert images.y_test.shape == (12,)
    raw = np.frombuffer(gzip.decompress(files["t10k-images-idx3-ubyte.gz"]), np.uint8, offset=16).reshape(12, 28, 28)
    assert torch.allclose(images.X_test, torch.tensor(raw / 127.5 - 1, dtype=torch.float32), atol=1e-6)
    assert images.X_train.dtype == torch.float32
    assert images.y_train.dtype == torch.int64
    assert kept() == set()


def test_what_is_downloaded_is_kept_and_asked_for_once(here, files, monkeypatch):
    with served(put(here / "server", files)) as source:
        monkeypatch.setattr(data, "SOURCE", source)
        first = data.mnist()
    assert kept() == set(files)
    monkeypatch.setattr(data, "SOURCE", "http://127.0.0.1:9/")
    again = data.mnist()
    assert first.name == again.name == "MNIST"
    assert torch.equal(first.X_train, again.X_train)


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: content[:40] + b"?" + content[41:], lambda content: b""])
def test_a_damaged_file_in_the_named_folder_is_named_left_alone_and_not_used(damage, here, files, monkeypatch, capsys):
    broken = {**files, "train-images-idx3-ubyte.gz": damage(files["train-images-idx3-ubyte.gz"])}
    mine = put(here / "mine", broken)
    monkeypatch.setenv(data.FOLDER, str(mine))
    assert data.mnist().name == "digits"
    said = capsys.readouterr().out
    assert f"{mine / 'train-images-idx3-ubyte.gz'} is damaged, or another file than MNIST's" in said
    assert {path.name: path.read_bytes() for path in mine.iterdir()} == broken


def test_a_file_under_the_name_of_another_is_not_taken(here, files, monkeypatch, capsys):
    swapped = {**files, "train-labels-idx1-ubyte.gz": files["t10k-labels-idx1-ubyte.gz"]}
    monkeypatch.setenv(data.FOLDER, str(put(here / "mine", swapped)))
    assert data.mnist().name == "digits"
    assert "train-labels-idx1-ubyte.gz is damaged, or another file" in capsys.readouterr().out


def test_a_damaged_file_in_the_cache_is_removed_and_fetched_again(here, files, monkeypatch, capsys):
    put(data.cache(), {**files, "t10k-labels-idx1-ubyte.gz": b"half of it"})
    with served(put(here / "server", files)) as source:
        monkeypatch.setattr(data, "SOURCE", source)
        assert data.mnist().name == "MNIST"
    assert "t10k-labels-idx1-ubyte.gz is damaged: it is removed, and fetched again." in capsys.readouterr().out
    assert (data.cache() / "t10k-labels-idx1-ubyte.gz").read_bytes() == files["t10k-labels-idx1-ubyte.gz"]


@pytest.mark.parametrize("handler", [Breaking, Flooding])
def test_half_a_download_and_too_much_of_one_are_not_kept(handler, here, files, monkeypatch, capsys):
    monkeypatch.setattr(data, "LARGEST", 200_000)
    with served(put(here / "server", files), handler) as source:
        monkeypatch.setattr(data, "SOURCE", source)
        assert data.mnist().name == "digits"
    assert "scikit-learn's 1797 digits of 8 x 8 stand in for MNIST" in capsys.readouterr().out
    assert kept() == set()


def test_another_file_at_the_source_is_named_and_not_kept(here, files, monkeypatch, capsys):
    with served(put(here / "server", dict.fromkeys(files, b"<html>please log in</html>"))) as source:
        monkeypatch.setattr(data, "SOURCE", source)
        assert data.mnist().name == "digits"
    assert "is not train-images-idx3-ubyte.gz: half of it, or another file. It is not kept." in capsys.readouterr().out
    assert kept() == set()


def test_without_a_network_a_sentence_says_what_to_do_and_the_small_digits_stand_in(here, capsys):
    images = data.mnist()
    said = capsys.readouterr().out
    assert "train-images-idx3-ubyte.gz is not here, and could not be fetched" in said
    assert f"its name into the variable {data.FOLDER}" in said
    assert images.name == "digits"
    assert kept() == set()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_cache_that_nobody_may_write_to_is_no_crash(here, monkeypatch):
    (here / "cache").mkdir(mode=0o500)
    assert data.mnist().name == "digits"


def test_a_cache_in_the_place_of_which_there_is_a_file_is_no_crash(here, monkeypatch):
    (here / "cache").write_text("not a folder")
    assert data.mnist().name == "digits"


def test_the_small_digits_are_the_same_each_time_and_every_kind_is_held_out():
    first, again = data.digits(), data.digits()
    assert first.X_train.shape == (1437, 8, 8)
    assert first.X_test.shape == (360, 8, 8)
    assert float(first.X_train.min()) == -1
    assert float(first.X_train.max()) == 1
    assert torch.equal(first.X_test, again.X_test)
    assert int(first.y_test.bincount().min()) >= 34
    assert first.first(100).X_train.shape == (100, 8, 8)
    assert first.first(100).X_test.shape == (360, 8, 8)


def test_the_library_is_imported_without_scikit_learn_being_loaded():
    code = "import sys; from autodiff_lib import data; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.skipif(not os.environ.get(data.FOLDER), reason=f"NO MNIST HERE: name its folder in {data.FOLDER}")
def test_the_real_files_have_the_hashes_that_are_expected():
    images = data.mnist()
    assert images.name == "MNIST"
    assert images.X_train.shape == (60_000, 28, 28)
    assert images.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert images.y_test.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
