"""Skies: their light agrees with their images; Radiance pictures are read exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datafactory.errors import SpecError, UnknownNameError
from datafactory.render.skies import (
    SKY_FAMILIES,
    read_hdr,
    sky,
    sky_from_image,
    sky_image,
    sky_names,
    tone_mapped,
)

SUNNY = ("clear_day", "fair_clouds", "hazy", "golden_hour")
SUNLESS = ("overcast", "dusk", "night_city")
SAMPLE = [f"{family}/{index:02d}" for family in SKY_FAMILIES for index in (0, 7)]


def angle_deg(a, b) -> float:
    return float(np.degrees(np.arccos(np.clip(np.dot(a, b), -1.0, 1.0))))


def direction(row: float, column: float, height: int) -> np.ndarray:
    """Independent statement of the convention."""
    polar, azimuth = np.pi * (row + 0.5) / height, np.pi * (column + 0.5) / height
    return np.array(
        [np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)]
    )


def test_there_are_enough_skies() -> None:
    names = sky_names()
    assert len(names) >= 96
    assert len(set(names)) == len(names)
    assert set(sky_names("seen")) | set(sky_names("unseen")) == set(names)
    assert not set(sky_names("seen")) & set(sky_names("unseen"))
    for family in SKY_FAMILIES:
        assert sum(name.startswith(f"{family}/") for name in sky_names("unseen")) == 2


def test_unknown_names_are_refused() -> None:
    for call in (sky, sky_image):
        with pytest.raises(UnknownNameError, match="did you mean"):
            call("overcst/03")
    with pytest.raises(UnknownNameError, match="sky split"):
        sky_names("test")
    with pytest.raises(SpecError, match="4 pixels high"):
        sky_image("overcast/00", 4)


@pytest.mark.parametrize("name", SAMPLE)
def test_an_image_is_what_it_says(name: str) -> None:
    image = sky_image(name, 64)
    assert image.shape == (64, 128, 3)
    assert image.dtype == np.float32
    assert np.all(np.isfinite(image))
    assert np.all(image >= 0.0)
    assert image is sky_image(name, 64)
    assert np.array_equal(sky_image.__wrapped__(name, 64), image)
    # It goes around: the seam is no worse than what is beside it.
    shown = tone_mapped(image).astype(float)
    inside = np.abs(np.diff(shown, axis=1)).mean(axis=(0, 2))
    assert np.abs(shown[:, 0] - shown[:, -1]).mean() <= 1.05 * inside.max() + 1.0


@pytest.mark.parametrize("name", SAMPLE)
def test_light_agrees_with_the_image(name: str) -> None:
    light, image = sky(name), sky_image(name, 96).astype(float)
    assert light.name == name
    assert name in sky_names(light.split)
    assert np.linalg.norm(light.sun_direction) == pytest.approx(1.0)
    assert max(light.sun_colour) == pytest.approx(1.0)
    assert 0.0 <= light.sun_intensity <= 1.0
    rows = np.pi * (np.arange(48) + 0.5) / 96
    clamped = np.minimum(image[:48], 1.0)
    mean = np.average(clamped.mean(axis=1), axis=0, weights=np.sin(rows))
    assert light.ambient == pytest.approx(tuple(mean), rel=0.1)


@pytest.mark.parametrize("name", [n for n in sky_names() if n.split("/")[0] in SUNNY])
def test_the_sun_is_the_brightest_place(name: str) -> None:
    light, image = sky(name), sky_image(name, 64)
    row, column = np.unravel_index(int(np.argmax(image.sum(axis=-1))), image.shape[:2])
    assert angle_deg(light.sun_direction, direction(row, column, 64)) < 3.0
    assert light.sun_intensity > 0.25
    assert light.sun_direction[2] > 0.05
    red, _, blue = light.sun_colour
    assert red > blue


def test_only_suns_and_lamps_make_shadows() -> None:
    for family in SUNLESS:
        assert all(sky(f"{family}/{i:02d}").sun_intensity == 0.0 for i in range(10))
    softbox = [sky(f"studio_softbox/{i:02d}") for i in range(10)]
    assert min(light.sun_intensity for light in softbox) > 0.4
    assert np.mean(sky("night_city/01").ambient) < 0.15 < np.mean(sky("clear_day/01").ambient)


def test_skies_of_a_family_differ() -> None:
    for family in SKY_FAMILIES:
        images = np.stack([sky_image(f"{family}/{i:02d}", 16) for i in range(10)])
        shown = tone_mapped(images).astype(float)
        apart = np.abs(shown[:, None] - shown[None]).mean(axis=(2, 3, 4))
        assert apart[~np.eye(10, dtype=bool)].min() > 1.5, family


@pytest.mark.parametrize(("row", "column"), [(10, 0), (20, 16), (5, 40), (30, 63)])
def test_a_lamp_is_found_where_it_is(row: int, column: int) -> None:
    image = np.full((32, 64, 3), 0.25, np.float32)
    image[row, column] = (50.0, 25.0, 12.5)
    light = sky_from_image("mine", image, "seen")
    assert angle_deg(light.sun_direction, direction(row, column, 32)) < 0.1
    red, green, blue = light.sun_colour
    assert red == 1.0
    assert green == pytest.approx(24 / 49, rel=1e-3)
    assert blue == pytest.approx(11.5 / 49, rel=1e-3)
    assert light.sun_intensity > 0.0


def test_an_even_sky_has_no_sun() -> None:
    light = sky_from_image("even", np.full((16, 32, 3), 0.5, np.float32), "seen")
    assert light.sun_intensity == 0.0
    assert light.ambient == pytest.approx((0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((16, 16, 3), np.float32),
        np.zeros((16, 32), np.float32),
        np.full((16, 32, 3), -1.0, np.float32),
        np.full((16, 32, 3), np.nan, np.float32),
    ],
)
def test_images_that_are_no_skies_are_refused(image: np.ndarray) -> None:
    with pytest.raises(SpecError, match="sky 'mine'"):
        sky_from_image("mine", image, "seen")


def test_tone_mapping_keeps_order_and_white() -> None:
    levels = np.linspace(0.0, 5.0, 400, dtype=np.float32)
    shown = tone_mapped(np.repeat(levels[:, None], 3, axis=1))
    assert shown.dtype == np.uint8
    assert np.all(np.diff(shown[:, 0].astype(int)) >= 0)
    assert shown[0, 0] == 0
    assert shown[-1, 0] == 255
    assert tone_mapped(np.full((1, 1, 3), 0.2140, np.float32))[0, 0, 0] == 127


def to_rgbe(image: np.ndarray) -> np.ndarray:
    """Quantises to shared exponents; 0 where black."""
    peak = image.max(axis=-1)
    _, exponent = np.frexp(peak)
    mantissa = np.floor(image * np.ldexp(1.0, 8 - exponent)[..., None])
    code = np.concatenate([np.minimum(mantissa, 255), (exponent + 128)[..., None]], axis=-1)
    code[peak <= 1e-20] = 0
    return code.astype(np.uint8)


def run_length(line: np.ndarray) -> bytes:
    """One channel of a scanline: runs of four or more equal bytes, else literals."""
    out, at, literal = bytearray(), 0, bytearray()

    def flush() -> None:
        if literal:
            out.extend((len(literal), *literal))
            literal.clear()

    values = line.tolist()
    while at < len(values):
        length = 1
        while length < 127 and at + length < len(values) and values[at + length] == values[at]:
            length += 1
        if length >= 4:
            flush()
            out.extend((128 + length, values[at]))
        else:
            length = 1
            literal.append(values[at])
            if len(literal) == 128:
                flush()
        at += length
    flush()
    return bytes(out)


def write_hdr(path: Path, image: np.ndarray, *, coded: bool, extra: str = "") -> np.ndarray:
    """Writes an .hdr file; returns what its pixels mean."""
    code = to_rgbe(image)
    height, width = image.shape[:2]
    header = f"#?RADIANCE\n# made by a test\n{extra}FORMAT=32-bit_rle_rgbe\n\n"
    body = b""
    if coded:
        for row in code:
            body += bytes((2, 2, width >> 8, width & 255))
            body += b"".join(run_length(row[:, c]) for c in range(4))
    else:
        body = code.tobytes()
    path.write_bytes(f"{header}-Y {height} +X {width}\n".encode() + body)
    scale = np.where(code[..., 3:] == 0, 0.0, np.ldexp(1.0, code[..., 3:].astype(int) - 136))
    return code[..., :3] * scale


@pytest.mark.parametrize("coded", [False, True])
def test_pictures_are_read_back(tmp_path: Path, coded: bool) -> None:
    image = sky_image("golden_hour/03", 32)
    meant = write_hdr(tmp_path / "sky.hdr", image, coded=coded)
    read = read_hdr(tmp_path / "sky.hdr")
    assert read.dtype == np.float32
    assert np.array_equal(read, meant.astype(np.float32))
    assert np.all(np.abs(read - image) <= image.max(axis=-1, keepdims=True) / 128)
    light, known = sky_from_image("mine", read, "seen"), sky_from_image("known", image, "seen")
    assert angle_deg(light.sun_direction, known.sun_direction) < 1.0
    assert light.ambient == pytest.approx(known.ambient, rel=0.02)


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 5), st.integers(1, 300), st.just(3)),
        elements=st.sampled_from([0.0, 1e-6, 0.25, 0.3, 1.0, 700.0]),
    ),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_picture_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, image: np.ndarray, coded: bool
) -> None:
    path = tmp_path_factory.mktemp("hdr") / "a.hdr"
    meant = write_hdr(path, image, coded=coded and image.shape[1] >= 8)
    assert np.array_equal(read_hdr(path), meant.astype(np.float32))


def test_exposure_is_undone(tmp_path: Path) -> None:
    image = np.full((4, 8, 3), 0.5)
    write_hdr(tmp_path / "a.hdr", image, coded=True, extra="EXPOSURE=2.0\nEXPOSURE= 0.5\n")
    assert np.allclose(read_hdr(tmp_path / "a.hdr"), 0.5)
    write_hdr(tmp_path / "b.hdr", image, coded=True, extra="EXPOSURE=4\n")
    assert np.allclose(read_hdr(tmp_path / "b.hdr"), 0.125)


def broken(data: bytes) -> dict[str, bytes]:
    at = data.index(b"+X 64\n") + 6
    return {
        "does not begin like": b"PNG" + data,
        "not RGBE": data.replace(b"32-bit_rle_rgbe", b"32-bit_rle_xyze"),
        "resolution line": data.replace(b"-Y 32", b"+Y 32"),
        "out of range": data.replace(b"-Y 32", b"-Y 0"),
        "middle of a scanline": data[:-1],
        "scanline does not begin": data[:at] + data[at:].replace(b"\x02\x02\x00\x40", b"abcd", 2)
        if data[at:].count(b"\x02\x02\x00\x40") > 40
        else data[: at + 4] + run_length(np.zeros(256, np.uint8)) + b"abcdefgh",
        "does not fit": data[: at + 4] + b"\xff\x01" * 3,
        "exposure is no number": data.replace(b"FORMAT", b"EXPOSURE=bright\nFORMAT"),
        "exposure is 0": data.replace(b"FORMAT", b"EXPOSURE=0\nFORMAT"),
    }


@pytest.mark.parametrize("why", broken(b"-Y 32 +X 64\n" + b"x" * 99))
def test_broken_pictures_are_refused(tmp_path: Path, why: str) -> None:
    path = tmp_path / "sky.hdr"
    write_hdr(path, sky_image("hazy/01", 32), coded=True)
    path.write_bytes(broken(path.read_bytes())[why])
    with pytest.raises(SpecError, match=why) as caught:
        read_hdr(path)
    assert caught.value.where == str(path)
    assert caught.value.remedy


def test_missing_and_short_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="No such file"):
        read_hdr(tmp_path / "none.hdr")
    path = tmp_path / "flat.hdr"
    write_hdr(path, np.full((4, 4, 3), 0.5), coded=False)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(SpecError, match="ends after 59 of 64 bytes"):
        read_hdr(path)
