"""The pages of docs/ are true: each command in them runs, in their order, in a scratch copy of the course."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from labs import Home

from autograder.course.classroom import Classroom
from exercises import as_solution, find

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = ("instructor", "student", "ta", "write_an_exercise")
COPIED = ("autograder", "exercises", "lecture5", "source", "nbgrader_config.py", "pyproject.toml", "requirements.txt")
# A block of a page; a line before it that ends with a file's name says where it goes: `name` or ... `name`:
# A notebook's cell, in which it is pasted, stands behind the notebook's name: `name`, cell `id`
BLOCK = re.compile(
    r"(?:`(?P<file>[\w./]+)`(?:, cell `(?P<cell>\w+)`)?:?\n\n)?" r"^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
A_DEMO = "course demo hw0_warmup --small"
MAY_FAIL = "course doctor"  # it says what this very machine lacks

ASSIGNMENT, NOTEBOOK = "hw0_warmup", "warmup"


a_term = pytest.mark.slow(180)
an_author = pytest.mark.long(120)


@dataclass(frozen=True)
class Block:
    """One fenced block, and the heading it stands under."""

    heading: str
    language: str
    file: str | None
    cell: str | None
    text: str


def blocks(page: str) -> Iterator[Block]:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        heading = re.findall(r"^#+ (.*)$", text[: found.start()], re.MULTILINE)[-1]
        yield Block(heading, found["language"], found["file"], found["cell"], found["text"])


def paste(notebook: Path, cell_id: str, text: str) -> None:
    """Replace the text of one cell, as a person does in JupyterLab."""
    nb = nbformat.read(notebook, as_version=4)
    next(cell for cell in nb.cells if cell.id == cell_id).source = text
    nbformat.write(nb, notebook)


@dataclass(frozen=True)
class Person:
    """Someone who follows a page: their home and the folder they work in."""

    home: Home
    folder: Path
    environment: dict[str, str]

    def follow(
        self, page: str, *, until: str | None = None, after: str | None = None, done: Container[str] = ()
    ) -> dict[str, str]:
        """Write the files and run the commands of a page, or of its part before or after a heading. command -> output.

        done: commands which another page, or another test, has had run, and which would do the same again.
        """
        found = list(blocks(page))
        headings = [block.heading for block in found]
        assert (until or after or headings[0]) in headings
        start = headings.index(after) if after else 0
        stop = headings.index(until) if until else len(found)
        told = {}
        for block in found[start:stop]:
            if block.language == "sh":
                told |= {one: self.run(one) for one in block.text.strip().splitlines() if one not in done}
            elif block.file and block.cell:
                paste(self.folder / block.file, block.cell, block.text.strip())
            elif block.file:
                path = self.folder / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
        return told

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0 or command == MAY_FAIL, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr


def copy_of_the_course(root: Path) -> tuple[Person, Path]:
    """The instructor (or TA) in a fresh copy, with an exchange of its own."""
    course, exchange, home = root / "course", root / "exchange", Home(root / "teacher")
    ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    course.mkdir()
    for name in COPIED:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, course / name, ignore=ignore)
        else:
            shutil.copy(path, course / name)
    exchange.mkdir()
    exchange.chmod(0o777)
    home.config.mkdir(parents=True)
    with (course / "nbgrader_config.py").open("a") as config:
        config.write(f"\nc.Exchange.root = {str(exchange)!r}\n")
    # The copy's own modules, as after `pip install -e .` there.
    return Person(home, course, home.environment | {"PYTHONPATH": str(course)}), exchange


# Instructor, student and TA -----------------------------------------------------------------------------------------


@dataclass
class Term:
    """One assignment's way through the three pages."""

    teacher: Person
    student: Person
    told: dict[str, str]

    @property
    def course(self) -> Classroom:
        return Classroom(self.teacher.folder)


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Term:
    root = tmp_path_factory.mktemp("term")
    teacher, exchange = copy_of_the_course(root)
    home = Home(root / "student")
    home.config.mkdir(parents=True)
    (home.config / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.CourseDirectory.course_id = 'lecture5'\nc.Exchange.root = {str(exchange)!r}\n"
    )
    desk = root / "desk"
    desk.mkdir()
    return Term(teacher, Person(home, desk, home.environment), {})


def solve(path: Path, answer: str) -> None:
    paste(path, "standardize", answer)


@pytest.fixture(scope="module")
def handed_out(term: Term) -> Term:
    assert A_DEMO in (DOCS / "instructor.md").read_text()  # tests/autograder/commands/test_demo.py runs it
    term.told |= term.teacher.follow("instructor", until="Change an assignment", done={A_DEMO})
    return term


@pytest.fixture(scope="module")
def handed_in(handed_out: Term) -> Term:
    exercise = find("standardize")
    handed_out.told |= handed_out.student.follow("student", until="Check it")
    notebook = handed_out.student.folder / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    solve(notebook, as_solution(exercise.reference, "standardize"))
    handed_out.told |= handed_out.student.follow("student", after="Check it", until="Read your feedback")
    by_mail = handed_out.course.folder("submitted", ASSIGNMENT, "ada")
    shutil.copytree(handed_out.course.folder("release", ASSIGNMENT), by_mail)
    mistake = exercise.misconceptions["divided by the variance"].answer
    solve(by_mail / f"{NOTEBOOK}.ipynb", as_solution(mistake, "standardize"))
    return handed_out


@pytest.fixture(scope="module")
def graded(handed_in: Term, walled: None) -> Term:
    handed_in.told |= handed_in.teacher.follow("ta")
    return handed_in


@a_term
def test_the_instructors_page_to_the_hand_out(handed_out: Term) -> None:
    assert "students can fetch it" in handed_out.told[f"course release {ASSIGNMENT} --publish"]
    assert (handed_out.teacher.folder / "kits" / f"{ASSIGNMENT}.zip").is_file()
    with handed_out.course.gradebook() as gradebook:
        assert {"ada", "alan", "emil"} <= {student.id for student in gradebook.students}


@a_term
def test_the_students_page_to_the_hand_in(handed_in: Term) -> None:
    assert "Success" in handed_in.told[f"nbgrader validate {ASSIGNMENT}/{NOTEBOOK}.ipynb"]
    assert ASSIGNMENT in handed_in.told["nbgrader list --inbound"]


@a_term
def test_the_tas_page(graded: Term) -> None:
    by_mail = next(one for one in graded.course.results(ASSIGNMENT) if one.student == "ada")
    assert by_mail.recognised == [("standardize", "divided by the variance")]
    assert len(graded.course.results(ASSIGNMENT)) == 2
    assert "ada did not submit through the exchange" in graded.told[f"nbgrader release_feedback {ASSIGNMENT}"]
    assert (graded.course.folder("feedback", ASSIGNMENT, "ada") / f"{NOTEBOOK}.html").is_file()


@a_term
def test_the_students_page_to_its_end(graded: Term) -> None:
    graded.student.follow("student", after="Read your feedback")
    assert list((graded.student.folder / ASSIGNMENT / "feedback").rglob("*.html"))


@a_term
def test_the_instructors_page_to_its_end(graded: Term) -> None:
    same = {f"course regrade {ASSIGNMENT} --prove", f"course report {ASSIGNMENT}"}
    assert same <= set(graded.told)
    graded.teacher.follow("instructor", after="Change an assignment", done=same)
    assert "nothing differs" in graded.told[f"course regrade {ASSIGNMENT} --prove"]
    assert "ada" in (graded.teacher.folder / "grades.csv").read_text(encoding="utf-8-sig").lower()


@a_term
def test_the_late_policy_of_the_instructors_page(term: Term) -> None:
    (policy,) = (block.text for block in blocks("instructor") if block.heading == "Late work")
    namespace: dict = {"c": Classroom(term.teacher.folder).config}
    exec(policy, namespace)
    plugin = namespace["c"].AssignLatePenalties.plugin_class()
    assert [plugin.late_submission_penalty("ada", 10, seconds) for seconds in (1, 3600, 3601, 10**6)] == [1, 1, 2, 10]


# An exercise of one's own -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Somebody who has followed the page about exercises."""
    person, _ = copy_of_the_course(tmp_path_factory.mktemp("author"))
    return person


@an_author
def test_a_new_exercise_is_proven_and_released(author: Person, walled: None) -> None:
    told = author.follow("write_an_exercise")
    assert "2 of 2 misconceptions die" in told["course prove hw9_accuracy"]
    assert "2 are recognised by name" in told["course prove hw9_accuracy"]
    release = (author.folder / "release" / "hw9_accuracy" / "hw9_accuracy.ipynb").read_text()
    bank = author.folder / "exercises" / "hw9_accuracy"
    assert not [text for text in (release, *(one.read_text() for one in bank.glob("*.py"))) if "REPLACE" in text]
    assert "NotImplementedError" in release
    assert "as_cell_result" not in release


@an_author
def test_the_gate_closes_as_the_page_says(author: Person, walled: None) -> None:
    path = author.folder / "exercises" / "hw9_accuracy" / "accuracy.py"
    text = path.read_text()
    assert text.count("spread=0.1") == 2
    path.write_text(text.replace("spread=0.1", "spread=50.0"))
    (said,) = (block.text.strip() for block in blocks("write_an_exercise") if block.language == "text")
    done = subprocess.run(
        ["bash", "-c", "course prove hw9_accuracy"],
        cwd=author.folder,
        env=author.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert said in done.stdout
    path.write_text(text)


# Links --------------------------------------------------------------------------------------------------------------


def anchor(heading: str) -> str:
    """What a link to this heading ends with, after the #."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")]), ids=lambda page: page.name)
def test_what_a_page_points_to_is_there(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target, part in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", text):
        if target.startswith("http"):
            continue
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name} points to {target}"
        if part:
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert part in map(anchor, headings), f"{page.name} points to {target}#{part}"
    for alt in re.findall(r"!\[(.*?)\]", text):
        assert alt, "a picture without words"


# The first page -----------------------------------------------------------------------------------------------------


def test_the_exercise_on_the_first_page_is_in_the_bank() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    text = " ".join((ROOT / "exercises" / "hw0_warmup" / "standardize.py").read_text().split())
    strings = [node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
    quoted = [" ".join(one.removesuffix("…").split()) for one in strings if isinstance(one, str)]
    assert len(quoted) > 6
    assert [one for one in quoted if one not in text] == []
    assert "return [typed(f(_hours(rng))), typed(f(rng.normal(size=5)))]" in code
    assert "return [typed(f(_hours(rng))), typed(f(rng.normal(size=5)))]" in text
