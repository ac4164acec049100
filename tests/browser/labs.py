"""JupyterLab servers of a scratch course: one for the instructor and the TA, one for a student, sharing an exchange folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

BINARIES = Path(sys.executable).parent
EXTENSIONS = ("formgrader", "validate_assignment", "assignment_list", "course_list")
START_SECONDS = 120


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab. address: with the trailing slash; token: what a browser shows once."""

    address: str
    token: str

    def url(self, path: str = "lab") -> str:
        return f"{self.address}{path}?token={self.token}"


def stop(processes: Collection[subprocess.Popen[bytes]]) -> None:
    """End servers that `Home.start` has started, with their kernels."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Home:
    """One person's home folder, with all that Jupyter would otherwise look for, or leave, in the real one."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / ".jupyter"

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "PYTEST", "COURSE"))
        }
        return kept | {
            "HOME": str(self.path),
            "JUPYTER_CONFIG_DIR": str(self.config),
            "JUPYTER_DATA_DIR": str(self.path / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.path / "runtime"),
            "IPYTHONDIR": str(self.path / "ipython"),
            "PATH": os.pathsep.join([str(BINARIES), os.environ.get("PATH", "")]),
        }

    def furnish(self) -> None:
        """Write the configuration: nbgrader's extensions on, no news from the network."""
        (self.config / "labconfig").mkdir(parents=True)
        extensions = {f"nbgrader.server_extensions.{name}": True for name in EXTENSIONS}
        server = {
            "ServerApp": {"jpserver_extensions": extensions, "password": "", "allow_root": True, "open_browser": False}
        }
        (self.config / "jupyter_server_config.json").write_text(json.dumps(server))
        page = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
        (self.config / "labconfig" / "page_config.json").write_text(json.dumps(page))

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """Start JupyterLab in this folder, on a port that the system chooses."""
        command = [str(BINARIES / "jupyter-lab"), "--port=0", "--ip=127.0.0.1", f"--ServerApp.root_dir={folder}"]
        with (self.path / "lab.log").open("wb") as log:
            return subprocess.Popen(command, cwd=folder, env=self.environment, stdout=log, stderr=subprocess.STDOUT)

    def wait(self, process: subprocess.Popen[bytes]) -> Lab:
        """The server, once it has said where it listens."""
        log, end = self.path / "lab.log", time.monotonic() + START_SECONDS
        while time.monotonic() < end and process.poll() is None:
            for path in (self.path / "runtime").glob("jpserver-*.json"):
                told = json.loads(path.read_text() or "{}")
                if told:
                    return Lab(told["url"], told["token"])
            time.sleep(0.1)
        process.kill()
        raise AssertionError(f"JupyterLab did not start ({process.returncode}):\n{log.read_text()[-3000:]}")
