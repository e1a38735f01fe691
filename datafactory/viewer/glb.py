"""Surfaces of one body as a binary glTF file, addressed by the hash of its bytes.

Source: Khronos Group, "glTF 2.0 Specification", sections 3.6 and 3.7 (buffers, meshes) and 4 (GLB).
Colours are written linear, as glTF wants them; lengths in metres, axes as in the body's frame.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.render.backdrop import linear_from_srgb
from datafactory.render.stage import Surface

_FLOAT, _UINT16, _UINT32 = 5126, 5123, 5125
_ARRAY, _INDEX = 34962, 34963
_JSON, _BIN = 0x4E4F534A, 0x004E4942
JPEG_QUALITY = 88


@dataclass(frozen=True)
class Shape:
    """A binary glTF file.

    Attributes:
        key: Content hash, 32 hex digits.
        data: The file.
    """

    key: str
    data: bytes


@dataclass
class _Writer:
    """Collects the parts of one file."""

    chunk: bytearray = field(default_factory=bytearray)
    views: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    materials: list[dict[str, Any]] = field(default_factory=list)

    def view(self, data: bytes, target: int | None = None) -> int:
        """Adds bytes, aligned to four."""
        self.chunk += bytes(-len(self.chunk) % 4)
        entry: dict[str, Any] = {
            "buffer": 0, "byteOffset": len(self.chunk), "byteLength": len(data)
        }  # fmt: skip
        if target is not None:
            entry["target"] = target
        self.chunk += data
        self.views.append(entry)
        return len(self.views) - 1

    def array(self, values: NDArray[Any], kind: int, shape: str, target: int) -> int:
        """Adds an accessor."""
        flat = np.ascontiguousarray(values)
        entry: dict[str, Any] = {
            "bufferView": self.view(flat.tobytes(), target),
            "componentType": kind,
            "count": len(flat),
            "type": shape,
        }
        if shape == "VEC3" and target == _ARRAY:
            entry["min"] = flat.min(axis=0).tolist()
            entry["max"] = flat.max(axis=0).tolist()
        self.accessors.append(entry)
        return len(self.accessors) - 1


def shape_of(surfaces: Sequence[Surface]) -> Shape:
    """The file of some surfaces; one mesh with a primitive and a material for each."""
    writer = _Writer()
    primitives = [_primitive(writer, s) for s in surfaces if len(s.mesh.faces)]
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "datafactory"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0} if primitives else {}],
        "buffers": [{"byteLength": len(writer.chunk)}],
        "bufferViews": writer.views,
        "accessors": writer.accessors,
        "materials": writer.materials,
    }
    if primitives:
        document["meshes"] = [{"primitives": primitives}]
    if writer.images:
        document["images"] = writer.images
        document["samplers"] = [{"wrapS": 10497, "wrapT": 10497}]
        document["textures"] = [{"source": i, "sampler": 0} for i in range(len(writer.images))]
    document = {k: v for k, v in document.items() if v != []}
    data = _file(document, bytes(writer.chunk))
    return Shape(hashlib.blake2b(data, digest_size=16).hexdigest(), data)


def _primitive(writer: _Writer, surface: Surface) -> dict[str, Any]:
    mesh, material = surface.mesh, surface.material
    f32 = np.float32
    attributes = {
        "POSITION": writer.array(mesh.vertices.astype(f32), _FLOAT, "VEC3", _ARRAY),
        "NORMAL": writer.array(mesh.normals.astype(f32), _FLOAT, "VEC3", _ARRAY),
    }
    pbr: dict[str, Any] = {
        "baseColorFactor": [*(float(v) for v in linear_from_srgb(np.array(material.rgb))), 1.0],
        "metallicFactor": 0.0,
        "roughnessFactor": round(1.0 - 0.75 * material.gloss, 4),
    }
    if material.texture is not None:
        # glTF counts v from the image's top, a stage from its bottom.
        uv = np.column_stack([mesh.uv[:, 0], 1.0 - mesh.uv[:, 1]]).astype(f32)
        attributes["TEXCOORD_0"] = writer.array(uv, _FLOAT, "VEC2", _ARRAY)
        view = writer.view(_jpeg(material.texture))
        writer.images.append({"bufferView": view, "mimeType": "image/jpeg"})
        pbr["baseColorTexture"] = {"index": len(writer.images) - 1}
    entry: dict[str, Any] = {"pbrMetallicRoughness": pbr}
    if material.emission > 0.0:
        entry["emissiveFactor"] = [min(1.0, material.emission * c) for c in material.rgb]
    writer.materials.append(entry)
    small = len(mesh.vertices) <= 65535
    faces = mesh.faces.reshape(-1).astype(np.uint16 if small else np.uint32)
    indices = writer.array(faces, _UINT16 if small else _UINT32, "SCALAR", _INDEX)
    return {"attributes": attributes, "indices": indices, "material": len(writer.materials) - 1}


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def _file(document: dict[str, Any], chunk: bytes) -> bytes:
    text = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    text += b" " * (-len(text) % 4)
    chunk += bytes(-len(chunk) % 4)
    size = 12 + 8 + len(text) + (8 + len(chunk) if chunk else 0)
    parts = [struct.pack("<4sII", b"glTF", 2, size), struct.pack("<II", len(text), _JSON), text]
    if chunk:
        parts += [struct.pack("<II", len(chunk), _BIN), chunk]
    return b"".join(parts)
