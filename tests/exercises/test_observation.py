"""The helpers with which a check looks at an answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exercises.distance import distance
from exercises.lost import AnswerCrashed, AnswerLost, AnswerOutOfMemory, AnswerTimedOut
from exercises.observation import probe, raised, typed, untouched

lightly = settings(max_examples=50, deadline=None)

DTYPES = [np.bool_, np.int8, np.int64, np.uint8, np.float16, np.float32, np.float64, np.complex128]
arrays = hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


# typed ----------------------------------------------------------------------------------------------------------------


@lightly
@given(arrays)
def test_typed_shows_dtype_and_shape(array):
    seen = typed(array)
    assert (seen["kind"], seen["dtype"], tuple(seen["shape"])) == ("numpy", array.dtype.name, array.shape)
    assert distance(seen["values"], array, rtol=0.0, atol=0.0) == 0.0


@lightly
@given(arrays, arrays)
def test_typed_tells_apart_what_distance_takes_for_the_same(one, other):
    assume(one.dtype != other.dtype or one.shape != other.shape)
    assert distance(typed(one), typed(other), rtol=0.0, atol=0.0) == math.inf


def test_typed_tells_numpy_from_torch():
    ours, theirs = typed(np.zeros(2)), typed(torch.zeros(2, dtype=torch.float64, requires_grad=True))
    assert (ours["kind"], theirs["kind"]) == ("numpy", "torch")
    assert theirs["dtype"] == "torch.float64"
    assert distance(ours, theirs, rtol=1.0, atol=1.0) == math.inf
    assert distance(ours["values"], theirs["values"], rtol=0.0, atol=0.0) == 0.0


def test_python_numbers_count_as_numpy():
    assert distance(typed(1.5), typed(np.float64(1.5)), rtol=0.0, atol=0.0) == 0.0
    assert typed(1.5)["shape"] == []
    assert typed(2)["dtype"] == "int64"


# untouched ------------------------------------------------------------------------------------------------------------


@lightly
@given(hnp.arrays(np.float64, hnp.array_shapes(max_dims=2, max_side=4)), st.data())
def test_one_changed_element_is_seen(array, data):
    place = data.draw(st.tuples(*(st.integers(0, side - 1) for side in array.shape)))
    new = data.draw(st.floats().filter(lambda value: value != array[place] and value == value))

    def spoil(x, y):
        y[place] = new
        return x

    assert untouched(spoil, array.copy(), array.copy()) == [True, False]


@lightly
@given(arrays)
def test_reading_leaves_no_trace(array):
    assert untouched(lambda x, n: (x.sum(), n), array, 3) == [True, True]


def test_changes_inside_containers_and_tensors_are_seen():
    def spoil(state, grads, tensor, unchanged):
        state["m"] = state["m"] + 1
        grads.append(None)
        tensor.mul_(2.0)

    seen = untouched(spoil, {"m": np.zeros(2)}, [np.ones(1)], torch.ones(2), {"t": 0})
    assert seen == [False, False, False, True]


def test_untouched_passes_keywords_and_errors_on():
    def picky(x, *, scale):
        raise KeyError(scale)

    with pytest.raises(KeyError, match="7"):
        untouched(picky, np.zeros(2), scale=7)


def test_a_changed_sign_of_zero_is_seen():
    def negate(x):
        x *= -1.0

    assert untouched(negate, np.zeros(3)) == [False]


def test_an_unused_generator_is_untouched():
    assert untouched(lambda rng: None, np.random.default_rng(0)) == [True]


# raised, probe, what was lost -----------------------------------------------------------------------------------------


def test_raised_names_the_exception():
    def picky(x, word="mean"):
        if word != "mean":
            raise ValueError(word)

    assert raised(picky, 1.0) == "returned"
    assert raised(picky, 1.0, word="average") == "ValueError"
    assert raised(picky) == "TypeError"


@pytest.mark.parametrize("lost", [AnswerTimedOut, AnswerOutOfMemory, AnswerCrashed])
def test_raised_does_not_swallow_a_lost_process(lost):
    def gone():
        raise lost

    with pytest.raises(lost):
        raised(gone)
    assert issubclass(lost, AnswerLost)


def test_probe_runs_where_the_answer_lives():
    def count(answer, start):
        return answer(start) + 1

    assert probe(count, lambda x: 10 * x, start=4) == 41

    class Proxy:
        def __probe__(self, function, inputs):
            return function.__name__, inputs

    assert probe(count, Proxy(), start=4) == ("count", {"start": 4})
