"""The words around the audio tokens, and all of it as embeddings."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.config import PromptConfig
from model.errors import EmptyPrompt
from model.language.tokenizer import Tokenizer
from model.timeline.task import Task

QUESTIONS: dict[Task, str] = {
    "dense_caption": "Which sound events occur, and what are their time intervals and descriptions?",
    "ground": "What are the start and end times of audio matching '{query}'?",
    "summarize": "Can you provide the speech summary with key points at specific time intervals?",
    "ask": "{question}",
}
"""What the server asks for each task. Source: paper, Table 6."""


def question_of(task: Task, query: str = "") -> str:
    """The question that a task asks, about `query` where it takes one.

    Raises:
        EmptyPrompt: the query holds no words.
    """
    words = " ".join(query.split()).rstrip(".")
    if task in ("ground", "ask") and not words:
        raise EmptyPrompt("Say in words what to look for, for example 'a dog barking'.")
    return QUESTIONS[task].format(query=words, question=query)


def prompt_ids(tokenizer: Tokenizer, config: PromptConfig, question: str) -> tuple[list[int], list[int]]:
    """Ids before and after the audio tokens: BOS and `USER: <Speech>`, then `</Speech> QUESTION` and `ASSISTANT:`."""
    before = ([tokenizer.bos_id] if tokenizer.bos_id is not None else []) + tokenizer.encode(config.before_audio)
    return before, tokenizer.encode(config.after_audio.format(question=question))


def splice(
    embedding: nn.Module, before: list[int], audio_tokens: Float[Tensor, "tokens dim"], after: list[int]
) -> Float[Tensor, "length dim"]:
    """The prompt as embeddings, the audio tokens in their place."""
    device = audio_tokens.device
    left, right = (embedding(torch.tensor(ids, device=device)) for ids in (before, after))
    return torch.cat([left, audio_tokens.to(left.dtype), right])
