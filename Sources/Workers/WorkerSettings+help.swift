extension WorkerSettings {
    /// Lines of 79 columns at most, for they are wrapped at 80.
    static let help = """
        Settings come from the environment. Any secret X may be given as X_FILE
        instead, the path of a file that holds it.

        DATABASE_URL                 the Postgres database
        REDIS_URL                    the Redis server of the streams
        CACHE_REDIS_URL              the Redis server of the cache (REDIS_URL)
        QUESTLINE_PREFIX             of every key in Redis (quest)
        QUESTLINE_POOL               connections to Postgres (6)
        QUESTLINE_LOG                text or json (text at a terminal, else json)
        QUESTLINE_LOG_LEVEL          trace, debug, info, notice, warning, error or
                                     critical (info)
        QUESTLINE_PROBE_HOST         of /livez, /readyz and /metrics (127.0.0.1)
        QUESTLINE_PROBE_PORT         of the same (any free port)
        QUESTLINE_WORKER_ROLES       which loops (progress,claims,relay,janitor)
        QUESTLINE_BATCH              entries of one transaction at most (4000)
        QUESTLINE_RECLAIM_SECONDS    an entry idle for so long is taken over from
                                     its worker (30)
        QUESTLINE_RETENTION_MINUTES  acknowledged entries stay readable (60)
        QUESTLINE_RETENTION_ENTRIES  a longer stream is trimmed of what is
                                     acknowledged, whatever its age (1000000)
        QUESTLINE_DEAD_LETTER_LIMIT  more dead letters are an alarm (1000)

        Read by migrate alone, for what is missing in the database:

        QUESTLINE_ENV                local or production, which refuses default
                                     secrets (local)
        QUESTLINE_PLAYER_USER        the first player (user)
        QUESTLINE_PLAYER_PASSWORD    (password in local)
        QUESTLINE_ADMIN_USER         the first admin (admin)
        QUESTLINE_ADMIN_PASSWORD     (admin-password in local)
        QUESTLINE_API_KEY            the first API key (none)
        QUESTLINE_QUEST_NAME         the first quest (UserSignIn)
        QUESTLINE_QUEST_STREAK       how many events fill it (3)
        QUESTLINE_QUEST_DUPLICATION  how often it can be filled (2)
        QUESTLINE_QUEST_AUTO_CLAIM   whether it pays by itself (false)
        QUESTLINE_REWARD_ITEM        gold or diamond (diamond)
        QUESTLINE_REWARD_QTY         how many (10)
        QUESTLINE_HASH_MEMORY_KIB    Argon2id parameters of new passwords (19456),
        QUESTLINE_HASH_PASSES        read by admin reset-password, too (2)

        Exit codes: 0 done, 1 failed or differences found, 64 wrong usage or a wrong
        setting, which is named.
        """
}
