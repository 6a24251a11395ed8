"""What students write, declared so that graphs can be built, and errors can say what to do, before it is written."""

from .graph import declare_function, declare_operator

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

FUNCTIONS = {
    "02_evaluator": ["topological_order", "Evaluator", "gradients", "FrugalEvaluator"],
    "03_transformer_lm": ["causal_self_attention", "decoder_layer", "transformer_lm", "cross_entropy_loss", "sgd_epoch", "generate"],
}

for unit, signatures in OPERATORS.items():
    for number, signature in enumerate(signatures, start=1):
        declare_operator(signature, unit, number)

for unit, names in FUNCTIONS.items():
    for number, name in enumerate(names, start=1):
        declare_function(name, unit, number)
