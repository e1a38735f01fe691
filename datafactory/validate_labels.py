"""The ``labels`` stage of ``validate``: do goal and final poses follow from the end state?"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping

import numpy as np

from datafactory.episode import ObjectRecord, Replay
from datafactory.errors import DataFactoryError
from datafactory.plugin import load
from datafactory.scene import WorldState
from datafactory.scene_graph.goal import check_goal
from datafactory.scene_graph.graph import Goal
from datafactory.store.dataset import Dataset
from datafactory.store.stored import StoredEpisode
from datafactory.validate_stages import Case, Examiner, Stage
from datafactory_assets.asset import RigidAsset

POSE_TOLERANCE = 1e-4
"""How far a stored final pose may be from the end state, m and quaternion components."""


class Remaker:
    """Makes a dataset's assets again and checks that they are the ones that were stored.

    Calling it with an object gives its asset.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._rows: dict[str, str] | None = None
        self._made: dict[str, RigidAsset] = {}

    def __call__(self, item: ObjectRecord) -> RigidAsset:
        """Makes the asset of an object.

        Raises:
            DataFactoryError: Its source is gone, or makes another one now.
        """
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


def derived_end(
    episode: StoredEpisode, replay: Replay, meshes: Mapping[str, bytes], remaker: Remaker
) -> WorldState:
    """The world state at the end of an episode, measured anew.

    Args:
        episode: Stored episode.
        replay: Its model and states, or the same with other states.
        meshes: Mesh files by name.
        remaker: Makes the assets.

    Raises:
        DataFactoryError: The model is broken, lacks a part, or an asset is another one now.
    """
    from datafactory.sim.rederive import end_state

    try:
        return end_state(replay, episode.objects, episode.world_from_base, meshes, remaker)
    except (KeyError, ValueError) as error:
        text = str(error).strip().splitlines()
        raise DataFactoryError(
            f"the stored model cannot be measured: {text[0] if text else type(error).__name__}"
        ) from error


def _labels(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    meshes: dict[str, bytes] = {}
    remaker = Remaker(dataset)
    return Examiner(lambda case: _follow(case, meshes, remaker))


def goal_holds(episode: StoredEpisode, state: WorldState) -> bool:
    """Whether the last stage of an episode's goal is true of a state.

    Raises:
        DataFactoryError: It does not fit the state.
    """
    try:
        goal = Goal.from_json(episode.goal)
        return check_goal(goal, state, stage=len(goal.stages) - 1).holds
    except (KeyError, ValueError) as error:
        raise DataFactoryError(f"the goal does not fit the end state: {error}") from error


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference of two poses' components; a quaternion and its negative are the same."""
    place = np.abs(a[:3] - b[:3]).max()
    turn = min(np.abs(a[3:] - b[3:]).max(), np.abs(a[3:] + b[3:]).max())
    return float(np.maximum(place, turn))


def _follow(case: Case, meshes: dict[str, bytes], remaker: Remaker) -> Iterator[str]:
    from datafactory.verify import mesh_files

    episode = case.episode
    if episode.replay is None or not episode.goal:
        return
    try:
        files = mesh_files(case.dataset, episode.replay, meshes)
        state = derived_end(episode, episode.replay, files, remaker)
        holds = goal_holds(episode, state)
    except DataFactoryError as error:
        yield f"the goal cannot be re-derived: {error.what}"
        return
    if not holds:
        yield f"the goal {Goal.from_json(episode.goal)} is not true of the stored end state"
    for item in episode.objects:
        off = _apart(np.array(item.final_pose), state.poses[item.name].vector())
        if not off <= POSE_TOLERANCE:
            yield f"{item.name} ends {off:.2g} away from its stored final pose"
    if any("robot" in (c.a, c.b) for c in state.contacts):
        yield "the robot touches something at the end"


LABELS = Stage("labels", "goal and final poses follow from the end state", _labels, costly=True)
