"""`standardize(x)`: subtract the mean, divide by the standard deviation."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import typed, untouched


def _standardize(x):
    x = np.asarray(x, dtype=np.float64)
    mean = np.sum(x) / x.size
    std = np.sqrt(np.sum((x - mean) ** 2) / x.size)
    if np.max(x) == np.min(x):
        return np.zeros_like(x)
    return (x - mean) / std


# Other right ways -----------------------------------------------------------------------------------------------------


def _with_numpy_methods(x):
    x = np.asarray(x).astype(np.float64)
    centred = x - x.mean()
    return centred / x.std() if x.std() > 0 else centred


def _with_math(x):
    numbers = [float(number) for number in x]
    mean = math.fsum(numbers) / len(numbers)
    std = math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / len(numbers))
    return np.array([(number - mean) / std if std else 0.0 for number in numbers])


def _with_torch(x):
    t = torch.tensor(np.asarray(x)).double()
    if t.max() == t.min():
        return torch.zeros_like(t).numpy()
    return ((t - t.mean()) / t.std(correction=0)).numpy()


def _length_of_the_centred_vector(x):
    x = np.array(x, dtype=float)
    x -= np.mean(x)
    length = np.linalg.norm(x)
    return x if length == 0 else x * (math.sqrt(len(x)) / length)


# Library one-liners ---------------------------------------------------------------------------------------------------


def _scipy_zscore(x):
    from scipy.stats import zscore

    return np.nan_to_num(zscore(np.asarray(x, dtype=np.float64)))


def _sklearn_scale(x):
    from sklearn.preprocessing import scale

    return scale(np.asarray(x, dtype=np.float64))


standardize = Exercise(
    reference=_standardize,
    accepted={
        "x.mean() and x.std()": _with_numpy_methods,
        "loops, with math": _with_math,
        "torch": _with_torch,
        "length of the centred vector": _length_of_the_centred_vector,
    },
    witnesses={"scipy.stats.zscore": _scipy_zscore, "sklearn.preprocessing.scale": _sklearn_scale},
    banned=("scipy.stats", "sklearn"),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _hours(rng):
    """Hours as students report them: quarters of an hour, most of them moderate, one far out. Sums are exact."""
    return np.concatenate([rng.integers(8, 160, size=8) / 4, [float(rng.integers(60, 140))]])


@standardize.check(
    "mean 0 and standard deviation 1",
    points=1,
    hint="Print the mean and the standard deviation of what you return.",
)
def _ordinary(f, rng):
    return [typed(f(_hours(rng))), typed(f(rng.normal(size=5)))]


@standardize.check(
    "the unit and the starting point do not matter",
    points=1,
    atol=1e-8,  # next to 2^22 a float64 is good to 5e-10
    hint="Hours and minutes must give the same answer, and so must hours that all lie millions later.",
)
def _other_units(f, rng):
    """The same hours in minutes, in years, and as times counted from a far-away starting point."""
    hours = _hours(rng)
    return [f(hours * 60), f(hours / 8760), f(hours + 2.0**22)]


@standardize.check(
    "whole numbers in, float64 out",
    points=0.5,
    hint="Give it an array of integers and print the dtype of what comes back.",
)
def _whole_numbers(f, rng):
    return [typed(f(rng.integers(0, 100, size=7))), typed(f(rng.integers(-5, 6, size=5).astype(np.int32)))]


@standardize.check(
    "all numbers equal gives zeros",
    points=1,
    hint="What is the standard deviation of four equal numbers, and what happens when you divide by it?",
)
def _all_equal(f, rng):
    constant = np.full(4, float(rng.integers(1, 50)))
    return [typed(f(constant)), typed(f(constant[:1])), typed(f(_hours(rng)))]


@standardize.check("the input is left as it was", points=0.5, hint="Print the input before and after the call.")
def _untouched(f, rng):
    hours = _hours(rng)
    return [untouched(f, hours.copy()), f(hours.copy())]


# Wrong answers, as students write them --------------------------------------------------------------------------------


standardize.mistake(
    "divided by n - 1",
    edits=[("np.sum((x - mean) ** 2) / x.size", "np.sum((x - mean) ** 2) / max(x.size - 1, 1)")],
    core=True,
    hint="""
        Your numbers are all a little too small, by one common factor. You divide the sum of squares by n − 1 and not by
        n. Both are called standard deviation. The one with n − 1 estimates the spread of a large population from a
        sample; torch and pandas use it unless they are told otherwise. The one with n describes the numbers you have,
        and numpy uses it. The statement asks for the second, because then the numbers that come out have a standard
        deviation of exactly 1. In deep learning it is the usual choice: batch normalisation divides by n as well. Look
        at which of the two your function uses, and whether it has an argument that switches between them.
    """,
)

standardize.mistake(
    "divided by the variance",
    edits=[("np.sqrt(np.sum((x - mean) ** 2) / x.size)", "np.sum((x - mean) ** 2) / x.size")],
    core=True,
    hint="""
        You subtract the mean and then divide by the variance. The variance is the mean of the squared distances, so its
        unit is hours squared; the standard deviation is its square root, and its unit is hours again. Only hours
        divided by hours give a plain number. That is a useful habit: carry the units along, and many mistakes show
        themselves. Try the same data in minutes. The answer should not change at all, but yours becomes sixty times
        smaller. A slide of this lecture plays with the same confusion: it writes a normal distribution with a standard
        deviation in the place where most books write a variance. Which of the two do you have, and what turns it into
        the other?
    """,
)

standardize.mistake(
    "mean not subtracted",
    edits=[("return (x - mean) / std", "return x / std")],
    core=True,
    hint="""
        You divide by the standard deviation, but the mean is still in your result. The numbers have the right spread
        and the wrong centre. Standardizing has two steps. The first moves the centre: after subtracting the mean, the
        numbers below average are negative and those above are positive. The second sets the scale. A standardized
        number then says at once how unusual a value is: plus two means two standard deviations above average. Yours
        cannot say that, because a student with perfectly average hours gets a large positive number. Print the mean of
        what you return. It should be 0, up to the last digits of a float.
    """,
)

standardize.mistake(
    "not divided",
    edits=[("return (x - mean) / std", "return x - mean")],
    core=True,
    hint="""
        You subtract the mean, which is the first of two steps, and stop there. The centre is right, but the scale is
        still that of the input: hours come out as hours. Standardizing makes the spread equal to 1 as well, so that
        numbers with different units can be compared: hours with points, pixels with temperatures. Networks train better
        on such inputs, since no feature is a thousand times louder than another. Print the standard deviation of what
        you return; it should be 1. Then try the same data in minutes: the answer should not change. What is left to do
        is to divide by the spread of the numbers you started with.
    """,
)

standardize.mistake(
    "divided first",
    edits=[("return (x - mean) / std", "return x / std - mean")],
    core=True,
    hint="""
        You do both steps, but in the wrong order: first you divide by the standard deviation, then you subtract the
        mean of the original numbers. After the division the numbers live on another scale, and their mean has been
        divided too, so the old mean no longer fits. Perhaps a pair of brackets is missing: a division binds more
        tightly than a subtraction, in Python as on paper. Print the mean of what you return; it should be 0. Then work
        out one number by hand, say 40 hours with a mean of 20 and a standard deviation of 10. It lies two standard
        deviations above the mean, so the answer must be 2.
    """,
)

standardize.mistake(
    "scaled to [0, 1]",
    edits=[("return (x - mean) / std", "return (x - np.min(x)) / (np.max(x) - np.min(x))")],
    core=True,
    hint="""
        You move the smallest number to 0 and the largest to 1. That is a useful scaling, and it has a name of its own,
        min-max scaling, but it is not standardizing. Look at homework hours: nearly everybody needed between 5 and 50,
        and one person 140. Then that single person alone decides the scale, and all the others are squeezed together in
        the lowest third. The mean and the standard deviation listen to every number, so one strange value moves them
        less. The statement asks for a mean of 0 and a standard deviation of 1. Print both for what you return, and look
        again at what is subtracted and what you divide by.
    """,
)

standardize.mistake(
    "median for the mean",
    edits=[("mean = np.sum(x) / x.size", "mean = np.median(x)")],
    hint="""
        You use the median as the centre. For homework hours that is a sensible thought: one person with 140 hours pulls
        the mean up and leaves the median where it is. But here the statement asks for the mean, and the numbers you
        return should average to 0 exactly. With the median as the centre they do not, and the spread around it comes
        out larger than the standard deviation, since the mean is the very point around which the sum of squares is
        smallest. Check it with three numbers on paper, two close together and one far away. Centre and spread belong
        together: standard deviation goes with the mean.
    """,
)

standardize.mistake(
    "0/0 for equal numbers",
    edits=[("    if np.max(x) == np.min(x):\n        return np.zeros_like(x)\n", "")],
    core=True,
    hint="""
        Your formula is right. One case is missing: numbers that are all equal. Their standard deviation is 0, every
        distance from the mean is 0 as well, and 0 divided by 0 is nan, “not a number”. Such columns are common in real
        data: in the digits images of this lecture, the corner pixels are black in every picture. A single nan spreads:
        it goes through each sum and each product, and in the end all the weights of a network are nan. The statement
        says what to return here: zeros, since no number differs from the average. Ask for this case before you divide,
        and answer it separately. Do not add a tiny number below the fraction line; that would change all the other
        answers too.
    """,
)

standardize.mistake(
    "tiny number added to the divisor",
    edits=[
        ("    if np.max(x) == np.min(x):\n        return np.zeros_like(x)\n", ""),
        ("return (x - mean) / std", "return (x - mean) / (std + 1e-6)"),
    ],
    hint="""
        You add a tiny number to the standard deviation, so that you never divide by 0. Equal numbers now give zeros, as
        they should. But all the other answers are a little off, and how much depends on the unit. For hours nobody sees
        it. For the same times in years, the standard deviation is a few thousandths, and your tiny number is no longer
        tiny beside it. The statement says that the unit does not matter, and with a constant in the formula it always
        does. (Layers such as batch normalisation do add a constant; there it is part of the definition.) Treat the one
        bad case by itself: ask whether the standard deviation is 0, and leave the formula alone.
    """,
)

standardize.mistake(
    "mean of squares minus square of the mean",
    edits=[("np.sqrt(np.sum((x - mean) ** 2) / x.size)", "np.sqrt(max(np.sum(x**2) / x.size - mean**2, 0.0))")],
    hint="""
        You compute the variance as the mean of the squares minus the square of the mean. On paper that is the same. In
        floating point it loses digits when the numbers lie far from 0: next to a million both squares are near 1e12,
        they agree in almost all their digits, and when you subtract them only the rounding is left over. This is called
        cancellation, and it is a theme of the whole lecture: two formulas that are equal on paper can be very different
        in a computer. Subtract the mean first, while the numbers are still exact, and square the small distances
        afterwards. The order of two steps is all that has to change.
    """,
)


@standardize.mistake(
    "whole numbers kept",
    hint="""
        For numbers with a decimal point your answer is right. For whole numbers, yours are cut off to whole numbers as
        well: almost everything becomes 0, 1 or −1. The reason is the array you write into. It was made in the likeness
        of the input, and so it took over the input's type; an array of integers can hold integers only, and it cuts off
        whatever you put into it, without a word. Standardized numbers are fractions by nature. So make sure early on
        that you work with float64, whatever came in. Then print the dtype of your result for an input of whole numbers,
        and compare it with the statement.
    """,
)
def _whole_numbers_kept(x):
    result = np.zeros_like(x)
    mean, std = np.mean(x), np.std(x)
    for i in range(len(x)):
        result[i] = (x[i] - mean) / std if std > 0 else 0
    return result


standardize.mistake(
    "input changed",
    edits=[
        (
            "x = np.asarray(x, dtype=np.float64)\n    mean = np.sum(x) / x.size",
            "x = np.asarray(x, dtype=np.float64)\n    mean = np.sum(x) / x.size\n    x -= mean\n    mean = 0.0",
        )
    ],
    hint="""
        Your numbers are right, but your function leaves a trace: after the call, the caller's array has lost its mean.
        An operator such as minus-equals does not make a new array, it writes into the old one; and turning an array of
        float64 into an array of float64 does not copy it either, so the old one is the caller's. The next cell that
        uses the hours finds negative hours. Because the first result looks perfect, such mistakes are found late, often
        after the second run of a cell. Write the step as an ordinary expression and give its result a name of its own.
        In this course no function may change its inputs, unless the statement says so.
    """,
)
