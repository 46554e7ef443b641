"""The tokenizer of a language model that is trained from nothing: byte-level pieces of the words that occur."""

from pathlib import Path

from tokenizers import Tokenizer as LibraryTokenizer
from tokenizers import decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from model.config import PromptConfig
from training.data import answers, tasks
from training.data.bulletins import SUMMARIES, combinations, written
from training.data.instructions import (
    AT_INSTRUCTIONS,
    COUNT_INSTRUCTIONS,
    DURATION_INSTRUCTIONS,
    ORDER_INSTRUCTIONS,
    SUMMARIZE_INSTRUCTIONS,
)
from training.data.more_words import GROUPS, wording
from training.data.questions import NUMBERS
from training.data.words import (
    DENSE_CAPTION_INSTRUCTIONS,
    GROUND_INSTRUCTIONS,
    PARAPHRASE_INSTRUCTION,
    QUERY_FRAMES,
    WORDS,
)


def tokenizer_of(run: Path, size: int, prompt: PromptConfig) -> PreTrainedTokenizerFast:
    """The run's tokenizer: it stays what it was, even if somebody changes a word while the run stands still."""
    path = run / "tokenizer.json"
    if not path.is_file():
        run.mkdir(parents=True, exist_ok=True)
        train_tokenizer(size, prompt).backend_tokenizer.save(str(path))
    return _fast(LibraryTokenizer.from_file(str(path)))


def _fast(library: LibraryTokenizer) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=library, bos_token="<s>", eos_token="</s>", clean_up_tokenization_spaces=False
    )


def train_tokenizer(size: int, prompt: PromptConfig) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of the words that occur, each digit a piece; any other text falls back to bytes."""
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
    library.train_from_iterator(_corpus(prompt), trainer)
    return _fast(library)


def _corpus(prompt: PromptConfig) -> list[str]:
    texts = [
        prompt.before_audio,
        prompt.after_audio.format(question=""),
        "0 1 2 3 4 5 6 7 8 9 0.1 - 2.3, 4.5 seconds, A",
    ]
    texts += [*DENSE_CAPTION_INSTRUCTIONS, PARAPHRASE_INSTRUCTION, *[answers.NOTHING_HEARD, answers.ABSENT] * 50]
    for kind in (*tasks.NAMED, *GROUPS):
        words, is_common = wording(kind), kind in WORDS
        # As they stand in an answer (after a space), and as they stand in a question (quoted, either case).
        texts += [" " + c for c in words.captions] * (2 if is_common else 8)
        texts += [
            g.format(query=q)
            for g in GROUND_INSTRUCTIONS[: None if is_common else 2]
            for phrase in (*words.queries, *QUERY_FRAMES, *(c.rstrip(".") for c in words.captions))
            for q in (phrase.lower(), phrase[0].upper() + phrase[1:])
        ]
        texts += [
            asked.format(query=words.queries[1], other=words.queries[1])
            for asked in (*COUNT_INSTRUCTIONS, *DURATION_INSTRUCTIONS, *ORDER_INSTRUCTIONS)
        ]
    texts += [i.format(time=1) for i in AT_INSTRUCTIONS] * 10 + [*SUMMARIZE_INSTRUCTIONS] * 10
    texts += [f"seconds: {number} times. about 1 seconds in total." for number in NUMBERS] * 10
    texts += [f" {written(SUMMARIES[0], **facts)}" for facts in combinations(held_out=False)[::8]]
    return [*texts, *["The given query happens in 0.0 - 1.0 seconds."] * 50]
