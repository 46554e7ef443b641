"""Word times from a Whisper checkpoint: a tiny one with random weights, in the Hugging Face layout."""

import json

import numpy as np
import pytest
import torch
from tokenizers import AddedToken
from transformers import WhisperConfig, WhisperForConditionalGeneration

from tests.factories import library_tokenizer
from tests.small_recordings import noise
from training.data.recordings import DataError
from training.data.speech_reader import MOST_TOKENS, SpeechReader

SPECIAL = ("<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>")
TEXT = "The mayor opened a new one-eyed bridge -- twice."
WORDS = ["the", "mayor", "opened", "a", "new", "one", "eyed", "bridge", "twice"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whisper")
    tokenizer = library_tokenizer(400).backend_tokenizer
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    end = tokenizer.token_to_id(SPECIAL[0])
    config = WhisperConfig(
        vocab_size=tokenizer.get_vocab_size(), d_model=32, encoder_layers=1, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, pad_token_id=end,
        bos_token_id=end, eos_token_id=end, decoder_start_token_id=end + 1, suppress_tokens=None,
        begin_suppress_tokens=None, init_std=0.3,
    )  # fmt: skip
    WhisperForConditionalGeneration(config).save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def speech():
    """Return 4 s, with sound from 1 to 3 s."""
    samples = np.zeros(4 * 16_000, dtype=np.float32)
    samples[16_000:48_000] = noise(2.0, seed=0)
    return samples


def test_every_word_of_a_known_text_gets_its_time_in_order(checkpoint, speech):
    words = SpeechReader(checkpoint).read(speech, TEXT)
    assert [w.text for w in words] == [w for w in WORDS if w in {x.text for x in words}], "in order"
    assert all(0.9 <= w.start < w.end <= 3.1 for w in words), "within the sound"
    assert all(a.end <= b.start + 1e-9 for a, b in zip(words, words[1:], strict=False))
    assert SpeechReader(checkpoint).read(speech, TEXT) == words
    assert [w.text for w in SpeechReader(checkpoint).read(noise(4.0, seed=0), TEXT)] == WORDS, "sound everywhere"
    assert SpeechReader(checkpoint).read(speech, " -- ... ") == []
    assert SpeechReader(checkpoint).read(speech[:1600], TEXT * 3) == [], "too much text for a tenth of a second"


def test_a_recording_without_a_text_is_written_down(checkpoint, speech):
    reader = SpeechReader(checkpoint)
    text = reader._transcribe(reader._encoded(speech, 480_000))
    assert isinstance(text, str)
    assert len(text) <= MOST_TOKENS * 20
    assert not any(special in text for special in SPECIAL)
    assert [w.text for w in reader.read(speech)] == [w.text for w in reader.read(speech, text)]


def test_the_heads_of_the_checkpoint_are_used_where_it_names_them(checkpoint, tmp_path):
    assert SpeechReader(checkpoint)._heads == [(1, 0), (1, 1)], "else those of the later half"
    for path in checkpoint.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    settings = json.loads((tmp_path / "generation_config.json").read_text())
    (tmp_path / "generation_config.json").write_text(json.dumps(settings | {"alignment_heads": [[0, 1]]}))
    assert SpeechReader(tmp_path)._heads == [(0, 1)]


def test_what_is_no_whisper_checkpoint_is_refused(tmp_path, checkpoint, speech):
    with pytest.raises(DataError, match=r"lacks config.json and tokenizer.json: name a whole Whisper checkpoint"):
        SpeechReader(tmp_path)
    with pytest.raises(ValueError, match=r"31.0 s is more than the 30 s"):
        SpeechReader(checkpoint).read(np.zeros(31 * 16_000, dtype=np.float32))
