"""Maintenance: merging small fragments, dropping old versions, deleting orphaned files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from datafactory.store.commit import Committer
from datafactory.store.location import Location
from datafactory.store.lock import writer_lock
from datafactory.store.writer import storage_error

ROWS_PER_FRAGMENT = 1024
SMALL = 768
"""Fragments below this many rows are worth merging."""
FRAGMENTS_BEFORE_COMPACTION = 128
"""Every commit rewrites the list of all fragments; merging at this number keeps it short.
Smaller runs are never merged on the way, so they leave no replaced files behind."""
KEEP_VERSIONS = timedelta(minutes=10)
"""Readers of an older version are safe for this long; tagged versions are kept for ever."""


@dataclass(frozen=True)
class Maintenance:
    """What a maintenance call did.

    Attributes:
        fragments_before, fragments_after: Fragments over all tables.
        bytes_removed: Bytes of old versions and orphaned files deleted.
    """

    fragments_before: int
    fragments_after: int
    bytes_removed: int


def compact_table(committer: Committer, name: str) -> bool:
    """Merges a table's small fragments and encodes their rows again, which saves a tenth.

    Lance orders fragments by id and gives merged ones new ids, so rows keep their order only if
    everything behind the first merged fragment is merged too. Plans that are not of this kind are
    not executed.

    Args:
        committer: Open committer; its user holds the writer lock.
        name: Table.

    Returns:
        Whether anything was merged.
    """
    from lance.optimize import Compaction

    table: Any = committer.table(name)
    plan = _ordered_plan(table)
    if plan is None:
        return False
    try:
        Compaction.commit(table, [task.execute(table) for task in plan.tasks])
    except OSError as error:
        raise storage_error(committer.location, error) from error
    committer.refresh(name)
    return True


def _ordered_plan(table: Any) -> Any:
    """A plan that merges an unbroken range of fragments up to the last one; None without one."""
    from lance.optimize import Compaction

    ids = [f.fragment_id for f in table.get_fragments()]
    for rows in range(ROWS_PER_FRAGMENT, SMALL - 1, -32):
        options = {"target_rows_per_fragment": rows, "num_threads": 1, "batch_size": 64}
        plan = Compaction.plan(table, options)
        merged = sorted(f.id for task in plan.tasks for f in task.fragments)
        if not merged:
            return None
        if merged == ids[ids.index(merged[0]) :]:
            return plan
    return None


def clean_table(committer: Committer, name: str, *, orphans: bool = False) -> int:
    """Drops versions older than ``KEEP_VERSIONS``, and their files; returns the bytes removed.

    Args:
        committer: Open committer; its user holds the writer lock.
        name: Table.
        orphans: Also delete files that no version mentions. Only when no worker is writing.
    """
    try:
        stats = committer.table(name).cleanup_old_versions(
            older_than=KEEP_VERSIONS,
            delete_unverified=orphans,
            error_if_tagged_old_versions=False,
        )
    except OSError as error:
        raise storage_error(committer.location, error) from error
    return int(stats.bytes_removed)


def small_fragments(committer: Committer, name: str) -> int:
    """Number of fragments worth merging."""
    return sum(f.physical_rows < SMALL for f in committer.table(name).get_fragments())


def compact(path: str) -> Maintenance:
    """Merges fragments, drops old versions and deletes orphaned files of a whole dataset.

    Raises:
        DatasetLockedError: It is being written.
    """
    location = Location.of(path)
    with writer_lock(location, "compact"):
        committer = Committer(location)
        before = sum(len(committer.table(n).get_fragments()) for n in committer.tables)
        for name in committer.tables:
            compact_table(committer, name)
        removed = sum(clean_table(committer, n, orphans=True) for n in committer.tables)
        after = sum(len(committer.table(n).get_fragments()) for n in committer.tables)
    return Maintenance(before, after, removed)


def collect_garbage(path: str) -> int:
    """Deletes files no version mentions, left by killed workers; returns the bytes removed.

    Raises:
        DatasetLockedError: The dataset is being written.
    """
    location = Location.of(path)
    with writer_lock(location, "gc"):
        committer = Committer(location)
        return sum(clean_table(committer, name, orphans=True) for name in committer.tables)
