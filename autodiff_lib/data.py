"""Images of digits: MNIST where its files are, or where there is a network to fetch them; else the small ones of scikit-learn.

MNIST is looked for in the folder that the variable `AUTODIFF_DATA` names, then in a cache, and then downloaded into the
cache. What does not have the right hash is named, and never used: a damaged file, half a download, or another file.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

FOLDER = "AUTODIFF_DATA"
SOURCE = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FILES = {  # name -> SHA-256 of the file as it is distributed, compressed
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
LARGEST = 20_000_000  # bytes; no file of MNIST is half as large
PATIENCE = 10  # seconds without a byte
CHUNK = 1 << 16  # bytes
HELD_OUT = 360  # of scikit-learn's 1797 digits


@dataclass(frozen=True)
class Images:
    """Images (n, rows, pixels of a row) in float32 between -1 and 1, and their labels (n,), for training and held out."""

    name: str
    X_train: Tensor
    y_train: Tensor
    X_test: Tensor
    y_test: Tensor

    def first(self, count: int) -> Images:
        """The same, with only the first `count` images to train on."""
        return Images(self.name, self.X_train[:count], self.y_train[:count], self.X_test, self.y_test)


class NoDataError(RuntimeError):
    """MNIST is not here, and cannot be fetched; the message says why, and what to do."""


def mnist() -> Images:
    """MNIST, 60 000 images of 28 x 28 and 10 000 held out; where it cannot be had, `digits()` instead, and a sentence says so."""
    try:
        paths = {name: find(name) for name in FILES}
    except NoDataError as error:
        print(f"{error}\nscikit-learn's 1797 digits of 8 x 8 stand in for MNIST.")
        return digits()
    train, train_labels, test, test_labels = (read_idx(path) for path in paths.values())
    return Images("MNIST", scaled(train, 255), labels(train_labels), scaled(test, 255), labels(test_labels))


def digits() -> Images:
    """The 1797 digits of 8 x 8 that come with scikit-learn; 360 are held out, as many of each kind as its share is."""
    from sklearn.datasets import load_digits  # half a second, and not everybody needs it
    from sklearn.model_selection import train_test_split

    found = load_digits()
    train, test = train_test_split(np.arange(len(found.target)), test_size=HELD_OUT, stratify=found.target, random_state=0)
    images, classes = scaled(found.images, 16), labels(found.target)
    return Images("digits", images[train], classes[train], images[test], classes[test])


def scaled(images: np.ndarray, largest: int) -> Tensor:
    """Numbers from 0 to `largest` as ones from -1 to 1: of a mean of 1/2 and a deviation of 1/2, if one wants to call them so."""
    return torch.tensor(images.astype(np.float32) * (2 / largest) - 1)


def labels(numbers: np.ndarray) -> Tensor:
    return torch.tensor(numbers.astype(np.int64))


# --- files


def cache() -> Path:
    """Where downloaded files are kept, from one notebook to the next."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autodiff-course"


def find(name: str) -> Path:
    """A file of MNIST with the right hash. NoDataError where there is none and it cannot be downloaded.

    One in `AUTODIFF_DATA` that is wrong is named and left alone, since it is somebody's; one in the cache is removed.
    """
    if os.environ.get(FOLDER):
        path = Path(os.environ[FOLDER]) / name
        if is_right(path):
            return path
        if path.exists():
            print(f"{path} is damaged, or another file than MNIST's: it is left alone, and not used.")
    path = cache() / name
    if is_right(path):
        return path
    if path.is_file():
        print(f"{path} is damaged: it is removed, and fetched again.")
        path.unlink()
    download(name, path)
    return path


def is_right(path: Path) -> bool:
    """Whether the file is there, and is the one that its name promises."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == FILES[path.name]
    except OSError:
        return False


def download(name: str, path: Path) -> None:
    """Fetch a file into the cache, under its name only when it is whole and right. NoDataError where that fails."""
    url, digest = SOURCE + name, hashlib.sha256()
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = Path(file.name)
            for block in blocks(url):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != FILES[name]:
            raise NoDataError(f"What came from {url} is not {name}: half of it, or another file. It is not kept.")
        part.replace(path)
    except (OSError, HTTPException) as error:  # no network, no such host, no answer in time, no right to write, no room
        reason = getattr(error, "reason", None) or error
        raise NoDataError(
            f"{name} is not here, and could not be fetched from {url} ({reason}). "
            f"Put MNIST's four files into a folder, and its name into the variable {FOLDER}."
        ) from None
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def blocks(url: str) -> Iterator[bytes]:
    """What is at an address, block by block, with a bar of progress. OSError for more than any file of MNIST has."""
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        length = int(answer.headers.get("Content-Length") or 0)
        with tqdm(total=length or None, unit="B", unit_scale=True, desc=url.rpartition("/")[2]) as bar:
            while block := answer.read(CHUNK):
                bar.update(len(block))
                if bar.n > LARGEST:
                    raise OSError(f"more than {LARGEST} bytes came")
                yield block


def read_idx(path: Path) -> np.ndarray:
    """The array in a compressed idx file: four bytes (0, 0, 8 for bytes, number of axes), the sizes, and the bytes."""
    raw = gzip.decompress(path.read_bytes())
    rank = raw[3]
    shape = np.frombuffer(raw, ">i4", count=rank, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)
