"""`timeaudio bench`: how much faster the engine is than the same modules one request at a time, on this machine."""

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from timeaudio.local import extra_needed


def run_bench(model: Path | None, device: str, output: Path) -> None:
    """Measures, shows each line as it comes, and writes all of it as JSON.

    Raises:
        LocalModelError: the server extra is missing.
        OSError: the file cannot be written.
    """
    with extra_needed("server"):
        from model.measure.suite import machine, measurements
    console = Console(highlight=False)
    report: dict[str, Any] = {"machine": machine(device), "results": {}}
    console.print(f"Measuring on {device}; both sides of each ratio in this run.")
    for name, measure in measurements(model, device):
        began = time.perf_counter()
        result = report["results"][name] = measure()
        console.print(f"  {name}  [dim]({time.perf_counter() - began:.0f} s)[/dim]")
        output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        del measure, result
    console.print(_table(report["results"]))
    console.print(f"Written to {output}.")


def _table(results: dict[str, dict[str, Any]]) -> Table:
    table = Table("what", "engine", "library", "times", title="Per second; `times` by the clock", box=None)
    for name, result in results.items():
        rates = result.get("decode", result)
        if "share" in rates:
            table.add_row(name, f"{rates['share']:.1%} of decoding", "", "")
            continue
        unit = "clips" if "clips" in result else "tokens"
        ours, theirs = (f"{rates[f'{side}_{unit}_per_s']:.1f} {unit}" for side in ("engine", "library"))
        table.add_row(name, ours, theirs, f"{rates['ratio']:.1f}")
    return table
