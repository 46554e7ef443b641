"""Which label of a project a caption gets, and which labels are queries."""

import pytest

from timeaudio.label_studio.label_config import parsed
from timeaudio.label_studio.labels import LabelMatcher


def matcher(*labels: str) -> LabelMatcher:
    attributes = (label if "=" in label else f'value="{label}"' for label in labels)
    tags = "".join(f"<Label {label}/>" for label in attributes)
    config = f'<View><Labels name="l" toName="a">{tags}</Labels><Audio name="a" value="$a"/></View>'
    return LabelMatcher(parsed(config).labels)


@pytest.mark.parametrize(
    ("labels", "caption", "expected"),
    [
        (["Cat", "DOG"], "A puppy barks.", "DOG"),  # the kind, by another word
        (["dog_bark"], "A dog is barking.", "dog_bark"),
        (["Animal", "Dog"], "A dog is barking.", "Dog"),  # a group has more kinds
        (["Animal", "Dog"], "A cat meows.", "Animal"),
        (["Rain", "Dog"], "Rain falls while a dog barks.", "Dog"),
        (["Tram"], "Two trams pass.", "Tram"),  # words, in any form
        (["Tram"], "A trampoline squeaks.", None),
        (["Children playing"], "Some children are heard.", None),
        (["Größe"], "Die größe.", "Größe"),
        (['value="Hund" predicted_values="dog, puppy"'], "A dog barks.", "Hund"),
        (["Cat", "Event"], "A dog barks.", "Event"),
        (["Cat", "Event"], "A cat meows.", "Cat"),
        (["Cat", "?!"], "A dog barks.", None),
        (["query", "segment"], "A segment of a query.", None),
    ],
)
def test_the_label_of_a_caption(labels: list[str], caption: str, expected: str | None) -> None:
    label = matcher(*labels).fitting(caption)
    assert (label and label.value) == expected


def test_labels_without_kind_and_caption_are_queries() -> None:
    labels = matcher("Dog", "Gun_shot", "Tram", 'value="X" predicted_values="glass harp"', "Event", "answer", "?!")
    assert [query for query, _ in labels.queries(["A tram passes."])] == ["gun shot", "glass harp"]
    assert [label.value for _, label in labels.queries([])] == ["Gun_shot", "Tram", "X"]


def test_two_controls_keep_their_names() -> None:
    config = """
    <View><Audio name="a" value="$a"/><Audio name="b" value="$b"/>
    <Labels name="one" toName="a"><Label value="Dog"/></Labels>
    <Labels name="two" toName="b, a"><Label value="Cat"/></Labels>
    <Labels name="three" toName="b"><Label value="Rain"/></Labels></View>"""
    found = parsed(config)
    assert [(label.value, label.from_name) for label in found.labels] == [("Dog", "one"), ("Cat", "two")]
