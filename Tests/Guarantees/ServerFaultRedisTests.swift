import Domain
import Foundation
import Redis
import TestSupport
import Testing

/// A Redis that is there and answers with errors. Each of them passes without a restart of anything of ours.
@Suite("Server faults of Redis")
struct ServerFaultRedisTests {
    private enum Fault: String, CaseIterable {
        /// Reads its data after a restart.
        case loading = "LOADING"
        /// Has become a replica of a server that is not there.
        case readOnly = "READONLY"
        /// Has no memory left.
        case full = "OOM"
        /// Cannot save and refuses to go on without.
        case notSaving = "MISCONF"
    }

    @Test("LOADING, READONLY, OOM and MISCONF cost no sign-in, are told once each, and pass", .timeLimit(.minutes(3)))
    func faults() async throws {
        try await Stage.withPrivateRedis { stage, redis in
            try await stage.migrate()
            let front = try await stage.front()
            let worker = try await stage.worker()
            _ = try await front.signUp("patient")
            var events = try await front.signInAndIngest("patient", times: 1)
            // So much to load that there is time to look at it.
            for _ in 0..<10 {
                _ = try await stage.redis.pipeline(RedisPipeline(repeatElement(["INCR", "filler"], count: 500)))
            }
            for (number, fault) in Fault.allCases.enumerated() {
                try await with(fault, redis, stage) {
                    let begin = ContinuousClock.now
                    let before = try await errors(stage.redis, fault)
                    events += try await front.signInAndIngest("patient", times: 3)
                    for process in [front.process, worker] {
                        try await process.says("Redis is away", times: number + 1)
                    }
                    events += try await front.signInAndIngest("patient", times: 1)
                    let (refused, seconds) = (
                        try await errors(stage.redis, fault) - before, (.now - begin) / .seconds(1)
                    )
                    #expect(Double(refused) < 20 + 30 * seconds, "\(fault.rawValue): \(refused) in \(seconds) s")
                }
                try await eventually("the front publishes again", every: .milliseconds(100)) {
                    events += try await front.signInAndIngest("patient", times: 1)
                    return front.process.lines(containing: "Redis is back after").count == number + 1
                }
                try await worker.says("Redis is back after", times: number + 1)
                try await stage.settle(recording: events.count)
            }
            #expect(try await stage.missing(events) == [])
            #expect(try await stage.recorded == events.count)
            for process in [front.process, worker] {
                #expect(process.isRunning)
                for line in ["Redis is away", "Redis is back after"] {
                    #expect(process.lines(containing: line).count == Fault.allCases.count, "\(process.lines)")
                }
                #expect(process.lines(containing: "Postgres is away").isEmpty)
            }
            try await stage.verify()
        }
    }

    /// Runs `body` while the server answers with `fault`.
    private func with(_ fault: Fault, _ server: PrivateRedis, _ stage: Stage, _ body: () async throws -> Void)
        async throws
    {
        let redis = stage.redis
        switch fault {
        case .loading:
            server.kill()
            async let loaded: Void = server.start(["--key-load-delay", "500"])
            try await answers(fault, ["PING"], redis)
            try await body()
            try await loaded
        case .readOnly:
            _ = try await redis.send(["REPLICAOF", "127.0.0.1", try FreePort.find()])
            try await answers(fault, ["INCR", "filler"], redis)
            try await body()
            _ = try await redis.send(["REPLICAOF", "NO", "ONE"])
        case .full:
            _ = try await redis.send(["CONFIG", "SET", "maxmemory", "1"])
            try await answers(fault, ["INCR", "filler"], redis)
            try await body()
            _ = try await redis.send(["CONFIG", "SET", "maxmemory", "0"])
        case .notSaving:
            // A folder stands where the file is to go.
            let file = server.directory.appending(path: "dump.rdb")
            try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
            _ = try await redis.send(["CONFIG", "SET", "save", "3600 1000000"])
            _ = try await redis.send(["BGSAVE"])
            try await answers(fault, ["INCR", "filler"], redis)
            try await body()
            try FileManager.default.removeItem(at: file)
            _ = try await redis.send(["CONFIG", "SET", "save", ""])
        }
    }

    private func answers(_ fault: Fault, _ command: RedisCommand, _ redis: RedisClient) async throws {
        try await eventually("the server answers \(fault.rawValue)") {
            do throws(RedisError) {
                _ = try await redis.send(command)
                return false
            } catch {
                return error.prefix == fault.rawValue
            }
        }
    }

    /// How many commands the server has refused for this reason since its start.
    private func errors(_ redis: RedisClient, _ fault: Fault) async throws -> Int {
        let info = try await redis.send(["INFO", "errorstats"]).string ?? ""
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("errorstat_\(fault.rawValue):count=") }
        return line.flatMap { Int($0.drop { $0 != "=" }.dropFirst()) } ?? 0
    }
}

extension ChildProcess {
    /// Waits until so many lines contain `text`.
    func says(_ text: String, times: Int) async throws {
        try await eventually("\(name) has said '\(text)' \(times) times", within: .seconds(30)) {
            guard isRunning else { throw Unrecoverable("\(name) has ended: \(lines.suffix(5))") }
            return lines(containing: text).count >= times
        }
    }
}
