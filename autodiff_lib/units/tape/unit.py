"""The tape: operations recorded in a list, and backward functions on arrays."""

from .. import Unit

UNIT = Unit(
    name="07_tape",
    notebook="tape.ipynb",
    lectures=("00_derivatives", "01_computational_graphs"),
    hours=(6, 10),
    functions=(
        "add_operation", "backward",
        "sub_backward", "matmul_backward", "mul_backward", "div_backward", "log_backward", "exp_backward", "outer_backward",
        "Linear", "Identity", "Sigmoid", "ReLU", "Tanh", "SoftmaxCrossEntropy",
    ),
    further=("sum_backward", "max_backward", "MSELoss", "TokenBuffer", "MLP"),
    groups={
        "autograd": ("add_operation", "backward", "TokenBuffer"),
        "operations": (
            "sub_backward", "matmul_backward", "mul_backward", "div_backward", "log_backward", "exp_backward", "outer_backward",
            "sum_backward", "max_backward",
        ),
        "linear": ("Linear",),
        "activation": ("Identity", "Sigmoid", "ReLU", "Tanh"),
        "loss": ("SoftmaxCrossEntropy", "MSELoss"),
    },
    own_names=True,
    extra=frozenset({"outer_backward"}),
    ready_made={
        "Sigmoid": frozenset({"expit", "logistic"}),
        "SoftmaxCrossEntropy": frozenset({"softmax", "log_softmax", "cross_entropy", "logsumexp"}),
    },
    refused=frozenset({"torch", "sklearn"}),
)  # fmt: skip
