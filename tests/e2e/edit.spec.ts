import { readFileSync } from 'node:fs';
import { box, importBox } from './box.ts';
import type { Davit } from './davit.ts';
import { expect, expectAccessible, pictures, test } from './fixtures.ts';
import { EditForm } from './pages/edit.ts';

async function shop(davit: Davit): Promise<string> {
  await importBox(davit);
  const script = 'echo "A is $A"; sleep 1000';
  return davit.cli('run', '-d', '--name', 'shop', '-e', 'A=1', '-v', 'data:/data', '--stop-timeout', '0', box, 'sh', '-c', script);
}

const logged = async (davit: Davit, name: string) => (await davit.cli('logs', name)).trim();

test('an edit shows what it changes, is made, and taken back', async ({ app, davit }) => {
  const id = await shop(davit);
  await davit.cli('exec', 'shop', 'sh', '-c', 'echo kept > /data/f; echo written > /own');
  const form = new EditForm(app);
  await form.of('shop');
  await expect(form.go('Apply')).toBeDisabled();
  await form.sheet.getByLabel('Value', { exact: true }).fill('2');
  await form.expectChange('A=1', 'A=2');
  await expect(form.sheet.getByText('Environment', { exact: true })).toHaveCount(2); // the field, and what changes
  await expect(form.sheet.getByText('The container is made anew.', { exact: false })).toBeVisible();
  await app.getByRole('button', { name: '1 Change' }).click();
  await expect(form.sheet.locator('ins').filter({ hasText: 'A=2' })).toBeInViewport();
  await expectAccessible(app, 'edit');
  await form.go('Apply and Make Anew').click();
  await expect(app.getByText('shop was changed')).toBeVisible();
  await expect.poll(() => logged(davit, 'shop')).toBe('A is 2');
  expect(await davit.cli('exec', 'shop', 'cat', '/data/f', '/own')).toBe('kept\nwritten');
  await form.list.undo().click();
  await expect(app.getByText('shop is as it was')).toBeVisible();
  await expect.poll(async () => (await davit.cli('inspect', '--format', '{{.Id}}', 'shop')).trim()).toBe(id);

  await test.step('what can change at once does, without a new container', async () => {
    await form.of('shop');
    await form.name.fill('store');
    await expect(form.sheet.getByText('All of it changes at once; the container goes on.')).toBeVisible();
    await form.go('Apply').click();
    await expect(form.list.row('store')).toBeVisible();
    expect((await davit.cli('inspect', '--format', '{{.Id}}', 'store')).trim()).toBe(id);
  });
});

test('an edit that fails leaves the old one; who comes second is told', async ({ app, davit }) => {
  const id = await shop(davit);
  const form = new EditForm(app);
  await form.of('shop');
  await form.section('Program').click();
  await form.field('Command').fill('/no/such/program');
  await form.go('Apply and Make Anew').click();
  await expect(form.sheet.getByText('shop could not be changed', { exact: false })).toContainText('/no/such/program');
  await expectAccessible(app, 'failed edit');
  expect((await davit.cli('ps', '-q', '--no-trunc')).trim()).toBe(id);
  expect(await davit.cli('exec', 'shop', 'sh', '-c', 'echo $A')).toBe('1');
  await app.keyboard.press('Escape');

  await form.of('shop');
  await form.sheet.getByLabel('Value', { exact: true }).fill('mine');
  await form.expectChange('A=1', 'A=mine');
  await davit.cli('edit', '--restart', 'always', 'shop');
  await form.go('Apply and Make Anew').click();
  await expect(form.sheet.getByText('shop could not be changed', { exact: false })).toContainText('meanwhile');
  expect(await davit.cli('exec', 'shop', 'sh', '-c', 'echo $A')).toBe('1');
  await form.sheet.getByRole('button', { name: 'Load It Again' }).click();
  await expect(form.section('Restart and Health')).toContainText('always');
  await form.sheet.getByLabel('Value', { exact: true }).fill('ours');
  await form.go('Apply and Make Anew').click();
  await expect.poll(() => logged(davit, 'shop')).toBe('A is ours');
});

test('a snapshot is looked through', async ({ app, davit }) => {
  await shop(davit);
  await davit.cli('exec', 'shop', 'sh', '-c', 'echo good > /srv/state; ln -s /srv/state /srv/led; ln -s /../../../../etc/os-release /srv/out; rm /srv/old.txt');
  await davit.cli('snapshot', 'create', 'shop', 'good one');
  await davit.cli('exec', 'shop', 'sh', '-c', 'echo bad > /srv/state; echo new > /srv/later');
  const list = new EditForm(app).list;
  const row = (name: string) => app.getByRole('tabpanel').getByRole('row').filter({ has: app.getByTitle(name, { exact: true }) });
  await list.menu('shop', 'Snapshots…');
  await pictures(app, 'snapshots');
  await app.getByRole('dialog', { name: 'Snapshots of shop' }).getByRole('button', { name: 'Files', exact: true }).click();
  await expect(app.getByText(/^Snapshot “good one”, taken /)).toBeVisible();
  await row('srv').click();
  await expect(row('state')).toContainText('added');
  await expect(row('later')).toHaveCount(0);
  await expect(app.getByRole('region', { name: 'Deleted since the image' })).toContainText('old.txt');
  for (const name of ['New Folder', 'Upload']) await expect(app.getByRole('button', { name })).toHaveCount(0);
  await expectAccessible(app, 'files of a snapshot');
  await pictures(app, 'snapshot-files');

  await test.step('a file is read and saved, a link stays inside', async () => {
    await row('led').click();
    const content = app.getByRole('region', { name: 'Content of state' });
    await expect(content).toHaveText('good');
    for (const name of ['Edit', 'Permissions…']) await expect(app.getByRole('tabpanel').getByRole('button', { name })).toHaveCount(0);
    const [saved] = await Promise.all([app.waitForEvent('download'), app.getByRole('button', { name: 'Download' }).click()]);
    expect(readFileSync(await saved.path(), 'utf8')).toBe('good\n');
    await app.getByRole('button', { name: 'Back to the List' }).click();
    await row('out').click();
    await expect(app.getByText('no such file or directory')).toBeVisible();
  });

  await app.getByRole('button', { name: 'Show Current Files' }).click();
  await row('srv').click();
  await row('state').click();
  await expect(app.getByRole('region', { name: 'Content of state' })).toHaveText('bad');
});

test('duplicated; snapshots are taken and restored', async ({ app, davit }) => {
  await shop(davit);
  const form = new EditForm(app);
  await form.list.menu('shop', 'Duplicate…');
  await expect(form.image).toHaveValue(/box/);
  await expect(form.name).not.toHaveValue('shop');
  await form.name.fill('twin');
  await expect(form.line).toContainText('-v data:/data');
  await form.go().click();
  await expect(form.list.row('twin')).toContainText('Running');
  await expect.poll(() => logged(davit, 'twin')).toBe('A is 1');

  await davit.cli('exec', 'shop', 'sh', '-c', 'echo good > /state');
  await form.list.menu('shop', 'Snapshots…');
  const sheet = app.getByRole('dialog', { name: 'Snapshots of shop' });
  await expect(sheet.getByText('There are none yet.')).toBeVisible();
  await sheet.getByLabel('Name').fill('good one');
  await sheet.getByRole('button', { name: 'Take Snapshot' }).click();
  await expect(sheet.getByText('good one', { exact: true })).toBeVisible();
  await davit.cli('exec', 'shop', 'sh', '-c', 'echo bad > /state; rm /srv/motd.txt');
  await expectAccessible(app, 'snapshots');
  await sheet.getByRole('button', { name: 'Restore', exact: true }).click();
  await expect(app.getByText('Restored good one', { exact: false })).toBeVisible();
  expect(await davit.cli('exec', 'shop', 'cat', '/state', '/srv/motd.txt')).toBe('good\nhello from the image');
  await expect(sheet.getByRole('button', { name: 'Restore', exact: true })).toHaveCount(2);
  await sheet.getByRole('button', { name: 'Remove the snapshot good one' }).click();
  await expect(sheet.getByText('good one', { exact: true })).toHaveCount(0);
});

test('prunes show beforehand what they free', async ({ app, davit }) => {
  await importBox(davit);
  await davit.cli('run', '--name', 'done', box, 'sh', '-c', 'head -c 3000000 /dev/zero > /big');
  await davit.cli('run', '-d', '--name', 'up', '--stop-timeout', '0', '-v', 'used:/u', box, 'sleep', '1000');
  await davit.cli('run', '--rm', '-v', 'left:/l', box, 'sh', '-c', 'head -c 2000000 /dev/zero > /l/big');
  await expect(app.getByRole('row', { name: /up/ })).toBeVisible();
  const dialog = app.getByRole('dialog');
  const palette = async (title: string) => {
    await app.keyboard.press('Control+k');
    await app.keyboard.type(title);
    await expect(app.getByRole('option', { name: title }).first()).toBeVisible();
    await app.keyboard.press('Enter');
  };

  await palette('Remove Stopped Containers');
  await expect(dialog).toContainText('done');
  await expect(dialog).not.toContainText(/\bup\b/);
  const go = dialog.getByRole('button', { name: /^Remove 1 Container \(3(\.\d)? MB\)$/ });
  await expect(go).toBeVisible();
  await expectAccessible(app, 'prune containers');
  await go.click();
  await expect(app.getByText(/^Removed 1 container, freed 3(\.\d)? MB$/)).toBeVisible();
  expect(await davit.cli('ps', '-a', '--format', '{{.Names}}')).toBe('up');

  await palette('Remove Unused Volumes');
  await dialog.getByText('Also those that have a name').click();
  await expect(dialog).toContainText('left');
  await expect(dialog).not.toContainText('used:');
  await dialog.getByRole('button', { name: /^Remove 1 Volume \(2(\.\d)? MB\)$/ }).click();
  await expect(app.getByText(/^Freed 2(\.\d)? MB$/)).toBeVisible();
  expect(await davit.cli('volume', 'ls', '-q')).toBe('used');

  await test.step('all that is unused at once', async () => {
    await davit.cli('run', '--name', 'ended', box, 'sh', '-c', 'head -c 3000000 /dev/zero > /big');
    await davit.cli('network', 'create', 'lonely');
    await davit.cli('run', '--name', 'writer', '-v', '/l', box, 'sh', '-c', 'head -c 2000000 /dev/zero > /l/big');
    await davit.cli('rm', 'writer');
    await expect(app.getByRole('row', { name: /ended/ })).toBeVisible();
    await app.getByRole('button', { name: 'Main Menu' }).click();
    await app.getByRole('menuitem', { name: 'Remove All That Is Unused' }).click();
    await expect(dialog.getByRole('list')).toContainText('ended');
    await expect(dialog.getByRole('button', { name: /^Remove \(3(\.\d)? MB\)$/ })).toBeVisible();
    await dialog.getByText('Also volumes without a name').click();
    await expect(dialog.getByRole('button', { name: /^Remove \(5(\.\d)? MB\)$/ })).toBeVisible();
    await expectAccessible(app, 'prune all');
    await dialog.getByRole('button', { name: /^Remove \(/ }).click();
    await expect(app.getByText(/^Removed what was unused, freed 5(\.\d)? MB$/)).toBeVisible();
    expect(await davit.cli('ps', '-a', '--format', '{{.Names}}')).toBe('up');
    expect(await davit.cli('network', 'ls', '--format', '{{.Name}}')).not.toContain('lonely');
    expect(await davit.cli('volume', 'ls', '-q')).toBe('used');
  });
});
