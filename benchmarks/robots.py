"""Draws every robot at work: ``python -m benchmarks.robots DATASET [DATASET ...] OUT.jpg``.

Each dataset is one robot's; its first episode is shown from the front and from the wrist.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.gallery import pictures, save
from datafactory.picture.film import contact_sheet
from datafactory.store.dataset import open_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    rows = []
    for dataset in given.datasets:
        episode = open_dataset(dataset).episode(0)
        images = pictures(dataset, 0, "default")
        rows.append((f"{episode.robot}: {episode.instruction}", images[:4]))
    save(given.out, contact_sheet(rows, "robots"))


if __name__ == "__main__":
    main()
