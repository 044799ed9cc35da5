export { brokerAddress, BrokerConfigurationError } from './broker-url.ts';
export type { Consumer, ConsumerOptions, ConsumerState } from './consumer.ts';
export { createConsumer } from './consumer.ts';
export { readPlatformMark } from './platform-mark.ts';
export type { Publication, Publisher } from './publisher.ts';
export { createPublisher } from './publisher.ts';
export { waitForBroker } from './wait-for-broker.ts';
