"""System calls that a jail refuses: those that make memory which belongs to no process, and name spaces of one's own.

Limits on processes and on folders bound everything else. The filter is a classic BPF program for seccomp, as in
the kernel's Documentation/userspace-api/seccomp_filter.rst; bubblewrap installs it before anything of the jail runs.
"""

from __future__ import annotations

import errno
import platform
import struct

NUMBERS = {  # call -> its number on (x86_64, aarch64), from the kernel's tables
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
}
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # machine -> column above, its AUDIT_ARCH
OTHER_ABI = 0x40000000  # x86_64: calls of the x32 ABI have this bit, and would pass under other numbers

LOAD, EQUALS, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JGE|K, BPF_RET|K
CALL, ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM


def program() -> bytes | None:
    """The filter for this machine; None where the numbers of its calls are not known here."""
    if platform.machine() not in MACHINES:
        return None
    column, architecture = MACHINES[platform.machine()]
    refused = [numbers[column] for numbers in NUMBERS.values()]
    instructions = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUALS, 0, len(refused) + 3, architecture),  # another machine's calls: refused
        (LOAD, 0, 0, CALL),
        (AT_LEAST, len(refused) + 1, 0, OTHER_ABI),
    ]
    instructions += [(EQUALS, len(refused) - place, 0, number) for place, number in enumerate(refused)]
    instructions += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in instructions)
