"""Mistakes of unit 6."""

from __future__ import annotations

from autodiff_lib.units.eager_tensor.unit import UNIT

from .. import mistakes_of

mistake = mistakes_of(UNIT.name)

# --- how tensors come about

MAKING = [
    mistake(
        "make_from_op",
        "never-lazy",
        "lazy mode changes nothing",
        "Count how often an operator computes while lazy mode is on and nobody has asked for a value.",
        ("    if lazy_mode.get():\n        return tensor\n", ""),
    ),
]

# --- operators

POWER_SCALAR = [
    mistake(
        "PowerScalar",
        "power-of-output-grad",
        "the gradient raises output_grad to the power, in the place of a",
        "Which of the two was raised to a power on the way forward: a, or the gradient that comes from above?",
        ("output_grad * (node.scalar * ad.PowerScalar(a, node.scalar - 1))", "node.scalar * ad.PowerScalar(output_grad, node.scalar - 1)"),
    ),
]

RELU = [
    mistake(
        "ReLU",
        "mask-of-numbers",
        "the gradient holds a mask that was read off the numbers of a",
        "Your mask is made of numbers. What would it be in a graph that is only declared?",
        ("output_grad * ad.greater(a, ad.zeros_like(a))", "output_grad * Tensor((a > 0).to(a.dtype), requires_grad=False)"),
    ),
]

MATMUL = [
    mistake(
        "MatMul",
        "batches-not-summed",
        "gradients keep the batch axes along which an operand was stretched",
        "Write the shape of each operand beside that of its gradient: which axes does the gradient have too many?",
        ("[ad.unbroadcast(to_a, a), ad.unbroadcast(to_b, b)]", "[to_a, to_b]"),
    ),
]

# --- training

NN_EPOCH = [
    mistake(
        "nn_epoch",
        "last-batch-forgotten",
        "the last batch is left out where it is smaller",
        "Which rows does the last turn of your loop take, and are there any after them?",
        ("range(0, len(X), batch)", "range(0, len(X) - batch + 1, batch)"),
    ),
]

MISTAKES = [*MAKING, *POWER_SCALAR, *RELU, *MATMUL, *NN_EPOCH]

TYPICAL = ["PowerScalar-power-of-output-grad", f"{UNIT.name}.nn_epoch-last-batch-forgotten"]
"""Of the student who makes several."""
