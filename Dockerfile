# The services, the commands and the operator in one image; the arguments say which.
#   docker build -t orderflow .
#   docker run orderflow serve gateway        docker run --entrypoint orderflow-operator orderflow

FROM python:3.13-slim AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN apt-get update && apt-get install -y --no-install-recommends binutils
RUN python -m venv --without-pip /opt/orderflow
COPY requirements/runtime.lock /tmp/
# Nothing writes into the image when it runs, so what is imported is compiled here. Debug symbols
# are a fifth of all; the libraries in *.libs are left as they are, since wheels have patched them.
RUN pip --python /opt/orderflow/bin/python install --no-compile --require-hashes -r /tmp/runtime.lock \
 && /opt/orderflow/bin/python -c 'import alembic.command, click, confluent_kafka.admin, cronsim, flask_sock, \
      flask_swagger_ui, gunicorn.app.base, gunicorn.glogging, gunicorn.workers.gthread, kopf, orjson, \
      prometheus_client, psycopg2.extras, pydantic_settings, pythonjsonlogger.json, requests, \
      sqlalchemy.dialects.postgresql.psycopg2, uuid_utils, yaml' \
 && find /opt/orderflow -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded {} +

FROM packages AS project
COPY requirements/build.lock /tmp/
RUN pip --python /opt/orderflow/bin/python install --require-hashes -r /tmp/build.lock
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY contracts contracts
COPY local local
COPY operator operator
COPY services services
RUN pip --python /opt/orderflow/bin/python install --no-deps --no-build-isolation --prefix /project .

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin orderflow
COPY --from=packages /opt/orderflow /opt/orderflow
COPY --from=project /project /opt/orderflow
ENV PATH=/opt/orderflow/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["orderflow"]
CMD ["--help"]
ARG VERSION=0.1.0 COMMIT=
ENV ORDERFLOW_COMMIT=$COMMIT
LABEL org.opencontainers.image.title="Orderflow" \
      org.opencontainers.image.description="Event-driven order processing on Kafka: services, commands and the operator" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$COMMIT
