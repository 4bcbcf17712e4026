/** The clients of a storm: each starts an instance, perhaps twice at once as one that lost patience does, then does what its kind asks for. They ask whoever
 *  is there, until they have an answer. */
import { AppError } from '../../kernel/fail.ts';
import { isConnectionLoss } from '../../store/client.ts';
import type { EngineHarness } from '../engine.ts';
import type { Fleet } from './storm-fleet.ts';
import type { StormHand, StormKind } from './storm-kinds.ts';
import type { StormOracle } from './storm-oracle.ts';

export interface StormClients {
  /** Of which kind each instance is. */
  readonly models: ReadonlyMap<string, StormKind>;
  /** Instances that somebody was told are there. */
  readonly acknowledged: ReadonlySet<string>;
  client(kind: StormKind, workflowId: string, id: string): Promise<void>;
  batch(kind: StormKind, workflowId: string, ids: readonly string[]): Promise<void>;
}

/** Until the last client has come. */
const LATE_TURNS = 30;

export function createClients(parts: {
  readonly h: EngineHarness;
  readonly oracle: StormOracle;
  readonly fleet: Fleet;
  readonly random: () => number;
  readonly isOver: () => boolean;
}): StormClients {
  const { h, oracle, fleet, random, isOver } = parts;
  const models = new Map<string, StormKind>();
  const acknowledged = new Set<string>();

  function handOf(id: string): StormHand {
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));
    return {
      id,
      random,
      async ask(what) {
        while (!isOver()) {
          const { engine, down } = fleet.current();
          const answer = await Promise.race([
            what(engine).then(
              () => 'done' as const,
              (error: unknown) => {
                if (error instanceof AppError && error.code === 'illegal_transition') return 'refused' as const;
                if (!(error instanceof AppError) && !isConnectionLoss(error)) oracle.violations.push(`a client was answered ${String(error)}`);
                return undefined;
              },
            ),
            down.then(() => undefined),
          ]);
          if (answer !== undefined) return answer;
          await turn();
        }
        return 'refused';
      },
      async status() {
        const { rows } = await oracle.sql.query<{ status: string }>('select status from instances where id = $1', [id]);
        return rows[0]?.status ?? 'not there';
      },
      turn,
      async until(isDone) {
        while (!isOver() && !(await isDone())) await turn();
      },
    };
  }

  /** One client: starts, perhaps twice at once as one that lost patience does, then does what its kind asks for. */
  async function client(kind: StormKind, workflowId: string, id: string): Promise<void> {
    models.set(id, kind);
    const hand = handOf(id);
    // Half of them come while others are being struck.
    for (let turn = random() < 0.5 ? 0 : random() * LATE_TURNS; turn > 0; turn--) await hand.turn();
    const start = async (): Promise<void> => {
      const asked = await hand.ask((engine) =>
        engine.startInstance({ id, orgId: h.orgId, workflowId, input: {}, startedBy: 'manual', requestId: 'req_storm' }),
      );
      if (asked === 'done') acknowledged.add(id);
    };
    await Promise.all(random() < 0.3 ? [start(), start()] : [start()]);
    await kind.act?.(hand);
  }

  async function batch(kind: StormKind, workflowId: string, ids: readonly string[]): Promise<void> {
    for (const id of ids) models.set(id, kind);
    const request = { orgId: h.orgId, workflowId, inputs: ids.map(() => ({})), ids, startedBy: 'manual', requestId: 'req_storm' };
    if ((await handOf('').ask((engine) => engine.startBatch(request))) === 'done') for (const id of ids) acknowledged.add(id);
  }

  return { models, acknowledged, client, batch };
}
