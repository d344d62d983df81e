// Which prompt is shown: the next open one, or one that the speaker went back to.

export class Prompts {
  constructor(listed) {
    this.listed = listed;
    this.current = this.nextOpen(-1);
    this.history = [];
  }

  get prompt() {
    return this.listed[this.current] ?? null;
  }

  get done() {
    return this.listed.filter(({ takes, is_skipped }) => takes || is_skipped).length;
  }

  // The first open prompt after a place, then from the start; -1 if there is none.
  nextOpen(place) {
    const isOpen = ({ takes, is_skipped }) => !takes && !is_skipped;
    const after = this.listed.findIndex((prompt, i) => i > place && isOpen(prompt));
    return after >= 0 ? after : this.listed.findIndex(isOpen);
  }

  go() {
    if (this.current >= 0) this.history.push(this.current);
    this.current = this.nextOpen(this.current);
  }

  back() {
    if (!this.history.length) return false;
    this.current = this.history.pop();
    return true;
  }

  taken() {
    this.prompt.takes += 1;
    this.prompt.is_skipped = false;
  }

  // The pictures that come next, so that they are there when the network is not.
  coming(count) {
    const found = [];
    for (let i = this.current + 1; i < this.listed.length && found.length < count; i += 1) {
      if (!this.listed[i].takes && !this.listed[i].is_skipped && this.listed[i].has_image) found.push(this.listed[i]);
    }
    return found;
  }
}
