"""What the notebooks import: graphs, the given operators, checks, figures.

Everything in the table is an attribute of this package: `ad.matmul` is whatever stands there under
that name at the moment it is read, so it is the student's own as soon as they wrote it.
"""

from difflib import get_close_matches
from typing import Any

from . import garbage

with garbage.no_collector():  # torch, which leaves none
    from . import alt_text, operators, units  # noqa: F401 - the last two fill the table
from .feeding import as_tensors, feed
from .graph import Node, Op, Variable, operator
from .registry import exercise, exercise_of, method, table

__version__ = "0.1.0"
__all__ = ["Node", "Op", "Variable", "as_tensors", "exercise", "exercise_of", "feed", "method", "operator"]


alt_text.with_every_figure()


def __getattr__(name: str) -> Any:
    if name in table:
        return table[name]
    names = [*filter(str.isidentifier, table)]
    near = get_close_matches(name, names, n=3, cutoff=0.4)
    advice = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(sorted(names))}"
    raise AttributeError(f"autodiff_lib has no '{name}'; {advice}")


def __dir__() -> list[str]:
    return sorted({*__all__, *filter(str.isidentifier, table), "checks", "course", "figures"} - {"placeholder"})
