"""Measure the grammar's share of decoding time."""

import time
from typing import Any
from unittest.mock import patch

from model.audio.waveform import Waveform
from model.engine import sampling
from model.engine.prompting import Question
from model.language.decoding import Decoding
from model.language.prompt import question_of
from model.pipeline import Pipeline


def mask_share(pipeline: Pipeline, waveforms: list[Waveform], *, num_beams: int) -> dict[str, Any]:
    """Caption all recordings at once; return the seconds spent in grammars and their masks, and in all of decoding.

    Units: CPU time of the decoding thread, which other load on the machine hardly changes.
    """
    recordings = [pipeline.encode(waveform) for waveform in waveforms]
    engine, decoding = pipeline.engine, Decoding(num_beams=num_beams)
    seconds = 0.0
    plain = sampling.restricted

    def timed(*arguments: Any) -> Any:
        nonlocal seconds
        began = time.thread_time()
        try:
            return plain(*arguments)
        finally:
            seconds += time.thread_time() - began

    def answers() -> list[Question]:
        questions = [pipeline.ask(r, "dense_caption", question_of("dense_caption"), decoding) for r in recordings]
        engine.run([question.sequence for question in questions])
        return questions

    answers()  # a warm-up: a running server has already built its masks
    with patch.object(sampling, "restricted", timed):
        began = time.thread_time()
        questions = answers()
        whole = time.thread_time() - began
    tokens = [question.answer().num_completion_tokens for question in questions]
    return {
        "answers": len(tokens),
        "num_beams": num_beams,
        "mean_tokens": sum(tokens) / len(tokens),
        "decode_s": whole,
        "masks_s": seconds,
        "share": seconds / whole,
    }
