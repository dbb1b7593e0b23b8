import Domain
import Glibc
import Postgres
import Redis
import Storage
import Streams
import TestSupport
import Testing

extension Guarantees {
    /// What becomes of entries whose worker is slow, gone, or killed by them.
    @Suite struct Recovery {
        @Test(.timeLimit(.minutes(3))) func aLivingWorkerKeepsWhatItHolds() async throws {
            try await Stage.with { stage in
                let settings = ["QUESTLINE_RECLAIM_SECONDS": "1", "QUESTLINE_BATCH": "20"]
                let workers = try await stage.workers(2, settings)
                let events = SignIns.crowd(10, each: 8)
                try await stage.whileNobodyCounts {
                    try await stage.publish(events)
                    try await eventually("both have read and read ahead") { try await stage.pendingSignIns.count == 80 }
                    // Several times as long as an entry may stand still.
                    try await eventually("they have held them for long") {
                        let oldest = try await stage.pendingSignIns.map(\.id.milliseconds).min() ?? 0
                        return try await stage.serverMilliseconds() > oldest + 5_000
                    }
                    let held = try await stage.pendingSignIns
                    #expect(held.count == 80 && held.allSatisfy { $0.deliveries == 1 })
                }
                try await stage.settle(recording: events.count)
                for worker in workers { #expect(worker.lines(containing: "took over") == []) }
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(3))) func aPendingEntryWhoseBodyIsGoneIsNamedUntilSomebodyDismissesIt() async throws {
            try await Stage.with { stage in
                let settings = ["QUESTLINE_RECLAIM_SECONDS": "1", "QUESTLINE_BATCH": "40"]
                let first = try await stage.worker(settings)
                let events = SignIns.crowd(5, each: 8)
                try await stage.whileNobodyCounts {
                    try await stage.publish(events)
                    try await eventually("it holds all") { try await stage.pendingSignIns.count == 40 }
                    try await first.kill()
                }
                let ids = try await stage.pendingSignIns.map(\.id)
                _ = try await stage.redis.send(["XDEL", stage.keys.signIns, ids[3], ids[17]])
                let second = try await stage.worker(settings)
                try await stage.settle(recording: 38)
                #expect(try await stage.recorded == 38)
                #expect(second.lines(containing: "entries are lost").count == 1)
                #expect(try await stage.number("SELECT count(*) FROM processing.losses") == 2)
                let red = try await stage.run(.worker, ["status"])
                #expect(red.code == 1)
                for id in [ids[3], ids[17]] {
                    #expect(red.lines.contains { $0.contains("LOST: entry \(id)") }, "\(red.lines)")
                }
                #expect(try await stage.run(.worker, ["losses"]).lines.contains("2 of 2 losses."))
                #expect(try await stage.run(.worker, ["losses", "dismiss", "--all"]).code == 0)
                let green = try await stage.run(.worker, ["status"])
                #expect(green.code == 0, "\(green.lines)")
                try await stage.verify()
            }
        }

        /// Whatever it is in the entry: each worker that has it in hand dies, the healthy ones around it are recorded, and
        /// in the end it is a dead letter.
        @Test(.timeLimit(.minutes(4))) func anEntryThatKillsItsWorkerAloneIsBuried() async throws {
            try await Stage.with { stage in
                try await stage.database.execute(
                    script: """
                        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
                        BEGIN PERFORM pg_sleep(30); RAISE serialization_failure; END $$;
                        CREATE TRIGGER dawdle BEFORE INSERT ON processing.events FOR EACH ROW
                        WHEN (NEW.event_type = 'Killer') EXECUTE FUNCTION dawdle();
                        """)
                let killer = try #require(EventType("Killer"))
                // It went by the outbox, which must not bring it back when it is buried.
                try await stage.publish(SignIns.crowd(1, each: 8))
                _ = try await SignInOutbox(stage.database).add([SignIns.event(type: killer)])
                try await stage.publish(SignIns.crowd(1, each: 8))
                let letters = DeadLetters(stage.redis, keys: stage.keys)
                var deaths = 0
                while try await letters.count() == 0 {
                    let worker = try await stage.worker(["QUESTLINE_RECLAIM_SECONDS": "1", "QUESTLINE_BATCH": "16"])
                    try await eventually("it has the killer in hand, or the killer is buried") {
                        let sleeping = try await stage.number(
                            """
                            SELECT count(*) FROM pg_stat_activity
                            WHERE datname = current_database() AND wait_event = 'PgSleep'
                            """)
                        if sleeping > 0 { return true }
                        return try await letters.count() > 0
                    }
                    guard try await letters.count() == 0 else { break }
                    try await worker.kill()
                    deaths += 1
                    try #require(deaths < 20)
                    try await stage.cutDatabaseConnections()
                }
                try await eventually("the others are recorded") { try await stage.recorded == 16 }
                let found = try await letters.list(limit: 10)
                #expect(found.map(\.error) == ["its worker died 3 times with this entry alone in hand"])
                #expect(found.first?.textFields.contains { $0 == ("type", "Killer") } == true)
                #expect(deaths >= 6, "it was not condemned in a hurry")
                #expect(try await stage.number("SELECT count(*) FROM auth.outbox WHERE published_at = 'infinity'") == 1)
                #expect(try await stage.run(.worker, ["dead-letters", "drop", "--all"]).code == 0)
                try await stage.settle(recording: 16)
                #expect(try await letters.count() == 0)
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(3))) func aBuriedCompletionComesOnceAndIsClaimedAfterARetry() async throws {
            try await Stage.with(autoClaim: true) { stage in
                try await stage.database.execute(
                    script: "ALTER TABLE auth.reward_claims ADD CONSTRAINT no_second CHECK (completion <> 2)")
                _ = try await stage.worker()
                try await stage.publish(SignIns.crowd(10, each: 8))
                let letters = DeadLetters(stage.redis, keys: stage.keys)
                try await eventually("the second ones are buried") { try await letters.count() == 10 }
                let last = try #require(try await letters.list(limit: 100).last)
                try await eventually("the relay has had its patience") {
                    try await stage.serverMilliseconds() > last.id.milliseconds + 8_000
                }
                #expect(try await letters.count() == 10, "not published again")
                #expect(try await stage.claims == 10)
                try await stage.database.execute(
                    script: "ALTER TABLE auth.reward_claims DROP CONSTRAINT no_second")
                #expect(try await stage.run(.worker, ["dead-letters", "retry", "--all"]).code == 0)
                try await stage.settle(recording: 80)
                #expect(try await stage.claims == 20)
                #expect(try await letters.count() == 0)
                try await stage.verify()
            }
        }
    }
}

extension Stage {
    /// Runs `body` while no batch can change progress: they wait for a lock, time out, and try again.
    func whileNobodyCounts(_ body: @Sendable () async throws -> Void) async throws {
        try await database.transaction(operation: "hold the progress rows") { transaction in
            _ = try await transaction.query("LOCK TABLE processing.user_quest_rewards IN ACCESS EXCLUSIVE MODE")
            try await body()
        }
    }

    /// The pending entries of the progress group.
    var pendingSignIns: [StaleEntry] {
        get async throws {
            let group = ConsumerGroup(
                reads: redis, commands: redis, stream: keys.signIns, group: StreamKeys.progressGroup, consumer: "nobody"
            )
            return try await group.stale(minIdle: .zero, count: 1_000).entries
        }
    }

    /// The time of the Redis that holds the streams.
    func serverMilliseconds() async throws -> UInt64 {
        let time = try await redis.send(["TIME"])
        let (seconds, microseconds) = (time[0]?.string.flatMap { UInt64($0) }, time[1]?.string.flatMap { UInt64($0) })
        return (seconds ?? 0) * 1_000 + (microseconds ?? 0) / 1_000
    }
}
