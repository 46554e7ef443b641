"""Write questions about a composed scene with answers that are true of it.

Each scene gets a question about presence, and one about times, number, duration, order or a moment. Now and then, the
second one is off topic or not in English instead. All questions about a sound that does not occur have the same answer.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from training.data.answers import NO_EVENTS, NOT_HEARD, NUMBERS
from training.data.draws import choose
from training.data.instructions import AT_INSTRUCTIONS, ORDER_INSTRUCTIONS
from training.data.manifest import Span
from training.data.questions import Aim, FixedQuestions, training_wordings
from training.data.vocabulary import UNKNOWN, held_out_wordings, unknown_captions, vocabulary
from training.sources.queries import KindSpans, vary_case

PLAINEST_SHARE = 0.85
"""Probability of a kind's plainest caption: a model cannot hear which of several equivalent captions was chosen."""

CARELESS_SHARE = 0.3
"""Probability that a question with a fixed answer has neither capitals nor punctuation at its end."""

ORDER_GAP_S = 0.5

Question = tuple[str, str, Sequence[Span | float]]
"""A question, its answer with placeholders, and the answer's times."""

_Write = Callable[[KindSpans, float, np.random.Generator], Question | None]


def draw_caption(kind: str, rng: np.random.Generator) -> str:
    """Draw a caption of a kind, mostly the plainest. Unknown sounds get a caption that says so."""
    captions = unknown_captions() if kind == UNKNOWN else vocabulary()[kind].captions
    return captions[0] if rng.random() < PLAINEST_SHARE else choose(captions, rng)


def questions(found: KindSpans, duration: float, rng: np.random.Generator) -> Iterator[Question]:
    """Yield one question about presence, and one of another type."""
    yield _presence_question(found, rng)
    write = _OTHERS[int(rng.choice(len(_OTHERS), p=_SHARES))]
    yield write(found, duration, rng) or _when_question(found, duration, rng)


def _presence_question(found: KindSpans, rng: np.random.Generator) -> Question:
    kind, spans = _draw_kind(found, 0.5, rng)
    question = _wording(kind, "yes_no", rng)
    return question, f"Yes, at {_placeholders(spans)} seconds." if spans else NOT_HEARD, spans


def _when_question(found: KindSpans, _: float, rng: np.random.Generator) -> Question:
    kind, spans = _draw_kind(found, 0.7, rng)
    question = _wording(kind, "when", rng)
    return question, f"{_at(spans)}." if spans else NOT_HEARD, spans


def _count_question(found: KindSpans, _: float, rng: np.random.Generator) -> Question:
    kind, spans = _draw_kind(found, 0.85, rng)
    question = _wording(kind, "count", rng)
    if not spans:
        return question, NOT_HEARD, ()
    number = NUMBERS[len(spans)] if len(spans) < len(NUMBERS) else str(len(spans))
    return question, f"{_at(spans)}: {number} time{'' if len(spans) == 1 else 's'}.", spans


def _duration_question(found: KindSpans, _: float, rng: np.random.Generator) -> Question:
    kind, spans = _draw_kind(found, 0.85, rng)
    question = _wording(kind, "duration", rng)
    if not spans:
        return question, NOT_HEARD, ()
    total = max(1, round(sum(end - start for start, end in spans)))
    plural = "" if total == 1 else "s"
    return question, f"{_at(spans)}: about {total} second{plural} in total.", spans


def _order_question(found: KindSpans, _: float, rng: np.random.Generator) -> Question | None:
    """Ask which of two kinds begins first. Return None if no two kinds begin at least half a second apart."""
    known = _known(found)
    pairs = [
        (one, other)
        for place, one in enumerate(known)
        for other in known[place + 1 :]
        if found[other][0][0] - found[one][0][0] >= ORDER_GAP_S
    ]
    if not pairs:
        return None
    pair = choose(pairs, rng)
    names = [choose(vocabulary()[kind].queries, rng) for kind in pair]
    first, second = names if rng.random() < 0.5 else names[::-1]
    question = choose(ORDER_INSTRUCTIONS, rng).format(query=first, other=second)
    starts = [found[kind][0][0] for kind in pair]
    return question, f"First {names[0]} at {{0}}, then {names[1]} at {{1}} seconds.", starts


def _moment_question(found: KindSpans, duration: float, rng: np.random.Generator) -> Question:
    """Ask what is heard at a whole second."""
    starts = [int(span[0]) + 1 for spans in found.values() for span in spans if int(span[0]) + 1 < span[1]]
    second = choose(starts, rng) if starts and rng.random() < 0.7 else int(rng.integers(0, max(1, int(duration))))
    around = [(s, kind) for kind, spans in found.items() for s in spans if s[0] <= second < s[1]]
    captions = " ".join(f"{{{i}}} seconds, {draw_caption(kind, rng)}" for i, (_, kind) in enumerate(sorted(around)))
    question = choose(AT_INSTRUCTIONS, rng).format(time=second)
    return question, captions or NO_EVENTS, [span for span, _ in sorted(around)]


def _off_topic_question(_: KindSpans, __: float, rng: np.random.Generator) -> Question:
    return _fixed(training_wordings().off_topic, rng)


def _other_language_question(_: KindSpans, __: float, rng: np.random.Generator) -> Question:
    return _fixed(training_wordings().other_language, rng)


_TYPES: dict[_Write, float] = {
    _when_question: 0.26,
    _count_question: 0.16,
    _order_question: 0.12,
    _moment_question: 0.12,
    _duration_question: 0.08,
    _off_topic_question: 0.14,
    _other_language_question: 0.12,
}
_OTHERS, _SHARES = list(_TYPES), list(_TYPES.values())


def _known(found: KindSpans) -> list[str]:
    return [kind for kind in found if kind != UNKNOWN]


def _draw_kind(found: KindSpans, present: float, rng: np.random.Generator) -> tuple[str, Sequence[Span]]:
    """Draw a kind that sounds, with a probability of `present`, or else one that does not. Return it with its spans.

    Kinds that sound more often are drawn more often, so that numbers above one are not rare.
    """
    known = _known(found)
    if known and rng.random() < present:
        times = np.array([len(found[kind]) for kind in known], dtype=float)
        kind = str(rng.choice(np.array(known), p=times / times.sum()))
        return kind, found[kind]
    return choose([kind for kind in vocabulary() if kind not in found], rng), ()


def _wording(kind: str, aim: Aim, rng: np.random.Generator) -> str:
    """Draw a question about a kind, but none that is also a validation query."""
    held_out = {_plain(query) for query in held_out_wordings()[kind]}
    question = ""
    while not question or _plain(question) in held_out:
        question = training_wordings().draw(kind, aim, vocabulary()[kind].queries, rng)
    return vary_case(question, rng)


def _plain(text: str) -> str:
    return text.lower().rstrip(" .?!")


def _fixed(fixed: FixedQuestions, rng: np.random.Generator) -> Question:
    question = choose(fixed.questions, rng)
    if rng.random() < CARELESS_SHARE:
        question = _plain(question)
    return question, fixed.answer, ()


def _at(spans: Sequence[Span]) -> str:
    return f"At {_placeholders(spans)} seconds"


def _placeholders(spans: Sequence[Span]) -> str:
    return ", ".join(f"{{{place}}}" for place in range(len(spans)))
