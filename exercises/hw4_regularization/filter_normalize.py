"""`filter_normalize(d, w)`: a random direction with the lengths of the filters of w, for pictures of the loss surface."""

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _filter_normalize(d, w):
    d = np.asarray(d)
    w = np.asarray(w)
    if d.dtype.kind != "f":
        d = d.astype(np.float64)
    result = np.zeros_like(d)
    if d.ndim < 2:
        return result  # a bias: no direction
    for i in range(len(d)):
        length = np.sqrt(np.sum(d[i] ** 2))
        wanted = np.sqrt(np.sum(np.asarray(w[i], dtype=d.dtype) ** 2))
        if length > 0:
            result[i] = d[i] * (wanted / length)
    return result


# Other right ways -----------------------------------------------------------------------------------------------------


def _rows_of_a_matrix(d, w):
    d = np.array(d, dtype=d.dtype if np.asarray(d).dtype.kind == "f" else float)
    if d.ndim <= 1:
        return 0 * d
    flat = d.reshape(d.shape[0], -1)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    wanted = np.linalg.norm(np.asarray(w, dtype=d.dtype).reshape(d.shape[0], -1), axis=1, keepdims=True)
    return (flat / np.where(lengths == 0, 1, lengths) * wanted).astype(d.dtype).reshape(d.shape)


def _einsum_over_filters(d, w):
    d = np.asarray(d)
    d = d if d.dtype.kind == "f" else d.astype(np.float64)
    w = np.asarray(w, dtype=d.dtype)
    if d.ndim < 2:
        return np.zeros_like(d)
    rows, goals = d.reshape(len(d), -1), w.reshape(len(w), -1)
    squares = np.einsum("ij,ij->i", rows, rows)
    ratio = np.divide(np.einsum("ij,ij->i", goals, goals), squares, out=np.zeros_like(squares), where=squares > 0)
    return np.einsum("ij,i->ij", rows, np.sqrt(ratio)).reshape(d.shape)


def _in_torch(d, w):
    d = torch.tensor(np.array(d))
    d = d if d.is_floating_point() else d.double()
    w = torch.tensor(np.array(w)).to(d.dtype)
    if d.dim() < 2:
        return torch.zeros_like(d).numpy()
    axes = tuple(range(1, d.dim()))
    lengths = torch.linalg.vector_norm(d, dim=axes, keepdim=True)
    wanted = torch.linalg.vector_norm(w, dim=axes, keepdim=True)
    return torch.where(lengths > 0, d * (wanted / lengths), torch.zeros_like(d)).numpy()


filter_normalize = Exercise(
    reference=_filter_normalize,
    accepted={
        "rows of a matrix": _rows_of_a_matrix,
        "einsum over the filters": _einsum_over_filters,
        "torch": _in_torch,
    },
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@filter_normalize.check(
    "a 2 × 2 layer by hand",
    points=0.25,
    hint="For each row on its own: the direction of the row of d, with the length of the row of w.",
)
def _by_hand(f, rng):
    triples = np.array([[3.0, 4.0], [5.0, 12.0], [8.0, 15.0], [7.0, 24.0]])[rng.permutation(4)]
    return typed(f(triples[:2] * [[1], [2]], triples[2:] * [[-1], [1]]))


@filter_normalize.check(
    "layers with more inputs than outputs, and fewer",
    points=0.25,
    hint="The first axis counts the outputs: one length for each row.",
)
def _matrix(f, rng):
    return [f(rng.normal(size=shape), 0.3 * rng.normal(size=shape)) for shape in ((3, 5), (5, 3), (1, 4))]


@filter_normalize.check(
    "convolutions: one length for each output channel",
    points=0.5,
    hint="A filter is everything that belongs to one index of the first axis, however many axes follow.",
)
def _filters(f, rng):
    return [f(rng.normal(size=shape), rng.normal(size=shape)) for shape in ((4, 3, 2, 2), (2, 3, 4))]


@filter_normalize.check(
    "rows of zeros, in d or in w",
    points=0.25,
    hint="A row of zeros in d or in w gives a row of zeros, and no nan.",
)
def _zeros(f, rng):
    d, w = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    d[1], w[2] = 0.0, 0.0
    return f(d, w)


@filter_normalize.check(
    "biases and other one-dimensional arrays get zeros",
    points=0.25,
    hint="An array with fewer than two axes has no filters; its direction is zero.",
)
def _vectors(f, rng):
    d, w = rng.normal(size=6), rng.normal(size=6)
    # beside them a matrix, so that zeros everywhere earn nothing
    return [typed(f(d, w)), typed(f(np.array(1.5), np.array(2.0))), f(rng.normal(size=(2, 3)), rng.normal(size=(2, 3)))]


@filter_normalize.check(
    "the length of d does not matter, that of w does",
    points=0.25,
    atol=1e-11,
    hint="Make d ten times longer or a million times shorter: the result must not change.",
)
def _lengths(f, rng):
    d, w = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    return [f(s * d, w) for s in (1e-13, 1e12)] + [np.asarray(f(d, s * w)) / s for s in (1e-13, 1e12)]


@filter_normalize.check(
    "shape and dtype, d and w left as they were",
    points=0.25,
    rtol=1e-6,
    hint="The result is a new array in the shape and dtype of d (float64 for whole numbers).",
)
def _left_alone(f, rng):
    d, w = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    single = rng.normal(size=(2, 2, 3)).astype(np.float32)
    return [
        kept(f, d, w),
        typed(f(locked(strided(d)), strided(w))),
        typed(f(single, (2 * single[::-1]).copy())),
        typed(f(rng.integers(1, 9, size=(2, 3)), rng.integers(1, 9, size=(2, 3)))),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


@filter_normalize.mistake(
    "one length for the whole layer",
    core=True,
    hint="""
        You give the direction the length of the whole layer. All the filters are then stretched by the same factor. But
        the filters of a layer can differ a lot in size, and a ReLU network does not care: you can make one filter ten
        times larger and the weights behind it ten times smaller, and the function stays the same. The picture of the
        loss should stay the same, too. For that, the direction has to follow each filter's own length. So compute one
        length for each index of the first axis, for d and for w, and scale row by row.
    """,
    source="COURSE A4.9; this is layer normalisation in Li et al.",
)
def _whole_layer(d, w):
    d = np.asarray(d)
    d = d if d.dtype.kind == "f" else d.astype(np.float64)
    length = np.linalg.norm(d)
    if d.ndim < 2 or length == 0:
        return np.zeros_like(d)
    return (d * (np.linalg.norm(w) / length)).astype(d.dtype)


@filter_normalize.mistake(
    "columns",
    core=True,
    hint="""
        You compute lengths along the first axis, so your filters are the columns. In torch, and here, the weights of a
        layer have the shape (outputs, inputs, ...): a row holds everything that flows into one output unit, and this is
        the filter. A column holds what one input sends to all the outputs. With a square matrix both run without an
        error, so look at the numbers: after the scaling, each row of the result must have the length of the same row of
        w. Check which axis you sum over, and which one should be left.
    """,
    source="COURSE A4.9",
)
def _columns(d, w):
    d = np.asarray(d)
    d = d if d.dtype.kind == "f" else d.astype(np.float64)
    if d.ndim < 2:
        return np.zeros_like(d)
    axes = (0, *range(2, d.ndim))
    lengths = np.sqrt(np.sum(d**2, axis=axes, keepdims=True))
    wanted = np.sqrt(np.sum(np.asarray(w, dtype=d.dtype) ** 2, axis=axes, keepdims=True))
    return d / np.where(lengths == 0, 1, lengths) * wanted


filter_normalize.mistake(
    "nan for a row of zeros",
    edits=[
        (
            "        if length > 0:\n            result[i] = d[i] * (wanted / length)",
            "        result[i] = d[i] * (wanted / length)",
        )
    ],
    hint="""
        When a row of d holds only zeros, its length is 0 and you divide zero by zero: the row becomes nan. It happens
        when a direction leaves some filters out on purpose. A single nan makes the loss nan at each point of the
        picture, so nothing is left of it. There is no direction to scale in such a row, so the sensible result is a row
        of zeros. The opposite case, a row of zeros in w, needs no care, for zero length is a fine length to scale to.
        Ask whether the length is above 0 before you divide.
    """,
    source="COURSE A4.9",
)

filter_normalize.mistake(
    "direction as it is",
    edits=[("d[i] * (wanted / length)", "d[i] * wanted")],
    core=True,
    hint="""
        You multiply each row of d by the length of the row of w, but you do not divide by the row's own length. A
        random row of d has a length of its own, near the root of the number of its entries, and this length stays in
        the result. So a layer with many inputs gets a much longer direction than a layer with few. The recipe has two
        steps: make the row of d a unit vector, then give it the length of the row of w. As a test, double d: the result
        should not change at all.
    """,
    source="own",
)

filter_normalize.mistake(
    "unit length only",
    edits=[("(wanted / length)", "(1 / length)")],
    core=True,
    hint="""
        You make each row of d a unit vector and stop there; w is not used. Then a step of size 1 along the direction is
        a huge change for a filter with a length of 0.01, and hardly anything for one with a length of 100. What the
        picture of the loss needs is a relative step: the same percentage for each filter. So the row of the direction
        has to be as long as the row of w. One factor is missing, and you have everything for it: the length of the row
        of w, computed like the length of the row of d.
    """,
    source="own",
)

filter_normalize.mistake(
    "ratio upside down",
    edits=[
        (
            "        if length > 0:\n            result[i] = d[i] * (wanted / length)",
            "        if wanted > 0:\n            result[i] = d[i] * (length / wanted)",
        )
    ],
    core=True,
    hint="""
        Your ratio of lengths stands upside down: filters with large weights get a short direction, and those with small
        weights a long one. After the scaling, each row of the result should be exactly as long as the row of w. Follow
        the lengths through your formula: d has its own length, dividing by it gives 1, and multiplying by the length of
        w gives what is wanted. In yours the length of d comes in twice. Two quick tests: making d longer must change
        nothing, and making w twice as long must double the result.
    """,
    source="own",
)


@filter_normalize.mistake(
    "each kernel on its own",
    hint="""
        For matrices you are right. For a convolution you take the small kernels one by one: a length for each pair of
        output and input channel. A filter is larger than that. It is everything that goes into one output channel, over
        all the input channels and all the positions, because together they compute one number, and the rescaling of a
        ReLU unit concerns all of them at once. With one length for each kernel you would also fix how the input
        channels compare, and the direction would lose much of its freedom. Only the first axis tells the filters apart.
    """,
    source="own",
)
def _each_kernel_alone(d, w):
    d = np.asarray(d)
    d = d if d.dtype.kind == "f" else d.astype(np.float64)
    if d.ndim < 2:
        return np.zeros_like(d)
    axes = tuple(range(2, d.ndim)) if d.ndim > 2 else (1,)
    lengths = np.sqrt(np.sum(d**2, axis=axes, keepdims=True))
    wanted = np.sqrt(np.sum(np.asarray(w, dtype=d.dtype) ** 2, axis=axes, keepdims=True))
    return d / np.where(lengths == 0, 1, lengths) * wanted


@filter_normalize.mistake(
    "norm over the second axis only",
    hint="""
        For matrices you are right. For a convolution you take the norm along axis 1 only, so you get a length for each
        position of the kernel, and each position is scaled differently. The weights of a convolution have four axes:
        outputs, inputs, height and width. One filter is all that belongs to one index of the first axis, so the norm
        has to run over all the other axes together. It is handy to view the array as a matrix with one row for each
        filter; then the rest is the same as for a linear layer.
    """,
    source="own",
)
def _first_axis_after_the_filters(d, w):
    d = np.asarray(d)
    d = d if d.dtype.kind == "f" else d.astype(np.float64)
    if d.ndim < 2:
        return np.zeros_like(d)
    lengths = np.linalg.norm(d, axis=1, keepdims=True)
    wanted = np.linalg.norm(np.asarray(w, dtype=d.dtype), axis=1, keepdims=True)
    return d / np.where(lengths == 0, 1, lengths) * wanted


filter_normalize.mistake(
    "biases scaled like filters",
    edits=[("    if d.ndim < 2:\n        return result  # a bias: no direction\n", "")],
    core=True,
    hint="""
        You treat a vector like a matrix: each of its entries counts as a filter with one number. So each entry of the
        direction becomes plus or minus the size of the bias. Li and colleagues leave biases, and the parameters of
        batch normalisation, out of the picture, because the argument of the rescaled filters does not hold for them; a
        bias of a billion would dominate everything. In this exercise an array with fewer than two axes gets a direction
        of zeros. Look at the number of axes first, and treat this case before you do anything else.
    """,
    source="COURSE A4.9; Li et al. 2018 ignore biases",
)

filter_normalize.mistake(
    "biases left as they are",
    edits=[("        return result  # a bias", "        return d  # a bias")],
    core=True,
    hint="""
        For an array with one axis you return the direction as it came in, a random vector which is not scaled. Biases
        are often near zero, so a random direction of unit size changes them enormously, and the picture of the loss
        would mostly show what happens to the biases. The paper leaves them out, and so does the statement: such an
        array gets zeros, which means that the biases stay where they are while you walk through the picture. You
        already treat this case separately; only what it returns has to change.
    """,
    source="own",
)

filter_normalize.mistake(
    "1e-10 added to the length",
    edits=[("np.sqrt(np.sum(d[i] ** 2))", "np.sqrt(np.sum(d[i] ** 2)) + 1e-10")],
    hint="""
        You add 1e-10 to the length of d so that there is no division by zero. The code of the original paper does this
        as well. For ordinary directions nobody will ever notice. But it sets a scale where there should be none: if the
        direction is very short, the little number is as long as the direction itself, and the result comes out far too
        short. The statement says that the length of d has no influence, also when it is tiny. The case that you are
        afraid of is exactly one, a length of 0, so ask for it and divide in all other cases.
    """,
    source="Li et al.'s code",
)


@filter_normalize.mistake(
    "written into d",
    hint="""
        Your numbers are right, but they are written into d itself. The caller loses the random direction that was
        handed in. For a picture of the loss one usually draws a direction once and normalises it against several sets
        of weights, say with and without skip connections; with your function, the second call starts from the result of
        the first. The contract at the top of the notebook says that inputs are never changed. Make a new array for the
        result in the first line and fill that one; an assignment to d[i] or an operator such as *= writes into the
        caller's array.
    """,
    source="common contract",
)
def _in_place(d, w):
    if d.ndim < 2:
        d[...] = 0
        return d
    for i in range(len(d)):
        length = np.sqrt(np.sum(d[i] ** 2))
        if length > 0:
            d[i] *= np.sqrt(np.sum(w[i] ** 2)) / length
    return d


filter_normalize.mistake(
    "squares without the root",
    edits=[
        ("np.sqrt(np.sum(d[i] ** 2))", "np.sum(d[i] ** 2)"),
        ("np.sqrt(np.sum(np.asarray(w[i], dtype=d.dtype) ** 2))", "np.sum(np.asarray(w[i], dtype=d.dtype) ** 2)"),
    ],
    core=True,
    hint="""
        You use sums of squares as if they were lengths. The length of a vector is the root of its sum of squares. Both
        roots are missing, so you scale by the square of the right factor, and when the two rows have the same length
        you do not notice. Check a case that works out on paper: a row of d with the entries 3 and 4 has the length 5,
        not 25. After the scaling the row must have the length of the row of w, and you can compute it to see whether it
        does. Take the root of each sum, or the root of their ratio.
    """,
    source="own",
)

filter_normalize.mistake(
    "d and w exchanged",
    edits=[
        (
            "        if length > 0:\n            result[i] = d[i] * (wanted / length)",
            "        if wanted > 0:\n            result[i] = w[i] * (length / wanted)",
        )
    ],
    core=True,
    hint="""
        The two arguments have changed places: you return the rows of w with the lengths of the rows of d. So the result
        points along the weights themselves, and walking along it only makes the filters longer or shorter. A random
        direction is needed, and d is the one. It should keep where it points and take over the lengths of the weights.
        The order of the arguments in the statement is d first and w second: the thing that is changed, and then the
        thing that sets the measure.
    """,
    source="own",
)
