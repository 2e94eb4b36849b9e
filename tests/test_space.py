"""Coverage as size and shape: errors against simulated reads, scatter against what was planted, and their space."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest

from binner.data import F32, F64, I64, Coverage, Embedding
from binner.likelihood import Gaussians, pool
from binner.space import (
    LEAST_SCATTER,
    LEAST_SHAPE_SCATTER,
    READ_BP,
    UNKNOWN_SCATTER,
    WITH_COVERAGE,
    WITHOUT_COVERAGE,
    Depths,
    Metric,
    depths,
    gaussians,
    points,
    unit_rows,
)

METRICS = sorted({*WITH_COVERAGE, *WITHOUT_COVERAGE}, key=lambda metric: (metric.name, metric.weight))


@dataclass(frozen=True)
class Assembly:
    coverage: Coverage
    embedding: Embedding
    lengths: I64
    genome: I64

    @property
    def depths(self) -> Depths:
        return measured(self.coverage, self.embedding, self.lengths)


def measured(coverage: Coverage, embedding: Embedding, lengths: I64) -> Depths:
    depth = depths(coverage, embedding, lengths)
    assert depth is not None
    return depth


def coverage_of(depth: npt.ArrayLike) -> Coverage:
    mean = np.asarray(depth, np.float32)
    return Coverage(tuple(f"s{i}" for i in range(mean.shape[1])), mean, mean, "names")


def embedding_of(matrix: F64, lengths: I64) -> Embedding:
    variance = np.repeat(6000 / lengths[:, None], matrix.shape[1], 1).astype(np.float32)
    prior = np.full(matrix.shape[1], 9, np.float32)
    return Embedding(matrix.astype(np.float32), variance, prior, "none", "names")


def assembly(
    *,
    samples: int,
    contigs: int = 1200,
    genomes: int = 8,
    depth: float = 20,
    shared: float = 0.0,
    own: float = 0.0,
    length: int | None = None,
    alike: bool = False,
    seed: int = 1,
) -> Assembly:
    """Contigs with Poisson reads of READ_BP; `shared` and `own` are sds of the log depth in all samples and in each.

    With `alike`, composition does not tell each genome from the next one.
    """
    rng = np.random.default_rng(seed)
    genome = np.arange(contigs) % genomes
    lengths = np.full(contigs, length) if length else rng.integers(5000, 40_000, contigs)
    abundance = depth * rng.lognormal(0, 0.7, (genomes, samples))[genome]
    abundance *= np.exp(shared * rng.normal(size=(contigs, 1)) + own * rng.normal(size=(contigs, samples)))
    reads = rng.poisson(abundance * lengths[:, None] / READ_BP)
    means = rng.normal(0, 3, (genomes, 12))[genome // 2 * 2 if alike else genome]
    matrix = means + rng.normal(size=means.shape) * np.sqrt(6000 / lengths[:, None])
    coverage = coverage_of(reads * READ_BP / lengths[:, None])
    return Assembly(coverage, embedding_of(matrix, lengths), lengths, genome)


def within(values: F64, genome: I64) -> F64:
    """Each row less the mean of its genome, scaled so that its mean square is the variance."""
    means = np.array([values[genome == one].mean(0) for one in np.unique(genome)])
    number = np.bincount(genome)[genome].reshape(-1, *[1] * (values.ndim - 1))
    centred: F64 = (values - means[genome]) * np.sqrt(number / (number - 1))
    return centred


def distances(coordinates: npt.NDArray[np.floating]) -> F64:
    exact = coordinates.astype(np.float64)
    apart: F64 = np.linalg.norm(exact[:, None] - exact, axis=2)
    return apart


@pytest.mark.parametrize("depth", [1.5, 20])
@pytest.mark.parametrize("samples", [1, 3, 50])
def test_errors_are_those_of_counting_reads(samples: int, depth: float) -> None:
    made = assembly(samples=samples, depth=depth, contigs=2000)
    found = made.depths
    assert found.size.shape == found.size_error.shape == found.shape_error.shape == (2000,)
    assert (within(found.size, made.genome) ** 2 / found.size_error).mean() == pytest.approx(1, abs=0.1)
    assert found.size_scatter == LEAST_SCATTER, "there is none to see"
    if samples == 1:
        assert found.shape.shape == (2000, 0)
        return
    assert found.shape.shape == (2000, samples)
    ratio = (within(found.shape, made.genome) ** 2 / found.shape_error[:, None]).mean()
    assert ratio == pytest.approx(1 - 1 / samples, abs=0.15), "shares sum to one: a direction is lost"
    assert found.shape_scatter == LEAST_SHAPE_SCATTER
    np.testing.assert_allclose((found.shape**2).sum(1), 1)


@pytest.mark.parametrize("shared", [0.1, 0.3])
@pytest.mark.parametrize("samples", [1, 3, 50])
def test_scatter_that_all_samples_share_is_found(samples: int, shared: float) -> None:
    found = assembly(samples=samples, shared=shared).depths
    assert found.size_scatter == pytest.approx(shared, rel=0.15)
    assert found.shape_scatter == LEAST_SHAPE_SCATTER, "it is no matter of the shape"


@pytest.mark.parametrize("samples", [3, 50])
def test_scatter_of_each_sample_on_its_own_is_found(samples: int) -> None:
    """A root of a share moves by half of its own value times the change of the logarithm."""
    made = assembly(samples=samples, own=0.4, depth=100)
    spread = float(np.sqrt((within(made.depths.shape, made.genome) ** 2).mean()))
    assert made.depths.shape_scatter == pytest.approx(spread, rel=0.15)
    assert spread == pytest.approx(0.4 / 2 / np.sqrt(samples), rel=0.35)


def test_neighbours_of_another_genome_are_told_by_their_shape() -> None:
    """Half of the neighbours in composition are of a relative at another depth."""
    made = assembly(samples=6, shared=0.1, alike=True)
    assert made.depths.size_scatter == pytest.approx(0.1, rel=0.3)
    assert made.depths.shape_scatter == pytest.approx(LEAST_SHAPE_SCATTER, abs=0.005)


@pytest.mark.parametrize("contigs", [1, 2, 8])
@pytest.mark.parametrize("samples", [1, 3])
def test_where_there_are_too_few_contigs_scatter_is_assumed(samples: int, contigs: int) -> None:
    found = assembly(samples=samples, contigs=contigs, genomes=1, shared=0.1).depths
    assert (found.size_scatter, found.shape_scatter) == (UNKNOWN_SCATTER, LEAST_SHAPE_SCATTER)


@pytest.mark.parametrize("samples", [1, 3, 50])
def test_contigs_and_samples_without_reads(samples: int) -> None:
    made = assembly(samples=samples)
    mean = made.coverage.mean.copy()
    mean[::3] = 0
    mean[:, 0] = 0
    for depth in (mean, np.zeros_like(mean)):
        found = measured(coverage_of(depth), made.embedding, made.lengths)
        for metric in METRICS:
            assert np.isfinite(points(made.embedding, found, metric)).all()
        gaussian = gaussians(made.embedding, found, made.lengths)  # refuses what is not finite
        assert (gaussian.variance > 0).all()
        assert (gaussian.prior > 0).all()
    absent = measured(coverage_of(mean), made.embedding, made.lengths).size_error
    assert (absent[::3] >= READ_BP / made.lengths[::3] / 0.1 * 0.99).all(), "nothing was counted"


def unknown(made: Assembly, rows: npt.NDArray[np.bool_]) -> Coverage:
    """Its coverage, but nothing is known of some contigs."""
    mean = made.coverage.mean.copy()
    mean[rows] = np.nan
    return coverage_of(mean)


@pytest.mark.parametrize("samples", [1, 3, 50])
def test_unknown_depths_do_not_touch_what_is_known(samples: int) -> None:
    """Sizes, shapes, errors, scatter and prior are those of the assembly without the contigs that have no depth."""
    made = assembly(samples=samples, shared=0.1)
    rows = np.random.default_rng(0).random(len(made.lengths)) < 0.4
    rest = np.flatnonzero(~rows)
    part = measured(made.coverage.select(rest), made.embedding.select(rest), made.lengths[rest])
    whole = measured(unknown(made, rows), made.embedding, made.lengths)
    np.testing.assert_array_equal(whole.known, ~rows)
    for name in ("size", "shape", "size_error", "shape_error"):
        np.testing.assert_allclose(getattr(whole, name)[rest], getattr(part, name), atol=1e-12)
    assert whole.typical == part.typical
    assert whole.shape_scatter == part.shape_scatter
    assert whole.size_scatter == pytest.approx(part.size_scatter, rel=0.03), "the median length is that of all contigs"
    one, two = (
        gaussians(made.embedding, whole, made.lengths),
        gaussians(made.embedding.select(rest), part, made.lengths[rest]),
    )
    np.testing.assert_allclose(one.mean[rest], two.mean, atol=1e-6)
    np.testing.assert_allclose(one.prior, two.prior, rtol=1e-6)


@pytest.mark.parametrize("samples", [1, 3])
def test_a_likelihood_takes_no_notice_of_an_unknown_depth(samples: int) -> None:
    """Contigs of unknown depth are as likely in each genome as by composition alone, and say nothing of its depth."""
    made = assembly(samples=samples, alike=True)
    rows = np.arange(len(made.lengths)) % 5 == 0
    model = gaussians(made.embedding, measured(unknown(made, rows), made.embedding, made.lengths), made.lengths)
    alone = gaussians(made.embedding, None, made.lengths)
    of_known = np.where(rows, -1, made.genome)
    known, every, composition = (
        pool(one, labels, 8, temper=0.3) for one, labels in ((model, of_known), (model, made.genome), (alone, of_known))
    )
    for one, two in ((known.weighted, every.weighted), (known.precision, every.precision)):
        np.testing.assert_allclose(one[:, 12:], two[:, 12:], rtol=0.01, atol=0.5)
    with_depth, without = (
        log_likelihoods(one, *pooled.posterior(one.prior))[rows]
        for one, pooled in ((model, known), (alone, composition))
    )
    np.testing.assert_allclose(with_depth - with_depth[:, :1], without - without[:, :1], atol=0.05)


def log_likelihoods(model: Gaussians, mean: F32, variance: F32) -> F64:
    """Of contigs in clusters, (N, K)."""
    spread = model.variance[:, None].astype(np.float64) / 0.3 + variance
    found: F64 = -((model.mean[:, None] - mean) ** 2 / spread + np.log(spread)).sum(-1) / 2
    return found


@pytest.mark.parametrize("metric", WITH_COVERAGE, ids=lambda metric: metric.name)
@pytest.mark.parametrize("samples", [1, 3])
def test_contigs_of_unknown_depth_lie_in_their_genome(metric: Metric, samples: int) -> None:
    """Neither apart from the others of it, nor with those of other genomes whose depth is unknown as well."""
    made = assembly(samples=samples, shared=0.1, contigs=400)
    rows = np.arange(400) % 3 == 0
    there = points(made.embedding, measured(unknown(made, rows), made.embedding, made.lengths), metric)
    near = distances(there)
    np.fill_diagonal(near, np.inf)
    closest = np.argsort(near, axis=1)[:, :10]
    same = made.genome[closest] == made.genome[:, None]
    assert same[rows].mean() > 0.95
    assert rows[closest][rows].mean() < 0.6, "most of their neighbours have a depth"


def test_an_unknown_depth_is_not_that_of_a_contig_of_nothing_but_n() -> None:
    """It lies at 0, which is nearer to vectors of length 1 in many directions than they are to each other."""
    made = assembly(samples=2, contigs=40, genomes=20)
    matrix, mean = np.random.default_rng(0).normal(size=(40, 64)), made.coverage.mean.copy()
    matrix[0], mean[0], mean[1:10] = 0, 900, np.nan
    embedding = embedding_of(matrix, made.lengths)
    found = measured(coverage_of(mean), embedding, made.lengths)
    assert not (found.size[1:10] == found.size[0]).any()
    mean[10:] = np.nan
    found = measured(coverage_of(mean), embedding, made.lengths)
    assert (found.size[1:] == found.size[0]).all(), "there is no other"


def test_without_any_depth_there_is_no_coverage(caplog: pytest.LogCaptureFixture) -> None:
    made = assembly(samples=2, contigs=50)
    for coverage in (None, coverage_of(np.zeros((50, 0))), unknown(made, np.ones(50, bool))):
        assert depths(coverage, made.embedding, made.lengths) is None


def test_samples_that_know_too_few_contigs_do_not_count(caplog: pytest.LogCaptureFixture) -> None:
    """Of three samples the second lacks most contigs, and the third a few: these are unknown, and the others not."""
    caplog.set_level("INFO")
    made = assembly(samples=3, contigs=100)
    mean = made.coverage.mean.copy()
    mean[10:, 1] = np.nan
    mean[:5, 2] = np.nan
    depth = measured(coverage_of(mean), made.embedding, made.lengths)
    assert depth.known.tolist() == [False] * 5 + [True] * 95
    assert depth.shape.shape == (100, 2)
    assert caplog.messages == ["sample s1 knows too few contigs: it does not count"]
    complete = measured(
        coverage_of(made.coverage.mean[5:, ::2]), made.embedding.select(np.arange(5, 100)), made.lengths[5:]
    )
    np.testing.assert_allclose(depth.shape[5:], complete.shape)


def test_of_samples_that_share_no_contig_one_counts() -> None:
    """As where the contigs of two assemblies were mapped to on their own."""
    made = assembly(samples=2, contigs=100)
    mean = made.coverage.mean.copy()
    mean[:40, 0] = np.nan
    mean[40:, 1] = np.nan
    depth = measured(coverage_of(mean), made.embedding, made.lengths)
    assert depth.known.tolist() == [False] * 40 + [True] * 60
    assert depth.shape.shape == (100, 0)


def test_what_scales_all_samples_alike_moves_the_size_only() -> None:
    made = assembly(samples=4, depth=500)
    factor = np.random.default_rng(2).uniform(0.5, 2, len(made.lengths))
    scaled = measured(coverage_of(made.coverage.mean * factor[:, None]), made.embedding, made.lengths)
    np.testing.assert_allclose(scaled.shape, made.depths.shape, atol=1e-3)
    moved = scaled.size - made.depths.size - np.log(factor)
    np.testing.assert_allclose(moved, moved[0], atol=1e-3)


def test_a_sample_sequenced_deeper_does_not_move_the_sizes_of_one_sample() -> None:
    made = assembly(samples=1, depth=500)
    deeper = measured(coverage_of(made.coverage.mean * 3), made.embedding, made.lengths)
    np.testing.assert_allclose(deeper.size, made.depths.size, atol=1e-2)


@pytest.mark.parametrize("samples", [3, 50])
def test_the_order_of_samples_does_not_matter(samples: int) -> None:
    made = assembly(samples=samples, shared=0.1, own=0.1, contigs=300)
    order = np.random.default_rng(0).permutation(samples)
    turned = measured(coverage_of(made.coverage.mean[:, order]), made.embedding, made.lengths)
    found = made.depths
    np.testing.assert_allclose(turned.size, found.size)
    np.testing.assert_allclose(turned.shape, found.shape[:, order])
    assert turned.size_scatter == pytest.approx(found.size_scatter, rel=1e-6)
    assert turned.shape_scatter == pytest.approx(found.shape_scatter, rel=1e-6)
    for metric in WITH_COVERAGE:
        one, two = (points(made.embedding, depth, metric) for depth in (found, turned))
        np.testing.assert_allclose(distances(two), distances(one), atol=1e-4 * distances(one).max())
    one_model, two_model = (gaussians(made.embedding, depth, made.lengths) for depth in (found, turned))
    columns = np.concatenate([np.arange(13), 13 + order])
    np.testing.assert_allclose(two_model.mean, one_model.mean[:, columns], atol=1e-5)
    np.testing.assert_allclose(two_model.prior, one_model.prior[columns], rtol=1e-4)


def test_the_order_of_contigs_does_not_matter() -> None:
    made = assembly(samples=3, shared=0.1)
    order = np.random.default_rng(0).permutation(len(made.lengths))
    matrix, variance = made.embedding.matrix[order], made.embedding.variance[order]
    embedding = replace(made.embedding, matrix=matrix, variance=variance)
    turned = measured(coverage_of(made.coverage.mean[order]), embedding, made.lengths[order])
    np.testing.assert_allclose(turned.size, made.depths.size[order])
    np.testing.assert_allclose(turned.shape, made.depths.shape[order])
    assert turned.size_scatter == pytest.approx(made.depths.size_scatter, rel=0.05)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: f"{metric.name} {metric.weight}")
def test_points_without_coverage_are_the_composition(metric: Metric) -> None:
    embedding = assembly(samples=1, contigs=200).embedding
    found = points(embedding, None, metric)
    assert found.dtype == np.float32
    if not metric.expected:
        norm = np.linalg.norm(embedding.matrix, axis=1)
        np.testing.assert_allclose(found, embedding.matrix / np.median(norm), rtol=1e-5)
        return
    likely = embedding.matrix / (1 + embedding.variance / embedding.prior)
    np.testing.assert_allclose(found, likely / np.linalg.norm(likely, axis=1, keepdims=True), rtol=1e-5)


def test_a_longer_contig_says_more_of_its_genome() -> None:
    """Of two contigs of the same composition the shorter one turns towards what genomes differ in most."""
    matrix = np.tile(np.array([[3.0, 4.0]], np.float32), (2, 1))
    embedding = Embedding(matrix, np.array([[1, 1], [1e-4, 1e-4]], np.float32), np.array([9, 1], np.float32), "x", "y")
    short, long = points(embedding, None, WITHOUT_COVERAGE[0])
    np.testing.assert_allclose(long, [0.6, 0.8], atol=1e-3)
    np.testing.assert_allclose(short, np.array([2.7, 2]) / np.hypot(2.7, 2), rtol=1e-5)


@pytest.mark.parametrize("samples", [1, 3, 50])
@pytest.mark.parametrize("metric", WITH_COVERAGE, ids=lambda metric: metric.name)
def test_contigs_of_a_genome_scatter_as_far_in_coverage_as_a_window_in_composition(
    metric: Metric, samples: int
) -> None:
    """That is 1 / radius of a unit vector, times the weight of coverage."""
    made = assembly(samples=samples, shared=0.2, own=0.2, length=10_000, depth=50)
    found = points(made.embedding, made.depths, metric)
    assert found.shape == (len(made.lengths), 12 + 1 + (samples if samples > 1 else 0))
    np.testing.assert_array_equal(found[:, :12], points(made.embedding, None, metric))
    unit = metric.weight / np.median(np.linalg.norm(made.embedding.matrix, axis=1))
    scatter = np.sqrt((within(found.astype(np.float64), made.genome) ** 2).mean(0))
    assert scatter[12] == pytest.approx(unit, rel=0.15)
    if samples > 1:
        assert np.sqrt((scatter[13:] ** 2).mean()) == pytest.approx(unit, rel=0.15)


def test_coverage_counts_by_its_weight() -> None:
    made = assembly(samples=3, contigs=100)
    light, heavy = (points(made.embedding, made.depths, Metric("m", True, weight)) for weight in (0.5, 2.0))
    np.testing.assert_allclose(heavy[:, 12:], 4 * light[:, 12:], rtol=1e-5)
    np.testing.assert_array_equal(heavy[:, :12], light[:, :12])


def test_contigs_of_which_nothing_is_known_lie_at_the_origin() -> None:
    made = assembly(samples=3, contigs=50)
    matrix = made.embedding.matrix.copy()
    for rows in ([3, 7], range(50)):
        matrix[list(rows)] = 0
        for metric in METRICS:
            assert (points(replace(made.embedding, matrix=matrix), None, metric)[list(rows)] == 0).all()


def test_gaussians_without_coverage_are_the_embedding() -> None:
    made = assembly(samples=1, contigs=50)
    found = gaussians(made.embedding, None, made.lengths)
    np.testing.assert_array_equal(found.mean, made.embedding.matrix)
    np.testing.assert_array_equal(found.variance, made.embedding.variance)
    np.testing.assert_array_equal(found.prior, made.embedding.prior)


@pytest.mark.parametrize("samples", [1, 3, 50])
def test_gaussians_have_honest_error_bars(samples: int) -> None:
    made = assembly(samples=samples, shared=0.15, own=0.15)
    found = gaussians(made.embedding, made.depths, made.lengths)
    assert found.mean.shape == (len(made.lengths), 12 + 1 + (samples if samples > 1 else 0))
    np.testing.assert_array_equal(found.mean[:, :12], made.embedding.matrix)
    squares = within(found.mean.astype(np.float64), made.genome) ** 2 / found.variance
    assert squares[:, 12].mean() == pytest.approx(1, abs=0.2)
    if samples > 1:
        assert squares[:, 13:].mean() == pytest.approx(1, abs=0.25)
    genome_means = np.array([found.mean[made.genome == one].mean(0) for one in range(8)])
    between = genome_means[:, 12:].var(0)
    assert (found.prior[12:] > 0.8 * between).all()
    assert (found.prior[12:] < 1.25 * (between + found.variance[:, 12:].mean(0))).all()


def test_unit_rows() -> None:
    assert unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0.0, 0.0]]


def test_what_a_sample_takes_of_memory() -> None:
    """Bytes for a contig and a sample, at the peak, most of it in single precision or in place."""
    made = assembly(samples=400, contigs=1000)
    depth = made.depths
    works: tuple[tuple[Callable[[], object], float], ...] = (
        (lambda: points(made.embedding, depth, WITH_COVERAGE[0]), 18),
        (lambda: gaussians(made.embedding, depth, made.lengths), 26),
        (lambda: made.depths, 90),
    )
    for work, most in works:
        tracemalloc.start()
        work()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < most * 1000 * 400
