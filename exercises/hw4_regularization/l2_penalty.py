"""`l2_penalty(w, c)`: the penalty c·‖w‖² and its gradient."""

import numpy as np
import torch

from exercises.arrays import kept, locked, number, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _l2_penalty(w, c):
    w = np.asarray(w)
    if w.dtype.kind != "f":
        w = w.astype(np.float64)
    value = c * np.sum(w**2)
    grad = (2 * c * w).astype(w.dtype)
    return value, grad


# Other right ways -----------------------------------------------------------------------------------------------------


def _dot_product(w, c):
    w = np.asarray(w)
    w = w if np.issubdtype(w.dtype, np.floating) else w.astype(float)
    flat = w.reshape(-1)
    return float(c * np.vdot(flat, flat)), np.asarray(c * (w + w), dtype=w.dtype)


def _one_weight_at_a_time(w, c):
    w = np.array(w, dtype=np.asarray(w).dtype if np.asarray(w).dtype.kind == "f" else float)
    value = 0.0
    grad = np.empty_like(w)
    for index in np.ndindex(*w.shape):
        value += c * float(w[index]) ** 2
        grad[index] = 2 * c * float(w[index])
    return value, grad


def _by_autograd(w, c):
    w = np.array(w)
    leaf = torch.tensor(w if w.dtype.kind == "f" else w.astype(np.float64), requires_grad=True)
    value = c * (leaf * leaf).sum()
    (grad,) = torch.autograd.grad(value, leaf)
    return value.item(), grad.numpy()


# Library ways ---------------------------------------------------------------------------------------------------------


def _by_sgd_weight_decay(w, c):
    w = np.array(w)
    leaf = torch.nn.Parameter(torch.tensor(w if w.dtype.kind == "f" else w.astype(np.float64)))
    before = leaf.detach().clone()
    leaf.grad = torch.zeros_like(leaf)
    torch.optim.SGD([leaf], lr=0.5, weight_decay=2 * c).step()
    return c * float(torch.linalg.vector_norm(before)) ** 2, ((before - leaf.detach()) / 0.5).numpy()


l2_penalty = Exercise(
    reference=_l2_penalty,
    accepted={
        "dot product": _dot_product,
        "one weight at a time": _one_weight_at_a_time,
        "torch's autograd": _by_autograd,
    },
    witnesses={"torch.optim.SGD with weight_decay = 2c": _by_sgd_weight_decay},
    banned=("torch.optim",),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _seen(f, w, c):
    value, grad = f(w, c)
    return [number(value), typed(grad)]


@l2_penalty.check(
    "value and gradient of a short vector",
    points=0.25,
    hint="Write the sum of squares for three weights on paper, and take its derivative for one of them.",
)
def _by_hand(f, rng):
    w = rng.choice(np.arange(2, 9), size=3, replace=False) * np.array([1.0, -1.0, 1.0])
    return _seen(f, w, float(rng.choice([1.5, 2.5, 3.0])))


@l2_penalty.check(
    "matrices and any other shape: the sum goes over all weights",
    points=0.25,
    hint="The value is one number, the gradient has the shape of w, however many axes w has.",
)
def _shapes(f, rng):
    ws = [rng.normal(size=(3, 4)), rng.normal(size=(2, 3, 2)), np.array(rng.normal()), np.zeros((0, 3))]
    return [_seen(f, w, rng.uniform(0.1, 1.5)) for w in ws] + [_seen(f, strided(ws[0]), 0.0)]


@l2_penalty.check(
    "the dtype of the gradient: float32 stays, whole numbers become float64",
    points=0.25,
    rtol=1e-6,
    hint="Look at the dtype of the gradient for float32 weights and for whole numbers.",
)
def _dtypes(f, rng):
    c = 0.1 + rng.integers(1, 9) / 16
    single = rng.normal(size=(2, 3)).astype(np.float32)
    value, grad = f(single, 0.75)
    whole = rng.integers(-9, 9, size=6)
    return [np.float64(value), typed(grad), _seen(f, whole, c)]


@l2_penalty.check(
    "w is left as it was",
    points=0.25,
    hint="Your function writes into its input; make a new array for the gradient.",
)
def _left_alone(f, rng):
    w = rng.normal(size=(4, 2))
    seen = kept(f, w, 0.3)
    return [seen["value"][1]["values"], seen["kept"], _seen(f, locked(rng.normal(size=3)), 0.7)]


# Wrong answers, as students write them --------------------------------------------------------------------------------


l2_penalty.mistake(
    "one half in front",
    edits=[("c * np.sum(w**2)", "0.5 * c * np.sum(w**2)"), ("2 * c * w", "c * w")],
    core=True,
    hint="""
        You put a factor of one half in front of the penalty. Many books do this, so that the 2 from the derivative
        cancels, and both of your results belong to that convention. Here the penalty is c times the squared length, as
        on the slide, with nothing in front. So your value and your gradient are both half of what is asked. Such a
        factor is harmless as long as everybody knows it, but when you copy a good c from a paper into a program, it
        decides which model you train. For w = (1, -2) and c = 1 the value is 1 + 4 = 5: start from there and take the
        derivative again.
    """,
    source="ERRATA 45",
)

l2_penalty.mistake(
    "gradient without the 2",
    edits=[("2 * c * w", "c * w")],
    core=True,
    hint="""
        Your value is right and your gradient is half of what it should be. The derivative of a square brings down a
        factor: for one weight, c·w² has the slope 2·c·w. You can see it with numbers. Take w = 1 and c = 1, where the
        penalty is 1. At w = 1.01 it is 1.0201, so it grew by about 0.02 for a step of 0.01. This factor is the reason
        why weight_decay = c in torch is not the same as a penalty of c times the squared length: torch adds
        weight_decay times w to the gradient, and the penalty adds twice as much.
    """,
    source="ERRATA 45; weight_decay read as c",
)


@l2_penalty.mistake(
    "length not squared",
    core=True,
    hint="""
        You penalise the length of w, and not its square. np.linalg.norm takes a square root at the end, and the formula
        has no root: it is the plain sum of squares. It makes a real difference. The square has a gradient that shrinks
        with w, so it pulls small weights gently and large ones hard. The length itself pulls with the same force at any
        distance, and at w = 0 it has no gradient at all: your function divides zero by zero there. For w = (1, -2) and
        c = 1, the value is 5. Leave the root out, and the derivative becomes simpler too.
    """,
    source="own; norm taken for norm squared",
)
def _length_not_squared(w, c):
    w = np.asarray(w, dtype=np.float64)
    length = np.sqrt(np.sum(w**2))
    return c * length, c * w / length


l2_penalty.mistake(
    "mean of the squares",
    edits=[("np.sum(w**2)", "np.mean(w**2)"), ("2 * c * w", "2 * c * w / w.size")],
    core=True,
    hint="""
        You average the squares, and the penalty asks for their sum. With a mean, the pull on each weight gets weaker
        the more weights there are: a layer with a million weights would hardly feel any penalty, and a bias of one
        number would feel all of it. With the sum, each weight is pulled in the same way, whatever else is in the array,
        and the penalty of two arrays is the sum of their penalties. For w = (1, -2) and c = 1, the value is 5 and not
        2.5. Losses are often averaged over examples; weights are not examples.
    """,
    source="COURSE A4.1",
)


@l2_penalty.mistake(
    "absolute values",
    core=True,
    hint="""
        Your penalty adds up the absolute values of the weights. This is the L1 penalty, also known as lasso, and it
        comes later in this notebook. Here the squares are asked for: L2, or ridge. Look at the gradients to see how
        different they are. The slope of the absolute value is plus or minus one, whatever the size of the weight, so it
        pushes small weights all the way to zero. The slope of the square is proportional to the weight, so it makes
        every weight smaller and none exactly zero. For w = (1, -2) and c = 1, the value is 1 + 4 = 5.
    """,
    source="own: L1 for L2",
)
def _l1(w, c):
    w = np.asarray(w, dtype=np.float64)
    return c * np.sum(np.abs(w)), c * np.sign(w)


l2_penalty.mistake(
    "c is squared too",
    edits=[("c * np.sum(w**2)", "np.sum((c * w) ** 2)"), ("2 * c * w", "2 * c**2 * w")],
    hint="""
        You multiply the weights by c before you square them, so c is squared as well. With c = 1 nobody sees it; with
        any other c the penalty has the wrong strength. Small values suffer most: a c of 0.01 becomes 0.0001, and the
        penalty practically disappears. The formula has c outside of the square: first the sum of squares of the weights
        alone, then one multiplication. A quick test for such mistakes is to double c and look at what the value does.
        It should double as well, and so should the gradient. Yours become four times as large.
    """,
    source="own",
)

l2_penalty.mistake(
    "one sum per column",
    edits=[("np.sum(w**2)", "np.sum(w**2, axis=0)")],
    hint="""
        For a vector your function is right. For a matrix, your value is an array: one sum for each column, since you
        add along the first axis only. A penalty is one number which is added to the loss, so the sum has to go over all
        weights, whatever the shape of the array. Weights of a linear layer have two axes, those of a convolution have
        four. The gradient is a different matter: it has one entry for each weight, and yours is right. Look at the axis
        argument of your sum, and ask what happens without it.
    """,
    source="own",
)

l2_penalty.mistake(
    "norm of order 2 of a matrix",
    edits=[("c * np.sum(w**2)", "c * np.linalg.norm(w, 2) ** 2 if 0 < w.ndim < 3 and w.size else c * np.sum(w**2)")],
    hint="""
        For vectors your value is right, for matrices it is too small. The reason is a trap in the library:
        np.linalg.norm with order 2 means something else for a matrix. There it is the spectral norm, the largest
        singular value, and so you count only the strongest direction of the weights and forget the rest. The norm that
        sums the squares of all entries is called the Frobenius norm. You do not need a norm function here at all:
        square every weight, add them all up, and multiply by c. Try a 2 × 2 identity matrix with c = 1: the value
        should be 2.
    """,
    source="own: torch.linalg.norm has the same trap",
)

l2_penalty.mistake(
    "gradient in the dtype of whole numbers",
    edits=[('    if w.dtype.kind != "f":\n        w = w.astype(np.float64)\n', "")],
    hint="""
        For floats you are right. When w holds whole numbers, your gradient is put into an array of whole numbers as
        well, and everything behind the decimal point is cut off: with w = 1 and c = 0.3, a gradient of 0.6 becomes 0.
        numpy does this without a warning when you fill an array that was made with zeros_like or empty_like of an
        integer array, or when you call astype with its dtype. The contract at the top of the notebook says that whole
        numbers become float64. So turn w into floats in the first line of your function, and the rest works as it is.
    """,
    source="own",
)


@l2_penalty.mistake(
    "gradient written into w",
    core=True,
    hint="""
        Your numbers are right, but after the call the weights of the caller are gone: you wrote the gradient into them.
        An operator such as *= on an array does not make a new array. It changes the one that was handed in, and this is
        the very same memory that the model uses. In training this would be hard to find: the loss looks sensible, and
        the weights jump around for no reason. The contract at the top of the notebook says that inputs are never
        changed. Compute the gradient as a new array; a plain product of a number and an array makes one.
    """,
    source="common contract",
)
def _gradient_in_place(w, c):
    value = c * np.sum(w * w)
    w *= 2 * c
    return value, w
