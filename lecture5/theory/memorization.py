"""What memorizing labels takes and gives, and how many weights a module has (T21)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def copied_label_accuracy(corruption: ArrayLike, classes: int, clean: float = 1.0) -> Array:
    """Test accuracy of a learner that copies the label of the nearest training example, where labels are corrupted.

    A share r of the labels is drawn anew from all c classes, so a label stays right with probability 1 − r(c − 1)/c:
    a·(1 − r(c − 1)/c) + (1 − a)·r/c

    corruption: r, any shape. classes: c. clean: a, the accuracy without corruption; a wrong copy may be right by luck.
    Returns the shape of corruption. Source: counting (T21).

    >>> copied_label_accuracy([0.0, 0.5, 1.0], classes=10).round(2)
    array([1.  , 0.55, 0.1 ])
    """
    r = np.asarray(corruption, dtype=np.float64)
    return clean * (1 - r * (classes - 1) / classes) + (1 - clean) * r / classes


def memorizing_weights(n: int, d: int) -> int:
    """Number of weights with which a two-layer ReLU net can fit any n labels of n different points: 2n + d.

    n: number of points. d: their dimension. Source: Zhang et al. 2017, arXiv:1611.03530, theorem 1.

    >>> memorizing_weights(n=1000, d=64)
    2064
    """
    return 2 * n + d


def fire_parameters(channels: int, squeeze: int, expand: int) -> int:
    """Weights and biases of SqueezeNet's Fire module.

    C → s by 1×1 convolutions, then s → e by 1×1 and s → e by 3×3, side by side:
    Cs + s + (s·e + e) + (9s·e + e)

    channels: C. squeeze: s. expand: e, for each of the two. Source: Iandola et al. 2016, arXiv:1602.07360, section 3.2.

    >>> fire_parameters(channels=96, squeeze=16, expand=64)
    11920
    """
    return channels * squeeze + squeeze + 10 * squeeze * expand + 2 * expand


def gated_spike_variance(rate: ArrayLike, silence_prob: float) -> Array:
    """Variance of a Poisson spike count which an inhibitory cell silences completely with probability q.

    (1 − q)·λ + q(1 − q)·λ²: like Poisson's where λ ≪ 1/q, like dropout's (std ∝ λ) where λ ≫ 1/q

    rate: λ, the mean count while not silenced, any shape. silence_prob: q. Returns the shape of rate.
    Source: the law of total variance (T20).

    >>> gated_spike_variance([1.0, 100.0], silence_prob=0.5)
    array([7.50e-01, 2.55e+03])
    """
    lam = np.asarray(rate, dtype=np.float64)
    return (1 - silence_prob) * lam + silence_prob * (1 - silence_prob) * lam**2
