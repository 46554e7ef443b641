"""docs/formats.md agrees with the writers."""

import re
from pathlib import Path

from tests.answers import PLAIN
from timeaudio.formats import FORMATS, write
from timeaudio.formats.trees import LABELING_CONFIG

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^### (\S+)\n\n```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def test_the_table_has_every_format_with_its_media_type_and_suffix() -> None:
    table = re.findall(r"^\| `(\S+)` \|.*?\| `(\S+)` \| `(\S+)` \| `.*` \|$", PAGE, re.MULTILINE)
    assert table == [(name, form.media_type, form.suffix) for name, form in FORMATS.items()]


def test_the_examples_equal_the_output_of_the_writers() -> None:
    shown = ("srt", "vtt", "tsv", "audacity", "rttm")
    assert {name: write(PLAIN["dense_caption"], name, name="street.flac") for name in shown} == EXAMPLES


def test_the_page_has_the_labelling_configuration() -> None:
    assert LABELING_CONFIG in PAGE
