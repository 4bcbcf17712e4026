/** What people tell instances and their steps to do. Says who: an API key counts as its owner. */
import { instanceCommandEndpoints } from '../../contract/instance-commands.ts';
import type { Instance } from '../../contract/instances.ts';
import type { Engine } from '../../engine/engine.ts';
import type { StepCommandRequest } from '../../engine/route-command.ts';
import type { InstanceCommand, StepCommand } from '../../engine/state.ts';
import type { Identity } from '../../identity/identity.ts';
import { requireInstance } from '../require-instance.ts';
import { routesOf, type Call, type Route } from '../route.ts';

type AnyCall = Pick<Call, 'caller' | 'sql' | 'requestId' | 'cursor'>;
type StepCall = AnyCall & { readonly params: { readonly id: string; readonly path: string } };

export function instanceCommandRoutes({
  engine,
  accounts,
}: {
  readonly engine: Pick<Engine, 'rerunInstance' | 'commandInstance' | 'commandStep'>;
  readonly accounts: Pick<Identity['accounts'], 'me'>;
}): readonly Route[] {
  const command = async (
    call: AnyCall & { readonly params: { readonly id: string } },
    name: InstanceCommand,
    debug?: boolean,
  ): Promise<{ readonly body: Instance }> => {
    await engine.commandInstance({ orgId: call.caller.orgId, id: call.params.id, command: name, debug, requestId: call.requestId });
    return { body: await requireInstance(call, call.params.id) };
  };
  const stepCommand = async (call: StepCall, name: StepCommand, more: Pick<StepCommandRequest, 'output' | 'by' | 'comment' | 'form'> = {}) => {
    const effect = await engine.commandStep({
      ...more,
      orgId: call.caller.orgId,
      id: call.params.id,
      path: call.params.path,
      command: name,
      requestId: call.requestId,
    });
    return { body: { instance: await requireInstance(call, call.params.id), effect } };
  };
  const actorOf = async ({ caller }: AnyCall): Promise<NonNullable<StepCommandRequest['by']>> => {
    const { id, name, email } = await accounts.me(caller);
    return { userId: id, name, email, role: caller.role };
  };

  return routesOf(instanceCommandEndpoints, {
    'POST /api/v1/instances/{id}/start': (call) => command(call, 'start'),
    'POST /api/v1/instances/{id}/pause': (call) => command(call, 'pause'),
    'POST /api/v1/instances/{id}/resume': (call) => command(call, 'resume', call.body.debug),
    'POST /api/v1/instances/{id}/cancel': (call) => command(call, 'cancel'),
    'POST /api/v1/instances/{id}/retry': (call) => command(call, 'retry'),
    'POST /api/v1/instances/{id}/rerun': async (call) => {
      const { id } = await engine.rerunInstance({
        ...call.body,
        id: call.newId('inst'),
        orgId: call.caller.orgId,
        instanceId: call.params.id,
        starter: call.caller.userId,
        requestId: call.requestId,
      });
      return { body: await requireInstance(call, id), headers: { location: `/api/v1/instances/${id}` } };
    },
    'POST /api/v1/instances/{id}/steps/{path}/start': async (call) => stepCommand(call, 'start', { by: await actorOf(call) }),
    'POST /api/v1/instances/{id}/steps/{path}/retry': (call) => stepCommand(call, 'retry'),
    'POST /api/v1/instances/{id}/steps/{path}/skip': (call) => stepCommand(call, 'skip'),
    'POST /api/v1/instances/{id}/steps/{path}/cancel': (call) => stepCommand(call, 'cancel'),
    'POST /api/v1/instances/{id}/steps/{path}/complete': (call) => stepCommand(call, 'complete', { output: call.body.output }),
    'POST /api/v1/instances/{id}/steps/{path}/result': (call) => stepCommand(call, 'result', { output: call.body.output }),
    'POST /api/v1/instances/{id}/steps/{path}/approve': async (call) => stepCommand(call, 'approve', { ...call.body, by: await actorOf(call) }),
    'POST /api/v1/instances/{id}/steps/{path}/reject': async (call) => stepCommand(call, 'reject', { ...call.body, by: await actorOf(call) }),
  });
}
