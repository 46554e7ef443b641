"""Results of a load test: counts and times of responses, and the server's memory and open files."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Load:
    """The responses to a load, and the memory and open files of all server processes during it."""

    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    answered_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    rss_mib: list[int] = field(default_factory=list)
    open_files: list[int] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        """Answers per second."""
        return self.outcomes["200"] / self.seconds

    def report(self) -> dict[str, object]:
        """Return the results as plain data."""
        return {
            "seconds": round(self.seconds, 1),
            "answers": dict(self.outcomes),
            "answers_per_s": round(self.per_s, 3),
            "answered_s": quantiles(self.answered_s),
            "refused_s": quantiles(self.refused_s),
            "rss_mib": self.rss_mib,
            "open_files": self.open_files,
        }


def quantiles(seconds: list[float]) -> dict[str, float]:
    """Return p50, p99 and the maximum."""
    if not seconds:
        return {}
    p50, p99 = np.quantile(seconds, (0.5, 0.99))
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "max": round(max(seconds), 3)}
