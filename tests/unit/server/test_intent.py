"""Inferring the task from the text of a chat message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.language.prompt import QUESTIONS
from model.timeline.task import TASKS
from server.rest.intent import understand


def test_typical_messages() -> None:
    for words, task, prompt in [
        ("", "dense_caption", ""),
        ("  \n ", "dense_caption", ""),
        ("Describe this recording.", "dense_caption", ""),
        ("What do you hear?", "dense_caption", ""),
        ("Please caption the audio, with times.", "dense_caption", ""),
        ("List all the sounds and when they happen", "dense_caption", ""),
        ("Tell me what is happening", "dense_caption", ""),
        ("Which sound events occur, and when?", "dense_caption", ""),
        ("Can you detect all events?", "dense_caption", ""),
        ("Summarise this", "summarize", ""),
        ("Give me a summary of the meeting", "summarize", ""),
        ("Split the talk into chapters", "summarize", ""),
        ("What is being said about taxes?", "summarize", ""),
        ("When does a dog bark?", "ground", "a dog bark"),
        ("Hi, can you tell me when the dog barks?", "ground", "the dog barks"),
        ("When is there thunder?!", "ground", "thunder"),
        ("At what time can I hear a siren", "ground", "a siren"),
        ("find every sneeze", "ground", "sneeze"),
        ("When can the bell be heard?", "ground", "the bell"),
        ("When does the explosion occur", "ground", "the explosion"),
        ("Where do you hear rain?", "ground", "rain"),
        ('Locate "a door slams" please', "ground", "a door slams"),
        ("please find when a baby cries.", "ground", "a baby cries"),
        ("Find the man's voice", "ground", "the man's voice"),
        ("How many times does the dog bark?", "ask", "How many times does the dog bark?"),
        ("How many sounds are there?", "ask", "How many sounds are there?"),
        ("Which comes first,\n the dog or the rooster?", "ask", "Which comes first, the dog or the rooster?"),
        ("Is it raining?", "ask", "Is it raining?"),
        ("Hello", "ask", "Hello"),
    ]:
        assert understand(words) == (task, prompt)


@pytest.mark.parametrize("task", TASKS)
def test_the_questions_of_the_training_data(task: str) -> None:
    words = QUESTIONS[task].format(query="a dog barks", question="How long does it rain?")
    prompts = {"ground": "a dog barks", "ask": "How long does it rain?"}
    assert understand(words) == (task, prompts.get(task, ""))


@pytest.mark.parametrize(("words", "prompt"), [("a dog", "a dog"), ("When does a dog bark?", "a dog bark")])
def test_an_explicit_task_is_used(words: str, prompt: str) -> None:
    assert understand(words, "ground") == ("ground", prompt)
    assert understand(words, "ask") == ("ask", words)
    assert understand(words, "summarize") == ("summarize", "")


@given(words=st.text(max_size=80))
def test_any_text_gives_a_valid_task(words: str) -> None:
    task, prompt = understand(words)
    assert task in TASKS
    assert bool(prompt) == (task in ("ground", "ask"))
