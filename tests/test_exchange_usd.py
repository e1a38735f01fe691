"""OpenUSD: what is written is what happened, as OpenUSD itself reads it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom, UsdLux, UsdPhysics, UsdSemantics, UsdShade, UsdValidation

from datafactory.errors import MissingPartError, SpecError, UnknownNameError
from datafactory.exchange.contract import ExportOptions
from datafactory.exchange.usd import Usd as Exporter
from datafactory.exchange.usd_episode import write_episode
from datafactory.exchange.usd_layer import identifiers, new_layer, short_way
from datafactory.exchange.usd_physics import plan_tree, start_of, write_physics
from datafactory.exchange.usd_scene import write_stage
from datafactory.exchange.usd_sky import WORLD_FROM_DOME, light_from_above, write_sky
from datafactory.geometry import Pose, quat_angle
from datafactory.render.poses import body_track
from datafactory.render.skies.hdr import read_hdr
from datafactory.render.skies.light import directions
from datafactory.sim.engine import compile_mjcf
from datafactory.store.dataset import open_dataset
from datafactory.verify import mesh_files
from tests import render_fixture
from tests.usd_fixture import small_film


@pytest.fixture(scope="module")
def dataset():
    return open_dataset(render_fixture.states())


@pytest.fixture(scope="module")
def written(dataset, tmp_path_factory):
    """(episode, its mesh files, folder, files) of the first episode, collision shapes only."""
    episode = dataset.episode(0)
    meshes = mesh_files(dataset, episode.replay, {})
    folder = tmp_path_factory.mktemp("usd")
    return episode, meshes, folder, write_episode(episode, meshes, folder, 0)


def opened(path: Path) -> Usd.Stage:
    return Usd.Stage.Open(str(path))


def complaints(path: Path) -> list[str]:
    """What any of OpenUSD's validators has against a stage, warnings included."""
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) >= 25
    found = UsdValidation.ValidationContext(validators).Validate(opened(path))
    return [f"{e.GetName()}: {e.GetMessage()}" for e in found]


def world(stage: Usd.Stage, path: str, frame: float = 0.0) -> Pose:
    matrix = UsdGeom.XformCache(frame).GetLocalToWorldTransform(stage.GetPrimAtPath(path))
    return Pose.from_matrix(np.array(matrix).T)


def test_every_body_is_where_it_was_at_every_frame(written):
    episode, meshes, folder, files = written
    track = body_track(episode, meshes, np.arange(episode.length))
    stage = opened(folder / files.replay)
    assert stage.GetTimeCodesPerSecond() == episode.fps
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, episode.length - 1)
    assert set(files.bodies) == set(track.names)
    moved = 0.0
    for frame in range(episode.length):
        cache = UsdGeom.XformCache(frame)
        for name, pose in zip(track.names, track.world_from_body[frame], strict=True):
            matrix = cache.GetLocalToWorldTransform(stage.GetPrimAtPath(files.bodies[name]))
            expected = Pose.from_vector(pose).matrix()
            np.testing.assert_allclose(np.array(matrix).T, expected, rtol=0, atol=1e-12)
            moved = max(
                moved, np.abs(pose - track.world_from_body[0, track.names.index(name)]).max()
            )
    assert moved > 0.1


@pytest.mark.parametrize("layer", ["scene", "motion", "replay"])
def test_no_validator_complains(written, layer):
    _, _, folder, files = written
    assert complaints(folder / getattr(files, layer)) == []


def test_the_motion_is_stronger_than_the_scene_and_nothing_is_simulated(written):
    _, _, folder, files = written
    stage = opened(folder / files.replay)
    assert list(stage.GetRootLayer().subLayerPaths) == [f"./{files.motion}", f"./{files.scene}"]
    everything = Usd.PrimRange.Stage(stage, Usd.PrimAllPrimsPredicate)
    for prim in everything:
        assert not prim.HasAPI(UsdPhysics.ArticulationRootAPI)
        if prim.IsA(UsdPhysics.Joint) or prim.IsA(UsdPhysics.Scene):
            assert not prim.IsActive()
        if prim.HasAPI(UsdPhysics.RigidBodyAPI):
            assert not UsdPhysics.RigidBodyAPI(prim).GetRigidBodyEnabledAttr().Get()
        if prim.HasAPI(UsdPhysics.CollisionAPI):
            assert not UsdPhysics.CollisionAPI(prim).GetCollisionEnabledAttr().Get()
    scene = opened(folder / files.scene)
    roots = [p for p in scene.Traverse() if p.HasAPI(UsdPhysics.ArticulationRootAPI)]
    assert [str(p.GetPath()) for p in roots] == [files.bodies["robot/robot_base"]]
    assert scene.GetDefaultPrim().GetPath() == "/World"
    assert UsdGeom.GetStageUpAxis(scene) == "Z"
    assert UsdGeom.GetStageMetersPerUnit(scene) == 1.0


def joint_frames(stage, joint, frame):
    """World poses of a joint's frames on its two bodies, with the bodies as in a stage."""
    made = []
    for side in "01":
        targets = getattr(joint, f"GetBody{side}Rel")().GetTargets()
        place = getattr(joint, f"GetLocalPos{side}Attr")().Get()
        turn = getattr(joint, f"GetLocalRot{side}Attr")().Get()
        local = Pose.of(tuple(place), (turn.GetReal(), *turn.GetImaginary()))
        made.append(world(stage, targets[0], frame) @ local if targets else local)
    return made


def test_joints_say_what_the_positions_were(written):
    """What lies between a joint's two frames is the recorded position, along or about z."""
    episode, meshes, folder, files = written
    model = compile_mjcf(episode.replay.mjcf, meshes)
    scene, replay = opened(folder / files.scene), opened(folder / files.replay)
    middle = episode.length // 2
    for j in range(model.njnt):
        # Joints are inactive in the replay, so they are read from the scene.
        prim = scene.GetPrimAtPath(files.bodies[model.body(int(model.jnt_bodyid[j])).name])
        prim = prim.GetChild("joint")
        if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_FREE:
            assert not prim
            continue
        hinge = model.jnt_type[j] == mujoco.mjtJoint.mjJNT_HINGE
        unit, kind = (np.degrees(1.0), "angular") if hinge else (1.0, "linear")
        joint = (UsdPhysics.RevoluteJoint if hinge else UsdPhysics.PrismaticJoint)(prim)
        limits = [joint.GetLowerLimitAttr().Get(), joint.GetUpperLimitAttr().Get()]
        np.testing.assert_allclose(limits, model.jnt_range[j] * unit, rtol=1e-6)
        track = episode.trajectory.qpos[:, int(model.jnt_qposadr[j])].astype(float)
        start = prim.GetAttribute(f"state:{kind}:physics:position").Get()
        assert start == pytest.approx(track[0] * unit, abs=1e-5)
        for stage, frame, z in ((scene, 0, 0.0), (replay, 0, track[0]), (replay, middle, track[middle])):  # fmt: skip # noqa: E501
            first, second = joint_frames(stage, joint, frame)
            expected = Pose.from_yaw([0, 0, 0], z) if hinge else Pose.of([0, 0, z])
            between = first.inverse() @ second
            assert np.abs(between.position - expected.position).max() < 1e-6
            assert quat_angle(between.quat, expected.quat) < 2e-6
    assert model.njnt == len(episode.objects) + 9


def test_masses_drives_and_friction_are_the_models(written):
    episode, meshes, folder, files = written
    model = compile_mjcf(episode.replay.mjcf, meshes)
    scene = opened(folder / files.scene)
    for b in range(1, model.nbody):
        prim = scene.GetPrimAtPath(files.bodies[model.body(b).name])
        if not prim.HasAPI(UsdPhysics.RigidBodyAPI):
            assert model.body_mass[b] == 0.0
            continue
        mass = UsdPhysics.MassAPI(prim)
        assert mass.GetMassAttr().Get() == pytest.approx(model.body_mass[b], rel=1e-6)
        np.testing.assert_allclose(mass.GetDiagonalInertiaAttr().Get(), model.body_inertia[b], 1e-6)
        np.testing.assert_allclose(mass.GetCenterOfMassAttr().Get(), model.body_ipos[b], atol=1e-7)
        axes = mass.GetPrincipalAxesAttr().Get()
        quat = (axes.GetReal(), *axes.GetImaginary())
        assert quat_angle(quat, model.body_iquat[b]) < 1e-3
    a = model.actuator("robot/joint1").id
    joint = int(model.actuator_trnid[a, 0])
    prim = scene.GetPrimAtPath(files.bodies["robot/link1"] + "/joint")
    drive = UsdPhysics.DriveAPI(prim, "angular")
    degree = np.radians(1.0)
    assert drive.GetStiffnessAttr().Get() == pytest.approx(model.actuator_gainprm[a, 0] * degree)
    damping = -model.actuator_biasprm[a, 2] + model.dof_damping[model.jnt_dofadr[joint]]
    assert drive.GetDampingAttr().Get() == pytest.approx(float(damping) * degree)
    target = episode.trajectory.ctrl[0, a] / degree
    assert drive.GetTargetPositionAttr().Get() == pytest.approx(target, abs=1e-5)
    table = scene.GetPrimAtPath("/World/static/table")
    bound, _ = UsdShade.MaterialBindingAPI(table).ComputeBoundMaterial("physics")
    friction = UsdPhysics.MaterialAPI(bound.GetPrim()).GetDynamicFrictionAttr().Get()
    assert friction == pytest.approx(model.geom("table").friction[0])
    assert files.remarks
    told = scene.GetRootLayer().customLayerData["datafactory"]
    assert list(told["not_expressed"]) == list(files.remarks)
    assert told["episode_id"] == episode.episode_id


def labels(prim, taxonomy="class"):
    return list(UsdSemantics.LabelsAPI(prim, taxonomy).GetLabelsAttr().Get())


def test_objects_are_labelled_with_role_and_category(written):
    episode, _, folder, files = written
    scene = opened(folder / files.scene)
    for item in episode.objects:
        prim = scene.GetPrimAtPath(files.bodies[f"object/{item.name}"])
        assert labels(prim) == [item.name]
        assert labels(prim, "category") == [item.category]
    assert labels(scene.GetPrimAtPath(files.bodies["robot/link1"])) == ["robot"]


ODD = """
<mujoco>
  <worldbody>
    <geom name="ground" type="plane" size="0 0 1"/>
    <body name="shelf" pos="1 0 0.5"><geom type="box" size=".1 .2 .3"/></body>
    <body name="arm/base" pos="0 0 1">
      <geom type="capsule" size=".05 .1"/>
      <body name="arm/one"><joint name="ball" type="ball"/><geom type="cylinder" size=".04 .1"/>
        <body name="tip" pos="0 0 .2"><site name="s"/>
          <body name="arm/two"><joint name="slide" type="slide" axis="1 0 0" range="-.1 .1"
            ref=".05" damping="3" stiffness="20"/><geom type="ellipsoid" size=".02 .03 .04"/></body>
        </body>
        <body name="arm/three" pos="0 .2 0"><joint type="hinge"/><joint type="slide"/>
          <geom type="sphere" size=".03"/></body>
      </body>
    </body>
    <body name="arm_one" pos="0 0 3"><freejoint/><geom type="sphere" size=".1" contype="0"
      conaffinity="0"/></body>
  </worldbody>
  <contact><exclude body1="arm/two" body2="shelf"/></contact>
  <actuator><motor name="push" joint="slide"/></actuator>
</mujoco>"""


def test_unusual_models_are_written_and_what_is_lost_is_named(tmp_path):
    model = mujoco.MjModel.from_xml_string(ODD)
    tree = plan_tree(model, ("physics",))
    paths = dict(zip(tree.names, tree.paths, strict=True))
    assert paths["arm/one"] == "/World/arm_one"
    assert paths["arm_one"] == "/World/arm_one_2"
    assert paths["tip"] == "/World/arm_one/tip"
    rigid = {n for n, r in zip(tree.names, tree.rigid, strict=True) if r}
    assert rigid == {"arm/base", "arm/one", "arm/two", "arm/three", "arm_one"}
    stage = new_layer(tmp_path / "scene.usda")
    start = start_of(model, model.qpos0.astype(np.float32), np.zeros(1, np.float32))
    remarks = write_physics(stage, model, tree, start, hidden=False)
    stage.GetRootLayer().Save()
    assert complaints(tmp_path / "scene.usda") == []
    said = "\n".join(remarks)
    assert "arm/three: it has 2 joints" in said
    assert "actuator push (joint)" in said
    slide = UsdPhysics.PrismaticJoint(stage.GetPrimAtPath("/World/arm_two/joint"))
    assert slide.GetBody0Rel().GetTargets() == ["/World/arm_one"]  # past the frame without mass
    np.testing.assert_allclose(slide.GetLocalPos0Attr().Get(), (0, 0, 0.2), atol=1e-7)
    limits = (slide.GetLowerLimitAttr().Get(), slide.GetUpperLimitAttr().Get())
    np.testing.assert_allclose(limits, (-0.15, 0.05), atol=1e-7)
    drive = UsdPhysics.DriveAPI(slide.GetPrim(), "linear")
    assert drive.GetStiffnessAttr().Get() == 20
    assert drive.GetDampingAttr().Get() == 3
    assert stage.GetPrimAtPath("/World/arm_one/joint").IsA(UsdPhysics.SphericalJoint)
    pairs = UsdPhysics.FilteredPairsAPI(stage.GetPrimAtPath("/World/shelf/geom_1"))
    assert "/World/arm_two" in [str(p) for p in pairs.GetFilteredPairsRel().GetTargets()]
    ghost = stage.GetPrimAtPath("/World/arm_one_2").GetChildren()
    assert not any(p.HasAPI(UsdPhysics.CollisionAPI) for p in ghost)


@pytest.fixture(scope="module")
def film_files(tmp_path_factory):
    film = small_film(3)
    folder = tmp_path_factory.mktemp("film")
    return film, folder, write_stage(film, folder, 10)


def test_cameras_see_what_the_intrinsics_say(film_files):
    film, _, files = film_files
    stage = opened(files.root)
    points = np.array([[0.1, 0.2, 0.7], [-0.2, 0.1, 0.8], [0.0, -0.1, 0.75]])
    for shot in film.shots:
        lens = shot.intrinsics
        camera = UsdGeom.Camera(stage.GetPrimAtPath(files.cameras[shot.camera]))
        for frame in range(3):
            frustum = camera.GetCamera(frame).frustum
            clip = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
            local = Pose.from_vector(shot.world_from_camera[frame]).inverse().apply(points)
            for point, (x, y, z) in zip(points, local, strict=True):
                seen = clip.Transform(Gf.Vec3d(*point.tolist()))
                u, v = (seen[0] + 1) / 2 * lens.width, (1 - seen[1]) / 2 * lens.height
                expected = lens.fx * x / z + lens.cx, lens.fy * y / z + lens.cy
                assert (u, v) == pytest.approx(expected, abs=1e-4)


def test_a_film_is_meshes_materials_and_motion(film_files):
    film, folder, files = film_files
    assert complaints(files.root) == []
    stage = opened(files.root)
    for k, body in enumerate(film.stage.bodies):
        prim = stage.GetPrimAtPath(files.bodies[body.name])
        assert labels(prim) == [film.stage.entities[body.entity]]
        for frame in range(3):
            expected = Pose.from_vector(film.world_from_body[frame, k]).matrix()
            found = world(stage, files.bodies[body.name], frame).matrix()
            np.testing.assert_allclose(found, expected, atol=1e-12)
        (mesh,) = prim.GetChildren()
        surface = body.surfaces[0]
        np.testing.assert_array_equal(
            UsdGeom.Mesh(mesh).GetPointsAttr().Get(), surface.mesh.vertices
        )
        material, _ = UsdShade.MaterialBindingAPI(mesh).ComputeBoundMaterial()
        shader = material.ComputeSurfaceSource()[0]
        slot = shader.GetInput("diffuseColor")
        assert bool(slot.GetConnectedSource()) == (surface.material.texture is not None)
    assert len(list((folder / "textures").iterdir())) == 1  # one picture on two bodies
    lights = stage.GetPrimAtPath("/World/lights").GetChildren()
    assert [p.GetTypeName() for p in lights] == ["DistantLight", "SphereLight", "DomeLight"]
    sun = -np.array(world(stage, str(lights[0].GetPath())).rotation())[:, 2]
    np.testing.assert_allclose(sun, film.stage.lights[0].direction, atol=1e-6)
    links = UsdLux.LightAPI(lights[0]).GetShadowLinkCollectionAPI().GetExcludesRel().GetTargets()
    assert links == [files.bodies["room"]]


def test_the_sky_is_the_right_way_round(tmp_path):
    """Read back, turned as the dome light is, every direction has the radiance it had."""
    height = 32
    rays = directions(height)
    sky = (1.5 + rays * (1.0, 0.6, 0.3)).astype(np.float32)
    write_sky(tmp_path / "sky.hdr", sky)
    back = read_hdr(tmp_path / "sky.hdr")
    v, u = (np.indices((height, 2 * height)) + 0.5) / [[[height]], [[2 * height]]]
    # Latitude and longitude as OpenEXR defines them, which OpenUSD follows: y up, z in the middle.
    latitude, longitude = np.pi * (0.5 - v), 2 * np.pi * (0.5 - u)
    flat = np.cos(latitude)
    dome = np.stack([np.sin(longitude) * flat, np.sin(latitude), np.cos(longitude) * flat], -1)
    turned = Pose.of((0, 0, 0), WORLD_FROM_DOME).apply(dome)
    np.testing.assert_allclose(back, 1.5 + turned * (1.0, 0.6, 0.3), rtol=0.02)
    grey = np.full((64, 128, 3), 0.7, np.float32)
    np.testing.assert_allclose(light_from_above(grey), 0.7, rtol=1e-3)


def test_names_stay_apart_and_quaternions_turn_the_short_way():
    assert identifiers(["a/b", "a_b", "1x", "é"], ["é"]) == {
        "a/b": "a_b", "a_b": "a_b_2", "1x": "_1x", "é": "_",
    }  # fmt: skip
    quats = np.array([[1.0, 0, 0, 0], [-1, 0, 0, 0], [0, 1, 0, 0], [0, -1, 0, 0]])
    turned = quats * short_way(quats)[:, None]
    assert (np.einsum("ij,ij->i", turned[1:], turned[:-1]) >= 0).all()


def test_an_export_has_an_index(dataset, tmp_path):
    seen = []
    chosen = dataset.episode(1).episode_id
    options = ExportOptions(where=f"episode_id = '{chosen}'", extras=True)
    summary = Exporter().write(dataset, tmp_path, options, lambda *count: seen.append(count))
    assert (summary.episodes, seen) == (1, [(1, 1)])
    assert summary.frames == dataset.episode(1).length
    assert any("collision shapes" in remark for remark in summary.remarks)
    index = json.loads((tmp_path / "index.json").read_text())
    (entry,) = index["episodes"]
    assert entry["episode_id"] == chosen
    folder = tmp_path / entry["folder"]
    assert {p.name for p in folder.iterdir()} == {
        "scene.usdc", "episode_000000.usdc", "replay.usda",
    }  # fmt: skip
    assert (tmp_path / "extras/ATTRIBUTION.md").is_file()
    assert Exporter().write(dataset, tmp_path / "two", ExportOptions(limit=2), print).episodes == 2


def test_an_export_with_a_look(dataset, tmp_path):
    out = tmp_path / "out"
    options = ExportOptions(limit=1, cameras=("wrist",), settings={"style": "default"})
    Exporter().write(dataset, out, options, lambda *_: None)
    (entry,) = json.loads((out / "index.json").read_text())["episodes"]
    assert list(entry["cameras"]) == ["wrist"]
    replay = out / entry["folder"] / entry["replay"]
    assert complaints(replay) == []
    stage = opened(replay)
    camera = stage.GetPrimAtPath(entry["cameras"]["wrist"])
    ops = UsdGeom.Xformable(camera).GetOrderedXformOps()
    assert ops[0].GetNumTimeSamples() == dataset.episode(0).length
    assert labels(stage.GetPrimAtPath(entry["bodies"]["robot/link1"])) == ["arm"]
    shape = UsdGeom.Imageable(stage.GetPrimAtPath("/World/static/table"))
    assert shape.ComputePurpose() == "guide"
    wrong = ExportOptions(limit=1, cameras=("nose",), settings={"style": "default"})
    with pytest.raises(UnknownNameError, match="nose"):
        Exporter().write(dataset, tmp_path / "wrong", wrong, lambda *_: None)


@pytest.mark.slow
def test_a_variant_brings_its_own_look(tmp_path):
    dataset = open_dataset(render_fixture.rendered())
    Exporter().write(dataset, tmp_path / "out", ExportOptions(limit=1), lambda *_: None)
    index = json.loads((tmp_path / "out/index.json").read_text())
    assert index["style"]["size"] == [96, 72]
    assert list(index["episodes"][0]["cameras"]) == ["front", "wrist"]


def test_what_cannot_be_exported_is_said(dataset, tmp_path, monkeypatch):
    with pytest.raises(SpecError, match="nothing to export"):
        Exporter().write(dataset, tmp_path / "a", ExportOptions(where="length < 0"), print)
    imported = replace(dataset.episode(0), replay=None)
    monkeypatch.setattr(dataset, "iter_episodes", lambda where: iter([imported]))
    with pytest.raises(SpecError, match="without a physics model"):
        Exporter().write(dataset, tmp_path / "c", ExportOptions(), print)
    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(MissingPartError, match="exchange"):
        Exporter().write(dataset, tmp_path / "b", ExportOptions(), print)
