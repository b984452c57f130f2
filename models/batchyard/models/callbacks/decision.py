"""What came out of the callbacks at the end of an epoch, in a form that every member of a crew can apply."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from batchyard.models.callbacks import plain_json
from batchyard.models.errors import InvalidDecisionError


@dataclass(frozen=True)
class Decision:
    """The effects of one run of all callbacks' `on_epoch_end`."""

    #: The epoch that has just ended, counted from 0.
    epoch: int
    #: Whether training ends here.
    stop: bool = False
    #: Who asked to stop, and why; None if nobody did.
    reason: str | None = None
    #: The epoch's logs, with what the callbacks added (`lr`): what goes into the history.
    logs: dict[str, float] = field(default_factory=dict)
    #: The optimizer's float attributes (`lr`, `momentum`, ...) as the callbacks left them.
    hyper_parameters: dict[str, float] = field(default_factory=dict)
    #: `get_state()` of each callback, in their order.
    callbacks: list[dict[str, Any]] = field(default_factory=list)
    #: Whether a callback changed weights in a way that the others can't repeat: the weights have to be sent.
    weights_changed: bool = False
    #: Whether a callback's arrays changed in a way that the others can't repeat: these have to be sent.
    arrays_changed: bool = False

    @property
    def learning_rate(self) -> float | None:
        """The learning rate from here on; None without an optimizer."""
        return self.hyper_parameters.get("lr")

    def to_json(self) -> str:
        """Return the decision as JSON; equal decisions give equal text."""
        return plain_json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a decision.

        Raises:
            InvalidDecisionError: where the text isn't one.
        """
        try:
            values = plain_json.loads(text.decode() if isinstance(text, bytes) else text)
        except ValueError as error:
            raise InvalidDecisionError(
                f"Expected a decision as JSON, received text that is none: {error}"
            ) from error
        _check(values, {field_.name for field_ in fields(cls)})
        return cls(**values)


#: What each field of the JSON must be an instance of.
_TYPES: dict[str, tuple[type, ...]] = {
    "epoch": (int,),
    "stop": (bool,),
    "reason": (str, type(None)),
    "logs": (dict,),
    "hyper_parameters": (dict,),
    "callbacks": (list,),
    "weights_changed": (bool,),
    "arrays_changed": (bool,),
}


def _check(values: Any, names: set[str]) -> None:
    if not isinstance(values, dict) or values.keys() != names:
        raise InvalidDecisionError(
            f"Expected a decision with the fields {', '.join(sorted(names))}; "
            f"received {sorted(values) if isinstance(values, dict) else type(values).__name__}. "
            "It was probably written by another version of Batchyard: let all workers run the same one."
        )
    for name, types in _TYPES.items():
        if not isinstance(values[name], types):
            raise InvalidDecisionError(
                f"Expected the decision's field {name!r} to be {types[0].__name__}, "
                f"received {values[name]!r:.200}."
            )
    for name in ("logs", "hyper_parameters"):
        for key, value in values[name].items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InvalidDecisionError(
                    f"Expected a number at {name}.{key} of the decision, received {value!r:.200}."
                )
    if not all(isinstance(state, dict) for state in values["callbacks"]):
        raise InvalidDecisionError("Expected each entry of the decision's 'callbacks' to be a dictionary.")
