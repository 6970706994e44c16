// The push secret or the token from the field at the top. Every part of the page
// sends it: publications by POST in a header, clients in `ext`. It stays in this
// page: it is not stored, and it is gone after a reload.

/** Three Base64url parts, the first of which starts a JSON object. */
const TOKEN = /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/;

/** The environment variables that snippets read it from. */
const VARIABLES = { secret: 'FAYE_PUSH_SECRET', token: 'FAYE_TOKEN' };

export class Credential {
  #fields;
  #watchers = [];
  value = '';

  /** @param fields  the names in `ext`: `{ secret, token }` */
  constructor(fields) { this.#fields = fields; }

  /** 'secret', 'token' or undefined. */
  get kind() {
    if (!this.value) return undefined;
    return TOKEN.test(this.value) ? 'token' : 'secret';
  }

  /** The environment variable that a back end would keep it in, or undefined. */
  get variable() { return VARIABLES[this.kind]; }

  /** Calls `watcher` after each change. */
  watch(watcher) { this.#watchers.push(watcher); }

  set(value) {
    if (value === this.value) return;
    this.value = value;
    for (const watcher of this.#watchers) watcher();
  }

  /** The headers of a request that presents it. */
  headers() {
    if (!this.value) return {};
    // A header holds bytes; characters beyond Latin-1 are sent as UTF-8.
    const bytes = new TextEncoder().encode(this.value);
    return { Authorization: `Bearer ${String.fromCharCode(...bytes)}` };
  }

  /** Makes a client present it, as it is now. */
  extend(client) {
    const { value, kind } = this;
    if (!kind) return;
    const field = this.#fields[kind];
    client.addExtension({
      outgoing(message, callback) {
        // A token belongs to the session; the secret belongs to each publication too.
        if (kind === 'secret' || message.channel.startsWith('/meta/')) {
          message.ext = { ...message.ext, [field]: value };
        }
        callback(message);
      },
    });
  }
}

/** Connects the field at the top of the page. */
export function connectCredentialField(credential) {
  const form = document.getElementById('key-form');
  const input = document.getElementById('key');
  const note = document.getElementById('key-note');
  const clear = document.getElementById('key-clear');
  const first = note.textContent;

  function apply() {
    credential.set(input.value.trim());
    const sent = { secret: 'Sent as the push secret', token: 'Sent as a token' }[credential.kind];
    note.textContent = sent ? `${sent} by everything on this page.` : first;
    clear.hidden = !sent;
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    apply();
  });
  clear.addEventListener('click', () => {
    input.value = '';
    apply();
    input.focus();
  });
  // Browsers may restore a field after a reload.
  input.value = '';
}
