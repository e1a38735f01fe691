"""A task in three lines; another robot is one word."""

import datafactory as df

task = df.Task(
    "put {a} on {b}", objects={"a": df.query("mug"), "b": df.query("plate")}, goal=df.on("a", "b")
)
summary = df.generate(task, n=10, out="data/mugs", robot="franka_panda")
print(f"{summary.accepted} episodes from {summary.attempted} attempts in {summary.path}")
