/** The frame of the pages before the UI: one card in the middle. */
import { useEffect } from 'preact/hooks';
import { Logo } from '../../shell/logo.tsx';
import type { ComponentChildren, JSX } from 'preact';

export function AuthFrame(props: {
  readonly title: string;
  readonly lead?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly foot?: ComponentChildren;
}): JSX.Element {
  useEffect(() => {
    document.title = `${props.title} · Studio`;
  }, [props.title]);
  return (
    <main class="auth">
      <div class="auth-card">
        <div class="auth-brand">
          <Logo size={20} />
          <span class="strong">Studio</span>
        </div>
        <h1>{props.title}</h1>
        {props.lead !== undefined && <p class="muted">{props.lead}</p>}
        {props.children}
      </div>
      {props.foot !== undefined && <p class="auth-foot faint small">{props.foot}</p>}
    </main>
  );
}
