"""Referring expressions fit one object, with a margin, or are not used."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.language.referring import ORDER_GAP_M, expressions
from datafactory.scene import WorldState
from tests.physics_fixture import BASE, asset, settle, standing

CANS = [asset("can", k) for k in range(80)]
RED = [can for can in CANS if can.colour == "red"][:3]


def scene(**places: tuple[str, int, float, float]) -> WorldState:
    assets = {n: asset(family, seed) for n, (family, seed, _, _) in places.items()}
    poses = {n: standing(assets[n], x, y, 0.0) for n, (_, _, x, y) in places.items()}
    return settle(poses, assets, 0.05)


def texts(name: str, state: WorldState, kind: str = "") -> set[str]:
    return {e.text for e in expressions(name, state) if kind in ("", e.kind)}


def row(*ys: float) -> WorldState:
    return scene(**{f"c{k}": ("can", RED[k].seed, 0.5, y) for k, y in enumerate(ys)})


def test_order_from_the_robots_left() -> None:
    state = row(0.2, 0.0, -0.2)
    assert "the leftmost can" in texts("c0", state)
    assert "the second red can from the left" in texts("c1", state)
    assert "the middle can" in texts("c1", state)
    assert "the third can from the left" in texts("c2", state)
    assert "the rightmost red can" in texts("c2", state)
    assert not texts("c0", state, "attribute")


def test_too_close_to_tell() -> None:
    near, far = (
        BASE.apply(np.array([[x, y, 0.0]]))[0] for x, y in ((0.45, 0.5 * ORDER_GAP_M), (0.6, 0.0))
    )
    state = scene(
        c0=("can", RED[0].seed, float(near[0]), float(near[1])),
        c1=("can", RED[1].seed, float(far[0]), float(far[1])),
    )
    assert "the leftmost can" not in texts("c0", state)
    assert "the nearest can" in texts("c0", state)


def test_relations_to_a_landmark() -> None:
    state = scene(
        c0=("can", RED[0].seed, 0.5, 0.12), c1=("can", RED[1].seed, 0.5, -0.15),
        bowl=("bowl", 1, 0.5, 0.0),
    )  # fmt: skip
    bowl = f"{state.assets['bowl'].colour} bowl"
    assert f"the can to the left of the {bowl}" in texts("c0", state, "relation")
    assert f"the red can to the right of the {bowl}" in texts("c1", state, "relation")
    assert not any("left of" in t for t in texts("c1", state, "relation"))


def test_sizes_and_colours() -> None:
    blocks = sorted((asset("block", k) for k in range(40)), key=lambda b: b.extents[0] ** 3)
    small, large = blocks[0], blocks[-1]
    state = scene(s=("block", small.seed, 0.5, 0.1), l=("block", large.seed, 0.5, -0.1))
    assert "the smaller block" in texts("s", state, "size")
    assert "the larger block" in texts("l", state, "size")


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(["can", "block", "bowl"]), st.integers(0, 9)),
                min_size=2, max_size=5), st.integers(0, 3))  # fmt: skip
def test_no_phrase_fits_two_objects(things: list[tuple[str, int]], shift: int) -> None:
    spots = [(0.42, 0.3), (0.42, -0.1), (0.6, 0.1), (0.6, -0.35), (0.75, 0.28)]
    places = {
        f"o{k}": (family, seed, *spots[(k + shift) % 5])
        for k, (family, seed) in enumerate(things)
    }  # fmt: skip
    state = scene(**places)
    seen: dict[str, str] = {}
    for name in places:
        for text in texts(name, state):
            assert seen.setdefault(text, name) == name, text
