import { readFileSync } from 'node:fs';
import { layered } from './archive.ts';
import { expect, expectAccessible, go, pictures, test } from './fixtures.ts';
import { ImagesPage, load } from './pages/images.ts';

const odd = '<script>alert(1)</script>';
const base = { createdBy: 'ADD rootfs.tar / # buildkit', files: [
  { name: 'bin/app', data: Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 3]), mode: 0o755 },
  { name: 'etc/app.conf', data: 'color = blue\n\u202eevil\u0007\n' },
  { name: `etc/${odd.replaceAll('/', '|')}`, data: 'x' },
  { name: 'var/cache/big', data: Buffer.alloc(300_000, 'a') },
] };
const upper = { createdBy: 'RUN /bin/sh -c make   && rm -r /var/cache # buildkit', files: [
  { name: 'etc/app.conf', data: 'color = red\n' },
  { name: 'usr/share/doc/readme.txt', data: 'read me' },
  { name: 'var/.wh.cache', data: '' },
] };

test('an image is seen into: layers, files, waste, config', async ({ app, davit }) => {
  await load(davit, 'one', layered('localhost/one:1', [base, upper], ['MODE=test']));
  const images = await new ImagesPage(app).open();

  await test.step('layers', async () => {
    const panel = await images.detail(/one/, 'Layers');
    await expect(panel.getByRole('region', { name: 'Efficiency' })).toContainText('300 kB');
    await panel.getByRole('button', { name: /1 path|paths/ }).click();
    await expect(panel.getByText('/var/cache', { exact: false }).first()).toBeVisible();
    await panel.getByRole('button', { name: /RUN make/ }).click();
    const changes = panel.getByRole('grid', { name: 'Changes of layer 2' });
    await expect(changes.getByRole('row', { name: /changed.*app\.conf/ })).toBeVisible();
    await expect(changes.getByRole('row', { name: /removed.*cache/ })).toBeVisible();
    await panel.getByRole('button', { name: /1 removed/ }).click();
    await expect(changes.getByRole('row')).toHaveCount(1);
    await expectAccessible(app, 'layers');
    await pictures(app, 'image-layers');
  });

  await test.step('files of all layers, by keys', async () => {
    const panel = await images.tab('Files');
    const tree = panel.getByRole('treegrid', { name: 'Files' });
    await expect(tree.getByRole('row', { name: /^etc/ })).toBeVisible();
    await tree.getByRole('row', { name: /^etc/ }).focus();
    await app.keyboard.press('ArrowRight');
    await expect(tree.getByRole('row', { name: /app\.conf/ })).toBeVisible();
    await expect(tree.getByText(odd.replaceAll('/', '|'))).toBeVisible();
    await tree.getByRole('row', { name: /app\.conf/ }).click();
    await expect(panel.getByText('color = red')).toBeVisible();
    await expectAccessible(app, 'files');
    await pictures(app, 'image-files');
  });

  await test.step('files of one layer, as text and bytes, saved', async () => {
    await app.getByLabel('Layer', { exact: true }).selectOption('1');
    const panel = app.getByRole('tabpanel', { name: 'Files' });
    await panel.getByRole('searchbox', { name: 'Search by path' }).fill('app');
    await panel.getByRole('row', { name: /app\.conf/ }).click();
    await expect(panel.getByText('color = blue')).toBeVisible();
    await expect(panel.getByText('⟨U+202E⟩evil␇')).toBeVisible();
    await panel.getByRole('button', { name: 'Back' }).click(); // narrow: the file lies over the tree
    await panel.getByRole('row', { name: /bin\/app/ }).click();
    await expect(panel.getByText('00000000  7f 45 4c 46 00 01 02 03', { exact: false })).toBeVisible();
    const saved = app.waitForEvent('download');
    await panel.getByRole('button', { name: 'Save As File' }).click();
    expect(readFileSync(await (await saved).path()).subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    await panel.getByRole('button', { name: 'Back' }).click();
    await panel.getByRole('searchbox', { name: 'Search by path' }).fill('nothing-like-it');
    await expect(panel.getByText('No paths match “nothing-like-it”')).toBeVisible();
  });
});

test('two images are compared', async ({ app, davit }) => {
  await load(davit, 'one', layered('localhost/one:1', [base], ['MODE=a']));
  await load(davit, 'two', layered('localhost/two:1', [base, upper], ['MODE=b']));
  const images = await new ImagesPage(app).open();
  for (const name of [/one/, /two/]) await images.row(name).getByRole('checkbox').check();
  await app.getByRole('toolbar').getByRole('button', { name: 'Compare' }).click();
  const panel = app.getByRole('tabpanel', { name: 'Compare' });
  await expect(panel.getByText('The lowest layer is the same.')).toBeVisible();
  await expect(panel.getByRole('row', { name: /MODE/ })).toContainText('a');
  await expect(panel.getByRole('grid', { name: 'Changes' }).getByRole('row', { name: /app\.conf/ })).toBeVisible();
  await expectAccessible(app, 'compare');
  await pictures(app, 'image-compare');
});

test('an image that is not pulled is seen as far as its registry tells', async ({ app }) => {
  const full = `${process.env.DAVIT_E2E_REGISTRY}/web:1.0`;
  await go(app, `#/images/${encodeURIComponent(full)}`);
  await expect(app.getByText('This image is not on this computer.', { exact: false })).toBeVisible();
  await app.getByRole('tab', { name: 'Config' }).click();
  await expect(app.getByRole('tabpanel', { name: 'Config' })).toContainText('Environment');
  await app.getByRole('tab', { name: 'Layers' }).click();
  const panel = app.getByRole('tabpanel', { name: 'Layers' });
  await panel.getByRole('listitem').first().getByRole('button').first().click();
  await panel.getByRole('button', { name: 'Fetch This Layer' }).click();
  await expect(panel.getByRole('grid', { name: 'Changes of layer 1' })).toBeVisible();
  await expectAccessible(app, 'not pulled');
  await go(app, `#/images/${encodeURIComponent(`${process.env.DAVIT_E2E_REGISTRY}/no-such:1`)}`);
  await expect(app.getByRole('heading', { name: 'There Is No Such Image' })).toBeVisible();
});
