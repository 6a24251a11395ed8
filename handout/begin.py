"""Starts the course; the first time, and when a newer handout was unpacked over this one, it makes the environment in .venv.

Called by start.sh (Linux), start.command (macOS) and start.bat (Windows). It uses Python's own library alone.
"""

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
DONE = VENV / "installed.txt"
LEAST = (3, 11)


def run(*words) -> bool:
    print("  " + " ".join(map(str, words)), flush=True)
    return subprocess.run(list(map(str, words)), cwd=HERE).returncode == 0


def wheel() -> Path:
    found = sorted(HERE.glob("autodiff_course-*.whl"))
    if not found:
        sys.exit(f"There is no autodiff_course-....whl in {HERE}: unpack the whole handout, then start again.")
    return found[-1]


def version(library) -> str:
    """Of what is to be installed."""
    return hashlib.sha256(library.read_bytes() + (HERE / "constraints.txt").read_bytes()).hexdigest()


def install(library) -> None:
    print("Making the environment of the course in .venv. This takes some minutes, once.", flush=True)
    if sys.version_info < LEAST:
        sys.exit(f"Python {'.'.join(map(str, LEAST))} or newer is needed; this is {platform.python_version()}, at {sys.executable}.")
    if not PYTHON.exists() and not run(sys.executable, "-m", "venv", VENV):
        sys.exit("No environment can be made. On Debian and Ubuntu: sudo apt install python3-venv. Then start again.")
    wanted = ("--constraint", "constraints.txt", library.name)
    if not (sys.platform == "linux" and without_cuda(wanted)) and not run(PYTHON, "-m", "pip", "install", *wanted):
        sys.exit("The installation stopped; what pip says above tells why. Once it is mended, start again: it goes on from here.")
    if not run(PYTHON, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", library.name):
        sys.exit("The course's own library could not be installed; what pip says above tells why.")
    DONE.write_text(version(library), encoding="utf-8")


def without_cuda(wanted) -> bool:
    """On Linux, pip takes a torch with three gigabytes of CUDA, which this course does not use; uv can ask for the one without."""
    if run(PYTHON, "-m", "pip", "install", "--quiet", "uv") and run(
        PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON, "--torch-backend", "cpu", *wanted
    ):
        return True
    print("The small torch cannot be had from here; pip goes on with the large one, of three gigabytes.", flush=True)
    return False


def main() -> None:
    library = wheel()
    if not DONE.exists() or DONE.read_text(encoding="utf-8") != version(library):
        install(library)
    words = [str(PYTHON), "-m", "autodiff_lib.student", "start", *sys.argv[1:]]
    if os.name == "nt":
        sys.exit(subprocess.call(words, cwd=HERE))
    os.chdir(HERE)
    os.execv(words[0], words)


if __name__ == "__main__":
    main()
