"""Which objects that call themselves graspable survive being lifted.

``python -m benchmarks.lifts [--seeds N] [--only NAME ...]`` closes a gripper on N instances of each
graspable family, lifts them 10 cm, holds them for a second and shakes them gently. It prints, per
family, how many held and how many held with the best candidate; it fails if a family never does.
"""

from __future__ import annotations

import argparse
import sys

from datafactory.testing.grasping import try_lifts
from datafactory_assets import Tier0, Tier1


def main() -> int:
    """Prints the table; 1 when a family never held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--only", nargs="*", default=())
    given = parser.parse_args()
    never = []
    total = 0
    families = [
        (source, info)
        for source in (Tier0(), Tier1())
        for info in source.families()
        if info.graspable and (not given.only or info.name in given.only)
    ]
    print(f"{'family':20} {'held':>6} {'first':>6} of {given.seeds}   without a candidate")
    for source, info in families:
        lifts = [try_lifts(source.make(info.name, seed)) for seed in range(given.seeds)]
        held = [lift for lift in lifts if lift.held]
        first = sum(lift.tried == 1 for lift in held)
        none = sum(lift.candidates == 0 for lift in lifts)
        total += len(held)
        if not held:
            never.append(info.name)
        print(f"{info.name:20} {len(held):6} {first:6}{none or '':>24}", flush=True)
    count = given.seeds * len(families)
    print(f"{len(families)} families: {total} of {count} instances held")
    if never:
        print("never held: " + ", ".join(never))
    return 1 if never else 0


if __name__ == "__main__":
    sys.exit(main())
