import type { Step } from '../tour/story.ts';

/** The multi-host tour: a service, its name on the other host, a cut wire, and another provider. */
export const story: readonly Step[] = [
  {
    remark: 'A network over both hosts, and a service on it, provided on h1.',
    words: ['h1', 'docker', 'network', 'create', '-d', 'overlay', 'mh'],
  },
  { words: ['h1', 'docker', 'run', '-d', '--name', 'c1', '--publish-service', 'db.mh', 'web'], keep: 'c1' },
  {
    remark: 'A container on h2 finds it by name and reaches it.',
    words: ['h2', 'docker', 'run', '-d', '--name', 'c2', '--net', 'mh', 'web'],
  },
  { words: ['h2', 'docker', 'exec', 'c2', 'ping', '-c2', 'db'] },
  { words: ['h2', 'docker', 'service', 'ls'] },
  { remark: 'The wire of h1 is cut.', words: ['wire', 'h1', 'down'] },
  {
    remark: "When its lease has ended, h1's provider is gone. The service and its address stay.",
    words: ['h2', 'docker', 'service', 'ls'],
    untilGone: '{c1}',
  },
  { words: ['h2', 'fairlead', 'node', 'ls'] },
  {
    remark: 'Another container takes its place, at the same address.',
    words: ['h2', 'docker', 'run', '-d', '--name', 'c3', 'web'],
    keep: 'c3',
  },
  { words: ['h2', 'docker', 'service', 'attach', 'c3', 'db.mh'] },
  { words: ['h2', 'docker', 'exec', 'c2', 'ping', '-c2', 'db'] },
  {
    remark: 'h1 is back, and sees who provides it now.',
    words: ['wire', 'h1', 'up'],
  },
  { words: ['h1', 'docker', 'service', 'ls'], untilShown: '{c3}' },
];
