// Runs in the browser's audio thread: collects the microphone's samples into blocks and posts them.

const BLOCK = 2048; // samples: 43 ms at 48 kHz

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.start();
    // Whoever stops recording needs the block that is under way, too.
    this.port.onmessage = ({ data }) => {
      this.port.postMessage({ samples: this.block.slice(0, this.filled), flushed: data.flush });
      this.filled = 0;
    };
  }

  start() {
    this.block = new Float32Array(BLOCK);
    this.filled = 0;
  }

  process([input]) {
    const samples = input.length > 1 && isBlank(input[0]) ? input[1] : input[0]; // some sound cards use the second input
    if (!samples) return true;
    let from = 0;
    while (from < samples.length) {
      const part = samples.subarray(from, from + BLOCK - this.filled);
      this.block.set(part, this.filled);
      this.filled += part.length;
      from += part.length;
      if (this.filled === BLOCK) {
        this.port.postMessage({ samples: this.block }, [this.block.buffer]);
        this.start();
      }
    }
    return true;
  }
}

const isBlank = (samples) => samples.every((sample) => sample === 0);

registerProcessor("capture", Capture);
