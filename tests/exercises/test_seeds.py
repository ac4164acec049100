"""Random inputs: the same at every regrade, fresh in everything else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from exercises.seeds import COURSE, generator

lightly = settings(max_examples=50, deadline=None)


def draw(*key):
    return generator(*key).integers(2**63, size=4).tolist()


# Names as they occur: any letters, no control characters (the key's parts are joined with one).
names = st.text(st.characters(exclude_categories=["Cc", "Cs"]))


@lightly
@given(st.tuples(names, names, names))
def test_same_key_same_numbers(key):
    assert draw(*key) == draw(*key)


@lightly
@given(names, names, names, names.filter(bool))
def test_exercise_check_and_student_each_matter(exercise, check, student, more):
    keys = [(exercise, check, student), (exercise + more, check, student), (exercise, check + more, student)]
    keys.append((exercise, check, student + more))
    assert len({tuple(draw(*key)) for key in keys}) == len(keys)


def test_numbers_are_pinned():
    """A change here changes every student's inputs at the next regrade: do it between terms only."""
    assert generator("logsumexp", "shift", "ada").integers(1000, size=3).tolist() == [814, 652, 110]


def test_secret_of_the_course_changes_everything(monkeypatch):
    open_to_all = draw("logsumexp", "shift", "ada")
    monkeypatch.setenv("COURSE_SEED", "a secret")
    secret = draw("logsumexp", "shift", "ada")
    assert secret != open_to_all
    assert secret == draw("logsumexp", "shift", "ada")
    monkeypatch.setenv("COURSE_SEED", COURSE)
    assert draw("logsumexp", "shift", "ada") == open_to_all
