"""Change a checkpoint before an ablation's training, and generate its answers to a manifest.

Source: paper, Tables 3 and 4; the rows on merge scores, windows and the grammar are our own.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from model.audio.decode import decode_audio
from model.audio.segment import SEGMENT_SAMPLES, split
from model.audio.waveform import SAMPLE_RATE, Waveform
from model.config import AnchorConfig
from model.engine.prompting import Prompter
from model.language.markers import marker_rows
from model.language.prompt import prompt_ids
from model.language.tokenizer import Tokenizer
from model.pipeline import Decoding, ParsedAnswer, Pipeline, Recording
from model.timeaudio import TimeAudio
from model.timeline.answer_length import TOKENS_PER_SEGMENT, answer_tokens
from training.data.instructions import question_of_row
from training.data.manifest import Annotation, Row
from training.predictions import Prediction, prediction_of_text
from training.stage_data import MAX_SECONDS, FeatureExtractor
from training.stages import StageConfig

ANSWERING_TOKENS = 2560
"""Tokens of a prompt and its answer together: enough for ten minutes of merged audio and about a hundred events."""


@torch.no_grad()
def apply_stage_settings(model: TimeAudio, tokenizer: Tokenizer, config: StageConfig) -> None:
    """Change a checkpoint in place according to the stage's settings; the defaults change nothing."""
    if not config.time_encoding:
        model.connector.time_encoding.weight.zero_()
    if config.markers in ("initialised", "random"):
        for module in (model.llm.get_input_embeddings(), model.llm.get_output_embeddings()):
            rows = marker_rows(module.weight.float(), tokenizer)
            if config.markers == "random":
                rows = torch.randn_like(rows) * module.weight.float().std()
            module.weight[list(tokenizer.marker_ids)] = rows.to(module.weight.dtype)
    merge = dataclasses.replace(model.config.merge, enabled=model.config.merge.enabled and config.merging)
    if config.retained_ratio:
        merge = dataclasses.replace(merge, num_dominant=round(config.retained_ratio * merge.per_windows))
    if config.merge_score != "attention":
        merge = dataclasses.replace(merge, score=config.merge_score)
    model.connector.merge = merge
    anchors = AnchorConfig(every_seconds=config.anchor_seconds) if config.anchor_seconds else model.config.anchors
    model.config = dataclasses.replace(model.config, merge=merge, anchors=anchors)


def load_pipeline(checkpoint: Path | None, device: str | None, *, beams: int = 1) -> Pipeline:
    """Load a checkpoint to answer one question at a time, with room for long answers; on a GPU if there is one."""
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return Pipeline.load(checkpoint, device=where, num_slots=1, slot_tokens=ANSWERING_TOKENS, most_beams=beams)


def generate_answers(
    pipeline: Pipeline, rows: Sequence[Row], source: Path | FeatureExtractor, decoding: Decoding, *,
    grammar: bool = True, windows: bool = False, quiet: bool = False,
) -> dict[str, Prediction]:  # fmt: skip
    """Return a checkpoint's answers to the rows of the tasks that it knows. Each recording is encoded once.

    Args:
        source: the folder that audio paths are relative to, or the extractor of the recordings' frames.
        grammar: whether the grammar constrains decoding; the released code has none.
        windows: cut recordings into 30 s windows, ask about each, and shift the events to their places. Needs a folder
            as the source.
        decoding: its `max_new_tokens` apply per started 30 s of audio, so that one answer about a whole long recording
            may be as long as the answers about all of its windows.
    """
    order = sorted((row for row in rows if row.task in pipeline.tasks), key=lambda row: row.audio)
    found: dict[str, Prediction] = {}
    encoded: tuple[str, list[tuple[float, Recording]]] = ("", [])
    for row in track(order, description="answers", console=Console(stderr=True), disable=quiet):
        if encoded[0] != row.audio:
            if isinstance(source, FeatureExtractor):
                encoded = (row.audio, [(0.0, _from_features(pipeline, row, source))])
            else:
                waveform = decode_audio(row.path(source).read_bytes(), max_seconds=MAX_SECONDS)
                encoded = (row.audio, _encode(pipeline, waveform, windows=windows))
        parts = []
        for start, recording in encoded[1]:
            is_whole = len(encoded[1]) == 1
            part = row if is_whole else dataclasses.replace(row, duration=recording.duration / 10)
            parts.append(_shifted(_predict(pipeline, recording, part, decoding, grammar=grammar), start))
        found[row.id] = Prediction(
            tuple(event for part in parts for event in part.events),
            tuple(c for part in parts for c in part.confidences),
            " ".join(part.text for part in parts),
            any(part.is_cut for part in parts),
        )
    return found


@torch.inference_mode()
def _from_features(pipeline: Pipeline, row: Row, features: FeatureExtractor) -> Recording:
    speech, sound = features.frames([row])[0]
    samples = round((row.duration or 0.0) * SAMPLE_RATE)
    tokens = pipeline.model.audio_tokens(speech, sound, [samples])[0]
    return Recording(tokens, max(1, samples * 10 // SAMPLE_RATE), samples, speech[0])


def _encode(pipeline: Pipeline, waveform: Waveform, *, windows: bool) -> list[tuple[float, Recording]]:
    if not windows or waveform.num_samples <= SEGMENT_SAMPLES:
        return [(0.0, pipeline.encode(waveform))]
    parts = [s for s in split(waveform) if s.num_samples >= SAMPLE_RATE // 2]
    return [(s.start / SAMPLE_RATE, pipeline.encode(Waveform(s.samples))) for s in parts]


def _predict(pipeline: Pipeline, recording: Recording, row: Row, decoding: Decoding, *, grammar: bool) -> Prediction:
    question = question_of_row(row)
    each = decoding.max_new_tokens or TOKENS_PER_SEGMENT
    decoding = dataclasses.replace(decoding, max_new_tokens=answer_tokens(recording.num_samples, each))
    if grammar:
        return _from_answer(pipeline.answer(recording, row.task, question, decoding))
    tokenizer, engine = pipeline.tokenizer, pipeline.engine
    prefix = Prompter(pipeline.model, tokenizer, engine).prefix(recording.audio_tokens)
    _, after = prompt_ids(tokenizer, pipeline.model.config.prompt, question)
    with torch.inference_mode():
        device = recording.audio_tokens.device
        suffix = pipeline.model.llm.get_input_embeddings()(torch.tensor(after, device=device))
        sequence = engine.add(prefix, suffix, decoding, None)
        engine.run([sequence])
    completion = sequence.completion
    assert completion is not None, "the engine ran until it had ended"
    text = tokenizer.decode(completion.ids).strip()
    return dataclasses.replace(prediction_of_text(text, row), is_cut=completion.is_cut)


def _from_answer(answer: ParsedAnswer) -> Prediction:
    """Return the parsed events in seconds, with each interval's confidence if the checkpoint is calibrated."""
    events, confidences = [], []
    for event in answer.events:
        events.append(Annotation(tuple((i.start_s, i.end_s) for i in event.intervals), event.caption))
        known = [i.confidence for i in event.intervals if i.confidence is not None]
        confidences.append(tuple(known) if len(known) == len(event.intervals) else ())
    return Prediction(tuple(events), tuple(confidences), answer.text, answer.is_cut)


def _shifted(prediction: Prediction, seconds: float) -> Prediction:
    events = tuple(
        Annotation(tuple((round(a + seconds, 3), round(b + seconds, 3)) for a, b in event.intervals), event.caption)
        for event in prediction.events
    )
    return dataclasses.replace(prediction, events=events)
