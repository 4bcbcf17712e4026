/** What a step may tell people: masks its secrets, and hands it on under the step's idempotency key, so that a second attempt tells nobody twice. */
import type { NotifyTarget } from '../contract/notifications.ts';
import { NodeError } from '../nodes/kit.ts';
import type { NotifyPort } from '../nodes/kit-ports.ts';
import type { Core } from './core.ts';
import { patiently } from './patient.ts';
import type { Redaction } from './redaction.ts';

/** Notifications, as the engine sees them. */
export interface EngineNotify {
  /** Why a target can't be told; undefined when it can. `field`: of the target. */
  faultOf(target: NotifyTarget): { readonly field: string; readonly code: string; readonly message: string } | undefined;
  /** Durable when it resolves; the same key and path of an org make one message. */
  send(message: {
    readonly orgId: string;
    readonly workflowId: string;
    readonly instanceId: string;
    readonly path: string;
    readonly key: string;
    readonly target: NotifyTarget;
    readonly title: string;
    readonly message: string;
  }): ReturnType<NotifyPort['send']>;
}

/** Of the step that is being tried. */
interface Teller {
  readonly orgId: string;
  readonly workflowId: string;
  readonly instanceId: string;
  readonly path: string;
  readonly key: string;
  readonly redaction: () => Redaction;
}

export function notifyPort(core: Core, teller: Teller): NotifyPort {
  const { redaction, ...step } = teller;
  return {
    async send({ target, title, message }) {
      const { notify } = core.parts;
      const fault = notify?.faultOf(target);
      if (notify === undefined || fault !== undefined)
        throw new NodeError(fault?.code ?? 'no_notify', fault?.message ?? 'this Studio tells nobody anything', { final: true });
      const mask = redaction();
      if (!mask.isEmpty && mask.text(JSON.stringify(target)) !== JSON.stringify(target))
        throw new NodeError(
          'secret_in_target',
          'where a message goes is kept with it and may hold no secret; name the secret that holds the URL as urlSecret',
          {
            final: true,
          },
        );
      return patiently(core, () => notify.send({ ...step, target, title: mask.text(title), message: mask.text(message) }));
    },
  };
}
