"""Runs a policy in the physics that made the data. The policy here replays stored actions.

python examples/evaluate_in_world.py demo/pick_place 5

Replace ``Replay`` by a trained policy: it sees observations, it returns absolute joint targets and
a gripper opening. Use a run seed that made no training data for scenes the policy has never seen.
"""

import sys

import numpy as np

import datafactory as df
from datafactory.plugin import load_generator
from datafactory.store.stored import StoredEpisode


class Replay:
    """The stored actions of one episode, one after the other; the last one is held."""

    def __init__(self, episode: StoredEpisode) -> None:
        record = episode.trajectory
        self.actions = np.concatenate([record.action_joint, record.action_gripper[:, None]], axis=1)
        self.frame = 0

    def __call__(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        del observation  # a learned policy looks at this
        action = self.actions[min(self.frame, len(self.actions) - 1)]
        self.frame += 1
        return action


def main(path: str, episodes: int) -> None:
    data = df.open(path)
    run = data.runs()[0]
    generator = load_generator(run.generator)
    world = generator.world(generator.spec(run.spec), run.run_seed)
    solved = 0
    for position in range(min(episodes, len(data))):
        episode = data.episode(position)
        observation, info = world.reset(options={"index": episode.attempt})
        policy = Replay(episode)
        ended = success = False
        while not ended:
            observation, _, terminated, truncated, step = world.step(policy(observation))
            success = step["success"]
            ended = terminated or truncated
        solved += success
        print(f"{'success' if success else 'failure':8} {policy.frame:4d} frames  "
              f"{info['instruction']}")  # fmt: skip
    print(f"{solved} of {min(episodes, len(data))}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "demo/pick_place",
         int(sys.argv[2]) if len(sys.argv) > 2 else 5)  # fmt: skip
