"""The class report of a small graded class: its numbers, its privacy, its escaping, and how it looks in a browser."""

from __future__ import annotations

import re
import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

import courses
import nbformat
import pytest
from bs4 import BeautifulSoup
from courses import ASSIGNMENT, NOTEBOOK, release_of, solved, submit

from autograder.commands.report import write_report
from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from autograder.notebooks.verdict import NotebookRecord
from exercises import as_solution, find

pytestmark = pytest.mark.slow(40)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

MISTAKE = next(name for name, one in find("logsumexp").misconceptions.items() if one.core)
WRONG = as_solution(find("logsumexp").misconceptions[MISTAKE].answer, "logsumexp")
OTHER = as_solution(next(iter(find("logsumexp").accepted.values())), "logsumexp")
EVIL = "eve<img src=x onerror=alert(1)>"
STUDENTS = ["adalbert", "bertrand", "cornelia", "dorothea", "empty", "nobody", EVIL]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """Two who are equal and right, two with the same mistake, one untouched, one without a file, one with an evil name."""
    course = courses.make(tmp_path_factory.mktemp("report"))
    for student in ("adalbert", "bertrand"):
        submit(course, student, solved(course))
    for number, student in enumerate(("cornelia", "dorothea")):
        nb = solved(course, logsumexp=WRONG)
        nb.cells[-1].source = f"Because, {number}."
        submit(course, student, nb)
    submit(course, "empty", release_of(course))
    submit(course, "nobody", None)
    nb = solved(course, logsumexp=OTHER)
    nb.cells[-1].source = "Another reason."
    submit(course, EVIL, nb)
    assert course.grade(ASSIGNMENT, workers=1, unsandboxed=True) == []
    _add_note_and_flag(course, EVIL)
    return course


def _add_note_and_flag(course: Classroom, student: str) -> None:
    path = course.folder("autograded", ASSIGNMENT, student) / f"{NOTEBOOK}.ipynb"
    nb = nbformat.read(path, as_version=4)
    record = NotebookRecord.of(nb)
    assert record is not None
    record.notes.append("Cell <script>alert(2)</script> was changed.")
    next(cell for cell in record.cells if cell.max_points).flags.append("look at <b>getattr</b>")
    record.store(nb)
    path.chmod(0o644)
    nbformat.write(nb, path)


@pytest.fixture(scope="module")
def report(course: Classroom) -> Path:
    return write_report(course, ASSIGNMENT)


@pytest.fixture
def page(report: Path) -> BeautifulSoup:
    return BeautifulSoup(report.read_text(encoding="utf-8"), "html.parser")


def words(element) -> str:
    return " ".join(element.get_text(" ").split())


def section(page: BeautifulSoup, heading: str):
    return next(part for part in page.find_all("section") if words(part.find("h2")) == heading)


def reason(page: BeautifulSoup, title: str) -> str:
    rows = section(page, "Needs a TA").find_all("details")
    return next((words(row) for row in rows if words(row.find("b")) == title), "")


# Numbers -----------------------------------------------------------------------------------------------------------------


def test_it_is_one_file_with_its_pictures_beside_it(report: Path, course: Classroom) -> None:
    assert report == course.root / "reports" / ASSIGNMENT / "report.html"
    for name in ("grades.png", "exercises.png"):
        assert (report.parent / name).read_bytes().startswith(b"\x89PNG")
    html = report.read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|iframe|object)\b|@import|url\(\s*['\"]?http|(src|href)=['\"]http", html)
    assert "default-src 'none'" in html


def test_mean_and_median_are_those_of_the_class(page: BeautifulSoup, course: Classroom) -> None:
    scores = [s.points for s in course.results(ASSIGNMENT) if s.status != "missing"]
    caption = words(section(page, "Grades").find("figcaption"))
    assert f"Mean {round(statistics.fmean(scores), 2):g} " in caption
    assert f"median {round(statistics.median(scores), 2):g} " in caption
    assert "6 students" in caption
    assert "Automatic points only" in caption  # W1 waits
    assert "1 without a notebook that could be read" in caption
    alt = section(page, "Grades").find("svg")["aria-label"]
    assert alt.startswith("Histogram of the scores of 6 students")
    assert f"Mean {round(statistics.fmean(scores), 2):g}" in alt


def test_the_table_of_exercises(page: BeautifulSoup) -> None:
    rows = {
        words(row.find("th")): [words(cell) for cell in row.find_all("td")]
        for row in page.select("tbody tr")
        if row.find("code")
    }
    assert list(rows) == list(courses.EXERCISES)
    assert rows["logsumexp"][0] == "50 %"  # three of six
    assert rows["log_sigmoid"][0] == "83 %"
    assert all(re.fullmatch(r"[+-][01]\.\d\d", row[2]) for row in rows.values())


def test_misconceptions_with_hint_and_students(page: BeautifulSoup) -> None:
    (row,) = section(page, "Misconceptions").find_all("details")
    assert words(row.find("summary")) == f"logsumexp : {MISTAKE} 2"
    assert words(row.find("blockquote")) == " ".join(find("logsumexp").misconceptions[MISTAKE].hint.split())
    assert len(re.findall(r"student \d\d", words(row))) == 2


def test_statuses_are_counted(page: BeautifulSoup) -> None:
    rows = {words(row.find("th")): words(row.find("td")) for row in section(page, "Statuses").find_all("tr")}
    assert rows.pop("passed") == "3"
    assert rows.pop("missing") == "1"
    assert sum(map(int, rows.values())) == 3


def test_who_needs_a_ta_and_why(page: BeautifulSoup) -> None:
    assert "was handed in" in reason(page, "missing")
    assert "was changed." in reason(page, "notes of the grader")
    assert "look at <b>getattr</b>" in reason(page, "perhaps by forbidden means")
    assert reason(page, "written answers to grade").endswith("W1: 5 students")  # an untouched one has its 0 already


def test_pairs_that_are_always_equal(page: BeautifulSoup) -> None:
    rows = [words(row) for row in section(page, "Always equal").select("tbody tr")]
    assert len(rows) == 1
    assert re.fullmatch(r"student \d\d and student \d\d 3 \d+", rows[0])


def test_checks_that_tell_nobody_apart(page: BeautifulSoup) -> None:
    nobody, everybody = section(page, "Checks that tell nobody apart").find_all("details")
    total = sum(len(find(name).checks) for name in courses.EXERCISES)
    assert words(nobody.find("summary")) == f"Nobody passes 0 of {total}"
    assert "(5 attempts)" in words(everybody)  # the untouched one is no attempt
    for check in find("log_sigmoid").checks:
        assert check.name in words(everybody)


# Names -------------------------------------------------------------------------------------------------------------------


def test_without_names_nobody_is_named(report: Path) -> None:
    html = report.read_text(encoding="utf-8")
    for name in ("adalbert", "bertrand", "cornelia", "dorothea", "eve&lt;"):
        assert name not in html


def test_with_names_in_a_file_of_its_own(course: Classroom, report: Path) -> None:
    named = write_report(course, ASSIGNMENT, names=True)
    assert named != report
    html = named.read_text(encoding="utf-8")
    assert "cornelia, dorothea" in html
    assert "Not for sharing" in html
    assert "adalbert" not in report.read_text(encoding="utf-8")
    assert "eve&lt;img src=x onerror=alert(1)&gt;" in html
    assert "&lt;script&gt;alert(2)" in html
    soup = BeautifulSoup(html, "html.parser")
    assert soup.find_all(["script", "img"]) == []


# States of a course ------------------------------------------------------------------------------------------------------


def test_nothing_graded_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="course grade"):
        write_report(courses.make(tmp_path), ASSIGNMENT)


def test_when_all_is_graded_the_gradebook_counts(course: Classroom, report: Path) -> None:
    with course.gradebook() as gradebook:
        for submission in gradebook.assignment_submissions(ASSIGNMENT):
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    if grade.needs_manual_grade:
                        grade.manual_score, grade.needs_manual_grade = 2.0, False
        gradebook.find_submission_notebook(NOTEBOOK, ASSIGNMENT, "adalbert").late_submission_penalty = 1.5
        gradebook.db.commit()
        scores = [s.score - 1.5 * (s.student_id == "adalbert") for s in gradebook.assignment_submissions(ASSIGNMENT)
                  if s.student_id != "nobody"]  # fmt: skip
    page = BeautifulSoup(write_report(course, ASSIGNMENT).read_text(encoding="utf-8"), "html.parser")
    caption = words(section(page, "Grades").find("figcaption"))
    assert f"Mean {round(statistics.fmean(scores), 2):g} " in caption
    assert "Automatic points only" not in caption
    assert reason(page, "written answers to grade") == ""


def test_handed_in_and_not_graded_is_told(course: Classroom, report: Path) -> None:
    submit(course, "zacharias", release_of(course))
    page = BeautifulSoup(write_report(course, ASSIGNMENT).read_text(encoding="utf-8"), "html.parser")
    shutil.rmtree(course.folder("submitted", ASSIGNMENT, "zacharias").parent)
    assert "handed in, not graded" in reason(page, "infrastructure")
    assert "8 submissions" in words(page.find("header"))


# In a browser ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install the package chromium to see the report tested")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_asks_for_nothing(browser, course: Classroom, scheme: str, tmp_path: Path) -> None:
    path = write_report(course, ASSIGNMENT, names=True)
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    found: list[str] = []
    page.on("dialog", lambda dialog: (found.append("dialog"), dialog.dismiss()))
    page.on("console", lambda message: found.append(message.text))
    page.on("request", lambda request: found.append(request.url))
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    page.screenshot(path=tmp_path / "phone.png", full_page=True)
    assert found == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for box in page.evaluate("[...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().toJSON())"):
        assert box["width"] > 300
        assert box["left"] >= 0
        assert box["right"] <= 390
    ink = page.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
    red = int(re.findall(r"\d+", ink)[0])
    assert (red > 128) == (scheme == "dark")  # the plot's own colours change too
    page.close()
