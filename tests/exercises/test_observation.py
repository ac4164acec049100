"""Observations: what is "the same", and by how much two of them differ."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exercises.observation import (
    AnswerCrashed,
    AnswerLost,
    AnswerOutOfMemory,
    AnswerTimedOut,
    distance,
    leaf_pairs,
    probe,
    raised,
    typed,
    untouched,
)

lightly = settings(max_examples=50, deadline=None)

DTYPES = [np.bool_, np.int8, np.int64, np.uint8, np.float16, np.float32, np.float64, np.complex128]
arrays = hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=5) | arrays
observations = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=8,
)
moderate = st.floats(-1e6, 1e6)


# distance -------------------------------------------------------------------------------------------------------------


@lightly
@given(observations)
def test_everything_is_at_distance_0_from_itself(observation):
    assert distance(observation, observation, rtol=0.0, atol=0.0) == 0.0


@lightly
@given(observations, observations)
def test_at_tolerance_0_same_is_mutual(one, other):
    there, back = (distance(*pair, rtol=0.0, atol=0.0) for pair in ((one, other), (other, one)))
    assert (there == 0) == (back == 0)
    assert there in (0.0, math.inf)


@lightly
@given(moderate, st.floats(0.0, 1e3), st.floats(1e-9, 1e-3), st.floats(1e-9, 1e-3))
def test_distance_counts_tolerances(want, steps, rtol, atol):
    got = want + steps * (atol + rtol * abs(want))
    assert distance(got, want, rtol, atol) == pytest.approx(steps, rel=1e-3, abs=1e-3 + 1e-9 * abs(want) / atol)


@lightly
@given(hnp.arrays(np.float64, st.integers(1, 6), elements=moderate), st.data())
def test_the_worst_element_counts(want, data):
    got = want.copy()
    got[data.draw(st.integers(0, want.size - 1))] += 5.0
    assert distance({"a": [got]}, {"a": [want]}, rtol=0.0, atol=1.0) == pytest.approx(5.0, abs=1e-6)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (math.nan, 1.0),
        (1.0, math.nan),
        (math.inf, -math.inf),
        (math.inf, 1e308),
        (1e308, math.inf),
        (math.nan, math.inf),
        (complex(math.nan, 0), 1j),
        (0.0, 5e-324),
        (np.zeros(3), np.zeros(4)),
        (np.zeros(3), np.zeros((3, 1))),
        (np.zeros((1,)), 0.0),
        (np.zeros((0, 2)), np.zeros((2, 0))),
        ([1.0], [1.0, 2.0]),
        ([[1.0]], [1.0]),
        ([], {}),
        ({"a": 1.0}, {"b": 1.0}),
        ("1", 1),
        (None, 0),
        (None, math.nan),
        ("a", "b"),
        (b"a", "a"),
        ({1, 2}, {1, 3}),
        (10**400, 1),
    ],
)
def test_these_are_never_the_same(got, want):
    assert distance(got, want, rtol=0.0, atol=0.0) == math.inf
    assert distance(want, got, rtol=0.0, atol=0.0) == math.inf


@pytest.mark.parametrize("true", [True, np.True_, np.array(True), torch.tensor(True)])
@pytest.mark.parametrize("false", [False, np.False_, np.array(False), torch.tensor(False), 0, 0.0])
def test_no_tolerance_makes_yes_and_no_the_same(true, false):
    assert distance(true, false, rtol=10.0, atol=9.0) == math.inf
    assert distance(false, true, rtol=10.0, atol=9.0) == math.inf
    assert distance(true, 1, rtol=0.0, atol=0.0) == 0.0


def test_one_wrong_boolean_in_an_array_is_seen():
    right = np.array([True, True, False])
    assert distance(torch.tensor(right), right, rtol=0.0, atol=0.0) == 0.0
    assert distance(~right & right, right, rtol=1.0, atol=9.0) == math.inf
    assert distance(np.array([True, False, False]), right, rtol=1.0, atol=9.0) == math.inf


@pytest.mark.parametrize("got", [math.nan, math.inf, -math.inf, np.zeros(2), "0", None, [0.0]])
def test_no_tolerance_reaches_these(got):
    assert distance(got, 0.0, rtol=1e6, atol=1e300) == math.inf


@lightly
@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=3)))
def test_kind_and_dtype_are_not_values(array):
    """What a value is made of is `typed`'s business: numpy or torch, single or double, list or tuple."""
    for other in (
        array.astype(np.float64),
        torch.tensor(array),
        torch.tensor(array, requires_grad=True),
        array.copy("F"),
    ):
        assert distance(other, array, rtol=0.0, atol=0.0) == 0.0
    assert distance((1, 2.0), [1.0, True + True], rtol=0.0, atol=0.0) == 0.0


@lightly
@given(st.dictionaries(st.text("abc", min_size=1), moderate, min_size=2))
def test_order_of_a_dictionary_does_not_matter(one):
    other = dict(reversed(one.items()))
    assert distance(one, other, rtol=0.0, atol=0.0) == 0.0


@lightly
@given(observations)
def test_distance_never_warns_or_changes_what_it_is_given(observation):
    before = repr(observation)
    with np.errstate(all="raise"):
        distance(observation, observation, rtol=1e-9, atol=1e-12)
    assert repr(observation) == before


class _Odd:
    pass


SELF = []
SELF.append(SELF)


@pytest.mark.parametrize(
    "got",
    [torch.float32, torch.zeros(2, dtype=torch.bfloat16), torch.zeros(2).to_sparse(), SELF],
    ids=["torch dtype", "bfloat16", "sparse", "a list in itself"],
)
def test_an_odd_return_value_is_only_wrong(got):
    assert distance(got, 1.0, rtol=1e-9, atol=1e-12) == math.inf


def test_arrays_of_strings_compare():
    names = np.array(["no bias", "bias"])
    assert distance(names, names.copy(), rtol=0.0, atol=0.0) == 0.0
    assert distance(names[::-1], names, rtol=0.0, atol=0.0) == math.inf


def test_objects_of_a_students_own_class_are_only_wrong():
    class Equal(_Odd):
        def __eq__(self, other):
            return True

        __hash__ = None

    assert distance(Equal(), 1.0, rtol=1e-9, atol=1e-12) == math.inf
    assert distance([Equal()], [_Odd()], rtol=1e-9, atol=1e-12) == math.inf


# leaf_pairs -----------------------------------------------------------------------------------------------------------


def test_leaves_come_in_pairs_whatever_the_order_of_keys():
    ours, theirs = {"b": [1.0, {"x": "y"}], "a": ()}, {"a": [], "b": (2.0, {"x": "z"})}
    assert list(leaf_pairs(ours, theirs)) == [(1.0, 2.0), ("y", "z")]


@pytest.mark.parametrize(
    "theirs", [{"b": 1.0}, {"a": 1.0, "b": 2.0}, {}, {"a": [1.0]}, {"a": {"b": 1.0}}, [1.0], 1.0, {1: 1.0}]
)
def test_another_structure_has_no_pairs(theirs):
    with pytest.raises(ValueError, match=r"other|zip"):
        list(leaf_pairs({"a": 1.0}, theirs))
    with pytest.raises(ValueError, match=r"other|zip"):
        list(leaf_pairs(theirs, {"a": 1.0}))
    assert distance(theirs, {"a": 1.0}, rtol=0.0, atol=0.0) == math.inf


@lightly
@given(observations)
def test_all_leaves_of_an_observation_are_paired_with_themselves(observation):
    assert all(a is b for a, b in leaf_pairs(observation, observation))


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
