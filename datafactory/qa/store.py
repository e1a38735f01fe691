"""Questions kept in the dataset: the ``qa`` table."""

from __future__ import annotations

from collections.abc import Iterator

from datafactory.qa.questions import questions
from datafactory.qa.sample import QASample
from datafactory.qa.schema import qa_rows, qa_sample
from datafactory.seeding import stream
from datafactory.store.commit import Committer
from datafactory.store.dataset import Dataset, open_dataset
from datafactory.store.encode import to_rows
from datafactory.store.location import Location, reading
from datafactory.store.lock import writer_lock
from datafactory.store.renders import find_variant, iter_episode_views

TABLE = "qa"
ROWS_PER_COMMIT = 4096


def store_questions(path: str, variant: str | None = None, *, seed: int = 0) -> int:
    """Asks about every rendered episode and keeps what is not there yet.

    Args:
        path: Dataset.
        variant: Render variant; None for the only one.
        seed: Another seed gives other questions.

    Returns:
        The number of questions added; 0 when called again.

    Raises:
        DatasetError: Nothing was rendered.
        SpecError: The images were imported, so nothing is known of what they show.
        DatasetLockedError: The dataset is being written.
        StorageError: The disk is full; what is committed stays.
    """
    location = Location.of(path)
    dataset = open_dataset(path)
    name = find_variant(dataset, variant).name
    with writer_lock(location, "questions"):
        committer = Committer(location)
        known = _known(open_dataset(path), name)
        added, waiting = 0, list[QASample]()
        for sample in _asked(dataset, name, seed):
            if sample.question_id in known:
                continue
            known.add(sample.question_id)
            waiting.append(sample)
            if len(waiting) == ROWS_PER_COMMIT:
                added += _commit(committer, waiting)
        return added + _commit(committer, waiting)


def _known(dataset: Dataset, variant: str) -> set[str]:
    """Ids of the questions about a variant that are kept already."""
    if TABLE not in dataset.tables:
        return set()
    with reading(dataset.location, TABLE):
        ids = dataset.table(TABLE).to_table(
            columns=["question_id"], filter=f"variant = {_quoted(variant)}"
        )
    return set(ids.column(0).to_pylist())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _asked(dataset: Dataset, variant: str, seed: int) -> Iterator[QASample]:
    for episode, views in iter_episode_views(dataset, variant, media=False):
        for camera, view in views.items():
            rng = stream(seed, f"qa/{episode.episode_id}/{variant}", 0, camera)
            yield from questions(view, episode, rng)


def _commit(committer: Committer, waiting: list[QASample]) -> int:
    """Writes what waits; returns how many questions that were."""
    count = len(waiting)
    if count:
        rows = qa_rows(waiting)
        committer.add_table(TABLE)
        committer.append(TABLE, committer.writer.write(TABLE, rows), {})
        waiting.clear()
    return count


def stored_questions(dataset: Dataset, episode_id: str | None = None) -> list[QASample]:
    """The questions of a dataset, or of one episode; none is no error."""
    if TABLE not in dataset.tables:
        return []
    where = None if episode_id is None else f"episode_id = {_quoted(episode_id)}"
    with reading(dataset.location, TABLE):
        rows = to_rows(dataset.table(TABLE).to_table(filter=where))
    return [qa_sample(row) for row in rows]
