/** The log of a service, live over the socket. */
import type { JSX } from 'preact';
import { call, urlOf } from '../../api.ts';
import { FollowedLog } from '../jobs/followed-log.tsx';
import type { LogSource } from '../jobs/followed-log.tsx';

export function ServiceLog({ name }: { readonly name: string }): JSX.Element {
  return <FollowedLog source={sourceOf(name)} label={`Log of ${name}`} downloadName={`${name}.log`} live empty="Nothing was written yet." />;
}

function sourceOf(name: string): LogSource {
  return {
    room: `service_log:${name}`,
    plain: urlOf('/api/v1/services/{name}/log', { name }),
    urlFrom: (from) => urlOf('/api/v1/services/{name}/log', { name }, { follow: true, from }),
    times: (query) => call('GET /api/v1/services/{name}/log/times', { params: { name }, query }),
    find: (query) => call('GET /api/v1/services/{name}/log/search', { params: { name }, query }),
  };
}
