"""One of several training processes, for the tests: python zoo_ranks.py RECIPE RUN DATA OUT

Trains, and writes ``OUT/RANK.pt``: the weights, the windows it saw, and an averaged gradient.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from datafactory_zoo.distribution import Distribution
from datafactory_zoo.recipe import load_recipe
from datafactory_zoo.train import Training


def averaged(distribution: Distribution) -> float:
    """The gradient of rank + 1, after the exchange."""
    module = torch.nn.Linear(1, 1, bias=False)
    wrapped = distribution.wrap(module)
    loss = wrapped(torch.ones(1, 1)).sum() * (distribution.rank + 1)
    distribution.backward(loss)
    assert module.weight.grad is not None
    return float(module.weight.grad)


def main() -> None:
    recipe, run, data, out = sys.argv[1:]
    training = Training(load_recipe(recipe)[0], Path(run), data, resume=False)
    distribution, seen = training.distribution, []
    gradient = averaged(distribution)
    step = training._one_step

    def watched(batch):
        seen.append(batch["state"].clone())
        return step(batch)

    training._one_step = watched
    progress = [p.step for p in training.steps()]
    found = {"weights": training.policy.state_dict(), "seen": torch.stack(seen)}
    found |= {"gradient": gradient, "world": distribution.world, "progress": progress}
    torch.save(found, Path(out) / f"{distribution.rank}.pt")


main()
