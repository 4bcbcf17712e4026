/** Below a list that is looked for back in time: how far it went, and the way on. */
import type { JSX } from 'preact';
import type { Searched } from '../../state/search-back.ts';
import { Button } from '../../ui/button.tsx';
import { formatCount } from '../../ui/format.ts';
import { RelativeTime } from '../../ui/time.tsx';

export function SearchFoot(props: {
  readonly searched: Searched;
  readonly found: number;
  readonly onMore: () => void;
  readonly onStop: () => void;
}): JSX.Element {
  const { searched, found } = props;
  return (
    <div class="search-foot">
      <span role="status">
        {searched.isOn ? 'Searching…' : found === 0 ? 'Nothing found so far.' : `${formatCount(found, 'instance')} so far.`} Looked back to{' '}
        <RelativeTime at={searched.to} />
      </span>
      {searched.isOn ? (
        <Button size="small" onClick={props.onStop}>
          Stop
        </Button>
      ) : (
        <Button size="small" onClick={props.onMore}>
          Search further back
        </Button>
      )}
    </div>
  );
}
