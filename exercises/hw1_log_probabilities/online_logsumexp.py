"""`online_logsumexp(stream)`: logsumexp of numbers that arrive one by one, in constant memory."""

import math

import numpy as np

from exercises.bank import Exercise
from exercises.observation import probe, typed


def _online_logsumexp(stream):
    m = -math.inf  # the largest number so far
    s = 0.0  # sum of exp(x - m) over the numbers so far
    for x in stream:
        if x == m:
            s += 1.0
        elif x > m:
            s = s * math.exp(m - x) + 1.0
            m = x
        else:
            s += math.exp(x - m)
    if s == 0:
        return -math.inf
    return float(m + math.log(s))


# Other right ways -----------------------------------------------------------------------------------------------------


def _fold_in_log_space(stream):
    total = -math.inf
    for x in stream:
        high, low = (total, x) if total > x else (x, total)
        if math.isinf(high) and high == low:
            continue
        total = high + math.log1p(math.exp(low - high)) if high > -math.inf else high
    return float(total)


def _shift_only_when_needed(stream):
    base = None
    s = 0.0
    for x in stream:
        x = float(x)
        if x == -math.inf:
            continue
        if base is None or x > base + 500:
            if x == math.inf:
                s, base = (math.nan if math.isnan(s) else 1.0), x
                continue
            s = 0.0 if base is None else s * math.exp(max(base - x, -800))
            base = x
        s += math.exp(x - base) if not base == x == math.inf else 1.0
    return -math.inf if base is None else base + math.log(s)


def _blocks_of_64(stream):
    def merge(total, block):
        values = np.array([total, *block], dtype=float)
        top = np.max(values)
        if np.isinf(top) or np.isnan(top):
            return float(top)
        return float(top + np.log(np.sum(np.exp(values - top))))

    total = -math.inf
    block = []
    for x in stream:
        block.append(x)
        if len(block) == 64:
            total = merge(total, block)
            block = []
    return merge(total, block)


# Library one-liners ---------------------------------------------------------------------------------------------------


def _logaddexp_fold(stream):
    import functools

    return float(functools.reduce(np.logaddexp, stream, -math.inf))


online_logsumexp = Exercise(
    reference=_online_logsumexp,
    accepted={
        "fold with log1p": _fold_in_log_space,
        "shift only when the numbers grow by 500": _shift_only_when_needed,
        "blocks of 64": _blocks_of_64,
    },
    witnesses={"functools.reduce(np.logaddexp, …)": _logaddexp_fold},
    banned=("np.logaddexp", "torch.logsumexp", "torch.logaddexp", "torch.nn", "torch.special", "scipy"),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@online_logsumexp.check(
    "logs of whole numbers, smallest first",
    points=0.25,
    hint="exp undoes the log, so the numbers just add up; try it on paper.",
)
def _by_hand(f, rng):
    numbers = np.log(rng.choice(np.arange(2.0, 30.0), size=5, replace=False))
    return [typed(f(iter(sorted(numbers.tolist())))), typed(f([numbers[0].item()]))]


@online_logsumexp.check(
    "any order of the numbers gives the same result",
    points=0.5,
    hint="The order of the numbers must not matter, and equal numbers count each.",
)
def _orders(f, rng):
    values = rng.normal(scale=4.0, size=40).tolist()
    return [f(iter(order)) for order in (values, sorted(values), sorted(values, reverse=True), [*values[:9]] * 3)]


@online_logsumexp.check(
    "jumps of thousands, up and down",
    points=1,
    hint="No exponent that you compute should be above 0.",
)
def _jumps(f, rng):
    low, high = (-rng.uniform(5000, 20000, size=3)).tolist(), rng.uniform(5000, 20000, size=3).tolist()
    near = (high[0] + rng.normal(size=4)).tolist()
    deep = (low[0] - rng.uniform(0, 3, size=4)).tolist()
    return [f(iter([*low, *near])), f(iter([*near, *low])), f(iter(deep)), f(iter([low[0], 0.0, high[0], high[1]]))]


@online_logsumexp.check(
    "-inf and +inf in the stream",
    points=0.25,
    hint="-inf adds nothing, wherever it stands, and +inf makes the result +inf.",
)
def _infinities(f, rng):
    a, b = rng.normal(scale=3.0, size=2).tolist()
    inf = math.inf
    return [f(iter(stream)) for stream in ([-inf, a, b], [-inf, -inf, a, -inf], [a, inf, b], [inf, a, inf])]


@online_logsumexp.check(
    "an empty stream, nothing but -inf, and nan",
    points=0.25,
    hint="A sum of nothing is 0, and its log is -inf; nan stays nan.",
)
def _nothing(f, rng):
    a = float(rng.normal())
    return [typed(f(iter(stream))) for stream in ([], [-math.inf, -math.inf], [a, math.nan, a + 2])]


def _peak_memory(answer, n, phase):
    import math
    import tracemalloc

    answer(iter([0.5, 1.5]))  # what is imported or cached at the first call does not count
    tracemalloc.start()
    try:
        value = answer(8 * math.sin(phase + i * i) for i in range(n))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return {"value": value, "less than 32 KiB": peak < 32 * 1024}


@online_logsumexp.check(
    "thousands of numbers in a few kilobytes",
    points=0.75,
    hint="Keep a fixed handful of numbers, however long the stream is.",
)
def _memory(f, rng):
    return probe(_peak_memory, f, n=5000, phase=float(rng.uniform(0, 6)))


# Wrong answers, as students write them --------------------------------------------------------------------------------


online_logsumexp.mistake(
    "old sum not rescaled",
    edits=[("s = s * math.exp(m - x) + 1.0", "s += 1.0")],
    core=True,
    hint="""
        When a new maximum arrives, you remember it, but you leave the old sum as it is. The terms in that sum were
        measured relative to the old maximum. After the change they must be measured relative to the new one, or you add
        numbers in different units. For the stream 1, 2, 3 you count every term as if it were the maximum and return
        4.0986 in place of 3.4076. Work out on paper by which factor exp(x - m) changes when m is replaced by a larger
        number; the factor is the same for all old terms, so the sum can be corrected in one step.
    """,
    source="COURSE A1.10",
)


@online_logsumexp.mistake(
    "whole stream in memory",
    hint="""
        Your numbers are right, but you collect the whole stream in a list or an array before you begin. The exercise is
        about the case in which this is impossible: a stream with more numbers than fit into memory, such as the
        log-weights of millions of samples. Then the only way is to use each number when it comes and forget it. Two
        numbers are enough to know everything that matters so far: the largest number seen, and the sum of exponentials
        relative to it. Think about what has to happen to these two when the next number arrives, and the list is not
        needed any more.
    """,
    source="COURSE A1.10",
)
def _materialised(stream):
    values = np.array(list(stream), dtype=float)
    if values.size == 0:
        return -math.inf
    m = np.max(values)
    base = m if np.isfinite(m) else 0.0
    return float(base + np.log(np.sum(np.exp(values - base))))


@online_logsumexp.mistake(
    "exponentials added as they come",
    core=True,
    hint="""
        You add exp(x) for each number and take one log at the end. This needs only one number of memory, but it is the
        unstable form: exp of anything above 709.78 is inf, and numbers below about -745 add exactly 0, so a stream of
        very negative numbers gives log(0) = -inf. In the exercise on logsumexp you subtracted the maximum first. A
        stream does not tell its maximum in advance, but you can subtract the largest number so far, and correct what
        you have whenever a larger one arrives. So remember two things: that number, and the sum relative to it.
    """,
    source="COURSE A1.10",
)
def _sum_of_exponentials(stream):
    total = 0.0
    for x in stream:
        total += float(np.exp(x))
    return float(np.log(total))


online_logsumexp.mistake(
    "rescaled in the wrong direction",
    edits=[("math.exp(m - x)", "float(np.exp(x - m))")],
    core=True,
    hint="""
        When a larger number arrives, you rescale the old sum, and that is the key step, but in the wrong direction.
        Relative to a larger maximum the old terms are smaller than before, so the factor must be below 1. Yours is
        above 1; it makes old terms more important than the new maximum, and after a large jump it overflows. Remember
        the rule of this notebook: no exponent should be above 0. Which of the two differences, old minus new or new
        minus old, is negative when the new number is the larger one? If your numbers only fall, this step never runs,
        so test with growing ones.
    """,
    source="own",
)

online_logsumexp.mistake(
    "a new maximum forgets the past",
    edits=[("s = s * math.exp(m - x) + 1.0", "s = 1.0")],
    core=True,
    hint="""
        When a new maximum arrives, you start again with a sum of 1, and everything before it is thrown away. For the
        stream 1, 2, 3 only the 3 is left and you return 3, but the answer is 3.4076. The older terms are smaller than
        the new maximum, but they are not nothing: many small terms together can be more than one large term. They have
        to be kept, in the new scale. All of them were divided by the exponential of the old maximum; work out by which
        common factor they must be multiplied now, and add the new term to it.
    """,
    source="own",
)

online_logsumexp.mistake(
    "equal numbers are dropped",
    edits=[
        ("if x == m:\n            s += 1.0\n        elif x > m:", "if x > m:"),
        ("else:\n            s +=", "elif x < m:\n            s +="),
    ],
    core=True,
    hint="""
        You treat a number that is larger than the maximum and one that is smaller. What if it is equal? Then neither of
        your two branches runs, and the number is lost. For the stream 2, 2 the answer is 2 + log 2, and you return 2.
        Ties look rare when you draw random numbers, but they are common in practice: rounded values, repeated samples,
        the same logit for several classes. And a nan, which is neither larger nor smaller than anything, gets lost in
        this way as well. Give your if-chain a last branch that has no condition, so that every number is counted.
    """,
    source="own",
)


@online_logsumexp.mistake(
    "stream read twice",
    core=True,
    hint="""
        You go through the stream once to find the maximum and once more to add. A list allows this. A generator or
        another iterator does not: it gives each number only once, and after the first pass it is empty, so your second
        loop sees nothing and only the maximum is returned. That is what one pass means in the statement. So the maximum
        and the sum have to be built at the same time, in one loop. You do not know the final maximum while you add, but
        you can use the largest number so far and correct the sum whenever it changes.
    """,
    source="own",
)
def _read_twice(stream):
    m = max(stream, default=-math.inf)
    total = 0.0
    for x in stream:
        total += math.exp(x - m)
    return m + math.log(total) if total > 0 else m


online_logsumexp.mistake(
    "maximum starts at 0",
    edits=[("m = -math.inf  #", "m = 0.0  #")],
    hint="""
        You start with 0 as the largest number so far. But 0 is not in the stream. When all numbers are positive, the
        first one replaces it and no harm is done. When all of them are far below 0, your 0 stays the maximum for ever,
        each term exp(x - 0) underflows, and the sum is 0: a stream of log-probabilities around -1000 gives -inf.
        Log-probabilities are always negative, so this is the usual case and not a rare one. The start value must be
        such that any number replaces it; there is a float that is below all the others.
    """,
    source="own",
)


@online_logsumexp.mistake(
    "first number counted twice",
    core=True,
    hint="""
        You begin with a sum of 1, which is the term of the first number relative to itself, and then the loop meets
        this first number again and adds it once more. For a stream of a single number x the answer is x, and you return
        x + log 2. Either the sum begins with the first number already inside, and the loop goes on with the second one;
        or it begins empty, and the loop counts every number. The second way also handles an empty stream. Try it with
        one number and with two, and write down the sum after each round.
    """,
    source="own",
)
def _first_number_twice(stream):
    m, s = None, 1.0
    for x in stream:
        if m is None:
            m = x
        if x == m:
            s += 1.0
        elif x > m:
            s = s * math.exp(m - x) + 1.0
            m = x
        else:
            s += math.exp(x - m)
    return -math.inf if m is None else float(m + math.log(s))


@online_logsumexp.mistake(
    "starts from log 1",
    core=True,
    hint="""
        Your running total starts at 0. In an ordinary sum 0 means nothing, but your total is a logarithm, and in log
        space 0 is the log of 1. So there is one term too many in the sum: for the stream 1, 2, 3 you return 3.4402, the
        answer for 0, 1, 2, 3. With large numbers the extra 1 is not visible, and with very negative ones it is all that
        is left. Ask which number is the log of an empty sum, that is, the log of 0. It is a float that Python knows,
        and log-space addition handles it.
    """,
    source="own",
)
def _fold_from_zero(stream):
    total = 0.0
    for x in stream:
        total = max(total, x) + math.log1p(math.exp(-abs(total - x)))
    return total


online_logsumexp.mistake(
    "maximum not added back",
    edits=[("float(m + math.log(s))", "float(math.log(s))")],
    core=True,
    hint="""
        The log of your sum is only a part of the answer. All terms in the sum were taken relative to the maximum: each
        is exp(x - m). So the sum is too small by the factor exp(m), and its log is too small by m. For the stream 1, 2,
        3 you return 0.4076, and the answer is 3.4076. At the end the largest number has to come back. A quick check
        that catches this: the result is never below the largest number of the stream, since all terms of the sum are
        positive.
    """,
    source="MISCONCEPTIONS 5, online",
)

online_logsumexp.mistake(
    "log forgotten",
    edits=[("float(m + math.log(s))", "float(m + s)")],
    core=True,
    hint="""
        At the end you add the sum itself to the maximum. Your sum holds exponentials relative to the maximum, and to
        bring it together with m, which is a logarithm, you need its log first. exp(m) times s is the whole sum; the log
        of a product is a sum of logs. For a stream of one number x the relative sum is 1, whose log is 0, and the
        answer is x; you return x + 1. Checking a function with one number is quick and finds many mistakes of this
        kind. Look at your last line.
    """,
    source="own",
)

online_logsumexp.mistake(
    "mean in place of the sum",
    edits=[
        ("    for x in stream:\n", "    n = 0\n    for x in stream:\n        n += 1\n"),
        ("float(m + math.log(s))", "float(m + math.log(s / n))"),
    ],
    core=True,
    hint="""
        You divide by the number of items, so your result is the log of the mean of the exponentials. It is too small by
        the log of that number: for the stream 1, 2, 3 you return 2.309 and the answer is 3.4076. A log mean is what you
        want when you average likelihoods over samples, and it is easy to get from a logsumexp. But this exercise asks
        for the log of the sum, so that two streams can be put together in any order. Leave out the counter and the
        division; the number of items plays no role here.
    """,
    source="MISCONCEPTIONS 10, online",
)


@online_logsumexp.mistake(
    "-inf breaks it",
    hint="""
        For ordinary numbers you are right. Before the first finite number arrives, your maximum is -inf, and if the
        stream begins with -inf as well, you compute -inf - (-inf), which is nan. From then on all is nan. The same
        thing happens with +inf: once it is the maximum, another +inf gives inf - inf. Both cases have clear answers:
        -inf is the log of 0 and adds nothing, and with +inf the result is +inf. Think about what you subtract when the
        new number equals the maximum so far; in that case you know its relative term without computing anything.
    """,
    source="MISCONCEPTIONS 13, online",
)
def _minus_inf_breaks_it(stream):
    m = -math.inf
    s = 0.0
    for x in stream:
        new = max(m, x)
        s = s * float(np.exp(m - new)) + float(np.exp(x - new))
        m = new
    return float(m + np.log(s))


online_logsumexp.mistake(
    "0 for an empty stream",
    edits=[("return -math.inf", "return 0.0")],
    core=True,
    hint="""
        For an empty stream you return 0. In log space that means a sum of 1. An empty sum is 0, and the log of 0 is
        -inf, so this is the natural answer, and it is the one the statement asks for. It also makes pieces fit
        together: when you cut a stream in two and one half is empty, combining the two results in log space must give
        the result of the other half, and only -inf adds nothing there. The same value is right for a stream of nothing
        but -inf. Look at the special case that you return from early.
    """,
    source="own",
)
