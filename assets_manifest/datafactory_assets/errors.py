"""The root of the project's error tree, and the errors of the asset layer.

Every error a user can meet says *what* went wrong, *where*, *why*, and the *remedy* (the next
command or edit). The rest of the tree is in ``datafactory.errors``, which also re-exports these.
"""

from __future__ import annotations


class DataFactoryError(Exception):
    """Base of every error raised on purpose.

    Args:
        what: One sentence: what could not be done.
        where: File, line, key or asset the error is about; empty when it is obvious.
        why: The measured or read reason.
        remedy: The next command or edit that helps.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", why: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.why = why
        self.remedy = remedy
        parts = [what]
        if where:
            parts.append(f"where: {where}")
        if why:
            parts.append(f"why: {why}")
        if remedy:
            parts.append(f"try: {remedy}")
        super().__init__("\n  ".join(parts))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by keyword, so that errors travel through dask unchanged."""
        return (_rebuild, (type(self), self.what, self.where, self.why, self.remedy))


def _rebuild(
    cls: type[DataFactoryError], what: str, where: str, why: str, remedy: str
) -> DataFactoryError:
    return cls(what, where=where, why=why, remedy=remedy)


class AssetError(DataFactoryError):
    """An asset is unknown, malformed or differs from its recorded hash."""


class LicenceError(AssetError):
    """An asset's licence is unknown or forbids the use asked for."""


class PackMissingError(AssetError):
    """A downloadable pack is not in the asset store and cannot be fetched now."""

    exit_code = 4


class PackCorruptError(AssetError):
    """A pack's bytes do not match the lock file."""

    exit_code = 4
