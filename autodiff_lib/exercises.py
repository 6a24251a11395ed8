"""The operators that students write, declared so that graphs can be built before they are written."""

from .graph import declare_exercise

OPERATORS = {
    "01_operators": [
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
    ],
}

for unit, signatures in OPERATORS.items():
    for number, signature in enumerate(signatures, start=1):
        declare_exercise(signature, unit, number)
