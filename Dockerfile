# syntax=docker/dockerfile:1
# One image a service: docker build --build-arg SERVICE=leads --tag mekong-leads .
ARG PYTHON=3.13
FROM node:24-slim AS assets
ARG SERVICE
WORKDIR /gateway/assets
# The bundle holds the icons that pages name, so it is made beside them.
COPY services/gateway/ /gateway/
# Only the gateway has pages; the others get an empty folder.
RUN mkdir -p /gateway/static/dist \
    && if [ "$SERVICE" = gateway ]; then npm ci --no-audit --no-fund --ignore-scripts && node build.mjs; fi

FROM python:${PYTHON}-slim AS packages
ARG SERVICE
COPY requirements/ /requirements/
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r "/requirements/${SERVICE}.txt"

FROM python:${PYTHON}-slim
ARG SERVICE
RUN groupadd --gid 10001 mekong && useradd --uid 10001 --gid 10001 --no-create-home mekong
COPY --from=packages /venv /venv
WORKDIR /app
COPY chassis/ chassis/
COPY gen/ gen/
COPY services/*.py services/
COPY services/${SERVICE}/ services/${SERVICE}/
COPY --from=assets /gateway/static/dist/ services/${SERVICE}/static/dist/
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app:/app/gen PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SERVICE=${SERVICE}
USER 10001:10001
EXPOSE 8000 8080 8081
ENTRYPOINT ["sh", "-c", "exec python -m services.$SERVICE \"$@\"", "mekong"]
