import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { box, importBox } from './box.ts';
import { expect, expectAccessible, go, pictures, test } from './fixtures.ts';
import { RunForm } from './pages/run.ts';

/** A directory of the person's, gone when the test is over. */
async function withDirectory(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'whose-'));
  chmodSync(dir, 0o755);
  try {
    await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test('whose files a container writes is foretold, and can be otherwise', async ({ app, davit }) => {
  await importBox(davit);
  await withDirectory(async (dir) => {
    const form = new RunForm(app);
    await form.open();
    await form.paste(`docker run -d --name writer --user 70:71 -v ${dir}:/data ${box} sh -c "touch /data/file; sleep 1000"`);
    await form.section('Storage').click();
    const storage = form.sheet.getByRole('group', { name: '/data' });
    await expect(storage).toContainText('user 70, who is subordinate id');
    await expect(storage).toContainText('it cannot write there');
    await expect(storage.getByRole('button', { name: 'Run it as root inside' })).toBeVisible();
    await expect(storage.getByRole('button', { name: "Give the directory to the container's user" })).toBeVisible();
    await expectAccessible(app, 'a forecast');

    await storage.getByRole('button', { name: 'Make user 70 inside you' }).click();
    await expect(storage).toContainText('User 70 inside is you');
    await expect(form.line).toContainText('--userns keep-id:uid=70,gid=71');
    await form.go().click();
    await expect.poll(() => existsSync(join(dir, 'file'))).toBe(true);
    expect(statSync(join(dir, 'file')).uid).toBe(process.getuid!());
    expect(await davit.cli('exec', 'writer', 'stat', '-c', '%u:%g', '/data/file')).toBe('70:71');
    await davit.cli('rm', '-f', 'writer');
  });
});

test('files of others are given back', async ({ app, davit }) => {
  await importBox(davit);
  await withDirectory(async (dir) => {
    const theirs = join(dir, 'theirs');
    mkdirSync(theirs);
    chmodSync(theirs, 0o777);
    const id = await davit.cli('run', '-d', '--name', 'writer', '--stop-timeout', '0', '--user', '70', '-v', `${dir}:/data`, box, 'sh', '-c', 'mkdir /data/theirs/d; echo 12345 > /data/theirs/d/f; sleep 1000');
    await expect.poll(() => existsSync(join(theirs, 'd', 'f'))).toBe(true);
    await go(app, `#/containers/${id}/overview`);
    await app.getByRole('button', { name: 'Whose Files…' }).click();
    const dialog = app.getByRole('dialog', { name: 'Whose Files' });
    await expect(dialog).toContainText('2 files and directories');
    await expect(dialog).toContainText('User 70 inside');
    await expect(dialog).toContainText('writer may not be able to write them');
    await expectAccessible(app, 'files of others');
    await pictures(app, 'whose-given-back');
    await dialog.getByRole('button', { name: 'Give Them to Me' }).click();
    await expect(app.getByText('2 files and directories are yours now')).toBeVisible();
    for (const file of ['theirs', 'theirs/d', 'theirs/d/f']) expect(statSync(join(dir, file)).uid).toBe(process.getuid!());
    await app.getByRole('button', { name: 'Whose Files…' }).click();
    await expect(dialog).toContainText('All that is there is yours.');
    await app.keyboard.press('Escape');
    await davit.cli('rm', '-f', 'writer');
  });
});
