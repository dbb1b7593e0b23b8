#include "CPages.h"

// Each file becomes part of the executable as it stands beside this one (C23, #embed).
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char player_html[] = {
#embed "player/player.html"
};
static const unsigned char player_css[] = {
#embed "player/player.css"
};
static const unsigned char player_js[] = {
#embed "player/player.js"
};
static const unsigned char quests_js[] = {
#embed "player/quests.js"
};
static const unsigned char celebrate_js[] = {
#embed "player/celebrate.js"
};
static const unsigned char base_css[] = {
#embed "shared/base.css"
};
static const unsigned char icon_svg[] = {
#embed "shared/icon.svg"
};
static const unsigned char words_js[] = {
#embed "shared/words.js"
};
static const unsigned char api_js[] = {
#embed "shared/api.js"
};
static const unsigned char dom_js[] = {
#embed "shared/dom.js"
};
static const unsigned char format_js[] = {
#embed "shared/format.js"
};
static const unsigned char live_js[] = {
#embed "shared/live.js"
};
static const unsigned char session_js[] = {
#embed "shared/session.js"
};
static const unsigned char console_html[] = {
#embed "console/console.html"
};
static const unsigned char console_css[] = {
#embed "console/console.css"
};
static const unsigned char console_js[] = {
#embed "console/console.js"
};
static const unsigned char table_js[] = {
#embed "console/table.js"
};
static const unsigned char chart_js[] = {
#embed "console/chart.js"
};
static const unsigned char overview_js[] = {
#embed "console/overview.js"
};
static const unsigned char events_js[] = {
#embed "console/events.js"
};
static const unsigned char people_js[] = {
#embed "console/people.js"
};
static const unsigned char person_js[] = {
#embed "console/person.js"
};
static const unsigned char catalog_js[] = {
#embed "console/catalog.js"
};
static const unsigned char letters_js[] = {
#embed "console/letters.js"
};
static const unsigned char keys_js[] = {
#embed "console/keys.js"
};
static const unsigned char audit_js[] = {
#embed "console/audit.js"
};

static const struct page_file files[] = {
    {"player.html", player_html, sizeof player_html},
    {"player.css", player_css, sizeof player_css},
    {"player.js", player_js, sizeof player_js},
    {"quests.js", quests_js, sizeof quests_js},
    {"celebrate.js", celebrate_js, sizeof celebrate_js},
    {"base.css", base_css, sizeof base_css},
    {"icon.svg", icon_svg, sizeof icon_svg},
    {"words.js", words_js, sizeof words_js},
    {"api.js", api_js, sizeof api_js},
    {"dom.js", dom_js, sizeof dom_js},
    {"format.js", format_js, sizeof format_js},
    {"live.js", live_js, sizeof live_js},
    {"session.js", session_js, sizeof session_js},
    {"console.html", console_html, sizeof console_html},
    {"console.css", console_css, sizeof console_css},
    {"console.js", console_js, sizeof console_js},
    {"table.js", table_js, sizeof table_js},
    {"chart.js", chart_js, sizeof chart_js},
    {"overview.js", overview_js, sizeof overview_js},
    {"events.js", events_js, sizeof events_js},
    {"people.js", people_js, sizeof people_js},
    {"person.js", person_js, sizeof person_js},
    {"catalog.js", catalog_js, sizeof catalog_js},
    {"letters.js", letters_js, sizeof letters_js},
    {"keys.js", keys_js, sizeof keys_js},
    {"audit.js", audit_js, sizeof audit_js},
};

struct page_file page_file(size_t number) {
    static const struct page_file none = {NULL, NULL, 0};
    return number < sizeof files / sizeof *files ? files[number] : none;
}
