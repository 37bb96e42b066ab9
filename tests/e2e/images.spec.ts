import { archive } from './archive.ts';
import { expect, expectAccessible, pictures, test } from './fixtures.ts';

const createdBy = 'COPY data.bin / # by <script>alert(1)</script>';

test('a hand-made archive is loaded, looked into and removed', async ({ app, davit }) => {
  await app.getByRole('link', { name: 'Images' }).click();
  await expect(app.getByRole('heading', { name: 'No Images Yet' })).toBeVisible();
  await expectAccessible(app, 'no images');

  await test.step('load', async () => {
    const chosen = app.waitForEvent('filechooser');
    await app.getByRole('button', { name: 'Load Archive…' }).first().click();
    const buffer = archive({ name: 'localhost/hand-made:1', createdBy, data: Buffer.from('by hand') });
    await (await chosen).setFiles({ name: 'hand.tar', mimeType: 'application/x-tar', buffer });
    await expect(app.getByRole('row', { name: /hand-made/ })).toBeVisible();
    await expectAccessible(app, 'images');
  });

  await test.step('what is in it', async () => {
    await app.getByRole('row', { name: /hand-made/ }).click();
    for (const text of ['localhost/hand-made:1', '/serve --greeting hello there', '8080/tcp', '/var/lib/hand-made', '1000', 'hello <b>there</b>', 'org.example.made-by', 'loaded from']) {
      await expect(app.getByRole('tabpanel').getByText(text).first()).toBeVisible();
    }
    await expectAccessible(app, 'image');
    await pictures(app, 'image');
    await app.getByRole('tab', { name: 'Layers' }).click();
    await expect(app.getByRole('tabpanel')).toContainText(createdBy);
    await expectAccessible(app, 'layers');
    await app.getByRole('tab', { name: 'History' }).click();
    await expect(app.getByRole('tabpanel')).toContainText(createdBy);
    await app.getByRole('tab', { name: 'Inspect' }).click();
    await expect(app.getByRole('tabpanel')).toContainText('downloadSize');
  });

  await test.step('remove', async () => {
    await app.getByRole('row', { name: /hand-made/ }).focus();
    await app.keyboard.press('Delete');
    const dialog = app.getByRole('dialog', { name: /Remove .*hand-made/ });
    await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
    await expectAccessible(app, 'removing an image');
    await dialog.getByRole('button', { name: 'Remove 1 Image' }).click();
    await expect(app.getByRole('heading', { name: 'No Images Yet' })).toBeVisible();
    expect(await davit.cli('images', '-q')).toBe('');
  });
});

test('what is no archive is said where it was asked for', async ({ app }) => {
  await app.getByRole('link', { name: 'Images' }).click();
  const chosen = app.waitForEvent('filechooser');
  await app.getByRole('button', { name: 'Load Archive…' }).first().click();
  await (await chosen).setFiles({ name: 'letter.txt', mimeType: 'text/plain', buffer: Buffer.from('dear sir') });
  await expect(app.getByRole('alert')).toContainText('letter.txt could not be loaded');
  await expect(app.getByRole('alert').getByRole('button', { name: 'Retry' })).toBeVisible();
  await expectAccessible(app, 'load failed');
});

test('an image in use stays, and says who uses it', async ({ app, davit }) => {
  await davit.cli('run', '-d', '--name', 'user', 'davit.local/sample');
  await app.getByRole('link', { name: 'Images' }).click();
  const row = app.getByRole('row', { name: /sample/ });
  await expect(row).toContainText('1 container');
  await row.focus();
  await app.keyboard.press('Delete');
  await app.getByRole('button', { name: 'Remove 1 Image' }).click();
  await expect(app.getByRole('alert')).toContainText('user');
  await expectAccessible(app, 'image in use');
});
