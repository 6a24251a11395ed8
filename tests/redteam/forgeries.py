"""Answers that are forged, and answers that judges fell over: difference quotients, invented facts, shapes and lengths that lie."""

from __future__ import annotations

from functools import partial

from .submissions import ENGINE, LM, attack

VALUES = ("return inputs[0] * 0",)  # a `compute` that is worth nothing
LOSS = {"cross_entropy_loss": 5.0}
engine = partial(attack, unit=ENGINE)
lm = partial(attack, honest=LOSS, unit=LM)

# --- difference quotients in the place of gradients

QUOTIENT = """
    def weighted(op_of, weights, h):
        total = None
        for multiple, weight in weights:
            term = op_of(multiple * h) * (weight / h)
            total = term if total is None else total + term
        return total

    ORDERS = {
        1: [(1, 1), (0, -1)],
        2: [(1, 1 / 2), (-1, -1 / 2)],
        4: [(1, 8 / 12), (-1, -8 / 12), (2, -1 / 12), (-2, 1 / 12)],
        6: [(1, 45 / 60), (-1, -45 / 60), (2, -9 / 60), (-2, 9 / 60), (3, 1 / 60), (-3, -1 / 60)],
    }

    def quotients(node, output_grad, order, h, step_of, slope_of):
        found = []
        for k in range(len(node.inputs)):
            def moved(size, k=k):
                given = [a + step_of(a, output_grad) * size if i == k else a for i, a in enumerate(node.inputs)]
                return node.op(*given, **node.attrs)
            slope = slope_of(weighted(moved, ORDERS[order], h), output_grad)
            found.append(ad.unbroadcast(slope, node.inputs[k]))
        return found

    def along(node, output_grad, order, h):
        return quotients(node, output_grad, order, h, lambda a, g: g, lambda slope, g: slope)

    def unit(node, output_grad, order, h):
        length = ad.sqrt(ad.unbroadcast(output_grad * output_grad, ad.mean(ad.reshape(output_grad, (-1,)), dim=0)))
        step, back = (lambda a, g: g / length), (lambda slope, g: slope * length)
        return quotients(node, output_grad, order, h, step, back)

    def each(node, output_grad, order, h):
        return quotients(node, output_grad, order, h, lambda a, g: ad.ones_like(a), lambda slope, g: slope * g)

    def relative(node, output_grad, order, h):
        return quotients(node, output_grad, order, h, lambda a, g: a, lambda slope, g: slope * g / node.inputs[0])
"""
QUOTIENTS = {  # slug -> what, and the call that makes the gradients
    "fd_forward": ("forward differences in the direction of output_grad", "along(node, output_grad, 1, 1e-8)"),
    "fd_central": ("central differences in the direction of output_grad", "along(node, output_grad, 2, 1e-5)"),
    "fd_fourth": ("differences of fourth order in the direction of output_grad", "along(node, output_grad, 4, 1e-3)"),
    "fd_sixth": ("differences of sixth order in the direction of output_grad", "along(node, output_grad, 6, 1e-2)"),
    "fd_unit": ("differences in the direction of output_grad, whatever its length", "unit(node, output_grad, 4, 1e-3)"),
    "fd_each": ("the slope of each entry by itself, by central differences", "each(node, output_grad, 2, 1e-6)"),
    "fd_each_fourth": ("the slope of each entry by itself, by differences of fourth order", "each(node, output_grad, 4, 1e-3)"),
    "fd_relative": ("the slope of each entry, with steps as large as the entry", "relative(node, output_grad, 4, 1e-3)"),
}
OPERATORS = ("div", "relu", "sqrt", "power", "softmax", "layernorm", "mean", "matmul")
for slug, (what, call) in QUOTIENTS.items():
    attack(slug, f"gradients that are {what}", first=QUOTIENT, bodies=dict.fromkeys(OPERATORS, (*VALUES, f"return {call}")))

attack(
    "fd_entries",
    "every entry of the Jacobian by differences: unit vectors told apart by the rank of random numbers",
    first="""
        def ranks(a, g):
            flat = ad.reshape(a * 1e-3 + g, (-1,))
            return ad.reshape_as(ad.sum_op(ad.greater(ad.reshape(flat, (-1, 1)), ad.reshape(flat, (1, -1))), dim=1), a)

        def entries(node, g, h=1e-5):
            (a,) = node.inputs
            places, total = ranks(a, g), None
            for place in range(24):
                one = ad.greater(places, (places * 0) + (place - 0.5)) * ad.greater((places * 0) + (place + 0.5), places)
                change = (node.op(a + one * h, **node.attrs) - node.op(a - one * h, **node.attrs)) * (0.5 / h)
                part = one * ad.unbroadcast(change * g, ad.mean(ad.reshape(a, (-1,)), dim=0))
                total = part if total is None else total + part
            return [total]
    """,
    bodies=dict.fromkeys(("softmax", "layernorm", "sqrt", "relu"), (*VALUES, "return entries(node, output_grad)")),
)
engine(
    "fd_gradients",
    "gradients by differences of the whole graph, rebuilt with its variable moved",
    bodies={
        "gradients": (
            """
            def rebuilt(node, moved):
                if node is moved[0]:
                    return moved[1]
                return node.op(*(rebuilt(operand, moved) for operand in node.inputs), **node.attrs) if node.inputs else node
            h = 1e-5
            return [(rebuilt(output_node, (x, x + h)) - rebuilt(output_node, (x, x + -h))) * (0.5 / h) for x in nodes]
            """,
        ),
    },
)

# --- facts that are invented, by probes that the submission puts in the place of the library's

CANNED = """
    import sys
    found = {name.split(".")[-1]: module for name, module in list(sys.modules.items()) if name.startswith("autodiff" + "_lib.")}
    inside, library = found["evalua" + "tor"], found["graph" + "_data"]
    probes, Answer = vars(inside)["PRO" + "BES"], inside.Answer

    def listed(settings):
        return list(range(len(settings["graph"]["nodes"])))

    def operators(settings):
        return [place for place in listed(settings) if "op" in settings["graph"]["nodes"][place]]

    def facts(settings, order):
        found = {"changed": False, "kinds": [], "computed": order, "alive": [0] * len(order), "most_often": 1, "raised": []}
        for run in range(settings["runs"]):
            absent = settings["missing"][run] if "missing" in settings else []
            named = " and ".join(settings["names"][number] for number in absent)
            found["raised"].append(["ValueError", f"no value for {named}"] if absent else None)
        return found

    def fed(ask, run):
        count = len(ask.settings["names"])
        return [torch.tensor(array) for array in ask.arrays[run * count : (run + 1) * count]]

    def forged_order(ask):
        return Answer(facts={"order": ORDER, "changed": False})

    def forged_run(ask):
        settings, arrays = ask.settings, []
        for run in range(settings["runs"]):
            if not ("missing" in settings and settings["missing"][run]):
                arrays += VALUES
        return Answer(arrays=tuple(np.array(value) for value in arrays), facts=facts(settings, operators(settings)))

    def forged_memory(ask):
        return Answer(arrays=(np.array(MEMORY),))

    import numpy as np
    probes.update(topological_order=forged_order, evaluator_run=forged_run, memory=forged_memory)
"""
REFERENCE = "[v.numpy() for v in library.evaluate(settings['graph'], fed(ask, run), inside.reference.FORWARD)]"
NOTHING_WRITTEN = {
    "topological_order": ("return list(nodes)",),
    "Evaluator": ("results = []",),
    "FrugalEvaluator": ("pass", "results = []"),
}
FORGED = {  # slug -> what, an order, the values of a run, the value of the large case
    "forged_facts": ("claims of every kind, and values from the judge's own operators", "listed(ask.settings)", REFERENCE, "2.0"),
    "forged_backwards": (
        "the outputs last, the variables first, and values without any work",
        "sorted(listed(ask.settings), key=lambda place: 'op' in ask.settings['graph']['nodes'][place])",
        "[np.ones(()) for _ in settings['graph']['outputs']]",
        "float(ask.arrays[0].sum())",
    ),
    "forged_small": (
        "values from the judge's operators, and the large case on one number in the place of each row and column",
        "listed(ask.settings)[::-1]",
        REFERENCE,
        "float(library.evaluate(ask.settings['graph'], [torch.tensor(a.mean()).reshape(1, 1) for a in ask.arrays], "
        "inside.reference.FORWARD)[0]) * ask.arrays[0].size * ask.arrays[-1].size",
    ),
}


def filled_in(order: str, values: str, memory: str) -> str:
    return CANNED.replace("ORDER", order).replace("VALUES", values).replace("MEMORY", memory)


for slug, (what, *parts) in FORGED.items():
    engine(slug, f"probes of its own, found through sys.modules: {what}", first=filled_in(*parts), bodies=NOTHING_WRITTEN)

engine(
    "forged_claims_of_millions",
    "a probe of its own that claims a million computations on a small graph",
    first=filled_in("listed(ask.settings) * 100_000", REFERENCE, "2.0").replace(
        "facts(settings, operators(settings))", "facts(settings, (operators(settings) * 1_000_000)[:1_000_000])"
    ),
    bodies=NOTHING_WRITTEN,
)

# --- answers of a number or a kind that nobody asked for

LIAR = """
    class Liar(list):
        told = 1

        def __len__(self):
            return self.told

    def liar(entries, told):
        result = Liar(entries)
        result.told = told
        return result
"""
attack(
    "lying_lengths",
    "lists of gradients that tell another length than they have",
    first=LIAR,
    bodies={
        "relu": (*VALUES, "return liar([], 1)"),
        "sqrt": (*VALUES, "return liar([output_grad] * 3, 1)"),
        "matmul": (*VALUES, "return liar([output_grad], 2)"),
        "div": (*VALUES, "return liar([], 2)"),
    },
)
engine(
    "lying_lists",
    "an order, values and gradients in lists that tell another length than they have, and no gradients at all",
    first=LIAR,
    bodies={
        "topological_order": ("return liar([], 100)",),
        "Evaluator": ("results = liar([torch.zeros(())] * 3, len(self.eval_nodes))\nreturn results",),
        "gradients": ("return liar([], len(nodes))",),
    },
)
engine("no_gradients", "an empty list of gradients", bodies={"gradients": ("return []",)})
lm(
    "attention_over_sums",
    "an honest mistake: attention that is summed over the tokens",
    bodies={
        "causal_self_attention": (
            """
            scores = (X @ W_Q) @ ad.transpose(X @ W_K, -2, -1) / math.sqrt(model_dim)
            mixed = ad.softmax(scores + mask, dim=-1) @ (X @ W_V) @ W_O
            return ad.sum_op(mixed, dim=1, keepdim=True)
            """,
        ),
        "decoder_layer": ("return ad.sum_op(X, dim=(0, 1, 2))",),
        "transformer_lm": ("return ad.mean(tokens, dim=1, keepdim=True)",),
    },
)
attack(
    "odd_arrays",
    "values that are complex, whole numbers, of half precision, without entries, without axes, and far too large",
    bodies={
        "div": ("return torch.complex(inputs[0].double(), inputs[0].double())", "return [output_grad]"),
        "sqrt": ("return torch.zeros((0, 5, 0))", "return [output_grad]"),
        "relu": ("return inputs[0].long()", "return [output_grad]"),
        "power": ("return inputs[0].half()", "return [output_grad]"),
        "mean": ("return torch.zeros((3_000_000,), dtype=torch.float64)", "return [output_grad]"),
        "softmax": ("return torch.full_like(inputs[0], float('nan'))", "return [output_grad]"),
        "matmul": ("return inputs[0].sum()", "return [output_grad]"),
        "transpose": ("return torch.zeros((1,) * 12)", "return [output_grad]"),
        "layernorm": ("return torch.full_like(inputs[0], 1.7e308)", "return [output_grad]"),
    },
)
engine(
    "odd_values",
    "values that are objects, matrices of NumPy's own kind, and three hundred at once",
    bodies={
        "Evaluator": ("import numpy as np\nreturn [np.array([None, self])] * len(self.eval_nodes)",),
        "FrugalEvaluator": ("pass", "return [torch.zeros(())] * 300"),
    },
)
attack(
    "nested_attributes",
    "attributes that are lists in lists, nine hundred deep, and texts of a megabyte",
    first="""
        import sys
        found = {name.split(".")[-1]: module for name, module in list(sys.modules.items()) if name.startswith("autodiff" + "_lib.")}

        deep = 1.0
        for _ in range(900):
            deep = [deep]
        found["graph" + "_data"].plain = lambda value, what: value
    """,
    bodies={
        "sqrt": (*VALUES, "return [ad.mul_by_const(output_grad, deep)]"),
        "relu": (*VALUES, "return [ad.mul_by_const(output_grad, 'x' * 1_000_000)]"),
        "transpose": (*VALUES, "return [ad.reshape(output_grad, [[2, 3]] * 60)]"),
    },
)
attack(
    "impossible_shapes",
    "messages with arrays that have no entries along one axis and 33 million along seven",
    first="""
        import json, sys
        found = {name.split(".")[-1]: module for name, module in list(sys.modules.items()) if name.startswith("autodiff" + "_lib.")}
        line = found["wi" + "re"]
        packed = line.pack

        def pack(header, arrays=()):
            message = packed(header, ())
            head = {**header, "arrays": [["float64", [0, *[2**25] * 7], "C"]] * 2}
            text = json.dumps(head).encode()
            return line.LENGTH.pack(len(text)) + text if "facts" in header else message

        line.pack = pack
    """,
    bodies={"sqrt": (*VALUES, "return [output_grad]"), "relu": (*VALUES, "return [output_grad]")},
)
