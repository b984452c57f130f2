"""When Python looks for garbage in cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collection_paused"]


@contextmanager
def collection_paused() -> Iterator[None]:
    """Looks for no garbage within a `with` block.

    Modules that are being loaded make hundreds of thousands of objects that stay. Python would look through
    them four hundred times and find nothing: a tenth of the time of `import torch`.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
