extension FrontSettings {
    static let help = """
        questline-front: the HTTP front of Questline. It takes no arguments; settings come from the environment.
        Any secret X may be given as X_FILE instead, the path of a file that holds it.

        DATABASE_URL                            the Postgres database
        REDIS_URL                               the Redis server of the streams
        CACHE_REDIS_URL                         the Redis server of the cache (default: REDIS_URL)
        QUESTLINE_ENV                           local or production, which refuses default secrets (local)
        QUESTLINE_HOST, QUESTLINE_PORT          where to listen; port 0 is any free one (127.0.0.1, 5173)
        QUESTLINE_PROBE_HOST, …_PROBE_PORT      /livez, /readyz and /metrics (127.0.0.1, any free port)
        QUESTLINE_DRAIN_SECONDS                 requests are still taken for so long after SIGTERM (0)
        QUESTLINE_JWT_SECRET                    signs access tokens, at least 32 bytes, the same for every front
        QUESTLINE_JWT_PREVIOUS_SECRETS          further secrets that only verify, with commas or line ends between them
        QUESTLINE_PREFIX                        of every key in Redis (quest)
        QUESTLINE_ACCEPT                        stream, or outbox to write Postgres before every answer (stream)
        QUESTLINE_POOL                          connections to Postgres, beside two that explain and two for open pages (8)
        QUESTLINE_OUTBOX_LIMIT                  rows in the outbox beyond which 503 is answered (1000000)
        QUESTLINE_BACKLOG_LIMIT                 sign-ins waiting in the stream beyond which 503 is answered (2000000)
        QUESTLINE_RECALL_LIMIT                  sign-ins kept in memory until they are recorded (50000)
        QUESTLINE_LIVE_LIMIT                    pages that follow a person live, at this front (2000)
        QUESTLINE_LIVE_PER_PERSON               of these, by one person; the oldest makes room (8)
        QUESTLINE_HASH_MEMORY_KIB, …_PASSES     Argon2id parameters of new passwords (19456, 2)
        QUESTLINE_HASH_THREADS, …_QUEUE         hashes at once, 0 for one per core, and how many wait (0, 256)
        QUESTLINE_PROXIES                       addresses and CIDRs of own proxies, which alone are believed in
                                                X-Forwarded-For, with commas between them (none)
        QUESTLINE_CORS_ORIGINS                  origins whose pages may use the API from a browser, or * (none)
        QUESTLINE_SIGN_UPS_PER_HOUR             per address (10000 in local, 100 in production)
        QUESTLINE_FAILED_SIGN_INS_PER_ADDRESS   in five minutes, by all fronts together (50)
        QUESTLINE_FAILED_SIGN_INS_PER_NAME      from all addresses together (50)
        …_PER_NAME_AND_ADDRESS                  from one address (10)
        QUESTLINE_DEAD_LETTER_LIMIT             more dead letters are an alarm in the status (1000)
        QUESTLINE_RETENTION_ENTRIES             as the workers have it, which the status compares with (1000000)
        QUESTLINE_LOG                           text or json (text at a terminal, else json)
        QUESTLINE_LOG_LEVEL                     trace, debug, info, notice, warning, error or critical (info)

        Exit codes: 0 stopped as told, 1 failed, 64 a wrong setting, which is named.
        """
}
