"""Random programs that Keras 2.2.4 and this library run by the same lines.

Where the random cases describe a model, a program calls the library: functions of K, loops of training with
callbacks and generators, layers within layers, preprocessing. Python 3.7 must be able to read this package.
"""

from . import backend_calls, custom, fitting, layer_calls, nesting, preprocessing, recurrence

__all__ = ["PROGRAMS", "run_program"]

PROGRAMS = {
    "backend_calls": backend_calls.program,
    "custom": custom.program,
    "fitting": fitting.program,
    "layer_calls": layer_calls.program,
    "nesting": nesting.program,
    "preprocessing": preprocessing.program,
    "recurrence": recurrence.program,
}


def run_program(case, k):
    """Returns what a program finds, as arrays by name.

    Args:
        case: with the program's name, a seed and the type of numbers.
        k: the library.
    """
    k.backend.set_floatx(case["floatx"])
    k.backend.clear_session()
    try:
        return PROGRAMS[case["program"]](k, case["seed"])
    finally:
        k.backend.set_floatx("float32")
