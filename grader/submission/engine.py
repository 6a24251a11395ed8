"""One submission from its cells to verdicts: jail, judge."""

from __future__ import annotations

import hashlib
import itertools
import logging
import re
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import torch

from autodiff_lib import __version__
from autodiff_lib.checks import questions as public_questions
from autodiff_lib.checks.forms import Contest
from autodiff_lib.checks.judge import FAILED, judge
from autodiff_lib.checks.known import Known, known_of, told_again
from autodiff_lib.checks.question import Answer, Case, Failure, PartVerdict, Question, Reason, Verdict
from autodiff_lib.checks.ready_made import Look, refused
from autodiff_lib.units import UNITS, needed, room

from ..book.nbgrader_course import ROOT, own_cells
from . import hidden, intake
from .jail import AHEAD, Jail, Session, note
from .patience import ImpatienceError, patience

# where a judge itself fails, whoever grades sees the traceback
logging.getLogger("autodiff_lib").addHandler(logging.lastResort or logging.StreamHandler())

LOG = logging.getLogger("grader")
ENDLESS = "an answer takes too long to judge"
PACE = Path(__file__).with_name("pace.py")
MAX_HINT = 600  # characters
MAX_ERROR = 300  # characters
DECIDES = ("units/__init__.py", "submission/*.py")  # of the grader: what points depend on
SHOWS = {  # modules of the library on which no point depends: what is drawn, said, and done in a notebook alone
    *("address_drawing", "check", "figures", "grading", "graph_drawing", "predictions", "step_drawing", "stepping"),
    *("tape_drawing", "tape_stepping", "timing", "weight_files"),
    *("checks/check", "checks/diagnosis", "checks/known", "checks/report", "checks/session", "checks/ungraded"),
    *("kinds/beside", "kinds/steps"),
}
ASIDE = {"hunt.py", "further.py", "__main__.py"}  # of a unit's folder: what is tried, and earns no points
SAID_OF_HIDDEN: dict[Reason, str] = {
    "missing": "Your code says that it is not done, on a case that the notebook does not show.",
    "error": "Your code raised an exception on a case that the notebook does not show.",
    "timeout": "Your code took too long on a case that the notebook does not show.",
    "memory": "Your code took too much memory on a case that the notebook does not show.",
    "killed": "Your code ended its process on a case that the notebook does not show.",
    "tampered": "The answer did not have the form that a probe gives it.",
    "unanswered": FAILED,
}


Measured = dict[str, dict[str, float]]
"""What was measured of a submission: key of the case -> the facts of the answer."""


@dataclass
class Outcome:
    """A cell as it ran: its source, how it ended, and its outputs in nbformat's form."""

    cell: intake.Cell
    status: str
    outputs: list[dict[str, Any]]


@dataclass
class Result:
    """Everything that is known of a submission once it is graded."""

    unit: str
    verdicts: dict[str, Verdict]
    repairs: list[str]
    outcomes: list[Outcome]
    jailed: bool
    problem: str = ""
    in_words: dict[str, str] = field(default_factory=dict)  # answers for a person to read, by grade_id
    seconds: dict[str, float] = field(default_factory=dict)  # stage -> time it took
    flags: list[str] = field(default_factory=list)  # what a person should look at; no points depend on it
    measured: Measured = field(default_factory=dict)

    @property
    def points(self) -> float:
        return sum(verdict.points for verdict in self.verdicts.values())

    @property
    def ungraded(self) -> list[str]:
        """Questions that have no verdict."""
        return [name for name, verdict in self.verdicts.items() if verdict.reason == "unanswered"]

    @property
    def waiting(self) -> str:
        """Why some of it is ungraded: the whole for one reason, or each question for its own."""
        return why_ungraded(self.problem, {name: told_of(self.verdicts[name]).message for name in self.ungraded})

    @property
    def broken(self) -> dict[str, str]:
        """Exercises that are not there because their cell does not run: the last line of the error, as `SyntaxError: invalid syntax`."""
        found = {}
        for outcome in self.outcomes:
            errors = [said_of(output) for output in outcome.outputs if output["output_type"] == "error"]
            for name in outcome.cell.exercises if errors else ():
                if name in self.verdicts and self.verdicts[name].reason == "missing":
                    found[name] = errors[-1]
        return found


def said_of(output: Mapping[str, Any]) -> str:
    """The last line of an error; of a syntax error, which names a file that nobody has, the line of the cell."""
    return re.sub(r"\(<[^>]*>, line (\d+)\)", r"(line \1 of the cell)", f"{output['ename']}: {output['evalue']}")[:MAX_ERROR]


def key_of(unit: str, question: str, case: Case) -> str:
    """Under which the measurement of a case is kept: as long as this is the same, it need not be measured again."""
    return hashlib.sha256(f"{timing_hash(unit)}\n{question}\n{case.name}".encode()).hexdigest()[:16]


@cache
def timing_hash(unit: str) -> str:
    """Of what decides on a time that is measured, beside the submission."""
    library = ROOT / "autodiff_lib"
    files = [*sorted((library / "kinds" / "speed").glob("*.py")), library / "units" / room(unit) / "truth.py", PACE]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@cache
def question_hash(unit: str, name: str, secret: str = "") -> str:
    """Of a question's points, its public and hidden cases, and the modules that judge it."""
    secret = secret or hidden.secret()
    questions = (public_questions(unit)[name], hidden.questions(unit, secret)[name])
    cases = [f"{part.name}/{part.points}/{case.name}" for question in questions for part in question.parts for case in part.cases]
    return hashlib.sha256("\n".join([secret, code_hash(unit), *cases]).encode()).hexdigest()[:12]


@cache
def code_hash(unit: str) -> str:
    """Of everything that decides on a unit's points, but for limits and cases."""
    total = hashlib.sha256()
    for path in decisive(unit):
        total.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return total.hexdigest()


def decisive(unit: str) -> list[Path]:
    """The files that decide on a unit's points: what all units have in common, its own, and those of the units that it needs."""
    library = ROOT / "autodiff_lib"
    common = [path for pattern in ("*.py", "checks/*.py", "kinds/**/*.py", "units/__init__.py") for path in library.glob(pattern)]
    found = [path for path in common if str(path.relative_to(library).with_suffix("")) not in SHOWS]
    found += [path for pattern in DECIDES for path in (ROOT / "grader").glob(pattern)]
    found += [ROOT / "grader" / "units" / room(unit) / "hidden.py", ROOT / "release" / unit / UNITS[unit].notebook]
    for name in (*needed(unit), unit):
        own = (library / "units" / room(name)).glob("*.py")
        found += [*(path for path in own if path.name not in ASIDE), ROOT / "source" / name / UNITS[name].notebook]
    return sorted(found)


def version(unit: str) -> str:
    """Of the grader and the unit's questions: a grade made by another version may differ."""
    hashes = "".join(question_hash(unit, name, hidden.secret()) for name in public_questions(unit))
    return f"{__version__}-{hashlib.sha256(hashes.encode()).hexdigest()[:12]}"


@contextmanager
def one_thread() -> Iterator[None]:
    """While open, torch has one thread: the judge's tensors are small, and jails need the other cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@one_thread()
def grade(submission: intake.Submission, jail: Jail, told: Collection[str], clock: Clock, before: Measured | None = None) -> Result:
    """Grade what intake made of a submission. JailError where the jail itself cannot work.

    `told` are the mistakes that an earlier feedback has named: made again, they get a more direct hint. `before` is
    what was measured of the same submission: it is not measured again.
    """
    unit = submission.unit
    questions = public_questions(unit)
    if submission.problem:
        verdicts = {name: unanswered(question, submission.problem) for name, question in questions.items()}
        return Result(unit, verdicts, submission.repairs, [], jail.jailed, submission.problem, {}, clock.laps)
    seen = submission.look
    with Session(jail, submission.files) as session:
        session.alive()
        clock.lap("kernel")
        outcomes = run_cells(session, submission)
        clock.lap("cells")

        measured: Measured = {}

        def contest(question: str, case: Case) -> Answer:
            key = key_of(unit, question, case)
            answer = Answer(facts=before[key]) if before and key in before else in_turns(case, session, jail)
            if answer.problem is None and any(answer.facts.values()):
                measured[key] = answer.facts
            return answer

        to_come = deque[Case]()  # in the order in which they will be asked

        def answers(question: str, cases: Sequence[Case]) -> Iterator[Answer]:
            for _ in cases:
                to_come.popleft()
            then = list(itertools.takewhile(is_untimed, itertools.islice(to_come, AHEAD)))
            given = session.answers([*filter(is_untimed, cases)], then)
            for case in cases:
                with waiting():
                    answer = next(given) if case.form.contest is None else contest(question, case)
                clock.lap("probes" if case.form.contest is None else "timing")
                yield answer
                clock.lap("judge")

        def ask(question: Question, known: Sequence[Known] = ()) -> Verdict:
            return judge(question, partial(answers, question.name), known)

        verdicts = {}
        final: dict[str, Verdict] = {}
        try:
            with patience() as waiting:
                open_ones = {name: one for name, one in questions.items() if name not in submission.beyond and name not in seen.findings}
                to_come.extend(cases_of(open_ones.values()))
                for name, question in questions.items():
                    if name in submission.beyond:
                        verdicts[name] = unanswered(question, submission.beyond[name])
                    elif name in seen.findings:
                        verdicts[name] = refused(question, seen.findings[name])
                    else:
                        verdicts[name] = told_again(ask(question, known_of(unit, name)), told)
                every = hidden.questions(unit, hidden.secret())
                secret = {name: passed_parts(every[name], verdict) for name, verdict in verdicts.items()}
                to_come.extend(cases_of(secret.values()))  # all that is public has been asked: no hidden number can show there
                for name, verdict in verdicts.items():
                    final[name] = both(verdict, ask(secret[name])) if secret[name].parts else verdict
        except ImpatienceError:
            LOG.error("%s: the judge has not come to an end; what it had not judged is left open", unit)
        verdicts = {name: final.get(name) or unanswered(question, ENDLESS) for name, question in questions.items()}
        clock.lap("judge")
    clock.lap("wipe")
    flags = [*seen.flags, *unseen(verdicts, seen)]
    return Result(unit, verdicts, submission.repairs, outcomes, jail.jailed, "", submission.in_words, clock.laps, flags, measured)


def is_untimed(case: Case) -> bool:
    return case.form.contest is None


def cases_of(questions: Iterable[Question]) -> Iterator[Case]:
    """In the order in which they are asked."""
    return (case for question in questions for part in question.parts for case in part.cases)


def in_turns(case: Case, session: Session, jail: Jail) -> Answer:
    """The answer to a case that is timed: the student's function and one of ours, in a jail beside this one, alone on the machine."""
    with Session(jail.beside(), {}) as ours:
        ours.alive()
        with jail.pace.alone(jail.processes() | jail.beside().processes()):
            return cast(Contest, case.form.contest)(case, session.timed, ours.timed, jail.limits.timing_seconds)


def unseen(verdicts: dict[str, Verdict], seen: Look) -> list[str]:
    """A flag for each exercise that earned points although nobody has seen where it is defined."""
    found = [name for name, verdict in verdicts.items() if verdict.points and name not in seen.defined]
    return [f"{name} came into the table in a way that cannot be followed from the code" for name in found]


class Clock:
    """Seconds of each stage; a stage may come several times."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.start = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.laps[stage] = self.laps.get(stage, 0) + now - self.start
        self.start = now


IMPORT_FAILED, NOT_DEFINED = {"ImportError", "ModuleNotFoundError"}, {"NameError"}


def run_cells(session: Session, submission: intake.Submission) -> list[Outcome]:
    """Run all cells in order; then, once more, those that failed because something was defined only later.

    The unit's own setup comes first, so that a damaged setup cell of the student's costs nothing. Its experiments,
    to look at while one learns, are left out.
    """
    outcomes: list[Outcome] = []
    texts: list[str] = []  # as they ran
    absent: dict[str, None] = {}  # modules, in their order
    setup = own_cells(submission.unit)
    experiments = intake.experiments(submission.unit)
    for text in setup:
        session.run(text, given=True)
    for cell in submission.cells:
        if intake.squeezed(cell.source) in experiments:
            outcomes.append(Outcome(cell, "ok", [note("An experiment of the unit: it is not run while grading.\n")]))
            texts.append(cell.source)
            continue
        ran, text = run_without_imports(session, cell.source, absent)
        outcomes.append(Outcome(cell, ran["status"], ran["outputs"]))
        texts.append(text)
    if not any(outcome.status == "ok" and intake.squeezed(outcome.cell.source) == intake.squeezed(setup[0]) for outcome in outcomes):
        submission.repairs.append("the setup cell was changed, missing or failed; the unit's own setup was run first")
    if absent:
        listed = [module[:60] for module in absent][:8] + ([f"{len(absent) - 8} more"] if len(absent) > 8 else [])
        submission.repairs.append(f"the import of {', '.join(listed)} was allowed to fail")
    mended = []
    for failed, text in zip(outcomes, texts, strict=True):
        if has_failed(failed.outputs, NOT_DEFINED):
            again = session.run(text)
            if again["status"] == "ok":
                failed.status, failed.outputs = again["status"], again["outputs"]
                mended.append(failed)
    if mended:
        names = sorted({exercise for one in mended for exercise in one.cell.exercises})
        detail = f" ({', '.join(names)})" if names else ""
        submission.repairs.append(f"{len(mended)} cells stood before what they need and were run again at the end{detail}")
    return outcomes


def run_without_imports(session: Session, text: str, absent: dict[str, None]) -> tuple[dict[str, Any], str]:
    """Run a cell; where an import of it fails, once more without what is not here, and that is noted in `absent`.

    What came of it, and its text as it ran.
    """
    ran = session.run(text)
    if not has_failed(ran["outputs"], IMPORT_FAILED):
        return ran, text
    softened, modules = intake.with_imports_that_may_fail(text)
    again = session.run(softened) if modules else ran
    if has_failed(again["outputs"], IMPORT_FAILED):  # it was another one, inside of what it calls
        return ran, text
    absent.update(dict.fromkeys(modules))
    return again, softened


def has_failed(outputs: list[dict[str, Any]], errors: set[str]) -> bool:
    return any(output.get("ename") in errors for output in outputs)


# --- verdicts, before anybody sees them


def why_ungraded(problem: str, messages: Mapping[str, str]) -> str:
    """In words: the problem that a whole submission has, or else what is said of each question that has no verdict."""
    if problem or not messages:
        return problem
    names: dict[str, list[str]] = {}
    for name, message in messages.items():
        names.setdefault(message, []).append(name)
    return " ".join(f"{', '.join(listed)}: {message}" for message, listed in names.items()).removesuffix(".")


def told_of(verdict: Verdict) -> Failure:
    """The failure that gives a verdict its reason; an empty one where all has passed."""
    failures = (part.failure for part in verdict.parts if part.failure is not None and part.failure.reason == verdict.reason)
    return next(failures, Failure("", "passed", ""))


def unanswered(question: Question, problem: str) -> Verdict:
    return without_points(question.name, question.number, question, "unanswered", f"Nothing could be graded: {problem}.")


def without_points(name: str, number: int, question: Question, reason: Reason, message: str) -> Verdict:
    failure = Failure("all cases", reason, message)
    parts = tuple(PartVerdict(part.name, 0, part.points, 0, len(part.cases), failure) for part in question.parts)
    return Verdict(name, number, parts)


def passed_parts(question: Question, verdict: Verdict) -> Question:
    """The parts of a question that have earned points so far, all or some."""
    passed = {part.part for part in verdict.parts if part.points}
    return replace(question, parts=tuple(part for part in question.parts if part.name in passed))


def both(public: Verdict, secret: Verdict) -> Verdict:
    """A part keeps no more points than its hidden cases earn; what failed there alone is told without its data."""
    found = {part.part: part for part in secret.parts}
    parts = []
    for part in public.parts:
        other = found.get(part.part)
        if other is None:
            parts.append(part)
            continue
        passed, cases = part.passed + other.passed, part.cases + other.cases
        kept = part.failure is not None and other.reason != "unanswered"
        failure = part.failure if kept else without_data(other.failure)
        parts.append(replace(part, points=min(part.points, other.points), failure=failure, passed=passed, cases=cases))
    return replace(public, parts=tuple(parts))


def without_data(failure: Failure | None) -> Failure | None:
    if failure is None:
        return None
    message = SAID_OF_HIDDEN.get(failure.reason, "Your answer is wrong on a case that the notebook does not show.")
    hint = "" if re.search(r"\d", failure.hint) else failure.hint[:MAX_HINT]  # a number in it could be the case's
    return Failure(f"{failure.case} (hidden)", failure.reason, message, hint, hidden=True)
