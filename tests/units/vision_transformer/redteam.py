"""Hostile submissions of unit 4."""

from __future__ import annotations

# ruff: noqa: E501
from functools import partial

from tests.redteam.submissions import attack

IMAGES = "04_vision_transformer"
LOSS = {"softmax_loss": 5.0}
images = partial(attack, honest=LOSS, unit=IMAGES)

images("images_modules", "torch's ready-made layers, and scikit-learn's accuracy, behind helpers in other cells", first="""
    import torch.nn.functional as ready
    from sklearn import metrics as judge_of

    def helper(*arrays):
        return ready.scaled_dot_product_attention(*arrays[:3])

    def counted(labels, said):
        return judge_of.accuracy_score(labels, said)
""", bodies={
    "linear": ("return ready.linear(X, W, b)",),
    "self_attention": ("return helper(X, X, X)",),
    "encoder_layer": ("nothing = getattr(torch, 'n' + 'n')\nreturn nothing.Linear(model_dim, model_dim)(X)",),
    "accuracy": ("return counted(labels, predict(X).argmax(-1))",),
})  # fmt: skip
images("images_sealed_nodes", "nodes made by hand that have the names of the blocks that are asked for", bodies={
    "linear": ("""
        op = ad.Op()
        op.signature = type(ad.table["add"].signature)("linear", ("X", "W", "b"), {})
        return op(X, W, b)
    """,),
    "self_attention": ("""
        op = ad.Op()
        op.signature = type(ad.table["add"].signature)("self_attention", ("X", "W_Q", "W_K", "W_V"), {"model_dim": None})
        return ad.Node([X, W_Q, W_K, W_V], op, {"model_dim": model_dim})
    """,),
    "encoder_layer": ("return ad.Node([X, W_Q, W_K, W_V, W_1, b_1, W_2, b_2], type('O', (), {'name': 'encoder_layer'})(), {'model_dim': model_dim})",),
    "vision_transformer": ("return ad.Node([X, *weights.values()], type('O', (), {'name': 'vision_transformer'})(), {'model_dim': model_dim})",),
})  # fmt: skip
images("images_no_numbers", "graphs whose values are no numbers, or infinite, and so differ from nothing", bodies={
    "linear": ("return ad.log(X * 0 - 1) @ W + b",),
    "self_attention": ("return ad.log(X * 0 - 1) @ W_V",),
    "encoder_layer": ("return X * 1e308 * 1e308",),
    "vision_transformer": ("return ad.mean(ad.log(X * 0 - 1) @ weights['W_embed'] @ weights['W_head'], dim=1)",),
    "sgd_epoch": ("return {name: value * float('nan') for name, value in weights.items()}, float('nan')",),
    "accuracy": ("return float('nan')",),
})  # fmt: skip
images("images_long_graph", "right values through graphs of 20 000 nodes, which a judge that trains would run for hours", bodies={
    "self_attention": ("""
        for _ in range(10_000):
            X = X + 0 * X
        scores = (X @ W_Q) @ ad.transpose(X @ W_K, -2, -1) / math.sqrt(model_dim)
        return ad.softmax(scores, dim=-1) @ (X @ W_V)
    """,),
    "vision_transformer": ("""
        W_embed, b_embed, positions, *layer, W_head, b_head = weights.values()
        rows = linear(X, W_embed, b_embed) + positions
        for _ in range(10_000):
            rows = rows + 0 * rows
        return linear(ad.mean(encoder_layer(rows, *layer, model_dim), dim=1), W_head, b_head)
    """,),
})  # fmt: skip
images("images_liars", "an accuracy that is another number each time, and an epoch that never calls the model", bodies={
    "accuracy": ("""
        class Any(float):
            def __float__(self):
                return 1.0

            def __eq__(self, other):
                return True

            __hash__ = float.__hash__

        return Any(0.5)
    """,),
    "sgd_epoch": ("return dict(weights), 0.0",),
    "vision_transformer": ("return next(iter(weights.values())) @ weights['W_head'] + weights['b_head']",),
})  # fmt: skip
images("images_frames", "an accuracy that looks for the judge's numbers in the frames that called it", bodies={
    "accuracy": ("""
        import sys

        frame, found = sys._getframe(), []
        while frame is not None:
            found += [value for value in frame.f_locals.values() if isinstance(value, float)]
            frame = frame.f_back
        return found[0] if found else 1.0
    """,),
    "self_attention": ("return 0 * (X @ W_V)",),
})  # fmt: skip
