"""Write the licences of all packages in an image: python3 notices.py FOLDER (with the image's own Python).

One file per package with its licence texts, and SUMMARY.txt. Standard library only.
"""

import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

BUNDLED = """\
Libraries inside Python packages
================================
av (PyAV) contains a build of FFmpeg with x264 and x265, which are under the GNU General Public License, version 2 or
later; the combination is under the GPL. TimeAudio only decodes, and only the formats on its own allowlist; x264 and
x265 are video encoders that it never calls. Sources: https://github.com/PyAV-Org/pyav-ffmpeg, https://ffmpeg.org,
https://code.videolan.org/videolan/x264, https://bitbucket.org/multicoreware/x265_git
numpy and torch contain OpenBLAS or MKL, libgfortran and libgomp (GCC Runtime Library Exception); see their own files.
The CUDA image contains NVIDIA's libraries, from torch's wheels, under the NVIDIA Software License Agreement.
The base system is Debian; its licences are in /usr/share/doc/*/copyright.
"""


def texts(distribution: Distribution) -> list[str]:
    """Return the licence texts of one package."""
    named = (path for path in distribution.files or () if ".dist-info" in str(path))
    wanted = ("licen", "copying", "notice", "authors")
    found = [Path(str(path.locate())) for path in named if any(word in path.name.lower() for word in wanted)]
    return [path.read_text(encoding="utf-8", errors="replace") for path in found if path.is_file()]


def main() -> None:
    """Write all files."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for distribution in sorted(distributions(), key=lambda each: each.metadata["Name"].lower()):
        metadata = distribution.metadata
        name, version = metadata["Name"], distribution.version
        classified = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier", []) if "License ::" in line]
        licence = metadata.get("License-Expression") or ", ".join(classified) or metadata.get("License") or "see file"
        found = texts(distribution)
        if found:
            (folder / f"{name}.txt").write_text("\n\n".join(found), encoding="utf-8")
        lines.append(f"{name} {version}: {licence.splitlines()[0][:100]}{'' if found else ' (no file in the package)'}")
    (folder / "SUMMARY.txt").write_text("\n".join(lines) + f"\n\n{BUNDLED}", encoding="utf-8")


if __name__ == "__main__":
    main()
