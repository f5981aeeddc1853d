import { startChild } from '../../../lib/child.ts';

/** Opens the URL in the person's browser, where there is one to be seen. Returns whether it was tried. */
export function openBrowser(url: string, env: NodeJS.ProcessEnv, platform = process.platform): boolean {
  const program = opener(env, platform);
  if (program === undefined) return false;
  const child = startChild([program, url], { stdio: 'ignore', detached: true });
  // None is installed: the URL is printed.
  child.on('error', () => {});
  child.unref();
  return true;
}

function opener(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string | undefined {
  if (platform === 'darwin') return 'open';
  const hasScreen = Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
  return platform === 'linux' && hasScreen ? 'xdg-open' : undefined;
}
