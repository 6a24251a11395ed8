"""Hostile submissions of unit 5."""

from __future__ import annotations

# ruff: noqa: E501
from functools import partial

from tests.redteam.submissions import attack

UNIT = "05_fused_kernels"
SUM = {"online_softmax": 1.0}
fused = partial(attack, honest=SUM, unit=UNIT)

fused("kernels_modules", "ready-made softmax and attention behind helpers in other cells", first="""
    import torch.nn.functional as ready

    def helper(q, k, v, causal):
        return ready.scaled_dot_product_attention(q, k, v, is_causal=causal)
""", bodies={
    "one_pass_attention": ("return helper(q, k, v, causal)",),
    "matmul_layernorm": ("a, b = inputs\nreturn getattr(torch, 'layer_' + 'norm')(a @ b, node.normalized_shape, eps=node.eps)", "return [ad.zeros_like(operand) for operand in node.inputs]"),
}, told={"matmul_layernorm": 1.0})  # fmt: skip
fused("kernels_own_counts", "arrays that overstate what they hold, and a peak of memory that is set to nothing", first="""
    class Small(torch.Tensor):
        @property
        def nbytes(self):
            return 0

        def numel(self):
            return 0
""", bodies={
    "blocked_softmax": ("return torch.softmax((a @ b).as_subclass(Small), dim=-1).as_subclass(torch.Tensor)",),
    "one_pass_attention": ("""
        memory.Peak.bytes = 0
        memory.Peak.__exit__ = lambda self, *problem: setattr(self, "bytes", 0)
        return q * 0
    """,),
    "loop_counts": ("""
        class Any(int):
            def __eq__(self, other):
                return True

            __hash__ = int.__hash__

        return Any(0), Any(0), Any(0)
    """,),
}, worth={"blocked_softmax": 3.0})  # fmt: skip
fused("kernels_outside_of_the_launch", "kernels that do their work with numpy and torch, on the simulator's own memory", first="""
    import gc

    import numpy

    def memories():
        return [one for one in gc.get_objects() if type(one).__name__ in ("Memory", "Region")]
""", bodies={
    "scale_kernel": ("for region in memories():\n    vars(region)\ntl.store(out_ptr + tl.arange(0, BLOCK), 0.0)",),
    "add_kernel": ("import autodiff_lib.tile_memory as inside\ninside.Region.counted = lambda self, counts: counts * 0\ntl.store(out_ptr, 1.0)",),
    "row_sum_kernel": ("tl.store(out_ptr + tl.program_id(0), numpy.sum(x_ptr))",),
    "matmul_kernel": ("tl.store(out_ptr, torch.ones(1))",),
})  # fmt: skip
fused("kernels_for_ever", "kernels that walk on and on, recurse, or ask for blocks of a billion lanes", bodies={
    "scale_kernel": ("while True:\n    pass",),
    "row_sum_kernel": ("tl.store(out_ptr, tl.sum(tl.zeros((BLOCK * 2**30,), dtype=tl.float32), axis=0))",),
    "row_softmax_kernel": ("return row_softmax_kernel(x_ptr, out_ptr, N, x_row, out_row, BLOCK)",),
})  # fmt: skip
fused("kernels_liars", "a whole result by the first program alone, and results that nobody wrote", bodies={
    "scale_kernel": ("""
        if tl.program_id(0) == 0:
            for start in range(0, n, BLOCK):
                offsets = start + tl.arange(0, BLOCK)
                x = tl.load(x_ptr + offsets, mask=offsets < n)
                tl.store(out_ptr + offsets, factor * x, mask=offsets < n)
    """,),
    "row_sum_kernel": ("tl.load(x_ptr)",),
    "attention_kernel": ("tl.store(lse_ptr, 0.0)",),
}, worth={"scale_kernel": 1.0})  # fmt: skip
