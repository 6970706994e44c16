// What a page does with Faye's client, by its documentation alone. It is sent to
// the page as source text, so it uses nothing from outside.

/** @returns what happened, by subject, in the order of each */
export async function fayesPage(disabled) {
  const recorded = {};
  const record = (subject, ...values) => (recorded[subject] ??= []).push(...values);
  const settled = (deferrable) => new Promise((resolve) => {
    deferrable.callback(() => resolve('succeeded'));
    deferrable.errback((error) => resolve(`${error.code} ${error.params} ${error.message}`));
  });

  const lines = { text: 0, info: 0 };
  Faye.logger = (line) => { lines.text += typeof line === 'string' && line.startsWith('[Faye') ? 1 : 0; };
  const client = new Faye.Client('/faye', { timeout: 120, retry: 1 });
  for (const feature of disabled) client.disable(feature);
  client.setHeader('X-Test', 'seen');
  record('constants', client.UNCONNECTED, client.CONNECTED, typeof Faye.VERSION, typeof Faye.Scheduler);

  const two = {
    added: (owner) => record('extension', `added ${owner === client}`),
    removed: () => record('extension', 'removed'),
    outgoing(message, callback) {
      if (message.channel === '/meta/subscribe') record('extension', `out ${message.subscription}`);
      if (message.channel === '/dropped') message.channel = '/renamed';
      callback(message);
    },
    incoming(message, callback) {
      if (message.channel === '/changed' && message.data) message.data = `${message.data}, changed`;
      callback(message);
    },
  };
  const three = {
    incoming(message, request, callback) {
      if (message.channel === '/meta/handshake') record('three parameters', request === null, message.successful);
      callback(message);
    },
  };
  client.addExtension(two);
  client.addExtension(three);

  const context = { name: 'context' };
  const up = function () { record('transport', `up ${this.name}`); };
  client.bind('transport:up', up, context);
  client.on('transport:down', () => record('transport', 'down'));
  await new Promise((resolve) => { client.connect(resolve); });
  client.unbind('transport:up', up, context);

  const exact = client.subscribe('/exact', function (data) { record('exact', this.name, data); }, context);
  record('subscribe', await settled(exact));
  const heard = new Promise((resolve) => {
    client.subscribe('/wild/*').withChannel(function (channel, data) {
      record('wild', this.name, channel, data);
      if (data === 'last') resolve();
    }, context);
  });
  const deep = client.subscribe('/wild/**', (data) => record('deep', data));
  const heardDeep = new Promise((resolve) => { client.subscribe('/wild/a/b', resolve); });
  await deep;
  client.subscribe('/changed', (data) => record('changed', data));
  const renamed = client.subscribe('/renamed', (data) => record('renamed', data));
  await renamed.then(() => record('then', 'resolved'));
  record('refused', await settled(client.subscribe('/meta/refused')));
  record('refused', await settled(client.publish('/not/*', 1)));
  record('refused', await client.publish('/not/**', 1).then(() => 'resolved', (error) => error.code));

  record('publish', await settled(client.publish('/exact', { nested: [1, null, 'żółć'] })));
  await client.publish('/changed', 'data');
  await client.publish('/dropped', 'elsewhere');
  await client.publish('/wild/a', 1);
  await client.publish('/wild/a/b', 'deeper');
  await heardDeep;
  exact.cancel();
  deep.cancel();
  await client.publish('/exact', 'nobody hears it');
  await client.publish('/wild/b', 'last', { attempts: 3, deadline: 30 });
  await heard;
  client.removeExtension(two);

  Faye.logger = { info: () => { lines.info += 1; }, debug() {}, warn() {}, error() {} };
  for (const wrong of [() => new Faye.Client('/faye', { unknown: true }), () => client.publish('/x', 1, { unknown: true })]) {
    try {
      wrong();
      record('options', 'accepted');
    } catch (error) {
      record('options', error instanceof Error);
    }
  }
  const other = new Faye.Client('/faye');
  other.disable('websocket');
  other.setHeader('X-Test', 'seen');
  await other.publish('/x', 1);
  other.disconnect();
  client.disconnect();
  record('logger', lines.text > 0, lines.info > 0);
  return recorded;
}
