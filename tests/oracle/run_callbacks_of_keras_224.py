"""Feed sequences of metrics to Keras 2.2.4's callbacks, and print what these do.

Runs under Keras 2.2.4, not under Batchyard. Reads from standard input a JSON list of cases, each
`{"class_name": ..., "config": ..., "values": [...]}`, and prints a JSON list with, for each case, the
learning rate after each epoch and the epoch that training stopped at (or null).
"""

import json
import sys

from keras import backend as K
from keras import callbacks
from keras.layers import Dense
from keras.models import Sequential


def main():
    """Run all cases."""
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse")
    results = []
    for case in json.load(sys.stdin):
        K.set_value(model.optimizer.lr, 0.01)
        model.stop_training = False
        callback = getattr(callbacks, case["class_name"])(**case["config"])
        callback.set_model(model)
        callback.on_train_begin()
        rates, stopped = [], None
        for epoch, value in enumerate(case["values"]):
            callback.on_epoch_end(epoch, {case["config"]["monitor"]: value})
            rates.append(float(K.get_value(model.optimizer.lr)))
            if model.stop_training:
                stopped = epoch
                break
        results.append({"rates": rates, "stopped": stopped})
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
