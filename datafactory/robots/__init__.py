"""Robots: a model, its actuators, its gripper and its numbers, under one registered name."""

from __future__ import annotations

import functools

from datafactory import plugin
from datafactory.errors import DataFactoryError, PluginError
from datafactory.robots.model import RobotModel

__all__ = ["RobotModel", "load_robot"]


@functools.cache
def load_robot(name: str) -> RobotModel:
    """Returns a robot by its registered name; made once per process.

    Raises:
        UnknownNameError: No such robot is installed.
        PluginError: It is installed but cannot be made.
        PackMissingError: Its asset pack is not in the store and cannot be fetched.
    """
    factory = plugin.load("robot", name)
    where = plugin.registered("robot")[name].value
    try:
        robot = factory()
    except DataFactoryError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise PluginError(f"robot '{name}' cannot be made", where=where, why=why) from error
    if not isinstance(robot, RobotModel):
        why = f"it returned {type(robot).__name__}, not RobotModel"
        raise PluginError(f"robot '{name}' is not a robot", where=where, why=why)
    return robot
