import { createHash } from 'node:crypto';

/** An image is only a name here; its id follows from it, so that every daemon gives the same one. */
export function imageId(name: string): string {
  return `sha256:${createHash('sha256').update(normalName(name)).digest('hex')}`;
}

/** `busybox`, `library/busybox` and `docker.io/library/busybox:latest` are one image. */
export function normalName(name: string): string {
  const short = name.replace(/^docker\.io\//, '').replace(/^library\//, '');
  const lastPart = short.slice(short.lastIndexOf('/') + 1);
  return lastPart.includes(':') || short.includes('@') ? short : `${short}:latest`;
}
