"""`grammar.ebnf` and `grammar.py` agree: the test compares them by regular expressions made from the EBNF file."""

import itertools
import random
import re
from pathlib import Path

import pytest

import model.timeline.grammar
from model.timeline.grammar import Grammar, Vocabulary
from model.timeline.task import TASKS, Task

# One character per token: digits for anchors, a to j for offsets, then the separator, a word and the end token.
ALPHABET = "0123456789abcdefghij-wE"
VOCABULARY = Vocabulary(tuple(range(10)), tuple(range(10, 20)), (20,), 22, 23)
DURATION = 10**9


def rules() -> dict[str, str]:
    """Return the regular expression of each rule. The grammar has no recursion, so it is regular."""
    source = Path(model.timeline.grammar.__file__).with_name("grammar.ebnf").read_text(encoding="utf-8")
    source = re.sub(r"\(\*.*?\*\)", "", source, flags=re.DOTALL)
    bodies = dict(re.findall(r"(\w+)\s*=\s*(.*?)\s*;", source, flags=re.DOTALL))
    return {name: expression(body, bodies) for name, body in bodies.items()}


def expression(body: str, bodies: dict[str, str]) -> str:
    pattern = ""
    for token in re.findall(r'"[^"]*"|\?[^?]*\?|\w+|[()\[\]{}|,]|\S', body):
        match token:
            case "(" | "[" | "{":
                pattern += "(?:"
            case ")" | "]" | "}":
                pattern += {")": ")", "]": ")?", "}": ")*"}[token]
            case "|" | ",":
                pattern += token.replace(",", "")
            case '" - "':
                pattern += "-"
            case "? any other token ?":
                pattern += "[w-]"  # in text, separator tokens are words
            case "? the end-of-sequence token ?":
                pattern += "E"
            case _ if marker := re.fullmatch(r'"<([af])_(\d)>"', token):
                pattern += marker[2] if marker[1] == "a" else "abcdefghij"[int(marker[2])]
            case _:
                pattern += f"(?:{expression(bodies[token], bodies)})"
    return pattern


def accepts(grammar: Grammar, answer: str) -> bool:
    ids = [ALPHABET.index(char) for char in answer]
    return all(grammar.allowed(ids[:position]).permits(token_id) for position, token_id in enumerate(ids))


def keeps_order(task: Task, answer: str) -> bool:
    """Check the order of times, which the EBNF rules do not express. The duration is not limited here."""
    time = r"(\d+)([a-j])"
    pairs = [
        (int(a + str(ord(b) - 97)), int(c + str(ord(d) - 97))) for a, b, c, d in re.findall(f"{time}-{time}", answer)
    ]
    forward = all(first[1] <= second[0] for first, second in itertools.pairwise(pairs))
    return all(start < end for start, end in pairs) and (forward or task != "summarize")


@pytest.mark.parametrize("task", TASKS)
def test_grammar_and_ebnf_agree_on_every_short_answer(task: Task) -> None:
    grammar, rule = Grammar(VOCABULARY, task, DURATION), re.compile(rules()[task])
    num_accepted = 0
    for length in range(7):
        for body in itertools.product("01a-w", repeat=length):
            answer = "".join(body) + "E"
            accepted = accepts(grammar, answer)
            assert accepted == (bool(rule.fullmatch(answer)) and keeps_order(task, answer)), answer
            num_accepted += accepted
    assert num_accepted > 100


def test_grammar_and_ebnf_agree_on_longer_random_answers() -> None:
    parts = ["0a-0b", "1a-12c", "30a-40a", "0a-1a", "5j", "7", "a", "-", "w", "ww", "-w", "00a", "12a-9f", "50a-60a"]
    for task in TASKS:
        grammar, rule, chance = Grammar(VOCABULARY, task, DURATION), re.compile(rules()[task]), random.Random(7)
        counts = [0, 0]
        for _ in range(3_000):
            answer = "".join(chance.choice([chance.choice(parts), "w"]) for _ in range(chance.randrange(1, 9))) + "E"
            accepted = accepts(grammar, answer)
            assert accepted == (bool(rule.fullmatch(answer)) and keeps_order(task, answer)), (task, answer)
            counts[accepted] += 1
        assert min(counts) > 150


def test_there_is_one_rule_per_task_and_no_unused_rule() -> None:
    source = rules()
    shared = {"captioned", "mark", "interval", "time", "text", "zero", "nonzero", "offset", "separator", "word", "end"}
    assert set(source) == set(TASKS) | shared
