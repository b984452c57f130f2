# ruff: noqa
"""Small pictures in the manner of 2018: a convnet, pictures changed at random, callbacks, an estimator."""

import os
import sys

import keras
import numpy as np
from keras.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from keras.layers import Activation, BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential, load_model
from keras.preprocessing.image import ImageDataGenerator
from keras.utils import np_utils
from keras.wrappers.scikit_learn import KerasClassifier

folder = sys.argv[1]
np.random.seed(1)
rows = 240
labels = np.arange(rows) % 3
images = np.random.rand(rows, 8, 8, 1) * 0.4
images[0::3, 2] += 0.6
images[1::3, :, 4] += 0.6
images[2::3, range(8), range(8)] += 0.6
targets = np_utils.to_categorical(labels, 3)


def build(width=8):
    model = Sequential()
    model.add(Conv2D(width, (3, 3), padding="same", input_shape=images.shape[1:]))
    model.add(BatchNormalization())
    model.add(Activation("relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dropout(0.25))
    model.add(Flatten())
    model.add(Dense(3, activation="softmax"))
    optimizer = keras.optimizers.rmsprop(lr=0.005, decay=1e-6)
    model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    return model


model = build()
model.summary()
best, log = os.path.join(folder, "best.h5"), os.path.join(folder, "log.csv")
changing = ImageDataGenerator(width_shift_range=0.05, samplewise_center=True)
changing.fit(images[:200])
history = model.fit_generator(
    changing.flow(images[:200], targets[:200], batch_size=20),
    steps_per_epoch=10,
    epochs=8,
    validation_data=(changing.standardize(images[200:].copy()), targets[200:]),
    callbacks=[
        ModelCheckpoint(best, monitor="val_acc", save_best_only=True),
        CSVLogger(log),
        EarlyStopping(monitor="val_loss", patience=6),
        ReduceLROnPlateau(factor=0.5, patience=3, min_lr=1e-5),
    ],
    workers=2,
)
assert history.history["loss"][-1] < 0.5 * history.history["loss"][0], history.history
assert history.history["val_acc"][-1] > 0.8, history.history
assert len(history.history["lr"]) == len(history.epoch)

with open(log) as lines:
    assert lines.readline().strip() == "epoch,acc,loss,val_acc,val_loss"
loaded = load_model(best)
loss, accuracy = loaded.evaluate(changing.standardize(images[200:].copy()), targets[200:], verbose=0)
assert abs(accuracy - max(history.history["val_acc"])) < 1e-6, (accuracy, history.history["val_acc"])

estimator = KerasClassifier(build, epochs=6, batch_size=20, verbose=0)
estimator.set_params(width=4)
estimator.fit(images[:200], labels[:200])
assert estimator.model.layers[0].filters == 4
assert estimator.predict(images[200:]).shape == (40,)
assert estimator.score(images[200:], labels[200:]) > 0.6
print("done")
