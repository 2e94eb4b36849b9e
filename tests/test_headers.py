"""What assemblers say in headers: depths, in the formats of those that write them, and what only looks like one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from binner.headers import Headers

DEPTHS = {
    "NODE_1_length_325345_cov_23.553168": ("SPAdes", 23.553168),
    "EDGE_7_length_2000_cov_3.5": ("SPAdes", 3.5),
    "NODE_2_length_9000_cov_12.5_component_0": ("SPAdes", 12.5),
    "NODE_2_length_9000_cov_12.5_cutoff_5_type_circular": ("SPAdes", 12.5),
    "NODE_3_length_2048_cov_8_ID_5_pilon": ("SPAdes", 8),
    "EDGE_1_length_10_cov_2.0:EDGE_2_length_9_cov_8.0',EDGE_3_length_9_cov_1.0;": ("SPAdes", 2),
    "S1_NODE_1_length_5000_cov_1.000000": ("SPAdes", 1),
    "ERZ477576.1-NODE-1-length-138181-cov-24.7895": ("SPAdes", 24.7895),
    "JAAA01000001.1 Gut metagenome isolate X NODE_1_length_9000_cov_12.5, whole genome": ("SPAdes", 12.5),
    "k141_0 flag=1 multi=3.0000 len=312": ("MEGAHIT", 3),
    "ctg0 length=7710 coverage=2.25 circular=no": ("metaMDBG", 2.25),
    "u2658272ctg_len-2275750_circular-possibly_depth-10-9-8_duplicated-no mult=1.00": ("myloasm", 10),
    "u1ctg len-5000 circular-no depth-7-6-6 duplicated-no": ("myloasm", 7),
    "2 length=112076 depth=0.90x circular=true": ("Unicycler", 0.9),
    "contig00001 len=5000 cov=21.4 corr=0 origname=NODE_1_length_5000_cov_21.408026_pilon": ("Shovill", 21.4),
    "contig00002 len=5000 cov=1.5e+02 corr=0": ("Shovill", 150),
}
NO_DEPTHS = (
    "k_1",
    "NODE_1_length_5000_cov_nan",
    "NODE_1_length_5000_cov_-3.5",
    "NODE_1_length_5000_cov_",
    "NODE_1_length_5000_cov_12.5abc",
    "NODE_1_cov_12.5",
    "k141_0 flag=1 multi=inf len=312",
    "k141_0 flag=1 multi= len=312",
    "ctg0 length=7710 mycoverage=2.25",
    "c coverage=1.2.3",
    "c depth=1e30",
    "tig00000001 len=11960 reads=12 covStat=9.5 suggestCircular=no",
    "u1ctg_len-5_circular-no mult=1.00",
    "gene_in_depth-first_order",
)


def headers(*lines: str) -> Headers:
    found = Headers()
    for line in lines:
        name, _, rest = line.partition(" ")
        found.add(name, rest.encode("latin-1"))
    return found


@pytest.mark.parametrize("line", DEPTHS)
def test_formats(line: str) -> None:
    found = headers(line)
    assembler, depth = DEPTHS[line]
    assert found.formats == (assembler,)
    assert found.depths is not None
    assert found.depths.dtype == np.float32
    assert found.depths.tolist() == [pytest.approx(depth)]


@pytest.mark.parametrize("line", NO_DEPTHS)
def test_what_is_no_depth(line: str) -> None:
    found = headers(line, "k141_1 flag=1 multi=2.0000 len=300").depths
    assert found is not None
    assert math.isnan(found[0])
    assert found[1] == 2
    alone = headers(line).depths
    assert alone is None or math.isnan(alone[0])


def test_mixtures_are_told() -> None:
    found = headers("k1 multi=2", "NODE_1_length_5_cov_3.0", "x", "k2 multi=4")
    assert found.formats == ("MEGAHIT", "SPAdes")
    assert found.depths is not None
    np.testing.assert_array_equal(found.depths, np.array([2, 3, np.nan, 4], np.float32))


def test_no_header_says_anything() -> None:
    found = headers("a", "b \xff\xe9 any bytes", "c flag=1")
    assert (found.depths, found.formats, found.circular) == (None, (), [])
