import Testing

@testable import Redis

@Suite struct CallQueueTests {
    private let now = ContinuousClock.now

    private func call(_ name: String = "PING", commands: Int = 1, within timeout: Duration = .seconds(5)) -> RedisCall {
        RedisCall(
            name, RedisPipeline(repeatElement(RedisCommand(name), count: commands)).wire, isAtomic: commands == 1,
            deadline: now + timeout)
    }

    private func isAccepted(_ admission: CallQueue.Admission) -> Bool {
        if case .accepted = admission { true } else { false }
    }

    private func refusal(_ admission: CallQueue.Admission) -> RedisError? {
        if case .refused(let error) = admission { error } else { nil }
    }

    @Test func startsOnePumpAndOneClock() {
        var queue = CallQueue(limit: 10)
        guard case .accepted(true, true) = queue.admit(call(), now: now) else {
            Issue.record("first")
            return
        }
        guard case .accepted(false, false) = queue.admit(call(), now: now) else {
            Issue.record("second")
            return
        }
        #expect(queue.takeGroup().count == 2)
        #expect(queue.takeGroup().isEmpty)
        let ended = queue.endService()
        #expect(ended)
        guard case .accepted(true, false) = queue.admit(call(), now: now) else {
            Issue.record("third")
            return
        }
        let endedAgain = queue.endService()
        #expect(!endedAgain)
    }

    @Test func refusesWhenFullUntilRepliesCome() {
        var queue = CallQueue(limit: 3)
        #expect(isAccepted(queue.admit(call(commands: 2), now: now)))
        #expect(isAccepted(queue.admit(call(), now: now)))
        #expect(refusal(queue.admit(call(), now: now))?.code == .queueFull)
        let group = queue.takeGroup()
        #expect(group.count == 2)
        #expect(refusal(queue.admit(call(), now: now))?.code == .queueFull)
        queue.settle(commands: 3)
        #expect(isAccepted(queue.admit(call(), now: now)))
    }

    @Test func cancelledCallsGiveTheirPlaceUpAndAreNotSent() {
        var queue = CallQueue(limit: 1)
        let first = call()
        _ = queue.admit(first, now: now)
        first.fail(RedisError(.cancelled, "PING", ""))
        let second = call()
        #expect(isAccepted(queue.admit(second, now: now)))
        let third = call()
        #expect(refusal(queue.admit(third, now: now))?.code == .queueFull)
        second.fail(RedisError(.cancelled, "PING", ""))
        #expect(queue.takeGroup().isEmpty)
        #expect(queue.outstanding == 0)
    }

    @Test func refusesAtOnceDuringBackoff() {
        var queue = CallQueue(limit: 10)
        let waiting = call()
        _ = queue.admit(waiting, now: now)
        let failed = queue.connectFailed(RedisError(.unavailable, "connect", "refused"), until: now + .seconds(1))
        #expect(failed.count == 1)
        #expect(queue.outstanding == 0)
        let error = refusal(queue.admit(call("GET"), now: now))
        #expect(error?.code == .unavailable)
        #expect(error?.operation == "GET")
        #expect(error?.detail == "refused")
        #expect(isAccepted(queue.admit(call(), now: now + .seconds(1))))
        queue.connected()
        #expect(isAccepted(queue.admit(call(), now: now)))
    }

    @Test func expiresInOrderAndSaysWhenToLookAgain() {
        var queue = CallQueue(limit: 10)
        let calls = [call(within: .seconds(1)), call(within: .seconds(2)), call(within: .seconds(3))]
        for call in calls { _ = queue.admit(call, now: now) }
        calls[0].fail(RedisError(.cancelled, "", ""))
        let early = queue.expire(now: now, clock: calls[0].deadline)
        #expect(early.late.isEmpty)
        #expect(early.next == calls[1].deadline)
        let later = queue.expire(now: now + .seconds(2), clock: calls[1].deadline)
        #expect(later.late.count == 1 && later.late[0] === calls[1])
        #expect(later.next == calls[2].deadline)
        calls[2].fail(RedisError(.cancelled, "", ""))
        #expect(queue.expire(now: now, clock: calls[2].deadline).next == nil)
        guard case .accepted(_, true) = queue.admit(call(), now: now) else {
            Issue.record("clock")
            return
        }
    }

    /// A call with less time than those before it has a clock of its own, and the clock before it gives way.
    @Test func shortDeadlinesAreSeenInTime() {
        var queue = CallQueue(limit: 10)
        let (long, short) = (call(within: .seconds(5)), call(within: .seconds(1)))
        _ = queue.admit(long, now: now)
        guard case .accepted(_, true) = queue.admit(short, now: now),
            case .accepted(_, false) = queue.admit(call(within: .seconds(2)), now: now)
        else {
            Issue.record("clock")
            return
        }
        let superseded = queue.expire(now: now + .seconds(1), clock: long.deadline)
        #expect(superseded.late.isEmpty && superseded.next == nil)
        let first = queue.expire(now: now + .seconds(1), clock: short.deadline)
        #expect(first.late.count == 1 && first.late[0] === short)
        #expect(first.next == now + .seconds(2))
        #expect(queue.expire(now: now + .seconds(2), clock: now + .seconds(2)).next == long.deadline)
        #expect(queue.expire(now: now + .seconds(5), clock: long.deadline).late.count == 1)
    }

    @Test func watchesNoMoreThanIsOutstanding() {
        var queue = CallQueue(limit: 10)
        for _ in 0..<10_000 {
            _ = queue.admit(call(), now: now)
            for call in queue.takeGroup() { call.fail(RedisError(.cancelled, "", "")) }
            queue.settle(commands: 1)
        }
        #expect(queue.watchedCount <= 130)
        #expect(queue.outstanding == 0)
    }

    @Test func admitsNothingWhenClosed() {
        var queue = CallQueue(limit: 10)
        _ = queue.admit(call(), now: now)
        queue.close()
        #expect(refusal(queue.admit(call(), now: now))?.code == .unavailable)
        #expect(queue.takeGroup().count == 1)
    }
}

@Suite struct WireGroupTests {
    private func call(_ names: [String], isAtomic: Bool) -> RedisCall {
        RedisCall(
            names[0], RedisPipeline(names.map { RedisCommand($0) }).wire, isAtomic: isAtomic,
            deadline: .now + .seconds(5))
    }

    private let ok = RedisReply(parsing: Array("+OK\r\n".utf8))
    private let lost = RedisError(.outcomeUnknown, "connection", "lost")

    private func code(_ call: RedisCall) -> RedisError.Code? {
        if case .failure(let error) = call.outcome { error.code } else { nil }
    }

    @Test func givesRepliesInOrder() throws {
        let ok = try #require(ok)
        let calls = [call(["A"], isAtomic: true), call(["B", "C"], isAtomic: false)]
        var group = WireGroup(calls)
        #expect(group.commands == 3)
        for _ in 0..<3 {
            #expect(!group.isAnswered)
            let isWanted = group.take(ok)
            #expect(isWanted)
        }
        #expect(group.isAnswered)
        let isWanted = group.take(ok)
        #expect(!isWanted)
        #expect(try calls[0].outcome?.get().count == 1)
        #expect(try calls[1].outcome?.get().count == 2)
    }

    /// For every number of bytes that left: a call is uncertain only if the server could act on it.
    @Test func breakTellsSentFromUnsent() {
        let sizes = [11, 22, 22].reduce(into: [0]) { $0.append($0.last! + $1) }
        for sent in 0...55 {
            let calls = [
                call(["A"], isAtomic: true), call(["B", "C"], isAtomic: false), call(["D", "E"], isAtomic: true),
            ]
            for call in calls { #expect(call.beginSending()) }
            var group = WireGroup(calls)
            #expect(group.bytes.count == sizes[3])
            group.sent = sent
            let (unsent, settled) = group.breakUp(lost)
            let uncertain = [sent >= 11, sent >= 22, sent >= 55]
            for (call, isUncertain) in zip(calls, uncertain) {
                #expect((code(call) == .outcomeUnknown) == isUncertain)
                #expect(unsent.contains { $0 === call } == !isUncertain)
            }
            #expect(settled + unsent.reduce(0) { $0 + $1.commands } == 5)
        }
    }

    @Test func dropsRepliesOfThoseWhoLeft() throws {
        let ok = try #require(ok)
        let calls = [call(["A"], isAtomic: true), call(["B"], isAtomic: true)]
        var group = WireGroup(calls)
        calls[0].fail(RedisError(.cancelled, "A", ""))
        _ = group.take(ok)
        #expect(calls[1].outcome == nil)
        _ = group.take(ok)
        #expect(code(calls[0]) == .cancelled)
        #expect(calls[1].outcome != nil)
    }

    @Test func noticesReadOnlyServers() throws {
        var group = WireGroup([call(["SET"], isAtomic: true)])
        _ = group.take(try #require(RedisReply(parsing: Array("-READONLY You can't write\r\n".utf8))))
        #expect(group.sawReadOnly)
    }
}
