process STROBEALIGN_SORT {
    tag "${meta.id}"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"

    input:
    tuple val(meta), path(contigs), path(reads)

    output:
    tuple val(meta), path("${prefix}.bam"), emit: bam
    tuple val("${task.process}"), val('strobealign'), eval("strobealign --version"), topic: versions, emit: versions_strobealign
    tuple val("${task.process}"), val('samtools'), eval("samtools --version | head -n 1 | sed 's/samtools //'"), topic: versions, emit: versions_samtools

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.sample}"
    """
    strobealign ${args} -t ${task.cpus} ${contigs} ${reads} \\
        | samtools sort -@ 2 -m 512M -T sorting -o ${prefix}.bam -
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.sample}"
    """
    touch ${prefix}.bam
    """
}
