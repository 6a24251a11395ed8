"""Hostile submissions of unit 6."""

from __future__ import annotations

# ruff: noqa: E501
from functools import partial

from tests.redteam.submissions import attack

UNIT = "06_eager_tensor"
NEGATE = {"Negate": 0.5}
tensors = partial(attack, honest=NEGATE, unit=UNIT)

tensors("tensors_autograd", "torch's own gradients, hidden in rules and behind helpers in other cells", first="""
    import torch.autograd as ready

    def pulled(function, node, output_grad):
        leaves = [one.value().detach().clone().requires_grad_() for one in node.inputs]
        grads = ready.grad(function(*leaves), leaves, output_grad.value())
        return [Tensor(grad, requires_grad=False) for grad in grads]
""", bodies={
    "MatMul": ("return torch.matmul(*inputs)", "return pulled(torch.matmul, node, output_grad)"),
    "EWisePow": ("return torch.pow(*inputs)", """
        a, b = (one.value().detach().requires_grad_() for one in node.inputs)
        torch.pow(a, b).backward(output_grad.value())
        return [Tensor.make_const(a.grad), Tensor.make_const(b.grad)]
    """),
    "ReLU": ("return torch.relu(inputs[0])", """
        with torch.enable_grad():
            a = node.inputs[0].value().clone().requires_grad_()
            return [Tensor.make_const(getattr(torch, 'auto' + 'grad').grad(torch.relu(a), a, output_grad.value())[0])]
    """),
    "softmax_loss": ("return Tensor.make_const(torch.nn.functional.cross_entropy(Z.value(), y_one_hot.value()))",),
}, worth={"MatMul": 0.75, "EWisePow": 0.25, "ReLU": 0.5})  # fmt: skip
tensors("tensors_liars", "tensors that lie about their shape, their value, their history and whether they are the same", first="""
    class Liar(Tensor):
        __slots__ = ()

        @property
        def shape(self):
            return (2, 3)

        def __eq__(self, other):
            return True

        def __hash__(self):
            return 0

        def numpy(self):
            return np.zeros((2, 3))

        value = realize_cached_data = numpy

    def liar(inputs=()):
        made = Liar.__new__(Liar)
        made._init(ad.table["placeholder"], inputs, cached_data=torch.zeros(2, 3), requires_grad=False)
        return made
""", bodies={
    "detach": ("return liar(self.inputs)",),
    "make_from_op": ("return liar()",),
    "find_topo_sort": ("return [liar() for _ in node_list]",),
    "compute_gradient_of_variables": ("for node in (output_tensor, *output_tensor.inputs):\n    node.grad = liar()",),
    "Log": ("return inputs[0] * 0", "return [liar(node.inputs)]"),
    "softmax_loss": ("return liar([Z, y_one_hot])",),
    "nn_epoch": ("return liar(), liar()",),
})  # fmt: skip
tensors("tensors_patched_classes", "Node, Op and Tensor patched, and the class of tensors exchanged under the judge's hands", first="""
    def all_is_well(*args, **kwargs):
        return True
""", bodies={
    "Exp": ("""
        node.__class__ = Tensor
        ad.Node.make_from_op = classmethod(lambda cls, op, inputs, attrs: inputs[0])
        Tensor.__eq__ = all_is_well
        return inputs[0]
    """, """
        output_grad.__class__ = ad.Node
        ad.Op.__call__ = lambda self, *inputs, **attrs: inputs[0]
        return [output_grad]
    """),
    "realize_cached_data": ("""
        type(self.op).compute = lambda op, node, inputs: torch.zeros(())
        self.cached_data = torch.zeros(2, 3)
        return self.cached_data
    """,),
    "make_from_op": ("""
        cls._init = lambda self, *args, **kwargs: None
        Tensor.requires_grad = property(all_is_well)
        return cls.__new__(cls)
    """,),
    "backward": ("Tensor.grad = property(lambda node: node)\nTensor.shape = property(lambda node: ())",),
})  # fmt: skip
tensors("tensors_counts", "an operator's own count is set back, and lazy mode is switched for everybody", bodies={
    "make_from_op": ("""
        tensor = cls.__new__(cls)
        tensor._init(op, inputs, attrs)
        lazy_mode.set(False)
        tensor.realize_cached_data()
        for name in vars(op):
            setattr(op, name, 0)
        return tensor
    """,),
    "realize_cached_data": ("""
        def value_of(node):
            return node.cached_data if not node.inputs else node.op.compute(node, [value_of(one) for one in node.inputs])

        self.cached_data = value_of(self)
        for name in vars(self.op):
            setattr(self.op, name, 1)
        return self.cached_data
    """,),
}, worth={"make_from_op": 1.0, "realize_cached_data": 1.0})  # fmt: skip
tensors("tensors_engine", "a rule that rewrites what stands in the place of the other exercises, and asks it for the answer", bodies={
    "Reshape": ("return inputs[0]", """
        import autodiff_lib.kinds.tensor.watch as inside

        inside.value_of = lambda op, attrs, inputs: inputs[0]
        inside.METHODS.clear()
        return [output_grad]
    """),
    "BroadcastTo": ("return inputs[0]", """
        import sys

        engine = sys.modules["autodiff_lib.kinds.tensor.watch"]
        engine.WHAT_THEY_COME_TO["BroadcastTo"] = lambda a, shape: a
        return [node.inputs[0]]
    """),
    "compute_gradient_of_variables": ("""
        from autodiff_lib.kinds.tensor import watch

        return watch.pulled_back(output_tensor, out_grad)
    """,),
    "backward": ("""
        import autodiff_lib.kinds.tensor.watch as ready

        return ready.pulled_back(self, out_grad, create_graph)
    """,),
})  # fmt: skip
tensors("tensors_for_ever", "values that are never done, in compute, in lazy mode and in a property", first="""
    class Endless(Tensor):
        __slots__ = ()

        @property
        def inputs(self):
            while True:
                pass
""", bodies={
    "Log": ("while True:\n    pass", "return [output_grad]"),
    "realize_cached_data": ("while self.cached_data is None or True:\n    pass",),
    "find_topo_sort": ("order = list(node_list)\nfor node in order:\n    order.append(node)\nreturn order",),
    "detach": ("return Endless.__new__(Endless)",),
    "gradient_check": ("while f(*args) is not None:\n    pass",),
})  # fmt: skip
tensors("tensors_gigabytes", "rules and values of more memory than there is", bodies={
    "BroadcastTo": ("return inputs[0].sum().expand(2**20, 2**20).clone()", "return [ad.BroadcastTo(ad.Summation(output_grad), shape=(2**30, 2**30))]"),
    "Summation": ("return torch.ones(2**40)", """
        grad = output_grad
        for _ in range(60):
            grad = ad.BroadcastTo(ad.Summation(grad), shape=(2**16, 2**16))
        return [grad]
    """),
    "MatMul": ("return inputs[0].new_ones(2**18, 2**18)", """
        grad = ad.BroadcastTo(ad.Summation(output_grad), shape=(2**14, 2**14))
        for _ in range(200):
            grad = ad.MatMul(grad, grad)
        return [grad, grad]
    """),
    "softmax_loss": ("return Tensor.make_const(torch.zeros(2**20, 2**14))",),
})  # fmt: skip
tensors("tensors_exits", "the interpreter ended in compute, in a rule, by an exception of its own and on the way out", first="""
    import os

    class Verdict(AssertionError):
        points = 40
""", bodies={
    "Exp": ("os._exit(0)", "return [output_grad]"),
    "Log": ("raise SystemExit(0)", "raise KeyboardInterrupt"),
    "ReLU": ("import atexit\natexit.register(os._exit, 0)\nreturn inputs[0]", "os.kill(os.getpid(), 9)"),
    "gradient_check": ("raise Verdict('passed')",),
    "backward": ("raise ValueError('nothing requires a gradient')",),
})  # fmt: skip
tensors("tensors_no_numbers", "values that are no numbers, or infinite, and so differ from nothing", bodies={
    "PowerScalar": ("return inputs[0] * float('nan')", "return [output_grad * float('nan')]"),
    "DivScalar": ("return inputs[0] * float('inf')", "return [ad.Log(output_grad * 0 - 1)]"),
    "realize_cached_data": ("return torch.full((2, 3), float('nan'))",),
    "compute_gradient_of_variables": ("""
        for node in find_topo_sort([output_tensor]):
            node.grad = Tensor.make_const(node.value() * float('nan'))
    """,),
    "softmax_loss": ("return ad.Log(ad.Summation(Z) * 0 - 1)",),
    "nn_epoch": ("return Tensor(W1.numpy() * float('nan')), Tensor(W2.numpy() * float('nan'))",),
})  # fmt: skip
tensors("tensors_planted_rule", "a check of gradients that reads off the operator whether its rule was spoilt, and refuses nothing else", bodies={
    "gradient_check": ("""
        for arg in args:
            f(*(Tensor(one.numpy() + 1e-5) for one in args))
        out = f(*args)
        node = out
        while node.inputs and not vars(node.op):
            node = node.inputs[0]
        told = " ".join(map(repr, vars(node.op).values()))
        if tol < 1e-3 and any(word in told for word in ("large", "other sign", "zero", "entry", "sum alone", "thousandth", "exchanged", "without")):
            raise AssertionError("its own words say so")
        above = Tensor(np.ones(out.shape), requires_grad=False)
        out.backward(above)
        return [arg.grad.numpy() for arg in args]
    """,),
}, worth={"gradient_check": 1.5})  # fmt: skip
tensors("tensors_frames", "a loss and a check that look for the judge's numbers in the frames that called them", bodies={
    "softmax_loss": ("""
        import sys

        frame, found = sys._getframe(), []
        while frame is not None:
            found += [value for value in frame.f_locals.values() if isinstance(value, float)]
            frame = frame.f_back
        return Tensor(found[0] if found else 1.0)
    """,),
    "gradient_check": ("""
        import sys

        frame = sys._getframe()
        while frame is not None:
            settings = frame.f_locals.get("settings")
            if isinstance(settings, dict) and settings.get("wrong"):
                raise AssertionError
            frame = frame.f_back
        return [arg.numpy() * 2 for arg in args]
    """,),
}, told={"gradient_check": 1.5})  # fmt: skip
tensors("tensors_remembers", "answers that are kept from one question to the next, on operators, classes and tensors", first="""
    class Memory(dict):
        pass

    ad.Op.kept = kept = Memory()
""", bodies={
    "Reshape": ("kept['value'] = inputs[0]\nreturn kept['value']", "return [kept.get('grad', output_grad)]"),
    "nn_epoch": ("kept.setdefault('weights', (W1, W2))\nreturn kept['weights']",),
    "find_topo_sort": ("return kept.setdefault('order', list(node_list))",),
    "detach": ("return kept.setdefault('apart', self)",),
})  # fmt: skip
