/** `studio`: the entry of the bundle. Loads nothing but what the asked-for command needs: `start` must answer on its port within milliseconds. */
import module from 'node:module';
import { startFileThreads } from './kernel/file-threads.ts';
import { fillPlatform } from './kernel/platform.ts';

startFileThreads();
fillPlatform();
// Compiled code is kept beside the bundle (Node 22 and newer): the second start skips the compiler.
module.enableCompileCache?.(process.env['STUDIO_NODE_CACHE'] ?? new URL('.cache', import.meta.url).pathname);

const [command = 'start', ...rest] = process.argv.slice(2);
const isStart = command === 'start' && !rest.some((word) => ['--background', '--help', '-h'].includes(word));
if (isStart || command.startsWith('--config')) {
  const { main } = await import('./main.ts');
  await main(command === 'start' ? rest : process.argv.slice(2));
} else {
  const { runCommand } = await import('./cli/commands.ts');
  process.exitCode = await runCommand(command, rest);
}
