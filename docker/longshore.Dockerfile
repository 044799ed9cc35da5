# Everything in one image; the first argument says what it runs. Build the bundles first: npx nx run-many -t build
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
FROM ${NODE_IMAGE}
COPY --chown=0:0 dist/apps /app
COPY --chown=0:0 docker/health.mjs docker/entrypoint.sh docker/workers.txt /app/
ENV NODE_ENV=production HOST=0.0.0.0 LONGSHORE_HOME=/tmp/longshore STORAGE_DIR=/files \
    NODE_OPTIONS="--max-old-space-size-percentage=75"
RUN mkdir /files && chown 1000:1000 /files
WORKDIR /app
USER 1000:1000
VOLUME /files
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/app/entrypoint.sh", "health"]
ENTRYPOINT ["/app/entrypoint.sh"]
CMD ["--help"]
