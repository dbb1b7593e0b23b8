import Domain
import Redis
import TestSupport
import Testing

/// What an outage costs the processes that wait for its end.
@Suite("Quiet outages")
struct QuietOutageTests {
    /// A minute if there is time for it.
    private let window: Duration = Guarantees.isLong ? .seconds(60) : .seconds(10)

    @Test(
        "While Redis is away a process without load writes fewer than 20 lines and takes less than 2 % of a core",
        .timeLimit(.minutes(4)))
    func redisAway() async throws {
        try await Stage.withPrivateRedis { stage, redis in
            try await stage.migrate()
            let front = try await stage.front()
            let worker = try await stage.worker()
            _ = try await front.signUp("patient")
            let events = try await front.signInAndIngest("patient", times: 2)
            try await stage.settle(recording: events.count)
            redis.kill()
            try await worker.line(containing: "Redis is away")
            try await expectQuiet([front.process, worker], "Redis")
            try await redis.start()
            try await worker.line(containing: "Redis is back after")
            let later = try await front.signInAndIngest("patient", times: 1)
            try await stage.settle(recording: events.count + later.count)
            try await stage.verify()
        }
    }

    @Test(
        "While Postgres is away a process without load writes fewer than 20 lines and takes less than 2 % of a core",
        .timeLimit(.minutes(4)))
    func postgresAway() async throws {
        try await Stage.withPrivatePostgres { stage, postgres in
            try await postgres.start()
            try await stage.migrate()
            let front = try await stage.front()
            let worker = try await stage.worker()
            _ = try await front.signUp("patient")
            let events = try await front.signInAndIngest("patient", times: 2)
            try await stage.settle(recording: events.count)
            try await postgres.kill()
            for process in [front.process, worker] { try await process.line(containing: "Postgres is away") }
            try await expectQuiet([front.process, worker], "Postgres")
            try await postgres.start()
            for process in [front.process, worker] { try await process.line(containing: "Postgres is back after") }
            let later = try await front.signInAndIngest("patient", times: 1)
            try await stage.settle(recording: events.count + later.count)
            try await stage.verify()
        }
    }

    /// The waiting is the measurement here.
    private func expectQuiet(_ processes: [ChildProcess], _ server: String) async throws {
        var before: [(lines: Int, time: Duration)] = []
        for process in processes { before.append((process.lines.count, try await process.processorTime())) }
        let begin = ContinuousClock.now
        try await Task.sleep(for: window)
        for (process, before) in zip(processes, before) {
            let lines = process.lines.count - before.lines
            let share = (try await process.processorTime() - before.time) / (.now - begin)
            print(
                "\(server) away for \(window): \(process.name) writes \(lines) lines and takes \(share * 100) % of a core"
            )
            #expect(lines < 20, "\(process.name): \(process.lines.suffix(20))")
            #expect(share < 0.02, "\(process.name)")
        }
    }

    @Test(
        "After many outages a front and a worker hold as much memory as after the first ones", .timeLimit(.minutes(10)))
    func memory() async throws {
        try await Stage.with { stage in
            try await FaultyProxy.with(.postgres, to: stage.settings["DATABASE_URL"] ?? "") { postgres in
                try await FaultyProxy.with(.redis, to: stage.settings["REDIS_URL"] ?? "") { redis in
                    let through = [
                        "DATABASE_URL": postgres.url, "REDIS_URL": redis.url, "CACHE_REDIS_URL": redis.url,
                    ]
                    try await stage.migrate()
                    let front = try await stage.front(through)
                    // Not the janitor, which looks every 5 s only whether an outage is over.
                    let worker = try await stage.worker(roles: "progress,claims,relay", through)
                    var recorded = 0
                    /// One outage of each server, with work before, during and after.
                    func outages(_ rounds: ClosedRange<Int>) async throws {
                        for round in rounds {
                            for (proxy, name) in [(redis, "Redis"), (postgres, "Postgres")] {
                                proxy.goAway()
                                try await worker.says("\(name) is away", times: round)
                                for _ in 0..<20 {
                                    let status = try await front.ingest(.timeOrdered(at: .now), of: .random()).status
                                    if status == 202 { recorded += 1 }
                                }
                                proxy.comeBack()
                                try await worker.says("\(name) is back after", times: round)
                                let events = SignIns.crowd(40, each: 8)
                                try await stage.publish(events)
                                recorded += events.count
                                try await stage.settle(recording: recorded)
                            }
                        }
                    }
                    try await outages(1...3)
                    let processes = [front.process, worker]
                    var warm: [Int] = []
                    for process in processes { warm.append(try await process.memory("RssAnon")) }
                    try await outages(4...(Guarantees.isLong ? 100 : 9))
                    for (process, warm) in zip(processes, warm) {
                        let now = try await process.memory("RssAnon")
                        print("\(process.name) holds \(now / 1_024) KiB, and held \(warm / 1_024) KiB after warm-up")
                        #expect(now < warm * 12 / 10 + 1_000_000, "\(process.name)")
                    }
                    try await stage.verify()
                }
            }
        }
    }
}
