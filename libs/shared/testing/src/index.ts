export type { TestRedis } from './redis.ts';
export { redisIsAvailable, RedisNotAvailableError, startRedis } from './redis.ts';
export type { TestPostgres } from './postgres.ts';
export { startPostgres } from './postgres.ts';
export type { TestPlatform } from './platform.ts';
export { startPlatform } from './platform.ts';
export type { TestCertificate } from './certificate.ts';
export { makeCertificate } from './certificate.ts';
