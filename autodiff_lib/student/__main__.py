"""`autodiff-course`: start, status, check, submit. It needs no more than the notebooks do."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from . import checking, handing_in, lab, standing, terminal
from .checking import PASSED
from .place import checked_id, find


def main(words: Sequence[str] | None = None) -> int:
    options, more = parser().parse_known_args(words)
    if more and options.command != "start":
        parser().error(f"unrecognized arguments: {' '.join(more)}")
    return terminal.done(lambda: COMMANDS[options.command](options, more))


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="autodiff-course", description="The course on your machine. Run it in the folder of the handout.")
    commands = top.add_subparsers(dest="command", required=True)
    started = "JupyterLab on your own copy of the notebooks, opened at START. It never overwrites what you have written."
    commands.add_parser("start", help=started, description=f"{started} Further options go to JupyterLab, as --no-browser.")
    status = commands.add_parser("status", help="How far you are in each unit, and what to do next.")
    status.add_argument("--json", action="store_true", help="As JSON, and nothing else.")
    status.add_argument("--but", metavar="UNIT", default="", help="Leave a unit out, as 01_operators.")
    check = commands.add_parser(
        "check",
        help="Run a unit's notebook on a fresh kernel and ask its checks.",
        description="Exit code 0: all is right; 1: something is not; 2: it could not be done.",
    )
    check.add_argument("unit", metavar="UNIT", help="as 01_operators")
    check.add_argument("question", metavar="QUESTION", nargs="?", help="one exercise, as div, or a group of some, with whole reports")
    submit = commands.add_parser("submit", help="Check a unit, pack it with a receipt, and hand it in.")
    submit.add_argument("unit", metavar="UNIT", help="as 01_operators")
    submit.add_argument("--as", dest="student", metavar="NAME", default="", help="your name in the course; kept for the next time")
    return top


def start(options: argparse.Namespace, more: Sequence[str]) -> int:
    return lab.start(find(Path.cwd()), more)


def status(options: argparse.Namespace, more: Sequence[str]) -> int:
    place = find(Path.cwd())
    found = []
    for one in standing.standings(place, lambda unit: print(f"looking at {unit} ...", file=sys.stderr, flush=True), options.but):
        found.append(one)
        if not options.json:
            print(standing.line(one), flush=True)
    print(json.dumps([asdict(one) for one in found]) if options.json else standing.next_step(found))
    return PASSED


def check(options: argparse.Namespace, more: Sequence[str]) -> int:
    return checking.check(find(Path.cwd()).notebook(options.unit), options.unit, options.question)


def submit(options: argparse.Namespace, more: Sequence[str]) -> int:
    place = find(Path.cwd())
    student = checked_id(handing_in.student_name(place, options.student))
    handing_in.submit(place, options.unit, student, lambda line: print(line, flush=True))
    return PASSED


COMMANDS = {"start": start, "status": status, "check": check, "submit": submit}


if __name__ == "__main__":
    sys.exit(main())
