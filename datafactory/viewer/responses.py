"""Responses of the viewer's server: JSON, bytes, parts of films, and what is wrong."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from datafactory.errors import DataFactoryError, DatasetCorruptError, DatasetError, SpecError
from datafactory.viewer.grammar import FilterError
from datafactory.viewer.media import RangeError

MAX_BODY = 1 << 20
_log = logging.getLogger("datafactory.viewer")
_SAID: Mapping[int, tuple[str, str]] = {
    401: ("this page may not write labels", "open the newly printed address"),
    403: ("this server writes no labels", "start it with --annotate"),
    404: ("there is nothing at this address", ""),
    405: ("this address is not asked in this way", ""),
    413: (f"more than {MAX_BODY >> 20} MiB of labels at once", "judge fewer episodes at a time"),
}
"""What is said of a refused request, and what to do, by status."""


def as_json(data: Any, status: int = 200) -> Response:
    """A JSON response; numbers JSON cannot carry become null."""
    try:
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(data), separators=(",", ":"), allow_nan=False)
    headers = {"cache-control": "no-store"}
    return Response(text, status, headers=headers, media_type="application/json")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_bytes(data: bytes) -> Response:
    """Numbers without a form of their own."""
    headers = {"cache-control": "no-store"}
    return Response(data, headers=headers, media_type="application/octet-stream")


def problem(error: DataFactoryError, **more: Any) -> dict[str, Any]:
    """What a page says of an error."""
    fields = {"what": error.what, "where": error.where, "why": error.why, "try": error.remedy}
    return {**fields, **more}


def refusal(error: DataFactoryError, status: int, **more: Any) -> Response:
    """The response for an error."""
    return as_json({"error": problem(error, **more)}, status)


def failed(_: Request, error: Exception) -> Response:
    """For an error of ours."""
    assert isinstance(error, DataFactoryError)
    if isinstance(error, FilterError):
        return refusal(error, 400, at=error.at, length=error.length)
    if isinstance(error, SpecError):
        return refusal(error, 416 if isinstance(error, RangeError) else 400)
    if isinstance(error, DatasetCorruptError):
        return refusal(error, 500)
    return refusal(error, 404 if isinstance(error, DatasetError) else 500)


def not_answered(_: Request, error: Exception) -> Response:
    """For a request that no route takes, or that may not do what it wants."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    what, remedy = _SAID.get(status, ("this request is not answered", ""))
    return refusal(DataFactoryError(what, remedy=remedy), status)


def broken(_: Request, error: Exception) -> Response:
    """For a bug; it is logged."""
    _log.error("a request failed", exc_info=error)
    what = DataFactoryError("this cannot be shown", why=f"{type(error).__name__}: {error}"[:300])
    return refusal(what, 500)


def film_part(request: Request, data: bytes, start: int, size: int) -> Response:
    """Some bytes of a film."""
    headers = {"accept-ranges": "bytes", "cache-control": "private, max-age=60"}
    if request.headers.get("range") is None:
        return Response(data, headers=headers, media_type="video/mp4")
    headers["content-range"] = f"bytes {start}-{start + len(data) - 1}/{size}"
    return Response(data, 206, headers=headers, media_type="video/mp4")
