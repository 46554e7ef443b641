"""The names of the formats of an answer. `timeaudio.formats` has their writers."""

from typing import Final, Literal, get_args

FormatName = Literal[
    "json", "verbose_json", "srt", "vtt", "tsv", "audacity", "rttm", "jams", "textgrid", "label-studio"
]
TextFormat = Literal["verbose_json", "srt", "vtt", "tsv", "audacity", "rttm", "jams", "textgrid", "label-studio"]
"""All but `json`, for which the client returns Python objects."""

FORMAT_NAMES: Final[tuple[FormatName, ...]] = get_args(FormatName)
DEFAULT_NAME: Final = "recording"
"""The name of a recording without a known name."""
