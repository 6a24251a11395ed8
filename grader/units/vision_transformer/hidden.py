"""The hidden cases of the unit: other numbers and sizes, and a task: the judge trains the student's graph on what needs attention."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from autodiff_lib.checks.question import Answer, Failure, Question
from autodiff_lib.checks.values import generator
from autodiff_lib.graph_data import GraphError
from autodiff_lib.kinds.graph_function.judge import of_a_graph, value_of
from autodiff_lib.kinds.graph_function.task import TaskCase, with_task
from autodiff_lib.units.vision_transformer.cases import sizes
from autodiff_lib.units.vision_transformer.questions import NUMBERS, graph_questions
from autodiff_lib.units.vision_transformer.questions import questions as public_questions
from autodiff_lib.units.vision_transformer.truth import FUNCTIONS, SHAPES, WEIGHTS, linear

from .. import in_secret

SIZES = (
    sizes(B=4, T=6, P=7, D=9, K=5, E=8, F=11, C=3, N=12, M=10),
    sizes(B=2, T=9, P=6, D=12, K=7, E=4, F=5, C=13, N=8, M=11),
)


def questions(seed: str) -> list[Question]:
    graphs = [with_the_task(question) for question in graph_questions(SIZES)]
    return [in_secret(question, seed) for question in (*graphs, *public_questions()[len(graphs) :])]


def with_the_task(question: Question) -> Question:
    """A question, in whose part about numbers the task is asked for as well where its function is a part of the model with attention."""
    return with_task(question, NUMBERS, task_of(question.name), judge_task) if question.name in BLOCKS else question


def task_of(function: str) -> TaskCase:
    return TaskCase(FUNCTIONS[function], "a model learns to tell whether two digits are the same", DIMS["D"])


# --- the task: two digits in one image, one above the other: are they the same?


DIGITS, NOISE = 6, 0.1  # how many kinds of digits there are, and how much two of a kind differ
DIMS = sizes(B=0, T=4, P=8, D=16, K=16, E=16, F=32, C=2, N=0, M=0)
TRAINING, HELD_OUT, BATCH = 768, 256, 64  # images
STEPS, LOOK, RATE = 150, 10, 0.02
RIGHT = 0.9  # of the images held out. Without attention no model can be right for more than three of four, and few are for more than half
ATTEMPTS = 4  # from other initial weights: of 180 with a right model 175 are enough, and none of those without attention comes to 0.6

Model = Callable[..., Tensor]


@of_a_graph
def judge_task(case: TaskCase, answer: Answer) -> Failure | None:
    """A model with the student's graph in it is trained until it is right for nearly all images that it has never seen."""

    def block(*values: Tensor) -> Tensor:
        value = value_of(answer.graph, values, case.described)
        wanted = [len(values[0]), *((DIMS["C"],) if case.function == "vision_transformer" else (DIMS["T"], DIMS["D"]))]
        if list(value.shape) != wanted or not value.requires_grad:
            raise GraphError(f"its value has shape {list(value.shape)}, expected {wanted}, and must depend on the weights.")
        return value

    rng = torch.Generator().manual_seed(int(generator(case.seed, case.name, case.function).integers(2**31)))
    model = BLOCKS[case.function](block)
    if any(best_accuracy(model, rng) >= RIGHT for _ in range(ATTEMPTS)):
        return None
    message = "A model with your graph in it does not learn to tell whether two digits in one image are the same."
    return Failure.wrong(
        case, message, "Which row looks at which, and what does it take from there? Compare with the formula, term by term."
    )


def images_of_pairs(count: int, digits: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Images (count, 4, P) of four digits, a row each, and whether the two above are the same, (count,).

    Where they are, the two below differ, and where they are not, the two below are the same. So neither one row by itself
    nor all rows without their places tell anything: two rows must be compared.
    """
    one, other = (torch.randint(DIGITS, (count,), generator=rng) for _ in range(2))
    unlike = (torch.randint(1, DIGITS, (2, count), generator=rng) + torch.stack([one, other])) % DIGITS
    same = torch.arange(count) % 2  # (count,)
    above = torch.stack([one, torch.where(same == 1, one, unlike[0])], dim=1)  # (count, 2)
    below = torch.stack([other, torch.where(same == 1, unlike[1], other)], dim=1)
    noise = NOISE * torch.randn(count, DIMS["T"], DIMS["P"], generator=rng, dtype=torch.float64)
    return digits[torch.cat([above, below], dim=1)] + noise, same  # (count, 4, P)


def initial_weights(rng: torch.Generator) -> list[Tensor]:
    """Weights by the order of their names; queries and keys begin alike, so that rows which are alike find each other."""
    found = {}
    for name in WEIGHTS:
        shape = [DIMS[axis] for axis in SHAPES["vision_transformer"][name]]
        normal = torch.randn(shape, generator=rng, dtype=torch.float64)
        found[name] = torch.zeros_like(normal) if name.startswith("b") else normal / (math.sqrt(shape[0]) if name.startswith("W") else 1)
    found["W_K"] = found["W_Q"].clone()
    return [value.requires_grad_() for value in found.values()]


def best_accuracy(model: Model, rng: torch.Generator) -> float:
    """Train with Adam; the share of right answers on images held out, as soon as it is enough, or at the end."""
    digits = F.normalize(torch.randn(DIGITS, DIMS["P"], generator=rng, dtype=torch.float64), dim=1) * math.sqrt(DIMS["P"])
    X, wanted = images_of_pairs(TRAINING, digits, rng)
    unseen, due = images_of_pairs(HELD_OUT, digits, rng)
    weights = initial_weights(rng)
    optimizer = torch.optim.Adam(weights, lr=RATE)
    accuracy = 0.0
    for step in range(1, STEPS + 1):
        batch = torch.arange(step * BATCH, (step + 1) * BATCH) % TRAINING
        optimizer.zero_grad()
        F.cross_entropy(model(X[batch], *weights), wanted[batch]).backward()
        optimizer.step()
        if step % LOOK == 0:
            accuracy = float((model(unseen, *weights).argmax(-1) == due).double().mean())
            if accuracy >= RIGHT:
                break
    return accuracy


def with_attention(block: Model) -> Model:
    """The model whose attention is the student's."""

    def model(X: Tensor, W_embed: Tensor, b_embed: Tensor, positions: Tensor, *weights: Tensor) -> Tensor:
        W_Q, W_K, W_V, W_1, b_1, W_2, b_2, W_head, b_head = weights
        attended = block(linear(X, W_embed, b_embed) + positions, W_Q, W_K, W_V)  # (B, T, D)
        thought = linear(F.relu(linear(attended, W_1, b_1)), W_2, b_2)  # (B, T, D) -> (B, T, F) -> (B, T, D)
        return linear(thought.mean(dim=1), W_head, b_head)  # (B, D) -> (B, C)

    return model


def with_encoder(block: Model) -> Model:
    """The model whose encoder is the student's."""

    def model(X: Tensor, W_embed: Tensor, b_embed: Tensor, positions: Tensor, *weights: Tensor) -> Tensor:
        *layer, W_head, b_head = weights
        return linear(block(linear(X, W_embed, b_embed) + positions, *layer).mean(dim=1), W_head, b_head)  # (B, C)

    return model


def whole(block: Model) -> Model:
    return block


BLOCKS: dict[str, Callable[[Model], Model]] = {
    "self_attention": with_attention,
    "encoder_layer": with_encoder,
    "vision_transformer": whole,
}
"""Function -> what makes a model of it."""
