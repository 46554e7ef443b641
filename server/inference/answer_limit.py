"""Runs one pass, and notes which of its answers reached their token limit."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from model.timeline.answer_length import answer_tokens
from server.workers.protocol import Engine, EngineRequest, QueryAnswered, Update


async def analyze_pass(engine: Engine, request: EngineRequest, slot_tokens: int) -> AsyncGenerator[Update, None]:
    """Yield the engine's updates, with `QueryAnswered.is_cut`.

    An answer that ends by itself has fewer tokens than the limit: its end token, which is not counted, fits too. The
    limit is that of the request, or the room that the prompt leaves in a slot. A beam search ends earlier if its beams
    fill the slot; that is not noticed here.

    Args:
        engine: runs the pass.
        request: the pass, with its samples.
        slot_tokens: tokens that a slot holds, those of a prompt and its answer.
    """
    most = request.options.max_new_tokens or answer_tokens(request.samples.count)
    async with aclosing(engine.analyze(request)) as updates:
        async for update in updates:
            if isinstance(update, QueryAnswered):
                limit = min(most, slot_tokens - update.num_prompt_tokens)
                yield replace(update, is_cut=update.num_completion_tokens >= limit)
            else:
                yield update
