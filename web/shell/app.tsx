/** The whole UI: who is signed in decides what is drawn. Nothing of a page stays on screen once the session is over; its address does. */
import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Route, Router, Switch, useLocation } from 'wouter-preact';
import { ClaimPage } from '../pages/auth/claim.tsx';
import { LoginPage } from '../pages/auth/login.tsx';
import { NewPasswordPage } from '../pages/auth/new-password.tsx';
import { live } from '../connection.ts';
import { basePath, go, href } from '../route.ts';
import { loadSession, me, session } from '../session.ts';
import { ButtonLink } from '../ui/button.tsx';
import { useHealthFeed } from '../state/health.ts';
import { useSkewWatch } from '../state/skew.ts';
import { Page } from '../ui/page.tsx';
import { requestLog } from '../ui/request-log.ts';
import { Toasts } from '../ui/toast.tsx';
import { Empty, ErrorView } from '../ui/views.tsx';
import { Banners, isStale } from './banners.tsx';
import { useShellCommands } from './go-to.ts';
import { Header } from './header.tsx';
import { LazyPage } from './lazy.tsx';
import { pages, type PageRow } from './pages.ts';
import { KeySheet, Palette } from './palette.tsx';
import { Sidebar } from './sidebar.tsx';
import type { JSX } from 'preact';
import type { User } from '../../src/contract/auth.ts';

export function App(): JSX.Element {
  return (
    <Router base={basePath()}>
      <Gate />
      <Toasts />
    </Router>
  );
}

function Gate(): JSX.Element | null {
  const [path] = useLocation();
  const state = session.value;
  useSignalEffect(() => {
    if (session.value.kind === 'active') live.start();
    else live.stop();
    requestLog.value = me.value?.role === 'super_admin' ? (id) => href(`/logs?request=${encodeURIComponent(id)}`) : undefined;
  });
  if (path === '/claim' && state.kind !== 'active') return <ClaimPage />;
  if (path === '/invite' && state.kind !== 'unknown' && state.kind !== 'unreachable' && state.kind !== 'password')
    return <LazyPage row={invitePage} params={{}} />;
  // A public form asks nobody who they are.
  if (path.startsWith('/forms/')) return <PublicForm />;
  switch (state.kind) {
    case 'unknown':
      return null;
    case 'unreachable':
      return <Unreachable />;
    case 'none':
    case 'ended':
      return <LoginPage ended={state.kind === 'ended'} />;
    case 'password':
      return <NewPasswordPage />;
    case 'active':
      return <Shell user={state.user} />;
  }
}

const publicForm: PageRow = { path: '/forms/:token', load: async () => (await import('../pages/workflows/form.tsx')).PublicFormPage };

const invitePage: PageRow = { path: '/invite', load: async () => (await import('../pages/auth/invite.tsx')).InvitePage };

function PublicForm(): JSX.Element {
  return <Route path={publicForm.path}>{(params) => <LazyPage row={publicForm} params={paramsOf(params)} />}</Route>;
}

/** Studio did not answer at the very start: say so, and go on by itself. */
function Unreachable(): JSX.Element | null {
  const state = session.value;
  useEffect(() => {
    const timer = setInterval(() => void loadSession(), 3_000);
    return () => clearInterval(timer);
  }, []);
  if (state.kind !== 'unreachable') return null;
  return <ErrorView title="Studio can’t be reached" error={state.error} onRetry={() => void loadSession()} />;
}

function Shell(props: { readonly user: User }): JSX.Element {
  const [layer, setLayer] = useState<'palette' | 'keys'>();
  const close = (): void => setLayer(undefined);
  useShellCommands({ onPalette: () => setLayer('palette'), onKeys: () => setLayer('keys') });
  useHealthFeed();
  useSkewWatch();
  const [path] = useLocation();
  useFocusOnNewPage(path);
  useEffect(() => {
    // Old addresses: /web was the UI's place, /login and /claim are over once signed in.
    if (path === '/web' || path.startsWith('/web/')) go(path.slice(4) || '/', { replace: true });
    if (path === '/claim' || path === '/login') go('/', { replace: true });
  }, [path]);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={skipToMain}>
        Skip to the page
      </a>
      <Header user={props.user} onPalette={() => setLayer('palette')} onKeys={() => setLayer('keys')} />
      <Banners />
      <div class="shell-body">
        <Sidebar />
        <main id="main" class="shell-main" tabIndex={-1} data-stale={isStale()}>
          <Switch>
            {pages.map((row) => (
              <Route key={row.path} path={row.path}>
                {(params) => <LazyPage row={row} params={paramsOf(params)} />}
              </Route>
            ))}
            <Route>
              <NotFound />
            </Route>
          </Switch>
        </main>
      </div>
      {layer === 'palette' && <Palette onClose={close} />}
      {layer === 'keys' && <KeySheet onClose={close} />}
    </div>
  );
}

/** A new page takes the focus, so that keyboard and screen reader begin there and not at the link that led to it. */
function useFocusOnNewPage(path: string): void {
  const before = useRef(path);
  useEffect(() => {
    if (before.current !== path) document.getElementById('main')?.focus({ preventScroll: true });
    before.current = path;
  }, [path]);
}

function skipToMain(event: MouseEvent): void {
  // The <base> of the page would turn #main into another page.
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function paramsOf(params: Readonly<Record<string | number, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(params).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

function NotFound(): JSX.Element {
  return (
    <Page title="Not found">
      <Empty title="There is no such page" action={<ButtonLink href={href('/')}>Go to the overview</ButtonLink>}>
        The address may be of an older Studio, or mistyped.
      </Empty>
    </Page>
  );
}
