"use strict";
(() => {
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  // Storage is refused to some files and in private windows.
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* for this page only */ } };

  // --- colours: before anything is drawn ---------------------------------------------------------------------------

  const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };
  let theme = kept("linkdoctor-theme") in THEMES ? kept("linkdoctor-theme") : "auto";
  const paint = () => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    if ($("theme")) $("theme").textContent = THEMES[theme];
  };
  root.classList.add("js");
  paint();

  // --- what is shown: search, filters, what is selected. The address bar holds it -------------------------------------

  const NAMES = ["q", "verdict", "cause", "group", "plan", "at"];
  const FILTERS = { cause: "c", group: "g", plan: "p" };
  let state = {};

  const read = () => {
    const hash = location.hash.slice(1);
    // A plain link to an element of the page keeps what is filtered.
    if (hash && !hash.includes("=")) return { ...state, at: hash };
    const given = new URLSearchParams(hash);
    return Object.fromEntries(NAMES.filter((name) => given.get(name)).map((name) => [name, given.get(name)]));
  };
  const write = () => {
    const set = new URLSearchParams(NAMES.filter((name) => state[name]).map((name) => [name, state[name]]));
    const hash = set.toString();
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
  };

  const texts = new WeakMap();
  const textOf = (item) => {
    if (!texts.has(item)) texts.set(item, (item.textContent + " " + item.dataset.c + " " + item.dataset.g).toLowerCase());
    return texts.get(item);
  };
  const tokens = (item, key) => (item.dataset[key] || "").split(key === "c" ? " " : "\n");
  const items = () => all("#wrong [data-v], #targets [data-v]");

  const fits = (item, words) =>
    (!state.verdict || item.dataset.v === state.verdict) &&
    Object.entries(FILTERS).every(([name, key]) => !state[name] || tokens(item, key).includes(state[name])) &&
    words.every((word) => textOf(item).includes(word));

  const filter = () => {
    const words = (state.q || "").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0, total = 0;
    for (const item of items()) {
      const hidden = !fits(item, words);
      if (item.hidden !== hidden) item.hidden = hidden;
      if (item.matches(".row")) { total += 1; shown += !hidden; }
    }
    const filled = new Set(all("#targets .row:not([hidden])").map((row) => row.dataset.p));
    for (const head of all("#targets .planhead")) head.hidden = !filled.has(head.dataset.of);
    const filtered = NAMES.some((name) => name !== "at" && state[name]);
    $("none").hidden = shown > 0 || !filtered;
    $("clear").hidden = !filtered;
    const said = filtered ? `${shown.toLocaleString("en")} of ${total.toLocaleString("en")} targets` : "";
    if ($("shown").textContent !== said) $("shown").textContent = said;
    if ($("q").value !== (state.q || "")) $("q").value = state.q || "";
    for (const [name] of Object.entries(FILTERS)) $("by-" + name).value = state[name] || "";
    for (const link of all("[data-verdict]")) {
      if (link.dataset.verdict === state.verdict) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    }
  };

  const options = () => {
    const found = { c: new Map(), g: new Map(), p: new Map() };
    for (const item of items()) {
      for (const key of Object.keys(found)) for (const one of tokens(item, key)) if (one) found[key].set(one, one);
    }
    for (const row of all("#plans [data-plan]")) found.p.set(row.dataset.plan, row.textContent);
    for (const [name, key] of Object.entries(FILTERS)) {
      const select = $("by-" + name);
      const wanted = [["", select.options[0].text], ...[...found[key]].sort((a, b) => a[1].localeCompare(b[1]))];
      if (wanted.map(String).join("\n") !== Array.from(select.options, (one) => [one.value, one.text]).map(String).join("\n")) {
        select.replaceChildren(...wanted.map(([value, text]) => new Option(text, value)));
      }
      // A filter that can only show all, or has no names to show, is none.
      select.hidden = select.options.length < (name === "plan" ? 3 : 2) || (name === "plan" && !all("#plans [data-plan]").length);
    }
  };

  const chosen = () => (state.at ? $(state.at) : null);
  const mark = () => {
    const now = chosen();
    for (const item of all(".at")) if (item !== now && !item.matches("span")) item.classList.remove("at");
    if (now && now.matches("[data-v]")) now.classList.add("at");
  };
  const show = (item) => {
    if (!item) return;
    if (item.hidden) item.hidden = false;
    if (item.matches(".row")) item.firstElementChild.open = true;
    item.scrollIntoView({ block: "nearest" });
    focusOn(item);
  };
  const focusOn = (item) => {
    (item.matches(".row") ? item.querySelector("summary") : item).focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  };
  const choose = (item) => { state.at = item.id; write(); mark(); };
  const set = (changes) => { Object.assign(state, changes); write(); filter(); mark(); };
  const clear = () => set(Object.fromEntries(NAMES.map((name) => [name, undefined])));

  // --- small things that a page without a script does not have ---------------------------------------------------------

  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const span = (seconds) => {
    const [size, unit] = UNITS.find(([size]) => seconds >= size) || [1, "s"];
    return `${Math.floor(seconds / size)} ${unit}`;
  };
  const ages = (within = document) => {
    const now = Date.now();
    for (const time of all("time", within)) {
      const seconds = Math.round((now - Date.parse(time.dateTime)) / 1000);
      const said = Math.abs(seconds) < 1 ? "now" : seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`;
      if (!time.title) time.title = time.textContent;
      const text = !("due" in time.dataset) ? `${time.title.slice(0, 16)} UTC (${said})` : seconds < 0 ? said : "about now";
      if (time.textContent !== text) time.textContent = text;
    }
  };
  const copy = async (button) => {
    const text = button.parentElement.querySelector("code").textContent;
    let done = false;
    try { await navigator.clipboard.writeText(text); done = true; } catch {
      // Only a secure context has a clipboard: elsewhere the old way.
      const area = document.createElement("textarea");
      area.value = text;
      button.after(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
      button.focus();
    }
    button.textContent = done ? "Copied" : "Select it";
    $("say").textContent = done ? "copied" : "";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  const ready = (within = document) => {
    for (const button of all("button.copy[hidden]", within)) button.hidden = false;
    ages(within);
  };

  // Details of a row are asked for when somebody looks.
  const fill = async (details) => {
    const place = details.querySelector(".detail");
    if (!details.dataset.from || !details.open) return;
    try {
      const answer = await fetch(details.dataset.from, { credentials: "same-origin" });
      if (!answer.ok) return;
      // Without its head: a style of another nonce would be refused, and be heard of.
      const text = (await answer.text()).replace(/^[^]*?<body/, "<body");
      const found = new DOMParser().parseFromString(text, "text/html").getElementById("detail");
      if (!found) return;
      found.removeAttribute("id");
      found.dataset.kept = "";
      const old = place.querySelector("[data-kept], .fetch");
      if (old) old.replaceWith(found); else place.append(found);
      ready(found);
    } catch { /* the link in it still leads there */ }
  };

  // --- live: pieces that changed take the place of the old ones -----------------------------------------------------------

  const element = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    return holder.content.firstElementChild;
  };
  // What a person did to an element stays: what is open, hidden by a filter, selected, fetched.
  const OURS = new Set(["open", "hidden", "title"]);
  const morph = (old, now) => {
    if (old.isEqualNode(now)) return;
    if (old.nodeType !== now.nodeType || old.nodeName !== now.nodeName) { old.replaceWith(now); return; }
    if (old.nodeType !== Node.ELEMENT_NODE) { if (old.data !== now.data) old.data = now.data; return; }
    for (const { name } of Array.from(old.attributes)) if (!OURS.has(name) && !now.hasAttribute(name)) old.removeAttribute(name);
    const selected = old.classList.contains("at") && old.matches("[data-v]");
    for (const { name, value } of Array.from(now.attributes)) if (!OURS.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    if (selected) old.classList.add("at");
    if (old.nodeName === "TIME") old.removeAttribute("title");
    const was = Array.from(old.childNodes), is = Array.from(now.childNodes);
    is.forEach((child, place) => {
      const before = was[place];
      if (!before) old.append(child);
      else if (before.nodeType === Node.ELEMENT_NODE && "kept" in before.dataset) return;
      else morph(before, child);
    });
    for (const child of was.slice(is.length)) if (!(child.nodeType === Node.ELEMENT_NODE && "kept" in child.dataset)) child.remove();
    texts.delete(old);
  };
  const apply = (patch) => {
    const focus = document.activeElement;
    // What somebody looks at stays where it is, whatever is put before it; the browser does so for the rest.
    const looked = focus.closest("[data-v]") || chosen();
    const top = looked ? looked.getBoundingClientRect().top : 0;
    const visible = looked && top >= 0 && top < innerHeight;
    const made = new Map(Object.entries(patch.pieces).map(([key, html]) => [key, element(html)]));
    const news = [];
    for (const [key, now] of made) {
      const old = $(key);
      if (!old) continue;
      if (old.matches(".row") && old.dataset.v !== now.dataset.v) news.push(`${now.querySelector(".n").textContent} is ${now.dataset.v}`);
      morph(old, now);
      ready(old);
      texts.delete(old);
    }
    for (const [key, text] of Object.entries(patch.texts)) {
      const place = $(key) && $(key).querySelector(".t");
      if (place) place.textContent = text;
    }
    for (const [name, keys] of Object.entries(patch.order)) {
      const region = name === "head" ? $("head") : document.querySelector(`[data-region="${name}"]`);
      const wanted = new Set(keys);
      for (const child of Array.from(region.children)) if (!wanted.has(child.id)) child.remove();
      let at = region.firstElementChild;
      for (const key of keys) {
        if (at && at.id === key) { at = at.nextElementSibling; continue; }
        const piece = $(key) || made.get(key);
        if (!piece) continue;
        region.insertBefore(piece, at);
        ready(piece);
      }
      if (name !== "head") region.closest("section").hidden = !keys.length;
    }
    if (focus && focus !== document.activeElement && focus.isConnected) focus.focus({ preventScroll: true });
    // The first strips may come with a patch.
    document.querySelector("#targets ul").classList.toggle("strips", Boolean(document.querySelector("#targets .strip")));
    document.title = patch.title;
    document.querySelector("link[rel=icon]").href = patch.icon;
    document.body.dataset.live = patch.version;
    options();
    filter();
    mark();
    for (const details of all("#targets details[open][data-from]")) if (made.has(details.parentElement.id)) fill(details);
    if (visible && looked.isConnected) scrollBy({ top: looked.getBoundingClientRect().top - top, behavior: "instant" });
    if (news.length) $("say").textContent = news.length > 3 ? `${news.length} verdicts changed` : news.join(", ");
  };
  const listen = () => {
    const line = new EventSource(`page/events?since=${document.body.dataset.live}`);
    const told = (lost) => { $("link").textContent = lost ? "connection lost, trying again" : "live"; $("link").classList.toggle("lost", lost); };
    line.addEventListener("open", () => told(false));
    line.addEventListener("page", (event) => apply(JSON.parse(event.data)));
    line.addEventListener("plans", () => location.reload());
    line.addEventListener("error", () => {
      told(true);
      if (line.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
    });
  };

  // --- keys ---------------------------------------------------------------------------------------------------------------

  const step = (by) => {
    const list = items().filter((item) => !item.hidden);
    const now = document.activeElement.closest("[data-v]") || chosen();
    const place = list.indexOf(now);
    const next = list[place < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(place + by, 0), list.length - 1)];
    if (next) { focusOn(next); choose(next); }
  };
  const KEYS = {
    "/": () => { if (!$("find").hidden) { $("q").focus(); $("q").select(); } },
    "j": () => step(1),
    "k": () => step(-1),
    "?": () => $("help").showModal(),
  };
  const pressed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || $("help").open) return;
    const typing = event.target.matches("input, textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      if (typing) event.target.blur();
      clear();
    } else if (event.key === "Enter" && event.target.matches(".card")) {
      const more = event.target.querySelector("details.more");
      if (more) more.open = !more.open;
      event.preventDefault();
    } else if (!typing && $("single").checked && KEYS[event.key]) {
      event.preventDefault();
      KEYS[event.key]();
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    $("find").hidden = !document.querySelector("#targets .row") && !document.body.dataset.live;
    document.querySelector(".tools").hidden = false;
    $("single").checked = kept("linkdoctor-keys") !== "off";
    $("single").addEventListener("change", () => keep("linkdoctor-keys", $("single").checked ? "on" : "off"));
    paint();
    $("theme").addEventListener("click", () => {
      const names = Object.keys(THEMES);
      theme = names[(names.indexOf(theme) + 1) % names.length];
      keep("linkdoctor-theme", theme);
      paint();
    });
    $("keys").addEventListener("click", () => $("help").showModal());
    $("clear").addEventListener("click", () => { clear(); $("q").focus(); });
    $("q").addEventListener("input", () => set({ q: $("q").value || undefined }));
    $("find").addEventListener("submit", (event) => event.preventDefault());
    for (const name of Object.keys(FILTERS)) $("by-" + name).addEventListener("change", (event) => set({ [name]: event.target.value || undefined }));
    document.addEventListener("keydown", pressed);
    document.addEventListener("click", (event) => {
      const target = event.target.closest("[data-verdict], [data-plan], button.copy");
      if (!target) return;
      if (target.matches("button.copy")) { copy(target); return; }
      event.preventDefault();
      const name = target.dataset.verdict ? "verdict" : "plan";
      const value = target.dataset[name];
      set({ [name]: state[name] === value ? undefined : value });
    });
    document.addEventListener("toggle", (event) => {
      const row = event.target.closest(".row");
      if (!row || event.target !== row.firstElementChild) return;
      if (event.target.open) { choose(row); fill(event.target); }
    }, true);
    addEventListener("hashchange", () => { state = read(); write(); filter(); mark(); show(chosen()); });
    options();
    ready();
    state = read();
    write();
    filter();
    mark();
    if (state.at) show(chosen());
    setInterval(ages, 5000);
    if (document.body.dataset.live) listen();
  });
})();
