"""What a run has committed: counts, missing attempts, the ``runs`` row, and maintenance."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from datafactory.errors import DatasetError, StorageError
from datafactory.executor.attempts import Reply, find_generator
from datafactory.executor.machine import cpu, engine, machine, package_versions
from datafactory.executor.request import GenerateRequest
from datafactory.executor.shards import holes
from datafactory.plugin import Generator, Spec
from datafactory.store.commit import Committer, create_tables, is_dataset
from datafactory.store.compact import (
    FRAGMENTS_BEFORE_COMPACTION,
    compact_table,
    remove_orphans,
    small_fragments,
)
from datafactory.store.encode import Row, canonical_json, run_id
from datafactory.store.location import Location
from datafactory.store.writer import Fragment

RUN_ROW_EVERY_S = 10.0
_TABLES = ("episodes", "attempts", "assets")


class Ledger:
    """The committed state of one run. Its user holds the writer lock.

    Attributes:
        location: The dataset.
        run_id: Id of the run.
        accepted, rejected: Committed rows.
        next_attempt: First attempt index above all committed ones.
        reasons: Rejected attempts by reason.
    """

    def __init__(self, location: Location, committer: Committer, row: Row) -> None:
        self.location = location
        self.run_id: str = row["run_id"]
        self._committer = committer
        self._row = row
        done, failed = committer.attempts_done()
        self._holes = holes(done | failed)
        self.accepted = len(done)
        self.rejected = len(failed)
        self.next_attempt = max(done | failed, default=-1) + 1
        column = committer.table("attempts").to_table(columns=["reason"]).column(0)
        self.reasons: Counter[str] = Counter(column.to_pylist())
        self._fragments = {n: small_fragments(committer, n) for n in _TABLES}
        self._written = 0.0
        self._write_row("running")

    @classmethod
    def open(cls, location: Location, request: GenerateRequest) -> Ledger:
        """Opens or creates the dataset of a request.

        Raises:
            DatasetError: The dataset belongs to another run.
        """
        generator = find_generator(request.generator)
        spec = generator.spec(request.spec)
        if not is_dataset(location):
            create_tables(location, generator.extra_columns())
        committer = Committer(location)
        calls = committer.runs()
        if calls:
            _check_same(location, calls[-1], request, generator, spec)
        return cls(location, committer, _run_row(request, generator, spec, len(calls)))

    @property
    def attempted(self) -> int:
        """Attempts with a row."""
        return self.accepted + self.rejected

    def repairs(self) -> deque[int]:
        """Attempts that a crash between two tables left without a row, ascending."""
        return deque(self._holes)

    def missing_assets(self, ids: Iterable[str]) -> set[str]:
        """Those of the asset ids that are not committed."""
        return self._committer.missing_assets(ids)

    def commit(self, reply: Reply, assets: Sequence[Row], *, cut: bool) -> None:
        """Commits one shard: assets, then episodes, then attempts, then (at times) the run row.

        Args:
            reply: The shard, already truncated.
            assets: Rows of the assets it needs that are not committed yet.
            cut: The fragments hold more rows than the reply's ids.

        Raises:
            StorageError: The storage refused; what was committed before stays.
        """
        fragments = {"episodes": reply.episodes, "attempts": reply.attempts}
        if cut:
            keep = self._committer.writer.keep
            fragments = {name: keep(name, f, reply.ids) for name, f in fragments.items()}
        span = {"first": str(reply.indices[0]), "last": str(reply.indices[-1])}
        if assets:
            self._committer.add_assets(assets)
            self._fragments["assets"] += 1
        for name, parts in fragments.items():
            self._append(name, parts, span)
        refused = [reason for reason in reply.reasons if reason]
        self.reasons.update(refused)
        self.rejected += len(refused)
        self.accepted += len(reply.reasons) - len(refused)
        self.next_attempt = max(self.next_attempt, reply.indices[-1] + 1)
        if time.monotonic() - self._written > RUN_ROW_EVERY_S:
            self._write_row("running")

    def _append(self, name: str, parts: Sequence[Fragment], span: dict[str, str]) -> None:
        self._committer.append(name, parts, span)
        self._fragments[name] += len(parts)
        if self._fragments[name] >= FRAGMENTS_BEFORE_COMPACTION:
            compact_table(self._committer, name)
            self._fragments[name] = small_fragments(self._committer, name)

    def _write_row(self, status: str) -> None:
        now = datetime.now(UTC)
        self._row |= {
            "status": status,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "reasons_json": canonical_json(dict(self.reasons)),
            "updated_at": now,
            "ended_at": None if status == "running" else now,
        }
        self._committer.write_run(self._row)
        self._written = time.monotonic()

    def close(self, status: str) -> None:
        """Records how the call ended and deletes the fragments nobody will commit."""
        self._write_row(status)
        for name in _TABLES:
            remove_orphans(self._committer, name)

    def try_close(self, status: str) -> None:
        """Records how the call ended, if the storage that may have ended it still can.

        A run row that stays ``running`` without a lock holder reads as interrupted.
        """
        with suppress(StorageError):
            self._write_row(status)


def _run_row(request: GenerateRequest, generator: Generator, spec: Spec, call: int) -> Row:
    name, version = generator.name, generator.version
    run = run_id(name, version, spec.spec_hash, request.run_seed)
    now = datetime.now(UTC)
    return {
        "call_id": f"{run}-{call}",
        "run_id": run,
        "command": request.command,
        "generator": name,
        "generator_version": version,
        "spec_hash": spec.spec_hash,
        "spec_json": canonical_json(spec.to_dict()),
        "run_seed": request.run_seed,
        "task": spec.task,
        "robot": spec.robot,
        "options_json": canonical_json(request.options()),
        "versions_json": canonical_json(package_versions()),
        "machine_json": canonical_json(machine()),
        "engine": engine(),
        "cpu": cpu(),
        "planned": request.n,
        "started_at": now,
    }


def _check_same(
    location: Location, row: Row, request: GenerateRequest, generator: Generator, spec: Spec
) -> None:
    """Refuses to continue a run whose attempts would have other bytes."""
    now: dict[str, Any] = {
        "generator": generator.name,
        "generator_version": generator.version,
        "engine": engine(),
        "run_seed": request.run_seed,
        "spec_hash": spec.spec_hash,
    }
    differing = [
        f"{name}: {row[name]} there, {now[name]} here" for name in now if row[name] != now[name]
    ]
    if not differing:
        return
    if row["spec_hash"] != spec.spec_hash and row["generator"] == generator.name:
        differing.extend(_differences(json.loads(row["spec_json"]), spec.to_dict()))
    raise DatasetError(
        f"{location.root} holds another run",
        why="; ".join(differing[:6]),
        remedy=f"choose a new folder, or finish the run that is there: "
        f"datafactory resume {location.root}",
    )


def _differences(there: Any, here: Any, key: str = "") -> list[str]:
    """Keys at which two JSON values differ."""
    here = json.loads(canonical_json(here))
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        found = []
        for name in sorted(set(there) | set(here)):
            inner = f"{key}.{name}" if key else name
            found += _differences(there.get(name), here.get(name), inner)
        return found
    return [] if there == here else [f"{key}: {there!r} there, {here!r} here"]
