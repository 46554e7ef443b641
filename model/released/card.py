"""What is known of the licences of what is imported, and the model card that says so."""

from collections.abc import Mapping, Sequence
from pathlib import Path

NOTICE = """\
The result carries the licences of everything in it; nobody can grant you more:
* TimeAudio's checkpoint: its authors say CC BY-NC in their README and Apache-2.0 in
  their LICENSE. Until they settle it, take the narrower: no commercial use.
* Vicuna-7B-v1.5: Llama 2 Community License.
* BEATs: MIT (microsoft/unilm).
* Whisper large-v2: MIT (openai/whisper), Apache-2.0 on the Hugging Face hub.
Files that you give in their place have licences of their own."""

NATIVE_NOTICE = """\
The result carries the licences of everything in it: the language model's, Whisper's
(MIT; Apache-2.0 on the Hugging Face hub), BEATs' (MIT) or aiSFX's (CC BY 4.0: name
Ma and Lerch, ISMIR 2022), and SALMONN's and its language model's, if you start from
it."""

_RELEASED = """\
---
library_name: timeaudio
license: other
pipeline_tag: audio-text-to-text
---

# {name}

The authors' released TimeAudio, imported by `timeaudio import` with the settings that reproduce the released code.

| part | from |
|---|---|
{sources}

The language model is stored and computes in {dtype}; its adapters are merged, its embedding and head are the released
ones. The encoders and the connector are as in their files, and compute in float32.

## Licence

{notice}

## Known limits

* Scores have not been measured here: none were run on this checkpoint by this program.
* The sound encoder hears up to 180 s at once, at quadratic cost; longer recordings are refused.
* Token merging is off. The released code's merging score is a constant, so that rounding noise picks its tokens.
* The released time encoding counts windows of 0.34 s as 0.333 s: times drift by 2 %, half a second at 25 s.
"""

_NATIVE = """\
---
library_name: timeaudio
license: other
pipeline_tag: audio-text-to-text
---

# {name}

A start for training, made by `timeaudio init`. **It has not been trained and answers nonsense.**

| part | from |
|---|---|
{sources}

{cuts}The twenty time markers start as Eq. 1 of the paper says, in the embedding and in the head. The time encoding
is zero.
The language model is stored and computes in {dtype}; the rest is as in its files, and computes in float32.

## Licence

{notice}
"""


def released_card(name: str, sources: Mapping[str, Path], dtype: str) -> str:
    """The README.md of an imported checkpoint."""
    return _RELEASED.format(name=name, sources=_rows(sources), dtype=dtype, notice=NOTICE)


def native_card(name: str, sources: Mapping[str, Path], dtype: str, cuts: Sequence[str] = ()) -> str:
    """The README.md of a start for training; each of `cuts` is a sentence about what was left out."""
    told = "".join(f"* {line}\n" for line in cuts)
    fields = {"name": name, "sources": _rows(sources), "dtype": dtype, "notice": NATIVE_NOTICE}
    return _NATIVE.format(cuts=f"Parts of them are left out:\n\n{told}\n" if told else "", **fields)


def _rows(sources: Mapping[str, Path]) -> str:
    """Names alone: where they lay on somebody's machine is nobody else's business."""
    return "\n".join(f"| {part} | `{path.name}` |" for part, path in sources.items())
