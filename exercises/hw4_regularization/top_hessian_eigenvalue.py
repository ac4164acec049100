"""`top_hessian_eigenvalue(hvp, dim)`: the sharpness of a minimum from Hessian-vector products alone, by power iteration."""

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import probe


def _top_hessian_eigenvalue(hvp, dim, n_iter=200, rng=None, tol=1e-8):
    if rng is None:
        rng = np.random.default_rng(0)
    v = rng.normal(size=dim)
    v = v / np.sqrt(v @ v)
    lam = 0.0
    for _ in range(n_iter):
        u = np.asarray(hvp(v))
        old = lam
        lam = float(v @ u)  # the Rayleigh quotient, with its sign
        length = np.sqrt(u @ u)
        if length == 0:
            return 0.0, v
        v = u / length
        if abs(lam - old) <= tol * abs(lam):
            break
    return lam, v


# Other right ways -----------------------------------------------------------------------------------------------------


def _all_iterations(hvp, dim, n_iter=200, rng=None, tol=1e-8):
    v = (rng or np.random.default_rng()).standard_normal(dim)
    v /= np.linalg.norm(v)
    for _ in range(n_iter):
        u = hvp(v)
        if not np.any(u):
            return 0.0, v
        scale = np.max(np.abs(u))
        u = u / scale
        lam, v = scale * np.dot(v, u), u / np.linalg.norm(u)
    return lam, v


def _lanczos(hvp, dim, n_iter=200, rng=None, tol=1e-8):
    rng = np.random.default_rng(1) if rng is None else rng
    basis = np.zeros((0, dim))
    images = np.zeros((0, dim))
    q = rng.normal(size=dim)
    for _ in range(min(n_iter, dim)):
        for _ in range(2):  # once is not enough in floating point
            q = q - basis.T @ (basis @ q)
        length = np.linalg.norm(q)
        if length == 0:
            break
        basis = np.vstack([basis, q / length])
        images = np.vstack([images, hvp(basis[-1])])
        small = basis @ images.T
        values, vectors = np.linalg.eigh((small + small.T) / 2)
        best = np.argmax(np.abs(values))
        lam, v = values[best], vectors[:, best] @ basis
        if np.linalg.norm(vectors[:, best] @ images - lam * v) <= 1e-7 * abs(lam):
            break
        q = images[-1] / (np.abs(images[-1]).max() or 1)
    return float(lam), v / np.linalg.norm(v)


def _power_in_torch(hvp, dim, n_iter=200, rng=None, tol=1e-8):
    rng = np.random.default_rng(2) if rng is None else rng
    v = torch.as_tensor(rng.uniform(-1, 1, size=dim))
    v = torch.nn.functional.normalize(v, dim=0)
    lam = torch.zeros((), dtype=torch.float64)
    for step in range(n_iter):
        u = torch.as_tensor(np.array(hvp(v.numpy())))
        lam = torch.dot(u, v)
        rest = torch.linalg.vector_norm(u - lam * v)
        if float(rest) <= 1e-6 * abs(float(lam)) and step:
            break
        if float(torch.linalg.vector_norm(u)) == 0.0:
            break
        v = u / torch.linalg.vector_norm(u)
    return lam.item(), v.numpy()


# Library one-liners ---------------------------------------------------------------------------------------------------


def _scipy_eigsh(hvp, dim, n_iter=200, rng=None, tol=1e-8):
    from scipy.sparse.linalg import LinearOperator, eigsh

    start = np.random.default_rng(0).normal(size=dim)
    if dim == 1 or not np.any(hvp(start)):  # ARPACK fails on both
        return float(hvp(np.ones(dim))[0]), start / np.linalg.norm(start)
    operator = LinearOperator((dim, dim), matvec=hvp, dtype=float)
    values, vectors = eigsh(operator, k=1, which="LM", v0=start, tol=1e-4 if n_iter < 60 else 1e-10, ncv=min(dim, 8))
    return float(values[0]), vectors[:, 0]


top_hessian_eigenvalue = Exercise(
    reference=_top_hessian_eigenvalue,
    accepted={
        "all iterations, no early stop": _all_iterations,
        "Lanczos": _lanczos,
        "torch, stopping by the residual": _power_in_torch,
    },
    witnesses={"scipy.sparse.linalg.eigsh": _scipy_eigsh},
    banned=(
        "scipy.sparse.linalg",
        "scipy.linalg",
        "torch.lobpcg",
        "torch.svd_lowrank",
        "torch.pca_lowrank",
    ),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _solve(answer, matrices, n_iter, seed):
    """For each H: the eigenvalue, the vector, and how many Hessian-vector products it took."""
    import numpy as np

    seen = []
    for H in matrices:
        calls = [0]

        def hvp(v, H=H, calls=calls):
            calls[0] += 1
            return H @ np.asarray(v)

        options = {} if n_iter is None else {"n_iter": n_iter}
        if seed is not None:
            options["rng"] = np.random.default_rng(seed)
        lam, v = answer(hvp, H.shape[0], **options)
        seen.append([lam, v, calls[0]])
    return seen


def _hessian(rng, values):
    """A symmetric matrix with these eigenvalues, and its eigenvectors in the same order."""
    Q, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    return (Q * np.asarray(values)) @ Q.T, Q


def _look(lam, v, top):
    """Eigenvalue, length of v, shape, and how far v is aligned with the eigenvector, whatever its sign."""
    v = np.asarray(v, dtype=np.float64)
    return {
        "eigenvalue": np.asarray(lam, dtype=np.float64),
        "shape": list(v.shape),
        "length": float(np.linalg.norm(v)),
        "alignment": float(abs(v @ top)) if v.shape == top.shape else -1.0,
    }


def _looks(f, rng, spectra, n_iter=None, scale=1.0, seed=True):
    pairs = [_hessian(rng, values) for values in spectra]
    start = int(rng.integers(2**31)) if seed else None
    found = probe(_solve, f, matrices=[scale * H for H, _ in pairs], n_iter=n_iter, seed=start)
    return [
        _look(lam / scale, v, Q[:, int(np.argmax(np.abs(values)))])
        for (lam, v, _), (_, Q), values in zip(found, pairs, spectra, strict=True)
    ]


def _smaller(rng, top, count):
    """`count` eigenvalues of at most 0.6 of the top one, of both signs."""
    return rng.uniform(0.1, 0.6, size=count) * abs(top) * rng.choice([-1, 1], size=count)


@top_hessian_eigenvalue.check(
    "a positive top eigenvalue, its eigenvector, also for dim = 1 and without rng",
    points=0.5,
    rtol=1e-5,
    atol=1e-6,
    hint="Multiply, normalise, repeat; the eigenvalue is v·Hv for the unit vector v.",
)
def _positive(f, rng):
    spectra = [[rng.uniform(5, 20), 3.0, 1.0, 0.2], [7.0], [*np.abs(_smaller(rng, 4, 7)), 4.0]]
    return [*_looks(f, rng, spectra), *_looks(f, rng, spectra[:1], seed=False)]


@top_hessian_eigenvalue.check(
    "a negative eigenvalue that is the largest in size",
    points=0.5,
    rtol=1e-5,
    atol=1e-6,
    hint="The eigenvalue of the largest absolute value is asked, with its own sign.",
)
def _negative(f, rng):
    tops = -rng.uniform(5, 20, size=2)
    return _looks(f, rng, [[tops[0], *_smaller(rng, tops[0], 6)], [*np.abs(_smaller(rng, tops[1], 9)), tops[1]]])


@top_hessian_eigenvalue.check(
    "the zero operator: eigenvalue 0 and a unit vector",
    points=0.5,
    hint="If the product is the zero vector, do not divide by its length.",
)
def _nothing(f, rng):
    dim = int(rng.integers(3, 7))
    ((lam, v, _),) = probe(_solve, f, matrices=[np.zeros((dim, dim))], n_iter=None, seed=int(rng.integers(2**31)))
    return [np.asarray(lam, dtype=np.float64), float(np.linalg.norm(v)), list(np.shape(v))]


@top_hessian_eigenvalue.check(
    "Hessians of any scale",
    points=0.5,
    rtol=1e-5,
    atol=1e-6,
    hint="Compare the change of the eigenvalue with the eigenvalue, and keep v at length 1 all the time.",
)
def _scales(f, rng):
    spectra = [[rng.uniform(5, 9) * sign, *_smaller(rng, 5, 5)] for sign in (1, -1)]
    return [_looks(f, rng, spectra, scale=scale) for scale in (1e-12, 1e12)]


@top_hessian_eigenvalue.check(
    "at most n_iter products, give or take ten",
    points=0.5,
    rtol=1e-6,
    atol=1e-6,
    hint="One product for each iteration is enough: it gives the eigenvalue and the next vector.",
)
def _few_products(f, rng):
    """Slow convergence: the neighbours are at 0.97 of the top, so that 50 products are all used."""
    dim = 80
    H, _ = _hessian(rng, [1.0, *rng.uniform(-0.1, 0.97, size=dim - 1)])
    ((lam, v, calls),) = probe(_solve, f, matrices=[H], n_iter=50, seed=int(rng.integers(2**31)))
    return {
        "products, 60 or more": max(int(calls), 60),
        "a good estimate all the same": bool(0.85 < lam < 1.0001),
        "length": float(np.linalg.norm(v)),
    }


@top_hessian_eigenvalue.check(
    "any top eigenvector can be found",
    points=0.5,
    rtol=1e-5,
    atol=1e-6,
    hint="A start vector that is orthogonal to the answer never finds it.",
)
def _hidden(f, rng):
    """Top eigenvectors that a fixed start vector has no part of: exactly orthogonal to the ones, to e_0, or to both."""
    dim = 6
    i, j = rng.choice(np.arange(1, dim), size=2, replace=False)
    matrices, tops = [], []
    # powers of 2 on the pair, so that the products of its entries are exact and the symmetry stays exact
    for a, b, relative in ((i, j, -1), (0, j, -1), (i, j, 1)):
        H = np.diag(rng.permutation([1.0, 1.5, 2.0, 2.5, 3.0, 3.5]))
        sign = float(rng.choice([-1, 1]))
        H[a, a] = H[b, b] = 4 * sign
        H[a, b] = H[b, a] = 4 * sign * relative
        top = np.zeros(dim)
        top[a], top[b] = 0.5**0.5, relative * 0.5**0.5
        matrices.append(H)
        tops.append(top)
    found = probe(_solve, f, matrices=matrices, n_iter=None, seed=None)
    return [_look(lam, v, top) for (lam, v, _), top in zip(found, tops, strict=True)]


# Wrong answers, as students write them --------------------------------------------------------------------------------


top_hessian_eigenvalue.mistake(
    "length in place of the signed value",
    edits=[("lam = float(v @ u)  # the Rayleigh quotient, with its sign", "lam = float(np.sqrt(u @ u))")],
    core=True,
    hint="""
        You take the length of Hv as the eigenvalue. A length has no sign, so a top eigenvalue of -9 is reported as 9.
        For the loss surface these are opposite worlds: a curvature of 9 is a steep valley, and a curvature of -9 is a
        ridge from which the loss falls on both sides. When v is an eigenvector of length 1, Hv is lam times v; its
        length is the size of lam, and its direction compared with v tells the sign. One product of two vectors that you
        already have gives both.
    """,
    source="COURSE A4.8",
)


@top_hessian_eigenvalue.mistake(
    "normalised only at the end",
    hint="""
        You multiply by H again and again and normalise once at the end. On paper this is the same. In the computer the
        length of v is multiplied by the eigenvalue at each step: with 200 steps and an eigenvalue of 1e12 it would need
        2400 decimal digits before the point, and floats end at 308. So v becomes inf, and then nan; for small
        eigenvalues it becomes zero. Whether it works depends on the unit of the loss, which should not matter. Bring v
        back to length 1 after each product. It costs almost nothing.
    """,
    source="COURSE A4.8",
)
def _normalised_at_the_end(hvp, dim, n_iter=200, rng=None, tol=1e-8):
    rng = np.random.default_rng(0) if rng is None else rng
    v = rng.normal(size=dim)
    for _ in range(n_iter):
        v = np.asarray(hvp(v))
    if not np.any(v):
        return 0.0, np.eye(dim)[0]
    v = v / np.linalg.norm(v)
    return float(v @ hvp(v)), v


top_hessian_eigenvalue.mistake(
    "starts with ones",
    edits=[("rng.normal(size=dim)", "np.ones(dim)")],
    hint="""
        You start with a vector of ones. Power iteration makes that part of v grow which lies along the top eigenvector.
        If the start has no such part, there is nothing to grow, and the iteration finds the second best, without any
        sign of trouble. With ones this really happens: an eigenvector such as (1, -1, 0, 0), two units that do the same
        thing, is exactly orthogonal to ones, and networks are full of such symmetries. A random vector is never exactly
        orthogonal to anything. The argument rng is there for this; when it is None, make a generator yourself.
    """,
    source="COURSE A4.8",
)

top_hessian_eigenvalue.mistake(
    "starts with the first unit vector",
    edits=[("v = rng.normal(size=dim)", "v = np.eye(dim)[0]")],
    core=True,
    hint="""
        You start with (1, 0, 0, ...). If H is diagonal, this is an eigenvector, and the iteration never leaves it: you
        report the first diagonal entry, whichever it is. In general, a start vector without any part along the top
        eigenvector cannot find it, for multiplication by H only stretches what is there. Diagonal or block Hessians are
        common, since parameters in different parts of a network often do not interact. Use a random start vector, drawn
        from rng, which has a little of everything in it.
    """,
    source="own",
)


@top_hessian_eigenvalue.mistake(
    "largest, not largest in size",
    core=True,
    hint="""
        You return the largest eigenvalue in the usual order, where 2 is larger than -9. The statement asks for the
        largest in absolute value, with its sign: here -9. Plain power iteration gives exactly this. The part of v that
        is stretched most takes over, and stretching by -9 is stronger than by 2; v just turns around at each step. If
        you shift the matrix, or take the last entry of a sorted list, you get the most positive one. Leave the shift
        out, and trust the product v·Hv to bring the sign.
    """,
    source="own",
)
def _largest_not_in_size(hvp, dim, n_iter=200, rng=None, tol=1e-8):
    rng = np.random.default_rng(0) if rng is None else rng
    v = rng.normal(size=dim)
    v /= np.linalg.norm(v)
    shift = np.linalg.norm(hvp(v)) * 10  # so large that no eigenvalue of H + shift is negative
    for _ in range(min(n_iter * 10, 1000)):
        u = hvp(v) + shift * v
        if not np.any(u):
            return 0.0, v
        v = u / np.linalg.norm(u)
    return float(v @ hvp(v)), v


top_hessian_eigenvalue.mistake(
    "nan for the zero operator",
    edits=[("        if length == 0:\n            return 0.0, v\n", "")],
    core=True,
    hint="""
        When hvp returns the zero vector, you divide by its length, and v becomes nan. It happens: a network whose ReLU
        units are all dead has a loss that does not move, and its Hessian is zero. The answer is clear in this case, for
        each vector is an eigenvector with the eigenvalue 0. So return 0 and the unit vector that you have at the
        moment. Ask for the length before you divide by it. Adding a tiny number to the length is not a good way out, as
        it changes the results when the whole Hessian is tiny.
    """,
    source="COURSE A4.8",
)

top_hessian_eigenvalue.mistake(
    "tolerance without scale",
    edits=[("tol * abs(lam)", "tol")],
    hint="""
        You stop when the eigenvalue changes by less than tol, an absolute number. If the eigenvalues are near 1e-12,
        every change is below 1e-8, and you stop after the first product with a random number in your hand. If they are
        near 1e12, rounding alone changes them by more, and you never stop early. The loss may be given in any unit, and
        your result should be as good in each. Compare the change with the eigenvalue itself: stop when it is less than
        the fraction tol of it. Be careful that an eigenvalue of 0 stops as well.
    """,
    source="COURSE A4.8",
)

top_hessian_eigenvalue.mistake(
    "1e-8 added to the length",
    edits=[
        (
            "        if length == 0:\n            return 0.0, v\n        v = u / length",
            "        v = u / (length + 1e-8)",
        )
    ],
    hint="""
        You add a small number to the length before you divide, to be safe from a division by zero. For a Hessian of
        ordinary size nobody notices. But when its eigenvalues are near 1e-12, the added number is much larger than the
        length, so v shrinks towards zero with each step, and so does your eigenvalue; and for the zero operator you
        return a zero vector and not a unit vector. There is exactly one dangerous case, a length of 0. Treat that one
        separately, and divide by the true length in all other cases.
    """,
    source="own",
)


@top_hessian_eigenvalue.mistake(
    "the whole matrix",
    hint="""
        You call hvp once for each unit vector, build the whole Hessian, and use a routine for dense matrices. The
        numbers are right. But it takes dim products and dim² numbers of memory, and for a small network with a million
        weights this means a million products and eight terabytes. The reason why Hessian-vector products are useful is
        that a few of them are enough: each costs about as much as two gradients, and after a few dozen the top
        eigenvalue is known. The statement allows n_iter products, give or take ten. Start with a random vector and
        multiply it again and again.
    """,
    source="own",
)
def _matrix_first(hvp, dim, n_iter=200, rng=None, tol=1e-8):
    H = np.stack([hvp(e) for e in np.eye(dim)])
    values, vectors = np.linalg.eigh((H + H.T) / 2)
    best = np.argmax(np.abs(values))
    return float(values[best]), vectors[:, best]


@top_hessian_eigenvalue.mistake(
    "two products in each iteration",
    hint="""
        You call hvp twice in each iteration: once to get the next vector and once more for its eigenvalue. For a real
        network such a product is the expensive part, about two passes forward and two backward, so your function takes
        twice as long as it should. One product is enough for both: u = Hv gives the eigenvalue estimate as v·u, and
        then u divided by its length is the next v. The estimate belongs to the vector before the step, not after it,
        which makes no difference when it has converged.
    """,
    source="own",
)
def _two_products(hvp, dim, n_iter=200, rng=None, tol=1e-8):
    rng = np.random.default_rng(0) if rng is None else rng
    v = rng.normal(size=dim)
    v /= np.linalg.norm(v)
    lam = 0.0
    for _ in range(n_iter):
        u = hvp(v)
        if not np.any(u):
            return 0.0, v
        v = u / np.linalg.norm(u)
        old, lam = lam, float(v @ hvp(v))
        if abs(lam - old) <= tol * abs(lam):
            break
    return lam, v


top_hessian_eigenvalue.mistake(
    "vector not normalised",
    edits=[("    return lam, v\n", "    return lam, u\n")],
    core=True,
    hint="""
        Your eigenvalue is right, but the vector that you return is Hv, whose length is the eigenvalue and not 1. The
        statement asks for a unit vector. Users of your function take a step along it, or project a gradient onto it,
        and with a length of 9 all of these are off by factors of 9 or 81. Return the vector after it was divided by its
        length. Its sign does not matter: v and -v are the same direction, and both are accepted.
    """,
    source="own",
)

top_hessian_eigenvalue.mistake(
    "no generator, no start",
    edits=[("    if rng is None:\n        rng = np.random.default_rng(0)\n", "")],
    core=True,
    hint="""
        If rng is not given, it is None, and None has no methods: your function ends with an AttributeError. It is the
        default in the signature, so a call without rng must work. Make a generator of your own in that case, with any
        fixed seed; then a call without rng gives the same result each time, and a caller who wants other random starts
        hands in a generator. It is a common pattern in numpy code: at the top of the function, ask whether rng is None,
        and replace it.
    """,
    source="own",
)

top_hessian_eigenvalue.mistake(
    "stops after three digits",
    edits=[("<= tol * abs(lam)", "<= 1e-3 * abs(lam)")],
    hint="""
        You stop when two estimates agree to about three digits. With power iteration this is too early: it converges
        slowly when the second eigenvalue is near the first, so two neighbours may agree in three digits while both are
        still far from the end. The argument tol is there so that the caller can decide; its default is 1e-8, relative
        to the eigenvalue. A small change from one step to the next is not the same as a small error. Use tol, and let
        n_iter be the limit for hopeless cases.
    """,
    source="own",
)
