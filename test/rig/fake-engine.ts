import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';

export interface FakeEngine extends AsyncDisposable {
  readonly socketPath: string;
  /** `METHOD /path` of every call that came, and its body once it is there. */
  readonly calls: readonly { readonly line: string; readonly headers: readonly string[]; body: string }[];
}

export interface FakeEnginePlan {
  readonly answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
  readonly upgrade?: (request: IncomingMessage, connection: Duplex, head: Buffer) => void;
}

/** What stands for a Docker Engine where only the bytes of HTTP matter. */
export async function startFakeEngine({ answer, upgrade }: FakeEnginePlan): Promise<FakeEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'flt-fake-engine-'));
  const socketPath = join(folder, 'docker.sock');
  const calls: { line: string; headers: readonly string[]; body: string }[] = [];
  const server = createServer((request, response) => {
    const call = { line: `${request.method} ${request.url}`, headers: request.rawHeaders, body: '' };
    calls.push(call);
    request.on('data', (part: Buffer) => {
      call.body += part.toString('latin1');
    });
    request.once('end', () => answer(request, response, call.body));
  });
  if (upgrade) server.on('upgrade', upgrade);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    calls,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
