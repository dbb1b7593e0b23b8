import Postgres
import Redis
import Runtime

/// One try of something that is done again and again.
extension Connections {
    /// Runs `body`, which uses Redis, Postgres or both, and tells of an outage when one of them fails.
    ///
    /// - Parameters:
    ///   - party: who tries, as the outages know it.
    ///   - redis: which Redis it is; the streams' if not given.
    /// - Returns: whether it succeeded. A cancelled one did not, and says nothing about anybody.
    func attempt(_ party: String, redis: OutageLog? = nil, _ body: () async throws -> Void) async -> Bool {
        let redis = redis ?? redisOutage
        do {
            try await body()
            redis.succeeded(party)
            postgresOutage.succeeded(party)
            return true
        } catch let error as RedisError {
            if error.code != .cancelled { redis.failed(error, of: party) }
        } catch let error as PostgresError {
            if error.code != .cancelled { postgresOutage.failed(error, of: party) }
        } catch is CancellationError {
        } catch {
            postgresOutage.failed(error, of: party)
        }
        return false
    }
}

/// The wait between rounds: a fixed time after one that succeeded, a short and growing one after one that failed.
struct Rounds {
    let interval: Duration
    private var pause = Pause()

    init(every interval: Duration) {
        self.interval = interval
    }

    /// - Throws: `CancellationError` when the process is to stop.
    mutating func wait(after succeeded: Bool) async throws {
        if succeeded {
            pause.reset()
            try await Pause.wait(interval)
        } else {
            try await pause.wait()
        }
    }
}
