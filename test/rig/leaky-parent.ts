import { runToEnd } from '../../src/lib/child.ts';
import { closeInherited, inheritableDescriptors } from '../../src/lib/descriptors.ts';

/** Prints what it would leave to a child, what a child has, and what is left once it has closed all that. */
const child = await runToEnd(['/bin/sh', '-c', 'echo $0; ls /proc/self/fd', 'itself']);
const before = inheritableDescriptors();
closeInherited();
process.stdout.write(JSON.stringify({ before, child: child.stdout, after: inheritableDescriptors() }));
