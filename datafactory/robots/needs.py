"""Which asset packs a robot is made from, known without making it; and robots for listings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from datafactory import plugin
from datafactory.errors import DataFactoryError, PluginError
from datafactory.robots import load_robot
from datafactory.robots.model import RobotModel
from datafactory_assets.packs import pack_status

Factory = Callable[[], RobotModel]


def needs(*packs: str) -> Callable[[Factory], Factory]:
    """Notes the packs a robot's factory fetches, so that a listing need not fetch them."""

    def mark(factory: Factory) -> Factory:
        factory.__dict__["packs"] = packs
        return factory

    return mark


@dataclass(frozen=True)
class RobotEntry:
    """A registered robot for listings.

    Attributes:
        name: Registered name.
        packs: Packs it needs.
        missing: Those of them that are not in the store; the rest is known only without any.
        capabilities: Subset of ``arm``, ``gripper``, ``base``.
        arms: Number of arms.
        dof: Joints of all arms, the grippers' not counted.
        gripper_m: Largest width of a gripper, metres; 0 without one.
        workspace_m: Nearest and farthest distance from the base, metres.
        problem: Why it cannot be made; empty when it can, or when packs are missing.
    """

    name: str
    packs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    arms: int = 0
    dof: int = 0
    gripper_m: float = 0.0
    workspace_m: tuple[float, float] = (0.0, 0.0)
    problem: str = ""


def robots() -> list[RobotEntry]:
    """All registered robots; fetches nothing, and reports a broken one instead of raising."""
    return [_entry(name) for name in sorted(plugin.registered("robot"))]


def _entry(name: str) -> RobotEntry:
    try:
        packs: tuple[str, ...] = getattr(plugin.load("robot", name), "packs", ())
        missing = tuple(pack for pack in packs if pack_status(pack) == "missing")
        if missing:
            return RobotEntry(name, packs, missing)
        robot = load_robot(name)
    except PluginError as error:
        return RobotEntry(name, problem=error.why or error.what)
    except DataFactoryError as error:
        return RobotEntry(name, packs, problem=error.what)
    return RobotEntry(
        name, packs, (), robot.capabilities, len(robot.arms), robot.dof,
        max((arm.gripper_max_width_m for arm in robot.arms), default=0.0),
        robot.workspace_radius_m,
    )  # fmt: skip
