# Two images from one file: `docker build --target operator .` and `docker build --target worker .`.
# BASE may be any image with glibc, Python 3.11 or newer and pip. A tag moves: name it by digest for builds that can be
# repeated, as `make release` does.
ARG BASE=python:3.11-slim

FROM ${BASE} AS base
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONHASHSEED=0
COPY images/ /src/images/
RUN command -v python3 >/dev/null || { echo "BASE has no python3: take an image such as python:3.11-slim" >&2; exit 1; } \
 && python3 /src/images/check_base.py
# Without an entry, the container runtime would give our user root's group.
RUN echo 'queueworkerpool:x:65532:65532::/:/usr/sbin/nologin' >> /etc/passwd \
 && echo 'queueworkerpool:x:65532:' >> /etc/group

# The wheels, one for each program. The tools that build them are locked like everything else, and stay in these stages.
FROM base AS builder
COPY requirements-build.lock /src/
RUN python3 -m venv --without-pip /opt/venv \
 && python3 -m pip --python /opt/venv install --no-compile --no-deps --require-hashes --only-binary=:all: -r /src/requirements-build.lock
COPY common/ /src/common/

FROM builder AS operator-wheel
COPY pyproject.toml README.md LICENSE /src/
COPY crds/ /src/crds/
COPY operator/ /src/operator/
RUN python3 -m pip --python /opt/venv wheel --no-deps --no-build-isolation --wheel-dir /wheels /src

FROM builder AS worker-wheel
COPY worker/ /src/worker/
RUN python3 -m pip --python /opt/venv wheel --no-deps --no-build-isolation --wheel-dir /wheels /src/worker

# The environments: dependencies first, because they change less often than the code. Bytecode that is compared with no
# source's time stays valid whatever times the files get; a container that cannot write would compile at each start.
FROM base AS operator-venv
COPY requirements-operator.lock /src/
RUN python3 -m venv --without-pip /opt/venv \
 && python3 -m pip --python /opt/venv install --no-compile --no-deps --require-hashes --only-binary=:all: -r /src/requirements-operator.lock \
 && python3 /src/images/prune.py /opt/venv/lib/python3*/site-packages
COPY --from=operator-wheel /wheels/ /wheels/
RUN python3 -m pip --python /opt/venv install --no-compile --no-deps --no-index --find-links /wheels queueworkerpool \
 && python3 -m compileall -q -f --invalidation-mode unchecked-hash /opt/venv/lib

FROM base AS worker-venv
COPY requirements-worker.lock /src/
RUN python3 -m venv --without-pip /opt/venv \
 && python3 -m pip --python /opt/venv install --no-compile --no-deps --require-hashes --only-binary=:all: -r /src/requirements-worker.lock
COPY --from=worker-wheel /wheels/ /wheels/
RUN python3 -m pip --python /opt/venv install --no-compile --no-deps --no-index --find-links /wheels queueworker \
 && python3 -m compileall -q -f --invalidation-mode unchecked-hash /opt/venv/lib

# The images. The user is a number, so that Kubernetes can see that it is not root. python:slim has no bytecode of Python's
# own library, which would be compiled at each start (half a second): the import writes what the program uses of it.
FROM ${BASE} AS worker
ARG BASE
ARG BASE_DIGEST=unknown
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="queueworkerpool-worker" \
      org.opencontainers.image.description="Consumes an SQS queue: heartbeat, drain, delete after success." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.base.digest="${BASE_DIGEST}"
ENV PATH=/opt/venv/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=base /etc/passwd /etc/group /etc/
COPY --from=worker-venv /opt/venv/ /opt/venv/
RUN PYTHONDONTWRITEBYTECODE= PYTHONHASHSEED=0 python3 -c "import queueworker.__main__, queueworker.commands.group, queueworker.commands.run"
USER 65532:65532
EXPOSE 8081
ENTRYPOINT ["queueworker"]

FROM ${BASE} AS operator
ARG BASE
ARG BASE_DIGEST=unknown
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="queueworkerpool-operator" \
      org.opencontainers.image.description="Keeps pools of queue workers at the right size for their SQS backlog." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.base.digest="${BASE_DIGEST}"
ENV PATH=/opt/venv/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=base /etc/passwd /etc/group /etc/
COPY --from=operator-venv /opt/venv/ /opt/venv/
RUN PYTHONDONTWRITEBYTECODE= PYTHONHASHSEED=0 python3 -c "import queueworkerpool.process, queueworkerpool.explain, queueworkerpool.prometheus"
USER 65532:65532
EXPOSE 9090
ENTRYPOINT ["qwp"]
CMD ["operator"]
