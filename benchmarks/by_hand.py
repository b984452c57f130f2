"""The workloads in plain PyTorch: tuned by hand, and as the usual loop over a DataLoader."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from queue import Queue
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset
from workloads import Workload, write_hdf5

__all__ = ["Loader", "Tuned"]


class Tuned:
    """Data in tensors, cut by one permutation; fused or foreach optimizer; channels_last; no wait in a step.

    Args:
        name: of the workload.
        workload: it.
        folder: for a file of data.
        device: "cpu" or "cuda".
        jit: whether the model is compiled.
        mixed: whether it computes in bfloat16 where autocast does.
    """

    def __init__(
        self, name: str, workload: Workload, folder: Path, device: str, jit: bool = False, mixed: bool = False
    ) -> None:
        self.name, self.workload, self.device = name, workload, device
        x, y = workload.data()
        self.x, self.y = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
        self.module = MODELS[name](workload).to(device, memory_format=torch.channels_last)
        self.model: Any = torch.compile(self.module) if jit else self.module
        self.autocast: Callable[[], AbstractContextManager[Any]] = nullcontext
        if mixed:
            self.autocast = lambda: torch.autocast(device, torch.bfloat16)
        self.optimizer = self._optimizer(fused=True)
        self.file = write_hdf5(workload, folder) if name == "hdf5" else None

    def _optimizer(self, fused: bool) -> torch.optim.Optimizer:
        weights = list(self.module.parameters())
        if self.name in ("mlp", "hdf5"):
            return torch.optim.RMSprop(weights, 1e-3, alpha=0.9, eps=1e-7, foreach=fused or None)
        if self.name in ("resnet20", "overhead"):
            rate, momentum = (0.1, 0.9) if self.name == "resnet20" else (0.01, 0.0)
            return torch.optim.SGD(weights, rate, momentum, fused=fused or None)
        return torch.optim.Adam(weights, 1e-3, eps=1e-7, fused=fused or None)

    def batches(self, rows: int) -> Iterator[tuple[Tensor, Tensor]]:
        batch = self.workload.batch
        if self.file is not None:
            yield from _read_ahead(self.file, rows, batch, self.device)
            return
        if self.name == "stateful":
            yield from zip(self.x[:rows].split(batch), self.y[:rows].split(batch), strict=True)
            return
        for index in torch.randperm(rows, device=self.device).split(batch):
            yield self.x.index_select(0, index), self.y.index_select(0, index)

    def fit(self, rows: int, epochs: int) -> None:
        self.model.train()
        for _ in range(epochs):
            loss_sum = torch.zeros((), device=self.device)
            hits = torch.zeros((), device=self.device)
            for x, y in self.batches(rows):
                self.optimizer.zero_grad()
                with self.autocast():
                    output = self.model(x)
                    loss, metric = self._scores(output, y)
                loss.backward()
                self.optimizer.step()
                loss_sum += loss.detach() * len(x)
                hits += metric
            self.logs = (loss_sum.item() / rows, hits.item() / rows)

    def _scores(self, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        found = output.detach()
        if self.workload.classes > 1:
            return functional.cross_entropy(output, y), (found.argmax(1) == y).sum()
        if self.workload.classes:
            return functional.binary_cross_entropy_with_logits(output, y), ((found > 0) == (y > 0)).sum()
        return functional.mse_loss(output, y), (found - y).abs().sum()

    def predict(self, rows: int, epochs: int) -> None:
        self.model.eval()
        with torch.inference_mode(), self.autocast():
            for _ in range(epochs):
                self.found = torch.cat([self._answer(x) for x in self.x[:rows].split(256)]).cpu()

    def _answer(self, x: Tensor) -> Tensor:
        """Returns what `predict` gives: the models end before the softmax or sigmoid that the losses take."""
        output: Tensor = self.model(x)
        if self.workload.classes > 1:
            return output.softmax(1)
        return output.sigmoid() if self.workload.classes else output


class Loader(Tuned):
    """The loop that most people write: a DataLoader of rows, `loss.item()` each step."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.optimizer = self._optimizer(fused=False)
        self.rows_of: Dataset[Any] = TensorDataset(self.x, self.y)
        if self.file is not None:
            self.rows_of = _Hdf5Rows(self.file)

    def fit(self, rows: int, epochs: int) -> None:
        loader = DataLoader(
            torch.utils.data.Subset(self.rows_of, range(rows)),
            self.workload.batch,
            shuffle=self.name not in ("stateful", "hdf5"),
        )
        self.model.train()
        for _ in range(epochs):
            loss_sum = hits = 0.0
            for x, y in loader:
                self.optimizer.zero_grad()
                loss, metric = self._scores(self.model(x), y)
                loss.backward()
                self.optimizer.step()
                loss_sum += loss.item() * len(x)
                hits += metric.item()

    def predict(self, rows: int, epochs: int) -> None:
        self.model.eval()
        for _ in range(epochs):
            with torch.no_grad():
                loader = DataLoader(torch.utils.data.Subset(self.rows_of, range(rows)), 256)
                self.found = torch.cat([self._answer(x) for x, _ in loader])


class _Hdf5Rows(Dataset[Any]):
    def __init__(self, path: Path) -> None:
        import h5py

        self.file = h5py.File(path)

    def __getitem__(self, index: int) -> Any:
        return self.file["x"][index], self.file["y"][index]

    def __len__(self) -> int:
        return len(self.file["x"])


def _read_ahead(path: Path, rows: int, batch: int, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Reads batches in a thread, ten ahead."""
    import h5py

    queue: Queue[tuple[Tensor, Tensor] | None] = Queue(10)

    def read() -> None:
        with h5py.File(path) as file:
            for start in range(0, rows, batch):
                cut = slice(start, start + batch)
                queue.put((torch.from_numpy(file["x"][cut]), torch.from_numpy(file["y"][cut])))
        queue.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (item := queue.get()) is not None:
        yield item[0].to(device), item[1].to(device)


class _ImagesFirst(nn.Module):
    """Images (row, column, channel) as torch's channels_last: a view."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 3, 1, 2)


def _mlp(workload: Workload) -> nn.Module:
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(inplace=True), nn.Dropout(0.2),
        nn.Linear(512, 512), nn.ReLU(inplace=True), nn.Dropout(0.2),
        nn.Linear(512, 10),
    )  # fmt: skip


def _cnn(workload: Workload) -> nn.Module:
    return nn.Sequential(
        _ImagesFirst(),
        nn.Conv2d(1, 32, 3), nn.ReLU(inplace=True),
        nn.Conv2d(32, 64, 3), nn.ReLU(inplace=True),
        nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten(),
        nn.Linear(9216, 128), nn.ReLU(inplace=True), nn.Dropout(0.5),
        nn.Linear(128, 10),
    )  # fmt: skip


class _Block(nn.Module):
    def __init__(self, inputs: int, filters: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, filters, 3, stride, 1)
        self.first_norm = nn.BatchNorm2d(filters)
        self.second = nn.Conv2d(filters, filters, 3, 1, 1)
        self.second_norm = nn.BatchNorm2d(filters)
        self.short = nn.Identity() if stride == 1 else nn.Conv2d(inputs, filters, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.first_norm(self.first(x)), inplace=True)
        y = self.second_norm(self.second(y))
        return functional.relu(y + self.short(x), inplace=True)


def _resnet20(workload: Workload) -> nn.Module:
    blocks = [
        _Block(16 * 2 ** (stage - (stage > 0 and not block)), 16 * 2**stage, 2 if stage and not block else 1)
        for stage in range(3)
        for block in range(3)
    ]
    return nn.Sequential(
        _ImagesFirst(),
        nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
        *blocks,
        nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


class _Lstm(nn.Module):
    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.embedding = nn.Embedding(workload.words, 64)
        self.lstm = nn.LSTM(64, 64, batch_first=True)
        self.dense = nn.Linear(64, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.lstm(self.embedding(x))[0][:, -1])


class _LstmHard(nn.Module):
    """The step written out, as torch has no kernel for hard_sigmoid."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.embedding = nn.Embedding(workload.words, 64)
        self.inputs = nn.Linear(64, 256)
        self.states = nn.Parameter(torch.randn(64, 256) / 8)
        self.dense = nn.Linear(64, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = c = torch.zeros(len(x), 64, device=x.device)
        for projected in self.inputs(self.embedding(x.t())).unbind(0):
            z = torch.addmm(projected, h, self.states)
            i, f, o = torch.clamp(0.2 * z[:, :192] + 0.5, 0.0, 1.0).chunk(3, 1)
            c = torch.addcmul(f * c, i, torch.tanh(z[:, 192:]))
            h = o * torch.tanh(c)
        return self.dense(h)


class _Bidirectional(nn.Module):
    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.embedding = nn.Embedding(workload.words, 64)
        self.lstm = nn.LSTM(64, 64, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(128, 1)

    def forward(self, x: Tensor) -> Tensor:
        _, (last, _) = self.lstm(self.embedding(x))
        return self.dense(torch.cat([last[0], last[1]], 1))


class _Gru(nn.Module):
    """Keras 2's GRU with the step written out: torch's resets after the product, and has no hard_sigmoid."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.embedding = nn.Embedding(workload.words, 64)
        self.inputs = nn.Linear(64, 192)
        self.gates = nn.Parameter(torch.randn(64, 128) / 8)
        self.candidate = nn.Parameter(torch.randn(64, 64) / 8)
        self.dense = nn.Linear(64, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(len(x), 64, device=x.device)
        for projected in self.inputs(self.embedding(x.t())).unbind(0):
            gates = torch.addmm(projected[:, :128], h, self.gates)
            z, r = torch.clamp(0.2 * gates + 0.5, 0.0, 1.0).chunk(2, 1)
            found = torch.tanh(torch.addmm(projected[:, 128:], r * h, self.candidate))
            h = torch.lerp(found, h, z)
        return self.dense(h)


class _Conv1d(nn.Module):
    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.embedding = nn.Embedding(workload.words, 50)
        self.convolution = nn.Conv1d(50, 250, 3)
        self.head = nn.Sequential(
            nn.Linear(250, 250), nn.Dropout(0.2), nn.ReLU(inplace=True), nn.Linear(250, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = functional.dropout(self.embedding(x), 0.2, self.training).transpose(1, 2)
        return self.head(functional.relu(self.convolution(y), inplace=True).amax(2))


def _overhead(workload: Workload) -> nn.Module:
    return nn.Sequential(nn.Linear(16, 16), nn.ReLU(inplace=True), nn.Linear(16, 1))


class _Stateful(nn.Module):
    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.lstm = nn.LSTM(16, 64, batch_first=True)
        self.dense = nn.Linear(64, 1)
        self.states: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        outputs, (h, c) = self.lstm(x, self.states)
        self.states = (h.detach(), c.detach())
        return self.dense(outputs[:, -1])


MODELS: dict[str, Callable[[Workload], nn.Module]] = {
    "mlp": _mlp,
    "hdf5": _mlp,
    "cnn": _cnn,
    "resnet20": _resnet20,
    "lstm": _Lstm,
    "lstm-hard": _LstmHard,
    "bidirectional": _Bidirectional,
    "gru": _Gru,
    "conv1d": _Conv1d,
    "overhead": _overhead,
    "stateful": _Stateful,
}
