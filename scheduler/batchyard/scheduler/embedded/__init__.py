"""The embedded system: everything on this machine, for as long as one process lasts."""

from batchyard.scheduler.embedded.child import Child
from batchyard.scheduler.embedded.parent_pipe import PARENT_PIPE_VARIABLE, ParentPipe, leave_with_parent
from batchyard.scheduler.embedded.redis_binary import find_redis_server
from batchyard.scheduler.embedded.redis_server import PrivateRedis
from batchyard.scheduler.embedded.system import EmbeddedSystem
from batchyard.scheduler.embedded.worker_extra import require_worker_extra

__all__ = [
    "PARENT_PIPE_VARIABLE",
    "Child",
    "EmbeddedSystem",
    "ParentPipe",
    "PrivateRedis",
    "find_redis_server",
    "leave_with_parent",
    "require_worker_extra",
]
