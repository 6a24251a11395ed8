"""Variants of unit 6."""

from __future__ import annotations

from autodiff_lib.units.eager_tensor.unit import UNIT

from .. import variants_of

variant = variants_of(UNIT.name)

# --- how tensors come about

REALIZE = [
    variant(
        "realize_cached_data",
        "in-two-walks",
        "lists what is missing, inputs last, and then computes it from the back",
        """
        @method
        def realize_cached_data(self):
            missing, seen, todo = [], set(), [(self, 0)]
            while todo:
                node, place = todo.pop()
                if node.cached_data is not None or (place == 0 and node in seen):
                    continue
                seen.add(node)
                if place < len(node.inputs):
                    todo.append((node, place + 1))
                    todo.append((node.inputs[place], 0))
                else:
                    missing.append(node)
            for node in missing:
                node.cached_data = node.op.compute(node, [one.cached_data for one in node.inputs])
            return self.cached_data
        """,
    ),
    variant(
        "realize_cached_data",
        "generators-in-a-stack",
        "keeps a stack of generators, and hands tuples to compute",
        """
        def missing_of(node):
            for one in node.inputs:
                if one.cached_data is None:
                    yield one
        """,
        """
        @method
        def realize_cached_data(self):
            if self.cached_data is None:
                stack = [(self, missing_of(self))]
                while stack:
                    node, missing = stack[-1]
                    deeper = next(missing, None)
                    if deeper is not None:
                        stack.append((deeper, missing_of(deeper)))
                    else:
                        stack.pop()
                        if node.cached_data is None:
                            node.cached_data = node.op.compute(node, list(one.cached_data for one in node.inputs))
            return self.cached_data
        """,
    ),
    variant(
        "realize_cached_data",
        "levels",
        "goes back level by level, and computes again and again what has all of its inputs",
        """
        @method
        def realize_cached_data(self):
            waiting = {}
            fringe = [self]
            users = {}
            while fringe:
                node = fringe.pop()
                if node.cached_data is not None or node in waiting:
                    continue
                parents = {one for one in node.inputs if one.cached_data is None}
                waiting[node] = len(parents)
                for one in parents:
                    users.setdefault(one, []).append(node)
                    fringe.append(one)
            ready = [node for node, count in waiting.items() if count == 0]
            while ready:
                node = ready.pop()
                node.cached_data = node.op.compute(node, [one.cached_data for one in node.inputs])
                for user in users.get(node, []):
                    waiting[user] -= 1
                    if not waiting[user]:
                        ready.append(user)
            return self.cached_data
        """,
    ),
]

DETACH = [
    variant(
        "detach",
        "made-by-hand",
        "makes a tensor with `__new__` and `_init`, as make_const does, and says print",
        """
        @method
        def detach(self):
            apart = Tensor.__new__(Tensor)
            apart._init(ad.table["placeholder"], [], None, cached_data=self.value(), requires_grad=False)
            print("cut off", apart.shape)
            return apart
        """,
    ),
    variant(
        "detach",
        "a-view",
        "hands out a view of the array, in which the same numbers lie, and makes a constant of the class of the tensor",
        """
        @method
        def detach(self):
            if self.cached_data is None:
                self.realize_cached_data()
            return type(self).make_const(self.cached_data.view(self.cached_data.shape))
        """,
    ),
    variant(
        "detach",
        "of-a-leaf",
        "hands a torch tensor that is detached once more to make_const",
        """
        @method
        def detach(self):
            values = self.realize_cached_data().detach()
            return self.make_const(data=values, requires_grad=False)
        """,
    ),
]

MAKE_FROM_OP = [
    variant(
        "make_from_op",
        "needles-own",
        "in Needle's own order: detached first where nobody needs a gradient, and a value otherwise",
        """
        @method
        @classmethod
        def make_from_op(cls, op, inputs, attrs):
            tensor = cls.__new__(cls)
            tensor._init(op, inputs, attrs)
            if not lazy_mode.get():
                if not tensor.requires_grad:
                    return tensor.detach()
                tensor.realize_cached_data()
            return tensor
        """,
    ),
    variant(
        "make_from_op",
        "value-first",
        "computes the value from those of the inputs, and fills the tensor afterwards",
        """
        @method
        @classmethod
        def make_from_op(cls, op, inputs, attrs):
            needed = any([one.requires_grad for one in inputs])
            made = object.__new__(cls)
            made._init(op, tuple(inputs), dict(attrs), None, needed)
            if lazy_mode.get():
                return made
            values = []
            for one in inputs:
                values.append(one.realize_cached_data())
            made.cached_data = op.compute(made, values)
            if not needed:
                return cls.make_const(made.cached_data)
            return made
        """,
    ),
    variant(
        "make_from_op",
        "cut-off-by-hand",
        "empties the tensor's own inputs where nobody needs them",
        """
        @method
        @classmethod
        def make_from_op(cls, op, inputs, attrs):
            node = cls.__new__(cls)
            node._init(op=op, inputs=inputs, attrs=attrs)
            if lazy_mode.get() is False:
                node.realize_cached_data()
                if not node.requires_grad:
                    node._init(ad.table["placeholder"], (), cached_data=node.cached_data, requires_grad=False)
            return node
        """,
    ),
]


# --- operators

NEGATE = [
    variant(
        "Negate",
        "times-minus-one",
        "multiplies by minus one, in both methods, and returns a tuple",
        """
        @ad.operator("Negate(a, /)")
        class Negate(ad.Op):
            def compute(self, node, inputs):
                (a,) = inputs
                return a * -1

            def gradient(self, node, output_grad):
                return (output_grad * -1,)
        """,
    ),
    variant(
        "Negate",
        "minus-sign",
        "uses torch's name for it, and the minus sign of tensors",
        '''
        @ad.operator("Negate(a, /)")
        class Negate(ad.Op):
            """-a."""

            def compute(self, node: ad.Node, inputs: list[torch.Tensor]) -> torch.Tensor:
                return torch.neg(inputs[0])

            def gradient(self, node: ad.Node, output_grad: ad.Node) -> list[ad.Node]:
                return [-output_grad]
        ''',
    ),
]

POWER_SCALAR = [
    variant(
        "PowerScalar",
        "needles-own",
        "as Needle's students write it, with the operators of tensors, and a word of its own for zero",
        """
        @ad.operator("PowerScalar(a, /, scalar)")
        class PowerScalar(ad.Op):
            def compute(self, node, inputs):
                return torch.pow(inputs[0], node.attrs["scalar"])

            def gradient(self, node, output_grad):
                a = node.inputs[0]
                if not node.scalar:
                    return [output_grad * 0]
                return [output_grad * node.scalar * a ** (node.scalar - 1)]
        """,
    ),
    variant(
        "PowerScalar",
        "the-input-itself",
        "hands out its input for the exponent 1, and what comes from above for its gradient; of 0 it needs no lower power",
        """
        @ad.operator("PowerScalar(a, /, scalar)")
        class PowerScalar(ad.Op):
            def compute(self, node, inputs):
                return inputs[0] if node.scalar == 1 else inputs[0] ** node.scalar

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                if node.scalar == 1:
                    return [output_grad]
                return [output_grad * node.scalar * ad.PowerScalar(a, node.scalar - 1 if node.scalar else 1)]
        """,
    ),
    variant(
        "PowerScalar",
        "named-operators",
        "calls each operator by its name, and numbers that need none of them are cases of their own",
        """
        @ad.operator("PowerScalar(a, /, scalar)")
        class PowerScalar(ad.Op):
            def compute(self, node, inputs):
                return inputs[0].pow(node.scalar)

            def gradient(self, node, output_grad):
                n = node.scalar
                if n == 0:
                    return [ad.MulScalar(output_grad, 0.0)]
                if n == 1:
                    return [output_grad]
                if n == 2:
                    return [ad.MulScalar(ad.EWiseMul(node.inputs[0], output_grad), 2)]
                return [ad.EWiseMul(ad.MulScalar(output_grad, n), ad.PowerScalar(node.inputs[0], n - 1))]
        """,
    ),
]

DIV_SCALAR = [
    variant(
        "DivScalar",
        "times-the-reciprocal",
        "multiplies by one over the number, in both methods",
        """
        @ad.operator("DivScalar(a, /, scalar)")
        class DivScalar(ad.Op):
            def compute(self, node, inputs):
                return inputs[0] * (1 / node.scalar)

            def gradient(self, node, output_grad):
                return [output_grad * (1 / node.scalar)]
        """,
    ),
    variant(
        "DivScalar",
        "slash",
        "writes the slash, and reads the number from the dictionary of attributes",
        """
        @ad.operator("DivScalar(a, /, scalar)")
        class DivScalar(ad.Op):
            def compute(self, node, inputs):
                return torch.true_divide(*inputs, node.attrs["scalar"])

            def gradient(self, node, output_grad):
                result = output_grad / node.attrs["scalar"]
                return result,
        """,
    ),
]

EWISE_DIV = [
    variant(
        "EWiseDiv",
        "needles-own",
        "as Needle's students write it, and then sums over what was stretched by shapes that were read",
        '''
        def back_to(grad, shape):
            """Sum over what broadcasting has stretched."""
            extra = len(grad.shape) - len(shape)
            axes = tuple(range(extra))
            axes += tuple(extra + i for i, size in enumerate(shape) if size == 1 and grad.shape[extra + i] != 1)
            return (grad.sum(axes) if axes else grad).reshape(shape)
        ''',
        """
        @ad.operator("EWiseDiv(a, b, /)")
        class EWiseDiv(ad.Op):
            def compute(self, node, inputs):
                a, b = inputs
                return a / b

            def gradient(self, node, output_grad):
                lhs, rhs = node.inputs
                return back_to(output_grad / rhs, lhs.shape), back_to(-output_grad * lhs / rhs**2, rhs.shape)
        """,
    ),
    variant(
        "EWiseDiv",
        "negative-powers",
        "multiplies by powers of minus one and two",
        """
        @ad.operator("EWiseDiv(a, b, /)")
        class EWiseDiv(ad.Op):
            def compute(self, node, inputs):
                return torch.div(*inputs)

            def gradient(self, node, output_grad):
                a, b = node.inputs
                one_over = ad.PowerScalar(b, -1)
                share = output_grad * one_over
                return [ad.unbroadcast(share, a), ad.unbroadcast(share * a * one_over * -1, b)]
        """,
    ),
]

LOG = [
    variant(
        "Log",
        "slash",
        "writes the slash",
        """
        @ad.operator("Log(a, /)")
        class Log(ad.Op):
            def compute(self, node, inputs):
                return torch.log(inputs[0])

            def gradient(self, node, output_grad):
                return output_grad / node.inputs[0],
        """,
    ),
    variant(
        "Log",
        "power-of-minus-one",
        "multiplies by a to the power -1",
        """
        @ad.operator("Log(a, /)")
        class Log(ad.Op):
            def compute(self, node, inputs):
                return inputs[0].clone().log_()

            def gradient(self, node, output_grad):
                return [ad.EWiseMul(ad.PowerScalar(node.inputs[0], -1), output_grad)]
        """,
    ),
]

EXP = [
    variant(
        "Exp",
        "once-more",
        "takes the exponential once more in the gradient",
        """
        @ad.operator("Exp(a, /)")
        class Exp(ad.Op):
            def compute(self, node, inputs):
                return torch.exp(inputs[0])

            def gradient(self, node, output_grad):
                return [ad.Exp(node.inputs[0]) * output_grad]
        """,
    ),
    variant(
        "Exp",
        "node-first",
        "multiplies the node by what comes from above, by name",
        """
        @ad.operator("Exp(a, /)")
        class Exp(ad.Op):
            def compute(self, node, inputs):
                result = torch.empty_like(inputs[0])
                return torch.exp(inputs[0], out=result)

            def gradient(self, node, output_grad):
                return ad.EWiseMul(node, output_grad),
        """,
    ),
]

EWISE_POW = [
    variant(
        "EWisePow",
        "divided-by-the-base",
        "divides the power by its base, which is positive",
        """
        @ad.operator("EWisePow(a, b, /)")
        class EWisePow(ad.Op):
            def compute(self, node, inputs):
                return inputs[0].pow(inputs[1])

            def gradient(self, node, output_grad):
                a, b = node.inputs
                carried = output_grad * node
                return ad.unbroadcast(carried * b / a, a), ad.unbroadcast(carried * ad.Log(a), b)
        """,
    ),
    variant(
        "EWisePow",
        "needles-own",
        "as Needle's students write it, with the operators of tensors and shapes that were read",
        """
        def summed_to(grad, shape):
            while len(grad.shape) > len(shape):
                grad = grad.sum(0)
            for axis, size in enumerate(shape):
                if size < grad.shape[axis]:
                    grad = grad.sum((axis,)).reshape(*grad.shape[:axis], 1, *grad.shape[axis + 1 :])
            return grad
        """,
        """
        @ad.operator("EWisePow(a, b, /)")
        class EWisePow(ad.Op):
            def compute(self, node, inputs):
                return torch.pow(*inputs)

            def gradient(self, node, output_grad):
                a, b = node.inputs
                grad_a = output_grad * b * a ** (b - 1)
                grad_b = output_grad * a**b * ad.Log(a)
                return [summed_to(grad_a, a.shape), summed_to(grad_b, b.shape)]
        """,
    ),
]

RELU = [
    variant(
        "ReLU",
        "read-off-the-output",
        "finds the gate in what came out, and returns a tuple",
        """
        @ad.operator("ReLU(a, /)")
        class ReLU(ad.Op):
            def compute(self, node, inputs):
                return torch.where(inputs[0] > 0, inputs[0], torch.zeros_like(inputs[0]))

            def gradient(self, node, output_grad):
                return (ad.EWiseMul(ad.greater(node, ad.zeros_like(node)), output_grad),)
        """,
    ),
    variant(
        "ReLU",
        "slope-one-at-zero",
        "closes the gate for negative numbers alone, so that the slope at zero is one",
        """
        @ad.operator("ReLU(a, /)")
        class ReLU(ad.Op):
            def compute(self, node, inputs):
                return torch.maximum(inputs[0], torch.zeros_like(inputs[0]))

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                closed = ad.greater(ad.zeros_like(a), a)
                return [output_grad - output_grad * closed]
        """,
    ),
    variant(
        "ReLU",
        "the-input-itself",
        "hands out its input where nothing of it is negative",
        """
        @ad.operator("ReLU(a, /)")
        class ReLU(ad.Op):
            def compute(self, node, inputs):
                (a,) = inputs
                return a if bool((a >= 0).all()) else a * (a > 0)

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                return [output_grad * ad.greater(a, ad.zeros_like(a))]
        """,
    ),
    variant(
        "ReLU",
        "times-its-sign",
        "multiplies by whether a number is positive",
        """
        @ad.operator("ReLU(a, /)")
        class ReLU(ad.Op):
            def compute(self, node, inputs):
                return inputs[0] * (inputs[0] > 0)

            def gradient(self, node, output_grad):
                a = node.inputs[0]
                gate = ad.greater(a, a * 0)
                return [gate * output_grad]
        """,
    ),
]

RESHAPE = [
    variant(
        "Reshape",
        "shape-read-off",
        "reads the shape off the input, as Needle's students do",
        """
        @ad.operator("Reshape(a, /, shape)")
        class Reshape(ad.Op):
            def compute(self, node, inputs):
                return torch.reshape(inputs[0], node.attrs["shape"])

            def gradient(self, node, output_grad):
                return [output_grad.reshape(node.inputs[0].shape)]
        """,
    ),
    variant(
        "Reshape",
        "flat-first",
        "flattens first, and then views; and back by name",
        """
        @ad.operator("Reshape(a, /, shape)")
        class Reshape(ad.Op):
            def compute(self, node, inputs):
                return inputs[0].contiguous().view(*node.shape) if node.shape else inputs[0].flatten()[0]

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                return (ad.Reshape(output_grad, shape=list(a.shape)),)
        """,
    ),
]

TRANSPOSE = [
    variant(
        "Transpose",
        "permuted",
        "writes down the order of all axes, and swaps two entries of it",
        """
        @ad.operator("Transpose(a, /, axes=None)")
        class Transpose(ad.Op):
            def compute(self, node, inputs):
                a = inputs[0]
                order = list(range(a.ndim))
                i, j = (-2, -1) if node.axes is None else node.axes
                order[i], order[j] = order[j], order[i]
                return a.permute(order)

            def gradient(self, node, output_grad):
                if node.axes is None:
                    return [output_grad.T]
                return [output_grad.transpose(node.axes)]
        """,
    ),
    variant(
        "Transpose",
        "axes-exchanged",
        "swaps back with the axes in the other order, and copies",
        """
        @ad.operator("Transpose(a, /, axes=None)")
        class Transpose(ad.Op):
            def compute(self, node, inputs):
                one, other = node.attrs["axes"] or (-1, -2)
                return torch.swapaxes(inputs[0], one, other).contiguous()

            def gradient(self, node, output_grad):
                one, other = node.attrs["axes"] or (-1, -2)
                return [ad.Transpose(output_grad, axes=[other, one])]
        """,
    ),
]

BROADCAST_TO = [
    variant(
        "BroadcastTo",
        "needles-own",
        "reads both shapes, sums over the axes that differ, and reshapes",
        """
        @ad.operator("BroadcastTo(a, /, shape)")
        class BroadcastTo(ad.Op):
            def compute(self, node, inputs):
                return inputs[0].expand(node.shape)

            def gradient(self, node, output_grad):
                before = node.inputs[0].shape
                after = output_grad.shape
                padded = (1,) * (len(after) - len(before)) + tuple(before)
                axes = tuple(i for i in range(len(after)) if padded[i] != after[i])
                summed = ad.Summation(output_grad, axes=axes) if axes else output_grad
                return [ad.Reshape(summed, shape=before)]
        """,
    ),
    variant(
        "BroadcastTo",
        "added-to-zeros",
        "adds zeros of the right dtype, and sums axis by axis",
        """
        @ad.operator("BroadcastTo(a, /, shape)")
        class BroadcastTo(ad.Op):
            def compute(self, node, inputs):
                shape = node.shape if isinstance(node.shape, tuple) else (node.shape,)
                return inputs[0] + torch.zeros(shape, dtype=inputs[0].dtype)

            def gradient(self, node, output_grad):
                (a,) = node.inputs
                grad = output_grad
                while len(grad.shape) > len(a.shape):
                    grad = ad.Summation(grad, axes=0)
                for axis in range(len(a.shape)):
                    if a.shape[axis] == 1 != grad.shape[axis]:
                        kept = grad.shape[:axis] + (1,) + grad.shape[axis + 1 :]
                        grad = ad.Reshape(ad.Summation(grad, axes=axis), shape=kept)
                return (grad,)
        """,
    ),
]

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
    variant(
        "Summation",
        "axis-by-axis",
        "sums one axis after the other, from the back, and multiplies by ones",
        """
        def as_axes(axes, ndim):
            if axes is None:
                return list(range(ndim))
            return sorted(axis % ndim for axis in (axes if isinstance(axes, tuple) else (axes,)))
        """,
        """
        @ad.operator("Summation(a, /, axes=None)")
        class Summation(ad.Op):
            def compute(self, node, inputs):
                result = inputs[0]
                for axis in reversed(as_axes(node.axes, inputs[0].ndim)):
                    result = torch.sum(result, dim=axis)
                return result

            def gradient(self, node, output_grad):
                a = node.inputs[0]
                shape = list(a.shape)
                for axis in as_axes(node.axes, len(shape)):
                    shape[axis] = 1
                return [ad.Reshape(output_grad, shape=tuple(shape)) * ad.ones_like(a)]
        """,
    ),
]

MATMUL = [
    variant(
        "MatMul",
        "needles-own",
        "as Needle's students write it, with batches of any kind summed by shapes that were read",
        """
        def without_batch(grad, shape):
            lead = len(grad.shape) - len(shape)
            if lead:
                grad = grad.sum(tuple(range(lead)))
            ones = tuple(i for i in range(len(shape)) if shape[i] == 1 and grad.shape[i] > 1)
            return grad.sum(ones).reshape(shape) if ones else grad
        """,
        """
        @ad.operator("MatMul(a, b, /)")
        class MatMul(ad.Op):
            def compute(self, node, inputs):
                return torch.matmul(inputs[0], inputs[1])

            def gradient(self, node, output_grad):
                a, b = node.inputs
                return without_batch(output_grad @ b.T, a.shape), without_batch(a.T @ output_grad, b.shape)
        """,
    ),
    variant(
        "MatMul",
        "transposed-products",
        "takes the transpose of a product for the product of transposes",
        """
        @ad.operator("MatMul(a, b, /)")
        class MatMul(ad.Op):
            def compute(self, node, inputs):
                a, b = inputs
                return (b.mT @ a.mT).mT

            def gradient(self, node, output_grad):
                a, b = node.inputs
                to_a = ad.Transpose(ad.MatMul(b, ad.Transpose(output_grad)))
                to_b = ad.Transpose(ad.MatMul(ad.Transpose(output_grad), a))
                return [ad.unbroadcast(to_a, a), ad.unbroadcast(to_b, b)]
        """,
    ),
    variant(
        "MatMul",
        "einsum",
        "computes with einsum, and names axes in the gradient",
        """
        @ad.operator("MatMul(a, b, /)")
        class MatMul(ad.Op):
            def compute(self, node, inputs):
                return torch.einsum("...mk,...kn->...mn", *inputs)

            def gradient(self, node, output_grad):
                a, b = node.inputs
                swapped = lambda x: ad.Transpose(x, axes=(len(x.shape) - 2, len(x.shape) - 1))
                return [ad.unbroadcast(output_grad @ swapped(b), a), ad.unbroadcast(swapped(a) @ output_grad, b)]
        """,
    ),
]


# --- orders and gradients

FIND_TOPO_SORT = [
    variant(
        "find_topo_sort",
        "from-right-to-left",
        "visits the last input first, and keeps a dictionary of states",
        """
        @exercise
        def find_topo_sort(node_list):
            state, order = {}, []
            for root in node_list:
                stack = [root]
                while stack:
                    node = stack[-1]
                    if node not in state:
                        state[node] = "open"
                        stack.extend(one for one in node.inputs if one not in state)
                    else:
                        stack.pop()
                        if state[node] == "open":
                            state[node] = "listed"
                            order.append(node)
            return order
        """,
    ),
    variant(
        "find_topo_sort",
        "counting",
        "counts the inputs that are still missing, and lists whatever has none, in a tuple",
        """
        from collections import deque
        """,
        """
        @exercise
        def find_topo_sort(node_list):
            users, missing = {}, {}
            todo = list(node_list)
            while todo:
                node = todo.pop()
                if node in missing:
                    continue
                missing[node] = len(node.inputs)
                for one in node.inputs:
                    users.setdefault(one, []).append(node)
                    todo.append(one)
            ready = deque(node for node, count in missing.items() if count == 0)
            order = []
            while ready:
                node = ready.popleft()
                order.append(node)
                for user in users.get(node, ()):
                    missing[user] -= 1
                    if missing[user] == 0:
                        ready.append(user)
            return tuple(order)
        """,
    ),
    variant(
        "find_topo_sort",
        "iterators-in-a-stack",
        "keeps a stack of iterators over inputs, in a helper of its own",
        """
        def walk(node, visited, order):
            stack = [(node, iter(node.inputs))]
            visited.add(id(node))
            while stack:
                current, inputs = stack[-1]
                for one in inputs:
                    if id(one) not in visited:
                        visited.add(id(one))
                        stack.append((one, iter(one.inputs)))
                        break
                else:
                    order.append(current)
                    stack.pop()
        """,
        """
        @exercise
        def find_topo_sort(node_list):
            visited, order = set(), []
            for node in node_list:
                if id(node) not in visited:
                    walk(node, visited, order)
            return order
        """,
    ),
]

COMPUTE_GRADIENT = [
    variant(
        "compute_gradient_of_variables",
        "needles-own",
        "as Needle writes it, with a dictionary of lists and sum_node_list, and no thought of laziness",
        """
        from functools import reduce
        from operator import add
        """,
        """
        @exercise
        def compute_gradient_of_variables(output_tensor, out_grad, create_graph=False):
            node_to_output_grads_list = {output_tensor: [out_grad]}
            reverse_topo_order = list(reversed(find_topo_sort([output_tensor])))
            for node in reverse_topo_order:
                if not node.requires_grad:
                    continue
                grad = reduce(add, node_to_output_grads_list[node])
                node.grad = grad if create_graph else grad.detach()
                if node.is_leaf:
                    continue
                for inp, partial in zip(node.inputs, node.op.gradient(node, node.grad)):
                    if inp not in node_to_output_grads_list:
                        node_to_output_grads_list[inp] = []
                    node_to_output_grads_list[inp].append(partial)
        """,
    ),
    variant(
        "compute_gradient_of_variables",
        "sums-as-they-come",
        "adds each contribution to the sum as it comes, always in a new tensor, and writes grads at the end",
        """
        @exercise
        def compute_gradient_of_variables(output_tensor, out_grad, create_graph=False):
            total = {output_tensor: out_grad}
            order = list(find_topo_sort([output_tensor]))
            while order:
                node = order.pop()
                if node not in total or not node.requires_grad:
                    continue
                if not create_graph:
                    total[node] = total[node].detach()
                if len(node.inputs) == 0:
                    continue
                partials = node.op.gradient(node, total[node])
                for i in range(len(node.inputs)):
                    one = node.inputs[i]
                    if one.requires_grad:
                        total[one] = total[one] + partials[i] if one in total else partials[i]
            for node, grad in total.items():
                if node.requires_grad:
                    node.grad = grad
        """,
    ),
    variant(
        "compute_gradient_of_variables",
        "in-an-array-of-its-own",
        "adds in place, in an array that it has copied for each sum",
        """
        @exercise
        def compute_gradient_of_variables(output_tensor, out_grad, create_graph=False):
            parts_of = {output_tensor: [out_grad]}
            for node in reversed(find_topo_sort([output_tensor])):
                if not node.requires_grad:
                    continue
                first, *others = parts_of.pop(node)
                if create_graph:
                    node.grad = sum(others, first)
                else:
                    own = first.value().clone()
                    for part in others:
                        own += part.value()
                    node.grad = Tensor.make_const(own)
                if node.inputs:
                    for one, part in zip(node.inputs, node.op.gradient(node, node.grad)):
                        parts_of.setdefault(one, []).append(part)
        """,
    ),
    variant(
        "compute_gradient_of_variables",
        "the-very-tensor",
        "puts what was handed over into grad as it is where it has no history, and so one tensor into several",
        """
        @exercise
        def compute_gradient_of_variables(output_tensor, out_grad, create_graph=False):
            handed = {output_tensor: out_grad}
            for node in find_topo_sort([output_tensor])[::-1]:
                grad = handed.pop(node, None)
                if grad is None or not node.requires_grad:
                    continue
                node.grad = grad if create_graph or grad.is_leaf else grad.detach()
                if node.is_leaf:
                    continue
                for one, part in zip(node.inputs, node.op.gradient(node, node.grad)):
                    handed[one] = handed[one] + part if one in handed else part
        """,
    ),
    variant(
        "compute_gradient_of_variables",
        "order-of-its-own",
        "orders by counting consumers, in place of find_topo_sort",
        """
        @exercise
        def compute_gradient_of_variables(output_tensor, out_grad, create_graph=False):
            consumers, todo = {output_tensor: 0}, [output_tensor]
            while todo:
                for one in todo.pop().inputs:
                    if one not in consumers:
                        consumers[one] = 0
                        todo.append(one)
                    consumers[one] += 1
            sums, ready = {output_tensor: out_grad}, [output_tensor]
            while ready:
                node = ready.pop()
                grads = [None] * len(node.inputs)
                if node.requires_grad:
                    node.grad = sums.pop(node) if create_graph else sums.pop(node).detach()
                    if node.inputs:
                        grads = node.op.gradient(node, node.grad)
                for one, grad in zip(node.inputs, grads):
                    if grad is not None and one.requires_grad:
                        sums[one] = grad if one not in sums else ad.EWiseAdd(sums[one], grad)
                    consumers[one] -= 1
                    if consumers[one] == 0:
                        ready.append(one)
        """,
    ),
]

BACKWARD = [
    variant(
        "backward",
        "ones-by-hand",
        "makes the ones with torch, asks for shapes first, and hands over by keyword",
        """
        @method
        def backward(self, out_grad=None, create_graph=False):
            if out_grad is not None and tuple(out_grad.shape) != tuple(self.shape):
                raise ValueError("out_grad must have the shape of the tensor")
            if not self.requires_grad:
                raise ValueError("this tensor requires no gradient")
            if out_grad is None:
                out_grad = Tensor(torch.ones(self.shape, dtype=self.dtype), requires_grad=False)
            return compute_gradient_of_variables(output_tensor=self, out_grad=out_grad, create_graph=create_graph)
        """,
    ),
    variant(
        "backward",
        "needles-own",
        "as Needle writes it, with a conditional expression",
        """
        @method
        def backward(self, out_grad=None, create_graph=False):
            if self.requires_grad is False:
                raise ValueError("nothing requires a gradient")
            out_grad = out_grad if out_grad is not None else Tensor.make_const(torch.ones_like(self.realize_cached_data()))
            if list(out_grad.shape) != list(self.shape):
                raise ValueError(f"shapes {out_grad.shape} and {self.shape}")
            compute_gradient_of_variables(self, out_grad, create_graph=create_graph)
        """,
    ),
    variant(
        "backward",
        "one-stretched",
        "begins with a single one that is stretched, all entries of which are one number",
        """
        @method
        def backward(self, out_grad=None, create_graph=False):
            if not self.requires_grad:
                raise ValueError("there is nothing to differentiate")
            if out_grad is None:
                out_grad = Tensor.make_const(torch.ones((), dtype=self.dtype).expand(self.shape))
            elif out_grad.shape != self.shape:
                raise ValueError(f"{out_grad.shape} is not {self.shape}")
            compute_gradient_of_variables(self, out_grad, create_graph)
        """,
    ),
]

GRADIENT_CHECK = [
    variant(
        "gradient_check",
        "needles-own",
        "as Needle writes it: random numbers from above, one entry moved to and fro in a copy, and a norm",
        """
        @exercise
        def gradient_check(f, *args, tol=1e-6, backward=False):
            eps = 1e-4
            out = f(*args)
            c = np.random.randn(*out.shape)
            numerical = [np.zeros(a.shape) for a in args]
            for i in range(len(args)):
                for j in range(numerical[i].size):
                    arrays = [a.numpy() for a in args]
                    arrays[i].flat[j] += eps
                    f1 = float((f(*[Tensor(a) for a in arrays]).numpy() * c).sum())
                    arrays[i].flat[j] -= 2 * eps
                    f2 = float((f(*[Tensor(a) for a in arrays]).numpy() * c).sum())
                    numerical[i].flat[j] = (f1 - f2) / (2 * eps)
            upstream = Tensor(np.asarray(c), dtype="float64", requires_grad=False)
            if not backward:
                computed = [g.numpy() for g in out.op.gradient(out, upstream)]
            else:
                fresh = [Tensor(a) for a in args]
                f(*fresh).backward(upstream)
                computed = [a.grad.numpy() for a in fresh]
            for one, other in zip(computed, numerical):
                if not np.abs(one - other).max() <= tol * max(1.0, np.abs(other).max()):
                    raise AssertionError("the gradients differ")
            return computed
        """,
    ),
    variant(
        "gradient_check",
        "four-points",
        "takes the slope from four points, and asks numpy whether all are close",
        """
        def quotient(value_at, x, place, h=1e-3):
            def at(step):
                moved = x.copy()
                moved[place] += step
                return value_at(moved)

            return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
        """,
        """
        @exercise
        def gradient_check(f, *args, tol=1e-6, backward=False):
            leaves = [Tensor(one, dtype="float64") for one in args]
            out = f(*leaves)
            weights = np.random.default_rng(7).uniform(0.5, 2, out.shape)
            above = Tensor(weights, dtype="float64", requires_grad=False)
            if backward:
                out.backward(above)
                found = tuple(leaf.grad.numpy() for leaf in leaves)
            else:
                found = tuple(grad.numpy() for grad in out.op.gradient(out, above))
            for k, (leaf, grad) in enumerate(zip(leaves, found)):
                def value_at(moved):
                    return np.sum(f(*leaves[:k], Tensor(moved), *leaves[k + 1 :]).numpy() * weights)

                wanted = np.array([quotient(value_at, leaf.numpy(), place) for place in np.ndindex(leaf.shape)]).reshape(leaf.shape)
                scale = max(1.0, float(np.abs(wanted).max()))
                assert np.allclose(grad / scale, wanted / scale, rtol=0, atol=tol), f"argument {k}"
            return found
        """,
    ),
    variant(
        "gradient_check",
        "arrays-themselves",
        "moves the numbers of copies to and fro, puts them back, and returns the arrays of the gradients, not copies",
        """
        @exercise
        def gradient_check(f, *args, tol=1e-6, backward=False):
            own = [Tensor.make_const(arg.value().clone(), requires_grad=True) for arg in args]
            out = f(*own)
            above = Tensor.make_const(torch.linspace(-1, 2, out.value().numel(), dtype=torch.float64).reshape(out.shape))
            if backward:
                out.backward(above)
                grads = [one.grad.value().numpy() for one in own]
            else:
                grads = [grad.value().numpy() for grad in out.op.gradient(out, above)]
            for number, (one, grad) in enumerate(zip(own, grads)):
                entries, slopes = one.value().view(-1), []
                for place in range(len(entries)):
                    before, found = entries[place].item(), []
                    for step in (2e-5, -2e-5):
                        entries[place] = before + step
                        found.append(float((f(*own).value() * above.value()).sum()))
                    entries[place] = before
                    slopes.append((found[0] - found[1]) / 4e-5)
                slopes = np.array(slopes).reshape(grad.shape)
                if np.abs(slopes - grad).max() > tol * max(1, np.abs(slopes).max()):
                    raise AssertionError(f"argument {number}")
            return grads
        """,
    ),
]


# --- training

SOFTMAX_LOSS = [
    variant(
        "softmax_loss",
        "shift-put-back",
        "puts the shift back behind the logarithm, and takes the right logits as they are",
        """
        @exercise
        def softmax_loss(Z, y_one_hot):
            n = Z.shape[0]
            m = Z.numpy().max(axis=1)
            e = ad.Exp(Z - Tensor(m[:, None], dtype=Z.dtype, requires_grad=False))
            log_sum = ad.Log(e.sum(1)) + Tensor(m, dtype=Z.dtype, requires_grad=False)
            return (log_sum.sum() - (Z * y_one_hot).sum()) / n
        """,
    ),
    variant(
        "softmax_loss",
        "above-the-right-one",
        "takes the right logit away from all of a row first",
        """
        @exercise
        def softmax_loss(Z, y_one_hot):
            n, classes = Z.shape
            right = ad.Summation(Z * y_one_hot, axes=(1,))
            above = Z - ad.BroadcastTo(ad.Reshape(right, shape=(n, 1)), shape=(n, classes))
            top = Tensor.make_const(above.value().max(dim=1, keepdim=True).values)
            log_sum = ad.Log(ad.Summation(ad.Exp(above - top), axes=-1))
            return ad.MulScalar(ad.Summation(log_sum) + ad.Summation(top), 1 / n)
        """,
    ),
    variant(
        "softmax_loss",
        "each-class-for-itself",
        "weighs the logarithms of all classes by the labels",
        """
        @exercise
        def softmax_loss(Z, y_one_hot):
            shift = Z.detach().value().amax(-1, keepdim=True)
            moved = Z - Tensor.make_const(shift)
            log_sum = ad.Log(ad.Summation(ad.Exp(moved), axes=1))
            logs = moved - ad.expand_as(log_sum, Z, dim=1)
            return -ad.Summation(logs * y_one_hot) / len(Z)
        """,
    ),
]

NN_EPOCH = [
    variant(
        "nn_epoch",
        "loss-by-itself",
        "has a loss of its own, and keeps the weights as NumPy arrays between steps",
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
    variant(
        "nn_epoch",
        "data-assigned",
        "copies the weights once, and assigns their data in each step, as Needle's students do",
        """
        def one_hot_of(labels, classes, dtype):
            rows = torch.zeros(len(labels), classes, dtype=dtype)
            rows[torch.arange(len(labels)), torch.as_tensor(labels).long()] = 1
            return Tensor(rows, requires_grad=False)
        """,
        """
        @exercise
        def nn_epoch(X, y, W1, W2, lr=0.1, batch=100):
            W1, W2 = Tensor(W1.numpy()), Tensor(W2.numpy())
            steps = (X.shape[0] + batch - 1) // batch
            for i in range(steps):
                xb, yb = X[i * batch : (i + 1) * batch], y[i * batch : (i + 1) * batch]
                logits = ad.ReLU(Tensor(xb, dtype=W1.dtype, requires_grad=False) @ W1) @ W2
                softmax_loss(logits, one_hot_of(yb, W2.shape[1], W2.dtype)).backward()
                W1.data = W1.data - lr * W1.grad.data
                W2.data = W2.data - lr * W2.grad.data
            return [W1, W2]
        """,
    ),
    variant(
        "nn_epoch",
        "no-labels-by-index",
        "compares labels with all class numbers, walks with a while loop, and prints what it sees",
        """
        @exercise
        def nn_epoch(X, y, W1, W2, lr=0.1, batch=100):
            dtype = W1.dtype
            X = torch.as_tensor(X).to(dtype)
            y = torch.as_tensor(y)
            weights = [Tensor(W1, dtype=dtype), Tensor(W2, dtype=dtype)]
            seen = 0
            while seen < len(X):
                x = Tensor(X[seen : seen + batch], requires_grad=False)
                labels = y[seen : seen + batch, None] == torch.arange(weights[1].shape[-1])
                loss = softmax_loss(ad.ReLU(x @ weights[0]) @ weights[1], Tensor(labels.to(dtype), requires_grad=False))
                loss.backward()
                print(f"loss {loss.item():.4f}")
                weights = [Tensor((W - W.grad * lr).numpy()) for W in weights]
                seen += batch
            return tuple(weights)
        """,
    ),
    variant(
        "nn_epoch",
        "in-arrays-of-its-own",
        "copies the weights once and writes the steps into the copies, and looks at the caller's samples without a copy",
        """
        @exercise
        def nn_epoch(X, y, W1, W2, lr=0.1, batch=100):
            own = [W.value().clone() for W in (W1, W2)]
            X, y = torch.as_tensor(X).to(W1.dtype), torch.as_tensor(y).long()
            hot = torch.eye(own[1].shape[1], dtype=W2.dtype)[y]
            for x, labels in zip(X.split(batch), hot.split(batch)):
                a, b = (Tensor.make_const(array, requires_grad=True) for array in own)
                logits = ad.ReLU(Tensor.make_const(x) @ a) @ b
                softmax_loss(logits, Tensor.make_const(labels)).backward()
                for array, weight in zip(own, (a, b)):
                    array -= lr * weight.grad.value()
            return tuple(Tensor.make_const(array, requires_grad=True) for array in own)
        """,
    ),
]

VARIANTS = [
    *REALIZE,
    *DETACH,
    *MAKE_FROM_OP,
    *NEGATE,
    *POWER_SCALAR,
    *DIV_SCALAR,
    *EWISE_DIV,
    *LOG,
    *EXP,
    *EWISE_POW,
    *RELU,
    *RESHAPE,
    *TRANSPOSE,
    *BROADCAST_TO,
    *SUMMATION,
    *MATMUL,
    *FIND_TOPO_SORT,
    *COMPUTE_GRADIENT,
    *BACKWARD,
    *GRADIENT_CHECK,
    *SOFTMAX_LOSS,
    *NN_EPOCH,
]
