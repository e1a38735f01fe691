"""Colours: quiet greys for structure, muted hues for phases and objects."""

from __future__ import annotations

from collections.abc import Mapping

from datafactory.picture.canvas import Color

PAPER: Color = (255, 255, 255)
PANEL: Color = (247, 248, 250)
GRID: Color = (228, 231, 235)
FRAME: Color = (203, 210, 217)
DIM: Color = (112, 124, 138)
INK: Color = (31, 41, 51)
TABLE: Color = (240, 235, 226)
TABLE_EDGE: Color = (208, 198, 182)
ROBOT: Color = (164, 174, 186)
ROBOT_DARK: Color = (97, 110, 124)
GOOD: Color = (47, 125, 87)
BAD: Color = (180, 62, 58)

SERIES: tuple[Color, ...] = (
    (58, 110, 165), (214, 126, 52), (70, 140, 95), (176, 82, 105), (120, 98, 170),
    (60, 150, 160), (168, 132, 62), (98, 108, 120),
    (150, 96, 66), (116, 158, 52),
)  # fmt: skip
"""Colours of curves and phases, distinguishable also for colour-blind readers."""

_WORDS: Mapping[str, Color] = {
    "red": (200, 72, 66), "orange": (224, 138, 62), "yellow": (228, 196, 84),
    "green": (92, 156, 98), "blue": (74, 121, 182), "purple": (134, 102, 174),
    "pink": (222, 140, 162), "brown": (146, 108, 78), "black": (66, 72, 80),
    "white": (236, 236, 232), "grey": (156, 164, 172), "gray": (156, 164, 172),
    "silver": (186, 192, 198), "beige": (216, 202, 176), "teal": (70, 150, 148),
    "cyan": (96, 180, 192), "wooden": (182, 142, 98), "steel": (168, 176, 184),
    "turquoise": (90, 178, 170), "cream": (232, 224, 200), "navy": (58, 76, 122),
}  # fmt: skip


def object_color(word: str) -> Color:
    """Fill of an object described by a colour word; grey for words not known."""
    for part in (word, *word.lower().split()):
        if part.lower() in _WORDS:
            return _WORDS[part.lower()]
    return _WORDS["grey"]


def series_color(index: int) -> Color:
    """Colour of the index-th curve or phase; repeats after ten."""
    return SERIES[index % len(SERIES)]
