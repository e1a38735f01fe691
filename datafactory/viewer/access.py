"""Who may talk to the server, and what a page of it may do.

The server listens on this machine only, unless told otherwise. That alone is no boundary: a page
of another site can make its name resolve to 127.0.0.1 (DNS rebinding), so requests for other host
names are refused, no other origin is ever allowed in, and writing needs a token that only the
printed address has.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
COOKIE = "datafactory-token"
TOKEN_HEADER = "x-datafactory-token"
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


@dataclass(frozen=True)
class Access:
    """The rules of one server.

    Attributes:
        token: Secret of this session; empty when nothing may be written.
        names: Host names it answers to.
        closed: Reading needs the token too: the server can be reached from other machines.
        writable: Labels may be written.
    """

    token: str = ""
    names: tuple[str, ...] = LOCAL_NAMES
    closed: bool = False
    writable: bool = False

    def may_write(self, token: str) -> bool:
        """Whether a request with this token in its header may write."""
        return self.writable and bool(self.token) and _equal(token, self.token)


def _equal(given: str, token: str) -> bool:
    """Whether two tokens are the same; as bytes, because only those may be of any alphabet."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())


def host_name(header: str) -> str:
    """The name in a ``Host`` header, without its port, in lower case."""
    name = header.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0]


class Guard:
    """Refuses requests that are against the rules, and adds the headers that bind the page."""

    def __init__(self, app: App, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, guarded)
        else:
            await _answer(guarded, *refusal)

    def _refusal(self, scope: Message) -> tuple[int, str, list[tuple[bytes, bytes]]] | None:
        """Status, text and headers of a refusal; None to let the request through."""
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        name = host_name(headers.get("host", ""))
        if name not in self._access.names:
            return 400, "this host name is not served", []
        origin = headers.get("origin")
        if origin is not None and host_name(origin.partition("://")[2]) not in self._access.names:
            return 403, "requests of other sites are not answered", []
        if not self._access.closed or self._known(headers):
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and _equal(given, self._access.token):
            cookie = f"{COOKIE}={given}; HttpOnly; SameSite=Strict; Path=/"
            target = f"/#token={given}" if self._access.writable else "/"
            return 303, "", [(b"set-cookie", cookie.encode()), (b"location", target.encode())]
        return 401, "open the address that was printed when the server started", []

    def _known(self, headers: dict[str, str]) -> bool:
        """Whether the request carries the token."""
        token = headers.get(TOKEN_HEADER, "")
        if not token and "cookie" in headers:
            try:
                morsel = SimpleCookie(headers["cookie"]).get(COOKIE)
            except CookieError:
                return False
            token = morsel.value if morsel is not None else ""
        return _equal(token, self._access.token)


async def _answer(send: Send, status: int, text: str, headers: list[tuple[bytes, bytes]]) -> None:
    body = json.dumps({"error": {"what": text, "where": "", "why": "", "try": ""}}).encode()
    kind = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": [*kind, *headers]})
    await send({"type": "http.response.body", "body": body})
