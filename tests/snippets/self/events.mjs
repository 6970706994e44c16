// A reporter for the tests of the runner: a line of JSON for each test that ended.

export default async function* events(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { cause } = data.details.error ?? {};
    yield `${JSON.stringify({ name: data.name, passed: type === 'test:pass', message: cause?.message ?? String(cause ?? '') })}\n`;
  }
}
