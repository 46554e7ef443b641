"""How the server sends the files of the page. These tests need no browser."""

import gzip
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.playground.assets import MEDIA_TYPES

ROOT = Path(__file__).parents[3]
SITE = ROOT / "server" / "playground" / "site"
FILES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*") if path.is_file())

ANSWER = (
    '{"task": "dense_caption", "name": "x", "answer": {"id": "x", "model": "m", "audio": {"duration": 1.0, '
    '"start": 0.0}, "usage": {"audio_seconds": 1.0, "audio_tokens": 1, "prompt_tokens": 1, "completion_tokens": 1}, '
    '"timing": {"decode_s": 0.0, "queue_s": 0.0, "encode_s": 0.0, "generate_s": 0.0, "total_s": 0.0}, '
    '"events": [{"intervals": [INTERVAL], "caption": "A dog barks."}]}}'
)


@pytest.fixture(scope="module")
def client(server: Any) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def test_every_file_is_served_and_revalidated_by_its_etag(client: httpx.Client) -> None:
    for path in FILES:
        response = client.get(f"/page/{path}")
        assert response.content == (SITE / path).read_bytes(), path
        assert response.headers["content-type"] == MEDIA_TYPES[Path(path).suffix]
        assert response.headers["cache-control"] == "no-cache"
        again = client.get(f"/page/{path}", headers={"If-None-Match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == response.headers["etag"]


def test_a_changed_file_has_another_etag(client: httpx.Client) -> None:
    tags = [client.get(f"/page/{path}").headers["etag"] for path in FILES]
    assert len(set(tags)) == len(FILES)
    assert client.get(f"/page/{FILES[0]}", headers={"If-None-Match": tags[1]}).status_code == 200


def test_text_is_compressed_if_the_client_accepts_it(client: httpx.Client) -> None:
    path = "vendor/wavesurfer/wavesurfer.js"
    with client.stream("GET", f"/page/{path}", headers={"Accept-Encoding": "gzip"}) as response:
        raw = b"".join(response.iter_raw())
    assert response.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in response.headers["vary"].lower()
    assert len(raw) < 20_000
    assert gzip.decompress(raw) == (SITE / path).read_bytes()
    for others in ("identity", "gzip;q=0", "gzip; q=0.0, *", "br"):
        assert "content-encoding" not in client.get(f"/page/{path}", headers={"Accept-Encoding": others}).headers
    for accepted in ("br, gzip;q=0.5", "GZIP", "*", "gzip;q=1, *;q=0"):
        headers = client.get(f"/page/{path}", headers={"Accept-Encoding": accepted}).headers
        assert headers["content-encoding"] == "gzip", accepted


def test_the_page_allows_only_its_own_scripts_and_styles(client: httpx.Client) -> None:
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    page = (SITE / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|style=|\son\w+=|<script>|https?://", page)


def test_head_returns_only_headers(client: httpx.Client) -> None:
    for path in ("/", "/page/about.json"):
        response = client.head(path)
        assert response.status_code == 200
        assert response.content == b""
        assert response.headers.get("etag") == client.get(path).headers.get("etag")


@pytest.mark.parametrize("path", ["nothing.js", "../routes.py", "..%2Froutes.py", "%2Fetc%2Fpasswd", "js", ""])
def test_files_outside_the_site_are_not_served(client: httpx.Client, path: str) -> None:
    assert client.get(f"/page/{path}").status_code == 404


def test_an_unknown_clip_is_not_found(client: httpx.Client) -> None:
    assert client.get("/page/clips/../routes.py").status_code == 404
    assert client.get("/page/clips/nothing.flac").status_code == 404
    assert client.get("/page/clips/ATTRIBUTION.md").status_code == 404


def test_the_clips_are_served_and_attributed(client: httpx.Client) -> None:
    folders = [ROOT / "server" / "playground" / "clips", ROOT / "server" / "recordings"]
    named = "".join((folder / "ATTRIBUTION.md").read_text(encoding="utf-8") for folder in folders)
    for clip in client.get("/page/about.json").json()["clips"]:
        assert client.get(f"/page/clips/{clip['file']}").headers["content-type"] == "audio/flac"
        assert f"{clip['file']}" in named


def test_only_valid_answers_are_formatted(client: httpx.Client) -> None:
    good = {"task": "ask", "answer": {}, "name": "x"}
    for path, body in [("srt", good), ("srt", {}), ("docx", good), ("srt", [1]), ("srt", {**good, "more": 1})]:
        response = client.post(f"/page/written/{path}", json=body)
        assert response.status_code in (400, 422)
        assert response.headers["content-type"] == "application/problem+json"
    assert client.post("/page/written/srt", content=b"no json").status_code == 400
    interval = '{"start": %s, "end": %s, "confidence": null}'
    for times in (("NaN", "1"), ("0", "1e308"), ("0", "1e400")):
        body = ANSWER.replace("INTERVAL", interval % times).encode()
        for name in ("srt", "vtt", "textgrid"):
            assert client.post(f"/page/written/{name}", content=body).status_code in (400, 422), (times, name)
    good_body = ANSWER.replace("INTERVAL", interval % ("0", "1"))
    assert client.post("/page/written/srt", content=good_body.encode()).status_code == 200


def test_the_wheel_contains_every_file() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    patterns = packages["package-data"]["server"]
    carried = [f"playground/site/{path}" for path in FILES] + [
        "playground/clips/farmyard.flac",
        "playground/clips/ATTRIBUTION.md",
    ]
    assert [
        path for path in carried if not any(fnmatch(path, pattern.replace("**/", "*")) for pattern in patterns)
    ] == []


def test_vendored_files_have_their_licences() -> None:
    assert "BSD 3-Clause" in (SITE / "vendor/wavesurfer/LICENSE.txt").read_text(encoding="utf-8")
    for font in (SITE / "fonts").glob("*.woff2"):
        assert "SIL Open Font License" in font.with_name(f"{font.stem}-OFL.txt").read_text(encoding="utf-8")


def test_the_modules_stay_small() -> None:
    long = [
        path.name for path in [*SITE.glob("js/*.js"), *SITE.glob("css/*.css")] if path.read_text().count("\n") > 200
    ]
    assert long == []
