"""Handing feedback back through nbgrader's exchange, when some of the class has handed in by other means.

nbgrader finds a student's feedback by a secret that their `nbgrader submit` has made. A file that came by mail or from an LMS has
none, and at the first of these `nbgrader release_feedback` stops: who comes after it in the list gets nothing.
"""

from __future__ import annotations

import glob
from pathlib import Path

from nbgrader.exchange.default import ExchangeReleaseFeedback
from traitlets.config import Config

NEEDED = ("timestamp.txt", "submission_secret.txt")


class ReleaseFeedback(ExchangeReleaseFeedback):
    """Hands back what the exchange can, and says whose page has to be sent by other means."""

    def copy_files(self) -> None:
        """nbgrader's own step, without those who did not submit through the exchange; each is named in the log."""
        others = [
            folder
            for folder in map(Path, sorted(glob.glob(self.src_path)))
            if not all((folder / name).is_file() for name in NEEDED)
        ]
        for folder in others:
            self.log.warning("%s did not submit through the exchange: send them %s", folder.parent.name, folder)
        before = self.coursedir.student_id_exclude
        self.coursedir.student_id_exclude = ",".join(filter(None, [before, *(one.parent.name for one in others)]))
        try:
            super().copy_files()
        finally:
            self.coursedir.student_id_exclude = before


def configure_release_feedback(c: Config) -> None:
    """Put `ReleaseFeedback` in the place of nbgrader's own step."""
    c.ExchangeFactory.release_feedback = "autograder.nbgrader_plugin.release_feedback.ReleaseFeedback"
