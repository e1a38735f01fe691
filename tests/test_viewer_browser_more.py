"""The pages when something is wrong, missing, growing, empty or small; and for everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import viewer_browser, viewer_fixture
from tests.viewer_fixture import TOKEN
from tests.viewer_pages import chromium, client, goto, ids, path, shown, where  # noqa: F401

SMALL_3D = {"width": 1280, "height": 700}


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


def test_what_touches_is_lit_in_3d(shown, ids):
    def touching(request) -> None:
        answer = request.fetch()
        force = {"max_force": 3.0, "max_penetration": 0.0}
        name = answer.json()["objects"][0]["name"]
        contacts = [{"a": name, "b": "gripper", "start": 2, "stop": 6, **force},
                    {"a": name, "b": "table", "start": 0, "stop": 9, **force}]  # fmt: skip
        request.fulfill(response=answer, json={**answer.json(), "contacts": contacts})

    lit = """() => { const found = [];
      document.querySelector('.stage canvas').replay.bodies().forEach(
        g => { if (g.userData.lit) found.push(g.userData.name) });
      return found.sort() }"""
    shown.route(f"**/attempts/{ids[0]}", touching)
    goto(shown, f"#/set/episode/{ids[0]}?f=3")
    shown.locator(".stage .now").get_by_text("gripper").wait_for()
    shown.wait_for_function("() => document.querySelector('.stage canvas').replay !== undefined")
    names = shown.evaluate(lit)
    assert len([n for n in names if "finger" in n]) == 2
    assert any(not n.startswith("robot/") for n in names)
    goto(shown, f"#/set/episode/{ids[0]}?f=8")
    shown.locator(".stage .now").wait_for(state="detached")
    assert shown.evaluate(lit) == []


def test_speed_and_question_are_in_the_address(shown, ids):
    question = {"question_id": "q1", "variant": viewer_fixture.VARIANT, "camera": "wrist",
                "frame": 4, "kind": "where", "question": "where is the cube?",
                "answer_text": "there", "width": 64, "height": 64, "split": "train",
                "answer": {"boxes": [], "points": [[3, 4]], "path": False}}  # fmt: skip
    other = {**question, "question_id": "q2", "question": "and the plate?"}
    shown.route("**/questions", lambda r: r.fulfill(json=[question, other]))
    goto(shown, f"#/set/episode/{ids[0]}?tab=questions&speed=2")
    shown.get_by_role("button", name="Speed 2").wait_for()
    shown.keyboard.press(">")
    shown.get_by_role("button", name="Speed 4").wait_for()
    shown.get_by_role("button", name="and the plate?").click()
    shown.wait_for_function("() => location.hash.includes('q=q2')")
    shown.wait_for_function("() => /[?&]f=[1-9]/.test(location.hash)")
    assert "speed=4" in shown.url
    shown.reload()
    chosen = shown.get_by_role("button", name="and the plate?")
    chosen.wait_for()
    assert chosen.get_attribute("aria-pressed") == "true"
    shown.get_by_role("button", name="Speed 4").click()
    shown.get_by_role("button", name="Speed 0.1").wait_for()


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
    with viewer_browser.page(chromium, color_scheme=theme, bypass_csp=True) as (page, _):
        targets = ["overview", "episodes", "audit", "compare?a=set&b=other"]
        targets += [f"episode/{ids[0]}?tab={t}" for t in ("verdict", "graph", "judge", "lineage")]
        for target in targets:
            page.goto(f"http://127.0.0.1:{client.port}/#/set/{target}")
            page.wait_for_selector("main h1")
            page.wait_for_timeout(400)
            assert viewer_browser.inaccessible(page) == [], target
