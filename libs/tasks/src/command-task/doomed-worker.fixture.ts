/* A worker of the tests that is killed in the middle of a command: `node doomed-worker.fixture.ts <script of sh>`. */
import { commandRunnersOfTest } from './command-runner.fixture.ts';

const setup = commandRunnersOfTest(() => undefined);
const { folder, run, line } = await setup(['sh', '-c', process.argv[2] ?? '']);
void run({ input: {} });
const [said] = await line(/^ready .*/);
process.stdout.write(`${said} ${folder}\n`);
