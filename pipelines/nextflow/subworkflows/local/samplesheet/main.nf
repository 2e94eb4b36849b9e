// The sample sheet as channels. Files are relative to the sheet's folder.

workflow SAMPLESHEET {
    take:
    sheet // path: CSV of assembly, contigs, sample, reads_1, reads_2, bam

    main:
    ch_rows = channel
        .fromPath(sheet)
        .splitCsv(header: true, strip: true)
        .map { row -> checked(row) }

    ch_contigs = ch_rows
        .map { row -> [[id: row.assembly], located(sheet, row.contigs)] }
        .unique()

    ch_samples = ch_rows
        .filter { row -> row.sample }
        .map { row ->
            [
                [id: "${row.assembly}.${row.sample}", assembly: row.assembly, sample: row.sample],
                located(sheet, row.contigs),
                row
            ]
        }

    emit:
    contigs    = ch_contigs // [ meta, contigs ], an item for each assembly
    reads      = ch_samples
        .filter { _meta, _contigs, row -> !row.bam }
        .map { meta, contigs, row ->
            [meta, contigs, [row.reads_1, row.reads_2].findAll { name -> name }.collect { name -> located(sheet, name) }]
        } // [ meta, contigs, [ reads ] ], an item for each sample of an assembly
    alignments = ch_samples
        .filter { _meta, _contigs, row -> row.bam }
        .map { meta, contigs, row -> [meta, contigs, located(sheet, row.bam)] } // [ meta, contigs, bam ]
}

def checked(row) {
    def has_data = row.bam || row.reads_1
    if (!row.assembly || !row.contigs) {
        error("the sample sheet: a line without assembly or contigs: ${row}")
    }
    if ((row.sample as boolean) != (has_data as boolean) || (row.bam && row.reads_1) || (row.reads_2 && !row.reads_1)) {
        error("the sample sheet: a sample has reads or a BAM, a line without a sample has neither: ${row}")
    }
    return row
}

def located(sheet, name) {
    return file(name.contains('://') ? name : sheet.parent.resolve(name), checkIfExists: true)
}
