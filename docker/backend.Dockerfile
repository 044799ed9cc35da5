# The backend: a base with Node, and its bundle. Build the bundle first: npx nx build backend
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
FROM ${NODE_IMAGE}
COPY --chown=0:0 dist/apps/backend /app
COPY --chown=0:0 docker/health.mjs /app/health.mjs
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 LONGSHORE_HOME=/tmp/longshore STORAGE_DIR=/files \
    NODE_OPTIONS="--max-old-space-size-percentage=75 --enable-source-maps --max-semi-space-size=16"
RUN mkdir /files && chown 1000:1000 /files
WORKDIR /app
USER 1000:1000
EXPOSE 8000
VOLUME /files
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "health.mjs", "8000"]
ENTRYPOINT ["node", "main.js"]
