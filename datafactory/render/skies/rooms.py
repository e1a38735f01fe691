"""Rooms: studios, offices, halls, kitchens and laboratories, as boxes with lamps and furniture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from datafactory.render.skies.light import Tint
from datafactory.render.textures.swatch import Swatch

EAST, WEST, NORTH, SOUTH, CEILING, FLOOR = range(6)

DAYLIGHT: Tint = (0.88, 0.95, 1.0)
WARM: Tint = (1.0, 0.78, 0.52)
NEUTRAL: Tint = (1.0, 0.94, 0.86)
COOL: Tint = (0.90, 0.97, 1.0)


@dataclass(frozen=True)
class Lamp:
    """A bright rectangle or ring on a side of the room.

    Attributes:
        side: ``EAST`` .. ``FLOOR``.
        centre: Place on the side, metres along its two axes.
        half: Half extents, metres; of a ring, its radius and half its width.
        radiance: Linear radiance.
        tint: Colour.
        panes: Panes of a window across and up; (0, 0) for a lamp.
        ring: Whether it is a ring.
    """

    side: int
    centre: tuple[float, float]
    half: tuple[float, float]
    radiance: float
    tint: Tint
    panes: tuple[int, int] = (0, 0)
    ring: bool = False


@dataclass(frozen=True)
class Piece:
    """A door, cupboard, board or picture: a rectangle of another albedo on a side of the room.

    Attributes:
        side: ``EAST`` .. ``FLOOR``.
        centre: Place on the side, metres along its two axes.
        half: Half extents, metres.
        albedo: Linear albedo.
    """

    side: int
    centre: tuple[float, float]
    half: tuple[float, float]
    albedo: Tint


@dataclass(frozen=True)
class Room:
    """A box-shaped room around the eye, metres, and its lamps.

    Attributes:
        half: Half extents along x and y.
        below: Floor below the eye.
        above: Ceiling above the eye.
        wall: Linear albedo of the walls.
        ceiling: Of the ceiling.
        floor: Of the floor.
        lamps: What lights it.
        level: Mean radiance of what is not a lamp: the exposure.
        pieces: What stands or hangs at the walls, later ones in front.
    """

    half: tuple[float, float]
    below: float
    above: float
    wall: Tint
    ceiling: Tint
    floor: Tint
    lamps: tuple[Lamp, ...]
    level: float
    pieces: tuple[Piece, ...] = ()


def _around(s: Swatch, tint: Tint, amount: float = 0.06) -> Tint:
    factor = s.uniform(1.0 - amount, 1.0 + amount)
    warmth = s.uniform(-0.5 * amount, 0.5 * amount)
    return (tint[0] * (factor + warmth), tint[1] * factor, tint[2] * (factor - warmth))


WALLS: tuple[Tint, ...] = (
    (0.72, 0.70, 0.66), (0.60, 0.58, 0.52), (0.52, 0.58, 0.60), (0.66, 0.58, 0.48),
    (0.46, 0.52, 0.44), (0.62, 0.62, 0.64), (0.40, 0.44, 0.50), (0.70, 0.64, 0.60),
)  # fmt: skip
FLOORS: tuple[Tint, ...] = (
    (0.26, 0.18, 0.11), (0.20, 0.20, 0.20), (0.32, 0.28, 0.24), (0.14, 0.13, 0.13),
    (0.38, 0.30, 0.20),
)  # fmt: skip
WHITE: Tint = (0.80, 0.79, 0.77)


OFFICE: tuple[Tint, ...] = (
    (0.30, 0.21, 0.13), (0.52, 0.52, 0.53), (0.16, 0.17, 0.19), (0.22, 0.30, 0.34), (0.6, 0.5, 0.4),
)  # fmt: skip
KITCHEN: tuple[Tint, ...] = (
    (0.62, 0.60, 0.55), (0.36, 0.25, 0.15), (0.25, 0.33, 0.30), (0.45, 0.46, 0.47),
)  # fmt: skip
STORE: tuple[Tint, ...] = (
    (0.42, 0.28, 0.14), (0.16, 0.22, 0.34), (0.45, 0.20, 0.10), (0.30, 0.30, 0.31),
)  # fmt: skip
LABORATORY: tuple[Tint, ...] = (
    (0.60, 0.62, 0.62), (0.36, 0.38, 0.40), (0.18, 0.26, 0.34), (0.55, 0.56, 0.52),
)  # fmt: skip


def _furniture(
    s: Swatch, half: tuple[float, float], free: int, below: float, tints: tuple[Tint, ...]
) -> tuple[Piece, ...]:
    """Low and tall cupboards, doors and pictures along the walls; none high up on one of them."""
    pieces: list[Piece] = []
    for side in (EAST, WEST, NORTH, SOUTH):
        length = half[1] if side in (EAST, WEST) else half[0]
        pieces.append(Piece(side, (0.0, -below), (length, 0.08), (0.2, 0.19, 0.18)))
        at = -length + s.uniform(0.1, 0.6)
        while at < length - 0.5:
            wide = min(s.uniform(0.35, 1.1), 0.5 * (length - at))
            kind = s.pick(("low", "low", "tall", "picture", "gap"))
            tint = _around(s, s.pick(tints), 0.2)
            if kind == "low" or (kind == "tall" and side == free):
                high = s.uniform(0.35, 0.45)
                pieces += _cupboard(side, at + wide, (wide, high), high - below, tint)
            elif kind == "tall":
                high = s.uniform(0.85, 1.05)
                pieces += _cupboard(side, at + wide, (wide, high), high - below, tint)
            elif kind == "picture" and side != free:
                size = (0.6 * wide, s.uniform(0.2, 0.4))
                place = (at + wide, s.uniform(0.2, 0.5))
                pieces.append(Piece(side, place, (size[0] + 0.03, size[1] + 0.03), (0.1, 0.1, 0.1)))
                pieces.append(Piece(side, place, size, tint))
            at += 2 * wide + s.uniform(0.02, 0.5)
    return tuple(pieces)


def _cupboard(
    side: int, place: float, half: tuple[float, float], level: float, tint: Tint
) -> list[Piece]:
    """A cupboard with two doors and a dark plinth."""
    dark = (0.45 * tint[0], 0.45 * tint[1], 0.45 * tint[2])
    doors = [
        Piece(side, (place + sign * 0.5 * half[0], level + 0.04),
              (0.5 * half[0] - 0.012, half[1] - 0.06), tint)
        for sign in (-1, 1)
    ]  # fmt: skip
    return [Piece(side, (place, level), half, dark), *doors]


def studio_softbox(s: Swatch) -> Room:
    """A dark studio with a key soft box, a weaker one opposite and a strip of rim light."""
    dark = s.uniform(0.05, 0.2)
    key_side = s.cycle((EAST, NORTH, WEST, SOUTH))
    other = {EAST: WEST, WEST: EAST, NORTH: SOUTH, SOUTH: NORTH}[key_side]
    power = s.uniform(5.0, 9.0)
    key = Lamp(key_side, (s.uniform(-1.2, 1.2), s.uniform(0.8, 1.8)),
               (s.uniform(0.6, 1.1), s.uniform(0.5, 0.8)), power, _around(s, NEUTRAL))  # fmt: skip
    fill = Lamp(other, (s.uniform(-1.0, 1.0), s.uniform(0.6, 1.4)),
                (s.uniform(0.5, 1.0), s.uniform(0.5, 0.9)), power * s.uniform(0.15, 0.4),
                _around(s, COOL))  # fmt: skip
    top = Lamp(CEILING, (s.uniform(-0.8, 0.8), s.uniform(-0.8, 0.8)),
               (s.uniform(0.3, 1.0), s.uniform(0.2, 0.5)), power * s.uniform(0.2, 0.5),
               _around(s, NEUTRAL))  # fmt: skip
    grey = (dark, dark, 1.05 * dark)
    return Room((3.2, 3.2), 1.0, 2.6, grey, grey, (0.3, 0.3, 0.3), (key, fill, top),
                s.uniform(0.08, 0.2))  # fmt: skip


def studio_ring(s: Swatch) -> Room:
    """A studio with a large ring lamp overhead or in front."""
    side = s.cycle((CEILING, CEILING, EAST, NORTH, WEST))
    radius = s.uniform(0.5, 0.9)
    at = (s.uniform(-0.7, 0.7), s.uniform(-0.7, 0.7) if side == CEILING else s.uniform(0.6, 1.3))
    power = s.uniform(5.0, 9.0)
    ring = Lamp(side, at, (radius, s.uniform(0.08, 0.16)), power, _around(s, COOL), ring=True)
    lamps = [ring]
    if s.chance(0.6):
        far = s.pick((SOUTH, WEST if side != WEST else EAST))
        lamps.append(Lamp(far, (0.0, 0.9), (0.8, 0.6), 0.25 * power, _around(s, NEUTRAL)))
    shade = s.uniform(0.1, 0.45)
    wall = (shade, shade, shade)
    return Room((2.6, 2.6), 1.0, 1.9, wall, wall, s.pick(FLOORS), tuple(lamps),
                s.uniform(0.12, 0.3))  # fmt: skip


def office_windows(s: Swatch) -> Room:
    """An office with a row of windows and panels in the ceiling."""
    half_x, half_y = s.uniform(3.0, 5.0), s.uniform(2.5, 4.0)
    side = s.cycle((EAST, NORTH, WEST, SOUTH))
    length = half_y if side in (EAST, WEST) else half_x
    count = s.integer(2, 4)
    wide = length / count * 0.78
    day = s.uniform(1.6, 3.5)
    windows = [
        Lamp(side, (-length + (2 * i + 1) * length / count, 0.55), (wide, 0.75), day,
             _around(s, DAYLIGHT, 0.03), (2, 1))
        for i in range(count)
    ]  # fmt: skip
    panels = _panels(half_x, half_y, 2, s.integer(1, 2), (0.5, 0.5), s.uniform(1.2, 2.6), COOL)
    return Room((half_x, half_y), 1.0, 1.7, s.cycle(WALLS), WHITE, s.pick(FLOORS),
                (*windows, *panels), s.uniform(0.3, 0.45),
                _furniture(s, (half_x, half_y), side, 1.0, OFFICE))  # fmt: skip


def warehouse_strips(s: Swatch) -> Room:
    """A hall under rows of strip lights."""
    half_x, half_y, above = s.uniform(7.0, 12.0), s.uniform(5.0, 8.0), s.uniform(3.2, 5.5)
    rows = s.integer(3, 5)
    strips = [
        Lamp(CEILING, (0.0, -half_y + (2 * i + 1) * half_y / rows), (0.85 * half_x, 0.14),
             s.uniform(5.0, 8.0), _around(s, s.pick((COOL, NEUTRAL)), 0.03))
        for i in range(rows)
    ]  # fmt: skip
    return Room((half_x, half_y), 1.1, above, s.cycle(WALLS), (0.42, 0.42, 0.43), s.pick(FLOORS),
                tuple(strips), s.uniform(0.25, 0.4),
                _furniture(s, (half_x, half_y), FLOOR, 1.1, STORE))  # fmt: skip


def kitchen_window(s: Swatch) -> Room:
    """A kitchen with one window and warm lamps."""
    side = s.cycle((NORTH, EAST, SOUTH, WEST))
    half_x, half_y = s.uniform(1.8, 2.6), s.uniform(1.6, 2.4)
    window = Lamp(side, (s.uniform(-0.6, 0.6), 0.55), (s.uniform(0.5, 0.9), s.uniform(0.45, 0.6)),
                  s.uniform(3.0, 6.0), _around(s, DAYLIGHT), (2, 2))  # fmt: skip
    spots = _panels(half_x, half_y, s.integer(1, 2), s.integer(1, 2), (0.16, 0.16),
                    s.uniform(2.5, 5.0), WARM)  # fmt: skip
    return Room((half_x, half_y), 1.0, 1.45, s.cycle(WALLS), WHITE, s.pick(FLOORS),
                (window, *spots), s.uniform(0.28, 0.42),
                _furniture(s, (half_x, half_y), side, 1.0, KITCHEN))  # fmt: skip


def laboratory(s: Swatch) -> Room:
    """A white laboratory under square ceiling panels."""
    half_x, half_y = s.uniform(2.5, 4.5), s.uniform(2.5, 4.0)
    panels = _panels(half_x, half_y, s.integer(2, 3), s.integer(2, 3), (0.3, s.pick((0.3, 0.6))),
                     s.uniform(2.5, 5.0), s.cycle((COOL, NEUTRAL, COOL)))  # fmt: skip
    return Room((half_x, half_y), 1.0, 1.7, _around(s, (0.74, 0.75, 0.75)), WHITE, s.pick(FLOORS),
                panels, s.uniform(0.35, 0.5),
                _furniture(s, (half_x, half_y), FLOOR, 1.0, LABORATORY))  # fmt: skip


ROOMS: dict[str, Callable[[Swatch], Room]] = {
    "studio_softbox": studio_softbox,
    "studio_ring": studio_ring,
    "office_windows": office_windows,
    "warehouse_strips": warehouse_strips,
    "kitchen_window": kitchen_window,
    "laboratory": laboratory,
}
"""Indoor families."""


def _panels(
    half_x: float, half_y: float, across: int, down: int, half: tuple[float, float],
    radiance: float, tint: Tint,
) -> tuple[Lamp, ...]:  # fmt: skip
    """Lamps in a grid on the ceiling."""
    return tuple(
        Lamp(CEILING, (-half_x + (2 * i + 1) * half_x / across,
                       -half_y + (2 * j + 1) * half_y / down), half, radiance, tint)
        for i in range(across)
        for j in range(down)
    )  # fmt: skip
