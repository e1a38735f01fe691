"""From a recipe to streams of network inputs: datasets opened, split, measured, mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from datafactory.errors import SpecError
from datafactory.store.dataset import Dataset, open_dataset
from datafactory.store.labels import excluded_ids
from datafactory.store.variants import variants
from datafactory_zoo.displacement import check_displaceable, displaced
from datafactory_zoo.eyes import Sight
from datafactory_zoo.interface import PolicyIO
from datafactory_zoo.loader import Batch, BatchStream, WindowDataset
from datafactory_zoo.mixture import Mixture, MixtureState, assign_lpt, mixture_weights
from datafactory_zoo.policy import Policy
from datafactory_zoo.processors import Processors, measure
from datafactory_zoo.recipe import DataSpec, Recipe, Schedule
from datafactory_zoo.splits import Split, divide
from datafactory_zoo.statistics import Statistics, merged


@dataclass(frozen=True, eq=False)
class Source:
    """One dataset of a mixture, ready to be read.

    Attributes:
        spec: What the recipe says of it.
        train: Windows of the training episodes.
        validation: Windows of the episodes kept back; None when there are none.
        processors: Processors of its robot.
        lineage: Where it came from: path, version, episodes.
    """

    spec: DataSpec
    train: WindowDataset
    validation: WindowDataset | None
    processors: Processors
    lineage: dict[str, Any]


def open_sources(recipe: Recipe, kind: type[Policy], path: str | None) -> tuple[Source, ...]:
    """Opens the recipe's datasets and takes their statistics.

    Args:
        recipe: Recipe.
        kind: The policy's class, whose defaults fill in what the recipe leaves open.
        path: Dataset for entries of the recipe without one.

    Raises:
        SpecError: A dataset is not named, or the recipe observes nothing.
        DatasetError: A dataset lacks what the recipe needs.
    """
    found = []
    for entry in recipe.data:
        place = entry.path or path
        if not place:
            raise SpecError("the recipe does not name its data", where="data.path",
                            remedy="datafactory train RECIPE --data DATASET")  # fmt: skip
        found.append((entry, open_dataset(place)))
    if recipe.cameras:
        for number, (entry, dataset) in enumerate(found):
            _check_variant(number, entry, dataset)
    parts = [_windows(recipe, kind, entry, dataset) for entry, dataset in found]
    ios = _alike([io for io, _, _ in parts])
    if recipe.train.displace_m or recipe.train.displace_rad:
        check_displaceable(ios[0])
    statistics = _by_robot(ios, [train for _, train, _ in parts], recipe.seed)
    modes: dict[str, Any] = {
        "state_mode": recipe.normalise_state or kind.modes["state_mode"],
        "action_mode": recipe.normalise_action or kind.modes["action_mode"],
    }
    return tuple(
        Source(entry, train, validation, Processors(io, statistics[io.robot], **modes),
               _lineage(dataset, entry, train))
        for (entry, dataset), io, (_, train, validation) in zip(found, ios, parts, strict=True)
    )  # fmt: skip


def _lineage(dataset: Dataset, entry: DataSpec, train: WindowDataset) -> dict[str, Any]:
    """What a checkpoint remembers of its data: enough to evaluate in the same worlds."""
    made = [run for run in dataset.runs() if run.kind == "generate"]
    sight = Sight.of_dataset(dataset, entry.variant) if train.spec.images else None
    return {
        "path": dataset.location.root, "version": dataset.version, "where": entry.where,
        "episodes": len(train.frames), "frames": len(train),
        "generator": made[0].generator if made else "",
        "task": made[0].spec if made else {},
        "run_seeds": sorted({run.run_seed for run in made}),
        "robot": train.frames.robot, "sight": sight.to_dict() if sight else None,
    }  # fmt: skip


def _io(recipe: Recipe, kind: type[Policy]) -> PolicyIO:
    """The policy's inputs and outputs as far as the recipe says them; widths come from data."""
    wanted = dict(kind.defaults)
    for key in ("steps", "chunk", "execute"):
        if getattr(recipe, key) is not None:
            wanted[key] = getattr(recipe, key)
    if not recipe.observation and not recipe.cameras:
        raise SpecError("the recipe observes nothing", where="observation",
                        remedy="name features or cameras")  # fmt: skip
    for key in ("auxiliary", "points"):
        if getattr(recipe, key) and not kind.tells:
            raise SpecError(f"policy '{kind.name}' learns nothing beside its actions", where=key,
                            remedy="leave it out, or train flow_chunk")  # fmt: skip
    if recipe.points and not recipe.cameras:
        raise SpecError("there are no images to find points in", where="points",
                        remedy="name cameras, or leave points out")  # fmt: skip
    return PolicyIO(
        robot="", dof=0, arms=1, fps=20, observation=recipe.observation, cameras=recipe.cameras,
        auxiliary=recipe.auxiliary, points=recipe.points, image_size=recipe.image_size,
        action=recipe.action.form(), text_tokens=recipe.text_tokens,
        tokenizer=recipe.tokenizer, **wanted,
    )  # fmt: skip


def _check_variant(number: int, entry: DataSpec, dataset: Dataset) -> None:
    """Checks that the recipe says which of several variants it sees.

    Raises:
        SpecError: It does not.
    """
    names = [v.name for v in variants(dataset)]
    if entry.variant is None and len(names) > 1:
        raise SpecError(f"{dataset.location.root} has {len(names)} render variants",
                        where=f"data.{number}.variant", why=", ".join(names),
                        remedy=f"name one: --set data.{number}.variant={names[0]}")  # fmt: skip


def _windows(
    recipe: Recipe, kind: type[Policy], entry: DataSpec, dataset: Dataset
) -> tuple[PolicyIO, WindowDataset, WindowDataset | None]:
    split = Split(recipe.split.by, recipe.split.share, recipe.split.limit)
    # Episodes that somebody judged unfit are left out, as they are by exports.
    parts = divide(dataset, split, where=entry.where, without=excluded_ids(dataset))
    listed = dataset.episodes(entry.where, columns=["episode_id", "fps"])
    ids = frozenset(listed.column("episode_id").to_pylist())
    io = replace(_io(recipe, kind), fps=int(listed.column("fps")[0].as_py()))
    options: dict[str, Any] = {"variant": entry.variant, "where": entry.where, "seed": recipe.seed,
                               "keep_images": recipe.train.keep_images}  # fmt: skip
    train = WindowDataset(dataset, io.windows(), without=ids - frozenset(parts.train), **options)
    validation = None
    if parts.validation:
        left_out = ids - frozenset(parts.validation)
        validation = WindowDataset(dataset, io.windows(), without=left_out, **options)
    return io.sized(train.frames), train, validation


def _alike(ios: Sequence[PolicyIO]) -> list[PolicyIO]:
    """The same padded dimensions for all."""
    state, action = max(io.state_dim for io in ios), max(io.action_dim for io in ios)
    return [replace(io, state_dim=state, action_dim=action) for io in ios]


def _by_robot(
    ios: Sequence[PolicyIO], data: Sequence[WindowDataset], seed: int
) -> dict[str, dict[str, Statistics]]:
    """Statistics of every robot over all datasets it appears in."""
    found: dict[str, list[dict[str, Statistics]]] = {}
    for io, part in zip(ios, data, strict=True):
        found.setdefault(io.robot, []).append(measure(part, io, seed))
    return {
        robot: {key: merged([p[key] for p in parts]) for key in parts[0]}
        for robot, parts in found.items()
    }


def _prepare(
    batch: Batch, generator: torch.Generator, processors: Processors, schedule: Schedule
) -> Batch:
    if schedule.displace_m or schedule.displace_rad:
        batch = displaced(batch, processors.io, generator, schedule.displace_m,
                          schedule.displace_rad)  # fmt: skip
    return processors.training(batch)


def training_stream(
    sources: Sequence[Source], recipe: Recipe, *, rank: int = 0, world: int = 1,
    state: MixtureState | None = None,
) -> BatchStream:  # fmt: skip
    """The endless stream of training inputs of one process.

    With several processes and at least as many datasets, each process reads its own share of the
    datasets (longest processing time first); otherwise all read all of them, interleaved.
    """
    sizes = [len(s.train) for s in sources]
    chosen, deal = list(range(len(sources))), (rank, world)
    if world > 1 and len(sources) >= world:
        chosen, deal = assign_lpt(sizes, world)[rank], (0, 1)
    shares = mixture_weights(
        [sizes[k] for k in chosen], [sources[k].spec.weight for k in chosen], recipe.gamma
    )
    seed = recipe.seed + 1_000_003 * (rank if deal == (0, 1) else 0)
    mixture = Mixture([sizes[k] for k in chosen], shares, seed,
                      rank=deal[0], world=deal[1], state=state)  # fmt: skip
    prepare = [
        partial(_prepare, processors=sources[k].processors, schedule=recipe.train) for k in chosen
    ]
    return BatchStream([sources[k].train for k in chosen], prepare, mixture,
                       recipe.train.batch, recipe.seed + 1_000_003 * rank)  # fmt: skip
