# Embedding and coverage to bins, and what is said of them.
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
        " --seed {params.seed} {params.extra} --no-report -o {params.folder:q}"
        " -t {threads} --max-memory {resources.mem_mb}M > {log:q} 2>&1"


rule quality:  # adds columns to bins.tsv, which no rule takes
    input:
        "results/bins/{assembly}/contig2bin.tsv",
    output:
        touch("results/quality/{assembly}.done"),
    log:
        "logs/quality/{assembly}.log",
    container:
        config["container"]
    threads: 8
    resources:
        **config["node_classes"]["cpu"],
        mem_mb=lambda wildcards, attempt: 48000 * attempt,
        runtime=480,
    params:
        folder=subpath(input[0], parent=True),
        tool=config["quality"],
    shell:
        "binner quality {params.folder:q} --with {params.tool:q}"
        " -t {threads} --max-memory {resources.mem_mb}M > {log:q} 2>&1"


rule report:
    input:
        contig2bin="results/bins/{assembly}/contig2bin.tsv",
        quality=quality_of,
    output:
        report="results/bins/{assembly}/report.html",
        tables=multiext("results/bins/{assembly}/binner_", "summary_mqc.tsv", "tiers_mqc.tsv", "bins_mqc.tsv"),
    log:
        "logs/report/{assembly}.log",
    container:
        config["container"]
    resources:
        **config["node_classes"]["cpu"],
        mem_mb=memory(base=2000, per_megabyte=20),
        runtime=60,
    params:
        folder=subpath(output.report, parent=True),
    shell:
        "binner report {params.folder:q} > {log:q} 2>&1"
