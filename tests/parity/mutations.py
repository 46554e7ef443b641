"""Break the model on purpose, one change at a time, in a temporary copy, and print which parity tests fail.

    python tests/parity/mutations.py [--only WORD]

Prints the table in `data/README.md`. Exits with status 1 if no test fails for a change. Takes about 15 s per change.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("model", "server", "tests", "timeaudio", "training", "pyproject.toml")


@dataclass(frozen=True)
class Mutation:
    """Replace every `before` in `file` by `after`."""

    what: str
    file: str
    before: str
    after: str


MUTATIONS = (
    Mutation("fbank: sign of the pre-emphasis", "model/audio/fbank.py", "- PREEMPHASIS *", "+ PREEMPHASIS *"),
    Mutation("fbank: least energy", "model/audio/fbank.py", "torch.finfo(torch.float32).eps", "1e-10"),
    Mutation(
        "fbank: order of the mel bands",
        "model/audio/fbank.py",
        "clamp(min=0).to(dtype)",
        "clamp(min=0).flip(1).to(dtype)",
    ),
    Mutation("log-mel: range below the loudest", "model/audio/log_mel.py", "- 8.0", "- 7.5"),
    Mutation("log-mel: Slaney's scale", "model/audio/log_mel.py", "15 + 27", "15 + 26"),
    Mutation(
        "Whisper: positions off by one frame",
        "model/encoders/whisper.py",
        "embed_positions.weight[",
        "embed_positions.weight.roll(1, 0)[",
    ),
    Mutation("BEATs: sign in the gate", "model/encoders/beats.py", "self.grep_a - 1.0", "self.grep_a + 1.0"),
    Mutation("BEATs: distance zero in the wrong half", "model/encoders/beats.py", "(distance > 0)", "(distance >= 0)"),
    Mutation(
        "BEATs: scale of the residuals",
        "model/encoders/beats.py",
        "(2 * config.encoder_layers) ** 0.25",
        "(2 * config.encoder_layers) ** 0.26",
    ),
    Mutation(
        "fuse: zeros in front of the shorter side",
        "model/encoders/fuse.py",
        "(0, 0, 0, longest - side.shape[1])",
        "(0, 0, longest - side.shape[1], 0)",
    ),
    Mutation("fuse: epsilon", "model/encoders/fuse.py", "nn.LayerNorm(sound_dim)", "nn.LayerNorm(sound_dim, eps=1e-3)"),
    Mutation(
        "windows: a hop of 18 frames",
        "model/convert/configs.py",
        "round(WHISPER_FRAMES * length / 30)",
        "1 + round(WHISPER_FRAMES * length / 30)",
    ),
    Mutation(
        "time index: counted from 0",
        "model/connector/released_index.py",
        "torch.arange(1, count + 1)",
        "torch.arange(count)",
    ),
    Mutation(
        "time index: one off-by-one forgotten",
        "model/connector/released_index.py",
        "    97, 101, 105, 109, 113, 117, 194, 197, 202, 210",
        "    101, 105, 109, 113, 117, 194, 197, 202, 210",
    ),
    Mutation("time index: step of 0.34 s", "model/connector/released_index.py", "= 333_333", "= 340_000"),
    Mutation(
        "Q-Former: epsilon of the query's norm",
        "model/connector/qformer.py",
        "self.query_norm = nn.LayerNorm(config.dim, eps=1e-12)",
        "self.query_norm = nn.LayerNorm(config.dim, eps=1e-5)",
    ),
    Mutation(
        "Q-Former: epsilon of a layer's norm",
        "model/connector/qformer.py",
        "self.cross_norm = nn.LayerNorm(config.dim, eps=1e-12)",
        "self.cross_norm = nn.LayerNorm(config.dim, eps=1e-5)",
    ),
    Mutation(
        "Q-Former: tokens attend each other",
        "model/convert/configs.py",
        'self_attention="window"',
        'self_attention="segment"',
    ),
    Mutation("merging: target minus mean", "model/connector/merge_released.py", "targets + joined", "targets - joined"),
    Mutation(
        "merging: targets off by one",
        "model/connector/merge_released.py",
        "* max(1, num_rest // num_contextual)",
        "* max(1, num_rest // num_contextual) + 1",
    ),
    Mutation(
        "LoRA: scale",
        "model/convert/keys.py",
        "weight.float() + scale * (b @ a)",
        "weight.float() + scale / 2 * (b @ a)",
    ),
    Mutation(
        "import: scale of the LoRA",
        "model/convert/importer.py",
        "scale / len(adapter[0])",
        "scale / (len(adapter[0]) + 1)",
    ),
    Mutation(
        "import: the language model's own embedding",
        "model/convert/importer.py",
        "base = replaced.get(name, tensor)",
        "base = tensor if tensor is not None else replaced[name]",
    ),
    Mutation(
        "prompt: no beginning-of-sequence",
        "model/language/prompt.py",
        "[tokenizer.bos_id] if tokenizer.bos_id is not None",
        "[tokenizer.bos_id] if tokenizer.bos_id is None",
    ),
    Mutation(
        "generation: stops one token early",
        "model/language/generate.py",
        "max_new_tokens=decoding.max_new_tokens",
        "max_new_tokens=decoding.max_new_tokens - 1",
    ),
    Mutation("marker text: halves rounded down", "model/timeline/markers.py", "ROUND_HALF_UP", "ROUND_HALF_DOWN"),
)


def failing_tests(mutation: Mutation, copy: Path) -> list[str]:
    """Return the names of the parity tests that fail."""
    path = copy / mutation.file
    source = path.read_text(encoding="utf-8")
    if mutation.before not in source:
        raise SystemExit(f"{mutation.what}: {mutation.file} no longer contains {mutation.before!r}.")
    path.write_text(source.replace(mutation.before, mutation.after), encoding="utf-8")
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "tests/parity", "-q", "-m", "not gpu", "-p", "no:cacheprovider"],
            cwd=copy, env=os.environ | {"PYTHONPATH": str(copy)}, capture_output=True, text=True,
        )  # fmt: skip
    finally:
        path.write_text(source, encoding="utf-8")
    return re.findall(r"^(?:FAILED|ERROR) tests/parity/(\S+)", ended.stdout, re.MULTILINE)


def main() -> int:
    """Try each mutation and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="only changes whose description contains this")
    only = parser.parse_args().only
    chosen = [mutation for mutation in MUTATIONS if only in mutation.what]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            skip = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, copy / name, ignore=skip) if source.is_dir() else shutil.copy(source, copy / name)
        print("| broken on purpose | first failing test | failing tests |\n|---|---|---|")
        for mutation in chosen:
            tests = failing_tests(mutation, copy)
            missed += not tests
            first = f"`{tests[0].rpartition('::')[2]}`" if tests else "**none**"
            print(f"| {mutation.what} | {first} | {len(tests)} |", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
