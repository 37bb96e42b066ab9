import type { Page } from '@playwright/test';
import { box, importBox } from './box.ts';
import type { Davit } from './davit.ts';
import { answer, expect, expectAccessible, go, pictures, test } from './fixtures.ts';

async function openStats(app: Page, davit: Davit, name: string, ...args: string[]): Promise<string> {
  await importBox(davit);
  const id = await davit.cli('run', '-d', '--name', name, '--stop-timeout', '0', ...args);
  await go(app, `#/containers/${id}/stats`);
  return id;
}

/** A day of samples with one spike, ten minutes ago. */
function day(now: number): { body: string; spike: number } {
  const spike = now - 600_000;
  const samples = Array.from({ length: 8640 }, (_, n) => {
    const at = now - (8640 - n) * 10_000;
    const near = Math.abs(at - spike) < 6000;
    const waits = { cpu: near ? 60 : 2, memory: 0, io: 1 };
    const used = { cpu: near ? 190 : 5 + 3 * Math.sin(n / 40), memory: (64 + 20 * Math.sin(n / 300)) * 1e6, memoryLimit: 512e6, pids: 4 };
    const moved = { netIn: n * 20_000, netOut: n * 5_000, diskRead: n * 100, diskWritten: n * 9_000 };
    return { id: 'x', name: 'x', time: new Date(at).toISOString(), running: true, cpuTime: 0, source: 'cgroup', pressure: waits, ...used, ...moved };
  });
  return { body: JSON.stringify(samples), spike };
}

test('a spike leads to the log of its moment', async ({ app, davit }) => {
  const { body, spike } = day(Date.now());
  await answer(app, 'StatsHistory', 200, body);
  await openStats(app, davit, 'busy', box, 'sh', '-c', 'while true; do date; sleep 1; done');
  const cpu = app.getByRole('slider', { name: /^CPU/ });
  await expect(cpu).toBeVisible();
  await expectAccessible(app, 'stats');
  await pictures(app, 'stats');
  await cpu.focus();
  await app.keyboard.press('Home');
  for (let n = 0; n < 240 && !/190/.test((await cpu.getAttribute('aria-valuetext')) ?? ''); n++) await app.keyboard.press('ArrowRight');
  await expect(cpu).toHaveAttribute('aria-valuetext', /190 %/);
  await app.keyboard.press('Enter');
  await expect(app.getByRole('tab', { name: 'Logs' })).toHaveAttribute('aria-selected', 'true');
  const at = new URL(app.url().replace('#/', '')).searchParams.get('at');
  expect(Math.abs(Date.parse(at!) - spike)).toBeLessThan(10_000);
  await expect(app.getByRole('log')).toContainText('UTC');
});

test('processes are listed and ended; events and health are told', async ({ app, davit }) => {
  const health = ['--health-cmd', 'test -e /well || { echo missing; exit 3; }', '--health-interval', '1h'];
  await openStats(app, davit, 'family', ...health, box, 'sh', '-c', 'sleep 4242 & sleep 5000');
  const table = app.getByRole('region', { name: 'Processes' }).getByRole('table');
  const child = table.getByRole('row', { name: /sleep 4242/ });
  await expect(child).toBeVisible();
  await expect(table.getByRole('row')).toHaveCount(3);
  await child.getByRole('button').click();
  await app.getByRole('menuitem', { name: 'Kill' }).click();
  await app.getByRole('button', { name: 'Kill', exact: true }).last().click();
  await expect(child).toHaveCount(0);
  await expect(table.getByRole('row', { name: /sleep 5000/ })).toBeVisible();

  await app.getByRole('button', { name: 'Check Now' }).click();
  await expect(app.getByText('Failed with code 3').first()).toBeVisible();
  await expect(app.getByText('missing').first()).toBeVisible();
  await davit.cli('exec', 'family', 'touch', '/well');
  await app.getByRole('button', { name: 'Check Now' }).click();
  await expect(app.locator('.what').filter({ hasText: 'Healthy' }).first()).toBeVisible();
  await expect(app.getByText('Created', { exact: true })).toBeVisible();
  await expect(app.getByText('Started', { exact: true })).toBeVisible();
  await expectAccessible(app, 'processes');
});

test('what inspect tells can be searched', async ({ app, davit }) => {
  await importBox(davit);
  const id = await davit.cli('create', '--name', 'told', '-e', 'GREETING=<b>hello</b>', box, 'true');
  await go(app, `#/containers/${id}/inspect`);
  await app.getByPlaceholder('Search names and values').fill('greeting');
  const tree = app.getByRole('region', { name: 'container' });
  await expect(tree).toContainText('GREETING=<b>hello</b>');
  await expect(tree).not.toContainText('logPath');
  await app.getByText('JSON', { exact: true }).click();
  await expect(tree.locator('mark').first()).toHaveText('GREETING');
  await expect(app.getByText(/^\d+ match(es)?$/)).toBeVisible();
  await expectAccessible(app, 'inspect');
  await app.getByPlaceholder('Search names and values').fill('no such thing');
  await app.getByText('Tree', { exact: true }).click();
  await expect(app.getByText('Nothing here matches “no such thing”')).toBeVisible();
});
