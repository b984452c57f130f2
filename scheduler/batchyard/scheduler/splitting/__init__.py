"""How work is cut: lanes over the members of a crew, batches into ranges. Pure integer arithmetic."""

from batchyard.scheduler.splitting.lanes import assign_lanes
from batchyard.scheduler.splitting.ranges import range_length

__all__ = ["assign_lanes", "range_length"]
