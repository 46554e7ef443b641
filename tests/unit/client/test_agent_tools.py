"""What callers of the tools may read: addresses and folders."""

import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import httpx
import pytest

from server.settings import Limits
from timeaudio.agent_tools import download
from timeaudio.agent_tools.download import AddressRefused, checked_prefix, downloaded, is_allowed
from timeaudio.agent_tools.folders import PathRefused, folders_of, inside

PREFIXES = [checked_prefix("https://media.example.org/sounds/"), checked_prefix("http://127.0.0.1:8080")]


def test_addresses_below_a_prefix_are_allowed() -> None:
    addresses = [
        "https://media.example.org/sounds/a.flac",
        "https://media.example.org:443/sounds/a.flac?token=../x",
        "https://MEDIA.example.org/sounds/b/a%20b.flac",
        "https://media.example.org/%73ounds/a.flac",
        "http://127.0.0.1:8080/anything",
        "http://127.0.0.1:8080",
    ]
    assert [address for address in addresses if not is_allowed(httpx.URL(address), PREFIXES)] == []


def test_all_other_addresses_are_refused() -> None:
    addresses = [
        "http://media.example.org/sounds/a.flac",
        "https://media.example.org/soundsx/a.flac",
        "https://media.example.org/",
        "https://media.example.org:444/sounds/a.flac",
        "https://media.example.org.evil.example/sounds/a.flac",
        "https://media.example.org@evil.example/sounds/a.flac",
        "https://user@media.example.org/sounds/a.flac",
        "https://media.example.org/sounds/../private/a.flac",
        "https://media.example.org/sounds/%2e%2e/private/a.flac",
        "https://media.example.org/sounds/..%2fprivate/a.flac",
        "https://media.example.org/sounds/..%5cprivate/a.flac",
        "file:///sounds/a.flac",
        "http://127.0.0.1:80801/",
    ]
    assert [address for address in addresses if is_allowed(httpx.URL(address), PREFIXES)] == []


def test_what_is_no_prefix() -> None:
    for text in (
        "media.example.org",
        "ftp://x/",
        "https://",
        "https://x/?a=b",
        "https://x/#a",
        "https://u@x/",
        "https://x:0/",
        "https://x:65536/",
        "https://[::1",
    ):
        with pytest.raises(ValueError, match="not a"):
            checked_prefix(text)


def test_a_file_is_fetched_up_to_the_size_that_a_server_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Limits().upload_bytes == download.MAX_BYTES
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # would get the token, so it is not used for this computer
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setattr(download, "MAX_BYTES", 2**20)

    class Site(SimpleHTTPRequestHandler):
        def __init__(self, *words: object) -> None:
            super().__init__(*words, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    async def fetched(name: str) -> int:
        async with downloaded(f"{site}/{name}", [checked_prefix(site)]) as file:
            return file.stat().st_size

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{server.server_port}"
        for size in (2**20 - 1, 2**20):
            (tmp_path / "fits.wav").write_bytes(bytes(size))
            assert anyio.run(fetched, "fits.wav") == size
        (tmp_path / "large.wav").write_bytes(bytes(2**20 + 1))
        with pytest.raises(AddressRefused, match="is larger than 1 MiB"):
            anyio.run(fetched, "large.wav")
        server.shutdown()


def test_folders_are_the_file_uris_of_this_machine() -> None:
    uris = ["file:///a%20b/c", "file://localhost/d", "file://elsewhere/e", "https://x/f"]
    assert folders_of(uris) == [Path("/a b/c"), Path("/d")]


def test_a_name_is_looked_up_in_each_folder(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    (second / "x.wav").write_bytes(b"x")
    assert inside("x.wav", [first, second]) == second / "x.wav"
    assert inside("x.wav", [second]) == second / "x.wav"
    with pytest.raises(PathRefused, match="not a file"):
        inside("x.wav", [first])


def test_a_folder_that_is_itself_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.wav").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert inside(str(tmp_path / "link" / "x.wav"), [tmp_path / "link"]) == tmp_path / "real" / "x.wav"


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.wav").symlink_to(tmp_path / "y.wav")
    (tmp_path / "y.wav").symlink_to(tmp_path / "x.wav")
    with pytest.raises(PathRefused):
        inside("x.wav", [tmp_path])
