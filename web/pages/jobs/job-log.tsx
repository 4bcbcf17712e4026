/** The log of a job, live while it runs. What it wrote for Studio alone is folded away. */
import type { JSX } from 'preact';
import { call, urlOf } from '../../api.ts';
import { FollowedLog } from './followed-log.tsx';
import type { LogSource } from './followed-log.tsx';

export function JobLog(props: { readonly jobId: string; readonly live: boolean }): JSX.Element {
  const { jobId } = props;
  return (
    <FollowedLog
      source={sourceOf(jobId)}
      label={`Log of ${jobId}`}
      downloadName={`${jobId}.log`}
      live={props.live}
      hasMarkers
      empty={props.live ? 'Nothing was written yet.' : 'Nothing was written.'}
    />
  );
}

function sourceOf(id: string): LogSource {
  return {
    room: id,
    plain: urlOf('/api/v1/jobs/{id}/log', { id }),
    urlFrom: (from) => urlOf('/api/v1/jobs/{id}/log', { id }, { follow: true, from }),
    times: (query) => call('GET /api/v1/jobs/{id}/log/times', { params: { id }, query }),
    find: (query) => call('GET /api/v1/jobs/{id}/log/search', { params: { id }, query }),
  };
}
