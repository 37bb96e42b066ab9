import { Davit } from './davit.ts';
import { answer, expect, expectAccessible, pictures, test as base } from './fixtures.ts';
import { RepositoryPage, SearchPage } from './pages/search.ts';
import { PlayedRegistry } from './played.ts';

interface Played {
  quick: PlayedRegistry;
  slow: PlayedRegistry;
}

const test = base.extend<{ played: Played }>({
  played: async ({}, use) => {
    const [quick, slow] = [await new PlayedRegistry().start(), await new PlayedRegistry().start()];
    await use({ quick, slow });
    quick.stop();
    slow.stop();
  },
  davit: async ({ played }, use) => {
    const davit = new Davit([played.quick.host, played.slow.host]);
    await use(davit);
    await davit.remove();
  },
});

const hostile = '<script>window.hacked = 1</script> \u202Egnp.exe \u0007 & "quoted"';

test('each registry answers for itself; what is better stands above until somebody reads', async ({ app, played: { quick, slow } }) => {
  quick.repositories = [
    { name: 'team/nginx-tools', description: hostile, stars: 3 },
    { name: `long/nginx-${'x'.repeat(200)}`, description: 'y'.repeat(2000) },
  ];
  slow.repositories = [{ name: 'library/nginx', description: 'Official build', stars: 21000, official: true }];
  slow.hold();
  const search = await new SearchPage(app).open();
  await expect(app.getByRole('heading', { name: 'Find an Image' })).toBeVisible();
  await search.box.fill('nginx');
  await expect(search.of(quick.host).getByRole('row', { name: /nginx-tools/ })).toBeVisible();
  await expect(search.of(quick.host)).toContainText('<script>window.hacked = 1</script>');
  await expect(search.sources.getByRole('button', { name: slow.host })).toContainText('Searching…');
  await pictures(app, 'search-partial');
  slow.release();
  await expect(search.of(slow.host).getByText('Official', { exact: true })).toBeVisible();
  expect((await search.order()).slice(0, 2)).toEqual([slow.host, quick.host]);
  expect(await app.evaluate(() => 'hacked' in window)).toBe(false);
  await expectAccessible(app, 'search');

  await test.step('one registry alone, and by keys', async () => {
    await search.sources.getByRole('button', { name: quick.host }).click();
    await expect(search.of(slow.host)).toHaveCount(0);
    await search.box.press('ArrowDown');
    await expect(search.of(quick.host).getByRole('row').first()).toBeFocused();
    await app.keyboard.press('Enter');
    await expect(app.getByRole('grid', { name: 'Tags' })).toBeVisible();
  });
});

test('a new keystroke ends the old question; who asks to wait is asked again in time', async ({ app, played: { quick, slow } }) => {
  quick.repositories = [{ name: 'web' }];
  const search = await new SearchPage(app).open();
  await search.box.fill('w'); // they are known from now on, and not tried out any more
  await expect(search.of(quick.host).getByRole('row', { name: 'web' })).toBeVisible();
  await expect(search.of(slow.host)).toContainText('Nothing found here.');
  quick.refusals = [{ status: 429, retryAfter: 3 }];
  slow.hold();
  await search.box.fill('we');
  const strip = search.of(quick.host).getByRole('alert');
  await expect(strip).toContainText(`${quick.host} asks to wait`);
  const retry = strip.getByRole('button', { name: 'Retry' });
  await expect(retry).toBeDisabled();
  await expect(retry).toContainText(/Retry in 0:0[1-3]/);
  await expectAccessible(app, 'asked to wait');
  await expect(retry).toBeEnabled();
  await retry.click();
  await expect(search.of(quick.host).getByRole('row', { name: 'web' })).toBeVisible();
  await search.box.fill('web');
  await expect.poll(() => slow.left).toContain('we');
  slow.release();
  await expect(search.of(slow.host)).toContainText('Nothing found here.');
  expect(slow.asked).toContain('web');
});

test('what is pasted as a name or an address is opened', async ({ app, played: { quick } }) => {
  const search = await new SearchPage(app).open();
  const repository = new RepositoryPage(app);
  await search.paste(`docker pull ${quick.host}/team/app:1.0`);
  await expect(repository.full).toHaveText(`${quick.host}/team/app:1.0`);
  await expect(repository.tag('1.0')).toHaveAttribute('aria-current', 'true');
  await app.keyboard.press('Escape');
  await search.box.fill('');
  await search.paste(`https://${quick.host}/team/other`);
  await expect(repository.full).toHaveText(`${quick.host}/team/other:latest`);
});

test('a short name that more than one registry may have is asked about', async ({ app, played: { quick, slow } }) => {
  await app.getByRole('button', { name: 'Main Menu' }).click();
  await app.getByRole('menuitem', { name: 'Pull an Image' }).click();
  const dialog = app.getByRole('dialog', { name: 'Pull an Image' });
  await dialog.getByLabel('Image', { exact: true }).fill('app');
  await expect(dialog.getByRole('group', { name: 'Which one is meant?' }).getByRole('button')).toHaveCount(2);
  await expectAccessible(app, 'which one');
  await dialog.getByRole('button', { name: `${slow.host}/app:latest` }).click();
  await expect(dialog.getByText(`Pulls ${slow.host}/app:latest`)).toBeVisible();
  await dialog.getByRole('button', { name: 'Platform' }).click();
  await dialog.getByLabel('Platform', { exact: true }).selectOption('linux/arm64');
  const asked = app.waitForRequest('**/v1/Pull');
  await dialog.getByRole('button', { name: 'Pull', exact: true }).click();
  expect((await asked).postDataJSON()).toEqual([{ ref: `${slow.host}/app:latest`, force: true, platform: 'linux/arm64' }]);
  await expect(dialog.getByRole('alert')).toContainText(`${slow.host}/app could not be pulled`);
  expect(quick.asked).toEqual([]);
});

const day = 86_400_000;
const at = (days: number) => new Date(Date.now() - days * day).toISOString();
const digest = (n: number) => `sha256:${String(n).repeat(64).slice(0, 64)}`;

/** A page as Docker Hub's API fills it, with a README that is far too long. */
function hubPage(readme: string): string {
  const tag = (name: string, n: number, size: number, days: number) => ({
    name, size, digest: digest(n), updated: at(days),
    platforms: [{ platform: 'linux/amd64', digest: digest(n + 1), size }, { platform: 'linux/arm64', digest: digest(n + 2), size: size - 1_000_000 }],
  });
  return JSON.stringify({
    name: 'docker.io/library/nginx', description: 'Official build of Nginx.', readme, stars: 21_012, pulls: '12803459081', updated: at(2),
    page: 'https://hub.docker.com/_/nginx', latestIs: ['latest', '1.27.3', 'mainline'], more: true,
    tags: [tag('latest', 1, 72_000_000, 2), tag('1.27.3', 1, 72_000_000, 2), tag('mainline', 1, 72_000_000, 2), tag('1.26.2', 4, 71_000_000, 90), tag('1.27.3-alpine', 7, 21_000_000, 1)],
  });
}

test('a repository: description, tags and what is left of the quota, from no other place', async ({ app }) => {
  const outside: string[] = [];
  app.on('request', (r) => !r.url().startsWith(new URL(app.url()).origin) && outside.push(r.url()));
  const intro = '# nginx\n\n![logo](https://example.org/logo.png)\n\nA **web** server, see [the site](https://nginx.org) or [this](javascript:alert(1)).\n\n<img src="https://example.org/x" onerror="window.hacked=1">\n\n- one\n- two\n\n```sh\n$ docker run nginx\n```\n\n| Variable | Means |\n|---|---|\n| `PORT` | where it listens |\n\n';
  await answer(app, 'Repository', 200, hubPage(intro + 'A paragraph of it. **Bold**, `code` and <b>tags</b>.\n\n'.repeat(20_000)));
  await answer(app, 'PullQuota', 200, JSON.stringify({ limit: 100, remaining: 12, window: 21_600 }));
  const repository = await new RepositoryPage(app).open('docker.io/library/nginx');

  await test.step('tags', async () => {
    await expect(repository.tag('1.27.3')).toContainText('latest');
    await expect(repository.tag('1.27.3')).toContainText('72 MB');
    await expect(app.getByText('latest is 1.27.3 and mainline')).toBeVisible();
    await expect(app.getByText('12 of 100 pulls left in 6 hours')).toBeVisible();
    await expectAccessible(app, 'tags');
    await pictures(app, 'repository-tags');
    await app.getByLabel('Platform', { exact: true }).selectOption({ label: 'All Platforms · 143 MB' });
    await answer(app, 'Pull', 409, JSON.stringify({ error: { kind: 'conflict', msg: 'another time' } }));
    const asked = app.waitForRequest('**/v1/Pull');
    await app.getByRole('button', { name: 'Pull', exact: true }).click();
    expect((await asked).postDataJSON()).toEqual([{ ref: 'docker.io/library/nginx:latest', force: true, platform: 'all' }]);
    await expect(app.getByRole('alert')).toContainText('another time');
    await app.getByText('Version', { exact: true }).click();
    await expect(repository.tags.getByRole('row').nth(1)).toContainText('1.27.3');
    await repository.tag('1.26.2').click();
    await expect(repository.full).toHaveText('docker.io/library/nginx:1.26.2');
    await app.getByRole('searchbox', { name: 'Filter tags' }).fill('nightly');
    await app.getByRole('button', { name: 'Use the tag “nightly”' }).click();
    await expect(repository.full).toHaveText('docker.io/library/nginx:nightly');
  });

  await test.step('a README of a megabyte, as text', async () => {
    const readme = await repository.readme();
    await expect(readme.getByRole('link', { name: 'the site' })).toHaveAttribute('href', 'https://nginx.org');
    await expect(readme.getByRole('link')).toHaveCount(1);
    await expect(readme.locator('img')).toHaveCount(0);
    await expect(readme.getByRole('cell', { name: 'PORT' })).toBeVisible();
    expect(await readme.locator('p').count()).toBeLessThan(400);
    await expectAccessible(app, 'read me');
    expect(outside).toEqual([]);
    expect(await app.evaluate(() => 'hacked' in window)).toBe(false);
  });
});

test('a repository that cannot be read says so and counts down', async ({ app }) => {
  await answer(app, 'Repository', 429, JSON.stringify({ error: { kind: 'rate-limited', msg: 'docker.io has had enough', hint: 'Sign in for more.', retryAfter: 90 } }));
  await new RepositoryPage(app).open('docker.io/library/nginx');
  await expect(app.getByRole('alert').getByRole('button')).toContainText(/Retry in 1:[23]\d/);
  await answer(app, 'Repository', 404, JSON.stringify({ error: { kind: 'not-found', msg: 'there is no such repository' } }));
  await new RepositoryPage(app).open('docker.io/library/other');
  await expect(app.getByRole('alert')).toContainText('there is no such repository');
  await expectAccessible(app, 'no repository');
  await answer(app, 'Repository', 403, JSON.stringify({ error: { kind: 'denied', msg: 'ghcr.io does not let us in' } }));
  await new RepositoryPage(app).open('ghcr.io/ada/private');
  await expectAccessible(app, 'private repository');
  await app.getByRole('alert').getByRole('button', { name: 'Sign In…' }).click();
  await expect(app.getByRole('dialog', { name: 'Sign In to ghcr.io' }).getByLabel('User name')).toBeFocused();
});
