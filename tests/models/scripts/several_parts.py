# ruff: noqa
"""Models of several parts in the manner of 2018: siamese twins, a variational autoencoder, an adversary."""

import numpy as np
from keras import backend as K
from keras.layers import Dense, Dropout, Flatten, Input, Lambda, Reshape
from keras.losses import mse
from keras.models import Model, Sequential
from keras.optimizers import RMSprop

np.random.seed(3)
kinds = np.arange(120) % 3
points = (np.eye(3)[kinds] + 0.2 * np.random.randn(120, 3)).astype("float32")


# Twins: near to each other, if they are of one kind.
def distance(pair):
    one, other = pair
    return K.sqrt(K.maximum(K.sum(K.square(one - other), axis=1, keepdims=True), K.epsilon()))


def distance_shape(shapes):
    return (shapes[0][0], 1)


def contrastive(y_true, y_pred):
    return K.mean(y_true * K.square(y_pred) + (1 - y_true) * K.square(K.maximum(1 - y_pred, 0)))


def accuracy(y_true, y_pred):
    return K.mean(K.equal(y_true, K.cast(y_pred < 0.5, y_true.dtype)))


inputs = Input(shape=(3, 1))
hidden = Flatten()(inputs)
hidden = Dense(16, activation="relu")(hidden)
hidden = Dropout(0.1)(hidden)
twin = Model(inputs, Dense(8, activation="relu")(hidden))
left, right = Input(shape=(3, 1)), Input(shape=(3, 1))
model = Model([left, right], Lambda(distance, output_shape=distance_shape)([twin(left), twin(right)]))
model.compile(loss=contrastive, optimizer=RMSprop(lr=0.005), metrics=[accuracy])
one, other = np.random.randint(0, 120, (2, 600))
same = (kinds[one] == kinds[other]).astype("float32")
pairs = points[..., np.newaxis]
model.fit([pairs[one], pairs[other]], same, batch_size=32, epochs=6, verbose=2)
loss, right_ones = model.evaluate([pairs[one], pairs[other]], same, verbose=0)
assert right_ones > 0.85, right_ones
assert len(model.trainable_weights) == 4


# A variational autoencoder, whose loss is added to the model.
def sample(arguments):
    mean, log_var = arguments
    noise = K.random_normal(shape=(K.shape(mean)[0], K.int_shape(mean)[1]))
    return mean + K.exp(0.5 * log_var) * noise


inputs = Input(shape=(3,), name="encoder_input")
hidden = Dense(16, activation="relu")(inputs)
z_mean, z_log_var = Dense(2, name="z_mean")(hidden), Dense(2, name="z_log_var")(hidden)
z = Lambda(sample, output_shape=(2,), name="z")([z_mean, z_log_var])
encoder = Model(inputs, [z_mean, z_log_var, z], name="encoder")
latent = Input(shape=(2,), name="z_sampling")
decoder = Model(latent, Dense(3)(Dense(16, activation="relu")(latent)), name="decoder")
outputs = decoder(encoder(inputs)[2])
vae = Model(inputs, outputs, name="vae_mlp")
reconstruction = mse(inputs, outputs) * 3
divergence = -0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
vae.add_loss(K.mean(reconstruction + 0.02 * divergence))
vae.compile(optimizer="adam")
history = vae.fit(points, epochs=25, batch_size=10, verbose=0, validation_data=(points[:30], None))
assert history.history["loss"][-1] < 0.5 * history.history["loss"][0], history.history["loss"]
assert history.history["val_loss"][-1] < history.history["val_loss"][0]
assert encoder.predict(points[:4])[0].shape == (4, 2)
assert decoder.predict(np.zeros((1, 2))).shape == (1, 3)

# An adversary: one model is trained within two, and stays as it is in one of them.
generator = Sequential([Dense(12, activation="tanh", input_dim=2), Dense(3), Reshape((3,))])
critic = Sequential([Dense(12, activation="relu", input_dim=3), Dense(1, activation="sigmoid")])
critic.compile(optimizer="adam", loss="binary_crossentropy")
noise = Input(shape=(2,))
critic.trainable = False
combined = Model(noise, critic(generator(noise)))
combined.compile(optimizer="adam", loss="binary_crossentropy")
for _ in range(5):
    made = generator.predict(np.random.randn(20, 2))
    before = critic.get_weights()
    critic.train_on_batch(np.concatenate([points[:20], made]), np.repeat([1.0, 0.0], 20))
    trained = critic.get_weights()
    assert any((a != b).any() for a, b in zip(before, trained))
    old = generator.get_weights()
    combined.train_on_batch(np.random.randn(20, 2), np.ones(20))
    assert all((a == b).all() for a, b in zip(trained, critic.get_weights()))
    assert any((a != b).any() for a, b in zip(old, generator.get_weights()))
print("done")
