import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { archive, layered } from './archive.ts';
import type { Davit } from './davit.ts';
import { answer, expect, expectAccessible, go, pictures, test } from './fixtures.ts';
import { ImagesPage, load } from './pages/images.ts';
import { tar } from './tar.ts';

/** Takes a file out of an unpacked layer. */
function damage(davit: Davit, diffID: string): void {
  const layer = join(davit.path('data'), 'davit/layers', diffID.replace('sha256:', ''));
  const files = readdirSync(layer, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
  rmSync(join(files[0]!.parentPath, files[0]!.name));
}

const createdBy = 'COPY data.bin / # by <script>alert(1)</script>';
const layer = (name: string, size = 20) => ({ createdBy: `COPY ${name} /`, files: [{ name, data: Buffer.alloc(size, name) }] });

test('a hand-made archive is loaded, looked into and removed', async ({ app, davit }) => {
  const images = new ImagesPage(app);
  await app.getByRole('link', { name: 'Images' }).click();
  await expect(app.getByRole('heading', { name: 'No Images Yet' })).toBeVisible();
  await expectAccessible(app, 'no images');

  await test.step('load', async () => {
    const chosen = app.waitForEvent('filechooser');
    await app.getByRole('button', { name: 'Load Archive…' }).first().click();
    const buffer = archive({ name: 'localhost/hand-made:1', createdBy, data: Buffer.from('by hand') });
    await (await chosen).setFiles({ name: 'hand.tar', mimeType: 'application/x-tar', buffer });
    await expect(images.row(/hand-made/)).toBeVisible();
  });

  await test.step('what is in it', async () => {
    const config = await images.detail(/hand-made/, 'Config');
    for (const text of ['/serve --greeting hello there', '8080/tcp', '/var/lib/hand-made', '1000', 'hello <b>there</b>', 'org.example.made-by']) {
      await expect(config.getByText(text).first()).toBeVisible();
    }
    await expect(await images.tab('Layers')).toContainText(createdBy);
    await expect(await images.tab('History')).toContainText(createdBy);
    await expect(await images.tab('Inspect')).toContainText('downloadSize');
    const overview = await images.tab('Overview');
    await expect(overview).toContainText('loaded from');
    await expectAccessible(app, 'image');
  });

  await test.step('by its name in an address', async () => {
    await go(app, '#/images');
    await expect(images.row(/hand-made/)).not.toHaveAttribute('aria-current');
    await go(app, '#/images/localhost%2Fhand-made:1/overview');
    await expect(app.getByRole('tabpanel', { name: 'Overview' })).toContainText('loaded from');
    await expect(images.row(/hand-made/)).toHaveAttribute('aria-current', 'true');
  });

  await test.step('names', async () => {
    await app.getByRole('button', { name: 'Add Name…' }).click();
    const dialog = app.getByRole('dialog', { name: /Add a Name/ });
    await dialog.getByLabel('Name').fill('localhost/hand-made:2');
    await dialog.getByRole('button', { name: 'Add Name' }).click();
    await expect(app.getByRole('tabpanel').getByText('localhost/hand-made:2', { exact: true })).toBeVisible();
    await app.getByRole('button', { name: 'Remove the name localhost/hand-made:2' }).click();
    await expect(app.getByRole('tabpanel').getByText('localhost/hand-made:2', { exact: true })).toHaveCount(0);
    await images.undo().click();
    await expect(app.getByRole('tabpanel').getByText('localhost/hand-made:2', { exact: true })).toBeVisible();
  });

  await test.step('remove, undo, remove', async () => {
    await images.row(/hand-made/).focus();
    await app.keyboard.press('Delete');
    await expect(app.getByRole('heading', { name: 'No Images Yet' })).toBeVisible();
    await images.undo().click();
    await expect(images.row(/hand-made/)).toBeVisible();
    expect(await davit.cli('images', '-q')).not.toBe('');
    await images.row(/hand-made/).focus();
    await app.keyboard.press('Delete');
    await images.settle();
    await expect.poll(() => davit.cli('images', '-q')).toBe('');
  });
});

test('what is no archive of images is said so, and offered to be a file system', async ({ app, davit }) => {
  const images = await new ImagesPage(app).open();
  await test.step('no archive at all, dropped', async () => {
    const dropped = await app.evaluateHandle(() => {
      const data = new DataTransfer();
      data.items.add(new File(['dear sir'], 'letter.txt', { type: 'text/plain' }));
      return data;
    });
    const region = app.getByRole('region', { name: 'Images' });
    await region.dispatchEvent('dragover', { dataTransfer: dropped });
    await expect(app.getByRole('heading', { name: 'Drop the archive to load its images' })).toBeVisible();
    await region.dispatchEvent('drop', { dataTransfer: dropped });
    await expect(app.getByRole('alert')).toContainText('letter.txt could not be loaded');
    await expect(app.getByRole('alert').getByRole('button', { name: 'Retry' })).toBeVisible();
    await expectAccessible(app, 'load failed');
    await app.getByRole('alert').getByRole('button', { name: 'Close' }).click();
  });

  await test.step('a tar of files', async () => {
    const chosen = app.waitForEvent('filechooser');
    await app.getByRole('button', { name: 'Load Archive…' }).first().click();
    await (await chosen).setFiles({ name: 'rootfs.tar', mimeType: 'application/x-tar', buffer: tar([{ name: 'bin/hello', data: 'hi', mode: 0o755 }]) });
    await app.getByRole('alert').getByRole('button', { name: 'Import As File System…' }).click();
    const dialog = app.getByRole('dialog', { name: 'Import a File System' });
    await expect(dialog).toContainText('rootfs.tar');
    await dialog.getByLabel('Name').fill('localhost/rootfs:1');
    await dialog.getByLabel('Command').fill('["/bin/hello"]');
    await dialog.getByRole('button', { name: 'Import', exact: true }).click();
    await expect(images.row(/rootfs/)).toBeVisible();
    expect(await davit.cli('image', 'inspect', '--format', '{{.Config.Cmd}}', 'localhost/rootfs:1')).toContain('/bin/hello');
  });
});

test('a thousand images with strange words', async ({ app }) => {
  const odd = ['<script>window.hacked=1</script>', '\u202Egnp.exe', 'x'.repeat(255), '${7*7}{{7*7}}', "'; DROP TABLE images; --", '\u0000\ufeff'];
  const image = (n: number) => ({
    id: `sha256:${n.toString(16).padStart(64, '0')}`, names: [n < odd.length ? `localhost/${odd[n]}:1` : `localhost/image-${n}:1`], digest: 'sha256:0', repoDigests: null,
    created: '2026-05-01T12:00:00Z', size: 1_000_000 + n, downloadSize: 1, platform: 'linux/amd64', labels: null, containers: 0, origin: odd[n % odd.length],
  });
  await answer(app, 'Images', 200, JSON.stringify(Array.from({ length: 1000 }, (_, n) => image(n))));
  await app.reload();
  const images = await new ImagesPage(app).open();
  await expect(images.grid).toHaveAttribute('aria-rowcount', '1000');
  await images.arrange('Largest First');
  await expect(images.row(/image-999/)).toBeVisible();
  expect(await images.grid.getByRole('row').count()).toBeLessThan(120);
  await images.row(/image-999/).focus();
  await app.keyboard.press('End');
  await expect(images.row(/<script>/)).toBeFocused();
  await app.keyboard.press('ArrowUp');
  await app.keyboard.press('Home');
  await expect(images.row(/image-999/)).toBeFocused();
  await app.getByRole('searchbox', { name: 'Filter images' }).fill('gnp');
  await expect(images.grid.getByRole('row')).toHaveCount(1);
  expect(await app.evaluate(() => 'hacked' in window)).toBe(false);
});

test('an image in use stays, and says who uses it', async ({ app, davit }) => {
  await davit.cli('run', '-d', '--name', 'user', 'davit.local/sample');
  const images = await new ImagesPage(app).open();
  await expect(images.row(/sample/)).toContainText('1 container');
  await images.row(/sample/).focus();
  await app.keyboard.press('Delete');
  await expect(app.getByRole('alert')).toContainText('user');
  await expect((await images.detail(/sample/, 'Used By')).getByRole('link', { name: 'user' })).toBeVisible();
});

test('many images: order, tree, selection, space, check, save', async ({ app, davit }) => {
  const base = layer('base', 4000);
  await load(davit, 'base', layered('localhost/base:1', [base]));
  await load(davit, 'alpha', layered('localhost/alpha:1', [base, layer('alpha', 90_000)]));
  await load(davit, 'beta', layered('localhost/beta:1', [base, layer('alpha', 90_000), layer('beta', 9000)]));
  await load(davit, 'gamma', layered('localhost/gamma:1', [layer('gamma', 400_000)]));
  const images = await new ImagesPage(app).open();
  await expect(images.row(/gamma/)).toBeVisible();

  await test.step('order', async () => {
    await images.arrange('By Name');
    await expect.poll(() => images.names()).toEqual(['alpha:1', 'base:1', 'beta:1', 'gamma:1']);
    await images.arrange('Largest First');
    await expect.poll(async () => (await images.names())[0]).toBe('gamma:1');
    await expect(app.getByRole('region', { name: 'Disk space of images' })).toContainText('unused');
  });

  await test.step('tree', async () => {
    await images.arrange('By Name');
    await images.arrange('As a Tree');
    await expect(images.row(/beta/)).toHaveAttribute('aria-level', '3');
    expect(await images.names()).toEqual(['base:1', 'alpha:1', 'beta:1', 'gamma:1']);
    await expect(images.row(/alpha/)).toContainText('2 layers, 2 shared');
    await expectAccessible(app, 'tree of images');
    await pictures(app, 'images-tree');
    await images.arrange('As a List');
  });

  await test.step('check', async () => {
    await images.more('Check Images');
    await expect(app.getByRole('dialog').getByRole('status')).toContainText('4 images are as they should be');
    await app.keyboard.press('Escape');
  });

  await test.step('save two', async () => {
    for (const name of [/alpha/, /beta/]) await images.row(name).getByRole('checkbox').check();
    await app.getByRole('toolbar').getByRole('button', { name: 'Save As Archive…' }).click();
    const saved = app.waitForEvent('download');
    await app.getByRole('dialog', { name: 'Save 2 Images' }).getByRole('button', { name: 'Save', exact: true }).click();
    expect((await saved).suggestedFilename()).toBe('images.tar');
  });

  await test.step('remove two, undo', async () => {
    await app.getByRole('toolbar').getByRole('button', { name: 'Remove 2 Images' }).click();
    await expect(images.grid.getByRole('row')).toHaveCount(2);
    await images.undo().click();
    await expect(images.grid.getByRole('row')).toHaveCount(4);
  });

  await test.step('free up space, to the byte', async () => {
    await app.getByRole('button', { name: 'Free Up Space…' }).click();
    const dialog = app.getByRole('dialog', { name: 'Free Up Space' });
    await expect(dialog.getByRole('list', { name: 'Images to remove' }).getByRole('listitem')).toHaveCount(4);
    await expectAccessible(app, 'free up space');
    await dialog.getByText('Only Without a Name').click();
    await expect(dialog.getByText('There is nothing to remove', { exact: false })).toBeVisible();
    await dialog.getByText('All Unused').click();
    await expect(dialog.getByText('goes to the trash').first()).toBeVisible();
    await dialog.getByRole('button', { name: 'Remove 4 Images' }).click();
    await expect(app.getByRole('heading', { name: 'No Images Yet' })).toBeVisible();
  });

  await test.step('back from the trash', async () => {
    await images.more('Trash…');
    const sheet = app.getByRole('dialog', { name: 'Removed Images' });
    await expect(sheet.getByRole('listitem')).toHaveCount(4);
    await expectAccessible(app, 'trash');
    await sheet.getByRole('listitem').filter({ hasText: 'gamma' }).getByRole('button', { name: 'Restore' }).click();
    await expect(sheet.getByRole('listitem')).toHaveCount(3);
    await sheet.getByRole('button', { name: 'Empty Trash…' }).click();
    await sheet.getByRole('button', { name: /Remove All for Good, Free/ }).click();
    await expect(sheet.getByRole('heading', { name: 'The Trash Is Empty' })).toBeVisible();
    await app.keyboard.press('Escape');
    await expect(images.row(/gamma/)).toBeVisible();
  });
});

test('damage is found and mended, and what is mended is pushed', async ({ app, davit }) => {
  const registry = process.env.DAVIT_E2E_REGISTRY!;
  await davit.cli('pull', `${registry}/web:1.0`);
  const layers = JSON.parse(await davit.cli('image', 'inspect', `${registry}/web:1.0`)) as { RootFS: { Layers: string[] } }[];
  damage(davit, layers[0]!.RootFS.Layers[0]!);
  const images = await new ImagesPage(app).open();

  await test.step('check and repair', async () => {
    await images.more('Check Images');
    const sheet = app.getByRole('dialog', { name: 'Check Images' });
    await expect(sheet.getByRole('status')).toContainText('1 image is damaged.');
    await expectAccessible(app, 'damaged');
    await sheet.getByRole('button', { name: 'Repair' }).click();
    await expect(sheet.getByText(/repaired, .* fetched/)).toBeVisible();
    await sheet.getByRole('button', { name: 'Check Again' }).click();
    await expect(sheet.getByRole('status')).toContainText('1 image is as it should be');
    await app.keyboard.press('Escape');
  });

  await test.step('push', async () => {
    await images.row(/web/).click();
    await app.locator('.detail').getByRole('button', { name: /More actions/ }).click();
    await app.getByRole('menuitem', { name: 'Push…' }).click();
    const dialog = app.getByRole('dialog', { name: /Push/ });
    await dialog.getByLabel('To').fill(`${registry}/pushed:1`);
    await dialog.getByRole('button', { name: 'Push' }).click();
    await expect(app.getByRole('status').getByText(`Pushed ${registry}/pushed:1`)).toBeVisible();
    expect((await fetch(`http://${registry}/v2/pushed/manifests/1`, { headers: { Accept: '*/*' } })).status).toBe(200);
  });
});

test('what cannot be read says so, and nothing is hidden by it', async ({ app, davit }) => {
  await load(davit, 'one', layered('localhost/one:1', [layer('one')]));
  const images = await new ImagesPage(app).open();
  await expect(images.row(/one/)).toBeVisible();
  const broken = JSON.stringify({ error: { kind: 'corrupt', msg: 'the layers cannot be read', hint: 'Check the images.' } });
  for (const method of ['ImageTree', 'Waste', 'LayerChanges', 'ImageFiles', 'PruneImages', 'OtherStores']) await answer(app, method, 500, broken);
  await images.arrange('As a Tree');
  await expect(app.getByText('What stands on what could not be read', { exact: false })).toBeVisible();
  await expect(images.row(/one/)).toBeVisible();
  await expect((await images.detail(/one/, 'Files')).getByRole('alert')).toContainText('The files could not be listed');
  const layers = await images.tab('Layers');
  await expect(layers.getByRole('alert')).toContainText('The efficiency could not be measured');
  await expect(layers.getByRole('button', { name: /COPY one/ })).toBeVisible();
  await app.getByRole('searchbox', { name: 'Filter images' }).fill('nothing');
  await expect(app.getByRole('heading', { name: 'No images match “nothing”' })).toBeVisible();
  await expectAccessible(app, 'images that cannot be read');
});
