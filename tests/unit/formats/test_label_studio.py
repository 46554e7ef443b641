"""Label Studio's own validator accepts our output for our labelling configuration.

Its SDK requires OpenCV and an old NumPy, so it is not in `dev`: pip install '.[interop]' in a separate environment.
"""

import json

import pytest

from tests.answers import PLAIN
from timeaudio.formats import write
from timeaudio.formats.trees import LABELING_CONFIG
from timeaudio.results import AnyAnswer

label_interface = pytest.importorskip("label_studio_sdk.label_interface")


@pytest.mark.parametrize("answer", PLAIN.values(), ids=PLAIN.keys())
def test_tasks_are_valid(answer: AnyAnswer) -> None:
    interface = label_interface.LabelInterface(LABELING_CONFIG)
    (task,) = json.loads(write(answer, "label-studio", name="street.flac"))
    (prediction,) = task["predictions"]
    assert interface.validate_prediction(prediction, return_errors=True) == []
    assert interface.validate_task({"data": task["data"]})


def test_the_validator_rejects_an_unknown_label() -> None:
    interface = label_interface.LabelInterface(LABELING_CONFIG)
    (task,) = json.loads(write(PLAIN["ask"], "label-studio"))
    (prediction,) = task["predictions"]
    prediction["result"][0]["value"]["labels"] = ["noise"]
    assert interface.validate_prediction(prediction, return_errors=True)
