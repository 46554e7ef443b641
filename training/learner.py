"""The trained modules of a stage and their loss on a micro-batch."""

from collections.abc import Sequence
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from model.language.prompt import prompt_ids
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from training.data.answers import PLAIN
from training.data.instructions import question_of_row
from training.data.manifest import Row
from training.data.target_text import presence_ids, target_text
from training.feature_dropout import FeatureDropout
from training.out_of_fold import OutOfFold
from training.parameter_group import ParameterGroup, by_weight_decay
from training.stages import StageConfig
from training.text_rows import TokenizedRow, separate_rows, shared_rows


class Learner(nn.Module):
    """The connector and the language model with LoRA; the encoders stay outside and frozen.

    The markers' 20 rows are separate float32 parameters, one set for the embedding and one for the head (a single set
    where the checkpoint ties them). This avoids gradients for the whole vocabulary and keeps AdamW's small steps from
    getting lost in bfloat16. `write_markers` copies them into the language model.

    Source: paper, "Training Strategy".

    Attributes:
        out_of_fold: the recordings whose tokens come from another connector; None: there are none.
        num_tokens, num_padded: tokens and padding positions that the language model has computed since a caller set
            them to 0.
    """

    marker_ids: Tensor
    marker_places: Tensor
    token_weight: Tensor

    def __init__(self, model: TimeAudio, tokenizer: Tokenizer, config: StageConfig) -> None:
        super().__init__()
        self.fusion, self.connector, self.llm = model.fusion, model.connector, model.llm
        self._tokenizer, self._prompt, self._config = tokenizer, model.config.prompt, config
        self._anchors = model.anchors
        self.out_of_fold: OutOfFold | None = None
        self.feature_dropout = FeatureDropout(config.feature_dropout if config.dropout else 0.0)
        self.num_tokens = self.num_padded = 0
        self._prepare()
        marker_ids = torch.tensor(tokenizer.marker_ids)
        self.register_buffer("marker_ids", marker_ids, persistent=False)
        embedding, head = self.llm.get_input_embeddings().weight, self.llm.get_output_embeddings().weight
        self.embedding_rows = nn.Parameter(embedding[marker_ids].float().clone())
        self.head_rows = self.embedding_rows if embedding is head else nn.Parameter(head[marker_ids].float().clone())
        places = torch.full((embedding.shape[0],), -1)
        places[marker_ids] = torch.arange(len(marker_ids))
        self.register_buffer("marker_places", places, persistent=False)
        weight = torch.ones(head.shape[0])
        weight[list(tokenizer.marker_ids)] = config.time_weight
        present, absent = presence_ids(tokenizer)
        weight[[*present, absent]] = config.presence_weight
        self.register_buffer("token_weight", weight, persistent=False)
        for rows in {self.embedding_rows, self.head_rows}:
            rows.requires_grad_("markers" in config.trains)

    def _prepare(self) -> None:
        """Freeze everything, then unfreeze what the stage trains."""
        config = self._config
        for module in (self.fusion, self.connector, self.llm):
            module.requires_grad_(False)
        if "lora" in config.trains:
            inject_adapter_in_model(
                LoraConfig(
                    r=config.lora.rank, lora_alpha=config.lora.alpha, target_modules=list(config.lora.targets),
                    lora_dropout=config.lora.dropout if config.dropout else 0.0,
                ),
                self.llm,
            )  # fmt: skip
            for parameter in self._lora():
                parameter.data = parameter.data.float()
                parameter.requires_grad_(True)
        for module in (self.fusion, self.connector.qformer, self.connector.projection):
            module.requires_grad_("connector" in config.trains)
        clocked = config.time_encoding and "time_encoding" in config.trains
        self.connector.time_encoding.weight.requires_grad_(clocked)
        if config.activation_checkpointing:
            # transformers 5.23 renamed the method and its positional argument
            name = "activation_checkpointing_enable"
            getattr(self.llm, name, self.llm.gradient_checkpointing_enable)({"use_reentrant": False})
        if next(self.parameters()).device.type == "cpu":
            self.llm.set_attn_implementation("eager")  # on a CPU the fused kernel's backward pass dominates a step
        for module in self.modules() if not config.dropout else ():
            if isinstance(module, nn.Dropout):
                module.p = 0.0

    @property
    def keeps_adapter(self) -> bool:
        """Whether the checkpoint keeps the adapters separate from the language model."""
        return "lora" in self._config.trains and not self._config.lora.merge

    def _lora(self) -> list[nn.Parameter]:
        """Return the current adapters; sharding replaces these objects."""
        return [p for name, p in self.llm.named_parameters() if ".lora_" in name]

    @property
    def has_markers(self) -> bool:
        """Whether times are written as markers."""
        return self._config.markers != "none"

    def groups(self) -> list[ParameterGroup]:
        """Return the trained parameters by rate; biases, norms, time encoding and markers have no weight decay."""
        rates = self._config.rates
        connector = [
            p
            for module in (self.fusion, self.connector.qformer, self.connector.projection)
            for p in module.parameters()
        ]
        clock = [self.connector.time_encoding.weight]
        markers = list({id(p): p for p in (self.embedding_rows, self.head_rows)}.values())
        scale = {part: rates.get(part, 1.0) for part in ("connector", "time_encoding", "markers", "lora")}
        groups = [
            *by_weight_decay(connector, scale["connector"]),
            ParameterGroup(clock, scale["time_encoding"], weight_decay=False),
            ParameterGroup(markers, scale["markers"], weight_decay=False),
            ParameterGroup(self._lora(), scale["lora"]),
        ]
        trainable = [
            ParameterGroup([p for p in g.parameters if p.requires_grad and p.numel()], g.scale, g.weight_decay)
            for g in groups
        ]
        return [group for group in trainable if group.parameters]

    def example(self, row: Row) -> TokenizedRow:
        """Return a row as token ids."""
        before, after = prompt_ids(self._tokenizer, self._prompt, question_of_row(row))
        answer = target_text(row) if self.has_markers else target_text(row, PLAIN.interval, PLAIN.time)
        is_out_of_fold = self.out_of_fold is not None and row.audio in self.out_of_fold.audio
        return TokenizedRow(before, after, [*self._tokenizer.encode(answer), self._tokenizer.eos_id], is_out_of_fold)

    def loss_weight(self, examples: Sequence[TokenizedRow]) -> float:
        """Return the divisor of a sum of losses: the total weight of the answers' tokens."""
        return sum(float(self.token_weight[t.answer].sum()) for t in examples)

    def forward(
        self, frames: Sequence[tuple[Tensor, Tensor]], samples: Sequence[int], examples: Sequence[TokenizedRow]
    ) -> Tensor:
        """Return the weighted sum of the answer tokens' cross-entropies, plus the digit distances."""
        audio = self._audio(frames, samples, examples)
        if self._config.together > 1:
            rows = shared_rows(self._embed, audio, examples)
        else:
            rows = separate_rows(self._embed, audio, examples, self._config.packing)
        self.num_tokens += rows.num_tokens
        self.num_padded += rows.positions.numel() - rows.num_tokens
        hidden = self.llm.get_decoder()(
            inputs_embeds=rows.embeds, attention_mask=rows.mask, position_ids=rows.positions, use_cache=False
        ).last_hidden_state
        predicts = rows.labels != -100
        return self._loss(hidden[predicts], rows.labels[predicts])

    def _loss(self, hidden: Tensor, labels: Tensor) -> Tensor:
        logits = self.llm.get_output_embeddings()(hidden).float()
        markers = (hidden.float() @ self.head_rows.T).to(logits)
        logits = logits.index_copy(1, self.marker_ids, markers)
        each = nn.functional.cross_entropy(logits, labels, reduction="none")
        loss: Tensor = (each * self.token_weight[labels]).sum()
        if self._config.digit_weight:
            loss = loss + self._config.digit_weight * self._digit_distance(logits, labels)
        return loss

    def _digit_distance(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Sum over markers the expected |digit - right digit| among the ten markers of the same kind."""
        places = self.marker_places[labels]
        is_marker = places >= 0
        if not is_marker.any():
            return logits.sum() * 0
        places, scores = places[is_marker], logits[is_marker][:, self.marker_ids]
        kinds = torch.where((places < 10)[:, None], scores[:, :10], scores[:, 10:])
        digits = torch.arange(10, device=logits.device)
        distances = (digits[None] - (places % 10)[:, None]).abs().float()
        return (kinds.softmax(-1) * distances).sum()

    def _embed(self, ids: Tensor) -> Tensor:
        embedded: Tensor = self.llm.get_input_embeddings()(ids)
        places = self.marker_places[ids]
        marker_embeddings = self.embedding_rows[places.clamp(min=0)].to(embedded.dtype)
        return torch.where((places >= 0)[:, None], marker_embeddings, embedded)

    def _audio(
        self, frames: Sequence[tuple[Tensor, Tensor]], samples: Sequence[int], examples: Sequence[TokenizedRow]
    ) -> list[Tensor]:
        """Return the audio tokens of each row's recording.

        Recordings of one length go through the connector together, each once, however many rows use it.
        """
        device = self.embedding_rows.device
        alike: dict[tuple[int, int, int, bool], dict[int, int]] = {}
        for place, ((speech, sound), example) in enumerate(zip(frames, examples, strict=True)):
            form = speech.shape[1], sound.shape[1], samples[place], example.is_out_of_fold
            alike.setdefault(form, {})[id(speech)] = place
        found: dict[int, Tensor] = {}
        for (_, _, count, is_out_of_fold), recordings in alike.items():
            speech, sound = (torch.cat([frames[p][side] for p in recordings.values()]).to(device) for side in (0, 1))
            if is_out_of_fold and self.out_of_fold:
                connector, fused = self.out_of_fold.connector, self.out_of_fold.fusion(speech, sound)
            else:
                connector, fused = self.connector, self.feature_dropout(self.fusion(speech, sound))
            anchors = self._anchors(fused.shape[1])
            embedded = None
            if anchors.ids:
                embedded = self._embed(torch.tensor(anchors.ids, device=device)), anchors.windows
            tokens = connector(fused, [count] * len(recordings), may_merge=self._config.merging, anchors=embedded)
            found |= dict(zip(recordings, tokens, strict=True))
        return [found[id(speech)] for speech, _ in frames]

    @torch.no_grad()
    def write_markers(self) -> None:
        """Copy the markers' rows into the language model's matrices."""
        for matrix, rows in (
            (self.llm.get_input_embeddings(), self.embedding_rows),
            (self.llm.get_output_embeddings(), self.head_rows),
        ):
            matrix.weight[self.marker_ids] = rows.to(matrix.weight.dtype)

    @torch.no_grad()
    def finish(self) -> None:
        """Write the markers into the language model. Merge its adapters, or remove them if these are kept separate.

        Afterwards any library can load the language model.
        """
        self.write_markers()
        adapted: list[tuple[str, Any]] = [(n, m) for n, m in self.llm.named_modules() if isinstance(m, LoraLayer)]
        for name, layer in adapted:
            if self._config.lora.merge:
                layer.merge()
            parent, _, child = name.rpartition(".")
            setattr(self.llm.get_submodule(parent), child, layer.get_base_layer())
        if adapted:
            del self.llm.peft_config  # it marks the model as having adapters
