"""How one episode looks: everything that is drawn for it, as plain numbers and names.

Every part has a random stream of its own, so switching the randomisation of one part off, or
changing its ranges, leaves what the others draw as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from datafactory.episode import ObjectRecord
from datafactory.render.own_files import own_files, require
from datafactory.render.room_plan import RoomPlan, draw_room
from datafactory.render.skies import sky_names
from datafactory.render.style import LightRanges, Split, Style, SurfaceRanges
from datafactory.render.textures.label_forms import label_for
from datafactory.render.textures.library import texture_names
from datafactory.seeding import stream as seeded
from datafactory_assets.families.patterns import PLAIN, pattern_of

Colour = tuple[float, float, float]
Stream = Callable[[str], np.random.Generator]

LABELLED_FAMILIES = ("can", "tin", "bottle", "jar", "carton", "book")
"""Categories whose own look is a printed label."""
DARK_SKIES = ("dusk", "night_city", "studio_softbox", "studio_ring")
OWN_PATTERNS: Mapping[str, str] = {
    "wood": "wood_veneer",
    "cardboard": "cardboard",
    "steel": "brushed_metal",
}
"""Texture family of the pattern that things of a material have of their own."""
PATTERNED = ("stripes", "plaid", "dots", "pattern_tile")
"""Texture families that a thing which is called plain does not get."""
TABLE_FORMS = ("legs", "trestle", "cabinet")
FRAME_COLOURS: Mapping[str, Colour] = {
    "white steel": (0.86, 0.86, 0.85),
    "grey steel": (0.45, 0.46, 0.48),
    "black steel": (0.13, 0.13, 0.14),
    "beech": (0.76, 0.61, 0.44),
    "oak": (0.62, 0.46, 0.29),
    "walnut": (0.36, 0.24, 0.16),
}
DEFAULT_FRAME = "grey steel"


@dataclass(frozen=True)
class LightLook:
    """One light as drawn, seen from the middle of the table.

    Attributes:
        azimuth_deg: Around z, 0 = +x.
        elevation_deg: Above the horizon.
        distance_m: As far as the room allows.
        intensity: On a white surface that faces it.
        temperature_k: Colour temperature, kelvin.
    """

    azimuth_deg: float
    elevation_deg: float
    distance_m: float
    intensity: float
    temperature_k: float


@dataclass(frozen=True)
class SurfaceLook:
    """Texture of a surface by name, empty for a plain colour, and the colour that multiplies it."""

    texture: str
    tint: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class TableLook:
    """The table: its top, and what carries it (one of ``TABLE_FORMS``) in a colour."""

    top: SurfaceLook
    form: str
    frame: Colour


@dataclass(frozen=True)
class Look:
    """Everything that is drawn for one episode but its cameras; JSON-ready.

    Attributes:
        main: The light that casts shadows. Without a room the sky's sun takes its place.
        lamps: Lights without shadows.
        ambient: Light from all sides.
        sky: Name of the sky.
        table, floor, wall: Surfaces.
        objects: Texture name by role name; empty for the object's own plain colours.
        room: Walls and what stands along them.
    """

    main: LightLook
    lamps: tuple[LightLook, ...]
    ambient: float
    sky: str
    table: TableLook
    floor: SurfaceLook
    wall: SurfaceLook
    objects: Mapping[str, str]
    room: RoomPlan


def draw_look(style: Style, objects: Sequence[ObjectRecord], stream: Stream) -> Look:
    """Draws how an episode looks.

    Args:
        style: The style.
        objects: Objects of the episode.
        stream: Gives the generator of a named stream of this episode.

    Raises:
        UnknownNameError: The style names a texture or sky that does not exist.
    """
    lights, surfaces, _, _ = style.randomise.ranges()
    main, lamps, ambient = _draw_lights(lights, stream("lights"))
    table_rng = stream("table")
    return Look(
        main=main,
        lamps=lamps,
        ambient=ambient,
        sky=_draw_sky(style, stream("sky")),
        table=_draw_table(style, surfaces, table_rng),
        floor=_draw_surface("floor", style.floor, surfaces.floor, surfaces, style, stream("floor")),
        wall=_draw_surface("wall", style.wall, surfaces.wall, surfaces, style, stream("wall")),
        objects={
            o.name: _draw_object(o, surfaces, style, stream(f"object/{o.name}")) for o in objects
        },
        room=draw_room(style.room, style.randomise.room, style.split, stream("room")),
    )


def _draw_lights(
    ranges: LightRanges, rng: np.random.Generator
) -> tuple[LightLook, tuple[LightLook, ...], float]:
    main = LightLook(
        azimuth_deg=float(rng.uniform(*ranges.azimuth_deg)),
        elevation_deg=float(rng.uniform(*ranges.elevation_deg)),
        distance_m=2.6,
        intensity=float(rng.uniform(*ranges.intensity)),
        temperature_k=float(rng.uniform(*ranges.temperature_k)),
    )
    ambient = float(rng.uniform(*ranges.ambient))
    low, high = ranges.lamps
    count = int(rng.integers(low, high + 1))
    lamps = []
    for _ in range(count):
        # Across from the main light, give or take, so that lamps fill its shadows.
        lamps.append(
            LightLook(
                azimuth_deg=main.azimuth_deg + 150.0 + float(rng.uniform(-70.0, 70.0)) * (high > 1),
                elevation_deg=float(rng.uniform(30.0, 65.0)) if high > 1 else 45.0,
                distance_m=float(rng.uniform(1.6, 2.6)) if high > 1 else 2.2,
                intensity=float(rng.uniform(*ranges.lamp_intensity)),
                temperature_k=float(rng.uniform(*ranges.temperature_k)),
            )
        )
    return main, tuple(lamps), ambient


def _draw_sky(style: Style, rng: np.random.Generator) -> str:
    level = style.randomise.sky
    if level == "off":
        return style.sky
    split = _library_split(style.split)
    own = own_files(style.files).sky_names(split) if style.files else ()
    if style.files_only:
        own = require(own, f"{style.split} sky", style.files)
        return own[int(rng.integers(len(own)))]
    family = style.sky.partition("/")[0]
    names = {
        "low": tuple(n for n in sky_names(split) if n.partition("/")[0] == family),
        "medium": tuple(n for n in sky_names(split) if n.partition("/")[0] not in DARK_SKIES),
        "high": sky_names(split),
    }[level]
    names = names + own if level != "low" or not names else names
    return names[int(rng.integers(len(names)))]


def _draw_surface(
    kind: str,
    own: str,
    drawn: bool,
    ranges: SurfaceRanges,
    style: Style,
    rng: np.random.Generator,
) -> SurfaceLook:
    texture = _pick(kind, style, rng) if drawn else own
    return SurfaceLook(texture, _tint(ranges.tint, rng))


def _draw_table(style: Style, ranges: SurfaceRanges, rng: np.random.Generator) -> TableLook:
    top = _draw_surface("table", style.table, ranges.table, ranges, style, rng)
    form = TABLE_FORMS[int(rng.integers(len(TABLE_FORMS)))]
    frame = tuple(FRAME_COLOURS)[int(rng.integers(len(FRAME_COLOURS)))]
    if not ranges.table:
        form, frame = TABLE_FORMS[0], DEFAULT_FRAME
    return TableLook(top, form, FRAME_COLOURS[frame])


def _draw_object(
    item: ObjectRecord, ranges: SurfaceRanges, style: Style, rng: np.random.Generator
) -> str:
    """Name of an object's texture; it keeps the one of its own unless another one is drawn."""
    pattern = pattern_of(item.attributes)
    if pattern not in ("", PLAIN):
        return ""  # It is printed in two colours; see object_visuals.
    drawn = float(rng.uniform()) < ranges.objects
    chooser = rng if drawn else seeded(0, "render/own texture", 0, item.asset_id)
    if item.category in LABELLED_FAMILIES:
        return label_for(item.category, item.colour, chooser, _library_split(style.split))
    if drawn:
        return _pick("object", style, rng, PATTERNED if pattern == PLAIN else ())
    own = OWN_PATTERNS.get(item.material)
    split = _library_split(style.split)
    return _instance(own, texture_names("object", split), chooser) if own else ""


def _pick(kind: str, style: Style, rng: np.random.Generator, without: Sequence[str] = ()) -> str:
    """A texture of a kind: a family first, so that families are equally likely.

    The user's own files count as one family; ``without`` names families that do not suit.
    """
    split = _library_split(style.split)
    own = own_files(style.files).texture_names(kind, split) if style.files else ()
    if style.files_only:
        names = require(own, f"{style.split} {kind} texture", style.files)
    else:
        names = (*texture_names(kind, split), *own)
    families = tuple(dict.fromkeys(n.partition("/")[0] for n in names))
    families = tuple(f for f in families if f not in without)
    family = families[int(rng.integers(len(families)))]
    return _instance(family, names, rng)


def _instance(family: str, names: Sequence[str], rng: np.random.Generator) -> str:
    fitting = [n for n in names if n.partition("/")[0] == family]
    return fitting[int(rng.integers(len(fitting)))]


def _tint(largest: float, rng: np.random.Generator) -> Colour:
    """A multiplier of at most 1: half of it brightness, half of it colour."""
    shared, *own = (float(u) for u in rng.uniform(0.0, 1.0, 4))
    r, g, b = (1.0 - largest * 0.5 * (shared + u) for u in own)
    return (r, g, b)


def _library_split(split: Split) -> str | None:
    return None if split == "all" else split
