"""A MuJoCo model as UsdPhysics: rigid bodies side by side, held together by joints.

Every MuJoCo body becomes one of three things. *Rigid*: it has a mass or a joint; a rigid body with
its mass properties and one joint to the rigid body it hangs on. *Static*: it and all it carries
cannot move; colliders only. *Folded*: a frame without mass; a child prim of what it is fixed to.

Units differ for hinges: UsdPhysics counts in degrees.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.exchange.usd_drives import add_drive, add_state, servos_of
from datafactory.exchange.usd_layer import ROOT, identifiers, set_pose
from datafactory.exchange.usd_shapes import Shapes
from datafactory.geometry import Pose, quat_from_matrix

_JOINT = mujoco.mjtJoint
STATIC = f"{ROOT}/static"
"""Path of the prim that has the shapes of MuJoCo's world body."""


@dataclass(frozen=True)
class Tree:
    """Where the bodies of a model are found in the layer.

    Attributes:
        names: Body names; bodies without one are called ``body_<number>``.
        paths: Prim paths; ``/World/static`` for body 0, the world.
        rigid: Whether the body is a rigid body.
        nested: Whether the prim is a child of another body's and moves with it.
    """

    names: tuple[str, ...]
    paths: tuple[str, ...]
    rigid: tuple[bool, ...]
    nested: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class Start:
    """The first frame of an episode.

    Attributes:
        qpos: (nq,) positions.
        ctrl: (nu,) controls.
        poses: (nbody, 7) world poses, xyz + wxyz, with free bodies where they start and all other
            joints at the model's reference position: readers take the layout as joint position 0.
    """

    qpos: NDArray[np.float64]
    ctrl: NDArray[np.float64]
    poses: NDArray[np.float64]


def start_of(model: mujoco.MjModel, qpos: NDArray[np.float32], ctrl: NDArray[np.float32]) -> Start:
    """The start with positions (nq,) and controls (nu,)."""
    data = mujoco.MjData(model)
    data.qpos[:] = model.qpos0
    for address in model.jnt_qposadr[model.jnt_type == _JOINT.mjJNT_FREE]:
        data.qpos[address : address + 7] = qpos[address : address + 7]
    mujoco.mj_kinematics(model, data)
    poses = np.concatenate([data.xpos, data.xquat], axis=1)
    return Start(qpos.astype(np.float64), ctrl.astype(np.float64), poses)


def plan_tree(model: mujoco.MjModel, reserved: tuple[str, ...]) -> Tree:
    """Decides what every body becomes; prim names in ``reserved`` are not given to bodies."""
    count, parent = model.nbody, model.body_parentid
    carries = model.body_jntnum > 0
    for b in range(count - 1, 0, -1):
        carries[parent[b]] |= carries[b]
    rigid = [False] * count
    for b in range(1, count):
        static = model.body_weldid[b] == 0 and not carries[b]
        rigid[b] = not static and bool(model.body_mass[b] > 0 or model.body_jntnum[b] > 0)
    names = ["world"] + [model.body(b).name or f"body_{b}" for b in range(1, count)]
    given = identifiers(names[1:], reserved)
    paths, nested = [STATIC], [False]
    for b in range(1, count):
        above = int(parent[b])
        static = model.body_weldid[b] == 0 and not carries[b]
        nested.append(not rigid[b] and not static and above > 0)
        paths.append(f"{paths[above] if nested[b] else ROOT}/{given[names[b]]}")
    return Tree(tuple(names), tuple(paths), tuple(rigid), tuple(nested))


def local_pose(model: mujoco.MjModel, body: int) -> Pose:
    """parent_from_body at the model's reference position."""
    return Pose.of(model.body_pos[body], model.body_quat[body])


def anchor_of(model: mujoco.MjModel, tree: Tree, body: int) -> tuple[int, Pose]:
    """The rigid body that a body hangs on (0 for the world), and anchor_from_body."""
    pose, above = local_pose(model, body), int(model.body_parentid[body])
    while above and not tree.rigid[above]:
        pose, above = local_pose(model, above) @ pose, int(model.body_parentid[above])
    return above, pose


def write_physics(
    stage: Any,
    model: mujoco.MjModel,
    tree: Tree,
    start: Start,
    *,
    hidden: bool,
) -> tuple[str, ...]:
    """Writes a model into a layer.

    Args:
        stage: ``Usd.Stage`` to add to.
        model: Compiled model.
        tree: Its plan.
        start: What the layer states at its default time.
        hidden: Whether colliders are guides, because something else is drawn.

    Returns:
        One remark per kind of thing in the model that the layer does not express.
    """
    _scene(stage, model)
    stage.DefinePrim(STATIC, "Xform")
    for b in range(1, model.nbody):
        prim = stage.DefinePrim(tree.paths[b], "Xform")
        prim.SetDisplayName(tree.names[b])
        set_pose(prim, local_pose(model, b).vector() if tree.nested[b] else start.poses[b])
        if tree.rigid[b]:
            _mass(prim, model, b)
    shapes = Shapes(stage, model, hidden=hidden)
    placed = _add_shapes(stage, shapes, model, tree)
    pairs = _apart(model, tree)
    remarks = _joints(stage, model, tree, start, pairs)
    _filter(stage, model, tree, placed, pairs)
    if shapes.skipped:
        remarks.append(f"shapes: {', '.join(shapes.skipped)}")
    return (*remarks, *_unexpressed(model))


def _scene(stage: Any, model: mujoco.MjModel) -> None:
    from pxr import Gf, UsdPhysics

    gravity = model.opt.gravity
    size = float(np.linalg.norm(gravity))
    scene = UsdPhysics.Scene.Define(stage, f"{ROOT}/physics")
    scene.CreateGravityDirectionAttr(Gf.Vec3f(*(gravity / (size or 1.0)).tolist()))
    scene.CreateGravityMagnitudeAttr(size)


def _mass(prim: Any, model: mujoco.MjModel, body: int) -> None:
    """Mass, centre, principal axes and moments: readers that are not told all of them guess."""
    from pxr import Gf, UsdPhysics

    UsdPhysics.RigidBodyAPI.Apply(prim)
    mass = UsdPhysics.MassAPI.Apply(prim)
    mass.CreateMassAttr(float(model.body_mass[body]))
    mass.CreateCenterOfMassAttr(Gf.Vec3f(*model.body_ipos[body].tolist()))
    mass.CreateDiagonalInertiaAttr(Gf.Vec3f(*model.body_inertia[body].tolist()))
    mass.CreatePrincipalAxesAttr(Gf.Quatf(*model.body_iquat[body].tolist()))


def _add_shapes(
    stage: Any, shapes: Shapes, model: mujoco.MjModel, tree: Tree
) -> dict[int, list[str]]:
    """Adds all geoms; returns the prims that touch things for each body, by body number."""
    names = {g: model.geom(g).name or f"geom_{g}" for g in range(model.ngeom)}
    given = identifiers(names.values(), [p.rpartition("/")[2] for p in tree.paths])
    placed: dict[int, list[str]] = {}
    for g in range(model.ngeom):
        body = int(model.geom_bodyid[g])
        path = f"{tree.paths[body]}/{given[names[g]]}"
        pose = np.concatenate([model.geom_pos[g], model.geom_quat[g]])
        if shapes.add(g, path, pose) and (model.geom_contype[g] or model.geom_conaffinity[g]):
            placed.setdefault(body, []).append(path)
    return placed


def _apart(model: mujoco.MjModel, tree: Tree) -> set[tuple[int, int]]:
    """Pairs of bodies with colliders, lower number first, that MuJoCo never lets collide.

    MuJoCo's rules: bodies fixed to one another and a body and what carries it do not collide, nor
    do excluded pairs and geoms whose contact bits do not meet.
    """
    weld = model.body_weldid
    above = weld[model.body_parentid[weld]]
    excluded = {(int(s) >> 16, int(s) & 0xFFFF) for s in model.exclude_signature}
    geoms = {b: np.flatnonzero(model.geom_bodyid == b) for b in range(model.nbody)}
    result = set()
    for a, b in combinations((b for b in geoms if len(geoms[b])), 2):
        if not (tree.rigid[a] or tree.rigid[b]):
            continue
        meet = model.geom_contype[geoms[a], None] & model.geom_conaffinity[geoms[b]]
        meet |= model.geom_conaffinity[geoms[a], None] & model.geom_contype[geoms[b]]
        kin = weld[a] and weld[b] and (weld[a] == above[b] or weld[b] == above[a])
        listed = (a, b) in excluded or (b, a) in excluded
        if weld[a] == weld[b] or kin or listed or not meet.any():
            result.add((a, b))
    return result


def _filter(
    stage: Any,
    model: mujoco.MjModel,
    tree: Tree,
    placed: dict[int, list[str]],
    pairs: set[tuple[int, int]],
) -> None:
    """States the pairs that do not collide; joints already say so of the two they connect."""
    from pxr import UsdPhysics

    def prims(body: int) -> list[str]:
        return [tree.paths[body]] if tree.rigid[body] else placed.get(body, [])

    for a, b in sorted(pairs):
        joined = any(
            tree.rigid[x] and anchor_of(model, tree, x)[0] == y for x, y in ((a, b), (b, a)) if y
        )
        if joined or not (a in placed and b in placed):
            continue
        for path in prims(a):
            api = UsdPhysics.FilteredPairsAPI.Apply(stage.GetPrimAtPath(path))
            relation = api.CreateFilteredPairsRel()
            for other in prims(b):
                relation.AddTarget(other)


def _joints(
    stage: Any,
    model: mujoco.MjModel,
    tree: Tree,
    start: Start,
    apart: set[tuple[int, int]],
) -> list[str]:
    """Joins every rigid body to what it hangs on; returns remarks."""
    from pxr import UsdPhysics

    remarks, roots = [], set()
    rigid = [b for b in range(1, model.nbody) if tree.rigid[b]]
    anchors = {b: anchor_of(model, tree, b) for b in rigid}
    for b in rigid:
        above, pose = anchors[b]
        joints = list(_joint_numbers(model, b))
        if len(joints) > 1:
            remarks.append(f"body {tree.names[b]}: it has {len(joints)} joints, one can be stated")
        if len(joints) > 1 or (joints and model.jnt_type[joints[0]] == _JOINT.mjJNT_FREE):
            continue
        number = joints[0] if joints else None
        made = _joint(stage, model, f"{tree.paths[b]}/joint", number, pose)
        if above:
            made.CreateBody0Rel().AddTarget(tree.paths[above])
        made.CreateBody1Rel().AddTarget(tree.paths[b])
        made.CreateCollisionEnabledAttr((min(above, b), max(above, b)) not in apart and above > 0)
        if number is not None:
            made.GetPrim().SetDisplayName(model.joint(number).name)
            remarks += add_drive(made.GetPrim(), model, number, start.ctrl)
            add_state(made.GetPrim(), model, number, start.qpos)
    for b in rigid:
        top = b
        while anchors[top][0]:
            top = anchors[top][0]
        if top != b:
            roots.add(top)
    for b in roots:
        UsdPhysics.ArticulationRootAPI.Apply(stage.GetPrimAtPath(tree.paths[b]))
    return remarks


def _joint_numbers(model: mujoco.MjModel, body: int) -> Iterator[int]:
    first = int(model.body_jntadr[body])
    yield from range(first, first + int(model.body_jntnum[body]))


def _joint(stage: Any, model: mujoco.MjModel, path: str, number: int | None, pose: Pose) -> Any:
    """A joint whose z axis is MuJoCo's joint axis; 0 is the model's reference position."""
    from pxr import Gf, UsdPhysics

    made, body_from_joint = None, Pose.identity()
    if number is None:
        made = UsdPhysics.FixedJoint.Define(stage, path)
    else:
        body_from_joint = Pose.of(model.jnt_pos[number], _z_to(model.jnt_axis[number]))
        made = _moving_joint(stage, model, path, number)
    anchor_from_joint = pose @ body_from_joint
    made.CreateLocalPos0Attr(Gf.Vec3f(*anchor_from_joint.position.tolist()))
    made.CreateLocalRot0Attr(Gf.Quatf(*anchor_from_joint.quat.tolist()))
    made.CreateLocalPos1Attr(Gf.Vec3f(*body_from_joint.position.tolist()))
    made.CreateLocalRot1Attr(Gf.Quatf(*body_from_joint.quat.tolist()))
    return made


def _moving_joint(stage: Any, model: mujoco.MjModel, path: str, number: int) -> Any:
    from pxr import UsdPhysics

    kind = model.jnt_type[number]
    lower, upper = model.jnt_range[number].tolist()
    limited = bool(model.jnt_limited[number])
    if kind == _JOINT.mjJNT_BALL:
        made = UsdPhysics.SphericalJoint.Define(stage, path)
        made.CreateAxisAttr("Z")
        if limited:
            made.CreateConeAngle0LimitAttr(math.degrees(upper))
            made.CreateConeAngle1LimitAttr(math.degrees(upper))
        return made
    hinge = kind == _JOINT.mjJNT_HINGE
    made = (UsdPhysics.RevoluteJoint if hinge else UsdPhysics.PrismaticJoint).Define(stage, path)
    made.CreateAxisAttr("Z")
    if limited:
        reference = float(model.qpos0[model.jnt_qposadr[number]])
        unit = math.degrees(1.0) if hinge else 1.0
        made.CreateLowerLimitAttr((lower - reference) * unit)
        made.CreateUpperLimitAttr((upper - reference) * unit)
    return made


def _z_to(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4,) orientation, wxyz, that turns z into a unit vector."""
    x = np.cross((0.0, 1.0, 0.0) if abs(axis[1]) < 0.9 else (1.0, 0.0, 0.0), axis)
    x /= np.linalg.norm(x)
    return quat_from_matrix(np.stack([x, np.cross(axis, x), axis], axis=1))


def _unexpressed(model: mujoco.MjModel) -> Iterator[str]:
    """Names what a model has and UsdPhysics does not."""
    kinds = mujoco.mjtEq
    for e in range(model.neq):
        kind = kinds(int(model.eq_type[e])).name.removeprefix("mjEQ_").lower()
        ends = [int(model.eq_obj1id[e]), int(model.eq_obj2id[e])]
        if model.eq_type[e] == kinds.mjEQ_JOINT:
            names = [model.joint(i).name for i in ends if i >= 0]
            numbers = " ".join(f"{v:.6g}" for v in model.eq_data[e, :5])
            yield f"equality of joints: {' = polynomial of '.join(names)}, coefficients {numbers}"
        else:
            yield f"equality: {model.eq(e).name or e} ({kind})"
    yield from _unexpressed_actuators(model)
    for t in range(model.ntendon):
        yield f"tendon: {model.tendon(t).name or t}"
    if (model.body_gravcomp > 0).any():
        names = [model.body(b).name for b in np.flatnonzero(model.body_gravcomp)]
        yield f"gravity compensation of {len(names)} bodies, {names[0]} to {names[-1]}"
    if (model.dof_armature > 0).any():
        listed = {model.joint(int(model.dof_jntid[d])).name: float(model.dof_armature[d])
                  for d in np.flatnonzero(model.dof_armature)}  # fmt: skip
        yield "armature: " + ", ".join(f"{n} {v:.6g}" for n, v in listed.items())
    if (model.dof_frictionloss > 0).any():
        yield "dry friction of joints"
    yield "contact softness, torsional and rolling friction"


def _unexpressed_actuators(model: mujoco.MjModel) -> Iterator[str]:
    for a in range(model.nu):
        if not any(a in servos_of(model, j) for j in range(model.njnt)):
            kind = mujoco.mjtTrn(int(model.actuator_trntype[a])).name.removeprefix("mjTRN_").lower()
            yield f"actuator {model.actuator(a).name or a} ({kind})"
    slow = np.flatnonzero(model.actuator_dyntype != mujoco.mjtDyn.mjDYN_NONE)
    if len(slow):
        yield "filters of actuators: " + ", ".join(
            f"{model.actuator(int(a)).name} {model.actuator_dynprm[a, 0]:.3g} s" for a in slow
        )
