"""The ``labels`` stage of ``validate``: is the stored goal true of the stored end state?"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

from datafactory.episode import ObjectRecord
from datafactory.errors import DataFactoryError
from datafactory.plugin import load
from datafactory.scene_graph.goal import check_goal
from datafactory.scene_graph.graph import Goal
from datafactory.store.dataset import Dataset
from datafactory.validate_stages import Case, Examiner, Stage
from datafactory_assets.asset import RigidAsset


class _Remaker:
    """Makes a dataset's assets again and checks that they are the ones that were stored."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._rows: dict[str, str] | None = None
        self._made: dict[str, RigidAsset] = {}

    def __call__(self, item: ObjectRecord) -> RigidAsset:
        found = self._made.get(item.asset_id)
        if found is None:
            found = self._made[item.asset_id] = self._make(item)
        return found

    def _make(self, item: ObjectRecord) -> RigidAsset:
        if self._rows is None:
            table = self._dataset.assets(columns=["asset_id", "params_json"])
            self._rows = {r["asset_id"]: r["params_json"] for r in table.to_pylist()}
        if item.asset_id not in self._rows:
            raise DataFactoryError(f"asset {item.uid} is not in the dataset")
        origin = json.loads(self._rows[item.asset_id])
        source = load("asset source", origin["source"])()
        asset: RigidAsset = source.make(origin["family"], origin["seed"])
        if asset.content_hash != item.asset_id:
            raise DataFactoryError(
                f"source {origin['source']} now makes another {item.uid}",
                why="its programs changed since the dataset was made",
            )
        return asset


def _labels(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    meshes: dict[str, bytes] = {}
    remaker = _Remaker(dataset)
    return Examiner(lambda case: _goal_holds(case, meshes, remaker))


def _goal_holds(case: Case, meshes: dict[str, bytes], remaker: _Remaker) -> Iterator[str]:
    from datafactory.sim.rederive import end_state
    from datafactory.verify import mesh_files

    episode = case.episode
    if episode.replay is None or not episode.goal:
        return
    try:
        state = end_state(
            episode.replay,
            episode.objects,
            episode.world_from_base,
            mesh_files(case.dataset, episode.replay, meshes),
            remaker,
        )
    except DataFactoryError as error:
        yield f"the goal cannot be re-derived: {error.what}"
        return
    goal = Goal.from_json(episode.goal)
    check = check_goal(goal, state, stage=len(goal.stages) - 1)
    if not check.holds:
        yield f"the goal {goal} is not true of the stored end state"
    if any("robot" in (c.a, c.b) for c in state.contacts):
        yield "the robot touches something at the end"


LABELS = Stage("labels", "the goal is true of the stored end state", _labels, costly=True)
