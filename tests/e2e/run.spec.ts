import { expect, expectAccessible, pictures, test } from './fixtures.ts';
import { RunForm } from './pages/run.ts';

const line =
  'docker run -d --name shop --hostname shop.local -p 127.0.0.1:18080:8080/tcp -e "GREETING=it\'s <b>me</b>" ' +
  '--label a=b --cap-drop ALL --restart on-failure:3 --gpus all davit.local/sample --title "a b"';

test('a docker line fills the form, and the form says it again', async ({ app, davit }) => {
  await davit.cli('load', '--sample');
  const form = new RunForm(app);
  await form.open();
  await form.paste(line);

  await expect(form.image).toHaveValue('davit.local/sample');
  await expect(form.name).toHaveValue('shop');
  await expect(form.sheet.getByLabel('Port on this computer')).toHaveValue('127.0.0.1:18080');
  await expect(form.sheet.getByLabel('Value', { exact: true })).toHaveValue("it's <b>me</b>");
  await expect(form.sheet.getByText('Not understood and left out', { exact: false })).toContainText('--gpus');
  await expect(form.section('Program')).toContainText("--title 'a b'");
  await expect(form.section('Security')).toContainText('−ALL');
  await expect(form.section('Restart and Health')).toContainText('on-failure:3');
  await expect(form.line).toContainText('davit run -d --name shop');
  await expectAccessible(app, 'pasted form');
  await pictures(app, 'run-pasted');

  await test.step('the line reads back into the same form', async () => {
    const said = await form.copyAs('Run Command');
    await form.paste(said);
    await expect(form.sheet.getByText('Not understood', { exact: false })).toHaveCount(0);
    expect(await form.copyAs('Run Command')).toBe(said);
  });
});

test('what is wrong is said by Go, beside the field, as the command line says it', async ({ app, davit }) => {
  await davit.cli('load', '--sample');
  const form = new RunForm(app);
  await form.open();
  await form.image.fill('davit.local/sample');
  await form.name.fill('no good');
  await form.section('Resources').click();
  await form.field('Memory').fill('much');
  await form.go().click();
  await expect(form.name).toHaveAttribute('aria-invalid', 'true');
  await expect(form.field('Memory')).toHaveAttribute('aria-invalid', 'true');
  const beside = await form.sheet.locator(`[id="${await form.name.getAttribute('aria-describedby')}"]`).textContent();
  const said = await davit.cli('create', '--name', 'no good', 'davit.local/sample').catch((e: { stderr: string }) => e.stderr);
  expect(said.replaceAll(/\s+/g, ' ')).toContain(beside!.split('.')[0]!.trim());
  await expectAccessible(app, 'wrong form');
});

const composeFile = `services:
  web:
    image: davit.local/sample
    container_name: shop
    ports: ["127.0.0.1:18081:8080"]
    environment:
      GREETING: "it's <b>me</b>"
    labels: {a: "b"}
    volumes: ["data:/data:ro"]
    restart: unless-stopped
    deploy:
      replicas: 3
  db:
    image: davit.local/db
`;

test('a compose file fills the form; the form is copied in every form', async ({ app, davit }) => {
  await davit.cli('load', '--sample');
  const form = new RunForm(app);
  await form.open();
  await form.paste(composeFile);
  await form.sheet.getByText('web', { exact: true }).click();
  await expect(form.name).toHaveValue('shop');
  await expect(form.sheet.getByLabel('Value', { exact: true })).toHaveValue("it's <b>me</b>");
  await expect(form.sheet.getByText('Not understood and left out', { exact: false })).toContainText('deploy');
  await expectAccessible(app, 'pasted compose file');

  const compose = await form.copyAs('Compose Service');
  expect(compose).toContain('container_name: shop');
  expect(await form.copyAs('Quadlet (systemd)')).toMatch(/^\[Container\]\n(.*\n)*ContainerName=shop\n/m);
  expect(await form.copyAs('Kubernetes YAML')).toMatch(/^kind: Pod$/m);
  await form.paste(compose);
  await expect(form.sheet.getByText('Not understood', { exact: false })).toHaveCount(0);
  expect(await form.copyAs('Compose Service')).toBe(compose);
});
