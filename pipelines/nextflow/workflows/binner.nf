// Coverage and embedding as jobs of their own, each on the kind of node that it needs, then bins.

include { MINIMAP2_SORT    } from '../modules/local/minimap2_sort'
include { STROBEALIGN_SORT } from '../modules/local/strobealign_sort'
include { STROBEALIGN_AEMB } from '../modules/local/strobealign_aemb'
include { BINNER_COVERAGE  } from '../modules/local/binner_coverage'
include { BINNER_EMBED     } from '../modules/local/binner_embed'
include { BINNER_RUN       } from '../modules/nf-core/binner/run'

workflow BINNER {
    take:
    ch_contigs    // [ meta, contigs ]
    ch_reads      // [ meta, contigs, [ reads ] ]
    ch_alignments // [ meta, contigs, bam ]
    mapper        // value: minimap2, strobealign or strobealign_aemb
    encoder       // value: a name, or a folder with a model
    shards        // value: jobs that embed one assembly

    main:
    MINIMAP2_SORT(ch_reads.filter { mapper == 'minimap2' })
    STROBEALIGN_SORT(ch_reads.filter { mapper == 'strobealign' })
    STROBEALIGN_AEMB(ch_reads.filter { mapper == 'strobealign_aemb' })

    ch_mapped = ch_reads
        .map { meta, contigs, _reads -> [meta, contigs] }
        .join(MINIMAP2_SORT.out.bam.mix(STROBEALIGN_SORT.out.bam))
    BINNER_COVERAGE(ch_alignments.mix(ch_mapped))

    ch_shards = channel.fromList((1..shards).toList())
    model = file(encoder).isDirectory() ? file(encoder) : []
    BINNER_EMBED(
        ch_contigs.combine(ch_shards).map { meta, contigs, shard -> [meta, contigs, shard, shards, encoder, model] }
    )

    ch_depth = BINNER_COVERAGE.out.depth.map { meta, table -> [[id: meta.assembly], table] }.groupTuple()
    ch_abundance = STROBEALIGN_AEMB.out.abundance.map { meta, table -> [[id: meta.assembly], table] }.groupTuple()
    ch_parts = ch_contigs
        .join(BINNER_EMBED.out.embedding.groupTuple(size: shards))
        .join(ch_depth, remainder: true)
        .join(ch_abundance, remainder: true)
    BINNER_RUN(
        ch_parts.map { meta, contigs, embedding, depth, abundance ->
            [meta, contigs, [], sorted(depth), sorted(abundance), sorted(embedding)]
        }
    )

    emit:
    bins       = BINNER_RUN.out.bins       // [ meta, [ FASTA ] ]
    bins_table = BINNER_RUN.out.bins_table // [ meta, TSV ]
    contig2bin = BINNER_RUN.out.contig2bin // [ meta, TSV ]
    report     = BINNER_RUN.out.report     // [ meta, HTML ]
    multiqc    = BINNER_RUN.out.multiqc    // [ meta, [ TSV ] ]
}

// The same order each time, so that a task that was done is known again
def sorted(files) {
    return (files ?: []).sort { left, right -> left.name <=> right.name }
}
