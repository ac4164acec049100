"""`dropout(x, p, train, rng)`: inverted dropout, with the mask that was used."""

import numpy as np
import torch

from exercises.arrays import locked, strided
from exercises.bank import Exercise
from exercises.observation import probe, typed


def _dropout(x, p, train, rng):
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    if not train or p == 0:
        mask = np.ones_like(x)
    elif p == 1:
        mask = np.zeros_like(x)
    else:
        keep = rng.random(x.shape) >= p
        mask = (keep / (1 - p)).astype(x.dtype)
    return x * mask, mask


# Other right ways -----------------------------------------------------------------------------------------------------


def _binomial(x, p, train, rng):
    x = np.asarray(x)
    x = x if np.issubdtype(x.dtype, np.floating) else x.astype(float)
    mask = np.ones(x.shape, x.dtype)
    if train and p > 0:
        mask = np.asarray(rng.binomial(1, 1 - p, size=x.shape), dtype=x.dtype)
        if p < 1:
            mask = mask / x.dtype.type(1 - p)
    return x * mask, mask


def _element_by_element(x, p, train, rng):
    x = np.array(x, dtype=x.dtype if np.asarray(x).dtype.kind == "f" else np.float64)
    y, mask = np.empty_like(x), np.empty_like(x)
    for index in np.ndindex(*x.shape):
        if not train:
            mask[index] = 1
        elif rng.uniform() < p:
            mask[index] = 0
        else:
            mask[index] = 1 / (1 - p) if p < 1 else 0
        y[index] = x[index] * mask[index]
    return y, mask


def _choice_of_two_values(x, p, train, rng):
    x = np.asarray(x)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
    if train:
        survivors = 1 / (1 - p) if p < 1 else 0.0
        mask = rng.choice(np.array([0.0, survivors]), size=x.shape, p=[p, 1 - p])
    else:
        mask = np.ones(x.shape)
    mask = np.asarray(mask, dtype=dtype)
    return (x * mask).astype(dtype), mask


# Library one-liners ---------------------------------------------------------------------------------------------------


def _torch_dropout(x, p, train, rng):
    x = np.array(x, dtype=np.asarray(x).dtype if np.asarray(x).dtype.kind == "f" else np.float64)
    with torch.random.fork_rng():
        torch.manual_seed(int(rng.integers(2**31)))
        mask = torch.nn.functional.dropout(torch.ones(x.shape, dtype=torch.as_tensor(x).dtype), p, train).numpy()
    return x * mask, mask


dropout = Exercise(
    reference=_dropout,
    accepted={
        "rng.binomial": _binomial,
        "element by element": _element_by_element,
        "choice of two values": _choice_of_two_values,
    },
    witnesses={"torch.nn.functional.dropout": _torch_dropout},
    banned=("torch.nn", "torch.dropout", "torch.native_dropout"),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _draws(rng):
    """A generator for the masks alone: how many numbers an answer takes from it must not change our inputs."""
    return np.random.default_rng(int(rng.integers(2**31)))


@dropout.check(
    "the mask holds 0 and 1/(1 - p), and y is x times the mask",
    points=0.75,
    rtol=1e-8,
    hint="Print the different values of the mask for a p which is not one half.",
)
def _structure(f, rng):
    """What holds for every draw: which values a mask has, and that y is x times it."""
    draws, xs = _draws(rng), rng.normal(size=(3, 25, 40))
    seen = []
    for x, p in zip(xs, (0.1, 0.8, 0.3), strict=True):
        # 1000 elements: the chance that one of the two values is missing is below 1e-45
        y, mask = f(x, p, True, draws)
        # rounded, because 1/(1 - p) can be computed in two ways that differ in the last digit
        seen.append({"values": np.unique(np.round(mask, 9)), "shape": list(np.shape(mask)), "y - x·mask": y - x * mask})
    return seen


@dropout.check(
    "evaluation, p = 0 and p = 1: nothing is random",
    points=0.75,
    hint="With train=False or p = 0 the mask is all ones; with p = 1 and train=True it is all zeros.",
)
def _no_randomness(f, rng):
    x = rng.normal(size=(3, 4))
    calls = [(0.4, False), (0.9, False), (0.0, True), (1.0, True), (1.0, False)]
    return [[typed(part) for part in f(x, p, train, rng)] for p, train in calls]


def _share_in_theory(rng):
    return {"share dropped": 0.35, "always exactly p": False}


@dropout.check(
    "each element is dropped with probability p",
    expect=_share_in_theory,
    points=0.5,
    rtol=0.0,
    atol=0.03,
    hint="Count the zeros in a large mask; the share should be about p, but not exactly p each time.",
)
def _share(f, rng):
    """The share of zeros, the mean of the mask, and whether six masks have exactly the same number of zeros.

    Hoeffding: 12000 elements, so the share is within 0.03 of p with probability 1 - 2·exp(-2·12000·0.03²) = 1 - 8e-10. The
    number of zeros is exactly p·2000 in all six masks with probability below (0.023)⁶ = 2e-10 (at p = 0.35). The
    nearest misconceptions are off by 0.3 in the share (p means keep).
    """
    p = 0.35
    masks = [np.asarray(f(np.ones((40, 50)), p, True, rng)[1]) for _ in range(6)]
    zeros = [int(np.sum(mask == 0)) for mask in masks]
    return {
        "share dropped": sum(zeros) / 12000,
        "always exactly p": all(count == round(p * 2000) for count in zeros),
    }


def _two_masks(answer, p, seed):
    import numpy as np

    x = np.ones((60, 70))
    rng = np.random.default_rng(seed)
    first, second = answer(x, p, True, rng)[1], answer(x, p, True, rng)[1]
    again = answer(x, p, True, np.random.default_rng(seed))[1]
    other = answer(x, p, True, np.random.default_rng(seed + 1))[1]
    first, second, again, other = (np.asarray(mask) > 0 for mask in (first, second, again, other))
    return {
        "neighbours in a row agree": float(np.mean(first[:, ::2] == first[:, 1::2])),
        "neighbours in a column agree": float(np.mean(first[::2] == first[1::2])),
        "two calls agree": float(np.mean(first == second)),
        "two seeds agree": float(np.mean(first == other)),
        "the same seed agrees": float(np.mean(first == again)),
    }


def _independence_in_theory(rng):
    """Two independent entries agree with probability p² + (1 - p)² = 0.58. Each rate is a mean of at least 2100 such pairs:

    within 0.08 with probability 1 - 2·exp(-2·2100·0.08²) = 1 - 4e-12 (Hoeffding). A mask that is shared gives 1.
    """
    return {
        "neighbours in a row agree": 0.58,
        "neighbours in a column agree": 0.58,
        "two calls agree": 0.58,
        "two seeds agree": 0.58,
        "the same seed agrees": 1.0,
    }


@dropout.check(
    "elements are independent, and all randomness comes from rng",
    expect=_independence_in_theory,
    points=0.5,
    rtol=0.0,
    atol=0.08,
    hint="Look at a mask as a picture: no stripes; a new mask at each call; the same one for the same seed.",
)
def _independence(f, rng):
    return probe(_two_masks, f, p=0.3, seed=int(rng.integers(2**31)))


@dropout.check(
    "shapes and dtypes, and x left as it was",
    points=0.5,
    rtol=1e-6,
    atol=1e-6,
    hint="y and mask have the shape and dtype of x (float64 for whole numbers), and x stays as it was.",
)
def _arrays(f, rng):
    draws = _draws(rng)
    single = rng.normal(size=(4, 6)).astype(np.float32)
    whole = rng.integers(1, 9, size=(20, 10))
    x = rng.normal(size=(5, 8))
    before = x.copy()
    y, mask = f(single, 0.25, True, draws)
    y_whole, mask_whole = f(whole, 0.2, True, draws)
    y_x, mask_x = f(x, 0.5, True, draws)
    empty = f(np.zeros((0, 3)), 0.5, True, draws)
    scalar = f(np.array(2.0), 0.5, True, draws)
    view = f(locked(strided(before)), 0.5, True, draws)
    pairs = [(y, mask), (y_whole, mask_whole), empty, scalar, view]
    return {
        "dtypes": [[np.asarray(part).dtype.name for part in pair] for pair in pairs],
        "shapes": [[list(np.shape(part)) for part in pair] for pair in pairs],
        "products": [
            float(np.max(np.abs(out - np.asarray(source * m))))
            for out, source, m in ((y, single, mask), (y_whole, whole, mask_whole), (y_x, before, mask_x))
        ],
        "a mask between 0 and 1 somewhere": bool(np.any((np.asarray(mask_whole) > 0) & (np.asarray(mask_whole) <= 1))),
        "x as it was": bool(np.array_equal(x, before)),
    }


# Wrong answers, as students write them --------------------------------------------------------------------------------


dropout.mistake(
    "survivors not scaled up",
    edits=[("(keep / (1 - p))", "keep")],
    core=True,
    hint="""
        You drop the right elements and leave the others as they are. Then the sum that the next layer receives is too
        small during training, by the factor 1 - p, and at evaluation, without dropout, it is suddenly larger than
        anything the layer was trained on. To keep the average the same, the survivors have to stand in for those that
        were dropped. If three quarters survive, each of them must count for 4/3. So the mask does not hold zeros and
        ones: it holds zeros and a number larger than one, chosen such that the mean of the mask is 1.
    """,
    source="MISCONCEPTIONS 112; minitorch's test passes this",
)

dropout.mistake(
    "p is the probability to keep",
    edits=[("rng.random(x.shape) >= p", "rng.random(x.shape) < p"), ("(keep / (1 - p))", "(keep / p)")],
    core=True,
    hint="""
        In your function p is the probability that an element stays. Both meanings are found: in the paper by Srivastava
        and colleagues, and in the notes of cs231n, p is the probability of keeping. In torch, and in this course, it is
        the probability of dropping. At p = 0.5 there is no difference, so that a test with one half cannot tell. With p
        = 0.1 only one element in ten should vanish, and yours keeps one in ten. Exchange the roles in both places,
        where the elements are chosen and where the survivors are scaled. Better names help: drop and keep.
    """,
    source="MISCONCEPTIONS 115; ERRATA 54",
)

dropout.mistake(
    "divided by p",
    edits=[("(keep / (1 - p))", "(keep / p)")],
    core=True,
    hint="""
        You drop the right share of the elements, but you scale the survivors by 1/p. Their share is 1 - p, and this is
        what they have to make up for. With p = 0.1 nine of ten survive, so each should count a little more than before,
        by 10/9; you multiply them by 10. At p = 0.5 the two are equal, so a test with one half does not show the
        mistake; a real library had it in its code for a while. Check the mean: the mask should have mean 1, and the
        mean is the value of a survivor times the share of the survivors.
    """,
    source="MISCONCEPTIONS 114; theanets #123",
)


@dropout.mistake(
    "scaled at evaluation",
    core=True,
    hint="""
        You use dropout in its first form: a mask of zeros and ones in training, and everything multiplied by 1 - p at
        evaluation. On average this is right as well, since the two sides match. Today nearly everyone uses the inverted
        form, and so does the statement: the survivors are scaled up by 1/(1 - p) during training, and at evaluation
        nothing is done at all. The advantage is that a trained network can be used without knowing that dropout was
        ever there. Move the factor from one side to the other, where it becomes its inverse.
    """,
    source="MISCONCEPTIONS 113",
)
def _original_form(x, p, train, rng):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    mask = np.full(x.shape, 1 - p, dtype=x.dtype)
    if train:
        mask[...] = rng.random(x.shape) >= p
    return x * mask, mask


dropout.mistake(
    "active at evaluation",
    edits=[("not train or p == 0", "p == 0")],
    core=True,
    hint="""
        The argument train has no effect in your function: elements are dropped at evaluation, too. Dropout is noise
        that makes training harder, so that units cannot rely on each other. When the network is used, the noise has
        done its work, and only makes the answers random: the same input gives a different output at each call. With
        train=False, return x as it is, with a mask of ones. In torch this switch is model.eval(), and forgetting it is
        one of the most frequent mistakes of all.
    """,
    source="MISCONCEPTIONS 116",
)

dropout.mistake(
    "train and evaluation exchanged",
    edits=[("not train or p == 0", "train or p == 0")],
    core=True,
    hint="""
        Your condition is the wrong way round: nothing is dropped in training, and elements vanish at evaluation. Read
        it aloud: if train, then return everything as it is. With train=True the mask should be random, for this is when
        the noise is wanted; with train=False it should be all ones. Such a slip is easy to make and hard to see, as
        both branches look sensible by themselves. A test with two calls shows it at once: call your function twice with
        train=False, and the two results should be equal to x.
    """,
    source="own",
)

dropout.mistake(
    "one draw per row",
    edits=[("rng.random(x.shape) >= p", "rng.random((*x.shape[:1], *([1] * (x.ndim - 1)))) * np.ones(x.shape) >= p")],
    core=True,
    hint="""
        You draw one number for each row, so a row of x is either dropped as a whole or kept as a whole. For a batch
        this means that some examples vanish from the batch and the others get no noise at all. It should be one draw
        for each element: every unit of every example has its own coin. Print a small mask to see it; there should be no
        horizontal stripes. The documentation of torch is not clear here either: it speaks of channels being zeroed, but
        nn.Dropout works on elements. Look at the size that you ask the generator for.
    """,
    source="COURSE A4.4; ERRATA 53",
)

dropout.mistake(
    "one draw per column",
    edits=[("rng.random(x.shape) >= p", "rng.random(x.shape[-1:]) * np.ones(x.shape) >= p")],
    core=True,
    hint="""
        You draw one number for each column, and use it for all rows. In a batch this switches the same units off for
        every example, so the examples do not get independent noise, and the gradient of the batch is more random than
        necessary. It should be one draw for each element: every unit of every example has its own coin. Print a small
        mask to see it; there should be no vertical stripes. A mask for whole channels exists as well, as Dropout2d in
        torch, but that is another function. Look at the size that you ask the generator for.
    """,
    source="ERRATA 53",
)

dropout.mistake(
    "0/0 at p = 1",
    edits=[("    elif p == 1:\n        mask = np.zeros_like(x)\n", ""), ("keep / (1 - p)", "keep / np.float64(1 - p)")],
    hint="""
        For p = 1 you divide zero by zero, since nothing survives and the factor would be 1/0. The result is nan
        everywhere (with plain Python numbers, an error). But the meaning of p = 1 is clear: everything is dropped, so
        the mask and the result are zeros. Nobody trains like this, but someone who plots the accuracy against p from 0
        to 1 will call your function with both ends. The other end, p = 0, works by itself. Handle the case in which
        nothing survives before you divide.
    """,
    source="MISCONCEPTIONS 119",
)

dropout.mistake(
    "a generator of its own",
    edits=[("rng.random(x.shape) >= p", "np.random.default_rng(0).random(x.shape) >= p")],
    core=True,
    hint="""
        You make a new generator with a fixed seed inside the function. So the mask is the same at each call: the same
        units are dropped in every step of training, which means that they are simply removed and the others never feel
        any noise. The point of dropout is a new mask for each step. Use the generator that comes in as rng. It
        remembers where it is, so each call continues its sequence; and whoever wants the same masks again creates it
        with the same seed. Randomness that comes in as an argument stays in the hands of the caller.
    """,
    source="own",
)

dropout.mistake(
    "numpy's global generator",
    edits=[("rng.random(x.shape) >= p", "np.random.random(x.shape) >= p")],
    hint="""
        Your masks are fine, but they come from numpy's global generator, np.random, and the argument rng is not used.
        So the caller cannot repeat an experiment: two generators with the same seed should give the same masks, and
        yours do not. With a global generator, each other piece of code that draws a number changes all your masks, too.
        This is why the contract at the top of the notebook says that randomness comes only through rng. The methods
        have the same or similar names, so the change is small.
    """,
    source="common contract",
)


@dropout.mistake(
    "exactly the share p",
    hint="""
        You choose p·n of the elements without repetition, so that the number of dropped elements is always exactly the
        same. It looks tidy, but the elements are no longer independent: if one is dropped, the others are a bit safer.
        The statement asks for one coin for each element, which falls without looking at the others; then the number of
        zeros varies from call to call, around p·n. With a single element your version is not even random any more. The
        formulas of the lecture, such as the variance p/(1 - p), need independent elements, too.
    """,
    source="own",
)
def _exact_share(x, p, train, rng):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    mask = np.ones(x.size, dtype=x.dtype)
    if train:
        mask[:] = 1 / (1 - p) if p < 1 else 0
        mask[rng.permutation(x.size)[: round(p * x.size)]] = 0
    mask = mask.reshape(x.shape)
    return x * mask, mask


dropout.mistake(
    "scaled by the share that survived",
    edits=[("(keep / (1 - p))", "(keep * (x.size / max(keep.sum(), 1)))")],
    hint="""
        You count how many elements survived in this call and scale by the inverse of that share. So the mean of each
        single mask is exactly 1, which looks even better than asked. But the factor now depends on the other elements,
        so the elements are not independent, and in a small array it jumps about: with one survivor among four it is 4,
        whatever p is. The mean needs to be right only on average over many masks. Use the probability of surviving,
        which is known from p, in place of the share that happened to survive.
    """,
    source="own",
)

dropout.mistake(
    "mask returned without its scale",
    edits=[
        (
            "        mask = (keep / (1 - p)).astype(x.dtype)",
            "        return (x * keep / (1 - p)).astype(x.dtype), keep.astype(x.dtype)",
        )
    ],
    core=True,
    hint="""
        Your y is right. The mask that you return holds zeros and ones, while the factor 1/(1 - p) is applied
        separately. The statement says y = x · mask, with the factor inside the mask. This is not only a matter of
        taste: the backward pass has to multiply the gradient by exactly the same numbers as the forward pass multiplied
        x by. If they are all in the mask, the backward pass is one product, and nobody can forget the factor. Put the
        scale into the mask before you use it.
    """,
    source="own",
)

dropout.mistake(
    "whole numbers in the mask",
    edits=[('    if x.dtype.kind != "f":\n        x = x.astype(np.float64)\n', "")],
    hint="""
        For floats all is right. When x holds whole numbers, your mask takes over their dtype, and 1/(1 - p) is cut off
        to a whole number: for p = 0.2 it becomes 1 in place of 1.25, so the survivors are not scaled. No warning tells
        you. The contract at the top of the notebook says that whole numbers are turned into float64, and that float32
        stays float32. Convert x in the first line; then the dtype of x is one that the mask can have.
    """,
    source="own",
)

dropout.mistake(
    "float32 becomes float64",
    edits=[("(keep / (1 - p)).astype(x.dtype)", "keep / (1 - p)")],
    hint="""
        Your numbers are right, but for float32 inputs the mask and the result come out as float64. A boolean array
        divided by a Python float gives float64, and the product of float32 and float64 is float64 as well. In a network
        this means twice the memory, and from that layer on everything is computed in double precision, or an error when
        the next layer insists on float32. The contract at the top of the notebook says that float32 stays float32. Give
        the mask the dtype of x before you multiply.
    """,
    source="own",
)


@dropout.mistake(
    "written into x",
    hint="""
        You multiply x by the mask in place, so the array of the caller is changed: part of it is zero afterwards. In a
        network x is the output of the layer before, and its backward pass needs these numbers. And if somebody calls
        dropout twice on the same x to compare two masks, the second call works on an input which is already full of
        holes. The contract at the top of the notebook says that inputs are never changed. A plain product of two arrays
        makes a new one; the operator *= does not.
    """,
    source="MISCONCEPTIONS 120",
)
def _written_into_x(x, p, train, rng):
    if train and p > 0:
        mask = (rng.random(x.shape) >= p).astype(float)
        if p < 1:
            mask /= 1 - p
        x *= mask
        return x, mask
    return x, np.ones_like(x, dtype=float)
