// Decisions about pictures on their way to the server: kept in this browser until the server has them on its disk.

const BATCH = 500;
const RETRY_MS = 2000;

// `changed(unsaved, why)` is called with the number of decisions that the server does not have yet.
export function startSaving(context, changed) {
  const stored = `earmark tags ${context.project.folder}`;
  let queue = JSON.parse(localStorage.getItem(stored) ?? "[]");
  let sending = false;
  let timer = 0;

  const store = () => localStorage.setItem(stored, JSON.stringify(queue));
  const send = async () => {
    if (sending || !queue.length) return;
    sending = true;
    const some = queue.slice(0, BATCH);
    try {
      await context.http.post("/api/studio/tags", { changes: some });
      queue = queue.slice(some.length);
      store();
      changed(queue.length, "");
    } catch (error) {
      if (error instanceof context.http.RequestError) { // such as a picture that another window removed
        queue = queue.slice(some.length);
        store();
        context.problem(error);
        changed(queue.length, "");
      } else {
        changed(queue.length, error.message);
        timer = setTimeout(send, RETRY_MS);
      }
    } finally {
      sending = false;
    }
    if (queue.length && !timer) await send();
    timer = 0;
  };
  context.onLeave(() => clearTimeout(timer));
  if (queue.length) send();
  return {
    add(changes) {
      queue.push(...changes);
      store();
      changed(queue.length, "");
      send();
    },
    pending: (word) => new Map(queue.filter((change) => change.word === word).map(({ image, verdict }) => [image, verdict])),
  };
}
