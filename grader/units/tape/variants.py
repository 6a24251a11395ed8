"""Variants of unit 7."""

from __future__ import annotations

from autodiff_lib.units.tape.unit import UNIT

from .. import variants_of

variant = variants_of(UNIT.name)

BACKWARD = [
    variant(
        "backward",
        "first-from-the-divergence-then-from-the-buffer",
        "hands the divergence to the last entry's function itself, and counts backward",
        """
        @ad.method(Autograd, "07_tape")
        def backward(self, divergence):
            for i in range(len(self.operation_list)):
                op = self.operation_list[-1 - i]
                if i > 0 and not self.gradient_buffer.is_in_memory(op.outputs):
                    continue
                up = divergence if i == 0 else self.gradient_buffer.get_param(op.outputs)
                grads = op.backward_operation(up, *op.inputs)
                if isinstance(grads, np.ndarray) or np.isscalar(grads):
                    grads = (grads,)
                for j in range(len(op.inputs)):
                    if op.gradients_to_update[j] is None:
                        self.gradient_buffer.update_param(op.inputs[j], grads[j])
                    else:
                        op.gradients_to_update[j] += grads[j]
        """,
    ),
]

LINEAR = [
    variant(
        "Linear",
        "one-operation",
        "records one operation with a backward function of its own",
        """
        @exercise
        class Linear(WeightedLayer):
            def forward(self, x):
                y = x @ self.W.T + self.b.T

                def back(g, x, W, b):
                    return [g @ W, g.T @ x, g.sum(axis=0)[:, None]]

                self.autograd_engine.add_operation([x, self.W, self.b], y, [None, self.dW, self.db], back)
                return y
        """,
    ),
]

SIGMOID = [
    variant(
        "Sigmoid",
        "two-formulas",
        "has a formula for each sign, and the slope of the two sides",
        """
        @exercise
        class Sigmoid(Layer):
            def forward(self, x):
                small = np.exp(-np.abs(x))
                y = np.where(x >= 0, 1 / (1 + small), small / (1 + small))

                def back(g, x):
                    e = np.exp(-np.abs(x))
                    return (g * e / (1 + e) ** 2,)

                self.autograd_engine.add_operation(inputs=[x], output=y, gradients_to_update=[None], backward_operation=back)
                return y
        """,
    ),
]

VARIANTS = [*BACKWARD, *LINEAR, *SIGMOID]
