"""Messages of policy servers: msgpack with NumPy arrays, the convention of openpi's clients.

An array is a map with the byte keys ``__ndarray__``, ``data``, ``dtype`` and ``shape``; a scalar of
NumPy one with ``__npgeneric__``, ``data`` and ``dtype``. Object arrays are refused: nothing that is
read here can run code.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from datafactory.errors import MissingPartError, SpecError

MAX_MESSAGE = 64 * 2**20
_KINDS = frozenset("biufc?SU")


def _msgpack() -> Any:
    try:
        import msgpack
    except ImportError as error:
        raise MissingPartError("policy servers need the library msgpack",
                               remedy="pip install 'datafactory[zoo]'") from error  # fmt: skip
    return msgpack


def _out(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind not in _KINDS:
        raise SpecError(f"values of type {value.dtype} cannot be sent")
    if isinstance(value, np.ndarray):
        return {
            b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str,
            b"shape": value.shape,
        }  # fmt: skip
    if isinstance(value, np.generic):
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    return value


def _in(value: dict[Any, Any]) -> Any:
    if b"__ndarray__" in value:
        dtype = np.dtype(value[b"dtype"])
        if dtype.kind not in _KINDS:
            raise SpecError(f"arrays of type {dtype} are refused")
        return np.frombuffer(value[b"data"], dtype=dtype).reshape(value[b"shape"]).copy()
    if b"__npgeneric__" in value:
        return np.dtype(value[b"dtype"]).type(value[b"data"])
    return value


def pack(message: Any) -> bytes:
    """Bytes of a message of plain values and arrays."""
    packed: bytes = _msgpack().packb(message, default=_out)
    return packed


def unpack(data: bytes) -> Any:
    """The message of some bytes.

    Raises:
        SpecError: They are no message.
    """
    try:
        return _msgpack().unpackb(data, object_hook=_in, strict_map_key=False)
    except (ValueError, TypeError, KeyError) as error:
        raise SpecError("a message cannot be read", why=str(error)) from error
