"""What stands and hangs along the walls of a room: furniture, plants, pictures, windows.

A prop's frame has x along the wall to the right seen from inside, y up and z into the room; its
origin is the middle of the prop's lower edge, on the wall.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Pose, quat_from_axis_angle
from datafactory.render.primitives import (
    merged,
    moved,
    panel,
    revolved,
    rounded_box,
    stretched,
)
from datafactory.render.room_plan import Colour, Prop
from datafactory.render.stage import Material, Mesh, Surface
from datafactory.render.textures.library import texture
from datafactory.render.unwrap import corner_normals, joined
from datafactory.seeding import stream

PICTURE_PIXELS = 128

_UPRIGHT = quat_from_axis_angle((1.0, 0.0, 0.0), -0.5 * math.pi)
_SPINES: tuple[Colour, ...] = (
    (0.55, 0.24, 0.22), (0.24, 0.34, 0.48), (0.31, 0.44, 0.36), (0.74, 0.66, 0.50),
    (0.83, 0.81, 0.76), (0.30, 0.29, 0.31), (0.62, 0.45, 0.30),
)  # fmt: skip
_POTS: tuple[Colour, ...] = ((0.72, 0.43, 0.31), (0.88, 0.87, 0.84), (0.33, 0.35, 0.37))
_GREENS: tuple[Colour, ...] = ((0.22, 0.42, 0.22), (0.32, 0.50, 0.25), (0.18, 0.36, 0.28))
_CARDBOARD: tuple[Colour, ...] = ((0.70, 0.54, 0.37), (0.63, 0.47, 0.31))
_PAPER: Colour = (0.94, 0.93, 0.90)
_SOIL: Colour = (0.20, 0.15, 0.12)
_BOARD_M = 0.02
_POT = ((0.75, 0.0), (1.0, 1.0), (0.9, 1.0), (0.88, 0.9))

Vector = tuple[float, float, float]
_Box = tuple[float, float, float, float, float, float, float, float]
"""Half extents, centre, cosine and sine of the turn about y."""


@dataclass
class _Pile:
    """Collects the meshes of one prop by colour, in the prop's frame; boxes are made together."""

    meshes: dict[Colour, list[Mesh]] = field(default_factory=dict)
    boxes: dict[Colour, list[_Box]] = field(default_factory=dict)

    def add(self, colour: Colour, mesh: Mesh, pose: Pose) -> None:
        """Adds a mesh."""
        self.meshes.setdefault(colour, []).append(moved(mesh, pose))

    def box(self, colour: Colour, size: Vector, low: Vector, yaw: float = 0.0) -> None:
        """Adds a box of a size whose lower face is centred on ``low``, turned about y."""
        half = (0.5 * size[0], 0.5 * size[1], 0.5 * size[2])
        place = (low[0], low[1] + half[1], low[2])
        self.boxes.setdefault(colour, []).append((*half, *place, math.cos(yaw), math.sin(yaw)))

    def parts(self) -> dict[Colour, Mesh]:
        """One mesh per colour."""
        every = {colour: list(meshes) for colour, meshes in self.meshes.items()}
        for colour, boxes in self.boxes.items():
            every.setdefault(colour, []).append(_cuboids(boxes))
        return {colour: merged(*meshes) for colour, meshes in every.items()}


def _cuboids(boxes: list[_Box]) -> Mesh:
    """Sharp boxes as one mesh."""
    unit = rounded_box((0.5, 0.5, 0.5), 0.0)
    numbers = np.array(boxes, np.float32)
    cosine, sine = numbers[:, 6, None], numbers[:, 7, None]

    def turned(v: NDArray[np.float32]) -> NDArray[np.float32]:
        x, y, z = np.moveaxis(v, -1, 0)
        return np.stack([cosine * x + sine * z, y, cosine * z - sine * x], axis=-1)

    count, corners = len(boxes), len(unit.vertices)
    vertices = turned(2.0 * unit.vertices * numbers[:, None, :3]) + numbers[:, None, 3:6]
    normals = turned(np.broadcast_to(unit.normals, (count, corners, 3)))
    first = np.arange(count, dtype=np.int32)[:, None, None] * np.int32(corners)
    faces = (unit.faces + first).reshape(-1, 3).astype(np.int32)
    uv = np.zeros((count * corners, 2), np.float32)
    return Mesh(vertices.reshape(-1, 3), normals.reshape(-1, 3), faces, uv)


def prop_surfaces(prop: Prop, room_from_prop: Pose) -> tuple[Surface, ...]:
    """Surfaces of a prop in the room's frame.

    Args:
        prop: What it is; its own randomness follows from its seed.
        room_from_prop: Where it is.
    """
    rng = stream(prop.seed, "render/prop", 0, prop.kind)
    pile = _Pile()
    _MAKERS[prop.kind](prop, pile, rng)
    found = [
        Surface(f"{prop.kind}/{i}", moved(mesh, room_from_prop), Material(rgb, gloss=0.15))
        for i, (rgb, mesh) in enumerate(pile.parts().items())
    ]
    if prop.kind == "poster":
        width, height, depth = prop.size
        image = texture(prop.texture, PICTURE_PIXELS)
        place = room_from_prop @ Pose.of((-0.5 * width, 0.0, depth + 0.001))
        picture = Material((1.0, 1.0, 1.0), image.image, image.name, gloss=0.1)
        found.append(Surface("picture", moved(panel(width, height, 0.0), place), picture))
    return tuple(found)


def _window(prop: Prop, pile: _Pile, rng: np.random.Generator) -> None:
    width, height, _ = prop.size
    bar, deep = 0.06, 0.07
    for x in (-0.5 * (width - bar), 0.5 * (width - bar)):
        pile.box(prop.colour, (bar, height, deep), (x, 0.0, 0.0))
    for y in (0.0, height - bar):
        pile.box(prop.colour, (width, bar, deep), (0.0, y, 0.0))
    across = int(rng.integers(0, 3))
    for k in range(across):
        y = height * (k + 1) / (across + 1) - 0.5 * bar
        pile.box(prop.colour, (width, 0.6 * bar, 0.6 * deep), (0.0, y, 0.0))
    if rng.uniform() < 0.6:
        pile.box(prop.colour, (0.6 * bar, height, 0.6 * deep), (0.0, 0.0, 0.0))
    pile.box(prop.colour, (width + 0.08, 0.025, 0.16), (0.0, -0.025, 0.07))


def _poster(prop: Prop, pile: _Pile, rng: np.random.Generator) -> None:
    width, height, depth = prop.size
    bar = float(rng.uniform(0.012, 0.03))
    pile.box(prop.colour, (width + 2 * bar, height + 2 * bar, depth), (0.0, -bar, 0.5 * depth))


def _bookcase(prop: Prop, pile: _Pile, rng: np.random.Generator) -> None:
    width, height, depth = prop.size
    z = 0.5 * depth
    for x in (-0.5 * (width - _BOARD_M), 0.5 * (width - _BOARD_M)):
        pile.box(prop.colour, (_BOARD_M, height, depth), (x, 0.0, z))
    pile.box(prop.colour, (width, height, 0.008), (0.0, 0.0, 0.004))
    shelves = max(3, round(height / 0.34))
    step = (height - _BOARD_M) / shelves
    for k in range(shelves + 1):
        pile.box(prop.colour, (width, _BOARD_M, depth), (0.0, k * step, z))
    for k in range(shelves):
        _fill(pile, width - 2 * _BOARD_M, step - _BOARD_M, depth, k * step + _BOARD_M, rng)


def _fill(
    pile: _Pile, width: float, clear: float, depth: float, y: float, rng: np.random.Generator
) -> None:
    """Puts books and boxes onto a shelf from the left, with gaps."""
    x = -0.5 * width + float(rng.uniform(0.0, 0.1))
    while x < 0.5 * width - 0.12:
        kind = float(rng.uniform())
        if kind < 0.62:
            for _ in range(int(rng.integers(3, 9))):
                thick = float(rng.uniform(0.018, 0.045))
                if x + thick > 0.5 * width:
                    break
                tall = clear * float(rng.uniform(0.62, 0.92))
                deep = min(0.8 * depth, float(rng.uniform(0.15, 0.22)))
                colour = _SPINES[int(rng.integers(len(_SPINES)))]
                pile.box(colour, (thick, tall, deep), (x + 0.5 * thick, y, 0.02 + 0.5 * deep))
                x += thick + 0.001
            x += float(rng.uniform(0.01, 0.12))
        elif kind < 0.85:
            wide = min(float(rng.uniform(0.16, 0.3)), 0.5 * width - x)
            tall = clear * float(rng.uniform(0.5, 0.8))
            colour = (*_SPINES, *_CARDBOARD)[int(rng.integers(len(_SPINES) + len(_CARDBOARD)))]
            pile.box(colour, (wide, tall, 0.8 * depth), (x + 0.5 * wide, y, 0.5 * depth))
            x += wide + float(rng.uniform(0.02, 0.1))
        else:
            _vase(pile, x + 0.07, y, 0.5 * depth, 0.8 * clear, rng)
            x += 0.2


def _cabinet(prop: Prop, pile: _Pile, rng: np.random.Generator) -> None:
    width, height, depth = prop.size
    foot, z = 0.07, 0.5 * depth
    dark = _scaled(prop.colour, 0.55)
    pile.box(dark, (width - 0.06, foot, depth - 0.06), (0.0, 0.0, z))
    pile.box(prop.colour, (width, height - foot, depth), (0.0, foot, z))
    doors = int(rng.integers(2, 4))
    wide = (width - 0.01) / doors
    for k in range(doors):
        x = -0.5 * width + 0.005 + (k + 0.5) * wide
        panel_size = (wide - 0.008, height - foot - 0.02, 0.016)
        pile.box(prop.colour, panel_size, (x, foot + 0.01, depth + 0.008))
        pile.box(dark, (0.014, 0.12, 0.02), (x + 0.4 * wide, 0.62 * height, depth + 0.024))
    x = -0.4 * width
    while x < 0.4 * width:
        if rng.uniform() < 0.5:
            _vase(pile, x, height, z, 0.3, rng)
        else:
            colour = (*_SPINES, *_CARDBOARD)[int(rng.integers(len(_SPINES) + len(_CARDBOARD)))]
            size = (float(rng.uniform(0.12, 0.24)), float(rng.uniform(0.05, 0.2)), 0.18)
            pile.box(colour, size, (x, height, z), yaw=float(rng.uniform(-0.3, 0.3)))
        x += float(rng.uniform(0.24, 0.5))


def _boxes(prop: Prop, pile: _Pile, rng: np.random.Generator) -> None:
    width, height, depth = prop.size
    x = -0.5 * width
    while x < 0.5 * width - 0.2:
        wide = float(rng.uniform(0.26, 0.42))
        y = 0.0
        while y < height - 0.15:
            tall = float(rng.uniform(0.18, 0.34))
            colour = _CARDBOARD[int(rng.integers(len(_CARDBOARD)))]
            turn = float(rng.uniform(-0.12, 0.12))
            place = (x + 0.5 * wide, y, 0.5 * depth)
            pile.box(colour, (wide, tall, depth - 0.06), place, yaw=turn)
            tape = (place[0], y + 0.0005, place[2])
            pile.box(_scaled(colour, 1.15), (0.05, tall, depth - 0.058), tape, yaw=turn)
            wide *= float(rng.uniform(0.75, 0.98))
            y += tall
            if rng.uniform() < 0.4:
                break
        x += 0.5


def _plant(prop: Prop, pile: _Pile, rng: np.random.Generator) -> None:
    width, height, depth = prop.size
    radius = 0.4 * min(width, depth)
    pot = 0.26 * height
    colour = _POTS[int(rng.integers(len(_POTS)))]
    stand = Pose.of((0.0, 0.0, 0.5 * depth), _UPRIGHT)
    pile.add(colour, stretched(revolved(_POT), (radius, radius, pot)), stand)
    soil = stretched(revolved(((0.88, 0.90), (0.88, 0.91))), (radius, radius, pot))
    pile.add(_SOIL, soil, stand)
    green = _GREENS[int(rng.integers(len(_GREENS)))]
    broad = float(rng.uniform(0.04, 0.09))
    for k in range(int(rng.integers(12, 19))):
        yaw = 2.4 * k + float(rng.uniform(-0.3, 0.3))
        rise = (height - pot) * float(rng.uniform(0.55, 1.0))
        out = 0.8 * radius * float(rng.uniform(0.8, 1.6))
        quat = quat_from_axis_angle((0.0, 1.0, 0.0), yaw)
        place = Pose.of((0.0, 0.9 * pot, 0.5 * depth), quat)
        leaf = stretched(_leaf(), (out, rise, broad))
        pile.add(_scaled(green, (0.8, 1.0, 1.2)[int(rng.integers(3))]), leaf, place)


@lru_cache(maxsize=1)
def _leaf() -> Mesh:
    """A leaf of unit size that rises along y and bends over towards x, with both its sides."""
    t = np.linspace(0.0, 1.0, 7)
    middle = np.stack([t**2, (t - 0.35 * t**3) / 0.65, np.zeros(7)], axis=1)
    wide = np.sin(np.pi * np.minimum(0.06 + t, 1.0)) ** 0.8
    wide[-1] = 0.02
    offset = np.stack([np.zeros(7), np.zeros(7), wide], axis=1)
    crease = middle + np.array([-0.08, 0.02, 0.0]) * wide[:, None]
    points = np.concatenate([middle - offset, crease, middle + offset])
    faces = []
    for i in range(6):
        for a, b in ((0, 7), (7, 14)):
            faces += [[a + i, b + i, b + i + 1], [a + i, b + i + 1, a + i + 1]]
    one = np.array(faces, np.int64)
    both = (one, one[:, ::-1])
    corners = np.concatenate([points[f] for f in both])
    return joined(corners, np.concatenate([corner_normals(points, f, 60.0) for f in both]))


def _vase(
    pile: _Pile, x: float, y: float, z: float, tallest: float, rng: np.random.Generator
) -> None:
    height = tallest * float(rng.uniform(0.5, 0.95))
    radius = min(0.065, 0.4 * height)
    waist = (0.5, 0.65, 0.8, 0.95)[int(rng.integers(4))]
    profile = ((0.6, 0.0), (0.95, 0.2), (1.0, 0.4), (waist, 0.75), (0.55, 0.9), (0.62, 1.0))
    colours = (*_POTS, *_SPINES[1:3], _PAPER)
    colour = colours[int(rng.integers(len(colours)))]
    mesh = stretched(revolved(profile), (radius, radius, height))
    pile.add(colour, mesh, Pose.of((x, y, z), _UPRIGHT))


def _scaled(colour: Colour, factor: float) -> Colour:
    r, g, b = (min(1.0, c * factor) for c in colour)
    return (round(r, 2), round(g, 2), round(b, 2))


_MAKERS: dict[str, Callable[[Prop, _Pile, np.random.Generator], None]] = {
    "window": _window,
    "poster": _poster,
    "bookcase": _bookcase,
    "cabinet": _cabinet,
    "plant": _plant,
    "boxes": _boxes,
}
