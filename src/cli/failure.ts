/** Ends a command with this exit code and line on stderr (none when empty). */
export class Failure extends Error {
  override readonly name: string = 'Failure';

  constructor(
    message: string,
    readonly exitCode = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The words of the command line are wrong: exit 125, as Docker's. */
export class UsageError extends Failure {
  override readonly name = 'UsageError';

  constructor(message: string) {
    super(message, 125);
  }
}

/** The daemon answered with an error: exit 1. */
export class DaemonError extends Failure {
  override readonly name = 'DaemonError';

  constructor(
    /** HTTP status. */
    readonly status: number,
    /** What the daemon said, without a prefix. */
    readonly reason: string,
  ) {
    super(`Error response from daemon: ${reason}`);
  }
}

/** By its shape: the daemon's bundle, which the CLI loads for `daemon`, has classes of its own. */
export function isFailure(error: unknown): error is Failure {
  return error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number';
}

export function isUsageError(error: unknown): error is UsageError {
  return isFailure(error) && error.name === 'UsageError';
}
