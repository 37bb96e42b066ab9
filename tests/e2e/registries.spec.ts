import { answer, expect, expectAccessible, test as base } from './fixtures.ts';
import { RegistriesPage } from './pages/registries.ts';
import { PlayedRegistry } from './played.ts';

const test = base.extend<{ played: PlayedRegistry }>({
  played: async ({}, use) => {
    const played = await new PlayedRegistry().start();
    played.repositories = [{ name: 'team/app' }];
    await use(played);
    played.stop();
  },
});

test('a registry is added, changed, put in order and removed', async ({ app, davit, played }) => {
  const { DAVIT_E2E_REGISTRY: registry } = process.env;
  const registries = await new RegistriesPage(app).open();
  await expect(registries.row(registry!)).toContainText('without encryption');
  await expect(registries.row(registry!)).toContainText('registries.conf');
  await registries.row(registry!).getByRole('button', { name: /More actions/ }).click();
  await expect(app.getByRole('menuitem', { name: 'Remove' })).toBeDisabled();
  await app.keyboard.press('Escape');

  await test.step('add', async () => {
    await app.getByRole('button', { name: 'Add Registry…' }).click();
    const sheet = app.getByRole('dialog', { name: 'Add a Registry' });
    await sheet.getByLabel('Address').fill('not one');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await expect(sheet.getByText('An address is a host name', { exact: false })).toBeVisible();
    await sheet.getByLabel('Address').fill(`http://${played.host}/`);
    await sheet.getByLabel('Allow without encryption').check();
    await sheet.getByLabel('Mirrors').fill(`${registry}\n`);
    await expectAccessible(app, 'add a registry');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await expect(registries.row(played.host)).toContainText('yours');
    await expect(registries.row(played.host)).toContainText(`mirrored by ${registry}`);
    await expectAccessible(app, 'registries');
    expect(await davit.cli('search', '--list-tags=false', 'app').catch((e: { stdout: string }) => e.stdout)).toContain('team/app');
  });

  await test.step('order of short names', async () => {
    await expect(registries.order.getByRole('listitem')).toContainText([registry!, played.host]);
    await registries.order.getByRole('button', { name: `Move ${played.host} up` }).click();
    await expect(registries.order.getByRole('listitem')).toContainText([played.host, registry!]);
    const saved = app.waitForResponse((r) => r.url().endsWith('/v1/SetRegistrySettings') && !!r.request().postData()?.includes('"disabled"'));
    await app.getByText('Take the First', { exact: true }).click();
    await saved;
    await app.reload();
    await expect(registries.order.getByRole('listitem')).toContainText([played.host, registry!]);
    await expect(app.getByLabel('Take the First')).toBeChecked();
  });

  await test.step('block, remove, undo', async () => {
    await registries.menu(played.host, 'Edit…');
    await app.getByRole('dialog').getByLabel('Block', { exact: false }).check();
    await app.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await expect(registries.row(played.host)).toContainText('blocked');
    await registries.menu(played.host, 'Remove');
    await expect(registries.row(played.host)).toHaveCount(0);
    await app.getByRole('status').getByRole('button', { name: 'Undo' }).click();
    await expect(registries.row(played.host)).toContainText('blocked');
  });
});

test('signing in says what was wrong, and who one is; so does a file that cannot be read', async ({ app }) => {
  const { DAVIT_E2E_REGISTRY: registry } = process.env;
  const registries = await new RegistriesPage(app).open();
  await registries.row(registry!).getByRole('button', { name: 'Sign In…' }).click();
  const dialog = app.getByRole('dialog', { name: `Sign In to ${registry}` });
  await dialog.getByRole('button', { name: 'Sign In' }).click();
  await expect(dialog.getByText('Give a user name and a password.').first()).toBeVisible();
  await dialog.getByLabel('User name').fill('ada');
  await dialog.getByLabel('Password or token').fill('secret');
  await answer(app, 'Login', 403, JSON.stringify({ error: { kind: 'denied', msg: 'the registry refused ada', hint: 'Check the password.' } }));
  await dialog.getByRole('button', { name: 'Sign In' }).click();
  await expect(dialog.getByRole('alert')).toContainText('the registry refused ada');
  await expectAccessible(app, 'sign-in refused');
  await app.unroute('**/v1/Login');
  await dialog.getByRole('button', { name: 'Sign In' }).click();
  await expect(registries.row(registry!)).toContainText('signed in as ada');
  await registries.row(registry!).getByRole('button', { name: 'Sign Out' }).click();
  await expect(registries.row(registry!).getByRole('button', { name: 'Sign In…' })).toBeVisible();

  await answer(app, 'Registries', 500, JSON.stringify({ error: { kind: 'invalid', msg: 'registries.conf, line 3: a bracket is missing' } }));
  await app.reload();
  await expect(app.getByRole('alert')).toContainText('line 3');
  await expectAccessible(app, 'no registries');
});
