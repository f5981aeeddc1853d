/** A template that does not parse, or fails on its data; the message is Go's. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';

  constructor(
    message: string,
    readonly stage: 'parse' | 'execute',
  ) {
    super(message);
  }
}
