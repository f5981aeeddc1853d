import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Prints the addresses of a name, a line each, as a program of Alpine's would find them. */
const source = `
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
int main(int argc, char **argv) {
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET }, *found = 0;
  char text[INET_ADDRSTRLEN];
  if (argc < 2 || getaddrinfo(argv[1], 0, &hints, &found)) return 2;
  for (; found; found = found->ai_next)
    puts(inet_ntop(AF_INET, &((struct sockaddr_in *)found->ai_addr)->sin_addr, text, sizeof text));
  return 0;
}
`;

/** A program with musl's resolver, which asks all nameservers of resolv.conf at once and takes the first answer. */
export class MuslResolver implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'flt-musl-'));
  readonly program = join(this.#folder, 'resolve');

  constructor() {
    const file = join(this.#folder, 'resolve.c');
    writeFileSync(file, source);
    execFileSync('musl-gcc', ['-static', '-O1', '-o', this.program, file]);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
