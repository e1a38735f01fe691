"""What a robot makes of a task: layouts moved into its workspace, places it reaches, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory.binding import ManipulationSpec
from datafactory.errors import SpecError
from datafactory.plugin import load_generator
from datafactory.robots import load_robot
from datafactory.robots.model import RobotModel
from datafactory_assets.families import Tier0
from datafactory_pick_place.ability import require_able, within_reach
from datafactory_pick_place.sampling import draw_scene
from datafactory_pick_place.streams import AttemptStreams


def spec_of(name: str = "pick_place", **keys: Any) -> ManipulationSpec:
    generator = load_generator("pick_place")
    data = {t.name: t.spec for t in generator.tasks()}[name]
    spec = generator.spec({**data, **keys}, robot="primitive_arm")
    assert isinstance(spec, ManipulationSpec)
    return spec


SPEC = spec_of()


def robot_with(**values: Any) -> RobotModel:
    return replace(load_robot("primitive_arm"), **values)


def narrow(width_m: float) -> RobotModel:
    robot = load_robot("primitive_arm")
    (arm,) = robot.arms
    return replace(robot, arms=(replace(arm, gripper_max_width_m=width_m),))


@given(
    st.tuples(st.floats(0.1, 1.0), st.floats(0.0, 0.6)),
    st.tuples(st.floats(0.1, 0.5), st.floats(0.1, 0.5)),
)
def test_rings_end_up_in_the_workspace(
    ring: tuple[float, float], workspace: tuple[float, float]
) -> None:
    asked = (ring[0], ring[0] + ring[1])
    near, far = workspace[0], workspace[0] + workspace[1]
    task = SPEC.task_spec
    layout = task.layout.model_copy(update={"radius_m": asked})
    spec = replace(SPEC, task_spec=task.model_copy(update={"layout": layout}))
    robot = robot_with(workspace_radius_m=(near, far))
    low, high = within_reach(spec, robot).task_spec.layout.radius_m
    assert near - 1e-9 <= low <= high <= far + 1e-9
    assert high - low == pytest.approx(min(asked[1] - asked[0], far - near))
    if near <= asked[0] and asked[1] <= far:
        assert (low, high) == asked


def test_a_small_arm_gets_its_scene_closer_by() -> None:
    spec = spec_of("put_near")
    robot = robot_with(workspace_radius_m=(0.22, 0.46), mount_height_m=0.1)
    for index in range(5):
        draw = draw_scene(spec, robot, AttemptStreams(spec, 0, index), (Tier0(),))
        if draw.scene is None:
            continue
        base = draw.scene.world_from_base.position
        assert base[2] == pytest.approx(0.85)
        for item in draw.scene.objects:
            away = np.linalg.norm(item.world_from_object.position[:2] - base[:2])
            assert 0.2 < away < (0.68 if item.name.startswith("distractor") else 0.48)


def test_robots_that_cannot_are_refused() -> None:
    spec = SPEC
    require_able(spec, load_robot("primitive_arm"), (Tier0(),))
    require_able(spec, narrow(0.075), (Tier0(),))
    with pytest.raises(SpecError, match="opens 20 mm"):
        require_able(spec, narrow(0.02), (Tier0(),))
    with pytest.raises(SpecError, match="no gripper"):
        require_able(spec, robot_with(capabilities=("base",)), (Tier0(),))
