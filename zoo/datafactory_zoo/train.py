"""The one training loop: every policy, every dataset; resumable to the bit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datafactory.errors import MissingPartError, SpecError
from datafactory.seeding import stream
from datafactory_zoo.checkpoint import (
    Checkpoint,
    find_checkpoint,
    read_checkpoint,
    read_tensors,
    write_checkpoint,
)
from datafactory_zoo.distribution import Distribution
from datafactory_zoo.metrics import make_writers
from datafactory_zoo.mixture import MixtureState
from datafactory_zoo.optimisation import (
    Average,
    learning_rate,
    make_optimiser,
    optimiser_tensors,
    restore_optimiser,
)
from datafactory_zoo.pictures import augmented, normalised
from datafactory_zoo.policy import configured, policy_class
from datafactory_zoo.recipe import Recipe
from datafactory_zoo.sampler import SamplerState
from datafactory_zoo.training_data import Source, open_sources, training_stream

Evaluate = Callable[[Path, int], Mapping[str, float]]
"""Closed-loop evaluation of a checkpoint's folder over some episodes."""


@dataclass(frozen=True)
class Progress:
    """What a step reports.

    Attributes:
        step, steps: Done and planned.
        numbers: Loss and others.
        cpu_s: CPU seconds of this process since the start, earlier calls included.
    """

    step: int
    steps: int
    numbers: Mapping[str, float]
    cpu_s: float


def choose_device(asked: str, precision: str) -> str:
    """The device to train on.

    Raises:
        MissingPartError: CUDA is asked for, or needed by the precision, and not there.
    """
    has_cuda = torch.cuda.is_available()
    if asked == "cuda" and not has_cuda:
        raise MissingPartError("there is no CUDA device", where="train.device",
                               remedy="--set train.device=cpu")  # fmt: skip
    device = "cuda" if has_cuda and asked != "cpu" else "cpu"
    if precision == "bf16" and device == "cpu" and not bf16_on_cpu():
        raise MissingPartError(
            "bf16 training needs a GPU, or a CPU with AVX512-BF16 or AMX", where="train.precision",
            why="no CUDA device is used here, and this CPU multiplies bf16 slower than fp32",
            remedy="--set train.precision=fp32",
        )  # fmt: skip
    return device


def bf16_on_cpu() -> bool:
    """Whether this CPU multiplies bf16 numbers in hardware."""
    # Older releases of torch do not tell.
    can: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))


class Training:
    """One training run.

    Args:
        recipe: What to do.
        run: Folder of the run.
        data: Dataset for entries of the recipe without a path.
        resume: Go on from the run's last checkpoint.
    """

    def __init__(self, recipe: Recipe, run: Path, data: str | None, *, resume: bool) -> None:
        self.recipe, self.run = recipe, run
        kind = policy_class(recipe.policy)
        config = configured(kind, recipe.size, recipe.network)
        self.device = choose_device(recipe.train.device, recipe.train.precision)
        self.distribution = Distribution.of_environment(self.device)
        if recipe.train.threads:
            torch.set_num_threads(recipe.train.threads)
        checkpoint = _last(run, resume)
        self.sources: tuple[Source, ...] = open_sources(recipe, kind, data)
        torch.manual_seed(int(stream(recipe.seed, "train", 0, "weights").integers(2**31)))
        self.policy = kind(self.sources[0].processors.io, config).to(self.device)
        self.optimiser = make_optimiser(self.policy.named_parameters(), recipe.optimiser)
        self.average = Average(self.policy.state_dict(), recipe.optimiser.ema)
        self.noise = torch.Generator().manual_seed(
            int(stream(recipe.seed, "train", self.distribution.rank, "noise").integers(2**31))
        )
        self.step, self.cpu_s, self._begin = 0, 0.0, time.process_time()
        state = self._restore(checkpoint) if checkpoint else None
        self.stream = training_stream(
            self.sources, recipe, rank=self.distribution.rank, world=self.distribution.world,
            state=state,
        )  # fmt: skip
        self.network = self.distribution.wrap(self.policy)

    def _restore(self, checkpoint: Checkpoint) -> MixtureState:
        """Takes over a checkpoint; returns where the stream of samples stands."""
        if checkpoint.description["recipe"] != self.recipe.model_dump(mode="json"):
            raise SpecError(
                "the run was started with another recipe", where=str(checkpoint.folder),
                remedy="use the same recipe and settings, or another --out",
            )  # fmt: skip
        tensors = read_tensors(checkpoint.folder / "training.safetensors")
        prefix = "weights."
        self.policy.load_state_dict(
            {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        )
        averaged = read_tensors(checkpoint.folder / "model.safetensors")
        self.average.weights = {k: v.to(self.device) for k, v in averaged.items()}
        restore_optimiser(self.optimiser, tensors)
        counters = _read_json(checkpoint.folder / "training.json")
        self.step, self.cpu_s = int(counters["step"]), float(counters["cpu_s"])
        ranks = [counters, *counters.get("others", [])]
        if len(ranks) != self.distribution.world:
            raise SpecError(
                f"the run was started with {len(ranks)} processes, not {self.distribution.world}",
                where=str(checkpoint.folder), why="each goes on with its own samples and noise",
                remedy=f"start {len(ranks)}, or choose another --out",
            )  # fmt: skip
        own, suffix = ranks[self.distribution.rank], _suffix(self.distribution.rank)
        self.noise.set_state(tensors[f"random.noise{suffix}"])
        torch.set_rng_state(tensors[f"random.torch{suffix}"])
        samplers = tuple(SamplerState(n) for n in own["drawn"])
        return MixtureState(int(own["batches"]), samplers)

    def total_cpu_s(self) -> float:
        """CPU seconds of all calls of the run so far."""
        return self.cpu_s + time.process_time() - self._begin

    def _autocast(self) -> Any:
        if self.recipe.train.precision == "bf16":
            return torch.autocast(self.device, dtype=torch.bfloat16)
        return nullcontext()

    def _augmentation(self) -> torch.Generator:
        """Draws of the present step: a resumed run repeats them."""
        rng = stream(self.recipe.seed, "augment", self.step, str(self.distribution.rank))
        return torch.Generator().manual_seed(int(rng.integers(2**31)))

    def _one_step(self, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor | float]:
        spec = self.recipe
        self.network.train()
        rate = learning_rate(self.step, spec.train.steps, spec.optimiser)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        parts, augmentation = spec.train.accumulate, self._augmentation()
        numbers: dict[str, float] = {}
        for k in range(parts):
            part = {n: v[k::parts].to(self.device) for n, v in batch.items()}
            if "images" in part and not spec.train.augment:
                part["images"] = normalised(part["images"])
            elif "images" in part:
                part["images"], part["moved"] = augmented(part["images"], augmentation,
                                                          spec.train.shift_px)  # fmt: skip
            with (
                self.distribution.accumulating(self.network, last=k == parts - 1),
                self._autocast(),
            ):
                loss, found = self.network(part, self.noise)
            self.distribution.backward(loss / parts)
            for name, value in found.items():
                numbers[name] = numbers.get(name, 0.0) + value / parts
        norm = torch.nn.utils.clip_grad_norm_(self.policy.parameters(), spec.optimiser.clip)
        if not np.isfinite(numbers["loss"]):
            raise SpecError(
                f"the loss is not a finite number at step {self.step + 1}",
                where=str(self.run), remedy="lower optimiser.lr, or look for outliers in the data",
            )  # fmt: skip
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.average.update(self.policy.state_dict(), self.step)
        return {**numbers, "gradient_norm": float(norm), "lr": rate}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Numbers of the averaged weights on fixed samples of the episodes kept back."""
        kept = [s for s in self.sources if s.validation is not None]
        if not kept:
            return {}
        weights = {k: v.clone() for k, v in self.policy.state_dict().items()}
        self.policy.load_state_dict(self.average.weights)
        self.policy.eval()
        noise = torch.Generator().manual_seed(0)
        found: dict[str, list[float]] = {}
        for source in kept:
            assert source.validation is not None
            rng = stream(self.recipe.seed, "validation", 0, source.lineage["path"])
            for _ in range(self.recipe.train.validation_batches):
                samples = rng.integers(len(source.validation), size=self.recipe.train.batch)
                inputs = source.processors.training(source.validation.batch(samples))
                moved = {k: v.to(self.device) for k, v in inputs.items()}
                if "images" in moved:
                    moved["images"] = normalised(moved["images"])
                for name, value in self.policy(moved, noise)[1].items():
                    found.setdefault(f"validation_{name}", []).append(value)
        self.policy.load_state_dict(weights)
        return {name: float(np.mean(values)) for name, values in found.items()}

    def save(self) -> Path | None:
        """Writes a checkpoint of the present step; all processes call it, the first one writes.

        Returns:
            Its folder; None in the other processes.
        """
        spec, state = self.recipe, self.stream.state
        own = {"batches": state.batches, "drawn": [s.drawn for s in state.samplers]}
        random = {"noise": self.noise.get_state(), "torch": torch.get_rng_state()}
        ranks = self.distribution.gather((own, random))
        if not self.distribution.chief:
            return None
        description = {
            "policy": spec.policy, "size": spec.size, "network": spec.network,
            "recipe": spec.model_dump(mode="json"), "parameters": self.policy.parameter_count,
            "data": [s.lineage for s in self.sources],
            "versions": {"torch": str(torch.__version__)},
        }  # fmt: skip
        training = {f"weights.{k}": v for k, v in self.policy.state_dict().items()}
        training |= optimiser_tensors(self.optimiser)
        for rank, (_, states) in enumerate(ranks):
            training |= {f"random.{k}{_suffix(rank)}": v for k, v in states.items()}
        counters = {"step": self.step, "cpu_s": self.total_cpu_s(), **own}
        if len(ranks) > 1:
            counters["others"] = [found for found, _ in ranks[1:]]
        return write_checkpoint(
            self.run, self.step, description=description,
            processors={s.processors.io.robot: s.processors for s in self.sources},
            weights=self.average.weights, training=training, counters=counters,
            keep=spec.train.keep,
        )  # fmt: skip

    def steps(self, evaluate: Evaluate | None = None) -> Iterator[Progress]:
        """Trains to the end; yields at every logged step, in the first process only.

        Args:
            evaluate: Closed-loop evaluation, called as often as the recipe says.
        """
        plan, chief = self.recipe.train, self.distribution.chief
        config = self.recipe.model_dump(mode="json")
        writers = make_writers(self.recipe.writers, self.run, config, self.step) if chief else []
        try:
            while self.step < plan.steps:
                numbers: dict[str, Any] = self._one_step(next(self.stream))
                done = self.step == plan.steps
                if chief and plan.validate_every and (done or not self.step % plan.validate_every):
                    numbers |= self.validate()
                every = plan.evaluate_every if evaluate else 0
                due = bool(every) and (done or not self.step % every)
                saved = None
                if done or due or not self.step % plan.checkpoint_every:
                    saved = self.save()
                if evaluate and saved and due:
                    numbers |= evaluate(saved, plan.evaluate_episodes)
                if chief and (done or saved or not self.step % plan.log_every):
                    cpu_s = self.total_cpu_s()
                    for writer in writers:
                        writer.write(self.step, {**numbers, "cpu_s": cpu_s})
                    yield Progress(self.step, plan.steps, numbers, cpu_s)
            self.distribution.end()
        finally:
            self.stream.close()
            for writer in writers:
                writer.close()


def _last(run: Path, resume: bool) -> Checkpoint | None:
    """The checkpoint to go on from.

    Raises:
        SpecError: There is one but the run shall not be resumed, or the other way round.
    """
    there = (run / "checkpoints").is_dir() and any((run / "checkpoints").glob("[0-9]*"))
    if there and not resume:
        raise SpecError(f"'{run}' holds a training run already",
                        remedy="add --resume, or choose another --out")  # fmt: skip
    if resume:
        return read_checkpoint(find_checkpoint(run))
    run.mkdir(parents=True, exist_ok=True)
    return None


def _suffix(rank: int) -> str:
    """What is added to the names of a process's own tensors."""
    return f".{rank}" if rank else ""


def _read_json(path: Path) -> dict[str, Any]:
    import json

    data: dict[str, Any] = json.loads(path.read_text())
    return data
