"""Mistakes of unit 1."""

from __future__ import annotations

from .mistake import Mistake

UNIT = "01_operators"


def mistake(exercise: str, slug: str, what: str, *edits: tuple[str, str]) -> Mistake:
    return Mistake(f"{exercise}-{slug}", UNIT, exercise, what, edits)


MISTAKES = [
    mistake("div", "numerator-unreduced", "the numerator's gradient is not summed over stretched axes", ("ad.unbroadcast(output_grad / b, a)", "output_grad / b")),
    mistake("div", "denominator-unreduced", "the denominator's gradient is not summed over stretched axes", ("ad.unbroadcast(-output_grad * node / b, b)", "-output_grad * node / b")),
    mistake("div", "sign", "the denominator's gradient has the wrong sign", ("-output_grad * node", "output_grad * node")),
    mistake("div", "square-forgotten", "the denominator's gradient divides by b, not by its square", ("-output_grad * node / b", "-output_grad * a / b")),
    mistake("div", "swapped", "the two gradients are in the wrong order", ("[ad.unbroadcast(output_grad / b, a), ad.unbroadcast(-output_grad * node / b, b)]", "[ad.unbroadcast(-output_grad * node / b, b), ad.unbroadcast(output_grad / b, a)]")),
    mistake("div_by_const", "multiplied", "the gradient is multiplied by the constant", ("output_grad / node.c", "output_grad * node.c")),
    mistake("div_by_const", "passed-through", "the gradient ignores the constant", ("[output_grad / node.c]", "[output_grad]")),
    mistake("div_by_const", "floor", "integer division", ("inputs[0] / node.c", "inputs[0] // node.c")),
    mistake("transpose", "identity-gradient", "the gradient is not transposed back", ("[ad.transpose(output_grad, node.dim0, node.dim1)]", "[output_grad]")),
    mistake("transpose", "first-two-axes", "the gradient always swaps axes 0 and 1", ("output_grad, node.dim0, node.dim1", "output_grad, 0, 1")),
    mistake("transpose", "all-axes", "compute reverses all axes", ("inputs[0].transpose(node.dim0, node.dim1)", "inputs[0].permute(*reversed(range(inputs[0].ndim)))")),
    mistake("relu", "sign-gate", "the gradient looks at output_grad's sign, not at the input's", ("ad.greater(a, ad.zeros_like(a))", "ad.greater(output_grad, ad.zeros_like(a))")),
    mistake("relu", "no-gate", "the gradient passes everywhere", ("[output_grad * ad.greater(a, ad.zeros_like(a))]", "[output_grad]")),
    mistake("relu", "upstream-forgotten", "the gradient forgets output_grad", ("output_grad * ad.greater", "ad.greater")),
    mistake("relu", "in-place", "compute overwrites its input", ("inputs[0].clamp(min=0)", "inputs[0].clamp_(min=0)")),
    mistake("sqrt", "half-forgotten", "the factor one half is missing", ("output_grad / (2 * node)", "output_grad / node")),
    mistake("sqrt", "of-input", "divides by the input, not by its root", ("2 * node", "2 * node.inputs[0]")),
    mistake("power", "factor-forgotten", "the exponent is missing as a factor", ("node.exponent * a **", "a **")),
    mistake("power", "exponent-kept", "the exponent is not reduced by one", ("(node.exponent - 1)", "node.exponent")),
    mistake("power", "always-two", "only right for squares", ("node.exponent * a ** (node.exponent - 1)", "2 * a")),
    mistake("mean", "count-forgotten", "the gradient is that of a sum", ("output_grad / count", "output_grad")),
    mistake("mean", "keepdim-ignored", "compute ignores keepdim", ("inputs[0].mean(node.dim, keepdim=node.keepdim)", "inputs[0].mean(node.dim)")),
    mistake("mean", "not-stretched", "the gradient keeps the shape of the mean", ("ad.expand_as(output_grad / count, a, dim=vanished)", "output_grad / count")),
    mistake("matmul", "unreduced", "gradients of broadcast operands keep the batch axes", ("ad.unbroadcast(grad_a, a), ad.unbroadcast(grad_b, b)", "grad_a, grad_b")),
    mistake("matmul", "first-two-axes", "transposes the first two axes, not the last two", ("-2, -1", "0, 1")),
    mistake("matmul", "swapped", "the two gradients are in the wrong order", ("[ad.unbroadcast(grad_a, a), ad.unbroadcast(grad_b, b)]", "[ad.unbroadcast(grad_b, b), ad.unbroadcast(grad_a, a)]")),
    mistake("matmul", "factors-exchanged", "the factors of the first gradient are exchanged", ("output_grad @ ad.transpose(b, -2, -1)", "ad.transpose(b, -2, -1) @ output_grad")),
    mistake("matmul", "elementwise", "compute multiplies element by element", ("left @ right", "left * right")),
    mistake("softmax", "unstable", "compute does not subtract the maximum", ("a - a.amax(node.dim, keepdim=True)", "a")),
    mistake("softmax", "global-maximum", "one maximum is subtracted for the whole tensor", ("a.amax(node.dim, keepdim=True)", "a.max()")),
    mistake("softmax", "last-axis", "compute ignores dim", ("powers.sum(node.dim", "powers.sum(-1")),
    mistake("softmax", "diagonal", "the gradient has the Jacobian's diagonal only", ("node * (output_grad - average)", "output_grad * node * (1 - node)")),
    mistake("softmax", "outer-term-forgotten", "the gradient forgets the second term", ("output_grad - average", "output_grad")),
    mistake("softmax", "unweighted-average", "the sum in the gradient is not weighted by the probabilities", ("ad.sum_op(output_grad * node,", "ad.sum_op(output_grad,")),
    mistake("softmax", "gradient-last-axis", "the gradient sums over the last axis only", ("* node, dim=node.dim", "* node, dim=-1")),
    mistake("layernorm", "unbiased", "the variance divides by n - 1", ("(centred**2).mean(dim, keepdim=True)", "a.var(dim, keepdim=True)")),
    mistake("layernorm", "eps-outside", "eps is added to the standard deviation, outside of the root", ("torch.sqrt(variance + node.eps)", "(torch.sqrt(variance) + node.eps)")),
    mistake("layernorm", "eps-forgotten", "eps is ignored", ("variance + node.eps", "variance")),
    mistake("layernorm", "last-axis-only", "only the last axis is normalised", ("tuple(range(-len(node.normalized_shape), 0))", "(-1,)")),
    mistake("layernorm", "constant-statistics", "mean and deviation are taken for constants", ("(output_grad - through_mean - through_sigma) / sigma", "output_grad / sigma")),
    mistake("layernorm", "constant-deviation", "the deviation is taken for a constant", (" - through_sigma", "")),
    mistake("layernorm", "constant-mean", "the mean is taken for a constant", (" - through_mean", "")),
]  # fmt: skip
