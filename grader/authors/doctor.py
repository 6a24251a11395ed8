"""What this host can do, and what to do about what it cannot."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from autodiff_lib.units import UNITS

from ..submission import syscalls, watch
from ..submission.jail import ALLOWED, Jail, JailError, Session, bubblewrap, no_bubblewrap
from ..submission.limits import limits_of

PACKAGES = ("torch", "numpy", "nbgrader", "jupyterlab", "nbformat")
ENOUGH_MEMORY = 6 * 2**30  # bytes: one jail at its limits, and the grader


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `good` is None where it is a matter of taste."""

    what: str
    good: bool | None
    detail: str


def examine() -> Iterator[Finding]:
    yield Finding("Python", sys.version_info >= (3, 11), f"{platform.python_version()} at {sys.executable}")
    for package in PACKAGES:
        try:
            yield Finding(package, True, version(package))
        except PackageNotFoundError:
            yield Finding(package, False, "not installed: run `make` or pip install -e '.[grader]'")
    path = bubblewrap()
    yield Finding("bubblewrap", path is not None, path or no_bubblewrap())
    yield namespaces()
    yield memory()
    yield processes()
    yield control_groups()
    yield system_calls()
    if path is not None:
        yield warm_jail()


def namespaces() -> Finding:
    if os.getuid() == 0:
        return Finding("namespaces", True, "made as root; submissions run as an ordinary user of their own")
    count = int(ALLOWED.read_text()) if ALLOWED.exists() else 0
    advice = "" if count else ": set user.max_user_namespaces above 0, or run the grader as root in a virtual machine"
    return Finding("namespaces", count > 0, f"{count} user namespaces allowed{advice}")


def memory() -> Finding:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Finding(
        "memory", total >= ENOUGH_MEMORY, f"{total / 2**30:.1f} GiB; a submission may take {limits_of('').resident_bytes / 2**30:.0f} GiB"
    )


def processes() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    shown = "unlimited" if hard == resource.RLIM_INFINITY else str(hard)
    return Finding("process limit", True, f"{shown} here; {limits_of('').processes} in a jail, by prlimit")


def control_groups() -> Finding:
    limits = limits_of("")
    group = watch.make_group(0, limits.resident_bytes, limits.processes)
    if group is None:
        return Finding("control groups", None, "this host lets us make none; the memory of a jail is added up and watched instead")
    group.remove()
    return Finding("control groups", True, f"made for each jail, below {group.folders[0].parent}")


def system_calls() -> Finding:
    program = syscalls.program()
    lost = f"no filter for {platform.machine()}: a submission may make every call that its rights allow"
    return Finding("system calls", program is not None or None, f"{syscalls.count()} are allowed in a jail" if program else lost)


def warm_jail() -> Finding:
    """Start one and run a cell in it: nothing shows better that it works."""
    unit = next(iter(UNITS))
    start = time.perf_counter()
    try:
        jail = Jail(unit, limits_of(unit))
        jail.start()
    except JailError as error:
        return Finding("a warm jail", False, str(error))
    ready = time.perf_counter() - start
    try:
        start = time.perf_counter()
        with Session(jail, {}) as session:
            outcome = session.run("import torch; torch.ones(2, 2).sum()")
        took = time.perf_counter() - start
        network = "no network, " if blocked(jail) else "NETWORK REACHABLE, "
    finally:
        jail.stop()
    good = outcome["status"] == "ok" and network.startswith("no")
    detail = f"{network}ready in {ready:.1f} s, then a child with torch ran a cell in {took:.2f} s"
    if not jail.alone:
        return Finding("a warm jail", None if good else False, f"{detail}. Each submission gets a jail of its own: {jail.refusal}")
    return Finding("a warm jail", good, f"{detail}; each submission has name spaces and folders of its own")


def blocked(jail: Jail) -> bool:
    with Session(jail, {}) as session:
        outcome = session.run("import socket\nsocket.socket().connect(('192.0.2.1', 80))")
    return any(output.get("ename") in ("OSError", "PermissionError") for output in outcome["outputs"])
