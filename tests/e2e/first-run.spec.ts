import { expect, expectAccessible, portOf, test } from './fixtures.ts';

test('one click runs the sample, and nothing that dies takes it along', async ({ app, davit }) => {
  await test.step('one click', async () => {
    await expect(app.getByRole('heading', { name: 'Run Your First Container' })).toBeVisible();
    await expectAccessible(app, 'first run');
    await app.getByRole('button', { name: 'Run Sample' }).click();
    await expect(app.getByRole('link', { name: /^Open http:\/\/127\.0\.0\.1:\d+$/ })).toBeVisible({ timeout: 20_000 });
  });
  const name = await davit.cli('ps', '--format', '{{.Names}}');
  const address = `http://${await portOf(davit, name)}`;
  const log = app.getByRole('log');
  expect(await (await fetch(address)).text()).toContain('Host name');
  await expect(log).toContainText('GET');

  await test.step('SIGKILL of the engine', async () => {
    const engines = davit.engines();
    expect(engines.length).toBeGreaterThan(0);
    engines.forEach((pid) => process.kill(pid, 'SIGKILL'));
    expect((await fetch(`${address}/after-the-kill`)).ok).toBe(true);
    // The page finds its way back by itself, and the log has what happened meanwhile.
    await expect(app.getByText('The engine is restarting…')).toHaveCount(0, { timeout: 20_000 });
    await expect(app.getByRole('row', { name: /Running/ })).toBeVisible();
    await app.reload();
    await expect(log).toContainText('after-the-kill');
  });

  await test.step('the page closes, the container goes on', async () => {
    await davit.stopServing();
    await expect(app.getByText('Davit does not answer.', { exact: false })).toBeVisible();
    await expectAccessible(app, 'nobody answers');
    expect((await fetch(address)).ok).toBe(true);
    await app.goto(await davit.serve());
    await expect(app.getByRole('row', { name: /Running/ })).toBeVisible();
  });
});

test('an address works once', async ({ browser, davit }) => {
  const url = await davit.serve();
  const one = await browser.newPage();
  await one.goto(url);
  await expect(one.getByRole('heading', { name: 'Run Your First Container' })).toBeVisible();
  expect(one.url()).not.toContain('token');
  await one.reload();
  await expect(one.getByRole('heading', { name: 'Run Your First Container' })).toBeVisible();
  const other = await (await browser.newContext()).newPage();
  await other.goto(url);
  await expect(other.getByRole('heading', { name: 'This Page Is Not Signed In' })).toBeVisible();
  await expectAccessible(other, 'not signed in');
  await other.context().close();
  await one.close();
});
