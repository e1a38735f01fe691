"""What carries a table top, and boards above and behind it. All in the table frame, metres."""

from __future__ import annotations

import math

from datafactory_assets.asset import Shape
from datafactory_assets.families.pieces import box, cylinder, nm
from datafactory_assets.tables.asset import Rgba, TablePart
from datafactory_assets.tables.language import TableParams

Parts = tuple[TablePart, ...]
Vec3 = tuple[float, float, float]
_BLACK: Rgba = (0.12, 0.12, 0.13, 1.0)


def board(params: TableParams, half: Vec3, centre: Vec3, *, top: bool = False) -> TablePart:
    """A box in the finish of the frame, or of the top."""
    finish, _, rgba = params.top if top else params.frame
    return TablePart(box(half, centre, "board"), finish, rgba)


def pole(params: TableParams, radius: float, low: float, high: float, x: float, y: float
         ) -> TablePart:  # fmt: skip
    """An upright cylinder between two heights."""
    finish, _, rgba = params.frame
    return TablePart(cylinder(radius, low, high, "leg", x, y), finish, rgba)


def beam(params: TableParams, p: Vec3, q: Vec3, half: tuple[float, float]) -> TablePart:
    """A slanted square-edged bar from p to q, of half sides across it."""
    d = [b - a for a, b in zip(p, q, strict=True)]
    length = math.sqrt(sum(v * v for v in d))
    x, y, z = (v / length for v in d)
    # The shortest turn of local z onto the bar.
    w = math.sqrt(0.5 * (1.0 + z))
    quat = (nm(w), nm(-y / (2.0 * w)), nm(x / (2.0 * w)), 0.0)
    middle = tuple(nm(0.5 * (a + b)) for a, b in zip(p, q, strict=True))
    size = (nm(half[0]), nm(half[1]), nm(0.5 * length))
    finish, _, rgba = params.frame
    shape = Shape("box", size, (middle[0], middle[1], middle[2]), quat, part="leg")
    return TablePart(shape, finish, rgba)


def legs(params: TableParams, a: float, b: float, under: float, leg: float, *, round_: bool = False,
         apron: float = 0.04) -> Parts:  # fmt: skip
    """Four legs below a top of half sides a and b, with an apron between them.

    Args:
        params: Finish of the frame.
        a: Half distance of the legs' middles along x.
        b: The same along y.
        under: Height of the lower side of the top.
        leg: Half width, or radius, of a leg.
        round_: Whether legs are round.
        apron: Half height of the rails below the top; 0 for none.
    """
    parts = []
    for x in (-a, a):
        for y in (-b, b):
            if round_:
                parts.append(pole(params, leg, 0.0, under, x, y))
            else:
                parts.append(board(params, (leg, leg, 0.5 * under), (x, y, 0.5 * under)))
    if apron:
        z = under - apron
        for side in (-1.0, 1.0):
            parts.append(board(params, (0.010, b - leg, apron), (side * a, 0.0, z)))
            parts.append(board(params, (a - leg, 0.010, apron), (0.0, side * b, z)))
    return tuple(parts)


def pedestal(params: TableParams, radius: float, foot: float, under: float, y: float = 0.0
             ) -> Parts:  # fmt: skip
    """A column on a round foot."""
    return (
        pole(params, foot, 0.0, 0.025, 0.0, y),
        pole(params, radius, 0.025, under - 0.012, 0.0, y),
        pole(params, 0.55 * foot, under - 0.012, under, 0.0, y),
    )


def cross_foot(params: TableParams, radius: float, reach: float, under: float) -> Parts:
    """A column on a flat cross."""
    return (
        board(params, (reach, 0.035, 0.012), (0.0, 0.0, 0.012)),
        board(params, (0.035, reach, 0.012), (0.0, 0.0, 0.036)),
        pole(params, radius, 0.048, under - 0.015, 0.0, 0.0),
        board(params, (0.6 * reach, 0.6 * reach, 0.0075), (0.0, 0.0, under - 0.0075)),
    )


def cabinet(params: TableParams, a: float, b: float, under: float, doors: int, *,
            plinth: float = 0.08, inset: float = 0.03) -> Parts:  # fmt: skip
    """A closed body on a plinth, with doors towards the robot."""
    x, y = a - inset, b - inset
    body = 0.5 * (under - plinth)
    parts = [
        TablePart(box((x - 0.05, y - 0.02, 0.5 * plinth), (0.03, 0.0, 0.5 * plinth), "plinth"),
                  "painted", _BLACK),
        board(params, (x, y, body), (0.0, 0.0, plinth + body)),
    ]  # fmt: skip
    width = 2.0 * y / doors
    _, _, (r, g, bl, al) = params.frame
    paler: Rgba = (min(1.0, 1.06 * r), min(1.0, 1.06 * g), min(1.0, 1.06 * bl), al)
    for k in range(doors):
        middle = -y + (k + 0.5) * width
        half = (0.008, 0.5 * width - 0.006, body - 0.010)
        place = (-x - 0.008, middle, plinth + body)
        parts.append(TablePart(box(half, place, "door"), params.frame[0], paler))
        grip = (-x - 0.024, middle + 0.32 * width, plinth + 1.5 * body)
        parts.append(
            TablePart(box((0.006, 0.006, 0.06), grip, "grip"), "metal", (0.6, 0.6, 0.62, 1.0))
        )
    return tuple(parts)


def panels(params: TableParams, a: float, b: float, under: float, thick: float = 0.011) -> Parts:
    """Two side panels and a modesty panel away from the robot."""
    return (
        board(params, (a, thick, 0.5 * under), (0.0, b, 0.5 * under)),
        board(params, (a, thick, 0.5 * under), (0.0, -b, 0.5 * under)),
        board(params, (thick, b - thick, 0.18), (0.7 * a, 0.0, under - 0.19)),
    )


def undershelf(params: TableParams, a: float, b: float, z: float, *, top: bool = False) -> Parts:
    """A board below the top."""
    return (board(params, (a, b, 0.010), (0.0, 0.0, z), top=top),)


def backboard(params: TableParams, a: float, b: float, low: float, rise: float,
              thick: float = 0.010, *, top: bool = False) -> Parts:  # fmt: skip
    """An upright board at the far edge, from a height upwards; its far face is flush at x = a."""
    centre = (a - thick, 0.0, low + 0.5 * rise)
    return (board(params, (thick, b, 0.5 * rise), centre, top=top),)


def overshelf(params: TableParams, a: float, b: float, height: float, rise: float, depth: float,
              *, top: bool = True) -> Parts:  # fmt: skip
    """A board above the far part of the top, on two end panels."""
    thick = 0.011
    x = a - 0.5 * depth
    return (
        board(params, (0.5 * depth, b, thick), (x, 0.0, height + rise + thick), top=top),
        board(params, (0.5 * depth, thick, 0.5 * rise), (x, b - thick, height + 0.5 * rise)),
        board(params, (0.5 * depth, thick, 0.5 * rise), (x, thick - b, height + 0.5 * rise)),
    )


def rim(params: TableParams, a: float, b: float, height: float, rise: float, thick: float = 0.006,
        sides: str = "nfse") -> Parts:  # fmt: skip
    """Low boards on the edges: near (n), far (f), and the two sides (s, e)."""
    z = height + 0.5 * rise
    found = {
        "n": ((thick, b, 0.5 * rise), (-a + thick, 0.0, z)),
        "f": ((thick, b, 0.5 * rise), (a - thick, 0.0, z)),
        "s": ((a - 2.0 * thick, thick, 0.5 * rise), (0.0, b - thick, z)),
        "e": ((a - 2.0 * thick, thick, 0.5 * rise), (0.0, thick - b, z)),
    }
    return tuple(board(params, *found[side]) for side in sides)
