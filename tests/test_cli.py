"""The command line: quick to help, one line for every mistake, exit codes that workflow engines can go by."""

from __future__ import annotations

import gzip
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from binner import __version__, runtime
from binner.cli import cli, main
from binner.cli._console import console
from binner.config import RunConfig
from binner.errors import BinnerError, DeviceError
from binner.record import Summary
from tests.commands import call

BINNER = [sys.executable, "-m", "binner"]
SUMMARY = Summary(Path("x_binner"), 2, None, 10, 10**6, 8, 900_000, 1.0, 10**8)


@pytest.fixture(autouse=True)
def surroundings(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with contigs."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    (own_folder / "contigs.fa").write_text(">a\nACGT\n")


def refuse(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The one line that bad input gives, which also leaves nothing behind."""
    before = sorted(Path().iterdir())
    assert call(*args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"Error: .*\n", err), err
    assert sorted(Path().iterdir()) == before
    return err


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """The configs that `binner run` would run."""
    configs: list[RunConfig] = []

    def run(config: RunConfig, **rest: object) -> Summary:
        configs.append(config)
        return SUMMARY

    monkeypatch.setattr("binner.pipeline.run.run", run)
    return configs


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'numba', 'rich', 'pysam', 'binner.pipeline'}"
    script = f"import sys, binner.cli\ntry: binner.cli.main(sys.argv[1:])\nfinally: print({heavy} & set(sys.modules))"
    for args in (
        ["--help"],
        ["run", "--help"],
        ["coverage", "-h"],
        ["--version"],
        ["report", "-h"],
        ["doctor", "-h"],
        ["completion", "zsh"],
    ):
        out = subprocess.run([sys.executable, "-c", script, *args], capture_output=True, text=True, check=True).stdout
        assert out.endswith("set()\n")


def test_version() -> None:
    out = subprocess.run([*BINNER, "--version"], capture_output=True, text=True, check=True)
    assert (out.stdout, out.stderr) == (f"binner {__version__}\n", "")


def test_help_names_every_option_under_a_heading(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "--help") == 0
    text = capsys.readouterr().out
    for heading in ("Coverage:", "Results:", "Method:", "Machine:", "Other:", "Examples:"):
        assert heading in text
    for command in ("run", "coverage", "cluster", "report"):
        call(command, "--help")
        shown = capsys.readouterr().out
        for param in cli.commands[command].params:
            assert all(name in shown for name in param.opts if isinstance(param, click.Option)), param


@pytest.mark.parametrize(
    "group", [(), ("models",), ("train",), ("evaluate",)], ids=lambda words: " ".join(("binner", *words))
)
def test_a_group_alone_shows_its_help(group: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*group) == 2
    shown = capsys.readouterr()
    assert call(*group, "--help") == 0
    assert (shown.out, shown.err) == ("", capsys.readouterr().out)
    assert shown.err.startswith("Usage: binner ")


def test_contigs_in_place_of_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "contigs.fa").write_text(">a\nACGT\n")
    for name, said in (("contigs.fa", "to bin contigs: binner run "), ("none.fa", "No such command ")):
        assert call(str(tmp_path / name)) == 2
        assert said in capsys.readouterr().err


def test_a_closed_pipe_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    for args in (["--help"], ["run", "--help"], ["--version"]):
        done = subprocess.run([*BINNER, *args], stdout=writer, stderr=subprocess.PIPE, check=False)
        assert (done.returncode in (0, 1), done.stderr) == (True, b"")
    done = subprocess.run([*BINNER, "run", "none.fa"], stdout=writer, stderr=writer, check=False)
    assert done.returncode == 2
    os.close(writer)


def test_defaults(asked: list[RunConfig], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "contigs.fa") == 0
    (config,) = asked
    assert config.folder == Path("contigs_binner")
    assert (config.min_length, config.min_bin_size, config.seed, config.prefix) == (1000, 200_000, 1, "bin")
    assert (config.markers, config.homologs, config.refine) == (True, True, False)
    assert (config.force, config.report) == (False, True)
    assert config.machine.threads == runtime.granted_threads()
    assert (config.machine.device, config.machine.max_memory) == ("auto", None)
    assert (config.coverage.files, config.coverage.headers) == ((), True)
    assert capsys.readouterr() == ("", "")


def test_every_option_arrives(asked: list[RunConfig], capsys: pytest.CaptureFixture[str]) -> None:
    line = (
        "run contigs.fa -b a.bam b.cram --depth t.txt u.txt --abundance s.tsv -o out -t 1 -m 1500 --min-bin-size 5000"
        " --encoder whitening --no-markers --no-homologs --max-memory 4G --device cpu --seed 9 --prefix P --force"
        " --no-refine --identity 95 --no-header-depth --split-chimeras --no-report -q"
    )
    assert call(*line.split()) == 0
    (config,) = asked
    assert config.contigs == Path("contigs.fa")
    assert config.coverage.bams == (Path("a.bam"), Path("b.cram"))
    assert config.coverage.depth == (Path("t.txt"), Path("u.txt"))
    assert config.coverage.abundance == (Path("s.tsv"),)
    assert (config.coverage.identity, config.coverage.headers) == (95, False)
    assert config.folder == Path("out")
    assert config.machine.threads == 1
    assert config.machine.max_memory == 4 * 10**9
    assert config.machine.device == "cpu"
    assert (config.min_length, config.min_bin_size, config.seed, config.prefix) == (1500, 5000, 9, "P")
    assert (config.markers, config.homologs, config.refine) == (False, False, False)
    assert (config.force, config.split_chimeras) == (True, True)
    assert not config.report
    assert capsys.readouterr().out == "", "-q says nothing"


@pytest.mark.parametrize(
    ("said", "terms"),
    [
        ("", None),
        ("--refine-terms none", ()),
        ("--refine-terms mix", ("mix",)),
        ("--refine-terms mix,mmd", ("mix", "mmd")),
    ],
)
def test_terms_of_the_refinement(asked: list[RunConfig], said: str, terms: tuple[str, ...] | None) -> None:
    assert call("run", "contigs.fa", "--refine", *said.split()) == 0
    assert (asked[0].refine, asked[0].refine_terms) == (True, terms)


def test_all_genes_are_for_markers(asked: list[RunConfig], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "contigs.fa", "--all-genes") == 0
    assert asked[0].all_genes and asked[0].markers
    assert call("run", "contigs.fa", "--all-genes", "--no-markers") == 2
    assert "--all-genes are searched for markers: leave out --no-markers" in capsys.readouterr().err


def test_a_term_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "contigs.fa", "--refine", "--refine-terms", "mix,clap") == 2
    assert "not 'clap'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        "contigs.fa -b a.bam b.bam c.bam",
        "contigs.fa -b a.bam -b b.bam c.bam",
        "-b a.bam b.bam c.bam -t 1 contigs.fa",
        "-b a.bam b.bam c.bam -- contigs.fa",
        "contigs.fa --bam a.bam b.bam --seed 2 --bam c.bam",
        "contigs.fa --bam=a.bam b.bam c.bam",
        "contigs.fa -ba.bam b.bam c.bam",
        "--no-markers contigs.fa -b a.bam b.bam c.bam --force",
    ],
)
def test_b_takes_every_value_up_to_the_next_option(line: str, asked: list[RunConfig]) -> None:
    assert call("run", *line.split()) == 0
    assert asked[0].contigs == Path("contigs.fa")
    assert asked[0].coverage.bams == (Path("a.bam"), Path("b.bam"), Path("c.bam"))


@pytest.mark.parametrize("name", ["contigs.fa", "contigs.fa.gz", "-"])
def test_contigs_that_an_option_swallowed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("contigs.fa.gz").write_bytes(gzip.compress(b">a\nACGT\n"))
    Path("a.bam").write_bytes(b"\x1f\x8b\x08\x04")
    error = refuse(capsys, "run", "-t", "1", "-b", "a.bam", name)
    assert f"CONTIGS is missing: -b took '{name}'; name it first, as in binner run {name} -b" in error


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run", "CONTIGS is missing: name the FASTA file first, as in binner run contigs.fa"),
        ("run -b none.bam", "CONTIGS is missing: name the FASTA file first"),
        ("run contigs.fa -b", "-b needs at least one file"),
        ("run contigs.fa -b -o out", "-b needs at least one file"),
        ("run contigs.fa --also", "--also needs at least one of tree, split, merge after it"),
        ("evaluate embedding S.tsv contigs.fa --encoder", "--encoder needs at least one value after it"),
        ("run none.fa", "none.fa: no such file"),
        ("run contigs.fa -b none.bam", "none.bam: no such file"),
        ("run contigs.fa --depth none.tsv", "none.tsv: no such file"),
        ("run .", "a folder"),
        ("run contigs.fa -b contigs.fa", "named twice"),
        ("run contigs.fa -t 0", "--threads must be from 1"),
        ("run contigs.fa -t -4", "--threads must be from 1"),
        ("run contigs.fa -t two", "'two' is not a valid integer"),
        ("run contigs.fa -m 0", "--min-len must be at least"),
        ("run contigs.fa --min-bin-size -1", "--min-bin-size must not be negative"),
        ("run contigs.fa --max-memory 4X", "'4X' is no size of memory"),
        ("run contigs.fa --device gpu", "--device must be auto"),
        ("run contigs.fa --encoder best", "'best' is neither"),
        ("run contigs.fa --prefix a/b", "--prefix"),
        ("run contigs.fa --seed x", "not a valid integer"),
        ("run contigs.fa --identity 0.x", "not a valid float"),
        ("run contigs.fa --identity 120", "--identity is a percentage"),
        ("run contigs.fa -v -q", "-v and -q contradict"),
        ("run contigs.fa more.fa", "2 files of contigs (contigs.fa more.fa): to bin several assemblies together, add"),
        ("run contigs.fa - --multi", "standard input stands alone"),
        ("run contigs.fa contigs.fa --multi", "contigs.fa: named twice"),
        ("run contigs.fa --separator :", "--separator is for the contigs of --multi"),
        ("run contigs.fa --split-chimeras --embedding contigs.fa", "is that of whole ones: leave one of them out"),
        ("cluster contigs.fa --embedding e.npz --split-chimeras", "No such option"),
        ("run contigs.fa --frobnicate", "No such option"),
        ("run contigs.fa -o contigs.fa", "contigs.fa: a file, and the results need a folder"),
        ("run contigs.fa -o .", "files that are not binner's"),
        (f"run contigs.fa -o {'x' * 300}", "File name too long; choose another -o"),
        (f"coverage contigs.fa --abundance S.tsv -o {'x' * 300}", "file name too long"),
        (f"run contigs.fa --max-memory {'9' * 400}", "is no size of memory"),
        ("run contigs.fa -o /proc/x", "cannot be written there"),
        ("frobnicate", "No such command"),
        ("report", "Missing argument 'OUT'"),
        ("report none", "none: no such folder; name the one that `binner run` wrote"),
        ("report contigs.fa", "contigs.fa: no such folder"),
        ("report .", "bins.tsv: no such file; name a folder in which `binner run` finished"),
        ("coverage contigs.fa -b x.bam", "Missing option '-o'"),
        ("coverage contigs.fa -o t.tsv", "no coverage to read"),
        ("coverage contigs.fa -b contigs.fa -o t.tsv", "named twice"),
        ("coverage contigs.fa -b none.bam -o t.tsv", "none.bam: no such file"),
        ("coverage contigs.fa --abundance S.tsv -o S.tsv", "one of the inputs"),
        ("coverage contigs.fa --abundance S.tsv -o contigs.fa", "one of the inputs"),
        ("coverage contigs.fa --abundance S.tsv -o t.tsv -m -1", "--min-len must be at least 1"),
        ("coverage contigs.fa --abundance S.tsv -o none/t.tsv", "-o none/t.tsv: there is no such folder"),
        ("coverage contigs.fa --abundance S.tsv -o .", "-o .: a folder"),
    ],
)
def test_mistakes_take_one_line(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("S.tsv").write_text("a\t1\n")
    assert message in refuse(capsys, *line.split())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run LONG", "LONG: cannot be read: File name too long"),
        ("run contigs.fa -b LONG", "LONG: cannot be read"),
        ("run contigs.fa --depth LONG", "LONG: cannot be read"),
        ("run contigs.fa --embedding LONG", "LONG: cannot be read"),
        ("run contigs.fa --encoder LONG", "'LONG' is neither"),
        ("run contigs.fa --quality LONG", "'LONG' is neither checkm nor checkm2 nor a file"),
        ("run contigs.fa --quality checkm --checkm-markers LONG", "LONG: cannot be read"),
        ("recluster contigs.fa LONG", "LONG: cannot be read"),
        ("evaluate bins LONG contigs.fa", "LONG: cannot be read"),
        ("evaluate bins LONG contigs.fa -o there.tsv", "LONG: cannot be read"),
        ("evaluate bins S.tsv LONG", "LONG: cannot be read"),
        ("report LONG", "LONG: cannot be read"),
        ("quality LONG --with checkm", "LONG/.binner: cannot be read"),
    ],
)
def test_paths_that_the_system_refuses_to_look_at(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("S.tsv").write_text("a\tg\t4\n")
    Path("there.tsv").touch()
    long = "x" * 300
    assert message.replace("LONG", long) in refuse(capsys, *line.replace("LONG", long).split())


def test_a_gpu_that_is_not_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_GPU_NODES", ())
    assert "no usable GPU" in refuse(capsys, "run", "contigs.fa", "--device", "cuda")


def raising(error: BaseException) -> Any:
    def run(*args: object, **rest: object) -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (BinnerError("something\nin the way"), 1, "Error: something in the way\n"),
        (DeviceError("no GPU"), 2, "Error: no GPU\n"),
        (KeyboardInterrupt(), 130, "\nError: interrupted; the same command again takes up where this one stopped\n"),
        (MemoryError("Unable to allocate 3 GiB"), 1, "Error: out of memory (Unable to allocate 3 GiB)"),
        (OSError(12, "Cannot allocate memory"), 1, "Error: out of memory ([Errno 12] Cannot allocate memory); give"),
        (ImportError("x.so: failed to map segment from shared object"), 1, "Error: out of memory (x.so: failed to map"),
        (OSError(27, "File too large", "out/bins.tsv"), 1, "Error: out/bins.tsv: File too large\n"),
        (OSError(28, "No space left on device", "out/bins"), 1, "Error: out/bins: No space left on device\n"),
    ],
)
def test_how_a_run_can_end(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("binner.pipeline.run.run", raising(error))
    assert call("run", "contigs.fa", "-q") == code
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.parametrize(
    ("line", "closed", "code", "said"),
    [
        ("run -", "0", 2, "Error: -: nothing is piped to standard input; name a file, or pipe one in\n"),
        ("run contigs.fa -m 200", "2", 0, ""),
    ],
)
def test_streams_that_are_closed(line: str, closed: str, code: int, said: str) -> None:
    script = f"import os, sys; os.close({closed}); os.execv(sys.executable, sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", script, *BINNER, *line.split()], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


POOL = """
import os, time, binner.cli, binner.pipeline.run
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

def run(*config, **rest):
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 600).result()

binner.pipeline.run.run = run
binner.cli.main(["run", "contigs.fa"])
"""


def test_a_terminated_run_ends_its_processes() -> None:
    line = [sys.executable, "-c", POOL]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert err == "Error: terminated; the same command again takes up where this one stopped\n"
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


@pytest.mark.parametrize("options", ["--refine", "--encoder whitening+small"])
def test_torch_needs_address_space(
    options: str, asked: list[RunConfig], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda which: (2 * 10**9, 2 * 10**9))
    assert call("run", "contigs.fa", "-t", "2", "--encoder", "whitening") == 0
    said = refuse(capsys, "run", "contigs.fa", "-t", "2", *options.split())
    assert "about 2.3 GB are needed for 2 threads and PyTorch: raise it" in said


@pytest.mark.parametrize("command", ["run contigs.fa -t 2", "evaluate bins contigs.fa contigs.fa", "doctor -t 2"])
def test_too_little_address_space_is_told_before_anything_is_loaded(command: str) -> None:
    script = (
        "import os, resource as r, sys; r.setrlimit(r.RLIMIT_AS, (10**9,) * 2); os.execv(sys.executable, sys.argv[1:])"
    )
    done = subprocess.run([sys.executable, "-c", script, *BINNER, *command.split()], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"Error: ulimit -v \(h_vmem\) allows 1\.0 GB of address space, and about 1\..*\n", done.stderr)


@pytest.mark.parametrize(
    "bug",
    [
        ZeroDivisionError(),
        EOFError(),
        KeyError("x"),
        OSError(5, "Input/output error"),
        ImportError("no name 'x' in 'y'"),
    ],
)
def test_a_bug_keeps_its_traceback(bug: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("binner.pipeline.run.run", raising(bug))
    with pytest.raises(type(bug)):
        main(["run", "contigs.fa", "-q"])


def test_threads_are_set_before_anything_heavy_is_loaded() -> None:
    script = (
        "import sys, os, binner.runtime as r\n"
        "real = r.limit_threads\n"
        "def spy(n): print(n, sorted({'numpy', 'torch', 'numba'} & set(sys.modules))); real(n)\n"
        "r.limit_threads = spy\n"
        "from binner.cli import main\n"
        "main(['run', 'none.fa', '-t', '1'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "1 []\n"


def test_coverage_writes_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    Path("S.tsv").write_text("a\t2.5\n")
    Path("t.tsv").write_text("old")
    assert call("coverage", "contigs.fa", "--abundance", "S.tsv", "-o", "t.tsv") == 0
    assert Path("t.tsv").read_text() == "contigName\tcontigLen\ttotalAvgDepth\tS\tS-var\na\t4\t2.5\t2.5\t0\n"
    assert "Measuring coverage: done" in capsys.readouterr().err


def test_coverage_reads_standard_input() -> None:
    Path("S.tsv").write_text("a\t2.5\n")
    line = [*BINNER, "coverage", "-", "--abundance", "S.tsv", "-o", "t.tsv", "-q"]
    done = subprocess.run(line, input=b">a\nACGT\n", capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert Path("t.tsv").exists()


class TestConsole:
    """What people see."""

    def show(self, **how: bool) -> None:
        logger = logging.getLogger("binner.test")
        with console(**{"verbose": False, "quiet": False, **how}) as watch:
            logger.debug("detail")
            logger.info("news [bold]")
            logger.warning("beware")
            with watch("Doing it") as progress:
                progress(1, 4)

    def test_plain_lines(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("binner.cli._console._EVERY", 0)
        self.show()
        lines = capsys.readouterr().err.splitlines()
        assert [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in lines] == [
            "INFO    news [bold]",
            "WARNING beware",
            "INFO    Doing it ...",
            "INFO    Doing it: 25 % after 0 s",
        ]

    def test_progress_is_not_said_all_the_time(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.show()
        assert "%" not in capsys.readouterr().err

    def test_quiet(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.show(quiet=True)
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("WARNING beware")

    @pytest.mark.parametrize("how", [{"quiet": True}, {"verbose": True}])
    def test_what_is_shown_ends_with_it(self, how: dict[str, bool], caplog: pytest.LogCaptureFixture) -> None:
        level = logging.getLogger("binner").level
        self.show(**how)
        assert logging.getLogger("binner").level == level
        with caplog.at_level("INFO"):
            logging.getLogger("binner.test").info("heard again")
        assert "heard again" in caplog.text

    def test_verbose(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.show(verbose=True)
        assert "DEBUG   detail" in capsys.readouterr().err

    def test_a_terminal(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        monkeypatch.setenv("TERM", "xterm")
        self.show()
        err = capsys.readouterr().err
        assert "news [bold]" in err
        assert "Warning" in err
        assert "25%" in err
        assert "detail" not in err

    def test_nothing_is_left_of_it(self) -> None:
        before = list(logging.getLogger("binner").handlers)
        self.show()
        assert logging.getLogger("binner").handlers == before
