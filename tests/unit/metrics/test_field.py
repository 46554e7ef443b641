"""Compare our metrics with the usual packages, if they are installed (they need an old pandas and setuptools).

In a separate environment: `pip install -e '.[field]' pytest`, then `pytest tests/unit/metrics/test_field.py`.
"""

import random

import pytest

from training.metrics.detection import Detection, Truth, psds
from training.metrics.events import ScoredScene, Sound, clip_macro_f1, event_counts, segment_counts, total

KINDS = ["dog", "rain", "siren"]


def random_scenes(count=60, seed=5):
    """Return scenes of 10 s with mostly correct answers. Equal kinds do not overlap, as sed_eval requires."""
    chance = random.Random(seed)
    scenes = []
    for _ in range(count):
        reference, predicted = [], []
        for kind in KINDS:
            at = 0
            while (at := at + chance.randrange(3, 30)) < 80:
                end = min(100, at + chance.randrange(4, 30))
                reference.append(Sound(kind, at / 10, end / 10))
                if chance.random() < 0.8:
                    # Not in tenths: differences exactly at the collar are lost to float rounding in sed_eval.
                    start = max(0.0, at + chance.uniform(-3, 3))
                    stop = min(100.0, max(start + 1, end + chance.uniform(-4, 4)))
                    predicted.append(Sound(chance.choice([kind, kind, kind, "rain"]), start / 10, stop / 10))
                at = end + 5
        scenes.append(ScoredScene(tuple(reference), tuple(predicted)))
    return scenes


def listed(sounds, name):
    return [{"filename": name, "event_label": s.kind, "onset": s.start_s, "offset": s.end_s} for s in sounds]


@pytest.mark.filterwarnings("ignore")
def test_event_and_segment_f1_equal_those_of_sed_eval():
    sed_eval = pytest.importorskip("sed_eval")
    scenes = random_scenes()
    events = sed_eval.sound_event.EventBasedMetrics(
        KINDS, t_collar=0.2, percentage_of_length=0.2, event_matching_type="optimal"
    )
    segments = sed_eval.sound_event.SegmentBasedMetrics(KINDS, time_resolution=1.0)
    for n, scene in enumerate(scenes):
        theirs = [listed(sounds, str(n)) for sounds in (scene.reference, scene.predicted)]
        events.evaluate(*theirs)
        segments.evaluate(*theirs, evaluated_length_seconds=10.0)
    expected = [m.results_overall_metrics()["f_measure"]["f_measure"] for m in (events, segments)]
    found = [total(map(count, scenes)).f1 for count in (event_counts, segment_counts)]
    assert 0.2 < found[0] < 0.9
    assert found == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore")
def test_clip_level_macro_f1_equals_that_of_sed_eval():
    sed_eval = pytest.importorskip("sed_eval")
    scenes = random_scenes(seed=8)
    tags = sed_eval.audio_tag.AudioTaggingMetrics(KINDS)
    for n, scene in enumerate(scenes):
        both = (
            [{"filename": str(n), "tags": sorted({s.kind for s in sounds})}]
            for sounds in (scene.reference, scene.predicted)
        )
        tags.evaluate(*both)
    expected = tags.results_class_wise_average_metrics()["f_measure"]["f_measure"]
    assert clip_macro_f1(scenes, KINDS) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore")
def test_psds_equals_that_of_sed_scores_eval():
    evaluation = pytest.importorskip("sed_scores_eval")
    import numpy as np
    from sed_scores_eval.base_modules.scores import create_score_dataframe

    chance = random.Random(3)
    truths, found, references, scores = [], [], {}, {}
    for n in range(40):
        name = f"r{n}"
        references[name], edges, tracks = [], {0.0, 10.0}, []
        for kind in KINDS[:2]:
            start = chance.randrange(0, 60) / 10
            end = start + chance.randrange(5, 40) / 10
            truths.append(Truth(name, kind, (start, end)))
            references[name].append((start, end, kind))
            if chance.random() < 0.85:
                a = max(0.0, start + chance.randrange(-8, 9) / 10)
                b = min(10.0, max(a + 0.2, end + chance.randrange(-8, 9) / 10))
                confidence = chance.randrange(5, 100) / 100
                found.append(Detection(name, kind, (a, b), confidence))
                tracks.append((kind, a, b, confidence))
                edges |= {a, b}
        times = sorted(edges)
        table = np.zeros((len(times) - 1, 2))
        for kind, a, b, confidence in tracks:
            for k, (s, e) in enumerate(zip(times, times[1:], strict=False)):
                if a <= s and e <= b:
                    table[k, KINDS.index(kind)] = confidence
        scores[name] = create_score_dataframe(table, np.array(times), KINDS[:2])
    expected, *_ = evaluation.intersection_based.psds(
        scores=scores, ground_truth=references, audio_durations=dict.fromkeys(references, 10.0),
        dtc_threshold=0.7, gtc_threshold=0.7, cttc_threshold=None, alpha_ct=0.0, alpha_st=1.0, max_efpr=100.0,
        unit_of_time="hour",
    )  # fmt: skip
    assert 0.05 < expected < 0.95
    assert psds(truths, found, 400.0) == pytest.approx(expected, abs=1e-6)
