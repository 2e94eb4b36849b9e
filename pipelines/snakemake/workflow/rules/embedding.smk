# Contigs to embeddings, on nodes with a GPU where the encoder gains from one: a job for each shard of each assembly.
rule embed:
    input:
        contigs_of,
    output:
        "results/embedding/{assembly}/{shard}_of_{shards}.npz",
    log:
        "logs/embed/{assembly}/{shard}_of_{shards}.log",
    container:
        config["container"]
    threads: 4
    resources:
        **config["node_classes"][NODE_CLASS],
        mem_mb=memory(base=4000, per_megabyte=20),
        runtime=240,
    params:
        encoder=config["embed"]["encoder"],
        min_length=config["min_length"],
        device="cuda" if NODE_CLASS == "gpu" else "cpu",
        extra=config["embed"]["extra"],
    shell:
        "binner embed {input:q} --encoder {params.encoder:q} --min-len {params.min_length} --device {params.device}"
        " --shard {wildcards.shard}/{wildcards.shards} {params.extra} -o {output:q}"
        " -t {threads} --max-memory {resources.mem_mb}M > {log:q} 2>&1"
