import Logging
import Reactor
import Synchronization

/// Carries out what the queue decides: one task serves the queue while it is not empty, another wakes at deadlines.
extension RedisClient {
    func admit(_ call: RedisCall) {
        let admission = state.withLock { state in
            let admission = state.queue.admit(call, now: .now)
            if case .accepted(startPump: true, _) = admission {
                state.pump = Task.detached(executorPreference: configuration.executor) { await self.serve() }
            }
            return admission
        }
        switch admission {
        case .refused(let error): call.fail(error)
        case .accepted(_, let startClock): if startClock { startWatching(at: call.deadline) }
        }
    }

    private func serve() async {
        var connection = takeParked()
        while true {
            if connection == nil { connection = await connect() }
            guard let open = connection else {
                if endService(parking: nil) { return }
                continue
            }
            // Whoever runs on the same thread and is about to call goes along.
            if configuration.executor != nil { await Task.yield() }
            let calls = state.withLock { $0.queue.takeGroup() }
            if calls.isEmpty {
                if endService(parking: open) { return }
                continue
            }
            if await !exchange(calls, on: open) { connection = nil }
        }
    }

    /// The connection of the last service if it still stands: a server that restarted meanwhile is noticed here, before
    /// anything is sent that could be in doubt.
    private func takeParked() -> RedisConnection? {
        state.withLock { state in
            defer { state.parked = nil }
            guard let parked = state.parked, parked.isQuiet else {
                state.isConnected = false
                return nil
            }
            return parked
        }
    }

    /// Tries once. Whoever waits is told of a failure at once, and so is whoever comes during the backoff.
    private func connect() async -> RedisConnection? {
        do {
            let connection = try await connector.connect()
            state.withLock { state in
                state.backoff.reset()
                state.queue.connected()
                state.isConnected = true
            }
            logger.debug("connected to Redis", metadata: ["server": "\(configuration)"])
            return connection
        } catch {
            let failed = state.withLock { state in
                let until = ContinuousClock.now + state.backoff.next()
                return state.queue.connectFailed(error, until: until)
            }
            logger.debug("cannot connect to Redis", metadata: ["reason": "\(error.detail)"])
            for call in failed { call.fail(detail: error.detail, prefix: error.prefix) }
            return nil
        }
    }

    /// - Returns: whether the connection can be used again.
    private func exchange(_ calls: [RedisCall], on connection: RedisConnection) async -> Bool {
        var group = WireGroup(calls)
        do {
            try await connection.exchange(&group, silence: configuration.commandTimeout)
            let (commands, sawReadOnly) = (group.commands, group.sawReadOnly)
            return state.withLock { state in
                state.queue.settle(commands: commands)
                guard sawReadOnly else { return true }
                // After a failover the name may lead to the new master; asking once a second is enough.
                let now = ContinuousClock.now
                if let last = state.lastReadOnlyReconnect, now < last + .seconds(1) { return true }
                state.lastReadOnlyReconnect = now
                state.isConnected = false
                return false
            }
        } catch {
            let (unsent, settled) = group.breakUp(error)
            state.withLock { state in
                state.isConnected = false
                state.queue.settle(commands: settled)
                state.queue.putBack(unsent)
            }
            logger.debug("lost the connection to Redis", metadata: ["reason": "\(error.detail)"])
            return false
        }
    }

    /// - Returns: false if calls came meanwhile.
    private func endService(parking connection: RedisConnection?) -> Bool {
        state.withLock { state in
            guard state.queue.endService() else { return false }
            state.parked = connection
            state.pump = nil
            return true
        }
    }

    private func startWatching(at deadline: ContinuousClock.Instant) {
        Task.detached { [weak self] in
            var next = deadline
            while true {
                try? await Task.sleep(until: next)
                guard let later = self?.expire(next) else { return }
                next = later
            }
        }
    }

    /// - Returns: when to look again.
    private func expire(_ clock: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        let (late, next) = state.withLock { $0.queue.expire(now: .now, clock: clock) }
        for call in late { call.fail(detail: "no answer in time") }
        return next
    }
}
