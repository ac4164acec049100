"""`dropout_ridge(X, y, p)`: the weights that dropout on the inputs of a linear model aims at."""

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _dropout_ridge(X, y, p):
    X = np.asarray(X, dtype=np.float64)
    y = np.asarray(y, dtype=np.float64)
    penalty = p / (1 - p) * np.sum(X**2, axis=0)  # the variance of a mask entry times the squared length of its column
    return np.linalg.solve(X.T @ X + np.diag(penalty), X.T @ y)


# Other right ways -----------------------------------------------------------------------------------------------------


def _extra_rows(X, y, p):
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    rows = np.diag(np.sqrt(p / (1 - p)) * np.linalg.norm(X, axis=0))
    targets = np.concatenate([y, np.zeros(X.shape[1])])
    return np.linalg.lstsq(np.vstack([X, rows]), targets, rcond=None)[0]


def _all_masks(X, y, p):
    import itertools

    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    d = X.shape[1]
    # mean of m_i·m_j over all masks of a row; two different features are independent, so pairs of features are enough
    second = np.zeros((d, d))
    for i in range(d):
        for j in range(d):
            features = [i] if i == j else [i, j]
            for mask in itertools.product([False, True], repeat=len(features)):
                probability, product = 1.0, 1.0
                for keep in mask:
                    probability *= (1 - p) if keep else p
                    product *= (1 / (1 - p)) if keep else 0.0
                second[i, j] += probability * product ** (2 if i == j else 1)
    return np.linalg.solve(second * (X.T @ X), X.T @ y)


def _conjugate_gradients(X, y, p):
    X, y = torch.as_tensor(np.array(X, dtype=float)), torch.as_tensor(np.array(y, dtype=float))
    length = (X * X).sum(dim=0).sqrt()
    Z = X / length  # columns of length one: well conditioned whatever the units
    w = torch.zeros(X.shape[1], dtype=torch.float64)
    rest = Z.T @ y
    direction, old = rest.clone(), rest @ rest
    for _ in range(20 * X.shape[1]):
        if float(old) < 1e-28:
            break
        image = Z.T @ (Z @ direction) + p / (1 - p) * direction
        alpha = old / (direction @ image)
        w, rest = w + alpha * direction, rest - alpha * image
        new = rest @ rest
        direction, old = rest + new / old * direction, new
    return (w / length).numpy()


dropout_ridge = Exercise(
    reference=_dropout_ridge,
    accepted={
        "least squares with extra rows": _extra_rows,
        "expectation over all masks": _all_masks,
        "conjugate gradients in torch": _conjugate_gradients,
    },
    banned=("sklearn", "torch.optim", "scipy.optimize"),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@dropout_ridge.check(
    "p = 0 is least squares",
    points=0.5,
    rtol=1e-7,
    atol=1e-10,
    hint="Without dropout the result is what np.linalg.lstsq gives, as an array of shape (d,).",
)
def _no_dropout(f, rng):
    return [typed(f(rng.normal(size=(n, d)), rng.normal(size=n), 0.0)) for n, d in ((9, 3), (6, 1))]


@dropout_ridge.check(
    "orthogonal columns, by hand",
    points=0.5,
    rtol=1e-7,
    atol=1e-10,
    hint="With orthogonal columns each weight can be found alone; do one of them on paper.",
)
def _orthogonal(f, rng):
    lengths = rng.choice(np.arange(1.0, 6.0), size=3, replace=False)
    X = np.zeros((5, 3))
    X[[4, 0, 2], [0, 1, 2]] = lengths
    y = rng.integers(1, 9, size=5) * 1.0
    return [f(X, y, p) for p in (0.2, 0.75)]


@dropout_ridge.check(
    "the minimiser of the expected loss, p below and above one half",
    points=0.75,
    rtol=1e-6,
    atol=1e-9,
    hint="Add mask variance times squared column length times squared weight, for each feature.",
)
def _minimiser(f, rng):
    X = rng.normal(size=(12, 4)) * rng.uniform(0.4, 3, size=4) + 0.5
    y = X @ rng.normal(size=4) + rng.normal(size=12) + 1
    return [f(X, y, p) for p in (0.1, 0.3, 0.8)]


@dropout_ridge.check(
    "more features than examples",
    points=0.5,
    rtol=1e-6,
    atol=1e-9,
    hint="With p > 0 the system can be solved however many features there are.",
)
def _wide(f, rng):
    X, y = rng.normal(size=(5, 9)), rng.normal(size=5)
    return [f(X, y, p) for p in (0.3, 0.6)]


@dropout_ridge.check(
    "features in other units: the same predictions",
    points=0.25,
    rtol=1e-6,
    atol=1e-9,
    hint="The penalty of a feature grows with the squared length of its column.",
)
def _units(f, rng):
    X, y = rng.normal(size=(15, 4)), rng.normal(size=15) + 1
    units = np.array([1.0, 200.0, 0.01, 5.0])[rng.permutation(4)]
    # in the units of the first features: the prediction must not depend on the units
    return [f(X * units, y, 0.35) * units, f(X, y, 0.35)]


@dropout_ridge.check(
    "X and y are left as they were; whole numbers work",
    points=0.5,
    rtol=1e-6,
    atol=1e-9,
    hint="The result is a new float64 array, and the inputs stay as they were.",
)
def _left_alone(f, rng):
    X, y = rng.normal(size=(8, 3)), rng.normal(size=8)
    return [
        kept(f, X, y, 0.4),
        typed(f(strided(locked(X)), locked(y), 0.15)),
        typed(f(rng.integers(-5, 6, size=(9, 3)), rng.integers(-5, 6, size=9), 0.25)),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


dropout_ridge.mistake(
    "plain ridge",
    edits=[("np.sum(X**2, axis=0)", "np.ones(X.shape[1])")],
    core=True,
    hint="""
        You put the same number on the whole diagonal. That is ordinary ridge regression, which is close, but dropout is
        fairer. Think of where the noise comes from: dropping a feature changes the prediction by that feature's weight
        times its value. A column of large values makes a lot of noise, so its weight is held back more. In the formula
        this is the squared length of the column. The nice consequence is that the predictions do not depend on units:
        measure a feature in millimetres in place of metres, and dropout does not care. Ridge does.
    """,
    source="COURSE A4.5",
)

dropout_ridge.mistake(
    "p(1 - p)",
    edits=[("p / (1 - p)", "p * (1 - p)")],
    core=True,
    hint="""
        You use p(1 - p), the variance of a coin that shows 0 or 1. But the masks of this course are rescaled: an entry
        is 0 with probability p and 1/(1 - p) otherwise, so that its mean is 1. Rescaling by 1/(1 - p) multiplies the
        variance by the square of it, and p(1 - p)/(1 - p)² is something simpler. The difference is large when much is
        dropped: at p = 0.8, your factor is 0.16 and the right one is 4. Compute the variance again, as the mean of the
        square minus the square of the mean, for a mask entry with these two values.
    """,
    source="COURSE A4.5",
)

dropout_ridge.mistake(
    "p without 1 - p",
    edits=[("p / (1 - p)", "p")],
    core=True,
    hint="""
        Your penalty grows like p. For a small p that is nearly right, and for a large p it is far too weak. Try the
        extreme: if p is close to 1, almost every feature is dropped, and the few that survive are scaled up by 1/(1 -
        p), a huge number. The noise has no limit there, so the penalty must have none either, and the weights must go
        to zero. Yours stays below 1. Compute the variance of one mask entry from its two values, 0 and 1/(1 - p), and
        their probabilities; that is the factor you need.
    """,
    source="own",
)

dropout_ridge.mistake(
    "keep and drop swapped",
    edits=[("p / (1 - p)", "((1 - p) / p if p else 0.0)")],
    core=True,
    hint="""
        Your factor stands upside down: it is the one for a p that means keeping. In this course, as in torch, p is the
        probability of dropping. In the paper by Srivastava and colleagues it is the probability of keeping, and
        formulas copied from there have p and 1 - p exchanged. At p = 0.5 both are the same, which is why a test with
        0.5 does not show it. Look at the two ends: for p near 0 almost nothing is dropped, and the penalty must vanish;
        for p near 1 almost everything is, and it must grow without limit.
    """,
    source="COURSE A4.5; ERRATA 54",
)

dropout_ridge.mistake(
    "mean in place of sum",
    edits=[("np.sum(X**2, axis=0)", "np.mean(X**2, axis=0)")],
    core=True,
    hint="""
        In the penalty you use the mean of the squared entries of a column, and in the squared error you use the sum
        over the examples. The two have to match. Each example gets a mask of its own, so each example adds its share to
        the noise, just as each adds its share to the error. With the mean, your penalty is weaker by the number of
        examples. You may divide both parts by n, since this changes nothing at the minimum, but not only one of them.
        Double the data set by writing each row twice: the weights should stay the same.
    """,
    source="COURSE A4.5",
)

dropout_ridge.mistake(
    "error divided by n, penalty not",
    edits=[("X.T @ X + np.diag(penalty), X.T @ y", "X.T @ X / len(y) + np.diag(penalty), X.T @ y / len(y)")],
    hint="""
        You took the mean of the squared errors and left the penalty as a sum over the examples. So the penalty is too
        strong by the number of examples, and your weights are far too small; the more data, the worse. Both parts come
        from the same expression, the expected squared error with dropout, summed over the examples: each example brings
        its own error and its own noise. If you divide one part by n, divide the other as well. A test: write each row
        of the data twice. Nothing new has been said, so that the weights should not change.
    """,
    source="own",
)

dropout_ridge.mistake(
    "length not squared",
    edits=[("np.sum(X**2, axis=0)", "np.sqrt(np.sum(X**2, axis=0))")],
    core=True,
    hint="""
        Your penalty has the length of each column, and the formula has its square. np.linalg.norm takes a root at the
        end, which has to be undone. Look at the units to see which one is right: the error is in the units of y
        squared. A weight times a value of its feature is in the units of y. So the squared weight must be multiplied by
        something in squared units of the feature, or the two parts cannot be added. For columns of length 1 there is no
        difference; scale one column by 10, and its weight should shrink by exactly 10.
    """,
    source="own",
)

dropout_ridge.mistake(
    "one strength for all",
    edits=[("np.sum(X**2, axis=0)", "np.full(X.shape[1], np.sum(X**2) / X.shape[1])")],
    core=True,
    hint="""
        You average the squared lengths over all columns and use the same penalty for each feature. When all the columns
        have about the same length, this is nearly right. But the noise that dropout makes comes from each feature
        separately: its weight times its values. A long column makes more of it, so its weight is held back more. Your
        version punishes the weights of short columns too hard, and those of long ones too little. Sum the squares of X
        along one axis only, so that one number for each feature is left, and check that there are d of them.
    """,
    source="own",
)

dropout_ridge.mistake(
    "root of the variance",
    edits=[("p / (1 - p)", "np.sqrt(p / (1 - p))")],
    hint="""
        You multiply by the standard deviation of a mask entry, and the formula needs its variance. The expected squared
        error splits into two parts: the squared error of the mean prediction, plus the variance of the prediction.
        Variances of independent terms add up, standard deviations do not. The variance of weight times value times mask
        is the squared weight times the squared value times the variance of the mask. If you use extra rows for least
        squares, the root does belong into the rows, as they are squared later. Look at whether yours are.
    """,
    source="own",
)

dropout_ridge.mistake(
    "masks that are not rescaled",
    edits=[
        ("penalty = p / (1 - p) * np.sum", "penalty = p * (1 - p) * np.sum"),
        ("X.T @ X + np.diag(penalty), X.T @ y", "(1 - p) ** 2 * X.T @ X + np.diag(penalty), (1 - p) * X.T @ y"),
    ],
    core=True,
    hint="""
        Your expectation is right for masks of 0 and 1. Then the inputs are too small on average, by the factor 1 - p,
        and the weights grow to make up for it: they come out larger by 1/(1 - p). The masks of this course, and of
        torch, are rescaled when they are drawn: the entries that survive become 1/(1 - p), so that the mean of the mask
        is 1 and the weights can be used without dropout as they are. Take the mean and the variance of such an entry
        and put them into your derivation; the mean drops out of it.
    """,
    source="ERRATA 54",
)

dropout_ridge.mistake(
    "whole matrix in place of the diagonal",
    edits=[
        (
            "return np.linalg.solve(X.T @ X + np.diag(penalty), X.T @ y)",
            "return np.linalg.lstsq(X.T @ X / (1 - p), X.T @ y, rcond=None)[0] + 0 * penalty",
        )
    ],
    core=True,
    hint="""
        You multiply the whole matrix X'X by the variance, also the entries off the diagonal. This would be right if one
        coin decided about all features of an example together. But dropout tosses a coin for each feature. The masks of
        two different features are independent, so the mean of their product is the product of their means, which is 1:
        the entries off the diagonal stay as they are. Only an entry on the diagonal has the square of one mask, whose
        mean is larger than 1. So your result is just least squares, made smaller; dropout really changes its direction.
    """,
    source="own",
)

dropout_ridge.mistake(
    "scaled down at the end",
    edits=[
        (
            "np.linalg.solve(X.T @ X + np.diag(penalty), X.T @ y)",
            "(1 - p) * np.linalg.solve(X.T @ X + np.diag(penalty), X.T @ y)",
        )
    ],
    core=True,
    hint="""
        You solve the right system, and then multiply the weights by 1 - p. This last step comes from the first form of
        dropout, where the masks were 0 and 1 and the weights were made smaller before they were used on new data. Here
        the masks are rescaled during training, by 1/(1 - p), so that their mean is 1. The weights then fit to inputs
        without a mask as they are. With both, the correction is made twice. The minimiser of the expected loss is the
        solution of the linear system itself.
    """,
    source="ERRATA 54; the original rescales at test time",
)


@dropout_ridge.mistake(
    "sampled, not computed",
    hint="""
        You draw masks at random and average over them. This is honest dropout training, and it comes close to the
        answer; but close is all it can be. The error falls with the root of the number of masks, so a hundred times
        more work gives one more digit. There is no need for it here: the loss is a quadratic function of the masks, so
        only their mean and their variance count, and these are known exactly. Work out the expected loss on paper, as
        the statement begins to do, and what is left is one linear system. Use your samples to check it.
    """,
    source="own",
)
def _sampled(X, y, p):
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    rng = np.random.default_rng(0)
    gram, corr = 0.0, 0.0
    for _ in range(500):
        Z = X * (rng.random(X.shape) >= p) / (1 - p)
        gram, corr = gram + Z.T @ Z, corr + Z.T @ y
    return np.linalg.solve(gram, corr)
