"""Grades out: nbgrader export plugins for the gradebooks of Canvas, Moodle, Blackboard and Brightspace, and one row per question.

    nbgrader export --exporter=autograder.nbgrader_plugin.lms_export.CanvasExporter --to=grades.csv

A grade that is open (`autograder.nbgrader_plugin.grades`: not graded, crashed, waits for a person, ...) is an empty cell, never a
0. It is told on the screen and in a file beside the export, `grades.open.csv`: student, assignment, why.

Points of a bonus count in the score and not in the maximum, so a score can be above it. What each LMS then wants is said below.

In `nbgrader_config.py`, `c.LmsExporter.titles = {"hw1_log_probabilities": "Homework 1 (4711)"}` gives the name of an assignment's
column in the LMS; without it the column is named like the assignment, and the LMS offers to make a new one.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import ExportPlugin
from traitlets import Dict, Unicode

from autograder.nbgrader_plugin.grades import StudentGrade, grade_of, maximum, students_of
from autograder.notebooks.status import UnknownStatusError

OPEN_COLUMNS = ["student", "assignment", "why"]


@dataclass(frozen=True)
class Person:
    """A student as the gradebook has them. id: nbgrader's, the login name. lms_id: `nbgrader db student add --lms-user-id`."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""

    @property
    def sortable(self) -> str:
        """The name as registers have it: "Lovelace, Ada"; the id where there is no name."""
        return ", ".join(name for name in (self.last_name, self.first_name) if name) or self.id


@dataclass
class Grades:
    """What is exported. grades: (student, assignment) -> grade. maxima: assignment -> points without bonus."""

    people: list[Person]
    maxima: dict[str, float]
    grades: dict[tuple[str, str], StudentGrade] = field(default_factory=dict)

    @property
    def open(self) -> list[StudentGrade]:
        """The grades that cannot be told yet."""
        return [grade for grade in self.grades.values() if grade.reason]

    def cell(self, person: Person, assignment: str) -> str:
        """The score as LMSs read it, a decimal point and at most two digits behind it; "" while the grade is open."""
        score = self.grades[person.id, assignment].score
        return "" if score is None else number(score)


def number(value: float | None) -> str:
    """A number for a CSV file.

    >>> number(12.0), number(1 / 3), number(None)
    ('12', '0.33', '')
    """
    return "" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


class GradeExporter(ExportPlugin):
    """What all our exports share: which grades, where to, and what is told of those that are open.

    Subclasses give `rows`. A mistake (an unknown assignment or student, a file that cannot be written) is one line and exit
    code 2.
    """

    default_to = "grades.csv"
    quoting = csv.QUOTE_MINIMAL

    def rows(self, grades: Grades) -> Iterator[list[str]]:
        """The lines of the file, header first."""
        raise NotImplementedError

    def export(self, gradebook: Gradebook) -> None:
        """Write the CSV file (UTF-8 without a byte order mark, lines end in CR LF as in RFC 4180) and the list of open grades."""
        path = Path(self.to or self.default_to)
        grades = self._gather(gradebook)
        side = path.with_name(f"{path.stem}.open.csv")
        try:
            _write(path, self.rows(grades), self.quoting)
            open_rows = [[one.student, one.assignment, one.reason] for one in grades.open]
            _write(side, iter([OPEN_COLUMNS, *open_rows]), csv.QUOTE_MINIMAL)
        except OSError as error:
            self._fail(f"{error.filename} cannot be written: {error.strerror}")
        self.log.info("%d grades written to %s", len(grades.grades) - len(grades.open), path)
        if grades.open:
            self.log.warning("%d grades are open and were left empty, not 0 (also in %s):", len(grades.open), side)
            for one in grades.open:
                self.log.warning("  %s, %s: %s", one.student, one.assignment, one.reason)

    def _gather(self, gradebook: Gradebook) -> Grades:
        coursedir = getattr(self.parent, "coursedir", None) or CourseDirectory(parent=self)
        assignments = [str(name) for name in self.assignment] or sorted(one.name for one in gradebook.assignments)
        try:
            maxima = {name: maximum(gradebook, name) for name in assignments}
        except MissingEntry:
            known = ", ".join(sorted(one.name for one in gradebook.assignments)) or "none"
            self._fail(f"the gradebook does not know all of {', '.join(assignments)} (it knows: {known})")
        everybody = students_of(gradebook, coursedir, assignments)
        wanted = [str(name) for name in self.student] or everybody
        if strangers := sorted(set(wanted) - set(everybody)):
            self._fail(f"no student {', '.join(strangers)} in the gradebook or in submitted/")
        known_people = {one.id: one for one in gradebook.students}
        grades = Grades([_person(name, known_people.get(name)) for name in wanted], maxima)
        for person in grades.people:
            for name in assignments:
                try:
                    grades.grades[person.id, name] = grade_of(gradebook, coursedir, name, person.id)
                except UnknownStatusError as error:
                    self._fail(str(error))
        return grades

    def _fail(self, message: str) -> NoReturn:
        self.log.error(message)
        sys.exit(2)


def _person(name: str, known: Any) -> Person:
    if known is None:
        return Person(name)
    return Person(name, known.first_name or "", known.last_name or "", known.email or "", known.lms_user_id or "")


def _write(path: Path, rows: Iterator[list[str]], quoting: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=quoting).writerows(rows)


# LMSs ---------------------------------------------------------------------------------------------------------------------


class LmsExporter(GradeExporter):
    """One row per student, one column per assignment."""

    titles = Dict(
        value_trait=Unicode(), key_trait=Unicode(), help="assignment -> the name of its column in the LMS"
    ).tag(config=True)

    def title(self, assignment: str) -> str:
        """The name of an assignment's column."""
        return str(self.titles.get(assignment, assignment))


class CanvasExporter(LmsExporter):
    """For Canvas: Gradebook, Import.

    Columns: Student, ID, SIS User ID, SIS Login ID, Section, then one per assignment: "Title (id)" for one that is there, as in
    Canvas's own export. Under the header a row "Points Possible". A student is found by ID (here `lms_user_id`), else by SIS
    Login ID (here nbgrader's student id). An empty cell is no score; where Canvas has one already, the change is shown before
    anything is stored. Scores above the points possible are taken as they are.

    Sources: Canvas Instructor Guide, "How do I import grades in the Gradebook?"; the importer, `lib/gradebook_importer.rb` in
    github.com/instructure/canvas-lms; UTF-8 and quoting: developerdocs.instructure.com, "SIS CSV Format".
    """

    section = Unicode("", help="What stands in the column Section (Canvas does not read it).").tag(config=True)

    def rows(self, grades: Grades) -> Iterator[list[str]]:
        yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *map(self.title, grades.maxima)]
        yield ["    Points Possible", "", "", "", "", *map(number, grades.maxima.values())]
        for one in grades.people:
            scores = [grades.cell(one, name) for name in grades.maxima]
            yield [one.sortable, one.lms_id, "", one.id, self.section, *scores]


class MoodleExporter(LmsExporter):
    """For Moodle: Grades, Import, CSV file (encoding UTF-8, separator comma).

    Columns: First name, Last name, Username, ID number, Email address, then one per assignment. Moodle asks which column is
    which: map from "Username" to "username" (or from "Email address" to "useremail", from "ID number", here `lms_user_id`, to
    "useridnumber"), and each assignment to its grade item or to "new". An empty cell, like a dash, is no grade. There is no
    feedback column, on purpose: importing feedback alone would delete grades. For scores above the maximum an administrator
    sets `unlimitedgrades`.

    Sources: docs.moodle.org, "Grade import"; `grade/import/csv/classes/load_data.php` in github.com/moodle/moodle.
    """

    def rows(self, grades: Grades) -> Iterator[list[str]]:
        header = ["First name", "Last name", "Username", "ID number", "Email address"]
        yield [*header, *map(self.title, grades.maxima)]
        for one in grades.people:
            names = [one.first_name, one.last_name, one.id, one.lms_id, one.email]
            yield [*names, *(grades.cell(one, name) for name in grades.maxima)]


class BlackboardExporter(LmsExporter):
    """For Blackboard Learn: Grade Center, Work Offline, Upload (delimiter: comma).

    Columns: Last Name, First Name, Username, Student ID (here `lms_user_id`), then one per assignment. The student is found by
    Username; a column is found by the id at the end of its header as Blackboard's download has it ("Homework 1 [Total Pts: 40
    Score] |4711"; use `titles`), and is otherwise made new, as text with 0 points possible: better make it in Blackboard first.
    In comma-delimited files every value stands in quotation marks. An empty cell is no grade.

    Source: Blackboard Help for Instructors, "Uploading or Downloading Grade Center Items for Working Offline".
    """

    quoting = csv.QUOTE_ALL

    def rows(self, grades: Grades) -> Iterator[list[str]]:
        yield ["Last Name", "First Name", "Username", "Student ID", *map(self.title, grades.maxima)]
        for one in grades.people:
            scores = [grades.cell(one, name) for name in grades.maxima]
            yield [one.last_name, one.first_name, one.id, one.lms_id, *scores]


class BrightspaceExporter(LmsExporter):
    """For Brightspace (D2L): Grades, Enter Grades, Import.

    Columns: OrgDefinedId (here `lms_user_id`), Username, one per assignment named as the grade item followed by " Points Grade",
    and End-of-Line Indicator, which is "#" in each row. Username or OrgDefinedId must be there. An empty cell is no grade.
    Brightspace cuts a score at the maximum unless the grade item has "Can Exceed" set: set it where there is a bonus.

    Source: Brightspace Community, "Importing grades" (community.d2l.com/brightspace/kb/articles/3538-importing-grades), and the
    Grades_Sample_Import_File.csv which it refers to.
    """

    def rows(self, grades: Grades) -> Iterator[list[str]]:
        items = [f"{self.title(name)} Points Grade" for name in grades.maxima]
        yield ["OrgDefinedId", "Username", *items, "End-of-Line Indicator"]
        for one in grades.people:
            yield [one.lms_id, one.id, *(grades.cell(one, name) for name in grades.maxima), "#"]


# Questions ----------------------------------------------------------------------------------------------------------------


class QuestionExporter(GradeExporter):
    """One row per student and question, for spreadsheets and statistics.

    score: automatic or by hand, with extra credit; empty while the question is open (then `why_open` says why). max_score counts
    the question's own points; `bonus` is yes where they come on top. late_penalty: points that the whole notebook loses, repeated
    in each of its rows. seconds: what the answer took to grade. misconception: the known mistake that was recognised.
    """

    default_to = "questions.csv"
    COLUMNS = (
        "student", "last_name", "first_name", "assignment", "notebook", "question", "kind", "bonus", "status", "score",
        "max_score", "auto_score", "manual_score", "extra_credit", "late_penalty", "misconception", "seconds", "why_open",
    )  # fmt: skip

    def rows(self, grades: Grades) -> Iterator[list[str]]:
        yield list(self.COLUMNS)
        people = {one.id: one for one in grades.people}
        for grade in grades.grades.values():
            person = people[grade.student]
            for one in grade.questions:
                values = {
                    "student": person.id,
                    "last_name": person.last_name,
                    "first_name": person.first_name,
                    "assignment": grade.assignment,
                    "notebook": one.notebook,
                    "question": one.name,
                    "kind": "written" if one.written else "code",
                    "bonus": "yes" if one.bonus else "no",
                    "status": one.status,
                    "score": number(one.score),
                    "max_score": number(one.max_score),
                    "auto_score": number(one.auto_score) if one.score is not None else "",
                    "manual_score": number(one.manual_score),
                    "extra_credit": number(one.extra_credit),
                    "late_penalty": number(grade.late_penalties.get(one.notebook)),
                    "misconception": one.misconception,
                    "seconds": number(one.seconds),
                    "why_open": one.open,
                }
                yield [values[name] for name in self.COLUMNS]
