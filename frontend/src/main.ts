import './lib/ui/tokens.css';
import './lib/ui/base.css';
import { mount } from 'svelte';
import App from '$app/App.svelte';
import { engine, library, look, meter, platform, session } from '$app/davit.svelte';
import { exchangeToken, hasToken } from '$lib/api/auth';

look.apply(document.documentElement);
interceptLinks();

// What the first picture shows is asked for while its frame is made; a page
// that has yet to be let in asks after it.
const invited = hasToken(location);
if (!invited) start();
mount(App, { target: document.getElementById('app')! });
if (invited) {
  session.signedOut = !(await exchangeToken(location, history).catch(() => true));
  if (!session.signedOut) start();
}

function start(): void {
  engine.start();
  meter.start();
  // Pulls that ended with their window; what stands in Activity says why where one cannot go on.
  void library.resumeOperations().catch(() => {});
}

// Links out of the page open in the person's browser, also from the window.
function interceptLinks(): void {
  document.addEventListener('click', (e) => {
    const link = e.target instanceof Element ? e.target.closest<HTMLAnchorElement>('a[href]') : null;
    if (!link || link.origin === location.origin) return;
    e.preventDefault();
    platform.openURL(link.href);
  });
}
