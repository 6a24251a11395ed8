"""Mistakes of unit 7."""

from __future__ import annotations

from autodiff_lib.units.tape.unit import UNIT

from .. import mistakes_of

mistake = mistakes_of(UNIT.name)

ADD_OPERATION = [
    mistake(
        "add_operation",
        "spots-for-gradients-handed-in-alone",
        "spots are made for the inputs whose gradients are handed in, and for no others",
        "Of two inputs, one has None for its gradient. Who keeps the gradient of that one, and who keeps the other's?",
        ("if handed_in is None:", "if handed_in is not None:"),
    ),
]

BACKWARD = [
    mistake(
        "backward",
        "walk-from-the-beginning",
        "the tape is walked from its beginning",
        "Three entries follow one another. Of which output is the gradient known before you begin?",
        ("in reversed(self.operation_list)", "in self.operation_list"),
    ),
    mistake(
        "backward",
        "bare-gradient-taken-apart",
        "a gradient that comes bare is taken apart into its rows",
        "A function of one input may return its gradient without brackets. What is element 0 of an array with three rows?",
        (
            "if not isinstance(gradients, tuple | list):\n            gradients = [gradients]  # of a single input, without brackets",
            "gradients = gradients[: len(entry.inputs)]",
        ),
    ),
]

SUB_BACKWARD = [
    mistake(
        "sub_backward",
        "sign-forgotten",
        "the gradient of b has the sign of a's",
        "What happens to a - b when b grows?",
        ("unbroadcast(-grad_output, b.shape)", "unbroadcast(grad_output, b.shape)"),
    ),
]

SIGMOID = [
    mistake(
        "Sigmoid",
        "grad-output-forgotten",
        "what comes in from above is not used in the backward function",
        "Let 2 come in instead of 1: what must happen to what comes back?",
        ("return grad_output * y * (1 - y)", "return y * (1 - y)"),
    ),
]

MISTAKES = [*ADD_OPERATION, *BACKWARD, *SUB_BACKWARD, *SIGMOID]

TYPICAL = [
    f"{UNIT.name}.backward-bare-gradient-taken-apart",
    f"{UNIT.name}.sub_backward-sign-forgotten",
    f"{UNIT.name}.Sigmoid-grad-output-forgotten",
]
"""Of the student who makes several."""
