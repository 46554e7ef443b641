"""Builds the prompt: the text around the audio tokens, as ids and as embeddings."""

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
"""The question that the server asks for each task. Source: paper, Table 6."""


def question_of(task: Task, query: str = "") -> str:
    """Return the question of a task, with `query` filled in if the task takes one.

    Raises:
        EmptyPrompt: the task takes a query, and the query has no words.
    """
    words = " ".join(query.split()).rstrip(".")
    if task in ("ground", "ask") and not words:
        raise EmptyPrompt("Say in words what to look for, for example 'a dog barking'.")
    return QUESTIONS[task].format(query=words, question=query)


def query_of(question: str) -> str:
    """Return the query of a question that `question_of` wrote for the task `ground`, or the question itself."""
    before, after = QUESTIONS["ground"].split("{query}")
    return question.removeprefix(before).removesuffix(after) if question.startswith(before) else question


def prompt_ids(tokenizer: Tokenizer, config: PromptConfig, question: str) -> tuple[list[int], list[int]]:
    """Return the ids before (BOS, `USER: <Speech>`) and after (`</Speech> QUESTION`, `ASSISTANT:`) the audio tokens."""
    before = ([tokenizer.bos_id] if tokenizer.bos_id is not None else []) + tokenizer.encode(config.before_audio)
    return before, tokenizer.encode(config.after_audio.format(question=question))


def splice(
    embedding: nn.Module, before: list[int], audio_tokens: Float[Tensor, "tokens dim"], after: list[int]
) -> Float[Tensor, "length dim"]:
    """Return the prompt as embeddings, with the audio tokens in the middle."""
    device = audio_tokens.device
    left, right = (embedding(torch.tensor(ids, device=device)) for ids in (before, after))
    return torch.cat([left, audio_tokens.to(left.dtype), right])
