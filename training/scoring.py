"""Score predictions against a manifest, with a bootstrap interval for each score.

A manifest line without a prediction counts as an empty answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from model.timeline.markers import to_plain
from training.data.manifest import Annotation, Row, Span
from training.data.target_text import target_text
from training.data.vocabulary import UNKNOWN, lexicon, vocabulary
from training.metrics.bootstrap import Estimate, bootstrap
from training.metrics.calibration import CalibrationSample, expected_calibration_error
from training.metrics.captions import kind_of, says_unknown
from training.metrics.content import content_words, share_found
from training.metrics.counting import count_in, is_count_question
from training.metrics.detection import Detection, Truth, psds
from training.metrics.events import Counts, ScoredScene, Sound, clip_macro_f1, event_counts, segment_counts, total
from training.metrics.grounding import ScoredGrounding, score_grounding
from training.metrics.labels import label_of
from training.metrics.text import Meteor, MetricUnavailable, rouge
from training.metrics.timelines import cover_iou, segment_iou
from training.predictions import Prediction

LEXICON = lexicon()
RESAMPLES = 500
SURE = 0.5  # minimum confidence at which a section of a summary counts as claimed


@dataclass(frozen=True, slots=True)
class Score:
    """One score, 0 to 1, over `count` units, with the bounds of its bootstrap interval where there is one."""

    name: str
    value: float
    count: int
    low: float | None = None
    high: float | None = None
    note: str = ""


def score(rows: Sequence[Row], predictions: dict[str, Prediction]) -> list[Score]:
    """Return every score of the manifest's tasks."""
    pairs = [(row, predictions.get(row.id, Prediction())) for row in rows]
    scores: list[Score] = []
    scorers = {
        "dense_caption": dense_scores, "ground": grounding_scores, "summarize": summary_scores, "ask": question_scores,
    }  # fmt: skip
    for task, scorer in scorers.items():
        chosen = [pair for pair in pairs if pair[0].task == task]
        if chosen:
            scores += scorer(chosen)
    return scores


Pair = tuple[Row, Prediction]


def dense_scores(pairs: Sequence[Pair]) -> list[Score]:
    """Return METEOR, Eb-F1, segment F1, At-F1 and, if there are confidences, ECE and PSDS.

    Classes are the manifest's labels, and `label_of` maps captions to them. Without labels, keywords map the captions
    of both sides to the vocabulary's kinds; true events without a keyword are left out and counted in the note. At-F1
    is the mean over the classes of the manifest's events: a predicted class that is nowhere in the manifest lowers
    event precision, but not At-F1. Sounds of unknown kinds, and captions that call a sound unknown, have no class and
    are left out.
    """
    labels = sorted({e.label for row, _ in pairs for e in row.events if e.label and e.label != UNKNOWN})
    is_labelled = bool(labels)
    labels = labels or list(vocabulary())
    by_keyword = set(labels) <= set(vocabulary())
    name_of: Callable[[str], str | None] = (
        (lambda caption: kind_of(caption, LEXICON)) if by_keyword else (lambda caption: label_of(caption, labels))
    )
    filtered = [(_of_known_kinds(row), _without_unknown_captions(p, name_of)) for row, p in pairs]
    scenes = [
        ScoredScene(_sounds(row.events, name_of, use_labels=True), _sounds(p.events, name_of, use_labels=False))
        for row, p in filtered
    ]
    note = "captions to classes by keywords" if by_keyword else "captions to classes by the words of their names"
    if not is_labelled:
        unknown = sum(s.kind is None for scene in scenes for s in scene.reference)
        note += f"; {unknown} true intervals of no known class left out" if unknown else ""
        scenes = [ScoredScene(_with_kind(scene.reference), _with_kind(scene.predicted)) for scene in scenes]
    kinds = sorted({s.kind for scene in scenes for s in scene.reference if s.kind is not None})
    events, segments = [event_counts(s) for s in scenes], [segment_counts(s) for s in scenes]
    scores = [
        *_meteor("dense METEOR", pairs),
        _estimate("dense Eb-F1", events, lambda c: total(c).f1, note),
        _estimate("dense Eb precision", events, lambda c: total(c).precision),
        _estimate("dense Eb recall", events, lambda c: total(c).recall),
        _estimate("dense segment F1", segments, lambda c: total(c).f1),
        _estimate("dense At-F1", [_of_kinds(s, kinds) for s in scenes], lambda s: clip_macro_f1(s, kinds), note, 100),
    ]
    return scores + _confidence_scores(filtered, name_of)


def _of_known_kinds(row: Row) -> Row:
    return replace(row, events=tuple(event for event in row.events if event.label != UNKNOWN))


def _without_unknown_captions(prediction: Prediction, name_of: Callable[[str], str | None]) -> Prediction:
    """Return the prediction without captions that say the sound is unknown."""
    confidences = prediction.confidences or ((),) * len(prediction.events)
    kept = [
        (event, event_confidences)
        for event, event_confidences in zip(prediction.events, confidences, strict=True)
        if name_of(event.caption) or not says_unknown(event.caption)
    ]
    return replace(prediction, events=tuple(e for e, _ in kept), confidences=tuple(c for _, c in kept))


def _with_kind(sounds: Sequence[Sound]) -> tuple[Sound, ...]:
    return tuple(sound for sound in sounds if sound.kind is not None)


def _of_kinds(scene: ScoredScene, kinds: Sequence[str]) -> ScoredScene:
    return ScoredScene(tuple(s for s in scene.reference if s.kind in kinds), scene.predicted)


def _sounds(
    events: Sequence[Annotation], name_of: Callable[[str], str | None], *, use_labels: bool
) -> tuple[Sound, ...]:
    return tuple(
        Sound(event.label if use_labels and event.label else name_of(event.caption), start, end)
        for event in events
        for start, end in event.intervals
    )


def _confidence_scores(pairs: Sequence[Pair], name_of: Callable[[str], str | None]) -> list[Score]:
    """Return ECE and PSDS. For ECE, an interval is right if it has an IoU of at least 0.5 with one of its kind."""
    samples: list[CalibrationSample] = []
    found: list[Detection] = []
    truths: list[Truth] = []
    for row, prediction in pairs:
        named = [(e.label or name_of(e.caption), e.intervals) for e in row.events]
        row_truths = [Truth(row.id, label, span) for label, spans in named if label for span in spans]
        truths += row_truths
        for event, confidences in zip(prediction.events, prediction.confidences, strict=False):
            label = name_of(event.caption) or "no class that is known"  # never right
            for span, confidence in zip(event.intervals, confidences, strict=False):
                ious = [ScoredGrounding((t.span,), (span,)).iou for t in row_truths if t.label == label]
                samples.append(CalibrationSample(confidence, max(ious, default=0.0) >= 0.5))
                found.append(Detection(row.id, label, span, confidence))
    if not samples:
        return []
    error = expected_calibration_error(samples) or 0.0
    duration = sum(row.duration or 0.0 for row, _ in pairs)
    return [
        Score("dense ECE", error, len(samples), note="15 bins; lower is better"),
        Score("dense PSDS", psds(truths, found, duration), len(found), note="DTC and GTC 0.7, no cross triggers"),
    ]


def grounding_scores(pairs: Sequence[Pair]) -> list[Score]:
    """Return the set-IoU scores of present queries, and the accuracy on absent ones."""
    queries = [ScoredGrounding(_spans(row.events), _spans(p.events)) for row, p in pairs]
    present, absent = [q for q in queries if q.is_present], [q for q in queries if not q.is_present]
    scores: list[Score] = []
    if present:
        names = (("R@0.5", "recall_50"), ("R@0.7", "recall_70"), ("R@0.9", "recall_90"), ("mean recall", "mean_recall"),
                 ("mIoU", "miou"))  # fmt: skip
        notes = {"mean recall": "(R@0.5 + R@0.7 + R@0.9) / 3: the paper's 'mIoU'", "mIoU": "mean set IoU"}
        for shown, field in names:
            scores.append(_estimate(f"ground {shown}", present, _recall(field), notes.get(shown, "")))
    if absent:
        scores.append(_estimate("ground absent accuracy", absent, lambda q: score_grounding(q).absent_accuracy or 0.0))
    return scores


def _recall(field: str) -> Callable[[Sequence[ScoredGrounding]], float]:
    return lambda queries: float(getattr(score_grounding(queries), field))


def summary_scores(pairs: Sequence[Pair]) -> list[Score]:
    """Return ROUGE and METEOR of a recording's summaries as one text, and both versions of the timeline mIoU."""
    rouges = [rouge(_text(row.events), _text(p.events)) for row, p in pairs]
    spans = [(_spans(row.events), _spans(p.events)) for row, p in pairs]
    shares = [share_found(_captions(row.events), _captions(p.events)) for row, p in pairs]
    found = [share for share in shares if share is not None]
    return [
        *_meteor("summary METEOR", pairs),
        *([_estimate("summary content words", found, _mean, "of the reference that are found")] if found else []),
        *_invented(pairs),
        _estimate("summary ROUGE-1", [r.one for r in rouges], _mean),
        _estimate("summary ROUGE-L", [r.longest for r in rouges], _mean),
        _estimate("summary mIoU", [segment_iou(a, b) for a, b in spans], _mean, "segments paired one to one"),
        _estimate("summary cover IoU", [cover_iou(a, b) for a, b in spans], _mean, "all time covered"),
    ]


def _invented(pairs: Sequence[Pair]) -> list[Score]:
    """Return the share of sections with no content word that is said, among those with confidence `SURE` or more."""
    invented: list[float] = []
    for row, p in pairs:
        said = content_words([*_captions(row.events), *(word.text for word in row.words)])
        sure = [e.caption for e, each in zip(p.events, p.confidences, strict=False) if max(each, default=0.0) >= SURE]
        invented += [float(not content_words([caption]) & said) for caption in sure]
    return [_estimate("summary invented", invented, _mean, f"confidence of {SURE} or more")] if invented else []


def question_scores(pairs: Sequence[Pair]) -> list[Score]:
    """Return counting accuracy, over questions that ask for a number, and ROUGE-L of all answers."""
    counts = [(count_in(target_text(row)), count_in(p.text)) for row, p in pairs if is_count_question(row.question)]
    right = [float(expected == given) for expected, given in counts if expected is not None]
    scores = [_estimate("ask counting accuracy", right, _mean)] if right else []
    texts = [(to_plain(target_text(row)), to_plain(p.text)) for row, p in pairs]  # compare times as digits
    return [*scores, _estimate("ask ROUGE-L", [rouge(expected, given).longest for expected, given in texts], _mean)]


def _spans(events: Sequence[Annotation]) -> tuple[Span, ...]:
    return tuple(span for event in events for span in event.intervals)


def _captions(events: Sequence[Annotation]) -> list[str]:
    return [event.caption for event in sorted(events, key=lambda event: min(event.intervals))]


def _text(events: Sequence[Annotation]) -> str:
    return " ".join(_captions(events))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _estimate(
    name: str,
    units: Sequence[Any],
    statistic: Callable[[Sequence[Any]], float],
    note: str = "",
    resamples: int = RESAMPLES,
) -> Score:
    found: Estimate = bootstrap(units, statistic, num_resamples=resamples)
    count = total(units).num_reference if isinstance(units[0], Counts) else len(units)
    return Score(name, found.value, count, found.low, found.high, note)


def _meteor(name: str, pairs: Sequence[Pair]) -> list[Score]:
    """Return METEOR of a recording's captions as one text, in order of time; NaN where METEOR cannot run."""
    try:
        with Meteor() as meteor:
            statistics = [meteor.statistics(_text(row.events), _text(p.events)) for row, p in pairs]
            found = bootstrap(statistics, meteor.score, num_resamples=100)
    except MetricUnavailable as error:
        return [Score(name, float("nan"), 0, note=str(error))]
    return [Score(name, found.value, len(pairs), found.low, found.high, "1.5")]
