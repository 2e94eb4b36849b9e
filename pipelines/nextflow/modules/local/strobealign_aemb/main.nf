process STROBEALIGN_AEMB {
    tag "${meta.id}"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"

    input:
    tuple val(meta), path(contigs), path(reads)

    output:
    tuple val(meta), path("${prefix}.tsv"), emit: abundance
    tuple val("${task.process}"), val('strobealign'), eval("strobealign --version"), topic: versions, emit: versions_strobealign

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.sample}"
    """
    strobealign --aemb ${args} -t ${task.cpus} ${contigs} ${reads} > ${prefix}.tsv
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.sample}"
    """
    touch ${prefix}.tsv
    """
}
