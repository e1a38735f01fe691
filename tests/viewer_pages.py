"""What the browser tests share: Chromium, a dataset that is served, pages of it."""

from __future__ import annotations

import pytest

from tests import viewer_browser, viewer_fixture
from tests.viewer_fixture import TOKEN


@pytest.fixture(scope="module")
def chromium():
    with viewer_browser.browser() as running:
        yield running


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    # A long path: what shows it has to wrap.
    place = tmp_path_factory.mktemp("browser") / "a_dataset_with_a_long_path" / ("sub" * 30)
    place.mkdir(parents=True)
    return viewer_fixture.make(place / "set")


@pytest.fixture(scope="module")
def client(path, chromium):
    other = viewer_fixture.make(path.parent / "other", rendered=False)
    with viewer_fixture.running([path, other]) as found:
        yield found


@pytest.fixture
def ids(client):
    return [r["id"] for r in client.get("/api/set/rows").json()["rows"]]


@pytest.fixture
def shown(chromium, client):
    """A page with the token; no error, and no other host asked, when the test ends."""
    with viewer_browser.page(chromium) as (page, noted):
        page.goto(f"http://127.0.0.1:{client.port}/#token={TOKEN}")
        page.wait_for_selector("main h1")
        yield page
        page.wait_for_timeout(50)
        assert noted.errors == []
        site = f"http://127.0.0.1:{client.port}/"
        assert [u for u in noted.requests if not u.startswith((site, "data:", "blob:"))] == []


def goto(page, target: str) -> None:
    page.evaluate("h => { location.hash = h }", target)


def where(page) -> str:
    return page.evaluate("new URLSearchParams(location.hash.split('?')[1]).get('where') ?? ''")
