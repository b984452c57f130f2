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
    "torch-malloc": "by hand, malloc set",
    "torch-loader": "DataLoader loop",
    "keras-torch": "Keras 3, torch",
    "keras-jax": "Keras 3, JAX",
    "keras-tf": "Keras 3, TF",
    "tf-keras": "tf-keras",
}

#: One mark for each contender other than ours and PyTorch by hand.
MARKS = "os^Dvp*h"


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
    """Draws a bar of ours and a mark of each other contender per workload, training above prediction."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    verbs = {verb: [row for row in rows if row[0].startswith(verb)] for verb in ("fit", "predict")}
    verbs = {verb: found for verb, found in verbs.items() if found}
    figure, panels = pyplot.subplots(
        len(verbs),
        figsize=(11, 0.36 * len(rows) + 1.8),
        height_ratios=[len(found) for found in verbs.values()],
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for panel, (verb, found) in zip(panels[:, 0], verbs.items(), strict=True):
        ours = [row.get("batchyard", 0.0) for _, row in found]
        panel.barh(range(len(found)), ours, 0.62, color="#9ecae1", label=TITLES["batchyard"])
        for place, ratio in enumerate(ours):
            panel.text(
                1.01,
                place,
                f"{ratio:.2f}",
                va="center",
                color="#3182bd",
                transform=panel.get_yaxis_transform(),
            )
        panel.axvline(1.0, color="black", linewidth=1.0, label=TITLES["torch-tuned"])
        for number, name in enumerate(name for name in names if name not in ("batchyard", "torch-tuned")):
            at = [place for place, (_, row) in enumerate(found) if name in row]
            values = [row[name] for _, row in found if name in row]
            panel.scatter(values, at, 34, marker=MARKS[number], color=f"C{number + 1}", label=TITLES[name])
        panel.set_yticks(range(len(found)), [title.removeprefix(f"{verb}: ") for title, _ in found])
        panel.set_ylim(len(found) - 0.4, -0.6)
        panel.set_title(verb, loc="left", fontweight="bold")
        panel.grid(axis="x", alpha=0.4)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1, 0].set_xlim(0.0)
    panels[-1, 0].set_xlabel("rows per second, relative to PyTorch tuned by hand; further right is faster")
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False
    )
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
