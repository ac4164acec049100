"""Does every asserted number hold on every CPU? The notebooks and the bank's right answers, as other CPUs compute them.

    python benchmarks/portability.py                                  # all; exit status 1 if a number has to be mended
    python benchmarks/portability.py --environments oldest --notebooks 01 05 --no-bank
    python benchmarks/portability.py --write docs/portability.md      # and the page of what was found

An environment is a set of variables that make the numerical libraries take the code they have for another CPU. This CPU must
be able to run that code; what it lacks is said. Each environment's libraries are asked what they really use.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from moving import Finding, findings
from portability_page import page, problems, summary

from exercises import assignments, exercises_of
from exercises.grading import deviations, remembering
from lecture5.execute import execute, notebooks

STUDENTS = ("ada", "alan", "emil")  # those of `course prove`
AVX2 = ("avx2", "fma")
AVX512 = ("avx512f", "avx512bw", "avx512dq", "avx512vl")
WIDER_THAN_AVX2 = re.compile(r"AVX512|X86_V4")
# What a setting of each library needs, as /proc/cpuinfo has it.
NEEDS = {"Nehalem": ("sse4_2",), "Haswell": AVX2, "Zen": AVX2, "SkylakeX": AVX512, "avx2": AVX2, "default": ()}


@dataclass(frozen=True)
class Environment:
    """Another kind of CPU, as far as variables can make this one into it.

    openblas, torch: the kernels that numpy, scipy and torch take; "" is what they choose themselves. numpy: the widest
    instructions of numpy's own loops: "baseline", "avx2" or "" for all. threads: how many the libraries may use.
    """

    name: str
    openblas: str = ""
    torch: str = ""
    numpy: str = ""
    threads: int = 1

    @property
    def settings(self) -> dict[str, str]:
        """The variables. MKL and oneDNN, which torch multiplies with, are held to the same instructions."""
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(self.threads))
        named = {
            "OPENBLAS_CORETYPE": self.openblas,
            "ATEN_CPU_CAPABILITY": self.torch,
            "NPY_DISABLE_CPU_FEATURES": " ".join(disabled(self.numpy)),
            "MKL_ENABLE_INSTRUCTIONS": {"default": "SSE4_2", "avx2": "AVX2"}.get(self.torch, ""),
            "ONEDNN_MAX_CPU_ISA": {"default": "SSE41", "avx2": "AVX2"}.get(self.torch, ""),
        }
        return threads | {name: value for name, value in named.items() if value}

    def lacks(self, cpu: Iterable[str]) -> list[str]:
        """The instructions this environment needs and the CPU does not have."""
        needed = dict.fromkeys((*NEEDS.get(self.openblas, ()), *NEEDS.get(self.torch, ())))
        return [flag for flag in needed if flag not in set(cpu)]


# Each kernel, each setting of torch and numpy, and both numbers of threads at least once.
ENVIRONMENTS = (
    Environment("own"),
    Environment("oldest", openblas="Nehalem", torch="default", numpy="baseline"),
    Environment("usual", openblas="Haswell", torch="avx2", numpy="avx2"),
    Environment("zen", openblas="Zen", torch="avx2", numpy="baseline", threads=2),
    Environment("server", openblas="SkylakeX", torch="default", threads=2),
)


def disabled(widest: str) -> list[str]:
    """The instruction sets of this CPU that numpy must not use, by the names of the installed numpy."""
    found: list[str] = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return {"": [], "avx2": list(filter(WIDER_THAN_AVX2.search, found)), "baseline": found}[widest]


def cpu_flags() -> list[str]:
    """The instruction sets of this CPU as Linux names them; none where there is no /proc/cpuinfo."""
    return _cpuinfo("flags").split()


def cpu_name() -> str:
    return _cpuinfo("model name") or "unknown"


def _cpuinfo(field: str) -> str:
    path = Path("/proc/cpuinfo")
    found = re.search(rf"^{field}\s*: (.*)$", path.read_text() if path.exists() else "", re.MULTILINE)
    return found.group(1) if found else ""


# In a process of the environment ------------------------------------------------------------------------------------


def libraries() -> dict[str, str]:
    """What the numerical libraries of this process really use."""
    import scipy.linalg  # noqa: F401  # its own OpenBLAS is loaded with it
    import threadpoolctl
    import torch

    blas = [info for info in threadpoolctl.threadpool_info() if info["internal_api"] == "openblas"]
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return {
        "openblas": ", ".join(sorted({info["architecture"] for info in blas})),
        "torch": torch.backends.cpu.get_cpu_capability(),
        "numpy": ", ".join(
            name for name in found if name not in os.environ.get("NPY_DISABLE_CPU_FEATURES", "").split()
        ),
        "threads": f"{max((info['num_threads'] for info in blas), default=1)}, torch {torch.get_num_threads()}",
        "versions": f"numpy {np.__version__}, torch {torch.__version__}",
    }


def bank() -> dict[str, list[dict[str, Any]]]:
    """exercise -> a row for each right answer, check and student: its deviation, in units of the tolerance."""
    with remembering():
        return {
            name: list(_rows(exercise)) for folder in assignments() for name, exercise in exercises_of(folder).items()
        }


def _rows(exercise: Any) -> Iterable[dict[str, Any]]:
    right = {"the reference": exercise.reference, **exercise.accepted, **exercise.witnesses}
    for answer_name, answer in right.items():
        for student in STUDENTS:
            for check, off in deviations(exercise, answer, student).items():
                yield {
                    "cell": check,
                    "name": f"{answer_name}, {student}",
                    "measured": [str(off) if np.isinf(off) else float(off)],
                    "expected": [0.0],
                    "room": [1.0],
                    "allowed": "1 tolerance",
                    "passed": bool(off <= 1),
                    "moves": "",
                }


INSIDE: dict[str, Callable[[], Any]] = {"libraries": libraries, "bank": bank}


def inside(environment: Environment, what: str) -> Any:
    """What one of the functions above says in a fresh process of the environment. Raises CalledProcessError."""
    command = [sys.executable, __file__, "--inside", what]
    env = {**os.environ, **environment.settings}
    return json.loads(subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout)


# From outside -------------------------------------------------------------------------------------------------------


def run_notebook(path: Path, environment: Environment) -> dict[str, Any]:
    """One notebook in the environment, to its end even if a number fails."""
    shown = execute(path, settings=environment.settings, keep_going=True, timeout=1800)
    return {"rows": shown.rows, "problems": [*filter(None, [shown.error]), *shown.stderr], "seconds": shown.seconds}


def measure(environment: Environment, paths: Sequence[Path], with_bank: bool, jobs: int) -> dict[str, Any]:
    """Everything asked for, in one environment."""
    start = time.perf_counter()
    found: dict[str, Any] = {"libraries": inside(environment, "libraries"), "notebooks": {}, "bank": {}}
    print(f"{environment.name}: {found['libraries']}", flush=True)
    with ProcessPoolExecutor(jobs) as pool:
        runs = {path.stem: pool.submit(run_notebook, path, environment) for path in paths}
        for stem, run in runs.items():
            found["notebooks"][stem] = run.result()
            print(
                f"  {stem}: {found['notebooks'][stem]['seconds']:.0f} s",
                *run.result()["problems"],
                sep="\n    ",
                flush=True,
            )
    if with_bank:
        found["bank"] = inside(environment, "bank")
    found["seconds"] = time.perf_counter() - start
    return found


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """An environment's record with what was run anew in place of what was there."""
    parts = {part: {**old.get(part, {}), **new[part]} for part in ("notebooks", "bank")}
    return {**new, **parts, "seconds": old.get("seconds", 0.0) + new["seconds"]}


def all_findings(record: dict[str, Any]) -> tuple[list[Finding], list[Finding]]:
    """Of the notebooks, and of the bank."""
    pages = {name: {stem: one["rows"] for stem, one in run["notebooks"].items()} for name, run in record.items()}
    return findings(pages), findings({name: run["bank"] for name, run in record.items()})


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [environment.name for environment in ENVIRONMENTS]
    parser = argparse.ArgumentParser(description="Do the asserted numbers hold on other CPUs?")
    parser.add_argument(
        "--environments", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names)
    )
    parser.add_argument("--notebooks", nargs="*", metavar="NN", help="their numbers, as 01 05; default: all")
    parser.add_argument("--no-bank", action="store_true", help="leave out the bank's right answers")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks at the same time")
    parser.add_argument("--record", type=Path, help="a JSON file: what is there counts too, what is run now is added")
    parser.add_argument("--write", type=Path, help="write the page of what was found to this markdown file")
    parser.add_argument("--inside", choices=INSIDE, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    if options.inside:
        print(json.dumps(INSIDE[options.inside]()))
        return 0
    record = json.loads(options.record.read_text()) if options.record and options.record.exists() else {}
    paths = [path for path in notebooks() if options.notebooks is None or path.name[:2] in options.notebooks]
    missing = {}
    for environment in ENVIRONMENTS:
        if lacking := environment.lacks(cpu_flags()):
            missing[environment.name] = lacking
            print(f"{environment.name}: not run, this CPU lacks {', '.join(lacking)}")
        elif environment.name in options.environments:
            new = measure(environment, paths, not options.no_bank, options.jobs)
            record[environment.name] = merge(record.get(environment.name, {}), new)
            if options.record:
                options.record.write_text(json.dumps(record, ensure_ascii=False))
    return report(record, missing, options.write)


def report(record: dict[str, Any], missing: dict[str, list[str]], write: Path | None) -> int:
    """Print what was found, write the page if asked for, and return the exit status."""
    pages, answers = all_findings(record)
    runs = [(name, stem, one) for name, run in record.items() for stem, one in run["notebooks"].items()]
    broken = [f"{name}, {stem}: {text}" for name, stem, one in runs for text in one["problems"]]
    print(summary(pages, answers))
    wrong = [*broken, *problems([*pages, *answers])]
    print(*wrong, sep="\n")
    if write:
        settings = {environment.name: environment.settings for environment in ENVIRONMENTS}
        write.write_text(page(record, missing, settings, cpu_name(), pages, answers), encoding="utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
