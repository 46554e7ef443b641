"""A complete model of minimal size with random weights, from the same classes as the full size."""

from pathlib import Path

import torch
from tokenizers import Tokenizer as LibraryTokenizer
from tokenizers import decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    WhisperConfig,
)

from model.config import ModelConfig, QFormerConfig
from model.encoders.conv import ConvEncoder, ConvEncoderConfig
from model.encoders.whisper import SpeechEncoder
from model.language.markers import marker_rows
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from model.word_map import WordMap

SENTENCES = (
    "USER: <Speech></Speech> Which sounds are heard in the recording, and when does each of them begin and end?",
    "\nASSISTANT: 0.1 - 2.3, 4.5 - 6.7 seconds, A dog is barking. 8.9 - 10.0 seconds, A rooster crows in the morning.",
    "At which times does the audio contain 'a dog barking'? Tell me when 'someone sneezing' can be heard.",
    "The given query happens in 0.0 - 1.0 seconds.",
    "The given query does not occur in the audio.",
    "No sound events are heard. No speech is heard.",
    "Can you provide the speech summary with key points at specific time intervals?",
    "0.0 - 4.4, The mayor opened a new bridge. 4.4 - 8.5, A storm broke the crane in the harbour.",
    "How many times does the bell ring, how long does the rain last in total, and what happens at 3 seconds?",
    "First a clock at 1.0, then heavy wind at 2.0 seconds: two times, about 4 seconds in total.",
    "People are talking while music plays softly, water runs into a glass, and an engine starts far away.",
    "Somebody laughs, a child cries, footsteps come closer, a door closes, keys fall on the floor.",
)


def library_tokenizer(size: int) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer with this many pieces. Each digit is one piece; other text falls back to bytes."""
    library = LibraryTokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    library.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library.train_from_iterator(SENTENCES, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=library, bos_token="<s>", eos_token="</s>", clean_up_tokenization_spaces=False
    )


def small_tokenizer() -> Tokenizer:
    """Return a byte-level tokenizer of 500 pieces plus the markers."""
    return Tokenizer(library_tokenizer(500))


def small_llm(num_rows: int, *, seed: int = 0, **changes: object) -> LlamaForCausalLM:
    """Return a Llama of two layers with random weights."""
    torch.manual_seed(seed)
    fields: dict[str, object] = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 4, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "initializer_range": 0.2,
    }  # fmt: skip
    return LlamaForCausalLM(LlamaConfig(vocab_size=num_rows, **(fields | changes))).eval()


@torch.no_grad()
def add_markers(llm: PreTrainedModel, tokenizer: Tokenizer) -> None:
    """Add the markers' rows to the embedding and the head, which may be one matrix."""
    llm.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    matrices = [llm.get_input_embeddings().weight, llm.get_output_embeddings().weight]
    for weight in {id(matrix): matrix for matrix in matrices}.values():
        weight[list(tokenizer.marker_ids)] = marker_rows(weight, tokenizer)


def small_model(*, seed: int = 0, **changes: object) -> tuple[TimeAudio, Tokenizer]:
    """Return the model in evaluation mode, and its tokenizer."""
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


def identity_map(dim: int = 32) -> WordMap:
    """Return a word map for `small_model` that changes nothing."""
    return WordMap(torch.eye(dim), torch.zeros(dim), torch.zeros(dim))


def save_language_model(folder: Path, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """Save a random language model and its tokenizer in the library's layout, in several shards."""
    torch.manual_seed(3)
    llm: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    llm.save_pretrained(folder, max_shard_size="80KB")
    tokenizer.save_pretrained(folder)
    return llm
