"""Fetch a checkpoint before the server starts: download.py URL SHA256 FOLDER. Standard library only.

It writes the tar file to a temporary file and computes its SHA-256. Only if that matches does it unpack the checkpoint,
and only members inside the folder. It leaves a folder that already holds this checkpoint unchanged.
"""

import hashlib
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path


def fetch(url: str, sha256: str, folder: Path) -> str:
    """Fill the folder and return a message about the result. Raises SystemExit with the error."""
    mark = folder / ".sha256"
    if mark.exists() and mark.read_text() == sha256:
        return f"{folder} already holds this checkpoint."
    counted = hashlib.sha256()
    with tempfile.TemporaryFile(dir=folder) as file:
        with urllib.request.urlopen(url, timeout=60) as answer:
            while piece := answer.read(1 << 20):
                counted.update(piece)
                file.write(piece)
        if counted.hexdigest() != sha256:
            raise SystemExit(f"{url} has SHA-256 {counted.hexdigest()}, not {sha256}. Nothing was unpacked.")
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            members = archive.getmembers()
            configs = [Path(member.name) for member in members if Path(member.name).name == "config.json"]
            if not configs:
                raise SystemExit(f"{url} contains no config.json: it is not a checkpoint.")
            # The archive may or may not include the checkpoint's folder.
            top = min(configs, key=lambda path: len(path.parts)).parent
            for member in members:
                path = Path(member.name)
                if path.is_relative_to(top) and path != top:
                    member.name = str(path.relative_to(top))
                    archive.extract(member, folder, filter="data")
    mark.write_text(sha256)
    return f"{folder} now holds {url}."


if __name__ == "__main__":
    print(fetch(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
