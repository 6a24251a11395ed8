"""How learning platforms name what they give back: whose it is, which attempt, whether late.

One name decides, that of the file or folder which the platform made; what a student named inside of it decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import yaml

from autodiff_lib.units import UNITS

METADATA = "submission_metadata.yml"
STAMP = r"(?P<time>\d{8}T\d{6}Z)"
UNIT = "|".join(map(re.escape, sorted(UNITS, key=len, reverse=True)))


@dataclass(frozen=True)
class Sender:
    """What a name says. Whatever it does not say is empty."""

    scheme: str
    id: str = ""  # the student, as the platform's own files name them
    name: str = ""  # in full
    number: str = ""  # the platform's number of the student
    attempt: int = 0
    time: datetime | None = None
    late: bool = False
    unit: str = ""
    original: str = ""  # the name that the student gave the file
    email: str = ""
    others: tuple[str, ...] = field(default=())  # who handed in together with them


SCHEMES: dict[str, re.Pattern[str]] = {
    "Gradescope": re.compile(r"submission_(?P<number>\d+)"),
    "Moodle": re.compile(r"(?P<name>[^/]+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<original>.*)"),
    "Canvas": re.compile(r"(?P<id>[^_/]+)_(?P<late>LATE_)?(?P<number>\d+)_\d+_(?P<original>.+)"),
    "Autolab": re.compile(r"(?P<id>[^/@]+@[^/_]+)_(?P<attempt>\d+)_(?P<original>.+)"),
    "nbgrader": re.compile(
        rf"(?P<id>[^/+]+)\+(?P<unit>{UNIT})\+(?P<time>\d{{4}}-\d\d-\d\d \d\d[:_]\d\d[:_]\d\d(?:\.\d+)? UTC)(?:\+[^/]*)?"
    ),
    "this course": re.compile(rf"(?P<unit>{UNIT})_(?P<id>.+?)(?:_{STAMP})?(?: ?\((?P<attempt>\d+)\))?\.zip", re.IGNORECASE),
}
"""Scheme -> what a name of it looks like, whole. Tried in this order: the narrow ones first."""

AGAIN = re.compile(r"^(?P<stem>.+?)(?:-(?P<dash>\d{1,2})| ?\((?P<braces>\d{1,2})\))(?P<suffix>\.[A-Za-z0-9.]+)$")
"""A second upload of one name: `operators-1.ipynb` as Canvas writes it, `operators (1).ipynb` as browsers do."""


def sender(name: str) -> Sender | None:
    """What the name of a file or a folder says of whose it is; None where it follows no scheme."""
    for scheme, pattern in SCHEMES.items():
        if (found := pattern.fullmatch(name)) is None:
            continue
        said = found.groupdict()
        original = said.get("original") or ""
        attempt = int(said["attempt"]) if said.get("attempt") else 0
        if scheme == "Canvas" and (again := AGAIN.match(original)) is not None and again["dash"]:
            attempt = int(again["dash"]) + 1
        if scheme == "Moodle" and re.fullmatch(r"Participant( \d+)?", said["name"]):
            said["name"] = ""
        return Sender(
            scheme,
            id=said.get("id") or "",
            name=said.get("name") or "",
            number=said.get("number") or "",
            attempt=attempt,
            time=time_of(said.get("time") or ""),
            late=bool(said.get("late")),
            unit=unit_named(said.get("unit") or ""),
            original=original,
            email=said["id"] if scheme == "Autolab" else "",
        )
    return None


def unit_named(text: str) -> str:
    return next((unit for unit in UNITS if unit.lower() == text.lower()), "")


def time_of(text: str) -> datetime | None:
    """A moment as a scheme writes it, in UTC; None where it is none."""
    text = text.replace("_", ":")
    for form in ("%Y%m%dT%H%M%SZ", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S.%f UTC"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def of_gradescope(content: bytes) -> dict[str, Sender]:
    """Folder -> who handed it in, from the file that Gradescope puts beside the folders. ValueError where it is not such a file."""
    try:
        read = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{METADATA} is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(read, Mapping):
        raise ValueError(f"{METADATA} holds no list of submissions")
    found = {}
    for folder, facts in read.items():
        if not isinstance(facts, Mapping):
            continue
        people = [person for person in listed(facts.get(":submitters")) if isinstance(person, Mapping)]
        if not people:
            continue
        first, *others = people
        earlier = listed(facts.get(":history"))
        time = facts.get(":created_at")
        found[str(folder)] = Sender(
            "Gradescope",
            id=text_of(first, ":sid"),
            name=text_of(first, ":name"),
            email=text_of(first, ":email"),
            attempt=len(earlier) + 1 if earlier else 0,
            time=(time if time.tzinfo else time.replace(tzinfo=UTC)) if isinstance(time, datetime) else None,
            others=tuple(text_of(person, ":sid") or text_of(person, ":email") or text_of(person, ":name") for person in others),
        )
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def text_of(person: Mapping[Any, Any], key: str) -> str:
    value = person.get(key)
    return "" if value is None else str(value).strip()
