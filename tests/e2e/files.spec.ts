import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** A list is as it was when it was read: what the container makes has to be there before. */
async function made(davit: Davit, name: string, path: string): Promise<void> {
  await davit.cli('exec', name, 'sh', '-c', `until test -e ${path}; do sleep 0.1; done`);
}

async function act(app: Page, file: string, item: string): Promise<void> {
  await app.getByRole('button', { name: `More actions for ${file}` }).click();
  await app.getByRole('menuitem', { name: item }).click();
}

test('browse, read, edit, upload, download, rename, delete', async ({ app, davit }) => {
  test.slow(); // all of it is looked at by axe, four times
  await openFiles(app, davit, 'shelf', 'sh', '-c', 'rm /srv/old.txt; echo more >> /srv/motd.txt; mkdir /srv/new; sleep 1000');
  await made(davit, 'shelf', '/srv/new');
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

/** Drops files of this machine as a file manager does. */
async function dropPaths(app: Page, ...files: string[]): Promise<void> {
  const box = await app.locator('.browser').boundingBox();
  const at = { x: box!.x + box!.width / 2, y: box!.y + box!.height / 2, data: { items: [], files, dragOperationsMask: 1 } };
  const session = await app.context().newCDPSession(app);
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) await session.send('Input.dispatchDragEvent', { type, ...at });
  await session.detach();
}

test('a folder is uploaded by keys alone', async ({ app, davit }) => {
  await openFiles(app, davit, 'keys', 'sleep', '1000');
  await row(app, 'srv').click();
  await expect(row(app, 'motd.txt')).toBeVisible();
  const site = join(mkdtempSync(join(tmpdir(), 'folder-')), 'site');
  mkdirSync(join(site, 'css'), { recursive: true });
  writeFileSync(join(site, 'css', 'a.css'), 'body{}');
  await app.getByRole('button', { name: 'Upload', exact: true }).focus();
  await app.keyboard.press('Enter');
  await expect(app.getByRole('menuitem', { name: 'Upload Files' })).toBeFocused();
  await app.keyboard.press('ArrowDown');
  await expect(app.getByRole('menuitem', { name: 'Upload a Folder' })).toBeFocused();
  const [chooser] = await Promise.all([app.waitForEvent('filechooser'), app.keyboard.press('Enter')]);
  await chooser.setFiles(site);
  await expect(row(app, 'site')).toBeVisible();
  expect(await davit.cli('exec', 'keys', 'cat', '/srv/site/css/a.css')).toBe('body{}');
  rmSync(join(site, '..'), { recursive: true });
});

test('in the window, files are shown in the file manager', async ({ app, davit }) => {
  // What the window binds, as far as it is wanted here.
  await app.addInitScript(() => {
    const asked: unknown[] = [];
    const ShowFiles = (at: unknown, only: string[]) => {
      asked.push([at, only]);
      return Promise.resolve({ folder: '/copy', copied: true, files: 3, left: asked.length - 1 });
    };
    Object.assign(window, { asked, go: { main: { Verbs: { ShowFiles } } } });
  });
  await app.reload();
  const id = await openFiles(app, davit, 'shown', 'sleep', '1000');
  await row(app, 'srv').click();
  await app.getByRole('button', { name: 'Open in File Manager' }).click();
  await expect(app.getByText('The file manager shows a copy of 3 files and folders, to read only. It goes when Davit is closed.')).toBeVisible();
  await act(app, 'motd.txt', 'Open in File Manager');
  await expect(app.getByText('1 link or device is not in it.')).toBeVisible();
  const tree = { container: id };
  expect(await app.evaluate(() => (window as unknown as { asked: unknown[] }).asked)).toEqual([
    [{ ...tree, path: '/srv' }, []],
    [{ ...tree, path: '/srv' }, ['motd.txt']],
  ]);
});

test('folders are dropped with their tree, and several files come as one archive', async ({ app, davit }) => {
  await openFiles(app, davit, 'trees', 'sleep', '1000');
  await row(app, 'srv').click();
  await expect(row(app, 'motd.txt')).toBeVisible();
  const place = mkdtempSync(join(tmpdir(), 'drop-'));
  try {
    const tree = join(place, 'tree');
    mkdirSync(join(tree, "in 'it/sub"), { recursive: true });
    mkdirSync(join(tree, 'empty'));
    for (const name of ['.hidden', '-rf', "in 'it/sub/deep $(true).txt", 'secret', 'line\nbreak']) writeFileSync(join(tree, name), `of ${name}`);
    chmodSync(join(tree, 'secret'), 0);
    symlinkSync('/etc/passwd', join(tree, 'link'));
    writeFileSync(join(place, 'beside.txt'), 'beside');

    await dropPaths(app, tree, join(place, 'beside.txt'));
    await expect(app.getByText(/^Uploaded 9 files and folders\. Left out, because they could not be read: tree\/secret$/)).toBeVisible();
    await expect(row(app, 'tree')).toContainText('added');
    const found = `cd /srv/tree && find . | sort && cat .hidden ./-rf "in 'it/sub/deep "*.txt && stat -c %u:%a . ./-rf`;
    expect((await davit.cli('exec', 'trees', 'sh', '-c', found)).split('\n')).toEqual([
      '.', './-rf', './.hidden', './empty', "./in 'it", "./in 'it/sub", "./in 'it/sub/deep $(true).txt", './line', 'break',
      "of .hiddenof -rfof in 'it/sub/deep $(true).txt0:755", '0:644',
    ]);

    // The same once more is asked for, and joined.
    await davit.cli('exec', 'trees', 'sh', '-c', 'echo theirs > /srv/tree/theirs; echo theirs > /srv/tree/-rf');
    await dropPaths(app, tree);
    await expect(app.getByRole('dialog')).toContainText('Folders are joined');
    await app.getByRole('button', { name: 'Replace', exact: true }).click();
    await expect(app.getByText(/^Uploaded 8 files and folders/)).toBeVisible();
    expect(await davit.cli('exec', 'trees', 'cat', '/srv/tree/theirs', '/srv/tree/-rf')).toBe('theirs\nof -rf');
  } finally {
    rmSync(place, { recursive: true });
  }

  for (const name of ['tree', 'motd.txt']) await row(app, name).getByRole('checkbox').check();
  await expect(app.getByRole('toolbar', { name: '2 selected' })).toBeVisible();
  await expectAccessible(app, 'several files');
  const [saved] = await Promise.all([app.waitForEvent('download'), app.getByRole('button', { name: 'Download as Archive' }).click()]);
  expect(saved.suggestedFilename()).toBe('srv.tar');
  const names = execFileSync('tar', ['-tf', await saved.path()], { encoding: 'utf8' }).split('\n');
  expect(names).toEqual(expect.arrayContaining(['motd.txt', 'tree/', 'tree/-rf', 'tree/empty/']));
  expect(names.some((name) => name.startsWith('old.txt'))).toBe(false);

  await app.getByRole('toolbar').getByRole('button', { name: 'Delete…' }).click();
  await expect(app.getByRole('dialog')).toContainText('tree and motd.txt');
  await app.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(row(app, 'tree')).toHaveCount(0);
  await expect(row(app, 'motd.txt')).toHaveCount(0);
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
  await made(davit, 'evil', '/evil/page.html');
  await app.getByRole('button', { name: 'List Again' }).click(); // the root may have been read before
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
  await made(davit, 'looks', '/srv/users');
  await row(app, 'srv').click();
  await expect(row(app, 'numbers.txt')).toBeVisible();
  await pictures(app, 'files');
  await row(app, 'motd.txt').click();
  await expect(app.getByRole('region', { name: 'Content of motd.txt' })).toBeVisible();
  await pictures(app, 'file');
});
