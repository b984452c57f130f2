"""Layers, losses and metrics of a user's own, written for Keras 2. Python 3.7 must be able to read this."""


def custom_layers(k):
    K = k.backend

    class Scale(k.layers.Layer):
        """One weight for each feature, and a loss of its own."""

        def __init__(self, penalty=0.0, **kwargs):
            self.penalty = penalty
            self.supports_masking = True
            super().__init__(**kwargs)
            self.supports_masking = True

        def build(self, input_shape):
            self.scale = self.add_weight(
                name="scale", shape=(input_shape[-1],), initializer="ones", trainable=True
            )
            super().build(input_shape)

        def call(self, inputs):
            if self.penalty:
                self.add_loss(self.penalty * K.sum(K.square(inputs)) / 10, inputs=inputs)
            return K.tanh(inputs * self.scale)

        def compute_output_shape(self, input_shape):
            return input_shape

        def get_config(self):
            return dict(super().get_config(), penalty=self.penalty)

    class CellWithConstant(k.layers.Layer):
        """A recurrent cell that looks at a constant too."""

        def __init__(self, units, **kwargs):
            self.units = units
            self.state_size = units
            super().__init__(**kwargs)

        def build(self, input_shape):
            shape, constant = input_shape
            make = {"initializer": "uniform"}
            self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel", **make)
            self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent", **make)
            self.constant = self.add_weight(shape=(constant[-1], self.units), name="constant", **make)
            self.built = True

        def call(self, inputs, states, constants):
            total = K.dot(inputs, self.kernel) + K.dot(states[0], self.recurrent)
            output = K.tanh(total + K.dot(constants[0], self.constant))
            return output, [output]

        def get_config(self):
            return dict(super().get_config(), units=self.units)

    return {"Scale": Scale, "CellWithConstant": CellWithConstant}


def custom_functions(k):
    K = k.backend

    def own_loss(y_true, y_pred):
        return K.mean(K.square(y_pred - y_true), axis=-1) + K.mean(K.abs(y_pred), axis=-1)

    def elementwise_loss(y_true, y_pred):
        return K.square(y_pred - y_true)

    def scalar_metric(y_true, y_pred):
        return K.mean(y_pred)

    def own_metric(y_true, y_pred):
        return K.max(K.abs(y_pred - y_true), axis=-1)

    found = (own_loss, elementwise_loss, scalar_metric, own_metric)
    return {"$" + one.__name__: one for one in found}
