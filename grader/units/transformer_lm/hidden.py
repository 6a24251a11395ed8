"""The hidden cases of the unit: other numbers and sizes, and tasks: the judge trains the student's graph on something that needs it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from autodiff_lib.checks.question import Answer, Failure, Question
from autodiff_lib.checks.values import generator
from autodiff_lib.graph_data import GraphError
from autodiff_lib.kinds.graph_function.judge import of_a_graph, value_of
from autodiff_lib.kinds.graph_function.task import TaskCase, with_task
from autodiff_lib.text import causal_mask
from autodiff_lib.units.transformer_lm.cases import sizes
from autodiff_lib.units.transformer_lm.questions import NUMBERS, graph_questions
from autodiff_lib.units.transformer_lm.questions import questions as public_questions
from autodiff_lib.units.transformer_lm.truth import FUNCTIONS, LAYER, SHAPES, WEIGHTS

from .. import in_secret

SIZES = (sizes(B=4, T=6, D=9, K=5, E=8, F=11, V=7), sizes(B=1, T=9, D=12, K=7, E=2, F=5, V=13))


def questions(seed: str) -> list[Question]:
    graphs = [with_a_task(question) for question in graph_questions(SIZES)]
    return [in_secret(question, seed) for question in (*graphs, *public_questions()[len(graphs) :])]


def with_a_task(question: Question) -> Question:
    """A question, in whose part about numbers a task is asked for as well where its function is part of a model."""
    return with_task(question, NUMBERS, task_of(question.name), judge_task) if question.name in TASKS else question


def task_of(function: str) -> TaskCase:
    what = "exclusive or" if TASKS[function] is exclusive_or else "to repeat the first word"
    return TaskCase(FUNCTIONS[function], f"a model learns {what}", MODEL_DIM)


MODEL_DIM = 16
TASK_STEPS, TASK_RATE, TASK_RIGHT = 150, 0.006, 0.95
TASK_ATTEMPTS = 4  # from other initial weights, because even a right model is unlucky now and then


@of_a_graph
def judge_task(case: TaskCase, answer: Answer) -> Failure | None:
    """A model with the student's graph in the place of one of its blocks is trained until it should answer nearly always right."""

    def block(*values: Tensor) -> Tensor:
        value = value_of(answer.graph, values, case.described)
        if value.shape != values[0].shape or not value.requires_grad:  # each block has the shape of its first input
            raise GraphError(f"its value has shape {list(value.shape)}, expected {list(values[0].shape)}, and must depend on the weights.")
        return value

    rng = torch.Generator().manual_seed(int(generator(case.seed, case.name).integers(2**31)))
    if any(TASKS[case.function](case, block, rng) >= TASK_RIGHT for _ in range(TASK_ATTEMPTS)):
        return None
    return Failure.wrong(case, "The model does not learn a task that needs this part.", "Compare with the formula, term by term.")


def exclusive_or(case: TaskCase, block: Callable[..., Tensor], rng: torch.Generator) -> float:
    """At every token, whether two of its entries differ in sign: no linear layer can tell, relu can."""
    dims = sizes(B=128, T=2, D=MODEL_DIM, K=16, E=16, F=32, V=2)
    X = torch.randn(128, 2, MODEL_DIM, generator=rng, dtype=torch.float64).sign()  # (B, T, D)
    wanted = (X[..., 0] * X[..., 1] > 0).long().flatten()
    weights = initial_weights((*LAYER, "W_head"), dims, rng)
    *layer, W_head = weights

    def logits() -> Tensor:
        return (block(X, *layer, causal_mask(2)) @ W_head).flatten(0, 1)  # (B, T, D) @ (D, 2) -> (B * T, 2)

    return trained_accuracy(logits, weights, wanted)


def first_word(case: TaskCase, block: Callable[..., Tensor], rng: torch.Generator) -> float:
    """Three words, then a question: the answer is the first word. It takes attention to fetch it, and positions to find it."""
    words = torch.cartesian_prod(*[torch.arange(5)] * 3)
    sentences = torch.cat([words, torch.full((len(words), 1), 5)], dim=1)
    tokens = torch.eye(6, dtype=torch.float64)[sentences]  # (B, T, V)
    places, mask = torch.randn(4, MODEL_DIM, generator=rng, dtype=torch.float64), causal_mask(4)
    weights = initial_weights(WEIGHTS, sizes(B=len(words), T=4, D=MODEL_DIM, K=16, E=16, F=32, V=6), rng)
    W_embed, *layer, W_head = weights

    def logits() -> Tensor:
        if case.function == "transformer_lm":
            return block(tokens, places, *weights, mask)[:, -1]
        X = tokens @ W_embed + places  # (B, T, V) @ (V, D) -> (B, T, D)
        h = F.layer_norm(X + block(X, *layer[:4], mask), (MODEL_DIM,))
        return (F.layer_norm(h + F.relu(h @ layer[4]) @ layer[5], (MODEL_DIM,)) @ W_head)[:, -1]  # (B, T, D) @ (D, V) -> (B, T, V)

    return trained_accuracy(logits, weights, words[:, 0])


def initial_weights(names: Sequence[str], dims: dict[str, int], rng: torch.Generator) -> list[Tensor]:
    shapes = [[dims[axis] for axis in SHAPES[name]] for name in names]
    return [(torch.randn(shape, generator=rng, dtype=torch.float64) / math.sqrt(shape[0])).requires_grad_() for shape in shapes]


def trained_accuracy(logits: Callable[[], Tensor], weights: list[Tensor], wanted: Tensor) -> float:
    """Train with Adam; the share of right answers."""
    optimizer = torch.optim.Adam(weights, lr=TASK_RATE)
    for _ in range(TASK_STEPS):
        optimizer.zero_grad()
        F.cross_entropy(logits(), wanted).backward()
        optimizer.step()
    return float((logits().argmax(-1) == wanted).double().mean())


TASKS: dict[str, Callable[[TaskCase, Callable[..., Tensor], torch.Generator], float]] = {
    "causal_self_attention": first_word,
    "decoder_layer": exclusive_or,
    "transformer_lm": first_word,
}
"""Function -> the task of a model with the student's graph in it."""
