"""Robots: conformance, collision geometry and the registry."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import numpy as np
import pytest
from datafactory_assets.errors import PackMissingError
from scipy.spatial import ConvexHull

from datafactory import plugin
from datafactory.errors import PluginError, UnknownNameError
from datafactory.robots import load_robot
from datafactory.robots.hulls import encode_obj, hull_faces, reduce_hull
from datafactory.robots.model import RobotModel
from datafactory.robots.panda import franka_panda
from datafactory.robots.primitive_arm import primitive_arm
from datafactory.seeding import generator
from datafactory.testing.robots import RobotBench, check_robot

FACTORIES = {"primitive_arm": primitive_arm, "franka_panda": franka_panda}


@pytest.fixture(params=sorted(FACTORIES), scope="module")
def robot(request: pytest.FixtureRequest) -> RobotModel:
    try:
        return FACTORIES[request.param]()
    except PackMissingError as error:
        pytest.skip(str(error))


def test_conformance(robot: RobotModel) -> None:
    report = check_robot(robot, FACTORIES[robot.name])
    assert report.steady_error_rad < 1e-6
    assert report.lag_s < 0.06
    assert 0.25 < report.close_s < 0.45
    assert report.slip_m < 1e-3
