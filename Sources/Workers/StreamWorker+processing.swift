import Domain
import Logging
import Metrics
import Postgres
import Redis
import Runtime
import Streams

/// From a batch in hand to its acknowledgement: what `BatchMachine` decides is done here.
extension StreamWorker {
    /// A batch that is tried for longer than this is told of.
    private static var patience: Duration { .seconds(5) }

    /// - Parameters:
    ///   - party: whose outages are told.
    ///   - trial: the entry, when it is tried alone.
    ///   - condemned: why nothing is to be applied any more.
    func process(
        _ batch: Batch, as party: String, trial: StreamID? = nil, condemned: String? = nil
    ) async throws {
        defer { lease.release(batch.holding) }
        let work =
            condemned.map { DecodedBatch<Handler.Item>(batch.deliveries, condemned: $0) }
            ?? handler.decode(batch.deliveries)
        var machine = BatchMachine(count: work.items.count, malformed: work.malformed)
        let began = ContinuousClock.now
        var pause = Pause()
        var isOnTrial = trial != nil
        var tidings: RedisPipeline = []
        while true {
            switch machine.next {
            case .finished: return
            case .wait:
                // Something else was at fault: dying now would prove nothing against the entry.
                if isOnTrial, let trial { isOnTrial = (try? await group.endTrial(of: trial)) == nil }
                // Entries that are not finished when the process stops are taken over by another.
                do { try await pause.wait() } catch { return }
                machine.waited()
            case .perform(let step):
                try await perform(step, of: work, as: party, since: began, &machine, &tidings)
                if machine.next != .wait { pause.reset() }
            }
        }
    }

    private func perform(
        _ step: BatchMachine.Step, of work: DecodedBatch<Handler.Item>, as party: String,
        since began: ContinuousClock.Instant, _ machine: inout BatchMachine, _ tidings: inout RedisPipeline
    ) async throws {
        do {
            switch step {
            case .apply(let places):
                let applied = try await handler.apply(work.items(places))
                metrics.recorded(work.entries(places), except: applied)
                tidings.add(applied.tidings)
                connections.postgresOutage.succeeded(party)
                connections.catalogOutage.succeeded(party)
                connections.contention.succeeded(party)
                machine.succeeded(
                    refusing: Dictionary(
                        uniqueKeysWithValues: applied.refused.map { (places[$0.key], $0.value) }))
            case .bury(let burials):
                try await bury(burials, of: work)
                connections.redisOutage.succeeded(party)
                machine.succeeded()
            case .acknowledge(let places):
                // First published, then acknowledged, in one round trip; what may have been told is not told again.
                let told = exchange(&tidings, with: [])
                try await group.acknowledge(places.map { work.deliveries[$0].entry.id }, after: told)
                connections.redisOutage.succeeded(party)
                machine.succeeded()
            }
        } catch let error as PostgresError where error.code == .cancelled {
            throw CancellationError()
        } catch let error as RedisError where error.code == .cancelled {
            throw CancellationError()
        } catch let error as PostgresError where error.isDataError {
            guard case .apply(let places) = step else {
                // Not the data of the batch: something is wrong with the tables.
                connections.postgresOutage.failed(error, of: party)
                return machine.unavailable()
            }
            machine.rejected(
                "SQLSTATE \(error.sqlState ?? "")\(error.constraint.map { ", \($0)" } ?? "")",
                suspecting: handler.suspicion(error, among: work.items, at: places))
        } catch let error as PostgresError {
            if error.isOutage || !error.isRetryable {
                connections.postgresOutage.failed(error, of: party)
            } else if .now - began > StreamWorker.patience {
                connections.contention.failed(error, of: party)
            }
            metrics.retries.increment()
            machine.unavailable()
        } catch let error as RedisError {
            connections.redisOutage.failed(error, of: party)
            machine.unavailable()
        } catch let error as CatalogUnusable {
            connections.catalogOutage.failed(error, of: party)
            machine.unavailable()
        }
    }

    private func bury(_ burials: [BatchMachine.Burial], of work: DecodedBatch<Handler.Item>) async throws {
        // Before the letter: whoever dies in between finds the entry pending, not a second letter to come.
        let items = work.items(burials.map(\.item))
        if !items.isEmpty { try await handler.willBury(items) }
        if work.isCondemned {
            for burial in burials { try await handler.willBury(unread: work.deliveries[burial.item].entry) }
        }
        let buried = try await letters.bury(
            burials.map { burial in
                let delivery = work.deliveries[burial.item]
                return DeadLetters.Burial(delivery.entry, error: burial.reason, deliveries: delivery.deliveries)
            }, from: group, at: .now)
        guard buried > 0, let first = burials.first else { return }
        let entry = work.deliveries[first.item].entry
        var metadata: Logger.Metadata = [
            "stream": "\(group.stream)", "count": "\(buried)", "first": "\(entry.id): \(first.reason)",
        ]
        for name: StaticString in ["event_id", "traceparent", "request_id"] {
            if let value = entry[name] { metadata["\(name)"] = "\(value)" }
        }
        let origin = EventOrigin(traceparent: entry["traceparent"], requestID: nil)
        if let trace = origin.traceID { metadata["trace_id"] = "\(trace)" }
        logger.warning("dead letters", metadata: metadata)
        metrics.letters.increment(by: buried)
        handler.buried(items)
    }
}
