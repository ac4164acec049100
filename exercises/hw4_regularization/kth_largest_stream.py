"""`kth_largest_stream(stream, k)`: after each number, the k-th largest so far."""

import numpy as np

from exercises.bank import Exercise
from exercises.observation import probe


def _kth_largest_stream(stream, k):
    best: list[float] = []  # the k largest so far, largest first
    for x in stream:
        best.append(x)
        best.sort(reverse=True)
        del best[k:]
        yield best[-1] if len(best) == k else None


# Other right ways -----------------------------------------------------------------------------------------------------


def _heap(stream, k):
    import heapq

    heap: list[float] = []
    for x in stream:
        if len(heap) < k:
            heapq.heappush(heap, x)
        elif x > heap[0]:
            heapq.heapreplace(heap, x)
        yield heap[0] if len(heap) == k else None


def _bisect_window(stream, k):
    import bisect

    window: list[float] = []
    for x in stream:
        bisect.insort(window, x)
        if len(window) > k:
            window.pop(0)
        yield None if len(window) < k else window[0]


def _partition(stream, k):
    best = np.empty(0)
    for x in stream:
        best = np.append(best, x)
        if best.size > k:
            best = np.partition(best, 1)[1:]
        yield best.min().item() if best.size == k else None


class _iterator:  # a class with __next__ is lazy, too
    def __init__(self, stream, k):
        import heapq

        self.stream, self.k, self.heap, self.push = iter(stream), k, [], heapq.heappush
        self.pushpop = heapq.heappushpop

    def __iter__(self):
        return self

    def __next__(self):
        x = next(self.stream)
        if len(self.heap) < self.k:
            self.push(self.heap, x)
        else:
            self.pushpop(self.heap, x)
        return self.heap[0] if len(self.heap) == self.k else None


# Library one-liners ---------------------------------------------------------------------------------------------------


def _nlargest(stream, k):
    import heapq

    best: list[float] = []
    for x in stream:
        best = heapq.nlargest(k, [*best, x])
        yield best[-1] if len(best) == k else None


kth_largest_stream = Exercise(
    reference=_kth_largest_stream,
    accepted={
        "heap of k numbers": _heap,
        "bisect window": _bisect_window,
        "np.partition": _partition,
        "an iterator class": _iterator,
    },
    witnesses={"heapq.nlargest": _nlargest},
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _all(answer, runs):
    """For each run (values, k): how many results, and the results; nan stands for None, which must be None itself."""
    import numpy as np

    seen = []
    for values, k in runs:
        results = list(answer(iter(values), k))
        seen.append(np.array([np.nan if result is None else float(result) for result in results], dtype=float))
    return seen


@kth_largest_stream.check(
    "a short stream by hand",
    points=0.25,
    hint="Write the k largest numbers so far under each number of the stream; the smallest of them is asked.",
)
def _by_hand(f, rng):
    values = rng.permutation(np.arange(1, 10))[:6].tolist()
    return probe(_all, f, runs=[(values, 2), (values[:4], 1)])


@kth_largest_stream.check(
    "long streams, with equal numbers",
    points=0.5,
    hint="Sort the numbers so far, largest first, and count to k; equal numbers count each.",
)
def _long(f, rng):
    many = rng.integers(-20, 20, size=150).tolist()
    floats = rng.normal(size=80).tolist()
    return probe(
        _all,
        f,
        runs=[(many, 5), (many, 1), (floats, 13), (sorted(floats), 4), (sorted(floats, reverse=True), 4), ([3] * 7, 3)],
    )


@kth_largest_stream.check(
    "None until k numbers came, and short or empty streams",
    points=0.25,
    hint="One result for each number of the stream: None for the first k - 1 of them.",
)
def _short(f, rng):
    values = rng.normal(size=4).tolist()
    return probe(_all, f, runs=[([], 2), (values, 4), (values, 5), (values[:1], 1), (values[:2], 100)])


@kth_largest_stream.check(
    "negative numbers and infinities",
    points=0.25,
    hint="Nothing is known about the numbers before they come: they may all be negative.",
)
def _extremes(f, rng):
    a, b, c = (-rng.uniform(1, 9, size=3)).tolist()
    inf = float("inf")
    return probe(_all, f, runs=[([a, b, c, -inf, 2 * a], 2), ([inf, a, inf, b, inf], 3), ([-inf, -inf, a], 2)])


def _pulls(answer, values, k):
    """How many items were taken from the stream: after the call, and after each of some results."""
    taken: list[float] = []

    def stream():
        for value in values:
            taken.append(value)
            yield value

    results = iter(answer(stream(), k))
    counts, seen = [len(taken)], []
    for _ in range(6):
        result = next(results)
        seen.append(-1.0 if result is None else float(result))
        counts.append(len(taken))
    return {"taken": counts, "results": seen}


@kth_largest_stream.check(
    "lazy: one number taken from the stream for each result",
    points=0.5,
    hint="Give each result before you take the next number from the stream.",
)
def _lazy(f, rng):
    return probe(_pulls, f, values=rng.permutation(np.arange(1, 31)).tolist(), k=int(rng.integers(2, 5)))


def _peak_memory(answer, n, k, seed):
    import random
    import tracemalloc

    def stream():
        state = random.Random(seed)
        for _ in range(n):
            yield state.random()

    for _ in answer(iter([1.5, 2.5, 3.5]), 2):  # what is imported or cached at the first call does not count
        pass
    tracemalloc.start()
    try:
        last = None
        for result in answer(stream(), k):
            last = result
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return {"last": last, "less than 32 KiB": peak < 32 * 1024}


@kth_largest_stream.check(
    "thousands of numbers in a few kilobytes",
    points=0.25,
    hint="Keep the k largest numbers and forget all others.",
)
def _memory(f, rng):
    return probe(_peak_memory, f, n=3000, k=4, seed=int(rng.integers(2**31)))


# Wrong answers, as students write them --------------------------------------------------------------------------------


kth_largest_stream.mistake(
    "k-th smallest",
    edits=[("best.sort(reverse=True)", "best.sort()")],
    core=True,
    hint="""
        You keep the k smallest numbers and return the largest of them. That is the k-th smallest. It is an easy slip
        with heaps: Python's heapq keeps the smallest number on top, and it is that number which is thrown away first.
        To follow the k largest numbers, this is just what you want: among the k best so far the smallest one sits at
        the door, and whoever is larger pushes it out. Try the stream 5, 1, 9 with k = 2: the results are None, 1, 5.
    """,
    source="COURSE A4.10",
)


@kth_largest_stream.mistake(
    "whole stream first",
    core=True,
    hint="""
        Your results are right, but you read the whole stream before you give the first of them. This is the batch way:
        with a list in your hand, sorting is easy. A stream may have no end, such as measurements from an experiment
        that is running, and then your function never answers at all, or the memory fills up. The online way gives a
        result after each number, from what has been seen up to then. So loop over the stream itself, keep little, and
        yield inside of the loop. Do not turn the stream into a list.
    """,
    source="COURSE A4.10",
)
def _batch(stream, k):
    import bisect

    values = list(stream)
    past: list[float] = []
    for x in values:
        bisect.insort(past, x)
        yield past[-k] if len(past) >= k else None


@kth_largest_stream.mistake(
    "list returned at the end",
    hint="""
        You collect the results in a list and return it at the end. The results are right, and you even keep only k
        numbers. But the caller gets nothing before the stream is over, and for a stream without an end that means
        never. A generator is the tool for this: a function with yield in it. Each yield hands out one result and then
        waits, with all its variables in place, until the next result is wanted. So replace the appending by a yield,
        and the list is not needed any more.
    """,
    source="own",
)
def _list_of_answers(stream, k):
    import heapq

    heap: list[float] = []
    answers = []
    for x in stream:
        heapq.heappush(heap, x)
        if len(heap) > k:
            heapq.heappop(heap)
        answers.append(heap[0] if len(heap) == k else None)
    return answers


kth_largest_stream.mistake(
    "one too few",
    edits=[("for x in stream:", "k = max(k - 1, 1)\n    for x in stream:")],
    core=True,
    hint="""
        Your rank is one too small: for k = 2 you return the largest number in place of the second largest. Perhaps you
        counted ranks from 0, as indices are counted. The statement counts as people do: k = 1 is the largest number, k
        = 2 the second largest. So k numbers must have come before there is a result, and the first k - 1 results are
        None. Write the sorted numbers of a short stream on paper and number them from 1; then compare with the entry
        your function takes.
    """,
    source="COURSE A4.10",
)

kth_largest_stream.mistake(
    "one too many",
    edits=[("for x in stream:", "k = k + 1\n    for x in stream:")],
    core=True,
    hint="""
        Your rank is one too large: for k = 1 you return the second largest number, and the first result comes one
        number too late. It happens when a heap is allowed to grow to k + 1 numbers before one is taken out, and the
        result is read in between; or when an index from the end is off by one. After each number at most k numbers
        should be kept, and the smallest of them is the result. With k = 1 only the largest number so far remains: test
        this case first.
    """,
    source="own",
)

kth_largest_stream.mistake(
    "no result before k numbers came",
    edits=[
        ("        yield best[-1] if len(best) == k else None", "        if len(best) == k:\n            yield best[-1]")
    ],
    core=True,
    hint="""
        As long as fewer than k numbers have come, you give no result at all. So the results and the numbers of the
        stream do not go together any more: your first result belongs to the k-th number. The statement asks for one
        result for each number, and None while the answer is not known. Then a caller can write zip(stream, results),
        and plot one against the other. A stream with fewer than k numbers gives nothing but None. Your loop has a case
        in which it does nothing; let it yield there, too.
    """,
    source="COURSE A4.10",
)


@kth_largest_stream.mistake(
    "equal numbers count once",
    core=True,
    hint="""
        You keep a set, so a number that comes twice counts only once. But three people with the same best time are
        three people. In the stream 7, 7, 3 the second largest number is 7, and you say that it is not known yet. Equal
        numbers are frequent: whole numbers, rounded measurements, scores. Sort the stream on paper with all its
        repetitions and count to k. Use something that keeps repetitions, such as a list or a heap, with at most k
        entries.
    """,
    source="COURSE A4.10",
)
def _distinct(stream, k):
    best: set[float] = set()
    for x in stream:
        best.add(x)
        if len(best) > k:
            best.remove(min(best))
        yield min(best) if len(best) == k else None


@kth_largest_stream.mistake(
    "every number is let in",
    core=True,
    hint="""
        Once you have k numbers, you replace the smallest by the new number, in every case. If the new number is smaller
        than all of them, it should not come in at all. As you do it, large numbers are pushed out over time and small
        ones stay: in the stream 5, 4, 1 with k = 2 you end with 1, and the second largest is 4. There are two functions
        in heapq that look alike. One takes the smallest out first and then puts the new number in; the other does it
        the other way round. Or compare the two numbers before you replace.
    """,
    source="own: heapreplace for heappushpop",
)
def _always_replaced(stream, k):
    import heapq

    heap: list[float] = []
    for x in stream:
        if len(heap) < k:
            heapq.heappush(heap, x)
        else:
            heapq.heapreplace(heap, x)
        yield heap[0] if len(heap) == k else None


@kth_largest_stream.mistake(
    "starts with zeros",
    hint="""
        You fill your memory with k zeros at the beginning. Zeros are numbers like others, and they were not in the
        stream. If all the numbers are positive, they disappear soon. If there are negative ones, your zeros are larger,
        stay for ever, and become the result. Log-probabilities, temperatures and gains all can be negative. Begin with
        nothing, let the memory grow to k numbers, and give None until then. If you like to start with a full memory,
        fill it with something that every number beats; but then the infinities need care.
    """,
    source="own",
)
def _heap_of_zeros(stream, k):
    import heapq

    heap = [0.0] * k
    for count, x in enumerate(stream, start=1):
        heapq.heappushpop(heap, x)
        yield heap[0] if count >= k else None


@kth_largest_stream.mistake(
    "last entry of the heap",
    core=True,
    hint="""
        You keep the right k numbers, and then return the last entry of the heap. A heap looks like a sorted list, but
        it is not one. Only its first entry has a meaning: it is the smallest. The others are in an order that makes the
        heap fast, and the last one can be any of the larger numbers. What you want is the smallest of the k numbers
        that you keep, because it is number k when you count from the top. Print the heap and its sorted version side by
        side for a few numbers, and you will see it.
    """,
    source="own",
)
def _last_of_the_heap(stream, k):
    import heapq

    heap: list[float] = []
    for x in stream:
        heapq.heappush(heap, x)
        if len(heap) > k:
            heapq.heappop(heap)
        yield heap[-1] if len(heap) == k else None


@kth_largest_stream.mistake(
    "window of the last k",
    core=True,
    hint="""
        You look at the last k numbers of the stream and return their smallest. So everything older is forgotten, even a
        record. The question is about all numbers so far: which number is at rank k? What has to be kept is not the
        latest k numbers, but the largest k. When a new number comes, decide whether it belongs to them: it does if it
        is larger than the smallest that you keep, and then that one has to go. With k = 1 your result should be the
        running maximum; yours is the number that has just come.
    """,
    source="own",
)
def _window_of_the_last(stream, k):
    last: list[float] = []
    for x in stream:
        last = [*last, x][-k:]
        yield min(last) if len(last) == k else None


@kth_largest_stream.mistake(
    "everything is kept",
    hint="""
        Your results are right and they come in time, but you keep every number of the stream in a sorted list. The list
        grows without end. After a million numbers each insertion moves half a million entries, and the memory is full
        of numbers that can never be a result again. A number that has k larger ones above it is out of the game for
        good, for numbers can be added but never taken away. So k numbers are enough, however long the stream is. Throw
        away what cannot matter, as soon as it cannot matter.
    """,
    source="COURSE A4.10",
)
def _all_kept(stream, k):
    import bisect

    values: list[float] = []
    for x in stream:
        bisect.insort(values, x)
        yield values[-k] if len(values) >= k else None


@kth_largest_stream.mistake(
    "reads one number ahead",
    hint="""
        You take the next number from the stream before you give the result for the present one, perhaps to see whether
        the stream is over. With a list you do not notice. With a live stream you do: the result for this number comes
        only when the next one has arrived, and if that takes an hour, you are an hour late. A for loop over the stream
        notices the end by itself, so that there is no need to look ahead. Take one number, give one result, and only
        then take the next.
    """,
    source="own",
)
def _one_ahead(stream, k):
    import heapq

    items = iter(stream)
    heap: list[float] = []
    x = next(items, None)
    while x is not None:
        following = next(items, None)
        heapq.heappush(heap, x)
        if len(heap) > k:
            heapq.heappop(heap)
        yield heap[0] if len(heap) == k else None
        x = following
