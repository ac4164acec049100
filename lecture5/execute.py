"""Run the lecture notebooks, each in its own process, and read off what they show.

python -m lecture5.execute                         # all of them: a table of topics, figures, numbers and seconds
python -m lecture5.execute --topics docs/topics.md # and the table of topics L1-L52, with the numbers measured
"""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from lecture5.checks import CHECK_MIME, numbers

FOLDER = Path(__file__).parent
TABLE_HEAD = f"{'notebook':<48}{'topics':>7}{'figures':>8}{'numbers':>8}{'seconds':>8}{'cpu s':>7}{'MiB':>6}"


@dataclass
class Figure:
    """One picture of a page: the cell it stands in, the section, and its alt text ("" if it has none)."""

    cell: str
    section: str
    alt: str


@dataclass
class Page:
    """What one run of a notebook showed, and what it took."""

    path: Path
    meta: dict[str, Any]  # the notebook's own `lecture5` metadata: title, slides, topics, minutes, homework
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    figures: list[Figure] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)  # a checks.Row as a dict, with its "cell" and "section"
    stderr: list[str] = field(default_factory=list)
    error: str = ""

    def __str__(self) -> str:
        return (
            f"{self.path.name:<48}{len(self.meta['topics']):>7}{len(self.figures):>8}{len(self.rows):>8}"
            f"{self.seconds:>8.1f}{self.cpu_seconds:>7.1f}{self.peak_mib:>6.0f}"
        )


def notebooks() -> list[Path]:
    """The lecture's notebooks, in order."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))


def execute(
    path: Path,
    python_path: Sequence[str] = (),
    timeout: int = 300,
    settings: Mapping[str, str] | None = None,
    keep_going: bool = False,
) -> Page:
    """Run a notebook from top to bottom on one thread, in a fresh process, and collect what it shows.

    path: the notebook; nothing is written to it. python_path: folders put before PYTHONPATH. timeout: seconds a cell
    may take. settings: further environment variables of the process. An error in a cell ends the run, or with
    keep_going only its cell; the first is reported in `error`, not raised. Peak memory and CPU time come from Linux'
    /proc and are 0 elsewhere.
    """
    notebook = nbformat.read(path, as_version=4)
    page = Page(path, dict(notebook.metadata.get("lecture5", {})))
    search = [*python_path, str(FOLDER.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(search), **(settings or {})}
    client = NotebookClient(notebook, timeout=timeout, resources={"metadata": {"path": str(path.parent)}})
    start = time.perf_counter()
    with client.setup_kernel(env=env):
        for index, cell in enumerate(notebook.cells):
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                page.error = page.error or f"{cell.id}: {error.ename}: {error.evalue}"
                if not keep_going:
                    break
        page.seconds = time.perf_counter() - start
        assert client.km is not None
        page.cpu_seconds, page.peak_mib = _cost(getattr(client.km.provisioner, "pid", None))
    _read(notebook, page)
    return page


def _cost(pid: int | None) -> tuple[float, float]:
    """CPU seconds and peak MiB of a process so far."""
    process = Path(f"/proc/{pid}")
    if not process.exists():
        return 0.0, 0.0
    user, system = process.joinpath("stat").read_text().rpartition(")")[2].split()[11:13]
    peak = re.search(r"VmHWM:\s+(\d+)", process.joinpath("status").read_text())
    ticks = os.sysconf("SC_CLK_TCK")
    return (int(user) + int(system)) / ticks, int(peak.group(1)) / 1024 if peak else 0.0


def _read(notebook: nbformat.NotebookNode, page: Page) -> None:
    """Collect figures, checked numbers and stderr from the outputs of an executed notebook."""
    section = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (heading := re.match(r"#{1,2} (.+)", cell.source)):
            section = heading.group(1)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if output.output_type == "stream" and output.name == "stderr":
                page.stderr.append(f"{cell.id}: {output.text.strip()}")
            if "image/png" in data:
                alt = output.metadata.get("image/png", {}).get("alt", "")
                page.figures.append(Figure(cell.id, section, alt))
            elif "<img" in data.get("text/html", ""):
                alts = re.findall(r'<img[^>]*\balt="([^"]*)"', data["text/html"])
                page.figures.append(Figure(cell.id, section, alts[0] if alts else ""))
            if CHECK_MIME in data:
                page.rows.append({**data[CHECK_MIME], "cell": cell.id, "section": section})


def topics_table(pages: Iterable[Page]) -> str:
    """The table of topics as markdown: where each stands, its figures, and every number measured beside its theory."""
    lines = [
        "| topic | notebook and section | figures | what | measured | expected | pass |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = [(int(row["topic"][1:]), page, row) for page in pages for row in page.rows if row["topic"]]
    for topic, page, row in sorted(rows, key=lambda entry: (entry[0], entry[1].path.name)):
        figures = ", ".join(figure.cell for figure in page.figures if figure.section == row["section"])
        expected = row["allowed"] if row["expected"] is None else f"{numbers(row['expected'])} ({row['allowed']})"
        name = f"{row['row']} {row['name']}".strip().replace("|", "\\|")
        place = f"[{page.path.stem}](../lecture5/{page.path.name}), {row['section']}"
        mark = "✓" if row["passed"] else "✗"
        lines.append(f"| L{topic} | {place} | {figures} | {name} | {numbers(row['measured'])} | {expected} | {mark} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the notebooks named (or all), print the table, return 1 if one of them failed."""
    parser = argparse.ArgumentParser(description="Run the lecture notebooks and tell what they show.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of lecture5/")
    parser.add_argument("--topics", type=Path, help="write the table of topics to this markdown file")
    parser.add_argument("--json", type=Path, help="write every checked number to this JSON file")
    options = parser.parse_args(arguments)
    print(TABLE_HEAD)
    pages = []
    for path in options.notebooks or notebooks():
        page = execute(path)
        pages.append(page)
        print(page, flush=True)
        for problem in [*page.stderr, *filter(None, [page.error])]:
            print("   ", problem)
    if options.topics:
        options.topics.write_text(f"# Topics, figures and numbers\n\n{topics_table(pages)}", encoding="utf-8")
    if options.json:
        rows = {page.path.name: page.rows for page in pages}
        options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(any(page.error or page.stderr for page in pages))


if __name__ == "__main__":
    sys.exit(main())
