// The last samples that came, at most `size` of them.

export class Ring {
  constructor(size) {
    this.samples = new Float32Array(size);
    this.next = 0;
    this.filled = 0;
  }

  add(block) {
    const { length } = this.samples;
    const part = block.subarray(Math.max(0, block.length - length));
    const toEnd = Math.min(part.length, length - this.next);
    this.samples.set(part.subarray(0, toEnd), this.next);
    this.samples.set(part.subarray(toEnd), 0);
    this.next = (this.next + part.length) % length;
    this.filled = Math.min(length, this.filled + part.length);
  }

  // The samples in their order; the ring is empty afterwards.
  take() {
    const { length } = this.samples;
    const first = (this.next - this.filled + length) % length;
    const out = new Float32Array(this.filled);
    for (let i = 0; i < this.filled; i += 1) out[i] = this.samples[(first + i) % length];
    this.next = this.filled = 0;
    return out;
  }
}
