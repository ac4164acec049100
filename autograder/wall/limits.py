"""What one student process may use. Every limit is a traitlet: `c.Limits.cpu_seconds = 60` in `nbgrader_config.py`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from traitlets import Float, Integer
from traitlets.config import Configurable


def backstop_seconds(cpu_seconds: float) -> float:
    """Wall-clock seconds after which code that waits instead of computing is stopped too.

    Generous, because a busy machine also waits.
    """
    return 3 * cpu_seconds + 5


@dataclass(frozen=True)
class LimitValues:
    """The limits as plain data, for a grading job. Their defaults stand here only."""

    cpu_seconds: float = 30.0
    notebook_seconds: float = 120.0
    memory_mib: int = 2048
    processes: int = 64
    files_mib: int = 64

    @property
    def wall_seconds(self) -> float:
        """The backstop of one request that may use all its CPU seconds."""
        return backstop_seconds(self.cpu_seconds)

    def to_dict(self) -> dict[str, float]:
        return asdict(self)


class Limits(Configurable):
    """The configurable side of `LimitValues`."""

    cpu_seconds = Float(
        LimitValues.cpu_seconds, help="CPU seconds one cell or one call of a student's function may take."
    ).tag(config=True)
    notebook_seconds = Float(
        LimitValues.notebook_seconds, help="CPU seconds the student's code of one notebook may take."
    ).tag(config=True)
    memory_mib = Integer(LimitValues.memory_mib, help="MiB of memory (data segments) of one student process.").tag(
        config=True
    )
    processes = Integer(LimitValues.processes, help="Processes and threads a student's code may start.").tag(
        config=True
    )
    files_mib = Integer(LimitValues.files_mib, help="MiB of files a student's code may write.").tag(config=True)

    def values(self) -> LimitValues:
        return LimitValues(**{field.name: getattr(self, field.name) for field in fields(LimitValues)})
