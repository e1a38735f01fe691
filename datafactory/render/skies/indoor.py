"""Skies indoors: a room seen from its middle, lit by windows, panels and soft boxes.

The room is a box. Every pixel is where its ray meets the box; light from each lamp falls on the
walls by the form factor of a small patch, and what the walls reflect is one even bounce.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from datafactory.render.skies.light import Radiance, directions
from datafactory.render.skies.rooms import Lamp, Piece, Room
from datafactory.render.textures.swatch import Swatch, single

_INWARD = np.array(
    [[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]], np.float32
)
_ALONG = ((1, 2), (1, 2), (0, 2), (0, 2), (0, 1), (0, 1))
"""World axes of a side's two coordinates."""


def indoor(make: Callable[[Swatch], Room], s: Swatch, height: int) -> Radiance:
    """Draws a room, (height, 2 * height, 3) linear radiance."""
    room = make(s)
    low = np.array([-room.half[0], -room.half[1], -room.below], np.float32)
    high = np.array([room.half[0], room.half[1], room.above], np.float32)
    toward = directions(height)
    with np.errstate(divide="ignore"):
        reach = np.where(toward > 0, high / toward, low / toward)
    axis = np.argmin(reach, axis=-1)
    point = toward * np.min(reach, axis=-1)[..., None]
    positive = np.take_along_axis(toward, axis[..., None], axis=-1)[..., 0] > 0
    side = 2 * axis + np.where(positive, 0, 1)
    pixel = np.pi / height
    soft = single(pixel * np.linalg.norm(point, axis=-1))
    albedo = _albedo(room, point, side, soft)
    light = np.zeros(toward.shape, np.float32)
    for lamp in room.lamps:
        light += _falling(lamp, low, high, point, side)
    # One even bounce: what the walls together send back, spread over the room.
    bounce = np.mean(light * albedo, axis=(0, 1))
    # A touch of dirt and shadow in the corners keeps the room from looking like paper.
    room_x, room_y, room_z = np.moveaxis((point - low) * (high - point) / (high - low) ** 2, -1, 0)
    nook = np.minimum(room_x + room_y, np.minimum(room_x + room_z, room_y + room_z))
    corner = 0.72 + 0.28 * np.clip(nook / 0.12, 0.0, 1.0)
    image = albedo * (light + bounce) * corner[..., None]
    image = single(image * (room.level / np.mean(image)))
    for lamp in room.lamps:
        image = _shown(lamp, image, point, side, soft)
    return single(np.maximum(image, 0.0))


def _falling(
    lamp: Lamp, low: Radiance, high: Radiance, point: Radiance, side: NDArray[np.intp]
) -> Radiance:
    """Irradiance of a lamp on every point, its light leaving from a few places of it."""
    axis = lamp.side // 2
    first, second = _ALONG[lamp.side]
    place = np.zeros(3, np.float32)
    place[axis] = (high if lamp.side % 2 == 0 else low)[axis]
    across, up = lamp.half
    area = 2 * np.pi * across * up if lamp.ring else across * up
    # A lamp counts as four small ones, a lamp much longer than wide as a row of them.
    if lamp.ring:
        places = [(across, 0.0), (-across, 0.0), (0.0, across), (0.0, -across)]
    elif across > 4 * up:
        places = [(share * across, 0.0) for share in (-0.75, -0.25, 0.25, 0.75)]
    else:
        places = [(u * across, v * up) for u in (-0.5, 0.5) for v in (-0.5, 0.5)]
    if across * up < 0.1:
        places = [(0.0, 0.0)]
    normal = _INWARD[side]
    total = np.zeros(side.shape, np.float32)
    for u, v in places:
        place[first], place[second] = lamp.centre[0] + u, lamp.centre[1] + v
        away = [place[i] - point[..., i] for i in range(3)]
        square = away[0] ** 2 + away[1] ** 2 + away[2] ** 2 + np.float32(0.05)
        facing = sum(away[i] * normal[..., i] for i in range(3))
        leaving = np.maximum(-away[axis] * _INWARD[lamp.side, axis], 0.0)
        total += np.maximum(facing, 0.0) * leaving / np.square(square)
    power = np.float32(4 * area * lamp.radiance / len(places)) * np.array(lamp.tint, np.float32)
    return single(total[..., None] * power)


def _inside(shape: Lamp | Piece, point: Radiance, soft: Radiance) -> Radiance:
    """1 inside a rectangle on its side of the room and 0 outside; ``soft`` is a pixel's width."""
    first, second = _ALONG[shape.side]
    to_u = shape.half[0] - np.abs(point[..., first] - shape.centre[0])
    to_v = shape.half[1] - np.abs(point[..., second] - shape.centre[1])
    return single(np.clip(to_u / soft + 0.5, 0.0, 1.0) * np.clip(to_v / soft + 0.5, 0.0, 1.0))


def _albedo(room: Room, point: Radiance, side: NDArray[np.intp], soft: Radiance) -> Radiance:
    """Linear albedo of what every pixel shows."""
    albedo = single([room.wall] * 4 + [room.ceiling, room.floor])[side]
    for number in range(6):
        mine = np.nonzero(side == number)
        here, at, width = albedo[mine], point[mine], soft[mine]
        for piece in room.pieces:
            if piece.side == number:
                here += _inside(piece, at, width)[:, None] * (single(piece.albedo) - here)
        albedo[mine] = here
    return albedo


def _shown(
    lamp: Lamp, image: Radiance, point: Radiance, side: NDArray[np.intp], soft: Radiance
) -> Radiance:
    """Puts the lamp itself on its side of the room."""
    first, second = _ALONG[lamp.side]
    u = (point[..., first] - lamp.centre[0]) / lamp.half[0]
    v = (point[..., second] - lamp.centre[1]) / lamp.half[1]
    if lamp.ring:
        from_rim = np.abs(np.hypot(point[..., first] - lamp.centre[0],
                                   point[..., second] - lamp.centre[1]) - lamp.half[0])  # fmt: skip
        inside = np.clip((lamp.half[1] - from_rim) / soft + 0.5, 0.0, 1.0)
    else:
        inside = _inside(lamp, point, soft)
    inside = inside * (side == lamp.side)
    if lamp.panes != (0, 0):
        bright = _view(lamp, u, v, soft)
    else:
        # Soft boxes and panels are brightest in the middle.
        fall = 1.08 - 0.16 * np.clip(np.maximum(np.abs(u), np.abs(v)), 0.0, 1.0)
        bright = single(fall[..., None] * np.array(lamp.tint) * lamp.radiance)
    return single(image + inside[..., None] * (bright - image))


def _view(lamp: Lamp, u: Radiance, v: Radiance, soft: Radiance) -> Radiance:
    """What a window shows: sky over a darker strip of land, behind glazing bars."""
    sky = lamp.radiance * np.array(lamp.tint)
    land = 0.22 * lamp.radiance * np.array([0.62, 0.72, 0.45])
    rise = np.clip((v + 0.55 + 0.08 * np.sin(7 * u) + 0.05 * np.sin(17 * u)) / 0.15, 0.0, 1.0)
    view = land + rise[..., None] * (sky * (0.8 + 0.2 * np.clip(v, -1, 1))[..., None] - land)
    bars = np.zeros(u.shape)
    for place, half, panes in ((u, lamp.half[0], lamp.panes[0]), (v, lamp.half[1], lamp.panes[1])):
        split = (0.5 * place + 0.5) * panes
        from_bar = np.abs(split - np.round(split)) * 2 * half / panes
        bars = np.maximum(bars, np.clip((0.03 - from_bar) / soft + 0.5, 0.0, 1.0))
    return single(view + bars[..., None] * (0.45 - view))
