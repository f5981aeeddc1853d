/** Where a reload finds the session; another tab has none. */
const place = 'fairlead-session';

/** Why there is no answer, in words for a person. */
export class CallFailed extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** Exchanges the token of the URL, which is taken out of the address bar at once. @throws CallFailed */
export async function openSession(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return;
  history.replaceState(null, '', location.pathname);
  const response = await fetch('/session', { method: 'POST', body: JSON.stringify({ token }) });
  const { session, message } = await response.json();
  if (!response.ok) throw new CallFailed(String(message), response.status);
  sessionStorage.setItem(place, String(session));
}

/** One call of the daemon's API. @throws CallFailed */
export async function call(path: string, signal?: AbortSignal): Promise<Response> {
  const headers = { 'x-fairlead-session': sessionStorage.getItem(place) ?? '' };
  const response = await fetch(`/api${path}`, { headers, ...(signal && { signal }) }).catch(
    (error: unknown) => {
      if (signal?.aborted) throw error;
      throw new CallFailed('"fairlead ui" does not answer: was it ended?', 0);
    },
  );
  if (response.ok) return response;
  const { message } = await response.json();
  throw new CallFailed(String(message), response.status);
}

export async function read<T>(path: string): Promise<T> {
  const response = await call(path);
  return await response.json();
}
