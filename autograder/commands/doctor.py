"""`course doctor`: one line per thing the course needs, with OK or what to do."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from autograder.course.exchange import exchange_problem, exchange_root
from autograder.wall.ladder import best_rung
from exercises.lost import InfrastructureError
from exercises.seeds import COURSE, SEED_OF_COURSE, seed_of_course

PROJECT = Path(__file__).parents[2]
PINS = ("requirements.lock", "requirements.txt")  # the first that is there says everything that is installed
SERVER_EXTENSIONS = ("formgrader", "assignment_list", "course_list", "validate_assignment")
LAB_EXTENSION = "@jupyter/nbgrader"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, whether it is well, and what was found or is to be done.

    optional: the course can be taught and graded without it.
    """

    what: str
    well: bool
    text: str
    optional: bool = False


def examine(start: Path) -> Iterator[Finding]:
    """Look at Python, packages, course folder, seed, gradebook, exchange, extensions, sandbox and browser."""
    version = sys.version.split()[0]
    yield Finding("Python", sys.version_info >= (3, 11), f"{version} (3.11 or newer is needed)")
    yield _packages()
    yield from _course(start)
    yield _sandbox()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    missing = "missing: sudo apt-get install chromium (only the browser tests need it)"
    yield Finding("Chromium", chromium is not None, chromium or missing, optional=True)


def _sandbox() -> Finding:
    try:
        rung = best_rung()
    except InfrastructureError as error:
        return Finding("sandbox", False, str(error))
    raise_it = f". Raise it: {rung.raise_it}" if rung.raise_it else ""
    return Finding("sandbox", rung.walled, f"{rung.name}: {rung.why}{raise_it}")


def _packages() -> Finding:
    """Is what the project pins what is installed?"""
    pins = next((PROJECT / name for name in PINS if (PROJECT / name).is_file()), None)
    if pins is None:
        return Finding("packages", True, f"installed without {PINS[-1]}; versions not compared")
    wrong = [problem for one in _requirements(pins.read_text()) if (problem := _problem(one))]
    fix = f"run: pip install -r {pins.name}"
    return Finding("packages", not wrong, f"{'; '.join(wrong)}; {fix}" if wrong else f"as {pins.name} pins them")


def _requirements(text: str) -> Iterator[Requirement]:
    """The packages of a requirements file that this Python and system need; pip's options (`-e .`) are none."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        bare = re.sub(r"(^|\s)(#|--).*", "", line).strip()
        if bare and not bare.startswith("-"):
            requirement = Requirement(bare)
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement


def _problem(requirement: Requirement) -> str:
    """How what is installed differs from what is required; "" where it does not. A build's name (`+cpu`) is no difference."""
    try:
        found = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        found = "missing"
    else:
        if requirement.specifier.contains(found, prereleases=True):
            return ""
    return f"{requirement.name} is {found}, wanted {str(requirement.specifier).removeprefix('==')}"


def _course(start: Path) -> Iterator[Finding]:
    try:
        course = Classroom.find(start)
    except CourseError as error:
        yield Finding("course", False, str(error))
        return
    name = course.coursedir.course_id
    text = (
        f"{course.root}, course id {name!r}" if name else "c.CourseDirectory.course_id is not set in nbgrader_config.py"
    )
    yield Finding("course", bool(name), text)
    yield _seed(course)
    try:
        course.check_database()
        yield Finding("gradebook", True, course.coursedir.db_url)
    except CourseError as error:
        yield Finding("gradebook", False, str(error))
    problem = exchange_problem(course)
    yield Finding("exchange", not problem, problem or str(exchange_root(course)), optional=True)
    yield _extensions()


def _seed(course: Classroom) -> Finding:
    """Is there a secret in the inputs of the hidden tests? It is never shown."""
    if seed_of_course(course.own_seed) == COURSE:
        text = "not set: hidden inputs can be computed by anybody who has this repository"
        return Finding("seed", False, f"{text}: course init {course.root} says which line to add", optional=True)
    if not os.environ.get(SEED_OF_COURSE):
        return Finding("seed", True, "c.EngineExporter.seed is set in nbgrader_config.py")
    other = course.own_seed not in ("", os.environ[SEED_OF_COURSE])
    wins = f"; it is another one than nbgrader_config.py's, and wins: unset {SEED_OF_COURSE}" if other else ""
    return Finding("seed", not other, f"{SEED_OF_COURSE} is set in the environment{wins}", optional=True)


def _extensions() -> Finding:
    """Formgrader, assignment list, course list and Validate in JupyterLab: half in the server, half in the browser."""
    from jupyter_core.paths import jupyter_config_path, jupyter_path
    from jupyter_server.extension.config import ExtensionConfigManager
    from jupyterlab_server.config import get_federated_extensions, get_page_config

    enabled = ExtensionConfigManager(read_config_path=jupyter_config_path()).get_jpserver_extensions()
    off = [name for name in SERVER_EXTENSIONS if not enabled.get(f"nbgrader.server_extensions.{name}")]
    if off:
        fix = "jupyter server extension enable --sys-prefix --py nbgrader"
        return Finding("extensions", False, f"{', '.join(off)} not enabled in the Jupyter server: {fix}")
    folders = jupyter_path("labextensions")
    if LAB_EXTENSION not in get_federated_extensions(folders):
        fix = "pip install --force-reinstall --no-deps nbgrader, with the Python that runs JupyterLab"
        return Finding("extensions", False, f"JupyterLab does not find {LAB_EXTENSION}: {fix}")
    disabled = get_page_config(folders).get("disabledExtensions", {})
    if any(name.partition(":")[0] == LAB_EXTENSION for name in disabled):
        return Finding("extensions", False, f"{LAB_EXTENSION} is disabled: jupyter labextension enable {LAB_EXTENSION}")
    return Finding("extensions", True, f"nbgrader's {', '.join(SERVER_EXTENSIONS)} are enabled")
