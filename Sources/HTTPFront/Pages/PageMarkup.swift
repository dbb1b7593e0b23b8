/// The one page: signing in, and what one has earned.
enum PageMarkup {
    static let html = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Questline</title>
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
        <link rel="stylesheet" href="/assets/app.css">
        <script type="module" src="/assets/app.js"></script>
        </head>
        <body>
        <a class="skip" href="#main">Skip to content</a>
        <header class="bar">
          <p class="brand"><span aria-hidden="true">◆</span> Questline</p>
          <div class="account" id="account" hidden>
            <span id="account-name"></span>
            <button type="button" class="quiet" id="sign-out">Sign out</button>
          </div>
        </header>
        <main id="main" tabindex="-1">
          <p class="notice" id="notice" role="alert" hidden></p>
          <noscript><p class="notice">This page needs JavaScript. Everything it shows is also served under /api/v1.</p></noscript>

          <section id="entry" aria-labelledby="entry-title" hidden>
            <h1 id="entry-title">Sign in, fill a streak, claim the reward</h1>
            <p class="lead">Each sign-in counts towards your quests.</p>
            <form id="entry-form" class="card" novalidate>
              <label for="name">Name</label>
              <input id="name" name="username" autocomplete="username" maxlength="255" required autocapitalize="none" spellcheck="false">
              <label for="password">Password</label>
              <input id="password" name="password" type="password" autocomplete="current-password" maxlength="128" required aria-describedby="password-hint">
              <p class="hint" id="password-hint">8 to 128 characters</p>
              <p class="fault" id="entry-fault" role="alert" hidden></p>
              <div class="actions">
                <button type="submit" class="primary" value="sign-in">Sign in</button>
                <button type="submit" value="sign-up">Create an account</button>
              </div>
            </form>
          </section>

          <div id="home" hidden>
            <section aria-labelledby="wallet-title">
              <h1 id="wallet-title">Your wallet</h1>
              <dl class="wallet" aria-live="polite">
                <div><dt>Gold</dt><dd id="gold">–</dd></div>
                <div><dt>Diamonds</dt><dd id="diamond">–</dd></div>
              </dl>
            </section>
            <section aria-labelledby="quests-title">
              <h2 id="quests-title">Quests</h2>
              <div id="quests" aria-busy="true"><p class="quiet-text">Loading…</p></div>
            </section>
            <section aria-labelledby="claims-title">
              <h2 id="claims-title">Rewards</h2>
              <div id="claims" aria-live="polite" aria-busy="true"><p class="quiet-text">Loading…</p></div>
            </section>
          </div>
        </main>
        </body>
        </html>

        """

    static let icon = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#2f6fdb" d="M16 2 30 16 16 30 2 16z"/>\
        <path fill="#fff" fill-opacity=".45" d="M16 2v28L2 16z"/></svg>
        """
}
