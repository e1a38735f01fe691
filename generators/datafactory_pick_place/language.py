"""Instructions: noun phrases of objects, referring expressions, filled templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from datafactory.case import REFERS
from datafactory.episode import CheckResult
from datafactory.language.book import Split, Wording, instructions
from datafactory.language.nouns import noun
from datafactory.language.referring import Expression, expressions
from datafactory.scene import WorldState
from datafactory_assets.asset import RigidAsset
from datafactory_pick_place.casting import Play


def noun_phrase(asset: RigidAsset) -> str:
    """How an instruction names an object: ``the red mug``, but not ``the orange orange``."""
    return f"the {noun(asset)}"


@dataclass(frozen=True)
class Phrasing:
    """The instruction of one episode.

    Attributes:
        instruction: The chosen phrasing.
        paraphrases: All other phrasings of the same split.
        split: ``train`` or ``held_out``.
        wording: How the objects are called.
    """

    instruction: str
    paraphrases: tuple[str, ...]
    split: str
    wording: Wording


def refer(
    play: Play, state: WorldState, rng: np.random.Generator
) -> tuple[dict[str, str], tuple[CheckResult, ...]]:
    """A phrase for every role that asks for one, and whether there was one that fits it alone.

    The kinds a role asks for are tried first, the others after them; among the kinds that have an
    expression one is drawn, then an expression of it.
    """
    phrases, checks = {}, []
    for role, kinds in play.case.refer.items():
        found = expressions(role, state, avoid=play.goal.names())
        chosen = _choose(found, kinds, rng) or _choose(found, REFERS, rng)
        if chosen is not None:
            phrases[role] = chosen.text
        fits = chosen is not None
        checks.append(CheckResult("settle", f"refers_to:{role}", fits, float(fits), 1.0, "1"))
    return phrases, tuple(checks)


def _choose(
    found: tuple[Expression, ...], kinds: tuple[str, ...], rng: np.random.Generator
) -> Expression | None:
    able = [kind for kind in kinds if any(e.kind == kind for e in found)]
    if not able:
        return None
    kind = able[int(rng.integers(len(able)))]
    options = [e for e in found if e.kind == kind]
    return options[int(rng.integers(len(options)))]


def phrase(
    play: Play, assets: Mapping[str, RigidAsset], rng: np.random.Generator,
    phrases: Mapping[str, str] | None = None,
) -> Phrasing:  # fmt: skip
    """Chooses a split and a template, and fills in the objects.

    Held-out templates never appear, not even as paraphrases, in training episodes.

    Args:
        play: The case.
        assets: All objects by name.
        rng: Source of randomness.
        phrases: Referring expressions by role.
    """
    case = play.case
    words = {n: noun_phrase(assets[n]) for n in play.names if _alone(n, play)}
    wording = Wording(assets, {**words, **(phrases or {})})
    own = case.instructions
    share = own.held_out_share if own else case.held_out_share
    held_out = bool(rng.random() < share) and (own is None or bool(own.held_out))
    split: Split = "held_out" if held_out else "train"
    if own is None:
        filled = instructions(play.said, wording, split, rng)
    else:
        filled = tuple(
            template.format(**{n: wording.of(play.cast.of(n)) for n in (*case.objects, *case.sets)})
            for template in (own.held_out if held_out else own.train)
        )
    chosen = int(rng.integers(len(filled)))
    others = tuple(text for k, text in enumerate(filled) if k != chosen)
    return Phrasing(filled[chosen], others, split, wording)


def _alone(name: str, play: Play) -> bool:
    """Whether no other object that takes part has the same noun phrase."""
    assets = play.cast.assets
    alike = sum(noun(asset) == noun(assets[name]) for asset in assets.values())
    return name in play.case.objects or alike == 1
