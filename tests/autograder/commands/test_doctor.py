"""`course doctor`: each requirement has its line; each first-run trap of nbgrader gets the sentence that leads out of it."""

from __future__ import annotations

import importlib.metadata
import os
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder.cli.app import app
from autograder.commands import doctor
from autograder.course.scratch import make_course
from autograder.wall.ladder import missing
from exercises.seeds import COURSE

REQUIREMENTS = ("Python", "packages", "course", "seed", "gradebook", "exchange", "extensions", "sandbox", "Chromium")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with an exchange."""
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    root = tmp_path / "course"
    root.mkdir()
    make_course(root, settings=f"c.Exchange.root = {str(exchange)!r}\n")
    monkeypatch.chdir(root)
    return root


def finding(what: str) -> doctor.Finding:
    (found,) = (one for one in doctor.examine(Path.cwd()) if one.what == what)
    assert "\n" not in found.text
    return found


def settings(folder: Path, line: str) -> None:
    config = folder / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}{line}\n")


def test_one_line_per_requirement(folder: Path) -> None:
    done = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "400"})
    lines = done.output.splitlines()
    assert [line.split()[1] for line in lines] == list(REQUIREMENTS)
    for name in ("Python", "course", "gradebook", "exchange", "extensions"):
        assert f"OK {name}" in done.output
    assert done.exit_code == any(line.startswith("--") for line in lines)


def test_the_exchange_is_not_there(folder: Path) -> None:
    (folder.parent / "exchange").rmdir()
    found = finding("exchange")
    assert not found.well
    assert found.optional  # grading needs none
    assert "mkdir -p" in found.text


@pytest.mark.skipif(
    Path("/usr/local/share/nbgrader/exchange").exists(), reason="nbgrader's default exchange is set up here"
)
def test_the_exchange_is_not_set(folder: Path) -> None:
    settings(folder, "del c.Exchange['root']")
    found = finding("exchange")
    assert "nbgrader's default, and is not there" in found.text
    assert "set c.Exchange.root in nbgrader_config.py" in found.text


def test_the_exchange_is_closed(folder: Path) -> None:
    (folder.parent / "exchange").chmod(0o700)
    assert "chmod ugo+rwx" in finding("exchange").text


def test_no_course_id(folder: Path) -> None:
    settings(folder, "c.CourseDirectory.course_id = ''")
    found = finding("course")
    assert not found.well
    assert "c.CourseDirectory.course_id is not set" in found.text
    assert not finding("exchange").well


def test_no_seed(folder: Path) -> None:
    found = finding("seed")
    assert (found.well, found.optional) == (False, True)  # a course whose exercises are public grades without
    assert "can be computed by anybody who has this repository" in found.text
    assert f"course init {folder}" in found.text


def test_a_seed_is_set_and_not_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(folder, "c.EngineExporter.seed = 'hush-hush'")
    found = finding("seed")
    assert found.well
    assert "nbgrader_config.py" in found.text
    monkeypatch.setenv("COURSE_SEED", "whispered")
    other = finding("seed")
    assert not other.well
    assert "unset COURSE_SEED" in other.text
    settings(folder, "c.EngineExporter.seed = ''")
    assert finding("seed").well
    assert not [seed for seed in ("hush-hush", "whispered") if seed in found.text + other.text]


def test_the_seed_that_everybody_knows_is_none(folder: Path) -> None:
    settings(folder, f"c.EngineExporter.seed = {COURSE!r}")
    assert not finding("seed").well


def test_outside_of_a_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "nbgrader_config.py" in finding("course").text


def test_an_unwritable_gradebook(folder: Path) -> None:
    settings(folder, "c.CourseDirectory.db_url = 'sqlite:////proc/nowhere/gradebook.db'")
    assert "cannot be written" in finding("gradebook").text


def test_an_extension_that_was_disabled(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert finding("extensions").well
    own = tmp_path / "jupyter"
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(own))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    (own / "jupyter_server_config.d").mkdir(parents=True)
    (own / "jupyter_server_config.json").write_text(
        '{"ServerApp": {"jpserver_extensions": {"nbgrader.server_extensions.formgrader": false}}}'
    )
    found = finding("extensions")
    assert not found.well
    assert "formgrader not enabled" in found.text
    assert "jupyter server extension enable" in found.text
    (own / "jupyter_server_config.json").unlink()
    (own / "labconfig").mkdir()
    (own / "labconfig" / "page_config.json").write_text('{"disabledExtensions": {"@jupyter/nbgrader": true}}')
    assert "jupyter labextension enable @jupyter/nbgrader" in finding("extensions").text


@pytest.fixture
def pins(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the doctor finds pins."""
    monkeypatch.setattr(doctor, "PROJECT", tmp_path)
    return tmp_path


def test_versions_are_compared_with_what_is_pinned(pins: Path) -> None:
    (pins / "requirements.txt").write_text("# a comment\nnumpy==1.2.3\nno-such-package-here==1\n-e .\n")
    found = finding("packages")
    assert not found.well
    assert "wanted 1.2.3" in found.text
    assert "no-such-package-here is missing, wanted 1;" in found.text
    assert "pip install -r requirements.txt" in found.text


def test_the_lock_is_compared_where_there_is_one(pins: Path) -> None:
    (pins / "requirements.txt").write_text("numpy==1.2.3\n")
    (pins / "requirements.lock").write_text(
        f"numpy=={version('numpy')}  # via torch\n"
        "no-such-package-here==1 ; sys_platform == 'win32'\n"
        f"nbgrader[docs]=={version('nbgrader')} \\\n    --hash=sha256:0123\n"
    )
    found = finding("packages")
    assert (found.well, found.text) == (True, "as requirements.lock pins them")
    (pins / "requirements.lock").write_text("no-such-package-here==1 ; sys_platform == 'linux'\n")
    assert "pip install -r requirements.lock" in finding("packages").text


def test_a_local_build_is_the_pinned_version(pins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (pins / "requirements.txt").write_text("torch==2.13.0\n")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.13.0+cpu")
    assert finding("packages").well
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.13.1+cpu")
    assert not finding("packages").well


def test_no_pins(pins: Path) -> None:
    assert "versions not compared" in finding("packages").text


@pytest.mark.parametrize(
    ("start", "well", "words"),
    [
        ("landlock", missing("landlock") is None, "unset COURSE_RUNG"),
        ("rlimits", False, "rlimits: COURSE_RUNG=rlimits is set. Raise it: unset COURSE_RUNG"),
        ("docker", False, "COURSE_RUNG=docker is no rung of the sandbox"),
    ],
)
def test_a_lower_rung_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, start: str, well: bool, words: str
) -> None:
    monkeypatch.setenv("COURSE_RUNG", start)
    found = finding("sandbox")
    assert found.well == well
    assert words in found.text


def test_no_chromium(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if "bin" not in p))
    found = finding("Chromium")
    assert not found.well
    assert found.optional
    assert "apt-get install chromium" in found.text
