import { expect, expectAccessible, go, pictures, test } from './fixtures.ts';
import { ContainersPage } from './pages/containers.ts';

const project = (name: string) => ['--label', `com.docker.compose.project=${name}`];

test('groups, filters, several at once, and what the right button offers', async ({ app, davit }) => {
  test.setTimeout(120_000);
  const list = new ContainersPage(app);
  await davit.cli('load', '--sample');
  await davit.cli('run', '-d', '-P', '--name', 'shop-web', ...project('shop'), 'davit.local/sample');
  await davit.cli('run', '-d', '-P', '--name', 'shop-api', ...project('shop'), 'davit.local/sample');
  await davit.cli('create', '--name', 'alone', 'davit.local/sample');
  await davit.cli('run', '-d', '--name', 'failed', 'davit.local/sample');
  await davit.cli('kill', 'failed');

  await test.step('groups and why one ended', async () => {
    await expect(list.row('shop')).toContainText('2 of 2 running');
    await expect(list.row('failed')).toContainText('Exited (137)');
    await expect(list.row('shop-web')).toContainText('%');
    await expectAccessible(app, 'groups');
    await pictures(app, 'containers-groups');
    await list.row('shop').focus();
    await app.keyboard.press('ArrowLeft');
    await expect(list.row('shop-web')).toHaveCount(0);
    await app.keyboard.press('ArrowRight');
    await expect(list.row('shop-web')).toBeVisible();
    await app.getByRole('navigation').getByRole('link', { name: /shop/ }).click();
    await expect(list.row('alone')).toHaveCount(0);
    await expect(list.filter).toHaveValue('project:shop');
    await list.filter.fill('');
  });

  await test.step('by its name in an address', async () => {
    await go(app, '#/containers/alone/logs');
    await expect(app.getByRole('tab', { name: 'Logs' })).toHaveAttribute('aria-selected', 'true');
    await expect(list.row('alone')).toHaveAttribute('aria-current', 'true');
    await go(app, '#/containers');
  });

  await test.step('filters', async () => {
    await app.getByRole('button', { name: 'Filter and Arrange' }).click();
    await expectAccessible(app, 'filter menu');
    await app.getByRole('menuitemcheckbox', { name: 'Failed' }).click();
    await expect(list.row('failed')).toBeVisible();
    await expect(list.row('shop-web')).toHaveCount(0);
    await list.filter.fill('image:sample is:running api');
    expect(await list.names()).toEqual(['shop-api']);
    await list.filter.fill('');
  });

  await test.step('several at once, and back', async () => {
    await list.select('shop-web', 'shop-api');
    await expect(app.getByText('2 selected')).toBeVisible();
    await list.toolbar('Pause').click();
    await expect(list.row('shop-web')).toContainText('Paused');
    await expect(list.row('shop-api')).toContainText('Paused');
    await list.undo().click();
    await expect(list.row('shop-web')).toContainText('Running');
    await expectAccessible(app, 'selection');
    await list.toolbar('Stop').click();
    await expect(list.row('shop-api')).toContainText('Exited');
    await list.undo().click();
    await expect(list.row('shop-api')).toContainText('Running');
    await list.toolbar('Remove').click();
    await expect(list.row('shop')).toHaveCount(0);
    await list.undo().click();
    await expect(list.row('shop')).toContainText('2 of 2 running');
  });

  await test.step('menus', async () => {
    await list.menu('alone', 'Rename…');
    const dialog = app.getByRole('dialog');
    await dialog.getByLabel('New name').fill('shop-web');
    await dialog.getByRole('button', { name: 'Rename' }).click();
    await expect(dialog.getByLabel('New name')).toHaveAttribute('aria-invalid', 'true');
    await dialog.getByLabel('New name').fill('renamed');
    await dialog.getByRole('button', { name: 'Rename' }).click();
    await expect(list.row('renamed')).toBeVisible();
    await app.getByRole('button', { name: 'Undo' }).click();
    await expect(list.row('alone')).toBeVisible();
    await list.menu('shop-web', 'Send Signal…');
    await expectAccessible(app, 'signals');
    await dialog.getByRole('radio', { name: /^KILL/ }).check();
    await dialog.getByRole('button', { name: 'Send' }).click();
    await expect(list.row('shop-web')).toContainText('Exited (137)');
    await list.row('shop').focus();
    await app.keyboard.press('Shift+F10');
    await expect(app.getByRole('menuitem').first()).toBeFocused();
    await app.keyboard.press('Escape');
    await expect(list.row('shop')).toBeFocused();
  });
});

interface Row {
  id: string;
  name: string;
  state: string;
  exitCode: number;
}

/** A list as the engine would send it. */
function many(count: number, stopped: Set<number>): Row[] {
  return Array.from({ length: count }, (_, n) => ({
    id: n.toString(16).padStart(64, '0'),
    name: `service-${n}`,
    image: 'docker.io/library/nginx:1.27',
    imageID: `sha256:${'0'.repeat(64)}`,
    command: ['nginx'],
    created: new Date(Date.UTC(2026, 4, 1) - n * 60_000).toISOString(),
    started: new Date(Date.UTC(2026, 4, 1)).toISOString(),
    state: stopped.has(n) ? 'exited' : 'running',
    exitCode: stopped.has(n) ? 137 : 0,
    reason: stopped.has(n) ? 'It was killed.' : undefined,
    ports: [{ hostIP: '127.0.0.1', hostPort: 10_000 + n, containerPort: 80, protocol: 'tcp' }],
    labels: {},
    restarts: 0,
  }));
}

test('500 containers: drawn at once, still under the pointer', async ({ app, davit }) => {
  const list = new ContainersPage(app);
  let rows = many(500, new Set());
  await app.route('**/v1/Containers', (route) => route.fulfill({ contentType: 'application/json', body: JSON.stringify(rows) }));
  await davit.cli('load', '--sample');
  // The engine tells of any change, and the page asks for the list again.
  const refresh = () => davit.cli('create', 'davit.local/sample');
  await app.reload();
  await expect(list.row('service-0')).toBeVisible();
  await expect(app.getByRole('grid')).toHaveAttribute('aria-rowcount', '500');
  expect(await list.rows.count()).toBeLessThan(90);

  // From the answer to the drawn list: what is between is the page's own work.
  const took = await app.evaluate(async () => {
    const filter = document.querySelector<HTMLInputElement>('input[role=searchbox]')!;
    const set = (text: string) => {
      filter.value = text;
      filter.dispatchEvent(new Event('input', { bubbles: true }));
    };
    set('nothing');
    await new Promise(requestAnimationFrame);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const began = performance.now();
    set('');
    await new Promise(requestAnimationFrame);
    const box = document.querySelector('[role=grid]')!.getBoundingClientRect();
    return { ms: performance.now() - began, height: box.height };
  });
  test.info().annotations.push({ type: '500 containers drawn', description: `${took.ms.toFixed(1)} ms` });
  expect(took.height).toBeGreaterThan(500 * 30);

  const under = list.row('service-4');
  await under.hover();
  const before = (await under.boundingBox())!.y;
  rows = [...many(3, new Set()).map((r, n) => ({ ...r, id: `f${n}`.padStart(64, 'f'), name: `new-${n}` })), ...many(500, new Set([4, 5, 6]))];
  await refresh();
  await expect(under).toContainText('Exited (137)');
  expect((await under.boundingBox())!.y).toBe(before);
  await app.mouse.move(2, 300);
  await expect(list.row('new-0')).toBeVisible();

  await list.row('service-1').focus();
  await app.keyboard.press('End');
  await expect(list.row('service-499')).toBeFocused();
  await app.keyboard.press('Home');
  await expect(list.row('new-0')).toBeFocused();
  await app.keyboard.type('service-250');
  await expect(list.row('service-250')).toBeFocused();
  await expect(list.row('service-250')).toBeInViewport();
});
