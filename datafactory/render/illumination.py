"""Lights of a stage from what was drawn: placed within the room, coloured, and exposed.

The colour of a temperature is that of the Planckian locus in the cubic approximation of
B. Kim et al., "Design of Advanced Color Temperature Control System for HDTV Applications",
Journal of the Korean Physical Society 41 (2002), relative to 5600 K. Cameras balance their white
by half of what they see, so half of the colour is left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import normalize
from datafactory.render.look import LightLook, Look
from datafactory.render.room import BACKDROP_M
from datafactory.render.room_plan import RoomPlan
from datafactory.render.skies import sky
from datafactory.render.stage import MAX_LIGHTS, Light

Array = NDArray[np.float64]
Colour = tuple[float, float, float]

NEUTRAL_K = 5600.0
EXPOSED = (0.95, 1.15)
"""Light on a horizontal surface that a camera's automatic exposure leaves alone."""
_MARGIN_M = 0.3
_FILL_SHARE = 0.45
_LOWEST_SUN = 0.35
_SUN_SHARE = (0.3, 0.75)
"""Some of any sky's light comes from one side, or nothing would have a shape."""
_MAIN, _AMBIENT = 0.75, 0.35
_LINEAR_FROM_XYZ = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)


def illumination(
    look: Look, target: Sequence[float], floor_z: float
) -> tuple[tuple[Light, ...], Colour]:
    """Lights and ambient light of a stage.

    Under an open sky the sun of the sky is the main light; in a room a lamp at the drawn place,
    as far away as the walls allow, for walls would shut out a sun.

    Args:
        look: What was drawn.
        target: (3,) the middle of the table, world, metres.
        floor_z: Height of the floor.
    """
    aim = np.asarray(target, dtype=np.float64)
    ambient = np.full(3, look.ambient)
    if look.room.kind == "none":
        main, ambient = _sun(look, aim)
    else:
        main = _lamp(look.main, aim, look.room, floor_z, shadow=True)
    lamps = [_lamp(lamp, aim, look.room, floor_z, shadow=False) for lamp in look.lamps]
    lights = [main, *lamps][:MAX_LIGHTS]
    if len(lights) < MAX_LIGHTS:
        lights.append(_fill(look.main, aim, ambient))
        ambient = (1.0 - _FILL_SHARE) * ambient
    gain = _exposure(lights, aim, ambient)
    scaled = tuple(
        Light(light.kind, light.position, light.direction, _triple(gain * np.array(light.rgb)),
              light.shadow)
        for light in lights
    )  # fmt: skip
    return scaled, _triple(gain * ambient)


def light_colour(temperature_k: float) -> Colour:
    """Linear sRGB colour of a lamp as a half-balanced camera sees it; its largest channel is 1."""
    colour = _planckian(temperature_k) / _planckian(NEUTRAL_K)
    return _triple(np.sqrt(colour / colour.max()))


def _planckian(kelvin: float) -> Array:
    t = 1000.0 / min(max(kelvin, 1700.0), 25000.0)
    if kelvin <= 4000.0:
        x = ((-0.2661239 * t - 0.2343589) * t + 0.8776956) * t + 0.179910
    else:
        x = ((-3.0258469 * t + 2.1070379) * t + 0.2226347) * t + 0.240390
    if kelvin <= 2222.0:
        y = ((-1.1063814 * x - 1.34811020) * x + 2.18555832) * x - 0.20219683
    elif kelvin <= 4000.0:
        y = ((-0.9549476 * x - 1.37418593) * x + 2.09137015) * x - 0.16748867
    else:
        y = ((3.0817580 * x - 5.87338670) * x + 3.75112997) * x - 0.37001483
    linear = _LINEAR_FROM_XYZ @ np.array([x / y, 1.0, (1.0 - x - y) / y])
    return np.asarray(np.maximum(linear, 0.02))


def _towards(look: LightLook) -> Array:
    """(3,) unit vector from the table to the light."""
    azimuth, elevation = math.radians(look.azimuth_deg), math.radians(look.elevation_deg)
    flat = math.cos(elevation)
    return np.array([flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(elevation)])


def _lamp(look: LightLook, aim: Array, room: RoomPlan, floor_z: float, *, shadow: bool) -> Light:
    towards = _towards(look)
    distance = min(look.distance_m, _free(aim, towards, room, floor_z))
    rgb = look.intensity * np.array(light_colour(look.temperature_k))
    return Light("lamp", _triple(aim + distance * towards), _triple(-towards), _triple(rgb), shadow)


def _free(aim: Array, towards: Array, room: RoomPlan, floor_z: float) -> float:
    """Distance from the table at which a light in a direction still is in the room, metres."""
    limits = [math.inf]
    if room.kind == "backdrop":
        flat = float(np.hypot(towards[0], towards[1]))
        limits.append((BACKDROP_M - _MARGIN_M) / max(flat, 1e-6))
    for wall, component in (("back", -towards[0]), ("front", towards[0]),
                            ("left", towards[1]), ("right", -towards[1])):  # fmt: skip
        if wall in room.walls and component > 1e-6:
            limits.append((room.reach(wall) - _MARGIN_M) / component)
    if room.kind == "closed":
        limits.append((room.height_m + floor_z - aim[2] - 0.15) / max(float(towards[2]), 1e-6))
    return float(min(limits))


def _sun(look: Look, aim: Array) -> tuple[Light, Array]:
    """The sky's own light; what was drawn makes it stronger or weaker."""
    found = sky(look.sky)
    x, y, z = found.sun_direction
    towards = normalize((x, y, max(z, _LOWEST_SUN)))
    share = min(max(found.sun_intensity, _SUN_SHARE[0]), _SUN_SHARE[1])
    rgb = np.asarray(found.sun_colour) * (share * look.main.intensity / _MAIN)
    light = Light("sun", _triple(aim + 4.0 * towards), _triple(-towards), _triple(rgb), True)
    colour = np.asarray(found.ambient, dtype=np.float64)
    balanced = 0.5 + 0.5 * colour / max(float(colour.mean()), 1e-3)
    ambient = balanced * (1.0 - share)
    return light, ambient * (look.ambient / _AMBIENT)


def _fill(main: LightLook, aim: Array, ambient: Array) -> Light:
    """Part of the ambient light, from above and across from the main light, without a shadow.

    Light that comes from everywhere alike shows no shape where the main light does not reach.
    """
    across = LightLook(main.azimuth_deg + 160.0, 50.0, 4.0, 1.0, NEUTRAL_K)
    towards = _towards(across)
    rgb = _FILL_SHARE / float(towards[2]) * ambient
    return Light("sun", _triple(aim + 4.0 * towards), _triple(-towards), _triple(rgb), False)


def _exposure(lights: Sequence[Light], aim: Array, ambient: Array) -> float:
    """Gain that brings the light on a horizontal surface in the middle into ``EXPOSED``."""
    total = float(np.mean(ambient))
    for light in lights:
        to_light = -np.array(light.direction)
        total += float(np.mean(light.rgb)) * max(0.0, float(to_light[2]))
    return min(max(total, EXPOSED[0]), EXPOSED[1]) / total


def _triple(values: Array) -> Colour:
    x, y, z = (float(v) for v in values)
    return (x, y, z)
