"""Which URDF files of a folder or wheel become MJCF that compiles and steps.

python -m benchmarks.urdf                 # downloads the wheel example-robot-data 6.0.0
python -m benchmarks.urdf FOLDER          # every *.urdf below a folder
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import mujoco

from datafactory.errors import DataFactoryError
from datafactory_assets.urdf.importer import import_urdf

WHEEL = "example-robot-data==6.0.0"


def outcome(path: Path) -> tuple[str, str]:
    """``ok`` or the stage that failed, and details."""
    try:
        imported = import_urdf(path)
    except DataFactoryError as error:
        return "import", f"{error.what}: {error.why}"
    try:
        model = mujoco.MjModel.from_xml_string(imported.mjcf, dict(imported.files))
    except ValueError as error:
        return "compile", str(error).splitlines()[0]
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, nstep=20)
    if not all(abs(v) < 1e6 for v in data.qpos):
        return "step", "positions run away"
    notes = f", {len(imported.notes)} repairs" if imported.notes else ""
    return "ok", f"nv {model.nv}, {model.ngeom} geoms{notes}"


def report(folder: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    for path in sorted(folder.rglob("*.urdf")):
        stage, detail = outcome(path)
        counts[stage] += 1
        print(f"{stage:8} {path.relative_to(folder).as_posix()}  {detail}", flush=True)
    total = sum(counts.values())
    print(f"{counts['ok']} of {total} compile and step; others: {dict(counts - Counter(ok=total))}")
    return counts


def main() -> None:
    if len(sys.argv) > 1:
        report(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch, WHEEL]
        subprocess.run(command, check=True)
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(scratch)
        report(Path(scratch))


if __name__ == "__main__":
    main()
