"""`batchyard inspect` and `batchyard convert`: what is in a model's file, and other files made of it.

The work is done by the models' package, in a process of its own: a damaged file on which the HDF5 library
crashes ends no more than that, and this package stays without torch.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from batchyard.scheduler.cli.options import Json
from batchyard.scheduler.errors import InputError, MissingExtra

__all__ = ["convert", "inspect"]

_KINDS = {"model": "a model", "weights": "weights alone", "configuration": "a configuration alone"}
#: Seconds after which a file counts as one that can't be read.
_PATIENCE = 600


class Format(StrEnum):
    """What `batchyard convert` writes."""

    h5 = "h5"
    keras3_h5 = "keras3-h5"
    keras = "keras"
    weights = "weights"
    safetensors = "safetensors"
    torch_state_dict = "torch-state-dict"
    json = "json"
    yaml = "yaml"


_Custom = Annotated[
    list[str] | None,
    typer.Option(
        "--custom",
        metavar="MODULE:NAME",
        help="A class or function of yours that the file names; may be repeated. It is imported: it runs.",
        show_default=False,
        allow_from_autoenv=False,
    ),
]


def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A .h5, .keras, .weights.h5, .json, .yaml, .safetensors or .pt file.",
            show_default=False,
        ),
    ],
    custom: _Custom = None,
    load: Annotated[
        bool,
        typer.Option(
            "--load/--no-load",
            help="Whether to load the model too, to tell shapes and what is refused.",
            allow_from_autoenv=False,
        ),
    ] = True,
    as_json: Json = False,
) -> None:
    """Tell what is in a file of a model: format, writer, layers, shapes, optimizer, and what is refused.

    Nothing that the file brings is run, so it is the way to look at files of strangers. Examples:
    `batchyard inspect model.h5`, `batchyard inspect model.keras --json`. Exit code 2: it is no file of a
    model, or loading it is refused; why is told.
    """
    arguments = ["inspect", str(file.absolute()), *_customs(custom), *([] if load else ["--no-load"])]
    answer = _ask(arguments, str(file))
    answer["path"] = str(file)
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
    else:
        _show(answer)
    if answer["problem"]:
        raise typer.Exit(InputError.exit_code)


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="What is read: any file of a model.", show_default=False)
    ],
    destination: Annotated[Path, typer.Argument(metavar="OUT", help="What is written.", show_default=False)],
    to: Annotated[
        Format | None,
        typer.Option(
            help="What OUT shall be: h5 (Keras 2, with the optimizer's state), keras3-h5 (without it), keras "
            "(Keras 3's archive), weights, safetensors, torch-state-dict (weights by name), json, yaml (the "
            "configuration). Default: what the name of OUT says.",
            show_default=False,
            allow_from_autoenv=False,
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A file with the model's configuration, where IN holds weights alone.",
            show_default=False,
            allow_from_autoenv=False,
        ),
    ] = None,
    custom: _Custom = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace OUT if it exists.", allow_from_autoenv=False),
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a file of another format: Keras 1, 2, tf.keras and 3 in; Keras 2, Keras 3 and torch out.

    OUT is written as a whole or not at all. Examples: `batchyard convert old.h5 new.keras`,
    `batchyard convert model.h5 for_3.h5 --to keras3-h5`, `batchyard convert model.h5 model.safetensors`,
    `batchyard convert weights.h5 model.h5 --model model.json`. Exit code 2: IN can't be read, or OUT can't
    hold it; why is told.
    """
    if destination.exists() and not overwrite:
        raise InputError(f"{destination} exists", remedy="Choose another name, or give --overwrite.")
    arguments = ["convert", str(source.absolute()), str(destination.absolute()), *_customs(custom)]
    arguments += ["--to", to.value] if to else []
    arguments += ["--model", str(model.absolute())] if model else []
    arguments += ["--overwrite"] if overwrite else []
    answer = _ask(arguments, str(source))
    if as_json:
        typer.echo(json.dumps({**answer, "destination": str(destination)}))
        return
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    for told in answer["warnings"]:
        errors.print(f"[yellow]warning:[/] {escape(told)}")
    typer.echo(f"{destination} ({answer['format']})")


def _customs(custom: list[str] | None) -> list[str]:
    return [word for one in custom or [] for word in ("--custom", one)]


def _ask(arguments: list[str], file: str) -> dict[str, Any]:
    """Run a command of the models' package in a process of its own; return its answer.

    Raises:
        InputError: It was refused, or the process crashed or hung.
        MissingExtra: torch is not installed here.
    """
    if find_spec("batchyard.models") is None or find_spec("torch") is None:
        raise MissingExtra("worker", f"batchyard {arguments[0]} (it lacks torch)")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "batchyard.models.saving", *arguments],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"reading it took more than {_PATIENCE} seconds",
            where=file,
            remedy="It is damaged, or made to take up time: take another copy.",
        ) from error
    if done.returncode < 0:
        raise InputError(
            f"the HDF5 library crashed on it ({signal.Signals(-done.returncode).name})",
            where=file,
            remedy="It is damaged, or made to do harm: don't load it, take another copy.",
        )
    if done.returncode not in (0, InputError.exit_code) or not done.stdout:
        raise RuntimeError(f"reading {file} failed:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    if "error" in answer:
        raise InputError(answer["error"])
    return answer


def _show(answer: dict[str, Any]) -> None:
    """Print what is in a file as tables."""
    console = Console(highlight=False, soft_wrap=True)
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    optimizer = answer["optimizer"] or {}
    rows = {
        "format": f"{answer['format']}, {_size(answer['size'])}",
        "holds": {
            "model": "a model",
            "weights": "weights alone",
            "configuration": "a configuration alone",
        }.get(answer["kind"], "nothing that is known"),
        "written by": ", ".join(filter(None, (answer["producer"], answer["backend"]))),
        "model": answer["model"],
        "parameters": f"{answer['parameters']:,} in {len(answer['arrays'])} arrays",
        "optimizer": _call(optimizer.get("class_name", ""), optimizer.get("config", {})),
        "its state": f"{len(answer['optimizer_state'])} arrays" if answer["optimizer_state"] else "",
        "compiled with": ", ".join(
            f"{key}={_short(value)}" for key, value in (answer["training"] or {}).items() if value
        ),
        "needs": ", ".join(answer["custom"]) and f"custom_objects: {', '.join(answer['custom'])}",
        "brings code": ", ".join(answer["code"]),
        "says of itself": ", ".join(f"{key}={_short(text)}" for key, text in answer["metadata"].items()),
    }
    for label, value in rows.items():
        if value:
            facts.add_row(label, escape(value))
    console.print(f"[bold]{escape(answer['path'])}[/]")
    console.print(facts)
    if answer["layers"]:
        console.print(_layers(answer["layers"]))
    if answer["arrays"] and (not answer["layers"] or answer["format"] == "safetensors"):
        console.print(_arrays(answer["arrays"]))
    for told in answer["warnings"]:
        console.print(f"[yellow]warning:[/] {escape(told)}")
    if answer["problem"]:
        console.print(f"[bold red]refused:[/] {escape(answer['problem'])}")
    elif answer["kind"] in ("model", "configuration"):
        console.print("[green]It can be loaded.[/]")


def _layers(layers: list[dict[str, Any]]) -> Table:
    table = Table(
        "layer", "class", "output shape", "parameters", header_style="bold", pad_edge=False, box=None
    )
    table.columns[3].justify = "right"
    for layer in layers:
        parameters = layer["parameters"]
        table.add_row(
            "  " * layer["depth"] + escape(layer["name"]),
            escape(layer["class_name"]),
            _shape(layer["output_shape"]),
            "" if parameters is None else f"{parameters:,}",
        )
    return table


def _arrays(arrays: list[dict[str, Any]]) -> Table:
    table = Table("array", "shape", "type", header_style="bold", pad_edge=False, box=None)
    for array in arrays:
        table.add_row(escape(array["name"]), _shape(array["shape"]), array["dtype"])
    return table


def _shape(shape: Any) -> str:
    if shape is None:
        return ""
    if shape and isinstance(shape[0], list):
        return ", ".join(map(_shape, shape))
    return "(" + ", ".join("?" if size is None else str(size) for size in shape) + ")"


def _call(name: str, arguments: dict[str, Any]) -> str:
    told = ", ".join(f"{key}={_short(value)}" for key, value in arguments.items() if value is not None)
    return f"{name}({told})" if name else ""


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _size(size: int) -> str:
    return next(
        f"{size / factor:.1f} {unit}" if factor > 1 else f"{size} {unit}"
        for factor, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "bytes"))
        if size >= factor or factor == 1
    )
