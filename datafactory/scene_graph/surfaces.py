"""Drawing resting positions on and in placed objects."""

from __future__ import annotations

import numpy as np

from datafactory.geometry import Array
from datafactory.scene_graph.body import Body, Surface
from datafactory.scene_graph.footprint import CavityField, Rest
from datafactory.scene_graph.rules import Draft, Drawer

CENTRED = 0.25
DEEPEST_LIFT = 0.004
WALL_MARGIN = 0.0015
HEADROOM = 0.01
PILE_GAP = 0.002
UNDER_SPREAD = 0.8
SQUAT = 0.6
ROUND_PART = 0.5


def turned_points(rest: Rest, points: Array, yaw: Array) -> Array:
    """Points (m, 2) about the footprint's centre turned by yaws (n,): (n, m, 2)."""
    local = points - rest.centre
    c, s = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x, y = local[:, 0], local[:, 1]
    return np.stack([c * x - s * y, s * x + c * y], axis=2)


def draw_on(support: Body, drawer: Drawer) -> Draft | None:
    """Positions on a surface of the support, drawn by area; None when it has no surface."""
    surfaces = [s for s in support.surfaces if s.clearance >= drawer.rest.top + HEADROOM]
    if not surfaces:
        return None
    areas = np.cumsum([s.polygon.area for s in surfaces])
    pick = int(np.searchsorted(areas, drawer.rng.random() * areas[-1]))
    surface = surfaces[min(pick, len(surfaces) - 1)]
    return _settle(support, surface, _spread(surface, drawer), drawer)


def _spread(surface: Surface, drawer: Drawer) -> Array:
    """Footprint centres (n, 2) for which the base fits on the surface, else about its middle.

    Along a random direction from the middle there is a farthest centre that keeps the base on the
    surface; the draw goes some part of that way, or close to the end for tight packing. Round
    things, which may roll, stay in the inner half.
    """
    rest, rng, polygon = drawer.rest, drawer.rng, surface.polygon
    n, middle = len(drawer.yaw), surface.polygon.centroid
    angle = rng.uniform(-np.pi, np.pi, n)
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    base = rest.com[None, :2] if rest.base is None else rest.base.vertices
    reach = (turned_points(rest, base, drawer.yaw) @ polygon.normals.T).max(axis=1)
    room = polygon.offsets - polygon.normals @ middle - reach
    toward = direction @ polygon.normals.T
    steps = np.where(toward > 1e-9, room / np.where(toward > 1e-9, toward, 1.0), np.inf)
    fits = room.min(axis=1) >= 0.0
    farthest = np.where(fits, steps.min(axis=1), CENTRED * polygon.inradius)
    part = rng.uniform(0.85, 1.0, n) if drawer.packed else np.sqrt(rng.random(n))
    if rest.base is None:
        part = ROUND_PART * part
    spread: Array = middle + (part * farthest)[:, None] * direction
    return spread


def draw_centred(support: Body, drawer: Drawer) -> Draft | None:
    """Positions with the centre of mass near the middle of the highest surface."""
    surfaces = support.surfaces or [s for s in (support.cavity_surface,) if s is not None]
    if not surfaces:
        return None
    surface = max(surfaces, key=lambda s: s.z)
    n = len(drawer.yaw)
    angle = drawer.rng.uniform(-np.pi, np.pi, n)
    far = CENTRED * surface.polygon.inradius * np.sqrt(drawer.rng.random(n))
    com = turned_points(drawer.rest, drawer.rest.com[None, :2], drawer.yaw)[:, 0]
    offset = np.stack([far * np.cos(angle), far * np.sin(angle)], axis=1)
    return _settle(support, surface, surface.polygon.centroid + offset - com, drawer)


def _settle(support: Body, surface: Surface, centres: Array, drawer: Drawer) -> Draft:
    """Candidates that would stay on the surface; the others get a NaN height.

    On a cavity's floor that no candidate reaches, squat ones (centre of mass low against their
    width) may rest on the walls or the rim above its middle.
    """
    n = len(centres)
    com = centres + turned_points(drawer.rest, drawer.rest.com[None, :2], drawer.yaw)[:, 0]
    margin = min(0.008, 0.3 * surface.polygon.inradius)
    good = surface.polygon.signed_distance(com) <= -margin
    heights = np.full(n, surface.z)
    drops = np.zeros(n)
    if surface.cavity:
        lifts = cavity_lift(support, drawer.rest, centres, drawer.yaw)
        low = good & (lifts <= DEEPEST_LIFT)
        centred = np.linalg.norm(com - surface.polygon.centroid, axis=1) <= margin
        squat = drawer.rest.com[2] <= SQUAT * drawer.rest.polygon.inradius
        good = low if low.any() else good & centred & squat
        heights, drops = heights + lifts, lifts
    elif drawer.rest.base is not None:
        base = turned_points(drawer.rest, drawer.rest.base.vertices, drawer.yaw)
        flat = (base + centres[:, None]).reshape(-1, 2)
        inside = surface.polygon.signed_distance(flat).reshape(n, -1).max(axis=1) <= 0.0
        middle = np.linalg.norm(com - surface.polygon.centroid, axis=1)
        good &= inside | (middle <= CENTRED * surface.polygon.inradius)
    heights[~good] = np.nan
    return Draft(centres, heights, drops, support.name)


def cavity_lift(container: Body, rest: Rest, centres: Array, yaw: Array) -> Array:
    """Height over the cavity's floor at which the walls stop an object sinking straight down.

    Args:
        container: Owner of the cavity.
        rest: Stable pose of the sinking object.
        centres: (n, 2) its footprint centres, world, metres.
        yaw: (n,) its rotations about world z, rad.

    Returns:
        (n,) metres; infinite without a cavity.
    """
    field = container.geometry.cavity
    if field is None:
        return np.full(len(centres), np.inf)
    return field_lift(field, container, rest, centres, yaw)


def field_lift(
    field: CavityField, container: Body, rest: Rest, centres: Array, yaw: Array
) -> Array:
    """``cavity_lift`` for one cavity or cell of the container."""
    n = len(centres)
    depth = float(field.z[-1] - field.z[0])
    points = rest.points[rest.points[:, 2] < depth]
    world = turned_points(rest, points[:, :2], yaw) + centres[:, None]
    low = np.full((n, len(points), 1), float(container.pose.position[2]) + float(field.z[0]))
    local = container.to_local(np.concatenate([world, low], axis=2))
    walls = field.wall_height(local[..., :2].reshape(-1, 2), WALL_MARGIN).reshape(n, -1)
    lift: Array = np.maximum(0.0, (walls - float(field.z[0]) - points[:, 2]).max(axis=1))
    return lift


def draw_in(container: Body, drawer: Drawer) -> Draft | None:
    """Positions in the cavity of an upright container; None when it has none."""
    field, surface = container.geometry.cavity, container.cavity_surface
    if field is None or surface is None:
        return None
    n = len(drawer.yaw)
    middle = surface.polygon.centroid
    shrink = drawer.rng.uniform(0.0, 0.8, (n, 1))
    centres = middle + shrink * (surface.polygon.sample(drawer.rng, n) - middle)
    lifts = cavity_lift(container, drawer.rest, centres, drawer.yaw)
    piles = surface.z + lifts
    for other, support in drawer.world.supports.items():
        if support != container.name or other == drawer.name:
            continue
        content = drawer.world.bodies[other]
        reach = content.radius + drawer.rest.radius
        over = np.linalg.norm(centres - content.centre, axis=1) < reach
        piles = np.where(over, np.maximum(piles, content.top + PILE_GAP), piles)
    rim = float(container.pose.position[2]) + float(field.z[-1])
    piles[piles + drawer.rest.com[2] > rim] = np.nan
    return Draft(centres, piles, piles - surface.z, container.name)


def draw_under(upper: Body, drawer: Drawer) -> Draft | None:
    """Positions on the plane under a body's centre of mass; None when there is no room."""
    if upper.bottom - drawer.plane < drawer.rest.top + HEADROOM:
        return None
    n = len(drawer.yaw)
    footprint = drawer.rest.polygon
    spots = drawer.rest.centre + UNDER_SPREAD * (
        footprint.sample(drawer.rng, n) - drawer.rest.centre
    )
    offsets = turned_points(drawer.rest, spots, drawer.yaw)[np.arange(n), np.arange(n)]
    return drawer.flat(upper.com[:2] - offsets)
