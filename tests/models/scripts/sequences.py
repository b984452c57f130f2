# ruff: noqa
"""Sequences in the manner of 2018: moods of sentences, words spelt backwards, a series that goes on."""

import numpy as np
from keras import backend as K
from keras.callbacks import LambdaCallback
from keras.layers import LSTM, Bidirectional, Dense, Embedding, Input, Masking, SpatialDropout1D
from keras.models import Model, Sequential
from keras.optimizers import Adam
from keras.preprocessing.sequence import pad_sequences
from keras.preprocessing.text import Tokenizer

np.random.seed(2)

# Is it a good day?
things = ["the sun", "my soup", "this book", "our team"]
good, bad = ["shines", "smells nice", "is fun", "wins"], ["hides", "is cold", "bores me", "loses"]
sentences = ["%s %s today" % (thing, word) for thing in things for word in good + bad] * 8
moods = np.array([word in good for thing in things for word in good + bad] * 8, dtype="float32")
tokenizer = Tokenizer(num_words=40)
tokenizer.fit_on_texts(sentences)
x = pad_sequences(tokenizer.texts_to_sequences(sentences), maxlen=6)
assert x.shape == (256, 6) and x.max() < 40

model = Sequential()
model.add(Embedding(40, 8, mask_zero=True, input_length=6))
model.add(SpatialDropout1D(0.1))
model.add(Bidirectional(LSTM(8, dropout=0.1, recurrent_dropout=0.1)))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer=Adam(lr=0.02), metrics=["accuracy"])
epochs_seen = []
model.fit(
    x,
    moods,
    batch_size=32,
    epochs=6,
    verbose=2,
    callbacks=[LambdaCallback(on_epoch_end=lambda epoch, logs: epochs_seen.append(logs["acc"]))],
)
assert epochs_seen[-1] > 0.95, epochs_seen
assert model.predict_classes(x[:8]).ravel().tolist() == [1, 1, 1, 1, 0, 0, 0, 0]

# Three letters, backwards: an encoder whose states begin a decoder.
letters, steps, units = 5, 3, 24
words = np.random.randint(0, letters, (400, steps))
begin = letters
encoder_data = np.eye(letters)[words]
decoder_target = encoder_data[:, ::-1]
decoder_data = np.zeros((400, steps, letters + 1))
decoder_data[:, 0, begin] = 1
decoder_data[:, 1:, :letters] = decoder_target[:, :-1]

encoder_inputs = Input(shape=(None, letters))
_, h, c = LSTM(units, return_state=True)(encoder_inputs)
decoder_inputs = Input(shape=(None, letters + 1))
decoder_lstm = LSTM(units, return_sequences=True, return_state=True)
decoder_dense = Dense(letters, activation="softmax")
decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=[h, c])
training = Model([encoder_inputs, decoder_inputs], decoder_dense(decoder_outputs))
training.compile(optimizer=Adam(lr=0.03), loss="categorical_crossentropy")
history = training.fit([encoder_data, decoder_data], decoder_target, batch_size=50, epochs=14, verbose=0)
assert history.history["loss"][-1] < 0.25 * history.history["loss"][0], history.history["loss"]

encoder = Model(encoder_inputs, [h, c])
state_inputs = [Input(shape=(units,)), Input(shape=(units,))]
outputs, h_after, c_after = decoder_lstm(decoder_inputs, initial_state=state_inputs)
decoder = Model([decoder_inputs] + state_inputs, [decoder_dense(outputs), h_after, c_after])
right = 0
for row in range(20):
    states = encoder.predict(encoder_data[row : row + 1])
    letter, spelt = begin, []
    for _ in range(steps):
        fed = np.zeros((1, 1, letters + 1))
        fed[0, 0, letter] = 1
        found, *states = decoder.predict([fed] + states)
        letter = int(found[0, -1].argmax())
        spelt.append(letter)
    right += spelt == words[row][::-1].tolist()
assert right >= 12, right

# The last number again: nothing but the state knows it, row by row.
series = np.random.choice([-1.0, 1.0], (4, 40, 1))
model = Sequential()
model.add(Masking(mask_value=9.0, batch_input_shape=(4, 1, 1)))
model.add(LSTM(6, stateful=True))
model.add(Dense(1))
model.compile(loss="mse", optimizer=Adam(lr=0.03))
means = []
for epoch in range(6):
    losses = [model.train_on_batch(series[:, t : t + 1], series[:, t]) for t in range(40)]
    means.append(np.mean(losses))
    model.reset_states()
assert means[-1] < 0.3 * means[0], means
first = model.predict(series[:, :1], batch_size=4)
second = model.predict(series[:, :1], batch_size=4)
assert not np.allclose(first, second)
model.reset_states()
np.testing.assert_allclose(model.predict(series[:, :1], batch_size=4), first, rtol=1e-5)
assert K.int_shape(model.output) == (4, 1)
print("done")
