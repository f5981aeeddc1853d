import type { FastifyRequest } from 'fastify';
import type { Dialect } from './error-map.ts';

/** `1.44` as [1, 44]; absent where the path had no prefix: the newest. */
export type ApiVersion = readonly [major: number, minor: number];

/** The newest Engine API that we honour, and the oldest that we accept. */
export const apiVersion = '1.52';
export const minApiVersion = '1.18';
/** Docker 1.7 spoke 1.19, but its documentation wrote the product's version into paths. */
const minExperimental: ApiVersion = [1, 7];

const prefix = /^\/v(\d{1,4})\.(\d{1,4})(?=\/|\?|$)/;

/** Splits the optional `/vN.NN` off a request's URL. */
export function splitVersion(url: string): { readonly version?: ApiVersion; readonly path: string } {
  const match = prefix.exec(url);
  if (!match) return { path: url };
  const path = url.slice(match[0].length);
  return { version: [Number(match[1]), Number(match[2])], path: path.startsWith('/') ? path : `/${path}` };
}

/** The version in the request's path; without one, the newest. */
export function versionOf(request: Pick<FastifyRequest, 'originalUrl'>): ApiVersion {
  return splitVersion(request.originalUrl).version ?? parseVersion(apiVersion);
}

export function isBefore(version: ApiVersion, other: string): boolean {
  const [major, minor] = parseVersion(other);
  return version[0] < major || (version[0] === major && version[1] < minor);
}

/** No name, path or signal holds a NUL: the kernel's texts end there. */
export function urlProblem(url: string): string | undefined {
  return url.includes('%00') ? 'invalid URL: it holds a NUL character' : undefined;
}

/**
 * Why a version is refused, in the Engine's words (docker-facts 5.3 #76).
 * @param newest beside an Engine, what both honour
 */
export function versionProblem(
  version: ApiVersion,
  dialect: Dialect,
  newest: string = apiVersion,
): string | undefined {
  const text = version.join('.');
  if (isBefore(parseVersion(newest), text)) {
    return `client version ${text} is too new. Maximum supported API version is ${newest}`;
  }
  const oldest = dialect === 'experimental' ? minExperimental.join('.') : minApiVersion;
  if (!isBefore(version, oldest)) return undefined;
  return `client version ${text} is too old. Minimum supported API version is ${oldest}, please upgrade your client to a newer version`;
}

/**
 * Which API a path means. Services were 2015's until Swarm took the path in 1.24. Docker 1.8 (1.20) had the
 * experimental /networks, 1.9 (1.21) today's; of those only what today's does not have is kept beyond.
 */
export function dialectOf(method: string, path: string, version: ApiVersion | undefined): Dialect {
  if (version !== undefined && !isBefore(version, '1.24')) return 'engine';
  if (/^\/(services|sandboxes)(\/|\?|$)/.test(path)) return 'experimental';
  if (!/^\/networks(\/|\?|$)/.test(path)) return 'engine';
  if (version !== undefined && isBefore(version, '1.21')) return 'experimental';
  return isOnlyExperimental(method, path) ? 'experimental' : 'engine';
}

function isOnlyExperimental(method: string, path: string): boolean {
  if (/^\/networks\/[^/?]+\/endpoints(\/|\?|$)/.test(path)) return true;
  if (method === 'POST') return /^\/networks\/?(\?|$)/.test(path);
  return method === 'GET' && /^\/networks\/?\?(.*&)?(name|partial-id)=/.test(path);
}

function parseVersion(text: string): ApiVersion {
  const [major = 0, minor = 0] = text.split('.').map(Number);
  return [major, minor];
}
