// Drives the pages: draws the rows of a run as its events come, one row at a time, and renews the list of runs.
"use strict";

const $ = (id) => document.getElementById(id);

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}

function show(millis) {
  const seconds = Math.floor(millis / 1000);
  const two = (number) => String(number).padStart(2, "0");
  if (millis < 10) return millis.toFixed(1) + "ms";
  if (seconds < 1) return Math.round(millis) + "ms";
  if (seconds < 60) return (Math.floor(millis / 100) / 10).toFixed(1) + "s";
  if (seconds < 3600) return Math.floor(seconds / 60) + "m " + two(seconds % 60) + "s";
  if (seconds < 86400) return Math.floor(seconds / 3600) + "h " + two(Math.floor((seconds % 3600) / 60)) + "m";
  return Math.floor(seconds / 86400) + "d " + two(Math.floor((seconds % 86400) / 3600)) + "h";
}

// What the server made stands in the page as it came; scripts in it would not run, by the page's policy. What is the same
// stays, with the focus in it.
function put(element, html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  if (element.innerHTML === parsed.body.innerHTML) return;
  element.replaceChildren(...document.adoptNode(parsed.body).childNodes);
}

// Of answers that overtake each other the one that was asked for last counts.
const asked = new Map();
async function renew(element, address) {
  const turn = (asked.get(element) ?? 0) + 1;
  asked.set(element, turn);
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" } });
    const html = await answer.text();
    if (answer.ok && asked.get(element) === turn) put(element, html);
  } catch (_) { /* the next change asks again */ }
}

// Calls `work` soon, however often it is asked for in between.
function eased(millis, work) {
  let waiting = null;
  return () => { waiting ??= setTimeout(() => { waiting = null; work(); }, millis); };
}

function listen(address, hears) {
  const source = new EventSource(address);
  for (const [name, hear] of Object.entries(hears)) {
    source.addEventListener(name, (event) => {
      const begin = performance.now();
      hear(JSON.parse(event.data));
      performance.measure("update", { start: begin });
      if (performance.getEntriesByName("update").length > 5000) performance.clearMeasures("update");
    });
  }
  const line = make("p", "lost", "The connection was lost. Trying again…");
  line.hidden = true;
  line.setAttribute("role", "status");
  document.querySelector("main").prepend(line);
  source.onopen = () => { line.hidden = true; };
  source.onerror = () => { line.hidden = false; };
  return source;
}

function runsPage() {
  const table = $("runs");
  const address = "/runs.part?q=" + encodeURIComponent(table.dataset.q);
  listen("/events", { runs: eased(1000, () => renew(table, address)) });
}

function runPage() {
  const root = $("run"), tree = $("tree"), run = root.dataset.run;
  const here = "/runs/" + encodeURIComponent(run);
  const rows = new Map(), live = new Set();
  let state = null, skew = 0, words = "", only = false, ready = false;

  function fits(row) {
    if (only && row.live === false && !row.bad) return false;
    return words === "" || row.text.includes(words);
  }

  // A row that does not fit stays where one below it does.
  function sieve() {
    tree.classList.toggle("sieved", only || words !== "");
    for (const row of rows.values()) row.line.classList.remove("fits");
    if (!only && words === "") return;
    for (const row of rows.values()) {
      if (!fits(row)) continue;
      for (let one = row; one && !one.line.classList.contains("fits"); one = rows.get(one.parent)) one.line.classList.add("fits");
    }
  }

  function create(data) {
    const line = make("li", ""), head = make("div", "line");
    const parts = {};
    for (const name of ["mark", "name", "found", "wanted", "state", "took"]) {
      parts[name] = make("span", name);
      head.append(parts[name]);
    }
    line.append(head);
    const row = { line, head, parts, parent: data.p, below: null, notes: null };
    rows.set(data.i, row);
    const parent = data.p === undefined ? null : rows.get(data.p);
    if (parent) {
      if (!parent.below) {
        parent.below = make("ol", "");
        parent.line.append(parent.below);
        const fold = make("button", "fold", "▾");
        fold.type = "button";
        fold.setAttribute("aria-expanded", "true");
        fold.setAttribute("aria-label", "Show what is inside");
        parent.head.prepend(fold);
        fold.addEventListener("click", () => {
          parent.below.hidden = !parent.below.hidden;
          fold.textContent = parent.below.hidden ? "▸" : "▾";
          fold.setAttribute("aria-expanded", String(!parent.below.hidden));
        });
      }
      parent.below.append(line);
    } else {
      tree.append(line);
    }
    return row;
  }

  function draw(data) {
    let row = rows.get(data.i);
    if (data.gone) {
      if (row) { row.line.remove(); rows.delete(data.i); live.delete(row); }
      return;
    }
    row ??= create(data);
    const { parts } = row;
    row.line.className = data.k + " " + data.c;
    row.line.dataset.kind = data.k;
    parts.mark.textContent = data.m;
    parts.name.textContent = data.n;
    parts.found.textContent = data.a ?? "";
    parts.wanted.textContent = !data.t ? "" : data.k === "gate" ? data.t : "wanted " + data.t;
    parts.state.textContent = data.s;
    row.bad = data.c === "bad" || data.c === "warn";
    row.begun = data.b;
    row.usual = data.u;
    row.live = data.b !== undefined && (data.s === "running" || data.s === "open");
    row.text = [data.n, data.a, data.t, data.s].join(" ").toLowerCase();
    if (row.live) live.add(row); else live.delete(row);
    parts.took.textContent = data.e !== undefined ? show(data.e) : "";
    if (data.e !== undefined && data.u !== undefined && data.e > data.u * 1.5 && data.e - data.u > 1000) {
      parts.took.textContent += " (usually " + show(data.u) + ")";
    }
    if (data.x || row.notes) {
      row.notes ??= row.line.insertBefore(make("div", "notes"), row.below);
      row.notes.replaceChildren(...(data.x ?? []).map((note) => make("div", "note", note)));
    }
    if (ready && (only || words !== "")) easedSieve();
  }

  const easedSieve = eased(200, sieve);
  const times = $("times"), timeline = $("timeline");
  const renewTimes = eased(2000, () => { if (times.open) renew(timeline, here + "/timeline"); });
  times.addEventListener("toggle", () => { if (times.open) renew(timeline, here + "/timeline"); });

  function tick() {
    if (!state) return;
    const now = Date.now() + skew;
    for (const row of live) {
      const took = Math.max(0, now - row.begun);
      let text = show(took);
      if (row.usual !== undefined) {
        const slow = took > row.usual * 1.5 && took - row.usual > 1000;
        text += slow ? " (slow: usually " + show(row.usual) + ")" : " of " + show(row.usual);
        row.line.classList.toggle("slow", slow);
      }
      row.parts.took.textContent = text;
    }
    const took = state.took ?? now - state.began;
    let text = "took " + show(Math.max(0, took));
    if (state.live) {
      text = "for " + show(Math.max(0, took));
      const usual = Number(root.dataset.usual);
      if (usual) text += took > usual * 1.2 ? ", longer than usual (" + show(usual) + ")" : ", usually " + show(usual);
      if (times.open) renewTimes();
    }
    $("summary").textContent = [text, state.checks, state.waits].filter(Boolean).join(" · ");
  }

  const marks = { good: "✔", bad: "✘", live: "▸" };
  listen(here + "/events", {
    reset() { rows.clear(); live.clear(); tree.replaceChildren(); $("lines").replaceChildren(); ready = false; },
    rows(all) { all.forEach(draw); if (ready) renewTimes(); },
    run(data) {
      state = data;
      skew = data.now - Date.now();
      const label = make("span", "outcome " + data.class, (data.words === "taken back" ? "↩" : marks[data.class] ?? "■") + " " + data.words);
      $("outcome").replaceChildren(label);
      $("error").hidden = !data.error;
      $("error").textContent = data.error ?? "";
      if (!data.live) { $("progress").hidden = true; if (ready) renewGates(); }
      tick();
    },
    gates() { renewGates(); },
    lines(all) {
      const list = $("lines");
      for (const [from, error, text] of all) {
        const line = make("li", error ? "warn" : "");
        line.append(make("span", "dim", from + (error ? " ! " : " │ ")), text);
        list.append(line);
      }
      while (list.childElementCount > 500) list.firstElementChild.remove();
      $("count").textContent = "(" + list.childElementCount + ")";
      list.scrollTop = list.scrollHeight;
    },
    progress(all) {
      const [what, done, total] = all[all.length - 1];
      $("progress").hidden = false;
      $("progress").textContent = what + ": " + (total ? Math.floor(done / total * 100) + " %" : done);
    },
    ready() {
      ready = true;
      sieve();
      // The page was made before the first event came: since then a gate may have been passed.
      renewGates();
      if (times.open) renew(timeline, here + "/timeline");
    },
  });

  // Who is writing a comment must not lose it.
  const renewGates = eased(300, () => {
    if (![...document.querySelectorAll("#gates textarea")].some((field) => field.value && state?.live)) renew($("gates"), here + "/gates");
  });

  setInterval(tick, 500);
  $("find").addEventListener("input", eased(100, () => { words = $("find").value.trim().toLowerCase(); sieve(); }));
  $("only").addEventListener("change", () => { only = $("only").checked; sieve(); });
  $("copy").addEventListener("click", async () => {
    const address = location.origin + here;
    try { await navigator.clipboard.writeText(address); $("copy").textContent = "Copied"; } catch (_) { prompt("The link:", address); }
  });
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "")) return;
  const field = $("find") ?? $("q");
  if (field) { event.preventDefault(); field.focus(); }
});

const page = document.querySelector("main")?.dataset.page;
if (page === "runs") runsPage();
if (page === "run") runPage();
