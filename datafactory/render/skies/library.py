"""The library of skies: families, their instances by name, images and light."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np

from datafactory.errors import SpecError, UnknownNameError
from datafactory.render.skies.indoor import indoor
from datafactory.render.skies.light import Radiance, Sky, sky_from_image
from datafactory.render.skies.outdoor import WEATHERS, outdoor
from datafactory.render.skies.rooms import ROOMS
from datafactory.render.split import split_of
from datafactory.render.textures.swatch import Swatch
from datafactory.seeding import name_key

PER_FAMILY = 10
LOCAL = "local:"
_NOISE = 256
_LIGHT_HEIGHT = 128
MIN_HEIGHT = 16

_DRAW: dict[str, Callable[[Swatch, int], Radiance]] = {
    **{name: partial(outdoor, weather) for name, weather in WEATHERS.items()},
    **{name: partial(indoor, make) for name, make in ROOMS.items()},
}
SKY_FAMILIES: tuple[str, ...] = tuple(_DRAW)
"""Families of skies, outdoors first."""


@lru_cache(maxsize=4)
def sky_names(split: str | None = None) -> tuple[str, ...]:
    """Names of the skies of a split, or of all.

    Raises:
        UnknownNameError: There is no such split.
    """
    if split not in (None, "seen", "unseen"):
        raise UnknownNameError.of("sky split", str(split), ("seen", "unseen"))
    return tuple(
        f"{family}/{index:02d}"
        for family in SKY_FAMILIES
        for index in range(PER_FAMILY)
        if split in (None, split_of(f"sky/{family}", index))
    )


def _parsed(name: str) -> tuple[str, int]:
    if name not in sky_names():
        raise UnknownNameError.of("sky", name, sky_names())
    family, _, number = name.partition("/")
    return family, int(number)


@lru_cache(maxsize=16)
def sky_image(name: str, height: int = 128) -> Radiance:
    """Draws a sky, a pure function of its arguments.

    Args:
        name: One of ``sky_names()``, or a user's file; see ``render.own_files``.
        height: Rows, at least 16.

    Returns:
        (height, 2 * height, 3) float32 linear radiance >= 0, equirectangular: row 0 at the
        zenith, column 0 towards +x, columns turning towards +y. A white surface in its light is
        about 1; suns and lamps are brighter. Read-only, since calls share it.

    Raises:
        UnknownNameError: There is no such sky.
        SpecError: The height is too small.
    """
    if height < MIN_HEIGHT:
        raise SpecError(f"cannot draw a sky {height} pixels high", why=f"at least {MIN_HEIGHT}")
    if name.startswith(LOCAL):
        from datafactory.render.own_files import read_sky

        image = read_sky(name, height)
        image.flags.writeable = False
        return image
    family, index = _parsed(name)
    rng = np.random.Generator(np.random.PCG64(name_key(f"sky/{name}")))
    image = _DRAW[family](Swatch(rng, index, _NOISE), height)
    image.flags.writeable = False
    return image


@lru_cache(maxsize=256)
def sky(name: str) -> Sky:
    """The sun and the ambient light of a sky.

    Raises:
        UnknownNameError: There is no such sky.
    """
    if name.startswith(LOCAL):
        from datafactory.render import own_files

        return sky_from_image(name, sky_image(name, _LIGHT_HEIGHT), own_files.split_of(name))
    family, index = _parsed(name)
    image = sky_image.__wrapped__(name, _LIGHT_HEIGHT)
    return sky_from_image(name, image, split_of(f"sky/{family}", index))
