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
