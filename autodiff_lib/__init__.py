"""What the notebooks import: graphs, the given operators, checks, figures.

Every operator of the table is an attribute of this package: `ad.matmul` is whatever stands in the
table under that name at the moment it is read, so it is the student's own as soon as they wrote it.
"""

from typing import Any

from . import exercises, operators  # noqa: F401 - fill the table
from .graph import Node, Op, Variable, operator, table

__version__ = "0.1.0"
__all__ = ["Node", "Op", "Variable", "operator"]


def __getattr__(name: str) -> Any:
    if name in table:
        return table[name]
    raise AttributeError(f"autodiff_lib has no '{name}'; its operators are {', '.join(sorted(table))}")


def __dir__() -> list[str]:
    return sorted({*globals(), *table})
