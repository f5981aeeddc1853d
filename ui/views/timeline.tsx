import type { JSX } from 'preact';
import type { Told } from '../cluster.ts';

/** What has changed since the page was opened, newest first. */
export function Timeline({ told }: { readonly told: readonly Told[] }): JSX.Element {
  if (told.length === 0) return <p class="empty">Nothing has changed since this page was opened.</p>;
  return (
    <table>
      <caption>Changes since this page was opened, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">Of a</th>
          <th scope="col">What happened</th>
        </tr>
      </thead>
      <tbody>
        {told.map(({ id, time, kind, action, text }) => (
          <tr key={id}>
            <th scope="row">
              <time dateTime={time}>{new Date(time).toLocaleTimeString()}</time>
            </th>
            <td>{kind}</td>
            <td class={['lost', 'removed'].includes(action) ? 'bad' : ''}>{text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
