/** Sets the chosen theme before the first paint. Built as a script of its own, so that it blocks; web/ui/theme.ts owns the choice. */
const chosen = localStorage.getItem('studio.theme');
if (chosen === 'dark' || chosen === 'light') document.documentElement.dataset['theme'] = chosen;
