"""Collision-free joint paths: RRT-Connect and shortcutting.

RRT-Connect after J. Kuffner and S. LaValle, "RRT-Connect: An Efficient Approach to Single-Query
Path Planning", ICRA 2000. Shortcuts, whole and of single joints, after R. Geraerts and
M. Overmars, "Creating High-Quality Paths for Motion Planning", IJRR 26(8), 2007.

Work is bounded by iterations and collision checks, never by the clock, so the same generator state
gives the same path on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from datafactory.errors import SpecError
from datafactory.geometry import Array

PathReason = Literal["", "plan_timeout", "plan_collision"]

_NEAR_LINE_SHARE = 0.7
_NEAR_LINE_SIGMA = 0.25


class StateChecker(Protocol):
    """What the planner asks of a world; ``CollisionWorld`` is one."""

    checks: int

    def free(self, q: Array) -> bool:
        """Whether q (dof,) is free."""
        ...

    def edge_free(
        self, q0: Array, q1: Array, resolution_rad: float = ..., *, check_start: bool = ...
    ) -> bool:
        """Whether the straight edge is free."""
        ...


@dataclass(frozen=True, eq=False)
class PathResult:
    """A joint path, or why there is none.

    Attributes:
        path: (n, dof) way-points joined by free straight edges, or None.
        reason: Empty on success; ``plan_collision`` when the start or every goal collides,
            ``plan_timeout`` when the bounds were used up.
        iterations: Iterations of the tree search; 0 when a straight edge was free.
        collision_checks: Configurations tested.
    """

    path: Array | None
    reason: PathReason
    iterations: int
    collision_checks: int


@dataclass(frozen=True)
class SearchBounds:
    """How much work a search may do, and how finely it looks.

    Attributes:
        max_iterations: Bound on iterations of the tree search.
        max_checks: Bound on collision checks, tested between edges.
        step_rad: Longest edge of a tree, largest joint change.
        resolution_rad: Largest joint change between tested points of an edge.
        shortcut_attempts: Random shortcuts tried.
    """

    max_iterations: int = 400
    max_checks: int = 4000
    step_rad: float = 0.5
    resolution_rad: float = 0.04
    shortcut_attempts: int = 40


class _Tree:
    def __init__(self, roots: Array, capacity: int) -> None:
        self.nodes = np.empty((capacity + len(roots), roots.shape[1]))
        self.nodes[: len(roots)] = roots
        self.parents = [-1] * len(roots)

    def add(self, q: Array, parent: int) -> int:
        count = len(self.parents)
        if count == len(self.nodes):
            self.nodes = np.concatenate([self.nodes, np.empty_like(self.nodes)])
        self.nodes[count] = q
        self.parents.append(parent)
        return count

    def nearest(self, q: Array) -> int:
        difference = self.nodes[: len(self.parents)] - q
        return int(np.einsum("ij,ij->i", difference, difference).argmin())

    def branch(self, node: int) -> list[Array]:
        found = []
        while node >= 0:
            found.append(self.nodes[node])
            node = self.parents[node]
        return found


class _Search:
    def __init__(self, world: StateChecker, bounds: SearchBounds) -> None:
        self.world, self.bounds = world, bounds
        self.last_check = world.checks + bounds.max_checks

    @property
    def spent(self) -> bool:
        return self.world.checks >= self.last_check

    def edge(self, a: Array, b: Array) -> bool:
        return self.world.edge_free(a, b, self.bounds.resolution_rad, check_start=False)

    def extend(self, tree: _Tree, near: int, q: Array) -> tuple[int, bool]:
        """One step from a node towards q; the node reached (-1: blocked) and whether it is q."""
        origin = tree.nodes[near]
        span = q - origin
        length = float(np.abs(span).max())
        there = length <= self.bounds.step_rad
        goal = q if there else origin + span * (self.bounds.step_rad / length)
        if not self.edge(origin, goal):
            return -1, False
        return tree.add(goal, near), there

    def connect(self, tree: _Tree, q: Array) -> int:
        """Steps towards q until it is reached (its node) or blocked (-1)."""
        near, there = tree.nearest(q), False
        while near >= 0 and not there and not self.spent:
            near, there = self.extend(tree, near, q)
        return near if there else -1


def find_path(
    world: StateChecker,
    start: Array,
    goals: Array,
    lower: Array,
    upper: Array,
    rng: np.random.Generator,
    bounds: SearchBounds | None = None,
) -> PathResult:
    """Finds a free joint path to one of several goals: a straight edge if free, else by search.

    Args:
        world: Collision world.
        start: (dof,) rad.
        goals: (dof,) or (k, dof), rad; goals that collide are left out.
        lower: (dof,) lowest positions sampled, rad.
        upper: (dof,) highest positions sampled, rad.
        rng: Source of the samples.
        bounds: Bounds on the work.
    """
    limits = bounds or SearchBounds()
    first = world.checks
    start = np.asarray(start, dtype=np.float64)
    ends = np.atleast_2d(np.asarray(goals, dtype=np.float64))
    if ends.shape[1:] != start.shape or len(ends) == 0:
        raise SpecError(f"goals {ends.shape} do not fit a start {start.shape}")
    free = [goal for goal in ends if world.free(goal)] if world.free(start) else []
    if not free:
        return PathResult(None, "plan_collision", 0, world.checks - first)
    free.sort(key=lambda goal: float(np.abs(goal - start).max()))
    for goal in free:
        if world.edge_free(start, goal, limits.resolution_rad, check_start=False):
            return PathResult(np.stack([start, goal]), "", 0, world.checks - first)
    search = _Search(world, limits)
    path, iterations = _grow(search, start, np.stack(free), lower, upper, rng)
    if path is None:
        return PathResult(None, "plan_timeout", iterations, world.checks - first)
    path = _shorten(search, path, rng)
    return PathResult(path, "", iterations, world.checks - first)


def _grow(
    search: _Search,
    start: Array,
    goals: Array,
    lower: Array,
    upper: Array,
    rng: np.random.Generator,
) -> tuple[Array | None, int]:
    """Grows both trees in turn until they meet; the path and the iterations used."""
    capacity = search.bounds.max_iterations
    trees = _Tree(start[None], capacity), _Tree(goals, capacity)
    for iteration in range(search.bounds.max_iterations):
        if search.spent:
            return None, iteration
        one, two = trees[iteration % 2], trees[1 - iteration % 2]
        sample = _sample(start, goals, lower, upper, rng)
        new, _ = search.extend(one, one.nearest(sample), sample)
        if new < 0:
            continue
        met = search.connect(two, one.nodes[new].copy())
        if met >= 0:
            there, back = one.branch(new)[::-1], two.branch(met)[1:]
            path = np.stack(there + back)
            return (path if iteration % 2 == 0 else path[::-1].copy()), iteration + 1
    return None, search.bounds.max_iterations


def _sample(
    start: Array, goals: Array, lower: Array, upper: Array, rng: np.random.Generator
) -> Array:
    """A mixture of the whole space and a cloud around the line to a goal.

    Detours of an arm are mostly small against its ranges; the uniform part keeps the search
    probabilistically complete.
    """
    if rng.random() >= _NEAR_LINE_SHARE:
        return np.asarray(rng.uniform(lower, upper))
    goal = goals[int(rng.integers(len(goals)))]
    span = goal - start
    sigma = _NEAR_LINE_SIGMA + 0.5 * float(np.abs(span).max())
    q = start + rng.random() * span + sigma * rng.standard_normal(len(start))
    return np.asarray(np.clip(q, lower, upper))


def _length(path: Array) -> float:
    return float(np.sqrt((np.diff(path, axis=0) ** 2).sum(axis=1)).sum())


def _shorten(search: _Search, path: Array, rng: np.random.Generator) -> Array:
    """Shortcuts within the remaining checks, then drops way-points that are not needed."""
    path = _prune(search, path)
    for attempt in range(search.bounds.shortcut_attempts):
        if search.spent or len(path) <= 2:
            break
        candidate = _shortcut(path, rng, joint=attempt % 3 == 2)
        if candidate is None:
            continue
        nodes, first, last = candidate
        if _length(nodes) < 0.99 * _length(path) and all(
            search.edge(nodes[k], nodes[k + 1]) for k in range(first, last)
        ):
            path = nodes
    return _prune(search, path)


def _shortcut(
    path: Array, rng: np.random.Generator, *, joint: bool
) -> tuple[Array, int, int] | None:
    """A changed path between two random points, and the range of its new edges.

    Either the straight edge, or (``joint``) the old way-points with one joint made linear.
    """
    steps = np.sqrt((np.diff(path, axis=0) ** 2).sum(axis=1))
    ends = np.concatenate([[0.0], np.cumsum(steps)])
    low, high = sorted((rng.random(2) * ends[-1]).tolist())
    i, j = (int(k) for k in np.searchsorted(ends[1:-1], [low, high], side="right"))
    which = int(rng.integers(path.shape[1]))
    if i == j:
        return None
    a = path[i] + (low - ends[i]) / steps[i] * (path[i + 1] - path[i])
    b = path[j] + (high - ends[j]) / steps[j] * (path[j + 1] - path[j])
    middle = path[i + 1 : j + 1].copy() if joint else path[:0]
    if joint:
        share = (ends[i + 1 : j + 1] - low) / (high - low)
        middle[:, which] = a[which] + share * (b[which] - a[which])
    nodes = np.concatenate([path[: i + 1], a[None], middle, b[None], path[j + 1 :]])
    return nodes, i + 1, i + 2 + len(middle)


def _prune(search: _Search, path: Array) -> Array:
    """Greedily replaces runs of way-points by the longest free straight edge."""
    kept, at, last = [0], 0, len(path) - 1
    while at < last:
        ahead = last
        while ahead > at + 1 and (search.spent or not search.edge(path[at], path[ahead])):
            ahead -= 1
        kept.append(ahead)
        at = ahead
    return path[kept]
