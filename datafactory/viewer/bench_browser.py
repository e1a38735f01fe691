"""What a person waits for in a browser: the first image of a film, measured in Chromium."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from collections.abc import Sequence
from urllib.parse import quote

import numpy as np

FILM = "film's first image in Chromium, 95 % under"
EPISODE = "episode's first image in Chromium, 95 % under"
BARS: dict[str, tuple[str, float | None]] = {FILM: ("s", 0.2), EPISODE: ("s", None)}
ARGS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""No user namespaces in containers; WebGL without a graphics card."""
TIMEOUT_MS = 20_000

_FILM = """url => new Promise((done, failed) => {
  const video = document.createElement("video"), begin = performance.now();
  video.muted = true; video.preload = "auto";
  video.onloadeddata = () => {
    done((performance.now() - begin) / 1000);
    video.removeAttribute("src");
  };
  video.onerror = () => failed(new Error(video.error?.message ?? url));
  video.src = url;
})"""
_EPISODE = """([hash, url]) => new Promise(done => {
  const begin = performance.now();
  const look = () => {
    const video = [...document.querySelectorAll("video")].find(v => v.currentSrc.endsWith(url));
    if (video && video.readyState >= 2) done((performance.now() - begin) / 1000);
    else requestAnimationFrame(look);
  };
  location.hash = hash;
  look();
})"""


def missing() -> str:
    """Why nothing can be measured in a browser; empty when it can."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    return "" if shutil.which("chromium") else "there is no chromium (apt-get install chromium)"


def first_images(port: int, alias: str, ids: Sequence[str]) -> dict[str, float]:
    """Seconds until images are seen, by ``BARS``.

    Args:
        port: Of the server.
        alias: Of the dataset.
        ids: Episodes with films of the variant ``bench`` and the camera ``front``. The first
            half is opened as films alone, the other half as pages.
    """
    driver = importlib.import_module("playwright.sync_api")
    root = f"http://127.0.0.1:{port}"
    half = len(ids) // 2
    with driver.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(ARGS)
        )
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(f"{root}/#/{quote(alias)}/episodes")
        page.wait_for_selector(".rows")
        films = [page.evaluate(_FILM, f"{root}{_film(alias, i)}") for i in ids[:half]]
        pages = [
            page.evaluate(_EPISODE, [f"#/{quote(alias)}/episode/{i}", _film(alias, i)])
            for i in ids[half:]
        ]
        chromium.close()
    return {name: float(np.percentile(v, 95)) for name, v in ((FILM, films), (EPISODE, pages))}


def _film(alias: str, attempt_id: str) -> str:
    return f"/api/{quote(alias)}/attempts/{attempt_id}/views/bench/front/video"
