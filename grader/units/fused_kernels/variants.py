"""Variants of unit 5: the operators, the counts, and what is done in blocks."""

from __future__ import annotations

from autodiff_lib.units.fused_kernels.unit import UNIT

from .. import variants_of
from .kernel_variants import KERNEL_VARIANTS

variant = variants_of(UNIT.name)

LAYERNORM = [
    variant(
        "matmul_layernorm",
        "by-the-two-operators",
        "the gradient is that of the two operators, one after the other",
        """
        @ad.operator("matmul_layernorm(a, b, /, normalized_shape, eps=1e-5)")
        class Fused(ad.Op):
            def compute(self, node, inputs):
                x = torch.matmul(*inputs)
                axes = [-n - 1 for n in range(len(node.normalized_shape))]
                var, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
                return (x - mean) * torch.rsqrt(var + node.eps)

            def gradient(self, node, output_grad):
                x = ad.matmul(*node.inputs)
                y = ad.layernorm(x, node.normalized_shape, node.eps)
                (grad_x,) = y.op.gradient(y, output_grad)
                return x.op.gradient(x, grad_x)
        """,
    ),
    variant(
        "matmul_layernorm",
        "all-computed-again",
        "the gradient computes the normalised product again, flattened sums instead of means, and swaps by power",
        """
        def pieces(x, node):
            dim = tuple(range(-len(node.normalized_shape), 0))
            n = math.prod(node.normalized_shape)
            mean = ad.sum_op(x, dim, keepdim=True) / n
            d = x - mean
            inverse = ad.power(ad.sum_op(d * d, dim, keepdim=True) / n + node.eps, -0.5)
            return dim, n, d * inverse, inverse


        @ad.operator("matmul_layernorm(a, b, /, normalized_shape, eps=1e-5)")
        class Fused(ad.Op):
            def compute(self, node, inputs):
                a, b = inputs
                rows = torch.stack([row @ b for row in a.unsqueeze(0)])[0]
                shape = rows.shape
                k = len(node.normalized_shape)
                flat = rows.reshape(*shape[:-k], -1)
                flat = flat - flat.sum(-1, keepdim=True) / flat.shape[-1]
                std = ((flat**2).sum(-1, keepdim=True) / flat.shape[-1] + node.eps) ** 0.5
                return (flat / std).reshape(shape)

            def gradient(self, node, output_grad):
                a, b = node.inputs
                dim, n, y, inverse = pieces(a @ b, node)
                s = ad.sum_op(output_grad, dim, keepdim=True)
                t = ad.sum_op(output_grad * y, dim, keepdim=True)
                g = inverse * (output_grad - (s + y * t) / n)
                left = g @ ad.transpose(b, -1, -2)
                right = ad.transpose(ad.transpose(g, -1, -2) @ a, -1, -2)
                return (ad.unbroadcast(left, a), ad.unbroadcast(right, b))
        """,
    ),
]

SOFTMAX = [
    variant(
        "matmul_softmax",
        "row-blocks-inside",
        "compute works in blocks of two rows where it may",
        """
        def smooth(x, dim):
            x = (x - x.max(dim, keepdim=True).values).exp()
            return x.div(x.sum(dim, keepdim=True))


        @ad.operator("matmul_softmax(a, b, /, dim=-1)")
        class Rows(ad.Op):
            def compute(self, node, inputs):
                a, b = inputs
                rank = max(a.ndim, b.ndim)
                if node.dim not in (-1, rank - 1):
                    return smooth(a @ b, node.dim)
                return torch.cat([smooth(part @ b, -1) for part in a.split(2, dim=-2)], dim=-2)

            def gradient(self, node, output_grad):
                a, b = node.inputs
                weighted = output_grad * node
                g = weighted - node * ad.sum_op(weighted, dim=node.dim, keepdim=True)
                return [
                    ad.unbroadcast(g @ ad.transpose(b, -1, -2), a),
                    ad.unbroadcast(ad.transpose(a, -1, -2) @ g, b),
                ]
        """,
    ),
    variant(
        "matmul_softmax",
        "log-sum-exp",
        "compute subtracts the logarithm of the sum, the gradient is that of two operators",
        """
        @ad.operator("matmul_softmax(a, b, /, dim=-1)")
        class LogSum(ad.Op):
            def compute(self, node, inputs):
                x = inputs[0] @ inputs[1]
                x = x - x.amax(dim=node.dim, keepdim=True)
                total = torch.exp(x).sum(dim=node.dim, keepdim=True)
                return torch.exp(x - torch.log(total))

            def gradient(self, node, output_grad):
                x = node.inputs[0] @ node.inputs[1]
                y = ad.softmax(x, node.dim)
                return x.op.gradient(x, y.op.gradient(y, output_grad)[0])
        """,
    ),
]

COUNTS = [
    variant(
        "loop_counts",
        "a-table",
        "a table of what each entry and each row costs; numbers with a point",
        """
        EACH = {
            ("softmax", "unfused"): (3, 3, 5, 0),
            ("softmax", "fused"): (0, 1, 5, 0),
            ("layernorm", "unfused"): (3, 2, 6, 4),
            ("layernorm", "fused"): (0, 1, 5, 6),
        }


        @ad.exercise
        def loop_counts(operation, order, B, M, K, N):
            load, store, flop, row = EACH[operation, order]
            size = float(B * M * N)
            return [size * (2 * K + load), size * store, size * (2 * K + flop) + B * M * row]
        """,
    ),
    variant(
        "loop_counts",
        "loop-by-loop",
        "adds up what each loop does, one after the other",
        """
        @ad.exercise
        def loop_counts(operation: str, order: str, B: int, M: int, K: int, N: int):
            loads, stores, flops = 2 * K * N, 0, 2 * K * N  # of one row
            if order == "unfused":
                stores += N  # the product
                loads += N  # the first look at it
                flops += N
                if operation == "softmax":
                    loads, stores, flops = loads + N, stores + N, flops + 3 * N
                    loads, stores, flops = loads + N, stores + N, flops + N
                else:
                    flops += 1
                    loads, flops = loads + N, flops + 3 * N
                    flops += 3
                    loads, stores, flops = loads + N, stores + N, flops + 2 * N
            else:
                flops += N if operation == "softmax" else 3 * N
                flops += 3 * N if operation == "softmax" else 6
                stores, flops = stores + N, flops + (N if operation == "softmax" else 2 * N)
            return of_all_rows([loads, stores, flops], B * M)


        def of_all_rows(row, rows):
            return tuple(rows * number for number in row)
        """,
    ),
]

BLOCKED = [
    variant(
        "blocked_softmax",
        "by-hand-in-place",
        "its own softmax, in place in the result",
        """
        @ad.exercise
        def blocked_softmax(a, b, rows=None):
            M = a.size(-2)
            rows = rows or 32
            batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
            out = torch.empty(batch + (M, b.size(-1)), dtype=a.dtype)
            begin = 0
            while begin < M:
                end = min(begin + rows, M)
                p = out[..., begin:end, :]
                p.copy_(a[..., begin:end, :] @ b)
                p -= p.amax(-1, keepdim=True)
                p.exp_()
                p /= p.sum(-1, keepdim=True)
                begin = end
            return out
        """,
    ),
    variant(
        "blocked_softmax",
        "split-and-assign",
        "pieces of both by split, and an assignment; plain softmax with temporaries",
        """
        @ad.exercise
        def blocked_softmax(a, b, rows=None):
            rows = a.shape[-2] if rows is None else rows
            batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
            result = a.new_zeros(*batch, a.shape[-2], b.shape[-1])
            for piece, target in zip(a.split(rows, -2), result.split(rows, -2)):
                x = torch.matmul(piece, b)
                e = torch.exp(x - x.max(dim=-1, keepdim=True)[0])
                target[...] = e / e.sum(dim=-1, keepdim=True)
            return result
        """,
    ),
]

ONLINE = [
    variant(
        "online_softmax",
        "first-block-apart",
        "begins with the first block, and fades by a where",
        """
        @ad.exercise
        def online_softmax(x, block):
            def summed(part, m):
                e = torch.exp(part - m[..., None])
                return torch.where(part == -math.inf, torch.zeros_like(e), e).sum(dim=-1)

            m = x[..., :block].amax(-1)
            total = summed(x[..., :block], m)
            for start in range(block, x.shape[-1], block):
                part = x[..., start:start + block]
                old, m = m, torch.maximum(m, part.amax(-1))
                fade = torch.where(old == m, torch.ones_like(m), torch.exp(old - m))
                total = fade * total + summed(part, m)
            return m, total
        """,
    ),
    variant(
        "online_softmax",
        "log-of-the-sum",
        "keeps the logarithm of the sum instead, and takes it back in the end; a list",
        """
        @ad.exercise
        def online_softmax(x, block):
            top = torch.full(x.shape[:-1], float("-inf"), dtype=x.dtype)
            total = torch.zeros(x.shape[:-1], dtype=x.dtype)
            n, i = x.shape[-1], 0
            while i < n:
                chunk = x[..., i : i + block]
                high = torch.max(top, chunk.max(-1).values)
                safe = torch.nan_to_num(high, neginf=0.0)
                total = total * (top - safe).exp() + (chunk - safe.unsqueeze(-1)).exp().sum(-1)
                top, i = high, i + block
            return [top, total]
        """,
    ),
]

ATTENTION = [
    variant(
        "one_pass_attention",
        "queries-in-blocks-too",
        "blocks of queries as well, and a finite number for what is not seen",
        """
        @ad.exercise
        def one_pass_attention(q, k, v, causal=False, block=64):
            T, S, D = q.shape[-2], k.shape[-2], q.shape[-1]
            out = torch.zeros(*q.shape[:-1], v.shape[-1], dtype=q.dtype)
            for t in range(0, T, block):
                some = q[..., t : t + block, :] * D**-0.5
                n = some.shape[-2]
                m = torch.full((*some.shape[:-1], 1), -1e30, dtype=q.dtype)
                l, acc = torch.zeros_like(m), out[..., t : t + block, :]
                for s in range(0, S, block):
                    x = some @ k[..., s : s + block, :].mT
                    seen = torch.ones(n, x.shape[-1], dtype=torch.bool)
                    if causal:
                        seen = torch.arange(s, s + x.shape[-1]) <= torch.arange(t, t + n)[:, None] + (S - T)
                    x = torch.where(seen, x, torch.full_like(x, -1e30))
                    new = torch.maximum(m, x.max(-1, keepdim=True).values)
                    p = torch.exp(x - new) * seen
                    fade = torch.exp(m - new)
                    l = l * fade + p.sum(-1, keepdim=True)
                    acc *= fade
                    acc += p @ v[..., s : s + block, :]
                    m = new
                acc /= torch.where(l > 0, l, torch.ones_like(l))
            return out
        """,
    ),
    variant(
        "one_pass_attention",
        "divided-on-the-way",
        "keeps the result divided by the sum at all times, and the log-sum-exp instead of maximum and sum",
        """
        @ad.exercise
        def one_pass_attention(q, k, v, causal=False, block=128):
            T, S = q.shape[-2], k.shape[-2]
            lse = torch.full(q.shape[:-1], -math.inf, dtype=q.dtype)
            result = torch.zeros(q.shape[:-1] + v.shape[-1:], dtype=q.dtype)
            for s in range(0, S, block):
                x = torch.einsum("...td,...sd->...ts", q, k[..., s : s + block, :]) / q.shape[-1] ** 0.5
                if causal:
                    hidden = torch.ones(T, x.shape[-1]).triu(1 + S - T - s).bool()
                    x[..., hidden] = -math.inf
                top = torch.maximum(lse, x.amax(-1))
                top = torch.where(top == -math.inf, torch.zeros_like(top), top)
                p = torch.exp(x - top[..., None])
                before = torch.exp(lse - top)
                total = before + p.sum(-1)
                share = torch.where(total == 0, torch.ones_like(total), total)[..., None]
                result = (result * before[..., None] + p @ v[..., s : s + block, :]) / share
                lse = top + torch.log(total)
            return result
        """,
    ),
]

VARIANTS = [*LAYERNORM, *SOFTMAX, *COUNTS, *BLOCKED, *ONLINE, *ATTENTION, *KERNEL_VARIANTS]
