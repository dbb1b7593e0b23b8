import Foundation
import Redis
import Synchronization
import TestSupport
import Testing

@Suite struct RedisOutageTests {
    private func client(
        _ url: String, name: String = "questline", connectTimeout: Duration = .seconds(2),
        commandTimeout: Duration = .seconds(5)
    ) throws -> RedisClient {
        var configuration = try RedisConfiguration(url: url)
        configuration.clientName = name
        configuration.connectTimeout = connectTimeout
        configuration.commandTimeout = commandTimeout
        return RedisClient(configuration, logger: TestLog.logger)
    }

    private func failure(_ client: RedisClient, _ command: RedisCommand) async -> RedisError? {
        do {
            _ = try await client.send(command)
            return nil
        } catch {
            return error
        }
    }

    /// Repeats a harmless command until it succeeds, as every caller with a loop of its own does.
    private func waitUntilAnswered(_ client: RedisClient) async throws {
        while true {
            do throws(RedisError) {
                _ = try await client.send(["PING"])
                return
            } catch {
                guard error.isRetryable else { throw error }
                await Task.yield()
            }
        }
    }

    @Test func nobodyListens() async throws {
        let client = try client("redis://127.0.0.1:\(try FreePort.find())")
        let start = ContinuousClock.now
        for _ in 0..<20 {
            let error = await failure(client, ["GET", "secret-key"])
            #expect(error?.code == .unavailable)
            #expect(error?.operation == "GET")
            #expect(error?.isRetryable == true)
            #expect(error?.description.contains("secret-key") == false)
        }
        #expect(ContinuousClock.now - start < .seconds(15), "nothing is waited for")
        #expect(!client.isConnected)
        await client.close()
    }

    @Test func aNameThatDoesNotExist() async throws {
        let client = try client("redis://no-such-host.invalid")
        let error = await failure(client, ["PING"])
        #expect(error?.code == .unavailable)
        await client.close()
    }

    @Test func aKilledServerLeavesSentCommandsInDoubtAndIsFoundAgain() async throws {
        try await PrivateRedis.with { server in
            let client = try client(server.url)
            let observer = try self.client(server.url, name: "observer")
            let waiting = Task { await failure(client, ["BLPOP", "q", 5]) }
            try await observer.waitUntilBlocked("questline")
            server.kill()
            #expect(await waiting.value?.code == .outcomeUnknown)
            let away = await failure(client, ["PING"])
            #expect(away?.code == .unavailable)
            try await server.start()
            try await waitUntilAnswered(client)
            #expect(client.isConnected)
            await client.close()
            await observer.close()
        }
    }

    /// The connection breaks while nothing is asked: no command may be in doubt for it.
    @Test func aRestartBetweenTwoCommandsIsNotNoticed() async throws {
        try await PrivateRedis.with { server in
            let client = try client(server.url)
            for number in 1...3 {
                #expect(try await client.send(["INCR", "n"]).integer == Int64(number))
                server.kill()
                try await server.start()
            }
            #expect(try await client.send(["GET", "n"]).integer == 3)
            await client.close()
        }
    }

    @Test func aFrozenServerMeetsTheDeadlineAndIsUsedAgainWhenItThaws() async throws {
        try await PrivateRedis.with { server in
            let client = try client(
                server.url, connectTimeout: .seconds(3), commandTimeout: .seconds(3))
            _ = try await client.send(["SET", "a", "1"])
            server.freeze()
            let start = ContinuousClock.now
            let errors = await withTaskGroup(of: RedisError?.self) { group in
                for _ in 0..<50 {
                    group.addTask { await failure(client, ["INCR", "a"]) }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(errors.count == 50)
            for error in errors { #expect(error?.code == .outcomeUnknown || error?.code == .unavailable) }
            #expect(ContinuousClock.now - start < .seconds(9))
            // A connection that the kernel accepts is not a server that answers.
            let later = await failure(client, ["INCR", "a"])
            #expect(later?.code == .unavailable)
            server.thaw()
            try await waitUntilAnswered(client)
            await client.close()
        }
    }

    @Test func cancellationDoesNotWaitForAFrozenServer() async throws {
        try await PrivateRedis.with { server in
            let client = try client(server.url, commandTimeout: .seconds(30))
            _ = try await client.send(["PING"])
            server.freeze()
            let start = ContinuousClock.now
            let tasks = (0..<10).map { _ in
                Task { await failure(client, ["PING"]) }
            }
            for task in tasks { task.cancel() }
            for task in tasks { #expect(await task.value?.code == .cancelled) }
            let closing = Task { await client.close() }
            closing.cancel()
            await closing.value
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test func wrongPasswordIsSaidAndNotRetried() async throws {
        try await PrivateRedis.with(options: ["--requirepass", "right"]) { server in
            let wrong = try client("redis://:hunter2@127.0.0.1:\(server.port)")
            let error = await failure(wrong, ["PING"])
            #expect(error?.code == .unavailable)
            #expect(error?.prefix == "WRONGPASS")
            #expect(error?.isRetryable == false)
            #expect(error?.description.contains("hunter2") == false)
            let right = try client("redis://:right@127.0.0.1:\(server.port)/5")
            #expect(try await right.send(["CLIENT", "INFO"]).string?.contains(" db=5 ") == true)
            _ = try await right.send(["ACL", "SETUSER", "ada", "on", ">pa/ss", "~*", "+@all", "-client"])
            let user = try client("redis://ada:pa%2Fss@127.0.0.1:\(server.port)")
            #expect(try await user.send(["ACL", "WHOAMI"]).string == "ada")
            for client in [wrong, right, user] { await client.close() }
        }
    }

    @Test func aFullServerRefusesAndRecovers() async throws {
        try await PrivateRedis.with { server in
            let client = try client(server.url)
            _ = try await client.send(["CONFIG", "SET", "maxmemory", "1"])
            let single = await failure(client, ["SET", "a", "1"])
            #expect(single?.prefix == "OOM")
            let whole = await #expect(throws: RedisError.self) {
                try await client.transaction([["SET", "a", "1"], ["SET", "b", "1"]])
            }
            #expect(whole?.prefix == "OOM")
            #expect(whole?.isRetryable == true)
            #expect(whole?.mayHaveHappened == false)
            _ = try await client.send(["CONFIG", "SET", "maxmemory", "0"])
            #expect(try await client.send(["EXISTS", "a", "b"]).integer == 0)
            await client.close()
        }
    }

    @Test func aReplicaRefusesWritesAndIsAskedAgainAfterItsPromotion() async throws {
        try await PrivateRedis.with { server in
            let client = try client(server.url)
            _ = try await client.send(["REPLICAOF", "127.0.0.1", "1"])
            let error = await failure(client, ["SET", "a", "1"])
            #expect(error?.code == .server)
            #expect(error?.prefix == "READONLY")
            #expect(error?.isRetryable == true)
            _ = try await client.send(["REPLICAOF", "NO", "ONE"])
            #expect(try await client.send(["SET", "a", "1"]).string == "OK")
            await client.close()
        }
    }

    @Test func unixSocketsWork() async throws {
        try await PrivateRedis.with(options: ["--unixsocket", "redis.sock"]) { server in
            let client = try client("unix://\(server.directory.path)/redis.sock?db=2")
            #expect(try await client.send(["PING"]).string == "PONG")
            await client.close()
        }
    }

    /// Whatever happens to the server, every caller is told exactly one thing, and the truth: what was reported as done
    /// is done, and what was reported as not sent is not.
    @Test func everyCallerIsToldTheTruthInAStorm() async throws {
        try await PrivateRedis.with { server in
            let client = try client(server.url)
            let tally = Tally()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        while tally.done < 5_000 {
                            tally.count(await failure(client, ["INCR", "n"]))
                            await Task.yield()
                        }
                    }
                }
                group.addTask {
                    for step in 1...4 {
                        while tally.done < step * 1_000 { await Task.yield() }
                        server.kill()
                        try await server.start()
                    }
                }
                try await group.waitForAll()
            }
            let value = try await client.send(["GET", "n"]).integer ?? 0
            #expect(value >= tally.done)
            #expect(value <= tally.done + tally.uncertain)
            #expect(tally.others == 0)
            await client.close()
        }
    }
}

/// What callers were told.
private final class Tally: Sendable {
    private let counts = Mutex((done: 0, uncertain: 0, others: 0))

    var done: Int { counts.withLock { $0.done } }
    var uncertain: Int { counts.withLock { $0.uncertain } }
    var others: Int { counts.withLock { $0.others } }

    func count(_ error: RedisError?) {
        counts.withLock { counts in
            switch error?.code {
            case nil: counts.done += 1
            case .outcomeUnknown: counts.uncertain += 1
            case .unavailable: break
            // A server that starts says LOADING.
            case .server: if error?.prefix != "LOADING" { counts.others += 1 }
            default: counts.others += 1
            }
        }
    }
}
