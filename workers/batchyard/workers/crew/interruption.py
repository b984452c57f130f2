"""How a member leaves a generation: control flow, not failures. No job ever fails by one of these."""

from __future__ import annotations

__all__ = ["CrewChanged", "CrewInterruption", "SeatLeft", "SeatLost"]


class CrewInterruption(Exception):
    """Raised at a safe point, with model and state at a step boundary."""


class CrewChanged(CrewInterruption):
    """Raised when the present generation is over or cannot go on; the member joins the next one."""


class SeatLost(CrewInterruption):
    """Raised when the seat is not this process's any more: the job ended, or others took it over."""


class SeatLeft(CrewInterruption):
    """Raised when the worker drains: it has passed on what it knows and hands the seat back."""
