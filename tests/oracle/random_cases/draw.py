"""What several kinds of random cases draw: activations, penalties, constraints, optimizers."""

from tests.oracle.spatial_layer_cases import Draw as SpatialDraw

ACTIVATIONS = (
    "linear",
    "relu",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "elu",
    "selu",
    "softplus",
    "softsign",
    "softmax",
    "exponential",
)
#: Those without kinks or plateaus: ten steps keep small differences small.
SMOOTH = ("linear", "tanh", "sigmoid", "elu", "softplus", "softsign")


class Draw(SpatialDraw):
    """Draws values that JSON can hold; the same ones for a seed everywhere."""

    def chance(self, probability):
        return float(self.source.uniform()) < probability

    def real(self, low, high):
        return round(float(self.source.uniform(low, high)), 4)

    def some(self, **options):
        """Returns some of the arguments, each drawn from its options."""
        return {name: self.one_of(values) for name, values in options.items() if self.chance(0.5)}

    def activation(self):
        return self.one_of(ACTIVATIONS)

    def penalty(self):
        kinds = ({"l1": self.real(0.001, 0.05)}, {"l2": self.real(0.001, 0.1)})
        config = self.one_of([*kinds, {**kinds[0], **kinds[1]}])
        return {"class_name": "L1L2", "config": config}

    def constraint(self, axes=1):
        axis = self.one_of(list(range(axes)))
        low = self.real(0.1, 0.4)
        return self.one_of(
            [
                {"class_name": "MaxNorm", "config": {"max_value": self.real(0.3, 1), "axis": axis}},
                {"class_name": "NonNeg", "config": {}},
                {"class_name": "UnitNorm", "config": {"axis": axis}},
                {
                    "class_name": "MinMaxNorm",
                    "config": {
                        "min_value": low,
                        "max_value": low + self.real(0.1, 0.5),
                        "rate": self.one_of([1.0, 0.5]),
                        "axis": axis,
                    },
                },
            ]
        )

    def extras(self, names, axes, constrain=True):
        """Returns penalties and constraints for some of the weights with these names."""
        found = {}
        for name in names:
            if self.chance(0.12):
                found[f"{name}_regularizer"] = self.penalty()
            if constrain and self.chance(0.12):
                found[f"{name}_constraint"] = self.constraint(1 if name == "bias" else axes)
        if self.chance(0.08):
            found["activity_regularizer"] = self.penalty()
        return found

    def optimizer(self, tame=True):
        """Returns an optimizer with hyper-parameters.

        Args:
            tame: whether steps are small enough for ten of them not to be chaotic.
        """
        name = self.one_of(["SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam"])
        lr = self.real(0.001, 0.02 if tame else 0.1)
        arguments = {"lr": self.real(0.2, 1.0) if name == "Adadelta" else lr}
        if name == "SGD":
            arguments |= self.some(momentum=[0.9, 0.5], nesterov=[True, False])
        if name in ("RMSprop", "Adadelta"):
            arguments |= self.some(rho=[0.8, 0.95])
        if name in ("Adam", "Adamax", "Nadam"):
            arguments |= self.some(beta_1=[0.8, 0.95], beta_2=[0.9, 0.99])
        if name == "Adam":
            arguments |= self.some(amsgrad=[True])
        if name == "Nadam":
            arguments |= self.some(schedule_decay=[0.01, 0.1])
        else:
            arguments |= self.some(decay=[0.1, 0.01])
        if name != "SGD":
            arguments |= self.some(epsilon=[1e-3, 1e-5])
        if self.chance(0.25):
            arguments["clipnorm"] = self.real(0.05, 1)
        if self.chance(0.25):
            arguments["clipvalue"] = self.real(0.01, 0.3)
        return {"class": name, "arguments": arguments}


def layer(class_name, **arguments):
    """Describes a layer."""
    return {"class": class_name, "arguments": arguments}


def chain(inputs, layers, **more):
    """Describes a model of layers one after the other."""
    calls = [{"layer": number, "inputs": [number]} for number in range(len(layers))]
    return {"inputs": [inputs], "layers": layers, "calls": calls, "outputs": [len(layers)], **more}
