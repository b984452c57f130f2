"""How a worker process ends, for its supervisor to read."""

__all__ = ["EXIT_LEFT", "EXIT_REPLACED", "EXIT_RESTART", "EXIT_STUCK"]

#: It left because it was asked to.
EXIT_LEFT = 0
#: Another process carries its name: starting it again would never end.
EXIT_REPLACED = 4
#: It was ordered to make room for a fresh process.
EXIT_RESTART = 5
#: It was asked to leave and its task did not come to a step's or batch's end in time.
EXIT_STUCK = 6
