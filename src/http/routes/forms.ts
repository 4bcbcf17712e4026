/** Forms: for members by workflow and key, for everybody by the token of a public one. */
import { formEndpoints } from '../../contract/forms.ts';
import type { Forms } from '../../engine/forms.ts';
import { routesOf, type Call, type Route } from '../route.ts';

export function formRoutes(forms: Forms): readonly Route[] {
  const ofMember = (call: Pick<Call, 'caller'> & { readonly params: { readonly id: string; readonly key: string } }) => ({
    orgId: call.caller.orgId,
    workflowId: call.params.id,
    key: call.params.key,
  });
  const ofAnybody = (call: Pick<Call, 'address'> & { readonly params: { readonly token: string } }) => ({ token: call.params.token, address: call.address });
  return routesOf(formEndpoints, {
    'GET /api/v1/workflows/{id}/forms/{key}': async (call) => ({ body: await forms.read(ofMember(call)) }),
    'POST /api/v1/workflows/{id}/forms/{key}': async (call) => ({
      body: await forms.submit({
        form: ofMember(call),
        input: call.body.input,
        id: call.newId('inst'),
        requestId: call.requestId,
      }),
    }),
    'GET /api/v1/forms/{token}': async (call) => ({ body: await forms.read(ofAnybody(call)) }),
    'POST /api/v1/forms/{token}': async (call) => ({
      body: await forms.submit({
        form: ofAnybody(call),
        input: call.body.input,
        idempotencyKey: call.header('idempotency-key'),
        requestId: call.requestId,
      }),
    }),
  });
}
