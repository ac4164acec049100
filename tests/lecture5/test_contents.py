"""The map of notebook 00 says what the notebooks say of themselves."""

import json
import re

from lecture5 import contents


def table_on_the_page():
    notebook = json.loads((contents.FOLDER / contents.MAP).read_text(encoding="utf-8"))
    cell = next(cell for cell in notebook["cells"] if cell["id"] == contents.TABLE_CELL)
    return "\n".join(line for line in "".join(cell["source"]).splitlines() if line.startswith("|"))


def test_the_map_is_what_the_metadata_say():
    wanted = contents.table(contents.entries())
    assert table_on_the_page() == wanted, "the map is stale; run: python -m lecture5.contents"


def test_every_link_of_the_map_leads_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", table_on_the_page())
    assert len(links) >= 14
    for link in links:
        assert (contents.FOLDER / link).exists(), link


def test_every_notebook_has_its_place_on_the_map():
    placed = [number for numbers in contents.COMPONENTS.values() for number in numbers] + list(contents.ALL_OF_IT)
    assert len(placed) == len(set(placed))
    assert {entry.number for entry in contents.entries()} <= set(placed)
    assert {entry.number for entry in contents.entries() if not entry.component} <= set(contents.ALL_OF_IT)


def test_slides_are_written_as_ranges():
    assert contents.ranges(["S6", "S7", "S8", "S9", "S46"]) == "6–9, 46"
    assert contents.ranges(["S5"]) == "5"
    assert contents.ranges(["S18", "S7", "S17", "S17"]) == "7, 17–18"


def test_the_command_writes_the_map_anew(tmp_path, monkeypatch):
    text = (contents.FOLDER / contents.MAP).read_text(encoding="utf-8")
    stale = text.replace("Gradient pathologies", "Something else")
    (tmp_path / contents.MAP).write_text(stale, encoding="utf-8")
    wanted = contents.table(contents.entries(contents.FOLDER))
    monkeypatch.setattr(contents, "FOLDER", tmp_path)
    monkeypatch.setattr(contents, "table", lambda notebooks: wanted)
    contents.main()
    assert json.loads((tmp_path / contents.MAP).read_text(encoding="utf-8")) == json.loads(text)
