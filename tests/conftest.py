"""Fixtures of several modules: the viewer's small dataset, served."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A small dataset."""
    from tests import viewer_fixture  # its imports are slow, and few modules need them

    return viewer_fixture.make(tmp_path_factory.mktemp("viewer") / "set")


@pytest.fixture(scope="module")
def client(path):
    """A client of a server that shows it."""
    from tests.viewer_fixture import running

    with running([path]) as found:
        yield found


@pytest.fixture(scope="module")
def ids(client):
    """Its attempts, as the server lists them."""
    return [r["id"] for r in client.get("/api/set/rows").json()["rows"]]
