"""The two worlds relations are measured in: a physical state and a plan.

Both answer the same questions (where things are, what carries what), so one definition of a
relation serves the verifier and the layout solver. A plan supposes that the support it chose
carries the whole weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from datafactory.errors import UnknownNameError
from datafactory.geometry import Array, Pose, quat_to_matrix
from datafactory.scene import Contact, Table, WorldState
from datafactory.scene_graph.body import Body
from datafactory.scene_graph.graph import START, TABLE, is_place

ROBOT = "robot"
STEEP_VIEW = 0.1
CARRYING_SLOPE = 0.2


@dataclass(frozen=True)
class Load:
    """What one entity does to another through contact.

    Attributes:
        up: Upward component of the normal forces, newtons.
        force: Sum of the normal forces, newtons.
        lowest: World height of the lowest contact point whose normal rises (n_z > 0.2), metres;
            ``inf`` when there is none.
    """

    up: float
    force: float
    lowest: float


class World(Protocol):
    """What a relation's definition may ask."""

    planned: bool

    @property
    def table(self) -> Table:
        """The table top."""
        ...

    def body(self, name: str) -> Body:
        """A placed object."""
        ...

    def loads(self, name: str) -> Mapping[str, Load]:
        """What every other entity does to this object, by entity name."""
        ...

    def forward(self, frame: str) -> Array:
        """(2,) horizontal viewing direction of a frame."""
        ...


def viewing_direction(frame: str, world_from_base: Pose, world_from_camera: Pose) -> Array:
    """Horizontal unit vector (2,) from the viewer of a frame into the scene.

    ``world``: +x. ``robot``: the base's +x. ``camera``: the optical axis, or the image's upward
    direction when the camera looks within 6 degrees of straight down or up.
    """
    if frame == "world":
        return np.array([1.0, 0.0])
    if frame == "robot":
        flat = quat_to_matrix(world_from_base.quat)[:2, 0]
    else:
        rotation = quat_to_matrix(world_from_camera.quat)
        flat = rotation[:2, 2]
        if float(np.linalg.norm(flat)) < STEEP_VIEW:
            flat = -rotation[:2, 1]
    direction: Array = flat / np.linalg.norm(flat)
    return direction


class MeasuredWorld:
    """A ``WorldState`` with footprints and contact sums computed when asked for."""

    planned = False

    def __init__(self, state: WorldState) -> None:
        self.state = state
        self._bodies: dict[str, Body] = {}
        self._forward: dict[str, Array] = {}
        self._loads = sum_loads(state.contacts)

    @property
    def table(self) -> Table:
        """The table top."""
        return self.state.table

    def body(self, name: str) -> Body:
        """A placed object; raises ``UnknownNameError`` for names that are not in the state."""
        made = self._bodies.get(name)
        if made is None:
            if is_place(name):
                made = self._bodies[name] = place_body(name, self.state)
                return made
            if name not in self.state.poses or name not in self.state.assets:
                raise UnknownNameError.of("object", name, self.state.poses)
            made = Body.at(name, self.state.assets[name], self.state.poses[name])
            self._bodies[name] = made
        return made

    def loads(self, name: str) -> Mapping[str, Load]:
        """What every other entity does to this object."""
        return self._loads.get(name, {})

    def forward(self, frame: str) -> Array:
        """(2,) horizontal viewing direction of a frame."""
        if frame not in self._forward:
            self._forward[frame] = viewing_direction(
                frame, self.state.world_from_base, self.state.world_from_camera
            )
        return self._forward[frame]


def place_body(name: str, state: WorldState) -> Body:
    """What stood at a place, as a body named after the place, which carries and touches nothing."""
    owner = name.removesuffix(START)
    if owner not in state.starts:
        raise UnknownNameError.of("place", name, [f"{known}{START}" for known in state.starts])
    return Body.at(name, state.assets[owner], state.starts[owner])


class PlannedWorld:
    """Bodies placed so far, each carried wholly by its support."""

    planned = True

    def __init__(self, table: Table, world_from_base: Pose, world_from_camera: Pose) -> None:
        self._table = table
        self._frames = (world_from_base, world_from_camera)
        self._forward: dict[str, Array] = {}
        self.bodies: dict[str, Body] = {}
        self._starts: WorldState | None = None
        self.supports: dict[str, str] = {}

    @classmethod
    def of_state(cls, state: WorldState, without: str) -> PlannedWorld:
        """All objects of a state but one, each on what carries most of its weight."""
        measured = MeasuredWorld(state)
        world = cls(state.table, state.world_from_base, state.world_from_camera)
        for name in state.poses:
            if name == without:
                continue
            lifts = {k: v.up for k, v in measured.loads(name).items() if k not in (ROBOT, without)}
            support = max(lifts, key=lambda k: (lifts[k], k)) if lifts else TABLE
            known = support in state.poses
            world.place(measured.body(name), support if known else TABLE)
        world._starts = state if state.starts else None
        return world

    @property
    def table(self) -> Table:
        """The table top."""
        return self._table

    def place(self, body: Body, support: str) -> None:
        """Adds or replaces a body."""
        self.bodies[body.name] = body
        self.supports[body.name] = support

    def remove(self, name: str) -> None:
        """Takes a body away."""
        del self.bodies[name]
        del self.supports[name]

    def body(self, name: str) -> Body:
        """A placed object or a place; raises ``UnknownNameError`` when it is not placed."""
        if is_place(name) and self._starts is not None:
            return place_body(name, self._starts)
        if name not in self.bodies:
            raise UnknownNameError.of("object", name, self.bodies)
        return self.bodies[name]

    def loads(self, name: str) -> Mapping[str, Load]:
        """The support's full weight and, from above, whatever rests on the object."""
        if name not in self.bodies:
            return {}
        body = self.bodies[name]
        weight = body.geometry.weight
        out = {self.supports[name]: Load(weight, weight, body.bottom)}
        for other, support in self.supports.items():
            if support == name:
                pressing = self.bodies[other].geometry.weight
                out[other] = Load(0.0, pressing, float("inf"))
        return out

    def forward(self, frame: str) -> Array:
        """(2,) horizontal viewing direction of a frame."""
        if frame not in self._forward:
            self._forward[frame] = viewing_direction(frame, *self._frames)
        return self._forward[frame]

    def ancestors(self, name: str) -> frozenset[str]:
        """What carries an object, what carries that, and so on, without the table."""
        found: set[str] = set()
        while (name := self.supports.get(name, TABLE)) != TABLE and name not in found:
            found.add(name)
        return frozenset(found)


def sum_loads(contacts: Iterable[Contact]) -> dict[str, dict[str, Load]]:
    """Contact sums by carried entity, then by the entity that acts on it."""
    out: dict[str, dict[str, Load]] = {}
    for contact in contacts:
        lift = contact.force * float(contact.normal[2])
        height = float(contact.position[2])
        for name, other, up in ((contact.b, contact.a, lift), (contact.a, contact.b, -lift)):
            mine = out.setdefault(name, {})
            old = mine.get(other, Load(0.0, 0.0, float("inf")))
            carrying = up > CARRYING_SLOPE * contact.force
            lowest = min(old.lowest, height) if carrying else old.lowest
            mine[other] = Load(old.up + max(0.0, up), old.force + contact.force, lowest)
    return out
