process BINNER_EMBED {
    tag "${meta.id} ${shard}/${shards}"
    label 'process_medium'
    label 'process_gpu'

    conda "${task.accelerator ? "${moduleDir}/environment.gpu.yml" : "${moduleDir}/environment.yml"}"

    input:
    tuple val(meta), path(contigs), val(shard), val(shards), val(encoder), path(model)

    output:
    tuple val(meta), path("${prefix}.npz"), emit: embedding
    tuple val("${task.process}"), val('binner'), eval("binner --version | sed 's/binner //'"), topic: versions, emit: versions_binner

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    def named = model ? "./${model}" : encoder
    def device = task.accelerator ? 'cuda' : 'cpu'
    def memory = task.memory ? "--max-memory ${task.memory.toMega()}M" : ''
    prefix = task.ext.prefix ?: "${meta.id}.${shard}_of_${shards}"
    """
    binner embed ${contigs} --encoder ${named} -o ${prefix}.npz --shard ${shard}/${shards} --device ${device} -t ${task.cpus} ${memory} ${args}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}.${shard}_of_${shards}"
    """
    touch ${prefix}.npz
    """
}
