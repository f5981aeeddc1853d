/** Whether a terminal is written to in colour; https://no-color.org: any value that is not empty turns it off. */
export function showsColour({ NO_COLOR, TERM }: NodeJS.ProcessEnv): boolean {
  return !NO_COLOR && TERM !== 'dumb';
}
