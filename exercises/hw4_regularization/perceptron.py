"""`perceptron(X, y, max_epochs)`: Rosenblatt's rule, one example at a time."""

import numpy as np
import torch

from exercises.arrays import is_whole, kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _perceptron(X, y, max_epochs):
    X = np.asarray(X, dtype=np.float64)
    y = np.asarray(y, dtype=np.float64)
    w = np.zeros(X.shape[1])
    mistakes = 0
    for _ in range(max_epochs):
        clean = True
        for i in range(len(X)):
            if y[i] * (X[i] @ w) <= 0:
                w = w + y[i] * X[i]
                mistakes += 1
                clean = False
        if clean:
            return w, mistakes, True
    return w, mistakes, False


# Other right ways -----------------------------------------------------------------------------------------------------


def _compare_signs(X, y, max_epochs):
    X, y = np.array(X, dtype=float), np.array(y)
    w, mistakes, converged = np.zeros(X.shape[1]), 0, False
    epoch = 0
    while epoch < max_epochs and not converged:
        before = mistakes
        for features, label in zip(X, y, strict=True):
            if np.sign(features @ w) != label:
                w += label * features
                mistakes += 1
        converged = mistakes == before
        epoch += 1
    return w, mistakes, converged


def _count_per_example(X, y, max_epochs):
    X = np.asarray(X, dtype=np.float64)
    signed = X * np.asarray(y, dtype=np.float64)[:, None]
    gram = signed @ signed.T
    alpha = np.zeros(len(X))  # how often each example was added
    for _ in range(max_epochs):
        before = alpha.sum()
        for i in range(len(X)):
            if gram[i] @ alpha <= 0:
                alpha[i] += 1
        if alpha.sum() == before:
            return signed.T @ alpha, int(before), True
    return signed.T @ alpha, int(alpha.sum()), False


def _steps_in_torch(X, y, max_epochs):
    signed = torch.tensor(np.array(X, dtype=float)) * torch.tensor(np.array(y, dtype=float))[:, None]
    w = torch.zeros(signed.shape[1], dtype=torch.float64)
    n, mistakes, right_in_a_row = len(signed), 0, 0
    for step in range(max_epochs * n):
        if step % n == 0:
            right_in_a_row = 0
        if float(torch.dot(signed[step % n], w)) > 0:
            right_in_a_row += 1
            if right_in_a_row == n:
                return w.numpy(), mistakes, True
        else:
            w, mistakes = w + signed[step % n], mistakes + 1
    return w.numpy(), mistakes, False


perceptron = Exercise(
    reference=_perceptron,
    accepted={
        "compare signs": _compare_signs,
        "count the mistakes of each example": _count_per_example,
        "single steps in torch": _steps_in_torch,
    },
    banned=("sklearn",),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _seen(f, X, y, max_epochs):
    w, mistakes, converged = f(X, y, max_epochs)
    return [typed(w), np.float64(mistakes), bool(converged)]


def _separable(rng, n, d, margin):
    """Whole numbers, so that nothing is rounded; separated by a direction with room on both sides."""
    direction = rng.integers(1, 4, size=d) * rng.choice([-1, 1], size=d)
    X = rng.integers(-6, 7, size=(40 * n, d))
    X = X[np.abs(X @ direction) >= margin * np.abs(direction).max()][:n]
    return X.astype(np.float64), np.sign(X @ direction).astype(np.float64)


@perceptron.check(
    "three examples by hand",
    points=0.25,
    hint="Follow w on paper: look at one example, change w at once if it is wrong, go to the next.",
)
def _by_hand(f, rng):
    a, b = rng.integers(2, 5, size=2)
    X = np.array([[a, 1.0], [-1.0, b], [-b, -1.0]])
    return _seen(f, X, np.array([1.0, -1.0, -1.0]), 10)


@perceptron.check(
    "separable data: w, number of mistakes, converged",
    points=0.5,
    hint="Start at w = 0, go through the examples in order, and count each change of w as one mistake.",
)
def _large(f, rng):
    seen = []
    for n, d, margin in ((40, 3, 2), (25, 6, 3)):
        X, y = _separable(rng, n, d, margin)
        seen.append(_seen(f, X, y, 200))
    return seen


@perceptron.check(
    "the examples are taken in the order they have",
    points=0.25,
    hint="Take row after row, and use the changed w for the next row.",
)
def _order(f, rng):
    X, y = _separable(rng, 12, 3, 1)
    return [_seen(f, X[order], y[order], 100) for order in (np.arange(12), np.arange(12)[::-1])]


@perceptron.check(
    "data that cannot be separated",
    points=0.25,
    hint="If no w is right for all examples, the loop ends after max_epochs, with converged=False.",
)
def _not_separable(f, rng):
    X, y = rng.integers(-4, 5, size=(9, 2)) + 0.0, rng.choice([-1.0, 1.0], size=9)
    X = np.vstack([X, X[:1]])  # the first example again with the other label
    y = np.append(y, -y[0])
    corners = np.array([[1.0, 1, 1], [1, -1, -1], [1, 1, -1], [1, -1, 1]])
    return [_seen(f, X, y, 7), _seen(f, corners, np.array([1.0, 1, -1, -1]), int(rng.integers(3, 9)))]


@perceptron.check(
    "converged means: an epoch without a mistake was seen",
    points=0.5,
    hint="Try max_epochs = 0, 1, 2, 3 on a small data set, and say for each whether an epoch was clean.",
)
def _last_epoch(f, rng):
    """As many epochs as the last mistake needs, and one more: only then an epoch without a mistake is seen."""
    a, b = rng.integers(1, 4, size=2)
    X = np.array([[a, 0.0], [0.0, b], [-a, -b - 1.0]]) * np.array([[1.0], [1.0], [-1.0]])
    y = np.ones(3)
    more = _separable(np.random.default_rng(int(rng.integers(2**31))), 10, 2, 2)
    return [_seen(f, data[0], data[1], epochs) for data in ((X, y), more) for epochs in range(5)]


@perceptron.check(
    "kinds: float64 weights, a whole number, a boolean; X and y as they were",
    points=0.25,
    hint="w is float64 also for whole numbers; mistakes is an integer, converged a boolean.",
)
def _arrays(f, rng):
    X, y = _separable(rng, 10, 3, 2)
    _, mistakes, converged = f(X, y, 50)
    return [
        kept(f, X, y, 50),
        typed(f(X.astype(np.int64), y.astype(np.int64), 50)[0]),
        typed(f(locked(strided(X)), locked(y), 50)[0]),
        [is_whole(mistakes), np.asarray(converged).dtype.kind == "b"],
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


perceptron.mistake(
    "zero is not a mistake",
    edits=[("<= 0", "< 0")],
    core=True,
    hint="""
        You change w only if y times the score is below 0. At the start w is 0, so all the scores are exactly 0, none is
        below it, and nothing ever happens: you return w = 0 with no mistakes and call it converged. A score of 0 lies
        on the border and decides for neither class, so it is a mistake, as the statement says. It matters later, too,
        when an example falls exactly on the border, which is not rare for whole numbers. Look at the comparison sign in
        your condition.
    """,
    source="COURSE A4.11",
)


@perceptron.mistake(
    "all mistakes of an epoch at once",
    core=True,
    hint="""
        You look for all the wrong examples with one and the same w, and add all of them together. This is the batch
        form. The perceptron is an online algorithm: it looks at one example, changes w at once if it is wrong, and
        judges the next example with the changed w. Often one change repairs several examples, so there are fewer
        mistakes. The famous bound on the number of mistakes, (R/γ)², is proved for this form. Write a loop over the
        rows of X, with the change inside of it.
    """,
    source="COURSE A4.11",
)
def _batch(X, y, max_epochs):
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    w, mistakes = np.zeros(X.shape[1]), 0
    for _ in range(max_epochs):
        wrong = y * (X @ w) <= 0
        if not wrong.any():
            return w, mistakes, True
        w = w + y[wrong] @ X[wrong]
        mistakes += int(wrong.sum())
    return w, mistakes, False


perceptron.mistake(
    "labels 0 and 1",
    edits=[
        (
            "            if y[i] * (X[i] @ w) <= 0:\n                w = w + y[i] * X[i]",
            "            predicted = float(X[i] @ w > 0)\n            if predicted != y[i]:\n"
            "                w = w + (y[i] - predicted) * X[i]",
        )
    ],
    core=True,
    hint="""
        Your rule belongs to the labels 0 and 1: you predict 1 for a positive score and 0 otherwise, and compare with y.
        In this exercise the labels are -1 and +1. A label of -1 is never equal to 0 or 1, so each example of that class
        counts as a mistake forever, even when it is on the right side, and the loop does not end before max_epochs.
        With labels of -1 and +1 there is a neat form: y times the score is positive exactly if the example is on the
        right side. And the change of w is y times x.
    """,
    source="COURSE A4.11",
)

perceptron.mistake(
    "label missing in the change",
    edits=[("w + y[i] * X[i]", "w + X[i]")],
    core=True,
    hint="""
        You add x to w at every mistake, whatever its label is. For an example of the class +1 that is right: its score
        grows. For one of the class -1 the score should fall, and you make it grow, so the same mistake gets worse each
        time. Look at what a change does to the score of the same example: adding x raises it by the squared length of
        x. It should move in the direction of the label. So the label has to be in the change, and since it is +1 or -1,
        one factor is enough.
    """,
    source="own",
)

perceptron.mistake(
    "changes at every example",
    edits=[("if y[i] * (X[i] @ w) <= 0:", "if True:")],
    core=True,
    hint="""
        You add y times x for every example, right or wrong. Then w is just a multiple of the sum of all the examples
        with their labels, and it never settles: each epoch adds the same again. The perceptron learns only from its
        mistakes. When an example is on the right side, w stays as it is, and when a whole epoch goes by without a
        mistake, the algorithm is finished. A condition is missing: the change happens only if y times the score is 0 or
        below.
    """,
    source="own",
)

perceptron.mistake(
    "mistakes of the last epoch only",
    edits=[("        clean = True", "        clean = True\n        mistakes = 0")],
    core=True,
    hint="""
        You set the count of mistakes back to 0 at the start of each epoch. So when the algorithm converges, you always
        return 0, since the last epoch has none. The statement asks for the total number of changes since the beginning:
        this is the number that the theory bounds by (R/γ)², and it is a measure of how hard the data are. Where a
        counter is set to zero decides what it counts. A second variable, which is set to its start in each epoch, can
        tell you whether the epoch was clean.
    """,
    source="own",
)

perceptron.mistake(
    "epochs counted, not mistakes",
    edits=[
        ("                mistakes += 1\n", ""),
        ("        if clean:", "        mistakes += not clean\n        if clean:"),
    ],
    core=True,
    hint="""
        You count the epochs in which something was wrong. The statement asks for the number of mistakes: how often w
        was changed, over all epochs. An epoch can have many of them. The bound (R/γ)² is about changes, and it does not
        care how often you went through the data; a data set with each example written twice needs fewer epochs, but the
        same kind of changes. Put the counting in the place where w is changed, so that the two can never disagree.
    """,
    source="own",
)


@perceptron.mistake(
    "converged because w is right",
    hint="""
        After each epoch you test all examples with the final w, and stop if all are right. It is a sensible idea, but
        it is not what the statement asks for. There, converged is True only if the algorithm has gone through a whole
        epoch without a mistake. If the last mistake was made in the last epoch that was allowed, w may be perfect, and
        nobody has seen it yet: the result is False. Your test goes through all the data once more, which is an
        additional epoch in disguise. Count an epoch as clean if w was not changed in it.
    """,
    source="COURSE A4.11",
)
def _checked_at_the_end(X, y, max_epochs):
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    w, mistakes = np.zeros(X.shape[1]), 0
    for _ in range(max_epochs):
        for i in range(len(X)):
            if y[i] * (X[i] @ w) <= 0:
                w = w + y[i] * X[i]
                mistakes += 1
        if np.all(y * (X @ w) > 0):
            return w, mistakes, True
    return w, mistakes, False


perceptron.mistake(
    "with a bias",
    edits=[("    y = np.asarray", "    X = np.hstack([X, np.ones((len(X), 1))])\n    y = np.asarray")],
    core=True,
    hint="""
        You add a column of ones, so your w has one entry more than X has columns. In practice a bias is a good idea.
        But here the statement has none: the score is the product of x and w, and the border goes through the origin.
        Whoever wants a bias puts a column of ones into X before the call, and then both kinds of models work with the
        same function. As you have it, such a column would come in twice, and the number of mistakes would change. Use X
        as it comes.
    """,
    source="own",
)

perceptron.mistake(
    "wrong way",
    edits=[("w + y[i] * X[i]", "w - y[i] * X[i]")],
    core=True,
    hint="""
        You subtract y times x at a mistake. So the score of that example moves away from its label, and the same
        mistake comes back, larger each time: no data set converges. It looks like gradient descent, where something is
        subtracted. But there you subtract the gradient of a loss, and the loss of an example that is wrong, minus y
        times the score, has the gradient minus y times x. The two minus signs make a plus. Check it with one example:
        after the change, y times the score must be larger than before.
    """,
    source="MISCONCEPTIONS 126",
)

perceptron.mistake(
    "learning rate",
    edits=[("w + y[i] * X[i]", "w + 0.1 * y[i] * X[i]")],
    core=True,
    hint="""
        You multiply each change by a learning rate. But for rounding, the number of mistakes is the same as without,
        because w starts at 0 and only its direction decides: a factor on all of the changes makes w shorter and changes
        no sign. So the perceptron needs no learning rate at all, and this is one of its nice properties. The statement
        asks for the plain rule, with w as a sum of examples with their labels; for X with whole numbers, w then has
        whole numbers as entries. Leave the factor out.
    """,
    source="own",
)

perceptron.mistake(
    "epoch ends at the first mistake",
    edits=[("                clean = False", "                clean = False\n                break")],
    core=True,
    hint="""
        After a mistake you leave the loop over the examples and begin again with the first one. So examples at the end
        of the data are looked at only when all before them are right, and one epoch holds at most one mistake, which
        means that the epochs run out soon. The statement goes on to the next example after a change, and an epoch
        always looks at each example once. Both ways find a solution if there is one, but the number of mistakes and the
        path are different. Look for a break, or for a return in the wrong place.
    """,
    source="own",
)

perceptron.mistake(
    "random order",
    edits=[("for i in range(len(X)):", "for i in np.random.default_rng(0).permutation(len(X)):")],
    core=True,
    hint="""
        You shuffle the examples. For SGD that is good advice, and for the perceptron it does no harm either: the bound
        on the mistakes holds for every order. But the number of mistakes and the final w depend on the order, so the
        statement fixes it: row after row, from the first to the last, in each epoch. Then everybody gets the same
        numbers, and you can follow them on paper. If you want to see how much the order matters, shuffle the rows of X
        and y together before the call.
    """,
    source="own",
)

perceptron.mistake(
    "w in whole numbers",
    edits=[
        ("X = np.asarray(X, dtype=np.float64)", "X = np.asarray(X)"),
        ("y = np.asarray(y, dtype=np.float64)", "y = np.asarray(y)"),
        ("np.zeros(X.shape[1])", "np.zeros_like(X[0])"),
    ],
    hint="""
        For floats all is right. If X and y hold whole numbers, your w does, too. Nothing is lost in the loop, as sums
        of whole numbers are whole, but the statement asks for float64 in every case, for good reason: the next thing a
        caller does is to divide w by its length, and doing this in place fails for whole numbers; small integer types
        even overflow. Convert X and y to float64 in the first lines, and start w as an array of floats.
    """,
    source="common contract",
)
