"""What goes wrong in the toy unit."""

from .. import Mistake

ROWS = [
    ("cube", "square", "two factors are there and not three", "How many factors has a cube?", ("x * x * x", "x * x")),
    ("matmul", "more", "one is added", "What is a product?", ("a @ b", "a @ b + 1")),
    ("add", "minus", "it is taken away", "Plus or minus?", ("self.total + number", "self.total - number")),
    ("doubled", "plus", "two is added", "Times or plus?", ("2 * self.total", "2 + self.total")),
    ("by_two_processes", "half", "one half is left out", "Who adds the other half?", ("+ half", "+ 0 * half")),
    ("fast_sum", "mean", "the mean is taken", "A sum or a mean?", ("a.sum()", "a.mean()")),
]
MISTAKES = [Mistake(f"{exercise}-{slug}", "99_toy", exercise, what, hint, (edit,)) for exercise, slug, what, hint, edit in ROWS]
TYPICAL = ["cube-square", "doubled-plus"]
