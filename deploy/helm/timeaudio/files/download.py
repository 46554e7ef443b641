"""Fetch a checkpoint before the server starts: download.py URL SHA256 FOLDER. Standard library only.

The tar file is downloaded to a temporary file and unpacked only if its SHA-256 matches. Only members of the
checkpoint's folder are unpacked. A folder that already contains this checkpoint is not changed.
"""

import hashlib
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path


def fetch(url: str, sha256: str, folder: Path) -> str:
    """Fill the folder and return a sentence that says what was done.

    Raises:
        SystemExit: with the problem as its message.
    """
    mark = folder / ".sha256"
    if mark.exists() and mark.read_text() == sha256:
        return f"{folder} already contains this checkpoint."
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
                raise SystemExit(f"{url} contains no config.json, so it is not a checkpoint. Check model.download.url.")
            # The archive may contain the checkpoint's folder or only its files.
            top = min(configs, key=lambda path: len(path.parts)).parent
            for member in members:
                path = Path(member.name)
                if path.is_relative_to(top) and path != top:
                    member.name = str(path.relative_to(top))
                    _extract(archive, member, folder)
    mark.write_text(sha256)
    return f"{folder} now contains {url}."


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    if hasattr(tarfile, "data_filter"):
        archive.extract(member, folder, filter="data")
    elif (member.isreg() or member.isdir()) and ".." not in Path(member.name).parts:  # Python before 3.11.4
        archive.extract(member, folder)
    else:
        raise SystemExit(f"{member.name} is not a file or directory of the checkpoint's folder. Nothing was started.")


if __name__ == "__main__":
    print(fetch(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
