"""Whether `binner run --multi` pays: assemblies of several samples, binned together and each on its own.

python -m benchmarks.multi SET [--samples 3] [--genomes 20] [--threads 2] [--seed 1] [--keep FOLDER]

SET is a folder of the benchmark with several samples (as dev58). The assembly of each sample is cut from the set's
contigs: of a genome, the deeper it is in the sample, the more and the longer pieces. binner bins the assemblies
together (`--multi`, depths in all samples), and each alone with the depths in its own sample, as is done without
`--multi`. Printed are the genomes recovered, summed over assemblies; a genome is what of it is in the assembly.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measure import measure
from benchmarks.tasks import CONTIGS, DEPTHS, TRUTH
from binner import coverage, fasta
from binner.coverage import write_jgi
from binner.data import F32, F64, I32, I64, Contigs, Coverage
from binner.evaluate.bins import overlap, score
from binner.evaluate.tables import Origin, Pairs, Truth, read_bins, read_labels

LEAST_DEPTH = 1.0  # x; below it a genome is not assembled
PIECE_BP = 2500  # bp; median length of pieces at 1x, twice as long at 2x
PIECE_SPREAD = 0.8  # of the logarithm of their length
HALF_ASSEMBLED = 2.0  # x; at this depth half of the genome is in the assembly
SHORTEST = 1000  # bp
READ_BP = 225  # bp; variance of a depth = READ_BP depth / length, as binner has it


@dataclass(frozen=True, eq=False)
class Assembly:
    """What was assembled from a sample."""

    name: str
    contigs: Contigs
    depths: Coverage  # in all samples
    truth: Truth


@dataclass(frozen=True, eq=False)
class _Set:
    """The contigs of a set with known genomes, and their depths; N contigs, G genomes, S samples."""

    contigs: Contigs
    genome: I32  # (N,)
    genomes: tuple[str, ...]  # (G,)
    depths: Coverage

    def depth(self, sample: int) -> F64:
        """Mean depth of each genome in a sample (G,)."""
        lengths = self.contigs.lengths.astype(np.float64)
        bases = np.bincount(self.genome, self.depths.mean[:, sample] * lengths, len(self.genomes))
        found: F64 = bases / np.bincount(self.genome, lengths, len(self.genomes))
        return found


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.multi", description=__doc__.split("\n")[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--genomes", type=int, default=0, help="use so many of the set's, drawn by the seed; 0: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where assemblies and bins stay")
    given = parser.parse_args(arguments)
    rng = np.random.default_rng(given.seed)
    assemblies = cut(_read(given.set, given.samples, genomes=given.genomes, rng=rng), rng)
    with tempfile.TemporaryDirectory(prefix="binner-bench-") as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        options = ["-t", str(given.threads), "--seed", str(given.seed), "--force"]
        for line in compare(assemblies, folder, options):
            print(line, flush=True)


def _read(folder: Path, samples: int, *, genomes: int, rng: np.random.Generator) -> _Set:
    """Contigs of one genome each, of so many genomes, and the first so many samples."""
    contigs = fasta.read(folder / CONTIGS, min_length=SHORTEST)
    of = read_labels(folder / TRUTH)
    names = sorted({of[name] for name in contigs.names if name in of})
    if genomes:
        names = sorted(rng.choice(names, min(genomes, len(names)), replace=False).tolist())
    rows = np.array([row for row, name in enumerate(contigs.names) if of.get(name) in names], np.int64)
    found = coverage.read(contigs, depth=[folder / DEPTHS])
    assert found is not None
    depths = Coverage(
        found.samples[:samples], found.mean[rows, :samples], found.variance[rows, :samples], found.names_digest
    )
    number = {name: place for place, name in enumerate(names)}
    genome = np.array([number[of[contigs.names[row]]] for row in rows], np.int32)
    return _Set(contigs.select(rows), genome, tuple(names), depths)


def cut(whole: _Set, rng: np.random.Generator) -> list[Assembly]:
    """The assembly of each sample, called S1, S2, ..."""
    return [_assemble(whole, sample, rng) for sample in range(len(whole.depths.samples))]


def _assemble(whole: _Set, sample: int, rng: np.random.Generator) -> Assembly:
    depth = whole.depth(sample)[whole.genome]  # (N,)
    share = depth**2 / (depth**2 + HALF_ASSEMBLED**2)
    pieces = []
    for row in np.flatnonzero(depth >= LEAST_DEPTH).tolist():
        cuts = _cuts(int(whole.contigs.lengths[row]), PIECE_BP * depth[row], rng)
        pieces += [(row, a, b) for a, b in cuts if b - a >= SHORTEST and rng.random() < share[row]]
    rows, start, stop = np.array(pieces, np.int64).reshape(-1, 3).T
    name = f"S{sample + 1}"
    names = tuple(f"{name}:k{row}_{number}" for number, row in enumerate(rows.tolist()))
    codes = [whole.contigs[row][a:b] for row, a, b in pieces]
    offsets = np.concatenate([[0], np.cumsum(stop - start)]).astype(np.int64)
    contigs = Contigs(names, np.concatenate([np.zeros(0, np.uint8), *codes]), offsets)
    mean = _counted(whole.depths.mean[rows], stop - start, rng)
    depths = Coverage(whole.depths.samples, mean, whole.depths.variance[rows], contigs.names_digest)
    origins = [Origin((f"{name}:{whole.genomes[whole.genome[row]]}",), int(b - a)) for row, a, b in pieces]
    return Assembly(name, contigs, depths, dict(zip(names, origins, strict=True)))


def _cuts(length: int, typical: float, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Cut `length` bp into pieces of about `typical` bp: start and stop of each."""
    start = 0
    while start < length:
        stop = min(length, start + max(SHORTEST // 4, int(typical * np.exp(PIECE_SPREAD * rng.normal()))))
        yield start, stop
        start = stop


def _counted(depth: F32, lengths: I64, rng: np.random.Generator) -> F32:
    """Depths (n, S) as they are measured on pieces of these lengths."""
    error = np.sqrt(READ_BP * depth / lengths[:, None]) * rng.normal(size=depth.shape)
    return np.maximum(depth + error, 0).astype(np.float32)


def compare(assemblies: Sequence[Assembly], folder: Path, options: Sequence[str]) -> Iterator[str]:
    """Run binner both ways; lines with what was recovered, the last one with both sums."""
    truth: Truth = {name: origin for assembly in assemblies for name, origin in assembly.truth.items()}
    for assembly in assemblies:
        write_fasta(assembly.contigs, folder / f"{assembly.name}.fa")
    files = [str(folder / f"{assembly.name}.fa") for assembly in assemblies]
    write_jgi(folder / "all.tsv", *_joined(assemblies))
    together = run_binner([*files, "--multi", "--depth", str(folder / "all.tsv"), *options], folder / "multi")
    apart: Pairs = []
    for place, (assembly, file) in enumerate(zip(assemblies, files, strict=True)):
        own = assembly.depths
        alone = Coverage(
            (own.samples[place],), own.mean[:, [place]], own.variance[:, [place]], assembly.contigs.names_digest
        )
        write_jgi(folder / f"{assembly.name}.tsv", assembly.contigs, alone)
        pairs = run_binner([file, "--depth", str(folder / f"{assembly.name}.tsv"), *options], folder / assembly.name)
        apart += [(contig, f"{assembly.name}_{name}") for contig, name in pairs]
        counts = (recovered(assembly.truth, each) for each in (together, apart))
        yield f"{assembly.name}: {_describe(assembly)}; near-complete: {' with --multi, '.join(map(str, counts))} alone"
    multi, single = recovered(truth, together), recovered(truth, apart)
    yield f"near-complete genomes, summed over {len(assemblies)} assemblies: {multi} with --multi, {single} alone"


def recovered(truth: Truth, pairs: Pairs) -> int:
    """Genomes of `truth` of which a bin holds more than 90 %, less than 5 % of it from elsewhere."""
    return score(overlap(truth, [pair for pair in pairs if pair[0] in truth])).near_complete


def _joined(assemblies: Sequence[Assembly]) -> tuple[Contigs, Coverage]:
    contigs = [assembly.contigs for assembly in assemblies]
    ends = np.cumsum([0, *(len(each.codes) for each in contigs)])
    offsets = [each.offsets[:-1] + end for each, end in zip(contigs, ends, strict=False)]
    names = tuple(name for each in contigs for name in each.names)
    codes = np.concatenate([each.codes for each in contigs])
    joined = Contigs(names, codes, np.concatenate([*offsets, ends[-1:]]).astype(np.int64))
    depths = [assembly.depths for assembly in assemblies]
    mean, variance = (np.concatenate([getattr(each, name) for each in depths]) for name in ("mean", "variance"))
    return joined, Coverage(depths[0].samples, mean, variance, joined.names_digest)


def write_fasta(contigs: Contigs, path: Path) -> None:
    """A line for each contig."""
    letters = np.frombuffer(b"ACGTN", np.uint8)
    with path.open("wb") as file:
        for row, name in enumerate(contigs.names):
            file.write(b">%s\n%s\n" % (name.encode(), letters[contigs[row]].tobytes()))


def run_binner(arguments: Sequence[str], out: Path) -> Pairs:
    """Contigs and bins of `binner run` with these arguments. Raises RuntimeError if it fails."""
    log = out.with_suffix(".log")
    usage = measure([sys.executable, "-m", "binner", "run", *arguments, "-o", str(out)], log, threads=1)
    if usage.code:
        raise RuntimeError(f"binner ended with {usage.code}: {log.read_text(errors='replace')[-500:]}")
    return read_bins(out / "contig2bin.tsv")


def _describe(assembly: Assembly) -> str:
    genomes = len({origin.genomes for origin in assembly.truth.values()})
    return f"{len(assembly.contigs)} contigs of {genomes} genomes, {len(assembly.contigs.codes) / 1e6:.0f} Mb"


if __name__ == "__main__":
    main()
