# `kullm serve` as an image (docs/serve.md).
#   docker build -t kullm .                                    for processors
#   docker build --build-arg TORCH=cu130 -t kullm:cuda .       for NVIDIA cards; run it with --gpus all
FROM python:3.12-slim-bookworm

# Our kernels for processors are compiled where they run.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /srv/kullm
COPY pyproject.toml README.md LICENSE ./
COPY kullm_tui kullm_tui
COPY trainer trainer
COPY evaluator evaluator
COPY data data
ARG TORCH=cpu
RUN pip install --no-cache-dir --extra-index-url "https://download.pytorch.org/whl/${TORCH}" -c trainer/constraints.txt '.[local]' \
    && useradd --create-home kullm \
    && install --directory --owner kullm --mode 700 /models

# Everything that is kept, downloads too, lies in one volume.
USER kullm
ENV KULLM_HOME=/models/kullm HF_HOME=/models/huggingface
VOLUME /models
EXPOSE 8377
ENTRYPOINT ["kullm", "serve", "--host", "0.0.0.0"]
CMD ["-m", "demo-kullm"]
