"""A stream ends, and its work with it, if the client does not read."""

import asyncio

from starlette.types import Message

from server.rest.streaming_response import StreamingAnswer


def test_the_work_stops_if_nothing_is_read() -> None:
    async def run() -> None:
        messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        messages.put_nowait(b"data: {}\n\n")
        working = asyncio.create_task(asyncio.Event().wait())
        never = asyncio.Event()

        async def receive() -> Message:
            await never.wait()
            raise AssertionError

        async def send(message: Message) -> None:
            if message["type"] == "http.response.body":
                await never.wait()

        answer = StreamingAnswer(messages, working, ping_s=10.0, idle_s=0.05)  # type: ignore[arg-type]
        await asyncio.wait_for(answer({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send), 5)
        assert working.cancelled()

    asyncio.run(run())
