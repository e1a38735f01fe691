"""One real episode, stored and read back, with what a stage is built from. For tests only."""

from __future__ import annotations

from functools import lru_cache

from datafactory.episode import AssetRecord
from datafactory.plugin import load_generator
from datafactory.render.look import Look, draw_look
from datafactory.render.poses import BodyTrack, body_track, frame_numbers
from datafactory.render.style import Style
from datafactory.robots import load_robot
from datafactory.robots.model import RobotModel
from datafactory.seeding import Streams
from datafactory.store.encode import Lineage, episode_row
from datafactory.store.stored import StoredEpisode, stored_episode

ROBOT = "primitive_arm"
RENDER_FPS = 10


@lru_cache(maxsize=1)
def recorded() -> tuple[StoredEpisode, tuple[AssetRecord, ...]]:
    """An accepted pick_place episode of the arm without files, and its assets."""
    generator = load_generator("pick_place")
    task = next(t for t in generator.tasks() if t.name == "put_in_container")
    spec = generator.spec(task.spec, robot=ROBOT)
    maker = generator.open(spec, 3)
    made = next(e for e in map(maker.attempt, range(50)) if e.verdict.accepted)
    extra = generator.extra_columns()
    lineage = Lineage("run", "pick_place", "1", spec.spec_hash, 3, "mujoco", "cpu")
    row = episode_row(made, lineage, extra)
    return stored_episode(row, [f.name for f in extra]), made.assets


def episode() -> StoredEpisode:
    return recorded()[0]


def assets() -> tuple[AssetRecord, ...]:
    return tuple(a for a in recorded()[1] if a.geometry_format == "shapes-json")


def robot() -> RobotModel:
    return load_robot(ROBOT)


@lru_cache(maxsize=1)
def track() -> BodyTrack:
    frames = frame_numbers(episode().length, episode().fps, RENDER_FPS)
    return body_track(episode(), {}, frames, robot().camera_mounts)


def style(**changes) -> Style:
    return Style.model_validate({**NAMES, **changes})


NAMES = {
    "style": "test", "sky": "office_windows/01", "table": "wood_veneer/003",
    "floor": "concrete/004", "wall": "painted_wall/002",
}  # fmt: skip


def look(seed: int = 0, **changes) -> Look:
    return draw_look(style(**changes), episode().objects, Streams(seed, "test", 0).__getitem__)
