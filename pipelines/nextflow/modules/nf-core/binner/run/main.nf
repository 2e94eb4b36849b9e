process BINNER_RUN {
    tag "${meta.id}"
    label 'process_medium'
    label 'process_gpu'

    conda "${task.accelerator ? "${moduleDir}/environment.gpu.yml" : "${moduleDir}/environment.yml"}"
    container "${workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container
        ? 'https://depot.galaxyproject.org/singularity/binner:0.1.0--pyhdfd78af_0'
        : 'biocontainers/binner:0.1.0--pyhdfd78af_0'}"

    input:
    tuple val(meta), path(fasta), path(bam), path(depth), path(abundance), path(embedding)

    output:
    tuple val(meta), path("${prefix}/bins/*.fa.gz"), emit: bins, optional: true
    tuple val(meta), path("${prefix}/bins.tsv"), emit: bins_table
    tuple val(meta), path("${prefix}/contigs.tsv"), emit: contigs_table
    tuple val(meta), path("${prefix}/contig2bin.tsv"), emit: contig2bin
    tuple val(meta), path("${prefix}/cami.binning"), emit: cami
    tuple val(meta), path("${prefix}/run.json"), emit: record
    tuple val(meta), path("${prefix}/binner.log"), emit: log
    tuple val(meta), path("${prefix}/report.html"), emit: report, optional: true
    tuple val(meta), path("${prefix}/*_mqc.tsv"), emit: multiqc, optional: true
    tuple val(meta), path("${prefix}/checkm*.tsv"), emit: quality, optional: true
    tuple val("${task.process}"), val('binner'), eval("binner --version | sed 's/binner //'"), topic: versions, emit: versions_binner

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    def device = task.accelerator ? 'cuda' : 'cpu'
    def memory = task.memory ? "--max-memory ${task.memory.toMega()}M" : ''
    def bams = bam ? "--bam ${bam}" : ''
    def depths = depth ? "--depth ${depth}" : ''
    def abundances = abundance ? "--abundance ${abundance}" : ''
    def embeddings = embedding ? "--embedding ${embedding}" : ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    binner run ${fasta} ${bams} ${depths} ${abundances} ${embeddings} \\
        --output ${prefix} \\
        --prefix ${prefix} \\
        --threads ${task.cpus} \\
        --device ${device} \\
        ${memory} \\
        ${args}
    for bin in ${prefix}/bins/*.fa; do
        if [ -e "\$bin" ]; then gzip -n "\$bin"; fi
    done
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir -p ${prefix}/bins
    touch ${prefix}/bins.tsv ${prefix}/contigs.tsv ${prefix}/contig2bin.tsv ${prefix}/cami.binning ${prefix}/run.json ${prefix}/binner.log \\
        ${prefix}/report.html ${prefix}/binner_summary_mqc.tsv ${prefix}/checkm2.tsv
    echo "" | gzip -n > ${prefix}/bins/${prefix}_1.fa.gz
    """
}
