"""Eager tensors: the same operators, run as one writes."""

from .. import Unit

UNIT = Unit(
    name="06_eager_tensor",
    notebook="eager_tensor.ipynb",
    needs=("01_operators", "02_evaluator"),
    lectures=("00_derivatives", "01_computational_graphs"),
    hours=(8, 12),
    operators=(
        "PowerScalar(a, /, scalar)",
        "EWisePow(a, b, /)",
        "EWiseDiv(a, b, /)",
        "DivScalar(a, /, scalar)",
        "MatMul(a, b, /)",
        "Summation(a, /, axes=None)",
        "BroadcastTo(a, /, shape)",
        "Reshape(a, /, shape)",
        "Negate(a, /)",
        "Transpose(a, /, axes=None)",
        "Log(a, /)",
        "Exp(a, /)",
        "ReLU(a, /)",
    ),
    functions=(
        "make_from_op",
        "realize_cached_data",
        "detach",
        "find_topo_sort",
        "compute_gradient_of_variables",
        "backward",
        "gradient_check",
        "softmax_loss",
        "nn_epoch",
    ),
    order=(
        "realize_cached_data", "detach", "make_from_op",
        "Negate", "PowerScalar", "DivScalar", "EWiseDiv", "Log", "Exp", "EWisePow", "ReLU",
        "Reshape", "Transpose", "BroadcastTo", "Summation", "MatMul",
        "find_topo_sort", "compute_gradient_of_variables", "backward",
        "gradient_check", "softmax_loss", "nn_epoch",
    ),
    own_names=True,
    ready_made={
        "softmax_loss": frozenset({"cross_entropy", "CrossEntropyLoss", "log_softmax", "softmax", "logsumexp", "nll_loss"}),
        "gradient_check": frozenset({"gradcheck", "gradgradcheck"}),
    },
)  # fmt: skip
