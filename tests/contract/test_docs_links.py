"""Every link of the documentation leads somewhere, and each page lists its sections."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
CARD = sorted((ROOT / "model" / "checkpoints" / "timeaudio-small").glob("*.md"))
DOCUMENTS = [
    ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES, *CARD, *sorted((ROOT / "docs" / "decisions").glob("*.md")),
]  # fmt: skip
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def headings(path: Path, level: str) -> list[str]:
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    return re.findall(rf"^{level} (.+)$", text, re.MULTILINE)


def anchor(heading: str) -> str:
    """Return the anchor of a heading as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken(path: Path) -> list[str]:
    found = []
    for link in LINK.findall(FENCED.sub("", path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, section = link.partition("#")
        target = (path.parent / name) if name else path
        known = {anchor(heading) for heading in headings(target, "#{1,4}")} if target.suffix == ".md" else set()
        if not target.exists() or (section and section not in known):
            found.append(link)
    return found


def listed_sections(path: Path) -> list[tuple[str, str]] | None:
    introduction = path.read_text(encoding="utf-8").partition("## ")[0]
    listed = re.search(r"^On this page: (.*?)\n\n", introduction, re.MULTILINE | re.DOTALL)
    return re.findall(r"\[([^]]+)\]\(([^)]+)\)", listed[1].replace("\n", " ")) if listed else None


def test_every_link_leads_to_a_file_and_a_section() -> None:
    assert [(path.name, link) for path in DOCUMENTS for link in broken(path)] == []


def test_each_page_lists_its_sections() -> None:
    wrong = [
        (path.name, listed_sections(path))
        for path in PAGES
        if listed_sections(path) != [(heading, f"#{anchor(heading)}") for heading in headings(path, "##")]
    ]
    assert wrong == []
