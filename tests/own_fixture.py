"""A small folder of object files: an octagonal cup (OBJ), a brick (GLB, millimetres), a URDF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

OBJECTS = """\
defaults: {licence: CC-BY-4.0, author: Jane Doe}
objects:
  cup.obj: {category: mug, synonyms: [beaker], colour: blue, material: ceramic, up: z}
  brick.glb: {units: mm, material: wood, attributes: [toy], split: held_out}
  peg.urdf: {category: peg, mass_kg: 0.03}
"""
PEG = """\
<robot name="peg"><link name="peg">
 <inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1"/></inertial>
 <visual><geometry><box size="0.03 0.03 0.08"/></geometry>
  <material name="red"><color rgba="0.8 0.1 0.1 1"/></material></visual>
 <collision><geometry><box size="0.03 0.03 0.08"/></geometry></collision>
</link></robot>
"""


def cup(sides: int = 8, radius: float = 0.04, height: float = 0.08) -> trimesh.Trimesh:
    """A prism with a prismatic hollow, walls of 5 mm, standing below z = height / 2."""
    outer = trimesh.creation.cylinder(radius, height, sections=sides)
    inner = trimesh.creation.cylinder(radius - 0.005, height, sections=sides)
    inner.apply_translation([0.0, 0.0, 0.006])
    return outer.difference(inner, engine="manifold")


def write_objects(folder: Path) -> Path:
    """Writes the folder and returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    cup().export(folder / "cup.obj")
    brick = trimesh.creation.box((60.0, 30.0, 40.0))  # glTF: y is up
    brick.visual.face_colors = np.array([190, 50, 40, 255], dtype=np.uint8)
    brick.export(folder / "brick.glb")
    (folder / "peg.urdf").write_text(PEG)
    (folder / "objects.yaml").write_text(OBJECTS)
    return folder
