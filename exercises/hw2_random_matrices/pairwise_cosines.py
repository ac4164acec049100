"""`pairwise_cosines(X)`: the cosine of the angle between each pair of rows."""

import math

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _pairwise_cosines(X):
    X = np.asarray(X)
    if X.dtype.kind != "f":
        X = X.astype(np.float64)
    X = X / np.max(np.abs(X), axis=1, keepdims=True)
    X = X / np.sqrt(np.sum(X**2, axis=1, keepdims=True))
    cosines = [np.sum(X[i] * X[j]) for i in range(len(X)) for j in range(i + 1, len(X))]
    return np.clip(np.array(cosines, dtype=X.dtype), -1, 1)


# Other right ways ----------------------------------------------------------------------------------------------------


def _gram_matrix(X):
    X = np.array(X, dtype=np.result_type(X, np.float32) if np.asarray(X).dtype.kind == "f" else np.float64)
    X /= np.abs(X).max(axis=1)[:, None]
    X /= np.linalg.norm(X, axis=1)[:, None]
    gram = X @ X.T
    return np.clip(gram[np.triu_indices(len(X), k=1)], -1, 1)


def _pairs_in_loops(X):
    X = np.asarray(X)
    out = []
    for i in range(len(X)):
        for j in range(i + 1, len(X)):
            a, b = [float(v) for v in X[i]], [float(v) for v in X[j]]
            top_a, top_b = max(map(abs, a)), max(map(abs, b))
            a, b = [v / top_a for v in a], [v / top_b for v in b]
            dot = math.fsum(u * v for u, v in zip(a, b, strict=True))
            out.append(max(-1.0, min(1.0, dot / (math.hypot(*a) * math.hypot(*b)))))
    return np.array(out, dtype=X.dtype if X.dtype.kind == "f" else np.float64)


def _half_angle(X):
    X = np.asarray(X)
    dtype = X.dtype if X.dtype.kind == "f" else np.float64
    X = X.astype(np.float64)
    X = X / np.abs(X).max(axis=1, keepdims=True)
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    i, j = np.triu_indices(len(X), k=1)
    near, far = np.sum((X[i] - X[j]) ** 2, axis=1), np.sum((X[i] + X[j]) ** 2, axis=1)
    return ((far - near) / (far + near)).astype(dtype)  # |far - near| <= far + near, whatever is rounded


def _torch_rows(X):
    t = torch.tensor(np.array(X))
    t = t if t.is_floating_point() else t.double()
    t = t / t.abs().amax(dim=1, keepdim=True)
    t = t / t.norm(dim=1, keepdim=True)
    rows, columns = torch.triu_indices(len(t), len(t), offset=1)
    return (t[rows] * t[columns]).sum(dim=1).clamp(-1, 1).numpy()


# Library one-liners --------------------------------------------------------------------------------------------------


def _scipy_pdist(X):
    from scipy.spatial.distance import pdist

    X = np.asarray(X)
    X = X if X.dtype.kind == "f" else X.astype(np.float64)
    scaled = X / np.abs(X).max(axis=1, keepdims=True)
    return np.clip(1 - pdist(scaled, "cosine"), -1, 1).astype(X.dtype)


def _sklearn_cosine_similarity(X):
    from sklearn.metrics.pairwise import cosine_similarity

    X = np.asarray(X)
    X = X if X.dtype.kind == "f" else X.astype(np.float64)
    scaled = X / np.abs(X).max(axis=1, keepdims=True)
    return np.clip(cosine_similarity(scaled)[np.triu_indices(len(X), k=1)], -1, 1)


pairwise_cosines = Exercise(
    reference=_pairwise_cosines,
    accepted={
        "Gram matrix of normalized rows": _gram_matrix,
        "pair by pair in loops": _pairs_in_loops,
        "from sums and differences": _half_angle,
        "torch": _torch_rows,
    },
    witnesses={
        "scipy.spatial.distance.pdist": _scipy_pdist,
        "sklearn.metrics.pairwise.cosine_similarity": _sklearn_cosine_similarity,
    },
    banned=("scipy", "sklearn", "torch.nn", "torch.cosine_similarity", "np.corrcoef"),
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


@pairwise_cosines.check(
    "four vectors in the plane, by hand, in order",
    points=0.5,
    hint="Write down the six pairs in the order of the statement, and draw the vectors.",
)
def _by_hand(f, rng):
    a, b = (float(v) for v in rng.choice(np.arange(2.0, 9.0), size=2, replace=False))
    return typed(f(np.array([[a, 0.0], [b, b], [0.0, -a], [-3.0, 4.0]])))


@pairwise_cosines.check(
    "random rows, in few and many dimensions",
    points=0.5,
    hint="Each row is a vector, and there is one number for each unordered pair of rows.",
)
def _random_rows(f, rng):
    return [f(rng.normal(loc=0.3, size=(5, 3))), f(rng.normal(size=(3, 5))), f(rng.normal(size=(6, 300)))]


@pairwise_cosines.check(
    "never outside of [-1, 1]",
    points=0.25,
    hint="Rounding can push the cosine of two parallel vectors a little beyond 1.",
)
def _between_bounds(f, rng):
    # 30 pairs of parallel rows, in 30 directions: without clipping about every third of them rounds to more than 1
    rows = rng.normal(size=(30, 7))
    X = np.concatenate([rows, rows * rng.uniform(0.1, 9.0, size=(30, 1)) * rng.choice([-1.0, 1.0], size=(30, 1))])
    cosines = np.asarray(f(X), dtype=float)
    return {"cosines": cosines, "all within [-1, 1]": bool(np.all(np.abs(cosines) <= 1))}


@pairwise_cosines.check(
    "the length of a row does not matter",
    points=0.25,
    hint="Rows may be so long or so short that their squares leave the range of floats.",
)
def _scales(f, rng):
    X = rng.normal(size=(4, 5))
    factors = rng.permutation([1e200, 1e-200, 1e-7, 1.0])
    return [f(X * factors[:, None]), f(X * 1e-9)]


@pairwise_cosines.check(
    "integers, a single row; the input is left as it was",
    points=0.25,
    hint="Do not write into X, and look at the dtype for whole numbers.",
)
def _contract(f, rng):
    X = rng.normal(size=(3, 4))
    whole = rng.permutation(np.array([[1, 2, -1], [3, 0, 1], [-2, 1, 1]]))
    return [kept(f, X), kept(f, locked(X)), kept(f, strided(X)), kept(f, whole), typed(f(X[:1]))]


@pairwise_cosines.check(
    "float32 stays float32",
    points=0.25,
    rtol=1e-5,
    atol=1e-5,
    hint="Look at the dtype of the result for a float32 input.",
)
def _single(f, rng):
    return typed(f(rng.normal(size=(4, 6)).astype(np.float32)))


# Wrong answers, as students write them --------------------------------------------------------------------------------


@pairwise_cosines.mistake(
    "the full matrix",
    core=True,
    hint="""
        You return the whole m × m matrix of cosines. It has each pair twice, since the angle between i and j is the
        angle between j and i, and it has the 1 of every vector with itself on its diagonal. In a histogram these would
        look like a strange peak. The statement asks for each unordered pair once: m(m-1)/2 numbers in one row, first
        the pairs (0,1), (0,2), ..., then (1,2), and so on. That is the part of your matrix above the diagonal, read row
        by row.
    """,
    source="COURSE A2.12",
)
def _full_matrix(X):
    X = np.asarray(X)
    if X.dtype.kind != "f":
        X = X.astype(np.float64)
    X = X / np.max(np.abs(X), axis=1, keepdims=True)
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    return np.clip(X @ X.T, -1, 1)


@pairwise_cosines.mistake(
    "columns in place of rows",
    core=True,
    hint="""
        You compare the columns of X with each other. In this course a data matrix has one example per row: X has the
        shape (m, n), m vectors with n entries each. So there are m(m-1)/2 cosines, and each dot product is a sum over n
        terms. For a square X the length of the result cannot show the mistake, for others it can. Check which axis your
        norms are taken over: a norm belongs to one vector, so it needs the axis along which its entries lie.
    """,
    source="COURSE A2.12, MISCONCEPTIONS 45",
)
def _columns(X):
    X = np.asarray(X).T
    if X.dtype.kind != "f":
        X = X.astype(np.float64)
    X = X / np.max(np.abs(X), axis=1, keepdims=True)
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    return np.clip((X @ X.T)[np.triu_indices(len(X), k=1)], -1, 1)


pairwise_cosines.mistake(
    "no clipping",
    edits=[("np.clip(np.array(cosines, dtype=X.dtype), -1, 1)", "np.array(cosines, dtype=X.dtype)")],
    hint="""
        Your formula is right, but some of your cosines are outside of [-1, 1], by one unit in the last place. When two
        vectors are parallel, the exact cosine is 1, and the rounded one may come out as 1.0000000000000002. It looks
        harmless until somebody takes arccos to get the angle: arccos of this number is nan. As no true cosine is beyond
        ±1, moving such values back to the border makes each of them better. Do it at the end, once for all pairs.
    """,
    source="COURSE A2.12",
)

pairwise_cosines.mistake(
    "not normalized",
    edits=[
        ("    X = X / np.max(np.abs(X), axis=1, keepdims=True)\n", ""),
        ("    X = X / np.sqrt(np.sum(X**2, axis=1, keepdims=True))\n", ""),
        ("np.clip(np.array(cosines, dtype=X.dtype), -1, 1)", "np.array(cosines, dtype=X.dtype)"),
    ],
    core=True,
    hint="""
        You return the dot products of the rows. A dot product is the cosine times the lengths of both vectors, so it
        mixes two things: twice as long a vector gives twice the dot product, at the same angle. To get the cosine,
        divide by the two lengths, or, which is the same, make each row a vector of length 1 first. Here the lengths
        matter: a normal vector with n entries is about √n long, so your numbers are about n times too large. A cosine
        never leaves [-1, 1].
    """,
    source="own",
)

pairwise_cosines.mistake(
    "each row with itself",
    edits=[("for j in range(i + 1, len(X))", "for j in range(i, len(X))")],
    core=True,
    hint="""
        Your result also has the cosine of each vector with itself, which is always 1. So there are m(m+1)/2 numbers in
        place of m(m-1)/2. In a histogram of the angles of random vectors these m ones would be a false peak, at a place
        where there should be nothing. A pair consists of two different rows: the second index starts one after the
        first. If you cut the numbers out of a matrix, the diagonal has to stay behind. Count with m = 2: there must be
        one number.
    """,
    source="own",
)

pairwise_cosines.mistake(
    "pairs in the order of the lower triangle",
    edits=[("for i in range(len(X)) for j in range(i + 1, len(X))", "for i in range(len(X)) for j in range(i)")],
    core=True,
    hint="""
        Your cosines are right, but in another order. You go through the part below the diagonal: (1,0), (2,0), (2,1),
        (3,0), and so on. The statement wants the first index to be the slow one: (0,1), (0,2), (0,3), ..., then (1,2),
        (1,3). For three vectors both orders happen to be the same, from four on they are not. Whoever wants to know
        which pair a number belongs to relies on the order. Write the six pairs of four vectors in both orders, and
        compare.
    """,
    source="own",
)


@pairwise_cosines.mistake(
    "correlations",
    core=True,
    hint="""
        You subtract the mean of each row before you compare. That gives the correlation coefficient, the cosine between
        centred vectors. The exercise asks for the angle between the vectors as they are, seen from the origin. For
        random vectors with many entries of mean 0 the two are close, since the mean is near 0 anyway; for the vectors
        [1, 2] and [2, 1] they are not: their cosine is 0.8, and their correlation is -1. Leave out the centring, or the
        function which does it for you.
    """,
    source="own",
)
def _correlations(X):
    X = np.asarray(X)
    if X.dtype.kind != "f":
        X = X.astype(np.float64)
    X = X / np.max(np.abs(X), axis=1, keepdims=True)
    X = X - np.mean(X, axis=1, keepdims=True)
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    return np.clip((X @ X.T)[np.triu_indices(len(X), k=1)], -1, 1)


pairwise_cosines.mistake(
    "angles",
    edits=[
        (
            "return np.clip(np.array(cosines, dtype=X.dtype), -1, 1)",
            "return np.arccos(np.clip(np.array(cosines, dtype=X.dtype), -1, 1))",
        )
    ],
    core=True,
    hint="""
        You return the angles, in radians, and the statement asks for their cosines. For orthogonal vectors you give
        1.571, and the cosine is 0. Both tell the same story, but the cosine is the simpler number here: its
        distribution for random vectors has the mean 0 and the standard deviation 1/√n, exactly, and theory is compared
        with this. It needs one step less, and no care about where arccos is defined. Remove the last function that you
        apply to your numbers.
    """,
    source="own",
)

pairwise_cosines.mistake(
    "one norm for all",
    edits=[
        ("X = X / np.max(np.abs(X), axis=1, keepdims=True)", "X = X / np.max(np.abs(X))"),
        ("np.sqrt(np.sum(X**2, axis=1, keepdims=True))", "np.sqrt(np.sum(X**2))"),
    ],
    core=True,
    hint="""
        You divide by one number, the norm of the whole matrix. Each vector has a length of its own, so there must be m
        norms, one for each row. When np.linalg.norm gets a matrix and no axis, it returns the Frobenius norm: the root
        of the sum of all squares. Your cosines are all too small, and that of a vector with itself would not be 1. Name
        the axis along which the entries of one vector lie, and keep it with length 1, so that each row is divided by
        its own norm.
    """,
    source="MISCONCEPTIONS 47",
)

pairwise_cosines.mistake(
    "absolute values",
    edits=[("np.sum(X[i] * X[j])", "np.abs(np.sum(X[i] * X[j]))")],
    core=True,
    hint="""
        You return the absolute values of the cosines. The sign is a part of the answer: it tells whether the angle is
        smaller or larger than 90 degrees. For random vectors both happen equally often, and the mean of the cosines is
        0; with absolute values it would be about 0.8/√n, and a plot would show half of a bell. Absolute values make
        sense when only the line matters and not the direction, but the statement asks for the cosine between the
        vectors themselves.
    """,
    source="own",
)

pairwise_cosines.mistake(
    "squares out of range",
    edits=[("    X = X / np.max(np.abs(X), axis=1, keepdims=True)\n", "")],
    hint="""
        For rows of ordinary length you are right. But you square the entries as they come, and the square of 1e200 is
        inf, that of 1e-200 is 0. Then the length of the row is inf or 0, and the cosine becomes 0 or nan. The statement
        allows such rows; signals after many layers look like that. np.linalg.norm does not protect you, it also squares
        first. The cosine does not change when a row is multiplied by a positive number, so you may bring each row to a
        good scale before you square.
    """,
    source="COURSE A2.12",
)

pairwise_cosines.mistake(
    "epsilon in the norm",
    edits=[
        ("    X = X / np.max(np.abs(X), axis=1, keepdims=True)\n", ""),
        ("np.sqrt(np.sum(X**2, axis=1, keepdims=True))", "(np.sqrt(np.sum(X**2, axis=1, keepdims=True)) + 1e-8)"),
    ],
    hint="""
        You add a small number to the norm, to be safe from a division by zero. It changes every cosine a little, and
        those of short vectors a lot: a row of length 1e-7 loses a tenth of its cosine, and one of length 1e-200 is
        treated as if it were zero. The cosine does not depend on the lengths at all, so no fixed number can be small
        compared with all of them. The statement excludes rows of zeros; there is nothing to be safe from. Scale each
        row by its own size instead.
    """,
    source="own",
)

pairwise_cosines.mistake(
    "cosine distance",
    edits=[
        (
            "return np.clip(np.array(cosines, dtype=X.dtype), -1, 1)",
            "return 1 - np.clip(np.array(cosines, dtype=X.dtype), -1, 1)",
        )
    ],
    core=True,
    hint="""
        You return 1 minus the cosine, the so-called cosine distance: 0 for parallel vectors, 1 for orthogonal ones, 2
        for opposite ones. Libraries for clustering use it, since a distance should be 0 for things that are alike. The
        statement asks for the cosine itself, which is 1 for parallel vectors and near 0 for random ones in many
        dimensions. A value above 1 in your result is a sure sign. Look at the last step, or at the name of the function
        which you call.
    """,
    source="own",
)


@pairwise_cosines.mistake(
    "every ordered pair",
    core=True,
    hint="""
        Your result has each pair twice, as (i, j) and as (j, i): m(m-1) numbers, and the statement wants half of them.
        You have left out the diagonal, which is right, but the matrix of cosines is symmetric, so the part below the
        diagonal repeats the part above it. In a histogram this does not change the shape, but it doubles the number of
        samples that you seem to have, and any error bar comes out too small. Keep only pairs whose first index is
        smaller than the second.
    """,
    source="own",
)
def _every_ordered_pair(X):
    X = np.asarray(X)
    if X.dtype.kind != "f":
        X = X.astype(np.float64)
    X = X / np.max(np.abs(X), axis=1, keepdims=True)
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    return np.clip(X @ X.T, -1, 1)[~np.eye(len(X), dtype=bool)]


@pairwise_cosines.mistake(
    "normalizes X in place",
    hint="""
        Your cosines are right, but after the call the caller's matrix has rows of length 1: your division wrote into
        it. The operator /= works in place, and asarray makes no copy of something which already is an array. The
        lengths of the vectors are gone for ever, and the next exercise or plot may be about just these lengths. A
        read-only matrix, or one of whole numbers, raises an error. Write X = X / norms, which makes a new array and
        only binds the name to it.
    """,
    source="own",
)
def _normalized_in_place(X):
    X = np.asarray(X)
    X /= np.max(np.abs(X), axis=1, keepdims=True)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return np.clip((X @ X.T)[np.triu_indices(len(X), k=1)], -1, 1)
