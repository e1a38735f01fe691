"""Crates, trays and racks of boards, with a slot for every thing they hold."""

from __future__ import annotations

from datafactory_assets.asset import Cavity, Shape, StablePose
from datafactory_assets.families.boxes import FLOOR
from datafactory_assets.families.forms import describe
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import shade
from datafactory_assets.families.pieces import (
    UPRIGHT,
    Vec3,
    box,
    nm,
)
from datafactory_assets.families.solids import Loft, Solid
from datafactory_assets.families.vessels import (
    loop,
)

STANDS = (StablePose(UPRIGHT, 0.0, 0.9, "upright"),)


def board(half: Vec3, centre: Vec3, params: Params, part: str, darker: float = 1.0) -> Solid:
    """A flat board as a solid, metres."""
    a, b, c = half
    edge = 0.3 * min(a, b)
    return Loft(
        ((a, b, edge, -c), (a, b, edge, c)), shade(params.rgba, darker), part, origin=centre
    )


def boards_of(
    boards: list[tuple[Vec3, Vec3, str]], params: Params
) -> tuple[tuple[Solid, ...], tuple[Shape, ...]]:
    """Solids and collision boxes of boards that touch but do not overlap."""
    return (
        tuple(board(h, c, params, part, 0.8 if part == "floor" else 1.0) for h, c, part in boards),
        tuple(box(h, c, part) for h, c, part in boards),
    )


def slot_at(x: float, y: float, half_x: float, half_y: float, low: float, high: float) -> Cavity:
    """An upright slot with a rectangular section about (x, y), metres."""
    a, b, c, d = nm(x - half_x), nm(x + half_x), nm(y - half_y), nm(y + half_y)
    corners = ((a, c), (b, c), (b, d), (a, d))
    return Cavity(corners, corners, nm(low), nm(high))


def cells(
    params: Params,
    count: tuple[int, int],
    cell: tuple[float, float],
    wall: float,
    heights: tuple[float, float],
    attributes: tuple[str, ...] = (),
    grip: float | None = None,
) -> Form:
    """A box divided into cells: boards along x between all rows, short boards across each row.

    Args:
        params: Colour and material.
        count: Cells along x and y.
        cell: Inner size of one cell along x and y, metres.
        wall: Thickness of all boards, metres.
        heights: Height of the cells' floor and of their rim, metres.
        attributes: Attribute words.
        grip: As in ``Form``.
    """
    (nx, ny), (sx, sy), (low, high) = count, cell, heights
    px, py = sx + wall, sy + wall
    half_x = 0.5 * (nx * px + wall)
    half_y = 0.5 * (ny * py + wall)
    half_z, z = 0.5 * (high - low), 0.5 * (high + low)
    t = 0.5 * wall
    boards: list[tuple[Vec3, Vec3, str]] = [
        ((half_x, half_y, 0.5 * low), (0.0, 0.0, 0.5 * low), "floor")
    ]
    for j in range(ny + 1):
        boards.append(((half_x, t, half_z), (0.0, -half_y + t + j * py, z), "wall"))
    for i in range(nx + 1):
        x = -half_x + t + i * px
        for j in range(ny):
            boards.append(
                ((t, 0.5 * sy, half_z), (x, -half_y + wall + (j + 0.5) * py - t, z), "wall")
            )
    slots = [
        slot_at(-half_x + wall + i * px + 0.5 * sx, -half_y + wall + j * py + 0.5 * sy,
              0.5 * sx, 0.5 * sy, low, high)
        for j in range(ny)
        for i in range(nx)
    ]  # fmt: skip
    solids, shapes = boards_of(boards, params)
    return Form(
        solids=solids,
        shapes=shapes,
        poses=STANDS,
        slots=tuple(slots),
        symmetry="box",
        grip=grip,
        attributes=("slots", *attributes),
    )


def _draw_toothbrush_holder(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "wood"),
        cell=draw.uniform(0.022, 0.025),
        height=draw.uniform(0.085, 0.100),
    )


def _build_toothbrush_holder(params: Params) -> Form:
    """A narrow block with three square holes in a row."""
    cell = params.size["cell"]
    return cells(
        params,
        (3, 1),
        (cell, cell),
        0.004,
        (FLOOR, params.size["height"]),
        ("holder",),
        grip=cell + 0.008,
    )


def _draw_bottle_crate(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "wood"),
        cell=draw.uniform(0.076, 0.084),
        height=draw.uniform(0.085, 0.110),
    )


def _build_bottle_crate(params: Params) -> Form:
    """Six cells for bottles, three along x."""
    cell, wall = params.size["cell"], 0.004 if params.material == "plastic" else 0.006
    return cells(params, (3, 2), (cell, cell), wall, (FLOOR, params.size["height"]), ("crate",))


def _draw_spice_rack(draw: Draw) -> Params:
    return draw.params(
        ("wood", "plastic"),
        cell=draw.uniform(0.056, 0.062),
        height=draw.uniform(0.040, 0.052),
    )


def _build_spice_rack(params: Params) -> Form:
    """Four cells for small jars in a row, with a back board above them."""
    cell, height, wall = params.size["cell"], params.size["height"], 0.005
    form = cells(params, (4, 1), (cell, cell), wall, (FLOOR, height), ("rack",))
    width = 2.0 * cell + 2.5 * wall
    back = 0.5 * cell + 0.5 * wall
    half = (width, 0.5 * wall, 0.025)
    centre = (0.0, back, height + 0.025)
    return Form(
        solids=(*form.solids, board(half, centre, params, "back", 0.8)),
        shapes=(*form.shapes, box(half, centre, "back")),
        poses=form.poses,
        slots=form.slots,
        attributes=form.attributes,
    )


def _draw_cutlery_tray(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "wood"),
        length=draw.uniform(0.230, 0.260),
        cell=draw.uniform(0.058, 0.066),
        height=draw.uniform(0.044, 0.052),
    )


def _build_cutlery_tray(params: Params) -> Form:
    """Four long compartments side by side."""
    size, wall = params.size, 0.004 if params.material == "plastic" else 0.006
    return cells(
        params, (1, 4), (size["length"], size["cell"]), wall, (FLOOR, size["height"]), ("shallow",)
    )


def _draw_toast_rack(draw: Draw) -> Params:
    return draw.params(
        ("wood", "plastic"),
        gap=draw.uniform(0.018, 0.022),
        half_y=draw.uniform(0.045, 0.052),
        height=draw.uniform(0.070, 0.085),
    )


def _build_toast_rack(params: Params) -> Form:
    """Five upright boards on a plate, four slots between them, and a loop handle on top."""
    size = params.size
    gap, b, h = size["gap"], size["half_y"], size["height"]
    wall = 0.005
    pitch, t = gap + wall, 0.5 * wall
    half_x = 2.0 * pitch + t
    half_z, z = 0.5 * (h - FLOOR), 0.5 * (h + FLOOR)
    boards: list[tuple[Vec3, Vec3, str]] = [
        ((half_x, b, 0.5 * FLOOR), (0.0, 0.0, 0.5 * FLOOR), "floor")
    ]
    boards += [((t, b, half_z), ((i - 2) * pitch, 0.0, z), "wall") for i in range(5)]
    solids, shapes = boards_of(boards, params)
    handle, bars = loop(
        (0.0, 0.0, h - 0.002), 0.026, 0.0030, params.rgba, stretch=0.85, out="z", along="y"
    )
    return Form(
        solids=(*solids, handle),
        shapes=(*shapes, *bars),
        poses=STANDS,
        slots=tuple(
            slot_at((i - 1.5) * pitch, 0.0, 0.5 * gap, b - 0.002, FLOOR, h) for i in range(4)
        ),
        symmetry="box",
        grip=0.006,
        attributes=("slots", "rack", "handle"),
    )


def _draw_dish_rack(draw: Draw) -> Params:
    return draw.params(
        ("wood", "plastic"),
        gap=draw.uniform(0.030, 0.036),
        half_y=draw.uniform(0.095, 0.115),
        height=draw.uniform(0.075, 0.095),
    )


def _build_dish_rack(params: Params) -> Form:
    """Seven upright boards on two rails, six slots for plates."""
    size = params.size
    gap, b, h = size["gap"], size["half_y"], size["height"]
    wall, floor = 0.006, 0.014
    pitch, t = gap + wall, 0.5 * wall
    half_x = 3.0 * pitch + t
    half_z, z = 0.5 * (h - floor), 0.5 * (h + floor)
    rail = 0.55 * b
    boards: list[tuple[Vec3, Vec3, str]] = [
        ((half_x, 0.010, 0.5 * floor), (0.0, side * rail, 0.5 * floor), "floor")
        for side in (-1.0, 1.0)
    ]
    boards += [((t, b, half_z), ((i - 3) * pitch, 0.0, z), "wall") for i in range(7)]
    solids, shapes = boards_of(boards, params)
    return Form(
        solids=solids,
        shapes=shapes,
        poses=STANDS,
        slots=tuple(
            slot_at((i - 2.5) * pitch, 0.0, 0.5 * gap, b - 0.002, floor, h) for i in range(6)
        ),
        symmetry="box",
        attributes=("slots", "rack"),
    )


FAMILIES = (
    Family(
        describe(
            "toothbrush_holder",
            ("toothbrush stand", "toothbrush cup"),
            "A narrow block with three square holes in a row.",
            "toothbrush stands: 82-91 x 30-33 mm, 85-100 mm high",
            ("plastic", "wood"),
            container=True,
        ),
        _draw_toothbrush_holder,
        _build_toothbrush_holder,
        patterns=True,
    ),
    Family(
        describe(
            "bottle_crate",
            ("bottle carrier", "drinks crate"),
            "A crate with six cells for bottles, three along x.",
            "six-bottle carriers: cells of 76-84 mm, 85-110 mm high",
            ("plastic", "wood"),
            container=True,
            graspable=False,
        ),
        _draw_bottle_crate,
        _build_bottle_crate,
    ),
    Family(
        describe(
            "spice_rack",
            ("spice shelf",),
            "Four cells for small jars in a row, with a back board.",
            "counter spice racks: cells of 56-62 mm, rim 40-52 mm",
            ("wood", "plastic"),
            container=True,
            graspable=False,
        ),
        _draw_spice_rack,
        _build_spice_rack,
    ),
    Family(
        describe(
            "cutlery_tray",
            ("silverware tray", "drawer organizer"),
            "A tray with four long compartments side by side.",
            "drawer inserts: compartments of 230-260 x 58-66 mm, 44-52 mm high",
            ("plastic", "wood"),
            container=True,
            graspable=False,
        ),
        _draw_cutlery_tray,
        _build_cutlery_tray,
    ),
    Family(
        describe(
            "toast_rack",
            ("letter rack",),
            "Five upright boards on a plate with four slots between, and a loop handle on top.",
            "toast racks for four slices: slots of 18-22 mm, 70-85 mm high without the handle",
            ("wood", "plastic"),
            container=True,
        ),
        _draw_toast_rack,
        _build_toast_rack,
    ),
    Family(
        describe(
            "dish_rack",
            ("plate rack", "drying rack"),
            "Seven upright boards on two rails with six slots for plates.",
            "plate racks: slots of 30-36 mm, 190-230 mm deep, 75-95 mm high",
            ("wood", "plastic"),
            container=True,
            graspable=False,
        ),
        _draw_dish_rack,
        _build_dish_rack,
    ),
)
