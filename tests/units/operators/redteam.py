"""Hostile submissions of the operators: answers that somebody else has written."""

# ruff: noqa: E501

from __future__ import annotations

from tests.redteam.submissions import DIV, attack


def ready_made(name: str, what: str, exercise: str, *bodies: str, first: str = "", told: dict[str, float] | None = None) -> None:
    attack(f"ready_{name}", what, DIV, bodies={exercise: bodies}, first=first or (), told=told)


ready_made("softmax", "torch.softmax in the softmax exercise", "softmax", "return torch.softmax(inputs[0], node.dim)")
ready_made("method", "the tensor's own softmax", "softmax", "return inputs[0].softmax(node.dim)")
ready_made("layernorm", "F.layer_norm in the layernorm exercise", "layernorm", """
    shape = node.normalized_shape
    return torch.nn.functional.layer_norm(inputs[0], shape if isinstance(shape, tuple) else (shape,), eps=node.eps)
""")  # fmt: skip
ready_made(
    "getattr",
    "torch's softmax behind getattr and a name in two pieces",
    "softmax",
    "return getattr(torch, 'soft' + 'max')(inputs[0], node.dim)",
)
ready_made("attrgetter", "torch's softmax by operator.attrgetter, in a helper", "softmax", "return smooth(inputs[0], node.dim)", first="""
    import operator

    smooth = operator.attrgetter("".join(map(chr, (115, 111, 102, 116, 109, 97, 120))))(torch)
""")  # fmt: skip
ready_made("helper", "a helper function in another cell that uses torch.softmax", "softmax", "return helper(inputs[0], node.dim)", first="""
    from torch import softmax as s

    def helper(a, dim):
        return s(a, dim)
""")  # fmt: skip
ready_made("module", "torch.nn.Softmax and torch.nn.LayerNorm, made in another cell", "softmax", "return layers[node.dim](inputs[0])", first="""
    layers = {dim: torch.nn.Softmax(dim) for dim in range(-4, 4)}
""")  # fmt: skip
ready_made("disabled", "turns torch's function modes off, then uses the ready-made softmax", "softmax", """
    with torch._C.DisableTorchFunction():
        return torch.softmax(inputs[0], node.dim)
""")  # fmt: skip
ready_made("aten", "torch.ops.aten._softmax, below the functions that the probe watches", "softmax", """
    return torch.ops.aten._softmax.default(inputs[0], node.dim, False)
""")  # fmt: skip
ready_made("private", "torch._C._VariableFunctions.softmax", "softmax", "return torch._C._VariableFunctions.softmax(inputs[0], node.dim)")
ready_made("thread", "the ready-made softmax in another thread, where no mode watches", "softmax", """
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.softmax, inputs[0], node.dim).result()
""")  # fmt: skip
ready_made("script", "a scripted function that calls torch.softmax", "softmax", "return quick(inputs[0], node.dim)", first="""
    graph = torch._C.parse_ir('''
    graph(%a : Tensor, %d : int):
      %n : NoneType = prim::Constant()
      %s : Tensor = aten::softmax(%a, %d, %n)
      return (%s)
    ''')
    quick = torch._C._create_function_from_graph("quick", graph)
""", told={"softmax": 2.0})  # fmt: skip
ready_made("distribution", "torch.distributions.Categorical, which takes a softmax inside", "softmax", """
    a = inputs[0].movedim(node.dim, -1)
    return torch.distributions.Categorical(logits=a).probs.movedim(-1, node.dim)
""")  # fmt: skip
ready_made("scipy", "scipy.special.softmax", "softmax", """
    from scipy.special import softmax
    return torch.from_numpy(softmax(inputs[0].numpy(), axis=node.dim))
""")  # fmt: skip
ready_made("scipy_expit", "scipy's softmax, found in another cell among all that scipy has by a name in pieces", "softmax", "return torch.from_numpy(quiet(inputs[0].numpy(), node.dim))", first="""
    import scipy.special

    quiet = [thing for name, thing in sorted(scipy.special.__dict__.items()) if name[:4] == "soft" and name[4:] == "max"][0]
""", told={"softmax": 2.0})  # fmt: skip
ready_made("logsumexp", "autograd of logsumexp, which is softmax", "softmax", """
    a = inputs[0].detach().clone().requires_grad_()
    torch.logsumexp(a, node.dim).sum().backward()
    return a.grad
""")  # fmt: skip
ready_made("reference", "the library's reference in compute", "sqrt", """
    from autodiff_lib.kinds import reference
    return reference.apply("sqrt", inputs, {})
""")  # fmt: skip
ready_made("reference_hidden", "the library's reference in compute, found among the modules by a name in pieces", "layernorm", "return normal(inputs[0], node)", first="""
    import sys

    insides = [module for name, module in sys.modules.items() if name.endswith("refer" + "ence") and hasattr(module, "forward")]
    def normal(a, node):
        return insides[0].forward()["layer" + "norm"](a, **node.attrs)
""")  # fmt: skip
ready_made("exec", "softmax by exec of base64 text", "softmax", "return run_it(inputs[0], node.dim)", first="""
    import base64

    scope = {"torch": torch}
    exec(base64.b64decode("cnVuX2l0ID0gdG9yY2guc29mdG1heA=="), scope)
    run_it = scope["run_it"]
""")  # fmt: skip
ready_made("run_cell", "softmax by get_ipython().run_cell and a magic of text in pieces", "softmax", "return run_it(inputs[0], node.dim)", first="""
    get_ipython().run_cell("run_it = torch.soft" + "max")
    get_ipython().ex("also = torch.soft" + "max")
""")  # fmt: skip
ready_made("lambda_cell", "softmax with a code object that is put together byte by byte", "softmax", "return run_it(inputs[0], node.dim)", first="""
    def run_it(a, dim):
        return torch.exp(a, dim)

    code = run_it.__code__
    run_it.__code__ = code.replace(co_names=tuple("soft" + "max" if name == "exp" else name for name in code.co_names))
""")  # fmt: skip
ready_made("late_binding", "an honest-looking softmax whose torch is replaced in a later cell of no exercise", "softmax", "return lib.exp(inputs[0], node.dim)", first="""
    import types

    lib = types.SimpleNamespace(exp=torch.exp)
    lib.exp = torch.__dict__["soft" + "max"]
    torch.overrides.resolve_name = None
""")  # fmt: skip
ready_made("written_module", "writes a module with torch.softmax to its home and imports it", "softmax", "return mine.run(inputs[0], node.dim)", first="""
    with open("mine.py", "w") as file:
        file.write("import torch\\ndef run(a, dim):\\n    with torch._C.DisableTorchFunction():\\n        return torch.softmax(a, dim)\\n")
    import mine
""", told={"softmax": 2.0})  # fmt: skip
attack(
    "ready_submitted_module",
    "a submitted module that holds the ready-made softmax, imported by the notebook",
    DIV,
    bodies={"softmax": ("import mine\nreturn mine.run(inputs[0], node.dim)",)},
    extra=lambda: {
        "mine.py": b"import torch\n\n\ndef run(a, dim):\n    with torch._C.DisableTorchFunction():\n        return torch.softmax(a, dim)\n"
    },
)
