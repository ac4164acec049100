"""One assignment's whole way in a real JupyterLab, in a real browser: instructor, student, TA, and the student again.

COURSE_SCREENSHOTS=1 writes what is seen on the way into docs/screenshots/.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hostile import ATTACKS, FORMULAS, IN_TITLE, LINKS, SHOWS
from labs import Home, Lab, stop
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.utils import get_username

from autograder.course.classroom import Classroom
from autograder.course.scratch import make_course
from autograder.notebooks.new_cells import nbgrader_cell
from autograder.notebooks.verdict import NotebookRecord
from autograder.wall.ladder import best_rung
from exercises import as_solution, find

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "docs" / "screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_MS = 180_000.0  # how long the browser waits for anything: a busy machine is no failure

ASSIGNMENT, NOTEBOOK = "hw0_warmup", "warmup"
MISTAKE = "mean of squares minus square of the mean"  # passes the visible tests
ANSWER = as_solution(find("standardize").misconceptions[MISTAKE].answer, "standardize")
QUESTION = (
    "**In your own words:** why is each number divided by the standard deviation? One or two sentences. *2 points*"
)
REASON = "Then hours and minutes give the same answer: the unit cancels."
COMMENT = "Right, and well put."

STUDENT = get_username()  # the exchange knows a student by the name they are logged in with
ATTACKER = "mallory"

# A test asks nothing of the network (formgrader's own page asks for MathJax there).
FOREIGN = re.compile(r"https?://(?!127\.0\.0\.1[:/]).*")

pytestmark = [
    pytest.mark.slow(120),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: sudo apt-get install chromium"),
]


@dataclass
class School:
    """The running scratch course: two JupyterLabs, one browser window for each of the two."""

    course: Classroom
    desk: Path  # the student's folder
    teacher_lab: Lab
    student_lab: Lab
    teacher: Any
    student: Any
    browser: Any

    def record(self, student: str) -> NotebookRecord:
        path = self.course.folder("autograded", ASSIGNMENT, student) / f"{NOTEBOOK}.ipynb"
        record = NotebookRecord.of(nbformat.read(path, as_version=4))
        assert record is not None, "formgrader's button did not go through our engine"
        return record


# The scratch course -------------------------------------------------------------------------------------------------


def furnish_course(root: Path) -> Classroom:
    """The warm-up with one written question more, in a course of its own with an exchange of its own."""
    exchange = root / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    settings = f"c.Exchange.root = {str(exchange)!r}\nc.EngineExporter.unsandboxed = {not best_rung().walled}\n"
    (root / "course").mkdir()
    make_course(root / "course", ROOT / "source" / ASSIGNMENT, settings=settings)
    path = root / "course" / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.cells[-1:-1] = [
        nbgrader_cell("about_why", QUESTION, kind="text"),
        nbgrader_cell("why", "", kind="written", points=2),
    ]
    nbformat.write(nb, path)
    return Classroom(root / "course")


def hand_in_attacks(course: Classroom) -> None:
    """A submission full of scripts, in cells and in outputs; right in all else."""
    nb = nbformat.read(course.folder("source", ASSIGNMENT) / f"{NOTEBOOK}.ipynb", as_version=4)
    texts = [*ATTACKS.values(), LINKS, FORMULAS, IN_TITLE]
    next(cell for cell in nb.cells if cell.id == "why").source = "\n\n".join(texts)
    shows, _, error = SHOWS.rpartition("\n")
    href = r"display(HTML(r'$\href{javascript:window.hit=1}{x}$'))"  # MathJax would make a link of it
    nb.cells.append(new_code_cell("\n".join([shows, href, error])))
    nb.cells += [new_markdown_cell(text) for text in texts]
    folder = course.folder("submitted", ASSIGNMENT, ATTACKER)
    folder.mkdir(parents=True)
    nbformat.write(nb, folder / f"{NOTEBOOK}.ipynb")


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    from playwright.sync_api import sync_playwright

    root = tmp_path_factory.mktemp("school")
    course = furnish_course(root)
    hand_in_attacks(course)
    desk = root / "desk"
    desk.mkdir()
    homes = Home(root / "teacher"), Home(root / "student")
    for home in homes:
        home.furnish()
    (homes[1].config / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.CourseDirectory.course_id = 'lecture5'\nc.Exchange.root = {str(root / 'exchange')!r}\n"
    )
    processes = homes[0].start(course.root), homes[1].start(desk)
    try:
        labs = [home.wait(process) for home, process in zip(homes, processes, strict=True)]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            pages = [browser.new_context(viewport={"width": 1200, "height": 760}).new_page() for _ in labs]
            for page in pages:
                page.set_default_timeout(PATIENCE_MS)
                page.route(FOREIGN, lambda route: route.abort())
            yield School(course, desk, labs[0], labs[1], pages[0], pages[1], browser)
            browser.close()
    finally:
        stop(processes)


def picture(page: Any, name: str, of: str | None = None, **options: Any) -> None:
    """A screenshot for the docs, where it is asked for: with one name and one time, whoever runs the test and when.

    of: the selector of the one element that is shown; by default the page is.
    """
    if not os.environ.get("COURSE_SCREENSHOTS"):
        return
    for frame in page.frames:
        frame.evaluate(
            """([name, time]) => {
                const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
                while (walker.nextNode()) {
                    const node = walker.currentNode;
                    if (node.textContent.trim() === name) node.textContent = 'ada';
                    node.textContent = node.textContent.replace(new RegExp(time, 'g'), '2026-01-09 18:30:00 UTC');
                }
            }""",
            [STUDENT, r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? UTC"],
        )
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    shown = page.locator(of) if of else page
    shown.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled", **options)


def open_from_menu(page: Any, entry: str) -> None:
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name=entry, exact=True).click()


def press(where: Any, icon: str, says: str, row: str = "") -> str:
    """Press formgrader's icon (in the row of a student); the log in the dialog, which must tell of success."""
    where.locator("tbody tr", has_text=row or ASSIGNMENT).locator(f"td.{icon} a").click()
    dialog = where.locator(".modal.in")
    dialog.locator(".modal-body").wait_for()
    text = dialog.inner_text()
    assert says in text, text
    where.get_by_role("button", name="OK").click()
    dialog.wait_for(state="detached")
    return text


# The way ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def released(school: School) -> School:
    """Instructor: generates and releases the assignment in formgrader, and finds it in the assignment list."""
    page = school.teacher
    page.goto(school.teacher_lab.url())
    open_from_menu(page, "Formgrader")
    formgrader = page.frame_locator("#formgrader-iframe iframe")
    press(formgrader, "assign", "Successfully created the student version")
    with school.course.gradebook() as gradebook:
        gradebook.update_or_create_student(STUDENT, first_name="Ada", last_name="Byron")
        gradebook.update_or_create_student(ATTACKER, first_name="Mallory", last_name="Malone")
    press(formgrader, "release", "Successfully released")
    formgrader.locator("td.status", has_text="released").wait_for()
    page.locator(".jp-SideBar.jp-mod-left .lm-TabBar-tab").first.click()  # folds the file browser away
    formgrader.locator("#main-table").evaluate("table => table.scrollIntoView({block: 'center'})")
    picture(page, "instructor_formgrader")
    open_from_menu(page, "Assignment List")
    page.locator("#released_assignments_list .list_item", has_text=ASSIGNMENT).wait_for()
    return school


@pytest.fixture(scope="module")
def submitted(released: School) -> School:
    """Student: fetches, opens the notebook, solves, runs, validates, submits."""
    page = released.student
    page.goto(released.student_lab.url())
    open_from_menu(page, "Assignment List")
    page.locator("#released_assignments_list").get_by_role("button", name="Fetch").click()
    fetched = page.locator("#fetched_assignments_list")
    fetched.locator("a.assignment-notebooks-link").click()
    fetched.locator(".nested_list_item a").click()
    write_answer(page)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.locator(".jp-OutputArea").get_by_text("standardize: the visible tests pass").wait_for()
    page.locator(".jp-CodeCell", has_text="def standardize").first.evaluate("cell => cell.scrollIntoView()")
    picture(page, "student_notebook")
    page.locator(".jp-NotebookPanel-toolbar").get_by_role("button", name="Validate").click()
    page.locator(".jp-Dialog").get_by_text("Success! Your notebook passes all the tests.").wait_for()
    picture(page, "student_validate")
    page.locator(".jp-Dialog").get_by_role("button", name="Ok").click()
    page.locator(".lm-TabBar-tab", has_text="Assignments").click()
    fetched.get_by_role("button", name="Submit").click()
    page.locator("#submitted_assignments_list .list_item", has_text=ASSIGNMENT).first.wait_for()
    picture(page, "student_assignments")
    return released


def write_answer(page: Any) -> None:
    """Type a function with a known mistake and a written answer, as a student does, and save."""
    code = page.locator(".jp-CodeCell", has_text="def standardize").first.locator(".cm-content")
    code.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(ANSWER)
    written = page.locator(".jp-MarkdownCell", has_text="YOUR ANSWER HERE")
    written.locator(".jp-RenderedMarkdown").dblclick()
    page.locator(".jp-MarkdownCell:not(.jp-mod-rendered) .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(REASON)
    page.keyboard.press("Shift+Enter")
    page.locator(".jp-RenderedMarkdown", has_text=REASON).wait_for()
    page.keyboard.press("Control+s")


@pytest.fixture(scope="module")
def graded(submitted: School) -> School:
    """TA: collects, autogrades with formgrader's button, grades the written question by hand."""
    page = submitted.teacher
    page.goto(submitted.teacher_lab.url("formgrader/manage_assignments"))
    press(page, "collect", "Successfully collected")
    page.locator("td.num-submissions a").click()
    for student in (STUDENT, ATTACKER):
        press(page, "autograde", f"Successfully autograded '{ASSIGNMENT}' for student '{student}'", student)
    page.locator("tbody tr", has_text=STUDENT).get_by_text("needs manual grading").wait_for()
    picture(page, "ta_submissions")
    page.get_by_role("link", name="Manual Grading").click()
    page.locator("tbody").get_by_role("link", name=ASSIGNMENT).click()
    page.locator("tbody").get_by_role("link", name=NOTEBOOK).click()
    open_submission(submitted, STUDENT)
    with page.expect_response(saved("grade")):
        page.locator("input.score#why").fill("1.5")
        page.locator("input.score#why").blur()
    with page.expect_response(saved("comment")):
        page.locator("#why-comment").fill(COMMENT)
        page.locator("#why-comment").blur()
    page.locator("#why-comment").scroll_into_view_if_needed()
    picture(page, "ta_written_question")
    return submitted


def saved(kind: str) -> Any:
    """Says of a response whether formgrader's server has stored a grade or a comment."""
    return lambda answer: f"/formgrader/api/{kind}/" in answer.url and answer.request.method == "PUT" and answer.ok


# formgrader has fetched the grades and the comments and put them into its fields.
READY = "window.formgrader && formgrader.loaded && formgrader.grades.loaded && formgrader.comments.loaded"


def open_submission(school: School, student: str) -> None:
    """formgrader's page of this student's notebook."""
    with school.course.gradebook() as gradebook:
        number = gradebook.find_submission_notebook(NOTEBOOK, ASSIGNMENT, student).id
    school.teacher.goto(school.teacher_lab.url(f"formgrader/submissions/{number}/"))
    school.teacher.wait_for_function(READY)


@pytest.fixture(scope="module")
def returned(graded: School) -> School:
    """TA: generates the feedback and releases it. Student: fetches it."""
    page = graded.teacher
    page.goto(graded.teacher_lab.url(f"formgrader/manage_submissions/{ASSIGNMENT}"))
    for student in (STUDENT, ATTACKER):
        press(page, "generate-feedback", f"Successfully generated feedback for '{ASSIGNMENT}'", student)
    press(page, "release-feedback", f"Successfully released feedback for '{ASSIGNMENT}'", STUDENT)
    page = graded.student
    page.locator("#submitted_assignments_list").get_by_role("button", name="Fetch Feedback").click()
    page.locator("#submitted_assignments_list a", has_text="view feedback").wait_for()
    return graded


# What must hold -----------------------------------------------------------------------------------------------------


def test_the_instructor_releases(released: School) -> None:
    text = (released.course.folder("release", ASSIGNMENT) / f"{NOTEBOOK}.ipynb").read_text()
    assert "HIDDEN TESTS" not in text


def test_the_student_submits(submitted: School) -> None:
    nb = nbformat.read(submitted.desk / ASSIGNMENT / f"{NOTEBOOK}.ipynb", as_version=4)
    sources = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in nb.cells}
    assert sources["standardize"].strip() == ANSWER.strip()
    assert sources["why"] == REASON


def test_formgraders_button_grades_through_our_engine(graded: School) -> None:
    for student in (STUDENT, ATTACKER):
        assert graded.record(student).rung == best_rung().name
    verdicts = {cell.grade_id: cell for cell in graded.record(STUDENT).cells}
    assert verdicts["grade_standardize"].exercise is not None
    assert verdicts["grade_standardize"].exercise.recognised == MISTAKE


def test_the_ta_grades_by_hand(graded: School) -> None:
    with graded.course.gradebook() as gradebook:
        grade = gradebook.find_grade("why", NOTEBOOK, ASSIGNMENT, STUDENT)
        comment = gradebook.find_comment("why", NOTEBOOK, ASSIGNMENT, STUDENT)
        assert (grade.manual_score, grade.needs_manual_grade) == (1.5, False)
        assert comment.comment == COMMENT


def test_a_script_does_nothing_in_formgrader(graded: School) -> None:
    page = graded.teacher
    hits = listen(page)
    open_submission(graded, ATTACKER)
    assert page.locator(".nbgrader_cell").count() >= 4
    press_links(page, "#notebook-container a")
    assert hits(page) == []


def test_the_same_page_without_the_cleaning_is_attacked(graded: School) -> None:
    path = graded.course.folder("autograded", ASSIGNMENT, ATTACKER) / f"{NOTEBOOK}.ipynb"
    html, _ = HTMLExporter(template_name="classic").from_filename(str(path))
    page = graded.browser.new_page()
    page.route(FOREIGN, lambda route: route.abort())
    page.set_content(html.replace("http-equiv", "data-was"), wait_until="commit")  # or the page would be left at once
    page.wait_for_function("window.hit === 1")
    page.close()


def test_the_student_sees_the_hint(returned: School) -> None:
    page = returned.student
    page.locator("#submitted_assignments_list a", has_text="view feedback").click()
    (path,) = (returned.desk / ASSIGNMENT / "feedback").glob(f"*/{NOTEBOOK}.html")
    page = returned.browser.new_page()
    page.goto(path.as_uri())
    hint = page.locator(".hint")
    assert MISTAKE in hint.inner_text()
    wanted = find("standardize").misconceptions[MISTAKE].hint
    assert " ".join(wanted.split()) in " ".join(hint.inner_text().split())
    assert COMMENT in page.locator("main .comment").inner_text()
    assert "HIDDEN" not in page.content()
    page.close()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("feedback", {"viewport": {"width": 900, "height": 1100}}),
        ("feedback_dark", {"viewport": {"width": 900, "height": 1100}, "color_scheme": "dark"}),
        ("feedback_phone", {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True}),
    ],
)
def test_the_feedback_fits_its_screen(returned: School, name: str, options: dict[str, Any]) -> None:
    (path,) = (returned.desk / ASSIGNMENT / "feedback").glob(f"*/{NOTEBOOK}.html")
    context = returned.browser.new_context(**options)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= options["viewport"]["width"]
    if not options.get("is_mobile"):  # the phone's picture is of the page's head, with the table
        page.locator(".card:has(.hint)").evaluate("card => card.scrollIntoView({block: 'end'})")
    picture(page, name)
    if name == "feedback":
        picture(page, "feedback_card", of=".card:has(.hint)")
    context.close()


def test_a_script_does_nothing_in_the_feedback(returned: School) -> None:
    path = returned.course.folder("feedback", ASSIGNMENT, ATTACKER) / f"{NOTEBOOK}.html"
    page = returned.browser.new_page()
    hits = listen(page)
    page.goto(path.as_uri())
    press_links(page, "main a:not([href^='#'])")
    assert hits(page) == []
    page.close()


# Attacks ------------------------------------------------------------------------------------------------------------


def listen(page: Any) -> Any:
    """Watches a page: what is set, which dialogs open, which foreign addresses are asked for. MathJax is formgrader's own."""
    seen: list[str] = []
    page.on("dialog", lambda dialog: (seen.append("a dialog"), dialog.dismiss()))

    def refuse(route: Any) -> None:
        if "/mathjax/" not in route.request.url:
            seen.append(route.request.url)
        route.abort()

    page.route(FOREIGN, refuse)
    own = re.compile(r"(file|http://127\.0\.0\.1|about:blank)")

    def hits(page: Any) -> list[str]:
        if page.evaluate("window.hit"):
            seen.append("window.hit")
        if not own.match(page.url):
            seen.append(f"went to {page.url}")
        return seen

    return hits


def press_links(page: Any, selector: str) -> None:
    """Click on all that a student could have made clickable, and point at it."""
    for link in page.locator(selector).all():
        link.dispatch_event("mouseover")
        link.dispatch_event("click", {"ctrlKey": True})
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 200)))")
