"""What a run has committed: counts, missing attempts, the ``runs`` row, and maintenance."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from datafactory.errors import DatasetError, StorageError
from datafactory.executor.attempts import Reply, find_generator
from datafactory.executor.machine import (
    code_fingerprint,
    cpu,
    engine,
    machine,
    package_versions,
)
from datafactory.executor.request import GenerateRequest
from datafactory.executor.shards import holes
from datafactory.plugin import Generator, Spec
from datafactory.store.commit import Committer, create_tables, is_dataset
from datafactory.store.compact import (
    FRAGMENTS_BEFORE_COMPACTION,
    clean_table,
    compact_table,
    small_fragments,
)
from datafactory.store.encode import Row, canonical_json, run_id
from datafactory.store.location import Location, reading
from datafactory.store.schema import TABLES
from datafactory.store.writer import Fragment

COMMIT_EVERY_S = 1.0
RUN_ROW_EVERY_S = 10.0
CLEAN_EVERY_S = 600.0
_DATA = ("episodes", "attempts", "assets")
_OTHERS = ("render:", "import:")
"""Calls that made no attempts; see ``RunRecord.kind``."""
_log = logging.getLogger("datafactory")


class Ledger:
    """The state of one run, committed about once a second. Its user holds the writer lock.

    Attributes:
        location: The dataset.
        run_id: Id of the run.
        accepted, rejected: Rows committed or about to be.
        next_attempt: First attempt index above all of them.
        reasons: Rejected attempts by reason.
        remarks: What the user should know about the run, such as a change of the programs.
    """

    def __init__(
        self, location: Location, committer: Committer, row: Row, remarks: tuple[str, ...] = ()
    ) -> None:
        self.location = location
        self.run_id: str = row["run_id"]
        self.remarks = remarks
        self._committer = committer
        self._row = row
        done, failed = committer.attempts_done()
        self._holes = holes(done | failed)
        self.accepted = len(done)
        self.rejected = len(failed)
        self.next_attempt = max(done | failed, default=-1) + 1
        with reading(location, "attempts"):
            column = committer.table("attempts").to_table(columns=["reason"]).column(0)
        self.reasons: Counter[str] = Counter(column.to_pylist())
        self._waiting: dict[str, list[Fragment]] = {"episodes": [], "attempts": []}
        self._assets: dict[str, Row] = {}
        self._committed = 0.0
        self._cleaned = time.monotonic()
        self._fragments = {n: small_fragments(committer, n) for n in _DATA}
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
        calls = [r for r in committer.runs() if not r["generator"].startswith(_OTHERS)]
        if calls:
            _check_same(location, calls[-1], request, generator, spec)
        row = _run_row(request, generator, spec, len(calls))
        remarks = _code_changes([*calls, row])
        for remark in remarks:
            _log.warning("%s: %s", location.root, remark)
        return cls(location, committer, row, remarks)

    @property
    def attempted(self) -> int:
        """Attempts with a row."""
        return self.accepted + self.rejected

    def repairs(self) -> deque[int]:
        """Attempts that a crash between two tables left without a row, ascending."""
        return deque(self._holes)

    def missing_assets(self, ids: Iterable[str]) -> set[str]:
        """Those of the asset ids that nobody has handed to :meth:`add` yet."""
        return self._committer.missing_assets(ids) - self._assets.keys()

    def add(self, reply: Reply, assets: Sequence[Row], *, cut: bool) -> None:
        """Takes the next shard in order; commits if a second has passed since the last commit.

        Args:
            reply: The shard, already truncated.
            assets: Rows of the assets it needs that nobody has handed in yet.
            cut: The fragments hold more rows than the reply's ids.

        Raises:
            StorageError: The storage refused; what was committed before stays.
        """
        fragments = {"episodes": reply.episodes, "attempts": reply.attempts}
        if cut:
            keep = self._committer.writer.keep
            fragments = {name: keep(name, f, reply.ids) for name, f in fragments.items()}
        for name, parts in fragments.items():
            self._waiting[name].extend(parts)
        self._assets.update({row["asset_id"]: row for row in assets})
        refused = [reason for reason in reply.reasons if reason]
        self.reasons.update(refused)
        self.rejected += len(refused)
        self.accepted += len(reply.reasons) - len(refused)
        self.next_attempt = max(self.next_attempt, reply.indices[-1] + 1)
        if time.monotonic() - self._committed > COMMIT_EVERY_S:
            self.commit()

    def commit(self) -> None:
        """Commits what is waiting: assets, then episodes, then attempts, then the run row.

        Raises:
            StorageError: The storage refused; what was committed before stays.
        """
        if self._assets:
            self._committer.add_assets(list(self._assets.values()))
            self._fragments["assets"] += 1
            self._assets = {}
        told = {"next_attempt": str(self.next_attempt)}
        for name, parts in self._waiting.items():
            self._committer.append(name, parts, told)
            self._fragments[name] += len(parts)
            self._waiting[name] = []
        self._committed = time.monotonic()
        for name, count in self._fragments.items():
            if count >= FRAGMENTS_BEFORE_COMPACTION:
                compact_table(self._committer, name)
                self._fragments[name] = small_fragments(self._committer, name)
        if time.monotonic() - self._row_written > RUN_ROW_EVERY_S:
            self._write_row("running")
        if time.monotonic() - self._cleaned > CLEAN_EVERY_S:
            self._clean(orphans=False)

    def _clean(self, *, orphans: bool) -> None:
        for name in TABLES:
            clean_table(self._committer, name, orphans=orphans)
        self._cleaned = time.monotonic()

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
        self._row_written = time.monotonic()

    def close(self, status: str) -> None:
        """Commits what is waiting, records how the call ended, deletes what nobody will commit."""
        self.commit()
        self._write_row(status)
        self._clean(orphans=True)

    def try_close(self, status: str) -> None:
        """Like :meth:`close` after a failure, as far as the storage that may be its cause allows.

        A run row that stays ``running`` without a lock holder reads as interrupted.
        """
        with suppress(StorageError):
            self.close(status)


def _run_row(request: GenerateRequest, generator: Generator, spec: Spec, call: int) -> Row:
    name, version = generator.name, generator.version
    run = run_id(name, version, spec.spec_hash, request.run_seed)
    now = datetime.now(UTC)
    versions = package_versions() | {"code": code_fingerprint(type(generator).__module__)}
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
        "versions_json": canonical_json(versions),
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


def _code_changes(calls: Sequence[Row]) -> tuple[str, ...]:
    """Says so when the last call is made by other programs than an earlier one."""
    found = [str(json.loads(row["versions_json"]).get("code", "unknown")) for row in calls]
    others = sorted(set(found[:-1]) - {found[-1]})
    if not others:
        return ()
    return (
        f"the programs changed since the run began: code {', '.join(others)} before, {found[-1]} "
        "now; its episodes are then not all made by the same programs",
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
