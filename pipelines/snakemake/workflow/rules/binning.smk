# Embedding and coverage to bins.
rule bin:
    input:
        contigs=contigs_of,
        embedding=embedding_of,
        depth=depth_of,
        abundance=abundance_of,
    output:
        bins=directory("results/bins/{assembly}/bins"),
        table="results/bins/{assembly}/bins.tsv",
        contigs="results/bins/{assembly}/contigs.tsv",
        contig2bin="results/bins/{assembly}/contig2bin.tsv",
        cami="results/bins/{assembly}/cami.binning",
        record="results/bins/{assembly}/run.json",
    log:
        "logs/bin/{assembly}.log",
    container:
        config["container"]
    threads: 8
    resources:
        **config["node_classes"]["cpu"],
        mem_mb=memory(base=3000, per_megabyte=30),
        runtime=480,
    params:
        folder=subpath(output.table, parent=True),
        depth=lambda wildcards, input: option("--depth", input.depth),
        abundance=lambda wildcards, input: option("--abundance", input.abundance),
        min_length=config["min_length"],
        min_bin_size=config["bin"]["min_bin_size"],
        seed=config["bin"]["seed"],
        extra=config["bin"]["extra"],
    shell:
        "binner run {input.contigs:q} --embedding {input.embedding:q} {params.depth} {params.abundance}"
        " --prefix {wildcards.assembly}_bin --min-len {params.min_length} --min-bin-size {params.min_bin_size}"
        " --seed {params.seed} {params.extra} -o {params.folder:q}"
        " -t {threads} --max-memory {resources.mem_mb}M > {log:q} 2>&1"
