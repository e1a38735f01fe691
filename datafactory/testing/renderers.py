"""Conformance of a renderer: what the rest of the system relies on, measured on small films.

A renderer's author calls :func:`check_renderer` in a test of their own; a broken promise raises
``AssertionError`` with the measured number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import MissingPartError
from datafactory.geometry import quat_from_axis_angle, quat_from_matrix
from datafactory.plugin import load
from datafactory.render.primitives import ellipsoid, rounded_box
from datafactory.render.stage import (
    BACKGROUND,
    Body,
    Film,
    Images,
    Intrinsics,
    Light,
    Material,
    Mesh,
    Renderer,
    Shot,
    Stage,
    Surface,
)
from datafactory.testing.episodes import require

Array = NDArray[np.float64]

DEPTH_M, PROJECTION_PX = 2e-3, 0.5
"""Largest errors allowed of depth and of where a small ball is seen."""

WALL, BLOCK, BAR = 3, 4, 5
_ENTITIES = ("background", "floor", "table", "room", "block", "bar")
_WALL_M, _THICK_M, _BLOCK_M, _BAR_M = 1.5, 0.2, 0.9, 1.2
"""Distances along x to the fronts of wall and block and to the bar; the wall's thickness."""
_UP_M, _BACK_M = 0.1, 0.5
_UPRIGHT = quat_from_axis_angle((1.0, 0.0, 0.0), 0.5 * np.pi)
_FORWARD = quat_from_matrix([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""World from camera: looks along +x, z is up."""
EYE = Intrinsics(64, 48, fx=60.0, fy=50.0, cx=29.0, cy=26.0)
ASIDE = Intrinsics(40, 44, fx=40.0, fy=40.0, cx=20.0, cy=22.0)
CENTRED = Intrinsics(96, 80, fx=100.0, fy=100.0, cx=48.0, cy=40.0)
SHIFTED = Intrinsics(96, 80, fx=90.0, fy=115.0, cx=55.3, cy=34.4)
_VIEWS = (("eye", EYE, 0.0, 0.0), ("aside", ASIDE, _UP_M, _BACK_M))
"""Cameras of ``scene_film``: name, intrinsics, metres above the wall's top and moved back."""
EYE_BLOCK = (29, 37)
"""Pixel of camera ``eye`` in the middle of the block's front."""
_BALL_M = 0.03
_BALLS = np.array([[1.0, 0.2, 0.15], [1.2, -0.3, 0.2], [0.9, 0.1, -0.2], [1.5, -0.2, -0.3]])


@dataclass(frozen=True)
class RendererReport:
    """What :func:`check_renderer` measured.

    Attributes:
        name, version: As the renderer states them.
        deterministic: Whether equal bytes were demanded, and found.
        depth_error_m: Largest error of the depth of flat surfaces.
        projection_error_px: Largest distance, along u or v, between where a small ball is seen
            and where its centre projects to.
    """

    name: str
    version: str
    deterministic: bool
    depth_error_m: float
    projection_error_px: float


def check_renderer(renderer: str | Callable[[], Renderer]) -> RendererReport:
    """Checks a renderer against the contract of ``Renderer``.

    Args:
        renderer: Name of a registered renderer, or the class.

    Returns:
        The measured numbers.

    Raises:
        AssertionError: A promise is broken.
        MissingPartError: What the renderer needs is not on this machine.
        UnknownNameError: No renderer has this name.
    """
    name = renderer if isinstance(renderer, str) else ""
    make: Any = load("renderer", name) if name else renderer
    check_missing(make)
    made: Renderer = make()
    _check_names(made, name)
    film = scene_film()
    poses = [film.world_from_body, *(shot.world_from_camera for shot in film.shots)]
    before = [array.tobytes() for array in poses]
    images = made.render(film)
    require(before == [array.tobytes() for array in poses], "rendering changes the film's poses")
    check_images(film, images)
    depth_error = _check_scene(images)
    errors = [_check_projection(made, intrinsics) for intrinsics in (CENTRED, SHIFTED)]
    if made.deterministic:
        require_same(images, made.render(film), "the same film rendered again")
    _check_variations(made, film, images)
    made.close()
    again: Renderer = make()
    by_another = again.render(film)
    again.close()
    check_images(film, by_another)
    if made.deterministic:
        require_same(images, by_another, "the same film from a second renderer")
    return RendererReport(made.name, made.version, made.deterministic, depth_error, max(errors))


def _check_names(made: Renderer, name: str) -> None:
    require(name in ("", made.name), f"'{name}' calls itself '{made.name}'")
    require(bool(made.name) and bool(made.version), "no name or no version")
    known = isinstance(made.deterministic, bool)
    require(known, f"deterministic is {made.deterministic!r}, neither True nor False")


def check_missing(kind: Any) -> tuple[str, str] | None:
    """The class says whether it can draw here, and making one agrees.

    Args:
        kind: Renderer class; its static ``missing()`` gives None or (what, remedy).

    Returns:
        What ``missing()`` gave.
    """
    require(callable(getattr(kind, "missing", None)), "has no static method missing()")
    found: tuple[str, str] | None = kind.missing()
    if found is None:
        return None
    pair = isinstance(found, tuple) and len(found) == 2
    texts = pair and all(isinstance(part, str) and part for part in found)
    require(texts, f"missing() gives {found!r}, not None or (what, remedy)")
    try:
        kind().close()
    except MissingPartError as error:
        require(bool(error.remedy), "the error about the missing part has no remedy")
    else:
        raise AssertionError(f"missing() tells '{found[0]}', yet a renderer can be made")
    return found


def scene_film() -> Film:
    """A wall below the horizon, a red block and a thin bar; two frames, two cameras.

    In frame 0 the block is in front of the wall and the bar is upright. In frame 1 the block is
    behind the wall, the bar lies across, and the second camera has moved back.
    """
    grey, blue = Material((0.5, 0.6, 0.5)), Material((0.2, 0.3, 0.9))
    wall = _body("room", WALL, rounded_box((0.5 * _THICK_M, 4.0, 1.0), 0.0), grey)
    red = Material((1.0, 0.0, 0.0), gloss=0.0, emission=1.0)
    block = _body("object/block", BLOCK, rounded_box((0.1, 0.1, 0.1), 0.0), red)
    bar = _body("object/bar", BAR, rounded_box((0.02, 0.2, 0.02), 0.0), blue)
    poses = np.zeros((2, 3, 7))
    poses[..., 3] = 1.0
    poses[:, 0, :3] = (_WALL_M + 0.5 * _THICK_M, 0.0, -1.0)
    poses[0, 1, :3] = (_BLOCK_M + 0.1, 0.0, -0.2)
    poses[1, 1, :3] = (_WALL_M + 0.6, 0.0, -0.2)
    poses[:, 2, :3] = (_BAR_M, -0.4, 0.05)
    poses[0, 2, 3:] = _UPRIGHT
    sun = Light("sun", (0.0, 0.0, 3.0), (0.6, 0.0, -0.8), (0.6, 0.6, 0.6), True)
    stage = Stage(_ENTITIES, (wall, block, bar), (sun,), (0.3, 0.3, 0.3))
    still = _cameras([(0.0, 0.0, 0.0)] * 2)
    moving = _cameras([(0.0, 0.1, _UP_M), (-_BACK_M, 0.1, _UP_M)])
    shots = (Shot("eye", EYE, still), Shot("aside", ASIDE, moving))
    return Film(stage, poses, shots, shadows=False)


def balls_film(intrinsics: Intrinsics) -> tuple[Film, Array]:
    """Small balls in front of a camera, and where their centres project to, pixels (n, 2)."""
    ball, white = ellipsoid((_BALL_M, _BALL_M, _BALL_M)), Material((1.0, 1.0, 1.0))
    bodies = tuple(_body(f"object/{k}", k + 1, ball, white) for k in range(len(_BALLS)))
    names = ("background", *(f"ball{k}" for k in range(len(_BALLS))))
    stage = Stage(names, bodies, (), (0.5, 0.5, 0.5))
    poses = np.hstack([_BALLS, np.tile([1.0, 0.0, 0.0, 0.0], (len(_BALLS), 1))])
    shot = Shot("eye", intrinsics, _cameras([(0.0, 0.0, 0.0)]))
    forward, left, up = _BALLS.T
    u = intrinsics.cx - intrinsics.fx * left / forward
    v = intrinsics.cy - intrinsics.fy * up / forward
    return Film(stage, poses[None], (shot,), shadows=False), np.column_stack([u, v])


def _body(name: str, entity: int, mesh: Mesh, material: Material) -> Body:
    return Body(name, entity, (Surface("shape", mesh, material),))


def _cameras(places: list[tuple[float, float, float]]) -> Array:
    """World from camera (F, 7) at places, all looking along +x."""
    return np.array([(*place, *_FORWARD) for place in places])


def check_images(film: Film, images: Mapping[str, Images]) -> None:
    """Every camera is there with arrays of the right shapes and types, and values in range."""
    wanted = [shot.camera for shot in film.shots]
    require(sorted(images) == sorted(wanted), f"cameras {sorted(images)}, not {sorted(wanted)}")
    for shot in film.shots:
        seen, where = images[shot.camera], f"camera '{shot.camera}'"
        size = (len(shot.world_from_camera), shot.intrinsics.height, shot.intrinsics.width)
        _require_array(seen.rgb, (*size, 3), np.uint8, f"{where}: rgb")
        _require_array(seen.depth_m, size, np.float32, f"{where}: depth_m")
        _require_array(seen.entity, size, np.uint8, f"{where}: entity")
        top = int(seen.entity.max())
        require(top < len(film.stage.entities), f"{where}: entity {top} is not in the stage")
        require(bool(np.isfinite(seen.depth_m).all()), f"{where}: depth is not finite")
        if film.depth:
            same = np.array_equal(seen.depth_m > 0.0, seen.entity != BACKGROUND)
            require(same, f"{where}: depth is not positive just where there is a body")
        else:
            require(not seen.depth_m.any(), f"{where}: depth is not 0, though none is wanted")


def _require_array(array: Any, shape: tuple[int, ...], kind: type, what: str) -> None:
    require(isinstance(array, np.ndarray), f"{what} is a {type(array).__name__}, no array")
    require(array.shape == shape, f"{what} has the shape {array.shape}, not {shape}")
    require(array.dtype == kind, f"{what} is {array.dtype}, not {np.dtype(kind)}")


def _rows(
    intrinsics: Intrinsics, up_m: float, far_m: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows (h,) wholly above the wall, and on its front, seen from ``up_m`` above its top."""
    centre = np.arange(intrinsics.height) + 0.5
    back = intrinsics.cy + intrinsics.fy * up_m / (far_m + _THICK_M)
    front = intrinsics.cy + intrinsics.fy * up_m / far_m
    return centre < back - 1.0, centre > front + 1.0


def _check_scene(images: Mapping[str, Images]) -> float:
    """Labels, colours and depth of ``scene_film``; returns the largest error of depth."""
    worst = 0.0
    for camera, intrinsics, up_m, back_m in _VIEWS:
        seen = images[camera]
        for frame in range(2):
            where = f"camera '{camera}', frame {frame}"
            entity, depth = seen.entity[frame], seen.depth_m[frame]
            far = _WALL_M + (back_m if frame else 0.0)
            sky, ground = _rows(intrinsics, up_m, far)
            require(set(np.unique(entity[sky])) <= {BACKGROUND, BAR}, f"{where}: sky is labelled")
            require(set(np.unique(entity[ground])) <= {WALL, BLOCK, BAR}, f"{where}: no wall")
            wall = (entity == WALL) & ground[:, None]
            require(int(wall.sum()) > 200, f"{where}: {int(wall.sum())} pixels of wall")
            error = float(np.abs(depth[wall] - far).max())
            wrong = f"{where}: the wall at {far} m is {error * 1e3:.2f} mm off"
            require(error <= DEPTH_M, wrong)
            worst = max(worst, error)
    black = images["eye"].rgb[images["eye"].entity == BACKGROUND]
    require(int(black.max()) <= 8, f"a stage without a sky has one of brightness {black.max()}")
    return max(worst, _check_block(images["eye"]))


def _check_block(seen: Images) -> float:
    """The block is red and near, then hidden; the bar turns. Returns the error of depth."""
    patch = np.s_[EYE_BLOCK[1] - 2 : EYE_BLOCK[1] + 3, EYE_BLOCK[0] - 3 : EYE_BLOCK[0] + 4]
    labels = set(np.unique(seen.entity[0][patch]))
    require(labels == {BLOCK}, f"a block before the wall is labelled {labels}")
    colour = np.median(seen.rgb[0][patch].reshape(-1, 3), axis=0)
    red = colour[0] >= 200 and max(colour[1:]) <= 50
    require(bool(red), f"a pure red body that shines has the colour {colour.tolist()}")
    error = float(np.abs(seen.depth_m[0][patch] - _BLOCK_M).max())
    require(error <= DEPTH_M, f"the block at {_BLOCK_M} m is {error * 1e3:.2f} mm off")
    hidden = int((seen.entity[1] == BLOCK).sum())
    require(hidden == 0, f"{hidden} pixels of the block are seen through the wall")
    for frame, upright in ((0, True), (1, False)):
        rows, columns = np.nonzero(seen.entity[frame] == BAR)
        require(rows.size > 0, f"frame {frame}: the bar is not seen")
        tall, wide = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
        turned = tall > 4 * wide if upright else wide > 4 * tall
        require(turned, f"frame {frame}: the bar is {wide} x {tall} pixels: turned wrongly")
    return error


def _check_projection(renderer: Renderer, intrinsics: Intrinsics) -> float:
    """Balls are seen where the pinhole model says; returns the largest error in pixels."""
    film, expected = balls_film(intrinsics)
    images = renderer.render(film)
    check_images(film, images)
    worst = 0.0
    for k, centre in enumerate(expected):
        rows, columns = np.nonzero(images["eye"].entity[0] == k + 1)
        require(rows.size > 5, f"ball {k} covers {rows.size} pixels with {intrinsics}")
        seen = np.array([columns.mean(), rows.mean()]) + 0.5
        error = float(np.abs(seen - centre).max())
        told = f"ball {k} is seen at {seen.round(2)}, not at {centre.round(2)}, with {intrinsics}"
        require(error <= PROJECTION_PX, told)
        worst = max(worst, error)
    return worst


def _check_variations(renderer: Renderer, film: Film, images: Mapping[str, Images]) -> None:
    """Depth left out, shadows and anti-aliasing leave what they should."""
    flat = replace(film, depth=False)
    without = renderer.render(flat)
    check_images(flat, without)
    for camera, seen in images.items():
        same = np.array_equal(seen.entity, without[camera].entity)
        require(same, f"camera '{camera}': labels change when no depth is wanted")
        if renderer.deterministic:
            same = np.array_equal(seen.rgb, without[camera].rgb)
            require(same, f"camera '{camera}': colours change when no depth is wanted")
    for what, varied in (
        ("anti-aliasing", replace(film, samples=2)),
        ("a shadow", replace(film, shadows=True)),
    ):
        other = renderer.render(varied)
        check_images(varied, other)
        for camera, seen in images.items():
            count = int((seen.entity != other[camera].entity).sum())
            require(count == 0, f"camera '{camera}': {what} changes the label of {count} pixels")


def digest(images: Mapping[str, Images]) -> str:
    """32 hex digits over the bytes of all images."""
    found = hashlib.blake2b(digest_size=16)
    for camera in sorted(images):
        seen = images[camera]
        for array in (seen.rgb, seen.depth_m, seen.entity):
            found.update(f"{camera}\0{array.shape}\0".encode())
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def require_same(a: Mapping[str, Images], b: Mapping[str, Images], what: str) -> None:
    """Two renderings have the same bytes."""
    if digest(a) == digest(b):
        return
    parts = [
        f"{name} of '{camera}'"
        for camera in sorted(a)
        for name in ("rgb", "depth_m", "entity")
        if not np.array_equal(getattr(a[camera], name), getattr(b[camera], name))
    ]
    raise AssertionError(f"{what} has other bytes: {', '.join(parts)}")
