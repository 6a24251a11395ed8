"""Weights on their way into a file and out of it: safetensors, a header in JSON and numbers behind it. Nothing in it is run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor


def save(path: str | Path, weights: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write weights by name, and beside them what they are about: plain values, which JSON can hold, by name.

    What was at `path` stays there until all of the new file is written. ValueError for a weight that is not finite, and where
    nothing can be written.
    """
    for name, value in weights.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{name} is not finite everywhere, so nothing was saved: take a smaller learning rate")
    check_place(path)
    own = {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in weights.items()}
    with unfinished(Path(path)) as file:
        save_file(own, file, {name: json.dumps(value) for name, value in about.items()})
        file.replace(path)


def check_place(path: str | Path) -> None:
    """Whether weights can be saved at `path`, to be asked before they are learned. ValueError where they cannot, with what to do."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file in it, to save the weights in")
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {path.parent}: make it, or name another file to save the weights in")
    with unfinished(path) as file:
        file.touch()


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A file beside `path` for what is not all written; it is gone afterwards. ValueError where the system does not let it be written."""
    file = path.with_name(f".{path.name}.part")
    try:
        yield file
    except (SafetensorError, OSError) as error:
        raise ValueError(f"nothing can be written to {path}: {error}. Name another file, or another folder") from None
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def load(path: str | Path, shapes: Mapping[str, Sequence[int]], about: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights of a file, in the order of `shapes`.

    FileNotFoundError where there is none; ValueError, with all that differs, where it has other weights than `shapes` names, or is
    about something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there are no weights in {path}")
    try:
        with safe_open(path, framework="pt") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
            said = {name: json.loads(value) for name, value in (file.metadata() or {}).items() if name in about}
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is no file of weights ({error}): save it again") from None
    wrong = [*differing_facts(said, about), *differing_shapes(found, shapes)]
    if wrong:
        raise ValueError(f"{path} is of another model: {'; '.join(wrong)}. Train this one, or load the file where it was saved")
    return {name: found[name] for name in shapes}


def differing_facts(said: Mapping[str, Any], about: Mapping[str, Any]) -> Iterator[str]:
    for name, value in about.items():
        if name not in said:
            yield f"it does not say its {name}"
        elif said[name] != value:
            yield f"its {name} {told_apart(said[name], value)}"


def told_apart(has: Any, expected: Any) -> str:
    """How a value differs from the expected one; of two lists, where they begin to."""
    if not isinstance(has, list) or not isinstance(expected, list):
        return f"is {has!r}, expected {expected!r}"
    place = next((i for i, (one, other) in enumerate(zip(has, expected, strict=False)) if one != other), min(len(has), len(expected)))
    one, other = (repr(values[place]) if place < len(values) else "nothing more" for values in (has, expected))
    return f"has {one} at place {place}, expected {other}"


def differing_shapes(found: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]]) -> Iterator[str]:
    for name, shape in shapes.items():
        if name not in found:
            yield f"it has no {name}"
        elif tuple(found[name].shape) != tuple(shape):
            yield f"its {name} has shape {tuple(found[name].shape)}, expected {tuple(shape)}"
    unknown = [name for name in found if name not in shapes]
    if unknown:
        yield f"it has {', '.join(sorted(unknown))} besides"
