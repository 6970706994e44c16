// Cuts what a client and Redis say to each other (RESP 2 and 3) into whole frames, for those who stand in between.

const LINE_END = '\r\n';
const [BULK, AGGREGATE] = ['$=!', '*~>%|'];

/** Where the frame that begins at an offset ends, or null if it is not all there yet. */
function endOf(bytes, offset) {
  const lineEnd = bytes.indexOf(LINE_END, offset);
  if (lineEnd < 0) return null;
  const kind = String.fromCharCode(bytes[offset]);
  let end = lineEnd + LINE_END.length;
  const length = Number(bytes.toString('latin1', offset + 1, lineEnd));
  if (BULK.includes(kind)) {
    if (length >= 0) end += length + LINE_END.length;
    return end <= bytes.length ? end : null;
  }
  if (!AGGREGATE.includes(kind)) return end;
  // Attributes stand before what they belong to.
  const parts = kind === '%' ? 2 * length : kind === '|' ? 2 * length + 1 : length;
  for (let part = 0; part < parts && end !== null; part += 1) end = endOf(bytes, end);
  return end;
}

export class RedisFrames {
  #bytes = Buffer.alloc(0);

  /** Takes what has come and gives the frames that are whole now. */
  take(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const frames = [];
    let offset = 0;
    for (let end = endOf(this.#bytes, 0); end !== null; end = endOf(this.#bytes, offset)) {
      frames.push(this.#bytes.subarray(offset, end));
      offset = end;
    }
    this.#bytes = this.#bytes.subarray(offset);
    return frames;
  }
}
