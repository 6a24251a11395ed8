"""The cases of the functions that build graphs: sizes, a mask, a number, and values for the variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...checks.forms import Form
from ...checks.question import Ask
from ...checks.values import generator
from ...kinds.graph_function.judge import BUILD, Function
from ...text import causal_mask
from .truth import FUNCTIONS, SHAPES, WEIGHTS


@dataclass(frozen=True)
class ModelCase:
    """A function that builds a graph, on sizes that are pairwise different or all equal, with one kind of mask."""

    form: ClassVar[Form] = BUILD

    described: Function
    sizes: dict[str, int]
    mask: str = "causal"
    number: float = 0
    seed: str = "public"
    hidden: bool = False

    @property
    def function(self) -> str:
        return self.described.name

    @property
    def name(self) -> str:
        masks = {"causal": "", "open": ", a mask of zeros", "soft": ", a mask of other numbers", "odd": ", a mask with holes"}
        shown = {axis: size for axis, size in self.sizes.items() if any(axis in SHAPES[name] for name in self.described.leaves)}
        said = f", {self.described.number}={self.number:g}"
        return f"{' '.join(f'{axis}={size}' for axis, size in shown.items())}{said}{masks[self.mask]}"

    def features(self) -> dict[str, Any]:
        return {"mask": self.mask, "B": self.sizes["B"], "T": self.sizes["T"]}

    def values(self) -> dict[str, Tensor]:
        """A float64 value for each variable, weights of the size that an initialisation gives them."""
        rng = generator(self.seed, self.function, self.name)
        found = {}
        for name in self.described.leaves:
            shape = tuple(self.sizes[axis] for axis in SHAPES[name])
            scale = 1.5 / math.sqrt(shape[0]) if name in WEIGHTS else 1.0
            found[name] = torch.tensor(rng.standard_normal(shape) * scale)
        for name in ("tokens", "targets"):
            if name in found:
                numbers = rng.integers(0, self.sizes["V"], (self.sizes["B"], self.sizes["T"]))
                found[name] = torch.eye(self.sizes["V"], dtype=torch.float64)[numbers]  # (B, T, V)
        if "mask" in found:
            found["mask"] = self.mask_values(found["mask"], rng)
        return found

    def mask_values(self, soft: Tensor, rng: np.random.Generator) -> Tensor:
        match self.mask:
            case "causal":
                return causal_mask(self.sizes["T"])
            case "open":
                return torch.zeros_like(soft)
            case "odd":  # some keys are hidden, from everybody but themselves
                hidden = torch.tensor(rng.random(soft.shape) < 0.4) & ~torch.eye(len(soft), dtype=torch.bool)
                return torch.where(hidden, -1e9, 0.0).to(torch.float64)
        return soft

    def ask(self) -> Ask:
        return self.described.ask(self.number)


@dataclass(frozen=True)
class WholeCase(ModelCase):
    """A function on values under which all of it shows."""

    @property
    def name(self) -> str:
        return f"{super().name}, all at once"

    def asked_as(self, other: Any) -> ModelCase:
        """Another case, about a graph that was built for this one's number. A number that counts tokens has its sizes with it."""
        sizes = self.sizes if self.described.number == "num_tokens" else other.sizes
        return replace(other, sizes=sizes, number=self.number)


def sizes(B: int, T: int, D: int, K: int, E: int, F: int, V: int) -> dict[str, int]:
    return {"B": B, "T": T, "D": D, "K": K, "E": E, "F": F, "V": V}


SMALL = sizes(B=1, T=3, D=4, K=4, E=4, F=6, V=5)
NARROW = sizes(B=2, T=4, D=6, K=3, E=5, F=7, V=9)
WIDE = sizes(B=3, T=5, D=8, K=2, E=7, F=4, V=6)
LONG = sizes(B=2, T=7, D=10, K=12, E=3, F=9, V=8)
EQUAL = sizes(B=4, T=4, D=4, K=4, E=4, F=4, V=4)  # for what goes wrong only where sizes coincide


def model_cases(
    function: str,
    sizes_of: Sequence[dict[str, int]],
    masks: Sequence[str] = ("causal",),
    number: Callable[[dict[str, int]], float] | None = None,
) -> tuple[ModelCase, ...]:
    """A case for each size and each mask, all of the first mask before those of the next."""
    number = number or NUMBERS[function]
    return tuple(ModelCase(FUNCTIONS[function], size, mask, number(size)) for mask in masks for size in sizes_of)


def whole_cases(function: str, sizes_of: Sequence[dict[str, int]]) -> tuple[WholeCase, ...]:
    return tuple(WholeCase(FUNCTIONS[function], size, number=NUMBERS[function](size)) for size in sizes_of)


NUMBERS: dict[str, Callable[[dict[str, int]], float]] = {
    "causal_self_attention": lambda size: size["D"] + 5,  # the scale is a number of its own
    "decoder_layer": lambda size: size["D"],
    "transformer_lm": lambda size: size["D"],
    "cross_entropy_loss": lambda size: size["B"] * size["T"],
}
"""Function -> the number that it is given, for the sizes of its arguments."""
