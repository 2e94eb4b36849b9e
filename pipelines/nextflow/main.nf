#!/usr/bin/env nextflow
// From contigs, and reads or alignments of any number of samples, to bins: ../README.md says how to use it.

include { SAMPLESHEET } from './subworkflows/local/samplesheet'
include { BINNER      } from './workflows/binner'

workflow {
    main:
    if (!params.input || !params.outdir) {
        error("--input SHEET and --outdir FOLDER are needed: the sample sheet, and where the results go")
    }
    if (!(params.mapper in ['minimap2', 'strobealign', 'strobealign_aemb'])) {
        error("--mapper is minimap2, strobealign or strobealign_aemb, not ${params.mapper}")
    }
    SAMPLESHEET(file(params.input, checkIfExists: true))
    BINNER(
        SAMPLESHEET.out.contigs,
        SAMPLESHEET.out.reads,
        SAMPLESHEET.out.alignments,
        params.mapper,
        params.encoder,
        params.shards
    )

    channel
        .topic('versions')
        .map { process, tool, version -> "${process.tokenize(':').last()}:\n  ${tool}: ${version}" }
        .unique()
        .collectFile(name: 'software_versions.yml', storeDir: "${params.outdir}/pipeline_info", newLine: true, sort: true)
}
