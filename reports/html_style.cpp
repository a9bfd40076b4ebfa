#include "reports/html_style.h"

namespace ra {

// Colors are variables, so that dark and print change them in one place. Paper shows what is folded, where a browser can. s0 to s7 are streams (s0: solo's of the first
// arm), a0 to a3 arms; letters and keys name them too, so that nothing rests on color alone.
const std::string_view kHtmlStyle = R"css(
:root { color-scheme: light dark;
  --paper: #fcfbf8; --card: #ffffff; --ink: #1b1d22; --soft: #5b616b; --rule: #e2dfd7; --faint: #f3f1eb;
  --good: #17744a; --bad: #b3261e; --notice: #8f5a00; --good-bg: #e3f3ea; --bad-bg: #fbe6e3; --notice-bg: #fbefd5;
  --s0: #2c5f8a; --s1: #b4560f; --s2: #1d7a69; --s3: #b8456b; --s4: #7a63b8; --s5: #7d6a0c; --s6: #447a26; --s7: #8a5a44;
  --sx: #6a7079; --a0: #6c7380; --a1: #17744a; --a2: #7a63b8; --a3: #c4621f; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #121417; --card: #1a1d22; --ink: #e9e7e2; --soft: #a2a7b0; --rule: #2d3138; --faint: #21252b;
  --good: #6fcf9b; --bad: #ff8f85; --notice: #e8b963; --good-bg: #16301f; --bad-bg: #3d1b18; --notice-bg: #362a10;
  --s0: #6ea8d8; --s1: #f09a5c; --s2: #5cc4ae; --s3: #e67f9f; --s4: #ab98e6; --s5: #d0bb4f; --s6: #93cc70; --s7: #c39a83;
  --sx: #8b919a; --a0: #a2a7b0; --a1: #6fcf9b; --a2: #ab98e6; --a3: #f09a5c; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", "Noto Sans", Arial, sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
main, header, footer { max-width: 62rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
header { padding-top: 1.4rem; }
.scope { margin: 0 0 clamp(1.6rem, 5vw, 3.2rem); padding-bottom: .9rem; border-bottom: 1px solid var(--rule);
  color: var(--soft); font-size: .86rem; }
.scope b { color: var(--ink); font-weight: 600; }
h1 { margin: .7rem 0 1.2rem; font-size: clamp(1.55rem, 4.6vw, 2.55rem); line-height: 1.16; letter-spacing: -.022em;
  font-weight: 680; text-wrap: balance; max-width: 26em; }
h1 .after { color: var(--soft); font-weight: 500; }
.lead { margin: 0 0 .35rem; max-width: 46em; }
.subject { color: var(--soft); margin: 1.4rem 0 0; padding: .1rem 0 .1rem 1rem; border-left: 3px solid var(--rule); font-size: .93rem; }
.subject b { color: var(--ink); font-weight: 600; }
.subject q { color: var(--ink); quotes: "\201c" "\201d"; white-space: pre-wrap; }
h2 { margin: clamp(2.4rem, 6vw, 3.6rem) 0 .4rem; font-size: 1.28rem; letter-spacing: -.012em; line-height: 1.25; }
h3 { margin: 1.5rem 0 .3rem; font-size: 1rem; }
p { margin: .3rem 0 .8rem; }
.about { color: var(--soft); max-width: 46em; font-size: .93rem; margin-bottom: 1rem; }
.badge { display: inline-block; padding: .16em .72em .2em; border-radius: 99px; font-size: .8rem; font-weight: 640;
  letter-spacing: .01em; white-space: nowrap; background: var(--faint); color: var(--soft); }
.badge.good { background: var(--good-bg); color: var(--good); }
.badge.bad { background: var(--bad-bg); color: var(--bad); }
.badge.notice { background: var(--notice-bg); color: var(--notice); }
.arms { display: grid; gap: 1.1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); margin-top: 1.1rem; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 1.15rem 1.25rem 1.2rem; }
.card .head { display: flex; flex-wrap: wrap; gap: .3rem .6rem; align-items: center; }
.card h3 { margin: 0; font-size: 1.12rem; }
.card .kind { color: var(--soft); font-size: .83rem; flex-basis: 100%; }
.big { margin: .8rem 0 .1rem; font-size: clamp(1.9rem, 6vw, 2.5rem); line-height: 1.1; font-weight: 680; letter-spacing: -.03em; }
.big small { display: inline-block; font-size: .47em; line-height: 1.3; font-weight: 500; letter-spacing: 0; color: var(--soft); }
.card svg { display: block; margin: .55rem 0 .1rem; }
dl { margin: .9rem 0 0; display: grid; grid-template-columns: minmax(7.2em, max-content) 1fr; gap: .34rem .9rem; font-size: .92rem; }
dt { color: var(--soft); }
dd { margin: 0; }
.figure { margin: 1rem 0 0; background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 1rem 1.1rem .8rem; }
.figure + .figure { margin-top: 1.1rem; }
.figure > b { font-size: .95rem; }
.two { display: grid; gap: 1.1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); margin-top: 1rem; }
.two .wide svg { max-width: 34rem; }
.two .figure { margin: 0; display: flex; flex-direction: column; justify-content: space-between; }
.token { display: inline-block; background: var(--faint); border-radius: 5px; padding: 0 .3em; white-space: pre-wrap; }
.below { margin-top: .8rem; }
svg { width: 100%; height: auto; display: block; overflow: visible; }
.narrow { display: none; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .2rem 0 .5rem; padding: 0; list-style: none; font-size: .86rem; color: var(--soft); }
.key svg { display: inline-block; width: 1.5em; height: .8em; margin: 0 .45em 0 0; vertical-align: baseline; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif; fill: var(--ink); }
svg .tick { fill: var(--soft); font-size: 11.5px; }
svg .title { fill: var(--soft); font-size: 12px; }
svg .letter { font-weight: 700; font-size: 13px; }
svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .stream { fill: none; stroke-linecap: round; stroke-linejoin: round; }
svg .arm { fill: none; stroke-width: 2.4; stroke-linejoin: round; }
svg .part { fill: var(--card); stroke: var(--ink); stroke-width: 1.6; }
svg .halo { paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; }
svg .points { fill: none; stroke: var(--s0); stroke-width: 3.4; stroke-linecap: round; }
svg .tie { fill: var(--notice); stroke: none; }
svg .bound { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 5 4; }
svg .band { opacity: .17; stroke: none; }
path.s0 { stroke: var(--s0); } path.s1 { stroke: var(--s1); } path.s2 { stroke: var(--s2); } path.s3 { stroke: var(--s3); }
path.s4 { stroke: var(--s4); } path.s5 { stroke: var(--s5); } path.s6 { stroke: var(--s6); } path.s7 { stroke: var(--s7); }
path.sx { stroke: var(--sx); }
svg .bar.s0, svg .letter.s0 { fill: var(--s0); } svg .bar.s1, svg .letter.s1 { fill: var(--s1); }
svg .bar.s2, svg .letter.s2 { fill: var(--s2); } svg .bar.s3, svg .letter.s3 { fill: var(--s3); }
svg .bar.s4, svg .letter.s4 { fill: var(--s4); } svg .bar.s5, svg .letter.s5 { fill: var(--s5); }
svg .bar.s6, svg .letter.s6 { fill: var(--s6); } svg .bar.s7, svg .letter.s7 { fill: var(--s7); }
svg .bar.sx, svg .letter.sx { fill: var(--sx); }
svg .arm.a0 { stroke: var(--a0); } svg .arm.a1 { stroke: var(--a1); } svg .arm.a2 { stroke: var(--a2); } svg .arm.a3 { stroke: var(--a3); }
svg .dot.a0, svg .band.a0 { fill: var(--a0); } svg .dot.a1, svg .band.a1 { fill: var(--a1); }
svg .dot.a2, svg .band.a2 { fill: var(--a2); } svg .dot.a3, svg .band.a3 { fill: var(--a3); }
.texts { margin: .9rem 0 0; background: var(--card); border: 1px solid var(--rule); border-radius: 12px; }
.texts > div { padding: .85rem 1.1rem .95rem; }
.texts > div + div { border-top: 1px solid var(--rule); }
.texts .who { font-size: .86rem; color: var(--soft); margin-bottom: .3rem; }
.texts .who b { color: var(--ink); }
.said { font: 1.02rem/1.62 ui-serif, Georgia, "Iowan Old Style", "Noto Serif", "DejaVu Serif", serif; white-space: pre-wrap; }
.said.same { color: var(--soft); }
.fork { display: grid; gap: .1rem 1.6rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); margin-top: .35rem; }
.fork:not(.named) > div { display: grid; grid-template-columns: 1.3rem 1fr; align-items: baseline; }
b.s0 { color: var(--s0); } b.s1 { color: var(--s1); } b.s2 { color: var(--s2); } b.s3 { color: var(--s3); } b.s4 { color: var(--s4); }
b.s5 { color: var(--s5); } b.s6 { color: var(--s6); } b.s7 { color: var(--s7); } b.sx { color: var(--sx); }
mark { color: inherit; background: var(--good-bg); border-bottom: 2px solid var(--good); padding: .06em .12em; border-radius: 3px 3px 0 0; white-space: pre-wrap; }
mark.other { background: var(--bad-bg); border-bottom-color: var(--bad); }
.gap { font-size: .84rem; color: var(--soft); margin-top: .35rem; }
.scroll { overflow-x: auto; margin-top: .9rem; }
table { border-collapse: collapse; width: 100%; font-size: .91rem; overflow-wrap: normal; }
th, td { text-align: left; padding: .46rem .9rem .46rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { font-weight: 600; color: var(--soft); font-size: .82rem; }
tbody th { color: var(--ink); font-size: inherit; font-weight: 560; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.break, th.break { overflow-wrap: anywhere; min-width: 9em; }
.scroll:focus-visible { outline: 2px solid var(--s0); outline-offset: 2px; }
details { margin-top: .7rem; font-size: .92rem; }
summary { cursor: pointer; color: var(--soft); }
summary:focus-visible { outline: 2px solid var(--s0); outline-offset: 3px; border-radius: 3px; }
dl.definitions { max-width: 48em; margin-top: .6rem; }
ul.limits { padding-left: 1.1rem; max-width: 48em; }
ul.limits li { margin: .35rem 0; }
pre, code, .mono { font-family: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86em; }
pre { white-space: pre-wrap; background: var(--faint); border-radius: 10px; padding: .8rem 1rem; margin: .6rem 0; }
footer { margin-top: 3.5rem; padding-top: 1rem; padding-bottom: 2.5rem; color: var(--soft); font-size: .82rem; }
footer p { border-top: 1px solid var(--rule); padding-top: 1rem; }
@media (max-width: 40rem) { .wide { display: none; } .narrow { display: block; } dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; } td.break { min-width: 6.4em; } th.break { min-width: 7.6em; } .figure { padding-left: .8rem; padding-right: .8rem; } }
@media print { :root { color-scheme: light; --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --rule: #ccc; --faint: #f4f4f4;
  --good: #17744a; --bad: #b3261e; --notice: #8f5a00; --good-bg: #e3f3ea; --bad-bg: #fbe6e3; --notice-bg: #fbefd5;
  --s0: #2c5f8a; --s1: #b4560f; --s2: #1d7a69; --s3: #b8456b; --s4: #7a63b8; --s5: #7d6a0c; --s6: #447a26; --s7: #8a5a44;
  --sx: #6a7079; --a0: #6c7380; --a1: #17744a; --a2: #7a63b8; --a3: #c4621f; }
  @page { size: A4; margin: 16mm 15mm; }
  html { font-size: 11.6px; } body { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main, header, footer { max-width: none; padding-left: 0; padding-right: 0; } .scope { margin-bottom: 1.2rem; }
  .about, .lead, ul.limits, ol.methods, dl.definitions { max-width: none; }
  .wide { display: block; } .narrow { display: none; } h2 { margin-top: 1.8rem; }
  .arms, .two { grid-template-columns: 1fr 1fr; } dl { grid-template-columns: minmax(7.2em, max-content) 1fr; gap: .3rem .8rem; }
  .figure, .card, .about, .texts > div, tr, svg { break-inside: avoid; } h2, h3, .about { break-after: avoid; }
  .scroll { overflow: visible; } td, th { padding: .3rem .7rem .3rem 0; overflow-wrap: anywhere; }
  summary { list-style: none; break-after: avoid; } details::details-content { content-visibility: visible; block-size: auto; } }
@supports not selector(::details-content) { @media print { details:not([open]) { display: none; } } }
)css";

}  // namespace ra
