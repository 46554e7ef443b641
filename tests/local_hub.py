"""A stand-in of the hub: the routes of its HTTP interface that `snapshot_download` uses, over local folders."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz"


@dataclass
class Hub:
    """Repositories by name and revision, and what was requested.

    Attributes:
        repositories: (name, revision) -> folder with its files.
        private: names that only a request with TOKEN may see.
        gated: names that nobody may see yet.
        cut: names whose files end early, as when a connection breaks.
        requests: method, path and whether it had the token, in order.
    """

    url: str = ""
    repositories: dict[tuple[str, str], Path] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    gated: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    requests: list[tuple[str, str, bool]] = field(default_factory=list)

    def add(self, name: str, folder: Path, revision: str = "main") -> str:
        """Add a repository, and return its commit."""
        self.repositories[name, revision] = folder
        return commit(name, revision)

    def downloads(self) -> set[str]:
        """Return the names of the files that were downloaded."""
        return {path.split("/", 5)[5] for method, path, _ in self.requests if method == "GET" and "/resolve/" in path}

    def environment(self, home: Path) -> dict[str, str]:
        """Return the variables by which a program uses this hub, with a cache in `home`."""
        return {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_ETAG_TIMEOUT": "30"}


def commit(name: str, revision: str) -> str:
    return hashlib.sha1(f"{name}@{revision}".encode()).hexdigest()


@contextmanager
def local_hub() -> Iterator[Hub]:
    """Serve a hub on a free port inside the context."""
    hub = Hub()

    class Handler(_Handler):
        pass

    Handler.hub = hub
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._route()

    def do_GET(self) -> None:
        self._route()

    def _route(self) -> None:
        path = unquote(self.path.partition("?")[0])
        has_token = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        self.hub.requests.append((self.command, path, has_token))
        match path.strip("/").split("/"):
            case ["api", "models", organization, model, "revision" | "tree" as route, revision, *rest]:
                name = f"{organization}/{model}"
                revision = "/".join([revision, *rest])
            case [organization, model, "resolve" as route, revision, *rest]:
                name = f"{organization}/{model}"
            case _:
                return self._refuse(404, "")
        if all(known != name for known, _ in self.hub.repositories):
            return self._refuse(401 if not has_token else 404, "RepoNotFound")
        if name in self.hub.private and not has_token:
            return self._refuse(401, "RepoNotFound")
        if name in self.hub.gated:
            return self._refuse(403, "GatedRepo")
        held = {(known, key): at for (known, r), at in self.hub.repositories.items() for key in (r, commit(known, r))}
        folder = held.get((name, revision))
        if folder is None:
            return self._refuse(404, "RevisionNotFound")
        sha = revision if len(revision) == 40 else commit(name, revision)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        names = [file.relative_to(folder).as_posix() for file in files]
        if route == "revision":
            return self._send_json({"id": name, "sha": sha, "siblings": [{"rfilename": n} for n in names]})
        if route == "tree":
            sizes = [file.stat().st_size for file in files]
            rows = zip(names, sizes, files, strict=True)
            return self._send_json([{"type": "file", "path": n, "size": s, "oid": _digest(f)} for n, s, f in rows])
        file = folder.joinpath(*rest)
        if not file.is_file():
            return self._refuse(404, "EntryNotFound")
        body = file.read_bytes()
        return self._send(body, {"X-Repo-Commit": sha, "ETag": f'"{_digest(file)}"'}, is_cut=name in self.hub.cut)

    def _refuse(self, status: int, code: str) -> None:
        self._send(b"", {"X-Error-Code": code, "X-Error-Message": "refused"}, status)

    def _send_json(self, value: object) -> None:
        self._send(json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, body: bytes, headers: dict[str, str], status: int = 200, *, is_cut: bool = False) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if is_cut else body)
        if is_cut:
            self.close_connection = True


def _digest(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()
