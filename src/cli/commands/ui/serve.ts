import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import * as z from 'zod/mini';
import { distFile } from '../../../lib/dist-file.ts';
import { messageOf } from '../../../lib/errors.ts';
import { parseJson } from '../../../lib/json.ts';
import type { Client } from '../../client/client.ts';
import { Failure } from '../../failure.ts';
import { answer, isCall, passOn } from './calls.ts';
import { refusal, safeHeaders } from './guard.ts';
import { Sessions } from './session.ts';

export interface Page extends AsyncDisposable {
  readonly port: number;
  /** With the token, behind a `#`: browsers send that to nobody, and no log has it. */
  readonly url: string;
}

/** In dist/ui, and what they are. */
const files = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
} as const;

const isFile = (path: string): path is keyof typeof files => Object.hasOwn(files, path);

/** A token is 43 characters. */
const maxBody = 1024;

/** Serves the page on 127.0.0.1. @throws Failure when the port is taken */
export async function servePage(client: Client, port: number): Promise<Page> {
  const folder = dirname(distFile('ui/index.html'));
  const contents = new Map<string, Buffer>();
  for (const [path, [name]] of Object.entries(files)) contents.set(path, await readFile(join(folder, name)));
  const sessions = new Sessions();
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(safeHeaders)) response.setHeader(name, value);
    const refused = refusal(request, portOf(server));
    if (refused !== undefined) return answer(response, 403, { message: refused });
    void route(request, response, { client, sessions, contents });
  });
  await listen(server, port);
  const bound = portOf(server);
  return {
    port: bound,
    url: `http://127.0.0.1:${bound}/#token=${sessions.token}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Parts {
  readonly client: Client;
  readonly sessions: Sessions;
  readonly contents: ReadonlyMap<string, Buffer>;
}

async function route(request: IncomingMessage, response: ServerResponse, parts: Parts): Promise<void> {
  const { method = '', headers } = request;
  const url = new URL(request.url ?? '/', 'http://page');
  const { pathname } = url;
  if (method === 'POST' && pathname === '/session') return await exchange(request, response, parts.sessions);
  if (method !== 'GET')
    return answer(response, 405, { message: `${method} is not served: the page only reads` });
  if (isFile(pathname)) {
    response.writeHead(200, { 'content-type': files[pathname][1] });
    return void response.end(parts.contents.get(pathname));
  }
  const session = headers['x-fairlead-session'];
  if (typeof session !== 'string' || !parts.sessions.holds(session))
    return answer(response, 401, {
      message: 'this needs the session of a page that "fairlead ui" opened',
    });
  const path = pathname.replace(/^\/api/, '');
  if (!pathname.startsWith('/api/') || !isCall(path))
    return answer(response, 404, { message: `${pathname} is not served` });
  await passOn(parts.client, url, path, response);
}

const exchangeBody = z.object({ token: z.string() });

async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  sessions: Sessions,
): Promise<void> {
  const { data } = exchangeBody.safeParse(parseJson(await bodyOf(request)));
  const session = sessions.exchange(data?.token ?? '');
  if (session === undefined)
    answer(response, 403, { message: 'this token was used already, or is none: run "fairlead ui" again' });
  else answer(response, 200, { session });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > maxBody) return '';
  }
  return body;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Failure(`the page cannot be served: ${messageOf(error)}`)));
    server.listen(port, '127.0.0.1', resolve);
  });
}
