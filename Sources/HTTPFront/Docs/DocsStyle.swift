/// What `/docs` adds to the style of the pages.
enum DocsStyle {
    static let css = """
        .docs { --code: light-dark(#f1efeb, #101015); --fault: var(--bad); }
        .docs .bar { position: static; justify-content: space-between; }
        .docs .card p, .docs .operation p { margin: .25rem 0; }
        .docs main p, .docs main ul { margin: .6rem 0; }
        .docs .lead { color: var(--soft); }
        .docs h2.route { margin: 0; }
        .docs code { overflow-wrap: anywhere; }
        html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
        @media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
        .docs a { color: var(--accent); }
        .docs .bar { padding-inline: 1.25rem; }
        .version { margin: 0; color: var(--soft); font-size: .9rem; }
        .columns { display: grid; grid-template-columns: minmax(0, 1fr); }
        .docs main { max-width: 54rem; width: 100%; margin: 0; padding: 1.5rem 1.25rem 5rem; }
        .docs h1 { font-size: 2rem; }
        .docs h2 { font-size: 1.4rem; margin: 2.75rem 0 .5rem; padding-bottom: .35rem; border-bottom: 1px solid var(--line); }
        .docs h4 { margin: 1.25rem 0 .4rem; font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); }
        .docs li { margin: .3rem 0; }
        .contents { border-bottom: 1px solid var(--line); padding: .5rem 1.25rem 1rem; background: var(--card); font-size: .875rem; }
        .contents summary { font-weight: 600; cursor: pointer; padding: .35rem 0; }
        .contents .part { font-weight: 700; margin: 1rem 0 .25rem; }
        .contents .part a { color: inherit; text-decoration: none; }
        .contents ul { list-style: none; margin: 0; padding: 0; }
        .contents li { margin: 0; }
        .contents li a { display: flex; gap: .5rem; align-items: baseline; padding: .2rem .35rem; border-radius: .3rem;
          color: inherit; text-decoration: none; }
        .contents li a:hover, .contents .part a:hover { color: var(--accent); }
        .contents li a:hover { background: var(--ground); }
        .contents span { overflow-wrap: anywhere; word-break: normal; }
        .verb { font: 700 .68rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; letter-spacing: .03em;
          padding: .1rem .4rem; border-radius: .3rem; border: 1px solid currentColor; flex: none; }
        .contents .verb { border: 0; padding: 0; width: 3.4rem; font-size: .66rem; }
        .verb.get { color: var(--accent); } .verb.post { color: var(--good); } .verb.delete { color: var(--fault); }
        .verb.put, .verb.patch { color: var(--warn); }
        .operation { margin: 1.25rem 0; padding: 1.25rem; }
        .operation h3 { margin: 0 0 .4rem; font-size: 1.05rem; display: flex; gap: .6rem; align-items: center; flex-wrap: wrap; }
        .operation h3 code { font-weight: 600; }
        .operation .summary { font-size: 1.02rem; }
        .operation:target, h3:target { scroll-margin-top: 1rem; }
        .wide { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); }
        .docs table { border-collapse: collapse; width: 100%; font-size: .9rem; }
        .docs th, .docs td { text-align: start; vertical-align: top; padding: .5rem .75rem; }
        .docs th { font-size: .8rem; color: var(--soft); font-weight: 600; background: var(--ground); }
        .docs tbody tr { border-top: 1px solid var(--line); }
        .docs td:first-child, .docs .answers td:last-child { white-space: nowrap; }
        .docs td code { overflow-wrap: normal; }
        .docs td > code:only-child { white-space: nowrap; }
        .need { font-size: .75rem; color: var(--soft); margin-inline-start: .35rem; }
        .need.required { color: var(--fault); }
        .media { text-transform: none; letter-spacing: 0; font-weight: 400; margin-inline-start: .35rem; }
        .status { font-weight: 700; font-variant-numeric: tabular-nums; }
        .status.good { color: var(--good); } .status.bad { color: var(--soft); }
        .docs code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .88em; }
        .docs pre { margin: .5rem 0; padding: .8rem 1rem; overflow-x: auto; background: var(--code); border: 1px solid var(--line);
          border-radius: .5rem; line-height: 1.5; tab-size: 2; }
        .docs pre code { overflow-wrap: normal; font-size: .82rem; }
        .docs pre.answer { max-height: 24rem; overflow-y: auto; }
        .operation details { margin-top: .75rem; }
        .operation summary { cursor: pointer; font-size: .9rem; color: var(--accent); padding: .25rem 0; }
        .operation details[open] summary { margin-bottom: .4rem; }
        @media (min-width: 64rem) {
          .columns { grid-template-columns: 19rem minmax(0, 1fr); }
          .docs main { padding: 2rem 3rem 6rem; }
          .contents { position: sticky; top: 0; height: 100vh; overflow-y: auto; border-bottom: 0;
            border-inline-end: 1px solid var(--line); padding-bottom: 3rem; }
        }
        @media (max-width: 63.99rem) { .contents { max-height: 20rem; overflow-y: auto; } }
        @media (max-width: 40rem) {
          .docs table:not(.answers) { min-width: 30rem; }
          .docs table:not(.answers) td:first-child { white-space: normal; min-width: 7rem; }
          .operation { padding: 1rem; margin-inline: -.5rem; }
        }

        """
}
