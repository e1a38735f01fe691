"""The pages in a browser: what a person does with them, and what they must never do."""

from __future__ import annotations

import numpy as np
import pytest

from datafactory.exchange.run import export_dataset
from datafactory.store.dataset import open_dataset
from datafactory.store.labels import excluded_ids
from tests import viewer_browser, viewer_fixture
from tests.viewer_fixture import BITS, CELL, SIZE
from tests.viewer_pages import chromium, client, goto, ids, path, shown, where  # noqa: F401

SMALL_3D = {"width": 1280, "height": 700}


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


def test_bars_of_grasps_and_actions_filter(shown):
    state = shown.locator("#filter-state")
    grasps = shown.get_by_role("region", name="Grasps")
    bar = grasps.locator("li button").filter(has_not=shown.get_by_text("0 grasps")).first
    bar.click()
    state.get_by_text("3 of 6 attempts").wait_for()
    assert where(shown).startswith("grasp = '")
    bar.click()
    state.get_by_text("6 of 6 attempts").wait_for()
    joint = shown.get_by_role("group", name="Distribution of joint 1")
    joint.locator("button.bin[tabindex='0']").first.press("Enter")
    state.get_by_text(" of 6 attempts").wait_for()
    assert where(shown).startswith("action.joint_1 BETWEEN ")


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


@pytest.mark.parametrize("page", ["overview", "episodes"])
def test_a_wrong_filter_in_an_address_is_said_and_nothing_is_shown_for_it(shown, page):
    goto(shown, f"#/set/{page}?where=seconds+%3E+1+AN+x")
    shown.get_by_text("did you mean AND?").wait_for()
    assert shown.locator("#filter").get_attribute("aria-invalid") == "true"
    assert shown.locator("main h1, main .rows").count() == 0
    goto(shown, f"#/set/{page}?where=outcome+%3D+%27rejected%27")
    shown.locator("#filter-state").get_by_text("3 of 6 attempts").wait_for()
    assert shown.locator("#filter").get_attribute("aria-invalid") == "false"


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
    stills = shown.locator("li img[alt^='Last poses of']")
    stills.nth(2).wait_for()
    assert stills.count() == 3
    drawn = """i => { const c = new OffscreenCanvas(40, 26).getContext('2d');
      c.drawImage(i, 0, 0, 40, 26);
      return new Set(new Uint32Array(c.getImageData(0, 0, 40, 26).data.buffer)).size }"""
    assert all(stills.nth(k).evaluate(drawn) > 10 for k in range(3))
    card = shown.locator("li.panel", has_text="dropped").first
    card.get_by_role("button", name="wrong").click()
    shown.get_by_text("1 judged").wait_for()
    goto(shown, "#/set/compare?a=set&b=other")
    shown.locator("main .chip", has_text="equal").wait_for()
    goto(shown, "#/set/compare?a=set&b=set")
    shown.get_by_text("equal", exact=True).wait_for()
