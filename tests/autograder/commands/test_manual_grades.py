"""What a TA entered, and the late policy, survive grading again; and `course regrade` says what became of them."""

from __future__ import annotations

import courses
import nbformat
import pytest
from courses import ASSIGNMENT, NOTEBOOK, solved, submit
from rich.console import Console
from typer.testing import CliRunner

from autograder.cli import app as cli
from autograder.cli import tables
from autograder.commands.manual_grades import ByHand, Entry, entered, told
from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from exercises import as_solution, find

pytestmark = pytest.mark.slow(30)

LSE, SIGMOID = find("logsumexp").points, find("log_sigmoid").points
MISTAKE = next(name for name, one in find("logsumexp").misconceptions.items() if one.core)
WRONG = as_solution(find("logsumexp").misconceptions[MISTAKE].answer, "logsumexp")
PENALTY = 0.25  # of the score
SETTINGS = f"""
from nbgrader.plugins import LateSubmissionPlugin
class Share(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return {PENALTY} * score
c.AssignLatePenalties.plugin_class = Share
c.EngineExporter.unsandboxed = True
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """Two students with a mistake, one of them late; a TA has graded the late one's written answer and one function."""
    course = courses.make(tmp_path_factory.mktemp("manual"), settings=SETTINGS)
    for student in ("late", "other"):
        submit(course, student, solved(course, logsumexp=WRONG))
    (course.folder("submitted", ASSIGNMENT, "late") / "timestamp.txt").write_text("2026-05-02 12:00:00 UTC")
    with course.gradebook() as gradebook:
        gradebook.update_or_create_assignment(ASSIGNMENT, duedate="2026-05-01 12:00:00")
    assert course.grade(ASSIGNMENT, workers=1, unsandboxed=True) == []
    with course.gradebook() as gradebook:
        for cell, score in (("W1", 1.5), ("grade_logsumexp", 0.75)):
            grade = gradebook.find_grade(cell, NOTEBOOK, ASSIGNMENT, "late")
            grade.manual_score, grade.needs_manual_grade = score, False
        gradebook.find_grade("grade_log_sigmoid", NOTEBOOK, ASSIGNMENT, "late").extra_credit = 0.5
        gradebook.find_comment("W1", NOTEBOOK, ASSIGNMENT, "late").manual_comment = "Say [b]why[/b]."
        gradebook.db.commit()
    return course


def stands(course: Classroom, penalty: float) -> None:
    """The TA's words and numbers, and the penalty as a share of the whole score, are in nbgrader's gradebook."""
    with course.gradebook() as gradebook:
        written = gradebook.find_grade("W1", NOTEBOOK, ASSIGNMENT, "late")
        assert (written.manual_score, written.score) == (1.5, 1.5)
        assert written.needs_manual_grade  # nbgrader asks to confirm it
        assert gradebook.find_grade("grade_logsumexp", NOTEBOOK, ASSIGNMENT, "late").score == 0.75
        assert gradebook.find_comment("W1", NOTEBOOK, ASSIGNMENT, "late").comment == "Say [b]why[/b]."
        late = gradebook.find_submission(ASSIGNMENT, "late")
        assert late.score == pytest.approx(1.5 + 0.75 + SIGMOID + 0.5)
        assert late.late_submission_penalty == pytest.approx(penalty * late.score)
        assert gradebook.find_submission(ASSIGNMENT, "other").late_submission_penalty == 0


def command(course: Classroom, *arguments: str) -> str:
    """A command's output on a wide screen, whatever the one is that the tests run on."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (cli, tables):
            patch.setattr(module, "console", Console(width=250))
        done = CliRunner().invoke(cli.app, [*arguments, "--course", str(course.root)])
    assert done.exit_code == 0, done.output
    return done.output


def test_grading_again_keeps_what_a_person_entered(course: Classroom) -> None:
    assert course.grade(ASSIGNMENT, force=True, workers=1, unsandboxed=True) == []
    stands(course, PENALTY)


def test_a_regrade_says_what_it_kept(course: Classroom) -> None:
    submit(course, "late", solved(course))  # the mistake is mended
    with course.gradebook() as gradebook:
        gradebook.grant_extension(ASSIGNMENT, "late", days=2)
    shown = command(course, "regrade", ASSIGNMENT, "--unsandboxed", "--workers", "1")
    stands(course, 0.0)
    lines = [line for line in shown[shown.index("entered by hand") :].splitlines() if "late" in line]
    (score,) = (line for line in lines if "grade_logsumexp" in line)
    assert f"0.75/{LSE:g} by hand" in score
    assert f"kept (automatic: {LSE:g})" in score  # the regrade's own result is not lost either
    assert "confirm it in formgrader" in score
    (written,) = (line for line in lines if "W1" in line)
    assert "1.5/2 by hand, comment 'Say [b]why[/b].'" in written
    assert any("0.5 extra credit" in line for line in lines)
    assert any("late penalty" in line and "the late policy was applied again" in line for line in lines)
    assert "other" not in shown[shown.index("entered by hand") :]


def test_a_question_that_people_graded_cannot_go_away(course: Classroom) -> None:
    path = course.folder("source", ASSIGNMENT) / f"{NOTEBOOK}.ipynb"
    nb = nbformat.read(path, as_version=4)
    (cell,) = (cell for cell in nb.cells if cell.id == "W1")
    cell.id = cell.metadata.nbgrader.grade_id = "W2"
    nbformat.write(nb, path)
    before = entered(course, ASSIGNMENT)
    with pytest.raises(CourseError, match="keep the grade_id of each cell"):
        course.grade(ASSIGNMENT, force=True, workers=1, unsandboxed=True)
    assert entered(course, ASSIGNMENT) == before


def test_what_would_not_survive_is_said() -> None:
    before = ByHand({("ada", "nb", "W1"): Entry(1.5, 2.0), ("ada", "nb", "W2"): Entry(1.0, 2.0, comment="Good.")})
    after = ByHand({("ada", "nb", "W2"): Entry(1.0, 2.0)})
    gone, changed = told(before, after, {"ada"})
    assert (gone.where, gone.old, gone.new) == ("nb: W1", "1.5/2 by hand", "gone")
    assert (changed.old, changed.why) == ("1/2 by hand, comment 'Good.'", "changed: enter it again")
    assert list(told(before, after, {"alan"})) == []
