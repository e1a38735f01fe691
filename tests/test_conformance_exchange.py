"""The public conformance suites over every registered renderer, exporter and importer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from datafactory import plugin
from datafactory.errors import MissingPartError, UnknownNameError
from datafactory.exchange.contract import ExportSummary
from datafactory.exchange.videos import Videos
from datafactory.plugin import load, registered
from datafactory.render.choice import choose, decide, state
from datafactory.testing.exporters import check_exporter, check_importer
from datafactory.testing.renderers import (
    DEPTH_M,
    PROJECTION_PX,
    check_missing,
    check_renderer,
)
from tests.render_fixture import rendered, states

RENDERERS = sorted(registered("renderer"))
EXPORTERS = sorted(registered("exporter"))
IMPORTERS = sorted(registered("importer"))
ROUND_TRIPS = [(i, e) for i in IMPORTERS for e in EXPORTERS if e.startswith(i)]
"""Importers with the exporters of their format: names begin alike, as lerobot and lerobot-v3."""


@contextmanager
def parts_or_skip() -> Iterator[None]:
    """Skips a test of something whose library or device is not on this machine."""
    try:
        yield
    except MissingPartError as error:
        pytest.skip(str(error))


def test_something_is_registered() -> None:
    assert {"gl", "raycast"} <= set(RENDERERS)
    assert {"lerobot-v3", "robomimic", "usd", "videos"} <= set(EXPORTERS)
    assert {"lerobot", "robomimic"} <= {importer for importer, _ in ROUND_TRIPS}


@pytest.mark.parametrize("name", RENDERERS)
def test_renderer_says_what_it_lacks(name: str) -> None:
    lacks = check_missing(load("renderer", name))
    assert state(name).available == (lacks is None)


@pytest.mark.parametrize("name", RENDERERS)
def test_renderer(name: str) -> None:
    with parts_or_skip():
        report = check_renderer(name)
    assert report.name == name
    assert report.depth_error_m <= DEPTH_M
    assert report.projection_error_px <= PROJECTION_PX


@pytest.mark.parametrize("name", EXPORTERS)
def test_exporter(name: str, tmp_path) -> None:
    with parts_or_skip():
        report = check_exporter(name, rendered(), tmp_path)
    assert report.unstable == ()
    assert report.episodes == 3


@pytest.mark.parametrize(("importer", "exporter"), ROUND_TRIPS)
def test_importer(importer: str, exporter: str, tmp_path) -> None:
    for name, dataset in (("states", states()), ("images", rendered())):
        (tmp_path / name).mkdir()
        with parts_or_skip():
            report = check_importer(importer, exporter, dataset, tmp_path / name)
        assert report.joint_error_rad == 0.0


def broken_renderer(change):
    """A class that draws with a real renderer and breaks a promise by ``change(images, film)``."""

    class Broken:
        name, version, deterministic = "broken", "1", True

        def __init__(self) -> None:
            self.inner = choose()

        @staticmethod
        def missing():
            return None

        def render(self, film):
            images = self.inner.render(film)
            return {name: change(one, film) for name, one in images.items()}

        def close(self) -> None:
            self.inner.close()

    return Broken


def as_range(images, film):
    """Depth as the length of the ray instead of along z."""
    height, width = images.depth_m.shape[1:]
    v, u = np.mgrid[:height, :width] + 0.5
    i = next(s.intrinsics for s in film.shots if s.intrinsics.width == width)
    length = np.sqrt(1.0 + ((u - i.cx) / i.fx) ** 2 + ((v - i.cy) / i.fy) ** 2)
    return replace(images, depth_m=(images.depth_m * length).astype(np.float32))


def shifted(images, film):
    """Everything a pixel too far to the right."""
    names = ("rgb", "depth_m", "entity")
    return replace(images, **{n: np.roll(getattr(images, n), 1, axis=2) for n in names})


CALLS = count(1)


def unrepeatable(images, film):
    rgb = images.rgb.copy()
    rgb[0, 0, 0, 2] = next(CALLS) % 8
    return replace(images, rgb=rgb)


BROKEN_RENDERERS = {
    "colour": lambda images, film: replace(images, rgb=images.rgb[..., ::-1]),
    "uint8": lambda images, film: replace(images, rgb=images.rgb.astype(np.float32)),
    "shape": lambda images, film: replace(images, entity=images.entity[:, :-1]),
    "mm off": as_range,
    "is seen at": shifted,
    "not positive just where": lambda images, film: replace(
        images, depth_m=np.maximum(images.depth_m, 0.01) if film.depth else images.depth_m
    ),
    "none is wanted": lambda images, film: replace(
        images, depth_m=images.depth_m + np.float32(not film.depth)
    ),
    "other bytes": unrepeatable,
    "anti-aliasing": lambda images, film: replace(
        images, entity=np.where(images.entity == 5, 4, images.entity).astype(np.uint8)
    ) if film.samples == 2 else images,
}  # fmt: skip


@pytest.mark.parametrize("told", BROKEN_RENDERERS)
def test_a_broken_renderer_is_found(told: str) -> None:
    with parts_or_skip():
        decide()
    with pytest.raises(AssertionError, match=told):
        check_renderer(broken_renderer(BROKEN_RENDERERS[told]))


def test_a_renderer_that_lacks_nothing_it_names_is_found() -> None:
    class Liar:
        @staticmethod
        def missing():
            return "no GPU", "buy one"

        def close(self) -> None: ...

    with pytest.raises(AssertionError, match="yet a renderer can be made"):
        check_missing(Liar)
    with pytest.raises(UnknownNameError):
        check_renderer("no_such_renderer")


class Miscounts(Videos):
    def write(self, dataset, target, options, progress):
        made = super().write(dataset, target, options, progress)
        return replace(made, episodes=made.episodes + 1)


class Litters(Videos):
    def write(self, dataset, target, options, progress):
        (target.parent / "log.txt").write_text("hello")
        return super().write(dataset, target, options, progress)


class Overlooks(Videos):
    """Takes a filter that matches nothing."""

    def write(self, dataset, target, options, progress):
        if options.where is None:
            return super().write(dataset, target, options, progress)
        return ExportSummary(str(target), 0, 0, 0)


class Swallows(Videos):
    def write(self, dataset, target, options, progress):
        def quiet(done, total):
            with suppress(Exception):
                progress(done, total)

        return super().write(dataset, target, options, quiet)


class Boasts(Videos):
    honours = frozenset({"extras", "space"})


class Varies(Videos):
    def write(self, dataset, target, options, progress):
        (target / "made.txt").write_text(str(next(CALLS)))
        return super().write(dataset, target, options, progress)


def as_videos(monkeypatch, kind) -> None:
    """Makes ``videos`` stand for a class of the test's own."""
    monkeypatch.setattr(plugin, "load", lambda group, name: kind)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Miscounts, "2 episodes with limit 1"),
        (Litters, "left behind"),
        (Overlooks, "matches nothing is accepted"),
        (Swallows, "swallowed"),
        (Boasts, "space changes nothing"),
    ],
)
def test_a_broken_exporter_is_found(kind, told: str, tmp_path, monkeypatch) -> None:
    as_videos(monkeypatch, kind)
    with pytest.raises(AssertionError, match=told):
        check_exporter("videos", rendered(), tmp_path)


def test_files_that_vary_are_told(tmp_path, monkeypatch) -> None:
    as_videos(monkeypatch, Varies)
    assert check_exporter("videos", rendered(), tmp_path).unstable == ("made.txt",)
