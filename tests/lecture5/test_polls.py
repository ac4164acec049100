"""Polls explain every option, need no script and no network, and have a text twin."""

import json

import pytest

from lecture5 import polls

WHY = {"a": "no, `x<1`", "b": "yes: **twice**"}


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(polls, "display", lambda data, raw=False: bundles.append(data))
    return bundles


def test_poll_shows_each_option_with_its_explanation(shown):
    polls.poll("Which?", ["a", "b"], answer="b", why=WHY)
    page, text = shown[0]["text/html"], shown[0]["text/plain"]
    assert page.count("<details") == page.count("</details>") == 2
    assert page.count("✓ Right.") == page.count("✗ Not this one.") == 1
    assert "<code>x&lt;1</code>" in page
    assert "<strong>twice</strong>" in page
    assert "<script" not in page
    assert "http" not in page
    assert text.index("B. b") < text.index("Answer: B.") < text.index("yes: **twice**")


def test_options_of_one_poll_close_each_other_and_not_those_of_another(shown):
    polls.poll("Which?", ["a", "b"], answer="b", why=WHY)
    polls.poll("Who?", ["a", "b"], answer="a", why=WHY)
    names = [bundle["text/html"].split('name="')[1].split('"')[0] for bundle in shown]
    assert names[0] != names[1]
    assert shown[0]["text/html"].count(names[0]) == 2


@pytest.mark.parametrize(
    ("options", "answer", "why"), [(["a", "b"], "c", WHY), (["a", "b"], "a", {"a": ""}), (["a"], "a", {"a": ""})]
)
def test_a_poll_without_answer_or_explanation_is_refused(options, answer, why):
    with pytest.raises(ValueError, match="poll 'Which\\?'"):
        polls.poll("Which?", options, answer=answer, why=why)


def test_survey_writes_only_when_answered(shown, tmp_path):
    path = tmp_path / "answers.json"
    polls.survey("pace", "We should", ["go slower", "go faster"], path=path)
    assert not path.exists()
    assert "2. go faster" in shown[0]["text/plain"]
    polls.survey("pace", "We should", ["go slower", "go faster"], choice=1, path=path)
    polls.survey("better", "How could it be better?", comment="Mehr Übung <3", path=path)
    polls.survey("pace", "We should", ["go slower", "go faster"], choice=2, path=path)
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "pace": {"choice": "go faster", "comment": ""},
        "better": {"choice": None, "comment": "Mehr Übung <3"},
    }
    assert "on this computer only" in shown[-1]["text/html"]


@pytest.mark.parametrize("choice", [0, 3])
def test_survey_refuses_a_number_that_is_no_option(choice, tmp_path):
    with pytest.raises(ValueError, match="not among 1 … 2"):
        polls.survey("pace", "We should", ["go slower", "go faster"], choice=choice, path=tmp_path / "answers.json")
