"""Instructions: noun phrases of objects and filled templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from datafactory.spec import Instructions
from datafactory_assets.asset import RigidAsset


def noun_phrase(asset: RigidAsset) -> str:
    """How an instruction names an object: ``the red mug``, but not ``the orange orange``."""
    if asset.colour == asset.category:
        return f"the {asset.category}"
    return f"the {asset.colour} {asset.category}"


@dataclass(frozen=True)
class Phrasing:
    """The instruction of one episode.

    Attributes:
        instruction: The chosen phrasing.
        paraphrases: All other phrasings of the same split.
        split: ``train`` or ``held_out``.
    """

    instruction: str
    paraphrases: tuple[str, ...]
    split: str


def phrase(
    instructions: Instructions, assets: Mapping[str, RigidAsset], rng: np.random.Generator
) -> Phrasing:
    """Chooses a split and a template, and fills in the objects.

    Held-out templates never appear, not even as paraphrases, in training episodes.
    """
    held_out = bool(rng.random() < instructions.held_out_share) and bool(instructions.held_out)
    templates = instructions.held_out if held_out else instructions.train
    words = {name: noun_phrase(asset) for name, asset in assets.items()}
    filled = [template.format(**words) for template in templates]
    chosen = int(rng.integers(len(filled)))
    others = tuple(text for k, text in enumerate(filled) if k != chosen)
    return Phrasing(filled[chosen], others, "held_out" if held_out else "train")
