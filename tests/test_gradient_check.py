"""The gradient checker passes right gradients, catches wrong ones, and says what to do."""

import pytest
import torch

from autodiff_lib.gradient_check import Trial, check_gradient


def values(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def softmax(x: torch.Tensor) -> torch.Tensor:
    return torch.softmax(x, -1)


def softmax_vjp(inputs: list, v: torch.Tensor) -> list:
    y = softmax(*inputs)
    return [y * (v - (v * y).sum(-1, keepdim=True))]


def matmul_vjp(inputs: list, v: torch.Tensor) -> list:
    a, b = inputs
    return [v @ b.T, a.T @ v]


A, B, X, ROW = values(2, 3), values(3, 4, seed=1), values(3, 5), values(5, seed=2)

RIGHT = {
    "sin": (torch.sin, lambda i, v: [v * i[0].cos()], [X]),
    "relu away from 0": (torch.relu, lambda i, v: [v * (i[0] > 0)], [X]),
    "matmul": (torch.matmul, matmul_vjp, [A, B]),
    "broadcast add": (torch.add, lambda i, v: [v, v.sum(0)], [X, ROW]),
    "softmax": (softmax, softmax_vjp, [X]),
    "scalar output": (torch.sum, lambda i, v: [v * torch.ones_like(i[0])], [X]),
    "scalar input": (torch.exp, lambda i, v: [v * i[0].exp()], [values()]),
    "constant": (lambda x: softmax(x).sum(-1), lambda i, v: [torch.zeros_like(i[0])], [X]),
    "masked": (lambda x: x.tril() - 1e9 * torch.ones_like(x).triu(1), lambda i, v: [v.tril()], [X]),
    "large values": (lambda x: x * x, lambda i, v: [2 * i[0] * v], [1e3 * X]),
    "small values": (lambda x: 1e-9 * x.sin(), lambda i, v: [1e-9 * v * i[0].cos()], [X]),
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("seed", range(5))
def test_right_gradients_pass(name, seed) -> None:
    function, vjp, inputs = RIGHT[name]
    trials = check_gradient(function, vjp, *inputs, seed=seed, trials=4)
    assert [t.input for t in trials] == list(range(len(inputs))) * 4
    assert all(t.relative_error <= 1e-5 for t in trials)


WRONG = {
    "sign": (torch.cos, lambda i, v: [v * i[0].sin()], [X], r"input 0 is wrong(.|\n)*-1 times .* sign"),
    "factor": (lambda x: x * x, lambda i, v: [i[0] * v], [X], r"0\.5 times"),
    "zero softmax": (softmax, lambda i, v: [torch.zeros_like(i[0])], [X], "every product is 0"),
    "cotangent ignored": (torch.sin, lambda i, v: [i[0].cos()], [X], "no single factor"),
    "second input only": (torch.matmul, lambda i, v: [v @ i[1].T, -i[0].T @ v], [A, B], "input 1 is wrong"),
    "reduction": (torch.add, lambda i, v: [v, v], [X, ROW], r"input 1 has shape \(3, 5\), expected \(5,\): sum it over the axes"),
    "reduction that keeps the shape": (lambda x, b: x + b, lambda i, v: [v, v[:1]], [X, values(1, 5)], "input 1 is wrong"),
    "transpose": (
        torch.matmul,
        lambda i, v: [i[1] @ v.T, i[0].T @ v],
        [A, B],
        r"input 0 has shape \(3, 2\), expected \(2, 3\): .*transpose",
    ),
    "count": (torch.add, lambda i, v: [v], [X, X], "1 gradients, expected 2"),
    "bare tensor": (torch.sin, lambda i, v: v * i[0].cos(), [X], "returned Tensor, expected a list"),
    "none": (torch.sin, lambda i, v: [None], [X], "gradient of input 0 is NoneType"),
    "float32": (torch.sin, lambda i, v: [(v * i[0].cos()).float()], [X], "gradient of input 0 is torch.float32, expected a torch.float64"),
    "nan": (torch.sin, lambda i, v: [v * torch.nan], [X], "input 0 is wrong"),
    "small and wrong": (lambda x: 1e-9 * x.sin(), lambda i, v: [-1e-9 * v * i[0].cos()], [X], "-1 times"),
    "masked and wrong": (lambda x: x.tril() - 1e9 * torch.ones_like(x).triu(1), lambda i, v: [v], [X], "input 0 is wrong"),
    "kink": (torch.relu, lambda i, v: [v * (i[0] > 0)], [torch.zeros(3, dtype=torch.float64)], "input 0 is wrong"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("seed", range(5))
def test_wrong_gradients_are_caught(name, seed) -> None:
    function, vjp, inputs, message = WRONG[name]
    with pytest.raises(AssertionError, match=message):
        check_gradient(function, vjp, *inputs, seed=seed)


def test_bad_arguments_say_what_to_do() -> None:
    vjp = RIGHT["sin"][1]
    with pytest.raises(TypeError, match=r"input 0 is torch\.float32, expected a torch\.float64 tensor: pass x\.double\(\)"):
        check_gradient(torch.sin, vjp, X.float())
    with pytest.raises(TypeError, match=r"input 1 is int.*belongs inside the function"):
        check_gradient(torch.sum, vjp, X, 1)
    with pytest.raises(TypeError, match=r"output is torch\.float32"):
        check_gradient(lambda x: x.float().sin(), vjp, X)
    with pytest.raises(ValueError, match="0 inputs"):
        check_gradient(torch.sin, vjp)
    with pytest.raises(ValueError, match="trials=0"):
        check_gradient(torch.sin, vjp, X, trials=0)
    with pytest.raises(ValueError, match="inf or nan"):
        check_gradient(torch.log, lambda i, v: [v / i[0]], X)


def test_same_seed_gives_the_same_trials_and_leaves_the_inputs_alone() -> None:
    before = X.clone()

    def vandal(inputs: list, v: torch.Tensor) -> list:
        gradient = v * inputs[0].cos()
        inputs[0].zero_()
        v.zero_()
        return [gradient]

    first = check_gradient(torch.sin, vandal, X, seed=3)
    assert first == check_gradient(torch.sin, RIGHT["sin"][1], X, seed=3) != check_gradient(torch.sin, vandal, X, seed=4)
    assert isinstance(first[0], Trial)
    assert torch.equal(X, before)
