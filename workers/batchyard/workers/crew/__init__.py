"""The crew: the workers that now train one job, their exchange of gradients, and their decisions."""

from batchyard.workers.crew.exchange import Exchange, Subtrees
from batchyard.workers.crew.group import Group
from batchyard.workers.crew.handover import hand_over
from batchyard.workers.crew.interruption import CrewChanged, CrewInterruption, SeatLeft, SeatLost
from batchyard.workers.crew.memory import FitMemory
from batchyard.workers.crew.rendezvous import MeetingPoint
from batchyard.workers.crew.seat import Seat, run_seat
from batchyard.workers.crew.strategy import CrewStrategy
from batchyard.workers.crew.watcher import Watcher

__all__ = [
    "CrewChanged",
    "CrewInterruption",
    "CrewStrategy",
    "Exchange",
    "FitMemory",
    "Group",
    "MeetingPoint",
    "Seat",
    "SeatLeft",
    "SeatLost",
    "Subtrees",
    "Watcher",
    "hand_over",
    "run_seat",
]
