"""Household things: block, ball, marker, soap, sponge, book."""

from __future__ import annotations

from datafactory_assets.asset import Shape, StablePose
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import CREAM, DARK, shade
from datafactory_assets.families.pieces import (
    UPRIGHT,
    box,
    box_poses,
    lying_cylinder,
    nm,
    rectangle,
    top,
)
from datafactory_assets.families.solids import Ellipsoid, Loft, Revolve, Solid, rounded_box
from datafactory_assets.source import FamilyInfo


def _brick(
    half: tuple[float, float, float],
    solids: tuple[Solid, ...],
    grip: float | None,
    attributes: tuple[str, ...] = ("flat",),
) -> Form:
    """One collision box standing on z = 0 with a support surface on top."""
    a, b, c = half
    return Form(
        solids=solids,
        shapes=(box(half, (0.0, 0.0, c)),),
        poses=box_poses(half),
        surfaces=(top(rectangle(a, b), 2.0 * c),),
        symmetry="box",
        grip=grip,
        attributes=attributes,
    )


def _draw_block(draw: Draw) -> Params:
    edge = draw.uniform(0.032, 0.058)
    cube = draw.uniform(0.0, 1.0) < 0.5
    return draw.params(
        ("wood", "plastic"),
        half_x=0.5 * edge,
        half_y=0.5 * edge * (1.0 if cube else draw.uniform(1.0, 2.0)),
        half_z=0.5 * edge * (1.0 if cube else draw.uniform(0.6, 1.0)),
    )


def _build_block(params: Params) -> Form:
    size = params.size
    half = (size["half_x"], size["half_y"], size["half_z"])
    solid = rounded_box(half, (0.0, 0.0, half[2]), 0.002, 0.0012, params.rgba)
    return _brick(half, (solid,), 2.0 * half[0])


def _draw_ball(draw: Draw) -> Params:
    return draw.params(
        ("rubber", "foam"),
        radius=draw.uniform(0.020, 0.035),
        density=draw.uniform(150.0, 450.0),
    )


def _build_ball(params: Params) -> Form:
    r = nm(params.size["radius"])
    return Form(
        solids=(Ellipsoid((r, r, r), (0.0, 0.0, r), params.rgba),),
        shapes=(Shape("sphere", (r,), (0.0, 0.0, r)),),
        poses=(StablePose(UPRIGHT, 0.0, 1.0, "upright"),),
        symmetry="z",
        grip=2.0 * r,
        attributes=("rolls", "toy"),
    )


def _draw_marker(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        radius=draw.uniform(0.0075, 0.0095),
        length=draw.uniform(0.118, 0.142),
        density=draw.uniform(600.0, 720.0),
    )


def _build_marker(params: Params) -> Form:
    r, length = params.size["radius"], params.size["length"]
    x0, x1 = -0.5 * length, 0.5 * length
    seam = x0 + 0.62 * length
    end = (0.0, 0.0, r)
    solids = (
        Revolve(
            ((0.8 * r, x0), (r, x0 + 0.002), (r, x0 + 0.006)), DARK, "plug", axis="x", origin=end
        ),
        Revolve(((r, x0 + 0.006), (r, seam)), CREAM, "barrel", axis="x", origin=end),
        Revolve(
            ((r, seam), (r, x1 - 0.003), (0.7 * r, x1)), params.rgba, "cap", axis="x", origin=end
        ),
    )
    return Form(
        solids=solids,
        shapes=(lying_cylinder(r, x0, x1, r),),
        poses=(StablePose(UPRIGHT, 0.0, 1.0, "lying"),),
        symmetry="box",
        grip=2.0 * r,
        attributes=("rolls", "lies_along_x"),
    )


def _draw_soap(draw: Draw) -> Params:
    return draw.params(
        ("soap",),
        half_x=draw.uniform(0.0375, 0.0475),
        half_y=draw.uniform(0.0250, 0.0310),
        half_z=draw.uniform(0.0120, 0.0160),
    )


def _build_soap(params: Params) -> Form:
    size = params.size
    a, b, c = half = (size["half_x"], size["half_y"], size["half_z"])
    corner = 0.6 * b
    sections = (
        (a - 0.004, b - 0.004, corner - 0.004, 0.0),
        (a - 0.001, b - 0.001, corner - 0.001, 0.003),
        (a, b, corner, 0.008),
        (a, b, corner, 2.0 * c - 0.008),
        (a - 0.001, b - 0.001, corner - 0.001, 2.0 * c - 0.003),
        (a - 0.004, b - 0.004, corner - 0.004, 2.0 * c),
    )
    return _brick(half, (Loft(sections, params.rgba),), 2.0 * b)


def _draw_sponge(draw: Draw) -> Params:
    return draw.params(
        ("foam",),
        half_x=draw.uniform(0.045, 0.058),
        half_y=draw.uniform(0.030, 0.037),
        half_z=draw.uniform(0.0130, 0.0190),
    )


def _build_sponge(params: Params) -> Form:
    size = params.size
    a, b, c = half = (size["half_x"], size["half_y"], size["half_z"])
    seam = 1.5 * c
    edge = (a, b, 0.006)
    solids = (
        Loft(((*edge, 0.0), (*edge, seam)), params.rgba, "foam"),
        Loft(((*edge, seam), (*edge, 2.0 * c)), shade(params.rgba, 0.45), "scourer"),
    )
    return _brick(half, solids, 2.0 * b, ("flat", "soft"))


def _draw_book(draw: Draw) -> Params:
    return draw.params(
        ("paper",),
        half_x=draw.uniform(0.088, 0.105),
        half_y=draw.uniform(0.055, 0.066),
        half_z=draw.uniform(0.0075, 0.0160),
    )


def _build_book(params: Params) -> Form:
    size = params.size
    a, b, c = half = (size["half_x"], size["half_y"], size["half_z"])
    cover = 0.0012
    board = (a, b, 0.001)
    pages = (a, b, 0.001)
    solids = (
        Loft(((*board, 0.0), (*board, cover)), params.rgba, "back"),
        Loft(((*pages, cover), (*pages, 2.0 * c - cover)), CREAM, "pages"),
        Loft(((*board, 2.0 * c - cover), (*board, 2.0 * c)), params.rgba, "front"),
    )
    return _brick(half, solids, None)


def _info(
    name: str,
    synonyms: tuple[str, ...],
    description: str,
    dimension_source: str,
    materials: tuple[str, ...],
    *,
    graspable: bool = True,
    supports: bool = True,
) -> FamilyInfo:
    return FamilyInfo(
        name,
        name,
        synonyms,
        container=False,
        graspable=graspable,
        supports=supports,
        description=description,
        dimension_source=dimension_source,
        materials=materials,
    )


FAMILIES = (
    Family(
        _info(
            "block",
            ("cube", "brick", "building block"),
            "A toy block, cube or cuboid.",
            "wooden building blocks: edges 20-60 mm, up to 1:2",
            ("wood", "plastic"),
        ),
        _draw_block,
        _build_block,
    ),
    Family(
        _info(
            "ball",
            ("toy ball",),
            "A light hollow or foam ball.",
            "play balls from table-tennis (40 mm) to tennis size (67 mm), 5-80 g",
            ("rubber", "foam"),
            supports=False,
        ),
        _draw_ball,
        _build_ball,
    ),
    Family(
        _info(
            "marker",
            ("pen", "felt pen", "whiteboard marker"),
            "A capped marker, lying along x.",
            "whiteboard markers: 15-19 mm across, 118-142 mm long, about 20 g",
            ("plastic",),
            supports=False,
        ),
        _draw_marker,
        _build_marker,
    ),
    Family(
        _info(
            "soap",
            ("soap bar", "bar of soap"),
            "A bar of soap with rounded edges.",
            "90-125 g soap bars: 75-95 x 50-62 x 24-32 mm",
            ("soap",),
        ),
        _draw_soap,
        _build_soap,
    ),
    Family(
        _info(
            "sponge",
            ("kitchen sponge", "scrubber"),
            "A dry kitchen sponge with a scouring side.",
            "kitchen sponges: 90-115 x 60-75 x 26-38 mm",
            ("foam",),
        ),
        _draw_sponge,
        _build_sponge,
    ),
    Family(
        _info(
            "book",
            ("paperback", "notebook"),
            "A paperback book lying flat, a low support.",
            "paperback formats 110 x 178 to 130 x 210 mm, 15-32 mm thick",
            ("paper",),
            graspable=False,
        ),
        _draw_book,
        _build_book,
    ),
)
