"""`timeaudio bench`: compare the engine with the same modules run one request at a time, on this machine."""

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from timeaudio.extras import extra_needed
from timeaudio.local import fetched


def run_bench(model: Path | None, device: str, output: Path) -> None:
    """Measure, print a line after each measurement, and write all results as JSON.

    Raises:
        LocalModelError: the server extra is not installed, or the model cannot be fetched from the hub.
        OSError: the file cannot be written.
    """
    with extra_needed("server"):
        from model.measure.suite import machine, measurements
    model = fetched(model)
    console = Console(highlight=False)
    report: dict[str, Any] = {"machine": machine(device), "results": {}}
    console.print(f"Measuring on {device}. This run measures both sides of each ratio.")
    for name, measure in measurements(model, device):
        began = time.perf_counter()
        result = report["results"][name] = measure()
        console.print(f"  {name}  [dim]({time.perf_counter() - began:.0f} s)[/dim]")
        output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        del measure, result
    console.print(_table(report["results"]))
    console.print(f"Wrote {output}.")


def _table(results: dict[str, dict[str, Any]]) -> Table:
    table = Table("what", "engine", "library", "times", title="Per second; `times` is the wall-clock ratio", box=None)
    for name, result in results.items():
        rates = result.get("decode", result)
        if "share" in rates:
            table.add_row(name, f"{rates['share']:.1%} of decoding", "", "")
            continue
        unit = "clips" if "clips" in result else "tokens"
        ours, theirs = (f"{rates[f'{side}_{unit}_per_s']:.1f} {unit}" for side in ("engine", "library"))
        table.add_row(name, ours, theirs, f"{rates['ratio']:.1f}")
    return table
