"""A language model: its blocks, its loss, its training, and what it writes."""

from .. import Unit

UNIT = Unit(
    name="03_transformer_lm",
    notebook="transformer_lm.ipynb",
    needs=("01_operators", "02_evaluator"),
    lectures=("01_computational_graphs", "03_attention"),
    hours=(6, 10),
    functions=("causal_self_attention", "decoder_layer", "transformer_lm", "cross_entropy_loss", "sgd_epoch", "generate"),
    refused=frozenset({"torch.nn", "torch.optim", "torch.enable_grad", "torch.set_grad_enabled", "torch.inference_mode"}),
    stands_in={"generate": frozenset({"logits_of", "CONTEXT"})},
)
