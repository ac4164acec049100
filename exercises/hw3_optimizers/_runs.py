"""Runs of an optimizer's step function: probes that drive it where it lives, and gradients to drive it with.

A probe makes many calls for one crossing of the wall, and in it two names for one array stay two names for one array,
so that a state which shares memory with the gradient shows itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from exercises.observation import Answer, Observation, probe, typed

# Probes: sent as source, so each stands alone -----------------------------------------------------------------------


def _follow(step, runs):
    """The path of w in each run `(w, gradients, hyper, later)`; `later` changes the hyperparameters halfway."""
    import numpy as np

    paths = []
    for start, gradients, hyper, later in runs:
        w, state, path = np.array(start), None, []
        for number, g in enumerate(gradients):
            settings = {**hyper, **later} if 2 * number >= len(gradients) else hyper
            w, state = step(w, np.array(g), state, **settings)
            path.append(np.array(w, dtype=np.float64))
        paths.append(np.array(path))
    return paths


def _spy(step, start, before, first, second, hyper):
    """What a step leaves behind: in its inputs, in the state it was given, and in arrays that the caller uses again."""
    import numpy as np

    arguments = []
    w, state = np.array(start), None
    for gradient in before:
        w_given, g_given = np.array(w), np.array(gradient)
        w_new, state = step(w_given, g_given, state, **hyper)
        w = np.array(w_new)
        arguments.append([w_given, g_given, w])

    branches = []
    for gradients in (first, second, first):  # each from the same w and the same old state
        v, branch = np.array(w), state
        for gradient in gradients:
            v, branch = step(np.array(v), np.array(gradient), branch, **hyper)
        branches.append(np.array(v))

    path = []
    w, g, state = np.array(start), np.zeros_like(start), None
    for gradient in (*before, *first):  # one array for w and one for g, as a training loop has them
        g[...] = gradient
        w_new, state = step(w, g, state, **hyper)
        w_new = np.array(w_new)
        path.append(w_new)
        g[...] = 7.0
        w[...] = w_new
    return {"arguments": arguments, "branches": branches, "reused arrays": path}


def _each(step, cases):
    """w at the end of each short run `(w, gradients, hyper)`; or the name of the exception it raised."""
    results = []
    for start, gradients, hyper in cases:
        try:
            w, state = start, None
            for g in gradients:
                w, state = step(w, g, state, **hyper)
            results.append(w)
        except NotImplementedError:
            raise
        except Exception as error:
            results.append(next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"))
    return results


def _in_turn(step, starts, gradients, hyper):
    """Several parameters, each with its own state, stepped in turn; the path of all of them."""
    import numpy as np

    weights, states, path = [np.array(w) for w in starts], [None] * len(starts), []
    for row in gradients:
        for index, g in enumerate(row):
            weights[index], states[index] = step(weights[index], np.array(g), states[index], **hyper)
        path.append([np.array(w, dtype=np.float64) for w in weights])
    return path


# Observations -------------------------------------------------------------------------------------------------------


def paths(f: Answer, *runs: tuple[Any, ...], scale: float = 1.0) -> Observation:
    """The paths of w in these runs, in units of `scale`."""
    full = [(*run, {}) if len(run) == 3 else run for run in runs]
    return [np.asarray(path) / scale for path in probe(_follow, f, runs=full)]


def ends(f: Answer, *runs: tuple[Any, ...]) -> Observation:
    """The last w of each run `(w, gradients, hyper)`, with its dtype and shape; or the name of the exception raised."""
    return [end if isinstance(end, str) else typed(end) for end in probe(_each, f, cases=list(runs))]


def traces(f: Answer, rng: np.random.Generator, **hyper: Any) -> Observation:
    """w, the gradients and the state it was given after a step: are they what they were?"""
    before, first, second = rng.normal(size=(3, 3, 4)) + 0.5
    start = rng.normal(size=4)
    return probe(_spy, f, start=start, before=list(before), first=list(first), second=list(second), hyper=hyper)


def kinds_of_input(f: Answer, rng: np.random.Generator, **hyper: Any) -> Observation:
    """Shapes, strides, dtypes, zero gradients, nan, and two parameters in turn."""

    def case(w: np.ndarray, gradients: Any) -> tuple[np.ndarray, list[np.ndarray], dict[str, Any]]:
        return w, list(gradients), hyper

    spoilt = rng.normal(size=(3, 4))
    spoilt[0, 1] = np.nan
    wide = rng.normal(size=(3, 2, 6))
    wide.setflags(write=False)
    cases = {
        "shape (2, 3), read-only and strided": case(wide[0, :, ::2], wide[1:, :, 1::2]),
        "0-d": case(np.array(rng.normal()), [np.array(g) for g in rng.normal(size=3)]),
        "whole numbers": case(rng.integers(1, 9, size=3), rng.integers(1, 9, size=(3, 3))),
        "float32": case(rng.normal(size=3).astype(np.float32), rng.normal(size=(3, 3)).astype(np.float32)),
        "a zero gradient beside another": case(rng.normal(size=2), [np.array([0.0, g]) for g in rng.normal(size=3)]),
        "nan": case(rng.normal(size=4), spoilt),
    }
    seen = dict(zip(cases, ends(f, *cases.values()), strict=True))
    starts, gradients = list(rng.normal(size=(2, 2))), [list(row) for row in rng.normal(size=(3, 2, 2))]
    return {**seen, "in turn": probe(_in_turn, f, starts=starts, gradients=gradients, hyper=hyper)}


# Gradients: one row for each step -----------------------------------------------------------------------------------


def dense(rng: np.random.Generator, steps: int = 30, size: int = 4) -> np.ndarray:
    """Noisy gradients of both signs, with a mean that is not 0 and a size of its own in each place."""
    return (rng.normal(size=(steps, size)) + rng.normal(size=size)) * rng.uniform(0.2, 3, size=size)


def sparse(rng: np.random.Generator, steps: int = 30, size: int = 4) -> np.ndarray:
    """Nine in ten are zero; the first place never has a gradient, the last has one at the first step."""
    gradients = rng.normal(size=(steps, size)) * (rng.uniform(size=(steps, size)) < 0.1)
    gradients[:, 0] = 0.0
    gradients[0, -1] = rng.uniform(0.5, 2)
    return gradients


def fading(rng: np.random.Generator, steps: int = 30, size: int = 4) -> np.ndarray:
    """A few large gradients, then small ones: what is remembered of the large ones decides the rest."""
    return rng.normal(size=(steps, size)) * np.where(np.arange(steps) < 3, 10.0, 0.3)[:, None]
