"""Callbacks: what watches a training run and may change its course."""

from batchyard.models.callbacks.base import Callback
from batchyard.models.callbacks.base_logger import BaseLogger
from batchyard.models.callbacks.callback_list import CallbackList
from batchyard.models.callbacks.csv_logger import CSVLogger
from batchyard.models.callbacks.decision import Decision
from batchyard.models.callbacks.early_stopping import EarlyStopping
from batchyard.models.callbacks.history import History
from batchyard.models.callbacks.lambda_callback import LambdaCallback
from batchyard.models.callbacks.learning_rate_scheduler import LearningRateScheduler
from batchyard.models.callbacks.model_checkpoint import ModelCheckpoint
from batchyard.models.callbacks.monitor import MonitorCallback
from batchyard.models.callbacks.progbar_logger import ProgbarLogger
from batchyard.models.callbacks.progress_bar import Progbar
from batchyard.models.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from batchyard.models.callbacks.registry import deserialize, get, serialize
from batchyard.models.callbacks.remote_monitor import RemoteMonitor
from batchyard.models.callbacks.state import CallbackState
from batchyard.models.callbacks.tensor_board import TensorBoard
from batchyard.models.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = [
    "BaseLogger",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "CallbackState",
    "Decision",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "MonitorCallback",
    "Progbar",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "TensorBoard",
    "TerminateOnNaN",
    "deserialize",
    "get",
    "serialize",
]
