/** A server of models in a process of its own, for the bench of the gateway: prints its URL, lives until its input ends.
 *  Argument: ms between two tokens. */
import { startFakeOpenAi } from '../../src/test/fake-openai.ts';

const tokenMs = Number(process.argv[2] ?? 0);
const fake = await startFakeOpenAi();
fake.behave({ tokens: 64, ...(tokenMs > 0 ? { tokenMs } : {}) });
process.stdout.write(`${fake.url}\n`);
// Calls are kept for tests; here they would only fill memory.
setInterval(() => (fake.calls.length = 0), 500);
process.stdin.resume().on('end', () => process.exit(0));
