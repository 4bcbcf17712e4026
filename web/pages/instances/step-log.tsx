/** The log of a step that ran inside Studio: read again when the step changes. */
import type { JSX } from 'preact';
import type { Step } from '../../../src/contract/instances.ts';
import { urlOf } from '../../api.ts';
import { fetchText } from '../../state/fetch-text.ts';
import { useResource } from '../../state/resource.ts';
import { LogView } from '../../ui/log-view.tsx';
import { View } from '../../ui/views.tsx';

const MAX_LOG_BYTES = 4 * 1024 * 1024;

export function StepLog(props: { readonly instanceId: string; readonly step: Pick<Step, 'key' | 'path' | 'seq'> }): JSX.Element {
  const { step } = props;
  const url = urlOf('/api/v1/instances/{id}/steps/{path}/log', { id: props.instanceId, path: step.path });
  const loaded = useResource(async (signal) => await fetchText(url, { maxBytes: MAX_LOG_BYTES, signal }), [url.href, step.seq]);
  return (
    <View of={loaded} what="the log">
      {({ text }) => (
        <LogView
          label={`Log of ${step.path}`}
          lines={text === '' ? [] : text.replace(/\n$/, '').split('\n')}
          downloadHref={url.href}
          downloadName={`${step.key}.log`}
          empty="This step wrote nothing. console.log in code.js and the log node write here."
        />
      )}
    </View>
  );
}
