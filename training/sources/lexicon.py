"""List the most frequent words of texts and manifests, as a transcriber's lexicon: `timeaudio data lexicon`."""

import argparse
from collections import Counter

from model.timeline.lexicon import Lexicon
from model.timeline.words import OTHER_LANGUAGE
from training.data.recordings import DataError
from training.data.validate import read_manifest
from training.data.word_times import plain_words


def run(arguments: argparse.Namespace) -> int:
    """Write the words, one per line, the most frequent first."""
    count: Counter[str] = Counter()
    for path in arguments.texts:
        if path.suffix == ".jsonl":
            count.update(word.text for row in read_manifest(path) for word in row.words)
        else:
            count.update(plain_words(path.read_text(encoding="utf-8", errors="replace")))
    words = [word for word, _ in count.most_common() if word.replace("'", "").isalpha() and word != OTHER_LANGUAGE]
    if not words:
        raise DataError("The texts have no words.")
    Lexicon(words[: arguments.count]).write(arguments.out)
    print(f"{arguments.out}: {min(len(words), arguments.count)} of {len(words)} words.")
    return 0
