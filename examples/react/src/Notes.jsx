// The notes as they arrive.

import { useClient, useConnection, useSubscription } from 'faye-client/react';
import { useState } from 'react';

/** @param endpoint  the URL of the server */
export function Notes({ endpoint }) {
  const client = useClient(endpoint);
  const [notes, setNotes] = useState([]);
  const refusal = useSubscription(client, '/notes', ({ text }) => setNotes((before) => [text, ...before].slice(0, 50)));
  const { state, transport } = useConnection(client);
  return (
    <main>
      <h1>Notes</h1>
      <p role="status">{refusal ? refusal.message : `${state} ${transport ?? ''}`}</p>
      <ul>{notes.map((text, index) => <li key={notes.length - index}>{text}</li>)}</ul>
    </main>
  );
}
