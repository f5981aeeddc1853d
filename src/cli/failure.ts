/** A word that is not one of those that may stand in its place. */
export interface UnknownWord {
  readonly word: string;
  readonly known: readonly string[];
}

interface FailureOptions extends ErrorOptions {
  readonly unknown?: UnknownWord | undefined;
}

/** Ends a command with this exit code and line on stderr (none when empty). */
export class Failure extends Error {
  override readonly name: string = 'Failure';
  /** What a second line may say the user meant (src/cli/complain.ts). */
  readonly unknown: UnknownWord | undefined;

  constructor(
    message: string,
    readonly exitCode = 1,
    options?: FailureOptions,
  ) {
    super(message, options);
    this.unknown = options?.unknown;
  }
}

/** The words of the command line are wrong: exit 125, as Docker's. */
export class UsageError extends Failure {
  override readonly name = 'UsageError';

  constructor(message: string, options?: FailureOptions) {
    super(message, 125, options);
  }
}

/** The daemon answered with an error: exit 1. */
export class DaemonError extends Failure {
  override readonly name = 'DaemonError';

  constructor(
    /** HTTP status. */
    readonly status: number,
    /** The daemon's message without a prefix. */
    readonly reason: string,
    unknown?: UnknownWord,
  ) {
    super(`Error response from daemon: ${reason}`, 1, { unknown });
  }
}

/** By its shape: the daemon's bundle, which the CLI loads for `daemon`, has classes of its own. */
export function isFailure(error: unknown): error is Failure {
  return error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number';
}

export function isUsageError(error: unknown): error is UsageError {
  return isFailure(error) && error.name === 'UsageError';
}
