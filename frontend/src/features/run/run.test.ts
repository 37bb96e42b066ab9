import { describe, expect, it } from 'vitest';
import { runLine } from './command';
import { emptyForm, parsePort, readForm } from './form';
import { join, OpenQuote, quote, split } from './shell';

describe('quote', () => {
  it.each([
    ['a', 'a'],
    ['', "''"],
    ['a b', "'a b'"],
    ["it's", `'it'\\''s'`],
    ['$(rm -rf ~)', "'$(rm -rf ~)'"],
    ['a\nb', "'a\nb'"],
    ['~', "'~'"],
    ['!', "'!'"],
    ['KEY=v', 'KEY=v'],
    ['ünï', "'ünï'"],
  ])('%j becomes %s', (word, quoted) => expect(quote(word)).toBe(quoted));
});

describe('split', () => {
  it('reads what join wrote', () => {
    const words = ['sh', '-c', `echo "it's" $HOME \\ \`x\``, '', '\t', 'a\\b', '日本', '--', '"'];
    expect(split(join(words))).toEqual(words);
  });
  it('reads double quotes and backslashes', () => {
    expect(split('a "b \\" c"d e\\ f')).toEqual(['a', 'b " cd', 'e f']);
    expect(split('  ')).toEqual([]);
    expect(split(`''`)).toEqual(['']);
  });
  it('refuses an open quote', () => expect(() => split("echo 'a")).toThrow(OpenQuote));
});

describe('runLine', () => {
  it('is detached and quotes what needs it', () => {
    const line = runLine({
      image: 'docker.io/library/nginx:1.27',
      name: 'web',
      ports: [
        { hostIP: '', hostPort: 0, containerPort: 80, protocol: 'tcp' },
        { hostIP: '0.0.0.0', hostPort: 8443, containerPort: 443, protocol: 'tcp' },
        { hostIP: '127.0.0.1', hostPort: 0, containerPort: 53, protocol: 'udp' },
      ],
      env: ['MSG=hello world'],
      mounts: [
        { type: 'bind', source: '/srv/a b', target: '/data', readOnly: true },
        { type: 'tmpfs', target: '/tmp' },
      ],
      command: ['nginx', '-g', 'daemon off;'],
    });
    expect(line).toBe(
      "davit run -d --name web -p 80 -p 0.0.0.0:8443:443 -p 127.0.0.1::53/udp -e 'MSG=hello world' " +
        "-v '/srv/a b:/data:ro' --tmpfs /tmp docker.io/library/nginx:1.27 nginx -g 'daemon off;'",
    );
  });
  it('puts further words of the entrypoint before the command', () => {
    expect(runLine({ image: 'a', entrypoint: ['sh', '-c'], command: ['true'] })).toBe(
      'davit run -d --entrypoint sh a -c true',
    );
  });
  it('keeps an emptied entrypoint', () => {
    expect(runLine({ image: 'a', clearEntrypoint: true })).toBe("davit run -d --entrypoint '' a");
  });
  it('stays in the foreground with a terminal', () => {
    expect(runLine({ image: 'a', tty: true, interactive: true })).toBe('davit run -i -t a');
  });
});

describe('form', () => {
  it('reads ports', () => {
    expect(parsePort({ host: '', container: '80', protocol: 'tcp' })).toEqual({
      hostIP: '',
      hostPort: 0,
      containerPort: 80,
      protocol: 'tcp',
    });
    expect(parsePort({ host: '0.0.0.0:8080', container: '80', protocol: 'tcp' })).toMatchObject({
      hostIP: '0.0.0.0',
      hostPort: 8080,
    });
    expect(parsePort({ host: '70000', container: '80', protocol: 'tcp' })).toBeUndefined();
    expect(parsePort({ host: '', container: 'x', protocol: 'tcp' })).toBeUndefined();
  });
  it('names the field that is wrong', () => {
    const form = { ...emptyForm(), image: '', name: 'a b', command: "echo 'x" };
    expect(Object.keys(readForm(form).errors).sort()).toEqual(['command', 'image', 'name']);
  });
  it('leaves out what is as the image says', () => {
    expect(readForm({ ...emptyForm(), image: 'nginx' }).spec).toEqual({ image: 'nginx' });
  });
});
