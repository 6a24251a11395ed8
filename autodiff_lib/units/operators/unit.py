"""Operators: `compute` and `gradient` of ten of them."""

from .. import Unit

UNIT = Unit(
    name="01_operators",
    notebook="operators.ipynb",
    lectures=("00_warm_up", "00_derivatives", "02_broadcasting"),
    hours=(5, 9),
    operators=(
        "div(a, b, /)",
        "div_by_const(a, /, c)",
        "transpose(a, /, dim0, dim1)",
        "relu(a, /)",
        "sqrt(a, /)",
        "power(a, /, exponent)",
        "mean(a, /, dim, keepdim=False)",
        "matmul(a, b, /)",
        "softmax(a, /, dim=-1)",
        "layernorm(a, /, normalized_shape, eps=1e-5)",
    ),
    further=("logsumexp(a, /, dim)",),
    ready_made={
        "logsumexp": frozenset({"logsumexp", "logaddexp", "log_softmax"}),
        "softmax": frozenset({"softmax", "log_softmax", "softmin", "_softmax", "Softmax", "LogSoftmax", "scaled_dot_product_attention"}),
        "layernorm": frozenset({"layer_norm", "native_layer_norm", "LayerNorm", "group_norm", "GroupNorm", "batch_norm", "instance_norm"}),
    },
)
