"""The wire: length-prefixed frames of plain data. Which messages they carry is told in `protocol`.

A frame is `!IQ` (header bytes, body bytes), a JSON header, and the raw buffers it refers to. A value is either
JSON's own (None, bool, int, float, str) or a tagged list such as `["array", "<f8", [2, 3], 0, "C", true]` whose buffer
has that index. Nothing is ever pickled. What is not data crosses as a *handle*: a number, a type name and a short repr.

Subclasses are sent as their base type, so an object that equals everything cannot arrive. Decoding never runs code
of the sender; it has caps on bytes, depth and count, and raises `WireError` on anything malformed.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from socket import MSG_WAITALL, socket
from typing import Any, TypeAlias

import numpy as np
import torch

# What crosses the wall is a student's or the tests' own: it can be of any type that the wire knows, or a handle.
Value: TypeAlias = Any
Node: TypeAlias = Any  # a value as JSON: see `Encoder`
Header: TypeAlias = dict[str, Any]  # a frame's JSON
Frame: TypeAlias = tuple[Header, list[bytes]]  # with the buffers that it refers to

# Caps: of one frame (bytes), of one value, and of the text in it. Both sides keep to them; the grader counts on its own only.
MAX_HEADER = 8 * 2**20
MAX_BODY = 64 * 2**20
MAX_DEPTH = 32  # of containers in one another
MAX_NODES = 500_000  # parts of all values of a message
MAX_INT_BITS = 4096
MAX_NAME = 200  # characters of a type's, an exception's or a function's name
MAX_TEXT = 2000  # characters of an exception's message
MAX_REPR = 80  # characters of what stays there, as it is told
MAX_PRINTED = 2**20  # characters that one cell prints to one stream
MAX_TRACE_LINE = 20_000  # characters
MAX_TRACE_LINES = 200
MAX_SHOWN = 6 * 2**20  # characters of all that one cell displays, as it is sent
MAX_KEPT = 8 * 2**20  # the same when it has been cleaned: pictures are then text
MAX_OUTPUTS = 100  # of one cell

PREFIX = struct.Struct("!IQ")
SAFE_INT = 2**53
_to_json = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode  # what we encoded is a tree

ARRAY_KINDS = "biufcUS"
TORCH_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
        torch.float32, torch.float64, torch.complex64, torch.complex128,
    )
}  # fmt: skip


class WireError(Exception):
    """A malformed or oversized frame. On the grader's side it fails the student's cell, nothing else."""


@dataclass(frozen=True)
class Handle:
    """Something that stays where it is: its number, type name, short repr and whether it can be called."""

    number: int
    type_name: str
    text: str
    callable: bool = False


@dataclass(frozen=True)
class Stream:
    """An iterator, sent as the items it would yield; the receiver iterates lazily over them."""

    items: list[Any]


# Frames -------------------------------------------------------------------------------------------------------------


def send(sock: socket, header: Header, buffers: list[bytes]) -> None:
    """Write one frame. Raises WireError where it would be over the caps, and OSError where nobody reads it any more."""
    head = dict(header)
    head["buffers"] = [len(buffer) for buffer in buffers]
    raw = _to_json(head).encode()
    body = sum(head["buffers"])
    if len(raw) > MAX_HEADER or body > MAX_BODY:
        raise WireError(f"a message of {(len(raw) + body) / 2**20:.0f} MiB is too large to send")
    sock.sendall(b"".join([PREFIX.pack(len(raw), body), raw, *buffers]))


class Reader:
    """Reads exact sizes from a socket, with few system calls: what comes early is kept for the next read.

    `tick` is called when not all of it is there yet, and when the socket's time limit (SO_RCVTIMEO) has passed without a byte; it
    may raise.
    """

    def __init__(self, tick: Callable[[], None] = lambda: None):
        self._tick = tick
        self._kept = bytearray()

    def __call__(self, sock: socket, size: int) -> bytes:
        kept = self._kept
        while len(kept) < size:
            with contextlib.suppress(BlockingIOError):
                more = sock.recv(min(max(size - len(kept), 2**16), 2**20))
                if not more:
                    raise EOFError("the other side closed the connection")
                kept += more
            if len(kept) < size:
                self._tick()
        data = bytes(kept[:size])
        del kept[:size]
        return data


def _read(sock: socket, size: int) -> bytes:
    """Exactly `size` bytes, and none of what comes after them."""
    data = sock.recv(size, MSG_WAITALL) if size else b""
    while len(data) < size:
        more = sock.recv(size - len(data), MSG_WAITALL)
        if not more:
            raise EOFError("the other side closed the connection")
        data += more
    return data


def receive(sock: socket, read: Callable[[socket, int], bytes] = _read) -> Frame:
    """Read one frame. Raises WireError (malformed) or EOFError (closed). `read(sock, n)` returns exactly n bytes."""
    head_size, body_size = PREFIX.unpack(read(sock, PREFIX.size))
    if head_size > MAX_HEADER or body_size > MAX_BODY:
        raise WireError("a frame is over the size limit")
    raw = read(sock, head_size)
    body = read(sock, body_size)
    try:
        header = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise WireError("a frame's header is not JSON") from error
    sizes = header.pop("buffers", None) if isinstance(header, dict) else None
    if not isinstance(sizes, list) or not all(type(n) is int and n >= 0 for n in sizes) or sum(sizes) != body_size:
        raise WireError("a frame's buffers do not add up")
    buffers, start = [], 0
    for size in sizes:
        buffers.append(body[start : start + size])
        start += size
    return header, buffers


# Values -------------------------------------------------------------------------------------------------------------


_SEQUENCES: dict[type, tuple[str, Any]] = {
    torch.Size: ("size", tuple),
    **{kind: (kind.__name__, kind) for kind in (list, tuple, frozenset, set)},
}


class Encoder:
    """Turns values into JSON and buffers. `handle(value)` is asked for whatever is not data."""

    def __init__(self, handle: Callable[[Any], list[Any]]):
        self.handle = handle
        self.buffers: list[bytes] = []
        self.nodes = 0

    def encode(self, value: Any, depth: int = 0) -> Any:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise WireError("a value is nested too deeply or has too many parts to send")
        kind = type(value)
        if value is None or value is True or value is False or kind is str:
            return value
        method = _EXACT.get(kind)
        if method is not None:
            return method(self, value, depth)
        for types, method in _ENCODERS:
            if isinstance(value, types):
                return method(self, value, depth)
        if isinstance(value, type) and issubclass(value, np.generic) and value.__module__ == "numpy":
            return ["numpy type", value.__name__]
        return self.handle(value)

    def _buffer(self, data: bytes) -> int:
        self.buffers.append(data)
        return len(self.buffers) - 1

    def _int(self, value: int, depth: int) -> Any:
        value = int(value)
        if abs(value) < SAFE_INT:
            return value
        if value.bit_length() > MAX_INT_BITS:
            raise WireError("an integer is too large to send")
        return ["int", hex(value)]

    def _float(self, value: float, depth: int) -> Any:
        value = float.__float__(value)
        return value if math.isfinite(value) else ["float", repr(value)]

    def _complex(self, value: complex, depth: int) -> Any:
        return ["complex", float.hex(value.real), float.hex(value.imag)]

    def _str(self, value: str, depth: int) -> Any:
        return str.__str__(value)

    def _bytes(self, value: bytes, depth: int) -> Any:
        return ["bytes", self._buffer(bytes(value))]

    def _sequence(self, value: Any, depth: int) -> Any:
        tag, base = next(_SEQUENCES[kind] for kind in type(value).__mro__ if kind in _SEQUENCES)
        return [tag, [self.encode(item, depth + 1) for item in base.__iter__(value)]]

    def _dict(self, value: dict[Any, Any], depth: int) -> Any:
        pairs = [[self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in dict.items(value)]
        return ["dict", pairs]

    def _range(self, value: range, depth: int) -> Any:
        return ["range", [self._int(n, depth) for n in (value.start, value.stop, value.step)]]

    def _slice(self, value: slice, depth: int) -> Any:
        return ["slice", [self.encode(n, depth + 1) for n in (value.start, value.stop, value.step)]]

    def _array(self, value: np.ndarray, depth: int) -> Any:
        plain = value if type(value) is np.ndarray else np.ndarray.view(value, np.ndarray)
        dtype, flags = plain.dtype, plain.flags
        if dtype.kind not in ARRAY_KINDS or dtype.itemsize == 0 or isinstance(value, np.ma.MaskedArray):
            return self.handle(value)
        layout = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "strided"
        if dtype.byteorder == ">":
            dtype = dtype.newbyteorder("<")
            plain = plain.astype(dtype)
        return ["array", dtype.str, list(plain.shape), self._buffer(plain.tobytes()), layout, flags.writeable]

    def _scalar(self, value: np.generic, depth: int) -> Any:
        if value.dtype.kind not in ARRAY_KINDS:
            return self.handle(value)
        return ["scalar", value.dtype.str, self._buffer(value.tobytes())]

    def _tensor(self, value: torch.Tensor, depth: int) -> Any:
        plain = value.detach() if type(value) is torch.Tensor else torch.Tensor.detach(value).as_subclass(torch.Tensor)
        name = str(plain.dtype).removeprefix("torch.")
        if plain.layout is not torch.strided or plain.device.type != "cpu" or name not in TORCH_DTYPES:
            return self.handle(value)
        data = plain.contiguous().clone().reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b""
        return ["tensor", name, list(plain.shape), self._buffer(data), bool(value.requires_grad)]

    def _numpy_dtype(self, value: np.dtype, depth: int) -> Any:
        return ["numpy dtype", value.str] if value.kind in ARRAY_KINDS else self.handle(value)

    def _torch_dtype(self, value: torch.dtype, depth: int) -> Any:
        name = str(value).removeprefix("torch.")
        return ["torch dtype", name] if name in TORCH_DTYPES else self.handle(value)

    def _generator(self, value: np.random.Generator, depth: int) -> Any:
        state = value.bit_generator.state
        if state.get("bit_generator") != "PCG64":
            return self.handle(value)
        return ["generator", json.dumps(state)]

    def _stream(self, value: Stream, depth: int) -> Any:
        return ["stream", [self.encode(item, depth + 1) for item in value.items]]

    def _handle(self, value: Handle, depth: int) -> Any:
        return ["handle", value.number, value.type_name, value.text, value.callable]


_ENCODERS: list[tuple[Any, Callable[[Encoder, Any, int], Any]]] = [
    (np.generic, Encoder._scalar),  # before float: np.float64 is a float
    (int, Encoder._int),
    (float, Encoder._float),
    (complex, Encoder._complex),
    (str, Encoder._str),
    ((bytes, bytearray), Encoder._bytes),
    ((torch.Size, list, tuple, frozenset, set), Encoder._sequence),
    (dict, Encoder._dict),
    (range, Encoder._range),
    (slice, Encoder._slice),
    (np.ndarray, Encoder._array),
    (torch.Tensor, Encoder._tensor),
    (np.dtype, Encoder._numpy_dtype),
    (torch.dtype, Encoder._torch_dtype),
    (np.random.Generator, Encoder._generator),
    (Stream, Encoder._stream),
    (Handle, Encoder._handle),
]
# The same for values of exactly these types, which nearly all are: one look in place of a walk down the list.
_EXACT: dict[type, Callable[[Encoder, Any, int], Any]] = {
    kind: method for types, method in reversed(_ENCODERS) for kind in (types if isinstance(types, tuple) else (types,))
}


_PLAIN = frozenset({type(None), bool, int, float})


class Decoder:
    """Builds plain values from a header's JSON and its buffers. `handle(Handle)` says what a handle becomes here."""

    def __init__(self, buffers: list[bytes], handle: Callable[[Handle], Any]):
        self.buffers = buffers
        self.handle = handle
        self.nodes = 0

    def decode(self, node: Any) -> Any:
        """The value. Raises WireError on anything that `Encoder` would not have written."""
        try:
            return self._decode(node, 0)
        except WireError:
            raise
        except Exception as error:  # a malformed node, whichever way
            raise WireError(f"a malformed value ({type(error).__name__})") from error

    def _decode(self, node: Any, depth: int) -> Any:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise WireError("a value is nested too deeply or has too many parts")
        if type(node) in _PLAIN:
            return node
        if isinstance(node, str):
            return node if node.isascii() else node.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        tag, *parts = node
        return _DECODERS[tag](self, depth, *parts)

    def _buffer(self, index: Any) -> bytes:
        if type(index) is not int or not 0 <= index < len(self.buffers):
            raise WireError("a value refers to a buffer that is not there")
        return self.buffers[index]

    def _items(self, depth: int, items: Any) -> list[Any]:
        if not isinstance(items, list):
            raise WireError("a sequence without items")
        return [self._decode(item, depth + 1) for item in items]

    def _dict(self, depth: int, pairs: Any) -> dict[Any, Any]:
        return {self._decode(k, depth + 1): self._decode(v, depth + 1) for k, v in pairs}

    def _array(self, depth: int, dtype: str, shape: Any, index: Any, layout: Any, writeable: Any) -> np.ndarray:
        kind, sizes = _dtype(str(dtype)), _shape(shape)
        data = self._buffer(index)
        if math.prod(sizes) * kind.itemsize != len(data):
            raise WireError("an array's bytes do not fit its shape")
        sent: np.ndarray = np.ndarray(sizes, kind, data)
        if layout == "strided" and sizes:
            wide = np.zeros((*sizes[:-1], 2 * sizes[-1]), kind)
            array = wide[..., ::2]
            array[...] = sent
        else:
            array = sent.copy("F" if layout == "F" else "C")
        if writeable is False:
            array.flags.writeable = False
        return array

    def _scalar(self, depth: int, dtype: str, index: Any) -> Any:
        kind, data = _dtype(str(dtype)), self._buffer(index)
        if len(data) != kind.itemsize:
            raise WireError("a scalar's bytes do not fit its type")
        return np.frombuffer(data, kind)[0]

    def _tensor(self, depth: int, dtype: str, shape: Any, index: Any, requires_grad: Any) -> torch.Tensor:
        kind, sizes = TORCH_DTYPES[dtype], _shape(shape)
        data = self._buffer(index)
        if math.prod(sizes) * kind.itemsize != len(data):
            raise WireError("a tensor's bytes do not fit its shape")
        flat = torch.frombuffer(bytearray(data), dtype=kind) if data else torch.empty(0, dtype=kind)
        return flat.reshape(sizes).requires_grad_(requires_grad is True)

    def _generator(self, depth: int, text: Any) -> np.random.Generator:
        bits = np.random.PCG64()
        bits.state = json.loads(text)
        return np.random.Generator(bits)

    def _numpy_type(self, depth: int, name: Any) -> Any:
        value = getattr(np, name)
        if not (isinstance(value, type) and issubclass(value, np.generic)):
            raise WireError("not a numpy scalar type")
        return value

    def _handle(self, depth: int, number: Any, type_name: Any, text: Any, is_callable: Any) -> Any:
        if type(number) is not int:
            raise WireError("a handle without a number")
        return self.handle(Handle(number, str(type_name)[:MAX_NAME], str(text)[:MAX_REPR], is_callable is True))


@functools.lru_cache(maxsize=256)
def _dtype(name: str) -> np.dtype:
    if len(name) > 40:
        raise WireError("a type's name is too long")
    dtype = np.dtype(name)
    if dtype.kind not in ARRAY_KINDS or not 0 < dtype.itemsize <= 4096:
        raise WireError(f"arrays of type {name!r} may not cross")
    return dtype


def _shape(sizes: Any) -> tuple[int, ...]:
    if not isinstance(sizes, list) or len(sizes) > MAX_DEPTH:
        raise WireError("a shape that is none")
    for size in sizes:
        if type(size) is not int or size < 0:
            raise WireError("a shape that is none")
    return tuple(sizes)


_DECODERS: dict[str, Callable[..., Any]] = {
    "int": lambda d, depth, text: int(text, 16),
    "float": lambda d, depth, text: {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[text],
    "complex": lambda d, depth, real, imag: complex(float.fromhex(real), float.fromhex(imag)),
    "bytes": lambda d, depth, index: d._buffer(index),
    "list": Decoder._items,
    "tuple": lambda d, depth, items: tuple(d._items(depth, items)),
    "set": lambda d, depth, items: set(d._items(depth, items)),
    "frozenset": lambda d, depth, items: frozenset(d._items(depth, items)),
    "size": lambda d, depth, items: torch.Size(d._items(depth, items)),
    "dict": Decoder._dict,
    "range": lambda d, depth, items: range(*d._items(depth, items)),
    "slice": lambda d, depth, items: slice(*d._items(depth, items)),
    "array": Decoder._array,
    "scalar": Decoder._scalar,
    "tensor": Decoder._tensor,
    "numpy dtype": lambda d, depth, name: _dtype(str(name)),
    "numpy type": Decoder._numpy_type,
    "torch dtype": lambda d, depth, name: TORCH_DTYPES[name],
    "generator": Decoder._generator,
    "stream": lambda d, depth, items: Stream(d._items(depth, items)),
    "handle": Decoder._handle,
}


# Copy-back ----------------------------------------------------------------------------------------------------------


def copy_back(mine: Any, theirs: Any) -> None:
    """Make `mine`, an argument that was sent, equal to `theirs`, what it became on the other side, in place."""
    if isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray):
        if mine.flags.writeable and mine.shape == theirs.shape:
            mine[...] = theirs
    elif isinstance(mine, torch.Tensor) and isinstance(theirs, torch.Tensor):
        if mine.shape == theirs.shape:
            with torch.no_grad():
                mine.copy_(theirs)
    elif isinstance(mine, np.random.Generator) and isinstance(theirs, np.random.Generator):
        mine.bit_generator.state = theirs.bit_generator.state
    elif isinstance(mine, list) and isinstance(theirs, list):
        if len(mine) == len(theirs):
            for index, (a, b) in enumerate(zip(mine, theirs, strict=True)):
                if _mutable(a) and type(a) is type(b):
                    copy_back(a, b)
                else:
                    mine[index] = b
        else:
            mine[:] = theirs
    elif isinstance(mine, tuple) and isinstance(theirs, tuple):
        for a, b in zip(mine, theirs, strict=False):
            copy_back(a, b)
    elif isinstance(mine, dict) and isinstance(theirs, dict):
        for key in [key for key in mine if key not in theirs]:
            del mine[key]
        for key, value in theirs.items():
            if key in mine and _mutable(mine[key]) and type(mine[key]) is type(value):
                copy_back(mine[key], value)
            else:
                mine[key] = value
    elif isinstance(mine, set) and isinstance(theirs, set):
        mine.clear()
        mine.update(theirs)


def _mutable(value: Any) -> bool:
    return isinstance(value, (np.ndarray, torch.Tensor, list, dict, set, tuple, np.random.Generator))
