"""A task bound to a robot and a generator version: what attempts are a pure function of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from datafactory.errors import SpecError
from datafactory.spec import TaskSpec, task_from_dict


def canonical_json(data: Any) -> str:
    """JSON with sorted keys and no spaces: the form that is hashed."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_hash(data: Any) -> str:
    """32 hex digits of blake2b over the canonical JSON of plain data."""
    return hashlib.blake2b(canonical_json(data).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class ManipulationSpec:
    """A task bound to a robot and a generator version: the pure description of attempts.

    Attributes:
        task_spec: The task.
        robot: Registered robot name.
        generator: Generator name.
        generator_version: Generator version.
    """

    task_spec: TaskSpec
    robot: str
    generator: str
    generator_version: str

    @property
    def task(self) -> str:
        """Task name."""
        return self.task_spec.name

    @property
    def fps(self) -> int:
        """Control and record rate, Hz."""
        return self.task_spec.fps

    @cached_property
    def spec_hash(self) -> str:
        """Hash over the task's meaning, the robot and the generator's version."""
        return content_hash(self.to_dict())

    @cached_property
    def stream_key(self) -> str:
        """What random streams are keyed by: the cases, not how much each randomness varies.

        Keyed by the whole spec, changing one range would change the draws of every stream.
        """
        return content_hash({
            "generator": self.generator,
            "version": self.generator_version,
            "task": self.task,
            "cases": [case.model_dump(mode="json") for case in self.task_spec.cases],
        })  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Task data with the robot resolved, plus ``generator_version``."""
        data = self.task_spec.model_dump(mode="json")
        data["robot"] = self.robot
        data["generator_version"] = self.generator_version
        return data


def _pinned(source: str) -> str:
    """Full name of an asset source: that of a registered folder says what it holds."""
    from datafactory_assets.local.registry import find_manifest

    manifest = find_manifest(source)
    return source if manifest is None else manifest.pinned


def bind(
    data: Mapping[str, Any],
    *,
    generator: str,
    version: str,
    robot: str | None = None,
    where: str = "",
) -> ManipulationSpec:
    """Validates task data and binds it to a robot and a generator version.

    Raises:
        SpecError: Invalid data, a robot that is not allowed, or data of another version.
    """
    plain = dict(data)
    stored = plain.pop("generator_version", version)
    if stored != version:
        raise SpecError(
            f"this task was made by version {stored} of generator '{generator}'",
            where=where,
            why=f"version {version} is installed and would give other bytes",
            remedy=f"install the release with generator version {stored}, or start a new dataset",
        )
    task = task_from_dict(plain, where)
    chosen = robot or task.robot
    if task.robots and chosen not in task.robots:
        raise SpecError(
            f"task '{task.name}' does not run on robot '{chosen}'",
            where=where,
            remedy="use one of: " + ", ".join(task.robots),
        )
    sources = tuple(_pinned(name) for name in task.sources)
    return ManipulationSpec(
        task.model_copy(update={"robot": chosen, "generator": generator, "sources": sources}),
        chosen, generator, version,
    )  # fmt: skip
