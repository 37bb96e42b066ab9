import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { box, importBox } from './box.ts';
import type { Davit } from './davit.ts';
import { expect, expectAccessible, go, pictures, test } from './fixtures.ts';

const row = (app: Page, name: string) => app.getByRole('grid', { name: /^Files in/ }).getByRole('row', { name: new RegExp(` ${name.replaceAll('.', '\\.')}\\b`) });

async function openFiles(app: Page, davit: Davit, name: string, ...command: string[]): Promise<string> {
  await importBox(davit);
  const id = await davit.cli('run', '-d', '--name', name, '--stop-timeout', '0', box, ...command);
  await go(app, `#/containers/${id}/files`);
  await expect(row(app, 'srv')).toBeVisible();
  return id;
}

async function act(app: Page, file: string, item: string): Promise<void> {
  await app.getByRole('button', { name: `More actions for ${file}` }).click();
  await app.getByRole('menuitem', { name: item }).click();
}

test('browse, read, edit, upload, download, rename, delete', async ({ app, davit }) => {
  await openFiles(app, davit, 'shelf', 'sh', '-c', 'rm /srv/old.txt; echo more >> /srv/motd.txt; mkdir /srv/new; sleep 1000');
  await row(app, 'srv').click();
  await expect(row(app, 'motd.txt')).toContainText('modified');
  await expect(row(app, 'new')).toContainText('added');
  await expect(app.getByRole('region', { name: 'Deleted since the image' })).toContainText('old.txt');
  await expectAccessible(app, 'files');

  await test.step('read and edit', async () => {
    await row(app, 'motd.txt').click();
    const content = app.getByRole('region', { name: 'Content of motd.txt' });
    await expect(content).toHaveText('hello from the image\nmore\n');
    await expectAccessible(app, 'a file');
    await app.getByRole('button', { name: 'Edit' }).click();
    await app.getByRole('textbox', { name: 'Content of motd.txt' }).fill('mine\n');
    await davit.cli('exec', 'shelf', 'sh', '-c', 'echo theirs > /srv/motd.txt');
    await app.getByRole('button', { name: 'Save' }).click();
    await expect(app.getByRole('alert')).toContainText('was changed by somebody else');
    await expectAccessible(app, 'an edit that came second');
    await app.getByRole('button', { name: 'Replace It All the Same' }).click();
    await expect(content).toHaveText('mine\n');
    expect(await davit.cli('exec', 'shelf', 'cat', '/srv/motd.txt')).toBe('mine');
    await app.getByRole('button', { name: 'Back to the List' }).click();
  });

  await test.step('upload by button and by dropping', async () => {
    await app.getByLabel('Upload Files').last().setInputFiles({ name: 'üp load.txt', mimeType: 'text/plain', buffer: Buffer.from('sent') });
    await expect(row(app, 'üp load.txt')).toContainText('added');
    await app.locator('.browser').evaluate((node) => {
      const data = new DataTransfer();
      data.items.add(new File(['dropped'], 'drop.txt'));
      node.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    });
    await expect(row(app, 'drop.txt')).toBeVisible();
    expect(await davit.cli('exec', 'shelf', 'cat', '/srv/üp load.txt', '/srv/drop.txt')).toBe('sentdropped');
  });

  await test.step('download', async () => {
    const [saved] = await Promise.all([app.waitForEvent('download'), act(app, 'drop.txt', 'Download')]);
    expect(saved.suggestedFilename()).toBe('drop.txt');
    expect(readFileSync(await saved.path(), 'utf8')).toBe('dropped');
  });

  await test.step('make a folder, rename and back, permissions, delete', async () => {
    await app.getByRole('button', { name: 'New Folder' }).click();
    await app.getByRole('textbox', { name: 'Name' }).fill('a/b');
    await app.getByRole('button', { name: 'Make Folder' }).click();
    await expect(app.getByText('A name cannot have a slash in it.')).toBeVisible();
    await app.getByRole('textbox', { name: 'Name' }).fill('folder');
    await app.getByRole('button', { name: 'Make Folder' }).click();
    await act(app, 'folder', 'Rename…');
    await app.getByRole('textbox', { name: 'Name' }).fill('other');
    await app.getByRole('button', { name: 'Rename', exact: true }).click();
    await expect(row(app, 'other')).toBeVisible();
    await app.getByRole('button', { name: 'Undo' }).click();
    await expect(row(app, 'folder')).toBeVisible();
    await act(app, 'drop.txt', 'Permissions…');
    await app.getByLabel('Permissions', { exact: true }).fill('600');
    await app.getByLabel('Owner (number)').fill('1000');
    await expectAccessible(app, 'permissions');
    await app.getByRole('button', { name: 'Change' }).click();
    await expect(app.getByText('Changed drop.txt')).toBeVisible();
    expect(await davit.cli('exec', 'shelf', 'stat', '-c', '%a %U', '/srv/drop.txt')).toBe('600 app');
    await row(app, 'drop.txt').focus();
    await app.keyboard.press('Delete');
    await app.getByRole('button', { name: 'Delete', exact: true }).click();
    await expect(row(app, 'drop.txt')).toHaveCount(0);
    await app.keyboard.press('Escape');
  });
});

test('a container that does not run has its files, too', async ({ app, davit }) => {
  const id = await openFiles(app, davit, 'still', 'true');
  await davit.cli('wait', 'still');
  await row(app, 'etc').click();
  await row(app, 'passwd').click();
  await expect(app.getByRole('region', { name: 'Content of passwd' })).toContainText('root:x:0:0');
  await go(app, `#/containers/${id}/overview`);
});

test('hostile names and contents are text', async ({ app, davit }) => {
  const script = 'mkdir /evil; cd /evil; touch "<img src=x onerror=alert(1)>" "$(printf \'a\\nb\')" ./-rf " "; ' +
    'ln -s /etc/passwd link; ln -s /nowhere broken; mkfifo pipe; touch "$(printf \'x\\377y\')"; printf \'\\000\\001\' > bytes; echo "<script>1</script>" > page.html; sleep 1000';
  await openFiles(app, davit, 'evil', 'sh', '-c', script);
  await row(app, 'evil').click();
  await expect(row(app, 'link')).toContainText('→ /etc/passwd');
  await expect(app.getByText('<img src=x onerror=alert(1)>')).toBeVisible();
  await expect(app.getByText('x\\xffy')).toBeVisible();
  await act(app, 'x\\xffy', 'Rename…');
  await app.getByRole('textbox', { name: 'Name' }).fill('renamed');
  await app.getByRole('button', { name: 'Rename', exact: true }).click();
  await expect(row(app, 'renamed')).toBeVisible();
  await app.getByRole('button', { name: 'Undo' }).click();
  await expect(app.getByText('x\\xffy')).toBeVisible();
  await row(app, 'bytes').click();
  await expect(app.getByRole('region', { name: 'Content of bytes' })).toContainText('00000000  00 01');
  await app.getByRole('button', { name: 'Back to the List' }).click();
  await row(app, 'pipe').click();
  await expect(app.getByText('is a pipe, socket or device')).toBeVisible();
  await app.getByRole('button', { name: 'Back to the List' }).click();
  await row(app, 'broken').click();
  await expect(app.getByRole('alert')).toContainText('no such file');
  await row(app, 'link').click();
  await expect(app.getByRole('region', { name: 'Content of passwd' })).toContainText('root:x:0:0');
});

test('looks well', async ({ app, davit }) => {
  await openFiles(app, davit, 'looks', 'sh', '-c', 'cd /srv; rm old.txt; echo x >> motd.txt; mkdir data logs; seq 1 5000 > numbers.txt; ln -s /etc/passwd users; sleep 1000');
  await row(app, 'srv').click();
  await expect(row(app, 'numbers.txt')).toBeVisible();
  await pictures(app, 'files');
  await row(app, 'motd.txt').click();
  await expect(app.getByRole('region', { name: 'Content of motd.txt' })).toBeVisible();
  await pictures(app, 'file');
});
