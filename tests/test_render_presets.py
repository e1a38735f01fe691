"""Lens presets, fitting to an image size, and the rig's places."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory.errors import UnknownNameError
from datafactory.render.cameras import looking, project
from datafactory.render.presets import LENSES, RIG, fit, intrinsics, lens_intrinsics
from datafactory.render.stage import Intrinsics
from datafactory.render.style import Lens

HERE = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
SIZES = st.integers(16, 2000)


def test_every_lens_is_a_plausible_camera() -> None:
    for name, lens in LENSES.items():
        k = intrinsics(name)
        across = 2.0 * math.degrees(math.atan(0.5 * k.width / k.fx))
        assert 40.0 < across < 110.0, name
        assert k.fx == k.fy
        assert (k.cx, k.cy) == (0.5 * k.width, 0.5 * k.height)
        assert lens.origin


def test_data_sheet_angles() -> None:
    k = intrinsics("realsense_d455_color")
    assert math.degrees(2.0 * math.atan(0.5 * k.width / k.fx)) == pytest.approx(90.0)
    k = intrinsics("webcam_c920")
    diagonal = math.hypot(k.width, k.height)
    assert math.degrees(2.0 * math.atan(0.5 * diagonal / k.fx)) == pytest.approx(78.0)


def test_unknown_lens_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="realsense_d435_color"):
        intrinsics("realsense_d435_colour")


@given(
    native=st.tuples(SIZES, SIZES),
    size=st.tuples(SIZES, SIZES),
    focal=st.tuples(st.floats(50, 3000), st.floats(50, 3000)),
    principal=st.tuples(st.floats(-0.2, 1.2), st.floats(-0.2, 1.2)),
    point=st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.2, 5)),
)
def test_fit_agrees_with_cropping_and_resizing_pixels(
    native: tuple[int, int],
    size: tuple[int, int],
    focal: tuple[float, float],
    principal: tuple[float, float],
    point: tuple[float, float, float],
) -> None:
    whole = Intrinsics(*native, *focal, principal[0] * native[0], principal[1] * native[1])
    fitted = fit(whole, *size)
    assert (fitted.width, fitted.height) == size
    scale = max(size[0] / native[0], size[1] / native[1])
    crop = np.array(size) / scale
    assert (crop <= np.array(native) * (1 + 1e-12)).all()
    assert np.isclose(crop, native).any()
    seen, _ = project(point, HERE, whole)
    there, _ = project(point, HERE, fitted)
    expected = (seen - 0.5 * (np.array(native) - crop)) * scale
    np.testing.assert_allclose(there, expected, rtol=1e-9, atol=1e-6)


@given(native=st.tuples(SIZES, SIZES), factor=st.floats(0.1, 3))
def test_fit_to_the_same_aspect_only_scales(native: tuple[int, int], factor: float) -> None:
    whole = Intrinsics(*native, 500.0, 400.0, 30.0, 40.0)
    assert fit(whole, *native) == whole
    once = fit(fit(whole, 224, 224), *native)
    assert once.fx / once.fy == pytest.approx(1.25)


def test_lens_of_a_field_of_view() -> None:
    k = lens_intrinsics(Lens.model_validate({"fovy_deg": 60.0}), 320, 240)
    assert k.fy == pytest.approx(120.0 / math.tan(math.radians(30.0)))
    assert (k.fx, k.cx, k.cy) == (k.fy, 160.0, 120.0)


def test_lens_of_numbers_and_presets_is_fitted() -> None:
    data = {"width": 640, "height": 480, "fx": 600, "fy": 610, "cx": 321, "cy": 239}
    k = lens_intrinsics(Lens.model_validate(data), 240, 240)
    assert k == Intrinsics(240, 240, 300.0, 305.0, (321.0 - 80.0) / 2.0, 119.5)
    k = lens_intrinsics(Lens.model_validate({"preset": "realsense_d435_color"}), 224, 224)
    assert k.fx == pytest.approx(615.0 * 224 / 480)


@pytest.mark.parametrize("name", [n for n in RIG if n != "wrist"])
def test_the_rig_frames_the_work_area(name: str) -> None:
    spec = RIG[name]
    assert spec.name == name
    # The base stands 0.56 m behind the table's centre.
    behind = {"table": 0.0, "base": 0.56}[spec.mount]
    assert spec.look_from is not None
    assert spec.look_at is not None
    camera = looking(spec.look_from, spec.look_at).vector()
    k = lens_intrinsics(spec.lens, 224, 224)
    x, y, z = np.meshgrid([-0.31, 0.05], [-0.45, 0.45], [0.0, 0.2])
    uv, depth = project(np.stack([x + behind, y, z], axis=-1), camera, k)
    assert (depth > 0.3).all()
    assert uv.min() >= 0.0
    assert uv.max() <= 224.0
