"""A model of the paper's size with random weights: its answers are meaningless, but its speed is realistic."""

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, WhisperConfig

from model.config import ModelConfig
from model.encoders.beats import BEATs, BEATsConfig
from model.encoders.whisper import SpeechEncoder
from model.timeaudio import TimeAudio

WHISPER_LARGE = {
    "d_model": 1280, "encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120, "num_mel_bins": 80,
    "decoder_layers": 1,
}  # fmt: skip
LLAMA_7B = {
    "vocab_size": 32_021, "hidden_size": 4096, "intermediate_size": 11_008, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 4096,
}  # fmt: skip


def full_size(device: str) -> TimeAudio:
    """Build Whisper large, BEATs and a 7-billion-parameter Llama in bfloat16 directly on the device: 16 GB."""
    config = ModelConfig(name="full-size-random", tasks=("dense_caption",), pad_segments=True)
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")  # as `Pipeline.load` does
    with torch.device(device):
        llm = AutoModelForCausalLM.from_config(LlamaConfig(**LLAMA_7B), dtype=torch.bfloat16)
        model = TimeAudio(config, SpeechEncoder(WhisperConfig(**WHISPER_LARGE)), BEATs(BEATsConfig()), llm)
    return model.to(device).eval().requires_grad_(False)
