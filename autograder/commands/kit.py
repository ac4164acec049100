"""`course kit`: the zip that a student without a hub needs: the release notebooks, the lecture, requirements, and a README."""

from __future__ import annotations

import ast
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat

from autograder.commands.leaks import leaks
from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from autograder.pages import text_page

PROJECT = Path(__file__).parents[2]
LECTURE = PROJECT / "lecture5"
# To open and check a notebook; what the notebooks and modules import is found by reading them.
ALWAYS = ("jupyterlab", "nbgrader", "ipykernel")
PACKAGES = {"sklearn": "scikit-learn", "IPython": "ipython", "PIL": "pillow"}  # imported as -> installed as
KINDS = (".py", ".ipynb", ".mplstyle")  # of the lecture; what a run leaves there stays out
TOOLS = ("execute.py", "slides.py")  # the instructor's
DATE = (2020, 1, 1, 0, 0, 0)  # of every file in the zip: equal content, equal bytes


def make_kit(course: Classroom, assignment: str, path: Path | None = None) -> Path:
    """Write the zip and return its path, by default `kits/<assignment>.zip` in the course folder.

    Layout: one folder, in it `<assignment>/` (the release), `lecture5/` (notebooks without outputs, and its modules; found by the
    notebooks without being installed), `requirements.txt`, `README.md`. Raises CourseError where nothing is released, or where
    the release shows what students should not see.
    """
    course.require(assignment)
    folder = course.folder("release", assignment)
    notebooks = sorted(folder.glob("*.ipynb"))
    if not notebooks:
        raise CourseError(f"{assignment} is not released yet: first course release {assignment}")
    if found := leaks(course, assignment):
        raise CourseError(
            f"no kit was made, its release shows what students should not see: {found[0]} (see course release)"
        )
    files = {f"{assignment}/{one.relative_to(folder)}": one.read_bytes() for one in _files(folder)}
    lecture = [one for one in _files(LECTURE) if one.suffix in KINDS and one.name not in TOOLS]
    files |= {f"lecture5/{one.relative_to(LECTURE)}": _clean(one) for one in lecture}
    pins = _requirements(files)
    files["requirements.txt"] = "".join(f"{pin}\n" for pin in pins).encode()
    files["README.md"] = text_page(
        "kit_readme.md.j2",
        assignment=assignment,
        course=course.coursedir.course_id,
        torch=next((pin for pin in pins if pin.startswith("torch==")), "torch"),
        notebooks=[one.name for one in notebooks],
        lectures=sorted(name for name in files if name.startswith("lecture5/") and name.endswith(".ipynb")),
    ).encode()
    path = path or course.root / "kits" / f"{assignment}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    top = f"{course.coursedir.course_id or 'course'}-{assignment}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as kit:
        for name, data in sorted(files.items()):
            info = zipfile.ZipInfo(f"{top}/{name}", DATE)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            kit.writestr(info, data)
    return path


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)
        if path.is_file() and not path.is_symlink() and not hidden:
            yield path


def _clean(path: Path) -> bytes:
    """A file of the lecture; a notebook without what somebody's run left in it."""
    if path.suffix != ".ipynb":
        return path.read_bytes()
    nb = nbformat.read(path, as_version=4)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nb.metadata.pop("widgets", None)
    text: str = nbformat.writes(nb)
    return f"{text}\n".encode()


def _requirements(files: dict[str, bytes]) -> list[str]:
    """What the kit imports and what opens it, as requirements.txt pins it."""
    pinned = {}
    for line in (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        name, equal, _ = line.partition("==")
        if equal:
            pinned[name.lower()] = line.strip()
    wanted = {*ALWAYS, *(PACKAGES.get(name, name) for text in _sources(files) for name in _imported(text))}
    return sorted({pinned[name.lower()] for name in wanted if name.lower() in pinned})


def _sources(files: dict[str, bytes]) -> Iterator[str]:
    for name, data in files.items():
        if name.endswith(".py"):
            yield data.decode()
        elif name.endswith(".ipynb"):
            yield from (
                cell.source for cell in nbformat.reads(data.decode(), as_version=4).cells if cell.cell_type == "code"
            )


def _imported(source: str) -> set[str]:
    """Top-level names of what a cell or module imports."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell with %magic
        return set()
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names
