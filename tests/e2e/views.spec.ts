import { expect, expectAccessible, go, pictures, portOf, shot, test } from './fixtures.ts';
import { picture } from './places.ts';

test('pictures of every view', async ({ app, davit }) => {
  test.setTimeout(180_000);
  await pictures(app, 'first-run');
  await davit.cli('load', '--sample');
  for (const name of ['web', 'shop', 'a-rather-long-name-for-a-container']) {
    await davit.cli('run', '-d', '-P', '--name', name, 'davit.local/sample');
  }
  await davit.cli('run', '-d', '--name', 'unfinished', '--entrypoint', '/no/such/program', 'davit.local/sample').catch(() => '');
  await davit.cli('stop', 'shop');

  const row = app.getByRole('row', { name: /web/ });
  await expect(row).toContainText('Running');
  await pictures(app, 'containers');
  await expectAccessible(app, 'containers');
  await row.click();
  await expect(app.getByRole('tabpanel')).toContainText('Environment');
  await pictures(app, 'container-overview');
  await expectAccessible(app, 'overview');
  await app.getByRole('tab', { name: 'Logs' }).click();
  await expect(app.getByRole('log')).toBeVisible();
  const address = `http://${await portOf(davit, 'web')}`;
  for (const path of ['', 'favicon.ico', 'about', 'shop?item=12', 'shop/basket', 'hello']) await fetch(`${address}/${path}`);
  await expect(app.getByRole('log')).toContainText('/hello');
  await pictures(app, 'container-logs');
  await app.mouse.move(0, 0);
  if (picture) await shot(app, picture);
  await app.getByRole('tab', { name: 'Inspect' }).click();
  await expect(app.getByRole('tabpanel')).toContainText('confinement');
  await pictures(app, 'container-inspect');
  await expectAccessible(app, 'inspect');

  await go(app, '#/images');
  await expect(app.getByRole('row', { name: /sample/ })).toBeVisible();
  await pictures(app, 'images');
  await go(app, '#/search?q=web');
  const result = app.getByRole('region', { name: process.env.DAVIT_E2E_REGISTRY }).getByRole('row', { name: 'web' });
  await expect(result).toBeVisible();
  await pictures(app, 'search');
  await result.click();
  await expect(app.getByRole('grid', { name: 'Tags' })).toBeVisible();
  await pictures(app, 'repository');
  await go(app, '#/activity');
  await pictures(app, 'activity');
  await go(app, '#/registries');
  await expect(app.getByText(process.env.DAVIT_E2E_REGISTRY!).first()).toBeVisible();
  await pictures(app, 'registries');
  await expectAccessible(app, 'registries');
  await go(app, '#/preferences');
  await expect(app.getByRole('heading', { name: 'Appearance' })).toBeVisible();
  await pictures(app, 'preferences');
  await expectAccessible(app, 'preferences');
  await go(app, '#/about');
  await expect(app.getByText('Kernel')).toBeVisible();
  await pictures(app, 'about');
  await expectAccessible(app, 'about');

  await go(app, '#/containers');
  await app.getByRole('button', { name: 'Run…' }).click();
  await app.getByLabel('Image', { exact: true }).fill('davit.local/sample');
  await expect(app.getByText('On this computer.')).toBeVisible();
  await pictures(app, 'run');
  await app.keyboard.press('Escape');
  await app.keyboard.press('Control+k');
  await pictures(app, 'palette');
});

/** The addresses of all views; what is open is the container with this id. */
const places = (id: string) => [
  'containers',
  ...['', '/logs', '/terminal', '/files', '/stats', '/inspect'].map((tab) => `containers/${id}${tab}`),
  ...['', '/davit.local%2Fsample', '/davit.local%2Fsample/layers'].map((at) => `images${at}`),
  ...['search', 'volumes', 'volumes/data', 'networks', 'networks/default', 'secrets', 'activity', 'registries', 'setup', 'preferences', 'about'],
];

test('every view is accessible in high contrast and when compact', async ({ app, davit }) => {
  test.setTimeout(180_000);
  await davit.cli('load', '--sample');
  const id = await davit.cli('run', '-d', '-P', '--name', 'web', '-v', 'data:/srv', 'davit.local/sample');
  await app.evaluate(() => (document.documentElement.dataset.density = 'compact'));
  await app.emulateMedia({ contrast: 'more', reducedMotion: 'reduce' });
  for (const [at, place] of places(id).entries()) {
    await go(app, `#/${place}`);
    await expect(app.getByRole('main').getByRole('status', { name: /^(Loading|Checking)…$/ })).toHaveCount(0);
    await expect(app.getByRole('main').getByRole('heading').first()).toBeVisible();
    await expectAccessible(app, place, [at % 2 ? 'dark' : 'light']);
  }
});

test('theme, contrast and density are as chosen, and stay', async ({ app }) => {
  const root = app.locator('html');
  await app.getByRole('link', { name: 'Preferences' }).click();
  await app.getByText('Dark', { exact: true }).click();
  await expect(root).toHaveAttribute('data-theme', 'dark');
  await app.getByText('Compact', { exact: true }).click();
  await app.reload();
  await expect(root).toHaveAttribute('data-theme', 'dark');
  await expect(root).toHaveAttribute('data-density', 'compact');
  await app.emulateMedia({ contrast: 'more' });
  await expect(root).toHaveAttribute('data-contrast', 'more');
  await expectAccessible(app, 'more contrast');
});
