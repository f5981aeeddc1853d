/** For `node -e`. Takes its time to listen, as real applications do: nobody must be sent to it before. */
export const slowServer = `setTimeout(() => require('http')
  .createServer(({ socket }, answer) => answer.end(socket.localAddress.replace('::ffff:', '')))
  .listen(process.env.PORT), 700)`;

/**
 * Requests http://TARGET:5000 ten times a second as any program would: a lookup by getaddrinfo and a connection for
 * each. Prints `ok ADDRESS` or `failed REASON`.
 */
export const steadyClient = `setInterval(() => require('http')
  .get('http://' + process.env.TARGET + ':5000', { agent: false, timeout: 900 }, (answer) => {
    let text = ''; answer.on('data', (chunk) => { text += chunk; });
    answer.on('end', () => console.log('ok ' + text));
  }).on('timeout', function () { this.destroy(new Error('timeout')); })
  .on('error', (error) => console.log('failed ' + error.message)), 100)`;
