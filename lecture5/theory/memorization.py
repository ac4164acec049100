"""What memorizing labels takes and gives, and how many weights a module has (T21)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def copied_label_accuracy(corruption: ArrayLike, classes: int, clean: float = 1.0) -> Array:
    """Test accuracy of a learner that copies the label of the nearest training example, labels being corrupted.

    A share r of the labels is drawn anew from all c classes, so a label stays right with probability 1 − r(c − 1)/c:
    a·(1 − r(c − 1)/c) + (1 − a)·r/c

    corruption: r, any shape. clean: its accuracy a without corruption; a wrong copy is right by luck. Source: counting.
    """
    r = np.asarray(corruption, dtype=np.float64)
    return clean * (1 - r * (classes - 1) / classes) + (1 - clean) * r / classes


def memorizing_weights(n: int, d: int) -> int:
    """Weights with which a two-layer ReLU net can fit any n labels of n different points in d dimensions: 2n + d.

    Source: Zhang et al. 2017, arXiv:1611.03530, theorem 1.
    """
    return 2 * n + d


def fire_parameters(channels: int, squeeze: int, expand: int) -> int:
    """Weights and biases of SqueezeNet's Fire module: C → s by 1×1, then s → e by 1×1 and s → e by 3×3, side by side.

    Cs + s + (s·e + e) + (9s·e + e). Source: Iandola et al. 2016, arXiv:1602.07360, section 3.2.
    """
    return channels * squeeze + squeeze + 10 * squeeze * expand + 2 * expand


def gated_spike_variance(rate: ArrayLike, silence_prob: float) -> Array:
    """Variance of a Poisson spike count which an inhibitory cell silences, all of it, with probability q.

    (1 − q)·λ + q(1 − q)·λ²: Poisson's where λ ≪ 1/q, dropout's (std ∝ λ) where λ ≫ 1/q

    rate: λ, any shape. Source: law of total variance.
    """
    lam = np.asarray(rate, dtype=np.float64)
    return (1 - silence_prob) * lam + silence_prob * (1 - silence_prob) * lam**2
