"""`gmm_log_prob(x, log_w, mu, log_sigma)`: log-density of a mixture of Gaussians in one dimension."""

import math

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _gmm_log_prob(x, log_w, mu, log_sigma):
    z = (x[:, None] - mu) / np.exp(log_sigma)  # (N, K)
    log_normal = -0.5 * z**2 - log_sigma - 0.5 * math.log(2 * math.pi)
    log_joint = log_w + log_normal
    m = np.max(log_joint, axis=1, keepdims=True)
    total = np.sum(np.exp(log_joint - m), axis=1)
    return m[:, 0] + np.log(total)


# Other right ways -----------------------------------------------------------------------------------------------------


def _component_by_component(x, log_w, mu, log_sigma):
    result = np.full(x.shape, -np.inf, dtype=np.result_type(x, log_w, mu, log_sigma))
    for k in range(len(mu)):
        distance = (x - mu[k]) * np.exp(-log_sigma[k])
        term = log_w[k] - log_sigma[k] - 0.5 * math.log(2 * math.pi) - 0.5 * distance * distance
        result = np.logaddexp(result, term)
    return result


def _pure_loops(x, log_w, mu, log_sigma):
    result = []
    for value in x.tolist():
        terms = [
            w - s - 0.5 * math.log(2 * math.pi) - 0.5 * ((value - m) / math.exp(s)) ** 2
            for w, m, s in zip(log_w.tolist(), mu.tolist(), log_sigma.tolist(), strict=True)
        ]
        top = math.nan if any(math.isnan(t) for t in terms) else max(terms)
        result.append(top + math.log(math.fsum(math.exp(t - top) for t in terms)))
    return np.array(result, dtype=np.result_type(x, log_w, mu, log_sigma))


def _torch_broadcast(x, log_w, mu, log_sigma):
    x, log_w, mu, log_sigma = (torch.tensor(np.array(a)) for a in (x, log_w, mu, log_sigma))
    terms = log_w - log_sigma - 0.5 * math.log(2 * math.pi) - 0.5 * ((x[:, None] - mu) / log_sigma.exp()) ** 2
    m = terms.amax(dim=1, keepdim=True)
    return (m.squeeze(1) + (terms - m).exp().sum(dim=1).log()).numpy()


# Library one-liners ---------------------------------------------------------------------------------------------------


def _scipy_norm(x, log_w, mu, log_sigma):
    from scipy.special import logsumexp
    from scipy.stats import norm

    terms = [log_w[k] + norm.logpdf(x, loc=mu[k], scale=np.exp(log_sigma[k])) for k in range(len(mu))]
    return logsumexp(terms, axis=0).astype(np.result_type(x, log_w, mu, log_sigma))


def _torch_mixture(x, log_w, mu, log_sigma):
    from torch.distributions import Categorical, MixtureSameFamily, Normal

    x, log_w, mu, log_sigma = (torch.tensor(np.array(a)) for a in (x, log_w, mu, log_sigma))
    components = Normal(mu, log_sigma.exp(), validate_args=False)
    weights = Categorical(logits=log_w, validate_args=False)
    return MixtureSameFamily(weights, components, validate_args=False).log_prob(x).numpy()


gmm_log_prob = Exercise(
    reference=_gmm_log_prob,
    accepted={
        "one component after the other": _component_by_component,
        "pure Python loops": _pure_loops,
        "torch, broadcast": _torch_broadcast,
    },
    witnesses={"scipy.stats.norm and logsumexp": _scipy_norm, "torch MixtureSameFamily": _torch_mixture},
    banned=("torch.logsumexp", "torch.distributions", "torch.nn", "torch.special", "scipy"),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@gmm_log_prob.check(
    "one component: the log-density of a Gaussian",
    points=0.5,
    hint="Write the log of the Gaussian density on paper; it has three terms.",
)
def _by_hand(f, rng):
    mu, sigma = rng.uniform(1, 4, size=2)
    return typed(f(mu + sigma * np.array([0.0, 1.0, -2.0]), np.zeros(1), np.array([mu]), np.log([sigma])))


def _mixture(rng, size):
    w = rng.dirichlet(np.full(size, 3.0))
    return np.log(w), rng.normal(scale=3.0, size=size), rng.uniform(-1.2, 0.9, size=size)


@gmm_log_prob.check(
    "random mixtures",
    points=0.75,
    hint="Each component contributes its log-weight plus its log-density.",
)
def _random_mixtures(f, rng):
    seen = []
    for size, number in ((2, 7), (5, 3), (4, 4)):
        log_w, mu, log_sigma = _mixture(rng, size)
        seen.append(typed(f(rng.normal(scale=4.0, size=number), log_w, mu, log_sigma)))
    return seen


def _theory_of_integral(rng):
    log_w, mu, _ = _mixture(rng, 3)
    return {"mass": 1.0, "mean": np.sum(np.exp(log_w) * mu)}


@gmm_log_prob.check(
    "the density integrates to 1 and has the right mean",
    points=0.25,
    expect=_theory_of_integral,
    hint="exp of your result is a density: over all x it must integrate to 1.",
)
def _integral(f, rng):
    log_w, mu, log_sigma = _mixture(rng, 3)
    grid = np.linspace(-40, 40, 4001)
    log_p = f(grid, log_w, mu, log_sigma)
    p = np.exp(log_p)
    return {"mass": np.sum(p) * (grid[1] - grid[0]), "mean": np.sum(p * grid) * (grid[1] - grid[0])}


@gmm_log_prob.check(
    "far from all components, and very narrow components",
    points=0.75,
    hint="Far away every density underflows to 0; its log is an ordinary number.",
)
def _tails(f, rng):
    log_w, mu, log_sigma = _mixture(rng, 3)
    x = np.concatenate([rng.uniform(80, 120, 2), -rng.uniform(3e3, 9e3, 2), rng.normal(size=3)])
    return [typed(f(x, log_w, mu, log_sigma)), typed(f(x[4:], log_w, mu, log_sigma - 40))]


@gmm_log_prob.check(
    "a component of weight 0; nan stays in its own place",
    points=0.25,
    hint="A log-weight of -inf must act as if the component were not there.",
)
def _special_values(f, rng):
    log_w, mu, log_sigma = _mixture(rng, 3)
    log_w = np.append(log_w, -np.inf)[[0, 3, 1, 2]]
    mu, log_sigma = np.insert(mu, 1, rng.normal()), np.insert(log_sigma, 1, 0.3)
    x = rng.normal(scale=3.0, size=5)
    x[2], x[4] = np.nan, mu[1] + 60
    return typed(f(x, log_w, mu, log_sigma))


@gmm_log_prob.check(
    "dtype of the result, and the inputs are left as they were",
    points=0.5,
    rtol=1e-5,
    atol=1e-5,
    hint="All float32 gives float32, integers work too, and you may not write into the inputs.",
)
def _dtypes_and_input(f, rng):
    log_w, mu, log_sigma = _mixture(rng, 3)
    x = rng.normal(scale=3.0, size=6)
    single = [array.astype(np.float32) for array in (x, log_w, mu, log_sigma)]
    return [
        kept(f, x.copy(), log_w.copy(), mu.copy(), log_sigma.copy()),
        kept(f, locked(x), locked(log_w), strided(mu), strided(log_sigma)),
        kept(f, rng.integers(-5, 6, size=4), log_w, np.array([-2, 0, 3]), log_sigma),
        kept(f, *single),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


@gmm_log_prob.mistake(
    "log taken of the density",
    core=True,
    hint="""
        You compute the density of the mixture and take its log at the end. Near the components this is right. Far away
        it is not: a standard normal density at 100 is e^-5000, which underflows to 0, and your log is -inf, although
        the answer is about -5000.9. One such outlier in the data and the log-likelihood of the whole data set is -inf.
        Stay in log space from the beginning: write the log-density of each component, add its log-weight, and put the
        components together with the stable logsumexp that you know from this notebook.
    """,
    source="COURSE A1.11",
)
def _log_of_density(x, log_w, mu, log_sigma):
    sigma = np.exp(log_sigma)
    normal = np.exp(-0.5 * ((x[:, None] - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    return np.log(np.sum(np.exp(log_w) * normal, axis=1))


gmm_log_prob.mistake(
    "log σ forgotten",
    edits=[("-0.5 * z**2 - log_sigma - 0.5", "-0.5 * z**2 - 0.5")],
    core=True,
    hint="""
        You forgot that the width of a Gaussian also sets its height. A density must integrate to 1, so a component that
        is twice as wide is half as high: there is a factor 1/σ in front of the exponential. In the log it becomes a
        term with log σ, and you have that number as an input already. For σ = 1 this term is 0, so the standard normal
        cannot show the mistake. Without it, a mixture that is fitted to data would make its components wider and wider,
        since nothing punishes width any more. Write the density on paper and take the log factor by factor.
    """,
    source="COURSE A1.11",
)

gmm_log_prob.mistake(
    "2π forgotten",
    edits=[(" - 0.5 * math.log(2 * math.pi)", "")],
    core=True,
    hint="""
        Your result is too large by the same number everywhere, 0.9189, which is half of the log of 2π. It is the
        constant of the Gaussian density. When you only compare two points or compute a gradient, it cancels, and that
        is why many texts leave it out. But here the log-density itself is asked for, and without the constant the
        density does not integrate to 1: its mass is 2.5066. When log-likelihoods of different models are compared,
        everybody must use the same constant. Start from the full formula of the density and take the log of each
        factor.
    """,
    source="COURSE A1.11",
)

gmm_log_prob.mistake(
    "2π without the root",
    edits=[("0.5 * math.log(2 * math.pi)", "math.log(2 * math.pi)")],
    core=True,
    hint="""
        Your result is too small by 0.9189 everywhere. The Gaussian density in one dimension is divided by the square
        root of 2π, and in the log a square root becomes a factor of one half. You subtract the whole log of 2π. The
        version without the half belongs to two dimensions, where the constant appears twice. A quick check: a standard
        normal at 0 has the density 0.3989, whose log is -0.9189, and you return -1.8379. Take the log of each factor of
        the density on paper, and watch what happens to the root.
    """,
    source="own",
)

gmm_log_prob.mistake(
    "log σ read as log σ²",
    edits=[("/ np.exp(log_sigma)", "/ np.exp(0.5 * log_sigma)"), ("z**2 - log_sigma", "z**2 - 0.5 * log_sigma")],
    core=True,
    hint="""
        You treat the third parameter as the log of the variance. Many networks predict a log-variance, so this is a
        natural guess, but here the name is log_sigma: the log of the standard deviation. The variance is σ², so its log
        is twice the number that you are given. With σ = 1 both logs are 0 and there is no difference, so the standard
        normal cannot show it. Go through your code and look at each place where the width comes in, the scaled distance
        and the term for the height; each of them needs σ itself, which is e to the power of log_sigma.
    """,
    source="own",
)

gmm_log_prob.mistake(
    "log σ used as σ",
    edits=[("/ np.exp(log_sigma)", "/ log_sigma")],
    core=True,
    hint="""
        You divide the distance from the mean by log_sigma itself. The input is the logarithm of the standard deviation;
        it can be 0 or negative, and a width can be neither. For a standard normal the log is 0, and you divide by zero.
        People store log σ because a network may output any real number, and e to that number is always a valid width.
        So undo the log first, and then measure the distance in units of σ. In the term for the height, the log is
        wanted as it is. Check both places, and the sign of what you divide by.
    """,
    source="own",
)

gmm_log_prob.mistake(
    "one half forgotten in the square",
    edits=[("-0.5 * z**2", "-(z**2)")],
    core=True,
    hint="""
        The exponent of the Gaussian is minus one half of the squared distance in units of σ, and your half is missing.
        At the mean there is no difference, since the distance is 0 there, so a test at the center cannot find it. At a
        distance of one σ your log-density is too small by 0.5, and at two σ by 2. Without the half you describe a
        narrower bell, with a variance of one half, and then the constant in front does not belong to it: the density
        integrates to 0.7071 in place of 1. Compare your formula with the density, factor by factor.
    """,
    source="own",
)

gmm_log_prob.mistake(
    "distance divided by the root of σ",
    edits=[("/ np.exp(log_sigma)  #", "/ np.sqrt(np.exp(log_sigma))  #")],
    core=True,
    hint="""
        In your exponent the squared distance is divided by σ, not by σ². The variance is what stands there in the
        formula, and the variance is the square of σ. With the distance scaled first and squared afterwards, you must
        divide by σ itself before you square. With σ = 1 nothing changes, so test with a wider component: one σ away
        from the mean the log-density must be exactly 0.5 below its value at the mean, whatever σ is. Your result
        differs from that. Look at the line where you scale the distance, and at the term for the height, which must fit
        it.
    """,
    source="own",
)

gmm_log_prob.mistake(
    "weights multiply the logs",
    edits=[
        ("log_joint = log_w + log_normal", "log_joint = np.exp(log_w) * log_normal"),
        (
            "    m = np.max(log_joint, axis=1, keepdims=True)\n"
            "    total = np.sum(np.exp(log_joint - m), axis=1)\n"
            "    return m[:, 0] + np.log(total)",
            "    return np.sum(log_joint, axis=1)",
        ),
    ],
    core=True,
    hint="""
        You take the weighted mean of the log-densities. A mixture is the weighted mean of the densities, and the log
        comes after it; the two cannot be exchanged. Your number is always too small, which is Jensen's inequality,
        except when there is only one component. It describes a product of experts and not a mixture: a point that is
        far from one single component gets a terrible score, although another component explains it well. In a sum of
        densities one good component is enough. So add the log-weight to each log-density, and then combine the
        components with a logsumexp.
    """,
    source="own; log of a mean read as a mean of logs",
)

gmm_log_prob.mistake(
    "weights forgotten",
    edits=[("log_joint = log_w + log_normal", "log_joint = log_normal")],
    core=True,
    hint="""
        Your function never uses log_w, so each component counts fully. Then the density integrates to the number of
        components and not to 1, and rare components count as much as common ones. The weight of a component is the
        probability that a point comes from it; it multiplies the density. In log space a factor is a term, so the
        log-weight must be added to the log-density of its component, before the components are combined. With a single
        component the weight is 1 and its log is 0, so that case cannot show the mistake. Test with two components of
        different weights.
    """,
    source="own",
)

gmm_log_prob.mistake(
    "only the best component",
    edits=[("m[:, 0] + np.log(total)", "m[:, 0]")],
    core=True,
    hint="""
        You return the largest term over the components, so that each point is explained by one component only. Where
        the components are far apart this is nearly right, because the largest term wins anyway. Where they overlap it
        is too small: two equal components with weights of one half are together a single Gaussian, and your result for
        it is too small by log 2. The density of a mixture is a sum, so in log space you need a logsumexp over the
        components. The maximum is its first part. The log of the sum of the shifted exponentials is missing.
    """,
    source="own; hard assignment as in k-means",
)

gmm_log_prob.mistake(
    "one maximum for all points",
    edits=[
        ("np.max(log_joint, axis=1, keepdims=True)", "np.max(log_joint)"),
        ("m[:, 0] + np.log(total)", "m + np.log(total)"),
    ],
    hint="""
        You use logsumexp, but you subtract one maximum for all points together. It belongs to the point that is
        explained best. For an outlier all terms lie thousands below that maximum; their exponentials underflow to 0,
        and its log-density becomes -inf, as if you had not shifted at all. Each point needs a maximum of its own, taken
        over the components only, so that its largest term is exp(0) = 1. In your array of shape (N, K) the components
        are on axis 1. Test ordinary points and an outlier in the same call: alone, the outlier would come out right.
    """,
    source="COURSE A1.2 global max, in a mixture",
)

gmm_log_prob.mistake(
    "sum over the points",
    edits=[
        ("np.max(log_joint, axis=1, keepdims=True)", "np.max(log_joint, axis=0, keepdims=True)"),
        ("np.sum(np.exp(log_joint - m), axis=1)", "np.sum(np.exp(log_joint - m), axis=0)"),
        ("m[:, 0]", "m[0, :]"),
    ],
    core=True,
    hint="""
        Your logsumexp runs along the wrong axis. You have an array with one row for each point and one column for each
        component, shape (N, K), and you sum over the points. What you get has one number per component, shape (K,). The
        statement asks for one log-density per point, shape (N,): for each point, the sum over the components that might
        have made it. When N and K happen to be equal, even the shape looks right. Choose different numbers for N and K
        in your tests; then a mistake of axes shows up at once.
    """,
    source="own",
)

gmm_log_prob.mistake(
    "log-likelihood of the whole data set",
    edits=[("return m[:, 0] + np.log(total)", "return np.sum(m[:, 0] + np.log(total))")],
    core=True,
    hint="""
        You return one number, the sum over all points. That is the log-likelihood of the data set, which one maximizes
        when a mixture is fitted, and it is right for independent points. But this function returns the log-density of
        each point, shape (N,). The caller may want to look for outliers, compare points, or take a mean over a batch,
        and can add them up without help. Functions that return the finer result are more useful. Leave out the last
        sum, over the points; the sum over the components, inside of the logsumexp, has to stay.
    """,
    source="own",
)

gmm_log_prob.mistake(
    "log forgotten",
    edits=[("return m[:, 0] + np.log(total)", "return np.exp(m[:, 0]) * total")],
    core=True,
    hint="""
        You return the density and not its log. Your computation in log space is fine, but the last step leaves it, and
        then all the care was for nothing: 100 standard deviations away the density is e^-5000, which is 0 as a float,
        and nobody can tell any more how far away the point was. The name of the function ends in log_prob, and the
        standard normal at 0 should give -0.9189, not 0.3989. Stay in log space up to the end: the maximum plus the log
        of the shifted sum. Who needs the density can take exp of it.
    """,
    source="own",
)

gmm_log_prob.mistake(
    "epsilon inside the log",
    edits=[
        (
            "    m = np.max(log_joint, axis=1, keepdims=True)\n"
            "    total = np.sum(np.exp(log_joint - m), axis=1)\n"
            "    return m[:, 0] + np.log(total)",
            "    return np.log(np.sum(np.exp(log_joint), axis=1) + 1e-300)",
        )
    ],
    core=True,
    hint="""
        You add a tiny number to the density, so that the log is never -inf. Now every point that is far away from all
        components gets the same value, about -690.8, whether it is 40 or 4000 standard deviations away. A fit would see
        no difference between them, and its gradient would be 0, so that the components could never move towards these
        points. The true values are ordinary floats, about -5000 at a distance of 100. You can reach them if the
        exponentials are never taken at their full size: shift each point's terms by their maximum first, and add it
        after the log.
    """,
    source="own",
)

gmm_log_prob.mistake(
    "weights protected by an epsilon",
    edits=[("log_joint = log_w + log_normal", "log_joint = np.log(np.exp(log_w) + 1e-8) + log_normal")],
    hint="""
        You turn the log-weights into weights, add a small number, and take the log again, so that a weight of 0 does no
        harm. But a log-weight of -inf does no harm anyway: -inf plus a log-density is -inf, and in the logsumexp its
        term is exactly 0, as if the component were not there. Your addition brings switched-off components back to
        life; far out, where only that component is near, it even decides the result. It also changes all the other
        weights a little. Use the log-weights as they come in. The trip from log space and back is where accuracy is
        lost.
    """,
    source="own",
)
