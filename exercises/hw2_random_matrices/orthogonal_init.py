"""`orthogonal_init(shape, gain, rng)`: a uniformly random matrix with orthonormal rows or columns, times a gain."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import probe, typed


def _orthogonal_init(shape, gain, rng):
    rows, columns = shape
    a = rng.normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(a)
    q = q * np.sign(np.diag(r))
    return gain * (q if rows >= columns else q.T)


# Other right ways ----------------------------------------------------------------------------------------------------


def _polar_by_svd(shape, gain, rng):
    u, _, vt = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    return gain * (u @ vt)


def _gram_schmidt(shape, gain, rng):
    rows, columns = shape
    vectors: list = []
    for _ in range(min(rows, columns)):
        v = rng.normal(size=max(rows, columns))
        for _ in range(2):
            for u in vectors:
                v = v - (u @ v) * u
        vectors.append(v / math.sqrt(v @ v))
    w = np.array(vectors)
    return gain * (w if rows <= columns else w.T)


def _random_signs(shape, gain, rng):
    rows, columns = shape
    q, _ = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
    q = q * rng.choice([-1.0, 1.0], size=min(shape))
    return gain * (q if rows >= columns else q.T)


def _householder(shape, gain, rng):
    n, k = max(shape), min(shape)
    q = np.eye(n)
    for i in range(n - 1):
        v = rng.normal(size=n - i)
        sign = 1.0 if v[0] >= 0 else -1.0
        v[0] += sign * np.linalg.norm(v)
        v /= np.linalg.norm(v)
        q[:, i:] -= 2 * np.outer(q[:, i:] @ v, v)
        q[:, i] *= -sign
    q[:, n - 1] *= rng.choice([-1.0, 1.0])
    q = q[:, :k]
    return gain * (q if shape[0] >= shape[1] else q.T)


# Library one-liners --------------------------------------------------------------------------------------------------


def _scipy_ortho_group(shape, gain, rng):
    from scipy.stats import ortho_group

    n = max(shape)
    q = ortho_group.rvs(n, random_state=rng) if n > 1 else rng.choice([-1.0, 1.0], size=(1, 1))
    return gain * q[: shape[0], : shape[1]]


def _torch_orthogonal(shape, gain, rng):
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    w = torch.empty(tuple(shape), dtype=torch.float64)
    return torch.nn.init.orthogonal_(w, gain=gain, generator=generator).numpy()


orthogonal_init = Exercise(
    reference=_orthogonal_init,
    accepted={
        "orthogonal factor of a Gaussian matrix, by SVD": _polar_by_svd,
        "Gram-Schmidt in loops": _gram_schmidt,
        "QR with random signs": _random_signs,
        "product of Householder reflections": _householder,
    },
    witnesses={"scipy.stats.ortho_group": _scipy_ortho_group, "torch.nn.init.orthogonal_": _torch_orthogonal},
    banned=("scipy", "torch.nn"),
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


def _gram(w):
    """The products of the rows or columns, whichever are fewer, with the matrix's type and shape."""
    seen = typed(w)
    w = np.asarray(seen.pop("values"), dtype=float)
    seen["products"] = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    return seen


@orthogonal_init.check(
    "square: rows and columns are orthonormal",
    points=0.5,
    atol=1e-11,
    hint="Print W @ W.T; it should be the identity.",
)
def _square(f, rng):
    return [_gram(f((n, n), 1.0, rng)) for n in (4, 25)]


@orthogonal_init.check(
    "tall has orthonormal columns, wide has orthonormal rows",
    points=0.5,
    atol=1e-11,
    hint="A wide matrix is the transpose of a tall one; and look at the shape.",
)
def _tall_and_wide(f, rng):
    shapes = [(7, 3), (3, 7), (20, 5), (5, 20), (1, 6), (6, 1)]
    return [_gram(f(shape, 1.0, rng)) for shape in shapes]


@orthogonal_init.check(
    "the gain multiplies the matrix",
    points=0.5,
    atol=1e-10,
    hint="With gain 2 all singular values are 2.",
)
def _gains(f, rng):
    gain = float(rng.uniform(1.5, 4.0))
    return [_gram(f(shape, g, rng)) for shape in ((4, 4), (5, 2)) for g in (gain, 1 / gain)]


DRAWS = 250


def _statistics(answer, draws, seed):
    """Over many 3 × 3 draws: the means of all entries, of their squares, of the determinant; is any entry exactly 0?"""
    import numpy as np

    rng = np.random.default_rng(seed)
    w = np.array([np.asarray(answer((3, 3), 1.0, rng), dtype=float) for _ in range(draws)])
    cross = np.sum(w[:, 0] * np.cross(w[:, 1], w[:, 2]), axis=1)
    return {
        "entries": w.mean(axis=0),
        "squares": (w**2).mean(axis=0),
        "determinant": cross.mean(),
        "zeros": bool(np.any(w == 0)),
    }


# An entry of a Haar matrix on O(3) is uniform on [-1, 1], so strictly sub-Gaussian with variance 1/3, and its square
# lies in [0, 1]; the determinant is a fair coin ±1. With N = 250 draws (Hoeffding):
# 18·exp(-1.5·N·0.26²) = 2e-10 for the nine means, 18·exp(-2·N·0.23²) = 6e-11 for the squares,
# 2·exp(-N·0.43²/2) = 2e-10 for the determinant; together below 5e-10.
# Power: plain QR has the diagonal (-0.50, -0.48, +0.48) and determinant +1, rotations determinant +1.
# The identity and permutations have zeros, which a Haar matrix has with probability 0.
@orthogonal_init.check(
    "all directions are equally likely",
    points=0.75,
    rtol=0.0,
    atol=1.0,
    expect=lambda rng: [np.zeros((3, 3)), np.zeros((3, 3)), 0.0, 0],
    hint="Average many draws: every entry, on the diagonal too, must have the mean 0.",
)
def _uniform(f, rng):
    seen = probe(_statistics, f, draws=DRAWS, seed=int(rng.integers(2**31)))
    # in units of the bound of each statistic, see the check
    entries, squares = np.asarray(seen["entries"]), np.asarray(seen["squares"])
    return [entries / 0.26, (squares - 1 / 3) / 0.23, seen["determinant"] / 0.43, 10 * int(seen["zeros"])]


def _long_product(answer, depth, width, seed):
    import numpy as np

    rng = np.random.default_rng(seed)
    product = np.eye(width)
    for _ in range(depth):
        product = np.asarray(answer((width, width), 1.0, rng), dtype=float) @ product
    return {
        "singular values": np.linalg.svd(product, compute_uv=False),
        "far from the identity": bool(abs(np.trace(product)) < 0.999 * width),
    }


@orthogonal_init.check(
    "a product of many layers keeps every length",
    points=0.25,
    atol=1e-11,
    hint="Multiply many of your matrices and look at the singular values of the product.",
)
def _product(f, rng):
    return probe(_long_product, f, depth=60, width=6, seed=int(rng.integers(2**31)))


def _calls(answer, shape, seed):
    """Draws from equal and from used generators, whatever numpy's and torch's global generators do."""
    import numpy as np
    import torch

    def states():
        return [str(np.random.get_state(legacy=False)), torch.random.get_rng_state().numpy().tobytes()]

    before = states()
    rng, same, other = (np.random.default_rng(number) for number in (seed, seed, seed + 1))
    first, second = (np.array(answer(shape, 1.0, rng)) for _ in range(2))
    again, unlike = np.array(answer(shape, 1.0, same)), np.array(answer(shape, 1.0, other))
    after = states()
    return {
        "shapes": [list(first.shape), list(second.shape)],
        "same generator state, same weights": bool(np.allclose(first, again)),
        "the next call draws new weights": not np.allclose(first, second),
        "another seed, other weights": not np.allclose(first, unlike),
        "global generators untouched": [then == now for then, now in zip(before, after, strict=True)],
    }


@orthogonal_init.check(
    "all randomness comes from rng",
    points=0.5,
    hint="Use the generator that you are given, and no other one.",
)
def _reproducible(f, rng):
    return probe(_calls, f, shape=(4, 3), seed=int(rng.integers(2**31)))


# Wrong answers, as students write them --------------------------------------------------------------------------------


orthogonal_init.mistake(
    "no sign correction",
    edits=[("    q = q * np.sign(np.diag(r))\n", "")],
    core=True,
    hint="""
        Your matrices are orthogonal, but they are not uniformly random. QR is unique only up to the signs of the
        columns, and the library chooses these signs in its own way, so that some orientations never come out. Average
        the diagonal of many 3×3 draws: you get about -0.50, -0.48, +0.48, and all three should be 0; and the
        determinant is always the same. The signs of R's diagonal say what was chosen: give each column of Q the sign
        that makes its diagonal entry of R positive, and the choice is undone.
    """,
    source="COURSE A2.13",
)

orthogonal_init.mistake(
    "gain squared",
    edits=[("return gain * (", "return gain**2 * (")],
    core=True,
    hint="""
        You multiply by the square of the gain. The gain is the factor by which the layer stretches a vector, so all
        singular values of the result must be equal to it. The square appears in WᵀW, which is gain² times the identity;
        maybe you were looking at this product. With gain 1 the two agree. In a deep network the difference is dramatic:
        it is a factor gain per layer. Check with np.linalg.svd that the singular values are the gain itself.
    """,
    source="COURSE A2.13",
)

orthogonal_init.mistake(
    "root of the gain",
    edits=[("return gain * (", "return math.sqrt(gain) * (")],
    core=True,
    hint="""
        You multiply by the root of the gain, so that WᵀW is gain times the identity. The statement wants the matrix
        itself to be gain times an orthonormal one: each vector becomes gain times as long, all singular values are
        equal to the gain, and WᵀW is gain² times the identity. With gain 1 no test can tell them apart. Take gain 4 and
        a square matrix, send one vector of length 1 through it, and measure the length of what comes out.
    """,
    source="own",
)

orthogonal_init.mistake(
    "gain ignored",
    edits=[("return gain * (", "return 1.0 * (")],
    core=True,
    hint="""
        The argument gain is not used: your matrices always keep all lengths as they are. The gain makes up for what the
        activation function takes away. For ReLU layers it is √2, because half of the mean square is lost, for tanh
        torch recommends 5/3. Without it, an orthogonal ReLU network loses a factor of 2 in the mean square per layer,
        and vanishes just like the others. The result has to be gain times an orthonormal matrix; test with gain 2 that
        all singular values are 2.
    """,
    source="own",
)


@orthogonal_init.mistake(
    "QR of the wide matrix",
    core=True,
    hint="""
        For square and tall shapes you are right. For a wide shape you decompose the wide matrix itself, and then Q is
        only a small square matrix: QR makes orthonormal columns, and in a space of 2 dimensions there is no room for 5
        of them. A wide matrix can have orthonormal rows instead. So its transpose is a tall matrix with orthonormal
        columns, and this you can already make. Draw the tall one, fix its signs, and turn it at the end.
    """,
    source="COURSE A2.13",
)
def _wide_by_qr(shape, gain, rng):
    q, r = np.linalg.qr(rng.normal(size=shape))
    return gain * q * np.sign(np.diag(r))


orthogonal_init.mistake(
    "wide matrices come out tall",
    edits=[("(q if rows >= columns else q.T)", "q")],
    core=True,
    hint="""
        For wide shapes you return a tall matrix: for (3, 7) the result has the shape (7, 3). You draw the long side
        first, so that QR gives orthonormal columns, and that is the right idea; but the matrix has to be turned back at
        the end, so that the columns become the orthonormal rows that a wide matrix has. Square shapes cannot show it. A
        function that gets a shape should return exactly this shape; compare result.shape with it, for a wide and for a
        tall example.
    """,
    source="COURSE A2.13",
)


@orthogonal_init.mistake(
    "identity",
    core=True,
    hint="""
        The identity is orthogonal, and it keeps all lengths, but it is not random. All layers would be the same, every
        unit would see just one input, and the units of different layers would never be mixed. The statement asks for a
        matrix that is drawn uniformly from all orthogonal ones (the Haar measure): each direction of the space is
        equally likely for each row. Begin with random normal numbers, which prefer no direction, and make their columns
        orthonormal without bringing in a preference of your own.
    """,
    source="COURSE A2.13",
)
def _identity(shape, gain, rng):
    return gain * np.eye(*shape)


@orthogonal_init.mistake(
    "random permutation",
    core=True,
    hint="""
        You permute the axes and flip signs at random. This is an orthogonal matrix, and it is random, but only a few of
        all orthogonal matrices can come out: those with a single ±1 in each row and column. A uniformly drawn
        orthogonal matrix has a typical entry of the size 1/√n, with no zeros at all. A permutation only renames the
        units, it does not mix them. Begin with random normal numbers, which prefer no direction in space, and make
        their columns orthonormal. Then print one draw, and look at its entries.
    """,
    source="own",
)
def _permutation(shape, gain, rng):
    n = max(shape)
    return gain * np.eye(n)[rng.permutation(n)][: shape[0], : shape[1]] * rng.choice([-1.0, 1.0], size=shape[1])


@orthogonal_init.mistake(
    "only columns of length 1",
    core=True,
    hint="""
        You scale each vector to length 1, but you do not make them orthogonal to each other. Two random vectors in n
        dimensions have a cosine of the size 1/√n: nearly orthogonal if n is large, but not quite, and n of these small
        errors add up. The smallest singular value of your matrix is close to 0, the largest close to 2, as for any
        Gaussian matrix. For an orthogonal one all of them are 1. You need a step that removes from each vector its
        parts along those before it.
    """,
    source="own",
)
def _only_unit_columns(shape, gain, rng):
    a = rng.normal(size=shape)
    axis = 0 if shape[0] >= shape[1] else 1
    return gain * a / np.linalg.norm(a, axis=axis, keepdims=True)


@orthogonal_init.mistake(
    "scaled Gaussian",
    core=True,
    hint="""
        You draw normal numbers with variance 1/n. On average this matrix keeps the length of a vector, but each single
        direction is stretched or squeezed: its singular values fill a quarter circle from 0 to 2. In a product of many
        such layers the small ones die out, as you saw in log_spectrum_qr. An orthogonal matrix has all singular values
        equal to 1, so a product of a hundred of them still keeps every length. Normal numbers are the right start. What
        is missing is to make their columns orthonormal.
    """,
    source="own",
)
def _scaled_gaussian(shape, gain, rng):
    return gain * rng.normal(scale=max(shape) ** -0.5, size=shape)


orthogonal_init.mistake(
    "uniform numbers to start with",
    edits=[
        (
            "rng.normal(size=(max(rows, columns), min(rows, columns)))",
            "rng.random((max(rows, columns), min(rows, columns)))",
        )
    ],
    core=True,
    hint="""
        You start from uniform numbers between 0 and 1. They are all positive, so the first column always points into
        the same corner of the space, and this stays so when its length is made 1: its entries have a mean of about 0.5
        and not 0. Also a cube is not round: there is more room towards its corners. Only independent normal numbers
        with mean 0 have a density that depends on the length alone, so that every direction is equally likely.
        Everything after the first line may stay as it is.
    """,
    source="own",
)

orthogonal_init.mistake(
    "rotations only",
    edits=[
        (
            "    return gain",
            "    if rows == columns and np.linalg.det(q) < 0:\n        q[:, 0] = -q[:, 0]\n    return gain",
        )
    ],
    hint="""
        You turn each matrix with determinant -1 into one with determinant +1. So only rotations come out, never a
        reflection. That is the uniform measure on the rotation group, but the statement asks for all orthogonal
        matrices: half of them have determinant -1, and a uniform draw gives each sign with probability ½. For the
        signal in a network it makes hardly a difference, but a uniform distribution should not leave out half of its
        space. Remove the step in which you look at the determinant.
    """,
    source="own",
)

orthogonal_init.mistake(
    "global generator",
    edits=[("rng.normal(", "np.random.normal(")],
    core=True,
    hint="""
        You draw from np.random, numpy's global generator, and never use the argument rng. Then equal generators give
        different matrices, the experiment cannot be repeated, and your function changes the stream of random numbers
        for everybody else in the program. The generator is handed to you so that one seed at the very beginning decides
        about the whole experiment. Its methods have nearly the same names as the functions of np.random: draw the
        normal numbers with them, and leave the rest as it is.
    """,
    source="own",
)

orthogonal_init.mistake(
    "a seed of its own",
    edits=[("    rows, columns = shape\n", "    rows, columns = shape\n    rng = np.random.default_rng(0)\n")],
    core=True,
    hint="""
        You make a generator with a fixed seed inside of the function, so every call returns the same matrix. The layers
        of a network are then all alike, and the product of k of them is the k-th power of one matrix, which has nothing
        to do with a product of independent ones. Each single matrix looks fine; only two calls in a row show it.
        Randomness should come in from outside: use the rng that you are given, which moves on with every draw.
    """,
    source="own",
)
