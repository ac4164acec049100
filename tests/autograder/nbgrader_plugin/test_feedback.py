"""The feedback page: made by real nbgrader from a graded class, read as HTML, and opened in a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import courses
import nbformat
import pytest
from bs4 import BeautifulSoup
from courses import ASSIGNMENT, NOTEBOOK, solved, submit
from hostile import ATTACKS, FORMULAS, IN_TITLE, LINKS, SHOWS
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course.classroom import Classroom
from autograder.nbgrader_plugin.feedback import feedback_page
from autograder.notebooks.new_cells import nbgrader_cell
from autograder.notebooks.status import Status
from autograder.notebooks.verdict import CellVerdict, NotebookRecord
from autograder.pages.markup import MAX_TEXT, clean, formula, markdown, outputs
from exercises import as_solution, find

pytestmark = pytest.mark.slow(40)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

MISTAKE = next(name for name, one in find("logsumexp").misconceptions.items() if one.core)
WRONG = as_solution(find("logsumexp").misconceptions[MISTAKE].answer, "logsumexp")


def with_cells(nb: NotebookNode, *cells: NotebookNode) -> NotebookNode:
    nb.cells += cells
    return nb


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A graded class: one is right, one has a known mistake, one attacks, one has handed in nothing."""
    course = courses.make(tmp_path_factory.mktemp("feedback"))
    submit(course, "right", solved(course))
    submit(course, "mistaken", solved(course, logsumexp=WRONG))
    nasty = solved(course, log_sigmoid="def log_sigmoid(z):\n    while True: pass")
    texts = [*ATTACKS.values(), LINKS, FORMULAS, IN_TITLE]
    submit(course, "nasty", with_cells(nasty, *(new_markdown_cell(text) for text in texts), new_code_cell(SHOWS)))
    submit(course, "absent", None)
    assert course.grade(ASSIGNMENT, workers=1, unsandboxed=True) == []
    with course.gradebook() as gradebook:
        grade = gradebook.find_grade("W1", NOTEBOOK, ASSIGNMENT, "right")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        gradebook.find_comment(
            "W1", NOTEBOOK, ASSIGNMENT, "right"
        ).manual_comment = "Good, **but** <script>window.hit = 1</script>"
        gradebook.find_grade("grade_logsumexp", NOTEBOOK, ASSIGNMENT, "mistaken").manual_score = 3.75
        gradebook.db.commit()
    course.feedback(ASSIGNMENT)
    return course


def path_of(course: Classroom, student: str) -> Path:
    return course.folder("feedback", ASSIGNMENT, student) / f"{NOTEBOOK}.html"


def page_of(course: Classroom, student: str) -> BeautifulSoup:
    return BeautifulSoup(path_of(course, student).read_text(encoding="utf-8"), "html.parser")


def words(element) -> str:
    return " ".join(element.get_text(" ").split())


# What is there -----------------------------------------------------------------------------------------------------------


def test_the_table_links_to_a_card_for_each_question(course: Classroom) -> None:
    page = page_of(course, "right")
    rows = page.select("nav tbody tr")
    assert [words(row) for row in rows] == [
        f"logsumexp passed {find('logsumexp').points:g} / {find('logsumexp').points:g}",
        f"log_sigmoid passed {find('log_sigmoid').points:g} / {find('log_sigmoid').points:g}",
        "log_sigmoid graded by a person 1.5 / 2",  # W1 stands under that heading
    ]
    for link in page.select("nav a"):
        assert page.find(id=link["href"].removeprefix("#"))["class"][0] == "card"


def test_a_card_names_what_holds_and_what_fails_and_gives_the_hint(course: Classroom) -> None:
    page = page_of(course, "mistaken")
    card = page.find(id="cell-grade_logsumexp")
    text = words(card)
    assert words(card.select_one(".hint")).endswith(" ".join(find("logsumexp").misconceptions[MISTAKE].hint.split()))
    assert "fails: " in text
    for check in find("logsumexp").checks:
        assert check.name in text
    assert "set these points by hand" in text
    assert "3.75 of" in text
    assert "bad" in card["class"] or "half" in card["class"]


def test_points_and_comments_are_the_gradebooks(course: Classroom) -> None:
    page = page_of(course, "right")
    with course.gradebook() as gradebook:
        score = gradebook.find_submission(ASSIGNMENT, "right").score
    assert words(page.select_one(".total")).startswith(f"{score:g} of ")
    assert "so far" not in words(page.select_one(".total"))
    comment = page.select_one("main .comment")
    assert words(comment).startswith("comment of your TA Good, but")
    assert comment.find("strong") is not None
    assert comment.find("script") is None


def test_an_answer_that_waits_has_no_points_yet(course: Classroom) -> None:
    page = page_of(course, "mistaken")
    assert "not graded yet – / 2" in words(page.select("nav tbody tr")[-1])
    assert "so far" in words(page.select_one(".total"))


def test_what_went_wrong_is_said(course: Classroom) -> None:
    assert "over the time limit" in words(page_of(course, "nasty").find(id="cell-grade_log_sigmoid"))
    absent = page_of(course, "absent")
    assert "was handed in" in words(absent.find("header"))
    assert all("not handed in" in words(row) for row in absent.select("nav tbody tr")[:2])


# What is not -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("student", ["right", "mistaken", "nasty", "absent"])
def test_nothing_of_the_graders_is_on_the_page(course: Classroom, student: str) -> None:
    html = path_of(course, student).read_text(encoding="utf-8")
    text = words(BeautifulSoup(html, "html.parser"))
    for secret in (
        "HIDDEN TESTS",
        "as_cell_result",
        "from exercises",
        "MARK SCHEME",
        '"record"',
        "rung",
        "/autograder/",
    ):
        assert secret not in html
    assert not re.search(r"find *\(|\.grade *\(", text)


NUMBERS = "\nNot equal to tolerance rtol=1e-07\n ACTUAL: array([0.25])\n DESIRED: array([0.625])"


@pytest.mark.parametrize(
    ("status", "message", "shown"),
    [
        ("wrong", NUMBERS, "not what was asked for"),
        ("wrong", "The sign is the other way round.", "The sign is the other way round."),
        ("wrong", "f: 0 of 2.5 points. Your cell uses torch.log1p.", "f: 0 of 2.5 points. Your cell uses torch.log1p."),
        ("error", "Your code raised ValueError: got [0.625, 3]", "Your code raised ValueError."),
        ("error", "log1mexp is not defined: its cell stopped with SyntaxError.", "log1mexp is not defined"),
    ],
)
def test_a_hidden_tests_message_has_no_numbers_of_it(status: str, message: str, shown: str) -> None:
    source = "assert f(1) == 1\n### BEGIN HIDDEN TESTS\nassert f(2) == 0.625\n### END HIDDEN TESTS"
    cell = nbgrader_cell("grade_f", source, kind="test", points=2.5)
    cell.metadata.nbgrader["score"] = 0.0
    nb = new_notebook(cells=[cell])
    NotebookRecord("ada", "hw", "nb", [CellVerdict("grade_f", 0.0, 2.5, Status(status), message)]).store(nb)
    grades = {"student": "ada", "assignment": "hw", "notebook": "nb", "score": 0.0, "max_score": 2.5, "late_penalty": 1}
    html = feedback_page(nb, grades)
    page = BeautifulSoup(html, "html.parser")
    assert shown in words(page.select_one(".card"))
    assert "0.625" not in html
    assert "f(1)" in page.select_one("details").get_text()  # the visible test may be seen
    assert "handed in late penalty −1" in words(page.find("nav"))


def test_without_a_record_only_the_score_is_told() -> None:
    cell = nbgrader_cell("grade_f", "assert f(2) == 0.625", kind="test", points=2)
    cell.source = "### BEGIN HIDDEN TESTS\nassert f(2) == 0.625\n### END HIDDEN TESTS"
    cell.outputs = [nbformat.v4.new_output("error", ename="AssertionError", evalue="0.625", traceback=["0.625"])]
    cell.metadata.nbgrader["score"] = 1.0
    grades = {"student": "ada", "assignment": "hw", "notebook": "nb", "score": 1.0, "max_score": 2, "late_penalty": 0}
    html = feedback_page(new_notebook(cells=[cell]), grades)
    assert "partly right" in html
    assert "0.625" not in html


@pytest.mark.parametrize(
    ("cells", "total"),
    [
        (
            [("grade_logsumexp", 2.0, 4.0), ("grade_depth_to_overflow", 1.5, 2.0)],
            "3.5 of 4 points (up to 2 more are a bonus)",
        ),
        ([("grade_depth_to_overflow", 1.5, 2.0)], "1.5 of 2 bonus points"),
    ],
)
def test_a_bonus_does_not_count_in_the_maximum(cells: list[tuple[str, float, float]], total: str) -> None:
    nb = new_notebook(cells=[nbgrader_cell(name, "assert f()", kind="test", points=most) for name, _, most in cells])
    for cell, (_, score, _) in zip(nb.cells, cells, strict=True):
        cell.metadata.nbgrader["score"] = score
    scores = {"score": sum(one[1] for one in cells), "max_score": sum(one[2] for one in cells), "late_penalty": 0}
    html = feedback_page(nb, {"student": "ada", "assignment": "hw", "notebook": "nb", **scores})
    page = BeautifulSoup(html, "html.parser")
    assert words(page.select_one(".total")) == total
    assert "1.5 of 2 bonus points" in words(page.find(id="cell-grade_depth_to_overflow"))
    assert "bonus" in words(page.select("nav tbody tr")[-1])


# Cleaning ----------------------------------------------------------------------------------------------------------------

FORBIDDEN_TAGS = [
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "svg",
    "math",
    "form",
    "input",
    "base",
    "meta",
    "link",
    "noscript",
    "body",
]


def assert_harmless(html: str) -> None:
    soup = BeautifulSoup(html, "html.parser")
    assert [tag.name for tag in soup.find_all(FORBIDDEN_TAGS)] == []
    for tag in soup.find_all(True):
        assert not [name for name in tag.attrs if name.startswith("on") or name in ("id", "srcdoc", "srcset", "action")]
        assert re.match(r"(https?:|mailto:|#)", tag.get("href", "#"))
        assert re.match(r"data:image/", tag.get("src", "data:image/"))
        assert set(re.findall(r"([\w-]+) *:", tag.get("style", ""))) <= {"height", "vertical-align"}
        assert "card" not in tag.get("class", [])


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_come_out_harmless(name: str) -> None:
    assert_harmless(clean(ATTACKS[name]))
    assert_harmless(markdown(ATTACKS[name]))
    output = nbformat.v4.new_output("display_data", {"text/html": ATTACKS[name], "image/svg+xml": ATTACKS[name]})
    (html,) = outputs(new_code_cell(outputs=[output]))
    assert_harmless(html)


@pytest.mark.parametrize("text", [LINKS, FORMULAS, IN_TITLE])
def test_markdown_comes_out_harmless(text: str) -> None:
    assert_harmless(markdown(text))


def test_honest_markdown_keeps_its_look() -> None:
    soup = BeautifulSoup(
        markdown(
            "# Why\n\n- **because** `x < 1`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nreturn 1\n```\n\n[t](https://x.org)"
        ),
        "html.parser",
    )
    for selector in ("h1", "li strong", "li code", "td", ".highlight .k", 'a[href="https://x.org"]'):
        assert soup.select_one(selector) is not None
    assert soup.select_one("li code").text == "x < 1"


def test_a_formula_is_a_picture_with_its_text() -> None:
    soup = BeautifulSoup(
        markdown(r"If $-\tfrac12 \ln(1 - \rho^2) \le \mathcal N$, then $$\sum_{i=1}^n x_i$$"), "html.parser"
    )
    inline, block = soup.find_all("img")
    assert inline["alt"] == r"-\tfrac12 \ln(1 - \rho^2) \le \mathcal N"
    assert block["alt"] == r"\sum_{i=1}^n x_i"
    assert "vertical-align" in inline["style"]


@pytest.mark.parametrize("tex", [r"\begin{cases} a \\ b \end{cases}", r"\nosuch", "{" * 3000, r"\!", "", "x^"])
def test_a_formula_that_cannot_be_drawn_is_shown_as_it_is(tex: str) -> None:
    assert formula(tex).startswith("<code>")


def test_a_very_long_text_is_shown_cut_and_plain() -> None:
    html = markdown(r"\begin{a}" * MAX_TEXT)
    assert html.startswith("<pre>")
    assert len(html) < 2 * MAX_TEXT


# In a browser ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install the package chromium to see the pages tested")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def hits(browser, html: str) -> list[str]:
    """What a page did when it was opened and its links were pressed: set `window.hit`, open a dialog, go elsewhere."""
    page = browser.new_page()
    found: list[str] = []
    page.on("dialog", lambda dialog: (found.append("dialog"), dialog.dismiss()))
    page.route("**/*", lambda route: (found.append(f"asked for {route.request.url}"), route.abort()))
    page.set_content(html, wait_until="load")
    for link in page.query_selector_all("main a:not([href^='#'])"):
        link.dispatch_event("click")
    page.wait_for_timeout(300)
    if page.evaluate("window.hit"):
        found.append("a script ran")
    if page.evaluate("getComputedStyle(document.body).display") == "none":
        found.append("the style was changed")
    page.close()
    return found


def test_the_attacks_would_work_without_us(browser) -> None:
    assert "a script ran" in hits(browser, f"<main>{ATTACKS['script']}</main>")
    assert "a script ran" in hits(browser, f"<main>{ATTACKS['onerror']}</main>")
    assert "a script ran" in hits(browser, "<main><a href='javascript:void(window.hit=1)'>b</a></main>")
    assert "the style was changed" in hits(browser, f"<main>{ATTACKS['style']}</main>")


@pytest.mark.parametrize("with_policy", [True, False], ids=["as it is", "without its content security policy"])
def test_a_hostile_notebook_does_nothing(browser, course: Classroom, with_policy: bool) -> None:
    html = path_of(course, "nasty").read_text(encoding="utf-8")
    assert "raise ValueError" in BeautifulSoup(html, "html.parser").get_text()
    if not with_policy:
        html, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
        assert count == 1
    assert hits(browser, html) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("student", ["mistaken", "nasty"])
def test_it_fits_a_phone_in_light_and_dark(
    browser, course: Classroom, tmp_path: Path, student: str, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page.goto(path_of(course, student).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 16
    page.screenshot(path=tmp_path / "phone.png")
    paper, ink = (
        _luminance(page.evaluate(f"getComputedStyle(document.body).{name}")) for name in ("backgroundColor", "color")
    )
    assert (paper < 0.1) == (scheme == "dark")
    assert _contrast(paper, ink) >= 7
    for name in ("good", "half", "bad", "soft", "link"):
        colour = page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')")
        assert _contrast(paper, _luminance(_rgb(colour))) >= 4.5, name
    assert _greys(tmp_path / "phone.png") > 20  # something is drawn
    page.close()


def _rgb(colour: str) -> str:
    digits = colour.strip().removeprefix("#")
    return f"rgb({int(digits[:2], 16)}, {int(digits[2:4], 16)}, {int(digits[4:], 16)})"


def _luminance(colour: str) -> float:
    """Relative luminance of "rgb(r, g, b)", as WCAG 2 defines it."""
    parts = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def _greys(path: Path) -> int:
    import matplotlib.image

    return len(set((matplotlib.image.imread(path)[..., :3].mean(axis=2) * 255).astype(int).ravel().tolist()))
