/** The page's start: asks who is signed in and draws the UI. */
import './main.css';
import { render } from 'preact';
import { interceptLinks } from './route.ts';
import { loadSession } from './session.ts';
import { App } from './shell/app.tsx';
import { startTooltips } from './ui/tooltip.ts';

const root = document.getElementById('app');
if (root === null) throw new Error('index.html has no #app');
startTooltips();
interceptLinks();
void loadSession();
render(<App />, root);
