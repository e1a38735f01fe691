"""Textures drawn by code: materials that tile, and labels of packages."""

from datafactory.render.textures.label_forms import LABELLED, label_for
from datafactory.render.textures.library import (
    FAMILIES,
    KINDS,
    Family,
    Texture,
    texture,
    texture_names,
)

__all__ = [
    "FAMILIES",
    "KINDS",
    "LABELLED",
    "Family",
    "Texture",
    "label_for",
    "texture",
    "texture_names",
]
