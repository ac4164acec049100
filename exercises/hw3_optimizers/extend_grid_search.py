"""`extend_grid_search(f, center, factor=2.0, half_width=2, max_extend=20)`: a grid that grows while its edge is the best."""

import math

import numpy as np

from exercises.bank import Exercise
from exercises.observation import probe


def _extend_grid_search(f, center, factor=2.0, half_width=2, max_extend=20):
    values = {}
    low, high = -half_width, half_width
    for k in range(low, high + 1):
        values[k] = f(center * factor**k)

    def loss(k):
        return values[k] if math.isfinite(values[k]) else math.inf

    best = min(sorted(values), key=loss)  # of equal ones the first, which is the smallest rate
    for _ in range(max_extend):
        if best == low:
            low = new = low - 1
        elif best == high:
            high = new = high + 1
        else:
            break
        values[new] = f(center * factor**new)
        best = min(sorted(values), key=loss)
    results = {center * factor**k: value for k, value in values.items()}
    return center * factor**best, results


# Other right ways ----------------------------------------------------------------------------------------------------


def _list_of_pairs(f, center, factor=2.0, half_width=2, max_extend=20):
    def tried(rate):
        value = float(f(rate))
        return rate, value, value if np.isfinite(value) else np.inf

    rows = [tried(center * factor ** float(k)) for k in np.arange(-half_width, half_width + 1)]
    left = max_extend
    while left > 0:
        where = int(np.argmin([row[2] for row in rows]))
        if where == 0:
            rows.insert(0, tried(rows[0][0] / factor))
        elif where == len(rows) - 1:
            rows.append(tried(rows[-1][0] * factor))
        else:
            break
        left -= 1
    where = int(np.argmin([row[2] for row in rows]))
    return rows[where][0], {rate: value for rate, value, _ in rows}


def _two_directions(f, center, factor=2.0, half_width=2, max_extend=20):
    cache = {}

    def at(k):
        if k not in cache:
            cache[k] = f(center * math.exp(k * math.log(factor)))
        return (0, cache[k]) if math.isfinite(cache[k]) else (1, 0.0)

    ks = list(range(-half_width, half_width + 1))
    best = min(ks, key=lambda k: (at(k), k))
    step = -1 if best == ks[0] else 1 if best == ks[-1] else 0
    used = 0
    while step and used < max_extend:
        new = best + step
        used += 1
        if step < 0 and at(new) > at(best):
            break
        if step > 0 and at(new) >= at(best):
            break
        best = new
    return center * math.exp(best * math.log(factor)), {
        center * math.exp(k * math.log(factor)): cache[k] for k in cache
    }


def _recursion(f, center, factor=2.0, half_width=2, max_extend=20, done=None, ks=None):
    done = {} if done is None else done
    ks = list(range(-half_width, half_width + 1)) if ks is None else ks
    for k in ks:
        if k not in done:
            done[k] = f(center * factor**k)
    order = sorted(ks, key=lambda k: (not math.isfinite(done[k]), done[k] if math.isfinite(done[k]) else 0.0, k))
    if max_extend > 0 and order[0] == ks[0]:
        return _recursion(f, center, factor, half_width, max_extend - 1, done, [ks[0] - 1, *ks])
    if max_extend > 0 and order[0] == ks[-1]:
        return _recursion(f, center, factor, half_width, max_extend - 1, done, [*ks, ks[-1] + 1])
    return center * factor ** order[0], {center * factor**k: done[k] for k in ks}


extend_grid_search = Exercise(
    reference=_extend_grid_search,
    accepted={
        "list of rows, argmin": _list_of_pairs,
        "walks in one direction": _two_directions,
        "recursion": _recursion,
    },
)


# Checks: the probe makes the loss curve where the answer lives, and keeps a record of every call -------------------------


def _search(answer, cases):
    """For each case: the best rate, what is in the dictionary, and which rates were tried."""
    import math

    def run(case, tried):
        def f(rate):
            tried.append(rate)
            if len(tried) > 80:
                raise RuntimeError("this loss has been asked for too often")
            if rate > case.get("diverges", math.inf):
                return case.get("then", math.nan)
            if rate < case.get("underflows", 0.0):
                return math.nan
            steps = math.log(rate / case["at"]) / math.log(case.get("factor", 2.0))
            if case.get("falls"):
                return -case["falls"] * steps
            return max(case.get("floor", 0.0), abs(steps)) + 0.5

        best, results = answer(f, case["center"], **case.get("keywords", {}))
        return best, results

    seen = []
    for case in cases:
        tried = []
        best, results = run(case, tried)
        rates = sorted(float(rate) for rate in results)
        values = [float(results[rate]) for rate in sorted(results)]
        if case.get("look") == "calls":
            seen.append({"best": float(best), "calls": len(tried), "tried": sorted(float(rate) for rate in tried)})
        else:
            seen.append({"best": float(best), "rates": rates, "values": values})
    return seen


@extend_grid_search.check(
    "the best rate is inside the first grid",
    points=0.5,
    hint="Write down the rates for center 1 and factor 2: from 1/4 to 4, each twice the one before.",
)
def _inside(f, rng):
    center = float(rng.uniform(0.02, 0.5))
    cases = [
        {"center": center, "at": center * 2.2},
        {"center": center, "at": center * 0.9},
        {"center": center, "at": center * 9.0, "factor": 10.0, "keywords": {"factor": 10.0, "half_width": 2}},
        {"center": center, "at": center * 0.04, "factor": 3.0, "keywords": {"factor": 3.0, "half_width": 4}},
    ]
    return probe(_search, f, cases=cases)


@extend_grid_search.check(
    "the best rate is far above or far below",
    points=0.5,
    hint="After each new rate ask again whether the best one is at the edge.",
)
def _far_up(f, rng):
    center = float(rng.uniform(0.02, 0.5))
    high, low = int(rng.integers(5, 9)), int(rng.integers(5, 9))
    cases = [
        {"center": center, "at": center * 2.0**high * 1.1},
        {"center": center, "at": center * 2.0**-low * 1.1},
        {"center": center, "at": center * 3.0**5 * 1.2, "factor": 3.0, "keywords": {"factor": 3.0, "half_width": 1}},
    ]
    return probe(_search, f, cases=cases)


@extend_grid_search.check(
    "losses that are nan or infinite",
    points=0.5,
    hint="For comparing, a loss that is not finite is worse than any number; in the dictionary it stays what it was.",
)
def _not_finite(f, rng):
    center = float(rng.uniform(0.5, 2.0))
    cut = float(rng.uniform(1.3, 1.7))
    cases = [
        {"center": center, "at": 3 * center, "diverges": cut * center, "then": then}
        for then in (float("nan"), float("inf"), -float("inf"))
    ]
    cases += [
        {"center": center, "at": center / 60, "diverges": center / 20, "then": float("nan")},
        {"center": center, "at": center / 60, "diverges": center / 20, "then": float("inf")},
        {"center": center, "at": center / 3, "underflows": center / 1.5},
        {"center": center, "at": center, "diverges": 0.0, "keywords": {"max_extend": 3}},
    ]
    return probe(_search, f, cases=cases)


@extend_grid_search.check(
    "equal losses, and no more than max_extend new rates",
    points=0.25,
    hint="Count the new rates beyond the first grid, and look at which of two equal losses you keep.",
)
def _limits(f, rng):
    center = float(rng.uniform(0.02, 0.5))
    few = int(rng.integers(2, 6))
    cases = [
        {"center": center, "at": center, "falls": 1.0},
        {"center": center, "at": center, "falls": -1.0, "keywords": {"max_extend": few}},
        {"center": center, "at": center * 2.0**9, "keywords": {"max_extend": few}},
        {"center": center, "at": center * 2.0**9, "keywords": {"max_extend": 0}},
        {"center": center, "at": center * 2.0**0.1, "floor": 1.5},
        {"center": center, "at": center * 2.0**-2, "floor": 1.2},
    ]
    return probe(_search, f, cases=cases)


@extend_grid_search.check(
    "no rate is tried twice, and none without need",
    points=0.25,
    hint="Each call of f is a training run; keep its result.",
)
def _once(f, rng):
    center = float(rng.uniform(0.02, 0.5))
    up = int(rng.integers(3, 6))
    cases = [
        {"center": center, "at": center * 2.0**up, "look": "calls"},
        {"center": center, "at": center * 2.0**-up, "look": "calls"},
        {"center": center, "at": center, "look": "calls"},
    ]
    return probe(_search, f, cases=cases)


# Wrong answers, as students write them --------------------------------------------------------------------------------


extend_grid_search.mistake(
    "grid is never extended",
    edits=[("range(max_extend)", "range(0)")],
    core=True,
    hint="""
        You try the first grid and return the best of it, even when that is the first or the last rate. But if the best
        rate is at the edge, you have only learned that the loss still gets smaller in that direction; the true optimum
        is somewhere outside, and nobody has looked there. Many comparisons of optimizers have gone wrong in this way:
        one method was tuned inside its grid, the other one was cut off at the edge. The rule of Wilson and others is
        simple. If the best one is at an edge, add one more rate beyond it, and ask again, until the best has neighbours
        on both sides.
    """,
    source="COURSE A3.9, MISCONCEPTIONS 121",
)

extend_grid_search.mistake(
    "extended upwards only",
    edits=[("        if best == low:\n            low = new = low - 1\n        elif best", "        if best")],
    core=True,
    hint="""
        Your grid grows when the largest rate is the best one. It does not grow at the other end: when the smallest rate
        is the best, you stop and return it. That happens often in practice. For Adam on many tasks the best rate is
        below the usual first guess, and when training diverges at all rates of the grid, smaller ones are exactly what
        you need. The rule has two sides, like the grid: the best rate should have a worse neighbour on its left and on
        its right. Whichever neighbour is missing must be tried. Look at your condition for the upper edge, and think of
        its mirror image.
    """,
    source="COURSE A3.9",
)

extend_grid_search.mistake(
    "extended downwards only",
    edits=[("        elif best == high:\n            high = new = high + 1\n", "")],
    core=True,
    hint="""
        Your grid grows when the smallest rate is the best one, but when the largest is the best, you stop and return
        it. So your search never finds a rate above its first grid. Large rates are feared because training can diverge,
        yet a rate that is as large as possible is often the best choice, and for plain SGD it was far above the default
        in the experiments of the lecture. Diverging costs you one run, which ends in nan or inf, and the rule handles
        that. The best rate should have a worse neighbour on both sides. Treat the upper edge as you treat the lower
        one.
    """,
    source="own",
)

extend_grid_search.mistake(
    "extended only once",
    edits=[("range(max_extend)", "range(min(1, max_extend))")],
    core=True,
    hint="""
        You extend the grid by a single rate and return what is the best then. If the new rate is the best again, you
        are in the same position as before: the best is at the edge, and the loss is still falling in that direction.
        The question has to be asked again after every new run, not just once. So this part of the code is a loop: as
        long as the best rate is at an edge, and fewer than max_extend rates have been added, try one more. In the
        visible test the optimum is several steps outside of the first grid, and only a loop can get there.
    """,
    source="own",
)

extend_grid_search.mistake(
    "nan can win",
    edits=[
        ("values[k] if math.isfinite(values[k]) else math.inf", "-math.inf if math.isnan(values[k]) else values[k]")
    ],
    core=True,
    hint="""
        In your search a rate whose loss is nan can come out as the best. Training with a rate that is too large often
        ends in nan. Comparisons with nan are always false, and so `min` and `sort` give a result which depends on the
        order, while numpy's argmin even prefers nan to every number: it returns the first one that it meets. In any
        case the rate at which training broke down must not win. Before you compare, decide for each loss whether it is
        a usable number. If it is not, let it count as worse than all the others; infinity is a good stand-in for that.
    """,
    source="COURSE A3.9",
)

extend_grid_search.mistake(
    "minus infinity can win",
    edits=[("math.isfinite(values[k])", "not math.isnan(values[k])")],
    hint="""
        You treat nan as a failed run, and plus infinity loses by itself. But minus infinity is smaller than every
        number, so in your search it wins, and then the grid is even extended around it. A loss of minus infinity is
        never a success. It comes from a logarithm of zero, or from a calculation that ran over the range of floats, and
        it says that this training run broke down just like a run that ended in nan. The statement treats all three the
        same way: a loss that is not finite is the worst. There is one test in `math` and in numpy for all three of
        them.
    """,
    source="own",
)

extend_grid_search.mistake(
    "stops when everything diverges",
    edits=[
        (
            "        if best == low:\n",
            "        if not math.isfinite(values[best]):\n            break\n        if best == low:\n",
        )
    ],
    hint="""
        If no rate of the first grid gives a finite loss, you give up. In practice this only means that the guess in the
        center was too large by a lot, and there is a clear next step: try a smaller rate, since with small enough steps
        training does not diverge. The statement says it: if all losses are not finite, go down. This case needs no code
        of its own. When all losses count as equally bad, and of equal ones the smallest rate is taken, then the best
        one is at the lower edge, and the usual rule does the rest.
    """,
    source="MISCONCEPTIONS 121",
)

extend_grid_search.mistake(
    "goes up when everything diverges",
    edits=[
        (
            "        if best == low:\n",
            "        if not any(math.isfinite(v) for v in values.values()):\n"
            "            high = new = high + 1\n        elif best == low:\n",
        )
    ],
    hint="""
        When no rate of the grid gives a finite loss, your search goes on with larger rates. That makes it worse:
        training diverges when steps are too long, and with longer ones it diverges even more. All further runs are
        lost, and you return a rate that does not work. The direction to go is down; for a small enough rate gradient
        descent decreases the loss. In the statement this follows from one rule: of equal losses the smaller rate counts
        as the better one. Look at how your code chooses when all losses are equally bad.
    """,
    source="own",
)

extend_grid_search.mistake(
    "looks for the largest value",
    edits=[
        (
            "return values[k] if math.isfinite(values[k]) else math.inf",
            "return -values[k] if math.isfinite(values[k]) else math.inf",
        )
    ],
    core=True,
    hint="""
        Your search returns the rate with the largest value. The function `f` gives a loss, and a loss should be small.
        It would be right if `f` were an accuracy, and this mix-up happens easily when code is copied from one project
        to another: some searches maximize, some minimize, and both run without an error. That is why the statement says
        what `f` is. One sign is wrong in your comparison, or a max stands where a min should be. In the visible test
        the best loss lies in the middle of the grid, and you return an end of a long walk in the wrong direction.
    """,
    source="own",
)


@extend_grid_search.mistake(
    "rates at equal distances",
    core=True,
    hint="""
        Your rates have equal differences: from the smallest to the largest in steps of the same size. Learning rates
        work by ratios: from 0.001 to 0.002 is as big a change as from 1 to 2. With equal differences nearly all your
        rates are large ones, and the small half of the range is not searched at all. The grid of the lecture is ×0.25,
        ×0.5, ×1, ×2, ×4: each rate is the one before times the factor. So the exponents are equally spaced, and the
        rates are not. On a logarithmic axis, which is the usual one for such plots, these points look evenly placed.
    """,
    source="MISCONCEPTIONS 121",
)
def _linear_grid(f, center, factor=2.0, half_width=2, max_extend=20):
    low, high = center / factor**half_width, center * factor**half_width
    rates = [float(rate) for rate in np.linspace(low, high, 2 * half_width + 1)]
    values = {rate: f(rate) for rate in rates}
    step = rates[1] - rates[0]
    for _ in range(max_extend):
        best = min(sorted(values), key=lambda rate: values[rate] if math.isfinite(values[rate]) else math.inf)
        if best == max(values):
            values[best + step] = f(best + step)
        elif best == min(values) and best - step > 0:
            values[best - step] = f(best - step)
        else:
            break
    best = min(sorted(values), key=lambda rate: values[rate] if math.isfinite(values[rate]) else math.inf)
    return best, values


extend_grid_search.mistake(
    "factor is ignored",
    edits=[("    values = {}\n", "    factor = 2.0\n    values = {}\n")],
    hint="""
        Your grid always doubles and halves, whatever the argument factor says. Factor 2 is the default, so simple tests
        do not show it. Other factors are useful: 10 for a first rough look over many orders of magnitude, and 1.5 or
        the square root of 2 for a fine search near the optimum. Each rate of the grid is the center times a whole power
        of factor: the powers are -half_width, ..., 0, ..., half_width, and the extension goes on with the next power on
        one side. Look for a number 2 in your code that stands where the argument should stand.
    """,
    source="own",
)

extend_grid_search.mistake(
    "half_width is ignored",
    edits=[("    values = {}\n", "    half_width = 2\n    values = {}\n")],
    hint="""
        Your first grid always has five rates. That is the default, with half_width 2: two below the center, the center,
        and two above. With half_width 1 there should be three rates, and with 4 there should be nine. A narrow grid
        saves training runs when the guess is good, and a wide one is safer when it is not; the caller decides. In
        general there are half_width rates on each side, so one more than twice that number in all. Look for the place
        where you wrote the five exponents, or the number 2, and make it depend on the argument.
    """,
    source="own",
)

extend_grid_search.mistake(
    "returns the loss, not the rate",
    edits=[("return center * factor**best, results", "return values[best], results")],
    core=True,
    hint="""
        The search itself is right, but the first thing you return is the smallest loss. The caller wants to know the
        rate at which it was found, in order to train with it. The loss is not lost, since it stands in the dictionary
        next to its rate. A sentence helps: “best” means the best learning rate here, and the values are only the way to
        find it. This is the difference between the minimum of a function and the place where the minimum is (min and
        argmin), and it is mixed up easily because both are just numbers. Look at your return line.
    """,
    source="own",
)

extend_grid_search.mistake(
    "max_extend is ignored",
    edits=[("range(max_extend)", "range(1000)")],
    hint="""
        Your loop goes on as long as the best rate is at an edge. For a loss curve with a minimum that is fine. But a
        loss can fall for ever in one direction: if the model learns nothing, a smaller rate always looks slightly
        better, and the search would never end, with a full training run at each step. That is what max_extend is for.
        It is the largest number of rates that may be added to the first grid, both sides together. When it is used up,
        return the best of what was tried, even though it is at the edge.
    """,
    source="own",
)

extend_grid_search.mistake(
    "max_extend counts all runs",
    edits=[("range(max_extend)", "range(max(0, max_extend - 2 * half_width - 1))")],
    hint="""
        You stop when the number of all rates reaches max_extend. But max_extend counts only the new ones, those that
        were added beyond the first grid. With the default values you stop five rates too early, and with a small
        max_extend you add nothing at all, because the five rates of the first grid have used up the whole budget. The
        name says it: it is the maximum for extending. So the largest possible number of runs is the size of the first
        grid plus max_extend. Look at where your counter starts, and at what it counts.
    """,
    source="own",
)

extend_grid_search.mistake(
    "one rate too many",
    edits=[("range(max_extend)", "range(max_extend + 1)")],
    hint="""
        Your search is right until the budget is used up: it adds one rate more than max_extend allows. With max_extend
        equal to 0 nothing should be added at all, and you add one. This is an error by one, the most common kind in
        loops. Often it comes from asking “is the count still at most the limit?” before a new run, where “is it still
        below the limit?” is meant: when the count has reached the limit, nothing more may be started. Go through your
        loop with a budget of 0 and of 1, with pencil and paper.
    """,
    source="own",
)

extend_grid_search.mistake(
    "of equal losses the larger rate",
    edits=[
        ("    best = min(sorted(values), key=loss)  #", "    best = min(sorted(values, reverse=True), key=loss)  #"),
        (
            "        best = min(sorted(values), key=loss)\n",
            "        best = min(sorted(values, reverse=True), key=loss)\n",
        ),
    ],
    hint="""
        When two rates have the same loss, you keep the larger one. The statement asks for the smaller one. Any rule
        would do, but it must be one rule, or two people get different results from the same runs; and a small rate is
        the safer choice, because it is further away from the rates at which training diverges. There is a second
        reason. Losses that are not finite are all equally bad. If all of them are, the smaller rate must be taken, so
        that the search goes down, to where training works. With your rule it goes up in that case.
    """,
    source="own",
)


@extend_grid_search.mistake(
    "a new grid around the best",
    hint="""
        When the best rate is at the edge, you put a whole new grid around it. You find the same optimum, but you pay
        for too many runs: with the default width two new rates are tried where one would tell. Each call of `f` is a
        training run, which can take hours. After one more rate you know whether the loss still falls in this direction;
        if it does not, the best rate has neighbours on both sides and the search is over. So extend by a single rate at
        a time, always on the side where the best one is, and ask again after each.
    """,
    source="own",
)
def _new_grid_around_the_best(f, center, factor=2.0, half_width=2, max_extend=20):
    values = {}
    middle = 0
    for _ in range(max_extend + 1):
        for k in range(middle - half_width, middle + half_width + 1):
            if k not in values:
                values[k] = f(center * factor**k)
        best = min(sorted(values), key=lambda k: values[k] if math.isfinite(values[k]) else math.inf)
        if min(values) < best < max(values):
            break
        middle = best
    return center * factor**best, {center * factor**k: values[k] for k in values}


@extend_grid_search.mistake(
    "whole grid tried again",
    hint="""
        Your result is right, but after each extension you call `f` again for all rates of the grid, also for those
        whose loss you know already. Here it costs nothing. In real life each call is a training run of minutes or
        hours, and with five extensions you would train four times as often as needed. And if training is random, a
        second run of the same rate gives another loss, and the best rate may change under your hands. Keep every loss
        that you have computed, and call `f` only for the rate that is new. The dictionary which you return is a good
        place to keep them.
    """,
    source="own",
)
def _grid_tried_again(f, center, factor=2.0, half_width=2, max_extend=20):
    low, high = -half_width, half_width
    for _ in range(max_extend + 1):
        values = {k: f(center * factor**k) for k in range(low, high + 1)}
        best = min(sorted(values), key=lambda k: values[k] if math.isfinite(values[k]) else math.inf)
        if best == low and high - low < 2 * half_width + max_extend:
            low -= 1
        elif best == high and high - low < 2 * half_width + max_extend:
            high += 1
        else:
            break
    return center * factor**best, {center * factor**k: values[k] for k in values}
