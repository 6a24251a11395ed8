"""A vision transformer: images read as sentences, on the student's own engine."""

from .. import Unit

UNIT = Unit(
    name="04_vision_transformer",
    notebook="vision_transformer.ipynb",
    needs=("01_operators", "02_evaluator"),
    lectures=("03_attention",),
    hours=(4, 8),
    functions=("linear", "self_attention", "encoder_layer", "vision_transformer", "softmax_loss", "sgd_epoch", "accuracy"),
    own_names=True,
    refused=frozenset({"torch.nn", "torch.optim", "torch.enable_grad", "torch.set_grad_enabled", "torch.inference_mode"}),
    ready_made={
        "accuracy": frozenset({"accuracy_score", "balanced_accuracy_score", "confusion_matrix", "zero_one_loss", "top_k_accuracy_score"})
    },
)
