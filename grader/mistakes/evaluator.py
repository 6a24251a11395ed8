"""Mistakes of unit 2."""

from __future__ import annotations

from .mistake import Mistake

UNIT = "02_evaluator"


def mistake(exercise: str, slug: str, what: str, *edits: tuple[str, str]) -> Mistake:
    return Mistake(f"{exercise}-{slug}", UNIT, exercise, what, edits)


BREADTH_FIRST = """    found = list(nodes)
    for node in found:
        found += [operand for operand in node.inputs if operand not in found]
    return found[::-1]
"""

ON_FIRST_SIGHT = """    order, todo = [], list(nodes)
    while todo:
        node = todo.pop()
        if node not in order:
            order.append(node)
            todo += node.inputs
    return order[::-1]
"""

RECURSIVE = """    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for operand in node.inputs:
                visit(operand)
            order.append(node)

    for node in nodes:
        visit(node)
    return order
"""

WITHOUT_MEMORY = """    order, todo = [], [(node, False) for node in reversed(nodes)]
    while todo:
        node, back = todo.pop()
        if back:
            if node not in order:
                order.append(node)
        else:
            todo.append((node, True))
            todo += [(operand, False) for operand in node.inputs]
    return order
"""

BODY = """    order, seen = [], set()
    todo = [(node, "arrive") for node in reversed(nodes)]
    while todo:
        node, moment = todo.pop()
        if moment == "come back":
            order.append(node)
        elif node not in seen:
            seen.add(node)
            todo.append((node, "come back"))
            todo += [(operand, "arrive") for operand in node.inputs]
    return order
"""

COMPUTED_ON_DEMAND = """        def value_of(node):
            if node not in values:
                return node.op.compute(node, [value_of(operand) for operand in node.inputs])
            return values[node]

        results = [value_of(node) for node in self.eval_nodes]
"""

LOOP = """        for node in self.order:
            if node not in values:
                values[node] = node.op.compute(node, [values[operand] for operand in node.inputs])
        results = [values[node] for node in self.eval_nodes]
"""

MISTAKES = [
    mistake("topological_order", "breadth-first", "level by level from the outputs, turned around", (BODY, BREADTH_FIRST)),
    mistake("topological_order", "on-first-sight", "depth first, but nodes are listed when first seen", (BODY, ON_FIRST_SIGHT)),
    mistake("topological_order", "recursive", "recursion, which a deep graph exhausts", (BODY, RECURSIVE)),
    mistake("topological_order", "without-memory", "shared nodes are visited again for each consumer", (BODY, WITHOUT_MEMORY)),
    mistake("topological_order", "reversed", "outputs first", ("    return order\n", "    return order[::-1]\n")),
    mistake("topological_order", "without-variables", "variables are left out", ('            order.append(node)\n', '            if node.inputs:\n                order.append(node)\n')),
    mistake("topological_order", "one-output", "only the first of the outputs is followed", ("reversed(nodes)]", "nodes[:1]]")),
    mistake("topological_order", "by-name", "nodes are told apart by their names", ("elif node not in seen:\n            seen.add(node)", "elif node.name not in seen:\n            seen.add(node.name)")),
    mistake("topological_order", "consumes-argument", "the list of outputs is emptied", ("reversed(nodes)]", "[nodes.pop() for _ in range(len(nodes))]]")),
    mistake("topological_order", "first-input-only", "only first inputs are followed", ("for operand in node.inputs]", "for operand in node.inputs[:1]]")),
    mistake("Evaluator", "stale", "values of the first run are kept", ("for node in self.order:\n            if node not in values:", "self.cache = values = {**values, **getattr(self, 'cache', {})}\n        for node in self.order:\n            if node not in values:")),
    mistake("Evaluator", "recursive", "values are computed on demand, again for each consumer", (LOOP, COMPUTED_ON_DEMAND)),
    mistake("Evaluator", "without-duplicates", "an output that is wanted twice is returned once", ("for node in self.eval_nodes]", "for node in dict.fromkeys(self.eval_nodes)]")),
    mistake("Evaluator", "graph-order", "results come in the order of the graph", ("results = [values[node] for node in self.eval_nodes]", "results = [values[node] for node in sorted(self.eval_nodes, key=self.order.index)]")),
    mistake("Evaluator", "missing-unnamed", "the error does not name the missing variables", ('ValueError(f"no value was fed for {\', \'.join(missing)}")', 'ValueError("a value is missing")')),
    mistake("Evaluator", "missing-first-only", "only the first missing variable is named", ("', '.join(missing)", "missing[0]")),
    mistake("Evaluator", "missing-keyerror", "a missing variable raises KeyError", ("raise ValueError(", "raise KeyError(")),
    mistake("Evaluator", "extra-refused", "values that are not needed are refused", ("        for node in self.order:\n            if", "        if set(values) - set(self.order):\n            raise ValueError('unknown variables')\n        for node in self.order:\n            if")),
    mistake("Evaluator", "caller-filled", "the caller's dictionary is filled with results", ("        for node in self.order:\n            if node not in values:\n                values[node] =", "        for node in self.order:\n            if node not in values:\n                values[node] = input_values[node] =")),
    mistake("Evaluator", "last-only", "only the last value is returned", ("results = [values[node] for node in self.eval_nodes]", "results = [values[self.order[-1]]]")),
    mistake("Evaluator", "by-name", "values are kept by the nodes' names", (LOOP, LOOP.replace("values[", "by_name[").replace("not in values", "not in by_name").replace("        for", "        by_name = {node.name: value for node, value in values.items()}\n        for", 1).replace("[node]", "[node.name]").replace("[operand]", "[operand.name]").replace("if node not", "if node.name not"))),
    mistake("Evaluator", "in-place", "results are added to in place, which spoils what was fed", ("        results =", "        values[self.order[0]].add_(1)\n        results =")),
    mistake("gradients", "overwrites", "a later contribution replaces the earlier ones", ("bar[operand] + contribution if operand in bar else contribution", "contribution")),
    mistake("gradients", "first-only", "only the first contribution counts", ("bar[operand] = bar[operand] + contribution if operand in bar else contribution", "bar.setdefault(operand, contribution)")),
    mistake("gradients", "none-for-unused", "None where the output does not depend on a node", ("bar[node] if node in bar else ad.zeros_like(node)", "bar.get(node)")),
    mistake("gradients", "zero-of-output", "zeros of the output's shape for an unused node", ("ad.zeros_like(node) for", "ad.zeros_like(output_node) for")),
    mistake("gradients", "seed-is-output", "starts from the output's value, not from ones", ("ad.ones_like(output_node)", "output_node")),
    mistake("gradients", "breadth-first", "walks back level by level", ("reversed(topological_order([output_node]))", "dict.fromkeys(level_by_level(output_node))"), ("@ad.exercise\n", "def level_by_level(output):\n    found = [output]\n    for node in found:\n        found += [operand for operand in node.inputs if operand not in found]\n    return found\n\n\n@ad.exercise\n")),
    mistake("gradients", "forward-order", "walks forward", ("in reversed(topological_order([output_node])):\n", "in topological_order([output_node]):\n        bar.setdefault(node, ad.zeros_like(node))\n")),
    mistake("gradients", "by-name", "gradients are kept by the nodes' names", ("bar[operand] = bar[operand] + contribution if operand in bar else contribution", "bar[operand.name] = bar[operand.name] + contribution if operand.name in bar else contribution"), ("{output_node: ", "{output_node.name: "), ("bar[node])", "bar[node.name])"), ("bar[node] if node in bar", "bar[node.name] if node.name in bar")),
    mistake("gradients", "variables-only", "nodes inside the graph get zeros", ("[bar[node] if node in bar", "[bar[node] if node in bar and not node.inputs")),
    mistake("gradients", "same-twice", "a repeated node is answered once", ("for node in nodes]", "for node in dict.fromkeys(nodes)]")),
    mistake("gradients", "path-by-path", "every path is walked on its own: exponential", ("    for node in reversed(topological_order([output_node])):\n        for operand, contribution in zip(node.inputs, node.op.gradient(node, bar[node]), strict=True):\n            bar[operand] = bar[operand] + contribution if operand in bar else contribution\n", "    todo = [(output_node, bar[output_node])]\n    while todo:\n        node, grad = todo.pop()\n        for operand, contribution in zip(node.inputs, node.op.gradient(node, grad), strict=True):\n            bar[operand] = bar[operand] + contribution if operand in bar else contribution\n            todo.append((operand, contribution))\n")),
    mistake("FrugalEvaluator", "keeps-all", "nothing is forgotten", ("            for operand in self.forget_after[node]:\n                del values[operand]\n", "")),
    mistake("FrugalEvaluator", "first-use", "values are deleted after their first use", ("last_user = {operand: node for node in self.order for operand in node.inputs}", "last_user = {operand: node for node in reversed(self.order) for operand in node.inputs}")),
    mistake("FrugalEvaluator", "outputs-too", "values that are wanted are deleted as well", ("            if operand not in self.eval_nodes:\n                self.forget_after[node].append(operand)\n", "            self.forget_after[node].append(operand)\n")),
    mistake("FrugalEvaluator", "variables-only", "only variables are deleted", ("if operand not in self.eval_nodes:", "if operand not in self.eval_nodes and not operand.inputs:")),
    mistake("FrugalEvaluator", "plan-used-up", "the plan is used up by the first run", ("for operand in self.forget_after[node]:", "for operand in self.forget_after.pop(node):")),
    mistake("FrugalEvaluator", "deletes-callers", "deletes from the caller's dictionary", ("                del values[operand]\n", "                del values[operand]\n                input_values.pop(operand, None)\n")),
]  # fmt: skip
