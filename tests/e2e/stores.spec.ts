import { readFileSync } from 'node:fs';
import { box, importBox } from './box.ts';
import { expect, expectAccessible, pictures, test } from './fixtures.ts';
import { RunForm } from './pages/run.ts';
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
  const undo = app.getByRole('status').getByRole('button', { name: 'Undo' });
  await undo.hover(); // it stays as long as one points at it
  await expect(app.getByText('No container belongs to it.')).toBeVisible();
  await undo.click();
  await expect(app.getByRole('button', { name: 'Disconnect web' })).toBeVisible();
  await page.menu('backend', 'Remove…');
  await expect(dialog).toContainText('1 container is taken off it.');
  await dialog.getByRole('button', { name: 'Remove Network' }).click();
  await expect(page.row('backend')).toHaveCount(0);
  expect(await davit.cli('network', 'ls', '--format', '{{.Name}}')).not.toContain('backend');
});

test('secrets: made from text and files, used, replaced, called back, never shown', async ({ app, davit }) => {
  const page = new StorePage(app);
  await app.getByRole('link', { name: 'Secrets' }).click();
  await expect(app.getByRole('heading', { name: 'No Secrets Yet' })).toBeVisible();
  await expectAccessible(app, 'no secrets');
  const dialog = app.getByRole('dialog');
  await app.getByRole('button', { name: 'New Secret…' }).first().click();
  await dialog.getByLabel('Name', { exact: true }).fill('no good');
  await dialog.getByLabel('Value', { exact: true }).fill('hunter2');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(dialog.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await expectAccessible(app, 'new secret');
  await dialog.getByLabel('Name', { exact: true }).fill('db-password');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(app.getByRole('heading', { name: 'db-password' })).toBeVisible();

  await app.getByRole('button', { name: 'New Secret…' }).first().click();
  await dialog.getByLabel('Name', { exact: true }).fill('key');
  const chosen = app.waitForEvent('filechooser');
  await dialog.getByRole('button', { name: 'From a File…' }).click();
  await (await chosen).setFiles({ name: 'id.key', mimeType: 'text/plain', buffer: Buffer.from('-----\nkey\n') });
  await expect(dialog.getByText('From id.key, 10 B')).toBeVisible();
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(page.row('key')).toBeVisible();

  await test.step('the run form offers them', async () => {
    await importBox(davit);
    const form = new RunForm(app);
    await app.keyboard.press('Control+n');
    await form.image.fill(box);
    await form.name.fill('reader');
    await form.section('Storage').click();
    await form.sheet.getByRole('button', { name: 'Add db-password' }).click();
    await form.sheet.getByRole('button', { name: 'Add key' }).click();
    await expect(form.line).toContainText('--secret db-password --secret key');
    await expectAccessible(app, 'secrets in the form');
    await app.keyboard.press('Escape');
    await davit.cli('run', '-d', '--name', 'reader', '--secret', 'db-password', '--stop-timeout', '0', box, 'sh', '-c', 'cat /run/secrets/db-password; sleep 1000');
  });

  await test.step('users, and another value', async () => {
    await expect(page.row('db-password').getByRole('link', { name: 'reader' })).toBeVisible();
    await pictures(app, 'secrets');
    await expectAccessible(app, 'secrets');
    expect(await davit.cli('logs', 'reader')).toBe('hunter2');
    await page.menu('db-password', 'Replace Value…');
    await dialog.getByLabel('Value', { exact: true }).fill('correct horse');
    await dialog.getByRole('button', { name: 'Replace', exact: true }).click();
    await expect(page.row('db-password')).toContainText('13 B');
    expect(await app.content()).not.toContain('correct horse');
  });

  await test.step('removed and called back', async () => {
    await page.row('key').focus();
    await app.keyboard.press('Delete');
    await expect(page.row('key')).toHaveCount(0);
    await app.getByRole('status').getByRole('button', { name: 'Undo' }).click();
    await expect(page.row('key')).toBeVisible();
    await page.menu('key', 'Remove');
    await app.getByRole('status').getByRole('button', { name: 'Close' }).click();
    await expect(async () => expect(await davit.cli('secret', 'ls', '-q')).not.toContain('\n')).toPass();
    await expect(page.row('key')).toHaveCount(0);
  });
});
