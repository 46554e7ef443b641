"""Fetch a checkpoint before the server starts: download.py URL SHA256 FOLDER. Standard library only.

The tar file is written to a temporary file while its SHA-256 is counted; only if that is right is it unpacked, and only
what lies inside the folder. A folder that holds this checkpoint already is left as it is.
"""

import hashlib
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path


def fetch(url: str, sha256: str, folder: Path) -> str:
    """Fill the folder; the sentence that tells what was done. Raises SystemExit with what is wrong."""
    mark = folder / ".sha256"
    if mark.exists() and mark.read_text() == sha256:
        return f"{folder} holds this checkpoint already."
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
                raise SystemExit(f"{url} holds no config.json: it is no checkpoint.")
            # The checkpoint may be packed with its folder's name or without.
            top = min(configs, key=lambda path: len(path.parts)).parent
            for member in members:
                path = Path(member.name)
                if path.is_relative_to(top) and path != top:
                    member.name = str(path.relative_to(top))
                    archive.extract(member, folder, filter="data")
    mark.write_text(sha256)
    return f"{folder} holds {url}."


if __name__ == "__main__":
    print(fetch(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
