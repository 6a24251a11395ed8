"""Mistakes of unit 2."""

from __future__ import annotations

from autodiff_lib.units.evaluator.unit import UNIT

from .. import mistakes_of

mistake = mistakes_of(UNIT.name)

# --- topological_order: the solution's body, and what stands in its place

ORDER = """    order, seen = [], set()
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

SEEN_WHEN_STACKED = """    order, seen = [], set(nodes)
    todo = [(node, "arrive") for node in reversed(nodes)]
    while todo:
        node, moment = todo.pop()
        if moment == "come back":
            order.append(node)
            continue
        todo.append((node, "come back"))
        for operand in node.inputs:
            if operand not in seen:
                seen.add(operand)
                todo.append((operand, "arrive"))
    return order
"""

CONSUMERS_COUNTED_ONCE = """    consumers, waiting = {}, {}
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if node in waiting:
            continue
        waiting[node] = len(node.inputs)
        for operand in node.inputs:
            consumers.setdefault(operand, set()).add(node)
        todo += node.inputs
    order = [node for node in waiting if not node.inputs]
    for node in order:
        for consumer in consumers.get(node, ()):
            waiting[consumer] -= 1
            if waiting[consumer] == 0:
                order.append(consumer)
    return order
"""

TOPOLOGICAL_ORDER = [
    mistake(
        "topological_order",
        "breadth-first",
        "the graph is listed level by level from the outputs, then turned around",
        "A node can be one step from the output on one way and three on another. On the diamond, which way counts for a?",
        (ORDER, BREADTH_FIRST),
    ),
    mistake(
        "topological_order",
        "on-first-sight",
        "a node is listed when it is first seen, and the list is turned around",
        "You go deep first, which is good. Do you list a node when you arrive at it, or when all below it is done?",
        (ORDER, ON_FIRST_SIGHT),
    ),
    mistake(
        "topological_order",
        "recursive",
        "a function calls itself once for each step down, which exhausts the stack of a deep graph",
        "The order is right. How many calls are open at once on a chain of ten thousand nodes?",
        (ORDER, RECURSIVE),
    ),
    mistake(
        "topological_order",
        "without-memory",
        "a shared node is walked through again for each of its consumers",
        "Forty doublings have 41 nodes. How many ways lead from the last to the first, and do you walk them all?",
        (ORDER, WITHOUT_MEMORY),
    ),
    mistake(
        "topological_order",
        "seen-when-stacked",
        "a node counts as seen when it is put on the stack, not when it is reached",
        "Something waits at the bottom of your stack and is needed sooner on another branch. Who may still fetch it there?",
        (ORDER, SEEN_WHEN_STACKED),
    ),
    mistake(
        "topological_order",
        "consumers-counted-once",
        "a consumer that uses a node twice waits for two signals and gets one",
        "You count what each node waits for. For x * x, how often is x counted, and how often is it crossed off?",
        (ORDER, CONSUMERS_COUNTED_ONCE),
    ),
    mistake(
        "topological_order",
        "reversed",
        "the outputs come first",
        "Someone computes your list from its beginning. Can the first node of it be computed at once?",
        ("    return order\n", "    return order[::-1]\n"),
    ),
    mistake(
        "topological_order",
        "without-variables",
        "the variables are left out",
        "Count the nodes of x * x. Is your list as long?",
        ("            order.append(node)\n", "            if node.inputs:\n                order.append(node)\n"),
    ),
    mistake(
        "topological_order",
        "without-outputs",
        "the outputs themselves are left out",
        "Every input of every node is listed. Who lists a node that is nobody's input?",
        ("            order.append(node)\n", "            if node not in nodes:\n                order.append(node)\n"),
    ),
    mistake(
        "topological_order",
        "one-output",
        "only the first of the outputs is followed",
        "One output works. What does your walk start from when it is given two that have nothing in common?",
        ("reversed(nodes)]", "nodes[:1]]"),
    ),
    mistake(
        "topological_order",
        "first-input-only",
        "only the first input of each node is followed",
        "You follow one thread down to a variable. Where do you go on when a node has two inputs?",
        ("for operand in node.inputs]", "for operand in node.inputs[:1]]"),
    ),
    mistake(
        "topological_order",
        "by-name",
        "nodes are told apart by their names",
        "A name is for the reader: two nodes may share one, and long names are cut. What tells nodes apart for certain?",
        ("elif node not in seen:\n            seen.add(node)", "elif node.name not in seen:\n            seen.add(node.name)"),
    ),
    mistake(
        "topological_order",
        "consumes-argument",
        "the list of outputs that was passed in is emptied",
        "Print the list that you were given, after the call. Whose list is it?",
        ("reversed(nodes)]", "[nodes.pop() for _ in range(len(nodes))]]"),
    ),
    mistake(
        "topological_order",
        "memory-kept",
        "the set of seen nodes is made once and kept from one call to the next",
        "Call your function twice on the same graph. Why is the second list empty? Ask when a default value is made.",
        ("def topological_order(nodes):", "def topological_order(nodes, seen=set()):"),
        ("    order, seen = [], set()\n", "    order = []\n"),
    ),
]


# --- Evaluator

LOOP = """        for node in self.order:
            if node not in values:
                inputs = [values[operand] for operand in node.inputs]
                values[node] = node.op.compute(node, inputs)
        results = [values[node] for node in self.eval_nodes]
"""

COMPUTED_ON_DEMAND = """        def value_of(node):
            if node not in values:
                return node.op.compute(node, [value_of(operand) for operand in node.inputs])
            return values[node]

        results = [value_of(node) for node in self.eval_nodes]
"""

REMEMBERED_ON_DEMAND = """        def value_of(node):
            if node not in values:
                values[node] = node.op.compute(node, [value_of(operand) for operand in node.inputs])
            return values[node]

        results = [value_of(node) for node in self.eval_nodes]
"""

KEPT_BY_NAME = """        by_name = {node.name: value for node, value in values.items()}
        for node in self.order:
            if node.name not in by_name:
                by_name[node.name] = node.op.compute(node, [by_name[operand.name] for operand in node.inputs])
        results = [by_name[node.name] for node in self.eval_nodes]
"""

ORDER_USED_UP = LOOP.replace("for node in self.order:\n", "while self.order:\n            node = self.order.pop(0)\n")

CHECK = """        leaves = [node for node in self.order if not node.inputs]
        missing = [node.name for node in leaves if node not in values]
        if missing:
            raise ValueError(f"no value was fed for {', '.join(missing)}")
"""

RESULTS = "results = [values[node] for node in self.eval_nodes]"

REMEMBERED_DICTIONARY = (
    "        if getattr(self, 'fed', None) is input_values:\n            return self.kept\n"
    + LOOP
    + "        self.fed, self.kept = input_values, restore(results)\n"
)

REMEMBERED_TENSORS = (
    "        fed, before = list(input_values.values()), getattr(self, 'fed', [])\n"
    "        if fed and len(fed) == len(before) and all(map(lambda a, b: a is b, fed, before)):\n            return self.kept\n"
    + LOOP
    + "        self.fed, self.kept = fed, restore(results)\n"
)

EVALUATOR = [
    mistake(
        "Evaluator",
        "stale",
        "all values of the first run, the fed ones too, are kept for the next",
        "Run it twice with different values. Where do the inputs of the second run come from?",
        (LOOP, "        self.cache = values = {**values, **getattr(self, 'cache', {})}\n" + LOOP),
    ),
    mistake(
        "Evaluator",
        "stale-results",
        "computed values of the first run are kept for the next",
        "The variables have new values in the second run. Which of your nodes find their old value and stop there?",
        (LOOP, "        self.cache = values = {**getattr(self, 'cache', {}), **values}\n" + LOOP),
    ),
    mistake(
        "Evaluator",
        "feeds-kept",
        "a variable that was fed once keeps its value in later runs, so that nobody notices when it is missing",
        "Run it once with all values and once with one left out. Where does the missing value come from?",
        (CHECK, "        self.fed = values = {**getattr(self, 'fed', {}), **values}\n        values = dict(values)\n" + CHECK),
    ),
    mistake(
        "Evaluator",
        "on-demand",
        "values are computed on demand, again for each consumer",
        "How often is a node computed that two others need? You have an order that makes once enough.",
        (LOOP, COMPUTED_ON_DEMAND),
    ),
    mistake(
        "Evaluator",
        "recursive",
        "values are computed by a function that calls itself, which exhausts the stack of a deep graph",
        "Every node is computed once, well done. How many calls are open at once on a chain of ten thousand nodes?",
        (LOOP, REMEMBERED_ON_DEMAND),
    ),
    mistake(
        "Evaluator",
        "order-used-up",
        "the first run takes the order apart, and nothing is left for the second",
        "What is in self.order after a run? Somebody may want to run once more.",
        (LOOP, ORDER_USED_UP),
    ),
    mistake(
        "Evaluator",
        "by-name",
        "values are kept by the names of the nodes",
        "What happens to the value of one x when another variable is called x as well?",
        (LOOP, KEPT_BY_NAME),
    ),
    mistake(
        "Evaluator",
        "operands-reversed",
        "the values of a node's inputs are handed over in the reverse order",
        "Addition does not mind, but what about a difference? Compare the order of node.inputs with that of your values.",
        ("[values[operand] for operand in node.inputs]", "[values[operand] for operand in reversed(node.inputs)]"),
    ),
    mistake(
        "Evaluator",
        "operands-once",
        "an input that stands twice in a node's inputs is handed over once",
        "How many values does the product x * x need, and how many does it get?",
        ("[values[operand] for operand in node.inputs]", "[values[operand] for operand in dict.fromkeys(node.inputs)]"),
    ),
    mistake(
        "Evaluator",
        "without-duplicates",
        "an output that is wanted twice is returned once",
        "Somebody asks for the same node twice. How many values should come back?",
        (RESULTS, "results = [values[node] for node in dict.fromkeys(self.eval_nodes)]"),
    ),
    mistake(
        "Evaluator",
        "graph-order",
        "the results come in the order of the graph, not in that of eval_nodes",
        "All the values are right. In which order were they asked for?",
        (RESULTS, "results = [values[node] for node in sorted(self.eval_nodes, key=self.order.index)]"),
    ),
    mistake(
        "Evaluator",
        "last-only",
        "only the value of the last node of the order is returned",
        "The last node of the order is one result. What if several were asked for?",
        (RESULTS, "results = [values[self.order[-1]]]"),
    ),
    mistake(
        "Evaluator",
        "everything",
        "the values of all nodes are returned",
        "Your list has one value for each node of the graph. For which nodes was the caller asking?",
        (RESULTS, "results = [values[node] for node in self.order]"),
    ),
    mistake(
        "Evaluator",
        "dictionary",
        "a dictionary from nodes to values is returned, and only its nodes arrive",
        "The caller knows the order of eval_nodes. In which form should the values arrive?",
        (RESULTS, "results = {node: values[node] for node in self.eval_nodes}"),
    ),
    mistake(
        "Evaluator",
        "missing-unnoticed",
        "nobody looks whether every variable has a value, until a KeyError comes up",
        "Leave one value out and read the error as a stranger would. What should it say, and when can you know?",
        (CHECK, ""),
        ("            if node not in values:", "            if node.inputs:"),
    ),
    mistake(
        "Evaluator",
        "missing-unnamed",
        "the error does not name the missing variables",
        "Your error says that something is missing. What would you like to read if you had forgotten one of twenty variables?",
        ("no value was fed for {', '.join(missing)}", "a value is missing"),
    ),
    mistake(
        "Evaluator",
        "missing-first-only",
        "only the first of the missing variables is named",
        "Two values are missing. How many attempts does it take your user to learn of both?",
        ("', '.join(missing)", "missing[0]"),
    ),
    mistake(
        "Evaluator",
        "missing-all-named",
        "the error names all variables, those that were fed among them",
        "Feed all values but one and read your error. Does it tell which value is missing, or which variables there are?",
        ("', '.join(missing)", "', '.join(node.name for node in self.order if not node.inputs)"),
    ),
    mistake(
        "Evaluator",
        "missing-keyerror",
        "a missing variable raises a KeyError",
        "The message is a good one. Compare the kind of error with the one that the list above asks for.",
        ("raise ValueError(", "raise KeyError("),
    ),
    mistake(
        "Evaluator",
        "extra-refused",
        "values that are not needed are refused",
        "A training loop feeds the same dictionary to two evaluators. What should happen to a value that one of them does not need?",
        (LOOP, "        if set(values) - set(self.order):\n            raise ValueError('unknown variables')\n" + LOOP),
    ),
    mistake(
        "Evaluator",
        "caller-filled",
        "the results are written into the caller's dictionary",
        "Look at the dictionary that was passed in, after the run. Which entries did the caller not put there?",
        (CHECK, CHECK + "        values = input_values\n"),
    ),
    mistake(
        "Evaluator",
        "caller-emptied",
        "values are taken out of the caller's dictionary",
        "Can the caller run twice with the same dictionary? Look at what is left in it.",
        (CHECK, CHECK + "        for node in self.order:\n            input_values.pop(node, None)\n"),
    ),
    mistake(
        "Evaluator",
        "numpy-not-converted",
        "the values are taken as they were fed, NumPy arrays among them",
        "There are two dictionaries in run. Which of them holds tensors, whatever was fed?",
        (CHECK, "        values = dict(input_values)\n" + CHECK),
    ),
    mistake(
        "Evaluator",
        "single-precision",
        "all values are turned into float32",
        "Feed a float64 and look at the dtype of the result. On the way, which line changes it?",
        (CHECK, "        values = {node: value.float() for node, value in values.items()}\n" + CHECK),
    ),
    mistake(
        "Evaluator",
        "first-only",
        "only the value of the first of eval_nodes is returned",
        "How many nodes did the caller name, and how many values does your list have?",
        (RESULTS, "results = [values[self.eval_nodes[0]]]"),
    ),
    mistake(
        "Evaluator",
        "same-dictionary-remembered",
        "the results of the last run are given again when the same dictionary is fed",
        "Somebody puts new values into the dictionary and runs again. Which values do they get?",
        (LOOP, REMEMBERED_DICTIONARY),
    ),
    mistake(
        "Evaluator",
        "same-tensors-remembered",
        "the results of the last run are given again when the same tensors are fed",
        "Numbers in a tensor can change while the tensor stays the same. Do you look at the numbers?",
        (LOOP, REMEMBERED_TENSORS),
    ),
]


# --- gradients

WALK = """    for node in reversed(topological_order([output_node])):
        contributions = node.op.gradient(node, bar[node])
        for operand, contribution in zip(node.inputs, contributions, strict=True):
            if operand in bar:
                contribution = bar[operand] + contribution
            bar[operand] = contribution
"""

ACCUMULATE = """if operand in bar:
                contribution = bar[operand] + contribution
            bar[operand] = contribution"""

LEVEL_BY_LEVEL = """    found = [output_node]
    for node in found:
        found += [operand for operand in node.inputs if operand not in found]
    for node in found:
"""

PATH_BY_PATH = """    todo = [(output_node, bar[output_node])]
    while todo:
        node, grad = todo.pop()
        for operand, contribution in zip(node.inputs, node.op.gradient(node, grad), strict=True):
            bar[operand] = bar[operand] + contribution if operand in bar else contribution
            todo.append((operand, contribution))
"""

RECURSIVE_SUMS = """    order = topological_order([output_node])

    def gradient_of(node):
        if node not in bar:
            parts = [
                contribution
                for consumer in consumers[node]
                for operand, contribution in zip(consumer.inputs, consumer.op.gradient(consumer, gradient_of(consumer)), strict=True)
                if operand is node
            ]
            bar[node] = parts[0]
            for part in parts[1:]:
                bar[node] = bar[node] + part
        return bar[node]

    consumers = {node: [] for node in order}
    for node in order:
        for operand in dict.fromkeys(node.inputs):
            consumers[operand].append(node)
    for node in order:
        gradient_of(node)
"""

CONSUMERS_SEARCHED = """    order = topological_order([output_node])
    for node in reversed(order):
        for consumer in order:
            if node in consumer.inputs:
                for operand, contribution in zip(consumer.inputs, consumer.op.gradient(consumer, bar[consumer]), strict=True):
                    if operand is node:
                        bar[node] = bar[node] + contribution if node in bar else contribution
"""

ANSWER = "[bar[node] if node in bar else ad.zeros_like(node) for node in nodes]"

BY_INDEX = """    for node in reversed(topological_order([output_node])):
        contributions = node.op.gradient(node, bar[node])
        for operand in node.inputs:
            contribution = contributions[node.inputs.index(operand)]
            bar[operand] = bar[operand] + contribution if operand in bar else contribution
"""

BY_OPERAND = """    for node in reversed(topological_order([output_node])):
        contributions = dict(zip(node.inputs, node.op.gradient(node, bar[node]), strict=True))
        for operand in node.inputs:
            bar[operand] = bar[operand] + contributions[operand] if operand in bar else contributions[operand]
"""

GRADIENTS = [
    mistake(
        "gradients",
        "overwrites",
        "a later contribution replaces the earlier ones",
        "A node with two consumers gets two contributions. What is left of the first one when the second arrives?",
        (ACCUMULATE, "bar[operand] = contribution"),
    ),
    mistake(
        "gradients",
        "first-only",
        "only the first contribution to a node counts",
        "A node with two consumers gets two contributions. Does the second one change anything?",
        (ACCUMULATE, "bar.setdefault(operand, contribution)"),
    ),
    mistake(
        "gradients",
        "first-doubled",
        "the first contribution to a node is counted twice",
        "Start from an empty sum and follow a node with one consumer: what do you put in, and what do you add to it?",
        (ACCUMULATE, "bar.setdefault(operand, contribution)\n            bar[operand] = bar[operand] + contribution"),
    ),
    mistake(
        "gradients",
        "same-operand-once",
        "a consumer that uses a node twice contributes once",
        "In x * x, how many contributions does the product send to x? A dictionary has room for how many?",
        (
            "in zip(node.inputs, contributions, strict=True):",
            "in dict(zip(node.inputs, contributions, strict=True)).items():",
        ),
    ),
    mistake(
        "gradients",
        "upstream-forgotten",
        "every operator is handed ones, not its own gradient",
        "Your slopes are those of single steps. What does the chain rule multiply along a path?",
        ("node.op.gradient(node, bar[node])", "node.op.gradient(node, ad.ones_like(node))"),
    ),
    mistake(
        "gradients",
        "seed-is-output",
        "the walk starts from the output itself, not from ones",
        "How much does the output change when the output changes by 1? That is where the walk starts.",
        ("ad.ones_like(output_node)", "output_node"),
    ),
    mistake(
        "gradients",
        "seed-is-number",
        "the walk starts from the number 1, which is no node",
        "Gradients are nodes, the first one too. Which shape should it have, and which operator makes it?",
        ("ad.ones_like(output_node)", "1"),
    ),
    mistake(
        "gradients",
        "breadth-first",
        "the walk goes back level by level, so that a node may speak before its gradient is complete",
        "On the diamond, a has two consumers. Has the second one spoken when you hand on the gradient of a?",
        ("    for node in reversed(topological_order([output_node])):\n", LEVEL_BY_LEVEL),
    ),
    mistake(
        "gradients",
        "forward-order",
        "the walk goes from the variables to the output",
        "At the start only one gradient is known. Which node has it, and at which end of the order does it stand?",
        (
            "in reversed(topological_order([output_node])):\n",
            "in topological_order([output_node]):\n        bar.setdefault(node, ad.zeros_like(node))\n",
        ),
    ),
    mistake(
        "gradients",
        "path-by-path",
        "every path from the output to a variable is walked on its own, and there may be exponentially many",
        "Forty doublings have 2 to the 40 paths. What can you add up before you go on, so that each node is visited once?",
        (WALK, PATH_BY_PATH),
    ),
    mistake(
        "gradients",
        "recursive",
        "gradients are found by a function that calls itself, which exhausts the stack of a deep graph",
        "The sum over consumers is right. How many calls are open at once on a chain of ten thousand nodes?",
        (WALK, RECURSIVE_SUMS),
    ),
    mistake(
        "gradients",
        "consumers-searched",
        "the whole graph is searched for the consumers of every node",
        "For ten thousand nodes you look at ten thousand candidates each. Who knows without a search whom a contribution is for?",
        (WALK, CONSUMERS_SEARCHED),
    ),
    mistake(
        "gradients",
        "stops-at-wanted",
        "the walk does not go on below a node whose gradient is wanted",
        "Somebody wants the gradients of x and of a node between x and the output. What does x still get through that node?",
        ("        for operand, contribution", "        if node in nodes:\n            continue\n        for operand, contribution"),
    ),
    mistake(
        "gradients",
        "by-name",
        "gradients are kept by the names of the nodes",
        "Two variables of one name: whose gradient is it that you look up?",
        (ACCUMULATE, ACCUMULATE.replace("operand]", "operand.name]").replace("operand in", "operand.name in")),
        ("{output_node: ", "{output_node.name: "),
        ("bar[node])", "bar[node.name])"),
        ("bar[node] if node in bar", "bar[node.name] if node.name in bar"),
    ),
    mistake(
        "gradients",
        "memory-kept",
        "the dictionary of gradients is made once and kept from one call to the next",
        "Differentiate the same graph twice in a row: why is the second answer larger? Ask when a default value is made.",
        ("def gradients(output_node, nodes):", "def gradients(output_node, nodes, bar={}):"),
        ("bar = {output_node: ad.ones_like(output_node)}", "bar[output_node] = ad.ones_like(output_node)"),
    ),
    mistake(
        "gradients",
        "variables-only",
        "nodes inside the graph get zeros, and only variables get their gradient",
        "Your walk passes through every node on the way. Is what it finds there still known at the end?",
        ("[bar[node] if node in bar", "[bar[node] if node in bar and not node.inputs"),
    ),
    mistake(
        "gradients",
        "output-gets-zeros",
        "the gradient of the output with respect to itself is zeros",
        "One of the three special cases: how much does the output change with itself?",
        ("[bar[node] if node in bar", "[bar[node] if node in bar and node is not output_node"),
    ),
    mistake(
        "gradients",
        "none-for-unused",
        "a node that the output does not depend on gets None",
        "An output that does not react has a slope, and it is a number. Which one, and in which shape?",
        (ANSWER, "[bar.get(node) for node in nodes]"),
    ),
    mistake(
        "gradients",
        "unused-keyerror",
        "a node that the output does not depend on is looked up and not found",
        "Your walk never meets a variable that the output does not use. What do you answer for it?",
        (ANSWER, "[bar[node] for node in nodes]"),
    ),
    mistake(
        "gradients",
        "unused-left-out",
        "a node that the output does not depend on is left out of the answer",
        "The caller reads your list side by side with their own. What happens to the rest when one entry is missing?",
        (ANSWER, "[bar[node] for node in nodes if node in bar]"),
    ),
    mistake(
        "gradients",
        "zeros-of-output",
        "an unused node gets zeros of the shape of the output",
        "The zeros are right. Whose shape must they have?",
        ("ad.zeros_like(node) for", "ad.zeros_like(output_node) for"),
    ),
    mistake(
        "gradients",
        "without-duplicates",
        "a node that stands twice among the wanted ones is answered once",
        "Somebody asks for the same gradient twice. How many nodes should your list have?",
        ("for node in nodes]", "for node in dict.fromkeys(nodes)]"),
    ),
    mistake(
        "gradients",
        "everything",
        "the gradients of all nodes are returned, not only the wanted ones",
        "You found a gradient for every node on the way. Which of them did the caller ask for, and in which order?",
        (f"return {ANSWER}", "return list(bar.values())"),
    ),
    mistake(
        "gradients",
        "consumes-argument",
        "the list of wanted nodes that was passed in is emptied",
        "Print the caller's list of nodes after the call. Will they still know which gradient is whose?",
        ("for node in nodes]", "for node in (nodes.pop(0) for _ in range(len(nodes)))]"),
    ),
    mistake(
        "gradients",
        "dictionary",
        "a dictionary from nodes to gradients is returned",
        "The caller unpacks your answer as dx, dy = gradients(...). What do dx and dy become when it is a dictionary?",
        (f"return {ANSWER}", "return {node: bar[node] if node in bar else ad.zeros_like(node) for node in nodes}"),
    ),
    mistake(
        "gradients",
        "contribution-by-index",
        "a contribution is looked up by the place where its operand first stands among the inputs",
        "In x - x one node stands in two places. Which of the two contributions do you find for each of them?",
        (WALK, BY_INDEX),
    ),
    mistake(
        "gradients",
        "contributions-by-operand",
        "the contributions of a consumer are kept in a dictionary by operand, and the last one is counted for each place",
        "In x - x one node stands in two places. How many contributions does your dictionary hold for it?",
        (WALK, BY_OPERAND),
    ),
]


# --- FrugalEvaluator

PLAN = """        last_user = {operand: node for node in self.order for operand in node.inputs}
        self.forget_after = {node: [] for node in self.order}
        for operand, node in last_user.items():
            if operand not in self.eval_nodes:
                self.forget_after[node].append(operand)
"""

FORGET = """            for operand in self.forget_after[node]:
                del values[operand]
"""

DELETED_FOR_EACH_INPUT = """            for operand in node.inputs:
                if operand in self.forget_after[node]:
                    del values[operand]
"""

USES_COUNTED = """        self.uses = {node: 0 for node in self.order}
        for node in self.order:
            for operand in node.inputs:
                self.uses[operand] += 1
"""

COUNTED_DOWN = """            for operand in set(node.inputs):
                left[operand] -= 1
                if left[operand] == 0 and operand not in self.eval_nodes:
                    del values[operand]
"""

FRUGAL_EVALUATOR = [
    mistake(
        "FrugalEvaluator",
        "keeps-all",
        "nothing is forgotten",
        "The plan is made. Which line of run carries it out?",
        (FORGET, ""),
    ),
    mistake(
        "FrugalEvaluator",
        "first-use",
        "values are deleted after their first use",
        "A value can have several consumers. When the first one has it, is the value free to go?",
        (PLAN.splitlines()[0], "        last_user = {operand: node for node in reversed(self.order) for operand in node.inputs}"),
    ),
    mistake(
        "FrugalEvaluator",
        "outputs-too",
        "values that the caller wants are deleted as well",
        "One of eval_nodes may be an input of another. Is it still there when you collect the results?",
        ("            if operand not in self.eval_nodes:\n                self", "            self"),
    ),
    mistake(
        "FrugalEvaluator",
        "outputs-only",
        "the condition is turned around, and just the wanted values are deleted",
        "Read your condition aloud: which values does it let go, and which should stay?",
        ("if operand not in self.eval_nodes:", "if operand in self.eval_nodes:"),
    ),
    mistake(
        "FrugalEvaluator",
        "plan-shared",
        "the plan belongs to the class, so that the evaluator that was made last decides for all",
        "Make two evaluators and run the first one. Whose plan does it follow?",
        ("self.forget_after", "FrugalEvaluator.forget_after"),
    ),
    mistake(
        "FrugalEvaluator",
        "one-value-a-step",
        "at most one value is forgotten after each node",
        "Two values can have their last use in the same node. How many of them go?",
        (FORGET, "            for operand in self.forget_after[node][:1]:\n                del values[operand]\n"),
    ),
    mistake(
        "FrugalEvaluator",
        "twice-deleted",
        "a value that its last consumer uses twice is deleted twice",
        "In x * x the value has its last use twice at once. How often can it be deleted?",
        (FORGET, DELETED_FOR_EACH_INPUT),
    ),
    mistake(
        "FrugalEvaluator",
        "uses-miscounted",
        "uses are counted for each input and crossed off once for each consumer, so that x of x * x is never free",
        "You count the uses of x in x * x. How many are there, and how many do you cross off?",
        (PLAN, USES_COUNTED),
        (
            "        for node in self.order:\n            if node not",
            "        left = dict(self.uses)\n        for node in self.order:\n            if node not",
        ),
        (FORGET, COUNTED_DOWN),
    ),
    mistake(
        "FrugalEvaluator",
        "plan-used-up",
        "the first run uses the plan up",
        "What is left of your plan after the first run? There will be a second.",
        ("for operand in self.forget_after[node]:", "for operand in self.forget_after.pop(node):"),
    ),
    mistake(
        "FrugalEvaluator",
        "feeds-kept",
        "a variable that was fed once keeps its value in later runs, so that nobody notices when it is missing",
        "It forgets during a run. What does it still remember from one run to the next?",
        (CHECK, "        self.fed = values = {**getattr(self, 'fed', {}), **values}\n        values = dict(values)\n" + CHECK),
    ),
    mistake(
        "FrugalEvaluator",
        "deletes-callers",
        "values are deleted from the caller's dictionary as well",
        "You may forget what is yours. Whose dictionary gets shorter during the run?",
        ("                del values[operand]\n", "                del values[operand]\n                input_values.pop(operand, None)\n"),
    ),
    mistake(
        "FrugalEvaluator",
        "same-dictionary-remembered",
        "the results of the last run are kept, and given again when the same dictionary is fed",
        "It forgets values, but not results. What if the dictionary is the same and its values are not?",
        (
            "        missing = [",
            "        if getattr(self, 'fed', None) is input_values:\n            return self.kept\n        missing = [",
        ),
        (
            "        results = [values[node] for node in self.eval_nodes]\n",
            "        results = [values[node] for node in self.eval_nodes]\n        self.fed, self.kept = input_values, restore(results)\n",
        ),
    ),
    mistake(
        "FrugalEvaluator",
        "first-only",
        "only the value of the first of eval_nodes is returned",
        "How many values does the caller want? Count them in your list.",
        (RESULTS, "results = [values[self.eval_nodes[0]]]"),
    ),
]

MISTAKES = [*TOPOLOGICAL_ORDER, *EVALUATOR, *GRADIENTS, *FRUGAL_EVALUATOR]

TYPICAL = ["Evaluator-stale", "gradients-overwrites"]
"""Of the student who makes several."""
