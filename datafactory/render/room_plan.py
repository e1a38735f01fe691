"""The plan of a room: where its walls stand, and what stands along them. Plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from datafactory.render.style import Level, Split
from datafactory.render.textures.library import texture_names

Colour = tuple[float, float, float]

KINDS = ("none", "backdrop", "corner", "closed")
OPEN_M = 6.0
"""How far floor and walls go where no wall ends them."""

ENDS = {"back": ("right", "left"), "left": ("back", "front"), "right": ("front", "back"),
        "front": ("left", "right")}  # fmt: skip
"""Where each wall begins and ends, from left to right seen from inside."""

_SIZES = {"back_m": (1.75, 2.4), "front_m": (2.1, 3.0), "left_m": (2.0, 2.8),
          "right_m": (2.0, 2.8), "height_m": (2.5, 3.1)}  # fmt: skip
"""Walls clear the cameras of the rig, which stand up to 1.4 m from the table's centre."""
_WALL_COLOURS: Mapping[str, Colour] = {
    "white": (0.97, 0.97, 0.96),
    "warm white": (0.96, 0.93, 0.87),
    "light grey": (0.84, 0.85, 0.86),
    "pale blue": (0.80, 0.88, 0.94),
    "sage": (0.80, 0.87, 0.78),
    "sand": (0.93, 0.86, 0.74),
    "blush": (0.95, 0.85, 0.82),
    "lavender": (0.87, 0.85, 0.93),
    "slate": (0.45, 0.50, 0.56),
    "deep green": (0.36, 0.48, 0.42),
    "terracotta": (0.80, 0.55, 0.42),
    "navy": (0.28, 0.34, 0.47),
}
_TRIMS: Mapping[str, Colour] = {
    "white": (0.93, 0.93, 0.92),
    "grey": (0.55, 0.56, 0.57),
    "oak": (0.62, 0.47, 0.31),
}
_PICTURES = ("label_book", "pattern_tile", "wallpaper", "plaid", "marble")
_FURNITURE: Mapping[str, Colour] = {
    "white": (0.90, 0.90, 0.89),
    "beech": (0.78, 0.63, 0.46),
    "oak": (0.63, 0.47, 0.30),
    "walnut": (0.38, 0.26, 0.18),
    "graphite": (0.24, 0.25, 0.27),
    "sea green": (0.42, 0.58, 0.56),
}
_STANDING = ("bookcase", "cabinet", "plant", "boxes")
_HANGING = ("poster", "window")
_SLOT_M = 1.25
"""Distance between the middles of the things along a wall."""


@dataclass(frozen=True)
class Prop:
    """One thing at a wall.

    Attributes:
        kind: ``window``, ``poster``, ``bookcase``, ``cabinet``, ``plant`` or ``boxes``.
        wall: ``back``, ``left``, ``right`` or ``front``.
        along_m: Its middle, to the right (seen from inside) of the point opposite the table.
        base_m: Height of its lower edge above the floor.
        size: Width along the wall, height, depth into the room; metres.
        colour: Main colour.
        texture: Picture of a poster; else empty.
        seed: Of what it is filled with.
    """

    kind: str
    wall: str
    along_m: float
    base_m: float
    size: tuple[float, float, float]
    colour: Colour
    texture: str
    seed: int


@dataclass(frozen=True)
class RoomPlan:
    """Walls around the table's centre, in world directions; the robot's back is at -x.

    Attributes:
        kind: ``none``, ``backdrop`` (a curved studio wall), ``corner`` (two walls) or ``closed``.
        back_m, front_m, left_m, right_m: Distance of the walls at -x, +x, +y and -y.
        height_m: Height of the walls above the floor.
        side: Which side wall a corner has, ``left`` or ``right``.
        paint: Colour that multiplies the wall's texture.
        trim: Colour of skirting boards and frames.
        skirting_m: Height of the skirting boards.
        props: What stands and hangs along the walls.
    """

    kind: str
    back_m: float
    front_m: float
    left_m: float
    right_m: float
    height_m: float
    side: str
    paint: Colour
    trim: Colour
    skirting_m: float
    props: tuple[Prop, ...]

    @property
    def walls(self) -> tuple[str, ...]:
        """The flat walls there are."""
        return {"corner": ("back", self.side), "closed": ("back", "left", "front", "right")}.get(
            self.kind, ()
        )

    def reach(self, direction: str) -> float:
        """How far floor and walls go in a direction (``back``, ``left`` ...), metres."""
        walled = direction in self.walls
        return float(getattr(self, f"{direction}_m")) if walled else OPEN_M


def draw_room(own_kind: str, level: Level, split: Split, rng: np.random.Generator) -> RoomPlan:
    """Draws a room.

    Args:
        own_kind: The style's kind of room.
        level: ``off`` the style's room; ``low`` its size and colours; ``medium`` its kind, too;
            ``high`` also what stands along the walls.
        split: Which pictures may hang on the walls.
        rng: Generator of the room's stream.
    """
    sizes = {name: float(rng.uniform(*span)) for name, span in _SIZES.items()}
    side = ("left", "right")[int(rng.integers(2))]
    paint = _one(_WALL_COLOURS, rng)
    trim = _one(_TRIMS, rng)
    skirting = float(rng.uniform(0.06, 0.13))
    kind = KINDS[int(rng.choice(4, p=(0.1, 0.15, 0.35, 0.4)))]
    if level == "off":
        sizes = {name: 0.5 * (low + high) for name, (low, high) in _SIZES.items()}
        side, skirting = "left", 0.09
        paint, trim = _WALL_COLOURS["white"], _TRIMS["white"]
    if level in ("off", "low"):
        kind = own_kind
    bare = RoomPlan(kind, **sizes, side=side, paint=paint, trim=trim, skirting_m=skirting, props=())
    if level != "high":
        return bare
    props = [p for wall in bare.walls for p in _along(wall, bare, split, rng)]
    return RoomPlan(**{**vars(bare), "props": tuple(props)})


def _one(colours: Mapping[str, Colour], rng: np.random.Generator) -> Colour:
    return tuple(colours.values())[int(rng.integers(len(colours)))]


def _along(wall: str, room: RoomPlan, split: Split, rng: np.random.Generator) -> list[Prop]:
    """Things at one wall, in slots that neither overlap nor reach its ends."""
    before, after = ENDS[wall]
    low = max(-math.floor((room.reach(before) - 0.7) / _SLOT_M), -2)
    high = min(math.floor((room.reach(after) - 0.7) / _SLOT_M), 2)
    found = []
    for slot in range(low, high + 1):
        along = slot * _SLOT_M + float(rng.uniform(-0.1, 0.1))
        if float(rng.uniform()) < 0.6:
            found.append(_standing(wall, along, rng))
        if float(rng.uniform()) < 0.5 and not (found and _tall(found[-1], along)):
            found.append(_hanging(wall, along, room, split, rng))
    return found


def _tall(last: Prop, along: float) -> bool:
    """Whether what stands at a place covers the wall above it."""
    return last.along_m == along and last.kind != "boxes"


def _standing(wall: str, along: float, rng: np.random.Generator) -> Prop:
    kind = _STANDING[int(rng.integers(len(_STANDING)))]
    wide, high, deep = (float(u) for u in rng.uniform(0.0, 1.0, 3))
    size = {
        "bookcase": (0.75 + 0.35 * wide, 1.1 + 0.8 * high, 0.26 + 0.08 * deep),
        "cabinet": (0.8 + 0.3 * wide, 0.6 + 0.25 * high, 0.3 + 0.08 * deep),
        "plant": (0.26 + 0.12 * wide, 0.8 + 0.6 * high, 0.3),
        "boxes": (0.7 + 0.3 * wide, 0.5 + 0.5 * high, 0.32),
    }[kind]
    return Prop(kind, wall, along, 0.0, size, _one(_FURNITURE, rng), "", int(rng.integers(2**31)))


def _hanging(
    wall: str, along: float, room: RoomPlan, split: Split, rng: np.random.Generator
) -> Prop:
    kind = _HANGING[int(rng.integers(len(_HANGING)))]
    wide, high, base = (float(u) for u in rng.uniform(0.0, 1.0, 3))
    texture = _picture(split, rng)
    seed = int(rng.integers(2**31))
    if kind == "window":
        sill = 0.25 + 0.5 * base
        size = (0.8 + 0.3 * wide, room.height_m - 0.35 - sill, 0.06)
        return Prop(kind, wall, along, sill, size, room.trim, "", seed)
    width = 0.4 + 0.3 * wide
    size = (width, width * (1.0 + 0.5 * high), 0.02)
    return Prop(kind, wall, along, 0.65 + 0.3 * base, size, _one(_FURNITURE, rng), texture, seed)


def _picture(split: Split, rng: np.random.Generator) -> str:
    family = _PICTURES[int(rng.integers(len(_PICTURES)))]
    names = texture_names(None, None if split == "all" else split)
    fitting = [n for n in names if n.partition("/")[0] == family]
    return fitting[int(rng.integers(len(fitting)))]
