/** The input of a test: a form from the input schema, kept for the next time. */
import { useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Json } from '../../../src/contract/endpoint.ts';
import type { TestScope } from '../../../src/contract/test-runs.ts';
import { InputForm, inputState, inputValue } from '../../form/input-form.tsx';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import type { EditorDocument } from '../document.ts';
import type { LastRun } from '../last-run.ts';
import type { Tests } from '../tests.ts';

export function TestDialog(props: { readonly document: EditorDocument; readonly lastRun: LastRun; readonly tests: Tests }): JSX.Element | null {
  const scope = props.tests.asking.value;
  return scope === undefined ? null : <AskInput {...props} scope={scope} />;
}

function AskInput(props: { readonly document: EditorDocument; readonly lastRun: LastRun; readonly tests: Tests; readonly scope: TestScope }): JSX.Element {
  const { lastRun, tests, scope } = props;
  const schema = props.document.definition.value.inputSchema;
  const [state, setState] = useState(() => inputState(schema, lastRun.input.peek() ?? {}));
  const [tried, setTried] = useState(false);
  const result = useMemo(() => inputValue(schema, state), [schema, state]);
  const close = (): void => void (tests.asking.value = undefined);
  const submit = (event: Event): void => {
    event.preventDefault();
    setTried(true);
    if (!('value' in result)) return;
    const input = result.value as Json;
    lastRun.setInput(input);
    close();
    void lastRun.test(scope, input);
  };
  return (
    <Dialog
      title={TITLES[scope.kind]}
      onClose={close}
      actions={
        <>
          <Button onClick={close}>Close</Button>
          <Button kind="primary" type="submit" form="test-input">
            Test
          </Button>
        </>
      }
    >
      <form id="test-input" class="stack" onSubmit={submit}>
        <p class="muted">The draft runs as it stands, published or not. What runs counts in no statistics and tells nobody.</p>
        <InputForm schema={schema} state={state} onChange={setState} showFaults={tried} />
      </form>
    </Dialog>
  );
}

const TITLES: Readonly<Record<TestScope['kind'], string>> = {
  all: 'Test the workflow',
  node: 'Test this node',
  upTo: 'Test up to this node',
  from: 'Test from this node',
};
