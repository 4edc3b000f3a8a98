# The hub, with the packages that its lock file pins by hash, built with what locks/build.txt pins.
FROM python:3.11.11-slim-bookworm AS built
RUN python -m venv /opt/moodscape
COPY locks/build.txt locks/hub.txt /build/locks/
RUN for lock in build hub; do \
    /opt/moodscape/bin/pip install --no-cache-dir --no-build-isolation --require-hashes --requirement "/build/locks/$lock.txt" \
    || exit; done
COPY . /build
RUN /opt/moodscape/bin/pip install --no-cache-dir --no-build-isolation --no-deps /build

FROM python:3.11.11-slim-bookworm
# The number that mosquitto's image runs under, so that both read one folder of certificates.
RUN useradd --uid 1883 --home-dir /var/lib/moodscape moodscape \
    && install -d -o moodscape -m 0700 /var/lib/moodscape /var/lib/moodscape/data /var/lib/moodscape/secrets
COPY --from=built /opt/moodscape /opt/moodscape
ENV PATH=/opt/moodscape/bin:$PATH XDG_DATA_HOME=/var/lib/moodscape/data
USER moodscape
ENTRYPOINT ["moodscape", "hub"]
CMD ["run"]
