"""Runs inside lerobot's own environment: loads an export and compares it with the arrays given.

    python lerobot_check.py EXPORT REFERENCE.npz

``REFERENCE.npz`` has ``<column>/<episode>`` arrays, ``length``, ``fps``, ``task/<episode>`` and,
for a few rows, ``image/<key>/<index>``. Writes one JSON object; exit code 1 when something differs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from lerobot_package import provide_vision_ops, torchcodec_version

PEAK = 255.0
PSNR_DB = 40.0


def decode_with_av(path, timestamps, tolerance_s, backend=None) -> torch.Tensor:
    """Stands in for torchcodec where it finds no FFmpeg: the same rule, frame = round(t * fps)."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        wanted = [round(t * float(stream.average_rate)) for t in timestamps]
        found = {}
        for k, frame in enumerate(container.decode(stream)):
            if k in wanted:
                found[k] = frame.to_ndarray(format="rgb24")
                assert abs(frame.time - timestamps[wanted.index(k)]) < tolerance_s
            if k >= max(wanted):
                break
    images = torch.from_numpy(np.stack([found[k] for k in wanted]))
    return images.permute(0, 3, 1, 2).float() / 255.0


def decoder() -> str:
    version = torchcodec_version()
    if version is not None:
        return f"torchcodec {version}"
    import lerobot.datasets.lerobot_dataset as module

    module.decode_video_frames = decode_with_av
    return "PyAV (torchcodec does not load: no FFmpeg libraries)"


def same(ours: np.ndarray, theirs: torch.Tensor) -> bool:
    return np.array_equal(ours.reshape(-1), theirs.numpy().reshape(-1), equal_nan=True)


def compare(dataset, reference) -> list[str]:
    wrong = []
    lengths = reference["length"]
    if len(dataset) != lengths.sum() or dataset.num_episodes != len(lengths):
        wrong.append(f"{len(dataset)} frames in {dataset.num_episodes} episodes")
    if dataset.fps != reference["fps"]:
        wrong.append(f"fps {dataset.fps}")
    columns = sorted(
        {n.rpartition("/")[0] for n in reference.files if n[:5] != "image" and "/" in n}
    )
    first = 0
    for episode, length in enumerate(lengths.tolist()):
        rows = dataset.hf_dataset[first : first + length]
        for name in columns:
            ours = reference[f"{name}/{episode}"]
            if name == "task":
                names = [dataset.meta.tasks.iloc[int(k)].name for k in rows["task_index"]]
                ends = [dataset[k]["task"] for k in (first, first + length - 1)]
                ok = names == ours.tolist() and ends == [names[0], names[-1]]
            else:
                ok = same(ours, torch.stack(list(rows[name])))
            if not ok:
                wrong.append(f"{name} of episode {episode}")
        first += length
    return wrong


def compare_images(dataset, reference) -> tuple[list[str], int]:
    wrong, count = [], 0
    for name in (n for n in reference.files if n.startswith("image/")):
        _, key, index = name.split("/")
        shown = dataset[int(index)][key].permute(1, 2, 0).numpy() * PEAK
        error = np.mean((shown - reference[name].astype(float)) ** 2)
        psnr = np.inf if error == 0 else 10 * np.log10(PEAK**2 / error)
        count += 1
        if shown.shape != reference[name].shape or psnr < PSNR_DB:
            wrong.append(f"{key} at {index}: {psnr:.1f} dB")
    return wrong, count


def windows(root: Path, dataset) -> list[str]:
    """A window of past observations and future actions, and a subset of episodes."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    step = 1.0 / dataset.fps
    wanted = {"observation.state": [-step, 0.0], "action": [k * step for k in range(8)]}
    part = LeRobotDataset("local/export", root=root, episodes=[1], delta_timestamps=wanted)
    first, last = part[0], part[len(part) - 1]
    wrong = []
    if first["episode_index"].item() != 1 or not bool(first["observation.state_is_pad"][0]):
        wrong.append("the first window of a subset")
    if int(last["action_is_pad"].sum()) != 7:
        wrong.append("the last window of a subset")
    return wrong


def main() -> int:
    root, reference = Path(sys.argv[1]), np.load(sys.argv[2])
    provide_vision_ops()
    import lerobot
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    used = decoder()
    dataset = LeRobotDataset("local/export", root=root)
    wrong = compare(dataset, reference) + windows(root, dataset)
    more, images = compare_images(dataset, reference)
    missing = [f for f in ("observation.state", "action") if "q99" not in dataset.meta.stats[f]]
    wrong += more + [f"no statistics of {f}" for f in missing]
    report = {"lerobot": lerobot.__version__, "torch": torch.__version__, "decoder": used}
    report |= {"episodes": dataset.num_episodes, "frames": len(dataset), "images": images}
    sys.stdout.write(json.dumps({**report, "wrong": wrong}) + "\n")
    return 1 if wrong else 0


sys.exit(main())
