// A topic: a resource that names its hub and has a number of versions, and the server that serves it.

import { Web } from './web.mjs';

const linkHeader = ({ hubs, self }) => [
  ...hubs.map((hub) => `<${hub}>; rel="hub"`), ...(self ? [`<${self}>; rel="self"`] : []),
].join(', ');

export class Topic {
  /** Every request for this topic, in order. */
  requests = [];
  version = 0;

  /**
   * @param url      where it is
   * @param options  `type`: its Content-Type; `content(version, topic)`: its body; `hubs`, `self`: what it names in a Link
   *                 header; `links`: false for no Link header; `answer(request, topic)`: in place of all this, or null
   */
  constructor(url, { type = 'text/plain; charset=utf-8', content, hubs, self = url, links = true, answer } = {}) {
    this.url = url;
    this.path = new URL(url).pathname;
    Object.assign(this, { type, hubs, self, links, answer });
    this.content = content ?? ((version) => `version ${version} of ${url}\n`);
  }

  /** The body of a version, now the current one. */
  body(version = this.version) {
    return Buffer.from(this.content(version, this));
  }

  response(request) {
    const special = this.answer?.(request, this);
    if (special) return special;
    const headers = { 'Content-Type': this.type, ETag: `"${this.version}"`, ...(this.links && { Link: linkHeader(this) }) };
    if (request.headers['if-none-match'] === headers.ETag) return { status: 304, headers: { ETag: headers.ETag } };
    return { status: 200, headers, body: this.body() };
  }
}

/** A server with any number of topics. */
export class TopicServer {
  #topics = new Map();
  #count = 0;

  static async start(options) {
    const server = new TopicServer();
    server.web = await Web.start((request) => server.#answer(request), options);
    return server;
  }

  #answer(request) {
    const topic = this.#topics.get(request.path);
    if (!topic) return { status: 404 };
    topic.requests.push(request);
    return topic.response(request);
  }

  /** Adds a topic with a path of its own: `name` stands in its path, and `suffix` after it. */
  add(options, name = 'topic', suffix = '') {
    this.#count += 1;
    const topic = new Topic(`${this.web.origin}/${name}/${this.#count}${suffix}`, options);
    this.#topics.set(topic.path, topic);
    return topic;
  }
}
