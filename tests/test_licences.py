"""The licence policy and the credits."""

from __future__ import annotations

import pytest

from datafactory_assets import licences
from datafactory_assets.asset import Licence
from datafactory_assets.errors import AssetError, LicenceError
from datafactory_assets.families import Tier0


def licence(spdx: str, **more: str) -> Licence:
    return Licence(spdx, more.pop("author", "Ada"), more.pop("source", "models-1.0"), **more)


@pytest.mark.parametrize(
    "spdx",
    ["Apache-2.0", "MIT", "BSD-3-Clause", "CC0-1.0", "CC-BY-4.0", "mit", "GPL-3.0-only OR MIT"],
)
def test_permissive_licences_pass(spdx: str) -> None:
    licences.check(licence(spdx))


@pytest.mark.parametrize(
    ("spdx", "why"),
    [
        ("CC-BY-NC-4.0", "commercial"),
        ("CC-BY-NC-SA-4.0", "commercial"),
        ("CC-BY-ND-4.0", "derived"),
        ("CC-BY-SA-4.0", "same licence"),
        ("NOASSERTION", "unknown"),
        ("", "unknown"),
        ("  ", "unknown"),
        ("MIT AND CC-BY-NC-4.0", "commercial"),
        ("LicenseRef-mine", "accepted"),
    ],
)
def test_other_licences_are_refused(spdx: str, why: str) -> None:
    with pytest.raises(LicenceError, match=why) as caught:
        licences.check(licence(spdx), where="pack/mug")
    assert isinstance(caught.value, AssetError)
    assert "pack/mug" in str(caught.value)
    assert "allow" in caught.value.remedy


def test_an_explicit_set_replaces_the_policy() -> None:
    licences.check(licence("CC-BY-NC-4.0"), allow={"CC-BY-NC-4.0"})
    with pytest.raises(LicenceError):
        licences.check(licence("MIT"), allow={"CC-BY-NC-4.0"})


def test_generated_assets_are_public_domain() -> None:
    asset = Tier0().make("mug", 0)
    assert asset.licence == Licence("CC0-1.0", "datafactory", "datafactory")
    licences.check(asset.licence)
    assert licences.attributions([asset.licence]) == ""


def test_attributions_are_sorted_and_unique() -> None:
    text = licences.attributions(
        [
            licence("CC-BY-4.0", attribution="Zebra by Ada, changed"),
            licence("CC-BY-4.0"),
            licence("MIT"),
            licence("MIT"),
        ]
    )
    assert text.splitlines() == [
        "Assets by Ada, models-1.0 (CC-BY-4.0)",
        "Assets from models-1.0, Ada (MIT)",
        "Zebra by Ada, changed (CC-BY-4.0)",
    ]
    assert text.endswith("\n")
