"""One training step of unit 3's language model: the student's engine, eager torch with its autograd, and torch.compile.

    python tests/benchmarks/bench_lm.py [--steps 300] [--threads 1] [--no-compile]

A step is forward, backward and update on all ten sentences, in float64. The three take turns in one process, and
the table shows medians. It ends with `ratio N.NN`: the student's engine over eager.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from turns import keeping, medians, solved

from autodiff_lib import text
from autodiff_lib.units.transformer_lm.truth import cross_entropy, language_model

RATE = 0.1
WARM_UP = 30
STUDENT, EAGER = "student's engine", "eager torch"


def steps(compiled: bool) -> dict[str, Callable[[], float]]:
    """Ways to take one step; each returns the loss before it."""
    module = solved("03_transformer_lm")
    sentences = torch.tensor([module.tokenizer.encode(sentence) for sentence in text.SENTENCES])
    following = torch.cat([sentences[:, 1:], torch.full((len(sentences), 1), text.PAD)], dim=1)
    x, y = text.one_hot(sentences, module.V), text.one_hot(following, module.V)
    positions, mask = module.fixed.values()

    def student() -> Callable[[], float]:
        weights = module.initial_weights(module.SHAPES)

        def step() -> float:
            nonlocal weights
            weights, loss = module.sgd_epoch(module.run_model, x, y, weights, len(x), RATE)
            return loss

        return step

    def torchs(forward: Callable[..., torch.Tensor]) -> Callable[[], float]:
        weights = [weight.requires_grad_() for weight in module.initial_weights(module.SHAPES).values()]

        def step() -> float:
            loss = cross_entropy(forward(x, positions, *weights, mask, model_dim=module.D), y, sentences.numel())
            grads = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for weight, grad in zip(weights, grads, strict=True):
                    weight -= RATE * grad
            return float(loss.detach())

        return step

    found = {STUDENT: student(), EAGER: torchs(language_model)}
    return {**found, "torch.compile": torchs(torch.compile(language_model))} if compiled else found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300, help="measured steps of each")
    parser.add_argument("--threads", type=int, default=1, help="of torch; more do not help matrices this small")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out; it needs a C++ compiler, and half a minute")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ways = steps(not options.no_compile)
    losses: dict[str, list[float]] = {name: [] for name in ways}
    times = medians({name: keeping(step, losses[name]) for name, step in ways.items()}, options.steps, WARM_UP, "steps")
    last = {name: found[-1] for name, found in losses.items()}
    assert max(last.values()) - min(last.values()) < 1e-6, f"they do not learn the same: {last}"
    print(f"\n| one step, {options.threads} thread(s) | median ms | against eager |\n|:--|--:|--:|")
    for name, median in times.items():
        print(f"| {name} | {median:.3f} | {median / times[EAGER]:.2f} |")
    print(f"ratio {times[STUDENT] / times[EAGER]:.2f}")


if __name__ == "__main__":
    main()
