import http from 'node:http';

/** A server on a unix socket; connections are kept, as by the SDKs. */
export interface HttpClient {
  readonly socketPath: string;
  readonly agent: http.Agent;
}

export function unixClient(socketPath: string): HttpClient {
  return { socketPath, agent: new http.Agent({ keepAlive: true }) };
}

/** The body of the answer. Rejects unless it succeeds: what failed must not count as fast. */
export async function call(
  { socketPath, agent }: HttpClient,
  method: string,
  path: string,
  body?: unknown,
): Promise<string> {
  const payload = body === undefined ? '' : JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
  return await new Promise((resolve, reject) => {
    const request = http.request({ socketPath, agent, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => {
        if ((response.statusCode ?? 500) < 400) resolve(text);
        else reject(new Error(`${method} ${path} of ${socketPath}: ${response.statusCode} ${text}`));
      });
    });
    request.once('error', reject);
    request.end(payload);
  });
}
