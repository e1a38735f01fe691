"""Renders a dataset, looks at one image and what is known of it, and writes a LeRobot dataset.

python examples/render_and_export.py demo/pick_place demo/lerobot
"""

import sys

from datafactory.exchange.contract import ExportOptions
from datafactory.exchange.run import export_dataset
from datafactory.executor.render_run import RenderRequest, run_rendering
from datafactory.render.library import load_style
from datafactory.store.dataset import open_dataset
from datafactory.store.renders import images, view


def main(path: str, out: str) -> None:
    style = load_style("fast", ["randomise.lights=high", "seed=1"])
    made = run_rendering(RenderRequest(path, style, variant="bright", limit=3))
    print(f"{made.episodes} of {made.planned} episodes, {made.images} images by {made.renderer}")

    dataset = open_dataset(path)
    episode = dataset.episode(0)
    front = view(dataset, episode.episode_id, "bright", "front")
    print(images(dataset, front, [0]).shape, episode.instruction)
    for thing, box in zip(episode.objects, front.annotations.visible_box[0], strict=True):
        print(f"{thing.colour} {thing.category}: {box.tolist()}")

    options = ExportOptions(variant="bright", actions="relative", space="eef", limit=3)
    done = export_dataset(path, out, "lerobot-v3", options)
    print(f"{done.episodes} episodes, {done.frames} rows in {done.path}")


if __name__ == "__main__":  # workers import this file
    main(*(sys.argv[1:] or ["demo/pick_place", "demo/lerobot"]))
