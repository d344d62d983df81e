// Starts the page: the views first, then the archive, then the search that the page's address names.

import { getArchive, getLexicon } from "./api.js";
import { find } from "./dom.js";
import { movePlayhead, startHitView } from "./hit-view.js";
import { translate } from "./i18n.js";
import { onSaved, resumeSaving } from "./judgements.js";
import { startLanguage } from "./language-menu.js";
import { onPlayhead } from "./player.js";
import { moveRecordingPlayhead, startRecordingView } from "./recording-view.js";
import { startResultsList } from "./results-list.js";
import { repeatSearch } from "./search.js";
import { searchFromAddress, startSearchBox } from "./search-box.js";
import { startShortcuts } from "./shortcuts.js";
import { startStartView } from "./start-view.js";
import { update } from "./state.js";
import { startStatus } from "./status.js";
import { startTeaching } from "./teaching.js";

await startLanguage(() => location.reload()); // the page's address repeats the search
translate(document);
find("#to-project").hidden = location.pathname !== "/find"; // the studio's address of this page
startStartView();
startResultsList();
startHitView();
startRecordingView();
startStatus();
startTeaching();
startShortcuts();
onSaved(repeatSearch);
onPlayhead((seconds) => {
  movePlayhead(seconds);
  moveRecordingPlayhead(seconds);
});

try {
  const [archive, words] = await Promise.all([getArchive(), getLexicon()]);
  update({ archive: { ...archive, words } });
  resumeSaving();
  startSearchBox();
  searchFromAddress();
} catch (error) {
  update({ phase: "failed", failure: { message: error.message, suggestions: [] } });
}
document.body.dataset.started = ""; // for tests: from here on all that is typed is answered
