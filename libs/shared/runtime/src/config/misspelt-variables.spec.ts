import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { misspeltVariables } from './misspelt-variables.ts';
import type { Variable } from './variable.ts';
import { variables } from './variables.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function setup(envFile = '') {
  const cwd = mkdtempSync(join(tmpdir(), 'longshore-misspelt-'));
  cleanups.push(() => rmSync(cwd, { recursive: true }));
  writeFileSync(join(cwd, '.env'), envFile);
  return { env: {}, cwd };
}

/** Of shells, npm, Docker, Kubernetes, systemd, PostgreSQL, Redis, OpenTelemetry, clouds, CI and proxies. */
const OF_OTHERS = `
  PATH HOME USER LOGNAME SHELL PWD OLDPWD TERM TMPDIR TEMP TMP LANG LC_ALL LC_CTYPE TZ EDITOR VISUAL PAGER HOSTNAME HOSTTYPE
  HISTSIZE HISTFILE SHLVL COLUMNS LINES DISPLAY MAIL SSH_AUTH_SOCK SSH_CONNECTION SSH_CLIENT SSH_TTY XDG_RUNTIME_DIR XDG_DATA_DIRS
  XDG_CONFIG_HOME XDG_SESSION_ID DBUS_SESSION_BUS_ADDRESS COLORTERM NO_COLOR FORCE_COLOR LS_COLORS MOTD_SHOWN SUDO_USER SUDO_UID
  NODE_ENV NODE_OPTIONS NODE_PATH NODE_VERSION NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED NODE_COMPILE_CACHE YARN_VERSION
  INIT_CWD npm_config_cache npm_config_registry npm_config_user_agent npm_config_global_prefix npm_config_node_gyp npm_config_noproxy
  npm_package_name npm_package_json npm_package_version npm_lifecycle_event npm_lifecycle_script npm_execpath npm_node_execpath npm_command
  DOCKER_HOST DOCKER_CONFIG DOCKER_BUILDKIT DOCKER_TLS_VERIFY DOCKER_CERT_PATH COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES
  KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_PORT KUBERNETES_PORT_443_TCP KUBERNETES_PORT_443_TCP_ADDR POD_NAME POD_IP
  NODE_NAME NAMESPACE LONGSHORE_SERVICE_HOST LONGSHORE_SERVICE_PORT LONGSHORE_PORT LONGSHORE_PORT_8000_TCP LONGSHORE_PORT_8000_TCP_PORT
  BACKEND_SERVICE_HOST BACKEND_PORT GENERAL_SERVICE_HOST GENERAL_PORT CALLBACK_PORT REDIS_SERVICE_HOST REDIS_PORT REDIS_HOST REDIS_USER
  REDIS_USERNAME REDIS_DB REDIS_TLS REDIS_URI REDIS_MASTER_PASSWORD DATABASE_URI DATABASE_HOST DATABASE_NAME DATABASE_USER DATABASE_PASSWORD
  INVOCATION_ID JOURNAL_STREAM NOTIFY_SOCKET LISTEN_FDS LISTEN_PID MAINPID MANAGERPID WATCHDOG_USEC WATCHDOG_PID SYSTEMD_EXEC_PID
  RUNTIME_DIRECTORY STATE_DIRECTORY CACHE_DIRECTORY LOGS_DIRECTORY CONFIGURATION_DIRECTORY CREDENTIALS_DIRECTORY
  PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE PGDATA PGSSLMODE PGSERVICE PGPASSFILE PGOPTIONS PGAPPNAME PGTZ POSTGRES_USER POSTGRES_DB
  POSTGRES_PASSWORD POSTGRES_PASSWORD_FILE POSTGRES_INITDB_ARGS POSTGRES_HOST POSTGRES_PORT
  OTEL_LOGS_EXPORTER OTEL_METRICS_EXPORTER OTEL_PROPAGATORS OTEL_EXPORTER_OTLP_METRICS_ENDPOINT OTEL_EXPORTER_OTLP_LOGS_ENDPOINT
  OTEL_EXPORTER_OTLP_COMPRESSION OTEL_EXPORTER_OTLP_CERTIFICATE OTEL_BSP_SCHEDULE_DELAY OTEL_NODE_RESOURCE_DETECTORS OTEL_LOG_LEVEL
  AWS_REGION AWS_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN GOOGLE_APPLICATION_CREDENTIALS AZURE_CLIENT_ID
  HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy ALL_PROXY CI GITHUB_ACTIONS GITHUB_REPOSITORY GITHUB_TOKEN RUNNER_TEMP
  GITLAB_CI CI_JOB_ID WEB_CONCURRENCY MAX_WORKERS WORKER_CLASS WORKER_TIMEOUT WORKER_ID LOG_FORMAT LOG_FILE LOG_DIR DEBUG PYTHONPATH
  JAVA_HOME GOPATH CARGO_HOME VIRTUAL_ENV SECRET_KEY ENCRYPTION_KEY_ID STORAGE_TYPE QUEUE_URL QUEUE_DRIVER TASK_NAME TASK_ID TASKS_FILE
  GENERAL2_HEALTH_PORT INVOICES_HEALTH_PORT INVOICES_AUTOSCALE SERVER_PORT HOST_NAME PORT_RANGE SESSION_SECRET SESSION_DRIVER TESSDATA_PREFIX
`
  .split(/\s+/)
  .filter((name) => name !== '');

const ofTheTable = Object.values<Variable>(variables).flatMap(({ env, aliases }) => [env, ...aliases]);

describe('names that are nearly those of settings', () => {
  it.each([
    ['TASK_DIR', 'TASKS_DIR'],
    ['WORKER_CONCURENCY', 'WORKER_CONCURRENCY'],
    ['WROKER_COUNT', 'WORKER_COUNT'],
    ['TASK_QUEUE', 'TASK_QUEUES'],
    ['LONGSHORE_HOMES', 'LONGSHORE_HOME'],
    ['MAX_FILES_BYTES', 'MAX_FILE_BYTES'],
    ['ALLOW_WEBHOOK_HTTP', 'WEBHOOK_ALLOW_HTTP'],
    ['Database_Url', 'DATABASE_URL'],
    ['INTERNAL_SERVICE_API_KEYS_FILE', 'INTERNAL_SERVICE_API_KEY_FILE'],
  ])('%s in the environment is told as %s', (name, meant) => {
    expect(misspeltVariables({ ...setup(), env: { [name]: 'x' } })).toEqual([
      `${name} is not a setting: did you mean ${meant}?`,
    ]);
  });

  it('no variable of other programs is told', () => {
    const env = Object.fromEntries(OF_OTHERS.map((name) => [name, 'x']));
    expect(misspeltVariables({ ...setup(), env })).toEqual([]);
  });

  it('no setting is told, nor one without a value', () => {
    const env = Object.fromEntries(ofTheTable.map((name) => [name, 'x']));
    const files = { DATABASE_URL_FILE: '/x', TASK_DIR: ' ' };
    expect(misspeltVariables({ ...setup(), env: { ...env, ...files } })).toEqual([]);
  });

  it('in a file of ours every close name is told, once, single words too', () => {
    const given = setup(
      'PROT=8000\nDATABASE_URI=x\nLOGLEVEL=debug\nTASK_DIR=/x\nMY_OWN_KEY=1\nPATH=/bin\nHOME=/x',
    );
    expect(misspeltVariables({ ...given, env: { TASK_DIR: '/x' } }).toSorted()).toEqual([
      'DATABASE_URI is not a setting: did you mean DATABASE_URL?',
      'LOGLEVEL is not a setting: did you mean LOG_LEVEL?',
      'PROT is not a setting: did you mean PORT?',
      'TASK_DIR is not a setting: did you mean TASKS_DIR?',
    ]);
  });
});
