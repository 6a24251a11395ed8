"""What happens to unit 4 in the hands of honest people."""

from __future__ import annotations

from tests.clumsy.submissions import append, at, edit, mangled

IMAGES = "04_vision_transformer"


@mangled(IMAGES)
def images_by_keyword(notebook):
    """Solutions of unit 4 call each other by keyword, return tensors, and print what they see."""
    edit(
        notebook,
        "encoder_layer",
        "self_attention(X, W_Q, W_K, W_V, model_dim)",
        "self_attention(X=X, W_V=W_V, W_K=W_K, W_Q=W_Q, model_dim=model_dim)",
    )
    edit(notebook, "encoder_layer", "linear(hidden, W_2, b_2)", "linear(b=b_2, W=W_2, X=hidden)")
    edit(notebook, "sgd_epoch", "weights, total / len(X)", "dict(reversed(weights.items())), torch.tensor(total / len(X))")
    edit(notebook, "accuracy", "    return right / len(X)", "    print(right, labels)\n    return torch.tensor(right / len(X))")


@mangled(IMAGES)
def images_names_used_again(notebook):
    """Cells of their own, at the end, use X, y, W, T, P, D and images for other things."""
    append(notebook, "all", "X, y, W, T, P, D = 1, 2, 3, 4, 5, 6\nimages = 'pictures'\ndef show(*args):\n    return args")


@mangled(IMAGES, accuracy=3, linear=3)
def images_two_left_out(notebook):
    """Two exercises of unit 4 were never written, and what builds on one of them is right all the same."""
    for name in ("linear", "accuracy"):
        head = at(notebook, name).source.split("    return" if name == "linear" else "    right")[0]
        at(notebook, name).source = head + f'    raise NotImplementedError("exercise {name} is not done yet")'
