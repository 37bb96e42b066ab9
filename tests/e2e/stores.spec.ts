import { expect, expectAccessible, pictures, test } from './fixtures.ts';
import { StorePage } from './pages/stores.ts';

test('networks: made, joined, left, seen at work', async ({ app, davit }) => {
  const page = new StorePage(app);
  await davit.cli('load', '--sample');
  await davit.cli('run', '-d', '-P', '--name', 'web', 'davit.local/sample');
  await app.keyboard.press('Alt+5');
  await expect(page.row('default')).toContainText('1 container');
  await page.create('New Network…', 'backend', 'Create');
  await expect(app.getByRole('heading', { name: 'backend' })).toBeVisible();
  await expect(app.getByText('No container belongs to it.')).toBeVisible();

  await app.getByRole('button', { name: 'Connect a Container…' }).click();
  const dialog = app.getByRole('dialog');
  await dialog.getByLabel('Further names in this network').fill('api');
  await expectAccessible(app, 'connect');
  await dialog.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(app.getByRole('button', { name: 'Disconnect web' })).toBeVisible();
  await expect(app.getByText('api', { exact: true })).toBeVisible();
  await expect(page.row('backend')).toContainText('1 container');
  await pictures(app, 'networks');
  await expectAccessible(app, 'networks');

  await app.getByRole('button', { name: 'Disconnect web' }).click();
  await expect(app.getByText('No container belongs to it.')).toBeVisible();
  await app.getByRole('status').getByRole('button', { name: 'Undo' }).click();
  await expect(app.getByRole('button', { name: 'Disconnect web' })).toBeVisible();
  await page.menu('backend', 'Remove…');
  await expect(dialog).toContainText('1 container is taken off it.');
  await dialog.getByRole('button', { name: 'Remove Network' }).click();
  await expect(page.row('backend')).toHaveCount(0);
  expect(await davit.cli('network', 'ls', '--format', '{{.Name}}')).not.toContain('backend');
});
