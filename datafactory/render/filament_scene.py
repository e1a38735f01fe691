"""One film as a Filament scene: meshes, materials, lights and cameras handed over, pictures read.

The library frees what Python lets go of even while a light or a scene still uses it, so everything
is kept until the drawing is done and then freed in order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import quat_to_matrix
from datafactory.render.backdrop import composite_sky, linear_from_srgb, srgb_from_linear
from datafactory.render.environment import cube_ktx, texture_ktx
from datafactory.render.stage import BACKGROUND, Film, Floats, Images, Light, Material, Mesh, Shot

NEAR_M = 0.01
FAR_M = 100.0
BRIGHTER = 8.0
SHADOW_TEXELS = 1024
FULL_LUX = math.pi * 1.2 * 2.0**15
"""Illuminance that Filament's default exposure (EV 15) shows as white on a white surface."""
FULL_AMBIENT = 1.2 * 2.0**15
"""The same for light from all sides."""


class Drawing:
    """One film in one Filament scene of a context."""

    def __init__(self, context: Any, film: Film) -> None:
        from mujoco import mjrf

        self.mjrf, self.context, self.film = mjrf, context, film
        self.scene = context.create_scene(mjrf.SceneParams())
        self.kept: list[Any] = []
        self.uploads: list[Any] = []
        self.meshes: dict[int, tuple[Any, int]] = {}
        self.textures: dict[int, Any] = {}
        self.lights: list[tuple[Any, float]] = []
        self.glowing: list[tuple[Any, Any, float]] = []
        self.moving: list[tuple[int, Any]] = []
        self.targets: dict[tuple[int, int, Any], Any] = {}
        for index, body in enumerate(film.stage.bodies):
            for surface in body.surfaces:
                self._add(index, surface.mesh, surface.material, body.entity)
        middle = self._table_middle()
        for light in film.stage.lights:
            self._add_light(light, middle)
        self._add_environment()

    def free(self) -> None:
        """Frees everything, users before what they use: the library keeps nothing alive itself."""
        for _, renderable in self.moving:
            self.scene.remove_renderable(renderable)
        for light, _ in self.lights:
            self.scene.remove_light(light)
        self.moving.clear()
        self.glowing.clear()
        self.lights.clear()
        self.scene = None
        self.context.flush()
        self.meshes.clear()
        self.textures.clear()
        self.targets.clear()
        self.kept.clear()
        for data in self.uploads:
            data.free()
        self.uploads.clear()
        self.context.flush()

    def _add(self, body: int, mesh: Mesh, material: Material, entity: int) -> None:
        made = self.context.create_renderable(
            self.mjrf.RenderableParams(cast_shadow=True, receive_shadow=True, blend_order=0)
        )
        made.set_mesh(*self._mesh(mesh))
        lit = linear_from_srgb(material.rgb) * (1.0 - material.emission)
        look = self.mjrf.Material(
            color=np.array([*srgb_from_linear(lit), 1.0], dtype=np.float32),
            roughness=1.0 - 0.9 * material.gloss,
            metallic=0.0,
            segmentation_id=entity,
        )
        if material.texture is not None:
            look.color_texture = self._texture(material.texture)
        if material.emission > 0.0:
            tint = np.rint(255.0 * np.array(material.rgb)).astype(np.uint8).reshape(1, 1, 3)
            glow = tint if material.texture is None else material.texture
            look.emissive_texture = self._texture(glow)
            self.glowing.append((made, look, material.emission))
        made.set_material(look)
        self.scene.add_renderable(made)
        self.moving.append((body, made))

    def _mesh(self, mesh: Mesh) -> tuple[Any, int, int]:
        if id(mesh) not in self.meshes:
            m = self.mjrf
            attributes = [
                m.VertexAttribute(
                    getattr(m.VertexAttributeUsage, f"VERTEX_ATTRIBUTE_USAGE_{usage}"),
                    getattr(m.VertexAttributeType, f"VERTEX_ATTRIBUTE_TYPE_FLOAT{size}"),
                )
                for usage, size in (("POSITION", 3), ("TANGENTS", 4), ("UV", 2))
            ]
            config = m.MeshConfig(
                max_vertices=len(mesh.vertices),
                max_indices=mesh.faces.size,
                interleaved=True,
                index_type=m.IndexType.INDEX_TYPE_U32,
                attributes=attributes,
            )
            # Textures are stored from the top, where v is 1.
            uv = np.column_stack([mesh.uv[:, 0], 1.0 - mesh.uv[:, 1]])
            vertices = np.hstack([mesh.vertices, _normal_frames(mesh.normals), uv])
            data = m.MeshData(compute_bounds=True)
            data.set_vertices(config, vertices.astype(np.float32).tobytes())
            data.set_indices(config, mesh.faces.astype(np.uint32).tobytes())
            made = self.context.create_mesh(config)
            made.upload(data)
            self.uploads.append(data)
            self.meshes[id(mesh)] = made, mesh.faces.size
        made, count = self.meshes[id(mesh)]
        return made, 0, count

    def _texture(self, image: NDArray[np.uint8]) -> Any:
        if id(image) not in self.textures:
            self.kept.append(image)
            self.textures[id(image)] = self._ktx(
                texture_ktx(image), self.mjrf.SamplerType.TEXTURE_2D
            )
        return self.textures[id(image)]

    def _ktx(self, content: bytes, sampler: Any) -> Any:
        texture = self.context.create_texture(
            self.mjrf.TextureConfig(
                width=len(content),
                height=0,
                format=self.mjrf.PixelFormat.PIXEL_FORMAT_KTX,
                sampler_type=sampler,
            )
        )
        data = self.mjrf.TextureData()
        data.set_image(content)
        texture.upload(data)
        self.uploads.append(data)
        self.kept.append(texture)  # neither lights nor materials keep their textures alive
        return texture

    def _table_middle(self) -> NDArray[np.float64]:
        """(3,) middle of the table in the first frame; of all bodies without one."""
        named = [i for i, b in enumerate(self.film.stage.bodies) if b.name == "table"]
        poses = self.film.world_from_body[0]
        if not len(poses):
            return np.zeros(3)
        return np.asarray(poses[named or slice(None), :3].mean(axis=0))

    def _add_light(self, light: Light, middle: NDArray[np.float64]) -> None:
        kinds = self.mjrf.LightType
        sun = light.kind == "sun"
        strength = max(light.rgb)
        away = 1.0 if sun else float(np.sum((np.array(light.position) - middle) ** 2))
        made = self.context.create_light(
            self.mjrf.LightParams(
                type=kinds.LIGHT_DIRECTIONAL if sun else kinds.LIGHT_POINT,
                color=np.array(light.rgb, dtype=np.float32) / max(strength, 1e-9),
                intensity=0.0,
                cast_shadow=light.shadow and self.film.shadows,
                range=FAR_M,
                shadow_map_size=SHADOW_TEXELS,
            )
        )
        made.set_pose(
            np.array(light.position, dtype=np.float32), np.array(light.direction, dtype=np.float32)
        )
        self.scene.add_light(made)
        self.lights.append((made, FULL_LUX * strength * away))

    def _add_environment(self) -> None:
        stage = self.film.stage
        content = cube_ktx(stage.sky, np.array(stage.ambient))
        made = self.context.create_light(
            self.mjrf.LightParams(
                type=self.mjrf.LightType.LIGHT_IMAGE,
                color=np.ones(3, dtype=np.float32),
                texture=self._ktx(content, self.mjrf.SamplerType.TEXTURE_CUBE),
                intensity=0.0,
            )
        )
        self.scene.add_light(made)
        self.lights.append((made, FULL_AMBIENT))

    def shoot(self) -> list[Images]:
        """Draws all frames of all cameras, in the order of the shots."""
        film = self.film
        frames = len(film.world_from_body)
        images, coverage = [], []
        for shot in film.shots:
            size = (frames, shot.intrinsics.height, shot.intrinsics.width)
            rgb = np.empty((*size, 3), np.uint8)
            images.append(Images(rgb, np.zeros(size, np.float32), np.empty(size, np.uint8)))
            smooth = film.samples > 1 and film.stage.sky is not None
            coverage.append(np.empty(size, np.float32) if smooth else None)
        for frame in range(frames):
            for body, renderable in self.moving:
                pose = film.world_from_body[frame, body]
                turn = quat_to_matrix(pose[3:]).astype(np.float32)
                renderable.set_pose(pose[:3].astype(np.float32), turn.ravel())
            for shot, image, share in zip(film.shots, images, coverage, strict=True):
                self._frame(shot, frame, image, share)
        return [
            composite_sky(image, shot, film.stage.sky, share)
            for shot, image, share in zip(film.shots, images, coverage, strict=True)
        ]

    def _frame(self, shot: Shot, frame: int, image: Images, share: Floats | None) -> None:
        modes, n = self.mjrf.DrawMode, self.film.samples
        camera = self._camera(shot, frame)
        light = []
        for gain in (1.0, BRIGHTER):
            self._expose(gain)
            light.append(self._draw(shot, camera, modes.DRAW_MODE_DEFAULT, np.uint8, n))
        coarse, fine = light
        linear = np.where(fine < 250, fine / np.float32(BRIGHTER), coarse) / np.float32(255.0)
        encoded = srgb_from_linear(_box(linear.astype(np.float32), n))
        image.rgb[frame] = np.rint(encoded * 255.0).astype(np.uint8)
        labels = self._draw(shot, camera, modes.DRAW_MODE_SEGMENTATION_BY_ID, np.uint8, 1)
        image.entity[frame] = labels[..., 0]
        if self.film.depth:
            inverse = self._draw(shot, camera, modes.DRAW_MODE_DEPTH, np.float32, 1)
            # Depth values are reversed: 1 at the near plane, 0 at the far plane.
            metres = np.float32(NEAR_M * FAR_M) / (NEAR_M + inverse * np.float32(FAR_M - NEAR_M))
            image.depth_m[frame] = np.where(labels[..., 0] == BACKGROUND, np.float32(0.0), metres)
        if share is not None:
            fine_labels = self._draw(shot, camera, modes.DRAW_MODE_SEGMENTATION_BY_ID, np.uint8, n)
            share[frame] = _box((fine_labels[..., :1] == BACKGROUND).astype(np.float32), n)[..., 0]

    def _expose(self, gain: float) -> None:
        for light, intensity in self.lights:
            light.set_intensity(intensity * gain)
        for renderable, material, emission in self.glowing:
            material.emissive = emission * gain
            renderable.set_material(material)

    def _camera(self, shot: Shot, frame: int) -> Any:
        i, pose = shot.intrinsics, shot.world_from_camera[frame]
        axes = quat_to_matrix(pose[3:]).astype(np.float32)
        return self.mjrf.Camera(
            pos=pose[:3].astype(np.float32),
            forward=axes[:, 2],
            up=-axes[:, 1],
            frustum_center=NEAR_M * (0.5 * i.width - i.cx) / i.fx,
            frustum_width=NEAR_M * 0.5 * i.width / i.fx,
            frustum_bottom=NEAR_M * (i.cy - i.height) / i.fy,
            frustum_top=NEAR_M * i.cy / i.fy,
            frustum_near=NEAR_M,
            frustum_far=FAR_M,
        )

    def _draw(self, shot: Shot, camera: Any, mode: Any, dtype: type, samples: int) -> Any:
        """(h, w, 3) uint8 or (h, w) float32, ``samples`` times as large as the shot's images."""
        m = self.mjrf
        width, height = shot.intrinsics.width * samples, shot.intrinsics.height * samples
        is_float = dtype is np.float32
        pixels = m.PixelFormat.PIXEL_FORMAT_R32F if is_float else m.PixelFormat.PIXEL_FORMAT_RGB8
        target = self.targets.get((width, height, dtype))
        if target is None:
            config = m.RenderTargetConfig(
                width=width,
                height=height,
                color_format=pixels,
                depth_format=m.PixelFormat.PIXEL_FORMAT_DEPTH32F,
            )
            target = self.targets[width, height, dtype] = self.context.create_render_target(config)
        request = m.RenderRequest(
            scene=self.scene,
            camera=camera,
            viewport=m.Rect(0, 0, width, height),
            target=target,
            draw_mode=mode,
            post_processing=False,
            reflections=False,
            shadows=self.film.shadows,
            skybox=False,
            haze=False,
        )
        out: NDArray[Any] = np.empty((height, width) if is_float else (height, width, 3), dtype)
        reading = m.ReadRequest(target=target)
        reading.set_buffer(out)
        self.context.wait_for_frame(self.context.render([request], [reading]))
        return out


def _normal_frames(normals: Floats) -> NDArray[np.float64]:
    """(n, 4) xyzw rotations that turn z to each normal (n, 3); w > 0 marks a right-handed frame."""
    n = normals.astype(np.float64)
    n = n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-12)
    quat = np.column_stack([-n[:, 1], n[:, 0], np.zeros(len(n)), 1.0 + n[:, 2]])
    quat[n[:, 2] < -1.0 + 1e-9] = (1.0, 0.0, 0.0, 1e-4)
    return np.asarray(quat / np.linalg.norm(quat, axis=1, keepdims=True))


def _box(fine: Floats, n: int) -> Floats:
    """Means over n x n blocks: (h n, w n, c) to (h, w, c)."""
    height, width, channels = fine.shape
    blocks = fine.reshape(height // n, n, width // n, n, channels)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)
