"""`bce_with_logits_grad(z, y)`: the gradient, with respect to the logits, of the mean binary cross-entropy."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import typed, untouched


def _bce_with_logits_grad(z, y):
    z = np.asarray(z)
    if z.dtype.kind != "f":
        z = z.astype(np.float64)
    y = np.asarray(y).astype(z.dtype)
    e = np.exp(-np.abs(z))
    p = np.where(z >= 0, 1 / (1 + e), e / (1 + e))
    return (p - y) / z.size


# Other right ways -----------------------------------------------------------------------------------------------------


def _plain_sigmoid(z, y):
    # e^1000 overflows to inf, and 1/inf is 0: right, if noisy.
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    return (1 / (1 + np.exp(-z)) - np.asarray(y).astype(z.dtype)) / z.size


def _by_tanh(z, y):
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    return (0.5 * (1 + np.tanh(0.5 * z)) - np.asarray(y).astype(z.dtype)) / z.size


def _one_by_one(z, y):
    z = np.asarray(z)
    dtype = z.dtype if z.dtype.kind == "f" else np.dtype(np.float64)
    gradient = []
    for logit, label in zip(z.ravel().tolist(), np.asarray(y).ravel().tolist(), strict=True):
        e = math.exp(-abs(logit))
        p = 1 / (1 + e) if logit >= 0 else e / (1 + e)
        gradient.append((p - label) / z.size)
    return np.array(gradient, dtype=dtype).reshape(z.shape)


def _autograd_of_a_stable_loss(z, y):
    z = torch.tensor(np.asarray(z))
    z = z if z.is_floating_point() else z.double()
    z.requires_grad_(True)
    y = torch.tensor(np.asarray(y)).to(z.dtype)
    loss = torch.logaddexp(torch.zeros_like(z), z) - y * z
    loss.mean().backward()
    return z.grad.numpy()


# Library one-liners ---------------------------------------------------------------------------------------------------


def _torch_autograd(z, y):
    z = torch.tensor(np.asarray(z))
    z = (z if z.is_floating_point() else z.double()).requires_grad_()
    y = torch.tensor(np.asarray(y)).to(z.dtype)
    torch.nn.functional.binary_cross_entropy_with_logits(z, y).backward()
    return z.grad.numpy()


def _scipy_expit(z, y):
    from scipy.special import expit

    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    return (expit(z) - np.asarray(y).astype(z.dtype)) / z.size


bce_with_logits_grad = Exercise(
    reference=_bce_with_logits_grad,
    accepted={
        "1/(1+e^-z) as it stands": _plain_sigmoid,
        "sigmoid from tanh": _by_tanh,
        "one by one, with math": _one_by_one,
        "autograd of a stable loss": _autograd_of_a_stable_loss,
    },
    witnesses={
        "autograd of binary_cross_entropy_with_logits": _torch_autograd,
        "scipy.special.expit": _scipy_expit,
    },
    banned=("torch.nn", "torch.binary_cross_entropy_with_logits", "scipy.special", "sklearn"),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _call(f, z, y):
    """Call with copies: an answer that spoils its inputs loses the check for that, and no other."""
    return f(z.copy(), y.copy())


@bce_with_logits_grad.check(
    "ordinary logits; soft, whole-number and boolean labels",
    points=0.5,
    hint="Nudge one logit a little and see how the mean loss changes: that ratio is what you should return.",
)
def _ordinary(f, rng):
    z = np.concatenate([rng.uniform(-4, 4, size=6), [0.0]])
    hard = rng.permutation([0, 0, 0, 1, 1, 1, 1])
    whole = rng.integers(-3, 4, size=7)
    return [
        typed(_call(f, z, rng.uniform(size=7))),
        typed(_call(f, z, hard)),
        typed(_call(f, z, 1 - hard)),
        typed(_call(f, z, hard.astype(bool))),
        typed(_call(f, whole, hard)),
    ]


@bce_with_logits_grad.check(
    "logits far from 0, up to ±1000",
    points=0.5,
    hint="The worst mistakes have the largest gradients, and none of them is nan.",
)
def _far_out(f, rng):
    sizes = np.concatenate([rng.uniform(low, high, size=3) for low, high in ((8, 12), (40, 90), (800, 1000))])
    z = np.concatenate([sizes, -sizes])
    hard = np.tile([0.0, 1.0], 9)
    return [_call(f, z, y) for y in (hard, 1 - hard, rng.uniform(0.1, 0.9, size=z.size))]


@bce_with_logits_grad.check(
    "the shape of z, the mean over all elements, nan in its place, inputs left as they were",
    points=0.5,
    hint="Try a table of three rows and four columns, and print both inputs before and after the call.",
)
def _shapes(f, rng):
    z = rng.uniform(-4, 4, size=(3, 4))
    y = rng.uniform(size=(3, 4))
    cube, labels = rng.normal(size=(2, 1, 5)), rng.integers(0, 2, size=(2, 1, 5))
    with_nan = z.copy()
    with_nan[2, 1] = np.nan
    huge = np.concatenate([rng.normal(size=3), [-950.0, 950.0]])
    return {
        "2-D": typed(_call(f, z, y)),
        "3-D": typed(_call(f, cube, labels)),
        "every other column": typed(f(z.copy()[:, ::2], y.copy()[:, ::2])),
        "0-d": typed(_call(f, z[0, 0], y[0, 0])),
        "nan": typed(_call(f, with_nan, y)),
        "untouched": untouched(f, huge, np.array([1.0, 0.0, 1.0, 1.0, 0.0])),
    }


@bce_with_logits_grad.check(
    "float32 stays float32",
    points=0.5,
    rtol=1e-6,
    atol=1e-7,  # p - y is a difference of numbers near 1: good to 6e-8 in float32, before the division by n
    hint="Look at the dtype of what you return, and at logits where the float32 sigmoid has become exactly 1.",
)
def _single_precision(f, rng):
    z = np.concatenate([rng.normal(scale=3.0, size=4), rng.uniform(17, 80, size=4), rng.uniform(-80, -17, size=4)])
    z = z.astype(np.float32)
    y = np.tile([0, 1], 6)
    return [typed(_call(f, z, y.astype(np.float32))), typed(_call(f, z, 1 - y))]


# Wrong answers, as students write them --------------------------------------------------------------------------------


bce_with_logits_grad.mistake(
    "gradient of the sum",
    edits=[("(p - y) / z.size", "p - y")],
    core=True,
    hint="""
        Your direction is right and each number has the right sign, but all are too large by one and the same factor:
        the number of elements. You return the gradient of the sum of the losses. The exercise asks for the gradient of
        their mean. The mean is the sum divided by the number of elements, and dividing a function by a constant divides
        its gradient by the same constant. Does it matter? Yes: with the sum, the size of a step grows with the size of
        the batch, so a learning rate that was fine for 8 examples explodes for 800. Check it with two logits at 0 and
        labels 1 and 0: the entries should be minus and plus one quarter.
    """,
    source="MISCONCEPTIONS 31",
)

bce_with_logits_grad.mistake(
    "sign reversed",
    edits=[("(p - y)", "(y - p)")],
    core=True,
    hint="""
        Each of your numbers has the right size and the wrong sign. What you return points downhill: it is the direction
        in which the loss gets smaller. The gradient is the direction in which the loss grows, and the optimizer brings
        the minus sign itself. With both minus signs, the step would go uphill. Think of one example. The label is 1 and
        the logit is 0, so the model says one half. Raising the logit makes the loss smaller, so the derivative with
        respect to the logit must be negative. The error that a prediction makes, prediction minus label, has just this
        sign. The opposite difference is the gradient of the log-likelihood, which is to be maximised.
    """,
)

bce_with_logits_grad.mistake(
    "gradient of log(p + 1e-12)",
    edits=[("(p - y) / z.size", "(-y / (p + 1e-12) + (1 - y) / (1 - p + 1e-12)) * p * (1 - p) / z.size")],
    core=True,
    hint="""
        You follow the chain rule through the probability: first the derivative of the loss with respect to p, then the
        derivative of the sigmoid. The tiny number in the denominators stops the division by zero, and it also stops the
        learning. For a large logit, p rounds to exactly 1, and the slope of the sigmoid, p times one minus p, rounds to
        exactly 0; zero times anything finite is zero. So a wrong answer with a logit of 50 gets a gradient of 0,
        although its true gradient has the largest size of all. Multiply the two factors on paper, before any rounding:
        the denominators cancel, and what is left is very short and never loses its digits.
    """,
    source="COURSE A1.7, ERRATA 12",
)

bce_with_logits_grad.mistake(
    "chain rule through p",
    edits=[("(p - y) / z.size", "(-y / p + (1 - y) / (1 - p)) * p * (1 - p) / z.size")],
    hint="""
        Your formula is the chain rule written out: the derivative of the loss with respect to p, times the derivative
        of p with respect to z. On paper it is right, and for ordinary logits so are your numbers. For a logit of 50 the
        sigmoid rounds to exactly 1. Then one denominator is exactly 0 and the slope of the sigmoid is exactly 0 as
        well, and zero divided by zero is nan. One nan in a gradient spoils every weight at the next step. Nothing is
        wrong with the mathematics, only with the order: the two factors share the term that causes the trouble.
        Multiply them on paper first and let that term cancel.
    """,
    source="COURSE A1.7",
)

bce_with_logits_grad.mistake(
    "gradient with respect to p",
    edits=[("(p - y) / z.size", "(-y / p + (1 - y) / (1 - p)) / z.size")],
    core=True,
    hint="""
        You differentiate with respect to the probability and stop there. The exercise asks for the derivative with
        respect to the logit z, which is one step further back: z goes through the sigmoid to become p, and only then
        comes the loss. So the chain rule has one more factor, the slope of the sigmoid, which is p times one minus p.
        Do not just multiply it on at the end, though. Write down the product on paper and simplify it; the factors
        cancel, and the result is so short that you can remember it for life. The check with a logit of 0 and label 1,
        alone in its batch, tells the two apart: with respect to z the derivative is minus one half, and yours is minus
        2.
    """,
)

bce_with_logits_grad.mistake(
    "gradient of the squared error",
    edits=[("(p - y) / z.size", "2 * (p - y) * p * (1 - p) / z.size")],
    core=True,
    hint="""
        You return the gradient of another loss: the squared difference between sigmoid and label. There the slope of
        the sigmoid, p times one minus p, stays in the formula as a factor. That factor goes to zero when the model is
        very sure, also when it is sure and wrong, so learning stalls just where it is needed most. This is the reason
        why classifiers are trained with cross-entropy. Its logarithm has a derivative with p and one minus p in the
        denominator, and they cancel the slope of the sigmoid completely. Start from the cross-entropy, take the
        derivative of its two logarithms with respect to z, and watch the factors disappear. Also the 2 has no place
        then.
    """,
)

bce_with_logits_grad.mistake(
    "overflow in e^z / (1 + e^z)",
    edits=[("np.where(z >= 0, 1 / (1 + e), e / (1 + e))", "np.exp(z) / (1 + np.exp(z))")],
    hint="""
        Your formula for the gradient is right. The trouble sits in your sigmoid. You write it as an exponential over
        one plus the same exponential. For a logit of 800 the exponential is infinite, and infinity over infinity is
        nan. For very negative logits the same form works well, since the exponential is then just a small number. The
        other form of the sigmoid, with the exponential of minus z in the denominator only, has the opposite habit: it
        is safe for positive z. On paper the two are equal. A careful program picks the safe one by the sign of z, so
        that no exponential of a large positive number is ever computed.
    """,
    source="MISCONCEPTIONS 19",
)

bce_with_logits_grad.mistake(
    "divided by the number of rows",
    edits=[("/ z.size", "/ z.dtype.type(len(np.atleast_1d(z)))")],
    hint="""
        For a single row of logits your gradient is right. For a table it is too large by the number of columns. You
        divide by the length of z, and the length of an array with two axes is the length of its first axis: a table of
        three rows and four columns has length 3, while it holds 12 elements. The loss here is the mean over every
        element of z, so each element has a weight of one over the number of all elements, however many axes there are.
        Numpy arrays know both numbers: how long they are, and how many elements they have. Look at what you divide by,
        and test with three rows and four columns.
    """,
    source="COURSE A1.7",
)

bce_with_logits_grad.mistake(
    "averaged to one number",
    edits=[("(p - y) / z.size", "np.mean(p - y)")],
    core=True,
    hint="""
        You return a single number, the average of all the errors. A gradient has one entry for each thing that may be
        changed, and here each logit may be changed by itself. So the answer must have the shape of z: the entry at a
        place says how much the mean loss grows when the logit at that place is nudged. “The gradient of the mean” is
        not “the mean of the gradient”. The mean is inside the function that is differentiated, and all it leaves behind
        in each entry is a division by the number of elements. Your average also lets errors cancel: one example that is
        too high and one that is too low would add up to “nothing to learn”.
    """,
    source="COURSE A1.7",
)

bce_with_logits_grad.mistake(
    "only the y = 1 term",
    edits=[("(p - y) / z.size", "-y * (1 - p) / z.size")],
    core=True,
    hint="""
        Wherever the label is 1, your gradient is right. Wherever the label is 0, it is exactly zero, whatever the logit
        is. Such a model is never told when it says “yes” too often: it would push all its logits up for ever. The loss
        has two terms, one weighted with y and one weighted with one minus y, and you have differentiated the first one
        only. The second is the negative logarithm of one minus the sigmoid; its derivative with respect to z is short
        as well. Add the two derivatives with their weights, and simplify: most of it cancels. Then look at one example
        with label 0 and a positive logit: its entry has to be positive.
    """,
)

bce_with_logits_grad.mistake(
    "z taken for a probability",
    edits=[("(p - y) / z.size", "(z - y) / z.size")],
    core=True,
    hint="""
        You subtract the label from z itself. That would be right if z were already a probability, or if this were
        linear regression with a squared error: there, the error is prediction minus target. Here z is a logit, a raw
        score that may be any number, and the prediction is the sigmoid of it. With your formula a logit of 5 and a
        label of 1 gives a large positive gradient, and so the training would push a confident right answer down, until
        the logit is 1. The true gradient never has a size above one over the number of elements, because the sigmoid
        and the label both lie between 0 and 1. Squash z first, then compare it with the label.
    """,
)

bce_with_logits_grad.mistake(
    "0/1 decision instead of p",
    edits=[("(p - y) / z.size", "((z > 0).astype(z.dtype) - y) / z.size")],
    core=True,
    hint="""
        You turn each logit into a decision, 0 or 1, and subtract the label. This is the update rule of the perceptron,
        a famous algorithm, but not the gradient of cross-entropy. With it, an example on the right side of the border
        teaches nothing any more, whether it is right by a hair or by a mile. Cross-entropy compares the label with the
        probability, not with the decision: a hesitant right answer still gets a push, a confident one hardly any, and
        everything in between changes smoothly. So use the sigmoid of z itself, without rounding it or asking on which
        side of 0 the logit lies. At a logit of 0 the model says one half, and the error is one half for either label.
    """,
)

bce_with_logits_grad.mistake(
    "difference quotient",
    edits=[
        (
            "    e = np.exp(-np.abs(z))\n    p = np.where(z >= 0, 1 / (1 + e), e / (1 + e))\n"
            "    return (p - y) / z.size",
            "    h = z.dtype.type(1e-5)\n    above = np.logaddexp(0, z + h) - y * (z + h)\n"
            "    here = np.logaddexp(0, z) - y * z\n    return ((above - here) / h / z.size).astype(z.dtype)",
        )
    ],
    hint="""
        You nudge each logit by a little and divide the change of the loss by the nudge. As a test of a gradient this is
        a very good idea, and your numbers are nearly right. As the answer it is not exact enough, and it cannot be made
        so. With a larger nudge the curve bends away from its tangent; with a smaller one you subtract two losses that
        agree in almost all their digits, and the rounding of what is left gets divided by a tiny number. In float32, or
        for large logits, hardly a digit survives. The derivative can be found on paper in three lines, and it needs one
        sigmoid and one subtraction. Keep the difference quotient to check it.
    """,
)


@bce_with_logits_grad.mistake(
    "autograd through max and |z| at 0",
    core=True,
    hint="""
        All your numbers are right but one kind: where a logit is exactly 0. You let autograd differentiate the stable
        formula with the maximum and the absolute value. The loss as a whole is smooth at 0, but its two pieces are not:
        both have a kink there, and the kinks cancel only on paper. Autograd differentiates piece by piece, and picks
        for each kink some value of its own; the picks do not fit together, so the sum is off by one half. This very bug
        was in PyTorch once. Logits of exactly 0 are common: a freshly initialised last layer of zeros gives nothing
        else. Write the derivative by hand, or let autograd see a form without kinks.
    """,
    source="MISCONCEPTIONS 29, pytorch PRs 1792 and 2195",
)
def _autograd_with_a_kink(z, y):
    z = torch.tensor(np.asarray(z))
    z = z if z.is_floating_point() else z.double()
    z.requires_grad_(True)
    y = torch.tensor(np.asarray(y)).to(z.dtype)
    loss = torch.clamp(z, min=0) - y * z + torch.log1p(torch.exp(-torch.abs(z)))
    loss.mean().backward()
    return z.grad.numpy()


bce_with_logits_grad.mistake(
    "float32 becomes float64",
    edits=[("z = np.asarray(z)\n    if", "z = np.asarray(z, dtype=np.float64)\n    if")],
    hint="""
        Your values are right, but their dtype is not. You turn everything into float64 at the beginning, so a caller
        who gives float32 gets a float64 gradient. The common contract says: float32 stays float32, and only whole
        numbers are promoted to float64. A gradient should always have the dtype of the thing it belongs to; otherwise
        the first update turns float32 weights into float64 weights, which take twice the memory and are many times
        slower on a graphics card. You do not need the extra digits: the stable sigmoid is right in float32 as well.
        Change the dtype only when the input does not hold floating-point numbers yet, and bring the labels to the dtype
        of z.
    """,
)

bce_with_logits_grad.mistake(
    "z overwritten",
    edits=[("(p - y) / z.size", "np.divide(p - y, z.size, out=z)")],
    hint="""
        Your gradient is right, but you have written it into the caller's own array: after the call, the logits are gone
        and the gradient stands in their place. Turning an array into an array does not copy it, so the name z inside
        your function and the array outside are the same memory. Whoever computes the accuracy from the logits
        afterwards, or calls your function a second time, gets nonsense and no error. The contract of this assignment is
        that inputs are never modified. Look for the line that stores a result in memory that was given to you, through
        an assignment to a slice, an operator with an equals sign, or an argument that says where the output goes. Let
        the result be a new array.
    """,
    source="COURSE, common contract",
)
