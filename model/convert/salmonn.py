"""Takes from a SALMONN checkpoint what training starts from: Q-Former sizes, connector and adapters.

Source: paper, "Implementation Details": the paper's training starts from SALMONN.
"""

import dataclasses

from torch import Tensor

from model.config import QFormerConfig, WindowConfig
from model.convert.compare import compare
from model.convert.configs import qformer_config
from model.convert.downloads import Shape
from model.convert.nets import Net, Trained
from model.convert.shape_check import NEEDED, adapter_shapes, require_fit, require_parts
from model.errors import CheckpointError

Adapters = dict[str, tuple[tuple[Tensor, Tensor], float]]
"""Our name of a matrix -> both halves of its adapter, and their scale."""

FRESH = ("connector.time_encoding.weight", "connector.qformer.frame_positions")
"""Tensors that TimeAudio or this project added to SALMONN."""


def salmonn_qformer(trained: Trained, num_heads: int | None) -> QFormerConfig:
    """Return the config of SALMONN's Q-Former, with native settings."""
    require_parts(trained.renamed, trained.path, needed=NEEDED)
    theirs = qformer_config(trained.renamed.tensors, num_heads)
    return dataclasses.replace(theirs, frame_positions=True, self_attention="segment")


def salmonn_connector(trained: Trained, fresh: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return SALMONN's tensors for the connector, with the projection only if the language model has the same width.

    Raises:
        WeightsDoNotFit: it was trained with other encoders, or its Q-Former has another size.
        CheckpointError: its windows have another length.
    """
    seconds = float(trained.theirs.get("second_per_window", 1 / 3))
    if round(seconds * 50) != WindowConfig().num_frames:
        raise CheckpointError(f"--from-salmonn {trained.path} has windows of {seconds:g} s; this program needs 0.34 s.")
    given = {
        name: tensor.float()
        for name, tensor in trained.renamed.tensors.items()
        if name.startswith(("fusion.", "connector.")) and name not in FRESH
    }
    width = len(fresh["connector.projection.bias"])
    if len(given.get("connector.projection.bias", ())) != width:
        given = {name: tensor for name, tensor in given.items() if not name.startswith("connector.projection.")}
    expected = {n: tuple(t.shape) for n, t in fresh.items() if n not in FRESH and "projection" not in n}
    found = {n: tuple(t.shape) for n, t in given.items() if "projection" not in n}
    require_fit(
        compare(expected, found, trained.path),
        "SALMONN was trained with whisper-large-v2 and BEATs iter3+: give these, or leave --from-salmonn out.",
    )
    return given


def salmonn_adapters(trained: Trained, llm: Net) -> Adapters:
    """Return SALMONN's adapters if they all fit this language model: Vicuna fits, other families do not."""
    halves: dict[str, Shape] = adapter_shapes(trained.renamed)
    for name in trained.renamed.adapters:
        matrix = llm.shapes.get(name.removeprefix("llm."))
        stem = name.removesuffix("weight")
        if matrix is None or (halves[stem + "lora_B"][0], halves[stem + "lora_A"][1]) != matrix:
            return {}
    alpha = float(trained.theirs.get("lora_alpha", 32))
    return {name: (pair, alpha / len(pair[0])) for name, pair in trained.renamed.adapters.items()}
