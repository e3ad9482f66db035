/* The list of episodes, its filters, and which episodes are open. */
const PAGE = 150;
const TYPING_MS = 200;
const ORDERS = { score: (line) => line.score, turns: (line) => -line.turns, segments: (line) => -line.segments.length };
const byId = (id) => document.getElementById(id);
let shown = [];
let limit = PAGE;
let current = { run: 0, position: 0 };
let numSearches = 0;
let numOpened = 0;

function makeStrip(lengths) {
  const bands = lengths.map((length, index) => make("i", { class: hue(index), style: `flex-grow:${length}` }));
  return make("span", { class: "strip", "aria-hidden": "true" }, ...bands);
}

function makeRow(position) {
  const line = runs[current.run].episodes[position];
  const facts = [plural(line.turns, "turn"), plural(line.segments.length, "segment")];
  if (line.milestones) facts.push(`${line.reached} of ${plural(line.milestones, "milestone")}`);
  if (line.outcome === "failure" && line.score > 0) facts.push(`score ${line.score}`);
  if (line.problems) facts.push(`${line.problems} ill-formed`);
  if (line.cutOff) facts.push(`${line.cutOff} cut off`);
  return make("li", {}, make(
    "button",
    { type: "button", "data-position": position, click: () => openEpisode(position) },
    make("span", { class: `outcome ${line.outcome}` }, OUTCOMES[line.outcome]),
    make("span", { class: "row-text" }, line.instruction),
    makeStrip(line.segments),
    make("span", { class: "row-facts" }, facts.join(", ")),
  ));
}

function rowOf(position) {
  return byId("rows").querySelector(`[data-position="${position}"]`);
}

/** Words, and phrases in quotes, in small letters. */
function readWords(text) {
  return [...text.toLowerCase().matchAll(/"([^"]+)"|[^\s"]+/g)].map(([word, phrase]) => phrase ?? word);
}

async function filterRows() {
  const search = (numSearches += 1);
  const words = readWords(byId("search").value);
  const lines = runs[current.run].episodes;
  let found = null;
  if (words.length && byId("deep").checked) {
    const tell = (share) => { byId("count").textContent = `searching, ${Math.round(100 * share)} %`; };
    found = await searchTurns(current.run, words, () => search !== numSearches, tell);
    if (search !== numSearches) return;
  }
  const hasWords = (position) => found ? found.has(position) : !words.length || words.every((word) => lineText(lines[position]).includes(word));
  showRows(lines.map((_, position) => position).filter((position) => fits(lines[position]) && hasWords(position)));
}

function fits(line) {
  const [outcome, type] = [byId("outcome").value, byId("type").value];
  const isWanted = !outcome || (outcome === "problems" ? line.problems + line.cutOff > 0 : line.outcome === outcome);
  return isWanted && (!type || line.type === type);
}

function showRows(positions) {
  const lines = runs[current.run].episodes;
  const rank = ORDERS[byId("order").value];
  shown = rank ? positions.sort((first, second) => rank(lines[first]) - rank(lines[second]) || first - second) : positions;
  limit = PAGE;
  byId("rows").replaceChildren(...shown.slice(0, limit).map(makeRow));
  byId("rows").scrollTop = 0;
  byId("count").textContent = shown.length || !lines.length ? `${shown.length} of ${plural(lines.length, "episode")}` : "No episode fits: loosen the search or the filters.";
  byId("more").hidden = shown.length <= limit;
  markCurrent();
}

function extendRows(count) {
  byId("rows").append(...shown.slice(limit, limit + count).map(makeRow));
  limit += count;
  byId("more").hidden = shown.length <= limit;
  markCurrent();
}

function markCurrent() {
  for (const button of byId("rows").querySelectorAll("[aria-current]")) button.removeAttribute("aria-current");
  rowOf(current.position)?.setAttribute("aria-current", "true");
}

function fillTypes() {
  const types = [...new Set(runs[current.run].episodes.map((line) => line.type))].filter(Boolean).sort();
  byId("type").replaceChildren(make("option", { value: "" }, "all"), ...types.map((type) => make("option", { value: type }, type)));
  byId("type-label").hidden = types.length === 0;
}

function fillBeside(wanted) {
  const others = runs.map((run, index) => ({ run, index })).filter(({ run, index }) => index !== current.run && run.world === runs[current.run].world);
  byId("beside").replaceChildren(make("option", { value: "" }, "nothing"), ...others.map(({ run, index }) => make("option", { value: index }, run.name)));
  if (others.some(({ index }) => String(index) === wanted)) byId("beside").value = wanted;
  byId("beside").parentElement.hidden = others.length === 0;
}

/** Return the episodes to show, one or two, and a sentence about the second. */
async function loadPages(position) {
  const [run, beside] = [runs[current.run], byId("beside").value];
  const line = run.episodes[position];
  const first = { run, line, episode: await loadEpisode(current.run, position) };
  if (beside === "") return { pages: [first], note: "" };
  const other = runs[Number(beside)];
  const place = findSameTask(Number(beside), line);
  if (place < 0) return { pages: [first], note: `${other.name} has not played this task.` };
  const second = { run: other, line: other.episodes[place], episode: await loadEpisode(Number(beside), place) };
  const isSameSeed = second.line.key === line.key;
  return { pages: [first, second], note: isSameSeed ? "" : `${other.name} played this task with another seed.` };
}

async function openEpisode(position) {
  const opened = (numOpened += 1);
  current.position = position;
  markCurrent();
  const { pages, note } = await loadPages(position);
  if (opened !== numOpened) return;
  const parting = pages.length === 2 ? findParting(pages[0].episode, pages[1].episode) : null;
  const options = { parting, hasReplies: byId("replies").checked };
  byId("pages").replaceChildren(...pages.map(({ run, line, episode }) => makePage(run, line, episode, options)));
  byId("pages").classList.toggle("two", pages.length === 2);
  byId("note").textContent = note || (parting === null ? "" : tellParting(parting, pages));
  byId("note").hidden = byId("note").textContent === "";
  const beside = byId("beside").value;
  history.replaceState(null, "", `#episode-${current.run}-${position}${beside === "" ? "" : `-beside-${beside}`}`);
}

function tellParting(parting, pages) {
  if (pages.every(({ line }) => line.turns === parting)) return "Both took the same actions from start to end.";
  if (!parting) return "They differ from the first action on.";
  return `Both took the same first ${parting === 1 ? "action" : plural(parting, "action")}.`;
}

function goTo(place) {
  if (place < 0 || place >= shown.length) return;
  if (place >= limit) extendRows(PAGE);
  openEpisode(shown[place]);
  rowOf(shown[place])?.scrollIntoView({ block: "nearest" });
}

const stepBy = (offset) => goTo(shown.indexOf(current.position) + offset);

async function chooseRun(runIndex, position, beside) {
  current = { run: runIndex, position: position ?? 0 };
  byId("run").value = String(runIndex);
  fillTypes();
  fillBeside(beside ?? byId("beside").value);
  await filterRows();
  const first = position ?? shown[0];
  first === undefined ? byId("pages").replaceChildren() : await openEpisode(first);
}

function onRowKey(event) {
  const place = shown.indexOf(current.position);
  const target = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: Math.min(limit, shown.length) - 1 }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  goTo(target);
  rowOf(current.position)?.focus();
}

function onRowClick() {
  if (matchMedia("(max-width: 60rem)").matches) document.querySelector(".viewer").scrollIntoView({ block: "start" });
}

function isDark() {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function labelTheme() {
  byId("theme").textContent = isDark() ? "Light" : "Dark";
}

function fillRuns() {
  const hasWorlds = new Set(runs.map((run) => run.world)).size > 1;
  byId("run").append(...runs.map((run, index) => make("option", { value: index }, hasWorlds ? `${run.name} on ${run.world}` : run.name)));
}

function listen() {
  let typing = null;
  byId("run").addEventListener("change", (event) => chooseRun(Number(event.target.value)));
  for (const id of ["outcome", "type", "order", "deep"]) byId(id).addEventListener("change", filterRows);
  byId("search").addEventListener("input", () => {
    clearTimeout(typing);
    byId("deep").checked ? (typing = setTimeout(filterRows, TYPING_MS)) : filterRows();
  });
  byId("more").addEventListener("click", () => extendRows(PAGE));
  for (const id of ["beside", "replies"]) byId(id).addEventListener("change", () => openEpisode(current.position));
  byId("previous").addEventListener("click", () => stepBy(-1));
  byId("next").addEventListener("click", () => stepBy(1));
  byId("rows").addEventListener("keydown", onRowKey);
  byId("rows").addEventListener("click", onRowClick);
}

async function start() {
  fillRuns();
  listen();
  document.querySelector(".explorer").hidden = false;
  const wanted = location.hash.match(/^#episode-(\d+)-(\d+)(?:-beside-(\d+))?$/);
  if (!wanted || !runs[wanted[1]]?.episodes[wanted[2]]) {
    const { hash } = location;
    await chooseRun(0);
    history.replaceState(null, "", hash || location.pathname);
    return;
  }
  await chooseRun(Number(wanted[1]), Number(wanted[2]), wanted[3]);
  rowOf(current.position)?.scrollIntoView({ block: "center" });
  byId("episodes").scrollIntoView();
}

byId("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  labelTheme();
});
labelTheme();
if (typeof DecompressionStream === "undefined") {
  byId("unable").textContent = "This browser cannot unpack the episodes: it needs DecompressionStream, which browsers have since 2023.";
  byId("unable").hidden = false;
} else if (runs.length) {
  start();
}
