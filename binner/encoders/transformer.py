"""The transformer of DNABERT-2 and DNABERT-S in stock torch: post-norm, gated GELU, ALiBi in place of positions.

The names of the modules are those of the published checkpoints. Layer norms and the mean over tokens are computed in
float32 whatever the matrix products are computed in (`torch.autocast`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

FAR = -10_000.0  # added to the score of a padded key; its weight is then exactly 0
ALIGNMENT = 8  # columns: what the fused attention kernels want strides and head widths to be a multiple of
# Not cuDNN's, which torch prefers on Hopper: it plans anew (half a second) for every shape of a batch.
KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
MOST_LAYERS, MOST = 10_000, 10**8  # of whatever a description asks for: beyond, no memory holds it
INITIAL_SPREAD = 0.02  # standard deviation of new weights, as BERT has it


@dataclass(frozen=True, slots=True)
class TransformerConfig:
    """The shape; the defaults are those of DNABERT-2-117M and DNABERT-S."""

    vocabulary: int = 4096
    width: int = 768
    layers: int = 12
    heads: int = 12
    inner: int = 3072  # of the feed-forward part; its gate doubles the first product
    types: int = 2  # rows of the token type table, of which only the first is used
    epsilon: float = 1e-12  # of the layer norms
    dropout: float = 0.1  # while training

    def __post_init__(self) -> None:
        for name in ("vocabulary", "width", "layers", "heads", "inner", "types"):
            if not 1 <= getattr(self, name) <= (MOST_LAYERS if name == "layers" else MOST):
                raise ValueError(f"{name} is {getattr(self, name)}, which is not the size of a network")
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} cannot be shared by {self.heads} heads")
        for name in ("dropout", "epsilon"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, and must be from 0 to below 1")


class Norm(nn.LayerNorm):
    """A layer norm in float32."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis; float32."""
        return functional.layer_norm(x.float(), self.normalized_shape, self.weight, self.bias, self.eps)


class Layer(nn.Module):
    """Attention and a gated feed-forward part, each followed by a layer norm of its sum with what went in."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.attention = nn.ModuleDict(
            {
                "self": nn.ModuleDict({"Wqkv": nn.Linear(width, 3 * width)}),
                "output": nn.ModuleDict(
                    {"dense": nn.Linear(width, width), "LayerNorm": Norm(width, eps=config.epsilon)}
                ),
            }
        )
        self.mlp = nn.ModuleDict(
            {
                "gated_layers": nn.Linear(width, 2 * config.inner, bias=False),
                "wo": nn.Linear(config.inner, width),
                "layernorm": Norm(width, eps=config.epsilon),
            }
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, hidden: Tensor, bias: Tensor, padding: Tensor | None) -> Tensor:
        """`hidden` (B, S, H) behind the layer; `bias` (1, heads, S, S); `padding` (B, S), True where no token is."""
        attention, mlp = self.attention, self.mlp
        mixed = _attend(attention["self"]["Wqkv"](hidden), self.heads, bias=bias, padding=padding)  # type: ignore[index]
        hidden = attention["output"]["LayerNorm"](hidden + self.dropout(attention["output"]["dense"](mixed)))  # type: ignore[index]
        gate, value = mlp["gated_layers"](hidden).chunk(2, dim=-1)
        inner = self.dropout(functional.gelu(gate) * value)
        out: Tensor = mlp["layernorm"](hidden + mlp["wo"](inner))
        return out


class Transformer(nn.Module):
    """Token ids to hidden states. While training, `checkpointing` trades a second forward pass for memory."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.checkpointing = False
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(config.vocabulary, config.width),
                "token_type_embeddings": nn.Embedding(config.types, config.width),
                "LayerNorm": Norm(config.width, eps=config.epsilon),
            }
        )
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer(config) for _ in range(config.layers))})
        self.dropout = nn.Dropout(config.dropout)
        self._bias = torch.zeros(1, config.heads, 0, 0)
        self.apply(_initialise)

    @property
    def layers(self) -> nn.ModuleList:
        """From the first to the last."""
        layers = self.encoder["layer"]
        assert isinstance(layers, nn.ModuleList)
        return layers

    def embed_tokens(self, ids: Tensor) -> Tensor:
        """Hidden states (B, S, H) float32 before the first layer, of ids (B, S)."""
        types = self.embeddings["token_type_embeddings"].weight[0]  # type: ignore[index]
        return self.dropout(self.embeddings["LayerNorm"](self.embeddings["word_embeddings"](ids) + types))  # type: ignore[no-any-return]

    def run(self, hidden: Tensor, *, first: int = 0, last: int | None = None, mask: Tensor | None = None) -> Tensor:
        """Hidden states (B, S, H) behind the layers first..last-1; `mask` (B, S) is True where there is a token."""
        device = hidden.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        bias = self.bias(hidden.shape[1], device=hidden.device, dtype=dtype)
        padding = None if mask is None else ~mask.bool()
        for layer in self.layers[first:last]:
            if self.checkpointing and self.training and torch.is_grad_enabled():
                hidden = checkpoint(layer, hidden, bias, padding, use_reentrant=False)
            else:
                hidden = layer(hidden, bias, padding)
        return hidden

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Last hidden states (B, S, H) float32 of ids (B, S)."""
        return self.run(self.embed_tokens(ids), mask=mask)

    def bias(self, length: int, *, device: torch.device, dtype: torch.dtype) -> Tensor:
        """ALiBi's bias (1, heads, S, S), -slope x distance: a corner of one table that grows when it must.

        It is shared by the batch and by the layers, and by all lengths up to the longest seen.
        """
        known = self._bias
        if known.shape[2] < length or known.device != device or known.dtype != dtype:
            size = -(-length // ALIGNMENT) * ALIGNMENT
            place = torch.arange(size, device=device)
            distance = (place[:, None] - place).abs()
            slope = torch.tensor(slopes(self.config.heads), device=device)
            known = self._bias = (-slope[:, None, None] * distance).to(dtype)[None]
        return known[:, :, :length, :length]


def slopes(heads: int) -> list[float]:
    """ALiBi's slope of each head: a geometric series, filled up from that of twice as many where it is no power of 2.

    >>> slopes(4), slopes(3)
    ([0.25, 0.0625, 0.015625, 0.00390625], [0.0625, 0.00390625, 0.25])
    """

    def series(number: int) -> list[float]:
        return [2 ** (-8 * i / number) for i in range(1, number + 1)]

    power = 2 ** int(math.log2(heads))
    return (series(power) + series(2 * power)[::2])[:heads]


def pool(hidden: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean over the tokens, [CLS] and [SEP] among them, (B, H) float32; `mask` (B, S) is True where there is one."""
    hidden = hidden.float()
    if mask is None:
        return hidden.mean(1)
    weight = mask.to(hidden.dtype)[:, :, None]
    return (hidden * weight).sum(1) / weight.sum(1).clamp(min=1)


def _attend(qkv: Tensor, heads: int, *, bias: Tensor, padding: Tensor | None) -> Tensor:
    """Attention of (B, S, 3H), [query | key | value], to (B, S, H).

    Padding goes into one more column of queries (1) and keys (`FAR`), since a mask that is added to the bias would have
    to be as large as batch x heads x S x S. So are the scores where no fused kernel takes the width of a head, which is
    therefore filled up with zeros.
    """
    batch, length, width = qkv.shape[0], qkv.shape[1], qkv.shape[2] // 3
    head = width // heads
    query, key, value = qkv.view(batch, length, 3, heads, head).permute(2, 0, 3, 1, 4).unbind(0)
    more = -head % ALIGNMENT or (ALIGNMENT if padding is not None else 0)
    if more:
        query, key, value = (functional.pad(part, (0, more)) for part in (query, key, value))
    if padding is not None:
        query[..., head] = 1
        key[..., head] = (padding * (FAR * math.sqrt(head))).to(key.dtype)[:, None]
    with sdpa_kernel(KERNELS):
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1 / math.sqrt(head))
    return mixed[..., :head].transpose(1, 2).reshape(batch, length, width)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=INITIAL_SPREAD)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
