"""Map English text to a task and to the query or question for the model. Pure functions.

| text | task | prompt |
|---|---|---|
| empty | dense_caption | |
| `Summarize the talk.` | summarize | |
| `When does a dog bark?` | ground | `a dog bark` |
| `Please find 'rain'` | ground | `rain` |
| `What do you hear, and when?` | dense_caption | |
| anything else | ask | the whole text |
"""

import re
from typing import Final

from model.timeline.task import Task

_POLITE: Final = re.compile(
    r"(?:(?:hi|hello|hey|please|ok|now|and),?\s+|(?:can|could|would) you (?:please )?"
    r"|i (?:want|would like) to know |(?:tell|show) me |let me know )+",
    re.IGNORECASE,
)
_COUNT: Final = re.compile(r"\bhow (?:many|much|often|long)\b", re.IGNORECASE)
_SUMMARY: Final = re.compile(
    r"\b(?:summar(?:y|ies|i[sz]\w*)|chapters?|key points"
    r"|what (?:is|was|are|were|does|do|did) .*\b(?:said|say|talk\w*|discuss\w*|speak\w*))\b",
    re.IGNORECASE,
)
_CAPTION: Final = re.compile(
    r"\b(?:describe|captions?|annotate|what (?:can|do|did|could) (?:you|i|we|one) hear"
    r"|what(?:'s| is| was) (?:happening|going on|heard|audible|there)|what happens"
    r"|(?:what|which|list|name|all|every|detect|find)\b[^.?!]*\b(?:sounds|sound events|events|noises))\b",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"(?:^|\s)['\"\u2018\u201c](?P<query>[^'\"\u2018\u2019\u201c\u201d]+)['\"\u2019\u201d]")
_WHEN: Final = re.compile(
    r"(?:at )?(?:when|(?:what|which|the) times?(?: when| of| at which)?) (?:exactly )?"
    r"(?:(?:can|do|could|did) (?:i|you|we) hear |(?:does|do|did|is|are|was|were|can|will) (?:there )?)?(?P<query>.+)",
    re.IGNORECASE,
)
_FIND: Final = re.compile(
    r"(?:find|locate|detect|spot|ground|search for|look for"
    r"|where (?:(?:can|do|could) (?:i|you|we) hear|is|are|was|were|does|do)) "
    r"(?:(?:out )?(?:when|where) )?(?:all |every |each |any )?(?P<query>.+)",
    re.IGNORECASE,
)
_HAPPENS: Final = re.compile(r"(?: be)? (?:heard|audible|happen(?:s|ing)?|occur(?:s|ring)?)$", re.IGNORECASE)
_LOOKED_FOR: Final = re.compile(r"\b(?:when|where|times?|matching|find|locate|detect|search|look for)\b", re.IGNORECASE)


def understand(words: str, task: Task | None = None) -> tuple[Task, str]:
    """Return the task (`task` if given) and the query or question in the text, "" if the task needs none."""
    words = " ".join(words.split())
    polite = _POLITE.match(words)
    request = words[polite.end() :] if polite else words
    query = _query(request)
    task = task or _task(request, has_query=query is not None)
    if task == "ground":
        return task, query or request
    return task, words if task == "ask" else ""


def _task(request: str, *, has_query: bool) -> Task:
    if not request:
        return "dense_caption"
    if _COUNT.search(request):
        return "ask"
    if _SUMMARY.search(request):
        return "summarize"
    if _CAPTION.search(request):
        return "dense_caption"
    return "ground" if has_query else "ask"


def _query(request: str) -> str | None:
    """Return what the text asks to find, without the words around it; None if it asks for nothing."""
    quoted = _QUOTED.search(request)
    if quoted and _LOOKED_FOR.search(request[: quoted.start() + 1]):
        return quoted["query"].strip()
    found = _WHEN.match(request) or _FIND.match(request)
    return _HAPPENS.sub("", found["query"].rstrip("?.! ")) or None if found else None
