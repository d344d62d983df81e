// Starts the page: each part watches the state, and the archive's own words come first.

import { startAbout } from "./about.js";
import { getArchive } from "./api.js";
import { askAddress, askLike, startAsking } from "./search-box.js";
import { movePlayhead, startBench } from "./hit-view.js";
import { onSaved, resume } from "./judgements.js";
import { startKeys } from "./shortcuts.js";
import { startList } from "./results-list.js";
import { movePlayheadInWhole, startOverview } from "./recording-view.js";
import { onPlayhead } from "./player.js";
import { startProgress } from "./status.js";
import { searchAgain } from "./search.js";
import { startWelcome } from "./start-view.js";
import { change } from "./state.js";
import { putWords } from "./i18n.js";

putWords(document);
startAbout();
startWelcome();
startList();
startBench(askLike);
startOverview();
startProgress();
startKeys();
onSaved(searchAgain);
onPlayhead((seconds) => {
  movePlayhead(seconds);
  movePlayheadInWhole(seconds);
});

try {
  change({ archive: await getArchive() });
  resume();
  startAsking();
  askAddress();
} catch (error) {
  change({ phase: "failed", failure: { sentence: error.message, nearest: [] } });
}
