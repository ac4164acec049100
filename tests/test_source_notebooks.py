"""The assignments as instructors write them: sound files, fair statements, visible tests that catch common mistakes."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
import pytest

from exercises import as_solution, find

os.environ.setdefault("MPLBACKEND", "Agg")

SOURCE = Path(__file__).parents[1] / "source"
NOTEBOOKS = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.glob("*/*.ipynb"))
NBGRADER_KEYS = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
REGIONS = ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")

each_notebook = pytest.mark.parametrize("name", NOTEBOOKS)
runs_answers = pytest.mark.slow(90)


@functools.cache
def notebook(name: str) -> nbformat.NotebookNode:
    return nbformat.reads((SOURCE / name).read_text("utf-8"), as_version=nbformat.NO_CONVERT)


def graderinfo(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


@functools.cache
def cells(name: str) -> dict[str, nbformat.NotebookNode]:
    """grade_id -> cell, in the notebook's order."""
    return {graderinfo(cell)["grade_id"]: cell for cell in notebook(name).cells if graderinfo(cell)}


def exercises_in(name: str) -> list[str]:
    """The functions which the notebook asks for: its autograded solution cells."""
    return [grade_id for grade_id, cell in cells(name).items() if kind(cell) == "solution"]


def written_in(name: str) -> list[str]:
    return [grade_id for grade_id, cell in cells(name).items() if kind(cell) == "written"]


def kind(cell) -> str:
    """locked text, given code, solution, tests, written, or free where nbgrader does not know the cell."""
    info = graderinfo(cell)
    if not info:
        return "free"
    what = (cell.cell_type, info["grade"], info["solution"], info["locked"])
    return {
        ("markdown", False, False, True): "text",
        ("code", False, False, True): "given",
        ("code", False, True, False): "solution",
        ("code", True, False, True): "tests",
        ("markdown", True, True, False): "written",
    }[what]


@dataclass(frozen=True)
class Task:
    """One function of one notebook."""

    notebook: str
    function: str

    @property
    def visible(self) -> str:
        return cells(self.notebook)[f"check_{self.function}"].source

    def passes_visible(self, solution: str) -> bool:
        """Does a solution cell pass the visible test, after the cells that are given?"""
        with quietly():
            namespace = self.given()
            exec(solution, namespace)
            try:
                exec(self.visible, namespace)
            except Exception:
                return False
        return True

    def given(self) -> dict:
        """What a student has before the exercise: the locked code cells above it, run."""
        namespace = {"__name__": "__main__"}
        for grade_id, cell in cells(self.notebook).items():
            if grade_id == self.function:
                return namespace
            if kind(cell) == "given":
                exec(cell.source, namespace)
        raise AssertionError(f"{self.function} is not in {self.notebook}")


@contextlib.contextmanager
def quietly():
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


TASKS = [Task(name, function) for name in NOTEBOOKS for function in exercises_in(name)]
each_task = pytest.mark.parametrize(
    "task", TASKS, ids=lambda task: f"{task.notebook.partition('_')[0]}/{task.function}"
)


def answers(which: str):
    """(task, name) of all the bank's right or wrong answers, as parameters."""
    parameters = []
    for task in TASKS:
        exercise = find(task.function)
        names = {
            "right": ["reference", *exercise.accepted, *exercise.witnesses],
            "core": [name for name, wrong in exercise.misconceptions.items() if wrong.core],
        }[which]
        parameters += [pytest.param(task, name, id=f"{task.function}/{name}") for name in names]
    return parameters


# Sound files ----------------------------------------------------------------------------------------------------------


def test_each_assignment_of_the_bank_has_notebooks():
    from exercises import assignments

    assert {name.partition("/")[0] for name in NOTEBOOKS} == set(assignments())


@each_notebook
def test_file_is_a_valid_notebook_without_results(name):
    nb = notebook(name)
    assert (nb.nbformat, nb.nbformat_minor) == (4, 5)
    nbformat.validate(nb)
    assert len({cell.id for cell in nb.cells}) == len(nb.cells)
    for cell in nb.cells:
        assert cell.source.strip(), f"{cell.id} is empty"
        assert "attachments" not in cell
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None), f"{cell.id} has results"


@each_notebook
def test_metadata_is_the_courses_and_nothing_else(name):
    metadata = notebook(name).metadata
    assert set(metadata) == {"course", "kernelspec", "language_info"}
    assert metadata.kernelspec == {"name": "python3", "display_name": "Python 3", "language": "python"}
    assert metadata.language_info == {"name": "python"}
    assert set(metadata.course) == {"title", "minutes"}
    assert metadata.course.title.strip() == metadata.course.title != ""


@each_notebook
def test_cell_metadata_is_nbgraders_and_complete(name):
    for cell in notebook(name).cells:
        assert set(cell.metadata) <= {"nbgrader"}, cell.id
        if kind(cell) == "free":
            continue
        info = graderinfo(cell)
        assert info["grade_id"] == cell.id
        assert set(info) == NBGRADER_KEYS | ({"points"} if info["grade"] else set()), cell.id
        assert (info["schema_version"], info["task"]) == (3, False)
        assert not info["grade"] or info["points"] >= 0


@each_notebook
def test_nbgrader_accepts_the_metadata(name):
    from nbgrader.nbgraderformat import MetadataValidator

    MetadataValidator().validate_nb(notebook(name))


@each_notebook
def test_regions_are_closed_and_where_they_belong(name):
    home = {"SOLUTION": {"solution", "written"}, "HIDDEN TESTS": {"tests"}, "MARK SCHEME": {"written"}}
    for cell in notebook(name).cells:
        for region in REGIONS:
            marks = re.findall(rf"(BEGIN|END) {region}", cell.source)
            assert marks == ["BEGIN", "END"] * (len(marks) // 2), f"{region} in {cell.id}"
            assert not marks or kind(cell) in home[region], f"{region} in {cell.id}"


@each_notebook
def test_nothing_secret_is_left_when_nbgrader_has_cleared_it(name):
    """Solutions, hidden tests and mark schemes go; what is left of a solution cell raises NotImplementedError."""
    from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearSolutions

    nb, resources = nbformat.from_dict(notebook(name)), {}
    nb = nbformat.reads(nbformat.writes(nb), as_version=4)
    for step in (ClearSolutions(), ClearHiddenTests(), ClearMarkScheme()):
        nb, resources = step.preprocess(nb, resources)
    for cell in nb.cells:
        assert not re.search("|".join(REGIONS) + "|from exercises|misconception", cell.source), cell.id
        if kind(cell) == "solution":
            assert "raise NotImplementedError()" in cell.source
            ast.parse(cell.source)
        if kind(cell) == "written":
            assert "YOUR ANSWER HERE" in cell.source
            assert len(cell.source) < 400


# Fair statements ------------------------------------------------------------------------------------------------------


@each_notebook
def test_first_cells_are_the_introduction_and_the_setup(name):
    first, *rest = cells(name).items()
    assert (first[0], kind(first[1])) == ("intro", "text")
    given = [grade_id for grade_id, cell in rest if kind(cell) == "given"]
    assert "setup" in given
    order = list(cells(name))
    assert order.index("setup") < min(order.index(function) for function in exercises_in(name))
    for wanted in ("import math", "import numpy as np", "import torch"):
        assert wanted in [line.partition("#")[0].strip() for line in cells(name)["setup"].source.splitlines()]


@each_task
def test_exercise_has_its_four_cells_in_order(task):
    ours = [f"about_{task.function}", task.function, f"check_{task.function}", f"grade_{task.function}"]
    of = cells(task.notebook)
    assert [grade_id for grade_id in of if grade_id in ours] == ours
    assert [kind(of[grade_id]) for grade_id in ours] == ["text", "solution", "tests", "tests"]
    assert of[f"check_{task.function}"].metadata.nbgrader.points == 0


@each_notebook
def test_no_test_cell_stands_alone(name):
    tests = [grade_id for grade_id, cell in cells(name).items() if kind(cell) == "tests"]
    assert sorted(tests) == sorted(
        f"{what}_{function}" for function in exercises_in(name) for what in ("check", "grade")
    )


@each_task
def test_solution_cell_defines_the_function_it_is_named_after(task):
    body = ast.parse(cells(task.notebook)[task.function].source).body
    defined = [node for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert task.function in [node.name for node in defined]
    ours = next(node for node in defined if node.name == task.function)
    assert ast.get_docstring(ours), "no docstring"


@each_task
def test_signature_is_the_banks(task):
    """Same parameter names and defaults as the reference, so that hidden tests may use keywords."""

    def parameters(source):
        (definition,) = (n for n in ast.parse(source).body if getattr(n, "name", "") == task.function)
        inits = [n for n in ast.walk(definition) if isinstance(n, ast.FunctionDef)]
        chosen = definition if isinstance(definition, ast.FunctionDef) else inits[0]
        chosen.args.args = [ast.arg(arg.arg) for arg in chosen.args.args]
        return ast.unparse(chosen.args)

    reference = as_solution(find(task.function).reference, task.function)
    assert parameters(cells(task.notebook)[task.function].source) == parameters(reference)


@each_task
def test_grade_cell_is_the_usual_one(task):
    points = cells(task.notebook)[f"grade_{task.function}"].metadata.nbgrader.points
    assert points == find(task.function).points
    assert (
        cells(task.notebook)[f"grade_{task.function}"].source.split()
        == (
            f"# Graded with hidden tests: {points:g} points.\n### BEGIN HIDDEN TESTS\nfrom exercises import find\n"
            f'find("{task.function}").grade({task.function}).as_cell_result()\n### END HIDDEN TESTS'
        )
        .replace("1 points.", "1 point." if points == 1 else "1 points.")
        .split()
    )


def named(pattern: str, text: str) -> float:
    """The one number which a statement gives before this word."""
    found = re.findall(rf"(\d+(?:\.\d+)?) {pattern}", text)
    assert found, f"no “{pattern}” in {text[:60]!r}"
    return float(found[0])


@each_notebook
def test_statements_name_points_and_minutes_that_add_up(name):
    minutes = []
    for task in exercises_in(name) + written_in(name):
        grade = f"grade_{task}" if task in exercises_in(name) else task
        statement = cells(name)[f"about_{task}"].source
        assert named(r"(?:bonus )?points?\b", statement) == cells(name)[grade].metadata.nbgrader.points, task
        assert re.search("★", statement), f"{task}: no difficulty"
        minutes.append(named(r"min(?:utes)?\b", statement))
    assert sum(minutes) == notebook(name).metadata.course.minutes


@each_notebook
def test_written_question_has_a_question_and_a_mark_scheme(name):
    for grade_id in written_in(name):
        cell = cells(name)[grade_id]
        assert kind(cells(name)[f"about_{grade_id}"]) == "text"
        scheme = re.search(r"BEGIN MARK SCHEME.*?\n(.*)\n.*?END MARK SCHEME", cell.source, re.DOTALL)
        assert scheme, f"{grade_id} has no mark scheme"
        assert f"{cell.metadata.nbgrader.points:g} points" in scheme[1]
        assert len(scheme[1].splitlines()) >= 3
        inside = cell.source.index("BEGIN SOLUTION") < cell.source.index("BEGIN MARK SCHEME")
        assert inside, "nbgrader refuses a mark scheme outside the solution region of a question"


@pytest.mark.parametrize("assignment", sorted({name.partition("/")[0] for name in NOTEBOOKS}))
def test_points_of_an_assignment_without_its_bonus(assignment):
    points = 0
    for name in (name for name in NOTEBOOKS if name.startswith(f"{assignment}/")):
        for task in exercises_in(name) + written_in(name):
            title = cells(name)[f"about_{task}"].source.splitlines()[0]
            if "bonus" not in title.lower():
                points += cells(name)[f"grade_{task}" if task in exercises_in(name) else task].metadata.nbgrader.points
    assert points == {"hw0_warmup": 4}.get(assignment, 40)


# Visible tests that do their work -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "name"), answers("right"))
@runs_answers
def test_right_answer_passes_the_visible_test(task, name):
    exercise = find(task.function)
    right = {"reference": exercise.reference, **exercise.accepted, **exercise.witnesses}[name]
    assert task.passes_visible(as_solution(right, task.function))


@pytest.mark.parametrize(("task", "name"), answers("core"))
@runs_answers
def test_core_misconception_fails_the_visible_test(task, name):
    assert not task.passes_visible(as_solution(find(task.function).misconceptions[name].answer, task.function))


@each_task
@runs_answers
def test_visible_test_catches_half_of_the_misconceptions(task):
    wrong = find(task.function).misconceptions
    slip = [name for name in wrong if task.passes_visible(as_solution(wrong[name].answer, task.function))]
    assert len(slip) <= len(wrong) / 2, f"these pass: {slip}"


@each_task
@runs_answers
def test_visible_test_says_when_it_is_passed(task, capsys):
    namespace = task.given()
    exec(cells(task.notebook)[task.function].source, namespace)
    capsys.readouterr()
    exec(task.visible, namespace)
    out = capsys.readouterr()
    assert out.out.strip(), "a last line that prints “ok” is missing"
    assert out.err == ""


@each_task
@runs_answers
def test_solution_of_the_notebook_gets_full_marks(task):
    with quietly():
        namespace = task.given()
        exec(cells(task.notebook)[task.function].source, namespace)
        for student in ("", "ada"):
            verdict = find(task.function).grade(namespace[task.function], student)
            assert verdict.points == verdict.max_points, verdict.report()


@each_notebook
@runs_answers
def test_notebook_runs_from_top_to_bottom_without_a_word_on_stderr(name, capfd, monkeypatch, tmp_path):
    """nbgrader by itself gives 0 points for a test cell that writes to stderr, a warning for instance."""
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    with np.errstate(all="warn"), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        for cell in notebook(name).cells:
            if cell.cell_type == "code":
                capfd.readouterr()
                with contextlib.redirect_stderr(shown := io.StringIO()):
                    exec(compile(cell.source, cell.id, "exec"), namespace)
                if kind(cell) == "tests":
                    assert shown.getvalue() + capfd.readouterr().err == "", cell.id


def test_no_exercise_is_asked_for_twice():
    """Every notebook has exercises, and every exercise one notebook."""
    functions = [task.function for task in TASKS]
    assert sorted(set(functions)) == sorted(functions)
    assert all(exercises_in(name) for name in NOTEBOOKS)
