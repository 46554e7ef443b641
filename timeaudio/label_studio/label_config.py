"""Read a project's labeling configuration: the audio, the labels for its regions, and the text of a region.

Source: https://labelstud.io/tags: Audio, Labels, Label, TextArea.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from timeaudio.errors import ClientError

_AUDIO = {"audio", "audioplus"}
EXAMPLE = '<Audio name="audio" value="$audio"/> and <Labels name="label" toName="audio"><Label value="Dog"/></Labels>'


class ConfigRefused(ClientError):
    """A labeling configuration that has nothing to pre-annotate."""


@dataclass(frozen=True, slots=True)
class ProjectLabel:
    """One label.

    Attributes:
        value: as the project writes it.
        from_name: the name of its `Labels` tag.
        names: what it is called in captions and queries: its `predicted_values`, then `value`.
    """

    value: str
    from_name: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """What a project annotates.

    Attributes:
        audio: the name of its audio tag.
        field: the field of a task's data with the address of the recording.
        labels: every label for regions of the audio, in the order of the configuration.
        words: the name of its `TextArea` for the text of a region; None without one.
    """

    audio: str
    field: str
    labels: tuple[ProjectLabel, ...]
    words: str | None


def parsed(xml: str) -> LabelConfig:
    """Return what a labeling configuration says about its first audio tag.

    Raises:
        ConfigRefused: it is not XML, or has no audio, or no labels for it.
    """
    try:
        tags = list(ElementTree.fromstring(xml).iter())
    except (ElementTree.ParseError, ValueError) as error:
        raise ConfigRefused(f"The labeling configuration is not valid XML: {error}. Save it again.") from error
    audio = next((tag for tag in tags if _is(tag, *_AUDIO) and tag.get("name")), None)
    if audio is None:
        raise ConfigRefused(f"The labeling configuration has no <Audio> tag. Add {EXAMPLE}.")
    name, value = audio.get("name", ""), audio.get("value", "")
    if not value.startswith("$") or len(value) == 1:
        raise ConfigRefused(f'The <Audio> tag {name!r} has no value="$FIELD". Name the field of the tasks, as $audio.')
    own = [tag for tag in tags if name in (part.strip() for part in tag.get("toName", "").split(","))]
    labels = tuple(label for tag in own if _is(tag, "labels") for label in _labels(tag))
    if not labels:
        raise ConfigRefused(f"The labeling configuration has no <Labels> for {name!r}. Add {EXAMPLE}.")
    areas = (tag.get("name") for tag in own if _is(tag, "textarea") and tag.get("perRegion", "").lower() == "true")
    return LabelConfig(name, value.removeprefix("$"), labels, next(filter(None, areas), None))


def _labels(control: ElementTree.Element) -> Iterator[ProjectLabel]:
    for tag in control.iter():
        if _is(tag, "label") and (value := tag.get("value", "")):
            predicted = (part.strip() for part in tag.get("predicted_values", "").split(","))
            yield ProjectLabel(value, control.get("name", ""), (*filter(None, predicted), value))


def _is(tag: ElementTree.Element, *names: str) -> bool:
    return tag.tag.lower() in names
