"""The true solids of the families: closed-form volume integrals, tessellated on demand.

A family describes its object as a sum of solids of uniform density. Every solid knows its volume,
first and second moments exactly (polynomial integrands, so three-point Gauss quadrature leaves no
error), which gives mass, centre of mass and inertia without a mesh.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from datafactory_assets.families.materials import Rgba

Vec3 = tuple[float, float, float]
Axis = Literal["x", "y", "z"]
# (volume, x, y, z, xx, yy, zz, xy, xz, yz): integrals over the solid, object frame, SI.
Moments = tuple[float, float, float, float, float, float, float, float, float, float]

_G = 0.5 * math.sqrt(0.6)
_GAUSS = ((0.5 - _G, 5.0 / 18.0), (0.5, 8.0 / 18.0), (0.5 + _G, 5.0 / 18.0))


@dataclass(frozen=True)
class Revolve:
    """Solid of revolution of a polyline.

    The polyline runs up the outside from the lowest disc and, for a vessel, over the rim and down
    the inside to the inner floor. Its ends are closed by flat discs, or joined to each other when
    ``ring`` is set.

    Attributes:
        profile: ((r, z), ...) metres in the local frame, r > 0.
        rgba: Colour.
        part: Part name.
        axis: Object axis of the local z; local x is object y for ``x``, object z for ``y``.
        origin: Object-frame position of the local origin, metres.
        ring: Join the last point to the first instead of capping both.
    """

    profile: tuple[tuple[float, float], ...]
    rgba: Rgba
    part: str = "body"
    axis: Axis = "z"
    origin: Vec3 = (0.0, 0.0, 0.0)
    ring: bool = False

    def moments(self) -> Moments:
        """Volume integrals, object frame."""
        volume = first = along = across = 0.0
        points = self.profile + self.profile[:1] if self.ring else self.profile
        r0, z0 = points[0]
        for r1, z1 in points[1:]:
            dr, dz = r1 - r0, z1 - z0
            if dz != 0.0:
                for s, w in _GAUSS:
                    r, z = r0 + s * dr, z0 + s * dz
                    rr = r * r
                    a = w * dz * rr
                    volume += a
                    first += a * z
                    along += a * z * z
                    across += a * rr
            r0, z0 = r1, z1
        side = math.pi * across / 4.0
        local = (math.pi * volume, math.pi * first, side, side, math.pi * along)
        return _place(local, self.axis, self.origin)


@dataclass(frozen=True)
class Loft:
    """Stack of rounded rectangles, joined linearly; ordered like ``Revolve``'s profile.

    Attributes:
        sections: ((half_x, half_y, corner_radius, z), ...) metres in the local frame.
        rgba: Colour.
        part: Part name.
        axis: Object axis of the local z; local x is object y for ``x``, object z for ``y``.
        origin: Object-frame position of the local origin, metres.
        ring: Join the last section to the first instead of capping both.
    """

    sections: tuple[tuple[float, float, float, float], ...]
    rgba: Rgba
    part: str = "body"
    axis: Axis = "z"
    origin: Vec3 = (0.0, 0.0, 0.0)
    ring: bool = False

    def moments(self) -> Moments:
        """Volume integrals, object frame."""
        volume = first = along = sxx = syy = 0.0
        points = self.sections + self.sections[:1] if self.ring else self.sections
        a0, b0, c0, z0 = points[0]
        for a1, b1, c1, z1 in points[1:]:
            dz = z1 - z0
            if dz != 0.0:
                for s, share in _GAUSS:
                    a, b, c = a0 + s * (a1 - a0), b0 + s * (b1 - b0), c0 + s * (c1 - c0)
                    z, w = z0 + s * dz, share * dz
                    area, ix, iy = _rounded_rectangle(a, b, c)
                    volume += w * area
                    first += w * area * z
                    along += w * area * z * z
                    sxx += w * ix
                    syy += w * iy
            a0, b0, c0, z0 = a1, b1, c1, z1
        return _place((volume, first, sxx, syy, along), self.axis, self.origin)


@dataclass(frozen=True)
class Arc:
    """Half torus, stretched along the line through its ends (a handle).

    Attributes:
        centre: Object-frame centre of the arc, metres.
        radius: Radius of the arc's centre line, metres.
        tube: Radius of the tube, metres.
        stretch: Factor along the line through its ends.
        rgba: Colour.
        part: Part name.
        out: Object axis and sign it bulges towards.
        along: Object axis its ends are apart along.
    """

    centre: Vec3
    radius: float
    tube: float
    stretch: float
    rgba: Rgba
    part: str = "handle"
    out: Literal["x", "-x", "y", "-y", "z"] = "x"
    along: Literal["x", "y", "z"] = "z"

    def moments(self) -> Moments:
        """Volume integrals, object frame."""
        r, t, k = self.radius, self.tube, self.stretch
        disc = math.pi * t * t
        volume = disc * r * math.pi * k
        first = disc * (r * r + t * t / 4.0) * 2.0 * k
        cubic = disc * (r * r + 0.75 * t * t) * r
        out, along = "xyz".index(self.out[-1]), "xyz".index(self.along)
        moments = [volume, *[0.0] * 9]
        moments[1 + out] = -first if self.out[0] == "-" else first
        moments[4 + out] = cubic * (math.pi / 2.0) * k
        moments[4 + along] = cubic * (math.pi / 2.0) * k**3
        moments[7 - out - along] = r * disc * t * t / 4.0 * math.pi * k
        v, mx, my, mz, sxx, syy, szz, sxy, sxz, syz = moments
        return _shift((v, mx, my, mz, sxx, syy, szz, sxy, sxz, syz), self.centre)


@dataclass(frozen=True)
class Ellipsoid:
    """Axis-aligned solid ellipsoid.

    Attributes:
        semi: Semi-axes along x, y, z, metres.
        centre: Object-frame centre, metres.
        rgba: Colour.
        part: Part name.
    """

    semi: Vec3
    centre: Vec3
    rgba: Rgba
    part: str = "body"

    def moments(self) -> Moments:
        """Volume integrals, object frame."""
        a, b, c = self.semi
        volume = 4.0 / 3.0 * math.pi * a * b * c
        k = volume / 5.0
        return _shift(
            (volume, 0.0, 0.0, 0.0, k * a * a, k * b * b, k * c * c, 0.0, 0.0, 0.0), self.centre
        )


@dataclass(frozen=True)
class Prism:
    """Straight extrusion of a simple polygon.

    Attributes:
        outline: ((u, v), ...) counter-clockwise, metres; (u, v) is object (x, y) for axis ``z``,
            (y, z) for ``x`` and (z, x) for ``y``.
        low, high: Ends along the axis, metres, before the origin is added.
        rgba: Colour.
        part: Part name.
        axis: Object axis of the extrusion.
        origin: Object-frame position of the local origin, metres.
    """

    outline: tuple[tuple[float, float], ...]
    low: float
    high: float
    rgba: Rgba
    part: str = "body"
    axis: Axis = "z"
    origin: Vec3 = (0.0, 0.0, 0.0)

    def moments(self) -> Moments:
        """Volume integrals, object frame, from the polygon's line integrals (Green's theorem)."""
        area = su = sv = suu = svv = suv = 0.0
        u0, v0 = self.outline[-1]
        for u1, v1 in self.outline:
            cross = u0 * v1 - u1 * v0
            area += cross / 2.0
            su += cross * (u0 + u1) / 6.0
            sv += cross * (v0 + v1) / 6.0
            suu += cross * (u0 * u0 + u0 * u1 + u1 * u1) / 12.0
            svv += cross * (v0 * v0 + v0 * v1 + v1 * v1) / 12.0
            suv += cross * (u0 * v1 + 2.0 * u0 * v0 + 2.0 * u1 * v1 + u1 * v0) / 24.0
            u0, v0 = u1, v1
        h, m = self.high - self.low, 0.5 * (self.low + self.high)
        along = area * (self.high**3 - self.low**3) / 3.0
        first = (su * h, sv * h, area * h * m)
        second = (suu * h, svv * h, along)
        mixed = (suv * h, su * h * m, sv * h * m)  # uv, uw, vw
        if self.axis == "x":  # object x, y, z = w, u, v
            first, second = (first[2], *first[:2]), (second[2], *second[:2])
            mixed = (mixed[1], mixed[2], mixed[0])
        elif self.axis == "y":  # object x, y, z = v, w, u
            first, second = (*first[1:], first[0]), (*second[1:], second[0])
            mixed = (mixed[2], mixed[0], mixed[1])
        return _shift((area * h, *first, *second, *mixed), self.origin)


@dataclass(frozen=True)
class Sweep:
    """Stack of upright rounded rectangles along x whose centres may wander.

    Attributes:
        sections: ((half_y, half_z, corner_radius, x, y, z), ...) metres, object frame, joined
            linearly, x increasing; the ends are closed flat.
        rgba: Colour.
        part: Part name.
    """

    sections: tuple[tuple[float, float, float, float, float, float], ...]
    rgba: Rgba
    part: str = "body"

    def moments(self) -> Moments:
        """Volume integrals, object frame."""
        m = [0.0] * 10
        for one, two in zip(self.sections, self.sections[1:], strict=False):
            for s, share in _GAUSS:
                a, b, c, x, y, z = (p + s * (q - p) for p, q in zip(one, two, strict=True))
                w = share * (two[3] - one[3])
                area, iyy, izz = (w * value for value in _rounded_rectangle(a, b, c))
                m[0] += area
                m[1] += area * x
                m[2] += area * y
                m[3] += area * z
                m[4] += area * x * x
                m[5] += iyy + area * y * y
                m[6] += izz + area * z * z
                m[7] += area * x * y
                m[8] += area * x * z
                m[9] += area * y * z
        v, mx, my, mz, sxx, syy, szz, sxy, sxz, syz = m
        return (v, mx, my, mz, sxx, syy, szz, sxy, sxz, syz)


Solid = Revolve | Loft | Arc | Ellipsoid | Prism | Sweep


def rounded_box(
    half: Vec3, centre: Vec3, corner: float, bevel: float, rgba: Rgba, part: str = "body"
) -> Loft:
    """Box with rounded vertical edges and bevelled rims.

    Args:
        half: Half extents, metres.
        centre: Object-frame centre, metres.
        corner: Radius of the vertical edges, metres, > bevel.
        bevel: Size of the bevels around the top and bottom faces, metres.
        rgba: Colour.
        part: Part name.
    """
    a, b, c = half
    inset = (a - bevel, b - bevel, corner - bevel)
    sections = (
        (*inset, -c),
        (a, b, corner, bevel - c),
        (a, b, corner, c - bevel),
        (*inset, c),
    )
    return Loft(sections, rgba, part, origin=centre)


def mass_properties(
    solids: tuple[Solid, ...], density: float
) -> tuple[float, Vec3, tuple[Vec3, Vec3, Vec3]]:
    """Mass properties of solids that do not overlap.

    Args:
        solids: The solids.
        density: kg/m^3.

    Returns:
        Mass (kg), centre of mass (3,) in metres, inertia (3, 3) about it in kg m^2.
    """
    total = [0.0] * 10
    for solid in solids:
        for i, value in enumerate(solid.moments()):
            total[i] += value
    v, mx, my, mz, sxx, syy, szz, sxy, sxz, syz = total
    x, y, z = mx / v, my / v, mz / v
    cxx, cyy, czz = sxx - v * x * x, syy - v * y * y, szz - v * z * z
    ixy, ixz, iyz = (
        -density * (sxy - v * x * y),
        -density * (sxz - v * x * z),
        -density * (syz - v * y * z),
    )
    inertia = (
        (density * (cyy + czz), ixy, ixz),
        (ixy, density * (cxx + czz), iyz),
        (ixz, iyz, density * (cxx + cyy)),
    )
    return density * v, (x, y, z), inertia


def _rounded_rectangle(a: float, b: float, c: float) -> tuple[float, float, float]:
    """Area and second moments (of x^2, of y^2) of a rounded rectangle, half sizes a and b."""
    area = 4.0 * a * b - (4.0 - math.pi) * c * c
    return area, _second(b, a, c), _second(a, b, c)


def _second(a: float, b: float, c: float) -> float:
    """Integral of y^2 over a rounded rectangle of half sizes (a, b) and corner radius c."""
    e = b - c
    middle = 4.0 / 3.0 * a * e**3
    strips = 4.0 * (a - c) * c * ((b - 0.5 * c) ** 2 + c * c / 12.0)
    corners = 4.0 * (math.pi / 16.0 * c**4 + 2.0 / 3.0 * e * c**3 + math.pi / 4.0 * e * e * c * c)
    return middle + strips + corners


def _place(
    local: tuple[float, float, float, float, float], axis: Axis, origin: Vec3
) -> Moments:
    """Moments of a solid symmetric about its local z axis, moved to the object frame."""
    v, first, sxx, syy, szz = local
    if axis == "z":
        moments: Moments = (v, 0.0, 0.0, first, sxx, syy, szz, 0.0, 0.0, 0.0)
    elif axis == "x":
        moments = (v, first, 0.0, 0.0, szz, sxx, syy, 0.0, 0.0, 0.0)
    else:
        moments = (v, 0.0, first, 0.0, syy, szz, sxx, 0.0, 0.0, 0.0)
    return moments if origin == (0.0, 0.0, 0.0) else _shift(moments, origin)


def _shift(m: Moments, o: Vec3) -> Moments:
    """Moments after a translation by o."""
    v, mx, my, mz, sxx, syy, szz, sxy, sxz, syz = m
    x, y, z = o
    return (
        v,
        mx + v * x,
        my + v * y,
        mz + v * z,
        sxx + 2.0 * x * mx + v * x * x,
        syy + 2.0 * y * my + v * y * y,
        szz + 2.0 * z * mz + v * z * z,
        sxy + x * my + y * mx + v * x * y,
        sxz + x * mz + z * mx + v * x * z,
        syz + y * mz + z * my + v * y * z,
    )
