"""Measures robots alone: ``python -m benchmarks.robot_numbers [NAME ...]``; all by default."""

from __future__ import annotations

import sys
import time

import mujoco
import numpy as np

from datafactory.plugin import registered
from datafactory.robots import load_robot
from datafactory.robots.model import RobotModel
from datafactory.testing.robots import RobotBench, check_robot

HALF_M = 0.02


def cpu_s(work) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def grip_force(robot: RobotModel) -> float:
    """Force of one pad on a 40 mm box that cannot move, N."""
    (x, y, z), _ = RobotBench(robot).tcp()
    box = f'<geom name="robot/box" type="box" size="{HALF_M} {HALF_M} {HALF_M}" pos="{x} {y} {z}"/>'
    bench = RobotBench(robot, box)
    bench.command(np.asarray(bench.arm.home), bench.arm.gripper_ctrl_closed)
    bench.run(1.5)
    pads = {bench.model.geom(geom).id for geom in bench.arm.pad_geoms[0]}
    total, force = 0.0, np.zeros(6)
    for k, contact in enumerate(bench.data.contact):
        if {contact.geom1, contact.geom2} & pads:
            mujoco.mj_contactForce(bench.model, bench.data, k, force)
            total += float(force[0])
    return total


def main() -> None:
    for name in sys.argv[1:] or sorted(registered("robot")):
        robot = load_robot(name)
        report = check_robot(robot)
        compile_s = float(np.median([cpu_s(lambda r=robot: RobotBench(r)) for _ in range(7)]))
        bench = RobotBench(robot)
        bench.run(0.2)
        step_s = min(cpu_s(lambda b=bench: b.run(2.0)) for _ in range(5)) / 1000
        print(f"{name}: compile {1e3 * compile_s:.1f} ms, step {1e6 * step_s:.1f} us, "
              f"{bench.model.nv} degrees of freedom, {bench.model.ngeom} geoms, "
              f"lag {1e3 * report.lag_s:.1f} ms, closes in {report.close_s:.2f} s, "
              f"{grip_force(robot):.0f} N per pad, slip {1e3 * report.slip_m:.2f} mm, "
              f"penetration {1e3 * report.penetration_m:.2f} mm")  # fmt: skip


if __name__ == "__main__":
    main()
