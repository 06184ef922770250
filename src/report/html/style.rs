//! How the page looks, and the comfort that a script adds. Neither holds a byte of the target.

pub(super) const STYLE: &str = "
:root{color-scheme:light dark;--bg:#fff;--fg:#1a1d21;--dim:#565d66;--line:#d5d9de;--card:#f6f7f9;
--good:#0b6b3a;--goodbg:#e2f4e9;--bad:#a4161a;--badbg:#fbe6e6;--warn:#7a4a00;--warnbg:#fdf0d8;
--cool:#0b4f8a;--coolbg:#e4eff9;--mark:#ffe08a}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e6e8eb;--dim:#a4abb3;--line:#343a41;
--card:#1d2125;--good:#7ad6a0;--goodbg:#12301f;--bad:#ff9a9a;--badbg:#3d1719;--warn:#f2c16b;
--warnbg:#38290d;--cool:#8cc4f5;--coolbg:#12283c;--mark:#6b5410}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:78rem;padding:1rem 1.25rem 4rem;background:var(--bg);color:var(--fg);
font:16px/1.5 system-ui,sans-serif}
.skip{position:absolute;left:-99rem}.skip:focus{position:static}
h1{font-size:1.5rem;margin:.2rem 0;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.5rem 0 .75rem;border-bottom:1px solid var(--line)}
h3{font-size:1.05rem;margin:.2rem 0}h5{margin:.6rem 0 .2rem;font-size:.85rem}h4{font-size:.95rem;margin:1rem 0 .3rem}
a{color:var(--cool)}a:focus-visible,summary:focus-visible,button:focus-visible,
input:focus-visible{outline:3px solid var(--cool);outline-offset:2px}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;margin:.75rem 0;padding:0}
code,pre,td.m,th.m{font-family:ui-monospace,monospace;font-size:.85rem}code,pre,th.m{overflow-wrap:anywhere}
th.m{min-width:9rem;font-weight:400}
pre{background:var(--card);border:1px solid var(--line);padding:.6rem;margin:.3rem 0;
white-space:pre-wrap;max-height:32rem;overflow:auto}
pre.f{white-space:pre;overflow-wrap:normal}
.end,.badge{display:inline-block;padding:.1rem .5rem;border-radius:.3rem;font-weight:600}
.good{color:var(--good);background:var(--goodbg)}.bad{color:var(--bad);background:var(--badbg)}
.warn{color:var(--warn);background:var(--warnbg)}.cool{color:var(--cool);background:var(--coolbg)}
.dim{color:var(--dim)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr));gap:1rem}
.card,article{background:var(--card);border:1px solid var(--line);border-radius:.4rem;
padding:.8rem 1rem}
article{margin:1rem 0}article.bad,article.warn,article.cool{color:inherit;background:var(--card);
border-left:.35rem solid var(--line)}article.bad{border-left-color:var(--bad)}
article.warn{border-left-color:var(--warn)}article.cool{border-left-color:var(--cool)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1rem}.pair>div{min-width:0}
mark{background:var(--mark);color:inherit}
.scroll{overflow-x:auto}.tall{max-height:85vh;overflow:auto}
table{border-collapse:collapse;width:100%;margin:.4rem 0}
th,td{border:1px solid var(--line);padding:.2rem .5rem;text-align:left;vertical-align:top}
thead th{background:var(--card);position:sticky;top:0}
th button{font:inherit;font-weight:600;border:0;background:none;color:inherit;cursor:pointer;
padding:0}
td.c{white-space:nowrap;text-align:center;font-size:.85rem}
td.c small{display:block;font-size:.75rem;color:var(--dim)}td.c small.no{color:var(--fg);font-weight:700}
td.x{outline:2px solid var(--bad);outline-offset:-2px}
tbody th{position:sticky;left:0;background:var(--bg)}thead th:first-child{left:0;z-index:1}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}
dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
.card dl{display:block}.card dt{margin-top:.5rem;font-size:.85rem}.card dd{font-size:.9rem}
td{min-width:7rem}td.c{min-width:5.5rem}
.filter{display:none}.js .filter{display:block;margin:.5rem 0}
.filter input{font:inherit;padding:.25rem .5rem;width:20rem;max-width:100%;background:var(--bg);
color:inherit;border:1px solid var(--dim);border-radius:.3rem}
.why{position:fixed;bottom:0;left:0;right:0;z-index:2;max-height:40vh;overflow:auto;margin:0;
padding:.5rem 1.25rem;background:var(--card);border-top:2px solid var(--cool);overflow-wrap:anywhere}
td.c:focus{outline:3px solid var(--cool);outline-offset:-3px}
summary{cursor:pointer;padding:.2rem 0}
@media (max-width:45rem){.pair{grid-template-columns:1fr}dl{grid-template-columns:1fr}
dt{margin-top:.4rem}}
@media screen and (max-width:45rem){.list thead{display:none}
.list,.list tbody,.list tr,.list td{display:block}.list tr[hidden],.list td:empty{display:none}
.list tr{border:1px solid var(--line);border-radius:.3rem;margin:.5rem 0;padding:.3rem .6rem}
.list td{border:0;padding:.1rem 0;overflow-wrap:anywhere}.list td:first-child{font-weight:600}
.list td[data-of]::before{content:attr(data-of) ': ';color:var(--dim);font:400 .85rem system-ui,sans-serif}
.list td[data-of]:first-child::before{content:none}}
@media print{:root{--bg:#fff;--fg:#000;--card:#fff}body{max-width:none;font-size:10pt}
nav,.skip,.filter,.why{display:none}.js .filter{display:none}pre{max-height:none}
article{break-inside:auto}h2,h3{break-after:avoid}thead th,tbody th{position:static}
.tall{max-height:none;overflow:visible}tr{break-inside:avoid}pre.f{white-space:pre-wrap;overflow-wrap:anywhere}
.cards{display:block}.card{margin:0 0 .6rem;break-inside:avoid}h4,h5,summary{break-after:avoid}
.scroll{overflow:visible}td{min-width:0}td.c{min-width:0}
details::details-content{content-visibility:visible;block-size:auto}}
";

/// Filters rows by what is typed, sorts by a column, and says what stands behind a cell to whoever
/// points at it, touches it or moves to it by the arrow keys; details open for print. Where columns have no room a
/// list shows its rows one below the other, and each cell says of what it is. No operator
/// that markup would have to escape.
pub(super) const SCRIPT: &str = "
(function () {
  'use strict';
  var all = function (selector, root) {
    return Array.prototype.slice.call((root || document).querySelectorAll(selector));
  };
  document.documentElement.classList.add('js');
  all('.filter input').forEach(function (input) {
    input.addEventListener('input', function () {
      var wanted = input.value.toLowerCase();
      var root = document.getElementById(input.dataset.of);
      all('tbody tr', root).forEach(function (row) {
        row.hidden = row.textContent.toLowerCase().indexOf(wanted) === -1;
      });
      all('details', root).forEach(function (fold) {
        if (wanted === '') { return; }
        fold.open = all('tbody tr', fold).some(function (row) { return !row.hidden; });
      });
      all('table.sort', root).forEach(function (table) {
        table.dispatchEvent(new Event('filtered'));
      });
    });
  });
  all('table.sort').forEach(function (table) {
    all('thead th', table).forEach(function (cell, column) {
      if (table.matches('.list')) {
        all('tbody tr', table).forEach(function (row) {
          row.cells[column].dataset.of = cell.textContent;
        });
      }
      var button = document.createElement('button');
      button.type = 'button';
      button.textContent = cell.textContent;
      cell.textContent = '';
      cell.appendChild(button);
      var down = true;
      button.addEventListener('click', function () {
        var body = table.tBodies[0];
        var key = function (row) { return row.cells[column].textContent; };
        var rows = all('tr', body).sort(function (a, b) {
          return key(a).localeCompare(key(b)) * (down ? 1 : -1);
        });
        rows.forEach(function (row) { body.appendChild(row); });
        all('thead th', table).forEach(function (other) { other.removeAttribute('aria-sort'); });
        cell.setAttribute('aria-sort', down ? 'ascending' : 'descending');
        down = !down;
      });
    });
  });
  var why = document.createElement('p');
  why.className = 'why';
  why.setAttribute('role', 'status');
  why.hidden = true;
  document.body.appendChild(why);
  var tell = function (cell) {
    var table = cell.closest('table');
    var name = cell.parentNode.cells[0].textContent;
    var column = table.tHead.rows[0].cells[cell.cellIndex].textContent;
    var words = Array.prototype.map.call(cell.childNodes, function (one) {
      return one.textContent;
    }).join(' ');
    why.textContent = name + ', ' + column + ': ' + words + '; ' + cell.title;
    why.hidden = false;
  };
  all('table.sort').forEach(function (table) {
    var at = table.querySelector('td.c');
    if (at === null) { return; }
    at.tabIndex = 0;
    var go = function (cell) {
      at.removeAttribute('tabindex');
      at = cell;
      at.tabIndex = 0;
      at.focus();
    };
    table.addEventListener('filtered', function () {
      if (!at.parentNode.hidden) { return; }
      var first = table.querySelector('tbody tr:not([hidden]) td.c');
      if (first === null) { return; }
      at.removeAttribute('tabindex');
      at = first;
      at.tabIndex = 0;
    });
    table.addEventListener('focusin', function (event) {
      var cell = event.target.closest('td.c');
      if (cell !== null) { tell(cell); }
    });
    table.addEventListener('focusout', function () { why.hidden = true; });
    table.addEventListener('click', function (event) {
      var cell = event.target.closest('td.c');
      if (cell !== null) { go(cell); }
    });
    table.addEventListener('keydown', function (event) {
      var cell = event.target.closest('td.c');
      if (cell === null) { return; }
      var shown = all('tbody tr', table).filter(function (row) { return !row.hidden; });
      var row = shown.indexOf(cell.parentNode);
      var next = null;
      switch (event.key) {
        case 'ArrowRight': next = cell.nextElementSibling; break;
        case 'ArrowLeft': next = cell.previousElementSibling; break;
        case 'ArrowDown': next = (shown[row + 1] || cell.parentNode).cells[cell.cellIndex]; break;
        case 'ArrowUp': next = (shown[row - 1] || cell.parentNode).cells[cell.cellIndex]; break;
        case 'Home': next = cell.parentNode.cells[1]; break;
        case 'End': next = cell.parentNode.cells[cell.parentNode.cells.length - 1]; break;
        case 'Escape': why.hidden = true; return;
        default: return;
      }
      event.preventDefault();
      if (next !== null) { if (next.matches('td.c')) { go(next); } }
    });
  });
  var opened = [];
  window.addEventListener('beforeprint', function () {
    opened = all('details:not([open])');
    opened.forEach(function (one) { one.open = true; });
  });
  window.addEventListener('afterprint', function () {
    opened.forEach(function (one) { one.open = false; });
  });
})();
";
