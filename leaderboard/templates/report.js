"use strict";
(() => {
  const { runs } = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const PAGE = 150;
  const LONG_TEXT = 700;
  const NUM_HUES = 8;
  const OUTCOMES = { success: "success", failure: "no success", crash: "crash" };
  const unpacked = new Map();
  let shown = [];
  let limit = PAGE;
  let current = { run: 0, position: 0 };

  /** Make an element; text never becomes markup. */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  const hue = (index) => `hue-${index % NUM_HUES}`;
  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

  async function unpack(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  }

  async function loadEpisode(runIndex, position) {
    const run = runs[runIndex];
    const chunk = Math.floor(position / run.chunkSize);
    const key = `${runIndex}/${chunk}`;
    if (!unpacked.has(key)) unpacked.set(key, unpack(run.chunks[chunk]));
    return (await unpacked.get(key))[position % run.chunkSize];
  }

  function strip(lengths) {
    const bands = lengths.map((length, index) => make("i", { class: hue(index), style: `flex-grow:${length}` }));
    return make("span", { class: "strip", "aria-hidden": "true" }, ...bands);
  }

  function makeRow(position) {
    const line = runs[current.run].episodes[position];
    const facts = `${plural(line.turns, "turn")}, ${plural(line.segments.length, "segment")}`;
    const score = line.outcome === "failure" && line.score > 0 ? `, score ${line.score}` : "";
    const button = make(
      "button",
      { type: "button", "data-position": position },
      make("span", { class: `outcome ${line.outcome}` }, OUTCOMES[line.outcome]),
      make("span", { class: "row-text" }, line.instruction),
      strip(line.segments),
      make("span", { class: "row-facts" }, facts + score),
    );
    button.addEventListener("click", () => open(current.run, position));
    return make("li", {}, button);
  }

  function fillRows() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const [outcome, type] = [byId("outcome").value, byId("type").value];
    const lines = runs[current.run].episodes;
    shown = lines.map((line, position) => position).filter((position) => {
      const line = lines[position];
      const text = `${line.instruction} ${line.task}`.toLowerCase();
      return (!outcome || line.outcome === outcome) && (!type || line.type === type) && words.every((word) => text.includes(word));
    });
    byId("rows").replaceChildren(...shown.slice(0, limit).map(makeRow));
    byId("count").textContent = `${shown.length} of ${plural(lines.length, "episode")}`;
    byId("more").hidden = shown.length <= limit;
    markCurrent();
  }

  function markCurrent() {
    for (const button of byId("rows").querySelectorAll("button")) {
      const isCurrent = Number(button.dataset.position) === current.position;
      isCurrent ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current");
    }
  }

  function fillTypes() {
    const types = [...new Set(runs[current.run].episodes.map((line) => line.type))].filter(Boolean).sort();
    byId("type").replaceChildren(make("option", { value: "" }, "all"), ...types.map((type) => make("option", { value: type }, type)));
    byId("type-label").hidden = types.length === 0;
  }

  function fillBeside() {
    const kept = byId("beside").value;
    const others = runs.map((run, index) => ({ run, index })).filter(({ run, index }) => index !== current.run && run.panel === runs[current.run].panel);
    byId("beside").replaceChildren(make("option", { value: "" }, "nothing"), ...others.map(({ run, index }) => make("option", { value: index }, run.name)));
    if (others.some(({ index }) => String(index) === kept)) byId("beside").value = kept;
    byId("beside").parentElement.hidden = others.length === 0;
  }

  function clipped(text, label) {
    const block = make("div", { class: "observation" });
    const parts = text.trim().split(" [SEP] ");
    parts.forEach((part, index) => block.append(...(index ? [make("span", { class: "separator" }, " | "), part] : [part])));
    if (text.length <= LONG_TEXT) return [block];
    block.classList.add("clip");
    const button = make("button", { type: "button", class: "unfold", "aria-expanded": "false" }, `Show the whole ${label}`);
    button.addEventListener("click", () => {
      const isClipped = block.classList.toggle("clip");
      button.setAttribute("aria-expanded", String(!isClipped));
      button.textContent = isClipped ? `Show the whole ${label}` : "Show less";
    });
    return [block, button];
  }

  const bareReply = (step) => step.reply.replace(/<\/?(switch|subgoal|action)>/gi, " ").split(/\s+/).length;

  function makeTurn(step, turn, subgoal) {
    const hasThoughts = bareReply(step) > `${step.action} ${subgoal}`.split(/\s+/).length + 4;
    const reward = step.reward ? make("span", { class: "reward" }, `reward ${Number(step.reward.toFixed(3))}`) : null;
    const reply = hasThoughts ? make("details", {}, make("summary", {}, "whole reply"), make("pre", {}, step.reply)) : null;
    return make(
      "li",
      {},
      make("span", { class: "turn" }, String(turn + 1)),
      make("div", {}, make("p", { class: "action" }, make("code", {}, step.action || "(no action)"), reward),
        ...step.problems.map((problem) => make("p", { class: "problem" }, problem)), ...clipped(step.observation, "text"), reply),
    );
  }

  function makeSegment(episode, segment, index) {
    const turns = episode.steps.slice(segment.start, segment.end);
    const facts = `${plural(turns.length, "turn")}, ended by ${segment.end_reason}`;
    return make(
      "section",
      { class: `segment ${hue(index)}` },
      make("h4", {}, make("span", { class: "segment-number" }, String(index + 1)), segment.subgoal || "no subgoal declared", make("span", { class: "segment-facts" }, facts)),
      make("ol", { class: "turns" }, ...turns.map((step, offset) => makeTurn(step, segment.start + offset, segment.subgoal))),
    );
  }

  function makeBands(episode, page) {
    const bands = episode.segments.map((segment, index) => {
      const label = segment.subgoal || "no subgoal";
      const button = make("button", { type: "button", class: hue(index), style: `flex-grow:${segment.end - segment.start}`, title: `${label}: ${plural(segment.end - segment.start, "turn")}` }, label);
      button.addEventListener("click", () => page.querySelectorAll(".segment")[index].scrollIntoView({ block: "start" }));
      return button;
    });
    return make("div", { class: "bands", role: "group", "aria-label": "Segments" }, ...bands);
  }

  async function makePage(runIndex, position) {
    const [run, line] = [runs[runIndex], runs[runIndex].episodes[position]];
    const page = make("article", {});
    const episode = await loadEpisode(runIndex, position);
    page.append(
      make("h3", {}, line.instruction),
      make("p", { class: "page-facts" }, make("strong", {}, run.name), make("span", { class: `outcome ${line.outcome}` }, OUTCOMES[line.outcome]),
        `score ${line.score}`, make("span", {}, plural(line.turns, "turn")), make("span", { class: "task" }, line.task)),
      makeBands(episode, page),
      make("div", { class: "reset" }, ...clipped(episode.reset, "text")),
      ...episode.segments.map((segment, index) => makeSegment(episode, segment, index)),
    );
    if (episode.error !== null) page.append(make("pre", { class: "error" }, episode.error));
    return page;
  }

  async function open(runIndex, position) {
    current = { run: runIndex, position };
    markCurrent();
    const pages = [[runIndex, position]];
    const beside = byId("beside").value;
    if (beside !== "") {
      const key = runs[runIndex].episodes[position].key;
      const other = runs[Number(beside)].episodes.findIndex((line) => line.key === key);
      if (other >= 0) pages.push([Number(beside), other]);
    }
    const made = await Promise.all(pages.map(([run, place]) => makePage(run, place)));
    byId("pages").replaceChildren(...made);
    byId("pages").classList.toggle("two", made.length === 2);
    history.replaceState(null, "", `#episode-${runIndex}-${position}`);
  }

  function step(offset) {
    const place = shown.indexOf(current.position) + offset;
    if (place >= 0 && place < shown.length) {
      open(current.run, shown[place]);
      byId("rows").querySelector(`[data-position="${shown[place]}"]`)?.scrollIntoView({ block: "nearest" });
    }
  }

  function chooseRun(runIndex, position) {
    current = { run: runIndex, position: 0 };
    limit = PAGE;
    byId("run").value = String(runIndex);
    fillTypes();
    fillBeside();
    fillRows();
    if (runs[runIndex].episodes.length) open(runIndex, position ?? shown[0] ?? 0);
  }

  function isDark() {
    return document.documentElement.dataset.theme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  }

  function labelTheme() {
    byId("theme").textContent = isDark() ? "Light" : "Dark";
  }

  byId("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    labelTheme();
  });
  labelTheme();
  if (!runs.length) return;
  document.querySelector(".explorer").hidden = false;
  const panels = new Set(runs.map((run) => run.panel));
  byId("run").append(...runs.map((run, index) => make("option", { value: index }, panels.size > 1 ? `${run.name} on ${run.panel}` : run.name)));
  byId("run").addEventListener("change", (event) => chooseRun(Number(event.target.value)));
  for (const id of ["outcome", "type"]) byId(id).addEventListener("change", () => { limit = PAGE; fillRows(); });
  byId("search").addEventListener("input", () => { limit = PAGE; fillRows(); });
  byId("more").addEventListener("click", () => { limit += PAGE; fillRows(); });
  byId("beside").addEventListener("change", () => open(current.run, current.position));
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("rows").addEventListener("keydown", (event) => {
    const offset = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!offset) return;
    event.preventDefault();
    step(offset);
    byId("rows").querySelector(`[data-position="${current.position}"]`)?.focus();
  });
  const wanted = location.hash.match(/^#episode-(\d+)-(\d+)$/);
  const isThere = wanted && runs[wanted[1]]?.episodes[wanted[2]];
  const hash = location.hash;
  isThere ? chooseRun(Number(wanted[1]), Number(wanted[2])) : chooseRun(0);
  if (isThere) {
    byId("rows").querySelector("[aria-current]")?.scrollIntoView({ block: "center" });
    byId("episodes").scrollIntoView();
  }
  else if (!hash) history.replaceState(null, "", location.pathname);
})();
