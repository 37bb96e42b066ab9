import { expect, expectAccessible, test } from './fixtures.ts';

test('the whole way by keys: search, pull, run, logs, terminal, edit, stop, undo', async ({ app, davit }) => {
  test.setTimeout(120_000);
  const registry = process.env.DAVIT_E2E_REGISTRY!;
  const press = (key: string) => app.keyboard.press(key);
  const type = (text: string) => app.keyboard.type(text);
  const row = app.getByRole('row', { name: /shop/ });

  await test.step('search', async () => {
    await press('Alt+3');
    await press('Control+f');
    await type('web');
    await expect(app.getByRole('region', { name: registry }).getByRole('row', { name: 'web' })).toBeVisible();
    await press('Control+k');
    await type('big');
    await expect(app.getByRole('option').last()).toHaveText(/Search Registries for “big”/);
    await press('ArrowUp');
    await press('Enter');
    await expect(app.getByRole('region', { name: registry }).getByRole('row', { name: 'big' })).toBeVisible();
    await press('Control+k');
    await type('run a con');
    await press('Enter');
  });

  await test.step('pull and run', async () => {
    const sheet = app.getByRole('dialog', { name: 'Run a Container' });
    await expect(sheet.getByLabel('Image', { exact: true })).toBeFocused();
    await type(`${registry}/web:1.0`);
    await press('Tab');
    await type('shop');
    await expect(sheet.getByRole('button', { name: 'Pull and Run' })).toBeVisible();
    await press('Enter');
    await expect(app.getByRole('heading', { name: 'shop' })).toBeVisible({ timeout: 20_000 });
  });

  await test.step('logs and terminal', async () => {
    const search = app.getByRole('searchbox', { name: 'Search the log' });
    await expect(search).toBeVisible(); // the view is loaded when it is first wanted
    await press('Control+f');
    await expect(search).toBeFocused();
    const tabs = app.getByRole('tab');
    await app.getByRole('tab', { selected: true }).focus();
    await press('ArrowRight');
    await expect(tabs.nth(2)).toBeFocused();
    await expect(tabs.nth(2)).toHaveAttribute('aria-selected', 'true');
    await press('Home');
    await expect(app.getByRole('tab', { name: 'Overview' })).toBeFocused();
  });

  await test.step('menu of the row, stop, undo of a removal', async () => {
    await row.focus();
    await press('Shift+F10');
    await expect(app.getByRole('menuitem').first()).toBeFocused();
    await press('Escape');
    await expect(row).toBeFocused();
    await press('Control+Shift+T');
    await expect(app.getByRole('tab', { name: 'Terminal' })).toHaveAttribute('aria-selected', 'true');
    await row.focus();
    await press('Control+e');
    await expect(app.getByRole('dialog', { name: 'Edit shop' })).toBeVisible();
    await press('Escape');
    await row.focus();
    await press('Control+Enter');
    await expect(row).toContainText('Exited');
    await press('Delete');
    await expect(row).toHaveCount(0);
    await app.getByRole('button', { name: 'Undo' }).focus();
    await press('Enter');
    await expect(row).toBeVisible();
    expect(await davit.cli('ps', '-aq')).not.toBe('');
    await expectAccessible(app, 'after the journey');
  });
});

test('every key that the help names does what it says', async ({ app }) => {
  await app.keyboard.press('Control+?');
  const dialog = app.getByRole('dialog', { name: 'Keyboard Shortcuts' });
  await expect(dialog.getByText('F9', { exact: true })).toBeVisible();
  await app.keyboard.press('Escape');
  const places = { 'Alt+1': 'Containers', 'Alt+2': 'Images', 'Alt+3': 'Search', 'Alt+4': 'Volumes', 'Alt+5': 'Networks', 'Alt+6': 'Activity', 'Control+,': 'Preferences' };
  for (const [key, title] of Object.entries(places)) {
    await app.keyboard.press(key);
    await expect(app.getByRole('heading', { level: 1 })).toHaveText(title);
  }
  await app.keyboard.press('Control+n');
  await expect(app.getByRole('dialog', { name: 'Run a Container' })).toBeVisible();
  await app.keyboard.press('Escape');
  await app.keyboard.press('Control+k');
  await expect(app.getByRole('dialog', { name: 'Command Palette' })).toBeVisible();
  await app.keyboard.press('Escape');
  await app.keyboard.press('F9');
  await expect(app.getByRole('navigation')).toHaveCount(0);
});

test('a compose file that is dropped fills the form, never runs by itself', async ({ app, davit }) => {
  const drop = (name: string, text: string) =>
    app.evaluate(
      ([file, content]) => {
        const data = new DataTransfer();
        data.items.add(new File([content!], file!));
        for (const kind of ['dragover', 'drop']) window.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
      },
      [name, text],
    );
  await drop('Dockerfile', 'FROM scratch');
  await expect(app.getByText('Davit runs images; it does not build them.')).toBeVisible();
  await drop('compose.yaml', 'services:\n  web:\n    image: localhost/nothing:1\n');
  await expect(app.getByRole('dialog', { name: 'Run a Container' })).toBeVisible();
  expect(await davit.cli('ps', '-aq')).toBe('');
});
