"""Judgements of people about attempts: the table ``labels``, which is only ever appended to.

A later row of the same kind replaces an earlier one; nothing is deleted, so who said what and when
stays known. An excluded episode stays in the dataset; exports and training leave it out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from datafactory.errors import SpecError, UnknownNameError
from datafactory.store.dataset import Dataset
from datafactory.store.location import Location, lance_module, open_table, reading, table_made
from datafactory.store.schema import STORAGE_VERSION, table_schema
from datafactory.store.writer import storage_error

TABLE = "labels"
KINDS = ("exclude", "tag", "comment", "audit")
AUDITS = ("right", "wrong", "unsure")
MAX_CHARACTERS = 2000
MAX_EPISODES = 10_000
_FRAGMENTS = 256


@dataclass(frozen=True)
class Label:
    """One judgement of one attempt.

    Attributes:
        episode_id: Episode or rejected attempt.
        kind: ``exclude`` (not for training and export), ``tag``, ``comment`` or ``audit`` (is the
            verdict right).
        value: The reason, the tag, the comment, or ``right``, ``wrong`` or ``unsure``.
        withdrawn: Takes an earlier label of this kind (of a tag or comment: with this value) back.
        author: Who judged.
        source: Where: ``viewer``, ``command`` or a program's name.
        created_at: When, UTC.
    """

    episode_id: str
    kind: str
    value: str
    withdrawn: bool = False
    author: str = ""
    source: str = ""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError.of("kind of label", self.kind, KINDS)
        if len(self.value) > MAX_CHARACTERS:
            raise SpecError(f"a label has at most {MAX_CHARACTERS} characters")
        if self.kind == "audit" and self.value not in AUDITS:
            raise UnknownNameError.of("audit", self.value, AUDITS)
        if self.kind in ("tag", "comment") and not self.value.strip():
            raise SpecError(f"a {self.kind} needs a text")


@dataclass(frozen=True)
class Comment:
    """What somebody wrote."""

    text: str
    author: str
    created_at: datetime


@dataclass(frozen=True)
class Judged:
    """What holds of one attempt after all its labels.

    Attributes:
        excluded: Not for training and export; ``reason`` says why.
        reason: Why it is excluded; may be empty.
        tags: In the order they were given.
        comments: Oldest first.
        audit: ``right``, ``wrong``, ``unsure`` or empty.
    """

    excluded: bool = False
    reason: str = ""
    tags: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    audit: str = ""


@dataclass(frozen=True, eq=False)
class Judgements:
    """What holds of all attempts that were judged, by id."""

    by_id: Mapping[str, Judged]

    def of(self, attempt_id: str) -> Judged:
        """What holds of one attempt."""
        return self.by_id.get(attempt_id, Judged())


def label_fields() -> tuple[pa.Field, ...]:
    """Arrow fields of the ``labels`` table."""
    key = {"lance-schema:unenforced-primary-key": "true"}
    texts = ("episode_id", "kind", "value", "author", "source")
    return (
        pa.field("label_id", pa.string(), nullable=False, metadata=key),
        *[pa.field(name, pa.string(), nullable=False) for name in texts],
        pa.field("withdrawn", pa.bool_(), nullable=False),
        pa.field("created_at", pa.timestamp("us", tz="UTC"), nullable=False),
    )


def stored_labels(dataset: Dataset, episode_id: str | None = None) -> list[Label]:
    """All labels, or those of one attempt, oldest first; none is no error."""
    if TABLE not in dataset.tables:
        return []
    where = None if episode_id is None else "episode_id = '" + episode_id.replace("'", "''") + "'"
    with reading(dataset.location, TABLE):
        rows = dataset.table(TABLE).to_table(filter=where).to_pylist()
    rows.sort(key=lambda row: row["created_at"])
    return [Label(**{k: v for k, v in row.items() if k != "label_id"}) for row in rows]


def judgements(dataset: Dataset) -> Judgements:
    """What holds after all labels."""
    found: dict[str, Judged] = {}
    for label in stored_labels(dataset):
        found[label.episode_id] = _after(found.get(label.episode_id, Judged()), label)
    return Judgements(found)


def _after(known: Judged, label: Label) -> Judged:
    given = not label.withdrawn
    if label.kind == "exclude":
        return replace(known, excluded=given, reason=label.value if given else "")
    if label.kind == "audit":
        return replace(known, audit=label.value if given else "")
    if label.kind == "tag":
        others = tuple(t for t in known.tags if t != label.value)
        return replace(known, tags=(*others, label.value) if given else others)
    if given:
        written = Comment(label.value, label.author, label.created_at)
        return replace(known, comments=(*known.comments, written))
    return replace(known, comments=tuple(c for c in known.comments if c.text != label.value))


def excluded_ids(dataset: Dataset) -> frozenset[str]:
    """Attempts that are not for training and export."""
    return frozenset(key for key, known in judgements(dataset).by_id.items() if known.excluded)


def without_excluded(dataset: Dataset, where: str | None) -> str | None:
    """A filter on episodes that also leaves out what is excluded."""
    ids = sorted(excluded_ids(dataset))
    if not ids:
        return where
    listed = ", ".join("'" + i.replace("'", "''") + "'" for i in ids)
    left_out = f"episode_id NOT IN ({listed})"
    return left_out if where is None else f"({where}) AND {left_out}"


def add_labels(dataset: Dataset, labels: Sequence[Label]) -> int:
    """Appends labels in one commit; needs no lock, so a dataset that is being made can be judged.

    Args:
        dataset: Dataset, at its latest version.
        labels: At most ``MAX_EPISODES`` of them.

    Returns:
        How many were added.

    Raises:
        DatasetError: The dataset has no such attempt.
        StorageError: It cannot be written.
    """
    if len(labels) > MAX_EPISODES:
        raise SpecError(f"at most {MAX_EPISODES:,} labels at once", why=f"{len(labels):,} given")
    if not labels:
        return 0
    check_ids(dataset, {label.episode_id for label in labels})
    schema = table_schema(TABLE)
    rows = [_row(label, place) for place, label in enumerate(labels)]
    data = pa.Table.from_pylist(rows, schema=schema)
    location, lance = dataset.location, lance_module()
    try:
        if not table_made(location, TABLE):
            _create(location)
        made = lance.write_dataset(data, location.table(TABLE), mode="append")
        if len(made.get_fragments()) >= _FRAGMENTS:
            made.optimize.compact_files()
    except OSError as error:
        raise storage_error(location, error) from error
    return len(rows)


def _create(location: Location) -> None:
    """Makes the empty table; when somebody else just did, theirs is as good."""
    try:
        lance_module().write_dataset(
            table_schema(TABLE).empty_table(),
            location.table(TABLE),
            mode="create",
            data_storage_version=STORAGE_VERSION,
            enable_stable_row_ids=True,
        )
    except OSError:
        open_table(location, TABLE)


def _row(label: Label, place: int) -> dict[str, Any]:
    stamp = label.created_at.astimezone(UTC)
    values = (label.episode_id, label.kind, label.value, label.author, stamp.isoformat(), place)
    key = hashlib.blake2b("/".join(map(str, values)).encode(), digest_size=16).hexdigest()
    return {
        "label_id": key,
        "episode_id": label.episode_id,
        "kind": label.kind,
        "value": label.value,
        "author": label.author,
        "source": label.source,
        "withdrawn": label.withdrawn,
        "created_at": stamp,
    }


def check_ids(dataset: Dataset, ids: Iterable[str]) -> None:
    """Makes sure that there are such episodes or attempts.

    Raises:
        DatasetError: One of them is missing.
    """
    from datafactory.errors import DatasetError

    wanted = sorted(set(ids))
    listed = ", ".join("'" + i.replace("'", "''") + "'" for i in wanted)
    known: set[str] = set()
    for name, key in (("episodes", "episode_id"), ("attempts", "attempt_id")):
        with reading(dataset.location, name):
            found = dataset.table(name).to_table(columns=[key], filter=f"{key} IN ({listed})")
        known |= set(found.column(0).to_pylist())
    lost = [i for i in wanted if i not in known]
    if lost:
        raise DatasetError(
            f"{dataset.location.root} has no episode or attempt '{lost[0]}'",
            remedy=f"datafactory show {dataset.location.root} lists one",
        )
