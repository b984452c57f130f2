"""Records what Keras 2.2.4 makes of calls in Keras 1's spelling. Run it by Keras 2.2.4's Python:

/path/to/python3.7 tests/oracle/record_keras_1.py tests/models/data/keras_1_calls.json
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import keras
import keras_1_calls

if __name__ == "__main__":
    found = [keras_1_calls.outcome(keras, call) for call in keras_1_calls.calls()]
    with open(sys.argv[1], "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(one, default=float) for one in found) + "\n]\n")
