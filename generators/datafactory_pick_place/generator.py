"""The plugin: tasks, specs and makers of scene-graph pick and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from datafactory.binding import ManipulationSpec, bind
from datafactory.plugin import Maker, Spec, TaskInfo
from datafactory.spec import TaskSpec

if TYPE_CHECKING:
    import gymnasium
    import pyarrow as pa

    from datafactory.task_suite import TaskSuite

NAME = "pick_place"
VERSION = "1"
REASONS = {
    "no_place": "no free place satisfies the goal relation",
    "ambiguous_reference": "no phrase fits an object of the instruction and no other",
    "missed_interception": "the tool did not meet the moving object",
    "out_of_reach": "the moving object left the robot's reach before it could be met",
    "overlap": "bodies penetrated each other by more than the limit",
}
STAGES = ("layout", "settle", "grasp", "plan", "execute", "goal", "hold")


@lru_cache(maxsize=1)
def _shipped() -> tuple[TaskInfo, ...]:
    import yaml

    folder = resources.files("datafactory_pick_place") / "tasks"
    found = []
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".yaml"):
            data = yaml.safe_load(entry.read_text(encoding="utf-8"))
            found.append(TaskInfo(data["name"], data.get("description", ""), data))
    return tuple(found)


class PickPlace:
    """Scene-graph pick and place with one arm, or several that hand over and carry together."""

    name = NAME
    version = VERSION
    stages = STAGES
    reasons: Mapping[str, str] = REASONS

    def tasks(self) -> tuple[TaskInfo, ...]:
        """Shipped tasks, by file name."""
        return _shipped()

    def suites(self) -> tuple[TaskSuite, ...]:
        """``pick_place_200``."""
        from datafactory_pick_place.suite.drawing import pick_place_200

        return (pick_place_200(),)

    def spec(
        self, data: Mapping[str, Any], *, robot: str | None = None, where: str = ""
    ) -> ManipulationSpec:
        """Validates task data; also refuses goals and layouts that contradict themselves."""
        from datafactory.scene_graph.contradictions import require_consistent
        from datafactory.scene_graph.graph import Goal
        from datafactory_pick_place.openings import require_openings

        bound = bind(data, generator=NAME, version=VERSION, robot=robot, where=where)
        for k, case in enumerate(bound.task_spec.cases):
            place = f"{where or bound.task}:cases.{k}"
            require_openings(case, bound.task_spec.sources, place)
            require_consistent(case.initial, f"{place}.initial")
            for stage in case.goal.stages if isinstance(case.goal, Goal) else ():
                for alternative in stage:
                    require_consistent(alternative, f"{place}.goal")
        return bound

    def schema(self) -> dict[str, Any]:
        """JSON Schema of a task file."""
        return TaskSpec.model_json_schema()

    def extra_columns(self) -> Sequence[pa.Field]:
        """Sub-task labels, the goal form a goal came from, and what disturbed the episode."""
        from datafactory.instructions import event_field
        from datafactory.subtasks import subtask_fields

        return (*subtask_fields(), event_field())

    def open(self, spec: Spec, run_seed: int) -> Maker:
        """Returns a per-process maker."""
        from datafactory_pick_place.maker import PickPlaceMaker

        assert isinstance(spec, ManipulationSpec)
        return PickPlaceMaker(spec, run_seed)

    def world(self, spec: Spec, seed: int) -> gymnasium.Env[Any, Any]:
        """The same task as a Gymnasium environment."""
        from datafactory_pick_place.world import PickPlaceWorld

        assert isinstance(spec, ManipulationSpec)
        return PickPlaceWorld(spec, seed)
