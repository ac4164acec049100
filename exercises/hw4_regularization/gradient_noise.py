"""`gradient_noise(tr_sigma, B, N, replace)`: the root mean square error of a minibatch gradient."""

import math

import numpy as np

from exercises.arrays import number
from exercises.bank import Exercise
from exercises.observation import typed


def _gradient_noise(tr_sigma, B, N=None, replace=True):
    B = np.asarray(B, dtype=np.float64)
    variance = tr_sigma / B
    if not replace and N is not None:
        variance = variance * (N - B) / max(N - 1, 1)
    return np.sqrt(variance)


# Other right ways -----------------------------------------------------------------------------------------------------


def _pairs_of_examples(tr_sigma, B, N=None, replace=True):
    # variance of a mean of B numbers, any two of which have the covariance -tr_sigma/(N - 1)
    pair = -tr_sigma / (N - 1) if N is not None and N > 1 and not replace else 0.0
    if N == 1 and not replace:
        return 0.0 * np.asarray(B, dtype=float)
    B = np.asarray(B, dtype=float)
    return np.sqrt(np.maximum(B * tr_sigma + B * (B - 1) * pair, 0)) / B


def _one_size_at_a_time(tr_sigma, B, N=None, replace=True):
    def one(size):
        if replace or N is None:
            return math.sqrt(tr_sigma / size)
        if size == N:
            return 0.0
        return math.sqrt(tr_sigma / size * (N - size) / (N - 1))

    return np.vectorize(one, otypes=[float])(B)


def _product_of_roots(tr_sigma, B, N=None, replace=True):
    noise = np.sqrt(tr_sigma) / np.sqrt(B)
    if replace or N is None:
        return noise
    left = N - np.asarray(B)
    return noise * np.sqrt(left / (N - 1)) if N > 1 else 0 * noise


gradient_noise = Exercise(
    reference=_gradient_noise,
    accepted={
        "from the covariance of two examples": _pairs_of_examples,
        "one batch size at a time": _one_size_at_a_time,
        "product of roots": _product_of_roots,
    },
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@gradient_noise.check(
    "with replacement, numbers that work out by hand",
    points=0.25,
    hint="An average of B independent numbers has the variance of one, divided by B.",
)
def _by_hand(f, rng):
    size = int(rng.integers(2, 9))
    return [number(f(float(size * k * k), size)) for k in (3, 5)]


@gradient_noise.check(
    "without replacement from a finite data set",
    points=0.25,
    hint="The finite-population factor belongs to the variance, and only to sampling without replacement.",
)
def _finite(f, rng):
    sigma, N = rng.uniform(1, 40), int(rng.integers(30, 60))
    sizes = rng.integers(2, N, size=4).tolist()
    return [number(f(sigma, size, N, replace)) for size in sizes for replace in (False, True)]


@gradient_noise.check(
    "the corners: B = N, N = 1, B = 1, an endless data set",
    points=0.25,
    atol=1e-6,  # the root of a rounding error of 1e-15 is 3e-8
    hint="A batch of all examples has no noise; N=None means an endless data set.",
)
def _corners(f, rng):
    sigma, N = rng.uniform(1, 9), int(rng.integers(5, 20))
    return [
        number(f(sigma, N, N=N, replace=False)),
        number(f(sigma, N, N=N)),
        number(f(sigma, 1, N=1, replace=False)),
        number(f(sigma, 1, N=N, replace=False)),
        number(f(sigma, 3, replace=False)),
    ]


@gradient_noise.check(
    "an array of batch sizes",
    points=0.25,
    atol=1e-6,
    hint="B may be an array of whole numbers; the result has its shape, in float64.",
)
def _arrays(f, rng):
    sigma = rng.uniform(1, 40)
    sizes = rng.choice(np.arange(1, 41), size=6, replace=False)
    return [typed(f(sigma, sizes)), typed(f(sigma, sizes.reshape(2, 3), N=40, replace=False))]


# Wrong answers, as students write them --------------------------------------------------------------------------------


gradient_noise.mistake(
    "variance, not its root",
    edits=[("return np.sqrt(variance)", "return variance")],
    core=True,
    hint="""
        You return the mean squared error, and the question asks for its root, which has the unit of the gradient
        itself. The difference is more than a convention: it is the answer to the question of how much a larger batch
        helps. With four times as many examples, your number falls by four. The error of the gradient falls only by two,
        and this is why large batches are such a bad bargain. So compute the mean squared error as you do, with its
        correction, and take the root at the very end. For tr_sigma = 4 and B = 16 the result is 0.5.
    """,
    source="COURSE A4.12",
)

gradient_noise.mistake(
    "falls like 1/B",
    edits=[("tr_sigma / B", "tr_sigma / B**2")],
    core=True,
    hint="""
        Your noise falls like 1 / B: twice the batch, half the noise. It is a common hope, but averages are not that
        good. The errors of the examples point in different directions; in a sum of B of them they cancel only in part,
        and the sum grows like the root of B. Divided by B, the average still falls like one over the root of B. So for
        half of the noise you need four times the batch. It is the variance that falls like 1 / B. For tr_sigma = 4 and
        B = 16 the result is 0.5; find the place where the root misses the B.
    """,
    source="COURSE A4.12",
)

gradient_noise.mistake(
    "no finite-population factor",
    edits=[("variance = variance * (N - B) / max(N - 1, 1)", "pass")],
    core=True,
    hint="""
        You give the same noise with and without replacement. Think of the extreme case: a batch that holds every
        example of the data set, each exactly once. Its average is the full gradient, with no error at all, so the noise
        must be 0 for B = N. Without replacement, each example that is in the batch cannot come again, so the examples
        are a little negatively correlated, and the errors cancel better than independent ones. For small batches from
        large data sets the difference is tiny, which is why it is often forgotten. The statement gives the factor for
        the variance.
    """,
    source="COURSE A4.12; ERRATA 23",
)

gradient_noise.mistake(
    "N in place of N - 1",
    edits=[("max(N - 1, 1)", "N")],
    core=True,
    hint="""
        You use the factor (N - B) / N. It is nearly right for a large data set, and exactly 0 at B = N, so it is easy
        to overlook. But take B = 1: a batch of one example is the same thing with and without replacement, because
        there is no second draw that could repeat. So the factor must be exactly 1 there, and yours is (N - 1) / N. The
        right denominator comes from the covariance of two examples that are drawn without replacement, which is minus
        the variance divided by N - 1. Test the case B = 1 and the case B = N together.
    """,
    source="COURSE A4.12",
)

gradient_noise.mistake(
    "factor outside of the root",
    edits=[("variance = variance * (N - B) / max(N - 1, 1)", "return np.sqrt(variance) * (N - B) / max(N - 1, 1)")],
    core=True,
    hint="""
        You take the root first and multiply by the factor (N - B) / (N - 1) afterwards. The factor belongs to the
        variance, so its root belongs to the noise. At the ends you do not see it, because the roots of 0 and of 1 are 0
        and 1; in the middle it is a lot: for half of the data set the factor is about 0.5, and its root is about 0.71.
        So you promise less noise than there is. When you mix variances and standard deviations, decide once which of
        the two you are working with, and take the root in a single place, at the end.
    """,
    source="COURSE A4.12",
)

gradient_noise.mistake(
    "factor with replacement too",
    edits=[("not replace and N is not None", "N is not None")],
    core=True,
    hint="""
        As soon as N is given, you use the finite-population factor, and the argument replace has no effect. With
        replacement, each draw is made from the whole data set again, as if the ones before had never happened. Then the
        draws are independent, the size of the data set does not matter, and even a batch of N draws is noisy, for some
        examples are in it twice and others not at all. The factor describes what changes when an example cannot come
        again. So it is needed only without replacement; note that with replacement is the default here.
    """,
    source="own; ERRATA 23",
)

gradient_noise.mistake(
    "factor upside down",
    edits=[("variance * (N - B) / max(N - 1, 1)", "variance * max(N - 1, 1) / np.maximum(N - B, 1)")],
    core=True,
    hint="""
        Your factor stands upside down: it makes the noise larger without replacement, the more so the larger the batch.
        It must be the other way round. Without replacement an example cannot come twice, so each new example brings new
        information, and a batch of the whole data set has no error whatever. Ask of each factor what it should do at
        the two ends: for B = 1 it must be 1, since with one draw both ways are the same, and for B = N it must be 0.
        Only one of the two orders does this.
    """,
    source="own",
)

gradient_noise.mistake(
    "nan for a data set of one",
    edits=[("max(N - 1, 1)", "np.float64(N - 1)")],
    hint="""
        All is well but for one corner: with N = 1 and B = 1, you divide zero by zero and return nan (plain Python
        numbers raise an error here). A data set of one example leaves nothing to chance. The batch is that one example,
        its gradient is the full gradient, and the noise is 0. The statement says so. Such a corner looks silly, but
        functions like this are called in loops over data set sizes, and one nan is enough to spoil a plot or an
        average. Treat the case in which nothing is left out separately.
    """,
    source="own",
)

gradient_noise.mistake(
    "grows with B",
    edits=[("tr_sigma / B", "tr_sigma * B")],
    core=True,
    hint="""
        Your noise grows with the batch size. This is the noise of the sum of the gradients in a batch: B errors added
        up. But a minibatch gradient is the average of them, as the slide says, divided by B. The sum of B independent
        errors has B times the variance; dividing it by B divides the variance by B squared, and one B is left in the
        denominator. So larger batches are less noisy, though more slowly than one might hope. For tr_sigma = 4 and B =
        16 the result is 0.5; begin with B = 1, where it is 2.
    """,
    source="own: sum for mean",
)
