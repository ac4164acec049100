"""`lasso_ista(X, y, lam)`: least squares with an L1 penalty, by iterative soft thresholding."""

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _lasso_ista(X, y, lam, n_iter=5000):
    X = np.asarray(X, dtype=np.float64)
    y = np.asarray(y, dtype=np.float64)
    n, d = X.shape
    L = np.linalg.norm(X, 2) ** 2 / n  # the largest curvature of the squared error
    step = 1 / L if L > 0 else 0.0
    w = np.zeros(d)
    for _ in range(n_iter):
        grad = X.T @ (X @ w - y) / n
        z = w - step * grad
        new = np.sign(z) * np.maximum(np.abs(z) - step * lam, 0.0)
        moved = np.abs(new - w).max()
        w = new
        if moved <= 1e-13 * np.abs(w).max():  # nothing will change any more
            break
    return w


# Other right ways -----------------------------------------------------------------------------------------------------


def _coordinate_descent(X, y, lam, n_iter=5000):
    X, y = np.array(X, dtype=float), np.array(y, dtype=float)
    n, d = X.shape
    w = np.zeros(d)
    curvature = (X * X).sum(axis=0) / n
    rest = y.copy()
    for _ in range(n_iter):
        largest = 0.0
        for j in range(d):
            if curvature[j] == 0:
                continue
            pull = X[:, j] @ rest / n + curvature[j] * w[j]
            new = np.sign(pull) * max(abs(pull) - lam, 0.0) / curvature[j]
            rest -= X[:, j] * (new - w[j])
            largest = max(largest, abs(new - w[j]))
            w[j] = new
        if largest <= 1e-13 * np.abs(w).max():
            break
    return w


def _fista_with_restarts(X, y, lam, n_iter=5000):
    X, y = np.asarray(X, float), np.asarray(y, float)
    n, d = X.shape
    gram, corr = X.T @ X / n, X.T @ y / n
    L = max(np.linalg.eigvalsh(gram)[-1], 1e-300)
    w, ahead, t = np.zeros(d), np.zeros(d), 1.0
    for _ in range(n_iter):
        z = ahead - (gram @ ahead - corr) / L
        new = z - np.clip(z, -lam / L, lam / L)
        moved = new - w
        if np.abs(moved).max() <= 1e-13 * np.abs(new).max() and np.array_equal(ahead, w):
            break
        if (ahead - new) @ moved > 0 or t > 50:
            t, ahead = 1.0, new
        else:
            t_new = (1 + np.sqrt(1 + 4 * t * t)) / 2
            ahead = new + (t - 1) / t_new * moved
            t = t_new
        w = new
    return w


def _shorter_steps_in_torch(X, y, lam, n_iter=5000):
    X = torch.as_tensor(np.array(X, dtype=np.float64))
    y = torch.as_tensor(np.array(y, dtype=np.float64))
    n = len(y)
    step = n / max(float((X * X).sum()), 1e-300)  # the Frobenius norm is never below the spectral norm
    w = torch.zeros(X.shape[1], dtype=torch.float64)
    gram, corr = X.T @ X / n, X.T @ y / n
    for _ in range(n_iter):
        z = w - step * (gram @ w - corr)
        new = torch.sign(z) * torch.clamp(z.abs() - step * lam, min=0)
        if float((new - w).abs().max()) <= 1e-13 * float(new.abs().max()):
            return new.numpy()
        w = new
    return w.numpy()


# Library one-liners ---------------------------------------------------------------------------------------------------


def _sklearn_lasso(X, y, lam, n_iter=5000):
    from sklearn.linear_model import Lasso

    X, y = np.array(X, dtype=float), np.array(y, dtype=float)
    if lam == 0:
        return np.linalg.lstsq(X, y, rcond=None)[0]
    return Lasso(alpha=lam, fit_intercept=False, tol=1e-13, max_iter=100_000).fit(X, y).coef_


lasso_ista = Exercise(
    reference=_lasso_ista,
    accepted={
        "coordinate descent": _coordinate_descent,
        "FISTA with restarts": _fista_with_restarts,
        "shorter steps, in torch": _shorter_steps_in_torch,
    },
    witnesses={"sklearn.linear_model.Lasso": _sklearn_lasso},
    banned=("sklearn", "scipy.optimize", "torch.optim", "torch.nn", "cvxpy", "statsmodels"),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _features(rng, n, d):
    """Correlated features, not centred; the curvature of the squared error is between 0.5 and 6."""
    left, _ = np.linalg.qr(rng.normal(size=(n, d)) + 0.5)
    right = rng.normal(size=(d, d))
    right[:, 0] = 1 + 0.2 * rng.normal(size=d)  # most of the curvature along the sum of all features
    right, _ = np.linalg.qr(right)
    return left * np.sqrt(n * np.array([6.0, *np.linspace(1.5, 0.5, d - 1)])) @ right.T


def _problem(rng, n, d, support, lam):
    """X and y whose lasso solution is known from its optimality conditions, with room on both sides of each."""
    X = _features(rng, n, d)
    w = np.zeros(d)
    w[support] = rng.choice([-1.0, 1.0], size=len(support)) * rng.uniform(0.6, 2.5, size=len(support))
    slope = rng.uniform(-0.6, 0.6, size=d)  # X'(y - Xw)/n in units of lam: the sign of w where w is not zero
    slope[support] = np.sign(w[support])
    rest = np.linalg.pinv(X.T) @ (n * lam * slope)
    away = rng.normal(size=n) + 1.0  # noise that no feature explains
    return X, X @ w + rest + away - X @ np.linalg.lstsq(X, away, rcond=None)[0]


@lasso_ista.check(
    "one feature, by hand",
    points=0.5,
    rtol=1e-6,
    atol=1e-9,
    hint="With one feature the solution is a soft threshold and a division; do it on paper.",
)
def _one_feature(f, rng):
    x = rng.choice([-1.0, 1.0], size=4) * rng.integers(1, 4, size=4)
    y = x * float(rng.integers(2, 5)) + np.array([0.5, -0.5, 0.0, 0.0])
    return [typed(f(x.reshape(4, 1), s * y, lam, n_iter=300)) for s in (1.0, -1.0) for lam in (1.5, 0.25)]


@lasso_ista.check(
    "the minimiser of the objective",
    points=1.0,
    rtol=1e-5,
    atol=1e-7,
    hint="Compute the objective at your w and at points nearby: none of them may be lower.",
)
def _minimiser(f, rng):
    seen = []
    for lam, d in ((0.3, 8), (0.8, 5)):
        X, y = _problem(rng, 30, d, rng.choice(d, size=d // 2, replace=False), lam)
        seen.append(f(X, y, lam, n_iter=1000))
    return seen


@lasso_ista.check(
    "weights that are exactly zero, with the default n_iter",
    points=0.5,
    rtol=1e-5,
    atol=1e-7,
    hint="The weights of irrelevant features should be 0 itself, not 1e-5.",
)
def _zeros(f, rng):
    X, y = _problem(rng, 25, 10, rng.choice(10, size=3, replace=False), 0.5)
    w = np.asarray(f(X, y, 0.5))
    return {"exactly zero": w == 0, "w": w}


@lasso_ista.check(
    "more features than examples",
    points=0.5,
    rtol=1e-4,
    atol=1e-6,
    hint="The method needs no inverse of X'X, so it works for more features than examples too.",
)
def _more_features(f, rng):
    n, d = 12, 16
    X = rng.normal(size=(n, d))
    w = np.zeros(d)
    w[rng.choice(d, size=2, replace=False)] = [3.0, -4.0]
    return f(X, X @ w + 0.2 * rng.normal(size=n), 1.0, n_iter=3000)


@lasso_ista.check(
    "lam = 0 is least squares; a large lam leaves nothing",
    points=0.5,
    rtol=1e-5,
    atol=1e-7,
    hint="At lam = 0 compare with np.linalg.lstsq; from lam = max|X'y|/n on, all weights are 0.",
)
def _ends(f, rng):
    X = _features(rng, 20, 4)
    y = rng.normal(size=20) + X @ rng.normal(size=4)
    # lam = 0 is least squares, and at max|X'y|/n all weights become 0
    edge = np.abs(X.T @ y).max() / 20
    lams = (0.0, 1.01 * edge, 0.99 * edge)
    seen = [np.asarray(f(X, y, lam, n_iter=1000)) for lam in lams]
    return [seen[0], seen[1] == 0, seen[2] == 0, seen[2]]


@lasso_ista.check(
    "features in other units",
    points=0.5,
    rtol=1e-5,
    atol=1e-7,
    hint="The length of the step must come from X, so that any units work.",
)
def _units(f, rng):
    X, y = _problem(rng, 30, 5, [0, 3], 0.4)
    # other units for all features: w shrinks by the same factor when lam grows by it
    return [np.asarray(f(X * s, y, 0.4 * s, n_iter=1000)) * s for s in (100.0, 0.01)]


@lasso_ista.check(
    "a column of zeros, whole numbers, and inputs left as they were",
    points=0.5,
    rtol=1e-5,
    atol=1e-7,
    hint="A column of zeros gets the weight 0; the result is float64; X and y stay as they were.",
)
def _left_alone(f, rng):
    X, y = _problem(rng, 20, 4, [1, 2], 0.4)
    X[:, 0] = 0
    whole = rng.integers(-5, 6, size=(20, 3))
    return [
        kept(f, X, y, 0.4, 1000),
        typed(f(locked(strided(X)), locked(y), 0.2, n_iter=1000)),
        typed(f(whole, rng.integers(-9, 10, size=20), 0.5, n_iter=1000)),
        f(np.zeros((5, 2)), np.ones(5), 0.1, n_iter=10),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


@lasso_ista.mistake(
    "subgradient descent",
    core=True,
    hint="""
        You add lam·sign(w) to the gradient and take ordinary steps. This is subgradient descent. It comes near the
        minimum, but the weights that should be zero never are: near zero the sign flips at each step, and the weight
        jumps to and fro across it by the length of the step. Printing w shows small numbers where zeros should be, and
        they are the reason for using L1 at all. ISTA treats the two parts of the objective differently. The smooth
        part, the squared error, gets a gradient step. Then the penalty is handled exactly, by the function that you
        wrote in the exercise before.
    """,
    source="COURSE A4.3",
)
def _subgradient(X, y, lam, n_iter=5000):
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    n, d = X.shape
    step = n / max(np.linalg.norm(X, 2) ** 2, 1e-300)
    w = np.zeros(d)
    for k in range(min(n_iter, 400)):
        w = w - step / np.sqrt(k + 1) * (X.T @ (X @ w - y) / n + lam * np.sign(w))
    return w


lasso_ista.mistake(
    "gradient not divided by n",
    edits=[("np.linalg.norm(X, 2) ** 2 / n", "np.linalg.norm(X, 2) ** 2"), ("(X @ w - y) / n", "(X @ w - y)")],
    core=True,
    hint="""
        Your objective has the sum of the squared errors where the statement has the mean: in ‖y - Xw‖²/(2n) the n is
        missing on your side. Your method is fine, but it solves another problem. Without the n, the error grows with
        the number of examples and the penalty does not, so that lam is n times weaker, and too many weights survive.
        The advantage of the mean is that one lam means the same for small and for large data sets. Write the objective
        down, differentiate it, and look where n comes in: it changes the gradient and also the largest curvature.
    """,
    source="COURSE A4.3",
)

lasso_ista.mistake(
    "threshold lam in place of step·lam",
    edits=[("np.abs(z) - step * lam", "np.abs(z) - lam")],
    core=True,
    hint="""
        In each round you shrink by lam. But one round is only a step: the gradient moves w by step times its value, and
        the penalty may move it only by step times its slope, which is lam. If you use lam itself, the two parts of the
        objective move at different speeds, and they balance at the wrong point; with a step of 0.1 the penalty counts
        ten times too much. A check: change the step to half of its length. The path gets slower, but the point at which
        it ends must not move. With your threshold it does.
    """,
    source="COURSE A4.3",
)


@lasso_ista.mistake(
    "ridge regression",
    core=True,
    hint="""
        You solve a linear system with lam on the diagonal. That is ridge regression: least squares with a squared
        penalty. It has a closed form, because the derivative of a square is linear. All its weights are a bit smaller
        than in least squares, and none of them is zero. The lasso has absolute values in its penalty. They have a kink
        at zero, and because of the kink weights stop there. The price is that no formula gives the solution, so it is
        found in many small rounds, each a gradient step on the squared error followed by the soft threshold.
    """,
    source="COURSE A4.3",
)
def _ridge(X, y, lam, n_iter=5000):
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    n, d = X.shape
    return np.linalg.lstsq(X.T @ X / n + lam * np.eye(d), X.T @ y / n, rcond=None)[0]


lasso_ista.mistake(
    "one half forgotten",
    edits=[
        ("np.linalg.norm(X, 2) ** 2 / n", "2 * np.linalg.norm(X, 2) ** 2 / n"),
        ("(X @ w - y) / n", "(X @ w - y) * 2 / n"),
    ],
    core=True,
    hint="""
        Your gradient has a factor 2. It belongs to the mean of the squared errors, ‖y - Xw‖²/n, and the statement
        divides by 2n. The 2 in the denominator is there to cancel the 2 of the derivative. With yours, the error counts
        twice as much against the penalty, as if lam were half as large, so that weights are a little too far from zero
        and some that should be zero are not. Such factors differ from book to book, so it pays to write the objective
        at the top of the function as a comment, and to derive the gradient from it.
    """,
    source="ERRATA 45, factor 2",
)

lasso_ista.mistake(
    "step too small by a factor of n",
    edits=[
        ("L = np.linalg.norm(X, 2) ** 2 / n", "L = np.linalg.norm(X, 2) ** 2"),
        ("range(n_iter)", "range(min(n_iter, 150))"),
    ],
    hint="""
        Each of your rounds is right, but the steps are much too short, and w is still on its way when the rounds are
        used up. The length of the step is one over the largest curvature of the smooth part. You took the largest
        curvature of the sum of squares, but your gradient belongs to the mean, which is n times flatter; so your steps
        are n times too short. Print the objective every hundred rounds: it should have stopped falling long before the
        end. When you divide the gradient by something, the curvature is divided by the same.
    """,
    source="own",
)

lasso_ista.mistake(
    "fixed step",
    edits=[("step = 1 / L if L > 0 else 0.0", "step = 0.01"), ("range(n_iter)", "range(min(n_iter, 400))")],
    hint="""
        You use a step of a fixed length. For features of one size it may be fine. For features in millimetres in place
        of metres the squared error is a million times steeper, and the same step jumps over the valley, further at each
        round, until the weights are nan. For features in kilometres it hardly moves at all. The safe length is known
        here: one over the largest curvature of the squared error, which is the largest eigenvalue of X'X/n, or the
        square of the largest singular value of X, divided by n. Compute it from X in the first lines.
    """,
    source="own",
)


@lasso_ista.mistake(
    "least squares, then threshold",
    core=True,
    hint="""
        You solve least squares first and apply the soft threshold once to its weights. This is exact in one special
        case: when the columns of X are orthogonal and have length √n. Then each weight can be treated by itself. In
        general the features are correlated: if one weight becomes smaller, its neighbours have to take over some of its
        work, so all of them must be found together. And if there are more features than examples, the least squares
        solution is not even unique. Keep the threshold, but apply it in every round, after a gradient step which lets
        the other weights react.
    """,
    source="own; THEORY T16 holds for an orthonormal design only",
)
def _least_squares_then_threshold(X, y, lam, n_iter=5000):
    w = np.linalg.lstsq(np.asarray(X, dtype=float), np.asarray(y, dtype=float), rcond=None)[0]
    return np.sign(w) * np.maximum(np.abs(w) - lam, 0.0)


lasso_ista.mistake(
    "hard threshold",
    edits=[
        ("np.sign(z) * np.maximum(np.abs(z) - step * lam, 0.0)", "np.where(np.abs(z) > step * lam, z, 0.0)"),
        ("range(n_iter)", "range(min(n_iter, 400))"),
    ],
    core=True,
    hint="""
        In each round you set small weights to zero and leave the large ones as they are. Then the penalty never pulls
        on a weight that is far from zero, and those weights end at their least squares values. This algorithm has a
        name of its own, iterative hard thresholding, and it goes with another penalty, which counts the nonzero
        weights. The L1 penalty costs something for each bit of size. So in a round every weight moves towards zero by
        the same amount, and those that would cross zero stop there. It is exactly the function of the exercise before
        this one.
    """,
    source="own",
)

lasso_ista.mistake(
    "norm of X not squared",
    edits=[("np.linalg.norm(X, 2) ** 2 / n", "np.linalg.norm(X, 2) / n"), ("range(n_iter)", "range(min(n_iter, 400))")],
    core=True,
    hint="""
        The length of your step comes from the largest singular value of X, but the square is missing. The squared error
        has X in it twice, so its curvature grows with the square of X: the largest eigenvalue of X'X is the square of
        the largest singular value of X. Without the square, your steps are far too long as soon as that value is above
        1, and the weights grow without limit until they are nan. Whenever an iteration explodes, look at its step
        first. A step of one over the largest curvature is the longest one that never makes the objective worse.
    """,
    source="own",
)

lasso_ista.mistake(
    "centred data",
    edits=[("    n, d = X.shape", "    X, y = X - X.mean(axis=0), y - y.mean()\n    n, d = X.shape")],
    core=True,
    hint="""
        You subtract the mean from X and from y before you start. That amounts to a model with an intercept that is not
        penalised. Many packages do this by default, and it is often a good idea, but the objective of the statement has
        no intercept: it is ‖y - Xw‖² as it stands, so that y has to be explained by the columns of X alone. As soon as
        the data have a mean that is not zero, the weights differ. If you compare with sklearn, set fit_intercept=False
        there. Here, use X and y as you get them.
    """,
    source="own; sklearn's default",
)

lasso_ista.mistake(
    "n is the number of features",
    edits=[("n, d = X.shape", "d, n = X.shape[1], X.shape[1]")],
    core=True,
    hint="""
        You divide by the number of features where the number of examples belongs. X has one row for each example and
        one column for each feature, so n is the first entry of its shape, and w has as many entries as the second. Your
        method still converges, because the step fits the gradient, but the error gets the wrong weight against the
        penalty. With square data nobody would notice. It helps to unpack both numbers at once, n and d, and to check
        one product on paper: X times w has one entry for each example.
    """,
    source="own",
)

lasso_ista.mistake(
    "uphill",
    edits=[("w - step * grad", "w + step * grad"), ("range(n_iter)", "range(min(n_iter, 400))")],
    core=True,
    hint="""
        Your step goes along the gradient, that is uphill, and the weights explode. The gradient of the squared error
        points to where the error grows fastest, so a step that makes the error smaller subtracts it. If your residual
        is y - Xw, the gradient is minus X' times it, and the two minus signs make a plus; with Xw - y it is plain.
        Mixing the two is the usual reason for this mistake. Print the objective in the first rounds: with a step of one
        over the largest curvature it can only fall.
    """,
    source="ERRATA 27",
)


@lasso_ista.mistake(
    "own curvature for each weight, all at once",
    hint="""
        You divide the gradient of each weight by the curvature of its own column, and then move all the weights
        together. For one weight at a time this is coordinate descent, and it is right. All at once it is not safe:
        correlated features all react to the same error, each as if it were alone, and together they overshoot. With a
        few strongly correlated columns the iteration swings up without end. So either move one weight after the other,
        with the residual brought up to date in between, or move all together with one common step, from the largest
        curvature in any direction.
    """,
    source="own",
)
def _all_coordinates_at_once(X, y, lam, n_iter=5000):
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    n, d = X.shape
    curvature = np.maximum((X * X).sum(axis=0) / n, 1e-300)
    w = np.zeros(d)
    for _ in range(min(n_iter, 400)):
        z = w - X.T @ (X @ w - y) / n / curvature
        new = np.sign(z) * np.maximum(np.abs(z) - lam / curvature, 0.0)
        if np.abs(new - w).max() <= 1e-13 * np.abs(new).max():
            break
        w = new
    return w


@lasso_ista.mistake(
    "division by a column of zeros",
    hint="""
        You use coordinate descent, which is a fine algorithm here. It divides by the squared length of each column.
        When a column holds nothing but zeros, this is zero divided by zero, and one nan in w spoils all the other
        weights in the next round. Columns of zeros are common in real data: the pixels in the corners of the digits are
        never used. Such a feature cannot explain anything, so the penalty alone decides, and the best weight is 0.
        Leave these columns out of the loop; their weight has the right value from the start.
    """,
    source="COURSE A4.3",
)
def _coordinate_descent_without_care(X, y, lam, n_iter=5000):
    X, y = np.array(X, dtype=float), np.array(y, dtype=float)
    n, d = X.shape
    w = np.zeros(d)
    curvature = (X * X).sum(axis=0) / n
    for _ in range(min(n_iter, 300)):
        before = w.copy()
        for j in range(d):
            rest = y - X @ w + X[:, j] * w[j]
            pull = X[:, j] @ rest / n
            w[j] = np.sign(pull) * max(abs(pull) - lam, 0.0) / curvature[j]
        if np.abs(w - before).max() <= 1e-13 * np.abs(w).max():
            break
    return w
