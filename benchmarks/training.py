"""Where the time of a training step goes: reading, preparing, seeing, learning.

    python -m benchmarks.training DATASET [--recipe pick_one_cameras] [--variant NAME] [--rounds 7]

Each part is measured on batches of the recipe, in CPU seconds of one thread; medians over rounds.
Precisions this machine does not multiply in hardware are left out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from datafactory.seeding import stream
from datafactory_zoo.pictures import augmented
from datafactory_zoo.policy import Policy, configured, policy_class
from datafactory_zoo.processors import Inputs
from datafactory_zoo.recipe import Recipe, load_recipe, recipe_from_dict
from datafactory_zoo.train import bf16_on_cpu
from datafactory_zoo.training_data import Source, open_sources


def cpu_s(work: Callable[[], object], rounds: int) -> float:
    """Median CPU seconds of a call after one that warms up."""
    work()
    found = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return median(found)


def learn(policy: Policy, inputs: Inputs, precision: str) -> None:
    """Loss and gradients."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
        loss, _ = policy(inputs, torch.Generator().manual_seed(0))
    loss.backward()  # type: ignore[no-untyped-call]
    policy.zero_grad()


def measure(source: Source, policy: Policy, recipe: Recipe, rounds: int) -> dict[str, float]:
    """CPU seconds of each part."""
    draws = stream(recipe.seed, "bench", 0, "samples")
    data, size = source.train, recipe.train.batch

    def drawn() -> np.ndarray:
        return np.sort(draws.integers(len(data), size=size))

    batch = data.batch(drawn())
    inputs = source.processors.training(batch)
    found = {
        "low-dimensional values, read": cpu_s(
            lambda: data.low_dimensional().batch(drawn()), rounds
        ),
        "everything, read and decoded": cpu_s(lambda: data.batch(drawn()), rounds),
        "prepared": cpu_s(lambda: source.processors.training(batch), rounds),
    }
    if recipe.cameras:
        plain = inputs["images"]
        generator = torch.Generator().manual_seed(0)
        found["augmented and normalised"] = cpu_s(
            lambda: augmented(plain, generator, recipe.train.shift_px), rounds
        )
        inputs["images"], inputs["moved"] = augmented(plain, generator, recipe.train.shift_px)
    for precision in ("fp32", "bf16") if bf16_on_cpu() else ("fp32",):
        found[f"loss and gradients, {precision}"] = cpu_s(
            lambda precision=precision: learn(policy, inputs, precision), rounds
        )
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--recipe", default="pick_one_cameras")
    parser.add_argument("--variant")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = load_recipe(asked.recipe)[0].model_dump(mode="json")
    data["data"] = [{"variant": asked.variant}]
    data["train"]["keep_images"] = False
    recipe = recipe_from_dict(data)
    kind = policy_class(recipe.policy)
    (source,) = open_sources(recipe, kind, asked.dataset)
    policy = kind(source.processors.io, configured(kind, recipe.size, recipe.network))
    print(f"{recipe.name}: batches of {recipe.train.batch} windows, "
          f"{policy.parameter_count / 1e6:.2f} M parameters, one thread")  # fmt: skip
    for name, seconds in measure(source, policy, recipe, asked.rounds).items():
        print(f"{name:32s} {1e3 * seconds:8.1f} ms")


if __name__ == "__main__":
    main()
