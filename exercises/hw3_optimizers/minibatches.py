"""`minibatches(n, batch_size, rng, drop_last=False)`: every index once per pass, in a fresh random order."""

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import probe


def _minibatches(n, batch_size, rng, drop_last=False):
    order = rng.permutation(n)
    batches = []
    for start in range(0, n, batch_size):
        batch = order[start : start + batch_size]
        if len(batch) == batch_size or not drop_last:
            batches.append(batch)
    return batches


# Other right ways ----------------------------------------------------------------------------------------------------


def _lazy_lists(n, batch_size, rng, drop_last=False):
    order = list(range(n))
    for i in range(n - 1, 0, -1):  # Fisher and Yates
        j = int(rng.integers(i + 1))
        order[i], order[j] = order[j], order[i]
    while len(order) >= batch_size:
        yield order[:batch_size]
        order = order[batch_size:]
    if order and not drop_last:
        yield order


def _random_keys(n, batch_size, rng, drop_last=False):
    order = np.argsort(rng.random(n))
    whole = n - n % batch_size
    yield from order[:whole].reshape(-1, batch_size)
    if whole < n and not drop_last:
        yield order[whole:]


def _cut_at_positions(n, batch_size, rng, drop_last=False):
    order = np.arange(n)
    rng.shuffle(order)
    batches = np.split(order, range(batch_size, n, batch_size))
    return [batch for batch in batches if len(batch) == batch_size or (len(batch) > 0 and not drop_last)]


def _without_replacement(n, batch_size, rng, drop_last=False):
    left = set(range(n))
    while left and (len(left) >= batch_size or not drop_last):
        batch = rng.choice(sorted(left), size=min(batch_size, len(left)), replace=False)
        left -= set(batch.tolist())
        yield batch


# Library one-liner ---------------------------------------------------------------------------------------------------


def _torch_batch_sampler(n, batch_size, rng, drop_last=False):
    from torch.utils.data import BatchSampler, RandomSampler

    if n == 0:
        return []
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    return BatchSampler(RandomSampler(range(n), generator=generator), batch_size, drop_last)


minibatches = Exercise(
    reference=_minibatches,
    accepted={
        "generator of lists, shuffled by Fisher and Yates": _lazy_lists,
        "order by random keys": _random_keys,
        "shuffled array, cut at positions": _cut_at_positions,
        "drawn from what is left": _without_replacement,
    },
    witnesses={"torch.utils.data.BatchSampler": _torch_batch_sampler},
    banned=("torch.utils.data", "sklearn"),
)


# Checks: each sends a probe to where the answer lives, since a lazy answer draws from `rng` while it is read ------------


def _passes(answer, cases, rng):
    """One pass per case: the sizes in order, and whether each index comes once."""
    import numpy as np

    np.random.seed(7)
    seen = []
    for n, batch_size, drop_last in cases:
        keywords = {"drop_last": True} if drop_last else {}
        batches = [np.asarray(batch) for batch in answer(n, batch_size, rng, **keywords)]
        every = [int(index) for batch in batches for index in batch]
        seen.append(
            {
                "sizes": [list(batch.shape) for batch in batches],
                "integers": all(batch.dtype.kind in "iu" for batch in batches),
                "different": len(set(every)),
                "inside": sorted(set(every) - set(range(n))),
                "every": None if drop_last else sorted(every),
            }
        )
    return seen


@minibatches.check(
    "every index exactly once, all batches full but the last",
    points=0.75,
    hint="Join all batches of one pass and sort them: 0, 1, ..., n - 1 should come out.",
)
def _odd_sizes(f, rng):
    size = int(rng.integers(4, 8))
    cases = [
        (5 * size + int(rng.integers(1, size)), size),
        (4 * size, size),
        (size, size),
        (size - 2, size),
        (9, 1),
        (0, 3),
    ]
    return probe(_passes, f, cases=[(n, b, False) for n, b in cases], rng=rng)


@minibatches.check(
    "drop_last leaves out an incomplete last batch, and no other",
    points=0.5,
    hint="Try a number n that is a multiple of the batch size, and one that is not.",
)
def _dropped(f, rng):
    size = int(rng.integers(4, 8))
    cases = [(5 * size + int(rng.integers(1, size)), size), (4 * size, size), (size, size), (size - 2, size)]
    return probe(_passes, f, cases=[(n, b, True) for n, b in cases], rng=rng)


def _orders(answer, n, batch_size, rng):
    """Two passes with one generator, and one more from where it started; is the global generator as it was?"""
    import copy

    import numpy as np

    np.random.seed(7)
    before = np.random.get_state()[1].tolist(), np.random.get_state()[2]
    again = copy.deepcopy(rng)
    passes = [[[int(i) for i in b] for b in answer(n, batch_size, g)] for g in (rng, rng, again)]
    passes = [[index for batch in one for index in batch] for one in passes]
    after = np.random.get_state()[1].tolist(), np.random.get_state()[2]
    return {
        "in order": [one == list(range(n)) for one in passes],
        "all there": [sorted(one) == list(range(n)) for one in passes],
        "second pass like the first": passes[1] == passes[0],
        "repeatable": passes[2] == passes[0],
        "global generator": before == after,
    }


@minibatches.check(
    "a new order in each pass, and only from the given rng",
    points=0.25,
    hint="Two passes with one generator differ; two generators in the same state give the same pass.",
)
def _fresh_order(f, rng):
    return probe(_orders, f, n=40 + int(rng.integers(20)), batch_size=8, rng=rng)


def _shares(answer, n, batch_size, repeats, rng):
    """Over many passes: how often do two neighbours meet, is the last index in the last batch, is it dropped?"""
    import numpy as np

    np.random.seed(7)
    together = last = dropped = 0
    for _ in range(repeats):
        place = np.full(n, -1)  # the number of the batch in which each index is
        for number, batch in enumerate(answer(n, batch_size, rng)):
            place[batch] = number
        together += bool(place[0] == place[1])
        last += bool(place[-1] == place.max())
        place[:] = -1
        for number, batch in enumerate(answer(n, batch_size, rng, drop_last=True)):
            place[batch] = number
        dropped += bool(place[-1] == -1)
    return [together / repeats, last / repeats, dropped / repeats]


# 23 indices in batches of 5, the last of 3. P(0 and 1 in one batch) = (4·20 + 6) / (23·22) = 0.1700, and the last index is
# in the last batch (or dropped) with P = 3/23 = 0.1304. Statistic: the share in 300 passes, binomial. The bound ±0.16 is
# crossed with probability < 1e-10 each (exact tail). Power: neighbours kept together give 0.78 or more, a fixed last batch
# 1 or 0: both fail always.
_PASSES = 300


def _how_often_in_theory(rng):
    return [(4 * 20 + 6) / (23 * 22), 3 / 23, 3 / 23]


@minibatches.check(
    "any two indices meet as often as chance says",
    points=0.5,
    rtol=0.0,
    atol=0.16,
    expect=_how_often_in_theory,
    hint="Shuffle single indices, all of them, before you cut them into batches.",
)
def _how_often(f, rng):
    return probe(_shares, f, n=23, batch_size=5, repeats=_PASSES, rng=rng)


# Wrong answers, as students write them --------------------------------------------------------------------------------


minibatches.mistake(
    "drawn with replacement",
    edits=[("order = rng.permutation(n)", "order = rng.integers(n, size=n)")],
    core=True,
    hint="""
        You draw each index anew, so the same one can come twice while another does not come at all. In one pass over a
        large data set about 37 % of the examples are never seen, and others are seen two or three times. One pass (an
        epoch) is meant to show every example exactly once. This is not only tidy: with every example seen once, the
        errors of the batches cancel over the pass, and the gradient noise is smaller than with independent draws. Think
        of a deck of cards: mix it once and deal it out, in place of putting every card back before the next one is
        drawn.
    """,
    source="COURSE A3.8",
)

minibatches.mistake(
    "each batch drawn from all",
    edits=[
        (
            "batch = order[start : start + batch_size]",
            "batch = rng.choice(n, size=min(batch_size, n - start), replace=False)",
        )
    ],
    core=True,
    hint="""
        Inside a batch your indices are all different, but you draw every batch from the whole data set again. Two
        batches of the same pass overlap, and some examples are not in any batch. Sort all the indices of one pass and
        look: some are there twice and some are missing. The promise of one pass is that every example is used exactly
        once. So the batches of a pass are not independent of each other; what one has taken, the next one cannot take.
        The easiest way is to decide on a single random order for the whole pass before the first batch is made, and
        then only to cut.
    """,
    source="own",
)

minibatches.mistake(
    "not shuffled",
    edits=[("rng.permutation(n)", "np.arange(n)")],
    core=True,
    hint="""
        Your batches have the right sizes and every index is there once, but always in the same order: 0, 1, 2 and so
        on. Many data sets are sorted, by class or by date. Then the first batches hold only zeros and the last ones
        only nines, every step pulls the weights towards the class it has just seen, and the network forgets the others.
        And if the batches are the same in each epoch, their errors repeat in the same way. You were given a generator
        `rng` and do not use it yet. It has a method that mixes the numbers from 0 to n - 1.
    """,
    source="COURSE A3.8",
)


@minibatches.mistake(
    "only the batches are shuffled",
    hint="""
        You cut first and mix afterwards: the batches come in a random order, but inside a batch the indices are always
        neighbours. With data that are sorted by class, each batch still holds one class only, and its gradient points
        somewhere else than the full gradient. Index 0 and index 1 are in the same batch in every pass, although by
        chance they would meet only rarely. This is hard to see from one pass, which looks nicely random. What should be
        mixed are the single examples. Do the same two steps, mixing and cutting, in the other order, and nothing else
        has to change.
    """,
    source="COURSE A3.8, traps",
)
def _contiguous_contents(n, batch_size, rng, drop_last=False):
    batches = [np.arange(start, min(start + batch_size, n)) for start in range(0, n, batch_size)]
    if drop_last and batches and len(batches[-1]) < batch_size:
        batches.pop()
    return [batches[i] for i in rng.permutation(len(batches))]


minibatches.mistake(
    "shuffled inside the batches only",
    edits=[
        ("order = rng.permutation(n)", "order = np.arange(n)"),
        ("batches.append(batch)", "batches.append(rng.permutation(batch))"),
    ],
    hint="""
        You mix the indices within every batch, but which indices belong to a batch never changes. The gradient of a
        batch is a sum over its members, and a sum does not care about their order, so your mixing has no effect on
        training at all: the batches are the same ones in every epoch. For a data set sorted by class each batch still
        holds one class. What has to be random is who comes together with whom. So the mixing must take place before the
        indices are divided into batches, and over all n of them at once.
    """,
    source="own",
)

minibatches.mistake(
    "own seed in the function",
    edits=[("rng.permutation(n)", "np.random.default_rng(0).permutation(n)")],
    core=True,
    hint="""
        You make a new generator with a fixed seed inside the function. It starts from the same point at each call, so
        every epoch has exactly the same order, and the generator that the caller handed to you is never used. A seed is
        a fine thing for repeating a whole experiment, but it belongs in one place, at the very beginning of it. There a
        generator is made, and then it is passed along; each function that draws from it moves it on, and that is why
        the second pass differs from the first. Draw from the `rng` that you are given.
    """,
    source="COURSE A3.8",
)

minibatches.mistake(
    "numpy's global generator",
    edits=[("rng.permutation(n)", "np.random.permutation(n)")],
    hint="""
        Your order is random, but it comes from `np.random`, the generator that all code of the process shares. The
        caller gave you `rng` and expects that the same state of it gives the same batches; with your function the
        experiment cannot be repeated, because any other code that draws a number changes your order, and your draws
        change theirs. Bugs of this kind are hard to find, since each single result looks fine. The argument `rng` has
        methods with the same names as the functions you know from `np.random`. Use those; then nothing outside has any
        influence.
    """,
    source="own",
)

minibatches.mistake(
    "drop_last is ignored",
    edits=[("if len(batch) == batch_size or not drop_last:", "if True:")],
    core=True,
    hint="""
        You always return the incomplete last batch. With drop_last=True it should be left out, so that all batches have
        the same size. That is useful: the gradient of a batch with a single example is very noisy, and batch
        normalization cannot work with one example at all. In the visible test 10 indices in batches of 4 give the sizes
        4, 4, 2 by default, and 4, 4 with drop_last. The examples that are left out are not lost for ever: the next pass
        has another order, and leaves out others. Look at what happens to your last piece, and when it should be kept.
    """,
    source="COURSE A3.8",
)

minibatches.mistake(
    "drop_last the other way round",
    edits=[("or not drop_last", "or drop_last")],
    core=True,
    hint="""
        Your condition is upside down: you leave the incomplete batch out by default, and keep it when drop_last is
        True. Read the name as a sentence: drop the last one, yes or no? By default the answer is no, so nothing is
        dropped, and every index appears once. In the visible test 10 indices in batches of 4 should give the sizes 4,
        4, 2 by default, and 4, 4 if the last one is dropped. A good habit with yes-no arguments is to write down the
        two results for one small case before writing the condition.
    """,
    source="own",
)

minibatches.mistake(
    "the incomplete batch is lost",
    edits=[("if len(batch) == batch_size or not drop_last:", "if len(batch) == batch_size:")],
    core=True,
    hint="""
        The number of your batches is n divided by the batch size, rounded down. If it does not divide evenly, the rest
        falls off the table: of 10 indices in batches of 4 you return 8. This is what drop_last=True asks for, but the
        default is False, and then the last two indices come as a smaller batch. If the data set is smaller than one
        batch, you even return nothing, and the training loop would run through without a single step, silently. Count
        the indices in all of your batches together: by default there should be n.
    """,
    source="own",
)

minibatches.mistake(
    "a full last batch is dropped too",
    edits=[("if len(batch) == batch_size or not drop_last:", "if start + batch_size < n or not drop_last:")],
    hint="""
        With drop_last=True you always leave out the last batch, also when it is complete. If n is a multiple of the
        batch size, say 8 indices in batches of 4, nothing is incomplete, and both batches should be returned; you
        return one. And with exactly one full batch you return none at all, so a training run on a small data set would
        take no steps. The name is a little short: what is meant is to drop the last batch if it is not full. So the
        question is not which batch is the last one, but how many indices it has.
    """,
    source="own",
)

minibatches.mistake(
    "always drops the same examples",
    edits=[
        (
            "order = rng.permutation(n)",
            "whole = n - n % batch_size\n    order = np.concatenate([rng.permutation(whole), np.arange(whole, n)])",
        )
    ],
    hint="""
        You put the last few examples of the data set aside before you mix, so that the full batches come out even. The
        rest is then always the same: the last indices. With drop_last they are never used, in no epoch, and if the data
        are sorted, a part of the last class is missing from training. Without drop_last these few always form a batch
        of their own. Mixing has to come first, over all n indices. Then whichever indices are at the end after mixing
        make up the last batch, and these are others in each pass.
    """,
    source="own",
)


@minibatches.mistake(
    "split into equal parts",
    core=True,
    hint="""
        You compute how many batches there are and divide the indices evenly among them. So 10 indices in batches of 4
        become the sizes 4, 3, 3, where 4, 4, 2 is asked for. `np.array_split` works like this: its second argument is a
        number of parts, not a size. Here the size is what is given: every batch has exactly batch_size indices, and
        only the last one may be smaller. With drop_last your parts can even become larger than batch_size, since
        nothing is dropped. Cut at the multiples of batch_size, and let the last piece be what it is.
    """,
    source="own",
)
def _split_evenly(n, batch_size, rng, drop_last=False):
    count = n // batch_size if drop_last else -(-n // batch_size)
    return np.array_split(rng.permutation(n), count) if count else []


minibatches.mistake(
    "the last batch is filled up",
    edits=[
        (
            "        if len(batch) == batch_size or not drop_last:\n",
            "        if len(batch) < batch_size:\n"
            "            batch = np.resize(np.concatenate([batch, order]), batch_size)\n"
            "        if True:\n",
        )
    ],
    core=True,
    hint="""
        You fill the last batch up to its full size with indices that were already used in this pass. Then all batches
        have the same size, but some examples count twice in this epoch: of 10 indices in batches of 4 you return 12. An
        example that counts twice pulls twice as hard on the weights. There are only two choices in this exercise: by
        default the last batch is as small as it happens to be, and with drop_last it is left out. In both cases no
        index appears more than once. Count how often each index appears in one pass of yours.
    """,
    source="own",
)

minibatches.mistake(
    "counts from 1",
    edits=[("rng.permutation(n)", "rng.permutation(n) + 1")],
    core=True,
    hint="""
        Your indices run from 1 to n. Arrays in Python count from 0, so the first example would never be used, and the
        index n is one too far: `x[n]` stops with an IndexError, if you are lucky. If the caller keeps the indices in
        another way, say as labels, the whole data set is shifted by one and nothing stops. The statement asks for the
        numbers from 0 to n - 1, each exactly once. Join the batches of one pass, sort them, and compare with
        `np.arange(n)`; this quick test finds many mistakes in code of this kind.
    """,
    source="own",
)
