"""`cross_entropy(logits, targets, ignore_index, label_smoothing)`: mean cross-entropy over classes, as in torch."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import typed, untouched


def _cross_entropy(logits, targets, ignore_index=-100, label_smoothing=0.0):
    logits = np.asarray(logits)
    if logits.dtype.kind != "f":
        logits = logits.astype(np.float64)
    losses = []
    for row, target in zip(logits, np.asarray(targets), strict=True):
        if target == ignore_index:
            continue
        shifted = row - np.max(row)
        log_p = shifted - np.log(np.sum(np.exp(shifted)))
        losses.append(-(1 - label_smoothing) * log_p[target] - label_smoothing * np.mean(log_p))
    if not losses:
        return math.nan
    return float(np.mean(losses))


# Other right ways -----------------------------------------------------------------------------------------------------


def _gathered(logits, targets, ignore_index=-100, label_smoothing=0.0):
    targets = np.asarray(targets)
    keep = targets != ignore_index
    logits, targets = np.asarray(logits)[keep], targets[keep]
    if targets.size == 0:
        return math.nan
    logits = logits if logits.dtype.kind == "f" else logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    nll = -log_p[np.arange(targets.size), targets]
    return float(((1 - label_smoothing) * nll - label_smoothing * log_p.mean(axis=1)).mean())


def _soft_targets(logits, targets, ignore_index=-100, label_smoothing=0.0):
    logits = np.asarray(logits)
    logits = logits if logits.dtype.kind == "f" else logits.astype(np.float64)
    targets = np.asarray(targets).astype(np.int64)
    rows = np.flatnonzero(targets != ignore_index)
    if len(rows) == 0:
        return np.float64(np.nan)
    classes = logits.shape[1]
    q = (1 - label_smoothing) * np.eye(classes)[targets[rows]] + label_smoothing / classes
    lse = np.logaddexp.reduce(logits[rows], axis=1, keepdims=True)
    return np.mean(np.sum(q * (lse - logits[rows]), axis=1))


def _with_math(logits, targets, ignore_index=-100, label_smoothing=0.0):
    total, count = 0.0, 0
    for row, target in zip(np.asarray(logits).tolist(), np.asarray(targets).tolist(), strict=True):
        if target != ignore_index:
            top = max(row)
            lse = top + math.log(math.fsum(math.exp(z - top) for z in row)) if top == top else math.nan
            total += lse - (1 - label_smoothing) * row[target] - label_smoothing * math.fsum(row) / len(row)
            count += 1
    return total / count if count else float("nan")


def _in_torch(logits, targets, ignore_index=-100, label_smoothing=0.0):
    z = torch.tensor(np.asarray(logits)).double()
    t = torch.tensor(np.asarray(targets)).long()
    z, t = z[t != ignore_index], t[t != ignore_index]
    top = z.amax(dim=1, keepdim=True)
    log_p = z - top - torch.log(torch.exp(z - top).sum(dim=1, keepdim=True))
    target_log_p = torch.gather(log_p, 1, t[:, None])[:, 0]
    return (-(1 - label_smoothing) * target_log_p - label_smoothing * log_p.mean(dim=1)).mean().item()


# Library one-liners ---------------------------------------------------------------------------------------------------


def _torch_cross_entropy(logits, targets, ignore_index=-100, label_smoothing=0.0):
    z = torch.tensor(np.asarray(logits))
    return torch.nn.functional.cross_entropy(
        z if z.is_floating_point() else z.double(),
        torch.tensor(np.asarray(targets)).long(),
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    ).item()


def _scipy_log_softmax(logits, targets, ignore_index=-100, label_smoothing=0.0):
    from scipy.special import log_softmax

    targets = np.asarray(targets)
    keep = targets != ignore_index
    if not keep.any():
        return math.nan
    log_p = log_softmax(np.asarray(logits)[keep].astype(np.float64), axis=1)
    nll = -log_p[np.arange(len(log_p)), targets[keep]]
    return float(np.mean((1 - label_smoothing) * nll - label_smoothing * log_p.mean(axis=1)))


cross_entropy = Exercise(
    reference=_cross_entropy,
    accepted={
        "log-softmax and fancy indexing": _gathered,
        "one-hot soft targets": _soft_targets,
        "loops, with math": _with_math,
        "torch's basic operations": _in_torch,
    },
    witnesses={
        "torch.nn.functional.cross_entropy": _torch_cross_entropy,
        "scipy.special.log_softmax": _scipy_log_softmax,
    },
    banned=(
        "torch.nn",
        "torch.log_softmax",
        "torch.logsumexp",
        "torch.softmax",
        "scipy.special",
        "sklearn",
    ),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _number(f, logits, targets, **options):
    """One call on copies of the inputs: kind, shape and value. A Python float and a numpy scalar are the same here."""
    seen = typed(f(logits.copy(), targets.copy(), **options))
    return {"kind": seen["kind"], "shape": seen["shape"], "value": seen["values"]}


@cross_entropy.check(
    "the mean loss of an ordinary batch, one plain number",
    points=0.5,
    hint="Work out one row on paper: minus the log-probability of its target; then average the rows.",
)
def _ordinary(f, rng):
    wide, narrow = rng.uniform(-2, 2, size=(6, 5)), rng.uniform(-2, 2, size=(4, 3))
    whole = rng.integers(-2, 3, size=(5, 4))
    return [
        _number(f, wide, rng.integers(0, 5, size=6)),
        _number(f, narrow, rng.integers(0, 3, size=4)),
        _number(f, wide[:, ::2], rng.integers(0, 3, size=6).astype(np.int32)),
        _number(f, whole, rng.integers(0, 4, size=5).astype(np.uint8)),
        _number(f, wide[:1], rng.integers(0, 5, size=1)),
    ]


@cross_entropy.check(
    "logits far apart, up to a gap of 1000",
    points=1,
    hint="Take one row whose target is far below the largest logit, and one whose logits are all huge.",
)
def _far_out(f, rng):
    """Gaps of up to 1000 inside a row, rows that lie far apart, and targets that are the least likely class."""
    rows = rng.normal(size=(6, 4))
    gaps = rows + rng.uniform(40, 1000, size=(6, 4)) * rng.choice([-1.0, 1.0], size=(6, 4))
    gaps[0, :2] = [500.0, -500.0]
    apart = rows + np.array([[900.0], [-900.0], [40.0], [0.0], [-700.0], [700.0]])
    targets = rng.integers(0, 4, size=6)
    return [
        _number(f, gaps, np.argmin(gaps, axis=1)),
        _number(f, gaps, np.argmax(gaps, axis=1)),
        _number(f, gaps, targets),
        _number(f, apart, targets),
    ]


@cross_entropy.check(
    "rows with ignore_index count for nothing",
    points=0.5,
    hint="Drop the ignored rows by hand and compare; then think of what a batch without any row should give.",
)
def _ignored(f, rng):
    logits = rng.uniform(-2, 2, size=(8, 5))
    targets = rng.permutation([0, 1, 2, 3, 4, 2, 0, 1])

    def without(index, rows):
        marked = targets.copy()
        marked[rows] = index
        return marked

    half, poisoned = rng.permutation(8)[:4], logits.copy()
    poisoned[half] = np.nan
    return {
        "minus hundred": _number(f, logits, without(-100, half[:3])),
        "minus one": _number(f, logits, without(-1, half), ignore_index=-1),
        "a real class": _number(f, logits, targets, ignore_index=2),
        "nan in ignored rows": _number(f, poisoned, without(-100, half)),
        "nan in a kept row": _number(f, poisoned, without(-100, half[:3])),
        "none left": _number(f, logits, without(-100, slice(None))),
    }


@cross_entropy.check(
    "label smoothing as in torch",
    points=0.5,
    hint="With smoothing 1 every class has the same weight, one over K, and the target has lost its meaning.",
)
def _smoothed(f, rng):
    logits = rng.uniform(-2, 2, size=(7, 4))
    targets = rng.integers(0, 4, size=7)
    some = targets.copy()
    some[rng.permutation(7)[:3]] = -100
    return [
        *(_number(f, logits, targets, label_smoothing=float(eps)) for eps in (0.1, rng.uniform(0.2, 0.8), 1.0)),
        _number(f, logits, some, label_smoothing=float(rng.uniform(0.05, 0.3))),
    ]


@cross_entropy.check(
    "float32 logits, and inputs left as they were",
    points=0.5,
    rtol=1e-5,  # a log-probability from logits near 100 is good to 8e-6 in float32
    atol=2e-5,
    hint="Print both arrays before and after the call.",
)
def _single_precision_and_purity(f, rng):
    logits = (rng.normal(scale=3.0, size=(6, 4)) + rng.uniform(90, 120)).astype(np.float32)
    targets = rng.integers(0, 4, size=6)
    targets[2] = -100
    return [_number(f, logits, targets), untouched(f, rng.normal(size=(4, 3)) * 50.0, np.array([0, -100, 2, 1]))]


# Wrong answers, as students write them --------------------------------------------------------------------------------


cross_entropy.mistake(
    "no shift",
    edits=[("row - np.max(row)", "row")],
    core=True,
    hint="""
        Your formula is right on paper, and for small logits so are your numbers. But you take the exponential of the
        logits as they are. For a logit of 1000 the exponential is infinite, since float64 ends near e to the 709.8, and
        so is your loss; for logits that are all very negative, the sum is 0 and its logarithm is minus infinity.
        Cross-entropy does not care about the level of a row: adding one number to all its logits changes nothing. Use
        that freedom. Choose the number so that the largest logit of the row becomes 0. Then no exponential can
        overflow, and one term of the sum is exactly 1, so its logarithm is safe as well.
    """,
    source="MISCONCEPTIONS 4, 19",
)

cross_entropy.mistake(
    "log of the softmax",
    edits=[("shifted - np.log(np.sum(np.exp(shifted)))", "np.log(np.exp(shifted) / np.sum(np.exp(shifted)))")],
    core=True,
    hint="""
        You shift each row by its maximum, so nothing overflows: good. But then you form the softmax, and take the
        logarithm of it. A class that lies 1000 below the largest has a probability of e to the minus 1000. No float64
        is that small; it is rounded to exactly 0, and the logarithm of 0 is minus infinity. The true log-probability is
        simply about minus 1000, a harmless number. The rule is: never form a probability whose logarithm you need. The
        logarithm of a quotient is a difference, and the logarithm of an exponential is the number you started with. Do
        that on paper, and only one logarithm is left, the one of the sum.
    """,
    source="MISCONCEPTIONS 22",
)

cross_entropy.mistake(
    "1e-12 added inside the log",
    edits=[("shifted - np.log(np.sum(np.exp(shifted)))", "np.log(np.exp(shifted) / np.sum(np.exp(shifted)) + 1e-12)")],
    core=True,
    hint="""
        You add a tiny number to the softmax, so that its logarithm is never minus infinity. That puts a floor under the
        log-probability: with 1e-12 it can go no lower than about minus 27.6. A target that lies 1000 below the largest
        logit should cost 1000, and with you it costs 27.6, the same as one that lies 40 below. Under that floor the
        loss is flat and its gradient vanishes, so the model is never told about its worst mistakes. The infinity was
        only a sign that a probability had been rounded to 0. Do not paint over the sign. Compute the log-probability as
        a difference, shifted logit minus the logarithm of the sum, and nothing needs rescuing.
    """,
)

cross_entropy.mistake(
    "softmax twice",
    edits=[
        (
            "        shifted = row",
            "        e = np.exp(row - np.max(row))\n        row = e / np.sum(e)\n        shifted = row",
        )
    ],
    core=True,
    hint="""
        You apply the softmax to the logits and then use the result where logits belong, so the softmax happens twice.
        Probabilities lie between 0 and 1, and seen as logits that is a very flat landscape. Even for a perfect
        prediction, 1 for the target and 0 for all others, the loss cannot fall below the logarithm of one plus (K −
        1)/e, which is 1.46 for ten classes. Training with it works a little, slowly, and never looks sure: a mistake
        that is easily made in PyTorch too, by ending a network with a softmax layer and giving its output to the
        cross-entropy loss. Use the logits once, as they come: shift them, and subtract the logarithm of the sum of
        exponentials.
    """,
    source="MISCONCEPTIONS 23",
)

cross_entropy.mistake(
    "sum instead of mean",
    edits=[("float(np.mean(losses))", "float(np.sum(losses))")],
    core=True,
    hint="""
        Each row's loss is right, and you add them all up. The statement asks for their mean. The two differ by a
        factor, the number of rows that count, and the factor is not harmless: the gradient grows with it too. With a
        sum, a batch twice as large makes steps twice as long, and a learning rate that was well chosen for 32 examples
        is far too large for 512. With a mean, the loss of a batch is comparable with the loss of any other batch, of
        any size, and with the well-known value ln K of a model that knows nothing. Try a batch of a few equal rows:
        repeating a row must not change the result.
    """,
    source="MISCONCEPTIONS 31",
)

cross_entropy.mistake(
    "one loss per row",
    edits=[("float(np.mean(losses))", "np.array(losses)")],
    core=True,
    hint="""
        You return all the losses, one per row, and each of them is right. What is missing is the last step: the
        exercise asks for one number, their mean. A training loop needs a single number, because a gradient is taken of
        it, and you want to plot it too. It is PyTorch's default as well; the separate losses are what you get there
        when you ask for no reduction. Mind what you average over: only the rows that count. A row whose target is the
        ignored index must not be in the sum, and not in the number you divide by either. And when no row is left at
        all, there is nothing to average, which the statement gives a value of its own.
    """,
)

cross_entropy.mistake(
    "divided by all N rows",
    edits=[("float(np.mean(losses))", "float(np.sum(losses) / len(logits))")],
    core=True,
    hint="""
        You leave the ignored rows out of the sum, which is half of the job. But you still divide by the number of all
        rows. So each ignored row acts like an example with a loss of 0, that is, like a perfect prediction: a batch
        which is mostly padding looks wonderful, and its gradient is far too small. Suppose two rows of four are
        ignored. The mean of the other two has to be divided by 2, not by 4. PyTorch does the same: with the reduction
        “mean” it averages over the targets that are not ignored. Count the rows that took part, and divide by that
        count. If the count is 0, see what the statement says about it.
    """,
    source="COURSE A1.8",
)

cross_entropy.mistake(
    "mean over rows and classes",
    edits=[("float(np.mean(losses))", "float(np.mean(losses) / len(row))")],
    core=True,
    hint="""
        Your result is too small by a constant factor: the number of classes. It happens when the targets are written as
        a one-hot table, multiplied with the log-probabilities, and the mean of the whole table is taken. The table has
        N rows and K columns, so that mean divides by N times K. But a row is one example, and one example has one loss:
        within a row you add, over the examples you average. All the zeros of the one-hot table do not count as losses
        of 0; they only select. A quick test is a model that knows nothing: with ten equal logits the loss must be the
        logarithm of 10, about 2.303, however many rows there are.
    """,
)

cross_entropy.mistake(
    "ignored rows used",
    edits=[("        if target == ignore_index:\n            continue\n", "")],
    core=True,
    hint="""
        You use every row, also those whose target says “do not count me”. What happens then depends on the ignored
        number. With minus 100 numpy usually stops with an IndexError. With minus 1 there is no error at all: for numpy,
        minus one means the last element, so you silently charge the row as if the last class were right. That second
        case is the dangerous one. Such targets are common: padding at the end of a sentence, unlabeled pixels of an
        image. Decide row by row, before you look anything up with the target: if the target equals the ignored number,
        the row takes part neither in the sum nor in the count.
    """,
)

cross_entropy.mistake(
    "-100 written into the code",
    edits=[("target == ignore_index", "target == -100")],
    hint="""
        You skip the rows with target minus 100, and that works as long as nobody passes another number. But the caller
        may choose which target means “ignore me”, and you never look at that argument. Minus 100 is only its default.
        Many data sets use minus 1, or 255 for images with unlabeled pixels, or the number of a padding token, which is
        an ordinary class. With minus 1 your function does not even fail: numpy reads it as the last class and charges a
        wrong price. An argument that a function accepts and then forgets is worse than one it does not have. Compare
        the target with what the caller gave you.
    """,
)

cross_entropy.mistake(
    "every negative target ignored",
    edits=[("target == ignore_index", "target < 0")],
    hint="""
        You skip the rows whose target is negative. For the default of minus 100, and for minus 1, this looks right. But
        the ignored number need not be negative. In language models it is often the number of the padding token, 0 for
        instance, and in images it is often 255; for the loss that is a class like any other, until the caller says that
        it is to be left out. With your test these rows are counted, and the model is trained to predict padding. The
        argument tells you exactly which number it is. One comparison for equality with that argument handles all cases,
        negative or not, and it is even shorter than a rule about signs.
    """,
)

cross_entropy.mistake(
    "nothing left gives 0",
    edits=[("return math.nan", "return 0.0")],
    hint="""
        One corner case is left: a batch in which every row is ignored. You return 0. That says “the model is perfect
        here”, and nobody would notice that nothing was measured. The mean of no numbers is not 0; it does not exist.
        The statement asks for nan, as PyTorch gives: a nan stands out in a plot, and it tells you that your data loader
        made an empty batch. (In your own training loop you may well skip such a batch, but that is the caller's
        decision, and it can only be made if the loss is honest.) Look for the place where you protect yourself against
        a division by zero, perhaps by a maximum with 1.
    """,
    source="COURSE A1.8",
)


@cross_entropy.mistake(
    "ignored by multiplying with 0",
    hint="""
        You compute a loss for every row, and multiply those of the ignored rows by 0. For ordinary rows that is the
        same as leaving them out. But an ignored row may hold anything: padding is often never filled in, and may be nan
        or infinite. Zero times nan is nan, and a single such row poisons the whole mean. The statement says that an
        ignored row counts for nothing, whatever its logits are. So do not multiply it away; select. Pick the rows that
        take part first, by a comparison of the targets with the ignored number, and compute only with those. It is also
        less work, and the count for the mean is then simply the number of rows you have left.
    """,
)
def _masked_by_multiplication(logits, targets, ignore_index=-100, label_smoothing=0.0):
    logits = np.asarray(logits, dtype=np.float64)
    targets = np.asarray(targets)
    keep = (targets != ignore_index).astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    nll = -log_p[np.arange(len(log_p)), np.where(keep > 0, targets, 0)]
    losses = (1 - label_smoothing) * nll - label_smoothing * log_p.mean(axis=1)
    return float(np.sum(losses * keep) / np.sum(keep))


cross_entropy.mistake(
    "label smoothing forgotten",
    edits=[("-(1 - label_smoothing) * log_p[target] - label_smoothing * np.mean(log_p)", "-log_p[target]")],
    core=True,
    hint="""
        Everything is right as long as there is no label smoothing; but the argument for it changes nothing in your
        result. With a smoothing of ε the target is no longer “all weight on one class”. Instead you mix: the share 1 −
        ε stays as it was, and the share ε is spread evenly over all K classes. The loss mixes in the same way: 1 − ε
        times the usual loss, plus ε times the average, over all classes, of minus the log-probability. It keeps a model
        from becoming ever more sure, because it now pays for any class that it calls impossible. Look at your arguments
        one by one, and ask of each where it is used.
    """,
)

cross_entropy.mistake(
    "smoothing over the other classes",
    edits=[
        ("label_smoothing * np.mean(log_p)", "label_smoothing * (np.sum(log_p) - log_p[target]) / (len(log_p) - 1)")
    ],
    core=True,
    hint="""
        You smooth the labels, but with another convention. You give the share ε to the other classes only, so each of
        those K − 1 classes gets ε/(K − 1), and the target keeps exactly 1 − ε. Some papers do so. PyTorch, and this
        exercise, spread ε over all K classes, the target among them: each class gets ε/K, and the target has 1 − ε +
        ε/K in all. It is the mixture of the hard label with the uniform distribution. With many classes the difference
        is tiny, which is why it is hard to notice; with three or four it is plain. Look at what you average over in the
        second part of the loss, and whether the target belongs to it.
    """,
)

cross_entropy.mistake(
    "target keeps its full weight",
    edits=[("-(1 - label_smoothing) * log_p[target]", "-log_p[target]")],
    core=True,
    hint="""
        You add the smoothing part, but you do not take anything away from the target. So your weights sum to 1 + ε and
        not to 1, and the loss is too large. Smoothing is a mixture of two distributions: the hard label and the uniform
        one. In a mixture one share grows as the other shrinks: 1 − ε for the hard label, ε for the uniform one. Two
        corner cases make a good test. With ε = 0 you must get the usual loss. With ε = 1 the label must not matter at
        all, because only the uniform part is left; change a target and see whether your result moves. Then look at the
        factor in front of the first part.
    """,
)

cross_entropy.mistake(
    "smoothing summed over the classes",
    edits=[("label_smoothing * np.mean(log_p)", "label_smoothing * np.sum(log_p)")],
    core=True,
    hint="""
        Your smoothing part is too large by a factor, the number of classes. You give the weight ε to every class, K
        times in all, while ε is meant to be shared: each class gets ε/K. All the weights of one row together must be 1,
        because they are a probability distribution: 1 − ε from the hard label, and K times ε/K from the uniform part.
        Add up your own weights, and you find more than 1. With ten classes and ε = 0.1 the smoothing would weigh as
        much as the whole rest of the loss. So the second part wants the average over the classes of minus the
        log-probabilities, where you have their sum.
    """,
)


@cross_entropy.mistake(
    "normalised over the batch",
    core=True,
    hint="""
        You normalise along the wrong axis. The logits have one row per example and one column per class. Within one
        example the probabilities of the classes have to sum to 1, so the maximum and the sum of exponentials are taken
        along a row, over the classes. Yours run down a column, over the examples of the batch: then the examples
        compete with each other, and the loss of one depends on which others happen to be in its batch. For a square
        table nothing complains, and the numbers look plausible. Test with a batch of a single row: there, you find a
        loss of 0 for any logits. Then look at the axis of your maximum and of your sum.
    """,
    source="MISCONCEPTIONS 7",
)
def _normalised_over_the_batch(logits, targets, ignore_index=-100, label_smoothing=0.0):
    logits = np.asarray(logits, dtype=np.float64)
    targets = np.asarray(targets)
    keep = targets != ignore_index
    if not keep.any():
        return math.nan
    shifted = logits - logits.max(axis=0)
    log_p = (shifted - np.log(np.exp(shifted).sum(axis=0)))[keep]
    nll = -log_p[np.arange(len(log_p)), targets[keep]]
    return float(np.mean((1 - label_smoothing) * nll - label_smoothing * log_p.mean(axis=1)))


@cross_entropy.mistake(
    "one maximum for the whole batch",
    hint="""
        You shift by the largest logit of the whole batch. That prevents overflow, but not the opposite. When one row
        lies around 900 and another around −900, the second row is shifted down to −1800: all its exponentials are
        exactly 0, the sum is 0, its logarithm is minus infinity, and a harmless row gets an infinite loss. The shift is
        free to be different in each row, because each row is normalised by itself. So every row should be shifted by
        its own maximum; then each has one exponential that is exactly 1, and no sum can vanish. Keep the shape in mind
        as well: one maximum per row, in a column, so that it lines up with the rows.
    """,
    source="COURSE A1.2",
)
def _global_maximum(logits, targets, ignore_index=-100, label_smoothing=0.0):
    logits = np.asarray(logits, dtype=np.float64)
    targets = np.asarray(targets)
    keep = targets != ignore_index
    if not keep.any():
        return math.nan
    shifted = logits - np.max(logits)
    log_p = (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))[keep]
    nll = -log_p[np.arange(len(log_p)), targets[keep]]
    return float(np.mean((1 - label_smoothing) * nll - label_smoothing * log_p.mean(axis=1)))


cross_entropy.mistake(
    "logits shifted in place",
    edits=[("shifted = row - np.max(row)", "row -= np.max(row)\n        shifted = row")],
    hint="""
        Your loss is right, but your function leaves a trace: after the call, the caller's logits have moved. A row of a
        two-dimensional array is a view, a window onto the same memory, and an operator such as minus-equals writes into
        that memory. Because a shift does not change the loss, you will not even notice it when you call the function
        again. But somebody who wants the logits for another purpose, such as comparing the scores of two models, or
        computing a different loss, gets other numbers than the network gave. The contract is that inputs are never
        modified. Give the shifted row a name of its own, made by an ordinary subtraction.
    """,
    source="MISCONCEPTIONS 18",
)

cross_entropy.mistake(
    "largest probability instead of the target's",
    edits=[("* log_p[target]", "* np.max(log_p)")],
    core=True,
    hint="""
        You take the log-probability of the class the model likes best, and not that of the class which is right. So
        your loss asks only “how sure is the model?” and never “is it right?”. A model that is always sure and always
        wrong would have a loss near 0; the targets could be anything. Cross-entropy is the surprise about what really
        happened: minus the log-probability that the model had given to the true class. The target is the number of that
        class, that is, the place in the row where you have to look. Try one row with a clear favourite, and change its
        target: the result must jump. Yours stays where it is.
    """,
)

cross_entropy.mistake(
    "sign forgotten",
    edits=[("return float(np.mean(losses))", "return -float(np.mean(losses))")],
    core=True,
    hint="""
        Your number has the right size and the wrong sign. You return the mean log-probability of the targets, which is
        the log-likelihood per example. A log-probability is never above 0, and training pushes it up. A loss is to be
        pushed down, so cross-entropy carries a minus sign: it is never negative, it is 0 for a model that is sure and
        right, and it is ln K for a model that knows nothing. With the sign missing, gradient descent would make the
        right classes ever less likely. A quick check for any loss: print it for a model with ten equal logits. You
        should see plus 2.303, the logarithm of 10.
    """,
)

cross_entropy.mistake(
    "binary cross-entropy of every class",
    edits=[
        (
            "-(1 - label_smoothing) * log_p[target] - label_smoothing * np.mean(log_p)",
            "-log_p[target] - np.sum(np.log(1 - np.exp(np.delete(log_p, target))))",
        )
    ],
    core=True,
    hint="""
        You treat each class as a yes-or-no question of its own: besides the term for the target you add, for every
        other class, the logarithm of one minus its probability. That is binary cross-entropy, summed over the classes.
        It is the right loss when several labels may be true at once and each has its own sigmoid. Here exactly one
        class is true, and the softmax has tied the probabilities together: if the target has 0.7, the others share 0.3,
        and there is nothing more to say about them. So one term is enough, minus the log-probability of the target; the
        other classes already enter through the sum in the softmax. With ten equal logits you should get the logarithm
        of 10.
    """,
)
