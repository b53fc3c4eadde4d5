# One image for the gateway and, in the demo composition, for the mock government and the sample backends.
# Packages come from a lock with hashes (deploy/requirements.lock: requirements.lock without the development tools).

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/inkom
COPY deploy/requirements.lock /build/requirements.lock
RUN /opt/inkom/bin/pip install --require-hashes --requirement /build/requirements.lock
COPY pyproject.toml README.md LICENSE /build/
COPY broker /build/broker
COPY mock_idp /build/mock_idp
COPY mock_apps /build/mock_apps
COPY pagekit /build/pagekit
RUN /opt/inkom/bin/pip install --no-deps --no-build-isolation /build

FROM python:3.11-slim
ENV PATH=/opt/inkom/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# /var/lib/inkom: the audit file. /var/lib/inkom-registrations: SQLite's file, which alone needs a backup. /run/inkom: keys, when they come from a volume as in the composition.
RUN groupadd --system --gid 10001 inkom \
    && useradd --system --uid 10001 --gid inkom --home-dir /nonexistent --shell /usr/sbin/nologin inkom \
    && install --directory --owner=inkom --group=inkom --mode=0700 /run/inkom /var/lib/inkom /var/lib/inkom-registrations
COPY --from=build /opt/inkom /opt/inkom
COPY inkom.yaml /etc/inkom/inkom.yaml
COPY policies /etc/inkom/policies
WORKDIR /etc/inkom
USER 10001:10001
EXPOSE 8000
# Under the gateway's public name: it refuses requests for other hosts.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.parse as p, urllib.request as r; host = p.urlsplit(os.environ.get('INKOM_PUBLIC_URL', 'http://localhost:8000')).netloc; r.urlopen(r.Request('http://127.0.0.1:8000/_inkom/health/ready', headers={'Host': host}), timeout=2)"]
ENTRYPOINT ["inkom"]
CMD ["serve", "--config", "/etc/inkom/inkom.yaml"]
