import Domain
import Postgres
import Storage
import TestSupport
import Testing

/// A Postgres that is there and lets nobody in, and one whose answers are lost.
@Suite("Server faults of Postgres")
struct ServerFaultPostgresTests {
    @Test(
        "Stopping, starting up and having no connection left cost no event, are told once each, and pass",
        .timeLimit(.minutes(3)))
    func refusals() async throws {
        try await Stage.withPrivatePostgres { stage, postgres in
            try await postgres.start()
            try await stage.database.execute(
                script: "CREATE ROLE questline LOGIN; ALTER DATABASE postgres OWNER TO questline")
            // Limits are not for superusers.
            let role = ["DATABASE_URL": postgres.url.replacing("postgres@", with: "questline@")]
            try await stage.migrate(role)
            let front = try await stage.front(role)
            let worker = try await stage.worker(role)
            _ = try await front.signUp("patient")
            var events = try await front.signInAndIngest("patient", times: 1)
            for round in 1...2 {
                let begin = ContinuousClock.now
                let refusal = round == 1 ? "the database system is" : "too many connections for role"
                if round == 1 {
                    // Sessions are told that it shuts down, and whoever comes then that it does or that it starts.
                    try await postgres.stop()
                    try await postgres.beginStartup()
                } else {
                    _ = try await stage.database.query("ALTER ROLE questline CONNECTION LIMIT 0")
                    _ = try await stage.database.query(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'questline'")
                }
                for process in [front.process, worker] { try await process.says("Postgres is away", times: round) }
                #expect(try await front.signIn("patient").status == 503)
                for _ in 0..<5 {
                    let id = Identifier.timeOrdered(at: .now)
                    #expect(try await front.ingest(id, of: .random()).status == 202)
                    events.append(id)
                }
                try await eventually("somebody is refused") { !postgres.lines(containing: refusal).isEmpty }
                let (refused, seconds) = (postgres.lines(containing: refusal).count, (.now - begin) / .seconds(1))
                #expect(Double(refused) < 20 + 20 * seconds, "\(refusal): \(refused) in \(seconds) s")
                if round == 1 {
                    try await postgres.endStartup()
                } else {
                    _ = try await stage.database.query("ALTER ROLE questline CONNECTION LIMIT -1")
                }
                for process in [front.process, worker] {
                    try await process.says("Postgres is back after", times: round)
                }
                events += try await front.signInAndIngest("patient", times: 1)
                try await stage.settle(recording: events.count)
            }
            #expect(try await stage.missing(events) == [])
            #expect(try await stage.recorded == events.count)
            for process in [front.process, worker] {
                #expect(process.isRunning)
                for line in ["Postgres is away", "Postgres is back after"] {
                    #expect(process.lines(containing: line).count == 2, "\(process.lines)")
                }
                #expect(process.lines(containing: "Redis is away").isEmpty)
            }
            try await stage.verify()
        }
    }

    @Test(
        "Batches, claims, first sign-ins and outbox rows whose COMMIT is not answered are repeated and count once",
        .timeLimit(.minutes(3)))
    func lostCommits() async throws {
        try await Stage.with(autoClaim: true) { stage in
            try await FaultyProxy.with(.postgres, to: stage.settings["DATABASE_URL"] ?? "") { proxy in
                let kinds = [
                    "INSERT INTO processing.events", "INSERT INTO auth.reward_claims", "INSERT INTO auth.outbox",
                    "DELETE FROM auth.outbox",
                ]
                let lost = Locked<[String: Int]>([:])
                proxy.script { request in
                    guard request.commits else { return .none }
                    guard let kind = kinds.first(where: { kind in request.roundTrip.contains { $0.contains(kind) } })
                    else { return .none }
                    return lost.withLock { lost in
                        lost[kind, default: 0] += 1
                        return lost[kind, default: 0] <= 3 ? .loseAnswer : .none
                    }
                }
                let front = try await stage.front(["DATABASE_URL": proxy.url])
                let worker = try await stage.worker(["DATABASE_URL": proxy.url, "QUESTLINE_BATCH": "20"])
                var accepted: [Identifier] = []
                for number in 0..<4 {
                    _ = try await front.signUp("player-\(number)")
                    // The first one may have been kept, which nobody knows; the answer says so.
                    let first = try await front.signIn("player-\(number)")
                    #expect(first.status == (number < 3 ? 503 : 200))
                    let second = try await front.signIn("player-\(number)")
                    #expect(second.status == 200)
                    accepted += [first, second].compactMap(\.event)
                }
                let crowd = SignIns.crowd(20, each: 8)
                try await stage.publish(crowd)
                let kept = SignIns.crowd(5, each: 8)
                _ = try await SignInOutbox(stage.database).add(kept)
                // Each first sign-in was kept although its answer was lost.
                let count = crowd.count + kept.count + 8
                try await stage.settle(recording: count)
                #expect(try await stage.recorded == count)
                #expect(try await stage.missing(accepted + (crowd + kept).map(\.id)) == [])
                for kind in kinds { #expect(lost.now[kind, default: 0] >= 1, "\(kind): an answer was to be lost") }
                let firsts: SQL = "SELECT count(*) FROM processing.events WHERE event_type = 'NewUserSignIn'"
                #expect(try await stage.number(firsts) == 25 + 4)
                #expect(try await stage.claims == 50)
                #expect(try await stage.number("SELECT sum(diamond)::bigint FROM auth.users") == 500)
                #expect(worker.isRunning)
                try await stage.verify()
            }
        }
    }

    @Test(
        "Connections to Redis and to Postgres cut at once, again and again under load, lose and double nothing",
        .timeLimit(.minutes(3)))
    func everythingCut() async throws {
        try await Stage.with { stage in
            try await FaultyProxy.with(.postgres, to: stage.settings["DATABASE_URL"] ?? "") { postgres in
                try await FaultyProxy.with(.redis, to: stage.settings["REDIS_URL"] ?? "") { redis in
                    let through = [
                        "DATABASE_URL": postgres.url, "REDIS_URL": redis.url, "CACHE_REDIS_URL": redis.url,
                        "QUESTLINE_BATCH": "20",
                    ]
                    try await stage.migrate()
                    let front = try await stage.front(through)
                    let workers = try await stage.workers(2, through)
                    try await inParallel(2) { _ = try await front.signUp("player-\($0)") }
                    let accepted = Ledger()
                    async let people: Void = front.signInManyTimes(clients: 2, each: 50, into: accepted)
                    async let systems: Void = front.ingestManyTimes(clients: 4, each: 75, into: accepted)
                    for round in 1...10 {
                        try await accepted.reach(round * 30)
                        postgres.cut()
                        redis.cut()
                    }
                    try await people
                    try await systems
                    #expect(accepted.events.count == 400)
                    try await stage.settle(recording: 400)
                    #expect(try await stage.missing(accepted.events) == [])
                    for process in workers + [front.process] { #expect(process.isRunning) }
                    try await stage.verify()
                }
            }
        }
    }
}
