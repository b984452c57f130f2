"""The store: all shared state, in Redis. The only module that knows a key or a script."""

from batchyard.scheduler.store.connection import hide_password, patiently
from batchyard.scheduler.store.crews import Rendezvous
from batchyard.scheduler.store.keys import CELERY_PREFIX
from batchyard.scheduler.store.store import ServerInfo, Store
from batchyard.scheduler.store.tasks import Claim, Refusal
from batchyard.scheduler.store.workers import EXCHANGE

__all__ = [
    "CELERY_PREFIX",
    "EXCHANGE",
    "Claim",
    "Refusal",
    "Rendezvous",
    "ServerInfo",
    "Store",
    "hide_password",
    "patiently",
]
