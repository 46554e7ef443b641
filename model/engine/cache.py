"""Keys and values of all slots, allocated once, behind the cache interface of the library's decoders.

One tensor [layers, 2, slots, heads, length, head_dim] holds them, keys at 0 and values at 1. Each forward pass gets a
view of the part that it may read. The library's modules call the view's `update` layer by layer.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import Cache, PretrainedConfig

States = Float[Tensor, "layers 2 slots heads length head_dim"]


def slot_shape(config: PretrainedConfig) -> tuple[int, int, int, int]:
    """Return (layers, 2 for keys and values, heads, head_dim) of any library decoder with standard attention."""
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return config.num_hidden_layers, 2, heads, width


def allocate(
    config: PretrainedConfig, num_slots: int, length: int, *, device: torch.device, dtype: torch.dtype
) -> States:
    """Allocate the cache of all slots with zeros: masked values are still multiplied by 0, so they must be finite."""
    layers, pair, heads, width = slot_shape(config)
    return torch.zeros(layers, pair, num_slots, heads, length, width, device=device, dtype=dtype)


class DecodeView(Cache):
    """The cache of one decoding step: it writes a few entries per slot and reads adjacent slots.

    Attributes:
        slots: [rows, 1], the slot of each row.
        places: [rows, entries], the positions in that slot where the new entries are written.
    """

    def __init__(
        self,
        states: States,
        first: int,
        last: int,
        length: int,
        slots: Int[Tensor, "rows 1"],
        places: Int[Tensor, "rows entries"],
    ) -> None:
        super().__init__(layers=[])
        self.slots = slots
        self.places = places
        self._layers = [(layer[0], layer[1]) for layer in states]
        self._read = [(keys[first:last, :, :length], values[first:last, :, :length]) for keys, values in self._layers]

    def update(  # called by the attention of each layer
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Store the new entries and return all entries of these slots. The attention mask hides the unused ones."""
        keys, values = self._layers[layer_idx]
        keys[self.slots, :, self.places] = key_states.transpose(1, 2)
        values[self.slots, :, self.places] = value_states.transpose(1, 2)
        return self._read[layer_idx]


class PrefillView(Cache):
    """The cache of one prefill: it writes prompts into any slots, after prefixes that are already computed.

    Args:
        rows, columns: [tokens], the tokens of a padded batch that are not padding.
        slots, places: [tokens], where each of them is written.
        prefix: keys and values before each row, padded; None without prefixes.
    """

    def __init__(
        self,
        states: States,
        rows: Int[Tensor, " tokens"],
        columns: Int[Tensor, " tokens"],
        slots: Int[Tensor, " tokens"],
        places: Int[Tensor, " tokens"],
        prefix: Float[Tensor, "layers 2 rows heads prefix head_dim"] | None,
    ) -> None:
        super().__init__(layers=[])
        self._states = states
        self._from = (rows, columns)
        self._to = (slots, places)
        self._prefix = prefix

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Store the new entries and return them with the prefix before them."""
        (rows, columns), (slots, places) = self._from, self._to
        seen = []
        for kind, new in enumerate((key_states, value_states)):
            self._states[layer_idx, kind][slots, :, places] = new[rows, :, columns]
            seen.append(new if self._prefix is None else torch.cat([self._prefix[layer_idx, kind], new], dim=2))
        return seen[0], seen[1]
