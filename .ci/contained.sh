# What must work in the image for a user whom it does not know, with no environment but what is set here: see image.py.
set -eu
cd /data
if touch /opt/binner/x 2>/dev/null; then exit 1; fi
for given in A=B HOME=/data HOME=/root "HOME=/proc/1 XDG_CACHE_HOME=/proc/1 NUMBA_CACHE_DIR=/proc/1 MPLCONFIGDIR=/proc/1 TMPDIR=/proc/1"; do
    echo "with $given:"
    # shellcheck disable=SC2086
    env $given binner doctor --device cpu
done
binner models verify >verified
binner run /mnt/contigs.fa.gz -b /mnt/S1.bam /mnt/S2.bam /mnt/S3.bam -o out
test "$(wc -l <out/bins.tsv)" -gt 4
binner embed /mnt/contigs.fa.gz --encoder small -m 8000 --max-windows 1 -o small.npz
test -s small.npz
