"""Optimizers as scripts of Keras 2's time define them, trained for ten steps.

Runs under Keras 2.2.4 and under the alias alike; written from how such optimizers work.
"""

# ruff: noqa: B905, RUF005, UP008, UP031 - as such scripts are written
import numpy as np
from keras import backend as K
from keras import optimizers
from keras.constraints import max_norm
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import SGD, Adam, Optimizer


class DecoupledAdam(Optimizer):
    """Adam with decoupled weight decay, written out in full."""

    def __init__(
        self, lr=0.001, beta_1=0.9, beta_2=0.999, decay=0.0, weight_decay=0.025, epsilon=None, **kwargs
    ):
        super(DecoupledAdam, self).__init__(**kwargs)
        with K.name_scope(self.__class__.__name__):
            self.iterations = K.variable(0, dtype="int64", name="iterations")
            self.lr = K.variable(lr, name="lr")
            self.beta_1 = K.variable(beta_1, name="beta_1")
            self.beta_2 = K.variable(beta_2, name="beta_2")
            self.decay = K.variable(decay, name="decay")
            self.wd = K.variable(weight_decay, name="weight_decay")
        self.epsilon = K.epsilon() if epsilon is None else epsilon
        self.initial_decay = decay

    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        self.updates = [K.update_add(self.iterations, 1)]
        lr = self.lr
        if self.initial_decay > 0:
            lr = lr * (1.0 / (1.0 + self.decay * K.cast(self.iterations, K.dtype(self.decay))))
        t = K.cast(self.iterations, K.floatx()) + 1
        lr_t = lr * (K.sqrt(1.0 - K.pow(self.beta_2, t)) / (1.0 - K.pow(self.beta_1, t)))
        ms = [K.zeros(K.int_shape(p), dtype=K.dtype(p)) for p in params]
        vs = [K.zeros(K.int_shape(p), dtype=K.dtype(p)) for p in params]
        self.weights = [self.iterations] + ms + vs
        for p, g, m, v in zip(params, grads, ms, vs):
            m_t = (self.beta_1 * m) + (1.0 - self.beta_1) * g
            v_t = (self.beta_2 * v) + (1.0 - self.beta_2) * K.square(g)
            p_t = p - lr_t * m_t / (K.sqrt(v_t) + self.epsilon) - lr * self.wd * p
            self.updates.append(K.update(m, m_t))
            self.updates.append(K.update(v, v_t))
            new_p = p_t
            if getattr(p, "constraint", None) is not None:
                new_p = p.constraint(new_p)
            self.updates.append(K.update(p, new_p))
        return self.updates

    def get_config(self):
        config = {
            "lr": float(K.get_value(self.lr)),
            "beta_1": float(K.get_value(self.beta_1)),
            "beta_2": float(K.get_value(self.beta_2)),
            "decay": float(K.get_value(self.decay)),
            "weight_decay": float(K.get_value(self.wd)),
            "epsilon": self.epsilon,
        }
        base_config = super(DecoupledAdam, self).get_config()
        return dict(list(base_config.items()) + list(config.items()))


class LRMultiplierSGD(SGD):
    """SGD whose rate is multiplied by what belongs to a part of the weight's name."""

    def __init__(self, multipliers=None, **kwargs):
        super(LRMultiplierSGD, self).__init__(**kwargs)
        self.multipliers = multipliers or {}

    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        self.updates = [K.update_add(self.iterations, 1)]
        lr = self.lr
        if self.initial_decay > 0:
            lr *= 1.0 / (1.0 + self.decay * K.cast(self.iterations, K.dtype(self.decay)))
        moments = [K.zeros(K.int_shape(p)) for p in params]
        self.weights = [self.iterations] + moments
        for p, g, m in zip(params, grads, moments):
            rate = lr
            for part in self.multipliers:
                if part in p.name:
                    rate = lr * self.multipliers[part]
            v = self.momentum * m - rate * g
            self.updates.append(K.update(m, v))
            new_p = p + self.momentum * v - rate * g if self.nesterov else p + v
            if getattr(p, "constraint", None) is not None:
                new_p = p.constraint(new_p)
            self.updates.append(K.update(p, new_p))
        return self.updates

    def get_config(self):
        return dict(super(LRMultiplierSGD, self).get_config(), multipliers=self.multipliers)


class AccumulatingAdam(Optimizer):
    """Adam on the mean gradient of several batches."""

    def __init__(self, lr=0.001, beta_1=0.9, beta_2=0.999, steps=3, **kwargs):
        super(AccumulatingAdam, self).__init__(**kwargs)
        with K.name_scope(self.__class__.__name__):
            self.iterations = K.variable(0, dtype="int64", name="iterations")
            self.lr = K.variable(lr, name="lr")
        self.beta_1, self.beta_2, self.steps = beta_1, beta_2, steps
        self.now = K.equal((self.iterations + 1) % steps, 0)

    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        self.updates = [K.update_add(self.iterations, 1)]
        t = K.cast((self.iterations + 1) // self.steps, K.floatx())
        t = K.maximum(t, 1.0)
        lr_t = self.lr * (K.sqrt(1.0 - K.pow(self.beta_2, t)) / (1.0 - K.pow(self.beta_1, t)))
        sums, ms, vs = [[K.zeros(K.int_shape(p)) for p in params] for _ in range(3)]
        self.weights = [self.iterations] + sums + ms + vs
        for p, g, s, m, v in zip(params, grads, sums, ms, vs):
            mean = (s + g) / float(self.steps)
            m_t = self.beta_1 * m + (1.0 - self.beta_1) * mean
            v_t = self.beta_2 * v + (1.0 - self.beta_2) * K.square(mean)
            p_t = p - lr_t * m_t / (K.sqrt(v_t) + K.epsilon())
            self.updates.append(K.update(s, K.switch(self.now, K.zeros_like(s), s + g)))
            self.updates.append(K.update(m, K.switch(self.now, m_t, m)))
            self.updates.append(K.update(v, K.switch(self.now, v_t, v)))
            self.updates.append(K.update(p, K.switch(self.now, p_t, p)))
        return self.updates

    def get_config(self):
        return {
            "lr": float(K.get_value(self.lr)),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "steps": self.steps,
        }


class Accumulator(Optimizer):
    """Has another optimizer make a step with the mean gradient of several batches."""

    def __init__(self, optimizer, steps=2, **kwargs):
        super(Accumulator, self).__init__(**kwargs)
        self.optimizer = optimizers.get(optimizer)
        self.steps = steps
        with K.name_scope(self.__class__.__name__):
            self.iterations = K.variable(0, dtype="int64", name="iterations")
        self.now = K.equal((self.iterations + 1) % steps, 0)
        self.lr = self.optimizer.lr
        self.optimizer.lr = K.switch(self.now, self.optimizer.lr, 0.0)
        for name in ("momentum", "rho", "beta_1", "beta_2"):
            if hasattr(self.optimizer, name):
                value = getattr(self.optimizer, name)
                setattr(self.optimizer, name, K.switch(self.now, value, 0.9999999))
        self.optimizer.get_gradients = self.mean_gradients

    def mean_gradients(self, loss, params):
        return [total / float(self.steps) for total in self.totals]

    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        sums = [K.zeros(K.int_shape(p), dtype=K.dtype(p)) for p in params]
        self.totals = [s + g for s, g in zip(sums, grads)]
        self.updates = [K.update_add(self.iterations, 1)]
        for s, total in zip(sums, self.totals):
            self.updates.append(K.update(s, K.switch(self.now, K.zeros_like(s), total)))
        self.updates.extend(self.optimizer.get_updates(loss, params)[1:])
        self.weights = [self.iterations] + sums + self.optimizer.weights[1:]
        return self.updates


class Lookahead(Optimizer):
    """Slow weights that go a part of the way after the fast ones of another optimizer, every few steps."""

    def __init__(self, optimizer, period=3, slow_step=0.5, **kwargs):
        super(Lookahead, self).__init__(**kwargs)
        self.optimizer = optimizers.get(optimizer)
        with K.name_scope(self.__class__.__name__):
            self.period = K.variable(period, dtype="int64", name="period")
            self.slow_step = K.variable(slow_step, name="slow_step")

    @property
    def lr(self):
        return self.optimizer.lr

    @lr.setter
    def lr(self, lr):
        self.optimizer.lr = lr

    @property
    def iterations(self):
        return self.optimizer.iterations

    def get_updates(self, loss, params):
        sync = K.equal((self.iterations + 1) % self.period, 0)
        slow = [K.variable(K.get_value(p), name="slow_%d" % i) for i, p in enumerate(params)]
        fast = {}
        real = K.update

        def noted(x, new_x):
            fast[id(x)] = (x, new_x)
            return real(x, new_x) if not any(x is p for p in params) else None

        K.update = noted
        try:
            updates = self.optimizer.get_updates(loss, params)
        finally:
            K.update = real
        self.updates = [u for u in updates if u is not None]
        for p, s in zip(params, slow):
            new_p = fast[id(p)][1]
            new_s = s + self.slow_step * (new_p - s)
            self.updates.append(K.update(s, K.switch(sync, new_s, s)))
            self.updates.append(K.update(p, K.switch(sync, new_s, new_p)))
        self.weights = self.optimizer.weights + slow
        return self.updates


OPTIMIZERS = {
    "adamw": lambda: DecoupledAdam(lr=0.01, decay=0.1, clipnorm=0.5),
    "lr_multipliers": lambda: LRMultiplierSGD(multipliers={"first": 0.1}, lr=0.1, momentum=0.9, decay=0.05),
    "nesterov": lambda: LRMultiplierSGD(lr=0.1, momentum=0.9, nesterov=True, clipvalue=0.05),
    "accumulating": lambda: AccumulatingAdam(lr=0.02),
    "accumulator_of_sgd": lambda: Accumulator(SGD(lr=0.1)),
    "accumulator_of_adam": lambda: Accumulator(Adam(lr=0.02)),
    "lookahead_of_adam": lambda: Lookahead(Adam(lr=0.02, decay=0.1)),
    "lookahead_of_rmsprop": lambda: Lookahead("rmsprop"),
    "lookahead_of_nadam": lambda: Lookahead("nadam"),
    "lookahead_of_adagrad": lambda: Lookahead("adagrad"),
    "lookahead_of_adadelta": lambda: Lookahead("adadelta"),
    "lookahead_of_adamax": lambda: Lookahead("adamax"),
    "lookahead_of_sgd": lambda: Lookahead(SGD(momentum=0.5)),
}


def train(name):
    """Trains a small network for ten steps, with a change of the learning rate after five."""
    state = np.random.RandomState(0)
    model = Sequential(
        [
            Dense(4, input_shape=(3,), activation="tanh", kernel_constraint=max_norm(1.0), name="first"),
            Dense(1, name="last"),
        ]
    )
    model.set_weights([state.normal(size=w.shape) for w in model.get_weights()])
    optimizer = OPTIMIZERS[name]()
    model.compile(optimizer, "mse")
    x = state.normal(size=(8, 3))
    y = x.sum(1, keepdims=True)
    losses = []
    for step in range(10):
        if step == 5:
            K.set_value(optimizer.lr, 0.5 * K.get_value(optimizer.lr))
        losses.append(float(model.train_on_batch(x, y)))
    return {
        "losses": losses,
        "weights": [w.tolist() for w in model.get_weights()],
        "lr": float(K.get_value(optimizer.lr)),
        "state": [np.asarray(K.get_value(w)).tolist() for w in optimizer.weights],
    }
