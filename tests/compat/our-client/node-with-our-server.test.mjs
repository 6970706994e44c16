// Drives our server with our npm package in Node, over every transport.

import { after } from 'node:test';

import { installClient } from '../lib/installed-client.mjs';
import { registerNodeScenarios } from '../lib/node-scenarios.mjs';
import { OUR_SERVER } from '../lib/server.mjs';

const client = installClient({ how: 'import', withWs: true });
after(client.remove);
registerNodeScenarios('our client', client.module, OUR_SERVER);
