"""Materials with handbook densities and friction, and the colour words."""

from __future__ import annotations

from dataclasses import dataclass

Rgba = tuple[float, float, float, float]

COLOURS: dict[str, Rgba] = {
    "red": (0.78, 0.13, 0.12, 1.0),
    "orange": (0.93, 0.48, 0.10, 1.0),
    "yellow": (0.93, 0.78, 0.16, 1.0),
    "green": (0.20, 0.55, 0.24, 1.0),
    "teal": (0.10, 0.55, 0.56, 1.0),
    "blue": (0.14, 0.32, 0.70, 1.0),
    "purple": (0.45, 0.22, 0.60, 1.0),
    "pink": (0.91, 0.52, 0.64, 1.0),
    "brown": (0.45, 0.29, 0.17, 1.0),
    "white": (0.92, 0.91, 0.88, 1.0),
    "grey": (0.52, 0.53, 0.55, 1.0),
    "black": (0.10, 0.10, 0.11, 1.0),
}
PAINT = tuple(COLOURS)


@dataclass(frozen=True)
class Material:
    """A material of a family.

    Attributes:
        name: Name used in queries.
        density: kg/m^3 of the solid material (handbook value).
        friction: Sliding friction coefficient against common surfaces.
        colours: Colour words it comes in.
    """

    name: str
    density: float
    friction: float
    colours: tuple[str, ...] = PAINT


MATERIALS: dict[str, Material] = {
    m.name: m
    for m in (
        Material("ceramic", 2400.0, 0.6),
        Material("glass", 2500.0, 0.5, ("white", "green", "blue", "brown", "teal")),
        Material("steel", 7850.0, 0.5, ("grey", "black", "red", "blue", "white")),
        Material("aluminium", 2700.0, 0.5),
        Material("wood", 700.0, 0.6),
        Material("plastic", 900.0, 0.55),
        Material("cardboard", 150.0, 0.6, ("brown", "white", "grey", "blue", "green")),
        Material("paper", 750.0, 0.6),
        Material("rubber", 1100.0, 0.9),
        Material("foam", 90.0, 0.9, ("yellow", "green", "blue", "pink", "purple", "orange")),
        Material("soap", 1050.0, 0.5, ("white", "pink", "green", "blue", "yellow", "purple")),
        Material("fruit", 900.0, 0.6),
        Material("vegetable", 900.0, 0.6),
        Material("food", 1000.0, 0.6),
        Material("tissue", 200.0, 0.7, ("white", "pink", "yellow", "blue")),
        Material("eggshell", 1060.0, 0.6, ("white", "brown")),
    )
}

METAL: Rgba = (0.72, 0.73, 0.75, 1.0)
CREAM: Rgba = (0.95, 0.93, 0.86, 1.0)
DARK: Rgba = (0.13, 0.13, 0.14, 1.0)
STEM: Rgba = (0.33, 0.24, 0.13, 1.0)


def shade(rgba: Rgba, factor: float) -> Rgba:
    """Scales the colour components of rgba, clipped to [0, 1]; alpha stays."""
    r, g, b, a = rgba
    return (min(1.0, r * factor), min(1.0, g * factor), min(1.0, b * factor), a)
