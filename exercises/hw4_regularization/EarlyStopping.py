"""`EarlyStopping(patience, min_delta, mode)`: stop when nothing has improved for `patience` epochs."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import probe


class _EarlyStopping:
    def __init__(self, patience, min_delta=0.0, mode="min"):
        self.patience = patience
        self.min_delta = min_delta
        self.mode = mode
        self.best = None
        self.best_epoch = None
        self.epoch = 0
        self.wait = 0  # epochs since the last improvement

    def step(self, value):
        if math.isnan(value):
            improved = False
        elif self.best is None:
            improved = True
        elif self.mode == "max":
            improved = value > self.best + self.min_delta
        else:
            improved = value < self.best - self.min_delta
        if improved:
            self.best = value
            self.best_epoch = self.epoch
            self.wait = 0
        else:
            self.wait += 1
        self.epoch += 1
        return self.wait >= self.patience


# Other right ways -----------------------------------------------------------------------------------------------------


class _FromTheHistory:
    def __init__(self, patience, min_delta=0.0, mode="min"):
        self.settings = (patience, min_delta, 1.0 if mode == "max" else -1.0)
        self.history = []

    def _replay(self):
        _, min_delta, sign = self.settings
        best, best_epoch = None, -1
        for epoch, value in enumerate(self.history):
            if value == value and (best is None or sign * value > sign * best + min_delta):
                best, best_epoch = value, epoch
        return best, best_epoch

    @property
    def best(self):
        return self._replay()[0]

    @property
    def best_epoch(self):
        return self._replay()[1]

    def step(self, value):
        self.history.append(value)
        return len(self.history) - 1 - self.best_epoch >= self.settings[0]


class _SignedWithInfinity:
    def __init__(self, patience, min_delta=0.0, mode="min"):
        self.patience, self.min_delta = patience, min_delta
        self.sign = {"min": 1, "max": -1}[mode]
        self._lowest = np.inf
        self.best_epoch = -1
        self.epoch = -1

    @property
    def best(self):
        return self.sign * self._lowest

    def step(self, value):
        self.epoch += 1
        if self.sign * value < self._lowest - self.min_delta:
            self._lowest = self.sign * value
            self.best_epoch = self.epoch
        return bool(self.epoch - self.best_epoch >= self.patience)


class _RemainingPatience:
    def __init__(self, patience, min_delta=0.0, mode="min"):
        self.full = self.left = patience
        if mode == "max":
            self.better = lambda new, old: new - old > min_delta
        else:
            self.better = lambda new, old: old - new > min_delta
        self.epochs = 0
        self.best, self.best_epoch = math.nan, math.nan

    def step(self, value):
        first = math.isnan(self.best) and not math.isnan(value)
        if first or self.better(value, self.best):
            self.best, self.best_epoch, self.left = value, self.epochs, self.full
        else:
            self.left -= 1
        self.epochs += 1
        return self.left <= 0


# Library ways ---------------------------------------------------------------------------------------------------------


class _TorchPlateau:
    """torch's scheduler with endless patience counts the same bad epochs."""

    def __init__(self, patience, min_delta=0.0, mode="min"):
        self.patience = patience
        self.best_epoch = None
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        self.plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode=mode, patience=10**9, threshold=min_delta, threshold_mode="abs"
        )

    @property
    def best(self):
        return self.plateau.best

    def step(self, value):
        epoch = self.plateau.last_epoch
        self.plateau.step(value)
        if self.plateau.num_bad_epochs == 0:
            self.best_epoch = epoch
        return self.plateau.num_bad_epochs >= self.patience


EarlyStopping = Exercise(
    reference=_EarlyStopping,
    accepted={
        "recomputed from the history": _FromTheHistory,
        "sign and infinity": _SignedWithInfinity,
        "remaining patience": _RemainingPatience,
    },
    witnesses={"torch's ReduceLROnPlateau, counting": _TorchPlateau},
    banned=("torch.optim", "sklearn", "keras", "tensorflow", "pytorch_lightning", "lightning", "ignite"),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _run(answer, runs):
    """For each run (settings, values), one row per value: what step returned (-1 for nothing), best and best_epoch."""
    import numpy as np

    seen = []
    for settings, values in runs:
        stopper = answer(**settings)
        known = False  # before the first number there is no best
        trace = []
        for value in values:
            stop = stopper.step(value)
            known = known or value == value
            best = [float(stopper.best), int(stopper.best_epoch)] if known else [-1.0, -1.0]
            trace.append([-1.0 if stop is None else float(bool(stop)), *best])
        seen.append(np.array(trace))
    return seen


def _in_turns(answer, settings, values):
    """Two stoppers, fed in turns."""
    import numpy as np

    first, second = answer(**settings[0]), answer(**settings[1])
    seen = []
    for a, b in values:
        stops = [bool(first.step(a)), bool(second.step(b))]
        seen.append([*stops, first.best, first.best_epoch, second.best, second.best_epoch])
    return np.array(seen, dtype=float)


@EarlyStopping.check(
    "one run, by hand: when it stops, best and best_epoch",
    points=0.5,
    hint="Count on paper the epochs since the best value, beginning with 0 at the best value itself.",
)
def _by_hand(f, rng):
    a, b = rng.integers(2, 6, size=2).tolist()
    falling = [float(9 + a), float(7 + a), float(7 + a + b), float(8 + a), float(9 + b + a), float(8 + a)]
    return probe(_run, f, runs=[({"patience": 3}, falling), ({"patience": 1}, falling[:3])])


@EarlyStopping.check(
    "an improvement starts the patience anew, before and after a stop",
    points=0.5,
    hint="What counts is the number of epochs since the last improvement, and nothing else.",
)
def _resets(f, rng):
    # multiples of 1/8, so that no sum or difference is rounded
    runs: list[tuple[dict[str, object], list[float]]] = []
    for patience in (2, 3, 5):
        values = np.maximum.accumulate(rng.integers(0, 3, size=30))[::-1] * 4 + rng.integers(0, 16, size=30)
        runs.append(({"patience": patience, "min_delta": 0.0, "mode": "min"}, (values / 8).tolist()))
    start = float(rng.integers(8, 30))
    shape = [0.0, 1.0, -0.5, 1.0, 1.0, 1.0, -1.0, 1.0, -1.5, -2.0, 1.0, 1.0]
    return probe(_run, f, runs=[*runs, ({"patience": 2}, [start + change for change in shape])])


@EarlyStopping.check(
    "ties and improvements of at most min_delta do not count",
    points=0.5,
    hint="Compare with the best value so far, by more than min_delta; otherwise nothing changes.",
)
def _min_delta(f, rng):
    start = float(rng.integers(4, 30))
    creeping = [start - k / 8 for k in range(14)]
    ties = [start, start, start - 1, start - 1, start - 1.25, start - 1.5, start - 1.5, start - 3]
    small = [start, start + 0.125, start - 0.125, start - 0.25, start - 0.5, start - 0.5]
    return probe(
        _run,
        f,
        runs=[
            ({"patience": 3, "min_delta": 0.25}, creeping),
            ({"patience": 2}, ties),
            ({"patience": 2, "min_delta": 0.5}, ties),
            ({"patience": 4, "min_delta": 0.25}, small),
        ],
    )


@EarlyStopping.check(
    'mode="max"',
    points=0.5,
    hint="For an accuracy, better means larger by more than min_delta; values may be negative.",
)
def _largest(f, rng):
    base = float(rng.integers(2, 20))
    values = [-base, -base + 1, -base + 1.25, -base + 1.5, -base + 0.5, -base + 2.5, -base + 2.5, -base + 2.0, 1.0, 0.5]
    return probe(
        _run,
        f,
        runs=[
            ({"patience": 2, "mode": "max"}, values),
            ({"patience": 3, "min_delta": 0.5, "mode": "max"}, values),
            ({"patience": 2, "min_delta": 0.25, "mode": "max"}, [value + 40 for value in values]),
        ],
    )


@EarlyStopping.check(
    "nan never improves, and counts as an epoch",
    points=0.5,
    hint="A nan is an epoch without improvement, also when it comes first.",
)
def _not_a_number(f, rng):
    nan, a = math.nan, float(rng.integers(3, 9))
    return probe(
        _run,
        f,
        runs=[
            ({"patience": 3}, [a, nan, a - 1, nan, nan, a - 2, nan, nan, nan, a - 3, a]),
            ({"patience": 2}, [nan, a, nan, nan, a - 1]),
            ({"patience": 3}, [nan, nan, nan, a, a + 1]),
            ({"patience": 2, "mode": "max", "min_delta": 0.5}, [a, nan, a + 1, nan, a + 1.25]),
        ],
    )


@EarlyStopping.check(
    "two stoppers do not disturb each other",
    points=0.5,
    hint="What a stopper remembers belongs to self.",
)
def _two_of_them(f, rng):
    a, b = rng.integers(3, 30, size=2).tolist()
    values = [[a + 0.0, -b + 0.0], [a - 1.0, -b - 1.0], [a + 1.0, -b + 2.0], [a + 0.5, -b + 1.0], [a - 2.0, -b + 1.5]]
    return probe(_in_turns, f, settings=[{"patience": 2}, {"patience": 3, "mode": "max"}], values=values)


# Wrong answers, as students write them --------------------------------------------------------------------------------


EarlyStopping.mistake(
    "ties count as improvements",
    edits=[("value > self.best", "value >= self.best"), ("value < self.best", "value <= self.best")],
    core=True,
    hint="""
        When a value is exactly as good as the best one, you call it an improvement. Ties are not rare: an accuracy on a
        thousand examples moves in steps of a thousandth, and a model that has stopped learning gives the same number
        again and again. With your rule such a run never stops, and best_epoch moves on to the latest of the equal ones,
        although the earliest is the model to keep. An improvement has to be better by more than min_delta, and with
        min_delta = 0 that means strictly better. Look at your comparison sign.
    """,
    source="COURSE A4.6",
)

EarlyStopping.mistake(
    "one epoch too late",
    edits=[("self.wait >= self.patience", "self.wait > self.patience")],
    core=True,
    hint="""
        You stop one epoch too late. With patience = 1 the first epoch without an improvement should already return
        True, and you wait for a second one. There are libraries which count like you (torch's ReduceLROnPlateau does),
        and others, such as Keras, which count as this course does; so the statement fixes it: stop as soon as the
        number of epochs since the best one reaches the patience. Write the counter beside each value on paper, with 0
        at the best value, and mark the first place where it equals the patience.
    """,
    source="COURSE A4.6; ReduceLROnPlateau counts so",
)

EarlyStopping.mistake(
    "one epoch too early",
    edits=[("self.wait >= self.patience", "self.wait >= self.patience - 1")],
    core=True,
    hint="""
        You stop one epoch too early. With patience = 1 you return True even at an epoch that has just improved, so
        training would end after the first epoch. The usual reason is counting the best epoch itself as an epoch of
        waiting. It is not one: at the best value the count is 0, and it becomes 1 at the first epoch that does not
        improve. Stop when the count reaches the patience. Write the counter beside each value of a short run on paper,
        and compare with what your function returns.
    """,
    source="own",
)

EarlyStopping.mistake(
    "counter not reset",
    edits=[
        (
            "            self.best_epoch = self.epoch\n            self.wait = 0",
            "            self.best_epoch = self.epoch",
        )
    ],
    core=True,
    hint="""
        You count all epochs without an improvement, from the beginning of training, and an improvement does not set the
        count back. So every run stops after a fixed number of bad epochs, even if it gets better in between, again and
        again. A noisy validation curve goes up in half of its epochs while it falls on average, and you would stop it
        early. Patience means: so many bad epochs in a row. At each improvement the waiting begins anew. Look at what
        you do in the branch of the improvement, and what is missing there.
    """,
    source="COURSE A4.6",
)

EarlyStopping.mistake(
    "best moves by less than min_delta",
    edits=[
        (
            "        else:\n            self.wait += 1",
            "        else:\n            self.wait += 1\n"
            "            if value > self.best if self.mode == 'max' else value < self.best:\n"
            "                self.best = value",
        ),
        (
            "    def step(self, value):",
            "    def step(self, value):\n        self.best = math.nan if self.best is None else self.best",
        ),
        ("self.best is None:", "math.isnan(self.best):"),
    ],
    hint="""
        When a value is better than the best one, but by no more than min_delta, you do not count it as an improvement,
        but you still remember it as the new best. Then the bar creeps: a curve that falls by half of min_delta at each
        epoch is compared with a best that has just moved, so it never improves enough, and you stop a run that gets
        better all the time. The best value must change only when an improvement counts. Then small gains add up until,
        together, they are more than min_delta. Put everything that happens at an improvement in one place.
    """,
    source="COURSE A4.6",
)

EarlyStopping.mistake(
    "min_delta with the wrong sign",
    edits=[
        ("self.best + self.min_delta", "self.best - self.min_delta"),
        ("value < self.best - self.min_delta", "value < self.best + self.min_delta"),
    ],
    core=True,
    hint="""
        Your min_delta makes it easier to improve, and it should make it harder. As you have it, a value which is a
        little worse than the best still counts as better, so a flat curve never stops, and the best value can even get
        worse over time. min_delta is meant against noise: tiny gains should not count. For a loss this means that the
        new value must lie below the best by more than min_delta. Try it with numbers: best 1.0, min_delta 0.1. Should
        0.95 count? And 1.05? Neither of them.
    """,
    source="COURSE A4.6",
)

EarlyStopping.mistake(
    "mode ignored",
    edits=[('self.mode == "max"', "False")],
    core=True,
    hint="""
        With mode="max" your stopper still looks for small values. For an accuracy, larger is better, so you would stop
        as soon as the model begins to learn, and keep the worst epoch as the best one. You store the mode, or not even
        that, and it never takes part in the comparison. One comparison for each mode is enough; or turn the sign of the
        values in one of the two modes, so that small is always good inside, but then take care that .best shows the
        value as it came in.
    """,
    source="COURSE A4.6",
)

EarlyStopping.mistake(
    "min_delta turned round in mode max",
    edits=[("value > self.best + self.min_delta", "value > self.best - self.min_delta")],
    hint="""
        Your stopper is right for mode="min". For mode="max" you turned the comparison sign, but not the sign of
        min_delta. So there a value counts as better although it is up to min_delta worse, and the best value can sink.
        In both modes min_delta is a hurdle: a new value must be beyond the best one, in the good direction, by more
        than it. For a loss the bar lies below the best value; for an accuracy it lies above. Draw a line with the best
        value and mark the bar for both modes.
    """,
    source="COURSE A4.6",
)

EarlyStopping.mistake(
    "nan counts as an improvement",
    edits=[
        (
            "        if math.isnan(value):\n            improved = False\n        elif self.best is None:",
            "        if self.best is None:",
        ),
        ("improved = value > self.best + self.min_delta", "improved = not value <= self.best + self.min_delta"),
        ("improved = value < self.best - self.min_delta", "improved = not value >= self.best - self.min_delta"),
    ],
    hint="""
        You ask whether a value is not better, and call everything else an improvement. All comparisons with nan are
        false, so a nan ends up on the good side: it becomes the best value, and from then on each number counts as
        better than it, or none does. A nan in the loss means that training has broken down, and an early stopper is
        just the place where this should be noticed. Ask the question the other way round, whether the value is better;
        then nan gives no by itself. Think of a nan as the very first value, too.
    """,
    source="COURSE A4.6",
)

EarlyStopping.mistake(
    "nan as the first value",
    edits=[
        (
            "        if math.isnan(value):\n            improved = False\n        elif self.best is None:",
            "        if self.best is None:",
        )
    ],
    hint="""
        A nan later in the run is handled well. As the very first value it is not: you take the first value as the best
        one without looking at it. Afterwards every comparison with the best value is a comparison with nan, and is
        false, so that nothing can ever improve, and the run stops although it would have recovered. The statement says
        that nan never improves, and this includes the first epoch: it counts as an epoch of waiting, and the first real
        number becomes the best. Look at the branch for the first value.
    """,
    source="own",
)

EarlyStopping.mistake(
    "nan does not count as an epoch",
    edits=[
        (
            "        if math.isnan(value):\n            improved = False\n        elif",
            "        if math.isnan(value):\n            return self.wait >= self.patience\n        if",
        )
    ],
    hint="""
        When a nan comes you leave at once, as if the epoch had not happened. Then the count of waiting epochs stands
        still, and a run which has broken down and gives nothing but nan is never stopped: it burns its computing time
        until the end. Besides, the numbers of the later epochs are wrong, since best_epoch counts all calls. A nan is
        an ordinary epoch without an improvement: it adds one to the waiting, and one to the number of the epoch. So let
        it run through the same lines as every bad value.
    """,
    source="COURSE A4.6",
)

EarlyStopping.mistake(
    "epochs counted from 1",
    edits=[("self.epoch = 0", "self.epoch = 1")],
    core=True,
    hint="""
        Your best_epoch is one too large. The statement counts from 0, like range and like the index into a list of
        losses: the first call of step is epoch 0. So if the first value is the best one, best_epoch is 0. The purpose
        of this number is to find the stored weights of the best model again, and with an index that is off by one you
        would load those of the epoch after it. Look at the order of two things in step: when you store the epoch, and
        when you add one to it.
    """,
    source="COURSE A4.6",
)

EarlyStopping.mistake(
    "compared with the value before",
    edits=[
        (
            "        if math.isnan(value):",
            "        if self.epoch:\n            self.best = self.before\n"
            "        self.before = value\n        if math.isnan(value):",
        )
    ],
    core=True,
    hint="""
        You compare each value with the one just before it. Then a curve that jumps up and down improves in every second
        epoch, though it gets nowhere, and you never stop. The comparison has to be with the best value so far, which
        changes only when something better comes. A run such as 1.0, 2.0, 1.5 shows the difference: 1.5 is better than
        the value before it, but the best is still 1.0, so it is the second epoch without an improvement. Keep the best
        value in an attribute, and let only an improvement change it.
    """,
    source="own",
)

EarlyStopping.mistake(
    "min_delta as a share",
    edits=[
        ("self.best + self.min_delta", "self.best * (1 + self.min_delta)"),
        ("self.best - self.min_delta", "self.best * (1 - self.min_delta)"),
    ],
    core=True,
    hint="""
        You treat min_delta as a share: with 0.25 you ask for an improvement by 25 percent of the best value. torch's
        scheduler does this by default, and for a loss that runs over many powers of ten it makes sense. The statement
        means an absolute difference, as in Keras: the new value must be better by more than min_delta. A share is also
        risky, since for values below zero, such as a log-likelihood, the factor moves the bar in the wrong direction.
        Add or subtract min_delta itself.
    """,
    source="own; ReduceLROnPlateau's threshold_mode='rel'",
)

EarlyStopping.mistake(
    "best starts at 0",
    edits=[
        ("self.best = None", "self.best = 0.0 if mode == 'max' else math.inf"),
        ("self.best_epoch = None", "self.best_epoch = 0"),
    ],
    hint="""
        For mode="max" your best value starts at 0, a number which never came. An accuracy is never below 0, so you may
        not notice. But a log-likelihood, a negative error or a reward is often negative for the whole run, and then
        nothing ever beats your 0: best shows a value that nobody measured, and the run stops after the first few epochs
        although it improves all the time. The first real value has to become the best one, whatever it is. Start with a
        value that everything beats, or with no value at all.
    """,
    source="own",
)

EarlyStopping.mistake(
    "bell rings only once",
    edits=[
        (
            "        return self.wait >= self.patience",
            "        if self.wait >= self.patience:\n            self.wait = 0\n            return True\n"
            "        return False",
        )
    ],
    hint="""
        You set the counter back to 0 when you say stop. If training goes on nevertheless, your stopper waits for its
        whole patience again before it says stop a second time. The statement says what step returns at any time: True
        if the number of epochs since the last improvement is at least the patience, and this is still so one epoch
        later. Only an improvement may set the counter back. Schedulers that lower the learning rate do reset their
        counter like you, since each of them should get a new chance; a stopper does not.
    """,
    source="own; ReduceLROnPlateau resets",
)

EarlyStopping.mistake(
    "once stopped, always stopped",
    edits=[
        (
            "        return self.wait >= self.patience",
            "        self.stopped = getattr(self, 'stopped', False) or self.wait >= self.patience\n"
            "        return self.stopped",
        )
    ],
    hint="""
        Once your stopper has said stop, it says so forever, even if a later value is the best of all. Of course
        training usually ends at the first stop. But the statement defines what step returns after any number of calls:
        it looks at the epochs since the last improvement, and after an improvement this number is 0. So someone who
        lets a run go on to see what would have happened gets a useful answer. Return what the counter says now, and do
        not remember earlier answers.
    """,
    source="own",
)


@EarlyStopping.mistake(
    "shared by all stoppers",
    hint="""
        What your stopper remembers is stored in the class and not in the object. A list or a number that is written
        directly under the class line exists only once, and all the stoppers share it. With one stopper you cannot see
        it. With two, for instance one for the loss and one for the accuracy, each changes the best value of the other;
        and a second training run begins with the memory of the first. Everything that a stopper remembers has to be
        created in __init__, on self, so that each new object starts with its own.
    """,
    source="COURSE A4.6",
)
class _SharedByAll:
    best: float | None = None
    best_epoch: int | None = None
    epoch = wait = 0

    def __init__(self, patience, min_delta=0.0, mode="min"):
        self.patience, self.min_delta, self.mode = patience, min_delta, mode
        cls = type(self)
        cls.best = cls.best_epoch = None
        cls.epoch = cls.wait = 0

    def step(self, value):
        cls = type(self)
        sign = -1 if self.mode == "max" else 1
        if value == value and (cls.best is None or sign * value < sign * cls.best - self.min_delta):
            cls.best, cls.best_epoch = value, cls.epoch
            cls.wait = 0
        else:
            cls.wait += 1
        cls.epoch += 1
        return cls.wait >= self.patience


EarlyStopping.mistake(
    "nothing returned while training goes on",
    edits=[
        ("        return self.wait >= self.patience", "        if self.wait >= self.patience:\n            return True")
    ],
    hint="""
        You return True at a stop, and nothing at all otherwise. A function without a return gives None. In an if it
        behaves like False, so your training loop works, but the statement asks for a boolean, and other uses break:
        results that are collected in a list or an array, a comparison with False, or a sum of the stops. Return the
        value of the condition itself; it is True or False in both cases, and the function becomes one line shorter.
    """,
    source="own",
)
