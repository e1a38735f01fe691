"""What is known of every pixel and object of a rendered camera view; computed from states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datafactory.render.stage import Intrinsics

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Annotations:
    """Annotations of F frames of one camera; n objects in the order of the episode's objects.

    Pixel coordinates are continuous, as in ``Intrinsics``: boxes are (left, top, right, bottom)
    edges, so a box around the single pixel (3, 5) is (3, 5, 4, 6). Boxes are NaN where there is
    nothing to bound; points behind the camera are NaN.

    Attributes:
        visible_box: (F, n, 4) float32 tight box around the visible pixels.
        amodal_box: (F, n, 4) float32 tight box around the object's outline as if nothing stood in
            front of it, clipped to the image.
        visible_pixels: (F, n) int32 pixels that show the object.
        amodal_pixels: (F, n) int32 pixels its unoccluded outline covers inside the image.
        visibility: (F, n) float32 visible pixels / pixels of its whole outline (in- or outside the
            image), in [0, 1].
        center_uv: (F, n, 2) float32 projection of the object's bounding box centre.
        corners_uv: (F, n, 8, 2) float32 projections of the corners of its 3D bounding box; corner
            k lies on the upper side in x, y and z where bits 2, 1 and 0 of k are set.
        box_camera: (F, n, 7) float32 camera_from_box: pose of its 3D bounding box, xyz + wxyz;
            the box's sides are the object's ``size``.
        tcp_uv: (F, 2) float32 projection of the tool centre point.
        tcp_camera: (F, 3) float32 tool centre point in the camera's frame, metres.
        fingertips_uv: (F, 2, 2) float32 projections of the two finger pads' inner faces at the
            tool centre point; the pad on the tool's +y side first, as in ``grasp_uv``.
        grasp_uv: (F, g, 2, 2) float32 the two points where grasp k touches its object, carried
            with the object over all frames; g grasps in order of time.
        grasp_object: (g,) int32 object index of each grasp.
        grasp_frame: (g,) int32 episode frame at which each grasp closed.
    """

    visible_box: Floats
    amodal_box: Floats
    visible_pixels: NDArray[np.int32]
    amodal_pixels: NDArray[np.int32]
    visibility: Floats
    center_uv: Floats
    corners_uv: Floats
    box_camera: Floats
    tcp_uv: Floats
    tcp_camera: Floats
    fingertips_uv: Floats
    grasp_uv: Floats
    grasp_object: NDArray[np.int32]
    grasp_frame: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Masks:
    """Labelled images of F frames as run lengths, row by row from the top left.

    Attributes:
        height, width: Size of every frame, pixels.
        offsets: (F + 1,) int64 first run of each frame; the last entry is the number of runs.
        values: (R,) uint8 label of each run.
        lengths: (R,) int32 pixels of each run; a frame's runs add up to height * width.
    """

    height: int
    width: int
    offsets: NDArray[np.int64]
    values: NDArray[np.uint8]
    lengths: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Media:
    """Encoded images of F frames.

    Attributes:
        codec: ``h264`` (one MP4 file), ``jpeg`` (JPEG files one after another), ``png``, or
            ``png16`` (16-bit grey, depth in millimetres, 0 for none).
        data: The bytes.
        offsets: (F + 1,) int64 byte offsets of the frames' files within ``data``; empty for
            ``h264``.
    """

    codec: str
    data: bytes
    offsets: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class View:
    """One rendered camera of one episode in one variant: a row of the ``renders`` table.

    Attributes:
        episode_id: Episode it shows.
        variant: Name of the render variant.
        camera: Camera name.
        renderer, renderer_version: What made it.
        style_hash: Hash of the style it was rendered in.
        look_json: Parameters drawn for this episode, canonical JSON.
        fps: Images per second; image i is at i / fps exactly.
        frames: (F,) int32 episode frame each image shows.
        intrinsics: Pinhole parameters.
        world_from_camera: (F, 7) float32, OpenCV axes.
        base_from_camera: (F, 7) float32, in the robot's base frame.
        entities: Labels of mask values.
        video: Colour images.
        depth: Depth images; None when the style stores none.
        masks: Labelled images; None when the style stores none.
        annotations: What is known of the objects.
        phase: (F,) int16 index into the episode's phases.
        thumbnail: WebP, at most 160 pixels wide, of the most telling frame.
        strip: WebP contact strip of 6 frames.
        cpu_s: CPU seconds by step.
    """

    episode_id: str
    variant: str
    camera: str
    renderer: str
    renderer_version: str
    style_hash: str
    look_json: str
    fps: int
    frames: NDArray[np.int32]
    intrinsics: Intrinsics
    world_from_camera: Floats
    base_from_camera: Floats
    entities: tuple[str, ...]
    video: Media
    depth: Media | None
    masks: Masks | None
    annotations: Annotations
    phase: NDArray[np.int16]
    thumbnail: bytes
    strip: bytes
    cpu_s: dict[str, float]

    @property
    def length(self) -> int:
        """Number of images F."""
        return len(self.frames)
