// Takes and consents that are not on the laptop's disk yet: in the browser's database until the server has answered with
// their SHA-256. They are sent one after the other, again and again, while the next is spoken.

const DATABASE = "earmark-outbox";
const STORE = "entries";
const PAUSES_S = [0.5, 1, 2, 4, 8, 15];

const COUNTED = ["take", "consent"]; // what people miss if it is lost; the rest are translations and skipped prompts

// An entry: { id, project, speaker, at, kind, address, parameters, bytes, type, method, sha256 }, where the server's answer
// has the same SHA-256, if it is given.
export class Outbox {
  // project, speaker: whose entries are sent; http: of http.js; onChange: called after each change.
  constructor({ project, speaker, http, onChange = () => {}, onStored = () => {} }) {
    Object.assign(this, { project, speaker, http, onChange, onStored });
    this.refused = new Map(); // sentences by id
    this.waiting = 0;
    this.failures = 0;
    this.isClosed = false;
    this.isWoken = false;
    this.online = () => { this.failures = 0; this.wake(); };
    addEventListener("online", this.online);
  }

  async open() {
    try {
      this.store = await openDatabase();
    } catch {
      this.store = new Memory(); // a private window has no database: takes last as long as the page
    }
    await navigator.storage?.persist?.().catch(() => false);
    await this.count();
    this.send();
    return this;
  }

  close() {
    this.isClosed = true;
    removeEventListener("online", this.online);
    this.wake();
  }

  // Resolves once the entry is in the browser's database.
  async add(entry) {
    await this.store.put({ at: Date.now(), ...entry, project: this.project, speaker: this.speaker });
    await this.count();
    this.wake();
  }

  async entries() {
    const all = await this.store.getAll();
    const own = all.filter(({ project, speaker }) => project === this.project && speaker === this.speaker);
    return own.sort((one, other) => one.at - other.at); // a take is sent before its translation
  }

  async count() {
    this.waiting = (await this.entries()).filter(({ kind }) => COUNTED.includes(kind)).length;
    this.onChange(this);
  }

  // Those that the server refused for good, with its sentences.
  async stuck() {
    const refused = (await this.entries()).filter(({ id, kind }) => this.refused.has(id) && COUNTED.includes(kind));
    return refused.map((entry) => ({ entry, reason: this.refused.get(entry.id) }));
  }

  // Forgets an entry, after people have saved it elsewhere.
  async remove(id) {
    await this.store.delete(id);
    this.refused.delete(id);
    await this.count();
  }

  retry() {
    this.refused.clear();
    this.failures = 0;
    this.wake();
  }

  async send() {
    while (!this.isClosed) {
      const entry = (await this.entries()).find(({ id }) => !this.refused.has(id));
      if (!entry) await this.pause(null);
      else if (!(await this.sendOne(entry))) await this.pause(PAUSES_S[Math.min(this.failures - 1, PAUSES_S.length - 1)]);
    }
  }

  async sendOne(entry) {
    try {
      const { address, parameters, bytes, type = "application/octet-stream", method = "PUT" } = entry;
      const answer = await this.http.upload(address, parameters, new Blob([bytes], { type }), { method });
      if (entry.sha256 && answer.sha256 !== entry.sha256) throw new Error(answer.sha256);
      await this.store.delete(entry.id);
      this.failures = 0;
      this.onStored(entry, answer);
      await this.count();
      return true;
    } catch (error) {
      this.failures += 1;
      const isFinal = !this.http.mayRetry(error);
      if (isFinal) this.refused.set(entry.id, error.message);
      this.problem = error.message;
      await this.count();
      return isFinal; // the others are sent all the same
    }
  }

  wake() {
    this.isWoken = true;
    this.go?.();
  }

  async pause(seconds) {
    if (!this.isWoken) {
      await new Promise((resolve) => {
        this.go = resolve;
        if (seconds !== null) setTimeout(resolve, seconds * 1000);
      });
    }
    this.isWoken = false;
  }
}

class Database {
  constructor(database) {
    this.database = database;
  }

  put = (entry) => this.change("readwrite", (store) => store.put(entry));
  delete = (id) => this.change("readwrite", (store) => store.delete(id));
  getAll = () => this.change("readonly", (store) => store.getAll());

  async change(mode, act) {
    const transaction = this.database.transaction(STORE, mode, { durability: "strict" });
    const request = act(transaction.objectStore(STORE));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
    return request.result;
  }
}

class Memory {
  constructor() {
    this.all = new Map();
  }

  put = async (entry) => { this.all.set(entry.id, entry); };
  delete = async (id) => { this.all.delete(id); };
  getAll = async () => [...this.all.values()];
}

function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(new Database(request.result));
    request.onerror = () => reject(request.error);
  });
}

export const asBytes = (content) => new TextEncoder().encode(JSON.stringify(content)).buffer;

export const newId = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
