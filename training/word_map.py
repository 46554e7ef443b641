"""Fit the map from words to audio tokens (`model.word_map`): ridge regression from phrases to the names of sounds.

The phrases are the vocabulary's wordings, questions and synonyms, and names of sounds outside of the vocabulary, which
map to themselves. Recordings give only the centre of the audio tokens.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.progress import track
from torch import Tensor

from model.audio.waveform import Waveform
from model.engine.prompting import word_ids
from model.evidence import WordVectors
from model.language.tokenizer import Tokenizer
from model.pipeline import Pipeline
from model.word_map import WordMap
from training.data.composer import Pool, SceneConfig, compose
from training.data.questions import Aim, training_wordings
from training.data.vocabulary import groups, synonyms, vocabulary

RIDGE = 300.0
"""Weight of the penalty. The phrases' features are standardised."""
QUESTIONS_PER_KIND = 10
AIMS: tuple[Aim, ...] = ("yes_no", "when")

Phrase = tuple[str, tuple[str, ...]]
"""Words, and the names of the sounds that they may mean."""


def withheld_words(kind: str) -> tuple[str, ...]:
    """Return the synonyms of a kind that a map for calibration is fitted without: every other one."""
    return synonyms()[kind][1::2]


def phrases(rng: np.random.Generator, *, withhold: bool) -> Iterator[Phrase]:
    """Yield every phrase to fit to; questions have random wordings. `withhold` leaves out all `withheld_words`."""
    for kind, wording in vocabulary().items():
        for text in (_name(kind), *wording.queries, *wording.captions):
            yield text, (kind,)
        for aim in AIMS:
            for _ in range(QUESTIONS_PER_KIND):
                yield training_wordings().draw(kind, aim, wording.queries, rng), (kind,)
    for kind, texts in synonyms().items():
        for text in texts[::2] if withhold and kind in vocabulary() else texts:
            yield text, (kind,)
    for group in groups().values():
        for text in group.queries:
            yield text, group.kinds


def fit_word_maps(
    pipeline: Pipeline, pool: Pool, configs: Sequence[SceneConfig], *, scenes: int, seed: int
) -> tuple[WordMap, WordMap]:
    """Fit the map to all phrases, and another one without `withheld_words`, for calibration.

    The centre of both is the mean audio token of `scenes` composed scenes.
    """
    vectors = WordVectors(pipeline.engine.embed.get_parameter("weight").detach(), pipeline.tokenizer.marker_ids)
    centre = _centre(pipeline, pool, configs, scenes=scenes, seed=seed)
    whole, partial = (
        WordMap(
            *_fit(vectors, pipeline.tokenizer, list(phrases(np.random.default_rng(seed), withhold=withhold))), centre
        )
        for withhold in (False, True)
    )
    return whole, partial


def _fit(vectors: WordVectors, tokenizer: Tokenizer, known: Sequence[Phrase]) -> tuple[Tensor, Tensor]:
    given = torch.stack([vectors(word_ids(tokenizer, text)) for text, _ in known])
    kinds_named = {kind for _, kinds in known for kind in kinds}
    names = {kind: F.normalize(vectors(word_ids(tokenizer, _name(kind))), dim=0) for kind in kinds_named}
    wanted = [torch.stack([names[kind] for kind in kinds]).sum(dim=0) for _, kinds in known]
    return ridge(given, F.normalize(torch.stack(wanted), dim=1), RIDGE)


def ridge(given: Tensor, wanted: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Return the weight and the bias of the linear map from rows to rows, fitted to standardised `given`."""
    mean, spread = given.mean(dim=0), given.std(dim=0) + 1e-3
    rows, offset = (given - mean) / spread, wanted.mean(dim=0)
    within = rows.T @ rows + penalty * torch.eye(rows.shape[1])
    weight = torch.linalg.solve(within, rows.T @ (wanted - offset)).T / spread
    return weight, offset - weight @ mean


def _centre(pipeline: Pipeline, pool: Pool, configs: Sequence[SceneConfig], *, scenes: int, seed: int) -> Tensor:
    sums, count = list[Tensor](), 0
    for index in track(range(scenes), description="audio tokens", console=Console(stderr=True)):
        rng = np.random.default_rng([seed, index])
        scene = compose(pool, configs[index % len(configs)], rng)
        sounds = pipeline.evidence(pipeline.encode(Waveform(scene.samples))).sounds
        sums.append(sounds.sum(dim=0))
        count += len(sounds)
    return torch.stack(sums).sum(dim=0) / count


def _name(kind: str) -> str:
    return kind.replace("_", " ")
