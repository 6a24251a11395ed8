"""Variants of unit 2."""

from __future__ import annotations

from autodiff_lib.units.evaluator.unit import UNIT

from .. import variants_of

variant = variants_of(UNIT.name)

TOPOLOGICAL_ORDER = [
    variant(
        "topological_order",
        "kahn",
        "counts the inputs that each node still waits for, from the variables up",
        """
        from collections import defaultdict, deque
        """,
        '''
        @ad.exercise
        def topological_order(nodes):
            """All nodes that `nodes` depend on, and they themselves: each once, and after its inputs."""
            waiting_for, consumers = {}, defaultdict(list)
            to_visit = deque(nodes)
            while to_visit:
                node = to_visit.popleft()
                if node in waiting_for:
                    continue
                waiting_for[node] = len(node.inputs)
                for operand in node.inputs:
                    consumers[operand].append(node)  # once for each use
                    to_visit.append(operand)

            ready = deque(node for node, count in waiting_for.items() if count == 0)
            order = []
            while ready:
                node = ready.popleft()
                order.append(node)
                for consumer in consumers[node]:
                    waiting_for[consumer] -= 1
                    if waiting_for[consumer] == 0:
                        ready.append(consumer)
            return order
        ''',
    ),
    variant(
        "topological_order",
        "colours",
        "depth first with colours: white, grey on the way, black when listed; typed",
        """
        WHITE, GREY, BLACK = 0, 1, 2
        """,
        '''
        @ad.exercise
        def topological_order(nodes: list[ad.Node]) -> list[ad.Node]:
            """All nodes that `nodes` depend on, and they themselves: each once, and after its inputs."""
            colour: dict[ad.Node, int] = {}
            order: list[ad.Node] = []
            for root in nodes:
                stack = [root]
                while stack:
                    node = stack[-1]
                    if colour.get(node, WHITE) == WHITE:
                        colour[node] = GREY
                        stack.extend(n for n in node.inputs if colour.get(n, WHITE) == WHITE)
                    else:
                        stack.pop()
                        if colour[node] == GREY:
                            colour[node] = BLACK
                            order.append(node)
            return order
        ''',
    ),
    variant(
        "topological_order",
        "stack-of-iterators",
        "depth first with a stack of iterators over inputs, as a recursion would keep them",
        '''
        @ad.exercise
        def topological_order(nodes):
            """All nodes that `nodes` depend on, and they themselves: each once, and after its inputs."""
            order = {}  # a dictionary keeps the order in which its keys came
            entered = set()
            path = [(None, iter(nodes))]
            while path:
                node, rest = path[-1]
                operand = next((n for n in rest if n not in entered), None)
                if operand is not None:
                    entered.add(operand)
                    path.append((operand, iter(operand.inputs)))
                    continue
                path.pop()
                if node is not None:
                    order[node] = len(order)
            return list(order)
        ''',
    ),
    variant(
        "topological_order",
        "sorted-by-depth",
        "finds how deep each node lies and sorts by that",
        '''
        @ad.exercise
        def topological_order(nodes):
            """All nodes that `nodes` depend on, and they themselves: each once, and after its inputs."""
            depth = {}
            stack = list(nodes)
            while stack:
                node = stack[-1]
                if node in depth:
                    stack.pop()
                    continue
                unknown = [operand for operand in node.inputs if operand not in depth]
                if unknown:
                    stack += unknown
                else:
                    depth[stack.pop()] = 1 + max((depth[operand] for operand in node.inputs), default=0)
            return sorted(depth, key=lambda node: depth[node])
        ''',
    ),
    variant(
        "topological_order",
        "own-function-called-toposort",
        "a function of the student's own that is called toposort does the work",
        """
        def toposort(roots):
            done, seen, stack = [], set(), [(root, False) for root in roots]
            while stack:
                node, is_back = stack.pop()
                if is_back:
                    done.append(node)
                elif node not in seen:
                    seen.add(node)
                    stack.append((node, True))
                    stack.extend((operand, False) for operand in node.inputs)
            return done
        """,
        '''
        @ad.exercise
        def topological_order(nodes):
            """All nodes that `nodes` depend on, and they themselves: each once, and after its inputs."""
            return toposort(nodes)
        ''',
    ),
    variant(
        "topological_order",
        "deque",
        "keeps what remains to be done in a deque, and looks at a node again until all of its inputs are listed",
        """
        from collections import deque
        """,
        """
        @ad.exercise
        def topological_order(nodes):
            remaining, listed = deque(nodes), {}
            while remaining:
                node = remaining[0]
                waiting = [operand for operand in node.inputs if operand not in listed]
                if waiting:
                    remaining.extendleft(waiting)
                else:
                    listed[node] = None
                    remaining.popleft()
            return list(listed)
        """,
    ),
    variant(
        "topological_order",
        "generator",
        "a generator yields finished nodes; the order is made of what it yields first",
        '''
        def finished(nodes):
            """Every node that is left behind, inputs first."""
            entered = set()
            stack = [(node, False) for node in nodes]
            while stack:
                node, left = stack.pop()
                if left:
                    yield node
                elif node not in entered:
                    entered.add(node)
                    stack += [(node, True), *((operand, False) for operand in node.inputs)]
        ''',
        """
        @ad.exercise
        def topological_order(nodes):
            return list(dict.fromkeys(finished(nodes)))
        """,
    ),
]

EVALUATOR = [
    variant(
        "Evaluator",
        "prepared-steps",
        "numbers the nodes once, and runs over a list of values by number",
        '''
        @ad.exercise
        class Evaluator:
            """Computes `eval_nodes`, as often as asked."""

            def __init__(self, eval_nodes):
                self.eval_nodes = list(eval_nodes)
                self.order = topological_order(self.eval_nodes)
                number = {node: i for i, node in enumerate(self.order)}
                self.steps = [(node, [number[operand] for operand in node.inputs]) for node in self.order]
                self.wanted = [number[node] for node in self.eval_nodes]

            def run(self, input_values):
                fed, restore = ad.as_tensors(input_values)
                missing = ", ".join(node.name for node, operands in self.steps if not operands and node not in fed)
                if missing:
                    raise ValueError("feed values for these variables, too: " + missing)
                values = []
                for node, operands in self.steps:
                    values.append(node.op.compute(node, [values[i] for i in operands]) if operands else fed[node])
                return restore([values[i] for i in self.wanted])
        ''',
    ),
    variant(
        "Evaluator",
        "helpers",
        "helpers find what is missing and compute a node, in a cell of their own; typed",
        """
        Values = dict[ad.Node, torch.Tensor]


        def unfed(order: list[ad.Node], values: Values) -> list[str]:
            return [node.name for node in order if len(node.inputs) == 0 and node not in values]


        def value_of(node: ad.Node, values: Values) -> torch.Tensor:
            return node.op.compute(node, [values[operand] for operand in node.inputs])
        """,
        '''
        @ad.exercise
        class Evaluator:
            """Computes `eval_nodes`, as often as asked."""

            def __init__(self, eval_nodes: list[ad.Node]) -> None:
                self.eval_nodes = list(eval_nodes)
                self.order = topological_order(self.eval_nodes)

            def run(self, input_values: dict) -> list:
                """The values of `eval_nodes`; `input_values` holds a tensor or an array for each variable."""
                values, restore = ad.as_tensors(input_values)
                if names := unfed(self.order, values):
                    raise ValueError(f"missing: {names}")
                for node in self.order:
                    values.setdefault(node, None)
                    if values[node] is None:
                        values[node] = value_of(node, values)
                results = list(map(values.get, self.eval_nodes))
                return restore(results)
        ''',
    ),
    variant(
        "Evaluator",
        "asks-forgiveness",
        "collects what is missing while it tries, and returns a tuple of what it has printed",
        '''
        @ad.exercise
        class Evaluator:
            """Computes `eval_nodes`, as often as asked."""

            def __init__(self, eval_nodes):
                self.eval_nodes = list(eval_nodes)
                self.order = topological_order(self.eval_nodes)

            def run(self, input_values):
                values, restore = ad.as_tensors(input_values)
                missing = []
                for node in self.order:
                    if not node.inputs:  # a variable
                        try:
                            values[node]
                        except KeyError:
                            missing.append(node)
                if len(missing) > 0:
                    raise ValueError("no value for " + " and ".join(repr(node) for node in missing))
                # everything is there: go
                for node in self.order:
                    if node in values:
                        continue
                    operands = []
                    for operand in node.inputs:
                        operands.append(values[operand])
                    values[node] = node.op.compute(node, operands)
                print("computed", len(self.order), "nodes")
                return tuple(restore([values[node] for node in self.eval_nodes]))
        ''',
    ),
    variant(
        "Evaluator",
        "on-demand-with-a-stack",
        "computes what is needed on demand, with a stack of its own and no order",
        '''
        @ad.exercise
        class Evaluator:
            """Computes `eval_nodes`, as often as asked."""

            def __init__(self, eval_nodes):
                self.eval_nodes = tuple(eval_nodes)

            def run(self, input_values):
                values, restore = ad.as_tensors(input_values)
                missing = set()
                todo = list(self.eval_nodes)
                while todo:
                    node = todo[-1]
                    needed = [operand for operand in node.inputs if operand not in values]
                    if node in values:
                        todo.pop()
                    elif needed:
                        todo += needed
                    elif node.inputs:
                        operands = [values[operand] for operand in node.inputs]
                        values[node] = None if any(value is None for value in operands) else node.op.compute(node, operands)
                    else:
                        missing.add(node.name)
                        values[node] = None
                if missing:
                    raise ValueError(f"no value was fed for {sorted(missing)}")
                return restore([values[node] for node in self.eval_nodes])
        ''',
    ),
    variant(
        "Evaluator",
        "dataclass",
        "a dataclass that finds its order afterwards",
        """
        from dataclasses import dataclass, field
        """,
        '''
        @ad.exercise
        @dataclass
        class Evaluator:
            """Computes `eval_nodes`, as often as asked."""

            eval_nodes: list
            order: list = field(init=False)

            def __post_init__(self):
                self.eval_nodes = list(self.eval_nodes)
                self.order = topological_order(self.eval_nodes)

            def run(self, input_values):
                values, restore = ad.as_tensors(input_values)
                variables = {node for node in self.order if not node.inputs}
                if not variables <= values.keys():
                    raise ValueError("no value for " + ", ".join(node.name for node in variables - values.keys()))
                for node in self.order:
                    if node not in variables:
                        values[node] = node.op.compute(node, [values[operand] for operand in node.inputs])
                return restore([values[node] for node in self.eval_nodes])
        ''',
    ),
    variant(
        "Evaluator",
        "own-conversion",
        "turns NumPy arrays into tensors and back by itself",
        """
        import numpy as np
        """,
        '''
        @ad.exercise
        class Evaluator:
            """Computes `eval_nodes`, as often as asked."""

            def __init__(self, eval_nodes):
                self.eval_nodes = list(eval_nodes)
                self.order = topological_order(self.eval_nodes)
                self.variables = [node for node in self.order if node.op.name == "placeholder"]

            def run(self, input_values):
                absent = [v.name for v in self.variables if v not in input_values]
                if absent:
                    raise ValueError(f"I need a value for {absent}")
                values = {v: torch.as_tensor(input_values[v]) for v in self.variables}
                for node in self.order:
                    if node not in values:
                        values[node] = node.op.compute(node, [values[operand] for operand in node.inputs])
                as_numpy = any(isinstance(value, np.ndarray) for value in input_values.values())
                return [values[node].numpy() if as_numpy else values[node] for node in self.eval_nodes]
        ''',
    ),
    variant(
        "Evaluator",
        "generator",
        "a generator computes the nodes, and yields each when it is done",
        """
        @ad.exercise
        class Evaluator:
            def __init__(self, eval_nodes):
                self.eval_nodes = list(eval_nodes)
                self.order = topological_order(self.eval_nodes)

            def computed(self, values):
                for node in self.order:
                    if node.inputs:
                        values[node] = node.op.compute(node, [values[operand] for operand in node.inputs])
                        yield node

            def run(self, input_values):
                values, restore = ad.as_tensors(input_values)
                lacking = [node for node in self.order if not node.inputs and node not in values]
                if lacking:
                    raise ValueError("there is no value for " + " and ".join(node.name for node in lacking))
                print(sum(1 for _ in self.computed(values)), "computed")
                return restore([values[node] for node in self.eval_nodes])
        """,
    ),
    variant(
        "Evaluator",
        "deque",
        "passes the order through a deque of its own, with a dictionary beside that of the values that were fed",
        """
        from collections import ChainMap, deque
        """,
        """
        @ad.exercise
        class Evaluator:
            def __init__(self, eval_nodes):
                self.eval_nodes = tuple(eval_nodes)
                self.order = tuple(topological_order(list(self.eval_nodes)))

            def run(self, input_values):
                fed, restore = ad.as_tensors(input_values)
                absent = [n for n in self.order if len(n.inputs) == 0 and n not in fed]
                if absent:
                    raise ValueError(f"please feed {[n.name for n in absent]}")
                results, queue = ChainMap({}, fed), deque(self.order)
                while queue:
                    node = queue.popleft()
                    if node not in fed:
                        results[node] = node.op.compute(node, list(map(results.get, node.inputs)))
                return restore([results[node] for node in self.eval_nodes])
        """,
    ),
]

GRADIENTS = [
    variant(
        "gradients",
        "lists-of-contributions",
        "collects contributions in lists and adds them up when the node's turn comes",
        """
        from collections import defaultdict
        from functools import reduce
        from operator import add
        """,
        '''
        @ad.exercise
        def gradients(output_node, nodes):
            """For each of `nodes`, the node of its gradient: of the sum of all entries of `output_node`."""
            contributions = defaultdict(list)
            contributions[output_node].append(ad.ones_like(output_node))
            grads = {}
            for node in topological_order([output_node])[::-1]:
                grads[node] = reduce(add, contributions.pop(node))
                for operand, grad in zip(node.inputs, node.op.gradient(node, grads[node])):
                    contributions[operand].append(grad)
            return [grads.get(node) or ad.zeros_like(node) for node in nodes]
        ''',
    ),
    variant(
        "gradients",
        "from-zeros",
        "starts every sum from zeros",
        '''
        @ad.exercise
        def gradients(output_node, nodes):
            """For each of `nodes`, the node of its gradient: of the sum of all entries of `output_node`."""
            order = list(topological_order([output_node]))
            grads = {node: ad.zeros_like(node) for node in [*order, *nodes]}
            grads[output_node] = ad.ones_like(output_node)
            while order:
                node = order.pop()
                for i, grad in enumerate(node.op.gradient(node, grads[node])):
                    grads[node.inputs[i]] = grads[node.inputs[i]] + grad
            return [grads[node] for node in nodes]
        ''',
    ),
    variant(
        "gradients",
        "asks-its-consumers",
        "notes who consumes whom, and lets each node ask its consumers for their contributions",
        '''
        def consumers_in(order: list[ad.Node]) -> dict[ad.Node, list[tuple[ad.Node, int]]]:
            """For each node the places where it is used: the consumer, and which of its inputs."""
            found: dict[ad.Node, list[tuple[ad.Node, int]]] = {node: [] for node in order}
            for consumer in order:
                for place, operand in enumerate(consumer.inputs):
                    found[operand].append((consumer, place))
            return found
        ''',
        '''
        @ad.exercise
        def gradients(output_node: ad.Node, nodes: list[ad.Node]) -> list[ad.Node]:
            """For each of `nodes`, the node of its gradient: of the sum of all entries of `output_node`."""
            order = topological_order([output_node])
            consumers = consumers_in(order)
            handed_down: dict[ad.Node, list[ad.Node]] = {}  # what a node hands to each of its inputs
            grads: dict[ad.Node, ad.Node] = {}
            for node in reversed(order):
                total = ad.ones_like(node) if node is output_node else None
                for consumer, place in consumers[node]:
                    part = handed_down[consumer][place]
                    total = part if total is None else ad.add(total, part)
                grads[node] = total
                handed_down[node] = node.op.gradient(node, total)
            return [grads[node] if node in grads else ad.zeros_like(node) for node in nodes]
        ''',
    ),
    variant(
        "gradients",
        "without-an-order",
        "goes back without an order: a node has its turn when all of its consumers have spoken",
        '''
        @ad.exercise
        def gradients(output_node, nodes):
            """For each of `nodes`, the node of its gradient: of the sum of all entries of `output_node`."""
            # first count how many contributions every node is going to get
            expected = {output_node: 0}
            todo = [output_node]
            while todo:
                for operand in todo.pop().inputs:
                    if operand not in expected:
                        expected[operand] = 0
                        todo.append(operand)
                    expected[operand] += 1
            # then walk back; nobody speaks before everything has arrived
            grads = {output_node: ad.ones_like(output_node)}
            ready = [output_node]
            while ready:
                node = ready.pop()
                for operand, grad in zip(node.inputs, node.op.gradient(node, grads[node])):
                    grads[operand] = grads[operand] + grad if operand in grads else grad
                    expected[operand] -= 1
                    if not expected[operand]:
                        ready.append(operand)
            return [grads.get(node, ad.zeros_like(node)) for node in nodes]
        ''',
    ),
    variant(
        "gradients",
        "only-where-it-leads",
        "walks back only through nodes that lead to a wanted one",
        '''
        @ad.exercise
        def gradients(output_node, nodes):
            """For each of `nodes`, the node of its gradient: of the sum of all entries of `output_node`."""
            order, wanted = topological_order([output_node]), set(nodes)
            leads = set()
            for node in order:
                if node in wanted or any(operand in leads for operand in node.inputs):
                    leads.add(node)
            bar = {output_node: ad.ones_like(output_node)}
            for node in reversed([node for node in order if node in leads]):
                print("back through", node.op.name)
                for operand, part in zip(node.inputs, node.op.gradient(node, bar[node]), strict=True):
                    if operand in leads:
                        bar[operand] = part + bar[operand] if operand in bar else part
            return [bar[node] if node in bar else ad.zeros_like(node) for node in nodes]
        ''',
    ),
    variant(
        "gradients",
        "arithmetic-ones",
        "makes ones and zeros by arithmetic, and adds contributions in pairs",
        """
        def pairwise_sum(parts):
            while len(parts) > 1:
                parts = [parts[i] + parts[i + 1] if i + 1 < len(parts) else parts[i] for i in range(0, len(parts), 2)]
            return parts[0]
        """,
        '''
        @ad.exercise
        def gradients(output_node, nodes):
            """For each of `nodes`, the node of its gradient: of the sum of all entries of `output_node`."""
            parts, bar = {output_node: [output_node * 0 + 1]}, {}
            for node in reversed(topological_order([output_node])):
                bar[node] = pairwise_sum(parts[node])
                for operand, part in zip(node.inputs, node.op.gradient(node, bar[node])):
                    parts.setdefault(operand, []).append(part)
            return [bar[node] if node in bar else node - node for node in nodes]
        ''',
    ),
    variant(
        "gradients",
        "own-function-called-backward",
        "a function of the student's own that is called backward does one step",
        '''
        def backward(node, grads):
            """Hand the gradient of `node` on to its inputs."""
            for operand, grad in zip(node.inputs, node.op.gradient(node, grads[node])):
                if operand in grads:
                    grads[operand] = grads[operand] + grad
                else:
                    grads[operand] = grad
        ''',
        '''
        @ad.exercise
        def gradients(output_node, nodes):
            """For each of `nodes`, the node of its gradient: of the sum of all entries of `output_node`."""
            grads = {output_node: ad.ones_like(output_node)}
            for node in reversed(topological_order([output_node])):
                backward(node, grads)
            return [grads[node] if node in grads else ad.zeros_like(node) for node in nodes]
        ''',
    ),
    variant(
        "gradients",
        "default-dictionary",
        "collects contributions by node in a default dictionary, and adds them by reduce",
        """
        from collections import defaultdict
        from functools import reduce
        from operator import add
        """,
        """
        @ad.exercise
        def gradients(output_node, nodes):
            received = defaultdict(list)
            received[output_node].append(ad.ones_like(output_node))
            total = {}
            for node in topological_order([output_node])[::-1]:
                total[node] = reduce(add, received[node])
                parts = node.op.gradient(node, total[node])
                for place in range(len(node.inputs)):
                    received[node.inputs[place]].append(parts[place])
            return [total.get(node) or ad.zeros_like(node) for node in nodes]
        """,
    ),
    variant(
        "gradients",
        "places-of-the-order",
        "numbers the nodes, and keeps a list of sums by number",
        """
        @ad.exercise
        def gradients(output_node, nodes):
            order = topological_order([output_node])
            number = {node: i for i, node in enumerate(order)}
            sums = [None] * len(order)
            sums[-1] = ad.ones_like(output_node)
            for i in range(len(order) - 1, -1, -1):
                for operand, part in zip(order[i].inputs, order[i].op.gradient(order[i], sums[i])):
                    k = number[operand]
                    sums[k] = part if sums[k] is None else ad.add(sums[k], part)
            return [sums[number[node]] if node in number else ad.zeros_like(node) for node in nodes]
        """,
    ),
]

FRUGAL_EVALUATOR = [
    variant(
        "FrugalEvaluator",
        "uses-counted",
        "counts the uses of every value and forgets it when none is left",
        """
        from collections import Counter
        """,
        '''
        @ad.exercise
        class FrugalEvaluator:
            """An Evaluator that forgets each value after its last use."""

            def __init__(self, eval_nodes):
                self.eval_nodes = list(eval_nodes)
                self.order = topological_order(self.eval_nodes)
                self.uses = Counter(operand for node in self.order for operand in node.inputs)
                self.uses.update(self.eval_nodes)  # the caller is a consumer as well

            def run(self, input_values):
                values, restore = ad.as_tensors(input_values)
                missing = [node.name for node in self.order if not node.inputs and node not in values]
                if missing:
                    raise ValueError(f"no value was fed for {', '.join(missing)}")
                uses = self.uses.copy()
                for node in self.order:
                    if node not in values:
                        operands = [values[operand] for operand in node.inputs]
                        values[node] = node.op.compute(node, operands)
                    for operand in node.inputs:
                        uses[operand] -= 1
                        if uses[operand] == 0:
                            values.pop(operand)
                return restore([values[node] for node in self.eval_nodes])
        ''',
    ),
    variant(
        "FrugalEvaluator",
        "on-top-of-evaluator",
        "inherits from Evaluator and notes the step of the last use of each value",
        '''
        @ad.exercise
        class FrugalEvaluator(Evaluator):
            """An Evaluator that forgets each value after its last use."""

            def __init__(self, eval_nodes):
                super().__init__(eval_nodes)
                last_step = {}
                for step, node in enumerate(self.order):
                    for operand in node.inputs:
                        last_step[operand] = step  # the last one stays
                self.free = [[] for _ in self.order]
                for operand, step in last_step.items():
                    if operand not in set(self.eval_nodes):
                        self.free[step].append(operand)

            def run(self, input_values):
                values, restore = ad.as_tensors(input_values)
                missing = [node.name for node in self.order if not (node.inputs or node in values)]
                if missing:
                    raise ValueError(", ".join(missing))
                for node, free in zip(self.order, self.free, strict=True):
                    if node.inputs:
                        values[node] = node.op.compute(node, [values[operand] for operand in node.inputs])
                    for operand in free:
                        del values[operand]
                return restore([values[node] for node in self.eval_nodes])
        ''',
    ),
    variant(
        "FrugalEvaluator",
        "kept-until-done",
        "walks the order backwards to see who is last, and puts results aside as soon as they are there",
        '''
        @ad.exercise
        class FrugalEvaluator:
            """An Evaluator that forgets each value after its last use."""

            def __init__(self, eval_nodes):
                self.eval_nodes = list(eval_nodes)
                self.order = topological_order(self.eval_nodes)
                self.plan, known = [], set()
                for node in reversed(self.order):
                    self.plan.append((node, [operand for operand in dict.fromkeys(node.inputs) if operand not in known]))
                    known.update(node.inputs)
                self.plan.reverse()

            def run(self, input_values):
                values, restore = ad.as_tensors(input_values)
                missing = [node.name for node, _ in self.plan if not node.inputs and node not in values]
                if missing:
                    raise ValueError(f"no value was fed for {', '.join(missing)}")
                results = {}
                for node, last_seen_here in self.plan:
                    if node not in values:
                        values[node] = node.op.compute(node, [values[operand] for operand in node.inputs])
                    if node in self.eval_nodes:
                        results[node] = values[node]
                    for operand in last_seen_here:
                        del values[operand]
                return restore([results[node] for node in self.eval_nodes])
        ''',
    ),
    variant(
        "FrugalEvaluator",
        "counter",
        "counts uses with a Counter, wanted nodes among them, and pops a value with its last use",
        """
        from collections import Counter
        """,
        """
        @ad.exercise
        class FrugalEvaluator:
            def __init__(self, eval_nodes):
                self.eval_nodes = list(eval_nodes)
                self.order = topological_order(self.eval_nodes)
                self.uses = Counter(operand for node in self.order for operand in node.inputs)
                self.uses.update(self.eval_nodes)

            def run(self, input_values):
                values, restore = ad.as_tensors(input_values)
                for node in self.order:
                    if not node.inputs and node not in values:
                        raise ValueError(f"no value for {', '.join(n.name for n in self.order if not n.inputs and n not in values)}")
                left = Counter(self.uses)
                for node in self.order:
                    if node.inputs:
                        values[node] = node.op.compute(node, [values[operand] for operand in node.inputs])
                    left.subtract(node.inputs)
                    for operand in set(node.inputs):
                        if not left[operand]:
                            values.pop(operand)
                return restore([values[node] for node in self.eval_nodes])
        """,
    ),
]

VARIANTS = [*TOPOLOGICAL_ORDER, *EVALUATOR, *GRADIENTS, *FRUGAL_EVALUATOR]
