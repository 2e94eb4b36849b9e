# Reads to alignments, or with strobealign --aemb straight to abundances.
rule reference:  # samtools takes plain FASTA, mappers also what is compressed with gzip
    input:
        contigs_of,
    output:
        fasta=temp("results/reference/{assembly}.fa"),
        index=temp("results/reference/{assembly}.fa.fai"),
    log:
        "logs/reference/{assembly}.log",
    conda:
        "../envs/mapping.yaml"
    resources:
        **config["node_classes"]["cpu"],
        mem_mb=1000,
        runtime=60,
    shell:
        "(gzip -cdf {input:q} > {output.fasta:q} && samtools faidx {output.fasta:q}) 2> {log:q}"


rule minimap2:
    input:
        contigs=contigs_of,
        reads=reads_of,
        reference=reference_of,
    output:
        f"results/alignments/minimap2/{{assembly}}/{{sample}}.{FORMAT}",
    log:
        "logs/minimap2/{assembly}/{sample}.log",
    conda:
        "../envs/mapping.yaml"
    threads: 8
    resources:
        **config["node_classes"]["cpu"],
        mem_mb=memory(base=4000, per_megabyte=40),
        runtime=720,
    params:
        preset=config["mapping"]["preset"],
        extra=config["mapping"]["extra"],
        sorting=sorting,
    shell:
        "(minimap2 -a -x {params.preset} -t {threads} {params.extra} {input.contigs:q} {input.reads:q}"
        " | samtools sort {params.sorting} -T {output:q}.part -o {output:q} -) 2> {log:q}"


rule strobealign:
    input:
        contigs=contigs_of,
        reads=reads_of,
        reference=reference_of,
    output:
        f"results/alignments/strobealign/{{assembly}}/{{sample}}.{FORMAT}",
    log:
        "logs/strobealign/{assembly}/{sample}.log",
    conda:
        "../envs/mapping.yaml"
    threads: 8
    resources:
        **config["node_classes"]["cpu"],
        mem_mb=memory(base=4000, per_megabyte=60),
        runtime=720,
    params:
        extra=config["mapping"]["extra"],
        sorting=sorting,
    shell:
        "(strobealign -t {threads} {params.extra} {input.contigs:q} {input.reads:q}"
        " | samtools sort {params.sorting} -T {output:q}.part -o {output:q} -) 2> {log:q}"


rule strobealign_aemb:
    input:
        contigs=contigs_of,
        reads=reads_of,
    output:
        "results/abundance/{assembly}/{sample}.tsv",
    log:
        "logs/strobealign_aemb/{assembly}/{sample}.log",
    conda:
        "../envs/mapping.yaml"
    threads: 8
    resources:
        **config["node_classes"]["cpu"],
        mem_mb=memory(base=3000, per_megabyte=60),
        runtime=720,
    params:
        extra=config["mapping"]["extra"],
    shell:
        "strobealign --aemb -t {threads} {params.extra} {input.contigs:q} {input.reads:q} > {output:q} 2> {log:q}"
