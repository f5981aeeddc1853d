import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';

/**
 * What a build calls itself. package.json names the release that is being worked towards; a commit with the tag of that
 * release is the release, any other is `0.2.0-dev.N+gCOMMIT`, the Nth commit since the release before it, which sorts
 * before 0.2.0 (semver.org, 11). `.dirty`: with changes that are in no commit. Without git, as in an unpacked
 * archive, it is the package's version.
 */
export function describeBuild() {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  if (!isOwnRepository()) return { version, commit: '', time: '' };
  const commit = git('rev-parse', '--short=12', 'HEAD');
  const time = new Date(git('log', '-1', '--format=%cI')).toISOString();
  const dirty = git('status', '--porcelain', '--untracked-files=no') !== '';
  return { version: versionFrom(version, describeTag(), commit, dirty), commit, time };
}

/** `described`: the last release's version, and how many commits ago it was. */
export function versionFrom(next, { last, since }, commit, dirty) {
  if (last === next && since === 0 && !dirty) return next;
  // Work after a release that did not raise the number sorts after that release all the same.
  const base = last === next ? raisePatch(next) : next;
  return `${base}-dev.${since}+g${commit}${dirty ? '.dirty' : ''}`;
}

function raisePatch(version) {
  return version.replace(/^(\d+\.\d+\.)(\d+).*$/, (_, front, patch) => `${front}${Number(patch) + 1}`);
}

function describeTag() {
  const described = tryGit('describe', '--tags', '--long', '--match', 'v[0-9]*');
  const [, last, since] = /^v(.+)-(\d+)-g[0-9a-f]+$/.exec(described ?? '') ?? [];
  if (last !== undefined) return { last, since: Number(since) };
  return { last: undefined, since: Number(git('rev-list', '--count', 'HEAD')) };
}

/** An archive that was unpacked in somebody else's repository is no commit of that. */
function isOwnRepository() {
  const top = tryGit('rev-parse', '--show-toplevel');
  return top !== undefined && realpathSync(top) === realpathSync('.');
}

function tryGit(...args) {
  try {
    return git(...args);
  } catch {
    return undefined;
  }
}

function git(...args) {
  return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
