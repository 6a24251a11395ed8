"""The jail: what is inside, what is not, and what a submission leaves behind."""

import ctypes
import errno
import math
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import numpy as np
import pytest

from autodiff_lib.checks import wire
from autodiff_lib.checks.question import Ask
from grader.authors import doctor
from grader.book.nbgrader_course import ROOT
from grader.submission import jail as jail_module
from grader.submission import scratch, syscalls, warm, watch
from grader.submission.jail import JailError, Session, bubblewrap, open_jail
from grader.submission.limits import Limits, limits_of
from tests.corpora import AS_ORDINARY_USER
from tests.redteam import kernel  # noqa: F401
from tests.redteam.submissions import SUBMISSIONS

LIMITS = Limits(cell_seconds=2, grace_seconds=1, ask_seconds=2, disk_bytes=32 * 2**20, file_bytes=16 * 2**20, processes=12, disk_files=2000)
needs_bubblewrap = pytest.mark.skipif(
    bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE: the jail is not tested (apt install bubblewrap)"
)
pytestmark = needs_bubblewrap


@pytest.fixture(scope="module")
def jail():
    with open_jail("02_evaluator", LIMITS) as jail:
        yield jail


@pytest.fixture(scope="module")
def unhurried():
    with open_jail("02_evaluator", Limits()) as jail:
        yield jail


def test_a_course_may_lie_in_a_folder_that_submissions_write_to(monkeypatch):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        shutil.copytree(ROOT / "autodiff_lib", Path(folder, "autodiff_lib"))
        monkeypatch.setattr(jail_module, "ROOT", Path(folder))
        with open_jail("01_operators", LIMITS) as there:
            assert (there.alone, there.refusal) == (True, "")
            with Session(there, {}) as session:
                _, text = printed(session, "import autodiff_lib\nprint(autodiff_lib.__file__)")
                assert text.startswith(folder)
                assert session.run("open('/tmp/mine', 'w')")["status"] == "ok"
                assert session.run(f"open({folder!r} + '/autodiff_lib/graph.py', 'a')")["status"] == "error"


def printed(session, source):
    outcome = session.run(textwrap.dedent(source))
    text = "".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outcome["outputs"])
    return outcome["status"], text.strip()


def test_a_cell_runs_with_torch_warm_and_its_value_comes_back(jail):
    with Session(jail, {}) as session:
        assert printed(session, "import torch\ntorch.ones(2).sum().item()") == ("ok", "2.0")
        assert printed(session, "'torch' in __import__('sys').modules") == ("ok", "True")


def test_what_the_units_own_cells_import_and_what_asks_is_there_before_a_submission_comes():
    wanted = warm.modules("05_fused_kernels")
    assert {"autodiff_lib.kernels", "autodiff_lib.kinds.kernel.probe"} <= {*wanted}
    with open_jail("05_fused_kernels", LIMITS) as there, Session(there, {}) as session:
        assert printed(session, f"import sys\nsorted(set({wanted}) - sys.modules.keys())") == ("ok", "[]")


def test_only_the_time_for_which_a_submission_is_waited_for_counts(jail):
    """Judging, and waiting for a machine to be quiet, is the grader's own time."""
    with Session(jail, {}) as session:
        session.limits = replace(LIMITS, total_seconds=1.0)
        session.left = 1.0
        assert session.run("1")["status"] == "ok"
        time.sleep(1.5)
        assert session.run("1 + 1")["status"] == "ok"
        assert session.run("import time; time.sleep(1.2)")["status"] == "timeout"
        skipped = session.run("2")
        assert skipped["status"] == "skipped"
        assert "longer than 1 seconds in all" in skipped["outputs"][0]["text"]
        (answer,) = session.answers([Power("exp", 2)])
        assert answer.problem.kind == "timeout"


def test_a_long_answer_is_read_on_the_submissions_own_time(jail, monkeypatch):
    unpack = wire.unpack_answer

    def slowly(message, number):
        time.sleep(0.5)
        return unpack(message, number)

    monkeypatch.setattr(wire, "unpack_answer", slowly)
    with Session(jail, {}) as session:
        assert session.run("1")["status"] == "ok"
        before = session.left
        (answer,) = session.answers([Power("exp", 2)])
        assert answer.problem is None
        assert before - session.left >= 0.5


def test_figures_and_errors_come_back_as_a_notebook_has_them(jail):
    with Session(jail, {}) as session:
        drawn = session.run("import matplotlib.pyplot as plt\nplt.plot([1, 2, 5])\nplt.show()")
        assert "image/png" in drawn["outputs"][0]["data"]
        assert drawn["outputs"][0]["metadata"] == {"image/png": {"alt": "a line from 1 to 5."}}
        failed = session.run("1 / 0")
        assert (failed["status"], failed["outputs"][0]["ename"]) == ("error", "ZeroDivisionError")


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("import os; sorted(os.environ)", lambda text: "AUTODIFF_SECRET" not in text and "USER" not in text and "HOME" in text),
        ("import os; os.getuid()", lambda text: text != "0"),
        (f"import os; sorted(os.listdir({str(ROOT)!r}))", lambda text: set(eval(text)) <= {".venv", "autodiff_lib"}),
        ("import os; [p for p in os.listdir('/proc') if p.isdigit()]", lambda text: len(eval(text)) <= 4),
        ("import os; os.path.exists('/inmate.py')", lambda text: text == "True"),
        ("import importlib.util; importlib.util.find_spec('grader')", lambda text: text in ("", "None")),
        ("import os; [name for name in os.listdir('/') if name.startswith('unit')]", lambda text: text == "[]"),
        ("open('/proc/self/status').read().split('CapEff:')[1].split()[0]", lambda text: int(eval(text), 16) == 0),
    ],
)
def test_inside_there_is_only_what_python_needs(jail, source, seen):
    with Session(jail, {}) as session:
        status, text = printed(session, source)
        assert status == "ok"
        assert seen(text), text


def test_of_the_library_there_is_what_runs_and_no_judge_no_truth_and_no_question(jail):
    library = str(ROOT / "autodiff_lib")
    listing = (
        f"import pathlib; sorted(str(path.relative_to({library!r})) for path in pathlib.Path({library!r}).rglob('*') if path.is_file())"
    )
    with Session(jail, {}) as session:
        status, text = printed(session, listing)
        assert status == "ok"
        there = {re.sub(r"__pycache__/(\w+)\.cpython-\d+\.pyc", r"\1.py", name) for name in eval(text)}
        assert {"graph.py", "checks/probe.py", "kinds/operator/probe.py", "units/operators/unit.py"} < there
        words = ("judge", "truth", "reference", "question", "known", "compare", "diagnosis", "report", "training", "json")
        assert {name for name in there if any(word in name for word in words)} == {"checks/question.py"}
        for module in ("checks.judge", "kinds.operator.judge", "kinds.reference", "units.operators.questions", "units.operators.truth"):
            outcome = session.run(f"import autodiff_lib.{module}")
            assert outcome["outputs"][0]["ename"] == "ModuleNotFoundError", module
        assert printed(session, "from autodiff_lib import checks\nprint(checks.of_unit('02_evaluator')('Evaluator'))") == ("ok", "None")


@pytest.mark.parametrize(
    "source",
    [
        "import socket; socket.create_connection(('127.0.0.1', 22), timeout=1)",
        "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)",
        f"open({str(ROOT / 'autodiff_lib' / 'graph.py')!r}, 'a')",
        "open('/usr/here', 'w')",
        "open('/inmate.py', 'w')",
        "import os; os.setuid(0)",
        "import ctypes; assert ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0",
        "open('big', 'wb').write(b'x' * 10**8)",
        "bytearray(10**11)",
        "import os\nfor _ in range(100):\n    if os.fork() == 0:\n        __import__('time').sleep(60)",
        "open('/proc/' + str(__import__('os').getppid()) + '/mem', 'rb').read(1)",
        "input()",
        "import os; os.memfd_create('nobody')",
        "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
        "import ctypes; assert ctypes.CDLL(None).shmget(0, 4096, 0o1600) >= 0",
        "import ctypes; assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0",
    ],
)
def test_what_is_forbidden_raises(jail, source):
    with Session(jail, {}) as session:
        assert session.run(source)["status"] == "error"


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("while True: pass", "timeout"),
        ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", "timeout"),
        ("import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass", "timeout"),
        ("10 ** 10 ** 8 % 7", "timeout"),
        ("import os; os._exit(0)", "killed"),
        ("import os; os.kill(os.getpid(), 9)", "killed"),
        ("import os; os.kill(os.getppid(), 9); __import__('time').sleep(1)", "ok"),
        ("import os; os.kill(-1, 9)", "ok"),
        ("import os; os.kill(1, 9)", "ok"),
        ("import sys; sys.setrecursionlimit(10**9)\ndef f(): return [f() for _ in '1']\nf()", "timeout"),
        ("import ctypes; ctypes.string_at(0)", "killed"),
    ],
)
def test_what_ends_or_hangs_a_cell_costs_that_cell_alone(jail, source, status):
    with Session(jail, {}) as session:
        assert printed(session, "x = 'kept'")[0] == "ok"
        assert session.run(source)["status"] in (status, "killed", "error")
        assert printed(session, "x") == ("ok", "'kept'")


CALLS = """
import ctypes, errno, mmap, os
libc = ctypes.CDLL(None, use_errno=True)

def error(number, *arguments):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(number, *map(ctypes.c_long, arguments)) == -1 else 0
"""
LAST_CALL = 470
TRAMPOLINES = (335, 336) if platform.machine() == "x86_64" else ()  # of probes: the kernel ends whoever calls them from elsewhere
REFUSED = {errno.EPERM, errno.ENOSYS, errno.ENOTTY}


@pytest.mark.skipif(syscalls.program() is None, reason="no filter for this machine")
def test_every_call_that_is_not_listed_is_refused(jail):
    allowed = set(syscalls.numbers(syscalls.MACHINES[platform.machine()][0]).values())
    others = [number for number in range(LAST_CALL + 1) if number not in allowed and number not in TRAMPOLINES]
    with Session(jail, {}) as session:
        status, text = printed(session, f"{CALLS}\n[n for n in {others} if error(n, 0, 0, 0, 0, 0, 0) not in {REFUSED}]")
    assert (status, text) == ("ok", "[]")


@pytest.mark.skipif(syscalls.program() is None, reason="no filter for this machine")
@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        *(("clone", (flag | 17,)) for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)),
        *(("socket", (family, 1, 0)) for family in (2, 10, 16, 17, 38, 40)),
        ("ioctl", (0, 0x5412, 0)),  # TIOCSTI
        ("fcntl", (0, 1024, 0)),  # F_SETLEASE
        ("fcntl", (0, 6, 0)),  # F_SETLK
        ("prctl", (36, 1, 0, 0, 0)),  # PR_SET_CHILD_SUBREAPER
        ("prlimit64", (1, 7, 0, 0)),
    ],
)
def test_calls_are_refused_for_what_their_arguments_ask(jail, call, arguments):
    number = syscalls.numbers(syscalls.MACHINES[platform.machine()][0])[call]
    with Session(jail, {}) as session:
        status, text = printed(session, f"{CALLS}\nerror({number}, *{arguments})")
    assert status == "ok"
    assert int(text) in REFUSED


@pytest.mark.parametrize(
    "source",
    [
        "import threading\nt = [threading.Thread(target=print) for _ in range(4)]\n[x.start() for x in t]; [x.join() for x in t]",
        "import torch\ntorch.set_num_threads(2); assert torch.ones(500, 500).matmul(torch.ones(500, 500))[0, 0] == 500",
        "import numpy as np\nassert np.linalg.svd(np.eye(300))[1].sum() == 300",
        "import subprocess\nassert subprocess.check_output('echo $((6 * 7)) | cat', shell=True) == b'42\\n'",
        "import multiprocessing as m\nwith m.Pool(2) as pool: assert pool.map(abs, [-1, 2]) == [1, 2]",
        "import multiprocessing as m\nq = m.Queue(); p = m.Process(target=q.put, args=(3,)); p.start(); assert q.get() == 3; p.join()",
        "from multiprocessing.shared_memory import SharedMemory\ns = SharedMemory(create=True, size=100); s.close(); s.unlink()",
        "from concurrent.futures import ProcessPoolExecutor as P\nwith P(2) as pool: assert list(pool.map(abs, [-3])) == [3]",
        "import asyncio\nassert await asyncio.gather(asyncio.sleep(0.01, 1), asyncio.sleep(0.01, 2)) == [1, 2]",
        "import tempfile, shutil\nf = tempfile.mkdtemp(); open(f + '/a', 'w').write('x')\nshutil.copytree(f, f + '2'); shutil.rmtree(f)",
        "from pathlib import Path\np = Path('a/b/c'); p.mkdir(parents=True); (p / 'd').write_text('x'); os_ = list(p.rglob('*'))",
        "import time, datetime, random, os\ntime.sleep(0.01); random.random(); os.urandom(4); os.cpu_count(); datetime.datetime.now()",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.title('$x^2$'); plt.savefig('a.svg'); plt.savefig('a.pdf')",
        "import torch\ntorch.save(torch.ones(2), 'a.pt'); assert torch.load('a.pt').sum() == 2",
        "import numpy as np\nm = np.memmap('a.bin', dtype=float, mode='w+', shape=10); m[:] = 1; m.flush()",
        "import sqlite3\nsqlite3.connect(':memory:').execute('select 1').fetchone()",
        "x = !echo 42\nassert list(x) == ['42']",
        "%timeit -n 1 -r 1 1 + 1",
        "!echo seen",
        "import faulthandler, signal\nfaulthandler.enable(open('trace', 'w'))",
    ],
)
def test_what_honest_code_does_goes_on_working(unhurried, source):
    with Session(unhurried, {}) as session:
        outcome = session.run(source)
    assert outcome["status"] == "ok", outcome


EVERYWHERE = """
import os, stat

def opened(path):
    try:
        os.close(os.open(path, os.O_WRONLY))
        return True
    except OSError:
        return False

def made(folder):
    try:
        os.mkdir(folder + "/made")
        return True
    except OSError:
        return False

mounts = [line.split()[1] for line in open("/proc/self/mounts")]
places = {*mounts}
for mount in mounts:
    if os.path.isdir(mount) and not mount.startswith(("/usr", "/proc")):
        for folder, folders, names in os.walk(mount):
            folders[:] = [name for name in folders if os.path.join(folder, name) not in mounts][:20]
            places |= {os.path.join(folder, name) for name in (*folders, *names[:20])}
places |= {os.path.join("/proc/self", name) for name in os.listdir("/proc/self")}
places |= {os.path.join("/proc/sys/kernel", name) for name in os.listdir("/proc/sys/kernel")}
folders = {place for place in places if os.path.isdir(place) and not os.path.islink(place)}
files = {place for place in places - folders if os.path.exists(place) and not os.path.islink(place)}
files = {place for place in files if not stat.S_ISCHR(os.stat(place).st_mode)}
sorted(filter(made, folders)), sorted(filter(opened, files))
"""


def test_nothing_can_be_written_to_but_three_small_folders(jail):
    with Session(jail, {}) as session:
        status, text = printed(session, EVERYWHERE)
        assert (status, text) == ("ok", "(['/dev/shm', '/home/student', '/tmp'], [])")
        for folder in ("/dev/shm", "/home/student", "/tmp"):
            status, text = printed(session, f"import os; s = os.statvfs({folder!r}); s.f_blocks * s.f_frsize, s.f_files")
            assert (status, eval(text)) == ("ok", (LIMITS.disk_bytes, LIMITS.disk_files))
            status, text = printed(session, f"import os\nfor number in range(10**6): os.mknod({folder!r} + f'/{{number}}')")
            assert status == "error"


def seen_from_outside(jail):
    """All that could be changed of the processes of the jail that live on."""
    found = {}
    for pid in watch.descendants(jail.process.pid):
        process = Path("/proc", str(pid))
        used = r"State|(non)?voluntary|Vm|Rss|HugetlbPages|SigQ"  # SigQ is of the whole user
        found[pid, "status"] = [line for line in (process / "status").read_text().splitlines() if not re.match(used, line)]
        fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
        found[pid, "stat"] = [fields[place] for place in (1, 2, 3, 15, 16, 17, 37, 38)]  # family, priority, nice value, scheduling
        found[pid, "processors"] = os.sched_getaffinity(pid)
        found[pid, "disk"] = ctypes.CDLL(None).syscall(IOPRIO_GET[platform.machine()], 1, pid)
        for folder in ("ns", "fd"):
            found[pid, folder] = sorted(os.readlink(link) for link in (process / folder).iterdir())
        for name in ("limits", "oom_score_adj", "autogroup", "timerslack_ns", "coredump_filter", "comm", "cmdline", "cgroup", "mounts"):
            if (process / name).exists():
                found[pid, name] = (process / name).read_text()
    return found


IOPRIO_GET = {"x86_64": 252, "aarch64": 31}
SEEN_FROM_INSIDE = """
import os, re, resource, subprocess

def content(path):
    try:
        return sorted(os.listdir(path)) if os.path.isdir(path) else open(path).read()
    except OSError as error:
        return str(error)

paths = ["/proc/sysvipc/sem", "/proc/sysvipc/shm", "/proc/sysvipc/msg", "/proc/keys", "/proc/locks", "/proc/net/unix", "/dev", "/dev/pts",
         "/dev/mqueue", "/dev/shm", "/tmp", "/home/student", "/proc/self/limits", "/proc/self/oom_score_adj", "/proc/self/timerslack_ns",
         "/proc/self/autogroup", "/proc/self/cgroup", "/proc/self/mounts", "/proc/self/fd"]
seen = {path: re.sub(r"\\b643\\d\\d\\b|/autogroup-\\d+|Max address space.*", "", str(content(path))) for path in paths}
seen["processes"] = [name for name in os.listdir("/proc") if name.isdigit()]
seen["priority"] = os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0), os.getpriority(os.PRIO_USER, 0)
seen["processors"] = sorted(os.sched_getaffinity(0))
"""


def test_a_submission_that_touches_everything_changes_nothing(jail):
    """Of the warm parent, of the list of processes, of devices and of the kernel's objects; as seen from outside and by the next one."""

    def seen():
        with Session(jail, {}) as session:
            assert session.run(SEEN_FROM_INSIDE)["status"] == "ok"
            inside = eval(printed(session, "seen")[1])
        return seen_from_outside(jail) | inside

    before = seen()
    for name in ("starve_scheduler", "starve_semaphores", "starve_locks", "starve_timers", "flood_empty_files", "flood_devices"):
        hostile = next(one for one in SUBMISSIONS if one.name == name)
        content = nbformat.reads(hostile.files()["operators.ipynb"].decode(), as_version=4)
        with Session(jail, {}) as session:
            session.run(content.cells[-1].source)
        after = seen()
        changed = {place for place in before | after if before.get(place) != after.get(place)}
        assert {place: (before.get(place), after.get(place)) for place in changed} == {}, name


def test_output_is_cut_and_the_flood_does_not_reach_the_grader(jail):
    with Session(jail, {}) as session:
        status, text = printed(session, "print('x' * 10**8)\nimport os; os.write(1, b'y' * 10**6)")
        assert status == "ok"
        assert len(text) < 1.1 * LIMITS.output_bytes
        assert "[output cut off]" in text


def test_nothing_survives_a_submission(jail):
    left = """
        import os, subprocess, sys, time
        open('/tmp/left', 'w').write('x'); open('left', 'w').write('x'); open('/dev/shm/left', 'w').write('x')
        sys.modules['torch'].ones = None
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True: time.sleep(1)
    """
    with Session(jail, {}) as session:
        printed(session, left)
    with Session(jail, {}) as session:
        status, text = printed(session, "import os; [os.listdir(p) for p in ('/tmp', '.', '/dev/shm')]")
        assert status == "ok"
        assert "left" not in text
        assert printed(session, "import torch; torch.ones(2).tolist()") == ("ok", "[1.0, 1.0]")
        processes = printed(session, "len([p for p in os.listdir('/proc') if p.isdigit()])")
        assert processes == ("ok", "2"), "the first of its processes, and this child"


def test_files_come_along_and_shadow_nothing(jail):
    files = {"numpy.py": b"raise SystemExit", "helper.py": b"answer = 42", "data/numbers.txt": b"1 2 3"}
    with Session(jail, files) as session:
        seen = "import numpy, helper\n(numpy.__name__, numpy.ones(1).tolist(), helper.answer, open('data/numbers.txt').read())"
        assert printed(session, seen) == ("ok", "('numpy', [1.0], 42, '1 2 3')")


def test_a_child_that_crashes_again_and_again_is_given_up():
    with open_jail("01_operators", Limits(restarts=2, cell_seconds=2)) as jail, Session(jail, {}) as session:
        statuses = [session.run("import os; os._exit(0)")["status"] for _ in range(5)]
    assert statuses == ["killed", "killed", "killed", "skipped", "skipped"]


SQUARE_ROOT = """
import os, time, torch
import autodiff_lib as ad

@ad.operator("sqrt(a, /)")
class Sqrt(ad.Op):
    def compute(self, node, inputs):
        {}
        return torch.sqrt(inputs[0])
"""


@dataclass(eq=False)
class Power:
    """A case that asks an operator about so many entries, each as large as there are of them."""

    operator: str
    size: int
    asked: int = 0  # how often

    def ask(self):
        self.asked += 1
        return Ask("kinds.operator.probe:compute", {"operator": self.operator, "attrs": {}}, (np.full(self.size, float(self.size)),))


def roots(sizes):
    return [Power("sqrt", size) for size in sizes]


def answered(session, cases, then=()):
    """For each case the first number of its answer, or the kind of problem."""
    return [answer.problem.kind if answer.problem else float(answer.arrays[0].flat[0]) for answer in session.answers(cases, then)]


SQUARES = [n * n for n in range(1, 13)]


@pytest.mark.parametrize(
    ("at_nine", "kind"),
    [
        ("os._exit(0)", "killed"),
        ("time.sleep(60)", "timeout"),
        ("raise ValueError('nine')", "ValueError"),
        ("import gc; [o.send(b'x' * 100) for o in gc.get_objects() if type(o).__name__ == 'socket' and o.fileno() > 0]", "tampered"),
    ],
)
def test_what_ends_one_answer_costs_neither_those_before_nor_those_after(jail, at_nine, kind):
    with Session(jail, {}) as session:
        assert session.run(SQUARE_ROOT.format(f"if len(inputs[0]) == 9: {at_nine}"))["status"] == "ok"
        right = [float(n) for n in range(1, 13)]
        assert answered(session, roots(SQUARES)) == [*right[:2], kind, *right[3:]]


def test_answers_that_nobody_takes_do_not_come_in_place_of_others(jail):
    with Session(jail, {}) as session:
        session.run(SQUARE_ROOT.format("if len(inputs[0]) == 9: os._exit(0)"))
        for taken in range(4):  # of answers to eight asks on their way; the third ends the process
            got = [next_.arrays for next_, _ in zip(session.answers(roots(SQUARES)), range(taken), strict=False)]
            assert len(got) == taken
            assert answered(session, roots([16, 25])) == [4, 5]
            next(session.answers(roots(SQUARES)))
            assert printed(session, "'a cell'") == ("ok", "'a cell'")


@pytest.mark.parametrize("at_nine", ["os._exit(0)", "time.sleep(60)", "raise ValueError('nine')", "pass"])
def test_what_is_asked_ahead_costs_nothing_of_what_comes_before_it(jail, at_nine):
    """The next question's cases are asked while this one's are judged: what their answers do to the process is theirs."""
    with Session(jail, {}) as session:
        session.run(SQUARE_ROOT.format(f"if len(inputs[0]) == 9: {at_nine}"))
        first, then = roots([1, 4]), roots([9, 16, 25])
        given = session.answers(first, then)
        assert float(next(given).arrays[0][0]) == 1
        time.sleep(0.3)  # all that is on its way is done by now
        assert [float(answer.arrays[0][0]) for answer in given] == [2]
        kind = {"os._exit(0)": "killed", "time.sleep(60)": "timeout", "pass": 3}.get(at_nine, "ValueError")
        assert answered(session, then) == [kind, 4, 5]


def test_what_was_asked_ahead_is_asked_once_and_dropped_where_something_else_is_wanted(jail):
    with Session(jail, {}) as session:
        session.run(SQUARE_ROOT.format(""))
        first, then, others = roots([1, 4]), roots([9, 16]), roots([25, 36])
        assert answered(session, first, then) == [1, 2]
        assert answered(session, then, others) == [3, 4]
        assert [case.asked for case in (*first, *then, *others)] == [1] * 6
        assert answered(session, first) == [1, 2]
        assert printed(session, "'a cell'") == ("ok", "'a cell'")
        assert answered(session, others) == [5, 6]


def test_asks_longer_than_what_a_socket_takes_come_through(jail):
    with Session(jail, {}) as session:
        session.run(SQUARE_ROOT.format(""))
        sizes = [200_704, 4, 313_600, 302_500, 4, 202_500]  # at 8 bytes, over a megabyte each
        cases = roots(sizes)
        assert answered(session, cases) == [math.sqrt(size) for size in sizes]
        assert [case.asked for case in cases] == [1] * len(sizes)  # what is too long to go ahead is packed once and held back


def test_a_child_that_stops_to_listen_does_not_hold_the_grader_up(jail):
    deaf = "from autodiff_lib.checks import wire\nwire.receive = lambda channel: __import__('time').sleep(60)"
    with Session(jail, {}) as session:
        session.run(SQUARE_ROOT.format(""))
        session.run(deaf)
        session.ran.pop()  # so that the next child hears
        assert answered(session, roots([302_500, 4])) == ["timeout", 2]


FORKED = """
import mmap, os, time
for _ in range(6):
    if os.fork() == 0:
        x = mmap.mmap(-1, 200 * 2**20); x.write(bytes(200 * 2**20))
        time.sleep(30)
time.sleep(30)
"""
GREEDY = {
    "shared": FORKED,
    "in folders": """
import time
for number in range(48):
    open(f"/{['tmp', 'dev/shm', 'home/student'][number % 3]}/{number}", "wb").write(bytes(15 * 2**20))
x = bytearray(200 * 2**20)
time.sleep(30)
""",
    "while it talks": """
import gc, time
[one.send(b"x") for one in gc.get_objects() if type(one).__name__ == "socket" and one.fileno() > 0]
x = bytearray(800 * 2**20)
time.sleep(30)
""",
}


@pytest.mark.parametrize(
    ("where", "kinds"),
    [("a control group", ["while it talks"]), ("no control group", ["shared", "in folders", "while it talks"])],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_memory_of_all_processes_together_is_limited(where, kinds, monkeypatch, unhurried):
    limits = Limits(resident_bytes=600 * 2**20, cell_seconds=20)
    if where == "no control group":
        monkeypatch.setattr(watch, "make_group", lambda *limits: None)
    with open_jail("01_operators", limits) as jail:
        if where == "a control group" and jail.group is None:
            pytest.skip("this host lets us make no control group")
        groups = jail.group.folders if jail.group is not None else ()
        for folder in groups:
            assert folder not in unhurried.group.folders  # each jail of a process has its own
            assert {*map(str, watch.descendants(jail.process.pid))} <= {*(folder / "cgroup.procs").read_text().split()}
        for kind in kinds:
            with Session(jail, {}) as session:
                assert session.run(GREEDY[kind])["status"] == "memory", kind
        with Session(jail, {}) as session:
            assert session.run("1")["status"] == "ok"
    assert not any(folder.exists() for folder in groups)


def test_what_forked_processes_share_is_counted_once(unhurried):
    with Session(unhurried, {}) as session:
        forks = "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        time.sleep(60)\n"
        assert session.run(f"x = bytes(150 * 2**20)\n{forks}")["status"] == "ok"
        pid = unhurried.process.pid
        assert watch.taken(pid, []) - watch.taken_once(pid, []) > 4 * 150 * 2**20


@pytest.mark.parametrize(
    ("version", "membership", "wanted"),
    [
        (2, "0::/user/one\n", [("user/one", "memory.max"), ("user", "memory.max"), ("", "memory.max")]),
        (1, "9:memory:/one\n8:cpu,pids:/\n0::/\n", [("memory/one", "memory.limit_in_bytes")]),
        (1, "8:pids:/\n", []),
    ],
)
def test_control_groups_are_made_where_the_grader_is(tmp_path, monkeypatch, version, membership, wanted):
    (tmp_path / "membership").write_text(membership)
    if version == 2:
        (tmp_path / "cgroup.controllers").write_text("memory pids")
    asked = []
    monkeypatch.setattr(watch, "CONTROL_GROUPS", tmp_path)
    monkeypatch.setattr(watch, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(watch, "made", lambda parent, number, limits: asked.append((parent.relative_to(tmp_path), next(iter(limits)))))
    assert watch.make_group(0, 100, 10) is None
    assert asked == [(Path(folder), limit) for folder, limit in wanted]


def test_where_no_name_spaces_can_be_made_inside_each_submission_has_a_jail_of_its_own(monkeypatch):
    monkeypatch.setattr(jail_module, "CAPABILITIES", ("CAP_KILL",))
    with open_jail("01_operators", LIMITS) as jail:
        assert not jail.alone
        assert "name spaces" in jail.refusal
        first = jail.process.pid
        with Session(jail, {}) as session:
            assert printed(session, "import os, torch; open('/tmp/left', 'w'); os.getuid() > 0") == ("ok", "True")
            assert session.run("import socket; socket.socket()")["status"] == "error"
        assert jail.process is None
        with Session(jail, {}) as session:
            assert printed(session, "os = __import__('os'); os.listdir('/tmp')") == ("ok", "[]")
            assert jail.process.pid != first


def test_without_bubblewrap_the_grader_refuses_and_says_the_way_out(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(JailError, match="not installed(.|\n)*apt install bubblewrap(.|\n)*--no-jail"):
        jail_module.Jail("01_operators", LIMITS)
    with open_jail("01_operators", LIMITS, jailed=False) as jail, Session(jail, {"a.txt": b"here"}) as session:
        assert printed(session, "open('a.txt').read()") == ("ok", "'here'")


@pytest.mark.parametrize(
    ("uid", "restricted", "allowed", "way"),
    [
        (1000, "1", "100", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
        (1000, "0", "0", "sysctl -w user.max_user_namespaces"),
        (1000, None, "100", "Docker"),
        (0, "1", "0", "Docker"),
    ],
)
def test_where_bubblewrap_may_make_no_jail_the_grader_says_what_would_let_it(tmp_path, monkeypatch, uid, restricted, allowed, way):
    bwrap = tmp_path / "bwrap"
    bwrap.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(os, "getuid", lambda: uid)
    for name, content in (("RESTRICTED", restricted), ("ALLOWED", allowed)):
        path = tmp_path / name
        monkeypatch.setattr(jail_module, name, path)
        if content is not None:
            path.write_text(f"{content}\n")
    assert bubblewrap() is None
    with pytest.raises(JailError, match=f"uid map: Permission denied(.|\n)*{way}(.|\n)*--no-jail"):
        jail_module.Jail("01_operators", LIMITS)


def as_root_where_all_is_readable(code: str) -> str:
    """What Python prints, as root, on a host whose Python anybody may read, whoever it was installed for."""
    needed = (Path(sys.base_prefix).resolve(), Path(sys.prefix), ROOT)
    closed = {folder for path in needed for folder in path.parents if not folder.stat().st_mode & 0o001}
    inside = [path for path in needed if closed & {*path.parents}]
    between = {folder for path in inside for folder in path.parents if closed & {*folder.parents}}
    options = [option for folder in sorted(closed) for option in ("--perms", "0755", "--tmpfs", str(folder))]
    options += [option for folder in sorted(between - closed) for option in ("--perms", "0755", "--dir", str(folder))]
    options += [option for path in inside for option in ("--ro-bind", str(path), str(path))]
    command = ["bwrap", "--cap-add", "ALL", "--dev-bind", "/", "/", *options, sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(os.getuid() != 0, reason="whoever is not root has no rights to drop")
def test_without_a_jail_root_gives_a_submission_the_rights_of_an_ordinary_user():
    code = """
        from tempfile import TemporaryDirectory
        from grader.submission.jail import Session, open_jail
        from grader.submission.limits import Limits
        with open_jail("01_operators", Limits(), jailed=False) as jail, Session(jail, {"a.txt": b"here"}) as session:
            print(session.run("import os, torch; print(os.getuid(), os.geteuid(), open('a.txt').read(), torch.ones(2).sum())"))
            with TemporaryDirectory() as of_root:
                print(session.run("os.setuid(0)")["status"], session.run(f"os.listdir({of_root!r})")["status"])
            print(session.run("open('own.txt', 'w').write('x')")["status"])
    """
    seen = as_root_where_all_is_readable(code)
    assert "'64321 64321 here tensor(2.)" in seen
    assert "error error" in seen
    assert seen.endswith("ok\n")


def python(code, *before, **options):
    """Python runs code in a process of its own, from the root of the project."""
    command = [*before, sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)


@pytest.mark.skipif(os.getuid() != 0, reason="whoever is not root sees this in all tests")
def test_an_ordinary_user_has_the_same_jails():
    code = """
        from grader.submission.jail import Session, open_jail
        from tests.test_jail import EVERYWHERE, LIMITS, printed
        with open_jail("01_operators", LIMITS) as jail:
            with Session(jail, {}) as session:
                print(jail.alone, printed(session, EVERYWHERE))
                session.run("import os, resource\\nopen('left', 'w')\\nwhile os.fork(): pass")
            with Session(jail, {}) as session:
                print(printed(session, "import os; os.getuid() > 0, os.listdir(), len([p for p in os.listdir('/proc') if p.isdigit()])"))
    """
    said, _ = python(code, *AS_ORDINARY_USER).communicate()
    assert said.splitlines() == [
        """True ('ok', "(['/dev/shm', '/home/student', '/tmp'], [])")""",
        "('ok', '(True, [], 2)')",
    ]


LEFT = """
import os, time
open("left", "w").write("x"); os.makedirs("a/b"); os.chmod("a/b", 0); os.chmod("a", 0)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(300)
    os._exit(0)
os.wait()
"""


def test_without_a_jail_nothing_of_a_submission_stays_and_others_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    bystander = subprocess.Popen(["sleep", "300"])
    try:
        with open_jail("01_operators", LIMITS, jailed=False) as jail:
            with Session(jail, {}) as session:
                assert session.run(LEFT)["status"] == "ok"
                assert len(list(watch.descendants(jail.process.pid))) == 3
            assert list(watch.descendants(jail.process.pid)) == [jail.process.pid]
            with Session(jail, {}) as session:
                assert printed(session, "import os; os.listdir()") == ("ok", "[]")
                session.run("import os; os.setpriority(os.PRIO_PROCESS, os.getppid(), 5)")
            assert jail.process is None, "its priority was changed"
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("jailed", [True, False], ids=["jailed", "without a jail"])
def test_nothing_stays_when_the_grader_is_killed(jailed, tmp_path, monkeypatch):
    code = f"""
        from grader.submission.jail import Session, open_jail
        from grader.submission.limits import Limits
        from grader.submission import scratch, watch
        with scratch.folder("class"), open_jail("01_operators", Limits(), jailed={jailed}) as jail, Session(jail, {{}}) as session:
            session.run({LEFT!r})
            print(*watch.descendants(jail.process.pid), flush=True)
            session.run("while True: pass")
    """
    with python(code, env={**os.environ, "TMPDIR": str(tmp_path)}) as grader:
        pids = [int(pid) for pid in grader.stdout.readline().split()]
        assert len(pids) >= 3
        assert list(tmp_path.iterdir())
        grader.kill()
    for pid in pids:
        while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
            time.sleep(0.01)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch.folder("next") as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_in_use_is_not_swept_away_and_any_other_is_however_deep(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "of-somebody-else").mkdir()
    left = tmp_path / f"{scratch.PREFIX}left"
    left.mkdir()
    deep = os.open(left, os.O_RDONLY)
    for _ in range(3000):  # past the longest path, and deeper than Python goes
        os.mkdir("deep", dir_fd=deep)
        next_ = os.open("deep", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = next_
    os.close(deep)
    with scratch.folder("one") as one, scratch.folder("other") as other:
        assert {*tmp_path.iterdir()} == {one, other, tmp_path / "of-somebody-else"}


def test_limits_come_from_the_course_folder(tmp_path):
    assert limits_of("01_operators", tmp_path) == Limits()
    (tmp_path / "limits.toml").write_text("[default]\ncell_seconds = 5\n[01_operators]\nrestarts = 2\n")
    assert limits_of("01_operators", tmp_path) == Limits(cell_seconds=5, restarts=2)
    assert limits_of("02_evaluator", tmp_path) == Limits(cell_seconds=5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[default]\nspeed = 3", "there is no limit speed"),
        ("[default]\nrestarts = -1", "must be a positive number, got -1"),
        ("[", "is not TOML"),
        ("cell_seconds = 20", "cell_seconds is no table of limits"),
        ("default = 3", "default is no table of limits"),
        ("[01_operatrs]\ncell_seconds = 20", "01_operatrs is no table of limits; limits stand below .*01_operators"),
        ("[default]\ncell_seconds = nan", "must be a positive number, got nan"),
        ("[default]\ncell_seconds = inf", "must be a positive number, got inf"),
        (b"\xff", "is not TOML"),
    ],
)
def test_limits_that_do_not_exist_are_refused(tmp_path, text, message):
    (tmp_path / "limits.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message):
        limits_of("01_operators", tmp_path)


def test_the_doctor_finds_a_host_that_runs_these_tests_in_order():
    assert [finding for finding in doctor.examine() if finding.good is False] == []
