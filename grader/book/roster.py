"""The class list: from the table that a learning platform gives out into nbgrader's gradebook, where the formgrader reads names."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .nbgrader_adapter import opened

ENCODINGS = ("utf-8-sig", "utf-16", "cp1252")
NOBODY = re.compile(r"student, test|test student|points possible", re.IGNORECASE)  # rows of Canvas that are nobody
COLUMNS: dict[str, tuple[str, ...]] = {
    # the first of these that a table has; Canvas, Moodle, Gradescope, Autolab, nbgrader
    "id": (
        *("sis login id", "username", "login id", "student id", "sid", "id number", "student_id", "sis user id", "andrew id"),
        *("id", "email address", "email"),
    ),
    "first_name": ("first name", "firstname", "first_name", "given name", "forename", "vorname"),
    "last_name": ("last name", "lastname", "last_name", "surname", "family name", "nachname"),
    "email": ("email address", "email", "e-mail", "mail"),
    "name": ("student", "student name", "full name", "name", "fullname"),
}
NUMBER = ("id",)  # Canvas's own number of a student, by which its archives name them; where there is another column for `id`


@dataclass(frozen=True)
class Person:
    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    number: str = ""  # the platform's

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


def read(path: Path, id_column: str = "") -> list[Person]:
    """The people of a table, in its order. ValueError where it has no column by which to know them, or two rows of one id."""
    rows = table(path)
    heads = {head.strip().lower(): head for head in (rows[0] if rows else {}) if head}
    if id_column and id_column.strip().lower() not in heads:
        raise ValueError(f"{path} has no column '{id_column}'; it has {', '.join(heads.values())}")
    columns = {what: next((heads[name] for name in names if name in heads), "") for what, names in COLUMNS.items()}
    columns["id"] = heads.get(id_column.strip().lower(), columns["id"])
    if not columns["id"]:
        raise ValueError(
            f"{path} has no column by which students are known; name it with --id: {', '.join(heads.values()) or 'it is empty'}"
        )
    number = next((heads[name] for name in NUMBER if name in heads and heads[name] != columns["id"]), "")
    found: dict[str, Person] = {}
    for line, row in enumerate(rows, start=2):
        one = person(row, columns, number)
        if one is None:
            continue
        if one.id in found:
            raise ValueError(f"{path}, line {line}: a second student has the id '{one.id}'; name another column with --id")
        found[one.id] = one
    if not found:
        raise ValueError(f"{path} names no student in its column '{columns['id']}'")
    return [*found.values()]


def table(path: Path) -> list[dict[str, str]]:
    """The rows, whatever separates their cells and whatever the file is written in."""
    content = path.read_bytes()
    for encoding in ENCODINGS:
        try:
            text = content.decode(encoding)
            break
        except UnicodeError:
            continue
    else:
        raise ValueError(f"{path} is no table that can be read: save it as CSV, in UTF-8")
    if "\0" in text:
        raise ValueError(f"{path} is no text: save it as CSV, in UTF-8")
    head = text.lstrip("\ufeff\n").split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=separator)
    return [{key: value or "" for key, value in row.items() if isinstance(key, str) and not isinstance(value, list)} for row in rows]


def person(row: Mapping[str, str], columns: Mapping[str, str], number: str) -> Person | None:
    """Who a row is about; None where it is about nobody."""

    def cell(what: str) -> str:
        return row.get(columns[what], "").strip() if columns[what] else ""

    first, last, full = cell("first_name"), cell("last_name"), cell("name")
    if not cell("id") or NOBODY.fullmatch(full) or NOBODY.fullmatch(f"{last}, {first}"):
        return None
    if full and not (first or last):
        last, _, first = (
            (part.strip() for part in full.partition(",")) if "," in full else (full.rpartition(" ")[2], "", full.rpartition(" ")[0])
        )
    return Person(cell("id"), first, last, cell("email"), row.get(number, "").strip() if number else "")


def write(db_url: str, people: Iterable[Person]) -> tuple[int, int]:
    """Put them into the gradebook: how many are new, and how many were there already. What the table does not say stays."""
    new = known = 0
    with opened(db_url) as gradebook:
        there = {student.id for student in gradebook.students}
        for one in people:
            facts = {"first_name": one.first_name, "last_name": one.last_name, "email": one.email, "lms_user_id": one.number}
            gradebook.update_or_create_student(one.id, **{name: fact for name, fact in facts.items() if fact})
            known += one.id in there
            new += one.id not in there
    return new, known


def people(db_url: str) -> list[Person]:
    """Everybody whom the gradebook knows."""
    with opened(db_url) as gradebook:
        return [
            Person(one.id, one.first_name or "", one.last_name or "", one.email or "", one.lms_user_id or "") for one in gradebook.students
        ]


class Names:
    """Whom a platform means: by its number, an id, an address, or a name in whatever order and spelling."""

    def __init__(self, roster: Iterable[Person]) -> None:
        self.roster = [*roster]
        self.by: dict[str, list[Person]] = {}
        for one in self.roster:
            for key in dict.fromkeys(keys(one)):
                self.by.setdefault(key, []).append(one)

    def find(self, *, id: str = "", number: str = "", email: str = "", name: str = "") -> list[Person]:
        """Those who are meant, by the first fact that finds any; several where it does not tell them apart."""
        wanted = (
            f"number {number}" if number else "",
            f"id {id.casefold()}",
            f"mail {email.casefold()}",
            f"name {squeezed(name)}",
            f"name {squeezed(id)}",
        )
        return next((found for key in wanted if key.split(" ", 1)[-1] and (found := self.by.get(key))), [])


def keys(one: Person) -> Iterator[str]:
    yield f"id {one.id.casefold()}"
    if one.number:
        yield f"number {one.number}"
    if one.email:
        yield f"mail {one.email.casefold()}"
        yield f"id {one.email.partition('@')[0].casefold()}"
    if one.name:
        yield f"name {squeezed(one.first_name + one.last_name)}"
        yield f"name {squeezed(one.last_name + one.first_name)}"


def squeezed(name: str) -> str:
    """A name without accents, spaces, signs and capitals, as Canvas writes it into its archives."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum())
