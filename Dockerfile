# docker build -t binner .                       for the CPU
# docker build -t binner:cuda --target cuda .    for NVIDIA GPUs: docker run --gpus all, apptainer exec --nv
# docker run --rm -v "$PWD:/data" -u "$(id -u):$(id -g)" binner binner run contigs.fa
ARG PYTHON=python:3.11-slim

# hadolint ignore=DL3006
FROM ${PYTHON} AS wheel
COPY . /src
RUN python -m venv /opt/pip \
    && /opt/pip/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheel /src

# hadolint ignore=DL3006
FROM ${PYTHON} AS build-cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/binner \
    && /opt/binner/bin/pip install torch==2.13.0 --index-url "${TORCH_INDEX}"
COPY --from=wheel /wheel /wheel
RUN /opt/binner/bin/pip install /wheel/*.whl

# hadolint ignore=DL3006
FROM ${PYTHON} AS build-cuda
ENV PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/binner \
    && /opt/binner/bin/pip install torch==2.13.0
COPY --from=wheel /wheel /wheel
RUN /opt/binner/bin/pip install /wheel/*.whl

# hadolint ignore=DL3006
FROM ${PYTHON} AS base
LABEL org.opencontainers.image.title="binner" \
    org.opencontainers.image.description="Metagenomic binning with a species-aware DNA language model" \
    org.opencontainers.image.licenses="GPL-3.0-or-later"
# libgomp1: the threads of numba. procps: Nextflow measures its tasks by ps.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 procps \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /opt/binner/bin/binner /usr/local/bin/binner \
    && useradd --create-home --uid 10001 binner
# Nothing else is set: under Apptainer's --cleanenv it might not arrive, and binner finds places for its caches by itself
ENV PATH=/opt/binner/bin:$PATH
USER 10001
WORKDIR /data
# No entry point: workflow engines start a shell in the container
CMD ["binner", "--help"]

FROM base AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=build-cuda /opt/binner /opt/binner

FROM base AS cpu
COPY --from=build-cpu /opt/binner /opt/binner
