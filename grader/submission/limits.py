"""What a submission may use: declared here, changed by a unit for itself, and for a course in its `limits.toml`.

[default]
cell_seconds = 20

[02_evaluator]
total_seconds = 600
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path

from autodiff_lib.units import UNITS

MiB = 2**20
FILE = "limits.toml"


@dataclass(frozen=True)
class Limits:
    """Limits of one submission's run. Seconds are of wall time unless they say otherwise."""

    cell_seconds: float = 30
    grace_seconds: float = 3  # after which a cell that ignores its interruption loses its process
    ask_seconds: float = 60  # for a question on one case
    timing_seconds: float = 30  # for a case that is timed: what cannot be told by then is left open
    total_seconds: float = 600
    cpu_seconds: int = 500
    memory_bytes: int = 3 * 1024 * MiB  # beyond what the warm process has mapped, for each process
    resident_bytes: int = 4 * 1024 * MiB  # of all processes together
    processes: int = 32
    file_bytes: int = 64 * MiB
    disk_bytes: int = 256 * MiB  # of each of the private home, the temporary folder and the shared memory
    disk_files: int = 10_000  # in each of them
    output_bytes: int = 1 * MiB  # of what the notebook prints and draws, for each cell
    reading_seconds: float = 20  # of processor time, to read what was submitted
    reading_bytes: int = 1024 * MiB  # of memory for that
    restarts: int = 20  # after a crash the rest of the notebook is run again, this often

    @property
    def hash(self) -> str:
        """Of all limits: a grade that was given under others may differ."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]


def limits_of(unit: str, course: Path | None = None) -> Limits:
    """The limits for a unit. ValueError, with the names there are, for a limit or a unit that does not exist."""
    own = replace(Limits(), **UNITS[unit].limits) if unit in UNITS else Limits()
    path = course / FILE if course is not None else None
    if path is None or not path.is_file():
        return own
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    tables = {"default", *UNITS}
    for name, changes in written.items():
        if name not in tables or not isinstance(changes, dict):
            listed = ", ".join(f"[{table}]" for table in sorted(tables))
            raise ValueError(f"{path}: {name} is no table of limits; limits stand below {listed}")
    limits = own
    for table in ("default", unit):
        changes = written.get(table, {})
        names = {field.name for field in fields(Limits)}
        unknown = sorted(set(changes) - names)
        if unknown:
            raise ValueError(f"{path}: there is no limit {', '.join(unknown)}; the limits are {', '.join(sorted(names))}")
        wrong = [name for name, value in changes.items() if type(value) not in (int, float) or not 0 < value < math.inf]
        if wrong:
            raise ValueError(f"{path}: {wrong[0]} must be a positive number, got {changes[wrong[0]]!r}")
        limits = replace(limits, **changes)
    return limits
