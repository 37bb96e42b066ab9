import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { bin } from './places.ts';

const run = promisify(execFile);

/** A Davit of its own: its own home, images and containers, and one `davit serve`. */
export class Davit {
  // Short: it holds unix sockets, whose paths have 107 bytes.
  private readonly home = mkdtempSync(join(tmpdir(), 'dv-'));
  private readonly env: NodeJS.ProcessEnv;
  private server: ChildProcess | undefined;

  /** registries: those that the search asks and short names stand for, others: known beside them; all spoken to without encryption. */
  constructor(registries: string[] = [], others: string[] = []) {
    for (const part of ['run', 'data', '.config/containers']) mkdirSync(join(this.home, part), { recursive: true, mode: 0o700 });
    writeFileSync(join(this.home, '.config/containers/registries.conf'), registriesConf(registries, others));
    this.env = {
      PATH: process.env.PATH,
      LANG: 'C.UTF-8',
      USER: process.env.USER,
      HOME: this.home,
      XDG_RUNTIME_DIR: join(this.home, 'run'),
      XDG_DATA_HOME: join(this.home, 'data'),
      XDG_CONFIG_HOME: join(this.home, '.config'),
      // Nothing is asked of the internet; loopback takes no proxy.
      HTTPS_PROXY: 'http://127.0.0.1:9',
    };
  }

  /** A command line's output. */
  async cli(...args: string[]): Promise<string> {
    const { stdout } = await run(join(bin, 'davit'), args, { env: this.env, maxBuffer: 64 << 20 });
    return stdout.trim();
  }

  /** Starts `davit serve`; the address that it prints, which lets one browser in. */
  async serve(): Promise<string> {
    this.server = spawn(join(bin, 'davit'), ['serve'], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    this.server.stderr!.on('data', (chunk) => (said += chunk));
    for await (const line of createInterface({ input: this.server.stdout! })) {
      const url = /http:\/\/127\.0\.0\.1:\d+\/#token=\S+/.exec(line)?.[0];
      if (url) return url;
    }
    throw new Error(`davit serve printed no address: ${said}`);
  }

  /** Ends `davit serve`; containers go on. */
  async stopServing(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    if (!server || server.exitCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    await ended;
  }

  /** The engines of this Davit that run now. */
  engines(): number[] {
    return this.processes().filter((pid) => argumentsOf(pid)[1] === 'engine');
  }

  private processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => argumentsOf(pid).length > 1 && this.isOurs(pid));
  }

  private isOurs(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`XDG_RUNTIME_DIR=${this.env.XDG_RUNTIME_DIR}`);
    } catch {
      return false; // gone, or not ours
    }
  }

  /** Ends what lives on for a while, and would make its directories anew. */
  private async endProcesses(): Promise<void> {
    for (let left = this.processes(); left.length > 0; left = this.processes()) {
      for (const pid of left) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended meanwhile.
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  path(name: string): string {
    return join(this.home, name);
  }

  /** Ends everything that it started and takes its files away. */
  async remove(): Promise<void> {
    await this.stopServing();
    const ids = (await this.cli('ps', '-aq').catch(() => '')).split('\n').filter(Boolean);
    if (ids.length > 0) await this.cli('rm', '-f', ...ids);
    const images = [...new Set((await this.cli('images', '-q').catch(() => '')).split('\n').filter(Boolean))];
    if (images.length > 0) await this.cli('rmi', '-f', '--permanent', ...images).catch(() => '');
    await this.endProcesses();
    // Overlay leaves a directory that its own owner may not enter.
    await run('chmod', ['-R', 'u+rwX', this.home]).catch(() => {});
    // Files of containers belong to subordinate ids; where only one id is to be had there are none.
    await run('unshare', ['--map-root-user', '--map-auto', 'rm', '-rf', this.home]).catch(() => {});
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A process's arguments; none where it has ended, a zombie included. */
function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function registriesConf(registries: string[], others: string[]): string {
  const list = registries.map((r) => `"${r}"`).join(', ');
  const each = [...registries, ...others].map((r) => `[[registry]]\nlocation = "${r}"\ninsecure = true\n`);
  return [`unqualified-search-registries = [${list}]\n`, ...each].join('\n');
}
