"""Distances: what is "the same", and by how much two observations differ."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exercises.distance import distance, leaf_pairs

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
