import { describe, expect, it } from 'vitest';
import { isAtOrBelow, visibleMounts } from '../../../../src/container/sandbox/namespaces/host-mounts.ts';

const table = [
  '1 0 254:0 / / rw,relatime - ext4 /dev/vda rw',
  '2 1 0:5 / /home rw,nosuid - ext4 /dev/vdb rw',
  '3 2 0:6 / /home/a\\040b rw - tmpfs none rw',
  '4 2 0:7 / /home ro,nodev - tmpfs covers rw',
  '6 1 0:9 / /homes rw - tmpfs none rw',
].join('\n');

describe("the host's mounts", () => {
  it('are those that no other covers', () => {
    expect(visibleMounts(table)).toMatchObject([
      { target: '/', type: 'ext4', flags: ['rw', 'relatime'] },
      { target: '/home', flags: ['ro', 'nodev'] },
      { target: '/homes' },
    ]);
  });

  it('have their places as they are written', () => {
    expect(visibleMounts(table.replace(/^4.*\n/m, '')).map(({ target }) => target)).toContain('/home/a b');
  });

  it('are in a folder by whole names', () => {
    expect([
      isAtOrBelow('/a', '/a'),
      isAtOrBelow('/a/b', '/a'),
      isAtOrBelow('/ab', '/a'),
      isAtOrBelow('/x', '/'),
    ]).toEqual([true, true, false, true]);
  });
});
