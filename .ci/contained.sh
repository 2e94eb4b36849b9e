# What must work in the image for a user whom it does not know, with no environment but what is set here: see image.py.
set -eux
cd /data
if touch /opt/binner/x 2>/dev/null; then exit 1; fi
binner doctor --device cpu
# A home that may not be looked into
HOME=/root binner run /mnt/contigs.fa.gz -b /mnt/S1.bam /mnt/S2.bam /mnt/S3.bam -o out
test "$(wc -l <out/bins.tsv)" -gt 4
# No folder that is named can be written
export HOME=/proc/1 XDG_CACHE_HOME=/proc/1 NUMBA_CACHE_DIR=/proc/1 MPLCONFIGDIR=/proc/1 HF_HOME=/proc/1 TMPDIR=/proc/1
binner embed /mnt/contigs.fa.gz --encoder small -m 15000 --max-windows 1 -o small.npz
test -s small.npz
# A home that is empty and may be written
unset XDG_CACHE_HOME NUMBA_CACHE_DIR MPLCONFIGDIR HF_HOME TMPDIR
HOME=/data binner models verify >verified
