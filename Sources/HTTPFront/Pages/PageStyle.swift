enum PageStyle {
    static let css = """
        :root {
          color-scheme: light dark;
          --ground: #f6f7f9; --card: #fff; --ink: #1a2230; --soft: #5a6577; --line: #d8dde6;
          --accent: #1f5fd0; --on-accent: #fff; --fault: #b3261e; --fault-ground: #fdecea; --done: #1a7f4b;
          font: 100%/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #12161d; --card: #1b212b; --ink: #e8ecf3; --soft: #a2adbf; --line: #333d4d;
            --accent: #7aa8ff; --on-accent: #0b1730; --fault: #ffb4ab; --fault-ground: #3b1512; --done: #6fd6a0;
          }
        }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        body { margin: 0; background: var(--ground); color: var(--ink); }
        .skip { position: absolute; left: -100rem; }
        .skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; }
        .bar { display: flex; justify-content: space-between; align-items: center; gap: 1rem; flex-wrap: wrap;
          padding: .75rem max(1rem, calc(50vw - 22rem)); border-bottom: 1px solid var(--line); background: var(--card); }
        .brand { margin: 0; font-weight: 700; font-size: 1.1rem; }
        .brand span { color: var(--accent); }
        .account { display: flex; align-items: center; gap: .75rem; min-width: 0; }
        .account span { overflow: hidden; text-overflow: ellipsis; max-width: 16rem; white-space: nowrap; }
        main { max-width: 44rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; outline: none; }
        h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; }
        h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
        .lead, .hint, .quiet-text { color: var(--soft); }
        .hint { font-size: .875rem; margin: .25rem 0 0; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.25rem; }
        form.card { max-width: 24rem; display: grid; }
        label { font-weight: 600; margin-top: .75rem; }
        label:first-child { margin-top: 0; }
        input { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--soft);
          border-radius: .4rem; padding: .55rem .7rem; width: 100%; }
        button { font: inherit; font-weight: 600; border: 1px solid var(--soft); border-radius: .4rem;
          padding: .5rem 1rem; background: transparent; color: inherit; cursor: pointer; }
        button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
        button.quiet { padding: .3rem .7rem; font-weight: 500; }
        button[disabled] { opacity: .6; cursor: progress; }
        :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
        .actions { display: flex; gap: .6rem; flex-wrap: wrap; margin-top: 1rem; }
        .notice, .fault { color: var(--fault); background: var(--fault-ground); border-radius: .4rem;
          padding: .5rem .75rem; margin: .75rem 0; }
        .wallet { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 0; }
        .wallet div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .75rem 1.25rem; }
        .wallet dt { color: var(--soft); }
        .wallet dd { margin: 0; font-size: 1.75rem; font-weight: 700; font-variant-numeric: tabular-nums; }
        ul.list { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem; }
        .row { display: flex; justify-content: space-between; align-items: center; gap: 1rem; flex-wrap: wrap; }
        .row h3 { font-size: 1rem; margin: 0; }
        .row p { margin: 0; color: var(--soft); font-size: .9rem; }
        h2.route { margin: 0; }
        .card p { margin: .25rem 0; }
        .brand a { color: inherit; text-decoration: none; }
        code { font-size: .95em; overflow-wrap: anywhere; }
        progress { width: 100%; height: .75rem; margin-top: .6rem; accent-color: var(--accent); }
        .done { color: var(--done); font-weight: 600; }

        """
}
