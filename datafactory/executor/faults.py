"""Faults of the machinery and of generators, as opposed to rejected attempts."""

from __future__ import annotations


class AttemptBugError(Exception):
    """An attempt raised an exception or killed its process: a bug, exit code 70.

    Attributes:
        generator: Generator name.
        attempt: Attempt index.
        detail: Traceback or how the process ended.
    """

    def __init__(self, generator: str, attempt: int | None, detail: str) -> None:
        self.generator = generator
        self.attempt = attempt
        self.detail = detail
        super().__init__(generator, attempt, detail)

    def __str__(self) -> str:
        where = "start-up" if self.attempt is None else f"attempt {self.attempt}"
        return (
            f"the generator '{self.generator}' failed at {where}; everything before it is "
            f"committed\n{self.detail}"
        )


class ShardCancelled(Exception):  # noqa: N818 - a reply nobody reads, not an error to show
    """The run ended while the shard was worked on."""
