"""`product_singular_values(mats)`: the singular values of a product of layers, the first matrix applied first."""

import itertools

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _product_singular_values(mats):
    product = np.asarray(mats[0])
    for m in mats[1:]:
        product = m @ product
    return np.linalg.svd(product, compute_uv=False)


# Other right ways ----------------------------------------------------------------------------------------------------


def _multi_dot(mats):
    product = np.linalg.multi_dot(mats[::-1]) if len(mats) > 1 else mats[0]
    return np.linalg.svd(product)[1]


def _gram_matrix(mats):
    product = np.asarray(mats[-1])
    for m in mats[-2::-1]:
        product = product @ m
    gram = product @ product.T if product.shape[0] <= product.shape[1] else product.T @ product
    return np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[::-1], 0))


def _block_matrix(mats):
    product = np.asarray(mats[0])
    for m in mats[1:]:
        product = np.dot(m, product)
    rows, columns = product.shape
    zero = np.zeros
    block = np.block(
        [
            [zero((rows, rows), dtype=product.dtype), product],
            [product.T, zero((columns, columns), dtype=product.dtype)],
        ]
    )
    return np.maximum(np.linalg.eigvalsh(block)[::-1][: min(rows, columns)], 0)


def _torch_chain(mats):
    product = torch.tensor(np.array(mats[0]))
    product = product if product.is_floating_point() else product.double()
    for m in mats[1:]:
        product = torch.tensor(np.array(m)).to(product.dtype) @ product
    return torch.linalg.svdvals(product).numpy()


product_singular_values = Exercise(
    reference=_product_singular_values,
    accepted={
        "np.linalg.multi_dot": _multi_dot,
        "eigenvalues of the smaller Gram matrix": _gram_matrix,
        "eigenvalues of the symmetric block matrix": _block_matrix,
        "torch": _torch_chain,
    },
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


@product_singular_values.check(
    "two 2×2 layers, by hand",
    points=0.5,
    rtol=1e-6,
    atol=1e-6,
    hint="Write both matrices on paper, let the first one act on a vector, then the second.",
)
def _by_hand(f, rng):
    a, b, c, d = rng.choice(np.arange(2.0, 12.0), size=4, replace=False)
    return typed(f([np.array([[0.0, a], [-b, 0.0]]), np.array([[c, 0.0], [0.0, d]])]))


@product_singular_values.check(
    "square layers in the right order, also singular ones",
    points=0.5,
    rtol=1e-6,
    atol=1e-6,
    hint="The first matrix of the list stands rightmost in the product.",
)
def _no_shortcut(f, rng):
    chain = list(rng.normal(size=(3, 4, 4)))
    shift, other = np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[0.0, 0.0], [rng.uniform(1, 3), 0.0]])
    flat = np.outer(rng.normal(size=3), rng.normal(size=3))
    return [f(chain), f([shift, shift]), f([shift, other]), f([flat, rng.normal(size=(3, 3))])]


@product_singular_values.check(
    "rectangular layers",
    points=0.5,
    rtol=1e-6,
    atol=1e-6,
    hint="The product of all layers has as many singular values as its shorter side.",
)
def _rectangles(f, rng):
    widths = [[5, 3, 4], [2, 6, 3], [3, 4, 2, 5]]
    return [f([rng.normal(size=(n, m)) for m, n in itertools.pairwise(sizes)]) for sizes in widths]


@product_singular_values.check(
    "integers become float64, float32 stays float32",
    points=0.25,
    rtol=1e-3,
    atol=1e-2,
    hint="Look at the dtype of the result for integer and for float32 matrices.",
)
def _dtypes(f, rng):
    whole = [rng.integers(-4, 5, size=(3, 3)) for _ in range(2)]
    single = [rng.normal(size=(3, 3)).astype(np.float32) for _ in range(2)]
    return [typed(f(whole)), typed(f(single)), typed(f(whole[:1]))]


@product_singular_values.check(
    "the list and its matrices are left as they were",
    points=0.25,
    rtol=1e-6,
    atol=1e-6,
    hint="Read from the list and from its matrices; do not write to them.",
)
def _left_alone(f, rng):
    a, b = rng.normal(size=(2, 3, 3))
    return [kept(f, [a, b]), kept(f, [locked(b), strided(a)]), kept(f, [a])]


# Wrong answers, as students write them --------------------------------------------------------------------------------


product_singular_values.mistake(
    "the first matrix applied last",
    edits=[("product = m @ product", "product = product @ m")],
    core=True,
    hint="""
        You multiply in the order in which the matrices are written in the list, from left to right. But the matrix that
        acts first on a vector stands rightmost: the second layer of a network sees M₁x and returns M₂(M₁x). So for the
        list [M₁, M₂] the product is M₂M₁. For square matrices the wrong order gives no error, only other singular
        values, and for rectangular ones the shapes do not fit. Follow one vector through the layers on paper, and write
        down on which side of the running product each new matrix has to come.
    """,
    source="COURSE A2.1",
)


@product_singular_values.mistake(
    "product of the singular values",
    core=True,
    hint="""
        You take the singular values of each matrix alone and multiply them in order of size. That would be right only
        if the output directions of one layer were lined up with the input directions of the next, the largest with the
        largest. Random matrices are not lined up: the direction which the first one stretches most meets the second one
        at some angle. So your largest value is too large. The spectrum of a product needs the product itself: multiply
        the matrices first, and take the singular values once, at the end.
    """,
    source="COURSE A2.1",
)
def _product_of_the_spectra(mats):
    spectra = [np.linalg.svd(m, compute_uv=False) for m in mats]
    shortest = min(len(s) for s in spectra)
    return np.prod([s[:shortest] for s in spectra], axis=0)


product_singular_values.mistake(
    "absolute eigenvalues",
    edits=[("np.linalg.svd(product, compute_uv=False)", "np.sort(np.abs(np.linalg.eigvals(product)))[::-1]")],
    core=True,
    hint="""
        You return the absolute values of the eigenvalues. Eigenvalues tell which directions a matrix keeps; singular
        values tell how much it can stretch a vector, and that is what matters for a signal on its way through layers.
        For symmetric matrices the two agree up to the sign, for others they do not: the matrix [[0, 1], [0, 0]] has
        only the eigenvalue 0, but it takes a vector of length 1 to another one of length 1. Also, a rectangular matrix
        has no eigenvalues at all. Look for the decomposition that works for any shape.
    """,
    source="COURSE A2.1, MISCONCEPTIONS 41",
)

product_singular_values.mistake(
    "ascending order",
    edits=[("compute_uv=False)", "compute_uv=False)[::-1]")],
    core=True,
    hint="""
        Your singular values are right, but they go up. The statement wants them going down, the largest first, as it is
        the custom for singular values: then s[0] is the largest stretch of the product, and plots of spectra from
        different depths can be laid over each other. Functions for symmetric eigenvalue problems return ascending
        values, functions for singular values return descending ones, so it is easy to turn the order once too often.
        Print the result for a diagonal matrix whose answer you know, and look at the last thing that you do with it.
    """,
    source="COURSE A2.1",
)

product_singular_values.mistake(
    "squared singular values",
    edits=[("return np.linalg.svd(product, compute_uv=False)", "return np.linalg.svd(product)[1] ** 2")],
    core=True,
    hint="""
        You return the squares of the singular values. They are the eigenvalues of YᵀY, and they appear in many
        formulas, for example in the share of variance of a principal component. But the singular value itself is the
        factor by which a length grows, and this is what the exercise asks for. Test it with a multiple of the identity:
        3·I makes every vector 3 times as long, so all its singular values are 3. If you get 9, a root is missing. Look
        at the step between the decomposition and the return.
    """,
    source="own",
)

product_singular_values.mistake(
    "elementwise product",
    edits=[("product = m @ product", "product = m * product")],
    core=True,
    hint="""
        Your product multiplies the matrices entry by entry. For numpy arrays the star is the elementwise (Hadamard)
        product; it is not the composition of two linear layers. With diagonal matrices both give the same, so such a
        test does not show it. In a true matrix product each entry is a sum over a whole row and a whole column, and the
        inner sizes must agree: a (4, 3) matrix can follow a (3, 5) one. Use the operator that numpy has for the matrix
        product, and try it on two matrices with zeros on the diagonal.
    """,
    source="own",
)

product_singular_values.mistake(
    "the last matrix is left out",
    edits=[("for m in mats[1:]:", "for m in mats[1:-1]:")],
    core=True,
    hint="""
        Your product has one factor too few: the last matrix of the list never takes part. When the list has two
        matrices, you return the singular values of the first one alone. Such an error comes from the ends of a loop,
        for example from a slice that stops before the last item, or from a range up to len(mats) - 1. Count on paper:
        with three matrices, the product is M₃M₂M₁, so the loop has to run twice after the first matrix. Print the shape
        of the product at the end: its number of rows must be that of the last matrix.
    """,
    source="own",
)


@product_singular_values.mistake(
    "a value for every input",
    hint="""
        Your values are right, but for wide products there are too many of them. You take the eigenvalues of YᵀY, which
        has one row and column for every input. If Y has fewer rows than columns, the surplus eigenvalues are zero by
        necessity: they say nothing about the product, only that a wide matrix cannot keep all its input directions
        apart. The statement asks for min(rows, columns) values, as a singular value decomposition gives them. Think
        about which of YᵀY and YYᵀ is the smaller matrix, or use a function that makes this choice for you.
    """,
    source="own",
)
def _all_columns(mats):
    product = np.asarray(mats[0])
    for m in mats[1:]:
        product = m @ product
    return np.sqrt(np.maximum(np.linalg.eigvalsh(product.T @ product)[::-1], 0))


product_singular_values.mistake(
    "zero singular values are dropped",
    edits=[
        (
            "return np.linalg.svd(product, compute_uv=False)",
            "s = np.linalg.svd(product, compute_uv=False)\n    return s[s > 1e-9]",
        )
    ],
    hint="""
        You keep only the singular values that are larger than some small number. Then the length of the result depends
        on the data: a product without full rank gives a shorter array, and two spectra can no longer be compared entry
        by entry or put into one table. A zero is a result too. It says that there is a direction in which all
        information is lost, and for products of many layers these are just the interesting ones. Return all min(rows,
        columns) values, the zeros among them, and leave the choice of a threshold to the caller.
    """,
    source="own",
)

product_singular_values.mistake(
    "scaled by the square root of the width",
    edits=[
        (
            "return np.linalg.svd(product, compute_uv=False)",
            "s = np.linalg.svd(product, compute_uv=False)\n    return s / np.sqrt(product.shape[1])",
        )
    ],
    core=True,
    hint="""
        You divide the singular values by √n. That belongs to the picture of the lecture, where the entries are N(0, 1)
        and the axis is scaled such that the edge of the spectrum comes to 2. This function gets any matrices and
        returns the singular values of their product as they are: for the identity all of them are 1, not 1/√n. And for
        a product of k such matrices one factor 1/√n would not be enough anyway. Leave the scaling to the caller, who
        knows how the entries were drawn.
    """,
    source="MISCONCEPTIONS 42",
)


@product_singular_values.mistake(
    "the list is emptied",
    hint="""
        Your numbers are right, but after the call the caller's list is empty. A list is handed over by reference: there
        is only one, and pop takes the items out of it for everybody. The next line of the caller's program, which wants
        to use the same layers, finds nothing there. The same holds for reverse and sort, which work in place. Go
        through the list with a for loop or by index, or make a copy of your own before you take things out. A function
        that computes a number should leave its arguments as they were.
    """,
    source="own",
)
def _pops_the_list(mats):
    product = np.asarray(mats.pop(0))
    while mats:
        product = mats.pop(0) @ product
    return np.linalg.svd(product, compute_uv=False)
