"""The logs of each epoch, sent to a server."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

from batchyard.models.callbacks.base import Callback


class RemoteMonitor(Callback):
    """Sends the epoch's number and logs to a server by HTTP POST; a server that is away is warned of.

    Args:
        root: URL of the server.
        path: what is added to it.
        field: name of the form's field that holds the logs as JSON.
        headers: further HTTP headers.
        send_as_json: whether the body is the JSON itself and not a form.

    Source: Keras 2.2.4, `callbacks.RemoteMonitor`.
    """

    observes_only: ClassVar[bool] = True
    #: Longest time that an epoch's end may wait for the server, in seconds.
    timeout: ClassVar[float] = 10.0

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        self.root = root
        self.path = path
        self.field = field
        self.headers = None if headers is None else dict(headers)
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Send the epoch."""
        text = json.dumps({"epoch": epoch, **{name: float(value) for name, value in (logs or {}).items()}})
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        request = urllib.request.Request(
            self.root + self.path, body.encode(), {"Content-Type": kind, **(self.headers or {})}
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout):
                pass
        except OSError as error:
            warnings.warn(
                f"Could not reach the RemoteMonitor server at {self.root}: {error}", UserWarning, stacklevel=2
            )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "root": self.root,
            "path": self.path,
            "field": self.field,
            "headers": self.headers,
            "send_as_json": self.send_as_json,
        }
