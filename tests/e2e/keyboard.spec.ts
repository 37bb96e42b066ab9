import { expect, expectAccessible, test } from './fixtures.ts';

test('everything without a mouse: palette, run, log, stop, remove, undo', async ({ app, davit }) => {
  await davit.cli('load', '--sample');
  const press = (key: string) => app.keyboard.press(key);
  const type = (text: string) => app.keyboard.type(text);

  await test.step('run from the palette', async () => {
    await press('Control+k');
    await expect(app.getByRole('dialog', { name: 'Command Palette' })).toBeVisible();
    await expectAccessible(app, 'palette');
    await type('run a con');
    await press('Enter');
    const sheet = app.getByRole('dialog', { name: 'Run a Container' });
    await expect(sheet.getByLabel('Image', { exact: true })).toBeFocused();
    await type('davit.local/sample');
    await expect(sheet.getByText('On this computer.')).toBeVisible();
    await expect(sheet.getByLabel('Port in the container')).not.toHaveValue('');
    await press('Tab');
    await type('keys');
    await press('Enter');
    await expect(app.getByRole('heading', { name: 'keys' })).toBeVisible({ timeout: 20_000 });
  });

  await test.step('log', async () => {
    const search = app.getByRole('searchbox', { name: 'Search the log' });
    await expect(search).toBeVisible(); // the view is loaded when it is first wanted
    await press('Control+f');
    await expect(search).toBeFocused();
    await type('listen');
    await press('Escape');
    await expect(search).toHaveValue('');
    await press('Escape');
    await expect(app.getByRole('log')).toHaveCount(0);
  });

  await test.step('list', async () => {
    await press('Alt+2');
    await expect(app.getByRole('grid', { name: 'Images' })).toBeVisible();
    await press('Alt+1');
    const row = app.getByRole('row', { name: /keys/ });
    await row.focus();
    await press('Space');
    await expect(row).toHaveAttribute('aria-selected', 'true');
    await expect(app.getByText('1 selected')).toBeVisible();
    await expectAccessible(app, 'selection');
    await press('Escape');
    await expect(row).toHaveAttribute('aria-selected', 'false');
    await press('Control+Enter');
    await expect(row).toContainText('Exited');
    await press('Enter');
    await expect(app.getByRole('tab', { name: 'Overview' })).toBeVisible();
  });

  await test.step('remove and undo', async () => {
    const row = app.getByRole('row', { name: /keys/ });
    await row.focus();
    await press('Delete');
    await expect(row).toHaveCount(0);
    const undo = app.getByRole('button', { name: 'Undo' });
    await undo.focus();
    await press('Enter');
    await expect(row).toBeVisible();
  });

  await test.step('help, side bar, menu', async () => {
    await press('Control+?');
    await expect(app.getByRole('dialog', { name: 'Keyboard Shortcuts' })).toBeVisible();
    await expectAccessible(app, 'shortcuts');
    await press('Escape');
    await press('F9');
    await expect(app.getByRole('navigation')).toHaveCount(0);
    await press('F9');
    await press('F10');
    await expect(app.getByRole('menuitem').first()).toBeFocused();
    await expectAccessible(app, 'menu');
    await press('End');
    await press('Enter');
    await expect(app.getByRole('heading', { name: 'About' })).toBeVisible();
  });
});

test('what is typed before a part of the page has come is typed into it', async ({ app }) => {
  const registry = process.env.DAVIT_E2E_REGISTRY!;
  let come = () => {};
  const asked = new Promise<void>((go) => (come = go));
  const scripts = '**/assets/{Search,Palette,RunSheet}-*.js';
  await app.route(scripts, async (route) => {
    await asked;
    await route.continue();
  });
  await app.reload();
  await expect(app.getByRole('heading', { level: 1 })).toHaveText('Containers');
  await app.keyboard.press('Alt+3');
  await app.keyboard.press('Control+f');
  await app.keyboard.type('wex');
  await app.keyboard.press('Backspace');
  await app.keyboard.type('b');
  await app.keyboard.press('Control+k');
  await app.keyboard.type('run a con');
  await app.keyboard.press('Enter');
  await app.keyboard.type(`${registry}/big`);
  come();
  await expect(app.getByRole('dialog', { name: 'Run a Container' }).getByLabel('Image', { exact: true })).toHaveValue(`${registry}/big`);
  await app.keyboard.press('Escape');
  await expect(app.getByRole('dialog')).toHaveCount(0);
  await expect(app.getByRole('searchbox')).toHaveValue('web');
});
