"""A made-up gold standard and binning, and what AMBER says of them.

Contigs c3 and c13 are of two genomes, c22 is in two bins, c99 in no genome; x2 holds two genomes.
"""

from __future__ import annotations

HEAD = "@Version:0.9.1\n@SampleID:small\n\n@@SEQUENCEID\tBINID"

_GOLD = """
c1:A:400 c2:A:1000 c3:A:3000 c4:A:3000 c5:A:1000 c6:A:1000 c7:A:250 c8:A:100 c9:A:250 c10:A:400 c11:A:3000
c12:A:250 c13:B:250 c14:B:3000 c15:B:3000 c16:B:250 c17:B:3000 c18:B:400 c19:B:1000 c20:B:250 c21:B:250
c22:C:400 c23:C:1000 c24:C:100 c25:C:400 c26:C:100 c27:C:100 c28:D:400 c29:D:400 c30:D:3000 c31:E:100
c32:E:400 c13:C:250 c3:E:3000
"""  # contig:genome:bp

_BINS = """
c19:x2 c12:x1 c18:x2 c22:x2 c15:x2 c31:x4 c28:x2 c10:x1 c8:x1 c27:x3 c4:x5 c99:x3 c17:x2 c21:x2 c9:x1 c5:x5
c7:x1 c29:x2 c32:x4 c2:x5 c13:x2 c14:x2 c30:x2 c16:x2 c23:x3 c20:x2 c22:x3 c11:x1 c24:x1 c25:x3 c3:x1 c6:x1
"""  # contig:bin

EXPECTED = {
    "accuracy_bp": 0.8600953895071543,
    "accuracy_seq": 0.8125,
    "adjusted_rand_index_bp": 0.5807181613775034,
    "adjusted_rand_index_seq": 0.5437262357414449,
    "f1_score_bp": 0.9223188300332614,
    "f1_score_bp_cami1": 0.7669308288909557,
    "f1_score_per_bp": 0.8418928193026392,
    "f1_score_per_seq": 0.8253968253968254,
    "f1_score_seq": 0.8907638223074463,
    "f1_score_seq_cami1": 0.7231085384410247,
    "misclassification_bp": 0.1371610845295056,
    "misclassification_seq": 0.16129032258064513,
    "percentage_of_assigned_bps": 0.9841017488076311,
    "percentage_of_assigned_seqs": 0.9375,
    "precision_avg_bp": 0.9437586365730078,
    "precision_avg_bp_sem": 0.053297832049418375,
    "precision_avg_bp_var": 0.014203294505840043,
    "precision_avg_seq": 0.9162393162393162,
    "precision_avg_seq_sem": 0.05997540100119259,
    "precision_weighted_bp": 0.8628389154704944,
    "precision_weighted_seq": 0.8387096774193549,
    "rand_index_bp": 0.8118318424011043,
    "rand_index_seq": 0.8279569892473119,
    "recall_avg_bp": 0.9018315018315018,
    "recall_avg_bp_cami1": 0.645909645909646,
    "recall_avg_bp_sem": 0.07661196461480657,
    "recall_avg_bp_sem_cami1": 0.16480983841973307,
    "recall_avg_bp_var": 0.02934696561070188,
    "recall_avg_bp_var_cami1": 0.1629736970396311,
    "recall_avg_seq": 0.8666666666666666,
    "recall_avg_seq_cami1": 0.5972222222222222,
    "recall_avg_seq_sem": 0.08164965809277261,
    "recall_avg_seq_sem_cami1": 0.16445289017350762,
    "recall_weighted_bp": 0.821939586645469,
    "recall_weighted_seq": 0.8125,
}

RECOVERED = {
    "recovered_50_10": 3,
    "recovered_70_10": 2,
    "recovered_90_10": 2,
    "recovered_50_5": 3,
    "recovered_70_5": 2,
    "recovered_90_5": 2,
}


def gold() -> str:
    """The gold standard as AMBER reads it."""
    return f"{HEAD}\tLENGTH\n" + "".join(row.replace(":", "\t") + "\n" for row in _GOLD.split())


def bins() -> str:
    """The binning as AMBER reads it."""
    return f"{HEAD}\n" + "".join(row.replace(":", "\t") + "\n" for row in _BINS.split())
