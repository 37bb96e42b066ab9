import type { Page } from '@playwright/test';
import { answer, expect, expectAccessible, go, shot, test } from './fixtures.ts';
import { out } from './places.ts';

// What people and programs put into names to break what shows them.
const naughty = [
  '<script>window.pwned = 1</script>',
  '"><img src=x onerror="window.pwned=1">',
  "javascript:window.pwned=1//",
  '{{constructor.constructor("window.pwned=1")()}}',
  '${window.pwned=1}',
  '\u202etxt.exe\u202c',
  '\u2066isolated\u2069 \u200b\ufeff',
  'Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮',
  'ﷺ﷽𒐫𒈙',
  '👩‍👩‍👧‍👦🏳️‍🌈',
  "' OR 1=1 --",
  '../../etc/passwd',
  '\u0000\u0007\u001b[31mred',
  'null',
  '__proto__',
  'constructor',
  ' ',
  'x'.repeat(255),
  'العربية والعبرية עברית',
  '%00%n%s%x',
];

function containers() {
  return naughty.map((text, n) => ({
    id: n.toString(16).padStart(64, '0'),
    name: text,
    image: text,
    imageID: text,
    command: [text],
    created: '2026-05-01T00:00:00Z',
    finished: '2026-05-01T00:00:00Z',
    state: n % 3 === 0 ? 'running' : 'exited',
    exitCode: n % 3,
    reason: text,
    ports: [{ hostIP: n % 2 ? '' : text, hostPort: 8000 + n, containerPort: 80, protocol: 'tcp' }],
    labels: { 'com.docker.compose.project': n % 2 ? text : '', [text]: text },
    networks: [text],
    restarts: 0,
  }));
}

function detail(n: number) {
  const c = containers()[n]!;
  const text = c.name;
  return {
    ...c,
    spec: { image: text },
    version: '1',
    args: naughty,
    env: naughty.map((value, at) => `N${at}=${value}`),
    mounts: [{ type: 'bind', source: text, target: text }, { type: 'volume', source: text, target: `/${text}` }],
    workingDir: text,
    user: text,
    network: text,
    attachments: [{ network: text, aliases: [text], ip: text }],
    logPath: text,
    logSize: 1,
    rootfs: text,
    oomKilled: false,
    restart: text,
    healthCheck: { test: ['CMD-SHELL', text] },
    healthLog: { status: text, failing: 1, log: [{ start: c.created, end: c.created, code: 1, output: text, status: text }] },
    confinement: [text],
    limited: text,
  };
}

/** Everything that belongs to the page's global object now. */
function globals(page: Page): Promise<string[]> {
  const own = ['axe', '__core-js_shared__']; // the accessibility checker's
  return page.evaluate((skip) => Object.getOwnPropertyNames(window).filter((name) => !skip.includes(name)).sort(), own);
}

test('names of strangers are text, everywhere', async ({ app }) => {
  const ok = (item: unknown) => JSON.stringify(item);
  await answer(app, 'Containers', 200, ok(containers()));
  await answer(app, 'Container', 200, ok(detail(0)));
  await answer(app, 'Volumes', 200, ok(naughty.map((name) => ({ name, driver: name, created: '', labels: { [name]: name }, mountpoint: name, usedBy: [{ id: name, name, running: true, target: name }], size: 1 }))));
  await answer(app, 'Networks', 200, ok(naughty.map((name, n) => ({ id: `${n}`, name, subnet: name, gateway: name, mtu: 1500, labels: { [name]: name }, members: 1, running: true, problem: n ? '' : name }))));
  await answer(app, 'Network', 200, ok({ id: '0', name: naughty[0], subnet: naughty[1], gateway: '', mtu: 1500, labels: {}, members: 1, running: true, containers: naughty.map((name, n) => ({ id: `${n}`, name, running: false, network: name, aliases: [name], ip: name })), guards: naughty[1] }));
  await app.reload();
  await expect(app.getByRole('row').first()).toBeVisible();
  const before = await globals(app);

  const places = ['containers', `containers/${'0'.repeat(64)}`, `containers/${'0'.repeat(64)}/inspect`, 'volumes', `volumes/${encodeURIComponent(naughty[0]!)}`, 'networks', 'networks/0'];
  for (const place of places) {
    await go(app, `#/${place}`);
    await expect(app.getByText(naughty[0]!, { exact: false }).first()).toBeVisible();
    expect(await app.locator('main img, main script, main iframe, main [onerror]').count(), place).toBe(0);
  }
  await go(app, '#/containers');
  await expectAccessible(app, 'hostile names');
  await shot(app, `${out}/hostile.png`);
  for (const link of await app.locator('a[href]').evaluateAll((links) => links.map((a) => (a as HTMLAnchorElement).href))) {
    expect(link).toMatch(/^https?:/);
  }

  await test.step('palette, menus, dialogs, title', async () => {
    await app.keyboard.press('Control+k');
    await app.keyboard.type('<script>');
    await expect(app.getByRole('option').first()).toContainText(naughty[0]!);
    await app.keyboard.press('Escape');
    const row = app.getByRole('row').nth(3);
    await row.click({ button: 'right' });
    await app.getByRole('menuitem', { name: 'Rename…' }).click();
    await expect(app.getByRole('dialog')).toBeVisible();
    await app.keyboard.press('Escape');
    expect(await app.title()).toBe('Containers · Davit');
  });

  expect(await app.evaluate(() => 'pwned' in window)).toBe(false);
  expect(await globals(app)).toEqual(before);
});

test('a name from a stranger goes to the engine as it was typed', async ({ app, davit }) => {
  await davit.cli('load', '--sample');
  const sent: string[] = [];
  app.on('request', (r) => r.url().endsWith('/v1/RenderSpec') && sent.push(r.postData() ?? ''));
  await app.getByRole('button', { name: 'Run…' }).click();
  const sheet = app.getByRole('dialog');
  await sheet.getByLabel('Image', { exact: true }).fill('davit.local/sample');
  for (const [n, text] of naughty.filter((t) => !t.includes('\u0000') && t.trim()).entries()) {
    await sheet.getByRole('button', { name: 'Add Variable' }).click();
    await sheet.getByLabel('Variable', { exact: true }).nth(n).fill(`N${n}`);
    await sheet.getByLabel('Value', { exact: true }).nth(n).fill(text);
  }
  await expect(sheet.getByRole('group', { name: 'The same on the command line' })).toContainText('N17=');
  const spec = (JSON.parse(sent.at(-1)!) as [{ env: string[] }])[0];
  expect(spec.env).toEqual(naughty.filter((t) => !t.includes('\u0000') && t.trim()).map((text, n) => `N${n}=${text}`));
  const name = sheet.getByLabel('Name', { exact: true });
  await name.fill('strange');
  await sheet.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(app.getByRole('heading', { name: 'strange' })).toBeVisible({ timeout: 20_000 });
  const env = JSON.parse(await davit.cli('inspect', '--format', '{{json .Config.Env}}', 'strange')) as string[];
  for (const [n, text] of naughty.filter((t) => !t.includes('\u0000') && t.trim()).entries()) expect(env).toContain(`N${n}=${text}`);
});
