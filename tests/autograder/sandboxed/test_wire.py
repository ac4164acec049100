"""The wire: what crosses, what cannot, and that nothing malformed gets through or crashes the reader."""

from __future__ import annotations

import json
import math
import socket

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.sandboxed import wire


def no_handle(value: object) -> list[object]:
    raise wire.WireError(f"{type(value).__name__} is no data")


def round_trip(value: object) -> object:
    """Through a real socket: encoded, framed, read, decoded."""
    encoder = wire.Encoder(no_handle)
    header = {"values": [encoder.encode(value)]}
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**21)
        wire.send(ours, header, encoder.buffers)
        read, buffers = wire.receive(theirs)
    return wire.Decoder(buffers, lambda handle: handle).decode(read["values"][0])


def same(a: object, b: object) -> bool:
    """Equal in type and value, nan equal to nan."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(
            same(x, y) for x, y in zip(a.values(), b.values(), strict=True)
        )
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float) and math.isnan(a):
        return math.isnan(b)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    return a == b


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | text | st.binary(max_size=50)
arrays = hnp.arrays(
    dtype=hnp.boolean_dtypes() | hnp.integer_dtypes(endianness="<") | hnp.floating_dtypes(endianness="<", sizes=(16, 32, 64))
    | hnp.complex_number_dtypes(endianness="<", sizes=(64, 128)),
    shape=hnp.array_shapes(min_dims=0, min_side=0, max_dims=4),
)  # fmt: skip
values = st.recursive(
    scalars | arrays,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(text | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
@settings(max_examples=200, deadline=None)
def test_data_arrives_as_it_was(value: object) -> None:
    assert same(round_trip(value), value)


@pytest.mark.parametrize(
    "value",
    [
        {1, 2}, frozenset({"a"}), range(1, 9, 3), slice(None, 4, -1), torch.Size([2, 3]), np.float32, np.dtype("float32"),
        torch.float16, np.float64(math.nan), np.int8(-3), np.bool_(True), 2**70, -(2**200), -0.0,
    ],
)  # fmt: skip
def test_other_plain_types_arrive_as_they_were(value: object) -> None:
    result = round_trip(value)
    assert type(result) is type(value)
    assert repr(result) == repr(value)


@pytest.mark.parametrize("dtype", list(wire.TORCH_DTYPES.values()))
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_tensors(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = torch.ones(shape).to(dtype)
    result = round_trip(tensor)
    assert isinstance(result, torch.Tensor)
    assert (result.dtype, result.shape, result.requires_grad) == (dtype, tensor.shape, False)
    assert torch.equal(result, tensor)


def test_requires_grad_crosses() -> None:
    assert round_trip(torch.ones(2, requires_grad=True)).requires_grad


def test_layout_and_read_only_cross() -> None:
    base = np.arange(24.0).reshape(4, 6)
    strided, fortran = round_trip(base[:, ::2]), round_trip(np.asfortranarray(base))
    assert not strided.flags.c_contiguous
    assert fortran.flags.f_contiguous
    frozen = base.copy()
    frozen.flags.writeable = False
    assert not round_trip(frozen).flags.writeable
    assert np.array_equal(strided, base[:, ::2])


def test_big_endian_arrives_native_in_value() -> None:
    assert np.array_equal(round_trip(np.arange(3, dtype=">i4")), [0, 1, 2])


def test_a_generator_goes_on_where_it_was() -> None:
    rng = np.random.default_rng(3)
    rng.normal(size=5)
    copy = round_trip(rng)
    assert np.array_equal(copy.normal(size=4), rng.normal(size=4))


class AlwaysEqual(float):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = float.__hash__


class LyingArray(np.ndarray):
    def __array_function__(self, *args: object) -> bool:
        return True


def test_subclasses_arrive_as_their_base_type() -> None:
    assert type(round_trip(AlwaysEqual(2.5))) is float
    assert round_trip(AlwaysEqual(2.5)) == 2.5
    assert type(round_trip(np.ones(3).view(LyingArray))) is np.ndarray
    assert type(round_trip(torch.nn.Parameter(torch.ones(2)))) is torch.Tensor


@pytest.mark.parametrize("value", [object(), np.array([None]), lambda: 0, np.ma.masked_array([1], [True])])
def test_what_is_no_data_is_a_handle(value: object) -> None:
    encoder = wire.Encoder(lambda value: ["handle", 7, type(value).__name__, "", callable(value)])
    node = encoder.encode(value)
    handle = wire.Decoder([], lambda handle: handle).decode(node)
    assert (handle.number, handle.callable) == (7, callable(value))


def test_a_lone_surrogate_becomes_a_replacement_character() -> None:
    assert round_trip("a\ud800b") == "a\ufffdb"


@pytest.mark.parametrize("value", [[[]] * 3, "x" * 10])
def test_depth_and_count_are_capped(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    nested: object = 1
    for _ in range(wire.MAX_DEPTH + 2):
        nested = [nested]
    with pytest.raises(wire.WireError, match="deeply"):
        round_trip(nested)
    monkeypatch.setattr(wire, "MAX_NODES", 3)
    with pytest.raises(wire.WireError, match="parts"):
        round_trip([value, value, value, value])


def test_size_is_capped_on_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(wire.WireError, match="too large"):
            wire.send(ours, {}, [b"x" * (wire.MAX_BODY + 1)])
        ours.sendall(wire.PREFIX.pack(10, wire.MAX_BODY + 1))
        with pytest.raises(wire.WireError, match="limit"):
            wire.receive(theirs)


BAD_NODES = [
    ["nothing"], ["array"], ["array", "|O8", [1], 0, "C", True], ["array", "<f8", [2], 0, "C", True],
    ["array", "<f8", [-1], 0, {}], ["array", "<f8", [1 << 70], 0, {}], ["bytes", 5], ["bytes", True], ["int", "zz"],
    ["float", "1e3"], ["dict", [[["list", []], 1]]], ["dict", 3], ["list", 3], [], {"a": 1}, ["tensor", "float99", [1], 0, False],
    ["scalar", "<f8", 1], ["numpy type", "load"], ["numpy dtype", "O"], ["generator", "{}"], ["handle", "x", "", "", False],
    ["range", [1, "x"]], ["complex", "z", "b"], ["set", [["list", []]]], ["slice", []], [["list"]],
]  # fmt: skip


@pytest.mark.parametrize("node", BAD_NODES, ids=json.dumps)
def test_malformed_values_are_refused(node: object) -> None:
    with pytest.raises(wire.WireError):
        wire.Decoder([b"12345678", b"1"], lambda handle: handle).decode(node)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(sorted(wire._DECODERS)) | text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(text, inner, max_size=3),
    max_leaves=15,
)


@given(json_values, st.lists(st.binary(max_size=24), max_size=3))
@settings(max_examples=500, deadline=None)
def test_fuzzed_values_decode_to_plain_data_or_are_refused(node: object, buffers: list[bytes]) -> None:
    try:
        value = wire.Decoder(buffers, lambda handle: handle).decode(node)
    except wire.WireError:
        return
    # Whatever came through is plain data: it can be sent again, and only handles needed one.
    wire.Encoder(lambda value: pytest.fail(f"{value!r} is no data")).encode(value)


def _receive_all(sock: socket.socket) -> None:
    while True:
        wire.receive(sock)


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_fuzzed_frames_are_refused_or_end(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)
        with pytest.raises((wire.WireError, EOFError)):
            _receive_all(theirs)


@pytest.mark.parametrize(
    "header", [b"[]", b"{}", b'{"buffers": [3]}', b'{"buffers": [-1]}', b'{"buffers": "x"}', b"\xff", b"[" * 9999]
)
def test_bad_headers_are_refused(header: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(wire.PREFIX.pack(len(header), 0) + header)
        with pytest.raises(wire.WireError):
            wire.receive(theirs)


def test_copy_back_changes_arguments_in_place() -> None:
    array, tensor, items = np.zeros(2), torch.zeros(2), [np.zeros(1), 5]
    state = {"m": np.zeros(2), "old": 1}
    mine = [array, tensor, items, state, (array,)]
    theirs = [np.ones(2), torch.ones(2), [np.ones(1), 6], {"m": np.full(2, 3.0), "new": 2}, (np.full(2, 9.0),)]
    inner = items[0]
    wire.copy_back(mine, theirs)
    assert array.tolist() == [9, 9]
    assert tensor.tolist() == [1, 1]
    assert items[0] is inner
    assert inner.tolist() == [1]
    assert items[1] == 6
    assert state["m"].tolist() == [3, 3]
    assert set(state) == {"m", "new"}


def test_copy_back_leaves_a_read_only_array_alone() -> None:
    frozen = np.zeros(2)
    frozen.flags.writeable = False
    wire.copy_back([frozen], [np.ones(2)])
    assert frozen.tolist() == [0, 0]
