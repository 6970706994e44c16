// An Express application that publishes each note to the browsers. Run it with: npm start

import { readFileSync } from 'node:fs';
import express from 'express';
import { FayePublisher } from './faye-publisher.mjs';

const { FAYE_URL = 'http://127.0.0.1:8000/faye', FAYE_PUSH_SECRET, PORT = '3000' } = process.env;
if (!FAYE_PUSH_SECRET) throw new Error('Set FAYE_PUSH_SECRET.');

const publisher = new FayePublisher({ url: FAYE_URL, secret: FAYE_PUSH_SECRET });
const page = readFileSync(new URL('../page/index.html', import.meta.url), 'utf8').replaceAll('{{faye}}', FAYE_URL);
const app = express();

app.get('/', (_request, response) => response.type('html').send(page));

app.post('/notes', express.urlencoded({ extended: false, limit: '10kb' }), async (request, response) => {
  const text = request.body?.text;
  if (typeof text !== 'string') return response.status(400).type('text').send('The field text is missing.\n');
  try {
    await publisher.publish('/notes', { text: text.slice(0, 200) });
    response.status(204).end();
  } catch (error) {
    console.error(`publish failed: ${error.message}`);
    response.status(502).type('text').send('The note could not be published.\n');
  }
});

app.listen(Number(PORT), '127.0.0.1');
