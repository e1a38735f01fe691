"""Which licences may enter a dataset that will be given away, and what to say about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from datafactory_assets.asset import Licence
from datafactory_assets.errors import LicenceError

PERMISSIVE = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD-3-Clause-Clear",
        "BSL-1.0",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "ODC-By-1.0",
        "PDDL-1.0",
        "Unlicense",
        "Zlib",
    }
)
_NEEDS_CREDIT = ("CC-BY", "ODC-By")
_UNKNOWN = frozenset({"", "NOASSERTION", "NONE", "UNKNOWN"})


def is_allowed(spdx: str, allow: Collection[str] | None = None) -> bool:
    """Tells whether a licence may be used.

    Args:
        spdx: SPDX identifier, or identifiers joined by ``OR`` or ``AND`` without parentheses.
        allow: The identifiers to accept; None means ``PERMISSIVE``.
    """
    accepted = {name.casefold() for name in (PERMISSIVE if allow is None else allow)}
    return any(
        all(part.strip().casefold() in accepted for part in option.split(" AND "))
        for option in spdx.split(" OR ")
    )


def check(licence: Licence, allow: Collection[str] | None = None, *, where: str = "") -> None:
    """Refuses a licence that is unknown or not allowed.

    Args:
        licence: The licence of an asset.
        allow: The SPDX identifiers to accept; None means ``PERMISSIVE``.
        where: The asset, for the message.

    Raises:
        LicenceError: When the licence may not be used.
    """
    if is_allowed(licence.spdx, allow):
        return
    name = licence.spdx.strip() or "(none stated)"
    raise LicenceError(
        f"the licence {name} is not allowed",
        where=where or licence.source,
        why=_reason(licence.spdx),
        remedy="use another asset, or name the licence in `allow` if your use is covered by it",
    )


def attributions(licences: Iterable[Licence]) -> str:
    """The notice a redistributor must show: one paragraph a licence text, sorted, no repeats.

    Returns:
        Text ending in a newline; empty when there is nothing to credit.
    """
    lines = {_credit(licence) for licence in licences}
    return "".join(f"{line}\n" for line in sorted(lines) if line)


def _credit(licence: Licence) -> str:
    if licence.attribution:
        return f"{licence.attribution} ({licence.spdx})"
    if licence.spdx == "CC0-1.0" and licence.source == licence.author:
        return ""
    verb = "by" if licence.spdx.startswith(_NEEDS_CREDIT) else "from"
    whom = licence.author if verb == "by" else f"{licence.source}, {licence.author}"
    tail = f", {licence.source}" if verb == "by" else ""
    return f"Assets {verb} {whom}{tail} ({licence.spdx})"


def _reason(spdx: str) -> str:
    name = spdx.strip().upper()
    if name in _UNKNOWN:
        return "its terms are unknown, so nothing permits redistribution"
    tags = name.split("-")
    if "NC" in tags:
        return "it forbids commercial use (NC)"
    if "ND" in tags:
        return "it forbids derived works (ND)"
    if "SA" in tags:
        return "it binds the dataset to the same licence (SA)"
    return "it is not in the set of licences accepted"
