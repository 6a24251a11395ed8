"""Fused operators: what they move, their gradients, row blocks, and attention in one pass over the keys."""

from .. import Unit

SOFTMAX = frozenset({"softmax", "log_softmax", "softmin", "_softmax", "Softmax", "LogSoftmax"})
ATTENTION = frozenset({"scaled_dot_product_attention", "multi_head_attention_forward", "MultiheadAttention", "flex_attention"})
SUMS = frozenset({"logsumexp", "logcumsumexp", "logaddexp"})

KERNELS = (
    "scale_kernel", "add_kernel", "row_sum_kernel", "row_softmax_kernel", "matmul_kernel", "matmul_layernorm_kernel",
    "matmul_softmax_kernel", "attention_kernel", "attention_grad_q_kernel", "attention_grad_kv_kernel",
)  # fmt: skip
EXTRA = frozenset(KERNELS[-2:])

UNIT = Unit(
    name="05_fused_kernels",
    notebook="fused_kernels.ipynb",
    needs=("01_operators", "02_evaluator", "03_transformer_lm"),
    lectures=("05_memory_and_fusion",),
    hours=(6, 10),
    operators=("matmul_layernorm(a, b, /, normalized_shape, eps=1e-5)", "matmul_softmax(a, b, /, dim=-1)"),
    functions=("loop_counts", "blocked_softmax", "online_softmax", "one_pass_attention", *KERNELS),
    only={kernel: frozenset({"triton", "autodiff_lib"}) for kernel in KERNELS},  # no other library is there on a GPU
    extra=EXTRA,
    ready_made={
        "matmul_layernorm": frozenset({"layer_norm", "native_layer_norm", "LayerNorm", "group_norm", "GroupNorm"}),
        "matmul_softmax": SOFTMAX | ATTENTION,
        "blocked_softmax": ATTENTION,
        "online_softmax": SOFTMAX | ATTENTION | SUMS,
        "one_pass_attention": SOFTMAX | ATTENTION | SUMS,
    },
)
