"""`python -m batchyard.models script.py …`: runs an unchanged Keras script on this library."""

from __future__ import annotations

import os
import runpy
import sys

from batchyard.models.compat import as_keras

__all__ = ["main"]

#: What the original Keras computed with.
_BACKENDS = ("tensorflow", "theano", "cntk")


def main(arguments: list[str]) -> int:
    """Runs a script with `keras` meaning this library.

    Args:
        arguments: the script, and what it gets as `sys.argv[1:]`.

    Returns:
        0, or 2 if no script was named.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: python -m batchyard.models script.py [argument …]")
        return 0 if arguments else 2
    as_keras()
    script = arguments[0]
    sys.argv = list(arguments)
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    try:
        runpy.run_path(script, run_name="__main__")
    except ModuleNotFoundError as error:
        if error.name in _BACKENDS:
            error.add_note(
                f"{script} uses {error.name} itself, beside Keras. This library computes with torch: replace "
                "these parts by functions of keras.backend, or run the script with the original Keras."
            )
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
