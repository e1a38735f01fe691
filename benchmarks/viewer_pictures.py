"""Pictures of the viewer for the documents, taken in Debian's Chromium:

    python -m benchmarks.viewer_pictures DIR OUT [RESULTS]

DIR is a rendered dataset with questions; OUT gets WebP files; RESULTS is what an evaluation wrote.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from PIL import Image

ARGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WIDTH, HEIGHT = 1440, 900
PICTURES = (
    ("viewer_overview", "overview", "light", 900),
    ("viewer_overview_dark", "overview?where=FAMILY", "dark", 900),
    ("viewer_list", "episodes?as=grid&where=RENDERED", "dark", 900),
    ("viewer_episode", "episode/FIRST?f=92&show=boxes+traces", "light", 1000),
    ("viewer_episode_dark", "episode/SECOND?f=80&show=masks+points&tab=graph", "dark", 1000),
)
RESULTS = (("viewer_results", "", "light", 900),)
QUALITY = 82


def main(folder: str, out: str, results: str = "") -> None:
    """Takes all pictures."""
    take(folder, out, PICTURES)
    if results:
        take(results, out, RESULTS)


def take(folder: str, out: str, pictures: tuple[tuple[str, str, str, int], ...]) -> None:
    """Takes pictures of what a folder shows."""
    from playwright.sync_api import sync_playwright

    words = [sys.executable, "-m", "datafactory_cli.main", "view", folder, "--json", "--no-open"]
    with subprocess.Popen([*words, "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split('"url": "')[1].split('"')[0]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=ARGS
                )
                for name, target, theme, height in pictures:
                    data = picture(browser, url, Path(folder).name, target, theme, height)
                    file = Path(out) / f"{name}.webp"
                    Image.open(io.BytesIO(data)).save(file, quality=QUALITY, method=6)
                    print(f"{file} {file.stat().st_size:,} bytes")
                browser.close()
        finally:
            server.terminate()


def picture(browser, url: str, alias: str, target: str, theme: str, height: int) -> bytes:
    """One picture, when everything on the page has loaded and stands still."""
    page = browser.new_page(
        viewport={"width": WIDTH, "height": height}, color_scheme=theme, device_scale_factor=1
    )
    page.goto(url)
    page.wait_for_selector("main h1")
    if target:
        turn_to(page, alias, target)
    page.wait_for_timeout(4000)
    data: bytes = page.screenshot()
    page.close()
    return data


def turn_to(page, alias: str, target: str) -> None:
    """Opens a page of a dataset; capitals stand for what it holds."""
    code = f"fetch('/api/{alias}/rows?where=' + encodeURIComponent(\"rendered IS NOT NULL\"))"
    rows = page.evaluate(f"() => {code}.then(r => r.json())")["rows"]
    first = next(r["rendered"][0] for r in rows)
    target = target.replace("FIRST", rows[0]["id"]).replace("SECOND", rows[1]["id"])
    target = target.replace("RENDERED", quote(f"rendered = '{first}'"))
    target = target.replace("FAMILY", quote(f"family = '{rows[0]['family'][0]}'"))
    page.evaluate("h => { location.hash = h }", f"#/{alias}/{target}")
    if target.startswith("episode/"):
        page.wait_for_selector(".stage[data-ready=true]", timeout=60_000)


if __name__ == "__main__":
    main(*sys.argv[1:])
