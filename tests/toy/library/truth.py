"""What the exercises must come to."""

import numpy as np

from ...graph_data import Forward

FORWARD: Forward = {"cube": lambda a: a * a * a}


class Counter:
    """What adds up."""

    def __init__(self, start):
        self.total = start

    def add(self, number):
        self.total = self.total + number
        return self

    def doubled(self):
        return 2 * self.total


def slow_sum(a):
    """Number by number."""
    total = 0.0
    for number in a:
        total += float(number)
    return np.float64(total)
