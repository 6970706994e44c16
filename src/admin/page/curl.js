// Lines for a shell that publish with curl, and the buttons that copy them.

const PLAIN_WORD = /^[\w@%+=:,./-]+$/;
const COPIED_SHOWN_MILLISECONDS = 1500;

/** Quotes a word for a POSIX shell where it needs that. */
export function quoted(word) {
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * Returns the line that publishes to the channel. `json` is the data as JSON text, `variable` the environment
 * variable that holds the secret or token, if there is one.
 */
export function curlLine(url, channel, json, variable) {
  const body = `{"channel": ${JSON.stringify(channel)}, "data": ${json}}`;
  const key = variable ? ` \\\n  -H "Authorization: Bearer $${variable}"` : '';
  return `curl ${quoted(url)}${key} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quoted(body)}`;
}

async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    // Without TLS browsers have no clipboard, but still this command.
    getSelection().selectAllChildren(element);
    return document.execCommand('copy');
  }
}

export function connectCopyButtons() {
  for (const button of document.querySelectorAll('[data-copies]')) {
    const label = button.textContent;
    button.addEventListener('click', async () => {
      const isCopied = await copy(document.getElementById(button.dataset.copies));
      button.textContent = isCopied ? 'Copied' : 'Selected';
      setTimeout(() => { button.textContent = label; }, COPIED_SHOWN_MILLISECONDS);
    });
  }
}
