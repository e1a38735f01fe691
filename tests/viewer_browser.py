"""Debian's Chromium through Playwright, with everything noted that a page must not do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ARGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
"""No user namespaces in containers; WebGL without a graphics card."""
AXE = Path(__file__).parent.parent / "datafactory/viewer/web/node_modules/axe-core/axe.min.js"


@dataclass
class Noted:
    """What a page did."""

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def chromium() -> str:
    """Path of the system's Chromium; skips the test where there is none."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium: apt-get install chromium")
    return found


@contextmanager
def browser() -> Iterator[Any]:
    """A running browser."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGS)
        try:
            yield running
        finally:
            running.close()


@contextmanager
def page(running: Any, **options: Any) -> Iterator[tuple[Any, Noted]]:
    """A fresh page, and what it does."""
    settings = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light", **options}
    context = running.new_context(**settings)
    context.set_default_timeout(30_000)
    shown, noted = context.new_page(), Noted()
    shown.on("console", lambda m: noted.errors.append(m.text) if m.type == "error" else None)
    shown.on("pageerror", lambda e: noted.errors.append(str(e)))
    shown.on("request", lambda r: noted.requests.append(r.url))
    shown.on("requestfailed", lambda r: noted.failed.append(f"{r.url} {r.failure}"))
    try:
        yield shown, noted
    finally:
        context.close()


def inaccessible(shown: Any) -> list[tuple[str, str, str]]:
    """What axe-core finds wrong on a page made with ``bypass_csp``; skips where it is not there."""
    if not AXE.exists():
        pytest.skip("axe-core is not there: npm ci in datafactory/viewer/web")
    shown.add_script_tag(path=str(AXE))
    found = shown.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (v["id"], n["html"][:160], n["failureSummary"][:200])
        for v in found["violations"]
        for n in v["nodes"]
    ]
