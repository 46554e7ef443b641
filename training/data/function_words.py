"""English function words: articles, pronouns, prepositions, conjunctions, auxiliaries. All other words are content."""

_TEXT = """
a about above across after again against all along also am among an and another any are as at away be because been
before being below between both but by can cannot could did do does down during each either else even ever every
few for from had has have he her here hers herself him himself his how however i if in into is it its itself just
less many may me might mine more most much must my myself neither no nor not now of off on once one only or other
our ours ourselves out over own rather same shall she should since so some still such than that the their theirs
them themselves then there therefore these they this those though through thus to too toward towards under until
up upon us very was we were what when where whether which while who whom whose why will with within without would
yet you your yours yourself yourselves
"""
FUNCTION_WORDS = frozenset(_TEXT.split())


def is_content_word(word: str) -> bool:
    """Return whether a word in lower case is a content word; `don't` and `it's` are not, `king's` is."""
    stem, _, ending = word.partition("'")
    is_contraction = ending in ("t", "ll", "ve", "re", "d", "m") or (ending == "s" and stem in FUNCTION_WORDS)
    return len(stem) > 1 and not is_contraction and stem not in FUNCTION_WORDS
