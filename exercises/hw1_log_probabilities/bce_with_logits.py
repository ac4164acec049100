"""`bce_with_logits(z, y, reduction="mean")`: binary cross-entropy from logits, right for every finite logit."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import raised, typed, untouched


def _bce_with_logits(z, y, reduction="mean"):
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(f"reduction must be 'none', 'sum' or 'mean', not {reduction!r}")
    z = np.asarray(z)
    if z.dtype.kind != "f":
        z = z.astype(np.float64)
    y = np.asarray(y).astype(z.dtype)
    log_p = -(np.maximum(-z, 0) + np.log1p(np.exp(-np.abs(z))))
    log_not_p = -(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))))
    loss = -(y * log_p + (1 - y) * log_not_p)
    if reduction == "mean":
        return np.mean(loss)
    if reduction == "sum":
        return np.sum(loss)
    return loss


# Other right ways -----------------------------------------------------------------------------------------------------


def _one_formula(z, y, reduction="mean"):
    if reduction not in ("none", "sum", "mean"):
        raise ValueError("unknown reduction")
    z = np.asarray(z)
    if not np.issubdtype(z.dtype, np.floating):
        z = z.astype(float)
    y = np.asarray(y, dtype=z.dtype)
    loss = np.maximum(z, 0) - z * y + np.log(1 + np.exp(-np.abs(z)))
    return {"none": loss, "sum": loss.sum(), "mean": loss.mean()}[reduction]


def _by_logaddexp(z, y, reduction="mean"):
    if reduction not in ("none", "sum", "mean"):
        raise ValueError("unknown reduction")
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    loss = np.logaddexp(np.zeros_like(z), z) - np.asarray(y).astype(z.dtype) * z
    return loss if reduction == "none" else getattr(np, reduction)(loss)


def _two_branches(z, y, reduction="mean"):
    if reduction not in ("none", "sum", "mean"):
        raise ValueError("unknown reduction")
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    y = np.asarray(y).astype(z.dtype)
    small = np.exp(np.where(z < 0, z, -z))
    softplus = np.where(z < 0, np.log1p(small), z + np.log1p(small))
    loss = softplus - y * z
    if reduction == "none":
        return loss
    return np.sum(loss) if reduction == "sum" else np.sum(loss) / np.asarray(z.size, z.dtype)


def _one_by_one(z, y, reduction="mean"):
    if reduction not in ("none", "sum", "mean"):
        raise ValueError("unknown reduction")
    z = np.asarray(z)
    dtype = z.dtype if z.dtype.kind == "f" else np.dtype(np.float64)
    losses = []
    for logit, label in zip(z.ravel().tolist(), np.asarray(y).ravel().tolist(), strict=True):
        right = label * (max(-logit, 0.0) + math.log1p(math.exp(-abs(logit)))) if label else 0.0
        wrong = (1 - label) * (max(logit, 0.0) + math.log1p(math.exp(-abs(logit)))) if label != 1 else 0.0
        losses.append(right + wrong if logit == logit else math.nan)
    if reduction == "none":
        return np.array(losses, dtype=dtype).reshape(z.shape)
    total = math.fsum(losses)
    return dtype.type(total if reduction == "sum" else total / len(losses))


def _in_torch(z, y, reduction="mean"):
    if reduction not in ("none", "sum", "mean"):
        raise ValueError("unknown reduction")
    t = torch.tensor(np.asarray(z))
    t = t if t.is_floating_point() else t.double()
    y = torch.tensor(np.asarray(y)).to(t.dtype)
    loss = torch.relu(t) - t * y + torch.log1p(torch.exp(-torch.abs(t)))
    return (loss if reduction == "none" else getattr(loss, reduction)()).numpy()


# Library one-liners ---------------------------------------------------------------------------------------------------


def _torch_loss(z, y, reduction="mean"):
    z = torch.tensor(np.asarray(z))
    z = z if z.is_floating_point() else z.double()
    y = torch.tensor(np.asarray(y)).to(z.dtype)
    return torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction=reduction).numpy()


def _scipy_log_expit(z, y, reduction="mean"):
    from scipy.special import log_expit

    if reduction not in ("none", "sum", "mean"):
        raise ValueError("unknown reduction")
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    y = np.asarray(y).astype(z.dtype)
    loss = -(y * log_expit(z) + (1 - y) * log_expit(-z))
    return loss if reduction == "none" else getattr(loss, reduction)()


bce_with_logits = Exercise(
    reference=_bce_with_logits,
    accepted={
        "max(z,0) - zy + log(1+e^-|z|)": _one_formula,
        "logaddexp(0,z) - yz": _by_logaddexp,
        "two branches": _two_branches,
        "one by one, with math": _one_by_one,
        "torch's basic operations": _in_torch,
    },
    witnesses={
        "torch.nn.functional.binary_cross_entropy_with_logits": _torch_loss,
        "scipy.special.log_expit": _scipy_log_expit,
    },
    banned=(
        "torch.nn",
        "torch.binary_cross_entropy_with_logits",
        "scipy.special",
        "sklearn",
    ),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _call(f, z, y, *args, **kwargs):
    """Call with copies: an answer that spoils its inputs loses the check for that, and no other."""
    return f(z.copy(), y.copy(), *args, **kwargs)


@bce_with_logits.check(
    "none, sum and mean of an ordinary batch; mean is the default",
    points=0.5,
    hint="Take three logits and three labels, work the losses out on paper, then sum them and average them.",
)
def _reductions(f, rng):
    z, y = rng.uniform(-4, 4, size=6), rng.uniform(0.05, 0.95, size=6)
    return [
        typed(_call(f, z, y)),
        typed(_call(f, z, y, reduction="none")),
        typed(_call(f, z, y, reduction="sum")),
        typed(_call(f, z, y, "mean")),
    ]


@bce_with_logits.check(
    "labels may be soft, whole numbers or booleans",
    points=0.5,
    hint="The two terms of the formula are weighted by y and by 1 − y, also where y lies between 0 and 1.",
)
def _labels(f, rng):
    z = rng.uniform(-4, 4, size=8)
    whole = rng.integers(-4, 5, size=8)
    hard = rng.permutation([0, 0, 0, 0, 1, 1, 1, 1])
    soft = rng.uniform(size=8)
    return [
        typed(_call(f, z, hard, reduction="none")),
        typed(_call(f, z, hard.astype(bool), reduction="none")),
        typed(_call(f, z, soft, reduction="none")),
        typed(_call(f, whole, hard, reduction="none")),
    ]


@bce_with_logits.check(
    "logits far from 0, up to ±1000",
    points=1,
    hint="Try a huge positive and a huge negative logit, each with both labels.",
)
def _far_out(f, rng):
    sizes = np.concatenate([rng.uniform(18, 36, size=4), rng.uniform(40, 90, size=4), rng.uniform(800, 1000, size=4)])
    z = np.concatenate([sizes, -sizes])
    hard = np.tile([0.0, 1.0], 12)
    soft = rng.uniform(0.1, 0.9, size=z.size)
    return [_call(f, z, y, reduction="none") for y in (hard, 1 - hard, soft)] + [_call(f, z, hard)]


@bce_with_logits.check(
    "float32 stays float32, and large logits are right there too",
    points=0.5,
    rtol=1e-6,
    atol=2e-5,  # a difference of two numbers near 80 is good to a few 1e-6 in float32
    hint="Look at the dtype of what you return, and at logits where the float32 sigmoid has become exactly 1.",
)
def _single_precision(f, rng):
    z = np.concatenate([rng.normal(scale=3.0, size=4), rng.uniform(17, 80, size=4), rng.uniform(-80, -17, size=4)])
    z = z.astype(np.float32)
    y = np.tile([0, 1], 6)
    return [
        typed(_call(f, z, y.astype(np.float32), reduction="none")),
        typed(_call(f, z, 1 - y, reduction="none")),
        typed(_call(f, z, y)),
    ]


@bce_with_logits.check(
    "any shape, nan, an unknown reduction, and inputs left as they were",
    points=0.5,
    hint="Read the list of rules above your function once more, line by line.",
)
def _contract(f, rng):
    z = rng.uniform(-4, 4, size=(3, 4))
    y = rng.uniform(size=(3, 4))
    with_nan = z.copy()
    with_nan[1, 2] = np.nan
    huge = np.concatenate([rng.normal(size=3), [-950.0, 950.0]])
    labels = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    return {
        "mean over all": typed(_call(f, z, y)),
        "2-D": typed(_call(f, z, y, reduction="none")),
        "every other column": typed(f(z.copy()[:, ::2], y.copy()[:, ::2], reduction="sum")),
        "0-d": typed(_call(f, z[0, 0], y[0, 0], reduction="none")),
        "nan": typed(_call(f, with_nan, y, reduction="none")),
        "unknown word": raised(f, z.copy(), y.copy(), reduction="average"),
        "untouched": untouched(f, huge, labels),
    }


# Wrong answers, as students write them --------------------------------------------------------------------------------


bce_with_logits.mistake(
    "sigmoid first, then log",
    edits=[
        ("-(np.maximum(-z, 0) + np.log1p(np.exp(-np.abs(z))))", "np.log(1 / (1 + np.exp(-z)))"),
        ("-(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))))", "np.log(1 - 1 / (1 + np.exp(-z)))"),
    ],
    core=True,
    hint="""
        You turn the logit into a probability first and take its logarithm afterwards. On paper that is fine. In
        floating point the probability is rounded on the way: from about z = 37 on, the float64 sigmoid is exactly 1, so
        one minus it is exactly 0, and its logarithm is minus infinity. Multiply that by a label of 0 and you get nan.
        The information was lost when the sigmoid was rounded, and no logarithm can bring it back. Do the algebra before
        the computer rounds: write the logarithm of the sigmoid as a function of z itself, and simplify it until no
        exponential of a large positive number is left. Then the loss for a wrong answer simply grows like the size of
        z.
    """,
    source="MISCONCEPTIONS 24",
)

bce_with_logits.mistake(
    "probability clipped to 1e-7",
    edits=[
        (
            "log_p = -(np.maximum(-z, 0) + np.log1p(np.exp(-np.abs(z))))",
            "p = np.clip(1 / (1 + np.exp(-z)), 1e-7, 1 - 1e-7)\n    log_p = np.log(p)",
        ),
        ("-(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))))", "np.log(1 - p)"),
    ],
    core=True,
    hint="""
        You keep the probability away from 0 and 1 by clipping it, so nothing is infinite any more. But the clip puts a
        lid on the loss: it can never be larger than about 16.1, the negative logarithm of 1e-7. An answer that is wrong
        with a logit of 20 and one that is wrong with a logit of 1000 then cost the same. Worse, under the lid the curve
        is flat: its gradient is zero, so the model learns nothing from its worst mistakes. The true loss grows like a
        straight line with the size of the logit. Do not repair the probability; avoid it. Write the loss as a function
        of the logit and choose a form whose exponentials never get large.
    """,
    source="MISCONCEPTIONS 25",
)

bce_with_logits.mistake(
    "log clamped at -100",
    edits=[
        ("-(np.maximum(-z, 0) + np.log1p(np.exp(-np.abs(z))))", "np.maximum(np.log(1 / (1 + np.exp(-z))), -100)"),
        ("-(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))))", "np.maximum(np.log(1 - 1 / (1 + np.exp(-z))), -100)"),
    ],
    hint="""
        You take the logarithm of a probability and stop it at minus one hundred. That is what PyTorch's BCELoss does,
        and it is the reason why the lecture says not to use it. The result is finite, but it is wrong: a logit of 40
        with label 0 should cost 40, and you charge 100, because the sigmoid was already rounded to exactly 1. A logit
        of 1000 costs 100 as well. A finite number that is wrong is harder to notice than a nan. The cure is to start
        one step earlier, at the logit: the logarithm of the sigmoid has a form in z that never rounds to the logarithm
        of 0, so there is nothing to stop.
    """,
    source="ERRATA 12",
)

bce_with_logits.mistake(
    "1e-12 added inside the log",
    edits=[
        ("-(np.maximum(-z, 0) + np.log1p(np.exp(-np.abs(z))))", "np.log(1 / (1 + np.exp(-z)) + 1e-12)"),
        ("-(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))))", "np.log(1 - 1 / (1 + np.exp(-z)) + 1e-12)"),
    ],
    core=True,
    hint="""
        You add a tiny number inside the logarithm so that it never sees 0. The infinity is gone, but a ceiling came in
        its place: the logarithm can go no lower than about minus 27.6, the logarithm of 1e-12. So the loss stops
        growing just where your model is most wrong, and its gradient goes to zero there. It also shifts every ordinary
        loss a little. A tiny constant hides a rounding problem; it does not solve it. The problem is that the sigmoid
        was rounded to 0 or 1 before the logarithm saw it. Work with the logit: find the form of the log-sigmoid in
        which the exponential has a negative argument only.
    """,
    source="seen in many training scripts",
)

bce_with_logits.mistake(
    "only the y = 1 term",
    edits=[("-(y * log_p + (1 - y) * log_not_p)", "-(y * log_p)")],
    core=True,
    hint="""
        Your loss has only the term for label 1. For an example with label 0 it is exactly zero, whatever the logit is:
        a model that shouts “yes” at everything would have a perfect score. Binary cross-entropy has two terms. The
        first is weighted with y and looks at the log-probability of a one; the second is weighted with one minus y and
        looks at the log-probability of a zero. For a hard label, one of them is switched off, and for a soft label both
        count. (With several classes, cross-entropy does look like a single term, because there each class has its own
        probability. Here one number stands for two classes.) Check one example with label 0.
    """,
)

bce_with_logits.mistake(
    "labels swapped",
    edits=[("-(y * log_p + (1 - y) * log_not_p)", "-((1 - y) * log_p + y * log_not_p)")],
    core=True,
    hint="""
        Your two terms have changed places: the label 1 is rewarded for a low logit, and the label 0 for a high one.
        Everything looks healthy, and the loss is finite and positive, but a model trained with it learns the opposite
        of what you want. Ask yourself one question about a single example: the label is 1 and the logit is 5. The model
        is confident and right, so the loss must be close to zero. What does your function say? The logit is the score
        for label 1: the sigmoid of z is the probability of a one. So the logarithm of that probability belongs to y,
        and the other logarithm belongs to one minus y. A sign error in the product of z and y looks just the same.
    """,
    source="MISCONCEPTIONS 31",
)

bce_with_logits.mistake(
    "always the mean",
    edits=[('if reduction == "mean":', 'if reduction != "":')],
    core=True,
    hint="""
        Your losses are right, but you return their mean whatever the caller asks for. The third argument says what to
        do with the separate losses: keep them all in the shape of z, add them up, or average them. The mean is only the
        default. This matters more than it seems: people ask for the separate losses when they want to weight examples,
        or to leave some out, or to find the worst ones, and a sum differs from a mean by the number of elements, which
        changes what a learning rate means. Look at the end of your function. There should be three ways out of it, plus
        an error for a word that is none of the three.
    """,
    source="COURSE A1.6",
)

bce_with_logits.mistake(
    "unknown reduction falls through",
    edits=[("raise ValueError(", "str(")],
    hint="""
        Your numbers are all right. One rule of the statement is missing: a reduction that is none of the three words
        must raise a ValueError. Your function takes any other word without complaint and returns something. Think of a
        colleague who writes “avg”, or misspells “mean”: with a silent answer they train for a day on the wrong loss,
        and nothing ever tells them. An error on the first line costs them ten seconds. So check the argument before you
        compute anything, and say in the message which words you know and which word you were given. Look at where your
        last branch goes: an else that catches everything is what lets the unknown word pass.
    """,
)

bce_with_logits.mistake(
    "log(1 + e^z) - yz",
    edits=[("-(y * log_p + (1 - y) * log_not_p)", "np.log(1 + np.exp(z)) - y * z")],
    core=True,
    hint="""
        Your formula is right on paper, and you have already removed the sigmoid: well done. What is left is the
        exponential of z. For a logit of 800 it overflows: the largest float64 is about e to the 709.8, so the
        exponential becomes infinite, and so does your loss; in float32 this happens from 89 on. On the other side, for
        very negative z, nothing goes wrong. Use that. Split the logit by its sign, and for positive z pull the large
        part out of the logarithm by hand, as the log-sum-exp trick does with its maximum. What stays inside is the
        exponential of minus the absolute value of z, which is never larger than 1.
    """,
    source="COURSE A1.6",
)

bce_with_logits.mistake(
    "wrong side of the maximum",
    edits=[
        (
            "-(y * log_p + (1 - y) * log_not_p)",
            "np.maximum(-z, 0) - z * y + np.log(np.exp(-np.maximum(-z, 0)) + np.exp(z - np.maximum(-z, 0)))",
        )
    ],
    hint="""
        You shift by a maximum before you take exponentials, which is the right idea. But you took the maximum of the
        wrong pair. The numbers inside your logarithm are the exponentials of 0 and of z, so the shift has to be the
        larger of 0 and z. You use the larger of 0 and minus z. With that, ordinary logits still come out right, because
        a shift by anything cancels; but for a huge positive logit nothing is shifted and the exponential overflows, and
        for a huge negative one everything underflows to the logarithm of 0. A real pull request to PyTorch had this
        very sign wrong. Test a large positive and a large negative logit, each with both labels.
    """,
    source="MISCONCEPTIONS 27, pytorch PR 2221",
)

bce_with_logits.mistake(
    "no absolute value",
    edits=[("-(y * log_p + (1 - y) * log_not_p)", "np.maximum(z, 0) - z * y + np.log1p(np.exp(-z))")],
    core=True,
    hint="""
        For positive logits your loss is right. For negative ones it is too large by exactly minus z, and for very
        negative ones it is infinite. Look at the exponential: its argument has to be minus the absolute value of z, and
        yours is minus z. When z is negative, minus z is positive, so the exponential grows without limit, and the
        maximum in front has already been taken as zero, so nothing makes up for it. The stable formula comes from two
        cases. For positive z you pull z out of the logarithm, for negative z you pull nothing out; in both, what stays
        inside is the exponential of a number that is at most 0. The absolute value is what writes both cases in one
        line.
    """,
)

bce_with_logits.mistake(
    "logits clipped",
    edits=[("    y = np.asarray(y)", "    z = np.clip(z, -30, 30)\n    y = np.asarray(y)")],
    core=True,
    hint="""
        You clip the logits to a range before you use them. That stops the overflow, but it changes the question: every
        logit outside the range is treated as if it stood at the edge. A wrong answer with a logit of 800 should cost
        800, and yours costs only what the edge costs. The loss is flat out there, so its gradient is zero, and the
        examples that are most wrong stop teaching the model anything. There is no need to clip, because the true loss
        never overflows: it grows only as fast as the logit itself. It is one intermediate step that overflows. Find
        that step, and rewrite it so that its exponential only ever sees numbers that are at most 0.
    """,
)

bce_with_logits.mistake(
    "sigmoid twice",
    edits=[("    y = np.asarray(y)", "    z = 1 / (1 + np.exp(-z))\n    y = np.asarray(y)")],
    core=True,
    hint="""
        You apply the sigmoid to z and then use the result where a logit belongs. So the sigmoid happens twice: once by
        you, and once inside the formula. A probability lies between 0 and 1, and seen as a logit that is a very timid
        range: the loss of a perfect answer with label 1 can then never fall below 0.3133, the negative log-sigmoid of
        1, and with label 0 never below 0.6931. A model trained like this learns slowly and never looks sure. The same
        thing happens when a network ends with a sigmoid layer and is given to a loss “with logits”. The name tells you
        what goes in: the raw score, before any squashing. Leave z as it is.
    """,
    source="MISCONCEPTIONS 30",
)

bce_with_logits.mistake(
    "formula for labels -1 and +1",
    edits=[("-(y * log_p + (1 - y) * log_not_p)", "np.logaddexp(np.zeros_like(z), -y * z)")],
    core=True,
    hint="""
        Your formula is a real one from the textbooks, but it belongs to labels that are minus one and plus one. Here
        the labels are 0 and 1. With label 1 the two agree, which is why half of your numbers are right. With label 0
        the product of label and logit is always 0, so you charge the same price, 0.6931, the logarithm of 2, whatever
        the model said. There is no single product that works for 0 and 1, and none for soft labels either: they need
        both terms, one weighted with y, the other with one minus y. Before you copy a formula for a loss, look which
        labels its author uses. Then try one example with label 0.
    """,
)

bce_with_logits.mistake(
    "soft labels rounded",
    edits=[("-(y * log_p + (1 - y) * log_not_p)", "-np.where(y > 0.5, log_p, log_not_p)")],
    core=True,
    hint="""
        With labels that are exactly 0 or 1 your function is right. With a label such as 0.7 it picks one of the two
        terms and forgets the other, as if the label had been rounded. A soft label is a statement about chances: seven
        out of ten annotators said yes, or a larger model gave 0.7. The loss is then a weighted mean of the two costs,
        with weight y for the first and one minus y for the second, and it is smallest where the sigmoid of z equals the
        label, not at infinity. Look at the place where you choose between the two terms. There should be no choice
        there: compute both, and let the label weigh them.
    """,
)

bce_with_logits.mistake(
    "mean over the last axis only",
    edits=[("np.mean(loss)", "np.mean(loss, axis=-1)")],
    hint="""
        For a single row of logits your mean is right. For a table of logits you average each row by itself and return
        one number per row. The statement asks for a single number: the mean over all the elements of z, however many
        axes it has. A loss has to be one number, because a gradient is taken of it. The rule is the same as in PyTorch:
        reduction “mean” counts every element once. Such a mistake hides well, since one-dimensional tests cannot see
        it, and later it comes back as an error about a scalar. Look at the axis which you give to the mean, and ask
        whether you need one at all. Then test with three rows and four columns.
    """,
)

bce_with_logits.mistake(
    "divided by the number of rows",
    edits=[("np.mean(loss)", "np.sum(loss) / z.dtype.type(len(np.atleast_1d(loss)))")],
    hint="""
        For a single row of logits your mean is right. For a table you add up all the losses, which is right too, but
        then you divide by the number of rows only. The length of an array with two axes is the length of its first
        axis: a table of three rows and four columns has length 3, not 12. So your mean is too large by the number of
        columns. PyTorch's “mean” divides by the number of all the elements, and the statement asks for the same.
        (Dividing by the number of examples is sometimes wanted as well, and then it has another name.) Look at what you
        divide by, and try an array of three rows and four columns.
    """,
)

bce_with_logits.mistake(
    "sign forgotten",
    edits=[("-(y * log_p + (1 - y) * log_not_p)", "y * log_p + (1 - y) * log_not_p")],
    core=True,
    hint="""
        All your numbers have the right size and the wrong sign. What you return is the log-likelihood: the logarithm of
        the probability which the model gave to what really happened. A probability is at most 1, so its logarithm is
        never positive, and a good model pushes it up towards 0. A loss is meant to be pushed down. That is why
        cross-entropy carries a minus sign in front: it turns “make the probability large” into “make the loss small”.
        With the sign missing, gradient descent would make the model worse at every step. A quick test: can a
        cross-entropy ever be negative? Print yours for one ordinary example.
    """,
)

bce_with_logits.mistake(
    "float32 becomes float64",
    edits=[("z = np.asarray(z)\n    if", "z = np.asarray(z, dtype=np.float64)\n    if")],
    hint="""
        Your values are right, but their dtype is not. You turn everything into float64 at the beginning, so a caller
        who gives float32 gets float64 back. The common contract says: float32 stays float32, and only whole numbers are
        promoted to float64. This is not pedantry. On a graphics card float64 is many times slower and takes twice the
        memory, and one float64 array in a chain quietly turns all that comes after it into float64. You do not need the
        extra digits here either: a stable formula is right in float32 as well. Change the dtype only when the input is
        not a floating-point array already, and bring the labels to the dtype of z.
    """,
)

bce_with_logits.mistake(
    "z multiplied in place",
    edits=[("loss = -(y * log_p + (1 - y) * log_not_p)", "loss = -log_not_p\n    z *= y\n    loss -= z")],
    hint="""
        Your losses are right, but your function leaves a trace: after the call, the caller's array of logits holds
        other numbers than before. An operator such as times-equals on an array does not make a new array; it writes
        into the old one, and that one belongs to the caller, because turning an array into an array does not copy it.
        Whoever uses the logits again, for the accuracy or for a second loss, gets nonsense without any error. The first
        call looks perfect, which is why such a mistake is found late. Look for every line that changes z or y instead
        of giving a new name to a new result, and write it as an ordinary expression.
    """,
    source="COURSE, common contract",
)
