"""Exporter of OpenUSD: one folder per episode with geometry, physics and motion.

::

    index.json                      the episodes, their layers, what the layers leave out
    episode_000000/replay.usda      open this: the motion over the scene, physics off
    episode_000000/scene.usdc       geometry and UsdPhysics; can be simulated
    episode_000000/episode_000000.usdc      poses of all bodies at every frame
    episode_000000/textures/, sky.hdr       when the episode's look is written
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import datafactory
from datafactory.errors import DatasetError, SpecError, UnknownNameError
from datafactory.exchange.contract import ExportOptions, ExportSummary, Progress
from datafactory.exchange.episodes import Sample
from datafactory.exchange.extras import Extras
from datafactory.exchange.provenance import write_json
from datafactory.exchange.usd_episode import EpisodeFiles, write_episode
from datafactory.exchange.usd_layer import require_usd, saving
from datafactory.render.library import load_style
from datafactory.render.stage import Film, Images
from datafactory.render.studio import Studio
from datafactory.render.style import Style
from datafactory.store.dataset import Dataset, content_digest
from datafactory.store.stored import StoredEpisode
from datafactory.store.variants import check_cameras, find_variant, variants
from datafactory.verify import mesh_files

NO_LOOK = "none"


class Usd:
    """Writes OpenUSD; see ``contract.Exporter``."""

    name = "usd"
    description = "OpenUSD scenes with UsdPhysics and the motion as time samples"
    settings: Mapping[str, str] = {
        "style": "style whose look and cameras are written (default: the render variant's; "
        f"'{NO_LOOK}' for the collision shapes only)",
    }
    single_file = False
    honours = frozenset({"extras"})

    def write(
        self, dataset: Dataset, target: Path, options: ExportOptions, progress: Progress
    ) -> ExportSummary:
        """Writes the export; see ``contract.Exporter.write``."""
        require_usd()
        style, cameras = _look(dataset, options)
        looks = _Looks(dataset, style, cameras)
        count = dataset.episodes(options.where, ["episode_id"], options.limit).num_rows
        if not count:
            raise SpecError(
                "there is nothing to export",
                where=dataset.location.root,
                why=f"no episode of {len(dataset)} matches {options.where!r}",
                remedy="check the filter",
            )
        entries: list[dict[str, Any]] = []
        meshes: dict[str, bytes] = {}
        frames = 0
        target.mkdir(exist_ok=True)
        chosen = islice(dataset.iter_episodes(options.where), options.limit)
        with Extras(target, options.extras) as extras:
            for number, episode in enumerate(chosen):
                name = f"episode_{number:06d}"
                (target / name).mkdir()
                if episode.replay is None:
                    raise _no_physics(episode)
                files = mesh_files(dataset, episode.replay, meshes)
                film = looks.film(episode)
                with saving(target):
                    made = write_episode(episode, files, target / name, number, film)
                entries.append(_entry(episode, name, made))
                every = np.arange(episode.length)
                extras.add(Sample(episode, {}, episode.fps, every, every), number)
                frames += episode.length
                progress(number + 1, count)
            extras.finish(dataset)
        write_json(target / "index.json", _index(dataset, style, entries))
        return ExportSummary(str(target), len(entries), frames, 0, _remarks(entries, style))


def _look(dataset: Dataset, options: ExportOptions) -> tuple[Style | None, tuple[str, ...]]:
    """Style whose look is written, and the cameras of it; no style for collision shapes."""
    asked = options.settings.get("style")
    if asked == NO_LOOK:
        return None, ()
    if asked is not None:
        return load_style(asked), options.cameras
    if not options.variant and not options.cameras and not variants(dataset):
        return None, ()
    variant = find_variant(dataset, options.variant)
    cameras = check_cameras(variant, options.cameras)
    for run in dataset.runs():
        if run.kind == "render" and run.spec_hash == variant.style_hash:
            return Style.model_validate(run.spec), cameras
    raise DatasetError(
        f"the style of the variant '{variant.name}' is not recorded",
        where=dataset.location.root,
        why="its images were imported, or its run was removed",
        remedy="name a style: --set style=default",
    )


class _NoRenderer:
    """Stands where a studio keeps its renderer: an export sets scenes up and draws nothing."""

    name = version = NO_LOOK
    deterministic = True

    def render(self, film: Film) -> Mapping[str, Images]:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to free."""


class _Looks:
    """Sets episodes up as they are rendered, at every recorded frame."""

    def __init__(self, dataset: Dataset, style: Style | None, cameras: tuple[str, ...]) -> None:
        self._dataset = dataset
        self._style = style
        self._cameras = cameras
        self._studios: dict[int, Studio] = {}

    def film(self, episode: StoredEpisode) -> Film | None:
        """What an episode looks like; None when no look is written.

        Raises:
            UnknownNameError: The style has no such camera.
        """
        if self._style is None:
            return None
        if episode.fps not in self._studios:
            style = self._style.model_copy(update={"fps": episode.fps})
            self._studios[episode.fps] = Studio(self._dataset, style, "", _NoRenderer())
        film = self._studios[episode.fps].scene(episode).film
        found = {shot.camera: shot for shot in film.shots}
        for camera in self._cameras:
            if camera not in found:
                raise UnknownNameError.of("camera", camera, found, where=self._style.style)
        return replace(film, shots=tuple(found[c] for c in self._cameras or found))


def _entry(episode: StoredEpisode, folder: str, made: EpisodeFiles) -> dict[str, Any]:
    """One episode of the index."""
    return {
        "episode_id": episode.episode_id,
        "folder": folder,
        "instruction": episode.instructions[-1].text,
        "instructions": [asdict(said) for said in episode.instructions],
        "robot": episode.robot,
        "fps": episode.fps,
        "frames": episode.length,
        **asdict(made),
    }


def _index(dataset: Dataset, style: Style | None, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "format": Usd.name,
        "made_by": f"datafactory {datafactory.__version__}",
        "source": content_digest(dataset, recompute=False),
        "geometry": "collision shapes of the physics model"
        if style is None
        else "surfaces of the look; collision shapes have the purpose 'guide'",
        "style": None if style is None else style.to_dict(),
        "episodes": entries,
    }


def _remarks(entries: list[dict[str, Any]], style: Style | None) -> tuple[str, ...]:
    """What the user should know."""
    lost = {remark for entry in entries for remark in entry["remarks"]}
    said = [f"{len(lost)} things of the physics are not in the layers; index.json names them"]
    if style is None:
        said.append("drawn are collision shapes; --set style=default writes a look and cameras")
    return tuple(said)


def _no_physics(episode: StoredEpisode) -> SpecError:
    return SpecError(
        "an episode without a physics model cannot be written as OpenUSD",
        where=f"episode {episode.episode_id}",
        why="it was imported, so its bodies and their shapes are not known",
        remedy="leave it out with --where",
    )
