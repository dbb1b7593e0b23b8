/// What a metric tells, as the `# HELP` line of the exposition says it, and the buckets of a histogram.
struct MetricDescription: Sendable {
    let help: String
    /// The upper bounds of a histogram's buckets; nil for those that every histogram of its kind has.
    var bounds: [Double]?

    /// Seconds that an event may take: from a stream that is read at once to an outage of an hour.
    private static let waits = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600]

    /// Every metric of Questline by its name. One that is missing here has no help, which a test of the exposition refuses.
    static let all: [String: MetricDescription] = [
        "http_server_active_requests": .init(help: "Requests that are being answered now."),
        "http_server_request_duration_seconds": .init(
            help: "From the first byte of a request to its answer, by the route's template."),
        "http_server_requests_total": .init(help: "Requests that were answered, by the route's template."),
        "process_cpu_seconds_total": .init(help: "Processor time used, in user and in system mode."),
        "process_resident_anonymous_bytes": .init(
            help: "Resident memory that no file backs: what the process has taken."),
        "process_resident_memory_bytes": .init(help: "Resident memory, pages of files included."),
        "process_start_time_seconds": .init(help: "When the process started, since the epoch."),
        "quest_accepted_total": .init(help: "Sign-ins that a front has made durable, by where: stream or outbox."),
        "quest_backlog_entries": .init(
            help: "Sign-ins in the stream that are not recorded, as this front counts them against its limit."),
        "quest_batch_retries_total": .init(
            help: "Batches that were tried again after an error of Postgres that may pass."),
        "quest_build_info": .init(help: "Always 1; the labels tell which build runs and which schema it needs."),
        "quest_catalog_confirmed_age_seconds": .init(
            help: "Since the confirmation under which the oldest answer of the catalog from memory was given."),
        "quest_catalog_reads_total": .init(help: "Reads of the catalog by what answered: memory, redis or postgres."),
        "quest_claims_total": .init(help: "Claims that were stored."),
        "quest_completions_total": .init(help: "Completions that were recorded."),
        "quest_dead_letters": .init(help: "Dead letters that wait for a person."),
        "quest_dead_letters_total": .init(help: "Entries that became dead letters."),
        "quest_event_duration_seconds": .init(
            help: "From an event's entry in its stream to the commit that recorded it; once for each event.",
            bounds: waits),
        "quest_events_processed_total": .init(
            help:
                "Events by type and outcome: recorded, duplicate or dead_letter. Types that no quest counts are other."),
        "quest_gaps_total": .init(help: "Times that Redis was seen to have lost entries."),
        "quest_left_to_relay_total": .init(help: "Kept sign-ins that the front has left to the relay to publish."),
        "quest_live_streams": .init(help: "Open pages that this front keeps up to date."),
        "quest_losses": .init(help: "Losses that nobody has dismissed."),
        "quest_lost_entries_total": .init(help: "Pending entries whose body was gone from the stream."),
        "quest_outbox_backlog": .init(help: "Rows that wait in an outbox; not those that a dead letter holds."),
        "quest_outbox_oldest_seconds": .init(help: "Age of the oldest row that waits in an outbox."),
        "quest_outbox_published_total": .init(help: "Rows of the outboxes that the relay has published."),
        "quest_outbox_rows": .init(help: "Sign-ins in the outbox, as this front counts them against its limit."),
        "quest_password_hash_seconds": .init(help: "Time of one password hash, without the wait for a thread."),
        "quest_password_overloads_total": .init(help: "Sign-ins refused because too many passwords wait."),
        "quest_pool_connections": .init(help: "Connections of a pool to Postgres by state: in_use or idle."),
        "quest_pool_limit": .init(help: "The most connections that a pool may have."),
        "quest_pool_waiting": .init(help: "Callers that wait for a connection of a pool."),
        "quest_published_again_total": .init(
            help: "Accepted sign-ins that were published again, for they may be lost."),
        "quest_recall_dropped_total": .init(help: "Accepted sign-ins that a front could not remember any longer."),
        "quest_recall_events": .init(help: "Accepted sign-ins that a front remembers until they are recorded."),
        "quest_reclaimed_total": .init(help: "Entries taken over from workers that have left them."),
        "quest_refused_total": .init(help: "Sign-ins answered 503: nothing could keep them, or too much waits."),
        "quest_stream_lag": .init(help: "Entries of a stream that were not delivered to its group yet."),
        "quest_stream_length": .init(help: "Entries in a stream, those that are done with included."),
        "quest_stream_oldest_pending_seconds": .init(
            help: "Age of the oldest entry that is delivered and not acknowledged; 0 if there is none."),
        "quest_stream_oldest_undone_seconds": .init(
            help: "Age of the oldest entry that is pending or not delivered; 0 if there is none."),
        "quest_stream_pending": .init(help: "Entries delivered to a group and not acknowledged."),
        "quest_trimmed_total": .init(help: "Entries removed from a stream after every group had acknowledged them."),
        "quest_unclaimed_rewards": .init(help: "Claims that their people have not claimed yet, by reward item."),
        "questline_metrics_dropped_series": .init(help: "Series that were refused because there were too many."),
    ]

    /// The two lines above the series of `name`.
    static func header(_ name: String, _ kind: String) -> String {
        let help = all[name].map { "# HELP \(name) \(escaped($0.help))\n" } ?? ""
        return help + "# TYPE \(name) \(kind)\n"
    }

    private static func escaped(_ help: String) -> String {
        help.contains { $0 == "\\" || $0 == "\n" }
            ? help.map { $0 == "\\" ? "\\\\" : $0 == "\n" ? "\\n" : String($0) }.joined() : help
    }
}
