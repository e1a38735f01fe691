"""Label families by form of package, and the choice of a label for an object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from types import MappingProxyType

import numpy as np

from datafactory.errors import UnknownNameError
from datafactory.render.split import split_of
from datafactory.render.textures.colour import Colour, lit
from datafactory.render.textures.label_art import Board
from datafactory.render.textures.label_layouts import (
    BADGES,
    COVERS,
    GOODS,
    PARCELS,
    Front,
    Inks,
    Layout,
    inks,
)
from datafactory.render.textures.label_words import PRODUCTS, Product, author, brand
from datafactory.render.textures.swatch import Draft, Draw, Swatch, single
from datafactory.seeding import name_key
from datafactory_assets.families.materials import COLOURS

LABELS_PER_FORM = 120
_PER_COLOUR = 5  # one block of the split: each colour has seen and unseen labels


@dataclass(frozen=True)
class Form:
    """A form of package and what its label is like.

    Attributes:
        name: Texture family.
        description: One line.
        aspect: Width over height of the surface, such as a can's circumference over its height.
        around: The label goes around: its left edge meets its right.
        layouts: Fronts it may have.
        amount: How much there is in it.
    """

    name: str
    description: str
    aspect: float
    around: bool
    layouts: tuple[Layout, ...]
    amount: tuple[str, ...]

    @property
    def draw(self) -> Draw:
        """Draws an instance."""
        return partial(_draw, self)


@dataclass(frozen=True)
class Design:
    """What one label advertises, in which colour, and how it is laid out."""

    product: Product
    brand: str
    colour: str
    layout: Layout


FORMS = (
    Form("label_can", "Printed sleeves of drink cans.", 2.0, True, GOODS,
         ("330 ml", "12 FL OZ", "355 ml", "250 ml")),
    Form("label_tin", "Paper labels of food tins.", 2.5, True, GOODS,
         ("NET WT 400 g", "NET WT 15 OZ", "425 ml", "NET 300 g")),
    Form("label_bottle", "Bands around bottles.", 3.6, True, GOODS,
         ("500 ml", "0.5 L", "16.9 FL OZ", "330 ml")),
    Form("label_jar", "Bands around jars.", 4.0, True, GOODS,
         ("NET WT 340 g", "12 OZ", "370 ml", "250 g")),
    Form("label_box", "Faces of boxes of dry groceries.", 0.75, False, GOODS,
         ("NET WT 500 g", "NET WT 12 OZ", "250 g", "375 g")),
    Form("label_carton", "Faces of milk and juice cartons.", 0.55, False, GOODS,
         ("1 L", "1 QUART", "500 ml", "32 FL OZ")),
    Form("label_book", "Covers of paperback books.", 0.68, False, COVERS, ("",)),
    Form("label_parcel", "Print on shipping boxes.", 1.5, False, PARCELS, ("",)),
)  # fmt: skip

LABELLED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "can": ("label_can", "label_tin"),
        "tin": ("label_tin",),
        "bottle": ("label_bottle",),
        "jar": ("label_jar",),
        "carton": ("label_box", "label_carton"),
        "package": ("label_box",),
        "box": ("label_parcel", "label_box"),
        "bin": ("label_parcel",),
        "crate": ("label_parcel",),
        "book": ("label_book",),
        "paperback": ("label_book",),
        "notebook": ("label_book",),
    }
)
"""Label families by the last word of an object's category, the usual one first."""


@lru_cache(maxsize=4096)
def design(form: str, index: int) -> Design:
    """What a label advertises, known without drawing it."""
    rng = np.random.Generator(np.random.PCG64(name_key(f"label/{form}/{index:03d}")))
    words = tuple(COLOURS)
    layouts = next(f.layouts for f in FORMS if f.name == form)
    products = PRODUCTS[form]
    return Design(
        product=products[int(rng.integers(len(products)))],
        brand=author(rng) if form == "label_book" else brand(rng),
        colour=words[(index // _PER_COLOUR) % len(words)],
        layout=layouts[int(rng.integers(len(layouts)))],
    )


def label_for(
    category: str, colour: str, rng: np.random.Generator, split: str | None = None
) -> str:
    """Chooses a label that suits an object.

    The last word of the category says what the package is. Where another word is in the name of
    goods that come in such a package ("milk carton", "soup can"), those goods are chosen.

    Args:
        category: Category or other noun of the object (``"can"``, ``"milk carton"``).
        colour: Colour word of the object, which the label takes up.
        rng: Chooses among the labels that suit.
        split: ``"seen"``, ``"unseen"``, or None for both.

    Returns:
        Name of a label texture.

    Raises:
        UnknownNameError: Objects of the category carry no label, the colour is not a colour word,
            or there is no such split.
    """
    *others, noun = category.lower().replace("_", " ").split() or [""]
    if noun not in LABELLED:
        raise UnknownNameError.of("labelled category", category, LABELLED)
    if colour not in COLOURS:
        raise UnknownNameError.of("colour", colour, COLOURS)
    if split not in (None, "seen", "unseen"):
        raise UnknownNameError.of("texture split", str(split), ("seen", "unseen"))
    named = {word.upper() for word in others}
    forms = LABELLED[noun]
    wanted = {
        (form, product)
        for form in forms
        for product in PRODUCTS[form]
        if named & set(product.name.split())
    } or {(forms[0], product) for product in PRODUCTS[forms[0]]}
    suiting = [
        (form, index)
        for form in sorted({form for form, _ in wanted})
        for index in range(LABELS_PER_FORM)
        if (form, design(form, index).product) in wanted
        and split in (None, split_of(f"texture/{form}", index))
    ]
    alike = [label for label in suiting if design(*label).colour == colour] or suiting
    form, index = alike[int(rng.integers(len(alike)))]
    return f"{form}/{index:03d}"


def _body(s: Swatch, word: str) -> Colour:
    """A printed colour that everyone calls by the word."""
    shade = np.array(COLOURS[word][:3], np.float32) + np.float32(s.uniform(-0.05, 0.05))
    return single(np.clip(shade, 0.0, 0.97))


def _back(form: Form, s: Swatch, board: Board, k: Inks) -> None:
    """Nutrition facts on one side of the seam; print and barcode on the other."""
    a = form.aspect
    paper, dark = (k.pale, k.dark)
    board.facts((0.845 * a, 0.22, 0.965 * a, 0.86), s.rng, paper, dark)
    board.small_print((0.035 * a, 0.16, 0.155 * a, 0.46), s.rng, k.on_body)
    board.barcode((0.035 * a, 0.54, 0.155 * a, 0.84), s.rng, paper, dark)


def _draw(form: Form, s: Swatch) -> Draft:
    """A label of a form."""
    chosen = design(form.name, s.index)
    k = inks(s, _body(s, chosen.colour))
    board = Board(form.aspect, s.size, k.body)
    margin = (0.22 if form.around else 0.08) * form.aspect
    if form.around and form.aspect > 3.0:
        margin = 0.26 * form.aspect
    front = Front(board, (margin, 0.0, form.aspect - margin, 1.0), chosen.product, chosen.brand, k)
    chosen.layout(front)
    if form.around:
        _back(form, s, board, k)
        for y in (0.0, 0.965):
            board.box((0.0, y, form.aspect, y + 0.035), k.accent)
    right = front.box[2]
    if form.layouts is GOODS:
        board.text(
            (right - 0.35 * front.width, 0.905, right, 0.96),
            s.pick(form.amount),
            k.on_body if chosen.layout.__name__ != "wave" else k.on_accent,
            weight=0.02,
            across=1.0,
        )
        if form.around and s.chance(0.45):
            x, y, half = 0.5 * (right + 0.845 * form.aspect), 0.13, 0.056
            board.star(x, y, 0.09, 12, 0.8, k.accent)
            board.text((x - half, y - half, x + half, y + half), s.pick(BADGES), k.on_accent)
    if form.layouts is PARCELS:
        board.barcode((right - 0.32, 0.82, right, 0.96), s.rng, k.pale, k.dark)
    image = lit(board.image(), 1.0 + 0.012 * s.noise(6, 6, 5, 0.8))
    return Draft(image, 0.0, s.uniform(0.1, 0.35) + (0.3 if form.name == "label_can" else 0.0))
