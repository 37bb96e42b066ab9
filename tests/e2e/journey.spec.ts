import { expect, expectAccessible, portOf, test } from './fixtures.ts';

test('search, pull, run, open the port, read the log, stop, remove', async ({ app, davit }) => {
  const registry = process.env.DAVIT_E2E_REGISTRY!;
  const full = `${registry}/web:1.0`;

  await test.step('search', async () => {
    await app.getByRole('link', { name: 'Search' }).click();
    await app.getByRole('searchbox', { name: 'Search all registries' }).fill('web');
    const results = app.getByRole('region', { name: registry });
    await expect(results.getByRole('row', { name: 'web' })).toBeVisible();
    await expectAccessible(app, 'search results');
    await results.getByRole('row', { name: 'web' }).click();
  });

  await test.step('pull and run', async () => {
    await expect(app.getByLabel('Complete name')).toHaveText(full);
    await expectAccessible(app, 'repository');
    await app.getByRole('button', { name: 'Pull and Run…' }).click();
    const sheet = app.getByRole('dialog', { name: 'Run a Container' });
    await expect(sheet.getByText(`${full} is pulled first.`)).toBeVisible();
    await sheet.getByLabel('Name', { exact: true }).fill('shop');
    await expect(sheet.getByLabel('The same on the command line').first()).toContainText(`davit run -d --name shop -P ${full}`);
    await expectAccessible(app, 'run sheet');
    await sheet.getByRole('button', { name: 'Pull and Run' }).click();
    await expect(app.getByRole('heading', { name: 'shop' })).toBeVisible({ timeout: 20_000 });
  });

  const address = `http://${await portOf(davit, 'shop')}`;

  await test.step('open the port', async () => {
    const [served] = await Promise.all([
      app.context().waitForEvent('page'),
      app.getByRole('link', { name: `Open ${address}` }).first().click(),
    ]);
    await served.waitForLoadState();
    expect(new URL(served.url()).origin).toBe(address);
    await expect(served.locator('body')).toContainText('Host name');
    expect(await served.evaluate(() => window.opener)).toBeNull();
    await served.close();
  });

  await test.step('read the log, live', async () => {
    const log = app.getByRole('log', { name: 'Log of shop' });
    await expect(log).toContainText('GET');
    await fetch(`${address}/a-line-from-the-test`);
    await expect(log).toContainText('a-line-from-the-test');
    await app.getByRole('searchbox', { name: 'Search the log' }).fill('from-the-test');
    await expect(app.getByText('1 match')).toBeVisible();
    await app.getByRole('button', { name: 'Only Matching Lines' }).click();
    await expect(log.locator('[data-row]')).toHaveCount(1);
    await expectAccessible(app, 'log');
  });

  await test.step('stop', async () => {
    await app.getByRole('button', { name: 'Stop', exact: true }).click();
    await expect(app.getByRole('row', { name: /^shop Exited/ }).or(app.getByRole('row', { name: /shop.*Exited/ }))).toBeVisible();
    await expect(app.getByRole('link', { name: `Open ${address}` })).toHaveCount(0);
    expect(await davit.cli('ps', '-q')).toBe('');
  });

  await test.step('remove, undo, remove', async () => {
    const row = app.getByRole('row', { name: /shop/ });
    await row.focus();
    await app.keyboard.press('Delete');
    await expect(row).toHaveCount(0);
    await app.getByRole('button', { name: 'Undo' }).click();
    await expect(row).toBeVisible();
    expect(await davit.cli('ps', '-aq')).not.toBe('');
    await row.focus();
    await app.keyboard.press('Delete');
    await app.getByRole('status').getByRole('button', { name: 'Close' }).click();
    await expect.poll(() => davit.cli('ps', '-aq')).toBe('');
  });
});

test('a pull shows bytes for each layer and can be cancelled', async ({ app, davit }) => {
  const full = `${process.env.DAVIT_E2E_SLOW}/big:latest`;
  await app.getByRole('link', { name: 'Images' }).click();
  await app.getByRole('button', { name: 'Main Menu' }).click();
  await app.getByRole('menuitem', { name: 'Pull an Image' }).click();
  const dialog = app.getByRole('dialog', { name: 'Pull an Image' });
  await dialog.getByLabel('Image', { exact: true }).fill(full);
  await expect(dialog.getByText(`Pulls ${full}`)).toBeVisible();
  await expectAccessible(app, 'pull dialog');
  await dialog.getByRole('button', { name: 'Pull' }).click();
  await expect(dialog.getByText(/\d(\.\d)? MB of 25 MB/)).toBeVisible();
  await expect(dialog.getByRole('list', { name: 'Layers' }).getByText('Downloading')).toBeVisible();
  await expectAccessible(app, 'pull under way');

  // It goes on elsewhere, survives navigation and a reload, and ends there.
  await dialog.getByRole('button', { name: 'Continue in Background' }).click();
  await expect(app.getByRole('link', { name: /Activity/ })).toContainText('1');
  await app.reload();
  await app.getByRole('link', { name: /Activity/ }).click();
  const operation = app.getByRole('article', { name: `Pull ${full}` });
  await expect(operation.getByText('Downloading')).toBeVisible();
  await expectAccessible(app, 'activity');
  await operation.getByRole('button', { name: 'Cancel' }).click();
  await expect(operation.getByText('Cancelled')).toBeVisible();
  await expect(operation.getByRole('button', { name: 'Retry' })).toBeVisible();
  expect(await davit.cli('images', '-q')).toBe('');
});
