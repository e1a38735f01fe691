"""The pages in a browser: what a person does with them, and what they must never do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datafactory.exchange.run import export_dataset
from datafactory.store.dataset import open_dataset
from datafactory.store.labels import excluded_ids
from tests import viewer_browser, viewer_fixture
from tests.viewer_fixture import BITS, CELL, SIZE, TOKEN

ROOT = Path(__file__).parent.parent
AXE = ROOT / "datafactory/viewer/web/node_modules/axe-core/axe.min.js"
SMALL_3D = {"width": 1280, "height": 700}


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


def test_overview_filters_by_click_and_goes_back(shown):
    assert shown.locator("main h1").inner_text() == "pick place on primitive arm"
    state = shown.locator("#filter-state")
    state.get_by_text("6 of 6 attempts").wait_for()
    shown.get_by_role("button", name="dropped 2").click()
    state.get_by_text("2 of 6 attempts").wait_for()
    assert where(shown) == "reason = 'dropped'"
    assert shown.locator("#filter").input_value() == "reason = 'dropped'"
    shown.locator("[aria-label='Workspace'] .map button:enabled").first.click(force=True)
    assert "start IN BOX (" in where(shown)
    shown.go_back()
    state.get_by_text("2 of 6 attempts").wait_for()
    shown.get_by_role("button", name="Clear all").click()
    state.get_by_text("6 of 6 attempts").wait_for()


def test_a_wrong_filter_shows_the_place(shown, client):
    shown.keyboard.press("/")
    shown.keyboard.type("seconds > 1 AN outcome = 'accepted'")
    shown.keyboard.press("Enter")
    shown.get_by_text("did you mean AND?").wait_for()
    caret = shown.locator(".caret").inner_text()
    assert caret.rstrip() == " " * 12 + "^^"
    assert shown.locator("#filter").get_attribute("aria-invalid") == "true"
    shown.locator("#filter").fill("seconds > 1 AND outcome = 'accepted'")
    shown.keyboard.press("Enter")
    shown.locator("#filter-state").get_by_text("3 of 6 attempts").wait_for()


def test_list_sorts_opens_and_returns(shown):
    goto(shown, "#/set/episodes?where=outcome+%3D+%27accepted%27")
    rows = shown.locator(".rows > .row")
    shown.locator(".rows img").first.wait_for()
    assert rows.count() == 3
    shown.get_by_role("columnheader", name="Length").get_by_role("button").click()
    shown.wait_for_function("() => location.hash.includes('sort=seconds')")
    shown.wait_for_timeout(150)
    lengths = [float(t.split()[0]) for t in shown.locator(".rows .seconds").all_inner_texts()]
    assert lengths == sorted(lengths)
    shown.keyboard.press("j")
    shown.keyboard.press("Enter")
    shown.locator(".media figure").first.wait_for()
    first = shown.locator("main h1").inner_text()
    shown.keyboard.press("j")
    shown.wait_for_function("t => document.querySelector('main h1')?.textContent !== t", arg=first)
    shown.get_by_text("all attempts").click()
    rows.nth(2).wait_for()
    assert rows.count() == 3


def bits(page, camera: str) -> int:
    """The number burnt into the image that a camera shows now."""
    loaded = "c => document.querySelector(`[data-camera=${c}] video`)?.readyState >= 2"
    page.wait_for_function(loaded, arg=camera)
    code = """(camera) => {
      const video = document.querySelector(`[data-camera=${camera}] video`);
      const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
      const context = canvas.getContext("2d");
      context.drawImage(video, 0, 0);
      return Array.from(context.getImageData(0, 6, video.videoWidth, 1).data);
    }"""
    line = np.array(page.evaluate(code, camera), np.uint8).reshape(-1, 4)[:, 0]
    found = [line[k * CELL + CELL // 2] > 150 for k in range(BITS)]
    return sum(1 << k for k, bit in enumerate(found) if bit)


def test_scrubbing_shows_exactly_that_frame_in_all_cameras(shown, ids, path):
    episode = open_dataset(path).episode(ids[0])
    step = episode.fps // viewer_fixture.FPS
    for frame in (1, 50, episode.length - 1):
        goto(shown, f"#/set/episode/{ids[0]}?f={frame}")
        shown.wait_for_selector(f"[role=slider][aria-valuenow='{frame}']")
        for camera in viewer_fixture.CAMERAS:
            shown.wait_for_function(
                "([c, i]) => document.querySelector(`[data-camera=${c}]`)?.dataset.image == i",
                arg=[camera, frame // step],
            )
            assert bits(shown, camera) == frame // step
    shown.wait_for_timeout(400)
    assert f"f={episode.length - 1}" in shown.url
    shown.keyboard.press("Home")
    for expected in range(1, 8):
        shown.keyboard.press("ArrowRight")
        image = expected // step
        shown.wait_for_function(
            "i => [...document.querySelectorAll('[data-camera]')].every(c => c.dataset.image == i)",
            arg=image,
        )
        assert bits(shown, "front") == bits(shown, "wrist") == image


@pytest.mark.slow
def test_cameras_stay_together_while_playing(shown, ids):
    goto(shown, f"#/set/episode/{ids[0]}")
    shown.wait_for_function(
        "() => [...document.querySelectorAll('video')].length == 2"
        " && [...document.querySelectorAll('video')].every(v => v.readyState >= 2)"
    )
    shown.keyboard.press(" ")
    shown.wait_for_timeout(1200)
    times = shown.evaluate("[...document.querySelectorAll('video')].map(v => v.currentTime)")
    shown.keyboard.press(" ")
    assert min(times) > 0.2
    assert max(times) - min(times) < 0.25
    shown.wait_for_timeout(300)
    tiles = "[...document.querySelectorAll('[data-camera]')]"
    images = shown.evaluate(f"{tiles}.map(c => c.dataset.image)")
    assert len(set(images)) == 1


def test_boxes_lie_on_the_pixels_of_their_object(shown, ids):
    goto(shown, f"#/set/episode/{ids[0]}?f=30&show=boxes")
    image = 30 // (open_fps(ids, shown) // viewer_fixture.FPS)
    shown.wait_for_selector(f"[data-camera=front][data-image='{image}']")
    code = """() => {
      const canvas = document.querySelector('[data-camera=front] canvas');
      const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      const found = [];
      for (let y = 0; y < canvas.height; y++) for (let x = 0; x < canvas.width; x++)
        if (data[4 * (y * canvas.width + x) + 3] > 120) found.push([x, y]);
      return [canvas.width, found];
    }"""
    shown.wait_for_function(f"() => ({code})()[1].length > 0")
    width, found = shown.evaluate(code)
    scale = width / SIZE[0]
    x, y = np.array(found).T / scale
    left, top = viewer_fixture.square(image)
    assert abs(x.min() - left) < 1.5
    assert abs(y.max() - (top + 20)) < 1.5


def open_fps(ids, page) -> int:
    return page.evaluate(
        "id => fetch(`/api/set/attempts/${id}`).then(r => r.json()).then(d => d.fps)", ids[0]
    )


def test_3d_draws_what_is_stored(chromium, client, ids, path):
    episode = open_dataset(path).episode(ids[1])
    with viewer_browser.page(chromium, viewport=SMALL_3D) as (page, noted):
        page.goto(f"http://127.0.0.1:{client.port}/#/set/episode/{ids[1]}?f=40")
        page.wait_for_selector(".stage[data-ready=true]")
        for frame in (40, episode.length - 1):
            page.evaluate("h => { location.hash = h }", f"#/set/episode/{ids[1]}?f={frame}")
            page.wait_for_selector(f".stage[data-ready=true][data-frame='{frame}']")
            drawn = page.evaluate("document.querySelector('.stage canvas').replay.positions()")
            for i, thing in enumerate(episode.objects):
                stored = episode.trajectory.object_poses[frame, i, :3]
                np.testing.assert_allclose(drawn[thing.name], stored, atol=1e-4)
        assert noted.errors == []


def test_refused_attempts_have_a_page(shown, ids):
    goto(shown, f"#/set/episode/{ids[4]}?f=3")
    shown.get_by_text("dropped at execute").wait_for()
    shown.wait_for_selector(".stage[data-ready=true][data-frame='3']")
    shown.get_by_text("made up").first.wait_for()


def test_labels_are_written_and_honoured_by_exports(shown, ids, path, tmp_path):
    goto(shown, f"#/set/episode/{ids[2]}?tab=judge")
    shown.get_by_role("button", name="Exclude from training and export").click()
    shown.get_by_role("button", name="Excluded: take back").wait_for()
    shown.get_by_label("New tag").fill("shaky")
    shown.keyboard.press("Enter")
    shown.locator(".chip", has_text="shaky").first.wait_for()
    assert excluded_ids(open_dataset(path)) == {ids[2]}
    assert export_dataset(path, tmp_path / "out", "videos").episodes == 2
    shown.keyboard.press("Escape")
    shown.locator("h1").click()
    shown.keyboard.press("x")
    shown.get_by_role("button", name="Exclude from training and export").wait_for()
    assert excluded_ids(open_dataset(path)) == set()


@pytest.mark.slow
def test_audit_and_comparison(shown, path):
    goto(shown, "#/set/audit")
    card = shown.locator("li.panel", has_text="dropped").first
    card.get_by_role("button", name="wrong").click()
    shown.get_by_text("1 judged").wait_for()
    goto(shown, "#/set/compare?a=set&b=other")
    shown.locator("main .chip", has_text="equal").wait_for()
    goto(shown, "#/set/compare?a=set&b=set")
    shown.get_by_text("equal", exact=True).wait_for()


def damage(place: Path, blob: bytes) -> None:
    """Overwrites the stored bytes of a film."""
    for file in place.rglob("*"):
        data = file.read_bytes() if file.is_file() else b""
        if (at := data.find(blob)) >= 0:
            file.write_bytes(data[:at] + bytes(len(blob)) + data[at + len(blob) :])
            return
    raise AssertionError("the film lies in no file")


def test_a_damaged_film_is_said_and_the_rest_works(chromium, tmp_path):
    place = viewer_fixture.make(tmp_path / "set")
    with (
        viewer_fixture.running([place]) as client,
        viewer_browser.page(chromium, viewport=SMALL_3D) as (page, _),
    ):
        key = client.get("/api/set/rows").json()["rows"][0]["id"]
        film = f"/api/set/attempts/{key}/views/{viewer_fixture.VARIANT}/front/video"
        damage(place, client.get(film).body)
        page.goto(f"http://127.0.0.1:{client.port}/#/set/episode/{key}?variant=nope")
        page.get_by_text("the film of camera front is damaged").wait_for()
        page.get_by_text("datafactory validate").wait_for()
        page.get_by_text("no images of the variant").wait_for()
        page.wait_for_selector(".stage[data-ready=true]")
        page.wait_for_selector("[data-camera=wrist] video")
        page.keyboard.press("End")
        page.get_by_role("slider", name="Frame").wait_for()


def test_missing_annotations_leave_the_film(chromium, client, ids):
    with viewer_browser.page(chromium, viewport=SMALL_3D) as (page, _):
        error = {"what": "annotations are damaged", "where": "", "why": "cut short", "try": ""}
        page.route("**/front/overlay", lambda r: r.fulfill(status=500, json={"error": error}))
        page.goto(f"http://127.0.0.1:{client.port}/#/set/episode/{ids[0]}?show=boxes")
        page.get_by_text("annotations are damaged").wait_for()
        page.wait_for_selector("[data-camera=front] video")


def test_contacts_of_both_arms_are_marked(shown, ids):
    def two_arms(request) -> None:
        answer = request.fetch()
        touch = {"b": "cube", "max_force": 1.0, "max_penetration": 0.0}
        contacts = [
            {"a": "left_gripper_finger", "start": 2, "stop": 6, **touch},
            {"a": "right_gripper_finger", "start": 8, "stop": 9, **touch},
            {"a": "table", "start": 0, "stop": 9, **touch},
        ]
        request.fulfill(response=answer, json={**answer.json(), "contacts": contacts})

    shown.route(f"**/attempts/{ids[0]}", two_arms)
    goto(shown, f"#/set/episode/{ids[0]}")
    shown.get_by_role("slider", name="Frame").wait_for()
    assert shown.locator(".bar i").count() == 2


def test_differing_settings_can_be_read(shown):
    def differs(request) -> None:
        answer = request.fetch()
        config = [{"key": "task.generator.objects", "a": "word " * 400, "b": 3}]
        request.fulfill(response=answer, json={**answer.json(), "config": config})

    shown.route("**/api/difference*", differs)
    goto(shown, "#/set/compare?a=set&b=other")
    table = shown.get_by_role("region", name="Configuration").locator("table")
    table.wait_for()
    widths = table.locator("td").evaluate_all("cells => cells.map(c => c.clientWidth)")
    assert min(widths) > 0.25 * sum(widths)
    assert table.bounding_box()["height"] < 200
    table.locator("summary").click()
    assert table.get_by_text("word " * 200).last.is_visible()


def test_the_place_in_the_list_is_kept(chromium, tmp_path):
    from tests import store_fixture

    store_fixture.make(tmp_path / "many", count=150)
    with (
        viewer_fixture.running([tmp_path / "many"]) as client,
        viewer_browser.page(chromium) as (page, _),
    ):
        page.goto(f"http://127.0.0.1:{client.port}/#/many/episodes?as=grid&row=120")
        page.wait_for_selector(".card.chosen a")
        page.locator(".card.chosen a").click()
        page.get_by_text("all attempts").click()
        page.wait_for_selector(".card.chosen a")
        assert page.locator(".scroll").evaluate("e => e.scrollTop") > 1000
        page.locator(".card.chosen a").click()
        page.wait_for_selector("main h1")
        page.go_back()
        page.wait_for_selector(".card.chosen a")


def test_wrong_addresses_are_said_and_right_ones_restored(chromium, client, ids):
    with viewer_browser.page(chromium, viewport=SMALL_3D) as (page, noted):
        page.goto(f"http://127.0.0.1:{client.port}/#/nope/episodes")
        page.get_by_text("there is no dataset “nope” here").wait_for()
        goto(page, f"#/set/episode/{ids[0]}?tab=graph&graph=goal")
        page.locator("[aria-pressed=true]", has_text="goal").wait_for()
        page.get_by_role("tab", name="Scene graph").focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => location.hash.includes('tab=objects')")
        goto(page, f"#token={TOKEN}")
        page.wait_for_selector("main h1")
        assert TOKEN not in page.url
        assert noted.errors == []
        goto(page, "#/set/episode/%")
        page.locator("main .notice").first.wait_for()
        assert [e for e in noted.errors if "URI" in e] == []


def test_the_list_alone_scrolls(shown):
    goto(shown, "#/set/episodes")
    shown.locator(".rows > .row").nth(5).wait_for()
    size = shown.evaluate("[document.documentElement.scrollHeight, innerHeight]")
    assert size[0] <= size[1]
    shown.keyboard.press("j")
    shown.wait_for_function("() => document.activeElement.closest('.row[aria-current=true]')")


@pytest.mark.slow
def test_images_without_film_are_shown_one_by_one(chromium, tmp_path):
    place = viewer_fixture.make(tmp_path / "jpeg", codec="jpeg")
    with (
        viewer_fixture.running([place]) as client,
        viewer_browser.page(chromium) as (page, noted),
    ):
        key = client.get("/api/jpeg/rows").json()["rows"][0]["id"]
        page.goto(f"http://127.0.0.1:{client.port}/#/jpeg/episode/{key}?f=20")
        page.wait_for_selector("[data-camera=front][data-image='10'] img")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("[data-camera=front][data-image='11'] img[src$='/images/11']")
        assert noted.errors == []


def test_without_the_token_nothing_can_be_written(chromium, client, ids):
    with viewer_browser.page(chromium) as (page, _):
        page.goto(f"http://127.0.0.1:{client.port}/#/set/episode/{ids[0]}?tab=judge")
        button = page.get_by_role("button", name="Exclude from training and export")
        button.wait_for()
        assert button.is_disabled()


@pytest.mark.slow
def test_a_phone_can_watch(chromium, client, ids):
    phone = {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}
    with viewer_browser.page(chromium, **phone) as (page, noted):
        for target in ("#/set/overview", "#/set/episodes", f"#/set/episode/{ids[0]}"):
            page.goto(f"http://127.0.0.1:{client.port}/{target}")
            page.wait_for_selector("main h1")
            page.wait_for_timeout(300)
            assert page.evaluate("document.documentElement.scrollWidth") <= 391
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert noted.errors == []


def test_growing_dataset_is_seen(chromium, tmp_path):
    from tests import store_fixture
    from tests.fake_attempts import FakeSpec

    committer = store_fixture.make(tmp_path / "live", count=10)
    with (
        viewer_fixture.running([tmp_path / "live"]) as client,
        viewer_browser.page(chromium) as (page, noted),
    ):
        page.goto(f"http://127.0.0.1:{client.port}/")
        page.locator("#filter-state").get_by_text("10 of 10").wait_for()
        accepted, rejected, _ = store_fixture.rows(FakeSpec(), range(10, 30))
        committer.append("episodes", committer.writer.write("episodes", accepted), {})
        committer.append("attempts", committer.writer.write("attempts", rejected), {})
        page.locator("#filter-state").get_by_text("30 of 30").wait_for()
        assert noted.errors == []


@pytest.mark.slow
def test_empty_dataset_says_so(chromium, tmp_path):
    from tests import store_fixture

    store_fixture.make(tmp_path / "none", count=0)
    with (
        viewer_fixture.running([tmp_path / "none"]) as client,
        viewer_browser.page(chromium) as (page, noted),
    ):
        said = {"overview": "nothing in this dataset yet", "episodes": "No attempt",
                "audit": "Nothing is left"}  # fmt: skip
        for target, text in said.items():
            page.goto(f"http://127.0.0.1:{client.port}/#/none/{target}")
            page.get_by_text(text).first.wait_for()
        assert noted.errors == []


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_accessible(chromium, client, ids, theme):
    if not AXE.exists():
        pytest.skip("axe-core is not there: npm ci in datafactory/viewer/web")
    with viewer_browser.page(chromium, color_scheme=theme, bypass_csp=True) as (page, _):
        targets = ["overview", "episodes", "audit", "compare?a=set&b=other"]
        targets += [f"episode/{ids[0]}?tab={t}" for t in ("verdict", "graph", "judge", "lineage")]
        for target in targets:
            page.goto(f"http://127.0.0.1:{client.port}/#/set/{target}")
            page.wait_for_selector("main h1")
            page.wait_for_timeout(400)
            page.add_script_tag(path=str(AXE))
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            problems = [
                (v["id"], n["html"][:160], n["failureSummary"][:200])
                for v in found["violations"]
                for n in v["nodes"]
            ]
            assert problems == [], target
