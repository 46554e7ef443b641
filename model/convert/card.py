"""Licence notices for imported weights, and the model cards that contain them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from model.hub import shown

NOTICE = """\
The result is subject to the licences of all its parts:
* TimeAudio's checkpoint: its authors state CC BY-NC in their README and Apache-2.0 in
  their LICENSE. Until they resolve this, follow the stricter one: no commercial use.
* Vicuna-7B-v1.5: Llama 2 Community License.
* BEATs: MIT (microsoft/unilm).
* Whisper large-v2: MIT (openai/whisper), Apache-2.0 on the Hugging Face hub.
If you use other files in their place, their licences apply."""

NATIVE_NOTICE = """\
The result is subject to the licences of all its parts: the language model's,
Whisper's (MIT; Apache-2.0 on the Hugging Face hub), BEATs' (MIT), YAMNet's
(Apache-2.0) or aiSFX's (CC BY 4.0: credit Ma and Lerch, ISMIR 2022), and
SALMONN's and its language model's, if you start from it."""

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

The language model is stored and computes in {dtype}. Its adapters are merged; its embedding and head are the released
ones. The encoders and the connector are unchanged, and compute in float32.

## Licence

{notice}

## Known limits

* No benchmark scores of this imported checkpoint have been measured.
* The sound encoder processes up to 180 s at once, at quadratic cost. Longer recordings are rejected.
* Token merging is off. The released code's merging score is constant, so rounding noise would choose the tokens.
* The released time encoding counts windows of 0.34 s as 0.333 s: times drift by 2 %, half a second at 25 s.
"""

_NATIVE = """\
---
library_name: timeaudio
license: other
pipeline_tag: audio-text-to-text
---

# {name}

A starting point for training, made by `timeaudio init`. **It has not been trained; its answers are meaningless.**

| part | from |
|---|---|
{sources}

{cuts}The rows of the twenty time markers, in embedding and head, are initialised by Eq. 1 of the paper. The time
encoding is zero.
The language model is stored and computes in {dtype}. The other parts are unchanged, and compute in float32.

## Licence

{notice}
"""


def released_card(name: str, sources: Mapping[str, Path], dtype: str) -> str:
    """Return the README.md of an imported checkpoint."""
    return _RELEASED.format(name=name, sources=_rows(sources), dtype=dtype, notice=NOTICE)


def native_card(name: str, sources: Mapping[str, Path], dtype: str, cuts: Sequence[str] = ()) -> str:
    """Return the README.md of a checkpoint that is ready for training. Each of `cuts` describes a part left out."""
    lines = "".join(f"* {line}\n" for line in cuts)
    fields = {"name": name, "sources": _rows(sources), "dtype": dtype, "notice": NATIVE_NOTICE}
    return _NATIVE.format(cuts=f"Some parts are reduced:\n\n{lines}\n" if lines else "", **fields)


def _rows(sources: Mapping[str, Path]) -> str:
    """Return table rows with names only: full paths would reveal details of the user's machine."""
    return "\n".join(f"| {part} | `{shown(path)}` |" for part, path in sources.items())
