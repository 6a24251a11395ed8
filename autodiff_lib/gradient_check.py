"""Is a gradient right? Compare it with central differences, along random directions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

EPS = torch.finfo(torch.float64).eps


@dataclass(frozen=True)
class Trial:
    """One direction in one input: the two numbers that a right gradient makes equal."""

    input: int  # which input moved; the others stood still
    difference: float  # <v, J u>, from two evaluations of the function
    product: float  # <J^T v, u>, from the gradient under test
    relative_error: float


def check_gradient(
    function: Callable[..., Tensor],
    vjp: Callable[[list[Tensor], Tensor], Sequence[Tensor]],
    *inputs: Tensor,
    seed: int = 0,
    step: float = 1e-6,
    trials: int = 3,
    tolerance: float = 1e-5,
) -> list[Trial]:
    """Compare <v, J u>, by central differences, with <J^T v, u>, by `vjp`, for every input in turn.

    function(*inputs) -> output, a tensor of any shape.
    vjp(inputs, output_grad) -> one gradient for each input. output_grad is the cotangent v and has the
    shape of the output; gradient i is J^T v for input i and has the shape of input i.

    Each trial draws v and, for each input x, a tangent u of the shape of x, both normal from `seed`, then asks

        <v, function(x + step u) - function(x - step u)> / (2 step)  =  <J^T v, u>

    Returns the trials, `trials` of them for each input. The error is relative to the larger of |<v, J u>| and
    the norm of J^T v, which is the typical size of <J^T v, u>.

    Raises AssertionError if a gradient is wrong, has the wrong shape or dtype, or is missing; TypeError if an
    input or the output is not a float64 tensor; ValueError if there is nothing to check, or the output is not finite.
    The function must be smooth within about `step` of the inputs: at a kink (relu at 0) no gradient passes.
    """
    if not inputs or trials < 1:
        raise ValueError(f"got {len(inputs)} inputs and trials={trials}, expected at least 1 of each: nothing would be checked")
    for i, x in enumerate(inputs):
        advice = "pass x.double(); an argument that is not differentiated, such as an index, belongs inside the function"
        _require_float64(x, f"input {i}", TypeError, advice)
    inputs = tuple(x.detach().clone() for x in inputs)
    output = function(*inputs)
    _require_float64(output, "the function's output", TypeError, "return one tensor, computed in the dtype of the inputs")
    if not output.isfinite().all():
        raise ValueError("the function's output has inf or nan, expected finite numbers: check it at other inputs")

    generator = torch.Generator().manual_seed(seed)
    result: list[Trial] = []
    for _ in range(trials):
        v = torch.randn(output.shape, generator=generator, dtype=torch.float64)
        gradients = vjp([x.clone() for x in inputs], v.clone())
        _require_gradients(gradients, inputs)
        for i, (x, gradient) in enumerate(zip(inputs, gradients, strict=True)):
            u = torch.randn(x.shape, generator=generator, dtype=torch.float64)
            ahead, behind = (function(*inputs[:i], x + h * u, *inputs[i + 1 :]) for h in (step, -step))
            difference = float((v * (ahead - behind)).sum()) / (2 * step)
            product = float((gradient * u).sum())
            # Rounding the outputs that moved shifts the difference by about this much; a right gradient of 0 must not fail for it.
            rounding = 10 * EPS * float((v * output)[ahead != behind].abs().sum()) / step
            scale = max(abs(difference), float(gradient.norm()), rounding / tolerance) or 1.0
            result.append(Trial(i, difference, product, abs(difference - product) / scale))
    for i in range(len(inputs)):
        _require_agreement([trial for trial in result if trial.input == i], tolerance)
    return result


def _require_float64(value: object, name: str, error: type[Exception], advice: str) -> None:
    got = value.dtype if isinstance(value, Tensor) else type(value).__name__
    if got != torch.float64:
        raise error(f"{name} is {got}, expected a torch.float64 tensor: {advice}")


def _require_gradients(gradients: Sequence[Tensor], inputs: tuple[Tensor, ...]) -> None:
    if not isinstance(gradients, list | tuple):
        raise AssertionError(f"vjp returned {type(gradients).__name__}, expected a list: put the gradient in brackets, even if it is alone")
    if len(gradients) != len(inputs):
        raise AssertionError(f"vjp returned {len(gradients)} gradients, expected {len(inputs)}: return one for each input, in their order")
    for i, (x, gradient) in enumerate(zip(inputs, gradients, strict=True)):
        _require_float64(gradient, f"gradient of input {i}", AssertionError, "return a tensor, computed in the dtype of output_grad")
        if gradient.shape != x.shape:
            advice = (
                "sum it over the axes along which the input was broadcast"
                if gradient.numel() > x.numel()
                else "look for a transpose, or a sum too many"
            )
            raise AssertionError(f"gradient of input {i} has shape {tuple(gradient.shape)}, expected {tuple(x.shape)}: {advice}")


def _require_agreement(trials: list[Trial], tolerance: float) -> None:
    if all(t.relative_error <= tolerance for t in trials):  # never true of nan
        return
    rows = "\n".join(f"  {t.difference:+.6g} by differences, {t.product:+.6g} by vjp" for t in trials)
    raise AssertionError(f"gradient of input {trials[0].input} is wrong:\n{rows}\n{_advice(trials, tolerance)}")


def _advice(trials: list[Trial], tolerance: float) -> str:
    if all(t.product == 0 for t in trials):
        return "every product is 0: vjp returns zeros, or a gradient that does not reach this input"
    ratios = [t.product / t.difference if t.difference else float("nan") for t in trials]
    if len(ratios) > 1 and max(ratios) - min(ratios) <= 100 * tolerance * abs(ratios[0]):
        return f"vjp is {ratios[0]:.4g} times the differences in every trial: look for that factor, or for a sign"
    return "no single factor explains it: compare vjp with the formula term by term, or look for a kink (relu at 0) near the inputs"
