// Does by its channel what no extension should.
const kept = [];
let calls = 0;

function deep(n) {
  return n + deep(n + 1);
}

const troubles = {
  '/throw'() {
    throw new Error('on purpose');
  },
  '/throw-null'() {
    throw null;
  },
  '/loop'() {
    for (;;);
  },
  '/caught-loop'() {
    try {
      for (;;);
    } finally {
      for (;;);
    }
  },
  '/regex'() {
    return /^(a+)+$/.test('a'.repeat(60) + 'b');
  },
  '/stuck'() {
    Array.prototype.reverse.call({ length: Number.MAX_SAFE_INTEGER });
  },
  '/silent'() {},
  '/twice'(message, callback) {
    callback(message);
    message.data = 'changed too late';
    callback(message);
  },
  '/null'(message, callback) {
    callback(null);
  },
  '/odd'(message, callback) {
    callback('odd');
  },
  '/cycle'(message, callback) {
    message.data = { message };
    callback(message);
  },
  '/deep'() {
    deep(0);
  },
  '/hog'() {
    const hog = [];
    for (;;) hog.push('x'.repeat(100000) + hog.length);
  },
  '/hog-kept'() {
    for (;;) kept.push(new Array(1000).fill(kept.length));
  },
  async '/reject'() {
    await null;
    throw new Error('rejected on purpose');
  },
  '/lost'() {
    Promise.reject(new Error('lost on purpose'));
  },
  '/promises'() {
    const again = () => Promise.resolve().then(again);
    again();
  },
  '/late-loop'(message, callback) {
    callback(message);
    for (;;);
  },
  '/timers'(message, callback) {
    let count = 0;
    try {
      for (;;) {
        setTimeout(() => {}, 1e9);
        count++;
      }
    } catch (error) {
      message.data = [count, error.message];
    }
    callback(message);
  },
  '/calls'(message, callback) {
    message.data = calls;
    callback(message);
  },
};

module.exports = {
  incoming(message, callback) {
    calls++;
    const trouble = Object.hasOwn(troubles, message.channel) && troubles[message.channel];
    return trouble ? trouble(message, callback) : callback(message);
  },
};
