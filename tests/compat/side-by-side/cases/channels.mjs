// The grammar of channels: names for publishing, names and patterns for subscribing.

import { post, session } from '../harness/steps.mjs';

const texts = [
  '/a', '/a/b', '/a/b/c/d/e/f', '/A', '/0', '/0/1', '/a-b', '/a_b', '/a!b', '/a~b', '/a(b)', '/a$b', '/a@b',
  '/-', '/_', '/!', '/~', '/(', '/)', '/$', '/@', '/foo/$@~!()_-', `/${'x'.repeat(900)}`, '/__proto__', '/constructor',
  '/hasOwnProperty/toString', '/service-x', '/metafoo', '/Meta/x',
  '', '/', '//', 'a', 'a/b', '/a/', '//a', '/a//b', '/ ', '/a b', ' /a', '/a ', '/a.b', '/a:b', '/a%20b', '/a,b', '/a+b',
  '/a=b', '/a&b', '/a#b', '/a?b', '/a;b', '/a"b', "/a'b", '/a\\b', '/a[b]', '/a{b}', '/a|b', '/a^b', '/a`b', '/a<b>',
  '/a\n', '/a\r\n', '\n/a', '/a\nb', '/a\t', '/a\u0000', '/é', '/日本', '/😀', '/a\u2028', '/ａ', '/aＫ', '/ſ', '/K',
  '/*', '/**', '/a/*', '/a/**', '/a/b/*', '/a/b/**', '/a*', '/*a', '/a/*b', '/a/b*', '/***', '/a/***', '/*/a', '/**/a',
  '/*/*', '/**/**', '/*/**', '/**/*', '/a/*/b', '/a/**/b', '*', '**', '/*/', '/**/', '/* ', '/a/*\n', '/a/* /',
];

const label = (text) => JSON.stringify(text.length > 60 ? `${text.slice(0, 20)}... of ${text.length}` : text);

export const cases = [
  ...texts.map((channel) => ({ name: `publish to ${label(channel)}`, steps: [post([{ channel, data: 1 }])] })),
  ...texts.map((subscription) => ({
    name: `subscribe to ${label(subscription)}`,
    steps: [session('alice'), post([{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription }]),
      post([{ channel: '/meta/unsubscribe', clientId: '{{alice}}', subscription }])],
  })),
];
