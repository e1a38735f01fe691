"""Skies as dome lights: drawn ones by name, and Radiance pictures of the user's."""

from datafactory.render.skies.hdr import read_hdr
from datafactory.render.skies.library import SKY_FAMILIES, sky, sky_image, sky_names
from datafactory.render.skies.light import Sky, sky_from_image, tone_mapped

__all__ = [
    "SKY_FAMILIES",
    "Sky",
    "read_hdr",
    "sky",
    "sky_from_image",
    "sky_image",
    "sky_names",
    "tone_mapped",
]
