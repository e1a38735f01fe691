"""Reads a dataset: filters, one episode as numpy arrays, rejected attempts, versions.

python examples/read_dataset.py demo/pick_place
"""

import sys

import datafactory as df


def main(path: str) -> None:
    data = df.open(path)
    print(f"{len(data)} accepted episodes, version {data.version}")

    # Arrow tables; filters run in the store, so only matching rows are read.
    table = data.episodes("length < 150", columns=["instruction", "length", "robot"], limit=3)
    for row in table.to_pylist():
        print(f"  {row['length']:4d} frames  {row['robot']}  {row['instruction']}")

    # One episode, by position or by id: arrays exactly as they were recorded.
    episode = data.episode(0)
    record = episode.trajectory
    print(f"\n{episode.instruction}")
    print("  measured joints ", episode.joint_positions().shape, "rad")
    print("  joint targets   ", record.action_joint.shape, "rad, absolute")
    print("  tool pose       ", record.eef_pose.shape, "xyz + wxyz, world")
    print("  object poses    ", record.object_poses.shape, [o.category for o in episode.objects])
    print("  delta targets   ", episode.delta_action_joint().shape, "a view, not stored")
    for phase in record.phases:
        print(f"  {phase.start:4d}-{phase.stop:<4d} {phase.name}")

    # Why it counts as a success: every check with its number.
    worst = [c for c in episode.verdict.checks if c.stage == "hold" and c.unit == "m"]
    print("\n" + "\n".join(f"  {c.check}: {c.value:.4g} of {c.limit:g} {c.unit}" for c in worst))

    # Rejected attempts are rows too.
    rejected = data.attempts(columns=["attempt", "stage", "reason"]).to_pylist()
    print(f"\n{len(rejected)} rejected attempts")
    for row in rejected[:3]:
        print(f"  attempt {row['attempt']}: {row['reason']} in stage {row['stage']}")

    # Lineage: what made it.
    run = data.runs()[-1]
    print(f"\nmade by {run.generator} {run.generator_version}, seed {run.run_seed}, {run.engine}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "demo/pick_place")
