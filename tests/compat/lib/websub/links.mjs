// Link headers (RFC 8288) as hubs write them.

/** The links of all Link fields of a request: `[{ url, rel }]`, one for each relation. */
export function parseLinks({ rawHeaders }) {
  const values = rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1].toLowerCase() === 'link');
  return values.flatMap((value) => [...value.matchAll(/<([^>]*)>\s*((?:;\s*[\w*]+\s*=\s*(?:"[^"]*"|[^\s,;"]+)\s*)*)/g)])
    .flatMap(([, url, parameters]) => {
      const [, quoted, plain] = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s,;"]+))/i.exec(parameters) ?? [];
      return (quoted ?? plain ?? '').toLowerCase().split(/\s+/).filter(Boolean).map((rel) => ({ url, rel }));
    });
}
