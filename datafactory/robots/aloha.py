"""ALOHA-like pair of ViperX 300 arms, side by side on one base, turned towards each other.

The base frame lies in the middle between the arms. Where the arms stand was chosen for the widest
common workspace over the default layout region (docs/bimanual.md).
"""

from __future__ import annotations

import functools

import numpy as np

from datafactory.geometry import Pose
from datafactory.robots import mjcf, viperx
from datafactory.robots.hulls import mesh_file, read_vertices
from datafactory.robots.mjcf import name
from datafactory.robots.model import BodyVisual, Box, RobotModel
from datafactory.robots.needs import needs
from datafactory_assets.asset import VisualMesh
from datafactory_assets.convert.hulls import reduce_hull
from datafactory_assets.packs import PackDir, ensure_pack

VERSION = "1"
BASES = {
    "left": Pose.of((0.09, 0.25, 0.0)),
    "right": Pose.of((0.09, -0.25, 0.0)),
}
"""base_from_arm base of both arms."""
HOME = (0.0, -0.2463, 0.0706, 0.0, 1.7465, 0.0)
_COLOUR = (0.15, 0.15, 0.16, 1.0)


def document(pack: PackDir) -> tuple[str, dict[str, bytes]]:
    """The robot's MJCF text and its mesh files."""
    root = mjcf.document("aloha")
    assets = mjcf.add(root, "asset")
    meshes: dict[str, bytes] = {}

    def hull(part: str) -> str:
        vertices = read_vertices(pack.member(viperx.mesh_path(part))) * 0.001
        file_name, data = mesh_file(reduce_hull(vertices, viperx.HULL_VERTICES)[0])
        if file_name not in meshes:
            meshes[file_name] = data
            mjcf.add(assets, "mesh", name=name(part), file=file_name)
        return name(part)

    base = mjcf.add(mjcf.section(root, "worldbody"), "body", name=name("robot_base"))
    for number, (arm, place) in enumerate(BASES.items()):
        viperx.ArmWriter(root, arm, number, hull).write(viperx.top_body(pack), base, place)
    return mjcf.to_text(root), meshes


def _visuals(pack: PackDir) -> tuple[BodyVisual, ...]:
    """The pack's meshes in body frames, the same for both arms."""
    import trimesh

    visuals = []
    for source in viperx.top_body(pack).iter("body"):
        link = viperx.link_of(source)
        if link == "camera_focus":
            continue
        for part, geom in viperx.parts(source):
            mesh = trimesh.load_mesh(pack.member(viperx.mesh_path(part)))
            place = viperx.pose_of(geom)
            vertices = place.apply(np.asarray(mesh.vertices, dtype=np.float64) * 0.001)
            faces = np.asarray(mesh.faces, dtype=np.int64)
            for arm in BASES:
                visual = VisualMesh(f"{arm}_{part}", vertices, faces, _COLOUR)
                visuals.append(BodyVisual(name(f"{arm}_{link}"), visual))
    return tuple(visuals)


@needs(viperx.PACK)
def aloha() -> RobotModel:
    """Two ViperX 300; fetches the pack ``aloha_vx300s`` when it is not in the store."""
    pack = ensure_pack(viperx.PACK)
    text, meshes = document(pack)
    return RobotModel(
        name="aloha",
        version=VERSION,
        licence=pack.pack.licence,
        capabilities=("arm", "gripper"),
        mjcf=text,
        meshes=meshes,
        base_body=name("robot_base"),
        arms=tuple(viperx.arm_model(arm, BASES[arm], HOME) for arm in BASES),
        camera_mounts=tuple(viperx.wrist_camera(arm) for arm in BASES),
        base_box=Box((-0.16, -0.4, 0.0), (0.16, 0.4, 0.14)),
        workspace_radius_m=(0.32, 0.66),
        mount_height_m=0.0,
        visual_loader=functools.partial(_visuals, pack),
    )
