// The snippets of "From your code": programs that publish to a channel, or
// receive from it, with the address of this server.

import { curlLine } from './curl.js';
import { literal } from './literal.js';

const when = (condition, text) => (condition ? text : '');
const message = (channel, data, language) => literal({ channel, data }, language);

function ruby({ url, channel, data, variable }) {
  const key = when(variable, `,\n  "Authorization" => "Bearer #{ENV.fetch("${variable}")}"`);
  return `require "json"
require "net/http"

message = ${message(channel, data, 'ruby')}
response = Net::HTTP.post(URI(${literal(url, 'ruby')}), JSON.generate(message),
  "Content-Type" => "application/json"${key})
response.value # raises unless the status is 2xx
reply = JSON.parse(response.body).first
raise reply["error"].to_s unless reply["successful"]
`;
}

function php({ url, channel, data, variable }) {
  const key = when(variable, `, 'Authorization: Bearer ' . getenv('${variable}')`);
  return `<?php
$message = ${message(channel, data, 'php')};
$context = stream_context_create(['http' => [
    'method' => 'POST',
    'header' => ['Content-Type: application/json'${key}],
    'content' => json_encode($message, JSON_THROW_ON_ERROR),
]]);
$body = file_get_contents(${literal(url, 'php')}, false, $context);
if ($body === false) throw new RuntimeException('no answer from the server');
[$reply] = json_decode($body, true, 512, JSON_THROW_ON_ERROR);
if (!$reply['successful']) throw new RuntimeException($reply['error']);
`;
}

function python({ url, channel, data, variable }) {
  const key = when(variable, `, "Authorization": "Bearer " + os.environ["${variable}"]`);
  return `import json
${when(variable, 'import os\n')}from urllib.request import Request, urlopen

message = ${message(channel, data, 'python')}
request = Request(
    ${literal(url, 'python')},
    data=json.dumps(message).encode(),
    headers={"Content-Type": "application/json"${key}},
)
with urlopen(request) as response:
    [reply] = json.load(response)
if not reply["successful"]:
    raise RuntimeError(reply["error"])
`;
}

function node({ url, channel, data, variable }) {
  const key = when(variable, `, Authorization: \`Bearer \${process.env.${variable}}\``);
  return `// publish.mjs
const message = ${message(channel, data, 'javascript')};
const response = await fetch(${literal(url, 'javascript')}, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json'${key} },
  body: JSON.stringify(message),
});
if (!response.ok) throw new Error(\`status \${response.status}\`);
const [reply] = await response.json();
if (!reply.successful) throw new Error(reply.error);
`;
}

/** The second argument of a client: the application gives each user a token. */
const TOKEN_OPTION = ", { token: () => fetch('/token').then((response) => response.text()) }";

function browser({ url, channel, data, kind }) {
  const [address, name] = [url, channel].map((text) => literal(text, 'javascript'));
  const publication = kind === 'secret'
    ? '  // Only back ends publish here: a page must not contain the push secret.'
    : `  client.publish(${name}, ${literal(data, 'javascript')}).catch((error) => console.error(error.message));`;
  return `<!doctype html>
<ul id="list"></ul>
<script src=${literal(`${url}/client.js`, 'javascript')}></script>
<script>
  const client = new Faye.Client(${address}${when(kind === 'token', TOKEN_OPTION)});
  client.subscribe(${name}, (data) => {
    const item = document.createElement('li');
    item.textContent = JSON.stringify(data);
    document.getElementById('list').append(item);
  }).catch((error) => console.error(error.message));
${publication}
</script>
`;
}

function react({ url, channel, data, kind }) {
  const [address, name] = [url, channel].map((text) => literal(text, 'javascript'));
  const publication = kind === 'secret'
    ? '      {/* Only back ends publish here: a page must not contain the push secret. */}'
    : `      <button onClick={() => client.publish(${name}, ${literal(data, 'javascript')})}>Publish</button>`;
  return `import { useClient, useConnection, useSubscription } from 'faye-client/react';
import { useState } from 'react';

export function Messages() {
  const client = useClient(${address}${when(kind === 'token', TOKEN_OPTION)});
  const [messages, setMessages] = useState([]);
  const refusal = useSubscription(client, ${name}, (data) => setMessages((before) => [...before, data]));
  const { state } = useConnection(client);
  return (
    <>
      <p>{refusal ? refusal.message : state}</p>
      <ul>{messages.map((data, index) => <li key={index}>{JSON.stringify(data)}</li>)}</ul>
${publication}
    </>
  );
}
`;
}

const curl = ({ url, channel, json, variable }) => curlLine(url, channel, json, variable);

const WRITERS = { curl, ruby, php, python, node, browser, react };

/**
 * Returns the snippet in that language.
 *
 * @param what  `{ url, channel, json, kind, variable }`: `json` is the data as JSON text, the last two are those of
 *   the credential
 */
export function snippet(language, what) {
  return WRITERS[language]({ ...what, data: JSON.parse(what.json) });
}
