import { readFileSync, writeFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { box, importBox } from './box.ts';
import type { Davit } from './davit.ts';
import { expect, expectAccessible, go, shot, test } from './fixtures.ts';
import { ContainersPage } from './pages/containers.ts';
import { LogPage } from './pages/logs.ts';
import { out } from './places.ts';

/** Opens the log of a container that wrote this, and has ended. */
async function openLog(app: Page, davit: Davit, text: string): Promise<LogPage> {
  const file = davit.path('lines');
  writeFileSync(file, text);
  await importBox(davit);
  return openRun(app, davit, 'writer', '-v', `${file}:/lines:ro`, box, 'cat', '/lines');
}

async function openRun(app: Page, davit: Davit, name: string, ...rest: string[]): Promise<LogPage> {
  const id = await davit.cli('run', '-d', '--name', name, ...rest);
  await davit.cli('wait', name);
  await go(app, `#/containers/${id}/logs`);
  return new LogPage(app);
}

test('hostile lines are text', async ({ app, davit }) => {
  const hostile = [
    '<script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">',
    '\u001b]0;title\u0007\u001b[2J\u001b[31;1mred\u001b[0m \u001b]8;;javascript:alert(1)\u001b\\link\u001b]8;;\u001b\\',
    'turned \u202egnp.exe',
    'progress 10%\rprogress 99%',
    'null \u0000 bell \u0007 delete \u007f',
    `long ${'x'.repeat(100_000)}`,
    '{"level":"error","msg":"<b>bold</b>\\u001b[31m","x":"\\u202egnp"}',
    '日本語 العربية 👩‍🚀 ﷽',
  ];
  const page = await openLog(app, davit, hostile.join('\n'));
  const { log } = page;
  await expect(log).toContainText('<script>window.pwned = 1</script>');
  await expect(log).toContainText('red link');
  await expect(log).toContainText('turned gnp.exe');
  await expect(log.getByText('progress 99%', { exact: true })).toBeVisible();
  expect(await app.evaluate(() => 'pwned' in window)).toBe(false);
  expect(await app.title()).toBe('Containers · Davit');
  expect(await log.locator('a, img, script').count()).toBe(0);
  await page.search.fill('red link');
  await expect(app.getByText('1 match', { exact: true })).toBeVisible();
  await page.menu('How Lines Are Shown', 'JSON as Fields');
  await expect(log).toContainText('<b>bold</b> [31m x=" gnp"');
  await page.menu('How Lines Are Shown', 'Byte by Byte');
  await expect(log).toContainText('progress 10%␍progress 99%');
  await page.menu('How Lines Are Shown', 'Wrap Long Lines');
  await expectAccessible(app, 'hostile log');
  await shot(app, `${out}/log-hostile.png`);
});

test('levels, streams, search, times, copy and save', async ({ app, davit }) => {
  await importBox(davit);
  const script = `n=0; while [ $n -lt 400 ]; do
    if [ $((n % 10)) = 0 ]; then echo "line $n" >&2; else echo "INFO line $n"; fi; n=$((n+1)); done
    echo 'ERROR it broke'; echo '  at main.c:1'; echo '{"level":"warn","msg":"slow","ms":812}'; echo 'level=debug bye'`;
  const page = await openRun(app, davit, 'writer', box, 'sh', '-c', script);
  await page.expectEnd('level=debug bye');
  await page.choose('Level', 'Warnings and errors');
  await expect(page.log).not.toContainText('INFO line');
  expect(await page.copied()).toEqual(['ERROR it broke', '  at main.c:1', '{"level":"warn","msg":"slow","ms":812}']);
  await page.menu('How Lines Are Shown', 'JSON as Fields');
  await expect(page.log).toContainText('slow ms=812');
  await page.menu('Times', 'Date and Time (UTC)');
  await expect(page.log.locator('time').first()).toHaveText(/^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z$/);
  await page.menu('Times', 'How Long Ago');
  await expect(page.log.locator('time').first()).toHaveText(/ ago$/);
  await expectAccessible(app, 'levels');
  await page.choose('Level', 'Any level');
  await page.choose('Stream', 'Errors');
  await expect(page.log).toContainText('line 390');
  await expect(page.log).not.toContainText('INFO line');
  expect(await page.copied()).toHaveLength(40);
  await page.choose('Stream', 'Output'); // two streams are two pipes: which line came first between them is nobody's promise

  await page.search.fill('LINE 1');
  await expect(app.getByText('100 matches')).toBeVisible();
  await app.keyboard.press('Enter');
  await expect(app.getByText('1 of 100')).toBeVisible();
  await expect(page.looked).toContainText('INFO line 1');
  await expect(page.looked).toBeInViewport();
  await app.keyboard.press('Shift+Enter');
  await expect(app.getByText('100 of 100')).toBeVisible();
  // Which of two streams' lines comes last is for the pipes to say.
  await expect(page.looked).toContainText(/line 19\d/);
  await app.getByRole('button', { name: 'Only Matching Lines' }).click();
  await expect(page.log).not.toContainText('line 2');
  const saved = app.waitForEvent('download');
  await app.getByRole('button', { name: 'Save As File' }).click();
  const file = await saved;
  expect(file.suggestedFilename()).toBe('writer.log');
  expect(readFileSync(await file.path(), 'utf8').trimEnd().split('\n')).toHaveLength(100);
});

test('a million lines are read, searched and gone through without a hitch', async ({ app, davit }) => {
  const count = 1_000_000;
  const page = await openLog(app, davit, Array.from({ length: count }, (_, n) => `\u001b[32mINFO\u001b[0m request ${n} ${'payload '.repeat(n % 4)}`).join('\n'));
  await page.expectEnd(`request ${count - 1} `);
  expect(await page.log.locator('[data-row]').count()).toBeLessThan(120);

  await page.log.evaluate((log) => (log.scrollTop = 0));
  await expect(page.log).toContainText(/request 998\d\d\d /);
  const slowest = await page.slowestFrame();
  test.info().annotations.push({ type: 'slowest frame', description: `${slowest.toFixed(1)} ms` });

  await page.search.fill('request 777 ');
  await expect(app.getByText('1 match', { exact: true })).toBeVisible();
  await app.keyboard.press('Enter');
  await expect(page.looked).toContainText('request 777 ');
  await expect(page.looked).toBeInViewport();
  await expect(page.log).toContainText('request 778 ');
  await page.menu('Times', 'Jump to the Beginning');
  await expect(page.log).toContainText('request 0 ');
  await page.log.focus();
  await app.keyboard.press('End');
  await page.expectEnd(`request ${count - 1} `);
});

test('a moment is jumped to', async ({ app, davit }) => {
  await importBox(davit);
  const page = await openRun(app, davit, 'writer', box, 'sh', '-c', 'seq -w 1 3000; sleep 2; seq -w 3001 6000');
  await page.expectEnd('6000');
  const first = (await davit.cli('logs', '-t', '--tail', '3000', 'writer')).split('\n')[0]!;
  expect(first).toContain('3001');
  const moment = `${first.slice(0, 19)}Z`; // after what came before, not after what came then
  await page.menu('Times', 'Jump to a Time…');
  const dialog = app.getByRole('dialog');
  await expectAccessible(app, 'jump to a time');
  await dialog.getByLabel('Date and time').fill(moment.slice(0, 19));
  await dialog.getByRole('button', { name: 'Jump', exact: true }).click();
  await expect(page.log.getByText('3001', { exact: true })).toBeInViewport();
  await expect(page.log.getByText('3000', { exact: true })).toBeInViewport();
});

test('several containers are read as one', async ({ app, davit }) => {
  await importBox(davit);
  const say = (name: string) => `while [ ! -e /go ]; do sleep 0.05; done; echo "${name} went on"; sleep 1000`;
  for (const name of ['web', 'database']) {
    await davit.cli('run', '-d', '--name', name, '--stop-timeout', '0', box, 'sh', '-c', `echo "${name} is up"; ${say(name)}`);
  }
  await expect(app.getByRole('row', { name: /database/ })).toContainText('Running');
  const list = new ContainersPage(app);
  await list.select('web', 'database');
  await list.toolbar('Show Logs Together').click();
  const page = new LogPage(app);
  await expect(page.log).toContainText('web is up');
  await expect(page.log).toContainText('database is up');
  await davit.cli('exec', 'database', 'touch', '/go');
  await expect(page.log).toContainText('database went on');
  await davit.cli('exec', 'web', 'touch', '/go');
  await expect(page.log).toContainText('web went on');
  expect(await page.copied()).toEqual(['web | web is up', 'database | database is up', 'database | database went on', 'web | web went on']);
  await expectAccessible(app, 'logs together');
  await page.search.fill('is up');
  await expect(app.getByText('2 matches')).toBeVisible();
});
