"""What labels say: invented brands, kinds of products, titles of books."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Product(NamedTuple):
    """A kind of goods: its name on the label, the emblem beside it, and a line of praise."""

    name: str
    emblem: str
    praise: str


PRODUCTS: dict[str, tuple[Product, ...]] = {
    "label_can": (
        Product("COLA", "bubbles", "ORIGINAL TASTE"),
        Product("LEMONADE", "lemon", "STILL CLOUDY"),
        Product("ORANGE SODA", "orange", "REAL FRUIT"),
        Product("GINGER ALE", "leaf", "DRY AND CRISP"),
        Product("ICED TEA", "cup", "WITH PEACH"),
        Product("TONIC", "drop", "EXTRA DRY"),
        Product("CHERRY SODA", "cherry", "LIGHTLY SPARKLING"),
        Product("SELTZER", "wave", "NO SUGAR"),
        Product("APPLE FIZZ", "apple", "PRESSED APPLES"),
        Product("COLD BREW", "cup", "SLOWLY STEEPED"),
        Product("GRAPE SODA", "grapes", "BIG FLAVOUR"),
        Product("ENERGY", "sun", "WIDE AWAKE"),
    ),
    "label_tin": (
        Product("TOMATO SOUP", "tomato", "RICH AND CREAMY"),
        Product("BAKED BEANS", "peas", "IN TOMATO SAUCE"),
        Product("SWEET CORN", "corn", "CRISP AND SWEET"),
        Product("GREEN PEAS", "peas", "PICKED YOUNG"),
        Product("TUNA", "fish", "IN SPRING WATER"),
        Product("MUSHROOM SOUP", "mushroom", "FOREST STYLE"),
        Product("CHICKPEAS", "peas", "READY TO EAT"),
        Product("PEACHES", "orange", "IN LIGHT SYRUP"),
        Product("SARDINES", "fish", "IN OLIVE OIL"),
        Product("OLIVES", "olive", "PITTED"),
        Product("CARROTS", "carrot", "SLICED"),
        Product("CHILI", "chili", "HOT AND SMOKY"),
        Product("COFFEE", "cup", "DARK ROAST"),
    ),
    "label_bottle": (
        Product("SPRING WATER", "mountain", "STILL"),
        Product("ORANGE JUICE", "orange", "NOT FROM CONCENTRATE"),
        Product("APPLE JUICE", "apple", "CLOUDY"),
        Product("MILK", "drop", "FRESH EVERY DAY"),
        Product("OLIVE OIL", "olive", "FIRST PRESSING"),
        Product("VINEGAR", "grapes", "AGED IN OAK"),
        Product("LEMON WATER", "lemon", "WITH MINT"),
        Product("KETCHUP", "tomato", "THICK AND SWEET"),
        Product("SOY SAUCE", "wave", "BREWED SLOWLY"),
        Product("ICED TEA", "leaf", "GREEN TEA"),
        Product("DISH SOAP", "bubbles", "CUTS GREASE"),
        Product("SHAMPOO", "wave", "FOR EVERY DAY"),
    ),
    "label_jar": (
        Product("HONEY", "comb", "WILD FLOWERS"),
        Product("CHERRY JAM", "cherry", "EXTRA FRUIT"),
        Product("PICKLES", "leaf", "CRUNCHY"),
        Product("PEANUT BUTTER", "peas", "SMOOTH"),
        Product("TOMATO SAUCE", "tomato", "WITH BASIL"),
        Product("OLIVES", "olive", "IN BRINE"),
        Product("MUSTARD", "wheat", "WHOLE GRAIN"),
        Product("MARMALADE", "orange", "THICK CUT"),
        Product("PESTO", "leaf", "FRESH BASIL"),
        Product("GRAPE JELLY", "grapes", "NO SEEDS"),
        Product("SALSA", "chili", "MEDIUM HOT"),
    ),
    "label_box": (
        Product("OATS", "wheat", "WHOLE GRAIN"),
        Product("TEA", "cup", "50 BAGS"),
        Product("RICE", "wheat", "LONG GRAIN"),
        Product("CRACKERS", "cookie", "LIGHTLY SALTED"),
        Product("PASTA", "wheat", "COOKS IN 9 MIN"),
        Product("CORN FLAKES", "corn", "CRUNCHY"),
        Product("COOKIES", "cookie", "WITH CHOCOLATE"),
        Product("MUESLI", "apple", "NUTS AND FRUIT"),
        Product("PUDDING", "cherry", "JUST ADD MILK"),
        Product("FLOUR", "wheat", "FINELY MILLED"),
        Product("SUGAR", "star", "PURE CANE"),
        Product("RAISINS", "grapes", "SUN DRIED"),
        Product("HERBAL TEA", "leaf", "20 BAGS"),
    ),
    "label_carton": (
        Product("MILK", "drop", "WHOLE MILK"),
        Product("OAT DRINK", "wheat", "UNSWEETENED"),
        Product("ORANGE JUICE", "orange", "WITH PULP"),
        Product("APPLE JUICE", "apple", "PRESSED"),
        Product("SOY DRINK", "peas", "WITH CALCIUM"),
        Product("CREAM", "drop", "FOR WHIPPING"),
        Product("BUTTERMILK", "mountain", "FROM THE ALPS"),
        Product("TOMATO JUICE", "tomato", "LIGHTLY SALTED"),
        Product("LEMON TEA", "lemon", "LESS SUGAR"),
        Product("GRAPE JUICE", "grapes", "PURE"),
    ),
    "label_book": (
        Product("THE QUIET HARBOUR", "wave", "A NOVEL"),
        Product("FIELD NOTES", "leaf", "ESSAYS"),
        Product("SMALL MACHINES", "star", "A HISTORY"),
        Product("MOUNTAIN PATHS", "mountain", "30 WALKS"),
        Product("THE LONG SUMMER", "sun", "A NOVEL"),
        Product("SIMPLE COOKING", "tomato", "100 RECIPES"),
        Product("LETTERS HOME", "star", "A NOVEL"),
        Product("RIVERS", "fish", "A JOURNEY"),
        Product("GARDEN YEAR", "leaf", "MONTH BY MONTH"),
        Product("NIGHT TRAIN", "star", "A THRILLER"),
        Product("NUMBERS", "comb", "FOR EVERYONE"),
        Product("BREAD AND SALT", "wheat", "STORIES"),
    ),
    "label_parcel": (
        Product("FRAGILE", "cup", "HANDLE WITH CARE"),
        Product("THIS SIDE UP", "arrows", "KEEP DRY"),
        Product("KITCHENWARE", "cup", "6 PIECES"),
        Product("SPARE PARTS", "star", "DO NOT BEND"),
        Product("FRESH FRUIT", "apple", "KEEP COOL"),
        Product("STORAGE", "comb", "RE-USE ME"),
    ),
}
"""Goods by label family."""

_FIRST = (
    "VEL", "TAM", "BRE", "NOL", "KIR", "ZAN", "MOR", "LUM", "PEL", "DRA", "FEN", "GOR", "HAV",
    "JUN", "SOV", "ROM", "WIN", "YAR", "OB", "ERI", "CAL", "TUL",
)  # fmt: skip
_MIDDLE = ("A", "I", "O", "E", "U", "")
_LAST = (
    "DO", "RA", "LIX", "NEA", "VO", "TTO", "MIS", "KA", "BEL", "NOR", "SY", "DU", "WEN", "PO",
    "LLE", "GA", "RIN",
)  # fmt: skip
_INITIALS = "ABCDEFGHJKLMNPRSTVW"


def brand(rng: np.random.Generator) -> str:
    """An invented, pronounceable word of two or three syllables."""
    first, last = str(rng.choice(_FIRST)), str(rng.choice(_LAST))
    middle = str(rng.choice(_MIDDLE))
    if first[-1] in "AEIOU" or last[0] in "AEIOU":
        middle = ""
    return first + middle + last


def author(rng: np.random.Generator) -> str:
    """An initial and an invented surname."""
    return f"{_INITIALS[int(rng.integers(len(_INITIALS)))]}. {brand(rng)}"
