"""Slides of the lecture notebooks, each in one HTML file that shows without a network.

python -m lecture5.slides 05          # runs notebook 05 and writes slides/05_random_matrix_spectra.html
python -m lecture5.slides             # all of them

Open the file in a browser. The arrow keys and the space bar go on, S shows the speaker's view, F fills the screen.
reveal.js and MathJax stand inside the file. They come from two Python packages, which pip fetches once, by name; a
checksum makes sure that they are the right ones.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jinja2 import FileSystemLoader
from nbclient import NotebookClient
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from traitlets.config import Config

from lecture5.execute import FOLDER, notebooks

ASSETS = Path(sys.prefix) / "share" / "lecture5"


@dataclass(frozen=True)
class Wheel:
    """A Python package that carries JavaScript: only files inside it are read, it is not installed."""

    package: str
    version: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where its wheel is kept."""
        return ASSETS / f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"

    def fetch(self) -> None:
        """Make sure that the wheel lies in ASSETS; pip downloads it, once.

        Raises RuntimeError if the download fails, or if the file is not the one expected.
        """
        if not self.path.exists():
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command = [*pip, "--only-binary=:all:", f"--dest={ASSETS}", f"{self.package}=={self.version}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
            if done.returncode or not self.path.exists():
                raise RuntimeError(
                    f"pip could not fetch {self.package} {self.version} for the slides:\n{done.stderr.strip()}"
                )
        found = hashlib.sha256(self.path.read_bytes()).hexdigest()
        if found != self.sha256:
            raise RuntimeError(
                f"{self.path} is not the file expected: sha256 is {found}, expected {self.sha256}. Delete it."
            )

    def read(self, member: str) -> str:
        """The text of one file inside the wheel. member: its path there. Raises KeyError if there is none."""
        with zipfile.ZipFile(self.path) as wheel:
            return wheel.read(member).decode("utf-8")


REVEAL = Wheel("sphinx-revealjs", "3.2.1", "805bed3ca459346e0f01967d5ed1c40d6b7b917de1541e1e4566c8341fe7017b")
MATHJAX = Wheel("sphinx-mathjax-offline", "0.0.2", "206418155b2ff2f57496fb8501fdccae3da978e53031ff296c73729ba16062c4")


def offline_pieces() -> dict[str, str]:
    """reveal.js 5.2 and MathJax 3.2 (one file, no fonts), as texts that may stand inside a page: name -> text.

    The first call fetches their packages. Raises RuntimeError if that is not possible.
    """
    ASSETS.mkdir(parents=True, exist_ok=True)
    for wheel in (REVEAL, MATHJAX):
        wheel.fetch()
    reveal = "sphinx_revealjs/_static/revealjs"
    theme = REVEAL.read(f"{reveal}/dist/theme/white.css")
    return {
        "reveal_css": REVEAL.read(f"{reveal}/dist/reveal.css"),
        "theme_css": "\n".join(line for line in theme.splitlines() if not line.startswith("@import")),
        "reveal_js": _inside_script(REVEAL.read(f"{reveal}/dist/reveal.js")),
        "notes_js": _inside_script(REVEAL.read(f"{reveal}/plugin/notes/notes.js")),
        "mathjax_js": _inside_script(MATHJAX.read("sphinx-mathjax-offline/static/mathjax/tex-svg.js")),
    }


def _inside_script(source: str) -> str:
    """JavaScript that does not end its own <script> element; in a string, <\\/script is the same as </script."""
    return source.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def run(path: Path) -> NotebookNode:
    """The notebook with its outputs, run on one thread in a fresh process.

    path: the notebook; nothing is written to it. Raises nbclient's CellExecutionError if a cell fails.
    """
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    search = [str(FOLDER.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(search)}
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute(env=env)
    return notebook


def slides(notebook: NotebookNode, title: str) -> str:
    """An executed notebook as one HTML page of slides.

    Cells marked "skip" are left out, and so is the code of cells with the tag `hide-input`. title: what the browser shows.
    """
    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"hide-input"}
    exporter = SlidesExporter(config=config, extra_loaders=[FileSystemLoader(FOLDER)], template_file="slides.html.j2")
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    page, _ = exporter.from_notebook_node(notebook, resources={"offline": {**offline_pieces(), "title": title}})
    return page


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the slides of the notebooks named by their numbers, or of all. Returns the exit code, 0."""
    parser = argparse.ArgumentParser(description="Write slides that show without a network.")
    parser.add_argument("numbers", nargs="*", help="numbers of notebooks, as 05; default: all")
    parser.add_argument("--out", type=Path, default=Path("slides"), help="the folder to write to (default: slides)")
    options = parser.parse_args(arguments)
    chosen = [path for path in notebooks() if not options.numbers or path.name[:2] in options.numbers]
    missing = sorted(set(options.numbers) - {path.name[:2] for path in chosen})
    if missing:
        known = ", ".join(path.name[:2] for path in notebooks())
        parser.error(f"no notebook with the number {', '.join(missing)}; there are {known}")
    options.out.mkdir(parents=True, exist_ok=True)
    for path in chosen:
        target = options.out / f"{path.stem}.html"
        title = nbformat.read(path, as_version=4).metadata["lecture5"]["title"]
        target.write_text(slides(run(path), title), encoding="utf-8")
        print(f"{target}  {target.stat().st_size / 2**20:.1f} MiB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
