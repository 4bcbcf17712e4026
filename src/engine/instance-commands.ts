/** Commands on one instance, run by its owner: pause, resume, cancel, retry, delete. Each is durable when it resolves. */
import { fail } from '../kernel/fail.ts';
import { failpoint } from '../kernel/failpoint.ts';
import { deleteInstance as deleteRows, updateDebug } from '../store/instances.ts';
import { startAnyway } from './admission.ts';
import { endInstance, noteActivity } from './advance.ts';
import { failure, type Cause, type Core } from './core.ts';
import { releaseHeld } from './finish.ts';
import type { Live } from './live.ts';
import { releasePauses } from './release.ts';
import { reopen } from './reopen.ts';
import { durable, stageInstance } from './stage.ts';
import { requireInstanceState, type InstanceCommand } from './state.ts';

export interface InstanceOrder {
  readonly command: InstanceCommand;
  /** Of `resume`: turns the debug mode on or off before. */
  readonly debug?: boolean | undefined;
  /** Of `cancel`: where it was not a person's wish. */
  readonly why?: Cause | undefined;
  readonly requestId: string;
}

export async function runInstanceCommand(core: Core, live: Live, { command, debug, why, requestId }: InstanceOrder): Promise<void> {
  requireInstanceState(live.id, live.status, command);
  live.requestId = requestId;
  await failpoint(`command.${command}`);
  // The failpoint may have waited: look again.
  requireInstanceState(live.id, live.status, command);
  if (command === 'resume' && debug !== undefined) await setDebug(core, live, debug);
  switch (command) {
    case 'start':
      await startAnyway(core, live);
      break;
    case 'pause':
      stageInstance(core, live, { status: 'paused' });
      break;
    case 'resume':
      if (live.status === 'paused') stageInstance(core, live, { status: 'running' });
      else if (releasePauses(core, live) === 0 && debug === undefined)
        fail('illegal_transition', `instance ${live.id} is ${live.status} and no step of it is paused for debugging; there is nothing to resume`);
      noteActivity(core, live);
      releaseHeld(core, live);
      break;
    case 'cancel':
      endInstance(core, live, { status: 'cancelled', ...(why === undefined ? {} : { error: failure(why.code, why.message) }) });
      break;
    case 'retry':
      await reopen(core, live.top, []);
      break;
  }
  await durable(core, live);
}

async function setDebug(core: Core, live: Live, debug: boolean): Promise<void> {
  if (live.debug === debug) return;
  // Before anything is let go: after a crash in between its steps still wait for the same word.
  await updateDebug(core.parts.database.engine, { id: live.id, debug });
  live.debug = debug;
  requireInstanceState(live.id, live.status, 'resume');
}

/** Deletes an ended instance. @throws AppError still_running */
export async function deleteInstance(core: Core, request: { readonly orgId: string; readonly id: string; readonly requestId: string }): Promise<void> {
  const isDeleted = await core.parts.database.engine.transaction((sql) => deleteRows(sql, request));
  if (!isDeleted) fail('still_running', `instance ${request.id} has not ended; cancel it first`);
  core.parts.database.announce();
}
