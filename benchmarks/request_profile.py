"""Show where the time of a request goes, for one request at a time and for sixteen at once.

    python -m benchmarks.request_profile [--model DIR] [--seconds 10] [--json FILE] [--picture FILE.svg]

It asks for dense captions of the bundled recordings in one process. Each part is timed where it is called, without the
parts that it calls itself. `front end` is the processor time of the front end of a real server with the same model:
HTTP, the queue and the messages to its worker. Times are seconds per recording, medians over the rounds.

`benchmarks/full_size.py --dir DIR` writes a checkpoint of the paper's size with random weights.
"""

import argparse
import html
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import model.encoders.whisper
import model.encoders.yamnet
import model.engine.drafting
import model.engine.engine
from benchmarks.report import write_report
from benchmarks.sound import repeated
from benchmarks.tested_server import TestedServer, tested_server
from model.audio.decode import decode_audio
from model.engine.decode import Decoder
from model.engine.prompting import Prompter, Question
from model.engine.session import Session
from model.measure.suite import machine
from model.pipeline import Pipeline
from model.task_params import TaskParams
from timeaudio.client import Client

PARTS = (
    "decode file", "features", "speech encoder", "sound encoder", "connector", "prefill", "decoding steps",
    "grammar and search", "drafts", "answers and confidence", "scheduling", "front end",
)  # fmt: skip
COLOURS = (
    "#4e79a7", "#a0cbe8", "#f28e2b", "#ffbe7d", "#8cd17d", "#59a14f", "#e15759", "#ff9d9a", "#b07aa1", "#d4a6c8",
    "#9d7660", "#bab0ac",
)  # fmt: skip


class Stopwatch:
    """Adds up the time in each part, without the time in other parts that it calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside: list[str] = []
        self._since = time.perf_counter()

    def enter(self, part: str | None) -> None:
        """Charge the time since the last call to the current part, then enter `part`; None leaves the current part."""
        now = time.perf_counter()
        if self._inside:
            self.seconds[self._inside[-1]] += now - self._since
        self._since = now
        if part is None:
            self._inside.pop()
        else:
            self._inside.append(part)

    def time(self, owner: Any, name: str, part: str) -> None:
        """Replace a function or method with a timed one."""
        call: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            self.enter(part)
            try:
                return call(*arguments, **named)
            finally:
                self.enter(None)

        setattr(owner, name, timed)


def timed_parts(pipeline: Pipeline) -> Stopwatch:
    """Time the parts of this process's models and engines."""
    watch, whole = Stopwatch(), type(pipeline.model)
    watch.time(model.encoders.whisper, "log_mel", "features")
    watch.time(model.encoders.yamnet, "log_mel", "features")
    watch.time(whole, "_speech_frames", "speech encoder")
    watch.time(type(pipeline.model.sound), "encode_frames", "sound encoder")
    watch.time(whole, "audio_tokens", "connector")
    watch.time(model.engine.engine, "prefill", "prefill")
    watch.time(Decoder, "forward", "decoding steps")
    for module in (model.engine.engine, model.engine.drafting):
        watch.time(module, "choose", "grammar and search")
    watch.time(model.engine.engine, "draft", "drafts")
    for owner, name in ((Prompter, "prefix"), (Prompter, "ask"), (Question, "new_events"), (Question, "answer")):
        watch.time(owner, name, "answers and confidence")
    watch.time(Session, "step", "scheduling")
    return watch


def in_process(session: Session, watch: Stopwatch, clips: Sequence[bytes]) -> dict[str, float]:
    """Answer all clips at once; return the seconds of each part per clip."""
    watch.seconds.clear()
    for data in clips:
        watch.enter("decode file")
        waveform = decode_audio(data, max_seconds=600.0)
        watch.enter(None)
        session.submit(waveform, TaskParams(task="dense_caption"))
    while not session.is_idle:
        session.step()
    return {part: watch.seconds[part] / len(clips) for part in PARTS[:-1]}


def front_end(server: TestedServer, clips: Sequence[bytes]) -> float:
    """Send all clips at once; return the front end's processor time per clip."""
    began = server.cpu_s()
    with Client(server.url, timeout=600) as client, ThreadPoolExecutor(len(clips)) as threads:
        list(threads.map(client.dense_caption, clips))
    return (server.cpu_s() - began) / len(clips)


def picture(title: str, bars: dict[str, dict[str, float]]) -> str:
    """Return an SVG: a bar for each row, divided into the shares of its parts, and the legend."""
    width, height, left = 640, 34, 120
    lines = []
    for row, (name, parts) in enumerate(bars.items()):
        at, top, whole = float(left), 40 + row * height, sum(parts.values())
        lines.append(f'<text x="{left - 8}" y="{top + 17}" text-anchor="end">{html.escape(name)}</text>')
        for part, colour in zip(PARTS, COLOURS, strict=True):
            share = parts[part] / whole * width
            lines.append(
                f'<rect x="{at:.1f}" y="{top}" width="{share:.1f}" height="24" fill="{colour}">'
                f"<title>{part}: {1000 * parts[part]:.0f} ms</title></rect>"
            )
            at += share
        lines.append(f'<text x="{at + 6:.0f}" y="{top + 17}">{whole:.2f} s</text>')
    below = 56 + len(bars) * height
    for place, (part, colour) in enumerate(zip(PARTS, COLOURS, strict=True)):
        x, y = left + place % 4 * 165, below + place // 4 * 20
        lines.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>')
        lines.append(f'<text x="{x + 17}" y="{y + 11}">{part}</text>')
    size = f'width="{left + width + 70}" height="{below + 66}"'
    style = 'font-family="sans-serif" font-size="13" fill="#222"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}><rect width="100%" height="100%" fill="#fff"/><g {style}>',
            f'<text x="{left}" y="22" font-weight="bold">{html.escape(title)}</text>',
            *lines,
            "</g></svg>\n",
        ]
    )


def main() -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    pipeline = Pipeline.load(arguments.model, num_slots=16)
    watch, session, data = timed_parts(pipeline), pipeline.session(), repeated(arguments.seconds)
    bars: dict[str, dict[str, float]] = {}
    for count in arguments.at_once:
        in_process(session, watch, [data] * count)  # warm-up, not counted
        rounds = [in_process(session, watch, [data] * count) for _ in range(arguments.rounds)]
        bars[f"{count} at once"] = {part: statistics.median(r[part] for r in rounds) for part in PARTS[:-1]}
    with tested_server(arguments.model) as server:
        for count in arguments.at_once:
            front_end(server, [data] * count)  # warm-up, not counted
            rounds_s = [front_end(server, [data] * count) for _ in range(arguments.rounds)]
            bars[f"{count} at once"][PARTS[-1]] = statistics.median(rounds_s)
    report = {"machine": machine("cpu"), "model": pipeline.name, "audio_s": arguments.seconds, "seconds": bars}
    write_report(report, arguments.json)
    if arguments.picture is not None:
        title = f"{pipeline.name}: seconds per recording of {arguments.seconds:g} s"
        arguments.picture.write_text(picture(title, bars), encoding="utf-8")


if __name__ == "__main__":
    main()
