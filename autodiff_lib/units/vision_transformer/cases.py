"""The cases of the functions that build graphs: sizes, a number, and values for the variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...checks.forms import Form
from ...checks.question import Ask
from ...checks.values import draw, generator
from ...kinds.graph_function.judge import BUILD, Function
from .truth import FUNCTIONS, SHAPES

Sizes = dict[str, int]


@dataclass(frozen=True)
class ImageCase:
    """A function that builds a graph, on sizes that are pairwise different or all equal."""

    form: ClassVar[Form] = BUILD

    described: Function
    sizes: Sizes
    number: float = 0
    axes: str = ""  # those of X, where they are other ones than usual
    seed: str = "public"
    hidden: bool = False

    @property
    def function(self) -> str:
        return self.described.name

    @property
    def name(self) -> str:
        used = self.axes + "".join(self.axes_of(name) for name in self.described.leaves)
        shown = " ".join(f"{axis}={size}" for axis, size in self.sizes.items() if axis in used)
        said = f", {self.described.number}={self.number:g}" if self.described.number else ""
        return f"{shown}{said}" + (f", X ({', '.join(self.axes)})" if self.axes else "")

    def axes_of(self, name: str) -> str:
        return self.axes if name == "X" and self.axes else SHAPES[self.function][name]

    def features(self) -> dict[str, Any]:
        return {"B": self.sizes["B"], "rank of X": len(self.axes or "BTD")}

    def values(self) -> dict[str, Tensor]:
        """A float64 value for each variable, weights of the size that an initialisation gives them."""
        rng = generator(self.seed, self.function, self.name)
        found = {}
        for name in self.described.leaves:
            shape = tuple(self.sizes[axis] for axis in self.axes_of(name))
            scale = 1.5 / math.sqrt(shape[0]) if name.startswith("W") else 1.0
            found[name] = torch.tensor(rng.standard_normal(shape) * scale)
        for name in {"W_1", "b_1"} & found.keys():  # relu never stops all columns: the second is the first with the other sign
            found[name][..., 1] = -found[name][..., 0]
        if "y_one_hot" in found:
            numbers = rng.integers(0, self.sizes["C"], self.sizes["B"])
            found["y_one_hot"] = torch.eye(self.sizes["C"], dtype=torch.float64)[numbers]  # (B, C)
        return found

    def ask(self) -> Ask:
        return self.described.ask(self.number)


@dataclass(frozen=True)
class WholeCase(ImageCase):
    """A function on values under which all of it shows."""

    @property
    def name(self) -> str:
        return f"{super().name}, all at once"

    def asked_as(self, other: Any) -> ImageCase:
        """Another case, about a graph that was built for this one's number. A number that counts images has its sizes with it."""
        sizes = self.sizes if self.described.number == "batch_size" else other.sizes
        return replace(other, sizes=sizes, number=self.number)


FAR = 300.0  # how far below the largest logit the right one is: no softmax notices it


@dataclass(frozen=True)
class HugeCase(ImageCase):
    """The loss of logits with a large one among them, far above the others, or not; the right one is far below the largest."""

    top: float = 1000  # the largest logit
    others: float = -1000  # about where the others are, but for the right one

    @property
    def name(self) -> str:
        return f"{super().name}, a logit of {self.top:g} among some of {self.others:g}"

    def values(self) -> dict[str, Tensor]:
        found = super().values()
        right = found["y_one_hot"]
        first_of_all = right.roll(1, dims=-1)  # the class after the right one is by far the largest
        above = self.top - self.others
        return found | {"Z": found["Z"] + self.others + above * first_of_all + (above - FAR) * right}


HUGE = ((0, -1000), (1000, 900), (1000, -1000))
"""The largest logit, and the others: where a probability is zero, where exp is too large, and both."""


@dataclass(frozen=True)
class HugeWholeCase(WholeCase):
    """The whole of the loss, of logits up to a thousand, of either sign."""

    @property
    def name(self) -> str:
        return f"{super().name}, logits up to ±1000"

    def values(self) -> dict[str, Tensor]:
        found = super().values()
        huge = draw("huge", tuple(found["Z"].shape), generator(self.seed, self.name, "huge"))
        return found | {"Z": torch.tensor(huge)}


def sizes(B: int, T: int, P: int, D: int, K: int, E: int, F: int, C: int, N: int, M: int) -> Sizes:
    return {"B": B, "T": T, "P": P, "D": D, "K": K, "E": E, "F": F, "C": C, "N": N, "M": M}


SMALL = sizes(B=1, T=2, P=3, D=3, K=2, E=3, F=4, C=3, N=2, M=3)
NARROW = sizes(B=2, T=4, P=8, D=6, K=3, E=5, F=7, C=9, N=10, M=11)
WIDE = sizes(B=3, T=5, P=4, D=8, K=2, E=7, F=6, C=10, N=9, M=11)
LONG = sizes(B=2, T=7, P=5, D=10, K=12, E=3, F=9, C=4, N=8, M=6)
EQUAL = sizes(B=4, T=4, P=4, D=4, K=4, E=4, F=4, C=4, N=4, M=4)  # for what goes wrong only where sizes coincide


def changed(listed: Sequence[Sizes], **axes: str) -> list[Sizes]:
    """Sizes in which some axes are as long as another one."""
    return [size | {axis: size[other] for axis, other in axes.items()} for size in listed]


def own_number(size: Sizes) -> float:
    """For functions that are given `model_dim`: a number of its own, which no size tells."""
    return size["D"] + 5


def no_number(size: Sizes) -> float:
    return 0


def batch_size(size: Sizes) -> float:
    return size["B"]


NUMBERS: dict[str, Callable[[Sizes], float]] = {
    "linear": no_number,
    "self_attention": own_number,
    "encoder_layer": own_number,
    "vision_transformer": own_number,
    "softmax_loss": batch_size,
}
"""Function -> the number that it is given, for the sizes of its arguments."""


def image_cases(
    function: str,
    sizes_of: Sequence[Sizes],
    number: Callable[[Sizes], float] | None = None,
    kind: type[ImageCase] = ImageCase,
    axes: Sequence[str] = ("",),
) -> tuple[Any, ...]:
    """A case of a kind for each size, of the first axes for X before those of the next."""
    number = number or NUMBERS[function]
    return tuple(kind(FUNCTIONS[function], size, number(size), of_x) for of_x in axes for size in sizes_of)
