process BINNER_COVERAGE {
    tag "${meta.id}"
    label 'process_low'

    conda "${moduleDir}/environment.yml"

    input:
    tuple val(meta), path(contigs), path(alignment, stageAs: 'given/*')

    output:
    tuple val(meta), path("${prefix}.tsv"), emit: depth
    tuple val("${task.process}"), val('binner'), eval("binner --version | sed 's/binner //'"), topic: versions, emit: versions_binner

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    def memory = task.memory ? "--max-memory ${task.memory.toMega()}M" : ''
    prefix = task.ext.prefix ?: "${meta.sample}"
    // binner calls the sample as the file is called
    """
    ln -s ${alignment} ${prefix}.${alignment.extension}
    binner coverage ${contigs} -b ${prefix}.${alignment.extension} -o ${prefix}.tsv -t ${task.cpus} ${memory} ${args}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.sample}"
    """
    touch ${prefix}.tsv
    """
}
