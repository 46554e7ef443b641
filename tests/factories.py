"""A whole model at the smallest sizes, with random weights: the same classes as the full size."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM, WhisperConfig

from model.config import ModelConfig, PromptConfig, QFormerConfig
from model.encoders.conv import ConvEncoder, ConvEncoderConfig
from model.encoders.whisper import SpeechEncoder
from model.language.markers import add_markers
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from training.tokenizer import train_tokenizer


def small_tokenizer() -> Tokenizer:
    """A byte-level tokenizer of the training words, markers added."""
    return Tokenizer(train_tokenizer(500, PromptConfig()))


def small_llm(num_rows: int, *, seed: int = 0, **changes: object) -> LlamaForCausalLM:
    """A Llama of two layers, with random weights."""
    torch.manual_seed(seed)
    fields: dict[str, object] = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 4, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "initializer_range": 0.2,
    }  # fmt: skip
    return LlamaForCausalLM(LlamaConfig(vocab_size=num_rows, **(fields | changes))).eval()


def small_model(*, seed: int = 0, **changes: object) -> tuple[TimeAudio, Tokenizer]:
    """All parts together, in evaluation mode."""
    tokenizer = small_tokenizer()
    llm = small_llm(len(tokenizer) - 20, seed=seed)
    add_markers(llm, tokenizer)
    fields: dict[str, object] = {
        "name": "small", "tasks": ("dense_caption", "ground"), "sound_encoder": "conv",
        "qformer": QFormerConfig(dim=24, num_layers=2, num_heads=3, feed_forward_dim=48),
    }  # fmt: skip
    torch.manual_seed(seed)
    whisper = WhisperConfig(
        d_model=32, encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=64, decoder_layers=1, num_mel_bins=80
    )
    sound = ConvEncoder(ConvEncoderConfig(channels=(4, 8, 8, 8, 16)))
    model = TimeAudio(ModelConfig(**(fields | changes)), SpeechEncoder(whisper), sound, llm)
    model.marker_ids = tokenizer.marker_ids
    return model.eval(), tokenizer
