"""The HTTP interface: fixed routes over datasets known by alias; no path of a client is opened."""

from __future__ import annotations

import getpass
import json
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from datafactory.errors import DataFactoryError, DatasetError, SpecError
from datafactory.store.labels import Label, add_labels
from datafactory.viewer import detail, evaluations, listing, media, summary
from datafactory.viewer.access import TOKEN_HEADER, Access, App, Guard
from datafactory.viewer.comparisons import Comparisons
from datafactory.viewer.evaluations import Results
from datafactory.viewer.grammar import FilterError
from datafactory.viewer.index import Index, Snapshot
from datafactory.viewer.motion import FIELDS as SERIES_FIELDS
from datafactory.viewer.responses import (
    MAX_BODY,
    as_bytes,
    as_json,
    broken,
    failed,
    film_part,
    not_answered,
    problem,
)
from datafactory.viewer.scenes import Scenes
from datafactory.viewer.select import misspelt

if TYPE_CHECKING:
    from datafactory.viewer.replay import Scene

STATIC = Path(__file__).parent / "static"
Answer = Callable[[Request], Response]


@dataclass(frozen=True, eq=False)
class Site:
    """What a server shows.

    Attributes:
        datasets: By alias, in the order they were given.
        access: Rules.
        files: Built pages by name.
        results: Results of evaluations by alias.
    """

    datasets: Mapping[str, Index]
    access: Access
    files: Mapping[str, bytes]
    results: Mapping[str, Results] = field(default_factory=dict)
    scenes: Scenes = field(default_factory=Scenes)
    comparisons: Comparisons = field(default_factory=Comparisons)

    def snapshot(self, request: Request) -> Snapshot:
        """The dataset that a request names; with fields of time series when its filter has some."""
        index = self.index(request)
        if SERIES_FIELDS.search(_text(request, "where")):
            index.read_series()
        return index.snapshot()

    def evaluated(self, request: Request) -> Results:
        """The results that a request names."""
        results = self.results.get(request.path_params["dataset"])
        if results is None:
            raise DatasetError("there are no such results here")
        return results

    def index(self, request: Request) -> Index:
        """The index of the dataset that a request names."""
        index = self.datasets.get(request.path_params["dataset"])
        if index is None:
            raise DatasetError("there is no such dataset here")
        return index


def static_files(folder: Path = STATIC) -> dict[str, bytes]:
    """The built pages by name."""
    return {p.relative_to(folder).as_posix(): p.read_bytes()
            for p in sorted(folder.rglob("*")) if p.is_file()}  # fmt: skip


def make_app(site: Site) -> App:
    """The application."""
    answers = {**_dataset_answers(site), **_attempt_answers(site), **_result_answers(site)}
    routes = [Route(path, _named(answer)) for path, answer in answers.items()]

    async def write(request: Request) -> Response:
        return await _labels(site, request)

    routes.append(Route("/api/{dataset}/labels", write, methods=["POST"]))
    handlers: dict[Any, Any] = {
        DataFactoryError: failed,
        HTTPException: not_answered,
        Exception: broken,
    }
    return Guard(Starlette(routes=routes, exception_handlers=handlers), site.access)


def _dataset_answers(site: Site) -> dict[str, Answer]:
    """Answers about the site and its datasets, by path."""
    return {
        "/": lambda r: _file(site, "index.html"),
        "/static/{name:path}": lambda r: _file(site, r.path_params["name"]),
        "/api/datasets": lambda r: as_json(_datasets(site)),
        "/api/difference": lambda r: as_json(_difference(site, r)),
        "/api/{dataset}/state": lambda r: as_json(state(site.snapshot(r))),
        "/api/{dataset}/overview": lambda r: as_json(
            summary.overview(site.snapshot(r), _text(r, "where"))
        ),
        "/api/{dataset}/check": lambda r: as_json(_check(site, r)),
        "/api/{dataset}/histogram": lambda r: as_json(_histogram(site, r)),
        "/api/{dataset}/motion": lambda r: as_json(_motion(site, r)),
        "/api/{dataset}/rows": lambda r: as_json(_rows(site, r)),
        "/api/{dataset}/thumbnails": lambda r: as_json(_thumbnails(site, r)),
        "/api/{dataset}/shapes/{key}": lambda r: _shape(
            site.scenes.shape(site.snapshot(r), r.path_params["key"])
        ),
        "/api/{dataset}/audit": lambda r: as_json(_audit(site, r)),
    }


def _result_answers(site: Site) -> dict[str, Answer]:
    """Answers about evaluated policies, by path."""
    root = "/api/{dataset}/evaluations"
    return {
        root: lambda r: as_json(evaluations.overview(site.evaluated(r))),
        f"{root}/episodes": lambda r: as_json(
            evaluations.episodes(
                site.evaluated(r),
                dict(r.query_params),
                offset=_number(r, "offset", 0, 10**9),
                limit=_number(r, "limit", 100, evaluations.MAX_ROWS),
            )
        ),
        f"{root}/films/{{row:int}}": lambda r: _film(site, r),
    }


def _attempt_answers(site: Site) -> dict[str, Answer]:
    """Answers about one attempt and its views, by path."""
    one = "/api/{dataset}/attempts/{id}"
    view = one + "/views/{variant}/{camera}"

    def scene(request: Request) -> Scene:
        return site.scenes.get(site.snapshot(request), _id(request))

    return {
        one: lambda r: as_json(detail.detail(site.snapshot(r), _id(r))),
        f"{one}/series": lambda r: as_json(detail.series(site.snapshot(r), _id(r))),
        f"{one}/questions": lambda r: as_json(detail.questions(site.snapshot(r), _id(r))),
        f"{one}/scene": lambda r: as_json(scene(r).describe()),
        f"{one}/poses": lambda r: as_bytes(scene(r).arrays()),
        f"{one}/cameras/{{variant}}": lambda r: as_json(_cameras(site, r)),
        f"{view}/video": lambda r: _video(site, r),
        f"{view}/overlay": lambda r: as_json(media.overlay(site.snapshot(r), *_view(r))),
        f"{view}/masks": lambda r: as_bytes(media.masks(site.snapshot(r), *_view(r))),
        f"{view}/images/{{image:int}}": lambda r: _image(site, r, int(r.path_params["image"])),
        f"{view}/last": lambda r: _image(site, r, -1),
    }


def _named(answer: Answer) -> Answer:
    """A function, as the router wants one; it runs in a thread, so reading blocks nobody."""

    @wraps(answer)
    def call(request: Request) -> Response:
        return answer(request)

    return call


def _file(site: Site, name: str) -> Response:
    data = site.files.get(name)
    if data is None:
        raise HTTPException(404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    kept = "no-cache" if name == "index.html" else "public, max-age=31536000, immutable"
    return Response(data, media_type=kind, headers={"cache-control": kept})


def _text(request: Request, name: str) -> str:
    return request.query_params.get(name, "")


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdecimal() or len(text) > 10 or int(text) > most:
        raise SpecError(f"'{name}' is a number up to {most:,}", where=f"{name}={text[:40]}")
    return int(text)


def _id(request: Request) -> str:
    found = str(request.path_params["id"])
    if len(found) != 32 or not set(found) <= set("0123456789abcdef"):
        raise HTTPException(404)
    return found


def _view(request: Request) -> tuple[str, str, str]:
    return _id(request), request.path_params["variant"], request.path_params["camera"]


def _datasets(site: Site) -> dict[str, Any]:
    found = [{"alias": alias, "root": index.location.root, "version": index.version}
             for alias, index in site.datasets.items()]  # fmt: skip
    results = [{"alias": alias, "root": r.location.root} for alias, r in site.results.items()]
    return {"datasets": found, "results": results, "writable": site.access.writable}


def state(snapshot: Snapshot) -> dict[str, Any]:
    """Counts, fields, variants and runs: what every page needs, and whether something changed."""
    runs = [
        {"kind": r.kind, "status": r.status, "command": r.command, "planned": r.planned,
         "task": r.task, "robot": r.robot, "engine": r.engine, "run_seed": r.run_seed,
         "started_at": r.started_at.isoformat(), "spec_hash": r.spec_hash}
        for r in snapshot.dataset.runs()
    ]  # fmt: skip
    return {
        "versions": dict(snapshot.versions),
        "accepted": int(snapshot.accepted.sum()),
        "rejected": int((~snapshot.accepted).sum()),
        "fields": dict(snapshot.kinds),
        "variants": {v: list(c) for v, c in snapshot.images.kinds.items()},
        "questions": "qa" in snapshot.dataset.tables,
        "series_read": snapshot.series_read,
        "runs": runs,
        "problems": list(snapshot.problems),
    }


def _check(site: Site, request: Request) -> dict[str, Any]:
    """Whether a filter is understood; for a page that asks before it uses it."""
    snapshot, where = site.snapshot(request), _text(request, "where")
    try:
        _spelt(where, snapshot)
    except FilterError as error:
        return {"problem": problem(error, at=error.at, length=error.length)}
    return {"problem": None}


def _spelt(where: str, snapshot: Snapshot) -> None:
    """Parses a filter and looks for misspelt texts; only for what is being written by hand."""
    wrong = misspelt(snapshot.clauses(where), snapshot.columns)
    if wrong is not None:
        name, value, near = wrong
        what = f"no attempt has {name} '{value}'"
        at, remedy = max(where.find(value), 0), f"did you mean '{near}'?"
        raise FilterError(what, where, at, len(value), remedy)


def _histogram(site: Site, request: Request) -> dict[str, Any]:
    snapshot, name = site.snapshot(request), _text(request, "field")
    if snapshot.kinds.get(name) != "number":
        raise FilterError(f"there is no number '{name}'", name, 0, len(name))
    return summary.histogram(snapshot, name, snapshot.mask(_text(request, "where")))


def _difference(site: Site, request: Request) -> dict[str, Any]:
    sides: list[Snapshot] = []
    for side in ("a", "b"):
        index = site.datasets.get(_text(request, side))
        if index is None:
            raise DatasetError("there is no such dataset here", where=_text(request, side)[:80])
        sides.append(index.snapshot())
    a, b = (_text(request, side) for side in ("a", "b"))
    return {"a": a, "b": b, **site.comparisons.get((a, b), *sides)}


def _motion(site: Site, request: Request) -> dict[str, Any]:
    motion = site.index(request).read_series()
    snapshot = site.snapshot(request)
    return motion.summary(snapshot.mask(_text(request, "where"))[snapshot.accepted])


def _rows(site: Site, request: Request) -> dict[str, Any]:
    fields = [f for f in _text(request, "fields").split(",") if f]
    return listing.window(
        site.snapshot(request),
        _text(request, "where"),
        sort=_text(request, "sort"),
        descending=_text(request, "descending") == "true",
        offset=_number(request, "offset", 0, 10**9),
        limit=_number(request, "limit", 100, listing.MAX_ROWS),
        fields=fields,
    )


def _thumbnails(site: Site, request: Request) -> dict[str, str]:
    column = "strip" if _text(request, "strip") == "true" else "thumbnail"
    ids = [i for i in _text(request, "ids").split(",") if i]
    view = _text(request, "variant"), _text(request, "camera")
    return listing.thumbnails(site.snapshot(request), ids, *view, column)


def _audit(site: Site, request: Request) -> dict[str, Any]:
    count, seed = _number(request, "count", 12, 100), _number(request, "seed", 0, 2**31)
    return listing.audit_sample(site.snapshot(request), count, seed)


def _shape(data: bytes) -> Response:
    headers = {"cache-control": "private, max-age=31536000, immutable"}
    return Response(data, media_type="model/gltf-binary", headers=headers)


def _cameras(site: Site, request: Request) -> list[dict[str, Any]]:
    from datafactory.viewer.replay import cameras

    return cameras(site.snapshot(request), _id(request), request.path_params["variant"])


def _image(site: Site, request: Request, image: int) -> Response:
    data = media.picture(site.snapshot(request), *_view(request), image)
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=60"})


def _video(site: Site, request: Request) -> Response:
    wanted = request.headers.get("range")
    return film_part(request, *media.video_part(site.snapshot(request), *_view(request), wanted))


def _film(site: Site, request: Request) -> Response:
    film = site.evaluated(request).film(request.path_params["row"])
    start, stop = media.byte_range(request.headers.get("range"), len(film)) or (0, len(film))
    return film_part(request, film[start:stop], start, len(film))


async def _labels(site: Site, request: Request) -> Response:
    """Writes labels; needs the session's token."""
    if not site.access.writable:
        raise HTTPException(403)
    if not site.access.may_write(request.headers.get(TOKEN_HEADER, "")):
        raise HTTPException(401)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise HTTPException(413)
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(_write_labels, site, request, body)


def _write_labels(site: Site, request: Request, body: bytes) -> Response:
    try:
        data = json.loads(body)
        ids, kind = [str(i) for i in data["ids"]], str(data["kind"])
        value, withdrawn = str(data["value"]), data.get("withdrawn", False) is True
    except (ValueError, KeyError, TypeError) as error:
        raise SpecError("these are no labels", why="ids, kind and value are needed") from error
    index = site.index(request)
    labels = [Label(i, kind, value, withdrawn, getpass.getuser(), "viewer") for i in ids]
    count = add_labels(index.snapshot().dataset, labels)
    index.forget_age()
    judged = index.snapshot().judged
    return as_json({"added": count, "judged": {i: detail.judged_data(judged.of(i)) for i in ids}})
