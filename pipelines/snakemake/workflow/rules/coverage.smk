# Alignments to depths: a job for each sample of each assembly.
rule link_alignment:
    input:
        given_alignment,
    output:
        "results/alignments/given/{assembly}/{sample}.{suffix}",
    log:
        "logs/link_alignment/{assembly}/{sample}.{suffix}.log",
    wildcard_constraints:
        suffix="bam|cram",
    conda:
        "../envs/mapping.yaml"
    shell:
        'ln -sf "$(realpath {input:q})" {output:q} 2> {log:q}'


rule coverage:
    input:
        contigs=contigs_of,
        alignment=alignment_of,
    output:
        "results/depth/{assembly}/{sample}.tsv",
    log:
        "logs/coverage/{assembly}/{sample}.log",
    container:
        config["container"]
    threads: 2
    resources:
        **config["node_classes"]["cpu"],
        mem_mb=memory(base=2000, per_megabyte=20),
        runtime=120,
    params:
        identity=option("--identity", config["coverage"]["identity"]),
    shell:
        "binner coverage {input.contigs:q} -b {input.alignment:q} {params.identity} -o {output:q}"
        " -t {threads} --max-memory {resources.mem_mb}M > {log:q} 2>&1"
