"""Variants of unit 6."""

from __future__ import annotations

from autodiff_lib.units.eager_tensor.unit import UNIT

from .. import variants_of

variant = variants_of(UNIT.name)

SUMMATION = [
    variant(
        "Summation",
        "shapes-read-off",
        "reads the shape off the input, as Needle's students do, and puts the axes back by reshaping and stretching",
        """
        @ad.operator("Summation(a, /, axes=None)")
        class Summation(ad.Op):
            def compute(self, node, inputs):
                return inputs[0].sum() if node.axes is None else inputs[0].sum(node.axes)

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                shape = a.shape
                axes = range(len(shape)) if node.axes is None else node.axes
                axes = {axes} if isinstance(axes, int) else set(axes)
                gone = {axis % len(shape) for axis in axes}
                kept = tuple(1 if axis in gone else size for axis, size in enumerate(shape))
                return [output_grad.reshape(kept).broadcast_to(shape)]
        """,
    ),
]

RELU = [
    variant(
        "ReLU",
        "read-off-the-output",
        "finds the mask in what came out, and returns a tuple",
        """
        @ad.operator("ReLU(a, /)")
        class ReLU(ad.Op):
            def compute(self, node, inputs):
                return torch.where(inputs[0] > 0, inputs[0], torch.zeros_like(inputs[0]))

            def gradient(self, node, output_grad):
                return (ad.EWiseMul(ad.greater(node, ad.zeros_like(node)), output_grad),)
        """,
    ),
]

NN_EPOCH = [
    variant(
        "nn_epoch",
        "loss-by-itself",
        "has a loss of its own, with the gradients taken in one go",
        """
        @exercise
        def nn_epoch(X, y, W1, W2, lr=0.1, batch=100):
            first, second = W1.numpy(), W2.numpy()
            X, y = np.asarray(X), np.asarray(y)
            for rows in np.split(np.arange(len(X)), range(batch, len(X), batch)):
                a, b = Tensor(first), Tensor(second)
                hot = Tensor(np.eye(second.shape[1], dtype=second.dtype)[y[rows]], requires_grad=False)
                logits = ad.MatMul(ad.ReLU(ad.MatMul(Tensor(X[rows].astype(first.dtype), requires_grad=False), a)), b)
                total = ad.Log(ad.Exp(logits).sum(1)).sum() - (logits * hot).sum()
                (total / len(rows)).backward()
                first, second = first - lr * a.grad.numpy(), second - lr * b.grad.numpy()
            return Tensor(first), Tensor(second)
        """,
    ),
]

VARIANTS = [*SUMMATION, *RELU, *NN_EPOCH]
