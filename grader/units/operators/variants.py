"""Variants of unit 1."""

from __future__ import annotations

from autodiff_lib.units.operators.unit import UNIT

from .. import variants_of

variant = variants_of(UNIT.name)

DIV = [
    variant(
        "div",
        "negative-powers",
        "fractions are written as negative powers, and the gradients come in a tuple",
        """
        @ad.operator("div(a, b, /)")
        class DivOp(ad.Op):
            def compute(self, node, inputs):
                return torch.mul(inputs[0], torch.reciprocal(inputs[1]))

            def gradient(self, node, output_grad):
                top, bottom = node.inputs
                by_top = output_grad * bottom**-1
                by_bottom = output_grad * top * bottom**-2 * -1
                return ad.unbroadcast(by_top, top), ad.unbroadcast(by_bottom, bottom)
        """,
    ),
    variant(
        "div",
        "named-operators",
        "the gradient is built by calling operators, with types and a helper in a cell of its own",
        '''
        def shaped_like(grad: ad.Node, operand: ad.Node) -> ad.Node:
            """A stretched operand collects what its copies received."""
            return ad.unbroadcast(grad, operand)
        ''',
        '''
        @ad.operator("div(a, b, /)")
        class DivOp(ad.Op):
            """a / b, element by element; the shapes broadcast."""

            def compute(self, node: ad.Node, inputs: list[torch.Tensor]) -> torch.Tensor:
                return torch.div(*inputs)

            def gradient(self, node: ad.Node, output_grad: ad.Node) -> list[ad.Node]:
                a, b = node.inputs
                minus_a_over_b_squared = ad.div(ad.mul_by_const(a, -1), ad.mul(b, b))
                return [shaped_like(ad.div(output_grad, b), a), shaped_like(ad.mul(output_grad, minus_a_over_b_squared), b)]
        ''',
    ),
    variant(
        "div",
        "one-reciprocal",
        "one node for 1 / b stands in both gradients",
        """
        @ad.operator("div(a, b, /)")
        class DivOp(ad.Op):
            def compute(self, node, inputs):
                return inputs[0].true_divide(inputs[1])

            def gradient(self, node, output_grad):
                a, b = node.inputs
                share = output_grad * (1 / b)
                return [ad.unbroadcast(share, a), ad.unbroadcast(0 - share * node, b)]
        """,
    ),
]

DIV_BY_CONST = [
    variant(
        "div_by_const",
        "times-the-reciprocal",
        "multiplies by one over the constant, in both methods",
        '''
        @ad.operator("div_by_const(a, /, c)")
        class DivByConstOp(ad.Op):
            """a / c, for a number c."""

            def compute(self, node, inputs):
                return inputs[0] * (1 / node.c)

            def gradient(self, node, output_grad):
                return [output_grad * (1 / node.c)]
        ''',
    ),
    variant(
        "div_by_const",
        "attrs-read-by-key",
        "reads the constant from the dictionary of attributes, and prints what it does",
        '''
        @ad.operator("div_by_const(a, /, c)")
        class DivByConstOp(ad.Op):
            """a / c, for a number c."""

            def compute(self, node, inputs):
                (a,) = inputs
                divisor = node.attrs["c"]
                print("dividing by", divisor)  # seems to work!
                result = torch.true_divide(a, divisor)
                return result

            def gradient(self, node, output_grad):
                divisor = node.attrs["c"]
                grad_a = ad.div_by_const(output_grad, divisor)
                return (grad_a,)
        ''',
    ),
]

TRANSPOSE = [
    variant(
        "transpose",
        "axes-exchanged",
        "swaps axes by another name, and back with the axes in the other order",
        '''
        @ad.operator("transpose(a, /, dim0, dim1)")
        class TransposeOp(ad.Op):
            """a with the axes dim0 and dim1 swapped."""

            def compute(self, node, inputs):
                return inputs[0].swapaxes(node.dim0, node.dim1)

            def gradient(self, node, output_grad):
                return [ad.transpose(output_grad, node.dim1, node.dim0)]
        ''',
    ),
    variant(
        "transpose",
        "permuted",
        "writes the order of all axes down and permutes them",
        '''
        @ad.operator("transpose(a, /, dim0, dim1)")
        class TransposeOp(ad.Op):
            """a with the axes dim0 and dim1 swapped."""

            def compute(self, node, inputs):
                a = inputs[0]
                axes = list(range(a.dim()))
                axes[node.dim0], axes[node.dim1] = axes[node.dim1], axes[node.dim0]
                return torch.permute(a, axes).contiguous()

            def gradient(self, node, output_grad):
                # swapping twice is the identity
                return [ad.transpose(output_grad, dim0=node.dim0, dim1=node.dim1)]
        ''',
    ),
    variant(
        "transpose",
        "einsum",
        "names the axes by letters and leaves the rest to einsum",
        """
        @ad.operator("transpose(a, /, dim0, dim1)")
        class TransposeOp(ad.Op):
            def compute(self, node, inputs):
                before = list("abcdefgh"[: inputs[0].ndim])
                after = before.copy()
                after[node.dim0], after[node.dim1] = before[node.dim1], before[node.dim0]
                return torch.einsum(f"{''.join(before)}->{''.join(after)}", inputs[0])

            def gradient(self, node, output_grad):
                return [ad.transpose(output_grad, **node.attrs)]
        """,
    ),
]

RELU = [
    variant(
        "relu",
        "gate-of-the-output",
        "computes with where, and reads the gate off the output: the slope at 0 is 0",
        '''
        @ad.operator("relu(a, /)")
        class ReLUOp(ad.Op):
            """max(a, 0), element by element."""

            def compute(self, node, inputs):
                return torch.where(inputs[0] > 0, inputs[0], torch.zeros_like(inputs[0]))

            def gradient(self, node, output_grad):
                return [ad.greater(node, ad.zeros_like(node)) * output_grad]
        ''',
    ),
    variant(
        "relu",
        "slope-one-at-zero",
        "the slope at 0 is 1",
        '''
        @ad.operator("relu(a, /)")
        class ReLUOp(ad.Op):
            """max(a, 0), element by element."""

            def compute(self, node, inputs):
                return torch.maximum(inputs[0], torch.zeros_like(inputs[0]))

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                negative = ad.greater(ad.zeros_like(a), a)
                return [output_grad - output_grad * negative]
        ''',
    ),
    variant(
        "relu",
        "slope-half-at-zero",
        "half the sum of a and its absolute value; the slope at 0 is one half",
        '''
        @ad.operator("relu(a, /)")
        class ReLUOp(ad.Op):
            """max(a, 0), element by element."""

            def compute(self, node, inputs):
                (a,) = inputs
                return (a + a.abs()) / 2

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                zero = ad.zeros_like(a)
                sign = ad.greater(a, zero) - ad.greater(zero, a)
                return [output_grad * (1 + sign) / 2]
        ''',
    ),
    variant(
        "relu",
        "entries-set-to-zero",
        "sets entries of a copy to zero",
        '''
        @ad.operator("relu(a, /)")
        class ReLUOp(ad.Op):
            """max(a, 0), element by element."""

            def compute(self, node, inputs):
                result = inputs[0].clone()
                result[result < 0] = 0
                return result

            def gradient(self, node, output_grad):
                a = node.inputs[0]
                is_positive = ad.greater(a, a * 0)
                return [is_positive * output_grad]
        ''',
    ),
    variant(
        "relu",
        "product-with-its-sign",
        "multiplies by whether an entry is positive, in both methods, where zero stands on the left in the gradient",
        """
        @ad.operator("relu(a, /)")
        class ReLUOp(ad.Op):
            def compute(self, node, inputs):
                (a,) = inputs
                return a * (a > 0).to(a.dtype)

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                is_negative = ad.greater(a * 0, a)
                return [output_grad - output_grad * is_negative]
        """,
    ),
]

SQRT = [
    variant(
        "sqrt",
        "as-a-power",
        "the root is the power one half, in both methods",
        '''
        @ad.operator("sqrt(a, /)")
        class SqrtOp(ad.Op):
            """The square root of positive numbers."""

            def compute(self, node, inputs):
                return inputs[0] ** 0.5

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                return [0.5 * output_grad * ad.power(a, -0.5)]
        ''',
    ),
    variant(
        "sqrt",
        "through-the-logarithm",
        "the root is the exponential of half the logarithm",
        '''
        @ad.operator("sqrt(a, /)")
        class SqrtOp(ad.Op):
            """The square root of positive numbers."""

            def compute(self, node, inputs):
                return torch.exp(0.5 * torch.log(inputs[0]))

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                one_over_root = ad.exp(-0.5 * ad.log(a))
                return [output_grad * one_over_root / 2]
        ''',
    ),
    variant(
        "sqrt",
        "root-taken-again",
        "the gradient takes the root of its input again, rather than reuse the node",
        '''
        @ad.operator("sqrt(a, /)")
        class SqrtOp(ad.Op):
            """The square root of positive numbers."""

            def compute(self, node, inputs):
                return inputs[0].sqrt()

            def gradient(self, node, output_grad):
                root = ad.sqrt(node.inputs[0])
                return [output_grad / (root + root)]
        ''',
    ),
    variant(
        "sqrt",
        "through-rsqrt",
        "multiplies by one over the root; the gradient is half the output over the input",
        """
        @ad.operator("sqrt(a, /)")
        class SqrtOp(ad.Op):
            def compute(self, node, inputs):
                return inputs[0] * torch.rsqrt(inputs[0])

            def gradient(self, node, output_grad):
                return [output_grad * node / node.inputs[0] * 0.5]
        """,
    ),
]

POWER = [
    variant(
        "power",
        "named-operators",
        "calls operators by name",
        '''
        @ad.operator("power(a, /, exponent)")
        class PowerOp(ad.Op):
            """a to the power of a number."""

            def compute(self, node, inputs):
                return torch.pow(inputs[0], node.exponent)

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                n = node.attrs["exponent"]
                slope = ad.mul_by_const(ad.power(a, n - 1), n)
                return [ad.mul(slope, output_grad)]
        ''',
    ),
    variant(
        "power",
        "exponent-one-apart",
        "takes the exponent 1 apart, where the gradient passes as it is",
        '''
        @ad.operator("power(a, /, exponent)")
        class PowerOp(ad.Op):
            """a to the power of a number."""

            def compute(self, node, inputs):
                return inputs[0].pow(node.exponent)

            def gradient(self, node, output_grad):
                if node.exponent == 1:
                    return [output_grad]
                return [output_grad * node.exponent * node.inputs[0] ** (node.exponent - 1)]
        ''',
    ),
    variant(
        "power",
        "exponent-zero-apart",
        "takes the exponent 0 apart, where the gradient is zeros whatever arrives from above",
        '''
        @ad.operator("power(a, /, exponent)")
        class PowerOp(ad.Op):
            """a to the power of a number."""

            def compute(self, node, inputs):
                return inputs[0] ** node.exponent

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                if node.exponent == 0:  # a constant
                    return [ad.zeros_like(a)]
                return [output_grad * node.exponent * a ** (node.exponent - 1)]
        ''',
    ),
    variant(
        "power",
        "written-out-for-whole-exponents",
        "multiplies step by step where the exponent is a small whole number",
        """
        @ad.operator("power(a, /, exponent)")
        class PowerOp(ad.Op):
            def compute(self, node, inputs):
                n = node.exponent
                if not (isinstance(n, int) and 0 <= n <= 8):
                    return torch.pow(inputs[0], n)
                result = torch.ones_like(inputs[0])
                for _ in range(n):
                    result = result * inputs[0]
                return result

            def gradient(self, node, output_grad):
                base, n = node.inputs[0], node.exponent
                return [ad.mul_by_const(ad.mul(ad.power(base, n - 1), output_grad), n)]
        """,
    ),
]

MEAN = [
    variant(
        "mean",
        "sum-over-count",
        "the sum over the number of entries; the gradient is stretched first and divided then",
        '''
        @ad.operator("mean(a, /, dim, keepdim=False)")
        class MeanOp(ad.Op):
            """The mean over the axes dim (an int or a tuple), which vanish unless keepdim."""

            def compute(self, node, inputs):
                a = inputs[0]
                total = a.sum(node.dim, keepdim=node.keepdim)
                return total * (total.numel() / a.numel())

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                if node.keepdim:
                    stretched = ad.expand_as(output_grad, a)
                else:
                    stretched = ad.expand_as(output_grad, a, dim=node.dim)
                count = ad.sum_op(ad.ones_like(a), dim=node.dim, keepdim=True)  # (..., 1, ...)
                return [stretched / count]
        ''',
    ),
    variant(
        "mean",
        "gradient-of-the-sum",
        "the gradient asks the given sum for its own",
        '''
        @ad.operator("mean(a, /, dim, keepdim=False)")
        class MeanOp(ad.Op):
            """The mean over the axes dim (an int or a tuple), which vanish unless keepdim."""

            def compute(self, node, inputs):
                return torch.mean(inputs[0], dim=node.dim, keepdim=node.keepdim)

            def gradient(self, node, output_grad):
                ones = ad.ones_like(node.inputs[0])
                total = ad.sum_op(ones, **node.attrs)
                return ad.sum_op.gradient(total, output_grad / total)
        ''',
    ),
    variant(
        "mean",
        "axis-by-axis",
        "averages over one axis after the other; the gradient multiplies by a mean of ones over their sum",
        """
        def as_tuple(dim):
            return dim if isinstance(dim, tuple) else (dim,)
        """,
        '''
        @ad.operator("mean(a, /, dim, keepdim=False)")
        class MeanOp(ad.Op):
            """The mean over the axes dim (an int or a tuple), which vanish unless keepdim."""

            def compute(self, node, inputs):
                result = inputs[0]
                axes = sorted((axis % result.ndim for axis in as_tuple(node.dim)), reverse=True)
                for axis in axes:  # from the last one, so that the numbers of the others stay
                    result = result.sum(axis, keepdim=node.keepdim) / result.shape[axis]
                return result

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                ones = ad.ones_like(a)
                share = ad.mean(ones, dim=node.dim, keepdim=True) / ad.sum_op(ones, dim=node.dim, keepdim=True)
                vanished = () if node.keepdim else as_tuple(node.dim)
                return [ad.expand_as(output_grad, a, dim=vanished) * share]
        ''',
    ),
    variant(
        "mean",
        "product-of-sizes",
        "divides a sum by the product of the sizes; the gradient is weighted after it is stretched",
        """
        import math


        def listed(dim):
            return list(dim) if isinstance(dim, tuple) else [dim]
        """,
        """
        @ad.operator("mean(a, /, dim, keepdim=False)")
        class MeanOp(ad.Op):
            def compute(self, node, inputs):
                (a,) = inputs
                return torch.sum(a, listed(node.dim), keepdim=node.keepdim) / math.prod(a.shape[axis] for axis in listed(node.dim))

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                dim = tuple(listed(node.dim))
                vanished = () if node.keepdim else dim
                how_many = ad.expand_as(ad.sum_op(ad.ones_like(a), dim), a, dim)
                return [ad.expand_as(output_grad, a, vanished) / how_many]
        """,
    ),
]

MATMUL = [
    variant(
        "matmul",
        "einsum",
        "computes with einsum",
        '''
        @ad.operator("matmul(a, b, /)")
        class MatMulOp(ad.Op):
            """a @ b over the last two axes; the axes before them broadcast."""

            def compute(self, node, inputs):
                return torch.einsum("...ik,...kj->...ij", inputs[0], inputs[1])

            def gradient(self, node, output_grad):
                a, b = node.inputs
                return [
                    ad.unbroadcast(ad.matmul(output_grad, ad.transpose(b, -1, -2)), a),
                    ad.unbroadcast(ad.matmul(ad.transpose(a, -1, -2), output_grad), b),
                ]
        ''',
    ),
    variant(
        "matmul",
        "products-summed",
        "stretches both operands, multiplies element by element and sums over the shared axis",
        '''
        @ad.operator("matmul(a, b, /)")
        class MatMulOp(ad.Op):
            """a @ b over the last two axes; the axes before them broadcast."""

            def compute(self, node, inputs):
                left, right = inputs
                products = left[..., :, :, None] * right[..., None, :, :]  # (..., m, k, n)
                return products.sum(dim=-2)

            def gradient(self, node, output_grad):
                a, b = node.inputs
                grad_a = output_grad @ ad.transpose(b, -2, -1)
                grad_b = ad.transpose(a, -2, -1) @ output_grad
                return [ad.unbroadcast(grad_a, a), ad.unbroadcast(grad_b, b)]
        ''',
    ),
    variant(
        "matmul",
        "turned-back",
        "computes both gradients transposed and turns them back",
        """
        def turned(matrix):
            return ad.transpose(matrix, -2, -1)
        """,
        '''
        @ad.operator("matmul(a, b, /)")
        class MatMulOp(ad.Op):
            """a @ b over the last two axes; the axes before them broadcast."""

            def compute(self, node, inputs):
                return torch.matmul(*inputs)

            def gradient(self, node, output_grad):
                a, b = node.inputs
                g = turned(output_grad)
                grad_a = turned(b @ g)
                grad_b = turned(g @ a)
                return [ad.unbroadcast(grad_a, a), ad.unbroadcast(grad_b, b)]
        ''',
    ),
    variant(
        "matmul",
        "one-list-of-matrices",
        "broadcasts the batch axes by hand and multiplies one long list of matrices",
        '''
        @ad.operator("matmul(a, b, /)")
        class MatMulOp(ad.Op):
            """a @ b over the last two axes; the axes before them broadcast."""

            def compute(self, node, inputs):
                left, right = inputs
                batch = torch.broadcast_shapes(left.shape[:-2], right.shape[:-2])
                left = left.expand(*batch, *left.shape[-2:]).reshape(-1, *left.shape[-2:])
                right = right.expand(*batch, *right.shape[-2:]).reshape(-1, *right.shape[-2:])
                products = torch.bmm(left, right)
                return products.reshape(*batch, *products.shape[-2:])

            def gradient(self, node, output_grad):
                a, b = node.inputs
                aT, bT = (ad.transpose(operand, -2, -1) for operand in (a, b))
                return [ad.unbroadcast(output_grad @ bT, a), ad.unbroadcast(aT @ output_grad, b)]
        ''',
    ),
    variant(
        "matmul",
        "numpy",
        "computes in NumPy and comes back to torch",
        """
        import numpy as np
        """,
        '''
        @ad.operator("matmul(a, b, /)")
        class MatMulOp(ad.Op):
            """a @ b over the last two axes; the axes before them broadcast."""

            def compute(self, node, inputs):
                left, right = (tensor.detach().cpu().numpy() for tensor in inputs)
                return torch.from_numpy(np.matmul(left, right))

            def gradient(self, node, output_grad):
                A, B = node.inputs
                dA = ad.matmul(output_grad, ad.transpose(B, dim0=-2, dim1=-1))
                dB = ad.matmul(ad.transpose(A, dim0=-2, dim1=-1), output_grad)
                return [ad.unbroadcast(dX, X) for dX, X in ((dA, A), (dB, B))]
        ''',
    ),
    variant(
        "matmul",
        "row-times-column",
        "loops over the columns of the right operand; typed, with prints and comments",
        '''
        @ad.operator("matmul(a, b, /)")
        class MatMulOp(ad.Op):
            """a @ b over the last two axes; the axes before them broadcast."""

            def compute(self, node: ad.Node, inputs: list[torch.Tensor]) -> torch.Tensor:
                a, b = inputs
                print("shapes:", a.shape, b.shape)  # to see the broadcasting
                columns = []
                for j in range(b.shape[-1]):
                    column = b[..., :, j]  # (..., k)
                    columns.append((a * column.unsqueeze(-2)).sum(-1))  # (..., m)
                return torch.stack(columns, dim=-1)

            def gradient(self, node: ad.Node, output_grad: ad.Node) -> list[ad.Node]:
                a: ad.Node = node.inputs[0]
                b: ad.Node = node.inputs[1]
                # dL/da = g b^T and dL/db = a^T g, summed over the stretched batch axes
                return [
                    ad.unbroadcast(output_grad @ ad.transpose(b, -2, -1), a),
                    ad.unbroadcast(ad.transpose(a, -2, -1) @ output_grad, b),
                ]
        ''',
    ),
    variant(
        "matmul",
        "transposed-product",
        "turns the product of the turned operands, and loops over both of them for the gradient",
        """
        @ad.operator("matmul(a, b, /)")
        class MatMulOp(ad.Op):
            def compute(self, node, inputs):
                a, b = inputs
                return (b.mT @ a.mT).mT.contiguous()

            def gradient(self, node, output_grad):
                a, b = node.inputs
                grads = [ad.matmul(output_grad, ad.transpose(b, -1, -2)), ad.matmul(ad.transpose(a, -1, -2), output_grad)]
                for i in range(2):
                    grads[i] = ad.unbroadcast(grads[i], node.inputs[i])
                return grads
        """,
    ),
    variant(
        "matmul",
        "outer-products-added",
        "adds up the outer products of columns and rows",
        """
        @ad.operator("matmul(a, b, /)")
        class MatMulOp(ad.Op):
            def compute(self, node, inputs):
                a, b = inputs
                return sum(a[..., :, k, None] * b[..., None, k, :] for k in range(a.shape[-1]))

            def gradient(self, node, output_grad):
                a, b = node.inputs
                for_a, for_b = output_grad @ ad.transpose(b, -2, -1), ad.transpose(a, -2, -1) @ output_grad
                return [*map(ad.unbroadcast, (for_a, for_b), (a, b))]
        """,
    ),
]

SOFTMAX = [
    variant(
        "softmax",
        "logarithm-of-the-sum",
        "subtracts the logarithm of the sum, then takes the exponential; the gradient is multiplied out",
        '''
        @ad.operator("softmax(a, /, dim=-1)")
        class SoftmaxOp(ad.Op):
            """exp(a) over its sum along dim."""

            def compute(self, node, inputs):
                return torch.exp(inputs[0] - torch.logsumexp(inputs[0], node.dim, keepdim=True))

            def gradient(self, node, output_grad):
                weighted = output_grad * node
                return [weighted - node * ad.sum_op(weighted, dim=node.dim, keepdim=True)]
        ''',
    ),
    variant(
        "softmax",
        "one-line-each",
        "one line in each method",
        """
        @ad.operator("softmax(a, /, dim=-1)")
        class SoftmaxOp(ad.Op):
            def compute(self, node, inputs):
                return (e := (inputs[0] - inputs[0].max(node.dim, keepdim=True).values).exp()) / e.sum(node.dim, keepdim=True)

            def gradient(self, node, output_grad):
                return [(output_grad - ad.sum_op(node * output_grad, node.dim, True)) * node]
        """,
    ),
    variant(
        "softmax",
        "axis-put-back",
        "lets the axis vanish in sums and puts it back, on values and on nodes",
        '''
        @ad.operator("softmax(a, /, dim=-1)")
        class SoftmaxOp(ad.Op):
            """exp(a) over its sum along dim."""

            def compute(self, node, inputs):
                a, dim = inputs[0], node.dim
                largest, _ = torch.max(a, dim)
                powers = torch.exp(a - largest.unsqueeze(dim))
                total = torch.sum(powers, dim)
                return powers / total.unsqueeze(dim)

            def gradient(self, node, output_grad):
                a = node.inputs[0]
                s = ad.softmax(a, dim=node.dim)
                inner = ad.sum_op(ad.mul(output_grad, s), dim=node.dim)
                return [ad.mul(s, ad.sub(output_grad, ad.expand_as(inner, a, dim=node.dim)))]
        ''',
    ),
    variant(
        "softmax",
        "row-by-row",
        "moves the axis to the end and loops over the rows of a copy",
        '''
        @ad.operator("softmax(a, /, dim=-1)")
        class SoftmaxOp(ad.Op):
            """exp(a) over its sum along dim."""

            def compute(self, node, inputs):
                moved = inputs[0].movedim(node.dim, -1)
                rows = moved.reshape(-1, moved.shape[-1]).clone()
                for i in range(len(rows)):
                    rows[i] -= rows[i].max()
                    rows[i] = rows[i].exp()
                    rows[i] /= rows[i].sum()
                return rows.reshape(moved.shape).movedim(-1, node.dim)

            def gradient(self, node, output_grad):
                dot = ad.sum_op(output_grad * node, dim=node.dim, keepdim=True)
                return [output_grad * node - ad.expand_as(dot, node) * node]
        ''',
    ),
    variant(
        "softmax",
        "numpy",
        "computes in NumPy, with a typed helper in a cell of its own",
        """
        import numpy as np


        def probabilities(x: np.ndarray, axis: int) -> np.ndarray:
            z = np.exp(x - np.max(x, axis=axis, keepdims=True))
            return z / np.sum(z, axis=axis, keepdims=True)
        """,
        '''
        @ad.operator("softmax(a, /, dim=-1)")
        class SoftmaxOp(ad.Op):
            """exp(a) over its sum along dim."""

            def compute(self, node: ad.Node, inputs: list[torch.Tensor]) -> torch.Tensor:
                return torch.from_numpy(probabilities(inputs[0].numpy(), node.dim))

            def gradient(self, node: ad.Node, output_grad: ad.Node) -> list[ad.Node]:
                average: ad.Node = ad.sum_op(output_grad * node, dim=node.dim, keepdim=True)
                return [node * (output_grad - average)]
        ''',
    ),
    variant(
        "softmax",
        "own-function-of-that-name",
        "a function of the student's own that is called softmax does the work",
        """
        def softmax(x, dim):
            x = x - x.amax(dim, keepdim=True)
            return x.exp() / x.exp().sum(dim, keepdim=True)
        """,
        '''
        @ad.operator("softmax(a, /, dim=-1)")
        class SoftmaxOp(ad.Op):
            """exp(a) over its sum along dim."""

            def compute(self, node, inputs):
                return softmax(inputs[0], node.dim)

            def gradient(self, node, output_grad):
                average = ad.sum_op(output_grad * node, dim=node.dim, keepdim=True)
                return [node * (output_grad - average)]
        ''',
    ),
    variant(
        "softmax",
        "logsumexp",
        "takes the exponential of the differences to logsumexp",
        """
        @ad.operator("softmax(a, /, dim=-1)")
        class SoftmaxOp(ad.Op):
            def compute(self, node, inputs):
                return torch.exp(inputs[0] - torch.logsumexp(inputs[0], dim=node.dim, keepdim=True))

            def gradient(self, node, output_grad):
                weighted = node * output_grad
                return [weighted - node * ad.sum_op(weighted, node.dim, True)]
        """,
    ),
    variant(
        "softmax",
        "one-over-powers-of-differences",
        "divides one by the sum of the powers of all differences",
        """
        @ad.operator("softmax(a, /, dim=-1)")
        class SoftmaxOp(ad.Op):
            def compute(self, node, inputs):
                a = inputs[0].movedim(node.dim, -1)
                differences = a[..., None, :] - a[..., :, None]  # (..., i, j): a_j - a_i
                return (1 / differences.exp().sum(-1)).movedim(-1, node.dim)

            def gradient(self, node, output_grad):
                pulled = ad.sum_op(ad.mul(output_grad, node), dim=node.dim)
                return [ad.mul(node, ad.sub(output_grad, ad.expand_as(pulled, node, dim=node.dim)))]
        """,
    ),
]

LAYERNORM = [
    variant(
        "layernorm",
        "variance-from-torch",
        "takes the biased variance from torch; the gradient has sums and a count, as in books",
        '''
        @ad.operator("layernorm(a, /, normalized_shape, eps=1e-5)")
        class LayerNormOp(ad.Op):
            """a, shifted and scaled to mean 0 and variance 1 over its last len(normalized_shape) axes."""

            def compute(self, node, inputs):
                dim = [-1 - axis for axis in range(len(node.normalized_shape))]
                variance, mean = torch.var_mean(inputs[0], dim, correction=0, keepdim=True)
                return (inputs[0] - mean) * torch.rsqrt(variance + node.eps)

            def gradient(self, node, output_grad):
                x, g, y = node.inputs[0], output_grad, node
                dim = tuple(-1 - axis for axis in range(len(node.normalized_shape)))
                n = ad.sum_op(ad.ones_like(x), dim=dim, keepdim=True)
                mu = ad.sum_op(x, dim=dim, keepdim=True) / n
                sigma = ad.sqrt(ad.sum_op((x - mu) * (x - mu), dim=dim, keepdim=True) / n + node.eps)
                bracket = n * g - ad.sum_op(g, dim=dim, keepdim=True) - y * ad.sum_op(g * y, dim=dim, keepdim=True)
                return [bracket / (n * sigma)]
        ''',
    ),
    variant(
        "layernorm",
        "mean-of-squares",
        "the variance is the mean of the squares less the square of the mean",
        '''
        @ad.operator("layernorm(a, /, normalized_shape, eps=1e-5)")
        class LayerNormOp(ad.Op):
            """a, shifted and scaled to mean 0 and variance 1 over its last len(normalized_shape) axes."""

            def compute(self, node, inputs):
                a = inputs[0]
                axes = tuple(range(a.ndim - len(node.normalized_shape), a.ndim))
                mean = a.mean(axes, keepdim=True)
                variance = (a * a).mean(axes, keepdim=True) - mean * mean
                return (a - mean) / (variance + node.eps) ** 0.5

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                axes = tuple(range(-len(node.normalized_shape), 0))
                mean = ad.mean(a, dim=axes, keepdim=True)
                variance = ad.mean((a - mean) ** 2, dim=axes, keepdim=True)
                over_sigma = (variance + node.eps) ** -0.5
                direct = output_grad - ad.mean(output_grad, dim=axes, keepdim=True)
                return [over_sigma * (direct - node * ad.mean(direct * node, dim=axes, keepdim=True))]
        ''',
    ),
    variant(
        "layernorm",
        "flattened",
        "flattens the normalised axes into one; the gradient normalises once more",
        '''
        @ad.operator("layernorm(a, /, normalized_shape, eps=1e-5)")
        class LayerNormOp(ad.Op):
            """a, shifted and scaled to mean 0 and variance 1 over its last len(normalized_shape) axes."""

            def compute(self, node, inputs):
                (a,) = inputs
                kept = a.shape[: a.ndim - len(node.normalized_shape)]
                flat = a.reshape(*kept, -1)
                flat = flat - flat.mean(-1, keepdim=True)
                flat = flat / torch.sqrt(flat.square().mean(-1, keepdim=True) + node.eps)
                return flat.reshape(a.shape)

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                dim = tuple(range(-len(node.normalized_shape), 0))
                deviation = a - ad.mean(a, dim, keepdim=True)
                sigma = ad.sqrt(ad.mean(deviation * deviation, dim, keepdim=True) + node.eps)
                y = deviation / sigma
                return [(output_grad - ad.mean(output_grad, dim, True) - y * ad.mean(output_grad * y, dim, True)) / sigma]
        ''',
    ),
    variant(
        "layernorm",
        "path-by-path",
        "adds up the paths through the variance and through the mean one by one, with helpers in a cell of their own",
        """
        def last_axes(node):
            return tuple(range(-len(node.normalized_shape), 0))


        def total(x, dim):
            return ad.sum_op(x, dim=dim, keepdim=True)
        """,
        '''
        @ad.operator("layernorm(a, /, normalized_shape, eps=1e-5)")
        class LayerNormOp(ad.Op):
            """a, shifted and scaled to mean 0 and variance 1 over its last len(normalized_shape) axes."""

            def compute(self, node, inputs):
                dim = last_axes(node)
                a = inputs[0]
                mu = torch.mean(a, dim, keepdim=True)
                var = torch.mean((a - mu) ** 2, dim, keepdim=True)
                return torch.div(a - mu, torch.sqrt(torch.add(var, node.eps)))

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                dim = last_axes(node)
                n = total(ad.ones_like(a), dim)
                mu = total(a, dim) / n
                var = total((a - mu) ** 2, dim) / n + node.eps
                by_var = total(output_grad * (a - mu), dim) * -0.5 * var**-1.5
                by_mu = -total(output_grad, dim) / ad.sqrt(var)
                return [output_grad / ad.sqrt(var) + by_var * 2 * (a - mu) / n + by_mu / n]
        ''',
    ),
    variant(
        "layernorm",
        "numpy",
        "computes in NumPy; typed, with prints and comments",
        """
        import numpy as np
        """,
        '''
        @ad.operator("layernorm(a, /, normalized_shape, eps=1e-5)")
        class LayerNormOp(ad.Op):
            """a, shifted and scaled to mean 0 and variance 1 over its last len(normalized_shape) axes."""

            def compute(self, node: ad.Node, inputs: list[torch.Tensor]) -> torch.Tensor:
                x: np.ndarray = inputs[0].numpy()
                axes = tuple(range(x.ndim - len(node.normalized_shape), x.ndim))
                mu = x.mean(axis=axes, keepdims=True)
                var = x.var(axis=axes, keepdims=True)  # NumPy's variance divides by n
                print("mean", mu.ravel()[:3], "var", var.ravel()[:3])
                return torch.from_numpy((x - mu) / np.sqrt(var + x.dtype.type(node.eps)))

            def gradient(self, node: ad.Node, output_grad: ad.Node) -> list[ad.Node]:
                (x,) = node.inputs
                axes = tuple(range(-len(node.normalized_shape), 0))

                def mean(values: ad.Node) -> ad.Node:
                    return ad.mean(values, dim=axes, keepdim=True)

                centred = x - mean(x)
                sigma = ad.sqrt(mean(centred * centred) + node.eps)
                return [(output_grad - mean(output_grad) - node * mean(output_grad * node)) / sigma]
        ''',
    ),
    variant(
        "layernorm",
        "own-function-of-that-name",
        "a function of the student's own that is called layer_norm does the work",
        """
        def layer_norm(x, axes, eps):
            x = x - x.mean(axes, keepdim=True)
            return x / (x.pow(2).mean(axes, keepdim=True) + eps).sqrt()
        """,
        '''
        @ad.operator("layernorm(a, /, normalized_shape, eps=1e-5)")
        class LayerNormOp(ad.Op):
            """a, shifted and scaled to mean 0 and variance 1 over its last len(normalized_shape) axes."""

            def compute(self, node, inputs):
                return layer_norm(inputs[0], tuple(range(-len(node.normalized_shape), 0)), node.eps)

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                dim = tuple(range(-len(node.normalized_shape), 0))
                centred = a - ad.mean(a, dim, keepdim=True)
                sigma = ad.sqrt(ad.mean(centred**2, dim, keepdim=True) + node.eps)
                through_mean = ad.mean(output_grad, dim, keepdim=True)
                through_sigma = node * ad.mean(output_grad * node, dim, keepdim=True)
                return [(output_grad - through_mean - through_sigma) / sigma]
        ''',
    ),
    variant(
        "layernorm",
        "var-mean",
        "takes both statistics from torch in one call; the gradient counts the entries of a group",
        """
        @ad.operator("layernorm(a, /, normalized_shape, eps=1e-5)")
        class LayerNormOp(ad.Op):
            def compute(self, node, inputs):
                (a,) = inputs
                dim = [-1 - axis for axis, _ in enumerate(node.normalized_shape)]
                variance, mean = torch.var_mean(a, dim=dim, correction=0, keepdim=True)
                return (a - mean) * torch.rsqrt(variance + node.eps)

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                dim = tuple(-1 - axis for axis in range(len(node.normalized_shape)))
                n = 1
                for size in node.normalized_shape:
                    n *= size
                rest = a - ad.sum_op(a, dim, keepdim=True) / n
                root = (ad.sum_op(rest * rest, dim, keepdim=True) / n + node.eps) ** 0.5
                g, gy = (ad.sum_op(part, dim, keepdim=True) / n for part in (output_grad, output_grad * node))
                return [(output_grad - (g + node * gy)) / root]
        """,
    ),
    variant(
        "layernorm",
        "sums-of-squares",
        "computes the deviation from the sum of squares of what is centred, as a length over the root of n",
        """
        @ad.operator("layernorm(a, /, normalized_shape, eps=1e-5)")
        class LayerNormOp(ad.Op):
            def compute(self, node, inputs):
                a = inputs[0].flatten(start_dim=inputs[0].ndim - len(node.normalized_shape))
                a = a - a.mean(-1, keepdim=True)
                n = a.shape[-1]
                length = (a.square().sum(-1, keepdim=True) + n * node.eps).sqrt()
                return (a * n**0.5 / length).reshape(inputs[0].shape)

            def gradient(self, node, output_grad):
                (a,), shape = node.inputs, node.normalized_shape
                dim = tuple(range(-len(shape), 0))

                def centred(b):
                    return b - ad.mean(b, dim, keepdim=True)

                deviation = ad.sqrt(ad.mean(centred(a) ** 2, dim, keepdim=True) + node.eps)
                along = node * ad.mean(node * output_grad, dim, keepdim=True)
                return [(centred(output_grad) - along) / deviation]
        """,
    ),
]

VARIANTS = [*DIV, *DIV_BY_CONST, *TRANSPOSE, *RELU, *SQRT, *POWER, *MEAN, *MATMUL, *SOFTMAX, *LAYERNORM]
