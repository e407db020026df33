// Starts and stops a Pandan node of its own for a test file.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const BINARY = process.env.PANDAN_BIN;

/** Runs the program until it ends; tells its exit code and what it wrote. */
export async function run(args, { cwd } = {}) {
  const child = spawn(binary(), args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = ['', ''];
  for (const [index, stream] of [child.stdout, child.stderr].entries()) {
    stream.setEncoding('utf8').on('data', (text) => (texts[index] += text));
  }
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, stdout: texts[0], stderr: texts[1] };
}

/**
 * Starts a node on a free port with an empty data directory, or with the one given; `args` are
 * further arguments.
 */
export async function startNode({ dataDir, args = [] } = {}) {
  const own = dataDir === undefined;
  const directory = dataDir ?? (await mkdtemp(join(tmpdir(), 'pandan-js-')));
  const child = spawn(
    binary(),
    ['node', '--offline', '--http', '127.0.0.1:0', '--data-dir', directory, '--json', ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const started = await firstLine(child, ended);
  const { origin } = new URL(started.graphql);
  return {
    dataDir: directory,
    origin,
    endpoint: `${origin}/graphql`,
    /** Ends the node as a service manager would and tells how it ended. */
    async stop({ keep = false } = {}) {
      child.kill('SIGTERM');
      const result = await ended;
      if (own && !keep) await rm(directory, { recursive: true, force: true });
      return result;
    },
  };
}

function binary() {
  if (!BINARY) throw new Error('set PANDAN_BIN to the path of the pandan program');
  return BINARY;
}

async function firstLine(child, ended) {
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([
    new Promise((resolve) => lines.once('line', resolve)),
    ended.then(({ code, signal }) => {
      throw new Error(`the node ended before it listened (code ${code}, signal ${signal})`);
    }),
  ]);
  return JSON.parse(line);
}
