// A server that renders a page with the hooks. Pages name the endpoint by its path, and on a server there is no page.

import assert from 'node:assert/strict';
import { useClient, useConnection, useSubscription } from 'faye-client/react';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';

function Page() {
  const client = useClient('/faye');
  useSubscription(client, '/news', () => {});
  return createElement('p', null, useConnection(client).state);
}

assert.equal(renderToString(createElement(Page)), '<p>unconnected</p>');
