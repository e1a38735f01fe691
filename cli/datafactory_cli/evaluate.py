"""``datafactory eval`` and ``datafactory serve``: policies in the worlds that make the data."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datafactory_cli.render import RendererOption
from datafactory_cli.session import Session, command, json_line
from datafactory_cli.text import table
from datafactory_cli.train import require_zoo

if TYPE_CHECKING:
    from datafactory_zoo.evaluate import Contender, Report
    from datafactory_zoo.eyes import Sight
    from datafactory_zoo.results import Summary

GUARDS = {"random": (0.0, 0.05), "expert": (0.95, 1.0)}
"""Shares of success between which the harness can be trusted."""
EXIT_FAILED = 1
PLAIN_EVERY_S = 10.0
FILMS = 4

PolicyArgument = Annotated[
    str,
    typer.Argument(
        metavar="POLICY",
        help="Checkpoint or run folder, 'random', 'expert', or ws://host:port of a server.",
    ),
]
SuitesOption = Annotated[
    list[str] | None,
    typer.Option("--suite", metavar="SUITE", help="Suite, task suite, or 'all'; repeatable."),
]
FilmsOption = Annotated[
    int | None,
    typer.Option("--films", metavar="N", min=0, help="Films of failures per suite; 4 with --out."),
]
StyleOption = Annotated[
    str | None, typer.Option("--style", metavar="NAME|FILE", help="What it sees; as in training.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "eval")(evaluate)
    command(app, "serve")(serve)


def contender_of(policy: str, robot: str | None, sight: Sight | None = None) -> Contender:
    """Who acts: a guard's name, a server's address, or a checkpoint.

    Args:
        policy: One of these.
        robot: Robot to act on; the only one known by default.
        sight: How pictures are drawn for it; as those it was trained on by default.
    """
    from datafactory_zoo.checkpoint import read_checkpoint
    from datafactory_zoo.evaluate import Contender

    if policy in GUARDS:
        return Contender(policy, "", robot or "", policy)
    if policy.startswith(("ws://", "wss://")):
        return _server(policy, robot, sight)
    checkpoint = read_checkpoint(policy)
    name = f"{checkpoint.description['policy']}-{checkpoint.description['size']}"
    robot = checkpoint.robot(robot)
    cameras = checkpoint.processors[robot].io.cameras
    if sight is None and cameras:
        sight = checkpoint.sight(robot)
    return Contender("checkpoint", str(checkpoint.folder), robot, name, cameras, sight)


def _server(address: str, robot: str | None, sight: Sight | None) -> Contender:
    """A policy server; one that does not say what it looks through gets all of a named style."""
    from datafactory_zoo.client import PolicyClient
    from datafactory_zoo.evaluate import Contender
    from datafactory_zoo.eyes import Sight

    client = PolicyClient(address)
    said = client.metadata
    client.close()
    if sight is None and said.get("sight"):
        sight = Sight.from_dict(said["sight"])
    cameras = said.get("cameras")
    if cameras is None:
        cameras = sight.cameras if sight else ()
    return Contender(
        "server", address, robot or str(said.get("robot", "")), str(said.get("policy", "server")),
        tuple(cameras), sight,
    )  # fmt: skip


def task_of(contender: Contender, task: str | None) -> tuple[str, dict[str, Any]]:
    """Generator and task: the one named, or the one the checkpoint was trained on."""
    from datafactory.api import load_task
    from datafactory.errors import SpecError
    from datafactory_zoo.checkpoint import read_checkpoint

    if task is not None:
        spec = load_task(task)
        return spec.generator, spec.model_dump(mode="json")
    if contender.kind != "checkpoint":
        raise SpecError(f"'{contender.name}' does not say which task it was made for",
                        remedy="add --task TASK")  # fmt: skip
    lineage = read_checkpoint(contender.where).description["data"][0]
    if not lineage["task"]:
        raise SpecError(
            "the policy was trained on imported data", where=contender.where,
            why="nothing says in which world it acts", remedy="add --task TASK",
        )  # fmt: skip
    plain = {k: v for k, v in lineage["task"].items() if k != "generator_version"}
    return str(lineage["generator"]), plain


def _check_seed(contender: Contender, seed: int) -> None:
    from datafactory.errors import SpecError
    from datafactory_zoo.checkpoint import read_checkpoint

    if contender.kind != "checkpoint":
        return
    data = read_checkpoint(contender.where).description["data"]
    if any(seed in part["run_seeds"] for part in data):
        raise SpecError(
            f"run seed {seed} made the training data", where=contender.where,
            why="its scenes were seen in training", remedy="choose another --seed",
        )  # fmt: skip


def evaluate(
    session: Session,
    policy: PolicyArgument,
    task: Annotated[
        str | None,
        typer.Option("--task", metavar="TASK", help="Task; the one it was trained on by default."),
    ] = None,
    suite: SuitesOption = None,
    episodes: Annotated[
        int, typer.Option("--episodes", metavar="N", min=1, help="Episodes per suite.")
    ] = 100,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="S", min=0, help="Run seed of the worlds.")
    ] = None,
    robot: Annotated[
        str | None, typer.Option("--robot", metavar="R", help="Robot, for several or none known.")
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Folder for the table of results.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="W", min=1, help="Processes; one per core.")
    ] = None,
    films: FilmsOption = None,
    style: StyleOption = None,
    renderer: RendererOption = None,
) -> None:
    """Run a policy closed loop on unseen seeds and report success with 95 % intervals."""
    require_zoo()
    from datafactory_zoo.evaluate import EVALUATION_SEED, evaluate_suites, pooled
    from datafactory_zoo.results import write_summary

    contender = contender_of(policy, robot, _chosen_sight(style, renderer))
    _check_style(contender, style)
    chosen = EVALUATION_SEED if seed is None else seed
    _check_seed(contender, chosen)
    generator, plain = task_of(contender, task or _only_tasks(suite or []))
    if not contender.robot:
        contender = replace(contender, robot=plain["robot"])
    names = _suites(session, suite or ["seen"], plain, contender)
    place, begin = Path(out) if out else None, time.monotonic()
    summaries = pooled(
        evaluate_suites(
            contender, plain, names, generator=generator, episodes=episodes, seed=chosen,
            out=place, workers=workers, report=lambda name: _reporter(session, name),
            films=_films(session, films, place),
        )
    )  # fmt: skip
    about = {"policy": contender.name, "checkpoint": contender.where, "robot": contender.robot,
             "task": plain.get("name", ""), "seed": chosen}  # fmt: skip
    if place is not None:
        write_summary(place, summaries, about)
    _print(session, {**about, "wall_s": time.monotonic() - begin}, summaries)
    _guard(session, contender, summaries)


def _guard(session: Session, contender: Contender, summaries: list[Summary]) -> None:
    """Ends with 1 when chance does too well or the expert too badly to trust the harness."""
    low, high = GUARDS.get(contender.kind, (0.0, 1.0))
    broken = [s.suite for s in summaries if not low <= s.success.share <= high]
    if broken:
        session.remark(
            f"the harness is broken: '{contender.kind}' must succeed in {low:.0%} to {high:.0%} "
            f"of the episodes, and does not in {', '.join(broken)}"
        )
        raise typer.Exit(EXIT_FAILED)


def _only_tasks(suites: list[str]) -> str | None:
    """The first task, when all suites are tasks of task suites and no other task matters."""
    from datafactory_zoo.suites import suites_named

    found = [each for name in suites if name != "all" for each in suites_named(name)]
    return found[0].name if found and all(each.given for each in found) else None


def _check_style(contender: Contender, style: str | None) -> None:
    from datafactory.errors import SpecError

    if style is not None and not contender.cameras:
        raise SpecError(f"'{contender.name}' sees no pictures", where="--style",
                        remedy="leave --style out")  # fmt: skip


def _films(session: Session, asked: int | None, out: Path | None) -> int:
    """How many failures of a suite are filmed; by default none where nothing can draw."""
    from datafactory.errors import MissingPartError, SpecError
    from datafactory.render.choice import decide

    if out is None:
        if asked:
            raise SpecError("films need a place", where="--films", remedy="add --out DIR")
        return 0
    if asked is not None:
        return asked
    try:
        decide()
    except MissingPartError as error:
        session.remark(f"no films of failures: {error.what}; {error.remedy}")
        return 0
    return FILMS


def _chosen_sight(style: str | None, renderer: str | None) -> Sight | None:
    """Pictures of a style named on the command line."""
    from datafactory.errors import SpecError
    from datafactory.render.library import load_style
    from datafactory_zoo.eyes import Sight

    if style is None:
        if renderer is not None:
            raise SpecError("a renderer without a style", where="--renderer",
                            remedy="add --style NAME|FILE")  # fmt: skip
        return None
    found = load_style(style)
    return Sight.of_style(found, renderer or found.renderer)


def _suites(
    session: Session, asked: list[str], task: dict[str, Any], contender: Contender
) -> list[str]:
    """Names of the suites asked for; of ``all``, those that suit task and contender."""
    from datafactory.errors import SpecError
    from datafactory_zoo.suites import SUITES, suites_named

    if asked != ["all"]:
        return [found.name for name in asked for found in suites_named(name)]
    found = []
    for name, candidate in SUITES.items():
        try:
            candidate.task(task)
            candidate.sight(contender.sight)
        except SpecError as error:
            session.remark(f"left out {name}: {error.why or error.what}")
        else:
            found.append(name)
    return found


def _print(session: Session, about: dict[str, Any], summaries: list[Summary]) -> None:
    suites = [s.to_dict() for s in summaries]
    session.result({**about, "suites": suites}, summary_table(summaries))


def _reporter(session: Session, name: str) -> Report:
    last = [-PLAIN_EVERY_S]

    def report(done: int, wanted: int, successes: int) -> None:
        if session.json:
            typer.echo(json_line({"event": "progress", "suite": name, "done": done,
                                  "planned": wanted, "successes": successes}))  # fmt: skip
            sys.stdout.flush()
        now = time.monotonic()
        if not session.quiet and (now - last[0] >= PLAIN_EVERY_S or done == wanted):
            last[0] = now
            session.remark(f"{name}: {done}/{wanted} episodes, {successes} successes")

    return report


def summary_table(summaries: list[Summary]) -> str:
    """Suites as rows."""
    head = ("suite", "success [95 %]", "grasped", "placed", "collided", "timed out", "left out")
    rows = [
        (
            s.suite, str(s.success), f"{s.grasped.share:.0%}", f"{s.placed.share:.0%}",
            f"{s.collided.share:.0%}", f"{s.timed_out.share:.0%}", s.skipped,
        )
        for s in summaries
    ]  # fmt: skip
    return table(rows, head)


def serve(
    session: Session,
    policy: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="Checkpoint or run folder.")],
    host: Annotated[str, typer.Option("--host", metavar="ADDR", help="Address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="PORT", min=0, help="Port.")] = 8000,
    robot: Annotated[str | None, typer.Option("--robot", metavar="R", help="Robot.")] = None,
) -> None:
    """Serve a policy over a websocket (msgpack with arrays, as openpi's clients speak)."""
    require_zoo()
    from datafactory_zoo.checkpoint import read_checkpoint
    from datafactory_zoo.server import PolicyService
    from datafactory_zoo.server import serve as run

    checkpoint = read_checkpoint(policy)
    service = PolicyService(checkpoint.agent(robot), checkpoint.sight(checkpoint.robot(robot)))

    def ready(bound: int) -> None:
        session.result({"host": host, "port": bound, **service.metadata()},
                       f"serving {policy} on ws://{host}:{bound}; stop with Ctrl-C")  # fmt: skip
        sys.stdout.flush()

    run(service, host=host, port=port, ready=ready)
