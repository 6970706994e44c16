// @vitest-environment happy-dom

import { Activity, act, StrictMode, type ReactNode } from 'react';
import { createRoot, hydrateRoot, type Root } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Connection, useClient, useConnection, useSubscription } from '../react/index.js';
import { FayeError } from '../src/api.js';
import type { Client } from '../src/browser.js';
import { FakeClient } from './fake-client.js';

vi.mock('faye-client', async () => ({ Client: (await import('./fake-client.js')).FakeClient }));
(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

let place: HTMLElement;
let root: Root;
const complaints = vi.spyOn(console, 'error');

beforeEach(() => {
  FakeClient.made = [];
  complaints.mockReset();
  place = document.createElement('div');
  root = createRoot(place);
});

afterEach(async () => {
  await act(async () => root.unmount());
  expect(complaints, 'React has something to say').not.toHaveBeenCalled();
});

const render = (node: ReactNode) => act(async () => root.render(node));
const real = (fake: FakeClient) => fake as unknown as Client;
const onlyClient = () => {
  expect(FakeClient.made).toHaveLength(1);
  return FakeClient.made[0]!;
};
const refusal = (text: string) => new FayeError(403, [], text);

// What components under test wrote down.
let heard: unknown[][] = [];
let shown: Connection[] = [];
beforeEach(() => {
  heard = [];
  shown = [];
});

function Listening(props: { client: FakeClient; channel: string | null | undefined; name?: string }) {
  const error = useSubscription<string>(real(props.client), props.channel, (data, channel) => {
    heard.push([props.name, data, channel]);
  });
  return <p>{error?.message}</p>;
}

function Owning({ endpoint = '/faye', token }: { endpoint?: string; token?: string }) {
  const client = useClient(endpoint, token ? { token } : undefined);
  return <Listening client={client as unknown as FakeClient} channel="/news" />;
}

function Showing({ client }: { client: FakeClient }) {
  const connection = useConnection(real(client));
  shown.push(connection);
  return <p>{`${connection.state} ${connection.reason ?? '-'} ${connection.transport ?? '-'}`}</p>;
}

test('a client is made once, with the options of the first rendering', async () => {
  await render(<Owning token="first" />);
  await render(<Owning token="second" />);
  const client = onlyClient();
  expect(client.endpoint).toBe('/faye');
  expect(client.options).toEqual({ token: 'first' });
  expect(client.disconnects).toBe(0);
});

test('a client is disconnected when its component goes, after the subscriptions below were cancelled', async () => {
  await render(<Owning />);
  const client = onlyClient();
  const disconnect = vi.spyOn(client, 'disconnect').mockImplementation(() => expect(client.active).toEqual([]));
  await render(null);
  expect(disconnect).toHaveBeenCalledTimes(1);
});

test('StrictMode leaves one client connected with one subscription, and disconnects it once', async () => {
  await render(<StrictMode><Owning /></StrictMode>);
  const used = FakeClient.made.filter((client) => client.subscriptions.length > 0);
  expect(used).toHaveLength(1);
  const client = used[0]!;
  expect(client.disconnects).toBe(0);
  expect(client.active).toHaveLength(1);
  await render(null);
  expect(client.disconnects).toBe(1);
  expect(client.active).toEqual([]);
});

test('another endpoint is another client, to which the subscriptions move', async () => {
  await render(<Owning endpoint="/one" />);
  await render(<Owning endpoint="/two" />);
  const [one, two] = FakeClient.made as [FakeClient, FakeClient];
  expect(FakeClient.made).toHaveLength(2);
  expect([one.disconnects, one.active.length]).toEqual([1, 0]);
  expect([two.disconnects, two.active.length, two.endpoint]).toEqual([0, 1, '/two']);
});

test('what React hid and shows again has a client that works', async () => {
  const view = (mode: 'visible' | 'hidden') => <Activity mode={mode}><Owning /></Activity>;
  await render(view('visible'));
  await render(view('hidden'));
  const first = onlyClient();
  expect(first.disconnects).toBe(1);
  await render(view('visible'));
  const [, second] = FakeClient.made as [FakeClient, FakeClient];
  expect(FakeClient.made).toHaveLength(2);
  expect([second.disconnects, second.active.length]).toEqual([0, 1]);
  expect(first.active).toEqual([]);
});

test('a listener gets the data and the channel', async () => {
  const client = new FakeClient();
  await render(<Listening client={client} channel="/news/*" name="a" />);
  client.active[0]!.deliver('/news/today', 'hello');
  expect(heard).toEqual([['a', 'hello', '/news/today']]);
});

test('the newest listener is called, and nothing is subscribed anew for it', async () => {
  const client = new FakeClient();
  await render(<Listening client={client} channel="/news" name="a" />);
  await render(<Listening client={client} channel="/news" name="b" />);
  expect(client.subscriptions).toHaveLength(1);
  client.active[0]!.deliver('/news', 'hello');
  expect(heard).toEqual([['b', 'hello', '/news']]);
});

test('another channel is another subscription, and the old one is silent', async () => {
  const client = new FakeClient();
  await render(<Listening client={client} channel="/one" />);
  await render(<Listening client={client} channel="/two" />);
  expect(client.subscriptions.map(({ channel, isCancelled }) => [channel, isCancelled])).toEqual([
    ['/one', true],
    ['/two', false],
  ]);
  client.subscriptions[0]!.deliver('/one', 'late');
  expect(heard).toEqual([]);
});

test('another client gets the subscription', async () => {
  const [one, two] = [new FakeClient(), new FakeClient()];
  await render(<Listening client={one} channel="/news" />);
  await render(<Listening client={two} channel="/news" />);
  expect([one.active.length, two.active.length]).toEqual([0, 1]);
});

test.each([null, undefined])('%s is no channel', async (none) => {
  const client = new FakeClient();
  await render(<Listening client={client} channel={none} />);
  expect(client.subscriptions).toEqual([]);
  await render(<Listening client={client} channel="/news" />);
  expect(client.active).toHaveLength(1);
  await render(<Listening client={client} channel={none} />);
  expect(client.active).toEqual([]);
});

test('StrictMode leaves one subscription, and none when the component goes', async () => {
  const client = new FakeClient();
  await render(<StrictMode><Listening client={client} channel="/news" /></StrictMode>);
  expect(client.active).toHaveLength(1);
  client.active[0]!.deliver('/news', 'once');
  expect(heard).toHaveLength(1);
  await render(null);
  expect(client.active).toEqual([]);
});

test('a refusal is shown until there is another channel', async () => {
  const client = new FakeClient();
  await render(<Listening client={client} channel="/secret" />);
  await act(async () => client.active[0]!.refuse(refusal('Not for you')));
  expect(place.textContent).toBe('Not for you');
  await render(<Listening client={client} channel="/news" />);
  expect(place.textContent).toBe('');
});

test('the refusal of a subscription that was cancelled is not shown', async () => {
  const client = new FakeClient();
  await render(<Listening client={client} channel="/secret" />);
  await render(<Listening client={client} channel="/news" />);
  await act(async () => client.subscriptions[0]!.refuse(refusal('Not for you')));
  expect(place.textContent).toBe('');
});

test('the connection is shown as it changes', async () => {
  const client = new FakeClient();
  await render(<Showing client={client} />);
  expect(place.textContent).toBe('unconnected - -');
  await act(async () => client.become('connected', 'handshake', 'long-polling'));
  expect(place.textContent).toBe('connected handshake long-polling');
  client.transport = 'websocket';
  await act(async () => client.emit('transport:up'));
  expect(place.textContent).toBe('connected handshake websocket');
  await act(async () => client.become('interrupted', 'network'));
  expect(place.textContent).toBe('interrupted network -');
});

test('a component that comes later shows the same, and an event that changes nothing renders nothing', async () => {
  const client = new FakeClient();
  await render(<Showing client={client} />);
  await act(async () => client.become('connected', 'handshake', 'websocket'));
  await render(<><Showing client={client} /><Showing client={client} /></>);
  expect(place.textContent).toBe('connected handshake websocket'.repeat(2));
  const renderings = shown.length;
  await act(async () => client.become('connected', 'handshake', 'websocket'));
  expect(shown).toHaveLength(renderings);
  expect(shown.at(-1)).toBe(shown.at(-2));
});

test('another client is listened to, and at the end none', async () => {
  const [one, two] = [new FakeClient(), new FakeClient()];
  two.state = 'connected';
  await render(<StrictMode><Showing client={one} /></StrictMode>);
  await render(<StrictMode><Showing client={two} /></StrictMode>);
  expect(place.textContent).toBe('connected - -');
  expect(one.listenerCount).toBe(0);
  await act(async () => one.become('disconnected', 'asked'));
  expect(place.textContent).toBe('connected - -');
  await render(null);
  expect(two.listenerCount).toBe(0);
});

function Page() {
  const client = useClient('/faye') as unknown as FakeClient;
  return <><Listening client={client} channel="/news" /><Showing client={client} /></>;
}

test('a server renders a page without using the client, and the browser takes it over', async () => {
  const html = renderToString(<Page />);
  expect(html).toContain('unconnected - -');
  expect(onlyClient().subscriptions).toEqual([]);
  expect(onlyClient().listenerCount).toBe(0);

  const page = document.createElement('div');
  page.innerHTML = html;
  const mended = vi.fn();
  const taken = await act(async () => hydrateRoot(page, <Page />, { onRecoverableError: mended }));
  const client = FakeClient.made.at(-1)!;
  expect(mended).not.toHaveBeenCalled();
  expect(client.active).toHaveLength(1);
  await act(async () => client.become('connected', 'handshake', 'websocket'));
  expect(page.textContent).toBe('connected handshake websocket');
  await act(async () => taken.unmount());
});

test('a client that is connected before the page is taken over is shown so afterwards', async () => {
  const client = new FakeClient();
  const page = document.createElement('div');
  page.innerHTML = renderToString(<Showing client={client} />);
  client.become('connected', 'handshake', 'websocket');
  const taken = await act(async () => hydrateRoot(page, <Showing client={client} />));
  expect(page.textContent).toBe('connected - websocket');
  await act(async () => taken.unmount());
});
