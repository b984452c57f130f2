"""From the rounds to a table in Markdown and a picture."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from workloads import WORKLOADS

__all__ = ["write_table"]

TITLES = {
    "batchyard": "batchyard.models",
    "torch-tuned": "PyTorch by hand",
    "torch-malloc": "the same, malloc set",
    "torch-loader": "DataLoader loop",
    "keras-torch": "Keras 3, torch",
    "keras-jax": "Keras 3, JAX",
    "keras-tf": "Keras 3, TF",
    "tf-keras": "tf-keras",
}


def ratios(rates: dict[str, list[float]], name: str) -> float:
    """The median over the rounds of one contender's rate by that of PyTorch by hand in the same round."""
    return median(a / b for a, b in zip(rates[name], rates["torch-tuned"], strict=True))


def write_table(results: dict[str, Any], path: Path) -> None:
    """Writes `path`.md and `path`.png."""
    names = [name for name in TITLES if any(name in one["peaks"] for one in results.values())]
    lines = [
        "# Speed of `fit` and `predict`",
        "",
        "Rows per second of PyTorch tuned by hand, and what the others reach of it: medians over rounds in",
        "which all take their turn. Above 1.00 is faster.",
        "",
        "| workload | PyTorch by hand, rows/s | "
        + " | ".join(TITLES[name] for name in names if name != "torch-tuned")
        + " |",
        "|---|---|" + "---|" * (len(names) - 1),
    ]
    rows: list[tuple[str, dict[str, float]]] = []
    for verb in ("fit", "predict"):
        for workload, result in results.items():
            if verb not in result["rates"]:
                continue
            rates = result["rates"][verb]
            row = {name: ratios(rates, name) for name in names if name in rates}
            rows.append((f"{verb}: {WORKLOADS[workload].title}", row))
            cells = [
                f"**{row[name]:.2f}**" if name == "batchyard" else f"{row[name]:.2f}" if name in row else "–"
                for name in names
                if name != "torch-tuned"
            ]
            cells = [f"{median(rates['torch-tuned']):,.0f}", *cells]
            lines.append(f"| {rows[-1][0]} | " + " | ".join(cells) + " |")
    lines += ["", "Peak memory of the process, MB (fit and predict together):", ""]
    lines += [
        "| workload | " + " | ".join(TITLES[name] for name in names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for workload, result in results.items():
        peaks = result["peaks"]
        cells = [f"{peaks[name]:,.0f}" if name in peaks else "–" for name in names]
        lines.append(f"| {WORKLOADS[workload].title} | " + " | ".join(cells) + " |")
    lines += ["", *_facts(results)]
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")
    _draw(rows, names, path.with_suffix(".png"))


def _facts(results: dict[str, Any]) -> list[str]:
    versions: dict[str, str] = {}
    runs: dict[tuple[str, str], list[str]] = {}
    missing: dict[str, str] = {}
    for workload, result in results.items():
        versions |= result["versions"]
        missing |= {f"{name} ({workload})": why for name, why in result["missing"].items()}
        runs.setdefault((result["machine"], result["command"]), []).append(
            f"{workload}: {result['date']}, {result['rounds']} rounds"
        )
    lines = [
        "Versions: " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) + "."
    ]
    for (machine, command), what in runs.items():
        lines += ["", f"`{command}` on {machine}: " + "; ".join(what) + "."]
    if missing:
        lines += ["", "Left out: " + "; ".join(f"{name}: {why}" for name, why in missing.items()) + "."]
    return lines


def _draw(rows: list[tuple[str, dict[str, float]]], names: list[str], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(11, 0.9 * len(rows) + 1.5))
    height = 0.8 / len(names)
    for number, name in enumerate(names):
        at = [place + number * height for place, (_, row) in enumerate(rows) if name in row]
        values = [row[name] for _, row in rows if name in row]
        axes.barh(at, values, height, label=TITLES[name], color=f"C{number}")
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_yticks([place + 0.4 - height / 2 for place in range(len(rows))], [title for title, _ in rows])
    axes.invert_yaxis()
    axes.set_xlabel("rows per second, relative to PyTorch tuned by hand")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    figure.savefig(path, dpi=110, bbox_inches="tight")
