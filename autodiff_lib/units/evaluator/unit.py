"""The evaluator: the order of a graph, its values, its gradients."""

from .. import Unit

UNIT = Unit(
    name="02_evaluator",
    notebook="evaluator.ipynb",
    needs=("01_operators",),
    hours=(3, 6),
    functions=("topological_order", "Evaluator", "gradients", "FrugalEvaluator"),
)
