"""`binner embed`, and `binner run` with a language model: whole, in shards, in several processes, as a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from binner import embedding_files, fasta
from binner.cli import cli
from binner.config import EncoderConfig, MachineConfig
from binner.errors import InputError, OptionError
from binner.pipeline.embed import write_embedding
from tests.encoders import toy

CPU = MachineConfig(device="cpu")
CONTIGS = Path("contigs.fa")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Contigs of several lengths, with N and lower case, and a model."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    records = {f"c{i}": toy.bases(int(rng.integers(1000, 4000)), seed=i) for i in range(14)}
    records["c3"] = records["c3"][:700] + "N" + records["c3"][700:] + "n" * 50 + toy.bases(900, seed=50).lower()
    records["short"] = toy.bases(300, seed=60)
    CONTIGS.write_text("".join(f">{name}\n{text}\n" for name, text in records.items()))
    toy.write_model(tmp_path / "model")
    return tmp_path


def binner(*args: str) -> str:
    """What the command prints."""
    result = CliRunner().invoke(cli, list(args), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def matrix(*files: str) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    contigs = fasta.read(CONTIGS, min_length=1000)
    found: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    found = embedding_files.load([Path(file) for file in files], contigs)[1].matrix
    assert found.shape == (14, toy.SHAPE.width)
    return found


RUN = ("run", "contigs.fa", "--no-markers", "--min-bin-size", "1000", "-q", "-t", "1")
EMBED = ("embed", "contigs.fa", "--encoder", "model", "-q", "-t", "1", "--device", "cpu")


def test_a_run_with_a_language_model_or_with_its_embedding() -> None:
    binner(*RUN, "--encoder", "model", "--window", "600", "-o", "one")
    binner(*EMBED, "--window", "600", "-o", "e.npz")
    binner(*RUN, "--embedding", "e.npz", "-o", "two")
    assert Path("one/contig2bin.tsv").read_bytes() == Path("two/contig2bin.tsv").read_bytes()
    assert "e.npz" in Path("two/run.json").read_text()


def test_encoders_side_by_side() -> None:
    options = ("--window", "600", "--max-windows", "2")
    binner(*RUN, "--encoder", "whitening+model", *options, "-o", "one")
    embed_all = [*EMBED[:3], "whitening+model", *EMBED[4:], *options]
    binner(*embed_all, "-o", "both.npz")
    binner(*embed_all[:3], "whitening", *embed_all[4:], "-o", "w.npz")
    binner(*EMBED, *options, "-o", "m.npz")
    binner(*RUN, "--embedding", "both.npz", "-o", "two")
    binner(*RUN, "--embedding", "w.npz", "m.npz", "-o", "three")
    first, *others = (Path(out, "contig2bin.tsv").read_bytes() for out in ("one", "two", "three"))
    assert others == [first, first]
    contigs = fasta.read(CONTIGS, min_length=1000)
    both = embedding_files.load([Path("both.npz")], contigs)[1]
    assert both.matrix.shape == (14, 256 + toy.SHAPE.width)
    assert Path("one/binner.log").read_text().count("2 encoders side by side: whitening ") == 1


def test_shards_and_options() -> None:
    binner(*EMBED, "-o", "whole.npz")
    for number in (1, 2, 3):
        binner(*EMBED, "-o", f"part{number}.npz", "--shard", f"{number}/3")
    np.testing.assert_allclose(matrix("part3.npz", "part1.npz", "part2.npz"), matrix("whole.npz"), atol=0.05)
    binner(*EMBED, "-o", "forward.npz", "--strands", "forward", "--max-windows", "1", "--window", "300")
    assert np.abs(matrix("forward.npz") - matrix("whole.npz")).max() > 0.1
    assert sorted(path.name for path in Path().iterdir()) == [
        *("contigs.fa", "forward.npz", "model", "part1.npz", "part2.npz", "part3.npz", "whole.npz")
    ]


def test_torchrun_shares_the_work_out() -> None:
    binner(*EMBED, "-o", "whole.npz")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "binner", *EMBED]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([*command, "-o", "both.npz"], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(matrix("both.npz"), matrix("whole.npz"), atol=0.05)
    assert not list(Path().glob("both.npz.*"))


def test_torchrun_and_shards_contradict_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OptionError, match="torchrun shares the work out itself"):
        embed(config=EncoderConfig(devices=2))


def embed(*, out: str = "e.npz", encoder: str = "model", config: EncoderConfig | None = None) -> None:
    write_embedding(Path(out), CONTIGS, encoder=encoder, config=config or EncoderConfig(), machine=CPU, min_length=1000)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"out": "contigs.fa"}, OptionError, "one of the inputs"),
        ({"out": "model"}, OptionError, "a folder; name a file"),
        ({"out": "none/e.npz"}, OptionError, "there is no such folder"),
        ({"out": os.devnull}, OptionError, "a device"),
        ({"encoder": "no-such-encoder"}, OptionError, "'no-such-encoder' is neither"),
        ({"encoder": "."}, InputError, r"model\.safetensors"),
        ({"encoder": "whitening+none"}, OptionError, "several of these with \\+ between; 'none' is neither"),
        ({"encoder": "model+whitening+model"}, OptionError, r"model\+whitening\+model: 'model' is named twice"),
        ({"encoder": "whitening+"}, OptionError, "'' is neither"),
        ({"encoder": "whitening+."}, InputError, r"model\.safetensors"),
    ],
)
def test_what_cannot_be(options: dict[str, str], error: type[Exception], message: str) -> None:
    before = CONTIGS.read_bytes()
    with pytest.raises(error, match=message):
        embed(**options)  # type: ignore[arg-type]
    assert CONTIGS.read_bytes() == before


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "a/b", "1/0"])
def test_shards_that_cannot_be(shard: str) -> None:
    with pytest.raises(OptionError, match="--shard is I/N"):
        binner(*EMBED, "-o", "e.npz", "--shard", shard)


def test_an_embedding_of_other_contigs_is_refused() -> None:
    binner(*EMBED, "-o", "e.npz", "-m", "2000")
    with pytest.raises(InputError, match=r"e\.npz: the embedding of other contigs; embed these, with the same -m"):
        binner(*RUN, "--embedding", "e.npz", "-o", "out")
    binner(*EMBED, "-o", "half.npz", "--shard", "1/2")
    Path("S.tsv").write_text("nothing that could be read\n")
    with pytest.raises(InputError, match=r"half\.npz: one of 2 shards, and no file has shard 2"):
        binner(*RUN, "--embedding", "half.npz", "--abundance", "S.tsv", "-o", "out")
