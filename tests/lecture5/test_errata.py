"""docs/errata.md and the erratum boxes of the notebooks tell of the same slides."""

import re
from pathlib import Path

import nbformat
import pytest

from lecture5.execute import FOLDER, notebooks

PAGE = Path(__file__).parents[2] / "docs" / "errata.md"
SLIDES = r"[Ss]lides? (\d+\w?(?:(?:, | and | to )\d+)*)"


def slides_in(text):
    """The slide numbers in "slide 33", "slides 35 and 36", "slides 61, 62 and 63", "slides 61 to 63"."""
    found = set()
    for group in re.findall(SLIDES, text):
        numbers = [int(number) for number in re.findall(r"\d+", group)]
        found |= set(range(numbers[0], numbers[-1] + 1)) if " to " in group else set(numbers)
    return found


def boxes():
    """(notebook, slide) for every box: a quoted paragraph that begins with a bold heading which names a slide."""
    found = set()
    for path in notebooks():
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                for heading in re.findall(r"^> \*\*(.+?)\*\*", cell.source, flags=re.MULTILINE):
                    found |= {(path.name, slide) for slide in slides_in(heading)}
    return found


def sections():
    """(heading, text) for every entry, and the text of the table at the end."""
    *entries, checked = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert checked.startswith("Checked and right")
    return [entry.split("\n", 1) for entry in entries], checked


def entries(label):
    """(notebook, slide) for every entry whose line `label` names a notebook."""
    found = set()
    for heading, text in sections()[0]:
        for name in re.findall(
            rf"^\* \*\*{label}\.\*\* \[[^\]]+\]\(\.\./lecture5/([^)]+)\)$", text, flags=re.MULTILINE
        ):
            found |= {(name, slide) for slide in slides_in(heading)}
    return found


@pytest.mark.parametrize(
    ("text", "slides"),
    [
        ("Erratum, slide 33.", {33}),
        ("Errata, slides 12 and 13.", {12, 13}),
        ("Erratum, slides 61 to 63, gently.", {61, 62, 63}),
        ("Slides 61, 62 and 63 · flat", {61, 62, 63}),
        ("Slide 7c, with a number.", {7}),
        ("A trap.", set()),
    ],
)
def test_slide_numbers_are_read(text, slides):
    assert slides_in(text) == slides


def test_every_box_has_its_entry():
    right = {
        int(n)
        for cell in re.findall(r"^\| ([\d, c]+) \|", sections()[1], flags=re.MULTILINE)
        for n in re.findall(r"\d+", cell)
    }
    missing = {(name, slide) for name, slide in boxes() - entries("Shown in") if slide not in right}
    assert not missing, f"a box without an entry in {PAGE.name}: {sorted(missing)}"


def test_every_entry_that_names_a_notebook_has_its_box():
    missing = entries("Shown in") - boxes()
    assert not missing, f"an entry without a box in the notebook it names: {sorted(missing)}"


def test_entries_without_a_box_name_a_notebook_of_their_slide():
    told = entries("Told in")
    assert told
    for name, slide in told:
        meta = nbformat.read(FOLDER / name, as_version=4).metadata.lecture5
        assert f"S{slide}" in meta.slides, (name, slide)


def test_every_entry_is_complete():
    entries_, _ = sections()
    assert len(entries_) > 40
    for heading, text in entries_:
        assert slides_in(heading), heading
        assert re.search(r" · (error|needs a word|notation|dated)(, dated)?$", heading), heading
        labels = re.findall(r"^\* \*\*(\w[\w ]*)\.\*\* ", text, flags=re.MULTILINE)
        assert labels[:4] == ["Says", "True", "Measured", "Source"], heading
        assert labels[4:] in (["Shown in"], ["Told in"]), heading


def test_entries_stand_in_the_order_of_the_slides():
    order = [min(slides_in(heading)) for heading, _ in sections()[0]]
    assert order == sorted(order)
