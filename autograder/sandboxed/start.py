"""Starts a program of this folder, wherever the folder is mounted: the one file of it that is run as a script.

    python -I -B FOLDER/start.py PROGRAM ARGUMENTS...       PROGRAM is `forkserver` or `confine`

On the student's side this folder is a package of its own, named `sandboxed`; nothing else of ours is there. The package is
found by its own path and never by `sys.path`, so a student's `import shell` or `import wire` is about their own files.
"""

from __future__ import annotations

import importlib
import os
import sys
import types

PACKAGE = "sandboxed"
PROGRAMS = ("forkserver", "confine")


def start(program: str, arguments: list[str]) -> None:
    """Import the folder as a package and run one of its programs. Raises SystemExit for a name that is none."""
    if program not in PROGRAMS:
        raise SystemExit(f"{program} is no program of this folder: it can be {', '.join(PROGRAMS)}")
    package = types.ModuleType(PACKAGE, "What runs on the student's side of the wall.")
    package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules[PACKAGE] = package
    importlib.import_module(f"{PACKAGE}.{program}").main(arguments)


if __name__ == "__main__":
    start(sys.argv[1], sys.argv[2:])
