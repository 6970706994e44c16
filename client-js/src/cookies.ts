/**
 * Cookies in Node, as far as a load balancer needs them to find the same server again: one host, no file.
 */

const MOST_COOKIES = 50;

export class Cookies {
  #byHost = new Map<string, Map<string, string>>();

  /** The value of the header, if there is anything to send. */
  header({ host }: URL): string | undefined {
    const cookies = this.#byHost.get(host);
    if (!cookies?.size) return undefined;
    return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  store({ host }: URL, lines: string[]): void {
    const cookies = this.#byHost.get(host) ?? new Map<string, string>();
    this.#byHost.set(host, cookies);
    for (const line of lines) {
      const [, name, value, attributes] = /^\s*([^=;\s]+)=([^;]*)(.*)$/.exec(line) ?? [];
      if (name === undefined) continue;
      const age = /;\s*max-age=(-?\d+)/i.exec(attributes!)?.[1];
      const expires = /;\s*expires=([^;]+)/i.exec(attributes!)?.[1];
      const isOver = age !== undefined ? Number(age) <= 0 : expires !== undefined && Date.parse(expires) < Date.now();
      if (isOver) cookies.delete(name);
      else if (cookies.has(name) || cookies.size < MOST_COOKIES) cookies.set(name, value!.trim());
    }
  }
}
