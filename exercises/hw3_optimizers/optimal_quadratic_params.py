"""`optimal_quadratic_params(L, mu, method)`: the best constants of three methods on a quadratic, and the rate they give."""

import math

import numpy as np

from exercises.bank import Exercise
from exercises.observation import raised, several


def _optimal_quadratic_params(L, mu, method):
    if method == "gd":
        lr = 2 / (L + mu)
        beta = 0.0
        rate = (L - mu) / (L + mu)
        return lr, beta, rate
    if method == "heavy_ball":
        root_L, root_mu = math.sqrt(L), math.sqrt(mu)
        lr = 4 / (root_L + root_mu) ** 2
        beta = ((root_L - root_mu) / (root_L + root_mu)) ** 2
        rate = math.sqrt(beta)
        return lr, beta, rate
    if method == "nesterov":
        root = math.sqrt(3 * L / mu + 1)
        lr = 4 / (3 * L + mu)
        beta = (root - 2) / (root + 2)
        rate = 1 - 2 / root
        return lr, beta, rate
    raise ValueError(f"unknown method {method!r}")


# Other right ways ----------------------------------------------------------------------------------------------------


def _from_the_ends_of_the_spectrum(L, mu, method):
    # Each method is best where the slowest mode at mu and the one at L shrink equally fast: solve for that by bisection.
    def conditions(lr):
        flat, steep = lr * mu, lr * L
        if method == "gd":
            return 0.0, 1 - flat, abs(1 - steep)
        if method == "heavy_ball":
            beta = (1 - math.sqrt(flat)) ** 2  # double root at mu
            middle = 1 + beta - steep
        else:
            beta = (1 - math.sqrt(flat)) / (1 + math.sqrt(flat))
            middle = (1 + beta) * (1 - steep)
        product = beta if method == "heavy_ball" else beta * (1 - steep)
        square = middle**2 / 4 - product
        slow = math.sqrt(product) if square <= 0 else abs(middle) / 2 + math.sqrt(square)
        return beta, 1 - math.sqrt(flat), slow

    if method not in ("gd", "heavy_ball", "nesterov"):
        raise ValueError(method)
    low, high = 1 / L, 4 / L if method == "heavy_ball" else 2 / L
    for _ in range(200):
        lr = (low + high) / 2
        beta, at_mu, at_L = conditions(lr)
        if lr * mu >= 1 or at_L > at_mu * (1 + 1e-12):
            high = lr
        else:
            low = lr
    beta, at_mu, _ = conditions(low)
    return low, beta, at_mu


def _by_condition_number(L, mu, method):
    kappa = L / mu
    if method == "gd":
        rate = 1 - 2 / (kappa + 1)
        return (1 + rate) / L, 0.0, rate
    if method == "heavy_ball":
        rate = 1 - 2 / (kappa**0.5 + 1)
        return (1 + rate) ** 2 / L, rate**2, rate
    if method == "nesterov":
        rate = 1 - 2 / (3 * kappa + 1) ** 0.5
        return (1 - rate) ** 2 / mu, rate / (2 - rate), rate
    raise ValueError(method)


optimal_quadratic_params = Exercise(
    reference=_optimal_quadratic_params,
    accepted={
        "equal speed at both ends, by bisection": _from_the_ends_of_the_spectrum,
        "everything from the condition number": _by_condition_number,
    },
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


def _slowest(lr, beta, method, curvatures):
    """The largest size of a root of each mode's recursion: what is left of the error after one step, in the long run."""
    shrink = 1 - lr * curvatures
    if method == "gd":
        return float(np.max(np.abs(shrink)))
    middle, product = (beta + shrink, beta) if method == "heavy_ball" else ((1 + beta) * shrink, beta * shrink)
    root = np.sqrt((middle**2 - 4 * product).astype(complex))
    return float(np.max(np.maximum(np.abs(middle + root), np.abs(middle - root)) / 2))


_METHODS = ("gd", "heavy_ball", "nesterov")


def _numbers(f, *cases):
    """(lr, beta, rate) in each case `(L, mu, method)`, as Python numbers."""
    return [[float(v) for v in values] for values in several(f, *cases)]


def _at_condition_numbers(f, rng, method, *kappas):
    mu = float(rng.choice([0.25, 0.5, 2.0, 4.0]))
    return _numbers(f, *((kappa * mu, mu, method) for kappa in kappas))


@optimal_quadratic_params.check(
    "gradient descent, by hand",
    points=0.5,
    rtol=1e-6,
    atol=1e-7,
    hint="Put the numbers into the formulas on paper, and compare term by term.",
)
def _gradient_descent(f, rng):
    return _at_condition_numbers(f, rng, "gd", 3, 9)


@optimal_quadratic_params.check(
    "heavy ball, by hand",
    points=0.5,
    rtol=1e-6,
    atol=1e-7,
    hint="Choose a condition number whose root is a whole number, and do it on paper.",
)
def _heavy_ball(f, rng):
    return _at_condition_numbers(f, rng, "heavy_ball", 9, 25)


@optimal_quadratic_params.check(
    "Nesterov, by hand",
    points=0.5,
    rtol=1e-6,
    atol=1e-7,
    hint="Choose a condition number for which the root in the formula is a whole number, and do it on paper.",
)
def _nesterov(f, rng):
    return _at_condition_numbers(f, rng, "nesterov", 5, 16, 40)


@optimal_quadratic_params.check(
    "equal curvatures: one step is enough",
    points=0.25,
    rtol=1e-6,
    atol=1e-6,
    hint="If all curvatures are the same, no momentum is needed and the rate is 0.",
)
def _all_alike(f, rng):
    size = float(rng.uniform(0.1, 20.0))
    return _numbers(f, *((size, size, method) for method in _METHODS))


@optimal_quadratic_params.check(
    "the slowest of 400 modes is as fast as it can be, and the rate says so",
    points=0.75,
    rtol=2e-3,
    hint="The rate must be the one that your lr and beta really give, in the worst direction.",
)
def _rates(f, rng):
    cases = []
    for kappa in (2.0, float(rng.uniform(20, 60)), float(rng.uniform(300, 900))):
        mu = float(10 ** rng.uniform(-2, 1))
        cases += [(kappa * mu, mu, method) for method in _METHODS]
    seen = []
    for (L, mu, method), (lr, beta, rate) in zip(cases, _numbers(f, *cases), strict=True):
        seen.append([1 - _slowest(lr, beta, method, np.geomspace(mu, L, 400)), 1 - rate])
    return seen


@optimal_quadratic_params.check(
    "the scale of the loss, whole numbers, unknown methods",
    points=0.5,
    rtol=1e-6,
    atol=1e-7,
    hint="If L and mu are both c times as large, lr is c times as small, and beta and the rate stay.",
)
def _scale_and_names(f, rng):
    whole = int(rng.integers(2, 9))
    kappa, scale = float(rng.uniform(5, 50)), float(10 ** rng.uniform(-4, 4))
    seen = _numbers(f, *((9 * whole, whole, method) for method in _METHODS))
    scaled = _numbers(f, *((kappa * scale, scale, method) for method in _METHODS))
    seen += [[lr * scale, beta, rate] for lr, beta, rate in scaled]
    return [seen, raised(f, 2.0, 1.0, "newton"), raised(f, 2.0, 1.0, "")]


# Wrong answers, as students write them --------------------------------------------------------------------------------


optimal_quadratic_params.mistake(
    "gradient descent with 1/L",
    edits=[("lr = 2 / (L + mu)", "lr = 1 / L"), ("rate = (L - mu) / (L + mu)", "rate = 1 - mu / L")],
    core=True,
    hint="""
        Your rate 1/L for gradient descent is safe, and most textbooks use it: it works for every convex function whose
        curvature is at most L. But it is not the best one for a quadratic. The steepest direction would be finished in
        a single step, while the flattest one crawls. With a somewhat larger rate the steep direction jumps over its
        minimum and comes back, which makes it slower, and the flat one becomes faster. The best rate is where both
        shrink equally fast. The error in a direction with curvature λ is multiplied by 1 - lr·λ: make the sizes of this
        factor at the two ends of the range equal.
    """,
    source="COURSE A3.10",
)

optimal_quadratic_params.mistake(
    "gradient descent with 2/L",
    edits=[("lr = 2 / (L + mu)", "lr = 2 / L"), ("rate = (L - mu) / (L + mu)", "rate = 1.0")],
    core=True,
    hint="""
        Your rate for gradient descent is 2/L. This is the border of stability: in the steepest direction the factor 1 -
        lr·λ is exactly -1, so the error there jumps from one side to the other for ever and never gets smaller. Any
        rate above it diverges. The best one lies a little below, where the steepest and the flattest direction shrink
        equally fast. Write down the factor for both ends of the range. One of them is positive, the other negative, and
        their sizes should agree; solving this for lr brings L and mu into the formula, not L alone.
    """,
    source="own",
)

optimal_quadratic_params.mistake(
    "beta of the heavy ball not squared",
    edits=[("(root_L + root_mu)) ** 2\n        rate = math.sqrt(beta)", "(root_L + root_mu))\n        rate = beta")],
    core=True,
    hint="""
        Your beta for the heavy ball is the quotient itself; its square is needed. The two numbers are easy to confuse,
        because the quotient is a useful one too: it is the rate. For the heavy ball each mode has two roots, and in the
        best case they are complex, with the product beta. Two numbers of equal size whose product is beta have the size
        square root of beta. So rate and beta are different: the rate is the root of beta. At the condition number 100
        the rate is 9/11, about 0.82, and beta about 0.67; with your beta the rate would be only 0.90.
    """,
    source="COURSE A3.10",
)

optimal_quadratic_params.mistake(
    "rate of the heavy ball is beta",
    edits=[("rate = math.sqrt(beta)", "rate = beta")],
    core=True,
    hint="""
        Your lr and beta for the heavy ball are right. As the rate you return beta, and that is too good to be true. In
        each direction the method obeys a recursion with two roots. At the best setting both roots are complex and
        equally large, and their product is beta. So each one has the size square root of beta, and that is the factor
        by which the error shrinks in a step. At the condition number 100 this is 9/11, about 0.82, while beta is 0.67.
        You can check any rate by running the method for some hundred steps on a quadratic with two directions.
    """,
    source="own",
)

optimal_quadratic_params.mistake(
    "lr of the heavy ball not squared",
    edits=[("lr = 4 / (root_L + root_mu) ** 2", "lr = 4 / (root_L + root_mu)")],
    core=True,
    hint="""
        In your learning rate for the heavy ball the sum of the two roots is not squared. The units show it: L and mu
        are curvatures, and a learning rate times a curvature must be a plain number, so lr has to be one over a
        curvature. Yours is one over the root of a curvature. If both curvatures are 1 there is no difference, so a test
        with 1 does not help. If the loss is multiplied by 100, the gradients are 100 times as large and the steps have
        to be 100 times as short; yours are only 10 times as short, and the method diverges. Look at the exponent once
        more.
    """,
    source="own",
)

optimal_quadratic_params.mistake(
    "heavy ball without the roots",
    edits=[
        ("root_L, root_mu = math.sqrt(L), math.sqrt(mu)", "root_L, root_mu = L, mu"),
        ("lr = 4 / (root_L + root_mu) ** 2", "lr = 4 / (math.sqrt(L) + math.sqrt(mu)) ** 2"),
    ],
    core=True,
    hint="""
        In your beta for the heavy ball L and mu stand without their square roots. The quotient of L - mu and L + mu
        belongs to gradient descent, where it is the rate. The heavy ball has the same form with the roots of the
        curvatures, and this is its whole magic: where gradient descent needs a number of steps that grows like the
        condition number, the heavy ball needs only about the root of it. At the condition number 100 your beta is 0.96
        and the rate 0.98, no better than without momentum; with the roots the rate is 9/11, about 0.82.
    """,
    source="own",
)

optimal_quadratic_params.mistake(
    "heavy ball in the EMA convention",
    edits=[("        rate = math.sqrt(beta)\n", "        rate = math.sqrt(beta)\n        lr = lr / (1 - beta)\n")],
    core=True,
    hint="""
        Your learning rate for the heavy ball is larger than the formula's by the factor 1/(1 - beta). That is right for
        another convention: if the velocity is an average, m = beta·m + (1 - beta)·g, its steps are shorter by 1 - beta,
        and lr must make up for it. In this exercise the convention is the one of Polyak and of torch: the velocity is a
        sum, and the gradient enters it with weight 1. The statement gives the two lines of the update. Such factors
        between conventions are behind many results that nobody can repeat, so always look for the line in which the
        gradient enters.
    """,
    source="MISCONCEPTIONS 76",
)

optimal_quadratic_params.mistake(
    "Nesterov with 1/L",
    edits=[
        ("root = math.sqrt(3 * L / mu + 1)", "root = math.sqrt(L / mu)"),
        ("lr = 4 / (3 * L + mu)", "lr = 1 / L"),
        ("beta = (root - 2) / (root + 2)", "beta = (root - 1) / (root + 1)"),
        ("rate = 1 - 2 / root", "rate = 1 - 1 / root"),
    ],
    core=True,
    hint="""
        Your three numbers for Nesterov's method are the well-known ones for every strongly convex function: the rate
        1/L and a beta with the root of the condition number. They are right in that setting. On a quadratic one knows
        more, since the curvature stays the same everywhere, and better constants exist; they were found much later
        (Lessard, Recht and Packard 2016), and the statement gives them. At the condition number 100 yours have the rate
        0.90, and the best ones have 0.885. Look at the line for Nesterov in the table of the statement, and at the 3 in
        it.
    """,
    source="COURSE A3.10",
)

optimal_quadratic_params.mistake(
    "Nesterov with the heavy ball's constants",
    edits=[('if method == "heavy_ball":', 'if method in ("heavy_ball", "nesterov"):')],
    core=True,
    hint="""
        You use the heavy ball's constants for Nesterov's method as well. The two methods look alike, but the gradient
        is taken at different points: the heavy ball takes it where it stands, Nesterov's method where the momentum is
        about to carry it. In a direction with curvature λ this multiplies the momentum with 1 - lr·λ. So the momentum
        is damped more in steep directions, and the same lr makes them unstable: with the heavy ball's large lr the
        error grows there. Nesterov's method has a line of its own in the table of the statement.
    """,
    source="own",
)

optimal_quadratic_params.mistake(
    "L and mu exchanged in Nesterov's lr",
    edits=[("lr = 4 / (3 * L + mu)", "lr = 4 / (L + 3 * mu)")],
    core=True,
    hint="""
        In your learning rate for Nesterov's method the 3 stands with the wrong curvature. With L + 3·mu in the
        denominator lr is up to three times too large, and the steepest direction, the one with curvature L, diverges:
        each step throws the error further to the other side. The limit for the learning rate always comes from the
        steepest direction, so it is L that needs the larger weight. A quick check: for a large condition number lr
        should be close to 4/(3L), which is a little more than 1/L and well below the 2/L at which even gradient descent
        becomes unstable.
    """,
    source="own",
)

optimal_quadratic_params.mistake(
    "condition number upside down",
    edits=[('    if method == "gd":\n', '    L, mu = mu, L\n    if method == "gd":\n')],
    core=True,
    hint="""
        You use the two curvatures in exchanged roles, as if the condition number were mu/L. The condition number is the
        largest curvature over the smallest, so it is never below 1: 1 is a round bowl, and 100 is a narrow valley. With
        the roles exchanged the rate of gradient descent comes out negative, and a rate is a size, so it can't be. Check
        the order of the arguments: L comes first and is the larger one, the steepness across the valley; mu comes
        second and is the smaller one, the slope along it.
    """,
    source="COURSE A3.10",
)

optimal_quadratic_params.mistake(
    "rate of the loss",
    edits=[
        ("rate = (L - mu) / (L + mu)", "rate = ((L - mu) / (L + mu)) ** 2"),
        ("rate = math.sqrt(beta)", "rate = beta"),
        ("rate = 1 - 2 / root", "rate = (1 - 2 / root) ** 2"),
    ],
    core=True,
    hint="""
        Your lr and beta are right, but every rate is the square of the one asked for. You give the factor by which the
        loss shrinks in a step. The loss of a quadratic goes with the square of the distance to the minimum, so its
        factor is the square of the distance's factor. Both are used in the literature, and this is a common reason why
        two papers seem to disagree by a factor of 2 in the number of steps. The statement asks for the rate of the
        error: how much of the distance to the minimum is left after a step, in the long run.
    """,
    source="own",
)

optimal_quadratic_params.mistake(
    "only right for mu = 1",
    edits=[('    if method == "gd":\n', '    L, mu = L / mu, 1.0\n    if method == "gd":\n')],
    core=True,
    hint="""
        You replace L and mu by the condition number and 1. For beta and the rate this is fine, since they depend on the
        condition number only. The learning rate depends on the size of the curvatures as well. Multiply a loss by 10:
        every gradient is 10 times as large, so lr must be 10 times as small for the same steps. Your lr does not notice
        this; it is right only if mu happens to be 1. Either put the scale back at the end, into lr alone, or use the
        formulas of the statement with L and mu as they are.
    """,
    source="own",
)
