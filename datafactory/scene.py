"""A sampled scene and a measured world state, as frozen values. SI units, world frame z up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from datafactory.belt import Belt
from datafactory.geometry import Array, Pose
from datafactory.scene_graph.graph import Relation
from datafactory_assets.asset import RigidAsset
from datafactory_assets.tables.asset import TableAsset


@dataclass(frozen=True)
class Table:
    """A table top, axis-aligned with the world.

    Attributes:
        center: (x, y) of the middle of the top's bounding rectangle, metres.
        half_extents: (x, y) half sizes of that rectangle, metres.
        height: z of the top surface, metres.
        outline: Convex outline, counter-clockwise, world xy, metres; empty for the rectangle.
        uid: Uid of the piece of furniture it belongs to; empty for a plain table.
        furniture: That piece, its frame at ``center`` on the floor; None for a plain table and in
            states read back from an episode.
    """

    center: tuple[float, float]
    half_extents: tuple[float, float]
    height: float
    outline: tuple[tuple[float, float], ...] = ()
    uid: str = ""
    furniture: TableAsset | None = None

    @classmethod
    def of(cls, furniture: TableAsset, center: tuple[float, float]) -> Table:
        """The top of a piece of furniture that stands at a place."""
        x, y = center
        outline = tuple((x + u, y + v) for u, v in furniture.outline)
        return cls(center, furniture.half_extents, furniture.height, outline, furniture.uid,
                   furniture)  # fmt: skip


@dataclass(frozen=True)
class SceneObject:
    """One object placed in a scene.

    Attributes:
        name: Role name, unique in the scene.
        asset: What it is.
        world_from_object: Its pose.
        stable_pose: Index into ``asset.stable_poses`` it was placed with.
        mass: kg, after randomisation.
        friction: Sliding friction coefficient, after randomisation.
    """

    name: str
    asset: RigidAsset
    world_from_object: Pose
    stable_pose: int
    mass: float
    friction: float


@dataclass(frozen=True)
class Scene:
    """Everything that is in the world before the robot moves.

    Attributes:
        table: The table top.
        robot: Registered robot name.
        world_from_base: Pose of the robot's base.
        home: Arm joint positions at the start, rad.
        objects: Task objects first, then distractors.
        relations: Initial relations the layout was asked for.
        world_from_camera: Pose of the viewing camera (OpenCV axes) for camera-frame relations.
        belt: The conveyor belt, if there is one.
        pushed: Role name of an object on which an external force may act; empty for none.
    """

    table: Table
    robot: str
    world_from_base: Pose
    home: tuple[float, ...]
    objects: tuple[SceneObject, ...]
    relations: tuple[Relation, ...]
    world_from_camera: Pose
    belt: Belt | None = None
    pushed: str = ""

    def object(self, name: str) -> SceneObject:
        """The object with this role name."""
        for item in self.objects:
            if item.name == name:
                return item
        raise KeyError(name)


@dataclass(frozen=True)
class Contact:
    """One contact point between two scene entities, read from physics.

    Attributes:
        a, b: Entity names (object role, ``table``, ``floor`` or ``robot``), a < b.
        position: (3,) world, metres.
        normal: (3,) unit vector, world, pointing from a to b.
        force: Normal force, newtons.
        distance: Signed gap, metres; negative is penetration.
    """

    a: str
    b: str
    position: Array
    normal: Array
    force: float
    distance: float


@dataclass(frozen=True)
class WorldState:
    """What predicates look at: poses and contacts at one instant.

    Attributes:
        table: The table top.
        assets: Asset of every object by role name.
        poses: world_from_object of every object by role name.
        contacts: All contact points between entities.
        world_from_base: Robot base pose (frame ``robot``; the viewer stands here, looks along +x).
        world_from_camera: Camera pose, OpenCV axes (frame ``camera``).
        carried: How far what is in contact with a moving belt was carried by it since the start,
            (3,) metres, by role name.
        starts: world_from_object of every object when the scene had settled: the places that
            relations can refer to. Empty before that.
    """

    table: Table
    assets: Mapping[str, RigidAsset]
    poses: Mapping[str, Pose]
    contacts: tuple[Contact, ...]
    world_from_base: Pose
    world_from_camera: Pose
    starts: Mapping[str, Pose] = field(default_factory=dict)
    carried: Mapping[str, Array] = field(default_factory=dict)

    def place(self, name: str) -> Array:
        """(3,) position of an object as seen from what carries it."""
        position = self.poses[name].position
        moved = self.carried.get(name)
        return position if moved is None else position - moved
