/** Copy buttons: any text, an id in a line, a call as curl. */
import { Check, Copy, Terminal } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import { Button, IconButton } from './button.tsx';
import { copyText } from './clipboard.ts';
import { curlCommand } from './curl.ts';
import { toast } from './toast.tsx';
import type { JSX } from 'preact';
import type { CurlCall } from './curl.ts';

function useCopied(): [copied: boolean, copy: (text: string) => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (text: string): void => {
    void copyText(text).then((done) =>
      done ? setCopied(true) : toast({ tone: 'failed', text: 'The browser refused to copy; select the text and copy it by hand.' }),
    );
  };
  return [copied, copy];
}

export function CopyButton(props: { readonly text: string; readonly label?: string; readonly words?: string }): JSX.Element {
  const [copied, copy] = useCopied();
  const icon = copied ? <Check size={14} /> : <Copy size={14} />;
  if (props.words !== undefined) {
    return (
      <Button icon={icon} onClick={() => copy(props.text)}>
        {copied ? 'Copied' : props.words}
      </Button>
    );
  }
  return <IconButton size="small" label={copied ? 'Copied' : (props.label ?? 'Copy')} icon={icon} onClick={() => copy(props.text)} />;
}

/** An id as text that copies itself when clicked; of a long one that nobody reads, its beginning. */
export function CopyId(props: { readonly id: string; readonly what?: string; readonly short?: boolean }): JSX.Element {
  const [copied, copy] = useCopied();
  const { id, what = 'id', short = false } = props;
  return (
    <button
      type="button"
      class="copy-id mono"
      data-tip={copied ? 'Copied' : `Copy ${what}${short ? ` ${id}` : ''}`}
      aria-label={`Copy ${short ? `${what} ` : ''}${id}`}
      onClick={() => copy(id)}
    >
      {short ? `${id.slice(0, 8)}…` : id}
      {copied ? <Check size={12} /> : <Copy size={12} class="copy-id-icon" />}
    </button>
  );
}

/** The end of an id, which tells it from others of its time; whole in its tooltip. */
export function IdEnd(props: { readonly id: string }): JSX.Element {
  return (
    <span class="mono" data-tip={props.id}>
      …{props.id.slice(-6)}
    </span>
  );
}

/** Copies the call that this view makes, for a terminal. */
export function AsCurl(props: CurlCall): JSX.Element {
  const [copied, copy] = useCopied();
  return (
    <IconButton
      label={copied ? 'Copied' : 'Copy as curl'}
      icon={copied ? <Check size={14} /> : <Terminal size={14} />}
      onClick={() => copy(curlCommand(props, new URL('./', document.baseURI)))}
    />
  );
}
