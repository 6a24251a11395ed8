"""Hostile submissions of the evaluator: facts that are invented, orders that a library made."""

# ruff: noqa: E501

from __future__ import annotations

from functools import partial

from tests.redteam.submissions import ENGINE, MINE, ORDER, attack, grab

RUN_READY = f"""{MINE}
    from autodiff_lib.graph_data import evaluate, to_data
    leaves = list(values)
    results = evaluate(to_data(self.eval_nodes, leaves), [values[leaf] for leaf in leaves], reference.forward())
"""
engine = partial(attack, unit=ENGINE)
engine("order_library", "topological_order from autodiff_lib.graph_data", bodies={
    "topological_order": ("from autodiff_lib.graph_data import inputs_first\nreturn inputs_first(nodes)",),
})  # fmt: skip
engine("order_graphlib", "topological_order with graphlib", bodies={
    "topological_order": ("""
        from graphlib import TopologicalSorter
        inputs, todo = {}, list(nodes)
        while todo:
            node = todo.pop()
            if node not in inputs:
                inputs[node] = node.inputs
                todo += node.inputs
        return list(TopologicalSorter(inputs).static_order())
    """,),
})  # fmt: skip
engine("order_networkx", "topological_order with networkx, imported under another name in another cell", first="""
    import networkx as n
    sorted_nodes = n.topological_sort
""", bodies={
    "topological_order": ("""
        graph, todo = n.DiGraph(), list(nodes)
        while todo:
            node = todo.pop()
            if node not in graph or not graph.pred[node]:
                graph.add_node(node)
                graph.add_edges_from((operand, node) for operand in node.inputs)
                todo += node.inputs
        return list(sorted_nodes(graph))
    """,),
})  # fmt: skip
engine("order_hidden_name", "inputs_first behind getattr and a name in pieces", bodies={
    "topological_order": ("import autodiff_lib.graph_data as g\nreturn list(getattr(g, 'inputs' + '_first')(nodes))",),
})  # fmt: skip
engine("order_stolen", "takes the trusted order that the probe lends to Evaluator, and keeps it for topological_order", first="""
    kept = {}
""", bodies={
    "topological_order": ("return kept['order'](nodes)",),
    "Evaluator": ("kept['order'] = topological_order\nresults = []",),
})  # fmt: skip
engine("order_borrowed_method", "the sort of the library's figures, called by the name that they import it under", first="""
    from autodiff_lib import figures, graph_drawing

    tools = [thing for module in (figures, graph_drawing) for name, thing in sorted(module.__dict__.items()) if name.startswith("inputs")]
""", bodies={"topological_order": ("return tools[0](nodes)",)})  # fmt: skip
engine("evaluator_library", "Evaluator with the library's own evaluation of graphs as data", ORDER, bodies={"Evaluator": (RUN_READY,)})
engine("frugal_library", "FrugalEvaluator with the library's own evaluation: nothing is seen of its work", ORDER, bodies={
    "FrugalEvaluator": ("pass", RUN_READY),
})  # fmt: skip
FRUGAL_UNSEEN = """
    missing = [node.name for node in self.order if not node.inputs and node not in values]
    if missing:
        raise ValueError(f"no value was fed for {', '.join(missing)}")
    for node in self.order:
        if node not in values:
            values[node] = %s
    results = [values[node] for node in self.eval_nodes]
"""
engine(
    "frugal_unseen",
    "a FrugalEvaluator that forgets nothing, and calls the operators' classes, past the watched instances",
    ORDER,
    bodies={
        "FrugalEvaluator": ("pass", FRUGAL_UNSEEN % "type(node.op).compute(node.op, node, [values[operand] for operand in node.inputs])")
    },
    worth={"FrugalEvaluator": 1.0},
)
engine(
    "frugal_copies",
    "a FrugalEvaluator that forgets nothing: it keeps copies, and lets the watched results go",
    ORDER,
    bodies={"FrugalEvaluator": ("pass", FRUGAL_UNSEEN % "node.op.compute(node, [values[operand] for operand in node.inputs]).clone()")},
    worth={"FrugalEvaluator": 1.0},
)
engine(
    "frugal_patched",
    "a FrugalEvaluator that forgets nothing, with the watch patched so that nothing seems alive",
    ORDER,
    first="""
        from autodiff_lib.kinds.evaluator import watch

        class Forgetful(list):
            def append(self, count):
                super().append(0)

        class Log(watch.Log):
            def __init__(self):
                super().__init__()
                self.alive = Forgetful()

        watch.Log = Log
    """,
    bodies={"FrugalEvaluator": ("pass", FRUGAL_UNSEEN % "node.op.compute(node, [values[operand] for operand in node.inputs])")},
    worth={"FrugalEvaluator": 1.0},
)
engine(
    "engine_patched",
    "patches the probe's own topological order, budget, recursion limit and fair play",
    {},
    first="""
        from autodiff_lib.checks.question import Answer
        from autodiff_lib.kinds.evaluator import probe

        def canned(ask):
            nodes = ask.settings["graph"]["nodes"]
            return Answer(facts={"order": list(range(len(nodes))), "changed": False})

        probe.order = canned
    """,
    bodies={"topological_order": ("return list(nodes)",)},
)
engine(
    "engine_recursion",
    "recursive order, evaluator and gradients, exponential as well, with the recursion limit raised",
    {},
    first="import sys\nsys.setrecursionlimit(10**9)\nsys.setrecursionlimit = lambda limit: None",
    bodies={
        "topological_order": (
            "result = []\nfor node in nodes:\n    result += topological_order(list(node.inputs)) + [node]\nreturn list(dict.fromkeys(result))",
        ),
    },
    worth={"topological_order": 2.0},
)
engine(
    "engine_swapped_nodes",
    "changes the nodes that it is given: their inputs, operators and classes",
    {},
    bodies={
        "topological_order": ("for node in nodes:\n    node.inputs = ()\nreturn list(nodes)",),
        "Evaluator": (
            "for node in self.order:\n    node.op = ad.table['exp'] if node.inputs else node.op\nresults = [torch.zeros(())] * len(self.eval_nodes)",
        ),
        "gradients": ("output_node.__class__ = type('N', (ad.Node,), {'inputs': ()})\nreturn list(nodes)",),
    },
)
engine(
    "engine_channel",
    "takes the channel over and answers the order, the values and the forgetting with the library's own functions",
    {},
    told={"topological_order": 3.0},
    first=grab(
        """
        from autodiff_lib.graph_data import evaluate, evaluation_order

        def answer(asked, arrays):
            settings = asked["settings"]
            graph = settings["graph"]
            if asked["probe"].endswith(":order"):
                return wire.pack(header(asked["number"], facts={"order": evaluation_order(graph), "changed": False}))
            if asked["probe"].endswith(":run"):
                facts = {"changed": False, "kinds": [], "computed": [], "alive": [], "most_often": 0, "raised": None}
                count, results = len(settings["names"]), []
                if settings.get("missing"):
                    facts["raised"] = ["ValueError", " ".join(settings["names"])]
                    return wire.pack(header(asked["number"], facts=facts))
                for run in range(settings["runs"]):
                    fed = [torch.tensor(array) for array in arrays[run * count : (run + 1) * count]]
                    results += [value.numpy() for value in evaluate(graph, fed, reference.forward())]
                return wire.pack(header(asked["number"], facts=facts), results)
            return wire.pack(header(asked["number"], graph={"nodes": [{"leaf": 0}], "outputs": [0]}))

        serve(answer)
        """
    ),
    bodies={"topological_order": ("return nodes",)},
)
