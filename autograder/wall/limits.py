"""What one student process may use. Every limit is a traitlet: `c.Limits.cpu_seconds = 60` in `nbgrader_config.py`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from traitlets import Float, Integer
from traitlets.config import Configurable


@dataclass(frozen=True)
class LimitValues:
    """The limits as plain data, for a grading job."""

    cpu_seconds: float = 30.0
    notebook_seconds: float = 120.0
    memory_mib: int = 2048
    processes: int = 64
    files_mib: int = 64

    @property
    def wall_seconds(self) -> float:
        """The backstop for code that waits instead of computing: generous, because a busy machine also waits."""
        return 3 * self.cpu_seconds + 5

    def to_dict(self) -> dict[str, float]:
        return asdict(self)


class Limits(Configurable):
    """The configurable side of `LimitValues`."""

    cpu_seconds = Float(30.0, help="CPU seconds one cell or one call of a student's function may take.").tag(
        config=True
    )
    notebook_seconds = Float(120.0, help="CPU seconds the student's code of one notebook may take.").tag(config=True)
    memory_mib = Integer(2048, help="MiB of memory (data segments) of one student process.").tag(config=True)
    processes = Integer(64, help="Processes and threads a student's code may start.").tag(config=True)
    files_mib = Integer(64, help="MiB of files a student's code may write.").tag(config=True)

    def values(self) -> LimitValues:
        return LimitValues(self.cpu_seconds, self.notebook_seconds, self.memory_mib, self.processes, self.files_mib)
