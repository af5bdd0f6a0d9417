# Two images from one file: `docker build --target operator .` and `docker build --target worker .`.
# BASE may be any image with Python 3.11 or newer and pip; name it by digest for builds that can be repeated.
ARG BASE=python:3.11-slim

FROM ${BASE} AS base
ENV PATH=/opt/venv/bin:${PATH} \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

# The project's wheel. The tools that build it are locked like everything else, and stay in this stage.
FROM base AS wheel
COPY requirements-build.lock /src/
RUN python -m venv /opt/venv \
 && pip install --no-deps --require-hashes --only-binary=:all: -r /src/requirements-build.lock
COPY pyproject.toml README.md LICENSE /src/
COPY crds/ /src/crds/
COPY operator/ /src/operator/
COPY worker/ /src/worker/
COPY common/ /src/common/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels /src

# The environments: dependencies first, because they change less often than the code.
FROM base AS operator-venv
COPY requirements-operator.lock /src/
RUN python -m venv --without-pip /opt/venv \
 && pip --python /opt/venv install --no-deps --require-hashes --only-binary=:all: -r /src/requirements-operator.lock
COPY --from=wheel /wheels/ /wheels/
RUN pip --python /opt/venv install --no-deps --no-index --find-links /wheels queueworkerpool

FROM base AS worker-venv
COPY requirements-worker.lock /src/
RUN python -m venv --without-pip /opt/venv \
 && pip --python /opt/venv install --no-deps --require-hashes --only-binary=:all: -r /src/requirements-worker.lock
COPY --from=wheel /wheels/ /wheels/
RUN pip --python /opt/venv install --no-deps --no-index --find-links /wheels queueworkerpool

# The images. The user is a number, so that Kubernetes can see that it is not root.
FROM ${BASE} AS worker
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="queueworkerpool-worker" \
      org.opencontainers.image.description="Consumes an SQS queue: heartbeat, drain, delete after success." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/venv/bin:${PATH}
COPY --from=worker-venv /opt/venv/ /opt/venv/
USER 65532:65532
EXPOSE 8081
ENTRYPOINT ["queueworker"]

FROM ${BASE} AS operator
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="queueworkerpool-operator" \
      org.opencontainers.image.description="Keeps pools of queue workers at the right size for their SQS backlog." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/venv/bin:${PATH}
COPY --from=operator-venv /opt/venv/ /opt/venv/
USER 65532:65532
EXPOSE 9090
ENTRYPOINT ["qwp"]
CMD ["operator"]
