import { createServer } from 'node:http';
import type { Page } from '@playwright/test';
import { box, importBox } from './box.ts';
import type { Davit } from './davit.ts';
import { expect, expectAccessible, go, pictures, settled, test } from './fixtures.ts';

const screen = (app: Page) => app.locator('[data-terminal=live]');

/** Lets the page tell what the terminal shows, as a screen reader gets it. */
async function readable(app: Page): Promise<void> {
  await app.evaluate(() => {
    const at = 'davit.settings';
    localStorage.setItem(at, JSON.stringify({ ...JSON.parse(localStorage.getItem(at) ?? '{}'), screenReader: true }));
  });
  await app.reload();
}

async function openTerminal(app: Page, davit: Davit, name: string, ...options: string[]): Promise<string> {
  await importBox(davit);
  const id = await davit.cli('run', '-d', '--name', name, '--stop-timeout', '0', ...options, box, 'sleep', '1000');
  await readable(app);
  await go(app, `#/containers/${id}/terminal`);
  await app.getByRole('button', { name: 'Open Terminal' }).click();
  await expect(screen(app)).toContainText('#');
  return id;
}

async function type(app: Page, line: string): Promise<void> {
  await app.keyboard.type(`${line}\n`);
}

test('sessions survive navigation and the page, and end when asked to', async ({ app, davit }) => {
  const id = await openTerminal(app, davit, 'work');
  await type(app, 'mark=kept; echo "one $((40+2))"');
  await expect(screen(app)).toContainText('one 42');
  await go(app, '#/images');
  await expect(app.getByRole('heading', { name: 'Images' })).toBeVisible();
  await go(app, `#/containers/${id}/terminal`);
  await expect(screen(app)).toContainText('one 42');
  await type(app, 'echo "still $mark"');
  await expect(screen(app)).toContainText('still kept');

  await app.reload();
  await expect(screen(app)).toContainText('still kept');
  await app.locator('.xterm-helper-textarea').focus();
  await type(app, 'echo "again $mark"');
  await expect(screen(app)).toContainText('again kept');

  await app.getByRole('button', { name: 'New Session' }).click();
  await app.getByLabel('Shell').selectOption('Another Command…');
  await app.getByLabel('Command').fill("sh -c 'echo \"I am $(id -un)\"; exit 7'");
  await app.getByLabel('User').fill('app');
  await expectAccessible(app, 'new session');
  await app.getByRole('button', { name: 'Open Terminal' }).click();
  await expect(app.getByText('The session has ended with code 7.')).toBeVisible();
  await expect(app.locator('[data-terminal=ended]')).toContainText('I am app');
  await app.getByRole('button', { name: 'Close sh (app)' }).click();

  await expect(screen(app)).toContainText('again kept');
  await type(app, 'echo $$ > /shell.pid');
  await app.getByRole('button', { name: 'Close ash' }).click();
  await expect(app.getByRole('heading', { name: 'Open a Terminal' })).toBeVisible();
  await expect(async () => {
    const gone = await davit.cli('exec', 'work', 'sh', '-c', 'kill -0 $(cat /shell.pid) 2>/dev/null || echo gone');
    expect(gone, 'the shell is hung up').toBe('gone');
  }).toPass();
});

test('a container without a shell has a debug shell', async ({ app, davit }) => {
  const id = await davit.cli('run', '-q', '-d', '--name', 'bare', 'davit.local/sample');
  await readable(app);
  await go(app, `#/containers/${id}/terminal`);
  await expect(app.getByText('Its image has no shell.')).toBeVisible();
  await expect(app.getByLabel('Shell')).toHaveValue(':debug');
  await expectAccessible(app, 'debug shell');
  await pictures(app, 'debug-shell');
  await app.getByRole('button', { name: 'Open Terminal' }).click();
  await expect(screen(app)).toContainText('#');
  await type(app, 'clear; ls /; cat /proc/1/comm; echo "tools $((40+2))"');
  await expect(screen(app)).toContainText('tools 42');
  await expect(screen(app)).toContainText('server');
  await expect(app.getByRole('tab', { name: 'debug' })).toBeVisible();
  await app.getByRole('button', { name: 'New Session' }).click();
  await app.getByLabel('User').fill('65534');
  await app.getByRole('button', { name: 'Open Terminal' }).click();
  await expect(screen(app)).toContainText('$');
  await type(app, 'clear; echo "I am $(id -u)"');
  await expect(screen(app)).toContainText('I am 65534');
  await expect(app.getByRole('tab', { name: 'debug (65534)' })).toBeVisible();
});

test('shells end with davit serve', async ({ app, davit }) => {
  await openTerminal(app, davit, 'left');
  await type(app, 'echo $$ > /shell.pid; echo written');
  await expect(screen(app)).toContainText('written');
  await davit.stopServing();
  await expect(async () => {
    const gone = await davit.cli('exec', 'left', 'sh', '-c', 'kill -0 $(cat /shell.pid) 2>/dev/null || echo gone');
    expect(gone).toBe('gone');
  }).toPass();
});

test('size, keys, copy and floods', async ({ app, davit }) => {
  await openTerminal(app, davit, 'keys');
  await type(app, 'stty size');
  await expect(screen(app)).toContainText(/\d\d \d\d/);
  const wide = await columns(app);
  await app.setViewportSize({ width: 420, height: 600 });
  await expect(async () => {
    await type(app, 'clear; stty size');
    expect(await columns(app)).toBeLessThan(wide);
  }).toPass();
  await app.setViewportSize({ width: 1120, height: 720 });

  await app.keyboard.press('Control+k'); // not the palette's while the terminal has the keys
  await expect(app.getByRole('dialog')).toHaveCount(0);
  await type(app, 'clear; seq 1 200000 | tail -c 2000000; echo "the end"');
  await expect(screen(app)).toContainText('the end', { timeout: 30_000 });
  await type(app, 'clear; echo "sleeping $((1))"; sleep 100');
  await expect(screen(app)).toContainText('sleeping 1');
  await app.keyboard.press('Control+c');
  await type(app, 'echo "ended $?"');
  await expect(screen(app)).toContainText('ended 130');

  await app.getByRole('button', { name: 'Terminal options' }).click();
  await app.getByRole('menuitem', { name: 'Select All' }).click();
  await app.getByRole('button', { name: 'Terminal options' }).click();
  await app.getByRole('menuitem', { name: 'Copy' }).click();
  expect(await app.evaluate(() => navigator.clipboard.readText())).toContain('ended 130');
  await app.evaluate(() => navigator.clipboard.writeText('echo "from the clipboard"\n'));
  await app.getByRole('button', { name: 'Terminal options' }).click();
  await app.getByRole('menuitem', { name: 'Paste' }).click();
  await expect(screen(app)).toContainText('from the clipboard');

  await app.keyboard.press('Control+Shift+Escape');
  await expect(app.getByRole('tab', { name: 'Terminal' })).toBeFocused();
});

async function columns(app: Page): Promise<number> {
  return Number(/(\d+) (\d+)/.exec((await screen(app).innerText()).replaceAll('stty size', ''))![2]);
}

test('links are shown first', async ({ app, davit }) => {
  const server = createServer((_, response) => response.end('served'));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const port = (server.address() as { port: number }).port;
  await openTerminal(app, davit, 'links');
  await type(app, `clear; printf '\\033]8;;javascript:alert(1)\\033\\\\bad\\033]8;;\\033\\\\\\nhttp://127.0.0.1:${port}/page\\n'`);
  await expect(screen(app)).toContainText(`http://127.0.0.1:${port}/page`);
  const canvas = await screen(app).locator('.xterm-screen').boundingBox();
  const row = (n: number) => canvas!.y + (n + 0.5) * (canvas!.height / rowsOf(canvas!.height));
  await app.mouse.move(canvas!.x + 12, row(0));
  await app.mouse.click(canvas!.x + 12, row(0));
  await expect(app.getByRole('dialog')).toHaveCount(0);
  await app.mouse.move(canvas!.x + 40, row(1), { steps: 4 });
  await app.mouse.click(canvas!.x + 40, row(1));
  await expect(app.getByRole('dialog', { name: 'Open This Address?' })).toContainText(`http://127.0.0.1:${port}/page`);
  const [opened] = await Promise.all([
    app.context().waitForEvent('page'),
    app.getByRole('button', { name: 'Open in the Browser' }).click(),
  ]);
  await expect(opened.locator('body')).toHaveText('served');
  server.close();
});

// The emulator's rows are its font's 13 px by 1.2, in whole pixels.
const rowsOf = (height: number) => Math.round(height / (Math.ceil(15) * 1.2));

test('looks well', async ({ app, davit }) => {
  await openTerminal(app, davit, 'looks');
  await type(app, 'clear; for c in 1 2 3 4 5 6 7; do printf "\\033[3${c}mcolour $c \\033[1mbold\\033[0m \\033[4${c}m on \\033[0m\\n"; done; ls --color /');
  await expect(screen(app)).toContainText('colour 7');
  await settled(app);
  await expectAccessible(app, 'terminal');
  await pictures(app, 'terminal');
});
