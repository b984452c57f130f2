"""The data plane: one process per device, which computes what the scheduler dispatches.

Importing this package imports no torch: the supervisor must not.
"""

__all__: list[str] = []
