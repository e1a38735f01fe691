"""Whom the server answers, and what it refuses."""

from __future__ import annotations

import socket

import pytest

from datafactory.errors import SpecError
from datafactory.store.location import split_version
from datafactory.viewer.access import LOCAL_NAMES, Access
from datafactory.viewer.server import Settings, access_of, address, bind, site_of
from tests.viewer_fixture import TOKEN, running


def test_read_only_servers_write_nothing(path, ids):
    with running([path], Access()) as client:
        assert client.label("set", [ids[0]], "tag", "x").status == 403
        assert not client.get("/api/datasets").json()["writable"]


@pytest.mark.parametrize(
    "target",
    [
        "/../../etc/passwd", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py",
        "//etc/passwd", "/static//etc/passwd", "/static/%00", "/api/..%2f..%2fetc/state",
        "/api/set/attempts/..%2f..%2fx", "/api/nothing/state", "/api/set/attempts/" + "0" * 32,
        "/api/set/attempts/" + "0" * 32 + "/views/../front/video", "/api/set/nothing",
    ],
)  # fmt: skip
def test_no_path_leads_to_files(client, target):
    answer = client.get(target)
    assert answer.status == 404
    assert b"root:" not in answer.body


def test_foreign_names_are_refused(client):
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", ""):
        assert client.get("/api/datasets", {"host": host}).status == 400
    for host in ("localhost", "LOCALHOST:99", "127.0.0.1:5", "[::1]:80"):
        assert client.get("/api/datasets", {"host": host}).status == 200
    assert client.get("/api/datasets", {"origin": "http://evil.example"}).status == 403
    assert client.get("/api/datasets", {"origin": "null"}).status == 403


def test_headers_bind_the_page(client):
    for target in ("/", "/api/datasets", "/nothing"):
        headers = client.get(target).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_other_machines_need_the_token(path):
    access = Access(TOKEN, LOCAL_NAMES, closed=True, writable=True)
    with running([path], access) as client:
        assert client.get("/").status == 401
        assert client.get("/api/datasets").status == 401
        assert client.get("/?token=wrong").status == 401
        entry = client.get(f"/?token={TOKEN}")
        assert entry.status == 303
        assert entry.headers["location"] == f"/#token={TOKEN}"
        cookie = entry.headers["set-cookie"].split(";")[0]
        assert client.get("/api/datasets", {"cookie": cookie}).status == 200
        assert client.get("/api/datasets", {"cookie": "datafactory-token=no"}).status == 401


def test_settings():
    assert access_of(Settings()) == Access()
    open_wide = access_of(Settings(host="0.0.0.0"))
    assert open_wide.closed
    assert open_wide.token
    assert not open_wide.may_write(open_wide.token)
    writing = access_of(Settings(annotate=True))
    assert not writing.closed
    assert writing.may_write(writing.token)
    assert not writing.may_write("")
    assert address(Settings(), Access(), 80) == "http://127.0.0.1:80/"
    assert split_version("a/b@3") == ("a/b", 3)
    assert split_version("a@b/c") == ("a@b/c", None)
    assert split_version("a/b@v1") == ("a/b", "v1")


def test_taken_ports():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(SpecError, match="cannot listen"),
    ):
        bind(Settings(port=taken.getsockname()[1]))
    with pytest.raises(SpecError, match="nothing to show"):
        site_of([], Access())
