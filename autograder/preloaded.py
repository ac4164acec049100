"""What a grading process needs, imported once: the workers of a class are forked from a process that has it."""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # one worker per core; and sums in the same order on every machine

import torch  # noqa: E402, F401

import autograder.examiner  # noqa: E402
import autograder.job  # noqa: E402, F401
from autograder.processes import die_with_parent  # noqa: E402
from autograder.sandbox import font_list  # noqa: E402

die_with_parent()
font_list()
