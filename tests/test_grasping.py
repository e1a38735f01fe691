"""Lifts: what calls itself graspable can be lifted, and the check tells when it cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from datafactory.testing.grasping import LIFT_M, try_lifts
from datafactory_assets.families import SeededSource, Tier0, Tier1
from datafactory_assets.source import FamilyInfo

GRASPABLE = [
    (source, info) for source in (Tier0(), Tier1()) for info in source.families() if info.graspable
]


def test_every_graspable_family_is_lifted() -> None:
    failed = {
        info.name: lift
        for source, info in GRASPABLE
        if not (lift := try_lifts(source.make(info.name, 0))).held
    }
    assert not failed


@pytest.mark.slow
@pytest.mark.parametrize(("source", "info"), GRASPABLE, ids=lambda v: getattr(v, "name", ""))
def test_most_instances_are_lifted(source: SeededSource, info: FamilyInfo) -> None:
    lifts = [try_lifts(source.make(info.name, seed)) for seed in range(1, 13)]
    assert sum(lift.held for lift in lifts) >= 9


def test_a_lift_is_what_it_says() -> None:
    can = Tier0().make("can", 0)
    lift = try_lifts(can)
    assert lift == try_lifts(can)
    assert lift.held
    assert lift.rise_m == pytest.approx(LIFT_M, abs=0.02)
    assert lift.turned_rad < 0.3


def test_what_is_too_heavy_or_wide_is_not_held() -> None:
    can = Tier0().make("can", 0)
    heavy = replace(can, mass=30.0 * can.mass, content_hash="0" * 64)
    assert not try_lifts(heavy, tries=2).held
    assert not try_lifts(Tier0().make("plate", 0)).held
