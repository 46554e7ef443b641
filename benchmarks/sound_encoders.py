"""The two sound encoders, trained from nothing on the same scenes for as many steps: which learns faster?

    python benchmarks/sound_encoders.py --data DIR --steps 400

DIR is what `timeaudio train` takes. Prints parameters, seconds a step, and what each hears on unseen recordings.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.config import RunConfig
from training.data.composer import SceneConfig, compose
from training.data.pools import training_pool, validation_pool
from training.data.words import WORDS
from training.encoders import frame_scores, train_encoders
from training.recipe import CONFIGS
from training.run_file import load_config

LEARNING_RATES = {"conv": 1.5e-3, "beats": 5e-4}
"""A post-norm transformer does not bear what a convolutional net does."""

BEATS: dict[str, Any] = {
    "embed_dim": 128,
    "encoder_layers": 4,
    "encoder_embed_dim": 192,
    "encoder_ffn_embed_dim": 768,
    "encoder_attention_heads": 6,
    "band_order": "mean",
}


def main() -> None:
    """Train both, measure both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--scenes", type=int, default=100, help="validation scenes")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    run = load_config(RunConfig, CONFIGS / "tiny.toml")
    pool, unseen = training_pool(arguments.data, run.data), validation_pool(arguments.data, run.data)
    scenes = [compose(unseen, SceneConfig(), np.random.default_rng([7, i])) for i in range(arguments.scenes)]
    rows = []
    for kind, sizes in (("conv", run.encoders.sound), ("beats", BEATS)):
        optim = replace(
            run.encoders.optim,
            steps=arguments.steps,
            save_every=arguments.steps,
            learning_rate=LEARNING_RATES[kind],
        )
        # The speech encoder learns from the first step's scenes alone: it is not what is compared.
        stage = replace(run.encoders, sound_encoder=kind, sound=sizes, optim=optim, speech_every=arguments.steps)
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            trainer = train_encoders(stage, run.data, pool, Path(folder))
        seconds = (time.perf_counter() - began) / arguments.steps
        scores = frame_scores(trainer, scenes, list(WORDS))
        rows.append(
            {
                "encoder": kind,
                "parameters": sum(p.numel() for p in trainer.sound.parameters()),
                "seconds_per_step": round(seconds, 2),
                "frame_f1": round(scores["sound_frame_f1"], 3),
                "named": round(scores["sound_named"], 3),
            }
        )
        print(rows[-1], flush=True)
    if arguments.json:
        setting = {"steps": arguments.steps, "scenes": arguments.scenes, "threads": torch.get_num_threads()}
        arguments.json.write_text(json.dumps({"setting": setting, "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
