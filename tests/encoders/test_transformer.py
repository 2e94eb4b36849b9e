"""The transformer against a slow reference in float64, and against what the published implementation computed."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from binner.data import F64
from binner.encoders import checkpoint
from binner.encoders.transformer import ALIGNMENT, Transformer, TransformerConfig, pool, slopes
from tests.encoders import toy

PARITY = Path(os.environ.get("BINNER_PARITY", Path(__file__).parents[3] / "shared/fixtures/dnabert_tiny"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Transformer:
    return checkpoint.load(toy.write_model(tmp_path_factory.mktemp("model")))


def draw(batch: int, length: int, *, seed: int = 0) -> Tensor:
    return torch.randint(5, 200, (batch, length), generator=torch.Generator().manual_seed(seed))


def reference(model: Transformer, ids: list[int]) -> F64:
    """Hidden states (S, H), token by token as the formulas have it."""
    w = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}

    def norm(x: F64, name: str) -> F64:
        spread: F64 = np.sqrt(x.var(-1, keepdims=True) + model.config.epsilon)
        out: F64 = (x - x.mean(-1, keepdims=True)) / spread * w[f"{name}.weight"]
        out += w[f"{name}.bias"]
        return out

    def linear(x: F64, name: str) -> F64:
        out: F64 = x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0)
        return out

    words, types = (w[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "token_type"))
    hidden = norm(words[ids] + types[0], "embeddings.LayerNorm")
    heads, length = model.config.heads, len(ids)
    head = model.config.width // heads
    for number in range(model.config.layers):
        own = f"encoder.layer.{number}"
        mixed = np.zeros_like(hidden)
        qkv = linear(hidden, f"{own}.attention.self.Wqkv")
        for h, slope in enumerate(slopes(heads)):
            q, k, v = (qkv[:, (part * heads + h) * head :][:, :head] for part in range(3))
            for i in range(length):
                scores = [float(q[i] @ k[j]) / math.sqrt(head) - slope * abs(i - j) for j in range(length)]
                weights = np.exp(np.array(scores) - max(scores))
                mixed[i, h * head : (h + 1) * head] = weights / weights.sum() @ v
        attended = linear(mixed, f"{own}.attention.output.dense")
        hidden = norm(hidden + attended, f"{own}.attention.output.LayerNorm")
        gate, value = np.split(linear(hidden, f"{own}.mlp.gated_layers"), 2, axis=-1)
        gelu = gate * 0.5 * (1 + np.vectorize(math.erf)(gate / math.sqrt(2)))
        hidden = norm(hidden + linear(gelu * value, f"{own}.mlp.wo"), f"{own}.mlp.layernorm")
    return hidden


@pytest.mark.parametrize("length", [1, 2, 37])
def test_hidden_states_equal_a_slow_reference(model: Transformer, length: int) -> None:
    ids = draw(1, length)
    found = model(ids)[0].detach().numpy()
    np.testing.assert_allclose(found, reference(model, ids[0].tolist()), atol=2e-5)


@pytest.mark.skipif(not PARITY.is_dir(), reason="no checkpoint with expected values: name a folder in BINNER_PARITY")
def test_parity_with_the_published_implementation() -> None:
    """Padded or not, in any order of the batch."""
    model = checkpoint.load(PARITY)
    expected = torch.load(PARITY / "expected.pt", weights_only=True)
    ids, mask = expected["input_ids"], expected["attention_mask"].bool()
    order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        for rows in (torch.arange(len(ids)), order):
            hidden = model(ids[rows], mask[rows])
            assert (hidden - expected["hidden"][rows])[mask[rows]].abs().max() < 1e-5
            assert (pool(hidden, mask[rows]) - expected["mean_pooled"][rows]).abs().max() < 1e-5
        for row in order:
            hidden = model(ids[row, mask[row]][None])
            assert (hidden[0] - expected["hidden"][row, mask[row]]).abs().max() < 1e-5
            assert (pool(hidden)[0] - expected["mean_pooled"][row]).abs().max() < 1e-5


def test_padding_and_the_order_of_the_batch_change_nothing(model: Transformer) -> None:
    lengths = [3, 50, 17, 33]
    ids = draw(4, 64)
    mask = torch.arange(64) < torch.tensor(lengths)[:, None]
    together = model(ids, mask)
    alone = [model(ids[row : row + 1, :length])[0] for row, length in enumerate(lengths)]
    for row, length in enumerate(lengths):
        torch.testing.assert_close(together[row, :length], alone[row], atol=2e-5, rtol=1e-4)
    pooled = pool(together, mask)
    torch.testing.assert_close(pooled, torch.stack([hidden.mean(0) for hidden in alone]), atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(pool(model(ids.flip(0), mask.flip(0)), mask.flip(0)).flip(0), pooled)


def test_layers_can_be_run_in_parts(model: Transformer) -> None:
    ids = draw(2, 20)
    mask = torch.arange(20) < torch.tensor([[20], [11]])
    for split in range(3):
        half = model.run(model.embed_tokens(ids), last=split, mask=mask)
        torch.testing.assert_close(model.run(half, first=split, mask=mask), model(ids, mask))


@pytest.mark.parametrize(("heads", "masked"), [(6, False), (6, True), (12, False), (12, True)])
@pytest.mark.parametrize("length", [21, 64])
def test_attention_is_fit_for_the_fused_kernels(
    heads: int, masked: bool, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What those of a GPU ask for is given, and not cuDNN's, which plans anew for every shape."""
    model = Transformer(replace(toy.SHAPE, heads=heads)).eval()
    attend, calls = functional.scaled_dot_product_attention, 0

    def watched(query: Tensor, key: Tensor, value: Tensor, *, attn_mask: Tensor, scale: float) -> Tensor:
        nonlocal calls
        calls += 1
        assert not torch.backends.cuda.cudnn_sdp_enabled()  # type: ignore[no-untyped-call]
        assert torch.backends.cuda.mem_efficient_sdp_enabled()  # type: ignore[no-untyped-call]
        assert {part.dtype for part in (query, key, value)} == {attn_mask.dtype}
        for part in (query, key, value, attn_mask):
            assert part.stride(-1) == 1
            assert not any(stride % ALIGNMENT for stride in part.stride()[:-1])
        assert {part.shape[-1] % ALIGNMENT for part in (query, key, value)} == {0}
        assert attn_mask.shape == (1, heads, length, length), "shared by the batch"
        return attend(query, key, value, attn_mask=attn_mask, scale=scale)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", watched)
    mask = torch.arange(length) < torch.tensor([[length], [length - 5]]) if masked else None
    for dtype in (torch.float32, torch.bfloat16):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=dtype != torch.float32):
            model(draw(2, length), mask)
    assert calls == 2 * toy.SHAPE.layers
    assert torch.backends.cuda.cudnn_sdp_enabled(), "as it was"  # type: ignore[no-untyped-call]


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """How many numbers the largest tensor has that comes into being."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        tensors = [each for each in (found if isinstance(found, tuple) else (found,)) if isinstance(each, Tensor)]
        self.numbers = max([self.numbers, *(tensor.untyped_storage().nbytes() // 4 for tensor in tensors)])
        return found


@pytest.mark.parametrize("heads", [6, 12])
@pytest.mark.parametrize("masked", [False, True])
def test_nothing_is_as_large_as_all_scores(heads: int, masked: bool) -> None:
    batch, length = 16, 256
    model = Transformer(replace(toy.SHAPE, heads=heads)).eval()
    mask = (torch.arange(length) < length - 5).expand(batch, -1) if masked else None
    with torch.inference_mode(), Largest() as largest:
        model(draw(batch, length), mask)
    assert heads * length**2 <= largest.numbers < batch * heads * length**2 / 4


def test_bf16_is_near_and_norms_stay_in_float32(model: Transformer) -> None:
    ids = draw(2, 60)
    with torch.autocast("cpu", torch.bfloat16):
        coarse = model(ids)
    assert coarse.dtype == torch.float32
    fine = pool(model(ids))
    assert torch.nn.functional.cosine_similarity(pool(coarse), fine).min() > 0.99
    torch.testing.assert_close(pool(model(ids)), fine)  # the bias of bf16 is not used again


def test_checkpointing_changes_no_gradient(model: Transformer) -> None:
    ids = draw(2, 30)
    gradients = []
    model.train()
    for checkpointing in (False, True):
        model.checkpointing = checkpointing
        model.zero_grad()
        with torch.random.fork_rng([]):
            torch.manual_seed(1)
            pool(model(ids)).square().sum().backward()  # type: ignore[no-untyped-call]
        gradients.append(
            {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
        )
    model.checkpointing = False
    model.eval()
    assert len(gradients[0]) == len(model.state_dict())
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, msg=name)


def test_dropout_only_while_training(model: Transformer) -> None:
    ids = draw(1, 30)
    model.train()
    assert not torch.equal(model(ids), model(ids))
    model.eval()
    assert torch.equal(model(ids), model(ids))


def test_slopes_of_twelve_heads() -> None:
    expected = [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625]
    expected += [0.7071067812, 0.3535533906, 0.1767766953, 0.0883883476]
    assert slopes(12) == pytest.approx(expected)
    assert slopes(8) == pytest.approx(expected[:8])


def test_the_published_shape_has_its_keys_and_parameters() -> None:
    with torch.device("meta"):
        model = Transformer(TransformerConfig())
        pooler = torch.nn.Linear(768, 768)
    assert len(model.state_dict()) + len(pooler.state_dict()) == 138
    assert sum(weight.numel() for part in (model, pooler) for weight in part.parameters()) == 117_068_544
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert shapes["encoder.layer.11.attention.self.Wqkv.weight"] == (2304, 768)
    assert shapes["encoder.layer.0.mlp.gated_layers.weight"] == (6144, 768)
    assert "encoder.layer.0.mlp.gated_layers.bias" not in shapes


@pytest.mark.parametrize(("change", "message"), [({"layers": 0}, "layers is 0"), ({"heads": 7}, "768 .* 7 heads")])
def test_shapes_that_cannot_be(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TransformerConfig(**change)
