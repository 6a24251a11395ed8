"""System calls that a submission may make; every other one is refused, whoever has heard of it.

What Python, NumPy, torch, matplotlib, threads, subprocesses and terminals need is listed. Left out is what makes
objects that outlive a process or can be seen by others (System V and POSIX message queues, semaphores and shared
memory, keys, files without a folder, file locks, watches on files), what changes how others run (priorities,
processors, limits), and what widens the kernel's surface (name spaces, mounts, tracing, io_uring, bpf).

The filter is a classic BPF program for seccomp, as in the kernel's Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import errno
import platform
import socket
import struct
from dataclasses import dataclass

MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # machine -> column below, its AUDIT_ARCH
CALLS = """
files
read:0:63 write:1:64 readv:19:65 writev:20:66 pread64:17:67 pwrite64:18:68 preadv:295:69 pwritev:296:70 preadv2:327:286 pwritev2:328:287
lseek:8:62 open:2 openat:257:56 openat2:437:437 creat:85 close:3:57 close_range:436:436 dup:32:23 dup2:33 dup3:292:24 pipe:22 pipe2:293:59
ioctl:16:29 fcntl:72:25 stat:4 lstat:6 fstat:5:80 newfstatat:262:79 statx:332:291 statfs:137:43 fstatfs:138:44 access:21 faccessat:269:48
faccessat2:439:439 readlink:89 readlinkat:267:78 getdents:78 getdents64:217:61 getcwd:79:17 chdir:80:49 fchdir:81:50 rename:82
renameat:264:38 renameat2:316:276 mkdir:83 mkdirat:258:34 rmdir:84 link:86 linkat:265:37 unlink:87 unlinkat:263:35 symlink:88
symlinkat:266:36 mknod:133 mknodat:259:33 chmod:90 fchmod:91:52 fchmodat:268:53 chown:92 fchown:93:55 lchown:94 fchownat:260:54
umask:95:166 utime:132 utimes:235 futimesat:261 utimensat:280:88 truncate:76:45 ftruncate:77:46 fallocate:285:47 fsync:74:82
fdatasync:75:83 sync_file_range:277:84 fadvise64:221:223 readahead:187:213 sendfile:40:71 splice:275:76 copy_file_range:326:285
getxattr:191:8 lgetxattr:192:9 fgetxattr:193:10 listxattr:194:11 llistxattr:195:12 flistxattr:196:13
memory
mmap:9:222 munmap:11:215 mprotect:10:226 mremap:25:216 madvise:28:233 msync:26:227 brk:12:214 membarrier:324:283 get_mempolicy:239:236
processes and threads
clone:56:220 fork:57 vfork:58 execve:59:221 execveat:322:281 exit:60:93 exit_group:231:94 wait4:61:260 waitid:247:95 pidfd_open:434:434
kill:62:129 tkill:200:130 tgkill:234:131 getpid:39:172 getppid:110:173 gettid:186:178 getpgrp:111 getpgid:121:155 setpgid:109:154
getsid:124:156 setsid:112:157 getuid:102:174 geteuid:107:175 getresuid:118:148 getgid:104:176 getegid:108:177 getresgid:120:150
getgroups:115:158 capget:125:90 set_tid_address:218:96 set_robust_list:273:99 get_robust_list:274:100 rseq:334:293 futex:202:98
futex_waitv:449:449 arch_prctl:158 prctl:157:167 getrlimit:97:163 setrlimit:160:164 prlimit64:302:261 getrusage:98:165 getpriority:140:141
sched_yield:24:124 sched_getaffinity:204:123 sched_getparam:143:121 sched_getscheduler:145:120 sched_get_priority_max:146:125
sched_get_priority_min:147:126 getcpu:309:168
signals
rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139 rt_sigpending:127:136 rt_sigsuspend:130:133 rt_sigtimedwait:128:137
sigaltstack:131:132 pause:34 restart_syscall:219:128
time and waiting
time:201 times:100:153 gettimeofday:96:169 clock_gettime:228:113 clock_getres:229:114 nanosleep:35:101 clock_nanosleep:230:115 alarm:37
getitimer:36:102 setitimer:38:103 select:23 pselect6:270:72 poll:7 ppoll:271:73 epoll_create:213 epoll_create1:291:20 epoll_ctl:233:21
epoll_wait:232 epoll_pwait:281:22 epoll_pwait2:441:441 eventfd:284 eventfd2:290:19
sockets
socket:41:198 socketpair:53:199 bind:49:200 listen:50:201 accept:43:202 accept4:288:242 connect:42:203 shutdown:48:210 getsockname:51:204
getpeername:52:205 getsockopt:55:209 setsockopt:54:208 sendto:44:206 recvfrom:45:207 sendmsg:46:211 recvmsg:47:212 sendmmsg:307:269
recvmmsg:299:243
the machine
uname:63:160 sysinfo:99:179 getrandom:318:278
"""
"""From the kernel's tables: a call, its number on x86_64, and on aarch64 where it is there."""

RECENT = 424  # calls from this number on are younger than Linux 5.0; a refused one is said not to exist: libc then does without it

LOAD, EQUALS, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF_LD|W|ABS, BPF_JMP|{JEQ,JGE,JSET}|K, BPF_RET|K
CALL, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO

NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET


@dataclass(frozen=True)
class Rule:
    """A call that is allowed for some values of one argument: of its low 32 bits, which are all that the kernel looks at."""

    argument: int
    values: tuple[int, ...] = ()
    forbidden_bits: int = 0
    error: int = errno.EPERM


TERMINAL = (  # what a program asks of a terminal and sets there, without typing into it (TIOCSTI) and its line disciplines
    *(*range(0x5401, 0x5405), 0x802C542A, *range(0x402C542B, 0x402C542E)),  # TCGETS, TCSETS, TCSETSW, TCSETSF, and as they are called since
    *range(0x5409, 0x540C),  # TCSBRK, TCXONC, TCFLSH
    *(0x540E, 0x540F, 0x5410, 0x5411, 0x5413, 0x5414),  # TIOCSCTTY, TIOCGPGRP, TIOCSPGRP, TIOCOUTQ, TIOCGWINSZ, TIOCSWINSZ
    *(0x5422, 0x5429, 0x5441, 0x80045430, 0x40045431),  # TIOCNOTTY, TIOCGSID, TIOCGPTPEER, TIOCGPTN, TIOCSPTLCK
)
RULES = {
    "clone": Rule(0, forbidden_bits=NAMESPACES),
    "socket": Rule(0, (socket.AF_UNIX,)),
    "socketpair": Rule(0, (socket.AF_UNIX,)),
    "prlimit64": Rule(0, (0,)),  # of oneself
    "fcntl": Rule(1, (0, 1, 2, 3, 4, 1030, 1031, 1032)),  # F_DUPFD, GETFD, SETFD, GETFL, SETFL, DUPFD_CLOEXEC, SETPIPE_SZ, GETPIPE_SZ
    "prctl": Rule(0, (1, 2, 3, 15, 16, 21, 23, 38, 39, 0x53564D41)),  # PDEATHSIG, DUMPABLE (to read), NAME, SECCOMP, NO_NEW_PRIVS, VMA
    "ioctl": Rule(1, (*TERMINAL, 0x541B, 0x5421, 0x5450, 0x5451), error=errno.ENOTTY),  # and FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
}


def numbers(column: int) -> dict[str, int]:
    """The allowed calls of a machine."""
    rows = (entry.split(":") for entry in CALLS.split() if ":" in entry)
    return {name: int(found[column]) for name, *found in rows if column < len(found)}


def count() -> int:
    """How many are allowed on this machine."""
    return len(numbers(MACHINES[platform.machine()][0]))


def program(loopback: bool = False) -> bytes | None:
    """The filter for this machine; None where the numbers of its calls are not known here. With `loopback`, sockets of the network pass."""
    if platform.machine() not in MACHINES:
        return None
    column, architecture = MACHINES[platform.machine()]
    instructions = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUALS, 1, 0, architecture),
        (RETURN, 0, 0, REFUSE | errno.EPERM),  # another machine's calls
        (LOAD, 0, 0, CALL),
    ]
    rules = {**RULES, "socket": Rule(0, (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6))} if loopback else RULES
    for name, number in numbers(column).items():
        answer = answered(rules[name]) if name in rules else [(RETURN, 0, 0, ALLOW)]
        instructions += [(EQUALS, 0, len(answer), number), *answer]
    instructions += [  # calls of the x32 ABI are numbers without end, and so among the last
        (AT_LEAST, 0, 1, RECENT),
        (RETURN, 0, 0, REFUSE | errno.ENOSYS),
        (RETURN, 0, 0, REFUSE | errno.EPERM),
    ]
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in instructions)


def answered(rule: Rule) -> list[tuple[int, int, int, int]]:
    """What decides on a call that has a rule, once its number is known."""
    load = (LOAD, 0, 0, ARGUMENTS + 8 * rule.argument)
    refuse, allow = (RETURN, 0, 0, REFUSE | rule.error), (RETURN, 0, 0, ALLOW)
    if rule.forbidden_bits:
        return [load, (ANY_BIT, 0, 1, rule.forbidden_bits), refuse, allow]
    count = len(rule.values)
    return [load, *((EQUALS, count - place, 0, value) for place, value in enumerate(rule.values)), refuse, allow]
