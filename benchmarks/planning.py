"""Microseconds of each planning primitive, on a 7-DoF arm, a table and 8 objects.

Run from the repository's root: ``python -m benchmarks.planning``. Every figure is the best of
several repetitions of the mean over many calls.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

import numpy as np

from datafactory.geometry import Pose
from datafactory.planning.cartesian import straight_path
from datafactory.planning.motion import plan_free, plan_line
from datafactory.planning.sampling import segments
from datafactory.planning.timing import dense_trajectory, polyline_trajectory
from tests.arm_fixture import (
    HOME,
    LIMITS,
    TABLE,
    collision_world,
    compile_world,
    kinematics,
    random_q,
    table_scene,
    wall,
)

DOWN = (0.0, 1.0, 0.0, 0.0)


def micros(call: Callable[[], object], number: int) -> float:
    """Best mean time of a call, microseconds."""
    return min(timeit.repeat(call, number=number, repeat=7)) / number * 1e6


def report(name: str, value: float, note: str = "") -> None:
    """Prints one row."""
    print(f"{name:<42}{value:>10.1f} us   {note}")


def kinematics_rows(rng: np.random.Generator) -> None:
    """Forward and inverse kinematics."""
    kin = kinematics()
    near = kin.fk(HOME + 0.1)
    start = kin.fk(HOME)
    goal = Pose(start.position + np.array([0.0, 0.05, -0.15]), start.quat)
    path = straight_path(start, goal, 17)
    far = [kin.fk(random_q(rng, 0.4)) for _ in range(20)]
    report("fk", micros(lambda: kin.fk(HOME), 2000))
    used = kin.solve(near, HOME).iterations
    report("ik, near seed", micros(lambda: kin.solve(near, HOME), 500), f"{used} iterations")
    each = micros(lambda: [kin.solve(pose, HOME) for pose in far], 10) / len(far)
    report("ik, from home to anywhere", each, "mean of 20 poses, hits and misses")
    report("ik, step of a 1 cm line", micros(lambda: kin.line(HOME, path), 50) / 16)
    report("posture score", micros(lambda: kin.score(HOME), 1000))


def collision_rows(rng: np.random.Generator) -> None:
    """Collision queries."""
    scene = table_scene(8)
    world = collision_world(scene)
    report("CollisionWorld(...)", micros(lambda: collision_world(scene), 30))
    report("check, home", micros(lambda: world.check(HOME), 2000))
    postures = [random_q(rng) for _ in range(100)]
    each = micros(lambda: [world.check(q) for q in postures], 10) / len(postures)
    report("check, anywhere", each, "mean of 100 postures")
    goal = HOME + np.array([0.8, 0.2, 0, 0, 0, 0, 0.4])
    note = f"{1 + segments(HOME, goal, 0.04)} checks"
    report("edge, 0.8 rad, free", micros(lambda: world.edge_free(HOME, goal), 200), note)
    held = Pose.of([0.0, 0.0, 0.02])
    report("attach", micros(lambda: world.attach("object1", held), 100))
    report("check, home, holding", micros(lambda: world.check(HOME), 2000))


def motion_rows(rng: np.random.Generator) -> None:
    """Timing and whole motions."""
    kin = kinematics()
    goal = HOME + np.array([0.8, 0.2, 0, 0, 0, 0, 0.4])
    corners = np.stack([random_q(rng) for _ in range(4)])
    start = kin.fk(HOME)
    below = Pose(start.position + np.array([0.0, 0.0, -0.1]), start.quat)
    line = kin.line(HOME, straight_path(start, below, 11)).q
    straight = polyline_trajectory([HOME, goal], LIMITS)
    times = np.arange(0.0, straight.duration_s, 0.002)
    report("timing, straight", micros(lambda: polyline_trajectory([HOME, goal], LIMITS), 200))
    report("timing, 4 way-points", micros(lambda: polyline_trajectory(corners, LIMITS), 100))
    report("timing, line of 11 points", micros(lambda: dense_trajectory(line, LIMITS), 100))
    report("sample", micros(lambda: straight.sample(times), 100), f"{len(times)} times")
    world = collision_world(table_scene(8))
    report("plan_free, straight", micros(lambda: plan_free(world, HOME, goal, LIMITS, rng), 50))
    report("plan_line, 10 cm", micros(lambda: plan_line(world, kin, HOME, below, LIMITS), 30))
    barrier = wall("wall", (0.5, 0.0, 0.2), (0.25, 0.02, 0.2))
    blocked = collision_world(compile_world(TABLE, barrier))
    ends = [kin.solve(Pose.of([0.5, y, 0.15], DOWN), HOME).q for y in (-0.25, 0.25)]
    seeds = range(10)

    def detours() -> list[int]:
        made = []
        for seed in seeds:
            generator = np.random.Generator(np.random.PCG64(seed))
            made.append(plan_free(blocked, ends[0], ends[1], LIMITS, generator).collision_checks)
        return made

    checks = int(np.mean(detours()))
    report("plan_free, round a wall", micros(detours, 1) / len(seeds), f"{checks} checks, 10 seeds")


if __name__ == "__main__":
    GENERATOR = np.random.Generator(np.random.PCG64(1))
    kinematics_rows(GENERATOR)
    collision_rows(GENERATOR)
    motion_rows(GENERATOR)
