"""A unit with an exercise of each kind, for the tests."""

from .. import Unit

UNIT = Unit(
    name="99_toy",
    notebook="toy.ipynb",
    operators=("cube(a, /)",),
    functions=("matmul", "add", "doubled", "by_two_processes", "fast_sum"),
    own_names=True,
    limits={"processes": 40},
    environment={"TOY": "yes"},
    loopback=True,
)
