"""``datafactory tasks suite``: lists suites, prints, checks, executes and writes one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datafactory_cli.session import Session
from datafactory_cli.text import table

if TYPE_CHECKING:
    from datafactory.suite_proof import Outcome
    from datafactory.task_suite import TaskSuite


def suite(
    session: Session,
    name: Annotated[str | None, typer.Argument(help="Suite; without one all are listed.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check hashes, objects, places, headings and words.")
    ] = False,
    prove: Annotated[
        bool, typer.Option("--prove", help="Execute attempts until one of each is accepted.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write the task files here.")] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Only this task (017); repeatable.")
    ] = None,
    tries: Annotated[int, typer.Option("--tries", min=1, help="Attempts per variant.")] = 12,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes of --prove.")] = 1,
    lock: Annotated[
        Path | None, typer.Option("--lock", help="Write what --prove found to this lock file.")
    ] = None,
) -> None:
    """List suites of tasks; print, check, execute or write one."""
    from datafactory.errors import SpecError
    from datafactory.task_suite import task_suite

    if lock is not None and not prove:
        raise SpecError("--lock needs --prove")
    if name is None:
        if check or prove or out is not None or only:
            raise SpecError("no suite is given", remedy="`datafactory tasks suite` lists them")
        _list(session)
        return
    found = task_suite(name)
    numbers = [found.task(number).number for number in only or ()] or [
        task.number for task in found.tasks
    ]
    if out is not None:
        _write(session, found, numbers, out)
    if check:
        _check(session, found)
    if prove:
        _prove(session, found, numbers, tries, workers, lock)
    if not (check or prove or out is not None):
        _print(session, found, numbers)


def _list(session: Session) -> None:
    from datafactory.task_suite import task_suites

    suites = task_suites().values()
    data = [
        {"name": s.name, "generator": s.generator, "tasks": len(s.tasks), "seed": s.seed,
         "description": s.description}
        for s in suites
    ]  # fmt: skip
    rows = [(s.name, s.generator, len(s.tasks), s.description) for s in suites]
    text = table(rows, ("suite", "generator", "tasks", "description")) or "no suites"
    session.result({"suites": data}, text)


def _print(session: Session, suite: TaskSuite, numbers: list[str]) -> None:
    proofs = suite.lock.proofs if suite.lock is not None else {}
    rows, data = [], []
    for number in numbers:
        task = suite.task(number)
        attempts = {v: p.attempt for v, p in proofs[number].items()} if number in proofs else {}
        description = str(task.variants["seen"]["description"])
        shown = ["-" if attempts.get(v) is None else str(attempts[v]) for v in task.variants]
        rows.append((f"{suite.name}/{number}", task.title, *shown, description))
        data.append({"number": number, "title": task.title, "description": description,
                     "hashes": task.hashes(), "proven_attempts": attempts})  # fmt: skip
    header = ("task", "kind", "seen", "unseen", "description")
    text = table(rows, header) + "\n\nseen, unseen: index of an accepted attempt"
    session.result({"suite": suite.name, "seed": suite.seed, "tasks": data}, text)


def _write(session: Session, suite: TaskSuite, numbers: list[str], out: Path) -> None:
    """One file per task and variant: ``DIR/seen/017.yaml`` and ``DIR/unseen/017.yaml``."""
    import yaml

    from datafactory.errors import SpecError

    written: list[Path] = []
    for number in numbers:
        for variant, data in suite.task(number).variants.items():
            path = out / variant / f"{number}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                raise SpecError("the file exists already", where=str(path),
                                remedy="choose another folder with --out")  # fmt: skip
            text = yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=100)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    session.result({"written": [str(path) for path in written]},
                   f"wrote {len(written)} files to {out}/seen and {out}/unseen")  # fmt: skip


def _check(session: Session, suite: TaskSuite) -> None:
    from datafactory.suite_check import check_suite

    checks = check_suite(suite)
    rows = [
        (c.name, session.paint("ok", "good") if c.passed else session.paint("FAILED", "bad"),
         c.finding)
        for c in checks
    ]  # fmt: skip
    passed = all(c.passed for c in checks)
    session.result({"passed": passed, "checks": [vars(c) for c in checks]}, table(rows))
    if not passed:
        raise typer.Exit(1)


def _prove(
    session: Session, suite: TaskSuite, numbers: list[str], tries: int, workers: int,
    lock: Path | None,
) -> None:  # fmt: skip
    from datafactory.suite_check import listed_objects, read_specs
    from datafactory.suite_proof import new_lock, prove

    outcomes: list[Outcome] = []
    for outcome in prove(suite, numbers, tries=tries, workers=workers):
        outcomes.append(outcome)
        if outcome.reasons:
            said = "accepted" if outcome.attempt is not None else "NOT accepted"
            session.remark(f"{outcome.number}/{outcome.variant}: {said} after "
                           + ", ".join(outcome.reasons))  # fmt: skip
    if lock is not None:
        text = new_lock(suite, outcomes, listed_objects(read_specs(suite)).counts).text()
        lock.write_text(text, encoding="utf-8")
    failed = [o for o in outcomes if o.attempt is None]
    attempts = sum(len(o.reasons) + (o.attempt is not None) for o in outcomes)
    cpu_s = sum(o.cpu_s for o in outcomes)
    data: dict[str, Any] = {
        "passed": not failed, "variants": len(outcomes), "attempts": attempts, "cpu_s": cpu_s,
        "outcomes": [vars(o) for o in outcomes],
    }  # fmt: skip
    text = (f"{len(outcomes) - len(failed)} of {len(outcomes)} variants have an accepted attempt; "
            f"{attempts} attempts, {cpu_s:.0f} CPU s")  # fmt: skip
    session.result(data, text)
    if failed:
        raise typer.Exit(1)
