import { answer, expect, expectAccessible, pictures, test } from './fixtures.ts';

test('set-up tells what was tried on this computer', async ({ app, davit }) => {
  await app.getByRole('link', { name: 'Set-up' }).click();
  await expect(app.getByRole('heading', { name: 'User namespaces' })).toBeVisible({ timeout: 30_000 });
  await app.getByRole('button', { name: 'Check Again' }).click();
  await expect(app.getByRole('button', { name: 'Check Again' })).toBeEnabled({ timeout: 30_000 });
  const said = await davit.cli('doctor').catch((e: { stdout: string }) => e.stdout);
  for (const title of await app.getByRole('main').getByRole('heading', { level: 3 }).allTextContents()) expect(said).toContain(title);
  await expectAccessible(app, 'set-up');
  await pictures(app, 'setup');
});

test('what is wrong comes first, with commands to copy', async ({ app }) => {
  const fix = 'sudo usermod --add-subuids 100000-165535 ada\nsudo usermod --add-subgids 100000-165535 ada';
  await answer(
    app,
    'Doctor',
    200,
    JSON.stringify([
      { id: 'a', title: 'User namespaces', state: 'ok', found: 'One was made.', means: 'Containers run.' },
      { id: 'b', title: 'Ranges of ids', state: 'failed', found: 'There are none.', means: 'Few images work.', fix, fixWhy: 'Gives you ids.' },
    ]),
  );
  await app.getByRole('link', { name: 'Set-up' }).click();
  await expect(app.getByRole('heading', { level: 3 }).first()).toHaveText('Ranges of ids');
  await expect(app.getByText('Containers cannot run yet.', { exact: false })).toBeVisible();
  await app.getByRole('button', { name: 'Copy Commands' }).click();
  expect(await app.evaluate(() => navigator.clipboard.readText())).toBe(fix);
  await expectAccessible(app, 'set-up with a failure');
});

test('settings are mended by one click, as they were shown, and taken back', async ({ app }) => {
  const steps = [{ action: 'subids', digest: 'd1' }, { action: 'ping', digest: 'd2' }];
  const [subids, ping] = steps.map((step) => ({
    id: step.action, title: `About ${step.action}`, state: 'warning', found: 'It is in the way.', means: 'Something does not work.',
    fix: `sudo mend ${step.action}`, fixWhy: 'Puts it right.', mend: { ...step, text: `# /etc/${step.action}\n<b>one</b> line\n` },
  }));
  const done = { ...ping, state: 'ok', fix: undefined, fixWhy: undefined, mend: { action: 'ping', done: true } };
  const asked: unknown[] = [];
  let refuses = true;
  await answer(app, 'Doctor', 200, JSON.stringify([subids, ping]));
  await app.route('**/v1/Mend', async (route) => {
    asked.push(...(route.request().postDataJSON() as unknown[]));
    const refusal = { error: { kind: 'cancelled', msg: 'nothing was changed: no password was given', hint: 'In a terminal it is: sudo …' } };
    await route.fulfill({ status: refuses ? 409 : 200, contentType: 'application/json', body: JSON.stringify(refuses ? refusal : null) });
  });
  await app.getByRole('link', { name: 'Set-up' }).click();
  const row = app.getByRole('listitem', { name: 'About ping' });
  await expect(row.getByText('<b>one</b> line')).toBeVisible();
  await expectAccessible(app, 'set-up with mends');
  await pictures(app, 'setup-mends');

  await row.getByRole('button', { name: 'Mend It…' }).click();
  await expect(row.getByRole('alert')).toContainText('no password was given');
  refuses = false;
  await app.getByRole('button', { name: 'Mend 2 Settings…' }).click();
  await expect(row.getByRole('alert')).toHaveCount(0);
  await expect.poll(() => asked).toEqual([{ apply: [steps[1]] }, { apply: steps }]);

  await app.unroute('**/v1/Doctor');
  await answer(app, 'Doctor', 200, JSON.stringify([subids, done]));
  await app.getByRole('button', { name: 'Check Again' }).click();
  await row.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => asked.at(-1)).toEqual({ undo: ['ping'] });
});
