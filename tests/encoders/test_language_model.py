"""A language model as an encoder: a window's vector is its own, whatever stands beside it, and memory may run out."""

from __future__ import annotations

import json
import logging
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import torch

from binner import encoders
from binner.config import EncoderConfig
from binner.data import I32, I64, U8
from binner.encoders import language_model
from binner.encoders.language_model import LanguageModel, working_type
from binner.encoders.token_batches import TASKS_AHEAD, Batches, Budget, Workers, encode_windows
from binner.encoders.tokenizer import text
from binner.encoders.transformer import pool
from binner.errors import InputError, OptionError
from tests.encoders import toy

Windows = tuple[U8, I64, I64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write_model(tmp_path_factory.mktemp("models") / "toy")


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["float32", "bf16"])
def encoder(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> LanguageModel:
    monkeypatch.setattr(language_model, "working_type", lambda device: request.param)
    return load(folder)


def load(folder: Path, **options: object) -> LanguageModel:
    encoder = encoders.load(str(folder), EncoderConfig(**options))  # type: ignore[arg-type]
    assert isinstance(encoder, LanguageModel)
    return encoder


@pytest.fixture
def windows() -> Windows:
    """Many of one length, some of other lengths, two with single N."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 8000).astype(np.uint8)
    codes[[105, 7000]] = 4
    lengths = np.concatenate([np.full(20, 200), rng.integers(100, 700, 20)])
    start = rng.integers(0, 7000, 40)
    return codes, start, start + lengths


def tolerance(encoder: LanguageModel) -> float:
    return 2e-5 if encoder.dtype == torch.float32 else 0.05


def test_a_vector_is_the_mean_over_tokens_and_strands(folder: Path, windows: Windows, encoder: LanguageModel) -> None:
    codes, start, stop = windows
    found = encoder.embed(codes, start, stop)
    assert found.dtype == np.float32
    assert found.shape == (40, toy.SHAPE.width)
    model = encoders.checkpoint.load(folder)
    for row in range(0, 40, 7):
        expected = np.zeros(toy.SHAPE.width, np.float32)
        for reverse in (False, True):
            ids = encoder.tokenizer.encode([text(codes[start[row] : stop[row]], reverse=reverse)])[0]
            mean = pool(model(torch.tensor(ids)[None].long()))[0].detach().numpy()
            expected += mean / np.linalg.norm(mean) * len(mean) ** 0.5 / 2
        np.testing.assert_allclose(found[row], expected, atol=tolerance(encoder))


def test_neither_batch_nor_order_change_a_row(windows: Windows, encoder: LanguageModel) -> None:
    codes, start, stop = windows
    together = encoder.embed(codes, start, stop)
    alone = np.concatenate([encoder.embed(codes, start[i : i + 1], stop[i : i + 1]) for i in range(len(start))])
    np.testing.assert_allclose(alone, together, atol=tolerance(encoder))
    backward = encoder.embed(codes, start[::-1], stop[::-1])[::-1]
    np.testing.assert_allclose(backward, together, atol=tolerance(encoder))
    for tokens in (1, 300, 10**6):
        encoder.budget = Budget(tokens)
        np.testing.assert_allclose(encoder.embed(codes, start, stop), together, atol=tolerance(encoder))


def test_both_strands_are_one_and_forward_is_not(folder: Path, windows: Windows, encoder: LanguageModel) -> None:
    codes, start, stop = windows
    other = np.where(codes == 4, 4, 3 - codes)[::-1].astype(np.uint8)
    turned = len(codes) - stop, len(codes) - start
    np.testing.assert_allclose(
        encoder.embed(other, *turned), encoder.embed(codes, start, stop), atol=tolerance(encoder)
    )
    forward = load(folder, strands="forward")
    one, two = forward.embed(codes, start, stop), forward.embed(other, *turned)
    assert np.abs(one - two).max() > 0.1
    np.testing.assert_allclose((one + two) / 2, encoder.embed(codes, start, stop), atol=tolerance(encoder))


def test_other_processes_tokenise_alike(folder: Path, windows: Windows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("binner.encoders.token_batches.WINDOWS_PER_TASK", 3)
    encoder = load(folder)
    expected = encoder.embed(*windows)
    encoder.workers = Workers(1)
    np.testing.assert_allclose(encoder.embed(*windows), expected, atol=tolerance(encoder))
    pool = encoder.workers._pool
    assert pool is not None
    encoder.budget = Budget(100)
    np.testing.assert_allclose(encoder.embed(*windows), expected, atol=tolerance(encoder))
    assert encoder.workers._pool is pool, "they stay"
    encoder.workers = None
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(int)


def test_who_stops_early_leaves_no_task_behind(folder: Path, windows: Windows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("binner.encoders.token_batches.WINDOWS_PER_TASK", 3)
    tasks: list[Future[tuple[I32, I64]]] = []
    tokenizer = load(folder).tokenizer

    class Waiting(Workers):
        def submit(self, codes: U8, lengths: I64, *, both: bool, folder: Path) -> Future[tuple[I32, I64]]:
            tasks.append(Future())
            if len(tasks) == 1:
                tasks[0].set_result(encode_windows(tokenizer, codes, lengths, both=both))
            return tasks[-1]

    batches = iter(Batches(*windows, tokenizer, True, Budget(1), folder, Waiting(1)))
    next(batches)
    assert len(tasks) == 1 + TASKS_AHEAD
    batches.close()  # type: ignore[attr-defined]
    assert [task.cancelled() for task in tasks] == [False] + [True] * TASKS_AHEAD


def test_batches_are_of_equal_lengths_full_and_longest_first(folder: Path, windows: Windows) -> None:
    tokenizer = load(folder).tokenizer
    batches = list(Batches(*windows, tokenizer, True, Budget(1000), folder))
    rows = np.concatenate([batch.rows for batch in batches])
    np.testing.assert_array_equal(np.bincount(rows), 2)
    for batch in batches:
        assert batch.ids.size <= 1000
        assert not np.isin(batch.ids, [0, tokenizer.pad_id]).any(), "neither padding nor [UNK] for N"
        for row, ids in zip(batch.rows, batch.ids, strict=True):
            codes, start, stop = windows
            strands = [text(codes[start[row] : stop[row]], reverse=reverse) for reverse in (False, True)]
            assert any(np.array_equal(ids, found) for found in tokenizer.encode(strands))
    unlike = [batch.ids.shape[1] for batch in Batches(*windows, tokenizer, True, Budget(1), folder)]
    longest = (windows[2] - windows[1]).max()
    assert max(unlike[:2]) > longest / 6, "the longest come first"
    assert np.mean(unlike[:20]) > np.mean(unlike[20:])


def test_nothing_to_encode(folder: Path) -> None:
    nothing = np.zeros(0, np.int64)
    assert load(folder).embed(np.zeros(5, np.uint8), nothing, nothing).shape == (0, toy.SHAPE.width)


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("can't allocate memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
    ids=["GPU", "CPU", "cuBLAS"],
)
def test_batches_are_halved_when_memory_runs_out(
    folder: Path,
    windows: Windows,
    monkeypatch: pytest.MonkeyPatch,
    error: RuntimeError,
    caplog: pytest.LogCaptureFixture,
) -> None:
    encoder = load(folder)
    expected = encoder.embed(*windows)
    forward, sizes = encoder.model.forward, list[int]()

    def small(ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        sizes.append(ids.numel())
        if ids.numel() > 400:
            raise error
        return forward(ids, mask)

    monkeypatch.setattr(encoder.model, "forward", small)
    with caplog.at_level(logging.INFO):
        found = encoder.embed(*windows)
    np.testing.assert_allclose(found, expected, atol=tolerance(encoder))
    assert "out of memory on cpu: batches of" in caplog.text
    assert encoder.budget.tokens <= 400
    failed = [i for i, size in enumerate(sizes) if size > 400]
    assert len(failed) == 1, "it learns from the first"


def test_one_window_that_does_not_fit(folder: Path, windows: Windows, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load(folder)

    def full(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(encoder.model, "forward", full)
    with pytest.raises(OptionError, match=r"out of memory on cpu with one window of \d+ tokens; make --window smaller"):
        encoder.embed(*windows)


def test_a_bug_is_not_taken_for_a_lack_of_memory(
    folder: Path, windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load(folder)

    def broken(*_: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(encoder.model, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        encoder.embed(*windows)


def test_the_digest_tells_models_and_ways_of_reading_apart(folder: Path, tmp_path: Path) -> None:
    own = load(folder)
    others = [
        load(folder, strands="forward"),
        load(folder, window=500),
        load(toy.write_model(tmp_path / "toy", seed=1)),
    ]
    assert len({encoder.digest for encoder in [own, *others]}) == 4
    assert own.digest == load(folder).digest
    assert own.name == "toy"
    assert others[1].window == 500


def test_a_tokenizer_of_another_model(folder: Path, tmp_path: Path) -> None:
    other = toy.write_model(tmp_path / "other")
    toy.write_tokenizer(other / "tokenizer.json", vocabulary=300)
    with pytest.raises(InputError, match="300 tokens, and the model knows 200"):
        load(other)


def test_a_tokenizer_whose_ids_have_gaps(folder: Path, tmp_path: Path) -> None:
    """As many tokens as the model knows, and an id behind its table."""
    other = toy.write_model(tmp_path / "other")
    content = json.loads((other / "tokenizer.json").read_text())
    words = content["model"]["vocab"]
    words[max(words, key=words.get)] = 5000
    (other / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="5001 tokens, and the model knows 200"):
        load(other)


def test_a_folder_is_told_by_what_it_holds(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"vocab_size": 5}))
    with pytest.raises(InputError, match=r"neither model\.safetensors nor"):
        encoders.load(str(tmp_path))
    assert encoders.load(str(encoders.MODELS / "whitening")).name == "whitening"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("sse avx512f avx512_bf16", torch.bfloat16),
        ("fp asimd bf16", torch.bfloat16),
        ("avx2", torch.float32),
        (None, torch.float32),
    ],
)
def test_bf16_on_cpus_that_have_it(tmp_path: Path, flags: str | None, expected: torch.dtype) -> None:
    info = tmp_path / "cpuinfo"
    if flags is not None:
        info.write_text(f"processor : 0\nflags : {flags}\n")
    assert working_type(torch.device("cpu"), cpu_info=info) == expected


def test_weights_of_products_in_bf16_norms_in_float32(encoder: LanguageModel) -> None:
    types = {name: weight.dtype for name, weight in encoder.model.named_parameters()}
    assert {kind for name, kind in types.items() if "orm" in name or "embeddings" in name} == {torch.float32}
    assert {kind for name, kind in types.items() if "Wqkv" in name or "mlp.wo." in name} == {encoder.dtype}


def test_progress_is_reported(folder: Path, windows: Windows) -> None:
    heard: list[tuple[int, int]] = []
    load(folder).embed(*windows, progress=lambda done, total: heard.append((done, total)))
    assert heard[-1] == (80, 80)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)


def test_what_is_compiled_first_is_what_all_batches_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of another shape makes no new graph: that would cost seconds in the midst of the work."""
    compiled = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda layer, **how: compiled(layer, backend="eager", **how))
    encoder = load(folder)
    encoder.compile()
    with torch._dynamo.config.patch(error_on_recompile=True):
        for shape in ((2, 64), (1, 64), (7, 61), (1, 33), (30, 128), (3, 477)):
            assert torch.isfinite(encoder._forward(np.full(shape, 5, np.int32))).all()
