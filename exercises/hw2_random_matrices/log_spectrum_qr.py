"""`log_spectrum_qr(mats)`: logs of the singular values of a product that is too long for floats, by repeated QR."""

import math

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _log_spectrum_qr(mats):
    n = np.shape(mats[0])[0]
    q = np.eye(n)
    logs = np.zeros(n)
    for m in mats:
        q, r = np.linalg.qr(m @ q)
        logs += np.log(np.abs(np.diag(r)))
    return np.sort(logs)[::-1]


# Other right ways ----------------------------------------------------------------------------------------------------


def _gram_schmidt(mats):
    n = len(mats[0])
    q = np.eye(n)
    logs = [0.0] * n
    for m in mats:
        y = np.array(m, dtype=float) @ q
        for i in range(n):
            for _ in range(2):  # once more, for what rounding has left
                y[:, i] -= y[:, :i] @ (y[:, :i].T @ y[:, i])
            length = math.sqrt(y[:, i] @ y[:, i])
            logs[i] += math.log(length)
            y[:, i] /= length
        q = y
    return np.array(sorted(logs, reverse=True))


def _torch_qr(mats):
    q = torch.eye(len(mats[0]), dtype=torch.float64)
    logs = torch.zeros(len(mats[0]), dtype=torch.float64)
    for m in mats:
        q, r = torch.linalg.qr(torch.tensor(np.array(m), dtype=torch.float64) @ q)
        logs = logs + r.diagonal().abs().log()
    return torch.sort(logs, descending=True).values.numpy()


def _positive_diagonal(mats):
    q = np.eye(len(mats[0]))
    diagonals = []
    for m in mats:
        q, r = np.linalg.qr(m @ q)
        signs = np.where(np.diag(r) < 0, -1.0, 1.0)
        q, r = q * signs, signs[:, None] * r
        diagonals.append(np.diag(r))
    return -np.sort(-np.sum(np.log(diagonals), axis=0))


def _two_at_a_time(mats):
    q = np.eye(len(mats[0]))
    total = np.zeros(len(q))
    for start in range(0, len(mats), 2):
        y = q
        for m in mats[start : start + 2]:
            y = np.matmul(m, y)
        q, r = np.linalg.qr(y)
        total += 0.5 * np.log(np.diagonal(r) ** 2)
    return np.flip(np.sort(total))


log_spectrum_qr = Exercise(
    reference=_log_spectrum_qr,
    accepted={
        "Gram-Schmidt, twice, in loops": _gram_schmidt,
        "torch.linalg.qr": _torch_qr,
        "diagonals made positive and kept": _positive_diagonal,
        "QR after every second factor": _two_at_a_time,
    },
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


@log_spectrum_qr.check(
    "three triangular factors, by hand",
    points=0.5,
    hint="For triangular factors the diagonals multiply; do this on paper, in logs.",
)
def _by_hand(f, rng):
    a, b, c = rng.choice(np.arange(2.0, 10.0), size=(3,), replace=False)
    first = np.array([[1.0, a], [0.0, -b]])
    return [typed(f([first, first, np.array([[-c, 1.0], [0.0, c]])])), typed(f([np.array([[-a]])] * 3))]


@log_spectrum_qr.check(
    "short products of random factors",
    points=1.0,
    rtol=1e-8,
    atol=1e-8,
    hint="The sum of your logs must be the sum of the log |det| of all factors.",
)
def _short(f, rng):
    return [f(list(rng.normal(size=(k, n, n)))) for k, n in ((1, 4), (2, 3), (7, 5), (12, 2))]


@log_spectrum_qr.check(
    "each factor acts on the Q of the step before",
    points=1.0,
    rtol=1e-8,
    atol=1e-8,
    hint="If one matrix is repeated, the logs per step come near the logs of its absolute eigenvalues.",
)
def _carried(f, rng):
    a, b = rng.uniform(2.0, 4.0, size=2)
    symmetric = np.array([[a, 1.0], [1.0, 1.0]])
    general = np.array([[b, 1.0, 0.3], [0.4, 1.0, -0.5], [0.1, 0.7, 0.2]])
    few = [np.asarray(f([m] * k)) / k for m, k in ((symmetric, 8), (general, 6))]
    # Of many factors only whether rounding has drowned the smallest: its value would then be a matter of chance.
    logs = np.asarray(f([symmetric] * 60), dtype=float)
    return [few, {"spread over more than e⁵⁰": bool(logs[0] - logs[-1] > 50)}]


@log_spectrum_qr.check(
    "a hundred factors, far beyond the range of floats",
    points=0.75,
    rtol=1e-8,
    atol=1e-7,
    hint="Nothing that you store may grow or shrink with the number of factors, except the sums of logs.",
)
def _long(f, rng):
    up, down = 1000 * rng.normal(size=(120, 4, 4)), 0.0001 * rng.normal(size=(90, 3, 3))
    return [f(list(up)), f(list(down))]


K, N = 150, 3


# Each z is the mean of 150 independent log chi variables, centred, over its standard error. By their Chernoff bounds
# P(|z| > 9) < 2e-13 for each of the three (the lower tail with one degree of freedom is the worst): false alarm
# < 1e-12. Power: summed log s, ascending order, means and squares are off by 12 and more, no |.|
# gives nan. The others are for the exact checks above: a Q that is not fed forward has the same law here.
@log_spectrum_qr.check(
    "Gaussian factors grow as theory says",
    points=0.25,
    rtol=0.0,
    atol=9.0,
    expect=lambda rng: np.zeros(N),
    hint="For Gaussian factors the logs per step are the Lyapunov exponents of the next exercise.",
)
def _standardized(f, rng):
    """Mean log growth per factor, minus theory, over its standard error."""
    sigma = N**-0.5
    logs = np.asarray(f(list(rng.normal(scale=sigma, size=(K, N, N)))), dtype=float)
    # psi and psi' at m/2 for m = N, ..., 1: |R_ii|² / sigma² is chi-squared with N-i+1 degrees of freedom
    psi = np.array([0.03648997397857652, -0.5772156649015329, -1.9635100260214235])
    trigamma = np.array([0.9348022005446793, 1.6449340668482264, 4.934802200544679])
    mu = 0.5 * (np.log(2) + psi) + np.log(sigma)
    return (logs / K - mu) / np.sqrt(trigamma / 4 / K)


@log_spectrum_qr.check(
    "the list and its matrices are left as they were, integers welcome",
    points=0.5,
    rtol=1e-8,
    atol=1e-8,
    hint="Read from the list and from its matrices; do not write to them.",
)
def _left_alone(f, rng):
    a, b = rng.normal(size=(2, 3, 3))
    whole = rng.permutation(np.array([[3, 1, 0], [1, -2, 1], [0, 1, 1]]))
    return [kept(f, [a, b]), kept(f, [locked(b), strided(a)]), kept(f, [whole, whole])]


# Wrong answers, as students write them --------------------------------------------------------------------------------


@log_spectrum_qr.mistake(
    "singular values of the finished product",
    core=True,
    hint="""
        You multiply all matrices first and take the singular values at the end. For a short product that is fine, for a
        long one the product itself is already spoiled. Its entries overflow or underflow, and even before that, every
        column of the product turns into the direction that grows fastest: floats hold 16 digits, so a singular value
        that is 1e16 times smaller than the largest one drowns in rounding errors. You need to separate the directions
        after every factor, while they can still be told apart, and to keep only the logs of their growth.
    """,
    source="COURSE A2.3, THEORY T3",
)
def _svd_of_the_product(mats):
    product = np.eye(len(mats[0]))
    for m in mats:
        product = m @ product
    return np.log(np.linalg.svd(product, compute_uv=False))


@log_spectrum_qr.mistake(
    "QR only at the end",
    core=True,
    hint="""
        You use QR, but only once, on the finished product. By then it is too late. After many factors all columns of
        the product point nearly the same way, and the small differences between them, which the small singular values
        are made of, have been rounded away; and the entries may be inf or 0 already. The idea of the algorithm is to
        split off a triangular R after each factor, keep the log of its diagonal, and go on with the well-behaved Q
        alone. So the decomposition belongs inside of the loop, not behind it.
    """,
    source="own",
)
def _qr_of_the_product(mats):
    product = np.eye(len(mats[0]))
    for m in mats:
        product = m @ product
    return np.sort(np.log(np.abs(np.diag(np.linalg.qr(product)[1]))))[::-1]


log_spectrum_qr.mistake(
    "no absolute value",
    edits=[("np.log(np.abs(np.diag(r)))", "np.log(np.diag(r))")],
    core=True,
    hint="""
        You take the log of the diagonal of R as it comes, and get nan. The QR decomposition is unique only up to signs:
        a column of Q can be flipped if the row of R is flipped too. LAPACK, which numpy calls, makes no promise about
        these signs, and in practice many diagonal entries are negative. The sign says nothing about growth: the factor
        by which a direction is stretched is a length. Ask yourself which number of R's diagonal you want before you
        take its logarithm.
    """,
    source="COURSE A2.3",
)

log_spectrum_qr.mistake(
    "Q is not fed forward",
    edits=[("np.linalg.qr(m @ q)", "np.linalg.qr(m)")],
    core=True,
    hint="""
        You decompose each matrix alone, and never use the Q of the step before. So you measure how each factor
        stretches the coordinate axes, but the signal does not arrive along the axes: the previous factor has turned it.
        For independent Gaussian factors nobody can see a difference on average, as they treat all directions alike. For
        the matrix [[2, 1], [1, 1]], repeated many times, you get ±0.805 per factor, where the truth is ±0.962. Each new
        matrix must act on the orthogonal frame that the step before has left.
    """,
    source="COURSE A2.3, the trap of iid factors",
)


@log_spectrum_qr.mistake(
    "sum of the logs of all singular values",
    core=True,
    hint="""
        You take the singular values of each factor and add up their logs, the largest with the largest. That assumes
        that the direction which one factor stretches most is handed over to exactly the direction which the next factor
        stretches most. Random matrices do not line up like this. You get the same sum over all directions, since the
        determinants multiply, but the spectrum is much too wide. The frame of directions has to be carried from factor
        to factor, and this is the job of Q in the algorithm.
    """,
    source="COURSE A2.3",
)
def _sum_of_log_singular_values(mats):
    return np.sum([np.log(np.linalg.svd(m, compute_uv=False)) for m in mats], axis=0)


log_spectrum_qr.mistake(
    "Q transposed",
    edits=[("np.linalg.qr(m @ q)", "np.linalg.qr(m @ q.T)")],
    hint="""
        You let the next factor act on the transposed Q. The columns of Q are the directions in which the signal leaves
        the layer before; its rows are something else. With Qᵀ the frame is turned back instead of handed on, so the
        next layer stretches the wrong directions. For 2×2 matrices this often goes unnoticed, because there Q may
        happen to be symmetric; take three or more dimensions to see it. Some programs return the factors in another
        form, and then a transpose is needed, but numpy's qr gives Q with orthonormal columns, such that Q·R is the
        matrix you put in.
    """,
    source="own",
)

log_spectrum_qr.mistake(
    "the last matrix first",
    edits=[("for m in mats:", "for m in mats[::-1]:")],
    core=True,
    hint="""
        You go through the list from the end. In this course the first matrix of the list is applied first: the signal
        meets M₁, then M₂, and the product is written M_k···M₁. Since the frame Q starts at the input, the first factor
        that it meets must be the first one of the list. In the other direction you get the estimates for another
        product, M₁···M_k, and for factors that do not commute it has other singular values. The sum of all logs is the
        same in both directions, so it cannot show this mistake.
    """,
    source="own",
)

log_spectrum_qr.mistake(
    "not sorted",
    edits=[("return np.sort(logs)[::-1]", "return logs")],
    core=True,
    hint="""
        The sums are right, but you return them in the order of the columns. For long random products the columns come
        out in descending order by themselves, because the first column is free to turn to the direction of fastest
        growth, the second to the next one, and so on. For a short product, or for triangular factors, the first columns
        need not be the largest. The statement asks for descending order always. Sort once, at the very end, when all
        the sums are complete.
    """,
    source="own",
)

log_spectrum_qr.mistake(
    "ascending order",
    edits=[("return np.sort(logs)[::-1]", "return np.sort(logs)")],
    core=True,
    hint="""
        The numbers are right, but they go up, and the statement wants them going down, the largest first, like singular
        values. np.sort always sorts upwards; there is no argument that turns it round. So one more step is missing
        after it. It is worth the trouble to keep to one order in the whole notebook: the next exercise computes the
        theory for these numbers, also in descending order, and a plot of one against the other is a straight line only
        if both begin with the largest.
    """,
    source="own",
)

log_spectrum_qr.mistake(
    "sorted after every factor",
    edits=[
        ("logs += np.log(np.abs(np.diag(r)))", "logs += np.sort(np.log(np.abs(np.diag(r))))[::-1]"),
        ("return np.sort(logs)[::-1]", "return logs"),
    ],
    core=True,
    hint="""
        You sort the logs of each step before you add them. But position i belongs to column i of Q, one direction that
        you follow through all the layers. In one layer the second column may grow more than the first. If you sort
        there, the growth of one direction is booked on the account of another, and the sums drift apart: the largest
        gets too large, the smallest too small. Add up column by column without touching the order, and sort only once,
        when the last factor is done.
    """,
    source="own",
)

log_spectrum_qr.mistake(
    "mean in place of the sum",
    edits=[("return np.sort(logs)[::-1]", "return np.sort(logs)[::-1] / len(mats)")],
    core=True,
    hint="""
        You divide by the number of factors. What you return is the growth per layer, an estimate of the Lyapunov
        exponents, which are the subject of the next exercise. Here the logs of the singular values of the whole product
        are asked for, so that their exponentials would be the singular values themselves, if floats could hold them.
        For the product of three diagonal matrices it is the sum of three logs. Leave the division to the caller, who
        may want to compare products of different lengths.
    """,
    source="own",
)

log_spectrum_qr.mistake(
    "log10",
    edits=[("np.log(np.abs", "np.log10(np.abs")],
    core=True,
    hint="""
        You use the logarithm to base 10, and the statement asks for the natural one. All your numbers are smaller than
        wanted by the same factor, ln 10 = 2.303. Powers of ten are good for reading off how large a number is, and the
        exercises about initialization use them. Here the results are compared with Lyapunov exponents, whose formulas
        are in natural logs. When a result is wrong by a constant factor that does not depend on the input, look for the
        units first: the base of a logarithm is one of them.
    """,
    source="own",
)

log_spectrum_qr.mistake(
    "logs of the squares",
    edits=[("np.log(np.abs(np.diag(r)))", "np.log(np.diag(r) ** 2)")],
    core=True,
    hint="""
        All your numbers are twice as large as wanted. You square the diagonal of R before the log, which gets rid of
        the sign, but log r² is 2 log |r|. Squares belong to the eigenvalues of YᵀY, the exercise asks for the singular
        values of Y. It is a good habit to look at the simplest case: for one factor with the single entry 3, the answer
        is log 3 = 1.0986. If you like the square, because it needs no absolute value, the factor must be taken back at
        another place.
    """,
    source="own",
)


@log_spectrum_qr.mistake(
    "logarithm only at the end",
    core=True,
    hint="""
        Your QR steps are right, and Q is carried on. But you multiply the diagonals and take the log only at the end.
        The running product leaves the range of floats after a few hundred factors, sooner if the factors are large or
        small, and then you return inf or -inf. It is the same trap as multiplying probabilities in assignment 1: the
        log of a product is a sum of logs, and the sum stays small. Take the logarithm within the loop, as soon as R is
        there, and add.
    """,
    source="own",
)
def _log_of_the_product_of_diagonals(mats):
    q = np.eye(len(mats[0]))
    diagonal = np.ones(len(q))
    for m in mats:
        q, r = np.linalg.qr(m @ q)
        diagonal = diagonal * np.abs(np.diag(r))
    return np.sort(np.log(diagonal))[::-1]


@log_spectrum_qr.mistake(
    "the list is emptied",
    hint="""
        Your numbers are right, but after the call the caller's list is empty, or turned round. Methods such as reverse
        and pop change the list itself, and there is only one list: yours and the caller's are the same object. Whoever
        wants to compare your result with another method on the same factors will find nothing left. A for loop goes
        through a list without changing it, also backwards with reversed or with a slice, which makes a copy. Leave the
        arguments of a function as they came.
    """,
    source="own",
)
def _list_reversed_in_place(mats):
    mats.reverse()
    q = np.eye(len(mats[0]))
    logs = np.zeros(len(q))
    while mats:
        q, r = np.linalg.qr(mats.pop() @ q)
        logs += np.log(np.abs(np.diag(r)))
    return np.sort(logs)[::-1]
