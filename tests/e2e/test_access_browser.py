"""A browser asks for the API key as a password."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from server.auth.keys import digest
from tests.e2e.page.conftest import browser

__all__ = ["browser"]  # a fixture


def test_a_browser_sends_the_key_as_a_password(
    run_scripted: Callable[..., AbstractContextManager[Any]], browser: Browser, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[archive]\nsha256 = ["{digest("archive-key")}"]\n')
    with (
        run_scripted(TIMEAUDIO_ACCESS__KEYS_FILE=str(keys)) as server,
        browser.new_context(http_credentials={"username": "any", "password": "archive-key"}) as context,
    ):
        response = context.new_page().goto(f"{server.url}/docs")
        assert response is not None
        assert response.status == 200
