# The callback worker: a base with Node, and its bundle. Build the bundle first: npx nx build callback
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
FROM ${NODE_IMAGE}
COPY --chown=0:0 dist/apps/callback /app
COPY --chown=0:0 docker/health.mjs /app/health.mjs
ENV NODE_ENV=production HOST=0.0.0.0 CALLBACK_HEALTH_PORT=8083 LONGSHORE_HOME=/tmp/longshore \
    NODE_OPTIONS="--max-old-space-size-percentage=75"
WORKDIR /app
USER 1000:1000
EXPOSE 8083
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["node", "health.mjs", "8083"]
ENTRYPOINT ["node", "main.js"]
