"""The student's own language model in a terminal: `python -m autodiff_lib.units.transformer_lm train`, and `--playground`."""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from ... import course, weight_files
from ...student.place import HandoutError, find
from .. import needed
from .unit import UNIT

WEIGHTS = "weights.safetensors"
USED = (
    *("ABOUT", "BATCH", "CONTEXT", "EPOCHS", "PAD", "RATE", "SHAPES"),
    *("generate", "initial_weights", "logits_of", "run_model", "sgd_epoch", "tokenizer", "x", "y"),
)
"""What the notebook has to define."""
LIKELY = 3  # words that are shown at each place

DONE, COULD_NOT, STOPPED = 0, 2, 130


class UnfinishedError(RuntimeError):
    """The notebook lacks something; the message says what, and what to do."""


def main(words: Sequence[str] | None = None) -> int:
    options = parser().parse_args(words)
    if options.command is None and options.playground is None:
        parser().print_help()
        return COULD_NOT
    try:
        unit = students_own()
        if options.command == "train":
            train(unit, options.weights, options.epochs, options.further)
        if options.playground is not None:
            weights = weight_files.load(options.weights, unit.SHAPES, unit.ABOUT)
            for beginning in [options.playground] if options.playground else asked():
                print("\n".join(continued(unit, weights, beginning)))
    except NotImplementedError as todo:
        print(f"{todo}: write it in {UNIT.notebook}, save, and run this again.", file=sys.stderr)
        return COULD_NOT
    except FileNotFoundError as error:
        print(f"{error}: run this with `train` once, which makes them.", file=sys.stderr)
        return COULD_NOT
    except (UnfinishedError, ValueError) as error:
        print(error, file=sys.stderr)
        return COULD_NOT
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return STOPPED
    return DONE


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m autodiff_lib.units.transformer_lm",
        description="Train the language model of your own notebook, and let it write. Run it in the folder that your units are in.",
    )
    top.add_argument("command", nargs="?", choices=["train"], help="train, and save the weights; Ctrl-C stops early and saves them too")
    top.add_argument("--playground", nargs="?", const="", metavar="BEGINNING", help="continue a sentence; without one, line after line")
    top.add_argument("--weights", type=lambda text: Path(text).resolve(), default=Path(WEIGHTS).resolve(), help=f"the file, {WEIGHTS}")
    top.add_argument("--epochs", type=at_least_one, metavar="N", help="how many; the notebook's number otherwise")
    top.add_argument("--further", action="store_true", help="train on from the weights that are saved, not from new ones")
    return top


def at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} epochs teach nothing: give 1 or more")
    return number


def students_own() -> ModuleType:
    """What the student's notebook defines, with those that it needs run before it. UnfinishedError where a part is not there."""
    try:
        with contextlib.chdir(folder_of_units()):
            *_, unit = (course.load(name) for name in (*needed(UNIT.name), UNIT.name))
    except FileNotFoundError as error:
        raise UnfinishedError(str(error)) from None
    lacking = [name for name in USED if not hasattr(unit, name)]
    if lacking:
        raise UnfinishedError(
            f"{unit.__file__} does not define {', '.join(lacking)}: finish the exercises before it, whose names stand above, "
            "and take a new copy of a cell that is not there any more"
        )
    return unit


def folder_of_units() -> Path:
    """The one that this is run in; the student's copy of the notebooks, where that is elsewhere in a handout."""
    try:
        course.find(UNIT.name)
    except FileNotFoundError:
        with contextlib.suppress(HandoutError):
            work = find(Path.cwd()).work
            return work if work.is_dir() else Path.cwd()
    return Path.cwd()


def train(unit: ModuleType, path: Path, epochs: int | None = None, further: bool = False) -> None:
    """Train and save. Interrupted, what was learned so far is saved. ValueError where nothing can be saved, before any epoch, and
    where the loss is no number any more."""
    weight_files.check_place(path)
    weights = weight_files.load(path, unit.SHAPES, unit.ABOUT) if further else unit.initial_weights(unit.SHAPES)
    losses: list[float] = []
    with contextlib.suppress(KeyboardInterrupt), tqdm(total=epochs or unit.EPOCHS, desc="epochs") as bar:
        for _ in range(bar.total):
            weights, loss = unit.sgd_epoch(unit.run_model, unit.x, unit.y, weights, unit.BATCH, unit.RATE)
            losses.append(float(loss))
            if not math.isfinite(losses[-1]):
                raise ValueError(f"the loss of epoch {len(losses)} is {losses[-1]}, and nothing was saved: is sgd_epoch right?")
            bar.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)
            bar.update()
    if not losses:
        raise KeyboardInterrupt
    weight_files.save(path, weights, unit.ABOUT)
    print(f"{len(losses)} epochs, loss from {losses[0]:.3f} to {losses[-1]:.4f}; saved in {path}")


def asked() -> Iterator[str]:
    """Lines that somebody types, or that come from a file; at a terminal with a sign that one is waited for."""
    if sys.stdin.isatty():
        print("Begin a sentence and press Enter; Ctrl-D ends.")
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "")
        except EOFError:
            return
        if line.strip():
            yield line


def continued(unit: ModuleType, weights: dict[str, Tensor], beginning: str) -> Iterator[str]:
    """The sentence that the model makes of a beginning, and for each new word what else it thought of."""
    try:
        prompt = unit.tokenizer.encode(beginning.lower())[: unit.CONTEXT]
    except ValueError as error:
        yield str(error)
        return
    if not prompt:
        yield "type at least one word"
        return
    written: list[Any] = list(unit.generate(prompt, weights, unit.CONTEXT))
    yield unit.tokenizer.decode(written)
    for length in range(len(prompt), min(len(written) + 1, unit.CONTEXT)):
        likely = torch.softmax(unit.logits_of(written[:length], weights)[length - 1], dim=-1).topk(LIKELY)
        named = (f"{unit.tokenizer.words[token]} {value:.3f}" for value, token in zip(*map(Tensor.tolist, likely), strict=True))
        yield f"  after {unit.tokenizer.decode(written[:length])}: {', '.join(named)}"


if __name__ == "__main__":
    sys.exit(main())
