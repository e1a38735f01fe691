"""Convex collision pieces, cavities and resting poses. Plain floats: this is on the hot path.

Lengths are rounded to a nanometre, so that an asset does not depend on the last bit of a
platform's ``sin``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache

from datafactory_assets.asset import Cavity, Shape, StablePose, SupportSurface

Point = tuple[float, float]
Polygon = tuple[Point, ...]
Vec3 = tuple[float, float, float]
Bounds = tuple[tuple[float, float, float], tuple[float, float, float]]
Quat = tuple[float, float, float, float]
Direction = tuple[float, float, float, float]

UPRIGHT: Quat = (1.0, 0.0, 0.0, 0.0)
FLIPPED: Quat = (0.0, 1.0, 0.0, 0.0)
_H = round(math.sqrt(0.5), 12)
LYING: Quat = (_H, 0.0, _H, 0.0)  # object z along world x
LYING_BACK: Quat = (_H, 0.0, -_H, 0.0)  # object z along world -x
LYING_Y: Quat = (_H, _H, 0.0, 0.0)  # object z along world -y
LYING_Y_BACK: Quat = (_H, -_H, 0.0, 0.0)  # object z along world y


def nm(value: float) -> float:
    """Rounds metres to a nanometre (and -0.0 to 0.0)."""
    return round(value, 9) + 0.0


def box(
    half: tuple[float, float, float], centre: tuple[float, float, float], part: str = "body"
) -> Shape:
    """Axis-aligned box of half extents ``half``, metres."""
    return Shape("box", tuple(map(nm, half)), _point(centre), part=part)


def cylinder(
    radius: float, z0: float, z1: float, part: str = "body", x: float = 0.0, y: float = 0.0
) -> Shape:
    """Upright cylinder between heights z0 and z1, metres."""
    size = (nm(radius), nm(0.5 * (z1 - z0)))
    return Shape("cylinder", size, _point((x, y, 0.5 * (z0 + z1))), part=part)


def lying_cylinder(radius: float, x0: float, x1: float, z: float, part: str = "body") -> Shape:
    """Cylinder along x between x0 and x1 with its axis at height z, metres."""
    size = (nm(radius), nm(0.5 * (x1 - x0)))
    return Shape("cylinder", size, _point((0.5 * (x0 + x1), 0.0, z)), LYING, part=part)


def rod(p: Point, q: Point, radius: float, part: str) -> Shape:
    """Capsule between two points of the xz plane, metres."""
    dx, dz = q[0] - p[0], q[1] - p[1]
    length = math.hypot(dx, dz)
    half = 0.5 * math.atan2(dx, dz)
    centre = (0.5 * (p[0] + q[0]), 0.0, 0.5 * (p[1] + q[1]))
    quat = (nm(math.cos(half)), 0.0, nm(math.sin(half)), 0.0)
    return Shape("capsule", (nm(radius), nm(0.5 * length)), _point(centre), quat, part=part)


def hull(vertices: Sequence[tuple[float, float, float]], part: str = "body") -> Shape:
    """Convex hull of object-frame points, metres; its frame is the middle of their bounds."""
    axes = tuple(zip(*vertices, strict=True))
    x, y, z = (nm(0.5 * (min(axis) + max(axis))) for axis in axes)
    local = tuple((nm(p[0] - x), nm(p[1] - y), nm(p[2] - z)) for p in vertices)
    return Shape("convex", (), (x, y, z), vertices=local, part=part)


def extruded(
    outline: Sequence[Point], low: float, high: float, axis: str = "z", part: str = "body"
) -> Shape:
    """Hull of a convex outline extruded like ``Prism``; at most 16 corners."""
    if axis == "x":
        return hull([(w, u, v) for u, v in outline for w in (low, high)], part)
    if axis == "y":
        return hull([(v, w, u) for u, v in outline for w in (low, high)], part)
    return hull([(u, v, w) for u, v in outline for w in (low, high)], part)


def turned_box(
    half: tuple[float, float, float],
    centre: tuple[float, float, float],
    yaw: float,
    part: str = "body",
) -> Shape:
    """Box turned about z by ``yaw`` radians, half extents in its own frame, metres."""
    quat = (nm(math.cos(0.5 * yaw)), 0.0, 0.0, nm(math.sin(0.5 * yaw)))
    return Shape("box", tuple(map(nm, half)), _point(centre), quat, part=part)


def ring_wall(inner: float, outer: float, height: float, part: str = "ring") -> tuple[Shape, ...]:
    """Twelve upright boxes around a round hole, from z = 0 up, radii in metres."""
    n = 12
    half, middle = 0.5 * (outer - inner), 0.5 * (outer + inner)
    wide = outer * math.tan(math.pi / n)
    return tuple(
        turned_box(
            (half, wide, 0.5 * height),
            (middle * math.cos(yaw), middle * math.sin(yaw), 0.5 * height),
            yaw,
            part,
        )
        for yaw in (2.0 * math.pi * i / n for i in range(n))
    )


def flat_rod(p: Point, q: Point, radius: float, z: float, part: str = "body") -> Shape:
    """Capsule between two points of the plane at height z, metres."""
    half = 0.5 * math.atan2(q[1] - p[1], q[0] - p[0])
    c, s = _H * math.cos(half), _H * math.sin(half)
    length = 0.5 * math.hypot(q[0] - p[0], q[1] - p[1])
    centre = (0.5 * (p[0] + q[0]), 0.5 * (p[1] + q[1]), z)
    quat = (nm(c), nm(-s), nm(c), nm(s))
    return Shape("capsule", (nm(radius), nm(length)), _point(centre), quat, part=part)


def slices(
    profile: Sequence[Point], heights: Sequence[float], part: str = "body"
) -> tuple[Shape, ...]:
    """Upright cylinders around a profile ((r, z), ...) between consecutive heights, metres.

    Each is as wide as the profile is at the widest within it.
    """
    shapes = []
    for low, high in itertools.pairwise(heights):
        inner = [r for r, z in profile if low <= z <= high]
        widest = max(*inner, radius_at(profile, low), radius_at(profile, high), 1e-4)
        shapes.append(cylinder(widest, low, high, part))
    return tuple(shapes)


def radius_at(profile: Sequence[Point], z: float) -> float:
    """Radius of a profile that rises in z, at a height, metres; 0 outside it."""
    for (r0, z0), (r1, z1) in itertools.pairwise(profile):
        if z0 <= z <= z1 and z1 > z0:
            return r0 + (r1 - r0) * (z - z0) / (z1 - z0)
    return 0.0


def circle(radius: float, n: int, x: float = 0.0, y: float = 0.0) -> Polygon:
    """Regular n-gon through a circle, counter-clockwise, metres."""
    return tuple((nm(x + radius * c), nm(y + radius * s)) for c, s, _, _ in _circle(n, 0.0))


def strut(p: Vec3, q: Vec3, radius: float, part: str) -> Shape:
    """Capsule between two points, metres."""
    dx, dy, dz = (b - a for a, b in zip(p, q, strict=True))
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    x, y, z = (0.5 * (a + b) for a, b in zip(p, q, strict=True))
    # The quaternion that turns z to the direction (dx, dy, dz) by the shortest way.
    w = length + dz
    norm = math.sqrt(w * w + dx * dx + dy * dy)
    quat = FLIPPED if norm < 1e-12 else (nm(w / norm), nm(-dy / norm), nm(dx / norm), 0.0)
    return Shape("capsule", (nm(radius), nm(0.5 * length)), _point((x, y, z)), quat, part=part)


def round_wall(
    n: int, low: Point, high: Point, thickness: float, part: str = "wall"
) -> tuple[Shape, ...]:
    """Ring of n tilted boxes whose inner faces bound a polygonal cone.

    The boxes are as wide as the outer polygon at the wider end, so neighbours overlap at every
    corner, and a box never reaches past its neighbour's inner face.

    Args:
        n: Number of boxes.
        low: (apothem, z) of the inner face's lower edge, metres.
        high: (apothem, z) of its upper edge, metres.
        thickness: Box thickness, metres.
        part: Part name.
    """
    tilt = math.atan2(high[0] - low[0], high[1] - low[1])
    half_width = (max(low[0], high[0]) + thickness * math.cos(tilt)) * math.tan(math.pi / n)
    return _planks(_circle(n, 0.0), low, high, thickness, half_width, part)


def square_wall(
    low: tuple[float, float, float],
    high: tuple[float, float, float],
    thickness: float,
    part: str = "wall",
) -> tuple[Shape, ...]:
    """Four tilted boxes around a rectangular opening.

    Args:
        low: (half_x, half_y, z) of the inner faces' lower edges, metres.
        high: (half_x, half_y, z) of their upper edges, metres.
        thickness: Box thickness, metres.
        part: Part name.
    """
    dz = high[2] - low[2]
    tilt_x, tilt_y = math.atan2(high[0] - low[0], dz), math.atan2(high[1] - low[1], dz)
    wide_x = max(high[1], low[1]) + thickness * math.cos(tilt_y)
    wide_y = max(high[0], low[0]) + thickness * math.cos(tilt_x)
    circle = _circle(4, 0.0)
    across = ((low[0], low[2]), (high[0], high[2]), thickness, wide_x)
    along = ((low[1], low[2]), (high[1], high[2]), thickness, wide_y)
    return (*_planks(circle[::2], *across, part), *_planks(circle[1::2], *along, part))


def polygon(n: int, apothem: float) -> Polygon:
    """Regular n-gon around the origin with a side across +x, counter-clockwise, metres."""
    r = apothem / math.cos(math.pi / n)
    return tuple((nm(r * c), nm(r * s)) for c, s, _, _ in _circle(n, 0.5))


def rectangle(half_x: float, half_y: float) -> Polygon:
    """Rectangle around the origin, counter-clockwise, metres."""
    a, b = nm(half_x), nm(half_y)
    return ((-a, -b), (a, -b), (a, b), (-a, b))


def cone_cavity(n: int, low: Point, high: Point) -> Cavity:
    """Cavity inside ``round_wall(n, low, high, ...)``."""
    return Cavity(polygon(n, low[0]), polygon(n, high[0]), nm(low[1]), nm(high[1]))


def square_cavity(low: tuple[float, float, float], high: tuple[float, float, float]) -> Cavity:
    """Cavity inside ``square_wall(low, high, ...)``."""
    floor, rim = rectangle(low[0], low[1]), rectangle(high[0], high[1])
    return Cavity(floor, rim, nm(low[2]), nm(high[2]))


def inner_floor(cavity: Cavity, shallow: bool) -> SupportSurface:
    """Floor of a cavity; a shallow one counts as open above."""
    clearance = math.inf if shallow else nm(cavity.rim_z - cavity.floor_z)
    return SupportSurface("floor", cavity.floor_polygon, cavity.floor_z, clearance)


def top(outline: Polygon, z: float) -> SupportSurface:
    """Flat top surface at height z, metres."""
    return SupportSurface("top", outline, nm(z))


def box_poses(half: tuple[float, float, float]) -> tuple[StablePose, ...]:
    """The six resting poses of a box standing on z = 0, upright first.

    A face's share is the solid angle it covers as seen from the centre.
    """
    a, b, c = half
    on_z, on_x, on_y = _face_share(a, b, c), _face_share(b, c, a), _face_share(a, c, b)
    lying = [
        StablePose(LYING, nm(a), on_x, "lying"),
        StablePose(LYING_BACK, nm(a), on_x, "lying"),
        StablePose(LYING_Y, nm(b), on_y, "lying"),
        StablePose(LYING_Y_BACK, nm(b), on_y, "lying"),
        StablePose(FLIPPED, nm(2.0 * c), on_z, "upside_down"),
    ]
    lying.sort(key=lambda pose: -pose.probability)
    return (StablePose(UPRIGHT, 0.0, on_z, "upright"), *lying)


def cylinder_poses(radius: float, height: float, com_z: float) -> tuple[StablePose, ...]:
    """Upright, lying and upside-down poses of a cylinder standing on z = 0."""
    up, down = _disc_share(radius, com_z), _disc_share(radius, height - com_z)
    lying = StablePose(LYING, nm(radius), round(1.0 - up - down, 6), "lying")
    flipped = StablePose(FLIPPED, nm(height), down, "upside_down")
    rest = sorted((lying, flipped), key=lambda pose: -pose.probability)
    return (StablePose(UPRIGHT, 0.0, up, "upright"), *rest)


def bounds(shapes: tuple[Shape, ...]) -> Bounds:
    """Tight axis-aligned bounds of the pieces, object frame, metres."""
    lo, hi = [math.inf] * 3, [-math.inf] * 3
    for shape in shapes:
        if shape.kind == "convex":  # its frame is the middle of its bounds, unturned: see hull()
            reach = tuple(max(abs(v[i]) for v in shape.vertices) for i in range(3))
        else:
            reach = _reach(shape)
        for i in range(3):
            lo[i] = min(lo[i], shape.position[i] - reach[i])
            hi[i] = max(hi[i], shape.position[i] + reach[i])
    return (_point((lo[0], lo[1], lo[2])), _point((hi[0], hi[1], hi[2])))


def _planks(
    directions: Sequence[Direction],
    low: Point,
    high: Point,
    thickness: float,
    half_width: float,
    part: str,
) -> tuple[Shape, ...]:
    """Wall boxes: local x is the outward normal, local z runs up the wall."""
    tilt = math.atan2(high[0] - low[0], high[1] - low[1])
    t = 0.5 * thickness
    r = 0.5 * (low[0] + high[0]) + t * math.cos(tilt)
    z = nm(0.5 * (low[1] + high[1]) - t * math.sin(tilt))
    length = math.hypot(high[0] - low[0], high[1] - low[1])
    size = (nm(t), nm(half_width), nm(0.5 * length))
    up, lean = math.cos(0.5 * tilt), math.sin(0.5 * tilt)
    return tuple(
        Shape(
            "box",
            size,
            (nm(r * cos), nm(r * sin), z),
            (nm(half_cos * up), nm(-half_sin * lean), nm(half_cos * lean), nm(half_sin * up)),
            part=part,
        )
        for cos, sin, half_cos, half_sin in directions
    )


@lru_cache(maxsize=64)
def _circle(n: int, offset: float) -> tuple[Direction, ...]:
    """Cosine and sine of n yaw angles and of their halves, the first at ``offset`` steps."""
    angles = [(i + offset) * 2.0 * math.pi / n for i in range(n)]
    return tuple((math.cos(a), math.sin(a), math.cos(0.5 * a), math.sin(0.5 * a)) for a in angles)


def _face_share(a: float, b: float, d: float) -> float:
    """Share of all directions through a rectangle of half sizes a and b at distance d."""
    angle = math.atan2(a * b, d * math.sqrt(a * a + b * b + d * d))
    return round(angle / math.pi, 6)


def _disc_share(radius: float, distance: float) -> float:
    """Share of all directions through a disc at a distance."""
    return round(0.5 * (1.0 - distance / math.hypot(distance, radius)), 6)


def _reach(shape: Shape) -> tuple[float, float, float]:
    """Half extents of a piece's bounds, metres."""
    size = shape.size
    if shape.kind == "sphere":
        return (size[0], size[0], size[0])
    if shape.quat == UPRIGHT and shape.kind in ("box", "ellipsoid"):
        return (size[0], size[1], size[2])
    w, x, y, z = shape.quat
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    if shape.kind == "box":
        a, b, c = size
        r0, r1, r2 = ((abs(i) * a + abs(j) * b + abs(k) * c) for i, j, k in rows)
    elif shape.kind == "ellipsoid":
        a, b, c = size
        r0, r1, r2 = (math.hypot(i * a, j * b, k * c) for i, j, k in rows)
    elif shape.kind == "capsule":
        r0, r1, r2 = (abs(k) * size[1] + size[0] for _, _, k in rows)
    else:
        r0, r1, r2 = (
            abs(k) * size[1] + size[0] * math.sqrt(max(0.0, 1.0 - k * k)) for _, _, k in rows
        )
    return (r0, r1, r2)


def _point(p: tuple[float, float, float]) -> tuple[float, float, float]:
    return (nm(p[0]), nm(p[1]), nm(p[2]))
