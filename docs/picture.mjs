// Makes docs/tour.svg, the README's moving picture: `fairlead tour` is run, and what it prints is shown as it came.
// node docs/picture.mjs, after npm run build; as root, so that packets move.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const rows = 22;
const columns = 92;
const lineHeight = 18;
const [width, height] = [columns * 8.4 + 24, rows * lineHeight + 24];
/** Seconds: a command is read before it is run, and the end is looked at for a while. */
const reading = 1.1;
const quick = 0.06;
const rest = 4;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

async function linesOfTour() {
  const tour = spawn(process.execPath, [here('../dist/bin/fairlead'), 'tour'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = [];
  for await (const line of createInterface({ input: tour.stdout })) lines.push(line.slice(0, columns));
  const end = lines.findLastIndex((line) => line.startsWith('$ '));
  return lines.slice(0, end + 4);
}

function timed(lines) {
  let at = 0.5;
  return lines.map((line) => {
    at += /^[$#] /.test(line) ? reading : quick;
    return { line, at };
  });
}

function escaped(text) {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function kindOf(line) {
  return line.startsWith('$ ') ? 'command' : line.startsWith('# ') ? 'remark' : 'output';
}

/** All lines stand one below the other; the whole moves up, so that the newest is the lowest that is seen. */
function picture(lines) {
  const shown = timed(lines);
  const total = (shown.at(-1)?.at ?? 0) + rest;
  const top = (index) => (rows - 1 - Math.max(index, rows - 1)) * lineHeight;
  const frames = shown
    .filter((_, index) => index >= rows - 1)
    .map(
      ({ at }, offset) =>
        `${((100 * at) / total).toFixed(2)}%{transform:translateY(${top(rows - 1 + offset)}px)}`,
    );
  const appear = shown
    .slice(0, rows)
    .map(
      ({ at }, index) => `@keyframes l${index}{0%{opacity:0}${((100 * at) / total).toFixed(2)}%{opacity:1}}`,
    );
  const texts = shown.map(({ line }, index) => {
    const first = index < rows ? ` style="animation:l${index} ${total.toFixed(1)}s step-end infinite"` : '';
    const y = 12 + lineHeight * (index + 0.75);
    return `<text class="${kindOf(line)}" x="12" y="${y}"${first}>${escaped(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The tour of Fairlead in a terminal">
<style>
rect{fill:#16181d}text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre;fill:#c8ccd4}
.command{fill:#fff;font-weight:600}.remark{fill:#7fb4ff}
#all{animation:move ${total.toFixed(1)}s step-end infinite}
@keyframes move{0%{transform:translateY(0)}${frames.join('')}}
${appear.join('\n')}
@media (prefers-reduced-motion:reduce){#all,text{animation-duration:0.01s!important;animation-iteration-count:1!important;animation-fill-mode:forwards!important}}
</style>
<rect width="100%" height="100%" rx="8"/>
<svg x="0" y="12" width="${width}" height="${height - 24}"><g transform="translate(0,-12)"><g id="all">
${texts.join('\n')}
</g></g></svg>
</svg>
`;
}

writeFileSync(here('tour.svg'), picture(await linesOfTour()));
