"""Patterns printed on things: a word among an asset's attributes that its picture keeps to.

The word is drawn from a stream of its own, so a family that gains patterns keeps its geometry.
"""

from __future__ import annotations

import hashlib

import numpy as np

PLAIN = "plain"
PATTERNS = ("striped", "dotted", "checked", "banded", "speckled")
PLAIN_SHARE = 0.5
PRINTABLE = ("cardboard", "ceramic", "paper", "plastic", "wood")
"""Materials that carry patterns; what is made of others is plain."""


def draw_pattern(family: str, seed: int, material: str) -> str:
    """The pattern word of an instance: plain half of the time, else one of ``PATTERNS``.

    Args:
        family: Family name.
        seed: Instance seed.
        material: Material it is made of.
    """
    name = hashlib.blake2b(f"{family}/pattern".encode(), digest_size=8).digest()
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(int.from_bytes(name, "little"),))
    plain, which = np.random.Generator(np.random.PCG64(sequence)).random(2).tolist()
    if material not in PRINTABLE or plain < PLAIN_SHARE:
        return PLAIN
    return PATTERNS[int(which * len(PATTERNS))]


def pattern_of(attributes: tuple[str, ...]) -> str:
    """The pattern word among attribute words; empty when it does not say."""
    return next((word for word in attributes if word in (PLAIN, *PATTERNS)), "")
