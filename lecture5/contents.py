"""The notebooks of the lecture as they describe themselves: the table and the map of notebook 00.

python -m lecture5.contents    # write the table of notebook 00 anew from the metadata of all notebooks
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
MAP = "00_welcome_and_survey.ipynb"
TABLE_CELL = "map-table"

# The components of deep learning, as slides 27 and 47 list them, and the number of each notebook that is about one.
COMPONENTS = {
    "Linear operations": (5,),
    "Activation functions": (3,),
    "Loss functions": (1, 2),
    "Initializations": (4,),
    "Optimizers": (7, 8, 9, 10),
    "Regularizations": (11, 12, 13),
    "Architectures": (),  # the rest of the course
}
ALL_OF_IT = (0, 6)  # the map, and what learning is


@dataclass(frozen=True)
class Entry:
    """One notebook: its file, and what its own metadata says of it."""

    file: str
    title: str
    slides: list[str]
    minutes: int
    homework: str | None

    @property
    def number(self) -> int:
        """The number in front of the name: 8 for 08_optimizers.ipynb."""
        return int(self.file[:2])

    @property
    def component(self) -> str:
        """The component of deep learning it is about, or "" for all of it."""
        return next((name for name, numbers in COMPONENTS.items() if self.number in numbers), "")


def entries(folder: Path = FOLDER) -> list[Entry]:
    """Every notebook in the folder, in order."""
    found = []
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        meta = json.loads(path.read_text(encoding="utf-8"))["metadata"]["lecture5"]
        found.append(Entry(path.name, meta["title"], meta["slides"], meta["minutes"], meta["homework"]))
    return found


def ranges(slides: list[str]) -> str:
    """Slides as a reader writes them, each run of neighbours as a range.

    >>> ranges(["S6", "S7", "S8", "S46"])
    '6–8, 46'
    """
    numbers = sorted({int(slide[1:]) for slide in slides})
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def table(notebooks: list[Entry]) -> str:
    """The map as a markdown table.

    Each row has a link to the notebook, its slides, its minutes and its homework; the last row has the sum of minutes.
    """
    lines = ["| | notebook | component | slides | minutes | homework |", "|---|---|---|---|---|---|"]
    for entry in notebooks:
        here = "▶" if entry.file == MAP else ""
        homework = f"[{entry.homework}](../release/{entry.homework})" if entry.homework else ""
        lines.append(
            f"| {here} | [{entry.number:02d} {entry.title}]({entry.file}) | {entry.component} | {ranges(entry.slides)} "
            f"| {entry.minutes} | {homework} |"
        )
    lines.append(f"| | **together** | | | **{sum(entry.minutes for entry in notebooks)}** | |")
    return "\n".join(lines)


def main() -> None:
    """Write the table of notebook 00 anew."""
    path = FOLDER / MAP
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cell = next(cell for cell in notebook["cells"] if cell["id"] == TABLE_CELL)
    text = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    new = re.sub(r"^\|.*\|$(\n\|.*\|$)*", lambda match: table(entries()), text, count=1, flags=re.MULTILINE)
    cell["source"] = new if isinstance(cell["source"], str) else new.splitlines(keepends=True)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
