# The server in one image: `docker build -t conductus .`. What must last is in /data.

FROM node:22-bookworm-slim AS console
COPY graphiql /build/graphiql
RUN npm ci --prefix /build/graphiql && npm run --prefix /build/graphiql build

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/conductus
COPY requirements/runtime.txt requirements/dev.txt /build/requirements/
# Everything by its hash; uv and the client of Redis are locked beside the tools of development.
RUN for name in uv redis; do \
      awk -v name="^$name==" '$0 ~ name { found = 1 } found { print } found && !/\\$/ { exit }' \
        /build/requirements/dev.txt > "/build/requirements/$name.txt"; \
    done \
  && pip install --require-hashes --no-deps --requirement /build/requirements/uv.txt \
  && uv pip install --python /opt/conductus/bin/python --require-hashes \
      --requirement /build/requirements/runtime.txt --requirement /build/requirements/redis.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md /build/
COPY src /build/src
COPY --from=console /build/src/conductus/graphql/page/built /build/src/conductus/graphql/page/built
RUN /opt/conductus/bin/pip install --no-deps /build

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin conductus \
  && install --directory --owner=conductus --group=conductus --mode=700 /data
COPY --from=build /opt/conductus /opt/conductus
ENV PATH=/opt/conductus/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CONDUCTUS_DATA=/data \
    CONDUCTUS_HOST=0.0.0.0 \
    CONDUCTUS_PORT=8055 \
    CONDUCTUS_LOG_FORMAT=json
USER 10001:10001
VOLUME /data
EXPOSE 8055
# `conductus start` drains on SIGTERM, which is what `docker stop` sends.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8055/server/ping', timeout=4)"]
ENTRYPOINT ["conductus"]
CMD ["start"]
