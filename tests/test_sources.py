"""Every citation leads somewhere: each key in code, tests, notebooks and pages has its entry in docs/sources.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat
import pytest

from exercises import assignments, exercises_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "sources.md"
FOLDERS = ("exercises", "lecture5", "source", "autograder", "tests", "docs")
KINDS = (".py", ".ipynb", ".md", ".j2")

ITEM = re.compile(r"^ *\* .*(?:\n +(?! |\* ).*)*", re.MULTILINE)
ENTRY = re.compile(r"^ *\* (?P<keys>\*\*[^*]+\*\*(?:, \*\*[^*]+\*\*)*)\. (?P<text>\S.{2,})", re.DOTALL)

NUMBERED = re.compile(r"\b(MISCONCEPTIONS|COURSE|ERRATA|THEORY)\s+([AT]?\d+(?:\.\d+)?(?:,\s*\d+)*)")
FORMULA = re.compile(r"(?<![\w.])T\d{1,2}(?:\.\d{1,2})?\b")
SURNAME = r"[^\W\d_a-z][\w'’-]+"
SEVERAL = re.compile(rf"({SURNAME})(?:(?:, {SURNAME})* (?:&|and) {SURNAME}| et al\.),? \(?([12]\d{{3}})\b")
ALONE = re.compile(rf"({SURNAME}) \(?([12]\d{{3}})\b")
SOURCE_LINE = re.compile(r"Sources?[.:]\**\s(.*?)(?=\n\s*\n|\n\* |\"\"\"|\Z)", re.DOTALL)
ARXIV = re.compile(r"arXiv:\d{4}\.\d{4,5}")
PAPER_FILE = re.compile(r"\b[A-Z][A-Z_]+\.md\b")
LIBRARY = re.compile(r"\b(?:py)?torch\b|sklearn|numpy|optax|TensorFlow|keras|jax|minitorch|theanets|ReduceLROnPlateau")


@cache
def entries() -> dict[str, str]:
    """key -> what the page says of it."""
    found = [ENTRY.match(item) for item in ITEM.findall(PAGE.read_text(encoding="utf-8"))]
    return {key: one["text"] for one in found if one for key in re.findall(r"\*\*([^*]+)\*\*", one["keys"])}


@cache
def papers() -> frozenset[tuple[str, str]]:
    """(first author, year) of every paper that has an entry."""
    firsts = [re.match(rf"({SURNAME}).* (\d{{4}})$", key) for key in entries()]
    return frozenset((first[1], first[2]) for first in firsts if first)


def text_of(path: Path) -> str:
    """A file's text; of a notebook, its cells."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    return "\n\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)


def files() -> Iterator[Path]:
    for folder in FOLDERS:
        paths = (path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in KINDS)
        yield from (path for path in paths if path not in (PAGE, Path(__file__)))


def sources() -> list[tuple[str, str]]:
    """(exercise: mistake, its source) for each mistake of the bank that names one."""
    return [
        (f"{name}: {mistake}", wrong.source)
        for assignment in assignments()
        for name, exercise in exercises_of(assignment).items()
        for mistake, wrong in exercise.misconceptions.items()
        if wrong.source
    ]


def keys_in(text: str) -> Iterator[str]:
    """The numbered keys of a text: "MISCONCEPTIONS 13, 14" has two, and "THEORY T16" is T16."""
    for kind, numbers in NUMBERED.findall(text):
        yield from (one if kind == "THEORY" else f"{kind} {one}" for one in re.split(r",\s*", numbers))
    yield from FORMULA.findall(text)


def papers_in(text: str) -> Iterator[tuple[str, str]]:
    """(first author, year): "Kingma & Ba 2015" anywhere, a single name after "Source:" only."""
    plain = re.sub(r"\s+", " ", text)
    yield from SEVERAL.findall(plain)
    for line in SOURCE_LINE.findall(text):
        yield from ALONE.findall(SEVERAL.sub("", re.sub(r"\s+", " ", line)))


def unresolved(text: str) -> list[str]:
    """The citations in a text that lead nowhere."""
    missing = [key for key in keys_in(text) if key not in entries()]
    missing += [f"{name} {year}" for name, year in papers_in(text) if (name, year) not in papers()]
    missing += [number for number in ARXIV.findall(text) if number not in PAGE.read_text(encoding="utf-8")]
    missing += [
        name for name in PAPER_FILE.findall(text) if not any((ROOT / at / name).exists() for at in ("", "docs"))
    ]
    return sorted(set(missing))


def rest_of(source: str) -> str:
    """What is left of a mistake's source without the keys that have an entry, and without papers."""
    rest = SEVERAL.sub(lambda found: "" if found.groups() in papers() else found[0], source)
    for key in sorted(entries(), key=len, reverse=True):
        rest = re.sub(rf"(?<!\w){re.escape(key)}(?!\w)", "", rest)
    return rest


@pytest.mark.parametrize("path", list(files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_citation_in_a_file_has_its_entry(path: Path) -> None:
    assert unresolved(text_of(path)) == [], f"{path.relative_to(ROOT)} cites what {PAGE.name} does not know"


@pytest.mark.parametrize(("where", "source"), sources(), ids=lambda value: value[:60])
def test_every_mistake_of_the_bank_has_a_source_with_an_entry(where: str, source: str) -> None:
    assert unresolved(source) == [], f"{where}: {source!r}"
    rest = rest_of(source)
    assert rest != source, f"{where}: {source!r} names nothing that {PAGE.name} knows"
    assert not LIBRARY.search(rest), f"{where}: {source!r} names a library's habit without an entry in {PAGE.name}"
    assert not re.search(r"#\d|\bPR\b|\bissue", rest), f"{where}: {source!r} names a thread without an entry"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("MISCONCEPTIONS 48", []),
        ("MISCONCEPTIONS 13, 9999", ["MISCONCEPTIONS 9999"]),
        ("COURSE A9.9; ERRATA 33", ["COURSE A9.9"]),
        ("COURSE A3, capstone", []),
        ("THEORY T99 and T1.77", ["T1.77", "T99"]),
        ("as Kingma and Ba (2015) and Nobody & Never 2015 say", ["Nobody 2015"]),
        ("In 1962 or so", []),
        ("Source: Novikoff\n    1962; Nobody 1962.", ["Nobody 1962"]),
        ("**Sources.** Duchi, Hazan & Singer 2011, JMLR 12 · Nobody 1066 (a law)", ["Nobody 1066"]),
        ("arXiv:1412.6980 and arXiv:9999.99999", ["arXiv:9999.99999"]),
        ("README.md and NOWHERE.md", ["NOWHERE.md"]),
    ],
)
def test_a_broken_citation_is_found(text: str, missing: list[str]) -> None:
    assert unresolved(text) == missing


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("own", ""),
        ("optax's convention", ""),
        ("Reddi, Kale and Kumar 2018", ""),
        ("unknown", "unknown"),
        ("own; torch's habit", "; torch's habit"),
        ("theanets #124", "theanets #124"),
    ],
)
def test_keys_are_taken_out_of_a_source(source: str, left: str) -> None:
    assert rest_of(source) == left


def test_every_item_of_the_page_is_an_entry() -> None:
    wrong = [item for item in ITEM.findall(PAGE.read_text(encoding="utf-8")) if not ENTRY.match(item)]
    assert not wrong, f"not of the form `* **key**. Text`: {wrong}"


def test_no_key_stands_twice() -> None:
    found = [ENTRY.match(item) for item in ITEM.findall(PAGE.read_text(encoding="utf-8"))]
    keys = [key for one in found if one for key in re.findall(r"\*\*([^*]+)\*\*", one["keys"])]
    assert sorted(keys) == sorted(entries())


def test_the_page_cites_only_its_own_entries() -> None:
    assert unresolved(PAGE.read_text(encoding="utf-8")) == []


def test_the_numbered_errata_lead_to_their_headings() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "docs" / "errata.md").read_text(encoding="utf-8"), re.MULTILINE)
    for key, text in entries().items():
        if re.fullmatch(r"ERRATA \d+", key) and not text.startswith("Not in [errata.md]"):
            quoted = re.match(r"“(.+?)”", text)
            assert quoted, f"{key} quotes no heading"
            assert any(one.startswith(quoted[1]) for one in headings), f"{key}: no heading begins with {quoted[1]!r}"


def test_the_rows_are_those_of_the_topics_table() -> None:
    topics = (ROOT / "docs" / "topics.md").read_text(encoding="utf-8")
    rows = {key for key in entries() if re.fullmatch(r"T\d+\.\d+", key)}
    assert rows == set(re.findall(r"\| (T\d+\.\d+) ", topics))


def test_topics_that_notebooks_name_are_in_the_topics_table() -> None:
    topics = set(re.findall(r"^\| (L\d+) ", (ROOT / "docs" / "topics.md").read_text(encoding="utf-8"), re.MULTILINE))
    for path in sorted((ROOT / "lecture5").glob("*.ipynb")):
        named = set(re.findall(r'topic="(L\d+)"', text_of(path)))
        assert named <= topics, f"{path.name} names {sorted(named - topics)}"
