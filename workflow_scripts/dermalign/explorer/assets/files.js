// Files that the page makes and reads: masks as PNG, zips. Nothing leaves the browser but by the reader's own hand.
(function () {
  "use strict";

  const TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
    let value = number;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    return value;
  });

  function crc32(bytes) {
    let value = 0xffffffff;
    for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
    return (value ^ 0xffffffff) >>> 0;
  }

  async function through(bytes, stream) {
    return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
  }

  function joined(parts) {
    const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let place = 0;
    for (const part of parts) {
      whole.set(part, place);
      place += part.length;
    }
    return whole;
  }

  /** Return numbers as bytes. @param {[number, number][]} values each with how many bytes it takes */
  function numbers(values, isLittle) {
    const bytes = new Uint8Array(values.reduce((length, [, width]) => length + width, 0));
    const view = new DataView(bytes.buffer);
    let place = 0;
    for (const [value, width] of values) {
      if (width === 4) view.setUint32(place, value, isLittle);
      else if (width === 2) view.setUint16(place, value, isLittle);
      else view.setUint8(place, value);
      place += width;
    }
    return bytes;
  }

  /**
   * Return the pixels inside regions as rows of bits, the first pixel the highest, as a PNG of one bit has them.
   * A pixel is inside where its middle is, by the even-odd rule in each region; regions are added to each other.
   * @param {[number, number][][]} regions polygons, in pixels
   */
  function pixelsInside(regions, width, height) {
    const stride = Math.ceil(width / 8);
    const bits = new Uint8Array(stride * height);
    for (const points of regions) {
      const ys = points.map(([, y]) => y);
      const first = Math.max(0, Math.floor(Math.min(...ys)));
      const last = Math.min(height - 1, Math.ceil(Math.max(...ys)));
      for (let row = first; row <= last; row += 1) {
        const middle = row + 0.5;
        const crossings = [];
        points.forEach(([x1, y1], place) => {
          const [x2, y2] = points[(place + 1) % points.length];
          if (y1 <= middle !== y2 <= middle) crossings.push(x1 + ((middle - y1) / (y2 - y1)) * (x2 - x1));
        });
        crossings.sort((a, b) => a - b);
        for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
          const start = Math.max(0, Math.ceil(crossings[pair] - 0.5));
          const stop = Math.min(width, Math.ceil(crossings[pair + 1] - 0.5));
          for (let column = start; column < stop; column += 1) bits[row * stride + (column >> 3)] |= 128 >> (column & 7);
        }
      }
    }
    return bits;
  }

  /** Return a black and white PNG of one bit a pixel. @param {Uint8Array} bits as `pixelsInside` gives them */
  async function png(bits, width, height) {
    const stride = Math.ceil(width / 8);
    const rows = new Uint8Array((stride + 1) * height); // each row begins with its filter, 0
    for (let row = 0; row < height; row += 1) rows.set(bits.subarray(row * stride, (row + 1) * stride), row * (stride + 1) + 1);
    const chunk = (name, content) => {
      const body = joined([new TextEncoder().encode(name), content]);
      return joined([numbers([[content.length, 4]], false), body, numbers([[crc32(body), 4]], false)]);
    };
    const header = numbers([[width, 4], [height, 4], [1, 1], [0, 1], [0, 1], [0, 1], [0, 1]], false);
    return joined([
      Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
      chunk("IHDR", header),
      chunk("IDAT", await through(rows, new CompressionStream("deflate"))),
      chunk("IEND", new Uint8Array(0)),
    ]);
  }

  const UTF8_NAMES = 0x0800;
  const FIRST_DATE = 0x0021; // 1980-01-01: equal content gives equal bytes

  /** Return a zip of files, which are stored as they are. @param {[string, Uint8Array][]} files */
  function zip(files) {
    const parts = [];
    const directory = [];
    let place = 0;
    for (const [name, content] of files) {
      const encoded = new TextEncoder().encode(name);
      const facts = [[20, 2], [UTF8_NAMES, 2], [0, 2], [0, 2], [FIRST_DATE, 2], [crc32(content), 4], [content.length, 4], [content.length, 4], [encoded.length, 2], [0, 2]];
      const local = joined([numbers([[0x04034b50, 4], ...facts], true), encoded, content]);
      directory.push(joined([numbers([[0x02014b50, 4], [20, 2], ...facts, [0, 2], [0, 2], [0, 2], [0, 4], [place, 4]], true), encoded]));
      parts.push(local);
      place += local.length;
    }
    const entries = joined(directory);
    const end = numbers([[0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [entries.length, 4], [place, 4], [0, 2]], true);
    return joined([...parts, entries, end]);
  }

  /** Return the content of one file of a zip as text. Throws an Error in words where it is none or lacks the file. */
  async function textInZip(bytes, wanted) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let end = bytes.length - 22;
    while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
    if (end < 0) throw new Error("it is no whole zip");
    let place = view.getUint32(end + 16, true);
    for (let count = view.getUint16(end + 10, true); count > 0; count -= 1) {
      const nameLength = view.getUint16(place + 28, true);
      const name = new TextDecoder().decode(bytes.subarray(place + 46, place + 46 + nameLength));
      if (name === wanted) {
        const local = view.getUint32(place + 42, true);
        const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
        const content = bytes.subarray(start, start + view.getUint32(place + 20, true));
        const isDeflated = view.getUint16(place + 10, true) === 8;
        return new TextDecoder().decode(isDeflated ? await through(content, new DecompressionStream("deflate-raw")) : content);
      }
      place += 46 + nameLength + view.getUint16(place + 30, true) + view.getUint16(place + 32, true);
    }
    throw new Error(`there is no ${wanted} in it`);
  }

  function base64(bytes) {
    let letters = "";
    for (let place = 0; place < bytes.length; place += 8192) letters += String.fromCharCode(...bytes.subarray(place, place + 8192));
    return btoa(letters);
  }

  /** Let the browser save a file. */
  function save(name, content, type) {
    const address = URL.createObjectURL(new Blob([content], { type }));
    const link = window.dermalign.element("a", { href: address, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  }

  Object.assign(window.dermalign, { pixelsInside, png, zip, textInZip, base64, save });
})();
