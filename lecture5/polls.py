"""Questions in the page: click an option to see whether it is right, and why. No network and no JavaScript.

Each option is a <details> element. Every browser opens it by click or by keyboard, and every screen reader knows it. It
works in JupyterLab, in exported HTML, in slides and on GitHub. Where no HTML is shown at all, the reader sees the same
as plain text: the options, with the answer below.
"""

import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from IPython.display import display

SURVEY_FILE = "survey_answers.json"


def poll(question: str, options: Sequence[str], answer: str, why: Mapping[str, str]) -> None:
    """Ask a multiple-choice question with one right answer, and explain every option.

    question: the text above. options: two to ten texts. answer: the right one of them. why: option -> explanation, for
    each option. All texts understand `code` and **bold**. Raises ValueError if the answer is not an option, or if an option
    has no explanation.
    """
    if answer not in options:
        raise ValueError(f"poll {question!r}: the answer {answer!r} is not among the options {list(options)}")
    if set(why) != set(options) or len(options) < 2:
        raise ValueError(f"poll {question!r}: `why` must explain each option, and nothing else; it has {list(why)}")
    group = "poll-" + hashlib.sha256(question.encode()).hexdigest()[:10]
    rows, lines = [], []
    for letter, option in zip("ABCDEFGHIJ", options, strict=False):
        right = option == answer
        verdict, color = ("✓ Right.", "#00956E") if right else ("✗ Not this one.", "#D2601A")
        rows.append(
            f'<details name="{group}" style="margin: 4px 0; padding: 5px 10px; border: 1px solid #8888; '
            f'border-radius: 5px"><summary style="cursor: pointer">{letter}. {_inline(option)}</summary>'
            f'<div style="margin: 6px 0 2px 4px; padding-left: 10px; border-left: 3px solid {color}">'
            f"<strong>{verdict}</strong> {_inline(why[option])}</div></details>"
        )
        lines.append(f"{letter}. {option}")
    letter = "ABCDEFGHIJ"[list(options).index(answer)]
    page = (
        f'<div class="lecture5-poll" role="group" aria-label="Poll" style="max-width: 46em; margin: 4px 0">'
        f"<p><strong>{_inline(question)}</strong><br><small>Decide first. Then click an option.</small></p>"
        + "".join(rows)
        + "</div>"
    )
    explained = [f"   {option}: {why[option]}" for option in options]
    text = "\n".join([question, *lines, "", f"Answer: {letter}.", *explained])
    display({"text/html": page, "text/plain": text}, raw=True)


def survey(
    name: str,
    question: str,
    options: Sequence[str] = (),
    choice: int | None = None,
    comment: str = "",
    path: str | Path = SURVEY_FILE,
) -> None:
    """Ask something that has no right answer, and keep the reader's answer in a JSON file on this computer.

    name: the key in the file. options: texts to choose from, or none. choice: the number of an option, from 1. comment: free
    text. With neither choice nor comment, nothing is written. A second answer replaces the first. path: the file. It holds
    no name and no time, and it is sent nowhere. Raises ValueError if `choice` is not the number of an option.
    """
    if choice is not None and not 1 <= choice <= len(options):
        raise ValueError(f"survey {name!r}: choice={choice} is not among 1 … {len(options)}")
    items = "".join(f"<li>{_inline(option)}</li>" for option in options)
    lines = [f"{i}. {option}" for i, option in enumerate(options, start=1)]
    ask = "choice=<number>, comment='…'" if options else "comment='…'"
    state = f"Write {ask} in the call above and run the cell again. There is no right answer."
    if choice is not None or comment:
        file = Path(path)
        answers = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        answers[name] = {"choice": None if choice is None else options[choice - 1], "comment": comment}
        file.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        state = f"Thank you. Your answer is in {file.name}, on this computer only."
    page = (
        f'<div class="lecture5-poll" role="group" aria-label="Survey" style="max-width: 46em; margin: 4px 0">'
        f"<p><strong>{_inline(question)}</strong></p><ol>{items}</ol><p><small>{html.escape(state)}</small></p></div>"
    )
    display({"text/html": page, "text/plain": "\n".join([question, *lines, "", state])}, raw=True)


def _inline(text: str) -> str:
    """Escape a text for HTML, with `code` and **bold**.

    >>> _inline("`x < 1` is **right**")
    '<code>x &lt; 1</code> is <strong>right</strong>'
    """
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
