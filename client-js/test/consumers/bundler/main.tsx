/**
 * A page with React, made by a bundler. It has no types of Node, so the client's must not need them.
 */

import Faye, { Client } from 'faye-client';
import { useClient, useConnection, useSubscription } from 'faye-client/react';
import { useState } from 'react';

interface News {
  text: string;
}

// @ts-expect-error only Node has it
export const wrong = (): Client => new Client('/faye', { agent: {} });

export function Misspelt() {
  // @ts-expect-error a misspelt option
  useClient('/faye', { retires: 1 });
  return null;
}

export function App({ channel }: { channel: string | null }) {
  const client: Client = useClient('/faye', { retry: 1 });
  const [news, setNews] = useState<News[]>([]);
  const error = useSubscription<News>(client, channel, (item, from) => setNews([...news, { text: from + item.text }]));
  const { state, reason, transport } = useConnection(client);
  return (
    <p title={reason}>
      {state} {transport} {error?.code} {news.length} {Faye.VERSION}
    </p>
  );
}
