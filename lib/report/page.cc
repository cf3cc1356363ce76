#include "report/page.hh"

#include "base/format.hh"
#include "os/file.hh"
#include "report/markup.hh"
#include "report/summary.hh"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace qt {

namespace {

constexpr std::size_t k_of_a_pass = 16 << 10;
constexpr std::size_t k_of_a_failure = 128 << 10;
constexpr std::size_t k_largest_picture = 2 << 20;
constexpr std::string_view k_try = "try"; // begins the folders of tries that failed (verdict.hh)
// Stands in k_page_start wherever the page's heading belongs.
constexpr std::string_view k_page_title = "@TITLE@";

// The parts of the page that are the same for all runs: its style and its program.
// Ends after the "[" of a JSON list of results.
constexpr const char* k_page_start = R"page(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>@TITLE@</title>
<style>
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --soft: #5b6470; --line: #d5dae0;
  --panel: #f4f6f8; --passed: #1a7f37; --failed: #c4202f; --skipped: #8a6a00; --flaky: #9a4b00; --accent: #0b63c5; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --text: #e4e7eb; --soft: #9aa4af;
  --line: #333a42; --panel: #1d2126; --passed: #4cc26a; --failed: #ff6b73; --skipped: #d8b347; --flaky: #ff9d4d;
  --accent: #6cb0ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1rem; background: var(--back); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .6rem; overflow-wrap: anywhere; }
.tools { display: flex; flex-wrap: wrap; gap: .5rem; margin-bottom: .8rem; align-items: center; }
.tools input { flex: 1 1 14rem; min-width: 0; }
input, button { font: inherit; color: inherit; background: var(--panel); padding: .35rem .6rem;
  border: 1px solid var(--line); border-radius: .35rem; }
button { cursor: pointer; }
button[aria-pressed=true] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .5rem; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th button { border: 0; background: none; padding: 0; font-weight: 600; }
td.name { overflow-wrap: anywhere; min-width: min(20rem, 45vw); }
td.name button { border: 0; background: none; padding: 0; text-align: left; color: var(--accent);
  overflow-wrap: anywhere; }
td.time, th.time { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.why { color: var(--soft); overflow-wrap: anywhere; }
.passed, .fixed, .no-longer-skipped, .no-longer-flaky, .faster { color: var(--passed); }
.failed, .newly-failed, .gone, .slower { color: var(--failed); }
.skipped, .newly-skipped { color: var(--skipped); } .flaky, .newly-flaky { color: var(--flaky); }
.detail > td { background: var(--panel); }
.detail h2 { font-size: .95rem; margin: .9rem 0 .3rem; }
.detail h2:first-child { margin-top: .2rem; }
pre { margin: 0; padding: .5rem; background: var(--back); border: 1px solid var(--line);
  border-radius: .35rem; overflow: auto; max-height: 32rem; font: 12.5px/1.4 ui-monospace, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.detail img { display: block; max-width: 100%; border: 1px solid var(--line); }
.typed { color: var(--accent); } .matched { color: var(--passed); font-weight: 600; }
.note { color: var(--soft); } .time-of { color: var(--soft); }
.bar { display: grid; grid-template-columns: minmax(8rem, 2fr) 3fr 5rem; gap: .5rem;
  align-items: center; font-size: .85rem; }
.bar span:first-child { overflow-wrap: anywhere; }
.bar div { height: .7rem; background: var(--back); border: 1px solid var(--line); position: relative; }
.bar i { position: absolute; top: 0; bottom: 0; background: var(--accent); min-width: 2px; }
.cause { display: none; color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) { body { padding: .6rem; } .why, th.why { display: none; } .cause { display: block; }
  .bar { grid-template-columns: 1fr 1fr 4rem; } }
</style>
</head>
<body>
<h1>@TITLE@</h1>
<div class="tools">
  <input id="search" type="search" placeholder="Search names, causes, consoles" aria-label="Search">
  <span id="shown" role="status"></span>
</div>
<table>
<thead><tr>
  <th><button type="button" data-sort="outcome">Outcome</button></th>
  <th><button type="button" data-sort="name">Subtest</button></th>
  <th class="time"><button type="button" data-sort="seconds">Time</button></th>
  <th class="why"><button type="button" data-sort="kind">Why</button></th>
</tr></thead>
<tbody id="rows"></tbody>
</table>
<noscript>This page needs JavaScript, which reads nothing but the page itself.</noscript>
<script type="application/json" id="results">[)page";

// Begins with the "]".
constexpr const char* k_page_end = R"page(
]</script>
<script>
'use strict';
const results = JSON.parse(document.getElementById('results').textContent);
const rows = document.getElementById('rows');
const search = document.getElementById('search');
// The page of a comparison shows changes, and of each result what it was before.
const is_comparison = results.some(result => result.changes);
const kinds = is_comparison
  ? ['newly failed', 'newly skipped', 'gone', 'newly flaky', 'fixed', 'no longer skipped',
     'no longer flaky', 'appeared', 'slower', 'faster', 'unchanged']
  : ['failed', 'flaky', 'passed', 'skipped'];
const wanted = new Set();
let sort = 'outcome', downwards = false;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function kinds_of(result) {
  if (!is_comparison) return [result.outcome];
  return result.changes.length ? result.changes.map(change => change.kind) : ['unchanged'];
}

function kind_class(kind) {
  return kind.replaceAll(' ', '-');
}

// All that a search looks at, made when it is first wanted.
function haystack(result) {
  if (result.haystack === undefined)
    result.haystack = [result.name, result.cause, result.message, result.command,
                       ...(result.changes || []).map(change => change.what),
                       ...Object.values(result.logs)].join('\n').toLowerCase();
  return result.haystack;
}

function seconds(value) {
  return value < 1 ? Math.round(value * 1000) + ' ms' : value.toFixed(1) + ' s';
}

const colours = ['#444', '#c4202f', '#1a7f37', '#9a6700', '#0b63c5', '#8250df', '#0f7b8a', '#888'];

// Text of a terminal: colours and weight are kept, other control sequences are left out.
function terminal(text) {
  const pre = make('pre');
  let colour = '', bold = false;
  const parts = text.replace(/\r+\n/g, '\n').split(/(\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.)/);
  for (const part of parts) {
    const codes = /^\x1b\[([0-9;]*)m$/.exec(part);
    if (codes) {
      for (const code of codes[1].split(';').map(Number)) {
        if (code === 0) { colour = ''; bold = false; }
        else if (code === 1) bold = true;
        else if (code === 22) bold = false;
        else if (code === 39) colour = '';
        else if (code >= 30 && code <= 37) colour = colours[code - 30];
        else if (code >= 90 && code <= 97) colour = colours[code - 90];
      }
    } else if (part && !part.startsWith('\x1b')) {
      const visible = part.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '\u00b7');
      if (!colour && !bold) { pre.append(visible); continue; }
      const span = make('span', '', visible);
      span.style.color = colour;
      span.style.fontWeight = bold ? '600' : '';
      pre.append(span);
    }
  }
  return pre;
}

// dialogue.log: "  12.345 VM < text" came, ">" was typed, "=" was matched, "#" is a remark.
function dialogue(text) {
  const pre = make('pre');
  for (const line of text.split('\n')) {
    const part = /^(\s*[0-9.]+ )(?:(#.*)|(\S+ )([<>=])(.*))$/.exec(line);
    if (!part) { pre.append(line + '\n'); continue; }
    pre.append(make('span', 'time-of', part[1]));
    const kind = part[2] ? 'note' : part[4] === '>' ? 'typed' : part[4] === '=' ? 'matched' : '';
    pre.append(make('span', kind, (part[2] || part[3] + part[4] + part[5]) + '\n'));
  }
  return pre;
}

function bars(result) {
  const box = make('div');
  const whole = Math.max(...result.steps.map(step => step.start + step.seconds), 0.001);
  for (const step of result.steps) {
    const line = make('div', 'bar'), track = make('div'), bar = make('i');
    bar.style.left = 100 * step.start / whole + '%';
    bar.style.width = 100 * step.seconds / whole + '%';
    track.append(bar);
    line.append(make('span', '', step.step), track, make('span', 'time', seconds(step.seconds)));
    box.append(line);
  }
  return box;
}

function picture(data) {
  const image = make('img');
  image.src = data;
  image.alt = 'the display when it was looked at last';
  return image;
}

function section(cell, title, content) {
  cell.append(make('h2', '', title), typeof content === 'string' ? make('pre', '', content) : content);
}

function logs(cell, result, title) {
  // A try before stands after the one that counts.
  const tries = result.tries.map(tried => tried.directory + '/');
  const is_before = name => Number(tries.some(folder => name.startsWith(folder)));
  const names = Object.keys(result.logs).sort((a, b) => is_before(a) - is_before(b));
  for (const name of names.filter(name => name.endsWith('dialogue.log')))
    section(cell, title + name, dialogue(result.logs[name]));
  for (const name of names.filter(name => name.endsWith('console.log')))
    section(cell, title + name, terminal(result.logs[name]));
  for (const name of names.filter(name => !name.endsWith('dialogue.log') && !name.endsWith('console.log')))
    section(cell, title + name, result.logs[name]);
}

function detail(result) {
  const row = make('tr', 'detail'), cell = make('td');
  cell.colSpan = 4;
  for (const change of result.changes || []) section(cell, change.kind, change.what);
  const is_failure = result.outcome === 'failed';
  section(cell, is_failure ? 'Cause' : result.outcome === 'skipped' ? 'Reason' : 'Result',
          !result.message ? result.cause : is_failure ? result.cause + ': ' + result.message : result.message);
  if (result.touched.length) section(cell, 'A person', by_hand(result));
  if (result.step) section(cell, 'Step', result.step);
  if (result.awaited) section(cell, 'Awaited', result.awaited);
  if (result['last-lines'].length && result.outcome === 'failed')
    section(cell, 'Last lines of the console', terminal(result['last-lines'].join('\n')));
  for (const [name, data] of Object.entries(result.pictures)) section(cell, name, picture(data));
  if (result.steps.length) section(cell, 'Steps', bars(result));
  logs(cell, result, '');
  if (result.command) section(cell, 'QEMU', result.command);
  if (result.again) section(cell, 'Run it again', result.again);
  section(cell, 'Folder', result.directory);
  if (result.before) {
    section(cell, 'Before', result.before.outcome + ', ' + seconds(result.before.seconds) + ': ' + result.before.directory);
    logs(cell, result.before, 'before: ');
    if (result.before.command) section(cell, 'before: QEMU', result.before.command);
  }
  row.append(cell);
  return row;
}

function by_hand(result) {
  return result.touched.length ? 'touched by hand at ' + result.touched.map(touch => touch.at).join(', ') : '';
}

function why(result) {
  return is_comparison ? result.changes.map(change => change.what).join('; ')
    : result.outcome === 'passed' ? by_hand(result)
    : result.outcome === 'skipped' ? result.message : result.cause + ': ' + result.message;
}

function row(result) {
  const line = make('tr'), name = make('td', 'name'), open = make('button');
  for (const part of result.name.split(/(?<=[\/:])/)) open.append(...open.childNodes.length ? [make('wbr')] : [], part);
  open.type = 'button';
  open.setAttribute('aria-expanded', 'false');
  open.addEventListener('click', () => {
    const is_open = open.getAttribute('aria-expanded') === 'true';
    open.setAttribute('aria-expanded', String(!is_open));
    if (is_open) line.nextSibling.remove();
    else line.after(detail(result));
  });
  name.append(open);
  if (is_comparison || result.outcome === 'failed')
    name.append(make('div', 'cause', is_comparison ? why(result) : result.cause));
  const kind = kinds_of(result);
  line.append(make('td', kind_class(kind[0]), kind.join(', ')), name,
              make('td', 'time', result.outcome === 'skipped' ? '' : seconds(result.seconds)),
              make('td', 'why', why(result)));
  return line;
}

function compare(one, other) {
  const value = result => sort === 'outcome' ? kinds.indexOf(kinds_of(result)[0]) : result[sort];
  const a = value(one), b = value(other);
  const by = a < b ? -1 : a > b ? 1 : 0;
  return (downwards ? -by : by) || (one.name < other.name ? -1 : 1);
}

function show() {
  const text = search.value.trim().toLowerCase();
  const is_wanted = kind => wanted.size ? wanted.has(kind) : kind !== 'unchanged';
  const shown = results.filter(result => kinds_of(result).some(is_wanted) &&
                                         (!text || haystack(result).includes(text)));
  rows.replaceChildren(...shown.sort(compare).map(row));
  document.getElementById('shown').textContent = shown.length + ' of ' + results.length;
}

for (const kind of kinds) {
  const count = results.filter(result => kinds_of(result).includes(kind)).length;
  if (!count && (is_comparison || kind === 'flaky')) continue;
  const button = make('button', kind_class(kind), count + ' ' + kind);
  button.type = 'button';
  button.dataset.outcome = kind;
  button.setAttribute('aria-pressed', 'false');
  button.addEventListener('click', () => {
    wanted.has(kind) ? wanted.delete(kind) : wanted.add(kind);
    button.setAttribute('aria-pressed', String(wanted.has(kind)));
    show();
  });
  document.getElementById('shown').before(button);
}
for (const button of document.querySelectorAll('[data-sort]'))
  button.addEventListener('click', () => {
    downwards = sort === button.dataset.sort ? !downwards : button.dataset.sort === 'seconds';
    sort = button.dataset.sort;
    show();
  });
let pause;
search.addEventListener('input', () => { clearTimeout(pause); pause = setTimeout(show, 150); });

// page.html?search=panic&outcome=failed#arm/virt:smp shows what was searched for, and that subtest open.
const asked = new URLSearchParams(location.search);
search.value = asked.get('search') || '';
for (const button of document.querySelectorAll('[data-outcome]'))
  if (asked.getAll('outcome').includes(button.dataset.outcome)) button.click();
show();
const name = decodeURIComponent(location.hash.slice(1));
for (const button of name ? rows.querySelectorAll('td.name button') : [])
  if (button.textContent === name) { button.click(); button.scrollIntoView(); break; }
</script>
</body>
</html>
)page";

Json logs_of(const SubtestResult& result) {
  Json logs = Json::object();
  for (const std::string& name : run_logs(result)) {
    const bool is_of_failure = result.failed() || name.starts_with(k_try);
    try {
      logs[name] = shortened_log(result.directory + "/" + name,
                                 is_of_failure ? k_of_a_failure : k_of_a_pass);
    } catch (const std::exception& failure) { // unreadable, or gone meanwhile
      logs[name] = format("(cannot be read: {})", failure.what());
    }
  }
  return logs;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view k_digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t three = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      three = three << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += at + i <= bytes.size() ? k_digits[three >> (18 - 6 * i) & 63U] : '=';
    }
  }
  return text;
}

// Of displays, at a deadline (boot/evidence.hh).
Json pictures_of(const SubtestResult& result) {
  Json pictures = Json::object();
  for (const std::string& name : run_pictures(result)) {
    const std::string content = read_file_if_exists(result.directory + "/" + name).value_or("");
    if (content.size() <= k_largest_picture) {
      pictures[name] = "data:image/png;base64," + base64(content);
    }
  }
  return pictures;
}

// JSON inside of a script element: "</script" and "<!--" must not stand in it.
std::string fit_for_script(const std::string& json) {
  std::string fit;
  for (const char letter : json) {
    fit += letter == '<' ? "\\u003c" : std::string(1, letter);
  }
  return fit;
}

Json page_entry(const SubtestResult& result) {
  Json entry = result_json(result);
  entry["command"] = result.command;
  entry["kind"] =
      result.skipped() ? kind_of_skip(result) : std::string(cause_name(result.verdict.cause));
  entry["logs"] = result.skipped() ? Json::object() : logs_of(result);
  entry["pictures"] = pictures_of(result);
  return entry;
}

std::string page_of(const std::vector<Json>& entries, const std::string& title) {
  std::string page = k_page_start;
  const std::string heading = fit_for_markup(title);
  for (std::size_t at = 0; (at = page.find(k_page_title, at)) != std::string::npos;
       at += heading.size()) {
    page.replace(at, k_page_title.size(), heading);
  }
  const char* separator = "\n";
  for (const Json& entry : entries) {
    page += separator + fit_for_script(dump_json(entry));
    separator = ",\n";
  }
  return page + k_page_end;
}

const SubtestResult* find_result(std::span<const SubtestResult> results, const std::string& name) {
  const auto found =
      std::find_if(results.begin(), results.end(),
                   [&name](const SubtestResult& result) { return result.name == name; });
  return found == results.end() ? nullptr : &*found;
}

Json compared_entry(const SubtestResult& result, const SubtestResult* before, const Json& changes) {
  Json entry = page_entry(result);
  if (changes.empty()) { // what is as it was fills no page
    entry["logs"] = entry["pictures"] = Json::object();
  } else if (before != nullptr) {
    entry["before"] = page_entry(*before);
  }
  entry["changes"] = changes;
  return entry;
}

} // namespace

std::string html_page(std::span<const SubtestResult> results, const std::string& title) {
  std::vector<Json> entries;
  for (const SubtestResult& result : results) {
    entries.push_back(page_entry(result));
  }
  return page_of(entries, title);
}

std::string html_comparison(std::span<const SubtestResult> before,
                            std::span<const SubtestResult> after, std::span<const Change> changes,
                            const std::string& title) {
  std::map<std::string, Json> changes_of;
  for (const Change& change : changes) {
    changes_of[change.name].push_back({{"kind", change_name(change.kind)}, {"what", change.what}});
  }
  std::vector<Json> entries;
  for (const SubtestResult& result : after) {
    const auto own = changes_of.find(result.subject());
    entries.push_back(compared_entry(result, find_result(before, result.name),
                                     own == changes_of.end() ? Json::array() : own->second));
  }
  for (const SubtestResult& result : before) {
    const bool is_gone =
        std::none_of(after.begin(), after.end(), [&result](const SubtestResult& other) {
          return other.subject() == result.subject();
        });
    if (is_gone) {
      entries.push_back(compared_entry(result, nullptr, changes_of.at(result.subject())));
    }
  }
  return page_of(entries, title);
}

} // namespace qt
