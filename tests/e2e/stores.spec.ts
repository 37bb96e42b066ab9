import { readFileSync } from 'node:fs';
import { expect, expectAccessible, pictures, test } from './fixtures.ts';
import { StorePage } from './pages/stores.ts';
import { tar } from './tar.ts';

test('volumes: made, filled, cloned, emptied, removed', async ({ app, davit }) => {
  const page = new StorePage(app);
  await app.keyboard.press('Alt+4');
  await expect(app.getByRole('heading', { name: 'No Volumes Yet' })).toBeVisible();
  await expectAccessible(app, 'no volumes');
  await page.create('New Volume…', 'data', 'Create');
  await expect(app.getByRole('heading', { name: 'data' })).toBeVisible();
  expect(await davit.cli('volume', 'ls', '-q')).toBe('data');

  await test.step('import and export', async () => {
    const chosen = app.waitForEvent('filechooser');
    await page.menu('data', 'Import…');
    const buffer = tar([{ name: 'hello.txt', data: 'hello <b>you</b>' }]);
    await (await chosen).setFiles({ name: 'hello.tar', mimeType: 'application/x-tar', buffer });
    await expect(app.getByText('data has the archive’s content now')).toBeVisible();
    const saved = app.waitForEvent('download');
    await page.menu('data', 'Export…');
    const download = await saved;
    expect(download.suggestedFilename()).toBe('data.tar');
    expect(readFileSync(await download.path(), 'latin1')).toContain('hello <b>you</b>');
  });

  await test.step('clone, users, empty, remove', async () => {
    await page.menu('data', 'Clone…');
    await app.getByRole('dialog').getByRole('button', { name: 'Clone' }).click();
    await expect(page.row('data-copy')).toBeVisible();
    await davit.cli('load', '--sample');
    await davit.cli('create', '--name', 'keeper', '-v', 'data:/srv', 'davit.local/sample');
    await expect(page.row('data').getByRole('link', { name: 'keeper' })).toBeVisible();
    await page.row('data').click();
    await expect(app.getByText('1 file', { exact: false })).toBeVisible();
    await pictures(app, 'volumes');
    await expectAccessible(app, 'volumes');
    await page.menu('data-copy', 'Empty…');
    await app.getByRole('button', { name: 'Delete Content' }).click();
    await expect(app.getByText('data-copy is empty')).toBeVisible();
    await page.row('data-copy').focus();
    await app.keyboard.press('Delete');
    await expect(app.getByRole('dialog')).toContainText('data-copy');
    await expect(app.getByRole('button', { name: 'Cancel' })).toBeFocused();
    await app.getByRole('button', { name: 'Remove 1 Volume' }).click();
    await expect(page.row('data-copy')).toHaveCount(0);
    expect(await davit.cli('volume', 'ls', '-q')).toBe('data');
  });
});

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
