import { writeFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { answer, expect, expectAccessible, go, test } from './fixtures.ts';

const broken = JSON.stringify({ error: { kind: 'unavailable', msg: 'the disk does not answer', hint: 'Look at its cable.' } });

/** A view, the method that fills it, and what it says: when that fails, and when there is nothing. */
interface View {
  at: string;
  method: string;
  failed: string;
  empty: string;
}
const views: View[] = [
  { at: 'containers', method: 'Containers', failed: 'The containers could not be listed', empty: 'Run Your First Container' },
  { at: 'images', method: 'Images', failed: 'The images could not be listed', empty: 'No Images Yet' },
  { at: 'volumes', method: 'Volumes', failed: 'The volumes could not be listed', empty: 'No Volumes Yet' },
  { at: 'networks', method: 'Networks', failed: 'The networks could not be listed', empty: 'No Networks Yet' },
  { at: 'secrets', method: 'Secrets', failed: 'The secrets could not be listed', empty: 'No Secrets Yet' },
  { at: 'activity', method: 'Operations', failed: 'The activity could not be listed', empty: 'Nothing Is Going On' },
  { at: 'registries', method: 'Registries', failed: 'The registries could not be listed', empty: 'No Registries' },
  { at: 'setup', method: 'Doctor', failed: 'The checks could not be run', empty: 'No Checks' },
];

/** Answers a method by hand: nothing until it is told what. */
async function held(page: Page, method: string): Promise<(status: number, body: string) => void> {
  let tell: (is: { status: number; body: string }) => void = () => {};
  const told = new Promise<{ status: number; body: string }>((resolve) => (tell = resolve));
  await page.route(`**/v1/${method}`, async (route) => route.fulfill({ ...(await told), contentType: 'application/json' }).catch(() => {}));
  return (status, body) => tell({ status, body });
}

test('every view loads, fails with a way on, and is empty with a next step', async ({ app }) => {
  test.setTimeout(120_000);
  for (const { at, method, failed, empty } of views) {
    await test.step(at, async () => {
      const tell = await held(app, method);
      await go(app, `#/${at}`);
      await app.reload();
      await expect(app.getByRole('main').getByRole('status', { name: /^(Loading|Checking)…$/ })).toBeVisible();
      tell(503, broken);
      const alert = app.getByRole('main').getByRole('alert');
      await expect(alert.getByRole('heading', { name: failed })).toBeVisible();
      await expect(alert).toContainText('the disk does not answer');
      await expect(alert).toContainText('Look at its cable.');
      await expect(alert.getByRole('button', { name: 'Copy Details' })).toBeVisible();
      await app.unroute(`**/v1/${method}`);
      await answer(app, method, 200, '[]');
      await alert.getByRole('button', { name: 'Retry' }).click();
      await expect(app.getByRole('heading', { name: empty })).toBeVisible();
      await expect(alert).toHaveCount(0);
      await app.unroute(`**/v1/${method}`);
    });
  }
});

test('what was read stays, with a banner, while it cannot be read again', async ({ app, davit }, info) => {
  test.setTimeout(120_000);
  await davit.cli('load', '--sample');
  writeFileSync(info.outputPath('token'), 'hunter2');
  await davit.cli('secret', 'create', 'token', info.outputPath('token'));
  await davit.cli('create', '--name', 'keeper', '-v', 'data:/srv', 'davit.local/sample');
  const lists = views.filter((v) => ['containers', 'images', 'volumes', 'networks', 'secrets'].includes(v.at));
  for (const { at } of lists) {
    await go(app, `#/${at}`);
    await expect(app.getByRole('grid').getByRole('row').first()).toBeVisible();
  }
  for (const { method } of lists) await answer(app, method, 503, broken);
  await davit.cli('create', '--name', 'another', 'davit.local/sample');
  for (const { at, failed } of lists) {
    await go(app, `#/${at}`);
    await expect(app.getByText(`${failed}: the disk does not answer`)).toBeVisible();
    await expect(app.getByRole('grid').getByRole('row').first()).toBeVisible();
  }
  await expectAccessible(app, 'a list that is old');
  for (const { method } of lists) await app.unroute(`**/v1/${method}`);
  for (const { at, failed } of lists) {
    await go(app, `#/${at}`);
    const retry = app.getByRole('button', { name: 'Retry' }).first();
    await expect(async () => {
      // It may be read again without being asked to: something happened, or time went by.
      if (await retry.isVisible()) await retry.click({ timeout: 1000 });
      await expect(app.getByText(failed)).toHaveCount(0, { timeout: 1000 });
    }).toPass();
  }
});

test('so do registries, checks and what is going on', async ({ app }) => {
  test.setTimeout(120_000);
  const main = app.getByRole('main');
  const pages = [
    { at: 'registries', method: 'Registries', content: main.getByRole('list', { name: 'Registries' }) },
    { at: 'setup', method: 'Doctor', content: main.getByRole('heading', { name: 'Control groups' }) },
  ];
  for (const { at, method, content } of pages) {
    const { failed } = views.find((v) => v.at === at)!;
    await go(app, `#/${at}`);
    await expect(content).toBeVisible();
    await go(app, '#/containers');
    await answer(app, method, 503, broken);
    await go(app, `#/${at}`);
    await expect(app.getByText(`${failed}: the disk does not answer`)).toBeVisible();
    await expect(content).toBeVisible();
    await expectAccessible(app, `${at}, old`, ['dark']);
    await app.unroute(`**/v1/${method}`);
    await app.getByRole('button', { name: 'Retry' }).click();
    await expect(app.getByText(failed)).toHaveCount(0);
    await expect(content).toBeVisible();
  }

  // What runs is asked about again and again.
  const operation = { id: 'one', kind: 'pull', title: 'Pull example', subject: 'example', state: 'running', steps: [], done: 1, total: 2, unit: 'bytes', started: '2026-01-02T03:04:05Z' };
  await answer(app, 'Operations', 200, JSON.stringify([operation]));
  await go(app, '#/activity');
  await app.reload();
  const card = app.getByRole('article', { name: 'Pull example' });
  await expect(card).toBeVisible();
  await answer(app, 'Operations', 503, broken); // instead, with no moment in which the engine itself would answer
  await expect(app.getByText('The activity could not be listed: the disk does not answer')).toBeVisible();
  await expect(card).toBeVisible();
  await expectAccessible(app, 'activity, old');
  await app.unroute('**/v1/Operations');
  await expect(app.getByRole('heading', { name: 'Nothing Is Going On' })).toBeVisible();
  await expect(app.getByText('The activity could not be listed')).toHaveCount(0);
});

test('a filter that nothing passes is said so in every list', async ({ app, davit }, info) => {
  await davit.cli('load', '--sample');
  writeFileSync(info.outputPath('token'), 'hunter2');
  await davit.cli('secret', 'create', 'token', info.outputPath('token'));
  await davit.cli('create', '--name', 'keeper', '-v', 'data:/srv', 'davit.local/sample');
  for (const at of ['containers', 'images', 'volumes', 'networks', 'secrets']) {
    await go(app, `#/${at}`);
    await expect(app.getByRole('grid').getByRole('row').first()).toBeVisible();
    await app.keyboard.press('Control+f');
    await expect(app.getByRole('searchbox')).toBeFocused();
    await app.keyboard.type('zzz');
    await expect(app.getByRole('heading', { name: `No ${at} match “zzz”` })).toBeVisible();
    await app.getByRole('button', { name: 'Clear Filter' }).last().click();
    await expect(app.getByRole('grid').getByRole('row').first()).toBeVisible();
  }
});

test('what is open says that it is gone, that it failed, or that it is old', async ({ app, davit }) => {
  await davit.cli('load', '--sample');
  const id = await davit.cli('run', '-d', '--name', 'keeper', '-v', 'data:/srv', 'davit.local/sample');
  for (const [at, text] of [
    ['containers/none', 'This container does not exist any more'],
    ['volumes/none', 'This volume does not exist any more'],
    ['networks/none', 'This network does not exist any more'],
    ['secrets/none', 'This secret does not exist any more'],
    [`images/sha256:${'0'.repeat(64)}`, 'This image is not here any more'],
  ] as const) {
    await go(app, `#/${at}`);
    await expect(app.getByRole('heading', { name: text })).toBeVisible();
  }
  for (const [at, method, text] of [
    [`containers/${id}`, 'Container', 'This container could not be read'],
    [`containers/${id}/logs`, 'Logs', 'The log could not be read'],
    [`containers/${id}/files`, 'Files', 'This directory could not be listed'],
    ['images/davit.local%2Fsample', 'Image', 'This image could not be read'],
    ['networks/default', 'Network', 'This network could not be read'],
    ['search/quay.io%2Fnone%2Fnone', 'Repository', 'This repository could not be read'],
    ['about', 'Info', 'The engine told nothing about itself'],
  ] as const) {
    await answer(app, method, 503, broken);
    await go(app, `#/${at}`);
    await expect(app.getByRole('heading', { name: text })).toBeVisible();
    await app.unroute(`**/v1/${method}`);
    if (method === 'Repository') continue; // it would be asked of the internet
    await app.getByRole('button', { name: 'Retry' }).click();
    await expect(app.getByRole('heading', { name: text })).toHaveCount(0);
  }
  await answer(app, 'Volume', 503, broken);
  await go(app, '#/volumes/data');
  await expect(app.getByText('This volume could not be read: the disk does not answer')).toBeVisible();
  await expect(app.getByText('/srv', { exact: true })).toBeVisible();
});

test('a part whose script does not come says so', async ({ app }) => {
  await app.route('**/assets/Preferences-*.js', (route) => route.abort());
  await go(app, '#/preferences');
  await expect(app.getByRole('heading', { name: 'This part of Davit could not be loaded' })).toBeVisible();
  await app.unroute('**/assets/Preferences-*.js');
  await app.getByRole('button', { name: 'Retry' }).click();
  await expect(app.getByRole('heading', { name: 'Appearance' })).toBeVisible();
});

test('the licences of what Davit is made with are there to read', async ({ app }) => {
  await go(app, '#/about');
  const find = app.getByRole('searchbox', { name: 'Filter by name or words' });
  await find.fill('runtime-spec');
  const part = app.getByRole('button', { name: /^github.com\/opencontainers\/runtime-spec/ });
  await expect(part).toContainText('Apache-2.0');
  await part.click();
  await expect(app.getByText('TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION')).toBeVisible();
  await expectAccessible(app, 'licences');
  await find.fill('svelte');
  await expect(app.getByRole('button', { name: /^svelte/ })).toContainText('MIT');
  await find.fill('nobody has this');
  await expect(app.getByRole('heading', { name: 'No licences match “nobody has this”' })).toBeVisible();
});
