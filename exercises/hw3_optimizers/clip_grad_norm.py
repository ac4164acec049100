"""`clip_grad_norm(grads, max_norm, norm_type=2.0, eps=1e-6)`: one norm over all gradients, and one factor for all."""

import copy
import math

import numpy as np
import torch

from exercises.arrays import locked, strided
from exercises.bank import Exercise
from exercises.observation import several, typed


def _clip_grad_norm(grads, max_norm, norm_type=2.0, eps=1e-6):
    arrays = []
    for g in grads:
        if g is not None:
            g = np.asarray(g)
            g = g if g.dtype.kind == "f" else g.astype(np.float64)
        arrays.append(g)
    sizes = [np.abs(g).astype(np.float64).ravel() for g in arrays if g is not None]
    joined = np.concatenate([[0.0], *sizes])  # the extra 0 adds nothing
    total = np.max(joined)
    if norm_type != math.inf:
        total = np.sum(joined**norm_type) ** (1 / norm_type)
    total = float(total)
    scale = max_norm / (total + eps)
    if scale > 1:
        scale = 1.0
    clipped = []
    for g in arrays:
        clipped.append(None if g is None else g * scale)
    return clipped, total


# Other right ways ----------------------------------------------------------------------------------------------------


def _exact_scaling(grads, max_norm, norm_type=2.0, eps=1e-6):
    present = [np.asarray(g, dtype=np.float64) for g in grads if g is not None]
    norms = [np.linalg.norm(g.ravel(), norm_type) if g.size else 0.0 for g in present]
    total = float(np.linalg.norm(norms, norm_type)) if norms else 0.0

    def scaled(g):
        g = np.array(g)
        if g.dtype.kind != "f":
            g = g.astype(np.float64)
        return g if total <= max_norm else (g * (max_norm / total)).astype(g.dtype)

    return [None if g is None else scaled(g) for g in grads], total


def _torch_norm_of_norms(grads, max_norm, norm_type=2.0, eps=1e-6):
    tensors = [None if g is None else torch.tensor(np.array(g)) for g in grads]
    tensors = [t if t is None or t.is_floating_point() else t.double() for t in tensors]
    norms = [t.double().abs().pow(norm_type).sum().pow(1 / norm_type) for t in tensors if t is not None]
    if norm_type == math.inf:
        norms = [t.double().abs().max() for t in tensors if t is not None and t.numel()]
    total = torch.linalg.vector_norm(torch.stack([torch.tensor(0.0).double(), *norms]), norm_type)
    scale = torch.clamp(max_norm / (total + eps), max=1.0).item()
    return [None if t is None else (t * scale).numpy() for t in tensors], total.item()


def _running_total(grads, max_norm, norm_type=2.0, eps=1e-6):
    total = 0.0
    for g in grads:
        for value in [] if g is None else np.asarray(g, dtype=np.float64).flat:
            size = abs(float(value))
            if norm_type == math.inf:
                total = size if size > total or math.isnan(size) else total
            else:
                total += size**norm_type
    if norm_type != math.inf:
        total = total ** (1 / norm_type)
    factor = np.minimum(1.0, max_norm / (total + eps))
    result = []
    for g in grads:
        if g is None:
            result.append(None)
            continue
        g = np.asarray(g)
        dtype = g.dtype if g.dtype.kind == "f" else np.dtype(np.float64)
        result.append(np.multiply(g, factor, dtype=np.float64).astype(dtype))
    return result, total


# Library one-liner ---------------------------------------------------------------------------------------------------


def _torch_clip_grad_norm(grads, max_norm, norm_type=2.0, eps=1e-6):
    parameters = []
    for g in grads:
        if g is not None:
            t = torch.tensor(np.array(g))
            t = t if t.is_floating_point() else t.double()
            p = torch.nn.Parameter(torch.zeros_like(t))
            p.grad = t
        parameters.append(None if g is None else p)
    total = torch.nn.utils.clip_grad_norm_([p for p in parameters if p is not None], max_norm, norm_type)
    return [None if p is None else p.grad.numpy() for p in parameters], float(total)


clip_grad_norm = Exercise(
    reference=_clip_grad_norm,
    accepted={
        "exact scaling by max_norm / norm, without eps": _exact_scaling,
        "torch, norm of the norms": _torch_norm_of_norms,
        "pure Python running total": _running_total,
    },
    witnesses={"torch.nn.utils.clip_grad_norm_": _torch_clip_grad_norm},
    banned=("torch.nn",),
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


def _look(result):
    clipped, total = result
    return {"norm": float(total), "grads": [None if g is None else typed(g) for g in clipped]}


@clip_grad_norm.check(
    "two gradients, by hand",
    points=0.5,
    rtol=1e-5,
    hint="Write all entries in one row, take the length of that row, and scale both arrays by the same factor.",
)
def _by_hand(f, rng):
    k = float(rng.integers(2, 9))
    triple = k * np.array([2.0, -3.0, 6.0])  # length 7k
    single = k * np.array([[24.0]])  # together 25k
    return _look(f([triple, single], k * float(rng.integers(2, 6))))


@clip_grad_norm.check(
    "every norm and limit, arrays of many shapes",
    points=0.75,
    rtol=1e-5,
    hint="Compare with the formula for p = 1, 2, 3 and inf on a short list that you can add up by hand.",
)
def _norms_and_limits(f, rng):
    grads = [
        rng.normal(size=(3, 4)),
        rng.normal(size=5) - 1.0,
        np.array(rng.uniform(1.0, 2.0)),
        rng.normal(size=(2, 1, 3)),
    ]
    cases = []
    for norm_type in (2.0, 1.0, math.inf, 3.0):
        total = float(np.linalg.norm(np.concatenate([g.ravel() for g in grads]), norm_type))
        cases += [([g.copy() for g in grads], part * total, norm_type) for part in (0.25, 0.8, 1.5)]
    return [*map(_look, several(f, *cases)), _look(f([g.copy() for g in grads], max_norm=0.75, norm_type=1, eps=1e-6))]


@clip_grad_norm.check(
    "below the limit nothing changes, to the last bit",
    points=0.5,
    hint="The factor is 1, and not more, where the norm is below max_norm.",
)
def _small_ones(f, rng):
    grads = [rng.normal(size=(2, 3)), rng.normal(size=4)]
    total = float(np.linalg.norm(np.concatenate([g.ravel() for g in grads])))
    cases = {tiny: [g * tiny for g in grads] for tiny in (1.0, 1e-3, 1e-9)}
    seen = []
    results = several(f, *((small, 1.2 * total) for small in cases.values()))
    for (tiny, small), (clipped, norm) in zip(cases.items(), results, strict=True):
        equal = [np.asarray(a).tobytes() == b.tobytes() for a, b in zip(clipped, small, strict=True)]
        seen.append({"equal": equal, "norm": float(norm) / tiny})
    return seen


@clip_grad_norm.check(
    "None, zeros, arrays without elements, inf and nan",
    points=0.5,
    rtol=1e-5,
    hint="Go through the list of special cases in the statement and try each.",
)
def _none_zero_empty(f, rng):
    g = rng.normal(size=3) + 2.0
    none, zero, empty, nothing, infinite, spoilt = several(
        f,
        ([None, g.copy(), None, 2 * g[:2]], 1.0),
        ([np.zeros((2, 2)), np.zeros(3)], 1.0),
        ([np.zeros((0, 3)), g.copy()], 1.0),
        ([None, None], 1.0),
        ([g.copy(), np.array([np.inf, 1.0])], 1.0),
        ([g.copy(), np.array([1.0, np.nan])], 1.0),
    )
    return [
        _look(none)["grads"],
        _look(zero),
        _look(empty)["grads"],
        _look(nothing),
        float(infinite[1]),
        float(spoilt[1]),
    ]


@clip_grad_norm.check(
    "float32 stays float32, integers become float64, read-only arrays work",
    points=0.5,
    rtol=1e-5,
    hint="Look at the dtype of each array that you return.",
)
def _dtypes(f, rng):
    single = [rng.normal(size=(2, 3)).astype(np.float32), np.array([2.5], dtype=np.float32)]
    whole = [rng.integers(1, 9, size=4), rng.integers(-8, 0, size=(2, 2))]
    results = several(f, *(([locked(g) for g in given], 0.5) for given in (single, whole)))
    return [_look(result)["grads"] for result in results]


@clip_grad_norm.check(
    "the gradients and the list are left as they were",
    points=0.25,
    rtol=1e-5,
    hint="Make new arrays and a new list; do not write into what you were given.",
)
def _left_alone(f, rng):
    grads = [rng.normal(size=(3, 2)), None, rng.normal(size=4) + 1.0, strided(rng.normal(size=(2, 2)))]
    seen = []
    for limit in (0.5, 50.0):
        given = copy.deepcopy(grads)
        result = _look(f(given, limit))["grads"]
        same = [
            (now is None and then is None) or (now is not None and now.tobytes() == then.tobytes())
            for now, then in zip(given, grads, strict=True)
        ]
        seen.append({"result": result, "kept": same})
    return seen


# Wrong answers, as students write them --------------------------------------------------------------------------------


@clip_grad_norm.mistake(
    "one norm per array",
    core=True,
    hint="""
        You measure each array by itself and scale it by its own factor. So a long array is shortened and a short one is
        not, and the direction of the whole step changes: in the visible test (3, 4) and (12) become (0.78, 1.04) and
        (1.3) in place of (0.3, 0.4) and (1.2). All gradients of a network together are one vector, the slope of one
        loss. Think of writing every entry of every array into one long row. That row has a single length, and clipping
        multiplies the whole row by a single number. So two loops are needed: the first one only measures, and the
        second one scales.
    """,
    source="MISCONCEPTIONS 103",
)
def _per_tensor(grads, max_norm, norm_type=2.0, eps=1e-6):
    clipped, total = [], 0.0
    for g in grads:
        if g is None or np.size(g) == 0:
            clipped.append(g)
            continue
        g = np.asarray(g)
        g = g if g.dtype.kind == "f" else g.astype(np.float64)
        norm = float(np.linalg.norm(g.ravel(), norm_type))
        clipped.append(g * min(1.0, max_norm / (norm + eps)))
        total = max(total, norm) if norm_type == math.inf else (total**norm_type + norm**norm_type) ** (1 / norm_type)
    return clipped, total


clip_grad_norm.mistake(
    "small gradients are scaled up",
    edits=[("    if scale > 1:\n        scale = 1.0\n", "")],
    core=True,
    hint="""
        You bring every gradient to the length max_norm, whether it is too long or not. But clipping is a limit, like a
        speed limit: it tells you how fast you may go, not how fast you must. A gradient of length 0.5 with the limit 1
        becomes twice as long in your code. Near a minimum that is harmful, because there the gradients get small and
        the steps should get small with them; with your rule they never do. Look at the factor you multiply by. It may
        shorten and it may leave things alone, so ask which values it is allowed to take, and see to it that it takes no
        others.
    """,
    source="MISCONCEPTIONS 104",
)

clip_grad_norm.mistake(
    "entries clipped one by one",
    edits=[("g * scale", "np.clip(g, -max_norm, max_norm)")],
    core=True,
    hint="""
        You cut each entry into the range from -max_norm to max_norm. This is clipping by value, a different tool
        (`clip_grad_value_` on the slide). It cuts the long entries and leaves the short ones, so the arrow points
        somewhere else afterwards: (3, 4), (12) with the limit 1.3 becomes (1.3, 1.3), (1.3), as if all three directions
        were equally steep. Clipping by norm shortens the arrow and keeps its direction. To keep a direction, every
        entry must be multiplied by the same number. Find that number from two lengths, the one you have and the one you
        may have at most, and use it for all arrays.
    """,
    source="MISCONCEPTIONS 106",
)

clip_grad_norm.mistake(
    "returns the norm after clipping",
    edits=[("return clipped, total", "return clipped, total * scale")],
    core=True,
    hint="""
        Your gradients are right. The second thing you return is their length after clipping, and that is never more
        than max_norm, so it tells little. The length before clipping is the useful one: people plot it during training
        to see a loss spike coming, and to choose max_norm in the first place. torch returns that one as well (the text
        on the lecture's slide says “total norm of the parameters”, which is wrong in another way). In the visible test
        the answer is 13, not 1.3. You have computed this number already, before the factor; it only has to be the one
        you return.
    """,
    source="torch's documentation",
)

clip_grad_norm.mistake(
    "divides by a zero norm",
    edits=[
        (
            "    scale = max_norm / (total + eps)\n    if scale > 1:\n        scale = 1.0\n",
            "    scale = min(1.0, max_norm / total)\n",
        )
    ],
    core=True,
    hint="""
        You divide by the norm without asking whether it is zero. A gradient of zero is not exotic: a batch whose hidden
        units are all dead gives one, and so does a layer that is switched off, or a list in which every entry is None.
        Then your division stops with an error and the training run is lost. A zero gradient needs no clipping, so the
        right answer is easy: zeros come back as zeros, and the norm is 0.0. torch adds the small number eps to the norm
        before it divides; asking first whether the norm is above the limit works just as well. Choose one and look at
        your division again.
    """,
    source="COURSE A3.7",
)


@clip_grad_norm.mistake(
    "changes the gradients in place",
    hint="""
        Your numbers are right, but you multiply the caller's arrays themselves and hand the same list back. torch does
        that too, and says so with the underscore at the end of its name. Here the rule of the notebook holds: inputs
        are never changed. Somebody who wants to plot the gradients before and after clipping would see the same picture
        twice. It also stops with an error when an array is read-only or holds whole numbers, because a product with a
        fraction does not fit into it. Operators with an equals sign, such as the short form of multiplication, write
        into the array on their left. Let each product be a new array instead.
    """,
    source="COURSE A3.7",
)
def _in_place(grads, max_norm, norm_type=2.0, eps=1e-6):
    joined = np.concatenate([[0.0], *[np.abs(np.ravel(g)) for g in grads if g is not None]])
    total = float(np.linalg.norm(joined, norm_type))
    scale = max_norm / (total + eps)
    if scale < 1:
        for g in grads:
            if g is not None:
                g *= scale
    return grads, total


clip_grad_norm.mistake(
    "None is not expected",
    edits=[
        (
            "        if g is not None:\n            g = np.asarray(g)\n"
            '            g = g if g.dtype.kind == "f" else g.astype(np.float64)\n',
            '        g = np.asarray(g)\n        g = g if g.dtype.kind == "f" else g.astype(np.float64)\n',
        )
    ],
    hint="""
        Your function treats every entry of the list as an array. One of them may be None. In torch the gradient of a
        parameter is None as long as nothing flowed back to it: a frozen layer, an unused branch, a bias before the
        first backward pass. In numpy None silently turns into nan when it is converted to floats, and a single nan
        makes the norm nan and with it every gradient of the network. The rule is simple: None adds nothing to the norm,
        and None comes back in the same place of the list. There are two places in your code where the entries are used;
        each of them needs to know this.
    """,
    source="MISCONCEPTIONS 109",
)

clip_grad_norm.mistake(
    "None is dropped from the list",
    edits=[
        ("clipped.append(None if g is None else g * scale)", "if g is not None:\n            clipped.append(g * scale)")
    ],
    hint="""
        You leave the entries that are None out of the list you return. For the norm that is right, they add nothing.
        But the caller pairs your list with the list of parameters, first with first, second with second. If one entry
        is missing, everything after it moves up by one place, and a layer receives the gradient of its neighbour; with
        luck the shapes do not fit and it stops, without luck it trains nonsense. So the list you return must be as long
        as the one you got, and None must stand where None stood. Look at the loop that builds the result, and not at
        the one that measures.
    """,
    source="own",
)

clip_grad_norm.mistake(
    "always the 2-norm",
    edits=[
        (
            "    if norm_type != math.inf:\n        total = np.sum(joined**norm_type) ** (1 / norm_type)\n",
            "    total = np.sum(joined**2) ** 0.5\n",
        )
    ],
    core=True,
    hint="""
        You always measure with the usual length, the square root of the sum of squares, and never look at the argument
        norm_type. It chooses how a vector is measured. With 1 the sizes of all entries are added; with 2 you get the
        usual length; with infinity only the largest entry counts. The three differ a lot for a vector with many
        entries: in the visible test (3, 4), (12) measures 19 with norm 1, 13 with norm 2, and 12 with infinity. The
        formula in the statement has the letter p in two places. Put the argument in both, and read what is said about
        infinity, which needs its own line.
    """,
    source="own",
)

clip_grad_norm.mistake(
    "infinity put into the formula",
    edits=[
        (
            "    if norm_type != math.inf:\n        total = np.sum(joined**norm_type) ** (1 / norm_type)\n",
            "    total = np.sum(joined**norm_type) ** (1 / norm_type)\n",
        )
    ],
    core=True,
    hint="""
        Your formula is right for every finite p. With norm_type infinity you put infinity into it as well: each entry
        to the power infinity is 0, 1 or inf, and the sum to the power 1/inf, which is 0, is always 1. So your norm is 1
        for whatever vector comes in. The infinity norm is meant as a limit: when p grows, the largest entry beats all
        the others, and in the end it is the only one that counts. So the infinity norm of (3, 4), (12) is 12. Treat
        this one value of norm_type before you come to the formula.
    """,
    source="own",
)

clip_grad_norm.mistake(
    "powers without the absolute value",
    edits=[("np.abs(g).astype(np.float64)", "g.astype(np.float64)")],
    core=True,
    hint="""
        You raise the entries to the power p with their sign. For p = 2 nobody notices, since squares are positive. For
        p = 1 positive and negative entries cancel: the vector (1, -1) would have the norm 0, although it is clearly not
        the zero vector. For p = 3 it is the same, and for infinity you would take the largest entry and miss a larger
        negative one. A norm measures size, and size has no sign. Look at the bars in the formula of the statement: they
        belong to every entry, and they come before the power and before the maximum.
    """,
    source="own",
)

clip_grad_norm.mistake(
    "root forgotten",
    edits=[("np.sum(joined**norm_type) ** (1 / norm_type)", "np.sum(joined**norm_type)")],
    core=True,
    hint="""
        You add the powers of the entries and stop there. The last step of a norm is the root that belongs to the power:
        for p = 2 the square root. Without it your number is the squared length: for (3, 4), (12) you get 169 and not
        13. Two things show that something is missing. A norm has the unit of the entries, so doubling all gradients
        should double it, and yours becomes four times as large. And the vector that you return is far too short: its
        length should be max_norm exactly, whenever something was clipped. Check that length; it is a test which works
        for any input.
    """,
    source="own",
)

clip_grad_norm.mistake(
    "norms of the arrays are added",
    edits=[
        (
            "joined = np.concatenate([[0.0], *sizes])",
            "joined = np.array([sum(np.linalg.norm(s, norm_type) for s in sizes if s.size)])",
        )
    ],
    core=True,
    hint="""
        You compute the norm of each array and add these norms. For p = 1 that is right. For the others it is too much:
        lengths at right angles do not simply add up. (3, 4) has the length 5 and (12) has the length 12, and your total
        is 17. Yet the three numbers together are one vector in space, and its length is 13, because 25 + 144 = 169. You
        can join the arrays first and measure once. Or you can keep your norms and put them together by the same rule
        that you used for the entries inside one array: a norm of norms.
    """,
    source="own",
)

clip_grad_norm.mistake(
    "float32 becomes float64",
    edits=[("g * scale)", "g * np.float64(scale))")],
    hint="""
        Your numbers are right, but float32 gradients come back as float64. The factor is the reason: your norm is a
        numpy scalar of type float64, so the factor is one as well, and a float32 array times a float64 scalar of numpy
        gives a float64 array. (A plain Python float would not do this: numpy lets the array decide then.) In a real
        network this doubles the memory, and torch refuses to mix the two types in the next matrix product. The rule of
        the notebook is that float32 stays float32. Look at the type of your factor, or at the dtype of what you return.
    """,
    source="numpy 2 promotion rules",
)

clip_grad_norm.mistake(
    "scaled to length one",
    edits=[("g * scale)", "g * (scale if scale == 1 else 1 / (total + eps)))")],
    core=True,
    hint="""
        Where a gradient is too long, you divide it by its norm. What comes out has the length 1, whatever max_norm is.
        In the visible test the limit is 1.3, and your three numbers have the length 1 in place of 1.3. With the limit
        10 you would shorten a gradient of length 11 to a tenth of what is allowed. The division by the norm is the
        right first half: it gives the direction, with length 1. Then the direction has to be stretched to the length
        that is allowed. After clipping, measure your own result with the same norm: it should be max_norm.
    """,
    source="own",
)
