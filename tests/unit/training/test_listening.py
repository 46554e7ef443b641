"""What is said in each frame, that an encoder can learn it without unlearning sounds, and facts read from tokens."""

import numpy as np
import pytest
import torch

from model.connector.qformer import Attended, Attention
from model.encoders.conv import ConvEncoder, ConvEncoderConfig
from training.config import DataConfig, ListeningConfig, OptimConfig
from training.data.bank import spoken_bank
from training.data.bulletins import FACT_NAMES
from training.data.composer import PlacedEvent, Pool, SceneConfig
from training.data.sentences import FILLER, HEADLINE, NUM_SAID, SILENCE, draw_sentences
from training.data.speaking import voices_for
from training.data.timelines import WINDOW_SAMPLES, Timeline
from training.fact_reader import SIZES, FactReader, attention_of, not_fetched
from training.listening import ListeningTrainer

RATE = 16_000


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    folder, voices = tmp_path_factory.mktemp("bank"), voices_for(held_out=False, engine="tones")
    return spoken_bank(folder, headlines=60, fillers_per_voice=8, held_out=False, seed=1, voices=voices)


@pytest.mark.parametrize("speed", [1.0, 0.8, 1.25])
def test_frames_say_what_is_heard_in_them(bank, speed):
    found = set()
    for seed in range(12):
        samples, said = draw_sentences(bank, np.random.default_rng(seed), 6.0, (speed, speed))
        assert samples.shape == (6 * RATE,)
        assert samples.dtype == np.float32
        assert said.shape == (300,)
        loud = np.abs(samples.reshape(300, 320)).max(axis=1)
        # A resampler rings, and an edge is rounded to a frame: inside of a pause there is nothing.
        inside = np.convolve(said == SILENCE, [1, 1, 1], "same") == 3
        assert loud[inside].max(initial=0) < 1e-2
        found |= {*said.tolist()}
        # A fact is told of one sentence: it stands in a headline, and takes as long as its letters do.
        for fact in {*said.tolist()} - {HEADLINE, FILLER, SILENCE}:
            value = FACT_NAMES[fact].partition(":")[2]
            longest = max(np.diff(np.flatnonzero(np.diff(np.concatenate([[0], said == fact, [0]]))))[::2])
            assert longest <= 50 * 0.06 * len(value) / speed + 25
    assert {HEADLINE, FILLER, SILENCE} < found
    assert len(found) > 20


def test_a_fact_is_said_where_its_span_is(bank):
    for seed in range(30):
        samples, said = draw_sentences(bank, np.random.default_rng(seed), 12.0, (1.0, 1.0))
        for voice in bank.headlines.values():
            for sentence in voice:
                heard = bank.heard(sentence)
                at = np.flatnonzero(samples[: len(samples) - len(heard)] == heard[200])
                for place in at - 200:
                    if place >= 0 and np.array_equal(samples[place : place + len(heard)], heard):
                        for key, (start, end) in sentence.spans.items():
                            middle = (place + (start + end) // 2) // 320
                            assert FACT_NAMES[said[middle]] == f"{key}:{sentence.facts[key]}"
                        return
    pytest.fail("no headline was said whole")


def test_an_encoder_learns_what_is_said_and_keeps_what_it_said_of_scenes(bank):
    torch.manual_seed(0)
    noise = [np.random.default_rng(k).standard_normal(RATE).astype(np.float32) * 0.1 for k in range(2)]
    pool = Pool({"dog": noise}, {})
    sound = ConvEncoder(ConvEncoderConfig(channels=(4, 8, 8, 16), dilations=(1, 2, 4), dropout=0.0)).eval()
    optim = OptimConfig(steps=40, batch_size=6)
    config = ListeningConfig(seconds=3.0, scenes=2, optim=optim)
    trainer = ListeningTrainer(config, DataConfig(scene=SceneConfig(seconds=3.0, max_events=1)), pool, bank, sound)
    optimizer = torch.optim.AdamW([*sound.parameters(), *trainer.head.parameters()], lr=3e-3)
    losses = []
    for step in range(optim.steps):
        loss = trainer.losses(step)
        optimizer.zero_grad()
        loss["loss"].backward()
        optimizer.step()
        losses.append({name: value.item() for name, value in loss.items()})
    assert losses[0]["held"] == 0.0
    assert 0 < losses[-1]["held"] < 0.3
    assert losses[0]["told"] > 0.8 * np.log(NUM_SAID)
    assert np.mean([row["told"] for row in losses[-5:]]) < 0.8 * losses[0]["told"]
    torch.manual_seed(7)
    one = trainer.losses(3)
    torch.manual_seed(7)
    assert trainer.losses(3)["told"] == one["told"], "a function of the step"


def test_facts_are_read_where_they_are_told_and_where_their_section_begins():
    told = np.zeros((4, 10 + sum(SIZES)), dtype=np.float32)
    offsets = np.cumsum([0, *SIZES])
    facts = [int(place) + value for place, value in zip(offsets, (3, 5, 7), strict=False)]
    told[1, [10 + fact for fact in facts]] = 1
    timeline = Timeline(told, np.zeros(4, dtype=bool))
    # The first lies in the middles of windows 1 and 2, the second in no middle, the third in that of window 3.
    events = [
        PlacedEvent(FACT_NAMES[facts[0]], WINDOW_SAMPLES, 3 * WINDOW_SAMPLES),
        PlacedEvent(FACT_NAMES[facts[1]], 3 * WINDOW_SAMPLES, 3 * WINDOW_SAMPLES + 2000),
        PlacedEvent(FACT_NAMES[facts[2]], 3 * WINDOW_SAMPLES + 2000, 4 * WINDOW_SAMPLES),
        PlacedEvent("man_speaking", 0, 4 * WINDOW_SAMPLES),
    ]
    reader = FactReader(4)
    tokens = torch.eye(4)[None]
    attended = Attended(torch.zeros(1, 4), torch.zeros(1, 4, 2))

    def loss(told_of=timeline, events=events):
        with torch.no_grad():
            segments = [(tokens[:, :2], attended), (tokens[:, 2:], attended)]
            return 1.5 * reader.loss(segments, [told_of], [events], []).item()

    for linear in (reader.of_section, reader.here):
        torch.nn.init.zeros_(linear.weight)
        torch.nn.init.zeros_(linear.bias)
    of_section, here = np.mean(np.log(SIZES)), np.log(sum(SIZES))
    assert loss() == pytest.approx((of_section + here) / 2, rel=1e-5)
    with torch.no_grad():
        reader.of_section.weight[facts, 1] = 20.0
        assert loss() == pytest.approx(here / 2, rel=1e-3)
        reader.here.weight[facts[0], 1:3] = 20.0
        reader.here.weight[facts[2], 3] = 20.0
    assert loss() < 1e-3
    nothing = Timeline(np.zeros_like(told), timeline.landmarks)
    assert loss(nothing, ()) > 0.1, "it says facts where no section begins"
    with torch.no_grad():
        reader.of_section.weight.copy_(torch.full_like(reader.of_section.weight, 20.0))
    assert loss(nothing, ()) == 0.0, "what is as likely as all else is not said"


def test_a_projection_says_the_facts_that_are_read_in_their_words_directions():
    torch.manual_seed(0)
    reader, projection = FactReader(4), torch.nn.Linear(4, 60)
    words = torch.eye(len(FACT_NAMES), 60)
    telling, tokens = FACT_NAMES.index("did:found a silver coin"), torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0]])
    with torch.no_grad():
        torch.nn.init.ones_(reader.of_section.weight)
        torch.nn.init.ones_(reader.of_section.bias)
        reader.of_section.weight[telling, 1] += 24.0
        before = projection(tokens)
        reader.join(projection, words)
        added = projection(tokens) - before
    assert torch.allclose(added[0], torch.zeros(60), atol=1e-5), "nothing is told"
    assert added[1, telling].item() == pytest.approx(23.0, rel=1e-4)
    others = [place for place, name in enumerate(FACT_NAMES) if name.startswith("did:") and place != telling]
    assert torch.allclose(added[1, others], torch.tensor(-1.0), atol=1e-4)
    elsewhere = [place for place in range(60) if place != telling and place not in others]
    assert torch.allclose(added[1, elsewhere], torch.tensor(0.0), atol=1e-5)


def test_a_head_each_is_shown_where_who_did_and_where_are_told():
    window = WINDOW_SAMPLES
    events = [
        PlacedEvent("section", window, 9 * window),
        PlacedEvent(FACT_NAMES[0], 2 * window, 4 * window),  # who
        PlacedEvent(FACT_NAMES[20], 5 * window, 6 * window),  # did: the first window of the second segment
        PlacedEvent(FACT_NAMES[50], 6 * window, 7 * window),  # where
        PlacedEvent(FACT_NAMES[1], 9 * window, 10 * window),  # of no section
    ]
    first, second = torch.full((1, 6, 5, 5), 1e-9), torch.full((1, 6, 5, 5), 1e-9)
    first[0, 1, 1, 2:4] = 0.25  # from the section's first window, the head for who, to both windows
    second[0, 3, 0, 0] = 0.2  # what began before begins with the segment
    second[0, 5, 0, 1] = 0.1
    wanted = -np.mean(np.log([0.5, 0.2, 0.1]))
    assert not_fetched([first, second], [events]).item() == pytest.approx(wanted, rel=1e-5)
    assert not_fetched([first.flip(1), second], [events]).item() > wanted + 2
    assert not_fetched([first, second], [[]]).item() == 0.0


def test_what_attends_is_watched_only_while_it_is_asked_for():
    attention = Attention(8, 2, 8)
    tokens = torch.randn(1, 3, 8)
    with attention_of(attention) as matrices:
        attention(tokens, tokens)
    attention(tokens, tokens)
    (matrix,) = matrices
    assert matrix.shape == (1, 2, 3, 3)
    assert torch.allclose(matrix.sum(dim=-1), torch.ones(1, 2, 3))
