/** How a report looks, light and dark. */

export const STYLE = `
:root { color-scheme: light dark; --text: light-dark(#1c2024, #e8eaed); --soft: light-dark(#5b636d, #a4acb6); --page: light-dark(#fcfcfd, #16181b);
  --panel: light-dark(#f1f3f5, #1f2226); --line: light-dark(#d9dce1, #34383e); --ok: light-dark(#5aa583, #3f8f6c); --fail: light-dark(#c97a0a, #e5a53d);
  --info: light-dark(#a3266a, #e273aa); --fault: light-dark(#d6453a33, #ff6b5e40); --recovery: light-dark(#d6453a14, #ff6b5e1c);
  --m0: light-dark(#c9d8f0, #2b3d5c); --m1: light-dark(#e0d3ee, #453459); --m2: light-dark(#d6e3c3, #3a4a26); --m3: light-dark(#efdcc4, #564127) }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; -webkit-text-size-adjust: 100% }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.5rem; margin: 0 0 .25rem } h2 { font-size: 1.1rem; margin: 2.25rem 0 .5rem } h3 { font-size: .95rem; margin: 1.25rem 0 .3rem }
.verdict { font-size: 1.05rem; font-weight: 600; margin: 0 0 1rem } .good { color: light-dark(#1f7a4f, #5cc394) } .bad { color: light-dark(#b3261e, #ff8a80) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.25rem; margin: 0 } dt { color: var(--soft) } dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
.scroll { overflow-x: auto; margin: .4rem 0 } svg { display: block; min-width: 46rem; width: 100% } svg text { fill: var(--text); font-size: 11px } svg .tick { fill: var(--soft) }
.ok { fill: var(--ok); background: var(--ok) } .fail { fill: var(--fail); background: var(--fail) } .info { fill: var(--info); background: var(--info) }
.fault { fill: var(--fault); background: var(--fault) } .recovery { fill: var(--recovery); background: var(--recovery) }
.m0 { fill: var(--m0) } .m1 { fill: var(--m1) } .m2 { fill: var(--m2) } .m3 { fill: var(--m3) }
.slowest { fill: none; stroke: var(--text); stroke-width: 1; opacity: .6 }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .25rem 0 } .legend i { display: inline-block; width: .85rem; height: .85rem; margin-right: .35rem; vertical-align: -2px; border: 1px solid var(--line) }
.small { color: var(--soft); font-size: 13px; margin: .25rem 0 .75rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } th, td { text-align: left; padding: .25rem 1.25rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
th { color: var(--soft); font-weight: 500 } td:not(:first-child), th:not(:first-child) { text-align: right; white-space: nowrap }
summary { cursor: pointer; margin-top: .75rem }
pre { background: var(--panel); padding: .75rem 1rem; border-radius: 6px; overflow-x: auto; font-size: 13px }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .5rem } h1 { font-size: 1.3rem } }
`
