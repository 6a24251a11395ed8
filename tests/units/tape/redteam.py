"""Hostile submissions of unit 7."""

from __future__ import annotations

# ruff: noqa: E501
import gzip
import io
import tarfile
from functools import partial

from autodiff_lib.units import UNITS
from tests.redteam.submissions import MARKER, add, as_bytes, attack, notebook

UNIT = "07_tape"
SUM = {"sub_backward": 1.0}
tape = partial(attack, honest=SUM, unit=UNIT)

tape("tape_modules", "torch's autograd inside of backward functions, and ready-made layers behind helpers in other cells", first="""
    import torch
    import torch.nn.functional as ready
    from scipy import special

    def pulled(function, grad_output, *arrays):
        leaves = [torch.tensor(array, requires_grad=True) for array in arrays]
        function(*leaves).backward(torch.tensor(grad_output))
        return [leaf.grad.numpy() for leaf in leaves]

    def entropy(y, y_hat):
        return ready.cross_entropy(torch.tensor(y_hat), torch.tensor(y)).numpy()
""", bodies={
    "matmul_backward": ("return pulled(torch.matmul, grad_output, a, b)",),
    "mul_backward": ("return pulled(lambda a, b: a * b, grad_output, a, b)",),
    "exp_backward": ("import torch as numpy_like\nx = numpy_like.tensor(a)\nreturn grad_output * numpy_like.exp(x).numpy()",),
    "Sigmoid": ("""
        y = special.expit(x)
        self.autograd_engine.add_operation([x], y, [None], lambda g, x: g * y * (1 - y))
        return y
    """,),
    "Tanh": ("""
        y = np.tanh(x)
        self.autograd_engine.add_operation([x], y, [None], lambda g, x: pulled(torch.tanh, g, x))
        return y
    """,),
    "SoftmaxCrossEntropy": ("""
        loss = np.asarray(entropy(y, y_hat))
        self.autograd_engine.add_operation([y_hat], loss, [None], lambda g, x: pulled(lambda x: ready.cross_entropy(x, torch.tensor(y)), g, x))
        return loss
    """,),
})  # fmt: skip
tape("tape_borrowed", "the gradients that stand in for the notebook's own while a layer is asked, fetched from where they are kept", first="""
    from autodiff_lib.units.tape import probe as kept

    def theirs(name):
        return kept.BORROWED[name]
""", bodies={
    "matmul_backward": ("return theirs('matmul_backward')(grad_output, a, b)",),
    "div_backward": ("import autodiff_lib.units.tape.probe as inside\nreturn inside.vjp(lambda a, b: a / b)(grad_output, a, b)",),
    "Tanh": ("""
        import torch

        return kept.BorrowedLayer(self.autograd_engine, torch.tanh).forward(x)
    """,),
    "Linear": ("""
        layer = kept.BorrowedLinear(self.W.shape[1], self.W.shape[0], self.autograd_engine)
        layer.W, layer.b, layer.dW, layer.db = self.W, self.b, self.dW, self.db
        return layer.forward(x)
    """,),
})  # fmt: skip
tape("tape_borrowed_roundabout", "the same, found among all modules and objects, by names that are put together while it runs", first="""
    import gc
    import sys

    def theirs(name):
        module = sys.modules.get(".".join(["autodiff_lib", "units", "tape", "pro" + "be"]))
        return vars(module)["BORR" + "OWED"][name]

    def anybodys(name):
        return next(one[name] for one in gc.get_objects() if isinstance(one, dict) and callable(one.get(name)))
""", bodies={
    "matmul_backward": ("return theirs('matmul_backward')(grad_output, a, b)",),
    "mul_backward": ("return anybodys('mul_backward')(grad_output, a, b)",),
    "log_backward": ("return theirs('log_backward')(grad_output, a)",),
}, told={"matmul_backward": 1.0, "mul_backward": 1.0, "log_backward": 1.0})  # fmt: skip
tape("tape_kept_for_later", "what stands in for the notebook's backward functions while a layer is asked, kept for when they are asked themselves", first="""
    import builtins

    builtins.kept = {}

    def keep():
        for name in ("sub", "matmul", "mul", "div", "log", "exp", "outer"):
            builtins.kept[name] = globals().get(name + "_backward")

    def later(name, *arrays):
        return builtins.kept[name](*arrays) if builtins.kept.get(name) else [array * 0 for array in arrays[1:]]
""", bodies={
    "matmul_backward": ("return later('matmul', grad_output, a, b)",),
    "mul_backward": ("return later('mul', grad_output, a, b)",),
    "outer_backward": ("return later('outer', grad_output, a, b)",),
    "Linear": ("""
        keep()
        product = x @ self.W.T
        self.autograd_engine.add_operation([x, self.W.T], product, [None, self.dW.T], matmul_backward)
        y = product + self.b.T
        self.autograd_engine.add_operation([product, self.b.T], y, [None, self.db.T], add_backward)
        return y
    """,),
}, worth={"Linear": 9.0})  # fmt: skip
tape("tape_arrays_that_lie", "arrays that are equal to everything, have any shape and any dtype, and do what they want in a ufunc", first="""
    class Liar(np.ndarray):
        __array_priority__ = 1e9
        __hash__ = None

        def __eq__(self, other):
            return np.ones(np.shape(other), bool)

        def __ne__(self, other):
            return np.zeros(np.shape(other), bool)

        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            kwargs.pop("out", None)
            return np.zeros(self.shape)

        def __array_function__(self, function, types, args, kwargs):
            return True

        @property
        def shape(self):
            return Any()

        @property
        def dtype(self):
            return np.dtype("float32")

    class Any(tuple):
        def __eq__(self, other):
            return True

        def __len__(self):
            return 0

        __hash__ = tuple.__hash__

    class Number(float):
        def __float__(self):
            return 1.0

        def __eq__(self, other):
            return True

        __hash__ = float.__hash__

    def liar(array):
        return np.array(array, float).view(Liar)
""", bodies={
    "add_operation": ("self.operation_list.append(Operation([liar(one) for one in inputs], liar(output), [liar(output) for _ in inputs], liar(0)))",),
    "backward": ("""
        for entry in self.operation_list:
            for array in entry.inputs:
                self.gradient_buffer.memory[self.gradient_buffer.get_memory_loc(array)] = liar(array)
    """,),
    "matmul_backward": ("return liar(a), liar(b)",),
    "mul_backward": ("return Number(1), Number(1)",),
    "Sigmoid": ("self.autograd_engine.add_operation([x], x, [None], lambda g, x: liar(g))\nreturn liar(x)",),
    "SoftmaxCrossEntropy": ("return Number(0.5)",),
})  # fmt: skip
tape("tape_patched_engine", "an engine, a buffer and entries that are patched, and a Python in which all arrays are equal", first="""
    import autodiff_lib.units.tape.given as inside

    def everything(*args, **kwargs):
        return True

    def patch():
        np.array_equal = np.allclose = everything
        inside.GradientBuffer.is_in_memory = everything
        inside.GradientBuffer.get_param = lambda self, array: np.ones_like(array)
        inside.Autograd.__init__ = lambda self, *args: self.__dict__.update(gradient_buffer=GradientBuffer(), operation_list=Everything())
        inside.Operation.__eq__ = everything

    class Everything(list):
        def __len__(self):
            return 3

        def __getitem__(self, place):
            return Operation([], np.ones(1), [], everything)
""", bodies={
    "add_operation": ("patch()\nself.operation_list = Everything()",),
    "backward": ("patch()",),
    "log_backward": ("patch()\nreturn a",),
    "Identity": ("patch()\nreturn np.ones_like(x)",),
    "ReLU": ("patch()\nself.autograd_engine.operation_list = Everything()\nreturn x",),
})  # fmt: skip
tape("tape_recorder_rewritten", "layers that write the recorder's own answers: what it walks, what it adds up, and what it calls changed", first="""
    import sys

    def inside():
        return sys.modules["autodiff_lib.units.tape.probe"]

    def nothing_new(*args):
        return set()
""", bodies={
    "Linear": ("""
        module = inside()
        module.Pulled.of = lambda self, key, after=-1: np.ones(x.shape)
        module.Pulled.hand_in = lambda self: None
        module.Round.touched = nothing_new
        return x @ self.W.T + self.b.T
    """,),
    "Identity": ("""
        module = inside()
        module.Round.back = lambda self, gradients, traced: [np.array(one) for one in gradients]
        module.Round.touched = nothing_new
        return x
    """,),
    "Tanh": ("""
        recorder = self.autograd_engine
        recorder.__class__ = Autograd
        recorder.backward = lambda divergence: None
        recorder.operation_list = [None] * 3
        return np.tanh(x)
    """,),
    "ReLU": ("""
        inside().same_array = inside().has = lambda *args: True
        self.autograd_engine.operation_list.clear()
        return x * (x > 0)
    """,),
}, worth={"Linear": 2.0, "Identity": 5.0, "Tanh": 2.0, "ReLU": 2.0})  # fmt: skip
tape("tape_recorder_through_its_globals", "the recorder's module, reached from the engine that a layer is given: its gradients, and its look at what was changed", first="""
    def inside(engine):
        return type(engine).add_operation.__globals__
""", bodies={
    "Linear": ("""
        layer = inside(self.autograd_engine)["BorrowedLinear"](self.W.shape[1], self.W.shape[0], self.autograd_engine)
        layer.W, layer.b, layer.dW, layer.db = self.W, self.b, self.dW, self.db
        return layer.forward(x)
    """,),
    "Tanh": ("""
        y = np.tanh(x)
        pulled = inside(self.autograd_engine)["vjp"](inside(self.autograd_engine)["torch"].tanh)
        self.autograd_engine.add_operation([x], y, [None], pulled)
        return y
    """,),
    "ReLU": ("""
        inside(self.autograd_engine)["Round"].touched = lambda self: set()
        x[x < 0] = 0
        y = x.copy()
        self.autograd_engine.add_operation([x], y, [None], lambda g, x: g * (x > 0))
        return y
    """,),
}, worth={"ReLU": 4.0, "Tanh": 1.0}, told={"Linear": 9.0, "Tanh": 5.0, "ReLU": 5.0})  # fmt: skip
tape("tape_for_ever", "a tape that never ends, and a walk that begins once more for each entry", bodies={
    "add_operation": ("""
        while True:
            self.operation_list.append(Operation(list(inputs), output, list(gradients_to_update), backward_operation))
    """,),
    "backward": ("""
        entry = self.operation_list[-1]
        self.operation_list.append(entry)
        return self.backward(divergence)
    """,),
})  # fmt: skip
tape("tape_in_circles", "a right sigmoid behind thousands of entries, outputs that are recorded as inputs, and a loss that calls itself", bodies={
    "Sigmoid": ("""
        y = x
        for _ in range(3000):
            z = y + 0
            self.autograd_engine.add_operation([y], z, [None], lambda g, x: g)
            y = z
        s = np.exp(-np.logaddexp(0, -y))
        self.autograd_engine.add_operation([y], s, [None], lambda g, x: g * s * (1 - s))
        return s
    """,),
    "Tanh": ("""
        y = np.tanh(x)
        self.autograd_engine.add_operation([y], x, [None], lambda g, x: g)
        self.autograd_engine.add_operation([x], y, [None], lambda g, x: self.autograd_engine.backward(g))
        return y
    """,),
    "Identity": ("""
        for _ in range(3):
            self.autograd_engine.add_operation([x], x, [None], lambda g, x: g)
        return x
    """,),
    "SoftmaxCrossEntropy": ("return self.forward(y, y_hat)",),
}, worth={"Sigmoid": 5.0, "Tanh": 1.0, "Identity": 3.5})  # fmt: skip
tape("tape_gigabytes", "gradients of gigabytes that take no room until somebody copies them, and buffers full of zeros", first="""
    def wide(number=1.0):
        return np.broadcast_to(np.float64(number), (2**17, 2**17))
""", bodies={
    "mul_backward": ("return wide(), wide()",),
    "exp_backward": ("return [wide()] * 1000",),
    "backward": ("""
        for entry in self.operation_list:
            for array in entry.inputs:
                self.gradient_buffer.memory[self.gradient_buffer.get_memory_loc(array)] = wide()
    """,),
    "ReLU": ("self.autograd_engine.add_operation([x], x, [None], lambda g, x: wide())\nreturn x",),
    "Identity": ("return wide()",),
})  # fmt: skip
tape("tape_no_numbers", "gradients and losses that are no numbers, infinite, complex, objects or texts", bodies={
    "matmul_backward": ("return a * np.nan, b * np.inf",),
    "mul_backward": ("return a + 1j, b + 1j",),
    "div_backward": ("return np.array(['1.0'] * a.size).reshape(a.shape), b.astype(object)",),
    "log_backward": ("return np.ma.masked_all(a.shape)",),
    "exp_backward": ("return np.array([(1.0, 2.0)], dtype=[('x', float), ('y', float)])",),
    "Sigmoid": ("y = x * np.nan\nself.autograd_engine.add_operation([x], y, [None], lambda g, x: g * np.nan)\nreturn y",),
    "SoftmaxCrossEntropy": ("return np.array(float('nan'))",),
})  # fmt: skip
tape("tape_frames", "backward functions that look for the right numbers in the frames that called them, and in all of memory", bodies={
    "mul_backward": ("""
        import gc
        import sys

        frame, found = sys._getframe(), []
        while frame is not None:
            found += [value for value in frame.f_locals.values() if isinstance(value, np.ndarray) and value.shape == a.shape]
            frame = frame.f_back
        found += [one for one in gc.get_objects() if isinstance(one, np.ndarray) and one.shape == a.shape]
        return found[-1], found[-1]
    """,),
    "SoftmaxCrossEntropy": ("""
        import gc

        found = [one for one in gc.get_objects() if isinstance(one, np.ndarray) and one.shape == ()]
        return found[0] if found else np.array(0.0)
    """,),
})  # fmt: skip
tape("tape_slow_truth", "differences in the place of slopes: right to a few digits, wherever that is enough", first="""
    def slowly(function, g, x, h=1e-6):
        return g * (function(x + h) - function(x - h)) / (2 * h)
""", bodies={
    "Sigmoid": ("""
        y = np.exp(-np.logaddexp(0, -x))
        self.autograd_engine.add_operation([x], y, [None], lambda g, x: slowly(lambda z: np.exp(-np.logaddexp(0, -z)), g, x))
        return y
    """,),
    "exp_backward": ("return slowly(np.exp, grad_output, a)",),
}, worth={"Sigmoid": 4.0, "exp_backward": 0.8})  # fmt: skip


# --- as archives

NAME = UNITS[UNIT].notebook


def tar(*entries: tuple[tarfile.TarInfo | str, bytes], mode: str = "w:") -> bytes:
    """A tar of (name or entry made by hand, content)."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in entries:
            entry = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            if entry.isreg():
                entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content) if entry.isreg() else None)
    return written.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry, b""


def device(name: str) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.devmajor, entry.devminor = tarfile.CHRTYPE, 1, 5  # zeros without end
    return entry, b""


def claimed(name: str, size: int) -> bytes:
    """The header of a file of some size, with nothing behind it."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.PAX_FORMAT)


def honest() -> bytes:
    return as_bytes(notebook(UNIT, SUM))


def bomb() -> bytes:
    """A tar of a notebook that is a gigabyte of blanks, packed three times."""
    inner = gzip.compress(tar((NAME, b"{" + b" " * 200_000_000), mode="w:gz"))
    return gzip.compress(inner)


archived = partial(add, unit=UNIT)

archived("tape_tar_links", "a tar whose notebook is a link to another student's, with devices, and files that lead out of it", {}, lambda: {
    "handin.tar": tar(
        link(NAME, f"../../../zzz-witness/{UNIT}/{NAME}"),
        link("tape/" + NAME, f"/submitted/zzz-witness/{UNIT}/{NAME}", tarfile.LNKTYPE),
        device("zeros.ipynb"),
        link("source", "../../source"),
        ("../" + NAME, honest()),
        ("../../../" + MARKER, MARKER.encode()),
        ("/tmp/" + MARKER, MARKER.encode()),
        ("source/" + MARKER, MARKER.encode()),
    ),
})  # fmt: skip
archived("tape_tar_bomb", "tars of nothing but blanks, packed several times, that claim to be terabytes", {}, lambda: {
    "handin.tar.gz": bomb(),
    "handin.tar": claimed(NAME, 2**42),
    "more.tar": claimed(NAME, 2**33) + honest(),
})  # fmt: skip
archived("tape_tar_twice", "a tar with the notebook ten times, and with itself, in folders that are named as files", {}, lambda: {
    "handin.tar": tar(*((f"{number}/{NAME}", as_bytes(notebook(UNIT))) for number in range(10)), ("handin.tar", tar((NAME, as_bytes(notebook(UNIT)))))),
})  # fmt: skip
archived("tape_tar_conftest", "a tar that brings modules of the course's names, which would be imported in their place", SUM, lambda: {
    "handin.tar": tar(
        (f"handin/{NAME}", honest()),
        ("handin/numpy.py", f"print('{MARKER}')\nraise SystemExit".encode()),
        ("handin/autodiff_lib/__init__.py", b"def exercise_of(*args):\n    return lambda one: one\n"),
        ("handin/autodiff_lib/checks/judge.py", b"def judge(*args):\n    return 51\n"),
        ("handin/sitecustomize.py", b"import os\nos._exit(0)\n"),
    ),
})  # fmt: skip
