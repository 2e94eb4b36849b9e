# CPU image: docker build -t binner . && docker run --rm -v "$PWD:/data" -u "$(id -u):$(id -g)" binner run contigs.fa
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/binner \
    && /opt/binner/bin/pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
COPY . /src
RUN /opt/binner/bin/pip install /src

FROM python:3.11-slim
COPY --from=build /opt/binner /opt/binner
# Apptainer mounts images read-only and may hide the home folder: what is cached goes where everybody may write
ENV PATH=/opt/binner/bin:$PATH \
    NUMBA_CACHE_DIR=/tmp/binner/numba \
    HF_HOME=/tmp/binner/huggingface \
    MPLCONFIGDIR=/tmp/binner/matplotlib \
    XDG_CACHE_HOME=/tmp/binner/cache
RUN useradd --create-home --uid 10001 binner
USER 10001
WORKDIR /data
ENTRYPOINT ["binner"]
CMD ["--help"]
