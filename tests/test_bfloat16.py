"""bfloat16: the same numbers as torch's on every way, and functions on tensors of it are asked and judged like any other."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autodiff_lib import bfloat16, registry
from autodiff_lib.checks import forms, probe, wire
from autodiff_lib.checks.question import Answer
from autodiff_lib.kinds.function.judge import ArrayCase, judge_call
from autodiff_lib.kinds.operator.judge import ComputeCase

NUMBERS = arrays(np.float32, array_shapes(min_dims=0, max_dims=3), elements=st.floats(width=32))


@settings(deadline=None)
@given(NUMBERS)
def test_it_is_rounded_as_torch_does_and_widened_exactly(numbers):
    array = bfloat16.rounded(numbers, "bfloat16")
    tensor = torch.from_numpy(numbers).to(torch.bfloat16)
    assert (array.shape, array.dtype, array.nbytes) == (numbers.shape, bfloat16.BFLOAT16, 2 * numbers.size)
    np.testing.assert_array_equal(bfloat16.widened(array), tensor.float().numpy())
    torch.testing.assert_close(bfloat16.as_tensor(array), tensor, rtol=0, atol=0, equal_nan=True)
    assert bfloat16.as_array(bfloat16.as_tensor(array)).tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "bool"])
def test_any_other_dtype_goes_through_as_it_is(dtype):
    array = np.array([[0, 1], [2, 3]]).astype(dtype)
    assert bfloat16.widened(array) is array
    assert bfloat16.name_of(array.dtype) == dtype
    back = bfloat16.as_array(bfloat16.as_tensor(array))
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array)


def test_a_tensor_that_is_a_part_of_another_keeps_its_shape_and_numbers():
    tensor = torch.arange(24.0).reshape(4, 6).to(torch.bfloat16)[::2, 1::2].T.requires_grad_()
    np.testing.assert_array_equal(bfloat16.widened(bfloat16.as_array(tensor)), tensor.detach().float().numpy())


def scaled(values, factor):
    return values * factor


def changes(values, factor):
    values += 1
    return (values - 1) * factor


FUNCTIONS = {
    "right": (scaled, None),
    "right, in parts": (lambda values, factor: torch.stack([row * factor for row in values]), None),
    "wrong": (lambda values, factor: values / factor, "The value is wrong."),
    "wrong by more than rounding": (lambda values, factor: 1.2 * values * factor, "The value is wrong."),
    "in float32": (lambda values, factor: values.float() * factor, "The value has dtype float32 for bfloat16 inputs."),
    "in float16": (lambda values, factor: values.half() * factor, "The value has dtype float16 for bfloat16 inputs."),
    "changes its argument": (changes, "Argument 1 was changed."),
    "an array": (lambda values, factor: values.float().numpy(), "f must return tensors, got ndarray of shape (3, 4)"),
    "nothing": (lambda values, factor: None, "f must return tensors, got None (is there a return?)"),
}


def judged(function, case):
    """What the judge says of a function whose answer has crossed the wire, and the answer."""
    with registry.restored({"f": function}):
        ask = wire.unpack(wire.pack_ask(case.ask(), 1))
        answer = wire.unpack_answer(wire.pack_answer(probe.run(probe.Ask(ask[0]["probe"], ask[0]["settings"], ask[1])), 1), 1)
    if answer.problem is not None:
        return answer.problem.message
    failure = forms.misformed(case, answer) or judge_call(case, answer)
    return None if failure is None else failure.message


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_on_tensors_is_judged_in_bfloat16(name):
    function, said = FUNCTIONS[name]
    case = ArrayCase("f", scaled, ((3, 4),), {"factor": 3}, dtype="bfloat16", tensors=True)
    assert judged(function, case) == said


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_function_on_tensors_is_judged_in_any_other_dtype_too(dtype):
    case = ArrayCase("f", scaled, ((3, 4),), {"factor": 3}, dtype=dtype, tensors=True)
    assert judged(scaled, case) is None
    narrow = judged(lambda values, factor: (values * factor).to(torch.bfloat16), case)
    assert narrow in ("The value is wrong.", f"The value has dtype bfloat16 for {dtype} inputs.")


def test_what_is_shown_of_a_failure_are_numbers():
    case = ArrayCase("f", scaled, ((3, 4),), {"factor": 3}, dtype="bfloat16", tensors=True)
    failure = judge_call(case, Answer((bfloat16.rounded(case.wanted[0] / 2, "bfloat16"),), facts={"changed": []}))
    assert {array.dtype.name for array in (failure.got, *failure.inputs.values())} == {"float32"}
    assert "factor" in failure.hint


def test_a_judge_that_does_not_know_it_is_not_sent_any():
    case = ComputeCase("relu", ((3, 4),))
    answer = Answer((bfloat16.rounded(np.ones((3, 4)), "bfloat16"),), facts={"changed": []})
    assert forms.misformed(case, answer).reason == "tampered"
