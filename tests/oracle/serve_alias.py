"""Computes programs by this library under the alias `keras`, as serve_keras_224.py does by Keras 2.2.4.

A process of its own, as the alias changes the classes for good.
"""

import sys
import warnings

from batchyard.models import as_keras
from tests.oracle.random_programs import run_program
from tests.oracle.serve_cases import serve

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    as_keras()
    import keras

    answers, sys.stdout = sys.stdout, sys.stderr
    serve(sys.stdin, answers, lambda case: run_program(case, keras))
