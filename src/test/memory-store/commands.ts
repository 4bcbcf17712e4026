/** Commands that one process leaves for another, in memory. */
import { byId, type Part } from './answers.ts';
import type { Rows } from './rows.ts';

export function commandAnswers(rows: Rows): Part<'insertCommand' | 'listOpenCommands' | 'finishCommand' | 'readCommandResult' | 'withdrawCommand'> {
  return {
    insertCommand: (command) => void rows.commands.set(command.id, { ...command, isDone: false, error: null, effect: null }),
    listOpenCommands({ epoch, limit }) {
      const open = [...rows.commands.values()].filter((one) => !one.isDone && rows.instances.get(one.instanceId)?.ownerEpoch === epoch);
      return open
        .toSorted(byId)
        .slice(0, limit)
        .map(({ id, orgId, instanceId, kind, payload }) => ({ id, orgId, instanceId, kind, payload }));
    },
    finishCommand({ id, error, effect }) {
      const command = rows.commands.get(id);
      if (command?.isDone === false) rows.commands.set(id, { ...command, isDone: true, error: error ?? null, effect: effect ?? null });
    },
    readCommandResult(id) {
      const command = rows.commands.get(id);
      if (command === undefined) return { error: null, effect: null };
      return command.isDone ? { error: command.error, effect: command.effect } : undefined;
    },
    withdrawCommand: (id) => rows.commands.get(id)?.isDone === false && rows.commands.delete(id),
  };
}
