"""Recipes: what to train, on which data, how. YAML validated like tasks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from datafactory.errors import SpecError, did_you_mean
from datafactory.known_keys import known_keys
from datafactory.taskfile import Document, load_yaml_file
from datafactory_zoo.actions import ActionForm
from datafactory_zoo.features import check_feature
from datafactory_zoo.processors import Mode
from datafactory_zoo.tokenizers import BYTES


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataSpec(_Model):
    """One dataset of the mixture.

    Attributes:
        path: Dataset; empty for the one named on the command line.
        where: Filter on its episodes.
        variant: Rendered variant; None for the only one.
        weight: Factor of its share in the mixture.
    """

    path: str = ""
    where: str | None = None
    variant: str | None = None
    weight: float = Field(default=1.0, gt=0.0)


class SplitSpec(_Model):
    """How episodes are kept back for validation; see ``splits.Split``."""

    by: Literal["episode", "task", "object", "seed"] = "episode"
    share: float = Field(default=0.05, ge=0.0, lt=1.0)
    limit: int | None = Field(default=None, ge=1)


class ActionSpec(_Model):
    """Meaning of actions; see ``actions.ActionForm``."""

    space: Literal["joint", "eef"] = "joint"
    representation: Literal["absolute", "relative", "delta"] = "relative"
    gripper: Literal["opening", "closing", "sign"] = "opening"

    def form(self) -> ActionForm:
        """The action form."""
        return ActionForm(self.space, self.representation, self.gripper)


class Optimiser(_Model):
    """AdamW with linear warm-up and cosine decay.

    Attributes:
        lr: Highest learning rate; min_share: the share of it that remains at the end.
        warmup: Steps until it is reached.
        betas, eps, weight_decay: Of AdamW (Loshchilov and Hutter, 2019).
        clip: Largest norm of the gradient.
        ema: Decay of the averaged weights that are evaluated and saved.
    """

    lr: float = Field(default=1e-3, gt=0.0)
    min_share: float = Field(default=0.01, ge=0.0, le=1.0)
    warmup: int = Field(default=500, ge=0)
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = Field(default=1e-8, gt=0.0)
    weight_decay: float = Field(default=1e-4, ge=0.0)
    clip: float = Field(default=1.0, gt=0.0)
    ema: float = Field(default=0.999, ge=0.0, lt=1.0)


class Schedule(_Model):
    """How long and on what.

    Attributes:
        steps: Optimiser steps.
        batch: Samples per step of one process; accumulate: in how many parts.
        precision: ``fp32``, or ``bf16`` on CUDA and on CPUs with AVX512-BF16 or AMX.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: Threads of the CPU; 0 for all cores.
        augment: Vary the light and colour of images, and shift them by up to shift_px pixels. What
            a fixed camera sees is at another place when its image is shifted.
        keep_images: Keep decoded images in memory.
        displace_m, displace_rad: Displace free tools by up to this standard deviation per axis; see
            ``displacement``.
        log_every, validate_every, checkpoint_every: In steps; validate_every 0 for never.
        validation_batches: Batches of a validation.
        keep: Checkpoints kept, the last ones.
        evaluate_every: Steps between closed-loop evaluations; 0 for never.
        evaluate_episodes: Episodes of such an evaluation.
    """

    steps: int = Field(default=20_000, ge=1)
    batch: int = Field(default=256, ge=1)
    accumulate: int = Field(default=1, ge=1)
    precision: Literal["fp32", "bf16"] = "fp32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = Field(default=0, ge=0)
    augment: bool = True
    shift_px: int = Field(default=0, ge=0, le=32)
    keep_images: bool = False
    displace_m: float = Field(default=0.0, ge=0.0, le=0.1)
    displace_rad: float = Field(default=0.0, ge=0.0, le=0.5)
    log_every: int = Field(default=100, ge=1)
    validate_every: int = Field(default=2000, ge=0)
    validation_batches: int = Field(default=8, ge=1)
    checkpoint_every: int = Field(default=2000, ge=1)
    keep: int = Field(default=2, ge=1)
    evaluate_every: int = Field(default=0, ge=0)
    evaluate_episodes: int = Field(default=20, ge=1)


class Recipe(_Model):
    """A training run.

    Attributes:
        name: Name of the recipe.
        description: One line.
        policy, size: Registered policy and one of its sizes.
        network: Numbers of the size to change.
        seed: Seed of everything that is drawn.
        data: Datasets; gamma: exponent of their frame counts in the mixture; split: validation.
        observation: Features of the state.
        cameras, image_size: Images.
        auxiliary: Features a policy with cameras learns to tell beside its actions; it does not
            observe them.
        points: Roles of objects whose centres it learns to find in its images.
        steps, chunk, execute: Observation steps, predicted and executed actions; None for the
            method's own.
        text_tokens, tokenizer: Instruction; 0 tokens for none.
        action: Meaning of actions.
        normalise_state, normalise_action: None for the method's own.
        optimiser, train: See their types.
        writers: Additional metric writers: ``tensorboard``, ``wandb``.
    """

    name: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9_\-]*$")
    description: str = ""
    policy: str
    size: str = "tiny"
    network: dict[str, Any] = Field(default_factory=dict)
    seed: int = Field(default=0, ge=0)
    data: tuple[DataSpec, ...] = (DataSpec(),)
    gamma: float = Field(default=1.0, ge=0.0, le=1.0)
    split: SplitSpec = SplitSpec()
    observation: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    auxiliary: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    image_size: int = Field(default=96, ge=32, le=1024)
    steps: int | None = Field(default=None, ge=1, le=16)
    chunk: int | None = Field(default=None, ge=1, le=256)
    execute: int | None = Field(default=None, ge=1, le=256)
    text_tokens: int = Field(default=0, ge=0, le=512)
    tokenizer: str = BYTES
    action: ActionSpec = ActionSpec()
    normalise_state: Mode | None = None
    normalise_action: Mode | None = None
    optimiser: Optimiser = Optimiser()
    train: Schedule = Schedule()
    writers: tuple[Literal["tensorboard", "wandb"], ...] = ()

    @field_validator("observation", "auxiliary")
    @classmethod
    def _features(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            try:
                check_feature(name)
            except SpecError as error:
                raise ValueError(f"{error.what}; {error.remedy}") from error
            if name.startswith("action_"):
                raise ValueError(f"'{name}' is what a policy predicts, it cannot observe it")
        return value


def recipe_from_dict(data: Mapping[str, Any], where: str = "") -> Recipe:
    """Validates plain data into a recipe.

    Raises:
        SpecError: Names the key, the reason and the nearest valid key.
    """
    try:
        return Recipe.model_validate(dict(data))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "recipe"
        unknown = first["type"] == "extra_forbidden"
        known = known_keys(Recipe, first["loc"])
        raise SpecError(
            f"invalid recipe: {key}",
            where=f"{where}:{key}" if where else key,
            why="this key is not known" if unknown
            else str(first["msg"]).removeprefix("Value error, "),
            remedy=did_you_mean(str(first["loc"][-1]), known) if unknown
            else "see docs/training.md",
        ) from error  # fmt: skip


def load_recipe(name: str) -> tuple[Recipe, Document | None]:
    """Reads a recipe: a file, or the name of one that is shipped.

    Raises:
        SpecError: There is no such recipe, or it is invalid.
    """
    shipped = {p.stem: p for p in sorted((Path(__file__).parent / "recipes").glob("*.yaml"))}
    path = Path(name)
    if not path.is_file():
        if name not in shipped:
            raise SpecError(f"there is no recipe '{name}'", why="neither a file nor a shipped one",
                            remedy=did_you_mean(name, shipped))  # fmt: skip
        path = shipped[name]
    document = load_yaml_file(path)
    data = {"name": path.stem, **document.data}
    return recipe_from_dict(data, document.source), document


def shipped_recipes() -> dict[str, str]:
    """Descriptions of the shipped recipes by name."""
    folder = Path(__file__).parent / "recipes"
    return {p.stem: load_recipe(p.stem)[0].description for p in sorted(folder.glob("*.yaml"))}
