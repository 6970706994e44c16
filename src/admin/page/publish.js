// The publish box: publishes the typed data, and passes it to the snippets that
// do the same.

import { withChannelHint } from './channel-hint.js';

export function connectPublishBox(connection, feed, tabs) {
  const form = document.getElementById('publish-form');
  const channel = document.getElementById('publish-channel');
  const data = document.getElementById('publish-data');
  const note = document.getElementById('publish-note');
  const button = form.querySelector('button');

  function say(text, isBad = false) {
    note.textContent = text;
    note.classList.toggle('bad', isBad);
  }

  /** Shows the snippets, or the mistake in the data; then the last good snippets stay, dimmed. */
  function check() {
    let mistake = '';
    try {
      JSON.parse(data.value);
      tabs.show(channel.value.trim(), data.value.trim());
    } catch (error) {
      mistake = `Not JSON: ${error.message}`;
      tabs.show();
    }
    say(mistake, true);
    data.setAttribute('aria-invalid', String(mistake !== ''));
    return mistake === '';
  }

  form.addEventListener('input', check);
  channel.addEventListener('change', () => feed.follow(channel.value.trim()));
  // In a text area Enter is a new line.
  data.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!check()) return data.focus();
    const name = channel.value.trim();
    feed.follow(name);
    button.disabled = true;
    try {
      await connection.publish(name, JSON.parse(data.value));
      say(feed.receives(name) ? 'Published.' : feed.isRefused
        ? 'Published. The list may not subscribe to its channel.'
        : `Published. The list is subscribed to ${feed.pattern} only.`);
    } catch (error) {
      say(`Not published: ${withChannelHint(error)}`, true);
    } finally {
      button.disabled = false;
    }
  });
  check();
}
