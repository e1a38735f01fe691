"""Goals checked against a world state, and the graph of everything that holds in one."""

from __future__ import annotations

from dataclasses import dataclass

from datafactory.errors import SpecError
from datafactory.scene import WorldState
from datafactory.scene_graph.describe import describe_graph
from datafactory.scene_graph.graph import Goal
from datafactory.scene_graph.relations import RelationCheck, check_relation
from datafactory.scene_graph.world import MeasuredWorld

__all__ = [
    "AlternativeCheck",
    "GoalCheck",
    "GoalProgress",
    "StageCheck",
    "check_goal",
    "describe_graph",
]


@dataclass(frozen=True)
class AlternativeCheck:
    """One AND of relations: it holds when all of them do, counted in integers.

    Attributes:
        checks: The verdict on every relation, in the goal's order.
        satisfied: How many hold.
    """

    checks: tuple[RelationCheck, ...]
    satisfied: int

    @property
    def holds(self) -> bool:
        """All relations hold."""
        return self.satisfied == len(self.checks)


@dataclass(frozen=True)
class StageCheck:
    """One OR of alternatives.

    Attributes:
        stage: Index of the stage.
        alternatives: The verdict on every alternative, in the goal's order.
    """

    stage: int
    alternatives: tuple[AlternativeCheck, ...]

    @property
    def holds(self) -> bool:
        """At least one alternative holds."""
        return any(a.holds for a in self.alternatives)

    @property
    def best(self) -> AlternativeCheck:
        """The first alternative with the largest share of relations that hold."""
        return max(self.alternatives, key=lambda a: a.satisfied / max(1, len(a.checks)))


@dataclass(frozen=True)
class GoalCheck:
    """The verdict on a goal in one state.

    Attributes:
        holds: The stage asked for holds; without one, the last stage does (earlier stages need
            not stay true; ``GoalProgress`` keeps the order).
        stages: The stages looked at: the one asked for, or all.
    """

    holds: bool
    stages: tuple[StageCheck, ...]


@dataclass(frozen=True)
class GoalProgress:
    """How far an ordered goal has come.

    Attributes:
        goal: The goal.
        stage: Index of the stage to reach next; ``len(goal.stages)`` when all were reached.
    """

    goal: Goal
    stage: int = 0

    @property
    def done(self) -> bool:
        """All stages were reached, in order."""
        return self.stage >= len(self.goal.stages)

    def advance(self, state: WorldState) -> GoalProgress:
        """The progress after seeing a state; several stages may be passed at once."""
        world = MeasuredWorld(state)
        stage = self.stage
        while stage < len(self.goal.stages) and _check_stage(self.goal, stage, world).holds:
            stage += 1
        return GoalProgress(self.goal, stage)


def check_goal(goal: Goal, state: WorldState, *, stage: int | None = None) -> GoalCheck:
    """Checks one stage of a goal (or all of them) in a state.

    Args:
        goal: What shall hold.
        state: Where to look.
        stage: Index of the stage to check; None for all.
    """
    if stage is not None and not 0 <= stage < len(goal.stages):
        raise SpecError(f"the goal has {len(goal.stages)} stage(s), there is no stage {stage}")
    world = MeasuredWorld(state)
    wanted = range(len(goal.stages)) if stage is None else (stage,)
    stages = tuple(_check_stage(goal, k, world) for k in wanted)
    return GoalCheck(bool(stages) and stages[-1].holds, stages)


def _check_stage(goal: Goal, stage: int, world: MeasuredWorld) -> StageCheck:
    alternatives = []
    for relations in goal.stages[stage]:
        checks = tuple(check_relation(relation, world) for relation in relations)
        alternatives.append(AlternativeCheck(checks, sum(c.holds for c in checks)))
    return StageCheck(stage, tuple(alternatives))
