import { answer, expect, expectAccessible, pictures, test } from './fixtures.ts';

const refused = JSON.stringify({ error: { kind: 'host', msg: 'this computer does not let you make user namespaces', hint: 'Set-up shows the command that allows it.' } });

test('a refused host leads to Set-up from every list', async ({ app }) => {
  for (const method of ['Containers', 'Images', 'Operations', 'Events']) await answer(app, method, 412, refused);
  await app.reload();
  await expect(app.getByRole('alert')).toContainText('this computer does not let you make user namespaces');
  await expect(app.getByText('The engine is restarting…')).toHaveCount(0);
  await expectAccessible(app, 'refused');
  await pictures(app, 'refused');
  await app.getByRole('link', { name: 'Images' }).click();
  await expect(app.getByRole('alert')).toContainText('The images could not be listed');
  await app.getByRole('button', { name: 'Open Set-up' }).click();
  await expect(app.getByRole('heading', { name: 'Set-up' })).toBeVisible();
});

test('a filter that nothing passes says so', async ({ app, davit }) => {
  await davit.cli('create', '--name', 'one', 'davit.local/sample');
  await app.getByRole('searchbox', { name: 'Filter containers' }).fill('nothing like it');
  await expect(app.getByRole('heading', { name: 'No containers match “nothing like it”' })).toBeVisible();
  await expectAccessible(app, 'filtered empty');
  await app.getByRole('button', { name: 'Clear Filter' }).last().click();
  await expect(app.getByRole('row', { name: /one/ })).toBeVisible();
});

test('what cannot start says why, beside the container', async ({ app, davit }) => {
  await davit.cli('create', '--name', 'refuses', '--entrypoint', '/no/such/program', 'davit.local/sample');
  const row = app.getByRole('row', { name: /refuses/ });
  await row.focus();
  await app.keyboard.press('Control+Enter');
  await expect(row.getByRole('alert')).toContainText('refuses could not be started');
  await expect(row.getByRole('alert')).toContainText('/no/such/program');
  await expectAccessible(app, 'start failed');
  await row.getByRole('button', { name: 'Dismiss' }).click();
  await expect(row.getByRole('alert')).toHaveCount(0);
});

test('the form says what is wrong beside the field', async ({ app }) => {
  await app.getByRole('button', { name: 'Run…' }).click();
  const sheet = app.getByRole('dialog');
  await sheet.getByLabel('Name', { exact: true }).fill('no good');
  await sheet.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(sheet.getByText('Name the image.')).toBeVisible();
  await expect(sheet.getByLabel('Image', { exact: true })).toBeFocused();
  await expect(sheet.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await expectAccessible(app, 'field errors');
});

test('a registry that does not answer has its own line', async ({ app }) => {
  const pages = [
    { registry: 'docker.io', results: [{ name: 'docker.io/library/nginx', description: 'A <b>web</b> server', stars: 21000, pulls: '1B+', official: true }] },
    { registry: 'quay.io', results: null, error: { kind: 'unavailable', msg: 'it did not answer within 10 s', hint: 'Check the network.' } },
  ];
  const body = [...pages.map((item) => JSON.stringify({ item })), '{"end":true}', ''].join('\n');
  await answer(app, 'Search', 200, body);
  await app.getByRole('link', { name: 'Search' }).click();
  await app.getByRole('searchbox', { name: 'Search all registries' }).fill('nginx');
  await expect(app.getByRole('region', { name: 'quay.io' }).getByRole('alert')).toContainText('quay.io did not answer');
  await expect(app.getByRole('region', { name: 'docker.io' }).getByText('A <b>web</b> server')).toBeVisible();
  await expect(app.getByText('Official', { exact: true })).toBeVisible();
  await expectAccessible(app, 'search with an error');
});
