"""Write queries about a composed scene: present and absent kinds in any of their wordings, and groups of kinds."""

from collections.abc import Iterator

import numpy as np

from training.data.draws import choose
from training.data.manifest import Span
from training.data.vocabulary import UNKNOWN, groups, vocabulary
from training.sources.reading import merge_spans

NAME_SHARE = 0.5
NAME_FORMS = ("{}", "{}", "the sound of {}", "{} sound", "sound of {}")

KindSpans = dict[str, list[Span]]


def queries(found: KindSpans, rng: np.random.Generator, count: int = 4) -> Iterator[tuple[str, list[Span]]]:
    """Yield `count` queries with their spans: half for present kinds, the last for a group or an absent kind."""
    known = [kind for kind in found if kind != UNKNOWN]
    order = [str(kind) for kind in rng.permutation(known)] if known else []
    chosen = (order * count)[: count // 2]
    for kind in chosen:
        yield draw_query(kind, rng), found[kind]
    absent = [kind for kind in vocabulary() if kind not in found]
    for _ in range(count - 1 - len(chosen)):
        yield draw_query(choose(absent, rng), rng), []
    # A sound of an unknown kind may belong to any group, so do not ask about groups then.
    present, missing = _present_and_absent_groups(found)
    if UNKNOWN not in found and rng.random() < 0.5 and (present or missing):
        name = choose(present, rng) if present and (not missing or rng.random() < 0.6) else choose(missing, rng)
        members = groups()[name].kinds
        spans = list(merge_spans(span for kind in known if kind in members for span in found[kind]))
        yield _vary_query(choose(groups()[name].queries, rng), rng), spans
    else:
        yield draw_query(choose(absent, rng), rng), []


def draw_query(kind: str, rng: np.random.Generator) -> str:
    """Draw a query for a kind: its name, a phrase or a caption, with varied case and punctuation.

    Names come often: the connector was aligned to their words, so the model learns queries from names first.
    """
    words, name, chance = vocabulary()[kind], kind.replace("_", " "), rng.random()
    if chance < NAME_SHARE and not any(name in group.queries for group in groups().values()):
        return _vary_query(choose(NAME_FORMS, rng).format(name), rng)
    if chance < 0.9:
        return _vary_query(choose(words.queries, rng), rng)
    return _vary_query(choose(words.captions, rng).rstrip("."), rng)


def _present_and_absent_groups(found: KindSpans) -> tuple[list[str], list[str]]:
    """Return the groups with a present kind, and the groups that are certainly absent."""
    present = [name for name, group in groups().items() if any(kind in group.kinds for kind in found)]
    unsure = {name for name, group in groups().items() if any(kind in group.unsure for kind in found)}
    return present, [name for name in groups() if name not in present and name not in unsure]


def _vary_query(query: str, rng: np.random.Generator) -> str:
    """Vary a query as people type it: lower case, a capital, all capitals, a full stop at the end."""
    query = vary_case(query, rng)
    return f"{query}." if rng.random() < 0.15 else query


def vary_case(text: str, rng: np.random.Generator) -> str:
    """Vary the case of a text: mostly as it is, sometimes with a capital, rarely all capitals."""
    chance = rng.random()
    if chance < 0.6:
        return text
    return text.upper() if chance > 0.97 else text[0].upper() + text[1:]
