"""Print a benchmark's report, and optionally write it to a file."""

import json
from pathlib import Path
from typing import Any


def write_report(report: dict[str, Any], path: Path | None) -> None:
    """Print a report as JSON, and write it to `path`."""
    text = json.dumps(report, indent=2)
    print(text)
    if path is not None:
        path.write_text(text + "\n", encoding="utf-8")
