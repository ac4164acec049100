"""The digits that checks use, against scikit-learn's own reader."""

import subprocess
import sys

import numpy as np
from sklearn.datasets import load_digits

from exercises.digits import digits


def test_images_and_labels_are_scikit_learns():
    images, labels = digits()
    theirs = load_digits()
    assert images.dtype == theirs.data.dtype
    assert np.array_equal(images * 16, theirs.data)
    assert labels.dtype == theirs.target.dtype
    assert np.array_equal(labels, theirs.target)


def test_scikit_learn_is_not_imported():
    code = "import sys; from exercises.digits import digits; digits(); print('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
