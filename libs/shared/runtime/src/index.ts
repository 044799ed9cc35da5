export type { Batcher, BatcherOptions } from './batcher.ts';
export { createBatcher } from './batcher.ts';

export { answerWithin } from './clock/answer-within.ts';
export type { Clock } from './clock/clock.ts';
export { systemClock } from './clock/clock.ts';
export type { RetryOptions } from './clock/retry.ts';
export { retry } from './clock/retry.ts';
export { uuidV7 } from './clock/uuid-v7.ts';
export type { WaitOptions } from './clock/wait-until.ts';
export { waitUntil } from './clock/wait-until.ts';

export type { BrokerPlace, HostAndPort, RedisPlace } from './config/broker-url.ts';
export { BROKER_URL_FORMS, BrokerUrlError, readBrokerUrl } from './config/broker-url.ts';
export type { ConfigProblem } from './config/config-error.ts';
export { ConfigError } from './config/config-error.ts';
export type { Config, ConfigKey, LoadOptions } from './config/load-config.ts';
export { loadConfig } from './config/load-config.ts';
export { misspeltVariables } from './config/misspelt-variables.ts';
export type { ConcurrencyBounds, LogLevel, PortChoice } from './config/schemas.ts';
export type { ProcessName, Variable } from './config/variable.ts';
export { variables } from './config/variables.ts';

export { makeFolder } from './files/make-folder.ts';
export { nearestWord } from './nearest-word.ts';

export type {
  HealthAnswer,
  HealthChecks,
  HealthQuestion,
  HealthReport,
  HealthServer,
  HealthServerOptions,
} from './health/health-server.ts';
export { createHealthServer } from './health/health-server.ts';
export { PortInUseError } from './health/listen.ts';
export type { Metrics } from './health/metrics.ts';
export { createMetrics } from './health/metrics.ts';

export type { Lifecycle, ProcessHost, RunOptions } from './lifecycle/run-process.ts';
export { thisProcess } from './lifecycle/process-host.ts';
export { runProcess } from './lifecycle/run-process.ts';
export { SetUpError, WRONG_SET_UP } from './lifecycle/set-up-error.ts';
export { createStopSteps, ShutdownTimeoutError } from './lifecycle/stop-steps.ts';

export type { Logger, LoggerOptions, RootLogger } from './logger/logger.ts';
export { createLogger, silentLogger } from './logger/logger.ts';
export { redact } from './logger/redact.ts';

export type { Child, ChildExit, ChildSpec, ChildState } from './supervisor/child.ts';
export { ChildStartError } from './supervisor/child.ts';
export { sharedHeap } from './supervisor/shared-heap.ts';
export type { Supervisor, SupervisorEvent, SupervisorOptions } from './supervisor/supervisor.ts';
export { createSupervisor } from './supervisor/supervisor.ts';

export type { Span, SpanOptions, Tracing, TracingConfig } from './tracing/tracing.ts';
export { openTracing, tracingKeys } from './tracing/tracing.ts';
