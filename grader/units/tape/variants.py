"""Variants of unit 7."""

from __future__ import annotations

from autodiff_lib.units.tape.unit import UNIT

from .. import variants_of

variant = variants_of(UNIT.name)

ADD_OPERATION = [
    variant(
        "add_operation",
        "spots-for-everything",
        "makes a spot for each input, and for the output, whoever keeps their gradients",
        """
        @ad.method(Autograd, "07_tape")
        def add_operation(self, inputs, output, gradients_to_update, backward_operation):
            if len(inputs) != len(gradients_to_update):
                raise ValueError("as many gradients as inputs, please")
            for array in (*inputs, output):
                if not self.gradient_buffer.is_in_memory(array):
                    self.gradient_buffer.add_spot(array)
            op = Operation(
                inputs=[*inputs],
                outputs=output,
                gradients_to_update=[*gradients_to_update],
                backward_operation=backward_operation,
            )
            self.operation_list += [op]
        """,
    ),
    variant(
        "add_operation",
        "tuples-by-number",
        "keeps tuples on the tape, counts, and takes a shortcut to the buffer's dictionary",
        """
        @ad.method(Autograd, "07_tape")
        def add_operation(self, inputs, output, gradients_to_update, backward_operation):
            if len(inputs) != len(gradients_to_update):
                raise ValueError(f"{len(inputs)} != {len(gradients_to_update)}")
            buffer = self.gradient_buffer
            for i in range(len(inputs)):
                if gradients_to_update[i] is None:
                    key = buffer.get_memory_loc(inputs[i])
                    buffer.memory.setdefault(key, np.zeros_like(inputs[i]))
            self.operation_list.append(Operation(tuple(inputs), output, tuple(gradients_to_update), backward_operation))
        """,
    ),
    variant(
        "add_operation",
        "written-down-first",
        "writes the entry down first, in a new list, and makes spots for the output and what is tracked",
        """
        @ad.method(Autograd, "07_tape")
        def add_operation(self, inputs, output, gradients_to_update, backward_operation):
            if len(inputs) != len(gradients_to_update):
                raise ValueError("unequal counts")
            entry = Operation(list(inputs), output, list(gradients_to_update), backward_operation)
            self.operation_list = self.operation_list + [entry]
            tracked = [array for array, own in zip(inputs, gradients_to_update) if own is None]
            for array in tracked + [output]:
                self.gradient_buffer.add_spot(array)
        """,
    ),
]

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
    variant(
        "backward",
        "zeros-for-unused-outputs",
        "takes an output that nobody has used back with zeros, and adds with np.add",
        """
        @ad.method(Autograd, "07_tape")
        def backward(self, divergence):
            buffer = self.gradient_buffer
            for entry in self.operation_list:
                buffer.add_spot(entry.outputs)
            buffer.update_param(self.operation_list[-1].outputs, divergence)
            for k in range(len(self.operation_list) - 1, -1, -1):
                entry = self.operation_list[k]
                back = entry.backward_operation(np.array(buffer.get_param(entry.outputs)), *entry.inputs)
                back = list(back) if type(back) in (tuple, list) else [back]
                for x, own, g in zip(entry.inputs, entry.gradients_to_update, back):
                    if own is not None:
                        np.add(own, g, out=own)
                    else:
                        buffer.set_param(x, buffer.get_param(x) + g)
        """,
    ),
    variant(
        "backward",
        "takes-the-tape-to-pieces",
        "takes entries off the tape while it goes, and makes spots where they are missing",
        """
        def back_through(entry, grad_output):
            found = entry.backward_operation(grad_output, *entry.inputs)
            return found if isinstance(found, (tuple, list)) else (found,)
        """,
        """
        @ad.method(Autograd, "07_tape")
        def backward(self, divergence):
            buffer, first = self.gradient_buffer, True
            while self.operation_list:
                entry = self.operation_list.pop()
                if first:
                    grad_output, first = np.broadcast_to(divergence, entry.outputs.shape), False
                elif buffer.is_in_memory(entry.outputs):
                    grad_output = buffer.get_param(entry.outputs)
                else:
                    grad_output = np.zeros_like(entry.outputs)
                for x, own, g in zip(entry.inputs, entry.gradients_to_update, back_through(entry, grad_output)):
                    if own is None:
                        buffer.add_spot(x)
                        buffer.update_param(x, g)
                    else:
                        own[...] = own + g
        """,
    ),
]

SUB_BACKWARD = [
    variant(
        "sub_backward",
        "sums-by-hand",
        "finds out by itself over which axes an array was stretched, and returns a list",
        """
        def shrunk(gradient, shape):
            while gradient.ndim > len(shape):
                gradient = gradient.sum(axis=0)
            for axis, size in enumerate(shape):
                if size == 1:
                    gradient = gradient.sum(axis=axis, keepdims=True)
            return gradient
        """,
        """
        @exercise
        def sub_backward(grad_output, a, b):
            return [shrunk(grad_output, np.shape(a)), shrunk(-1 * grad_output, np.shape(b))]
        """,
    ),
    variant(
        "sub_backward",
        "negated-copy",
        "negates a copy in place, after the sum",
        """
        @exercise
        def sub_backward(grad_output, a, b):
            grad_a = unbroadcast(grad_output, a.shape)
            grad_b = unbroadcast(grad_output, b.shape).copy()
            grad_b *= -1
            return (grad_a, grad_b)
        """,
    ),
]

MATMUL_BACKWARD = [
    variant(
        "matmul_backward",
        "einsum",
        "writes both products with indices",
        """
        @exercise
        def matmul_backward(grad_output, a, b):
            of_a = np.einsum("ij,kj->ik", grad_output, b)
            of_b = np.einsum("ik,ij->kj", a, grad_output)
            return of_a, of_b
        """,
    ),
    variant(
        "matmul_backward",
        "turned-afterwards",
        "multiplies everything on its side, and turns it back, in a list",
        """
        @exercise
        def matmul_backward(grad_output, a, b):
            turned = grad_output.T
            return [np.dot(b, turned).T, np.dot(turned, a).T]
        """,
    ),
    variant(
        "matmul_backward",
        "row-by-row",
        "adds outer products up in arrays of its own, of the right dtype",
        """
        @exercise
        def matmul_backward(grad_output, a, b):
            grad_a, grad_b = np.empty_like(a), np.zeros_like(b)
            for n in range(a.shape[0]):
                grad_a[n] = b @ grad_output[n]
                grad_b += np.outer(a[n], grad_output[n])
            return grad_a, grad_b
        """,
    ),
]

MUL_BACKWARD = [
    variant(
        "mul_backward",
        "through-copies",
        "multiplies into copies of its own",
        """
        @exercise
        def mul_backward(grad_output, a, b):
            grads = []
            for other, mine in ((b, a), (a, b)):
                g = np.array(grad_output)
                g *= other
                grads.append(unbroadcast(g, mine.shape))
            return grads
        """,
    ),
    variant(
        "mul_backward",
        "stretched-first",
        "stretches both, and sums over axes of its own finding",
        """
        @exercise
        def mul_backward(grad_output, a, b):
            def back(g, x):
                lead = g.ndim - x.ndim
                g = g.sum(axis=tuple(range(lead))) if lead else g
                axes = tuple(i for i, n in enumerate(x.shape) if n == 1)
                return np.sum(g, axis=axes, keepdims=True) if axes else g

            wide_a, wide_b = np.broadcast_arrays(a, b)
            return back(wide_b * grad_output, a), back(wide_a * grad_output, b)
        """,
    ),
]

DIV_BACKWARD = [
    variant(
        "div_backward",
        "quotient-rule",
        "divides by the square, as the rule has it",
        """
        @exercise
        def div_backward(grad_output, a, b):
            grad_b = grad_output * (0 * b - a) / b**2
            return unbroadcast(grad_output / b, a.shape), unbroadcast(grad_b, b.shape)
        """,
    ),
    variant(
        "div_backward",
        "by-the-reciprocal",
        "multiplies with the reciprocal, and leans on the quotient",
        """
        @exercise
        def div_backward(grad_output, a, b):
            flipped = 1 / b
            quotient = a * flipped
            return [
                unbroadcast(grad_output * flipped, a.shape),
                -unbroadcast(quotient * grad_output * flipped, b.shape),
            ]
        """,
    ),
]

LOG_BACKWARD = [
    variant(
        "log_backward",
        "in-a-tuple",
        "multiplies with a power, in brackets",
        """
        @exercise
        def log_backward(grad_output, a):
            return (grad_output * a**-1.0,)
        """,
    ),
    variant(
        "log_backward",
        "into-a-new-array",
        "divides into an array of its own, in a list, with an argument called otherwise",
        """
        @exercise
        def log_backward(grad_output, x):
            result = np.array(grad_output)
            result /= x
            return [result]
        """,
    ),
]

EXP_BACKWARD = [
    variant(
        "exp_backward",
        "in-a-list",
        "multiplies into an array of its own, and puts it into a list",
        """
        @exercise
        def exp_backward(grad_output, a):
            slope = np.exp(a)
            slope *= grad_output
            return [slope]
        """,
    ),
    variant(
        "exp_backward",
        "base-by-power",
        "takes a power of e, with a print",
        """
        @exercise
        def exp_backward(grad_output, a):
            print("exp", grad_output.shape)
            return (np.multiply(np.e**a, grad_output),)
        """,
    ),
]

OUTER_BACKWARD = [
    variant(
        "outer_backward",
        "sums-of-products",
        "multiplies entry by entry and sums",
        """
        @exercise
        def outer_backward(grad_output, a, b):
            return [(grad_output * b).sum(axis=1), (grad_output * a[:, None]).sum(axis=0)]
        """,
    ),
    variant(
        "outer_backward",
        "by-matmul",
        "makes matrices of the vectors, and uses matmul's gradients",
        """
        @exercise
        def outer_backward(grad_output, a, b):
            column, row = a.reshape(-1, 1), b[np.newaxis]
            grad_a, grad_b = grad_output @ row.T, column.T @ grad_output
            return grad_a.ravel(), grad_b[0]
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
    variant(
        "Linear",
        "on-its-side",
        "records four operations: two transposes, a product with W first, and the sum with b as it is",
        """
        def turn_back(grad_output, a):
            return grad_output.T.copy()
        """,
        """
        @exercise
        class Linear(WeightedLayer):
            def forward(self, x):
                add = self.autograd_engine.add_operation
                turned = x.T.copy()
                add([x], turned, [None], turn_back)
                h = np.matmul(self.W, turned)
                add([self.W, turned], h, [self.dW, None], matmul_backward)
                s = h + self.b
                add([h, self.b], s, [None, self.db], add_backward)
                y = s.T.copy()
                add([s], y, [None], turn_back)
                return y
        """,
    ),
    variant(
        "Linear",
        "method-and-keywords",
        "has its backward function as a method that knows the weights, and records by keyword",
        """
        @exercise
        class Linear(WeightedLayer):
            def forward(self, A):
                Z = np.einsum("ni,oi->no", A, self.W) + self.b[:, 0]
                self.autograd_engine.add_operation(
                    output=Z,
                    inputs=(A, self.W, self.b),
                    backward_operation=self.back,
                    gradients_to_update=(None, self.dW, self.db),
                )
                return Z

            @staticmethod
            def back(dLdZ, A, W, b):
                dLdW = np.einsum("no,ni->oi", dLdZ, A)
                return dLdZ @ W, dLdW, dLdZ.sum(axis=0).reshape(b.shape)
        """,
    ),
    variant(
        "Linear",
        "gradients-from-the-closure",
        "hands in flat views of dW and db, for a product and a sum",
        """
        @exercise
        class Linear(WeightedLayer):
            def forward(self, x):
                h = x.dot(self.W.T)
                self.autograd_engine.add_operation(
                    [x, self.W], h, [None, self.dW], lambda g, x, W: (g.dot(W), g.T.dot(x))
                )
                b = self.b.ravel()
                y = h + b
                self.autograd_engine.add_operation([h, b], y, [None, self.db.ravel()], add_backward)
                return y
        """,
    ),
]

IDENTITY = [
    variant(
        "Identity",
        "sum-with-zero",
        "adds a zero, with a function that has a name and returns a tuple",
        """
        def straight(g, x):
            return (g,)
        """,
        """
        @exercise
        class Identity(Layer):
            def forward(self, x):
                y = x + np.zeros_like(x)
                self.autograd_engine.add_operation([x], y, [None], straight)
                return y
        """,
    ),
    variant(
        "Identity",
        "a-method-goes-back",
        "keeps its backward function as a method, and hands back a copy in a list",
        """
        @exercise
        class Identity(Layer):
            def forward(self, x):
                y = np.array(x, dtype=x.dtype)
                self.autograd_engine.add_operation(
                    inputs=(x,), output=y, gradients_to_update=(None,), backward_operation=self.backward
                )
                return y

            def backward(self, grad_output, x):
                return [grad_output.copy()]
        """,
    ),
    variant(
        "Identity",
        "nothing-at-all",
        "returns x itself, and records nothing, as nothing happens",
        """
        @exercise
        class Identity(Layer):
            def forward(self, x):
                return x
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
    variant(
        "Sigmoid",
        "by-tanh",
        "writes it as a tanh, and its slope as that of a tanh",
        """
        @exercise
        class Sigmoid(Layer):
            def forward(self, x):
                t = np.tanh(x / 2)
                y = (t + 1) / 2
                self.autograd_engine.add_operation([x], y, [None], lambda g, x: g * (1 - t**2) / 4)
                return y
        """,
    ),
    variant(
        "Sigmoid",
        "plain-formula",
        "has the formula as it stands, where an overflow gives infinity, and one by infinity is right",
        """
        @exercise
        class Sigmoid(Layer):
            def forward(self, Z):
                with np.errstate(over="ignore"):
                    A = 1 / (1 + np.exp(-Z))

                def sigmoid_backward(dLdA, Z):
                    dAdZ = A - A * A
                    return [dLdA * dAdZ]

                self.autograd_engine.add_operation([Z], A, [None], sigmoid_backward)
                return A
        """,
    ),
    variant(
        "Sigmoid",
        "with-masks",
        "fills an array with masks, and clips far out",
        """
        @exercise
        class Sigmoid(Layer):
            def forward(self, x):
                y, up = np.empty_like(x), x > 0
                y[up] = 1 / (1 + np.exp(-x[up].clip(max=80)))
                e = np.exp(x[~up])
                y[~up] = e / (1 + e)

                def slope(g, x):
                    g = g.copy()
                    g *= y
                    g -= g * y
                    return g

                self.autograd_engine.add_operation([x], y, [None], slope)
                return y
        """,
    ),
]

RELU = [
    variant(
        "ReLU",
        "mask",
        "multiplies with a mask, in both directions, and lets all pass at zero",
        """
        @exercise
        class ReLU(Layer):
            def forward(self, x):
                mask = x >= 0
                y = x * mask

                def back(g, x):
                    return (g * mask,)

                self.autograd_engine.add_operation([x], y, [None], back)
                return y
        """,
    ),
    variant(
        "ReLU",
        "copy-and-clear",
        "clears entries of copies, and takes half of the slope at zero",
        """
        @exercise
        class ReLU(Layer):
            def forward(self, x):
                y = x.copy()
                y[y < 0] = 0

                def back(g, x):
                    g = np.array(g)
                    g[x < 0] = 0
                    g[x == 0] /= 2
                    return [g]

                self.autograd_engine.add_operation([x], y, [None], back)
                return y
        """,
    ),
    variant(
        "ReLU",
        "half-of-a-sum",
        "is half of x and its absolute value, and asks the output where the slope is",
        """
        @exercise
        class ReLU(Layer):
            def forward(self, x):
                y = (x + abs(x)) / 2
                self.autograd_engine.add_operation([x], y, [None], lambda g, _: g * np.sign(y))
                return y
        """,
    ),
]

TANH = [
    variant(
        "Tanh",
        "by-the-hyperbolic-cosine",
        "has a slope of its own, from x, and knows that the cosine overflows",
        """
        @exercise
        class Tanh(Layer):
            def forward(self, x):
                y = np.tanh(x)

                def back(g, x):
                    with np.errstate(over="ignore"):
                        return (g / np.cosh(x) ** 2,)

                self.autograd_engine.add_operation([x], y, [None], back)
                return y
        """,
    ),
    variant(
        "Tanh",
        "by-a-sigmoid",
        "is a sigmoid in disguise, with a slope of two factors",
        """
        @exercise
        class Tanh(Layer):
            def forward(self, x):
                e = np.exp(-2 * np.abs(x))
                y = np.sign(x) * (1 - e) / (1 + e)
                self.autograd_engine.add_operation([x], y, (None,), lambda g, x: [g * (1 + y) * (1 - y)])
                return y
        """,
    ),
    variant(
        "Tanh",
        "clipped-far-out",
        "writes both exponentials out, of numbers that are cut off far out",
        """
        @exercise
        class Tanh(Layer):
            def forward(self, x):
                z = np.clip(x, -30, 30)
                p, m = np.exp(z), np.exp(-z)
                y = (p - m) / (p + m)

                def tanh_backward(grad_output, x):
                    grad = np.ones_like(y) - y**2
                    return grad_output * grad

                self.autograd_engine.add_operation([x], y, [None], tanh_backward)
                return y
        """,
    ),
]

SOFTMAX_CROSS_ENTROPY = [
    variant(
        "SoftmaxCrossEntropy",
        "logaddexp",
        "reduces with logaddexp, and picks the right logits by number",
        """
        @exercise
        class SoftmaxCrossEntropy(Loss):
            def forward(self, y, y_hat):
                rows, right = np.arange(len(y)), y.argmax(axis=1)
                total = np.logaddexp.reduce(y_hat, axis=1)
                loss = np.array((total - y_hat[rows, right]).mean())

                def back(g, y_hat):
                    p = np.exp(y_hat - total[:, None])
                    p[rows, right] -= 1
                    p *= g / len(rows)
                    return (p,)

                self.autograd_engine.add_operation([y_hat], loss, [None], back)
                return loss
        """,
    ),
    variant(
        "SoftmaxCrossEntropy",
        "both-recorded",
        "records the labels, too, and has gradients for both",
        """
        @exercise
        class SoftmaxCrossEntropy(Loss):
            def forward(self, y, y_hat):
                top = np.amax(y_hat, axis=-1, keepdims=True)
                log_p = (y_hat - top) - np.log(np.exp(y_hat - top).sum(-1, keepdims=True))
                N = y.shape[0]
                loss = np.asarray(-np.sum(y * log_p) / N)
                self.autograd_engine.add_operation(
                    [y, y_hat], loss, [None, None], lambda g, y, y_hat: (-g * log_p / N, g * (np.exp(log_p) - y) / N)
                )
                return loss
        """,
    ),
    variant(
        "SoftmaxCrossEntropy",
        "a-numpy-number",
        "returns and records the number that NumPy's mean gives, and has a softmax for both ways",
        """
        @exercise
        class SoftmaxCrossEntropy(Loss):
            def forward(self, y, y_hat):
                powers = np.exp(y_hat - y_hat.max(axis=1)[:, None])
                p = powers / powers.sum(axis=1)[:, None]
                with np.errstate(divide="ignore", invalid="ignore"):
                    L = -np.where(y == 1, y_hat - y_hat.max(axis=1)[:, None] - np.log(powers.sum(axis=1))[:, None], 0)
                loss = L.sum(axis=1).mean()
                self.autograd_engine.add_operation([y_hat], loss, [None], lambda g, y_hat: [(p - y) * (g / len(p))])
                return loss
        """,
    ),
    variant(
        "SoftmaxCrossEntropy",
        "row-by-row",
        "computes row by row, in a loop, with a softmax and a logarithm of a sum",
        """
        def log_of_sum(row):
            top = max(row)
            return top + np.log(np.exp(row - top).sum())
        """,
        """
        @exercise
        class SoftmaxCrossEntropy(Loss):
            def forward(self, y, y_hat):
                losses = [log_of_sum(row) - row @ one for row, one in zip(y_hat, y)]
                loss = np.asarray(sum(losses) / len(losses), dtype=y_hat.dtype)

                def back(g, y_hat):
                    grad = np.empty_like(y_hat)
                    for n, row in enumerate(y_hat):
                        grad[n] = (np.exp(row - log_of_sum(row)) - y[n]) * g / len(y)
                    return grad

                self.autograd_engine.add_operation([y_hat], loss, [None], back)
                return loss
        """,
    ),
]

VARIANTS = [
    *ADD_OPERATION,
    *BACKWARD,
    *SUB_BACKWARD,
    *MATMUL_BACKWARD,
    *MUL_BACKWARD,
    *DIV_BACKWARD,
    *LOG_BACKWARD,
    *EXP_BACKWARD,
    *OUTER_BACKWARD,
    *LINEAR,
    *IDENTITY,
    *SIGMOID,
    *RELU,
    *TANH,
    *SOFTMAX_CROSS_ENTROPY,
]
