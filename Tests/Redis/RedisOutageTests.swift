import Foundation
import Redis
import TestSupport
import Testing

@Suite struct RedisOutageTests {
    private func client(
        _ url: String, _ adjust: (inout RedisConfiguration) -> Void = { _ in }
    ) throws -> RedisClient {
        var configuration = try RedisConfiguration(url: url)
        configuration.connectTimeout = .milliseconds(400)
        configuration.commandTimeout = .milliseconds(800)
        adjust(&configuration)
        return RedisClient(configuration, logger: TestLog.logger)
    }

    private func failure(of body: () async throws(RedisError) -> Void) async -> RedisError? {
        do {
            try await body()
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
            let error = await failure { () throws(RedisError) in _ = try await client.send(["GET", "secret-key"]) }
            #expect(error?.code == .unavailable)
            #expect(error?.operation == "GET")
            #expect(error?.isRetryable == true)
            #expect(error?.description.contains("secret-key") == false)
        }
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(!client.isConnected)
        await client.close()
    }

    @Test func aNameThatDoesNotExist() async throws {
        let client = try client("redis://no-such-host.invalid")
        let error = await failure { () throws(RedisError) in _ = try await client.send(["PING"]) }
        #expect(error?.code == .unavailable)
        await client.close()
    }

    @Test func aKilledServerLeavesSentCommandsInDoubtAndIsFoundAgain() async throws {
        try await PrivateRedis.with { server in
            let client = try client(server.url)
            let observer = try self.client(server.url) { $0.clientName = "observer" }
            let waiting = Task { await failure { () throws(RedisError) in _ = try await client.send(["BLPOP", "q", 5]) } }
            try await waitUntilBlocked("questline", observer)
            server.kill()
            #expect(await waiting.value?.code == .outcomeUnknown)
            let away = await failure { () throws(RedisError) in _ = try await client.send(["PING"]) }
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
            let client = try client(server.url)
            _ = try await client.send(["SET", "a", "1"])
            server.freeze()
            let start = ContinuousClock.now
            let errors = await withTaskGroup(of: RedisError?.self) { group in
                for _ in 0..<50 {
                    group.addTask { await failure { () throws(RedisError) in _ = try await client.send(["INCR", "a"]) } }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(errors.count == 50)
            for error in errors { #expect(error?.code == .outcomeUnknown || error?.code == .unavailable) }
            #expect(ContinuousClock.now - start < .seconds(2))
            // A connection that the kernel accepts is not a server that answers.
            let later = await failure { () throws(RedisError) in _ = try await client.send(["INCR", "a"]) }
            #expect(later?.code == .unavailable)
            server.thaw()
            try await waitUntilAnswered(client)
            await client.close()
        }
    }

    @Test func cancellationDoesNotWaitForAFrozenServer() async throws {
        try await PrivateRedis.with { server in
            let client = try client(server.url) { $0.commandTimeout = .seconds(30) }
            _ = try await client.send(["PING"])
            server.freeze()
            let start = ContinuousClock.now
            let tasks = (0..<10).map { _ in
                Task { await failure { () throws(RedisError) in _ = try await client.send(["PING"]) } }
            }
            for task in tasks { task.cancel() }
            for task in tasks { #expect(await task.value?.code == .cancelled) }
            let closing = Task { await client.close() }
            closing.cancel()
            await closing.value
            #expect(ContinuousClock.now - start < .seconds(1))
        }
    }

    @Test func wrongPasswordIsSaidAndNotRetried() async throws {
        try await PrivateRedis.with(options: ["--requirepass", "right"]) { server in
            let wrong = try client("redis://:hunter2@127.0.0.1:\(server.port)")
            let error = await failure { () throws(RedisError) in _ = try await wrong.send(["PING"]) }
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
            let single = await failure { () throws(RedisError) in _ = try await client.send(["SET", "a", "1"]) }
            #expect(single?.prefix == "OOM")
            let whole = await failure { () throws(RedisError) in
                _ = try await client.transaction([["SET", "a", "1"], ["SET", "b", "1"]])
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
            let error = await failure { () throws(RedisError) in _ = try await client.send(["SET", "a", "1"]) }
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

    private func waitUntilBlocked(_ name: String, _ observer: RedisClient) async throws {
        while true {
            let list = try await observer.send(["CLIENT", "LIST"]).string ?? ""
            if list.split(separator: "\n").contains(where: { $0.contains("name=\(name) ") && $0.contains("flags=b") }) {
                return
            }
            await Task.yield()
        }
    }
}
