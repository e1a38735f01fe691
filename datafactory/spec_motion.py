"""The parts of a task in which the world moves: a conveyor belt, and disturbances."""

from __future__ import annotations

from pydantic import Field, model_validator

from datafactory.fields import Model, PositiveRange, Range


class Conveyor(Model):
    """A belt that carries objects past the robot. Drawn anew in every attempt.

    Attributes:
        carries: Roles of the case that ride on it at the start; the first is what instructions
            are about.
        speed_m_s: Speed of the belt.
        direction_rad: World yaw of its motion; the robot looks along 0.
        both_ways: Run it the other way in every second attempt, on average.
        center_m: (x, y) of the middle of the belt, world.
        width_m: Width between the rails.
        length_m: Length of the rails.
        arrival_s: Time at which what rides on it passes the middle.
        bystanders: Smallest and largest number of distractors that ride along.
    """

    carries: tuple[str, ...] = Field(default=("a",), min_length=1)
    speed_m_s: PositiveRange = (0.03, 0.12)
    direction_rad: Range = (1.45, 1.69)
    both_ways: bool = True
    center_m: tuple[float, float] = (0.64, 0.0)
    width_m: float = Field(default=0.16, ge=0.1, le=0.5)
    length_m: float = Field(default=1.1, ge=0.4, le=3.0)
    arrival_s: PositiveRange = (4.0, 5.5)
    bystanders: tuple[int, int] = (0, 3)

    @model_validator(mode="after")
    def _within_bounds(self) -> Conveyor:
        if self.speed_m_s[1] > 0.5:
            raise ValueError(f"a belt speed of {self.speed_m_s[1]:g} m/s is above 0.5")
        low, high = self.bystanders
        if not 0 <= low <= high <= 6:
            raise ValueError(f"bystanders {self.bystanders} must satisfy 0 <= low <= high <= 6")
        return self
