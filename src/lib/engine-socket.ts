const problems: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket: is the Engine running?',
  ECONNREFUSED: 'nothing listens there: is the Engine running?',
  EACCES: 'permission denied: run the daemon as root, or as a member of the group docker',
  ENOTSOCK: 'it is not a socket',
  // So ends a call that took too long, too.
  ECONNRESET: 'it does not answer',
};

/** What is wrong with a Docker Engine's socket, and what to do, in one line; undefined when the error tells more. */
export function engineSocketProblem(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return problems[code];
}
