import Redis
import TestSupport
import Testing

/// Whatever a server says: an error, never a trap, a mix-up or a wait without end.
@Suite struct OddServerTests {
    private func client(_ server: ScriptedServer) throws -> RedisClient {
        var configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(server.port)")
        // Long enough for a busy machine: here the connection must stand before the deadline comes.
        configuration.connectTimeout = .seconds(20)
        configuration.commandTimeout = .seconds(10)
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

    @Test(arguments: [
        "hello\r\n", "$abc\r\n", "*2\r\n$1\r\n", "$5\r\nab", "\0\0\0\r\n", ":12a\r\n",
        "*1\r\n:1\r\n+extra\r\n+extra\r\n",
        "*-7\r\n", "$-9\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "(123\r\n",
        "%1\r\n+a\r\n+b\r\n",
    ])
    func nonsenseEndsInAnError(text: String) async throws {
        try await ScriptedServer.with(.init { $0 == "GET" ? .bytes(text) : .bytes("+PONG\r\n") }) { server in
            let client = try client(server)
            let start = ContinuousClock.now
            // Some of these are replies to hiredis (a null, a map); then the next command must still get its own.
            if let error = await failure(client, ["GET", "x"]) {
                #expect([.outcomeUnknown, .protocolViolation, .server].contains(error.code))
            }
            #expect(ContinuousClock.now - start < .seconds(30))
            var pong: String?
            while pong == nil { pong = try? await client.send(["PING"]).string }
            #expect(pong == "PONG")
            await client.close()
        }
    }

    @Test func hangingUpInMidReplyLeavesTheOutcomeUnknown() async throws {
        let script = ScriptedServer.Script { $0 == "PING" ? .bytes("+PONG\r\n") : .bytesThenClose("$100\r\nabc") }
        try await ScriptedServer.with(script) { server in
            let client = try client(server)
            #expect(await failure(client, ["INCR", "x"])?.code == .outcomeUnknown)
            #expect(try await client.send(["PING"]).string == "PONG")
            await client.close()
        }
    }

    @Test func hangingUpAfterSomeRepliesLeavesAPipelineInDoubt() async throws {
        let script = ScriptedServer.Script { $0 == "A" ? .bytes(":1\r\n") : .bytesThenClose("") }
        try await ScriptedServer.with(script) { server in
            let client = try client(server)
            #expect(try await client.send(["A"]).integer == 1)
            let error = await #expect(throws: RedisError.self) { try await client.pipeline([["A"], ["B"]]) }
            #expect(error?.code == .outcomeUnknown)
            let again = try await client.send(["A"])
            #expect(again.integer == 1)
            await client.close()
        }
    }

    @Test(arguments: ["LOADING Redis is loading the dataset in memory", "MISCONF Redis is configured to save RDB"])
    func passingErrorsAreRetryable(message: String) async throws {
        try await ScriptedServer.with(.init { _ in .bytes("-\(message)\r\n") }) { server in
            let client = try client(server)
            let error = await failure(client, ["SET", "a", "1"])
            #expect(error?.code == .server)
            #expect(error?.prefix == message.split(separator: " ").first.map(String.init))
            #expect(error?.isRetryable == true)
            await client.close()
        }
    }

    @Test func silenceAtTheGreetingIsUnavailable() async throws {
        try await ScriptedServer.with(.init { _ in .silence }) { server in
            var configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(server.port)/1")
            configuration.connectTimeout = .milliseconds(200)
            let client = RedisClient(configuration, logger: TestLog.logger)
            let start = ContinuousClock.now
            let error = await failure(client, ["GET", "x"])
            #expect(error?.code == .unavailable)
            #expect(ContinuousClock.now - start < .seconds(30))
            await client.close()
        }
    }

    @Test func transactionsWithTooFewResultsAreAViolation() async throws {
        let script = ScriptedServer.Script { .bytes($0 == "EXEC" ? "*1\r\n:1\r\n" : "+OK\r\n") }
        try await ScriptedServer.with(script) { server in
            let client = try client(server)
            let error = await #expect(throws: RedisError.self) { try await client.transaction([["A"], ["B"]]) }
            #expect(error?.code == .protocolViolation)
            await client.close()
        }
    }
}
